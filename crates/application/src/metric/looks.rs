//! What is not counted as it happens but looked at from time to time: lines, queues, seats, money. Whoever owns time calls
//! these; there is no loop and no timer here.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use frontrow_domain::catalog::BookingWindow;
use frontrow_domain::queue::{RateLimit, RoomState};
use frontrow_domain::reservation::SeatState;
use frontrow_domain::{ConcertId, ScheduleId, Timestamp};
use metrics::gauge;

use super::{OTHER, SERIES_MAX};
use crate::app::App;
use crate::box_office::Priority;
use crate::queue::RoomView;
use crate::store::{ReadError, Takings};

/// For how long a schedule is still shown after its sale.
const RECENTLY_SECONDS: u32 = 86_400;
/// How old what is known of a schedule may be: its window, and whether it was called off.
const FACTS_SECONDS: u32 = 30;
/// How long after a look at the takings of a schedule they are added up again, if its map has changed since.
const TAKINGS_SECONDS: u32 = 10;
/// Questions to the store in one look. What is left is asked at the next.
const QUESTIONS_MAX: usize = 50;

/// What is shown of each line, in the order of [`line_values`].
const LINE_GAUGES: [&str; 8] = [
    "frontrow_queue_waiting_fans",
    "frontrow_queue_lobby_fans",
    "frontrow_queue_skipped_fans",
    "frontrow_queue_active_fans",
    "frontrow_queue_active_limit",
    "frontrow_queue_admitted_per_second",
    "frontrow_queue_rate_limit",
    "frontrow_queue_admitting",
];

/// What is shown of each schedule: its seats by state, then gross, refunded and fees.
const SEAT_VALUES: usize = SeatState::ALL.len();
const TAKINGS_KINDS: [&str; 3] = ["gross", "refunded", "fees"];

fn line_values(view: &RoomView) -> [f64; LINE_GAUGES.len()] {
    let figures = view.figures.as_ref();
    let (waiting, lobby, skipped) =
        figures.map_or((0, 0, 0), |figures| (figures.waiting, figures.lobby, figures.skipped));
    let (active, admitted) =
        figures.map_or((0, 0.0), |figures| (figures.active, figures.admitted_per_second));
    [
        waiting as f64,
        lobby as f64,
        skipped as f64,
        f64::from(active),
        f64::from(view.settings.max_active),
        admitted,
        RateLimit::of_milli(view.settings.admit_per_second_milli).per_second(),
        f64::from(u8::from(view.state == RoomState::Open)),
    ]
}

fn show_line(concert: &str, values: [f64; LINE_GAUGES.len()]) {
    for (name, value) in LINE_GAUGES.into_iter().zip(values) {
        gauge!(name, "concert" => concert.to_owned()).set(value);
    }
}

