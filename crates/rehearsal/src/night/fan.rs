//! Who comes: everything about a fan that does not depend on the server, drawn from the seed.

use std::f64::consts::TAU;
use std::time::Duration;

use fastrand::Rng;

use super::curve::Curve;

/// How many come together, in hundredths: pairs before singles, and fours before threes.
const PARTIES: [(u32, u32); 4] = [(1, 30), (2, 45), (3, 8), (4, 17)];
/// Hundredths of the fans who take seats from the map; the others take the best that are to be had.
const BY_MAP: u32 = 60;
/// Median seconds that fans look at the map before they choose.
const LOOKS: f64 = 8.0;
/// Median seconds before they choose again, when others were faster.
const CHOOSES_AGAIN: f64 = 3.0;
/// Median seconds between getting seats and paying them.
const PAYS: f64 = 12.0;
/// Median seconds after which those go who give up in line.
const WAITS: f64 = 60.0;
/// How far the times of fans lie apart: the slowest of a hundred takes four times the median.
const SPREAD: f64 = 0.6;

/// What all fans have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Crew {
    /// How many come.
    pub fans: usize,
    /// When.
    pub curve: Curve,
    /// What everything about them is drawn from.
    pub seed: u64,
    /// Every time to think is multiplied by this.
    pub thinking: f64,
    /// Percent of the fans who give up somewhere on their way.
    pub give_up_percent: u32,
    /// Percent of the fans who follow streams.
    pub streaming_percent: u32,
    /// The most seats that one fan may have.
    pub party_max: u32,
    /// On how many schedules seats are sold.
    pub schedules: usize,
}

/// How a fan chooses seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picks {
    /// From the map, by number.
    FromMap,
    /// The best that are to be had, chosen by the server.
    Best,
}

/// What a fan gives up over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surrender {
    /// Leaves the line after so long.
    LeavesLine(Duration),
    /// Vanishes from the line after so long, without a word.
    Vanishes(Duration),
    /// Looks at the map and takes nothing.
    TakesNothing,
    /// Takes seats and gives them back.
    GivesBack,
    /// Takes seats and lets the hold lapse.
    LetsLapse,
}

/// One fan.
#[derive(Debug, Clone, PartialEq)]
pub struct Fan {
    /// From the opening of the sale.
    pub comes: Duration,
    /// How many seats they want.
    pub party: u32,
    /// How they choose them.
    pub picks: Picks,
    /// Which schedule they want first.
    pub schedule: usize,
    /// Where in the hall they look first: 0 in front, 1 at the back. Most look in front, and so they collide.
    pub place: f64,
    /// Before choosing.
    pub looks: Duration,
    /// Before choosing again.
    pub chooses_again: Duration,
    /// Before paying.
    pub pays: Duration,
    /// What they give up over, if they do.
    pub surrender: Option<Surrender>,
    /// Whether they follow their place, and the map, on streams and do not ask again and again.
    pub streams: bool,
}

impl Fan {
    /// How long they stay in line at the most, if they do not stay to the end.
    pub fn patience(&self) -> Option<Duration> {
        match self.surrender {
            Some(Surrender::LeavesLine(patience) | Surrender::Vanishes(patience)) => Some(patience),
            _ => None,
        }
    }
}

