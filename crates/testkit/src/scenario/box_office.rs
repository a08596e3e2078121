//! The steps of a scenario that are about the best seats, refunds, the door and the box office.

use frontrow_application::reservation::{
    BestWanted, KeepBack, SaleMeans, SeatSelection, SellRequest, StaffRefund, Wanted,
};
use frontrow_application::staff::By;
use frontrow_application::ticket::Scan;
use frontrow_domain::reservation::ReservationState;
use frontrow_domain::{ScheduleId, SeatNo, UserId};
use uuid::Uuid;

use super::script::{Said, Script, Step, again, seconds};
use super::words;
use crate::stage;

impl Script {
    /// `best FAN QUANTITY [grade NAME] [apart] [accessible]`
    pub(super) fn best(step: &Step<'_>) -> Wanted {
        Wanted::Best(BestWanted {
            quantity: seconds(step.word(2)) as usize,
            grade: step.after("grade").map(str::to_owned),
            adjacent: !step.says("apart"),
            accessible: step.says("accessible"),
        })
    }

    /// `sell FAN SEATS wallet|cash|free [from-blocked] [key KEY]`
    pub(super) async fn sell(&mut self, step: &Step<'_>, expected: Option<&str>) -> Said {
        let user = self.fan(step.word(1));
        let request = SellRequest {
            user,
            schedule: self.schedule(step),
            seats: stage::seats(step.word(2).split(',').map(seconds)),
            means: SaleMeans::parse(step.word(3)).unwrap_or_else(|| panic!("no such means")),
            from_blocked: step.says("from-blocked"),
        };
        match self.stage().app.sell(By::System, request, Self::tag(user, step)).await {
            Ok(sold) => {
                let name = self.name(sold.outcome.0.id, expected);
                Said::done(again(name, sold.replayed))
            }
            Err(failure) => Said::no(&failure),
        }
    }

    /// `seats FAN RESERVATION`: which it has.
    pub(super) async fn seats_of(&self, step: &Step<'_>) -> Said {
        let id = self.reservation(step.word(2));
        let found = self.stage().app.reservation(self.fan(step.word(1)), id).await;
        let seats = found.expect("the store can be read").map(|details| details.reservation.seats);
        Said::done(words::seats(&seats.unwrap_or_default()))
    }

    /// `refund RESERVATION [PERCENT]`, by staff.
    pub(super) async fn refund(&self, step: &Step<'_>) -> Said {
        let percent = step.words().get(2).filter(|word| **word != "key").map_or(100, |word| seconds(word));
        let reservation = self.reservation(step.word(1));
        let refund = StaffRefund { reservation, percent, reason: "they asked nicely".to_owned() };
        let tag = Self::tag(UserId::new(Uuid::nil()), step);
        match self.stage().app.refund(By::System, refund, tag).await {
            Ok(done) => match done.outcome.0.state {
                ReservationState::Refunded { returned, .. } => {
                    let text = format!("refunded {returned} of {}", done.outcome.0.amount);
                    Said::done(again(text, done.replayed))
                }
                state => Said { text: format!("{state:?}"), worked: false },
            },
            Err(failure) => Said::no(&failure),
        }
    }

    /// `scan RESERVATION SEAT [door SCHEDULE-NUMBER] [key KEY]`
    pub(super) async fn scan(&self, step: &Step<'_>) -> Said {
        let id = self.reservation(step.word(1));
        let seat = SeatNo::new(seconds(step.word(2)));
        let found = self.stage().app.any_reservation(id).await.expect("the store can be read");
        let tickets = found.map(|details| details.tickets).unwrap_or_default();
        let Some(ticket) = tickets.iter().find(|ticket| ticket.seat == seat) else {
            return Said { text: "no ticket".to_owned(), worked: false };
        };
        let by = UserId::new(Uuid::nil());
        let door = step.number("door").map(ScheduleId::new);
        let scan = Scan { ticket: ticket.id, door, at: None, by };
        match self.stage().app.scan(scan, Self::tag(by, step)).await {
            Ok(scanned) => Said::done(again(format!("admitted {}", scanned.outcome.seat), scanned.replayed)),
            Err(failure) => Said::no(&failure),
        }
    }

    /// `block 1,4-6` or `block section NAME`, and `release` likewise.
    pub(super) async fn keep_back(&self, step: &Step<'_>, what: KeepBack) -> Said {
        let named = step.words().get(1).filter(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        let run = |run: &str| {
            let (from, to) = run.split_once('-').unwrap_or((run, run));
            (SeatNo::new(seconds(from)), SeatNo::new(seconds(to)))
        };
        let selection = SeatSelection {
            seats: named.map(|runs| runs.split(',').map(run).collect()),
            section: step.after("section").map(str::to_owned),
            row: step.after("row").map(str::to_owned),
            grade: step.after("grade").map(str::to_owned),
        };
        let tag = Self::tag(UserId::new(Uuid::nil()), step);
        let schedule = self.schedule(step);
        match self.stage().app.keep_back(By::System, schedule, what, selection, None, tag).await {
            Ok(done) => Said::done(again(done.outcome.changed.to_string(), done.replayed)),
            Err(failure) => Said::no(&failure),
        }
    }
}