/// Gives the first of them, as many as have series of their own, to `show`, and then the sum of the others.
fn fold<const N: usize>(of: &'static str, all: &[[f64; N]], mut show: impl FnMut(Option<usize>, [f64; N])) {
    let own = all.len().min(SERIES_MAX);
    for (place, values) in all[..own].iter().enumerate() {
        show(Some(place), *values);
    }
    let folded = &all[own..];
    if !folded.is_empty() {
        let mut sum = [0.0; N];
        for values in folded {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        show(None, sum);
    }
    gauge!("frontrow_series_folded", "of" => of).set(folded.len() as f64);
}

/// What was found out about the schedules that are shown, from one look to the next.
#[derive(Debug, Default)]
pub struct SaleMeter {
    known: HashMap<ScheduleId, Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    concert: ConcertId,
    booking: BookingWindow,
    is_cancelled: bool,
    read_at: Timestamp,
    takings: Option<Counted>,
}

/// The takings, with the version of the map at which they were added up.
#[derive(Debug, Clone, Copy)]
struct Counted {
    takings: Takings,
    version: u64,
    at: Timestamp,
}

impl Known {
    fn is_shown(&self, now: Timestamp) -> bool {
        let over = self.booking.end.plus_seconds(RECENTLY_SECONDS);
        !self.is_cancelled && self.booking.start <= now && now < over
    }
}

impl App {
    /// Shows what is in memory. Asks nobody, so it can be called for every scrape.
    pub fn measure_memory(&self) {
        let mut views = self.memory.lines.views();
        views.sort_by_key(|view| Reverse(view.concert));
        gauge!("frontrow_queue_rooms").set(views.len() as f64);
        let values: Vec<_> = views.iter().map(|view| line_values(view)).collect();
        fold("concert", &values, |place, values| {
            let concert = place.map_or_else(|| OTHER.to_owned(), |place| views[place].concert.to_string());
            show_line(&concert, values);
        });
        let (waiting, limits) = (self.box_office.waiting(), self.settings.box_office.queue);
        for priority in Priority::ALL {
            let (name, class) = (priority.name(), priority as usize);
            gauge!("frontrow_commands_waiting", "priority" => name).set(waiting[class] as f64);
            gauge!("frontrow_commands_waiting_limit", "priority" => name).set(limits[class] as f64);
        }
        gauge!("frontrow_seat_boards").set(self.memory.boards.count() as f64);
    }

    /// Shows seats and money of the schedules that are on sale, and how far behind expiry is. Asks the store a bounded
    /// number of questions; to be called every few seconds.
    pub async fn measure_sale(&self, meter: &mut SaleMeter) -> Result<(), ReadError> {
        let now = self.clock.now();
        let oldest = self.reads.lapsed(now, 1).await?;
        let lag =
            oldest.first().and_then(|lapsed| lapsed.lapsed_at(now)).map_or(0, |end| now.micros_since(end));
        gauge!("frontrow_expiry_lag_seconds").set(lag as f64 / 1e6);
        let mut boards = self.memory.boards.shown();
        boards.sort_by_key(|(schedule, _)| Reverse(*schedule));
        let standing: HashSet<_> = boards.iter().map(|(schedule, _)| *schedule).collect();
        meter.known.retain(|schedule, _| standing.contains(schedule));
        let mut questions = QUESTIONS_MAX;
        let (mut labels, mut values) = (Vec::new(), Vec::new());
        for (schedule, board) in boards {
            let known = self.known(meter, schedule, board.version(), now, &mut questions).await?;
            let Some(known) = known.filter(|known| known.is_shown(now)) else { continue };
            let takings = known.takings.map(|counted| counted.takings).unwrap_or_default();
            let money = [takings.gross, takings.refunded, takings.fees];
            let mut shown = [0.0; SEAT_VALUES + TAKINGS_KINDS.len()];
            let seats = SeatState::ALL.map(|state| f64::from(board.count(state)));
            shown[..SEAT_VALUES].copy_from_slice(&seats);
            shown[SEAT_VALUES..].copy_from_slice(&money.map(|money| money.minor() as f64));
            labels.push((known.concert.to_string(), schedule.to_string(), known.takings.is_some()));
            values.push(shown);
        }
        let currency = self.settings.currency.code().to_owned();
        fold("schedule", &values, |place, values| {
            let others = || (OTHER.to_owned(), OTHER.to_owned(), true);
            let (concert, schedule, has_takings) = place.map_or_else(others, |place| labels[place].clone());
            let of = |name: &'static str| {
                [("concert", concert.clone()), ("schedule", schedule.clone()), ("state", name.to_owned())]
            };
            for (state, value) in SeatState::ALL.into_iter().zip(values) {
                gauge!("frontrow_schedule_seats", &of(state.name())).set(value);
            }
            for (kind, value) in TAKINGS_KINDS.into_iter().zip(&values[SEAT_VALUES..]).filter(|_| has_takings)
            {
                gauge!("frontrow_schedule_takings_minor_units", "concert" => concert.clone(),
                    "schedule" => schedule.clone(), "kind" => kind, "currency" => currency.clone())
                .set(*value);
            }
        });
        Ok(())
    }

    /// What is known of a schedule; asks for what is too old, while there are questions left.
    async fn known(
        &self,
        meter: &mut SaleMeter,
        id: ScheduleId,
        version: u64,
        now: Timestamp,
        questions: &mut usize,
    ) -> Result<Option<Known>, ReadError> {
        let mut known = meter.known.get(&id).copied();
        let is_old = known.is_none_or(|known| now >= known.read_at.plus_seconds(FACTS_SECONDS));
        if is_old && *questions > 0 {
            *questions -= 1;
            let takings = known.and_then(|known| known.takings);
            known = self.memory.catalog.schedule(id).await?.map(|schedule| Known {
                concert: schedule.concert,
                booking: schedule.booking,
                is_cancelled: schedule.cancelled_at.is_some(),
                read_at: now,
                takings,
            });
        }
        if let Some(known) = &mut known
            && known.is_shown(now)
            && *questions > 0
            && known.takings.is_none_or(|counted| {
                counted.version != version && now >= counted.at.plus_seconds(TAKINGS_SECONDS)
            })
        {
            *questions -= 1;
            known.takings = Some(Counted { takings: self.reads.takings(id).await?, version, at: now });
        }
        match known {
            Some(known) => meter.known.insert(id, known),
            None => meter.known.remove(&id),
        };
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_added_up() {
        let all: Vec<_> = (0..SERIES_MAX + 3).map(|place| [place as f64, 1.0]).collect();
        let mut own = Vec::new();
        let mut others = None;
        fold("concert", &all, |place, values| match place {
            Some(place) => own.push((place, values)),
            None => others = Some(values),
        });
        let expected: Vec<_> = (0..SERIES_MAX).map(|place| (place, [place as f64, 1.0])).collect();
        assert_eq!(own, expected);
        assert_eq!(others, Some([303.0, 3.0]));
        others = None;
        fold("concert", &all[..SERIES_MAX], |place, values| {
            if place.is_none() {
                others = Some(values);
            }
        });
        assert_eq!(others, None, "all have their own");
    }
}
