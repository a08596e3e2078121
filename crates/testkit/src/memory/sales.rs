//! The queries about what was sold: everything is counted anew each time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use frontrow_application::store::{MinuteSales, Read, SalesReads, Takings};
use frontrow_domain::payment::{Payment, PaymentState};
use frontrow_domain::reservation::Claim;
use frontrow_domain::{ConcertId, Money, ScheduleId, Timestamp};

use super::MemoryStore;
use super::reads::answer;
use super::state::State;

const MINUTE_MICROS: i64 = 60_000_000;

impl State {
    fn sold(&self) -> impl Iterator<Item = &Payment> {
        self.payments.values().filter(|payment| payment.state == PaymentState::Completed)
    }

    fn still_sold(&self) -> impl Iterator<Item = &Payment> {
        self.sold().filter(|payment| !self.refunds.contains_key(&payment.id))
    }

    /// The concert of a schedule, if anybody can see it.
    fn published(&self, schedule: ScheduleId) -> Option<ConcertId> {
        let concert = self.schedules.get(&schedule)?.value.concert;
        self.concerts.get(&concert).filter(|row| row.value.published).map(|_| concert)
    }
}

fn sum(amounts: impl Iterator<Item = Money>) -> Money {
    Money::sum(amounts).expect("tests move less money than there can be")
}

impl SalesReads for MemoryStore {
    fn takings(&self, schedule: ScheduleId) -> Read<'_, Takings> {
        let state = self.snapshot();
        let refunds = || state.refunds.values().filter(|refund| refund.schedule == schedule);
        answer(Takings {
            gross: sum(state.sold().filter(|one| one.schedule == schedule).map(|one| one.amount)),
            refunded: sum(refunds().map(|refund| refund.returned)),
            fees: sum(refunds().map(|refund| refund.fee)),
        })
    }

    fn sales_by_minute(&self, schedule: ScheduleId, since: Timestamp) -> Read<'_, Vec<MinuteSales>> {
        let state = self.snapshot();
        let mut minutes: BTreeMap<Timestamp, MinuteSales> = BTreeMap::new();
        for payment in state.sold().filter(|one| one.schedule == schedule) {
            let at = payment.at.micros();
            let at = Timestamp::from_micros(at - at.rem_euclid(MINUTE_MICROS));
            let none = MinuteSales { at, seats: 0, revenue: Money::ZERO };
            let minute = minutes.entry(at).or_insert(none);
            minute.seats += u64::from(payment.seats);
            minute.revenue = sum([minute.revenue, payment.amount].into_iter());
        }
        answer(minutes.into_values().filter(|minute| minute.at >= since).collect())
    }

    fn best_selling(&self, since: Option<Timestamp>, limit: usize) -> Read<'_, Vec<(ConcertId, u64)>> {
        let state = self.snapshot();
        let mut sold: BTreeMap<ConcertId, u64> = BTreeMap::new();
        let in_window = |payment: &&Payment| since.is_none_or(|since| payment.at >= since);
        for payment in state.still_sold().filter(in_window) {
            if let Some(concert) = state.published(payment.schedule) {
                *sold.entry(concert).or_default() += u64::from(payment.seats);
            }
        }
        let mut sold: Vec<_> = sold.into_iter().filter(|(_, seats)| *seats > 0).collect();
        sold.sort_by_key(|(concert, seats)| (Reverse(*seats), *concert));
        sold.truncate(limit);
        answer(sold)
    }

    fn taken_by_schedule(&self) -> Read<'_, Vec<(ScheduleId, u32)>> {
        let state = self.snapshot();
        // How many are sold, and how many are sold or kept back.
        let mut taken: BTreeMap<ScheduleId, (u32, u32)> = BTreeMap::new();
        for ((schedule, _), row) in &state.claims {
            let counts = taken.entry(*schedule).or_default();
            counts.0 += u32::from(matches!(row.value, Claim::Sold { .. }));
            counts.1 += u32::from(!matches!(row.value, Claim::Held { .. }));
        }
        let taken = taken.into_iter().filter(|(_, (sold, _))| *sold > 0);
        let taken = taken.filter(|(schedule, _)| state.published(*schedule).is_some());
        answer(taken.map(|(schedule, (_, taken))| (schedule, taken)).collect())
    }

    fn last_sale(&self, schedule: ScheduleId) -> Read<'_, Option<Timestamp>> {
        let state = self.snapshot();
        let of_it = state.still_sold().filter(|payment| payment.schedule == schedule);
        answer(of_it.map(|payment| payment.at).max())
    }
}