impl Crew {
    /// The fan of this number, 0 to `fans`: always the same.
    pub fn fan(&self, number: usize) -> Fan {
        // A generator for each: a draw more for one changes nobody else.
        let mut rng = Rng::with_seed(self.seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // One fan in each slice of the crowd, so that a small crowd has the shape of a large one.
        let share = (number as f64 + rng.f64()) / self.fans.max(1) as f64;
        let comes = self.curve.at(share);
        let party = party(&mut rng).clamp(1, self.party_max.max(1));
        let picks = if rng.u32(0..100) < BY_MAP { Picks::FromMap } else { Picks::Best };
        let schedule = rng.usize(0..self.schedules.max(1));
        let place = rng.f64().powi(2);
        let mut time = |median: f64| seconds(median * self.thinking * log_normal(&mut rng));
        let (looks, chooses_again, pays, waits) = (time(LOOKS), time(CHOOSES_AGAIN), time(PAYS), time(WAITS));
        let kind = rng.u32(0..5);
        let surrender = (rng.u32(0..100) < self.give_up_percent).then_some(match kind {
            0 => Surrender::LeavesLine(waits),
            1 => Surrender::Vanishes(waits),
            2 => Surrender::TakesNothing,
            3 => Surrender::GivesBack,
            _ => Surrender::LetsLapse,
        });
        // Drawn last, so that a crowd with streams is the crowd without, but for them.
        let streams = rng.u32(0..100) < self.streaming_percent;
        Fan { comes, party, picks, schedule, place, looks, chooses_again, pays, surrender, streams }
    }
}

fn party(rng: &mut Rng) -> u32 {
    let mut drawn = rng.u32(0..100);
    for (size, share) in PARTIES {
        if drawn < share {
            return size;
        }
        drawn -= share;
    }
    1
}

/// Around 1, always above 0, with a tail of the slow.
fn log_normal(rng: &mut Rng) -> f64 {
    // Box-Muller; 1 - x, because the logarithm of 0 is none.
    let normal = (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (TAU * rng.f64()).cos();
    (SPREAD * normal).exp()
}

/// A time that no arithmetic of floats can have made endless.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_hours(1)).min(Duration::from_hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crew(seed: u64) -> Crew {
        Crew {
            fans: 2_000,
            curve: Curve::new(Duration::from_mins(5)),
            seed,
            thinking: 1.0,
            give_up_percent: 10,
            streaming_percent: 30,
            party_max: 4,
            schedules: 2,
        }
    }

    fn all(crew: &Crew) -> Vec<Fan> {
        (0..crew.fans).map(|number| crew.fan(number)).collect()
    }

    #[test]
    fn a_seed_draws_the_same_crowd_again_and_another_draws_another() {
        assert_eq!(all(&crew(7)), all(&crew(7)));
        assert_ne!(all(&crew(7)), all(&crew(8)));
    }

    #[test]
    fn the_crowd_is_what_it_is_said_to_be() {
        let fans = all(&crew(1));
        let share = |is: &dyn Fn(&Fan) -> bool| fans.iter().filter(|fan| is(fan)).count() as f64 / 2_000.0;
        let near = |share: f64, wanted: f64| (share - wanted).abs() < 0.03;
        assert!(near(share(&|fan| fan.comes < Duration::from_mins(1)), 0.6), "the burst");
        assert!(near(share(&|fan| fan.surrender.is_some()), 0.1), "who gives up");
        assert!(near(share(&|fan| fan.picks == Picks::FromMap), 0.6), "who takes from the map");
        assert!(near(share(&|fan| fan.streams), 0.3), "who follows streams");
        assert!(near(share(&|fan| fan.party == 2), 0.45), "pairs");
        assert!(near(share(&|fan| fan.schedule == 0), 0.5), "schedules");
        assert!(near(share(&|fan| fan.looks < Duration::from_secs(8)), 0.5), "the median of looking");
        assert!(fans.iter().all(|fan| (1..=4).contains(&fan.party) && (0.0..1.0).contains(&fan.place)));
    }

    #[test]
    fn nobody_wants_more_than_one_fan_may_have() {
        let crew = Crew { party_max: 2, ..crew(3) };
        assert!(all(&crew).iter().all(|fan| fan.party <= 2));
    }

    #[test]
    fn another_share_of_those_who_give_up_changes_nothing_else() {
        let stubborn = Crew { give_up_percent: 0, streaming_percent: 0, ..crew(5) };
        for (fan, other) in all(&crew(5)).into_iter().zip(all(&stubborn)) {
            assert_eq!(Fan { surrender: None, streams: false, ..fan }, other);
        }
    }
}
