//! Queries for the audit: each in a snapshot of its own, whose time is read once it stands.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use frontrow_application::audit::{
    AuditReads, DrawSlice, ReservationFacts, ReservationSlice, ScheduleSlice, WalletFacts,
};
use frontrow_application::store::Read;
use frontrow_domain::catalog::SeatPlan;
use frontrow_domain::payment::{Payment, Refund};
use frontrow_domain::reservation::{Claim, Reservation};
use frontrow_domain::ticket::Ticket;
use frontrow_domain::wallet::{LedgerEntry, Wallet};
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

use super::{and_after, answer, limit, lists};
use crate::MysqlReads;
use crate::codec::catalog::SCHEDULE_COLUMNS;
use crate::codec::{
    self, CLAIM_COLUMNS, ENTRY_COLUMNS, PAYMENT_COLUMNS, REFUND_COLUMNS, RESERVATION_COLUMNS, TICKET_COLUMNS,
    WALLET_COLUMNS,
};
use crate::load::select;
use crate::pool::Link;
use crate::row::{Result, all, bare, first};
use crate::sql::{Value, fill, values};

impl AuditReads for MysqlReads {
    fn audit_schedule(&self, after: Option<ScheduleId>) -> Read<'_, Option<ScheduleSlice>> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let from = "schedule WHERE schedule_id > ? ORDER BY schedule_id LIMIT 1";
            let after = after.map_or(-1, |after| i64::from(after.get()));
            let sql = fill(&select(SCHEDULE_COLUMNS, from), &values![after]);
            let Some(schedule) = self.schedules(&mut link, sql).await?.pop() else {
                link.roll_back().await;
                return Ok(None);
            };
            let now = self.clock.now().max(schedule.decided_at);
            let from = select(CLAIM_COLUMNS, "claim WHERE schedule_id = ? ORDER BY seat_no");
            let rows = link.rows(fill(&from, &values![schedule.id])).await?;
            let claims = all(&rows, codec::seat_and_claim)?;
            let holders: Vec<ReservationId> =
                claims.iter().filter_map(|(_, claim)| claim.reservation()).collect();
            let held = reservations(&mut link, holders).await?;
            link.roll_back().await;
            let claims = claims
                .into_iter()
                .map(|(seat, claim)| {
                    let holder = claim.reservation().and_then(|id| held.get(&id).cloned());
                    (seat, claim, holder)
                })
                .collect();
            Ok(Some(ScheduleSlice { id: schedule.id, seats: SeatPlan::size(&schedule.plan), claims, now }))
        })
    }

    fn audit_reservations(&self, after: Option<ReservationId>, count: usize) -> Read<'_, ReservationSlice> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let mut sql = select(RESERVATION_COLUMNS, "reservation FORCE INDEX (PRIMARY) WHERE TRUE");
            sql.push_str(&and_after("reservation_id", after.as_ref().map(ReservationId::bytes)));
            sql.push_str(&fill(" ORDER BY reservation_id LIMIT ?", &values![limit(count)]));
            let found = all(&link.rows(sql).await?, bare(codec::reservation))?;
            let now = self.clock.now().max(latest_decision(&mut link, &found).await?);
            let facts = facts(&mut link, found).await?;
            link.roll_back().await;
            Ok(ReservationSlice { facts, now })
        })
    }

    fn audit_wallets(&self, after: Option<UserId>, count: usize) -> Read<'_, Vec<WalletFacts>> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let mut sql = select(WALLET_COLUMNS, "wallet FORCE INDEX (PRIMARY) WHERE TRUE");
            sql.push_str(&and_after("user_id", after.as_ref().map(UserId::bytes)));
            sql.push_str(&fill(" ORDER BY user_id LIMIT ?", &values![limit(count)]));
            let found = all(&link.rows(sql).await?, bare(codec::wallet))?;
            let facts = wallet_facts(&mut link, found).await?;
            link.roll_back().await;
            Ok(facts)
        })
    }

    fn audit_draw(&self, after: Option<ConcertId>) -> Read<'_, Option<DrawSlice>> {
        answer(async move {
            let mut link = self.snapshot().await?;
            let template = "SELECT concert_id, room_draw_listed FROM concert WHERE concert_id > ? \
                            AND room_draw_seed IS NOT NULL ORDER BY concert_id LIMIT 1";
            let after = after.map_or(-1, |after| i64::from(after.get()));
            let rows = link.rows(fill(template, &values![after])).await?;
            let Some((concert, listed)) = first(&rows, |row| Ok((ConcertId::new(row.get(0)?), row.get(1)?)))?
            else {
                link.roll_back().await;
                return Ok(None);
            };
            let template =
                "SELECT first, LENGTH(entries) DIV 16 FROM draw_part WHERE concert_id = ? ORDER BY first";
            let rows = link.rows(fill(template, &values![concert])).await?;
            link.roll_back().await;
            let parts = all(&rows, |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Some(DrawSlice { concert, listed, parts }))
        })
    }
}

/// The latest time at which anything was decided over the schedules of these reservations. The clock may have gone
/// back since, over a restart; a decision that is seen has happened all the same.
async fn latest_decision(link: &mut Link<'_>, found: &[Reservation]) -> Result<Timestamp> {
    let mut schedules: Vec<ScheduleId> = found.iter().map(|reservation| reservation.schedule).collect();
    schedules.sort_unstable();
    schedules.dedup();
    let before = "SELECT decided_at FROM schedule WHERE schedule_id";
    let rows = lists(link, before, schedules.into_iter().map(Value::from), "").await?;
    let decided = all(&rows, |row| codec::time(row, 0))?;
    Ok(decided.into_iter().max().unwrap_or(Timestamp::ZERO))
}

