//! What was sold, reservation by reservation, for accounts and other programs.
//!
//! It is read in pages beside a running sale. Reservations come newest first by when they were held, so none is passed over
//! or told twice; each is as it was when its page was read, and what is held after the first page is not in it.

use frontrow_domain::catalog::{Concert, Schedule};
use frontrow_domain::reservation::{Reservation, ReservationState};
use frontrow_domain::{ConcertId, Money, PaymentId, ScheduleId, Timestamp};

use crate::store::{ConcertCursor, ConcertFilter, ReadError, Reads, StaffFilter};

/// How many reservations are read at once.
const PAGE: usize = 500;
/// How many concerts are.
const CONCERTS: usize = 100;

/// Which sales are asked for; every member that is given narrows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SaleFilter {
    /// Of this concert.
    pub concert: Option<ConcertId>,
    /// Of this schedule.
    pub schedule: Option<ScheduleId>,
    /// Paid or refunded then or later.
    pub since: Option<Timestamp>,
    /// Paid or refunded before.
    pub until: Option<Timestamp>,
}

/// One reservation that was paid.
#[derive(Debug, Clone, Copy)]
pub struct Sale<'a> {
    /// Its concert.
    pub concert: &'a Concert,
    /// Its schedule.
    pub schedule: &'a Schedule,
    /// The reservation.
    pub reservation: &'a Reservation,
    /// By which payment.
    pub payment: PaymentId,
    /// When it was paid.
    pub paid_at: Timestamp,
    /// When it was refunded, and what went back; nothing when it was not.
    pub refund: Option<(Timestamp, Money)>,
}

impl SaleFilter {
    /// The sale that a reservation is, if it is one and meant.
    fn sale<'a>(
        &self,
        concert: &'a Concert,
        schedule: &'a Schedule,
        reservation: &'a Reservation,
    ) -> Option<Sale<'a>> {
        let (paid_at, payment) = reservation.paid()?;
        let refund = match reservation.state {
            ReservationState::Refunded { at, returned, .. } => Some((at, returned)),
            _ => None,
        };
        let is_meant = |at: Timestamp| {
            self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
        };
        let is_in = is_meant(paid_at) || refund.is_some_and(|(at, _)| is_meant(at));
        is_in.then_some(Sale { concert, schedule, reservation, payment, paid_at, refund })
    }
}

/// Hands over every sale that is meant, concert by concert in order of number, and answers how many there were.
pub async fn each_sale<E: From<ReadError>>(
    reads: &dyn Reads,
    filter: SaleFilter,
    now: Timestamp,
    take: &mut (dyn FnMut(&Sale<'_>) -> Result<(), E> + Send),
) -> Result<u64, E> {
    let mut count = 0;
    for id in concerts(reads, &filter).await? {
        let Some(concert) = reads.concert(id).await? else { continue };
        for schedule in reads.schedules_of(id).await? {
            if filter.schedule.is_some_and(|wanted| wanted != schedule.id) {
                continue;
            }
            let mut before = None;
            loop {
                let of_schedule = StaffFilter { schedule: Some(schedule.id), ..StaffFilter::default() };
                let page = reads.reservations(of_schedule, before, PAGE, now).await?;
                for sale in page.iter().filter_map(|one| filter.sale(&concert, &schedule, one)) {
                    take(&sale)?;
                    count += 1;
                }
                match page.last() {
                    Some(last) if page.len() == PAGE => before = Some(last.id),
                    _ => break,
                }
            }
        }
    }
    Ok(count)
}

/// The numbers of the concerts that may have some, in order.
async fn concerts(reads: &dyn Reads, filter: &SaleFilter) -> Result<Vec<ConcertId>, ReadError> {
    if let Some(schedule) = filter.schedule {
        let found = reads.schedule(schedule).await?.map(|schedule| schedule.concert);
        return Ok(found
            .into_iter()
            .filter(|id| filter.concert.is_none_or(|wanted| wanted == *id))
            .collect());
    }
    if let Some(concert) = filter.concert {
        return Ok(vec![concert]);
    }
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = reads.concerts(ConcertFilter::default(), after, CONCERTS).await?;
        all.extend(page.iter().map(|(concert, _)| concert.id));
        match page.last() {
            Some((concert, schedules)) if page.len() == CONCERTS => {
                let booking_start = schedules.iter().map(|schedule| schedule.booking.start).min();
                after = Some(ConcertCursor { booking_start, concert: concert.id });
            }
            _ => break,
        }
    }
    all.sort_unstable();
    // One that was edited meanwhile may have been on two pages.
    all.dedup();
    Ok(all)
}
