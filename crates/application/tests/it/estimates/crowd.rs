//! A night that sells out: a crowd that comes within minutes, fans who think as people do, and a stock that ends.
//!
//! It has the shape of a rehearsal with `frontrow rehearse` (docs/rehearsal.md): three fifths come within the first fifth
//! of the time, thinking is log-normal, others are faster the oftener the fewer seats are left, one in ten gives up
//! somewhere. Whoever will be let in has joined long before the line has a history.

use std::collections::BTreeMap;
use std::sync::Arc;

use frontrow_application::queue::EmbeddedLine;
use frontrow_application::waiting_room::{EstimateHits, LinePolicy, Newcomer, Pass, WaitingRoom};
use frontrow_domain::catalog::WaitingRoomSettings;
use frontrow_domain::queue::{EndReason, PlaceState, RoomState};
use frontrow_domain::{EntryId, UserId};
use frontrow_testkit::ManualClock;
use frontrow_testkit::clock::Dice;
use frontrow_testkit::line::MemoryJournal;
use uuid::Uuid;

use super::{CONCERT, add};

/// Steps of the night a second: the line ticks once in each.
const STEPS: u32 = 4;
/// How steep the front of the crowd is; as in the rehearsal.
const STEEPNESS: f64 = 4.5;
/// How often a fan tries to get seats.
const TRIES: u32 = 8;

/// What a night is like.
#[derive(Clone, Copy)]
pub(super) struct Sale {
    /// What the operator has set.
    pub(super) settings: WaitingRoomSettings,
    pub(super) fans: u32,
    /// Seconds within which they come.
    pub(super) over: u32,
    pub(super) seats: u32,
    /// How slowly fans think: 1.0 is as slow as people are.
    pub(super) thinking: f64,
    /// Seconds after which a hold that is not paid gives its seats back.
    pub(super) hold_seconds: u32,
    /// In a hundred: fans who give up, a fifth of them each leaving the line, vanishing from it, taking nothing, giving
    /// back, and letting a hold lapse.
    pub(super) give_up_percent: u32,
}

#[derive(Clone, Copy)]
enum Doing {
    Comes,
    Asks,
    Chooses { tries: u32 },
    Pays,
    Lapses,
}

struct Fan {
    doing: Doing,
    pass: Option<Pass>,
    party: u32,
    surrender: Option<u32>,
    gives_up_at: u32,
}

struct Night {
    sale: Sale,
    line: Arc<EmbeddedLine>,
    clock: ManualClock,
    dice: Dice,
    fans: Vec<Fan>,
    /// Who does something, by step.
    due: BTreeMap<u32, Vec<usize>>,
    available: u32,
    held: u32,
    step: u32,
}

/// What came of a night.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) hits: EstimateHits,
    /// Those of them who were let in before nothing was left for the first time. Whoever comes in later does so because a
    /// hold has lapsed, and nobody can know that.
    pub(super) before_pause: EstimateHits,
    /// Seconds until the last seat was paid.
    pub(super) sold_out_after: Option<u32>,
    has_paused: bool,
}

/// Runs a night until nothing is left or everybody is gone.
pub(super) async fn run(sale: Sale) -> Told {
    let clock = ManualClock::default();
    let line = EmbeddedLine::open(MemoryJournal::new(), Arc::new(clock.clone())).expect("opens");
    let mut night = Night {
        sale,
        line,
        clock,
        dice: Dice::new(11),
        fans: Vec::new(),
        due: BTreeMap::new(),
        available: sale.seats,
        held: 0,
        step: 0,
    };
    for number in 0..sale.fans {
        night.invite(number);
    }
    let mut told = Told::default();
    while told.sold_out_after.is_none() && !night.due.is_empty() {
        let state = if night.available == 0 { RoomState::SoldOut } else { RoomState::Open };
        let policy = LinePolicy {
            settings: sale.settings,
            state,
            hold_seconds: sale.hold_seconds,
            seats_left: night.available,
        };
        let figures = night.line.tick(CONCERT, policy).await.expect("ticks");
        add(&mut told.hits, figures.estimates);
        if state == RoomState::Open && !told.has_paused {
            add(&mut told.before_pause, figures.estimates);
        }
        told.has_paused |= state != RoomState::Open;
        for fan in night.due.remove(&night.step).unwrap_or_default() {
            night.act(fan).await;
        }
        night.step += 1;
        night.clock.advance_micros(1_000_000 / i64::from(STEPS));
        told.sold_out_after = (night.available + night.held == 0).then_some(night.step / STEPS);
    }
    told
}

impl Night {
    fn invite(&mut self, number: u32) {
        let share = (f64::from(number) + self.unit()) / f64::from(self.sale.fans);
        let comes = -(1.0 - share * (1.0 - (-STEEPNESS).exp())).ln() / STEEPNESS * f64::from(self.sale.over);
        let party = match self.dice.below(100) {
            0..30 => 1,
            30..75 => 2,
            75..83 => 3,
            _ => 4,
        };
        let gives_up = self.dice.percent(self.sale.give_up_percent);
        let surrender = gives_up.then(|| self.dice.below(5));
        let gives_up_at = self.steps(60.0);
        self.fans.push(Fan { doing: Doing::Comes, pass: None, party, surrender, gives_up_at });
        self.later(self.fans.len() - 1, steps_of(comes));
    }