/// Those of these reservations that are there.
async fn reservations(
    link: &mut Link<'_>,
    mut ids: Vec<ReservationId>,
) -> Result<HashMap<ReservationId, Reservation>> {
    ids.sort_unstable();
    ids.dedup();
    let before = select(RESERVATION_COLUMNS, "reservation WHERE reservation_id");
    let rows = lists(link, &before, ids.iter().map(Value::from), "").await?;
    let found = all(&rows, bare(codec::reservation))?;
    Ok(found.into_iter().map(|found| (found.id, found)).collect())
}

/// Sorts what was found by whom it belongs to, in the order in which it was found.
fn by<K: Eq + Hash, V>(found: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, Vec<V>> {
    let mut sorted: HashMap<K, Vec<V>> = HashMap::new();
    for one in found {
        sorted.entry(key(&one)).or_default().push(one);
    }
    sorted
}

async fn facts(link: &mut Link<'_>, found: Vec<Reservation>) -> Result<Vec<ReservationFacts>> {
    let claims = claims_on_seats_of(link, &found).await?;
    let ids = || found.iter().map(|found| Value::from(&found.id));
    let before = select(PAYMENT_COLUMNS, "payment FORCE INDEX (payment_completed) WHERE completed_of");
    let rows = lists(link, &before, ids(), " ORDER BY payment_id").await?;
    let mut payments = by(all(&rows, codec::payment)?, |payment: &Payment| payment.reservation);
    let before = select(REFUND_COLUMNS, "refund WHERE reservation_id");
    let rows = lists(link, &before, ids(), "").await?;
    let mut refunds = by(all(&rows, |row| codec::refund(row, 0))?, |refund: &Refund| refund.reservation);
    let before = select(TICKET_COLUMNS, "ticket FORCE INDEX (ticket_by_reservation) WHERE reservation_id");
    let rows = lists(link, &before, ids(), " ORDER BY reservation_id, seat_no").await?;
    let mut tickets = by(all(&rows, bare(codec::ticket))?, |ticket: &Ticket| ticket.reservation);
    Ok(found
        .into_iter()
        .map(|reservation| {
            let id = reservation.id;
            let of_seat = |seat: &SeatNo| (*seat, claims.get(&(reservation.schedule, *seat)).copied());
            ReservationFacts {
                claims: reservation.seats.iter().map(of_seat).collect(),
                payments: payments.remove(&id).unwrap_or_default(),
                refunds: refunds.remove(&id).unwrap_or_default(),
                tickets: tickets.remove(&id).unwrap_or_default(),
                reservation,
            }
        })
        .collect())
}

async fn claims_on_seats_of(
    link: &mut Link<'_>,
    found: &[Reservation],
) -> Result<HashMap<(ScheduleId, SeatNo), Claim>> {
    let mut seats: BTreeMap<ScheduleId, Vec<SeatNo>> = BTreeMap::new();
    for reservation in found {
        seats.entry(reservation.schedule).or_default().extend(&reservation.seats);
    }
    let mut claims = HashMap::new();
    for (schedule, seats) in seats {
        let from = "claim FORCE INDEX (PRIMARY) WHERE schedule_id = ? AND seat_no";
        let before = fill(&select(CLAIM_COLUMNS, from), &values![schedule]);
        let rows = lists(link, &before, seats.into_iter().map(Value::from), "").await?;
        let of_schedule = all(&rows, codec::seat_and_claim)?;
        claims.extend(of_schedule.into_iter().map(|(seat, claim)| ((schedule, seat), claim)));
    }
    Ok(claims)
}

async fn wallet_facts(link: &mut Link<'_>, found: Vec<Wallet>) -> Result<Vec<WalletFacts>> {
    let ids = || found.iter().map(|wallet| Value::from(&wallet.user));
    let before = select(ENTRY_COLUMNS, "ledger FORCE INDEX (PRIMARY) WHERE user_id");
    let rows = lists(link, &before, ids(), " ORDER BY user_id, number").await?;
    let mut entries = by(all(&rows, codec::entry)?, |entry: &LedgerEntry| entry.user);
    let before = select(PAYMENT_COLUMNS, "payment FORCE INDEX (payment_by_fan) WHERE state = 0 AND user_id");
    let rows = lists(link, &before, ids(), " ORDER BY user_id, payment_id").await?;
    let completed = all(&rows, codec::payment)?;
    let paid = reservations(link, completed.iter().map(|payment| payment.reservation).collect()).await?;
    let mut payments = by(completed, |payment: &Payment| payment.user);
    let before = select(REFUND_COLUMNS, "refund FORCE INDEX (refund_by_fan) WHERE user_id");
    let rows = lists(link, &before, ids(), " ORDER BY user_id, payment_id").await?;
    let mut refunds = by(all(&rows, |row| codec::refund(row, 0))?, |refund: &Refund| refund.user);
    Ok(found
        .into_iter()
        .map(|wallet| {
            let payments = payments.remove(&wallet.user).unwrap_or_default();
            let with_reservation = |payment: Payment| {
                let found = paid.get(&payment.reservation).cloned();
                (payment, found)
            };
            WalletFacts {
                entries: entries.remove(&wallet.user).unwrap_or_default(),
                payments: payments.into_iter().map(with_reservation).collect(),
                refunds: refunds.remove(&wallet.user).unwrap_or_default(),
                wallet,
            }
        })
        .collect())
}