    /// A share of one, never zero.
    fn unit(&mut self) -> f64 {
        f64::from(self.dice.below(1 << 24) + 1) / f64::from(1 << 24)
    }

    /// How long a fan thinks, in steps, around a median of so many seconds.
    fn steps(&mut self, median: f64) -> u32 {
        // Box-Muller, with the spread of the rehearsal.
        let normal = (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos();
        steps_of(median * self.sale.thinking * (0.6 * normal).exp())
    }

    fn later(&mut self, fan: usize, steps: u32) {
        self.due.entry(self.step + steps).or_default().push(fan);
    }

    fn does(&mut self, fan: usize, doing: Doing, steps: u32) {
        self.fans[fan].doing = doing;
        // What comes next is a request of its own, so it is not in the same step.
        self.later(fan, steps.max(1));
    }

    async fn act(&mut self, fan: usize) {
        match self.fans[fan].doing {
            Doing::Comes => self.come(fan).await,
            Doing::Asks => self.ask(fan).await,
            Doing::Chooses { tries } => self.choose(fan, tries).await,
            Doing::Pays => self.pay(fan).await,
            Doing::Lapses => self.give_back(fan),
        }
    }

    async fn come(&mut self, fan: usize) {
        let number = fan as u128 + 1;
        let user = UserId::new(Uuid::from_u128(number));
        let newcomer = Newcomer { user, entry: EntryId::new(Uuid::from_u128(number << 8)) };
        let joined = self.line.join(CONCERT, newcomer, Ok(())).await.expect("answers").expect("a place");
        self.fans[fan].pass = Some(Pass::of(&joined.standing.place));
        self.fans[fan].gives_up_at += self.step;
        self.does(fan, Doing::Asks, joined.standing.poll_after_seconds * STEPS);
    }

    async fn ask(&mut self, fan: usize) {
        let Fan { pass: Some(pass), surrender, gives_up_at, .. } = self.fans[fan] else { return };
        let standing = self.line.standing(pass).await.expect("answers").expect("known");
        match standing.place.state {
            PlaceState::Active(_) => {
                self.line.enter(pass).await.expect("answers").expect("let in");
                if surrender == Some(2) {
                    return self.leave(fan, EndReason::Left).await;
                }
                let looks = self.steps(8.0);
                self.does(fan, Doing::Chooses { tries: 0 }, looks);
            }
            PlaceState::Waiting | PlaceState::Skipped => match surrender {
                Some(0) if self.step >= gives_up_at => self.leave(fan, EndReason::Left).await,
                Some(1) if self.step >= gives_up_at => {}
                _ => self.does(fan, Doing::Asks, standing.poll_after_seconds * STEPS),
            },
            PlaceState::Ended { .. } => {}
        }
    }

    async fn choose(&mut self, fan: usize, tries: u32) {
        let Fan { pass: Some(pass), party, surrender, .. } = self.fans[fan] else { return };
        if self.line.enter(pass).await.expect("answers").is_err() {
            return;
        }
        // The fewer seats are left, the oftener somebody else was faster.
        let taken = 1.0 - f64::from(self.available) / f64::from(self.sale.seats);
        let is_outrun = self.unit() < 0.75 + 0.2 * taken;
        if is_outrun || self.available < party {
            if tries + 1 == TRIES {
                return self.leave(fan, EndReason::Left).await;
            }
            let again = self.steps(3.0);
            return self.does(fan, Doing::Chooses { tries: tries + 1 }, again);
        }
        self.available -= party;
        self.held += party;
        let until_paid = self.steps(12.0);
        if surrender == Some(4) || until_paid >= self.sale.hold_seconds * STEPS {
            return self.does(fan, Doing::Lapses, self.sale.hold_seconds * STEPS);
        }
        self.does(fan, Doing::Pays, until_paid);
    }

    async fn pay(&mut self, fan: usize) {
        if self.fans[fan].surrender == Some(3) {
            self.give_back(fan);
            return self.leave(fan, EndReason::Left).await;
        }
        self.held -= self.fans[fan].party;
        self.leave(fan, EndReason::Paid).await;
    }

    fn give_back(&mut self, fan: usize) {
        self.held -= self.fans[fan].party;
        self.available += self.fans[fan].party;
    }

    async fn leave(&mut self, fan: usize, reason: EndReason) {
        let Some(pass) = self.fans[fan].pass else { return };
        self.line.end(CONCERT, pass.user, Some(pass.entry), reason).await.expect("ends");
    }
}

fn steps_of(seconds: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some minutes at the most")]
    let steps = (seconds * f64::from(STEPS)) as u32;
    steps
}
