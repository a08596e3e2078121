//! The queries, answered from a snapshot.

use std::cmp::Reverse;

use frontrow_application::audit::{
    AuditReads, DrawSlice, ReservationFacts, ReservationSlice, ScheduleSlice, WalletFacts,
};
use frontrow_application::events::{EventLog, LoggedEvent, Partitions};
use frontrow_application::once::still_counts;
use frontrow_application::store::{
    AccountReads, Admissions, CatalogReads, ConcertCursor, ConcertFilter, OnceReads, OutboxReads,
    PaymentReads, PaymentRecord, Read, ReservationFilter, ReservationReads, SeatMap, SessionEnd, StaffFilter,
    StaffReads, Upkeep, WalletReads,
};
use frontrow_domain::account::{Account, Email};
use frontrow_domain::catalog::{Concert, Drawing, Schedule};
use frontrow_domain::event::Event;
use frontrow_domain::payment::{Payment, PaymentState, Refund};
use frontrow_domain::records::{Digest, OnceRecord, SeatChanges};
use frontrow_domain::reservation::{Reservation, ReservationState, SeatState};
use frontrow_domain::staff::StaffAction;
use frontrow_domain::ticket::{Ticket, TicketState};
use frontrow_domain::wallet::{LedgerEntry, Wallet};
use frontrow_domain::{
    AuditEntryId, ConcertId, EntryId, PaymentId, ReservationId, ScheduleId, TicketId, Timestamp, UserId,
};
use futures_util::FutureExt;
use futures_util::future::ready;

use super::MemoryStore;
use super::state::State;

/// How long it is known which seats a commit changed.
const SEAT_CHANGES_KEPT_SECONDS: u32 = 3_600;

/// The answer of a query, at once.
pub(super) fn answer<T: Send + 'static>(value: T) -> Read<'static, T> {
    ready(Ok(value)).boxed()
}

impl State {
    fn schedules_of(&self, concert: ConcertId) -> Vec<Schedule> {
        let mut found: Vec<Schedule> = self
            .schedules
            .values()
            .map(|row| &row.value)
            .filter(|one| one.concert == concert)
            .cloned()
            .collect();
        found.sort_by_key(|schedule| (schedule.starts_at, schedule.id));
        found
    }

    fn reservation(&self, id: ReservationId) -> Option<Reservation> {
        self.reservations.get(&id).map(|row| row.value.clone())
    }

    fn tickets_of(&self, reservation: ReservationId) -> Vec<Ticket> {
        let mut found: Vec<Ticket> = self.tickets.values().map(|row| row.value.clone()).collect();
        found.retain(|ticket| ticket.reservation == reservation);
        found.sort_by_key(|ticket| ticket.seat);
        found
    }

    fn refunds_where(&self, is_meant: impl Fn(&&Refund) -> bool) -> Vec<Refund> {
        self.refunds.values().filter(is_meant).cloned().collect()
    }

    fn record(&self, payment: &Payment) -> PaymentRecord {
        PaymentRecord { payment: payment.clone(), refund: self.refunds.get(&payment.id).cloned() }
    }

    fn facts(&self, reservation: &Reservation) -> ReservationFacts {
        let claim = |seat| self.claims.get(&(reservation.schedule, seat)).map(|row| row.value);
        let completed =
            |one: &&Payment| one.reservation == reservation.id && one.state == PaymentState::Completed;
        ReservationFacts {
            reservation: reservation.clone(),
            claims: reservation.seats.iter().map(|&seat| (seat, claim(seat))).collect(),
            payments: self.payments.values().filter(completed).cloned().collect(),
            refunds: self.refunds_where(|refund| refund.reservation == reservation.id),
            tickets: self.tickets_of(reservation.id),
        }
    }

    fn wallet_facts(&self, wallet: &Wallet) -> WalletFacts {
        let entries = self.ledger.range((wallet.user, 0)..=(wallet.user, u64::MAX));
        let completed =
            |payment: &&Payment| payment.user == wallet.user && payment.state == PaymentState::Completed;
        let payments = self.payments.values().filter(completed);
        WalletFacts {
            wallet: wallet.clone(),
            entries: entries.map(|(_, entry)| entry.clone()).collect(),
            payments: payments.map(|one| (one.clone(), self.reservation(one.reservation))).collect(),
            refunds: self.refunds_where(|refund| refund.user == wallet.user),
        }
    }
}

impl AccountReads for MemoryStore {
    fn account(&self, id: UserId) -> Read<'_, Option<Account>> {
        answer(self.snapshot().accounts.get(&id).map(|row| row.value.clone()))
    }

    fn account_by_email<'a>(&'a self, email: &'a Email) -> Read<'a, Option<Account>> {
        let state = self.snapshot();
        let owner = state.emails.get(email).and_then(|row| state.accounts.get(&row.value));
        answer(owner.map(|row| row.value.clone()))
    }

    fn identity(&self, identity: Digest) -> Read<'_, Option<UserId>> {
        answer(self.snapshot().identities.get(&identity).map(|row| row.value))
    }

    fn has_no_accounts(&self) -> Read<'_, bool> {
        answer(self.snapshot().accounts.is_empty())
    }

    fn accounts_changed(&self, since: Timestamp) -> Read<'_, Vec<Account>> {
        let state = self.snapshot();
        let accounts = state.accounts.values().map(|row| &row.value);
        let changed = accounts.filter(|account| account.changed_at.is_some_and(|at| at >= since));
        answer(changed.cloned().collect())
    }

    fn accounts(&self, text: Option<String>, before: Option<UserId>, limit: usize) -> Read<'_, Vec<Account>> {
        let state = self.snapshot();
        let text = text.unwrap_or_default().to_ascii_lowercase();
        let has_it = |account: &&Account| {
            let email = account.email.as_ref().map_or("", Email::as_str);
            [&account.name, email].iter().any(|name| name.to_ascii_lowercase().contains(&text))
        };
        let newest_first = state.accounts.values().rev().map(|row| &row.value);
        let found = newest_first.filter(|one| before.is_none_or(|before| one.id < before)).filter(has_it);
        answer(found.take(limit).cloned().collect())
    }
}

impl CatalogReads for MemoryStore {
    fn concert(&self, id: ConcertId) -> Read<'_, Option<Concert>> {
        answer(self.snapshot().concerts.get(&id).map(|row| row.value.clone()))
    }

    fn concerts(
        &self,
        filter: ConcertFilter,
        after: Option<ConcertCursor>,
        limit: usize,
    ) -> Read<'_, Vec<(Concert, Vec<Schedule>)>> {
        let state = self.snapshot();
        let text = filter.text.unwrap_or_default().to_ascii_lowercase();
        let mut found: Vec<_> = state
            .concerts
            .values()
            .map(|row| row.value.clone())
            .filter(|concert| concert.published || !filter.published_only)
            .filter(|concert| {
                [&concert.title, &concert.artist].iter().any(|name| name.to_ascii_lowercase().contains(&text))
            })
            .map(|concert| {
                let schedules = state.schedules_of(concert.id);
                let start = schedules.iter().map(|schedule| schedule.booking.start).min();
                ((start, concert.id), concert, schedules)
            })
            .filter(|(place, _, _)| after.is_none_or(|after| *place < (after.booking_start, after.concert)))
            .collect();
        found.sort_by_key(|(place, _, _)| Reverse(*place));
        found.truncate(limit);
        answer(found.into_iter().map(|(_, concert, schedules)| (concert, schedules)).collect())
    }

    fn schedules_of(&self, concert: ConcertId) -> Read<'_, Vec<Schedule>> {
        answer(self.snapshot().schedules_of(concert))
    }

    fn schedule(&self, id: ScheduleId) -> Read<'_, Option<Schedule>> {
        answer(self.snapshot().schedules.get(&id).map(|row| row.value.clone()))
    }

    fn seat_map(&self, id: ScheduleId) -> Read<'_, Option<SeatMap>> {
        let state = self.snapshot();
        let claims = state.claims.iter().filter(|((schedule, _), _)| *schedule == id);
        let taken = claims.map(|((_, seat), row)| (*seat, SeatState::of(Some(&row.value)))).collect();
        answer(state.schedules.get(&id).map(|row| SeatMap { schedule: row.value.clone(), taken }))
    }

    fn seat_versions(&self, schedules: Vec<ScheduleId>) -> Read<'_, Vec<(ScheduleId, u64)>> {
        let state = self.snapshot();
        let version = |id| state.schedules.get(&id).map(|row| (id, row.value.version));
        answer(schedules.into_iter().filter_map(version).collect())
    }

    fn seats_since(&self, schedule: ScheduleId, version: u64) -> Read<'_, Option<SeatChanges>> {
        let state = self.snapshot();
        let changed = state.changed_since(schedule, version).map(|(version, seats)| {
            let shows = |seat| SeatState::of(state.claims.get(&(schedule, seat)).map(|row| &row.value));
            SeatChanges {
                schedule,
                version,
                seats: seats.into_iter().map(|seat| (seat, shows(seat))).collect(),
            }
        });
        answer(changed)
    }

    fn drawing(&self, schedule: ScheduleId, plan_version: u32) -> Read<'_, Option<Drawing>> {
        answer(self.snapshot().drawings.get(&(schedule, plan_version)).map(|one| Drawing::clone(one)))
    }

    fn draw_part(&self, concert: ConcertId, first: u32) -> Read<'_, Option<Vec<EntryId>>> {
        answer(self.snapshot().draw_parts.get(&(concert, first)).cloned())
    }

    fn cancelled_schedules(&self) -> Read<'_, Vec<ScheduleId>> {
        let state = self.snapshot();
        let cancelled = state.schedules.values().filter(|row| row.value.cancelled_at.is_some());
        answer(cancelled.map(|row| row.value.id).collect())
    }

    fn concerts_with_rooms(&self) -> Read<'_, Vec<ConcertId>> {
        let state = self.snapshot();
        let with_room = state.concerts.values().filter(|row| row.value.waiting_room.enabled);
        answer(with_room.map(|row| row.value.id).collect())
    }

    fn epoch(&self) -> Read<'_, u64> {
        // One disk is one history; nothing copies it.
        answer(1)
    }
}

impl ReservationReads for MemoryStore {
    fn reservation(&self, id: ReservationId) -> Read<'_, Option<Reservation>> {
        answer(self.snapshot().reservation(id))
    }

    fn reservations_of(
        &self,
        user: UserId,
        filter: ReservationFilter,
        before: Option<ReservationId>,
        limit: usize,
        now: Timestamp,
    ) -> Read<'_, Vec<Reservation>> {
        let state = self.snapshot();
        let newest_first = state.reservations.values().rev().map(|row| &row.value);
        let found = newest_first
            .filter(|one| one.user == user && before.is_none_or(|before| one.id < before))
            .filter(|one| filter.status.is_none_or(|status| one.status(now) == status))
            .filter(|one| filter.concert.is_none_or(|concert| one.concert == concert));
        answer(found.take(limit).cloned().collect())
    }

    fn has_pending(&self, user: UserId, concert: ConcertId, now: Timestamp) -> Read<'_, bool> {
        let state = self.snapshot();
        let is_it = |one: &Reservation| {
            one.user == user
                && one.concert == concert
                && matches!(one.state, ReservationState::Pending { expires_at, .. } if now < expires_at)
        };
        answer(state.reservations.values().any(|row| is_it(&row.value)))
    }

    fn tickets(&self, reservation: ReservationId) -> Read<'_, Vec<Ticket>> {
        answer(self.snapshot().tickets_of(reservation))
    }

    fn ticket(&self, id: TicketId) -> Read<'_, Option<Ticket>> {
        answer(self.snapshot().tickets.get(&id).map(|row| row.value.clone()))
    }

    fn admissions(&self, schedule: ScheduleId) -> Read<'_, Admissions> {
        let state = self.snapshot();
        let of_it = state.tickets.values().map(|row| &row.value).filter(|one| one.schedule == schedule);
        let mut counted = Admissions::default();
        for ticket in of_it {
            counted.admitted += u32::from(ticket.used_at().is_some());
            counted.total += u32::from(ticket.state != TicketState::Void);
        }
        answer(counted)
    }

    fn reservations(
        &self,
        filter: StaffFilter,
        before: Option<ReservationId>,
        limit: usize,
        now: Timestamp,
    ) -> Read<'_, Vec<Reservation>> {
        let state = self.snapshot();
        let holder = filter.schedule.zip(filter.seat).and_then(|key| state.claims.get(&key));
        let holder = holder.and_then(|row| row.value.reservation());
        let newest_first = state.reservations.values().rev().map(|row| &row.value);
        let found = newest_first
            .filter(|one| before.is_none_or(|before| one.id < before))
            .filter(|one| filter.concert.is_none_or(|concert| one.concert == concert))
            .filter(|one| filter.schedule.is_none_or(|schedule| one.schedule == schedule))
            .filter(|one| filter.user.is_none_or(|user| one.user == user))
            .filter(|one| filter.status.is_none_or(|status| one.status(now) == status))
            .filter(|one| filter.seat.is_none() || holder == Some(one.id));
        answer(found.take(limit).cloned().collect())
    }

    fn live_in(
        &self,
        schedule: ScheduleId,
        after: Option<ReservationId>,
        limit: usize,
    ) -> Read<'_, Vec<Reservation>> {
        let state = self.snapshot();
        let is_live = |one: &&Reservation| {
            matches!(one.state, ReservationState::Pending { .. } | ReservationState::Confirmed { .. })
        };
        let found = state.reservations.values().map(|row| &row.value).filter(is_live);
        let found = found.filter(|one| one.schedule == schedule && after.is_none_or(|after| one.id > after));
        answer(found.take(limit).cloned().collect())
    }

    fn lapsed(&self, now: Timestamp, limit: usize) -> Read<'_, Vec<Reservation>> {
        let state = self.snapshot();
        let mut found: Vec<_> = state
            .reservations
            .values()
            .filter_map(|row| match row.value.state {
                ReservationState::Pending { expires_at, .. } if now >= expires_at => {
                    Some((expires_at, &row.value))
                }
                _ => None,
            })
            .collect();
        found.sort_by_key(|(expires_at, reservation)| (*expires_at, reservation.id));
        answer(found.into_iter().take(limit).map(|(_, reservation)| reservation.clone()).collect())
    }
}

impl WalletReads for MemoryStore {
    fn wallet(&self, user: UserId) -> Read<'_, Option<Wallet>> {
        answer(self.snapshot().wallets.get(&user).map(|row| row.value.clone()))
    }

    fn entries(&self, user: UserId, below: Option<u64>, limit: usize) -> Read<'_, Vec<LedgerEntry>> {
        let state = self.snapshot();
        let newest_first = state.ledger.range((user, 0)..=(user, u64::MAX)).rev().map(|(_, entry)| entry);
        let found = newest_first.filter(|entry| below.is_none_or(|below| entry.number < below));
        answer(found.take(limit).cloned().collect())
    }
}

impl PaymentReads for MemoryStore {
    fn payment(&self, id: PaymentId) -> Read<'_, Option<PaymentRecord>> {
        let state = self.snapshot();
        answer(state.payments.get(&id).map(|payment| state.record(payment)))
    }

    fn payments_of(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Read<'_, Vec<PaymentRecord>> {
        let state = self.snapshot();
        let newest_first = state.payments.values().rev();
        let found =
            newest_first.filter(|one| one.user == user && before.is_none_or(|before| one.id < before));
        answer(found.take(limit).map(|payment| state.record(payment)).collect())
    }
}

impl OnceReads for MemoryStore {
    fn once(&self, key: Digest, now: Timestamp) -> Read<'_, Option<OnceRecord>> {
        let kept = self.snapshot().once.get(&key).map(|row| row.value.clone());
        answer(kept.filter(|kept| still_counts(kept, now)))
    }
}

impl OutboxReads for MemoryStore {
    fn session_ends(&self, after: u64, limit: usize) -> Read<'_, Vec<SessionEnd>> {
        let state = self.snapshot();
        let ends = (state.outbox_gone + 1..).zip(&state.outbox).filter(|(position, _)| *position > after);
        let ends = ends.filter(|(_, event)| event.ends_entry().is_some());
        let ends = ends.filter_map(|(position, event)| match &event.event {
            Event::PaymentCompleted(made) => Some(SessionEnd { position, event: made.clone() }),
            _ => None,
        });
        answer(ends.take(limit).collect())
    }
}

impl EventLog for MemoryStore {
    fn events(&self, after: u64, partitions: Partitions, limit: usize) -> Read<'_, Vec<LoggedEvent>> {
        let state = self.snapshot();
        let events = (state.outbox_gone + 1..).zip(&state.outbox);
        let events = events.filter(|(position, event)| *position > after && partitions.have(event.key));
        let logged = events.take(limit).map(|(position, event)| LoggedEvent {
            position,
            key: event.key,
            sequence: event.sequence,
            at: event.at,
            body: serde_json::to_string(&event).expect("an event can be written"),
        });
        answer(logged.collect())
    }

    fn log_end(&self) -> Read<'_, u64> {
        let state = self.snapshot();
        answer(state.outbox_gone + state.outbox.len() as u64)
    }
}

impl StaffReads for MemoryStore {
    fn staff_actions(&self, before: Option<AuditEntryId>, limit: usize) -> Read<'_, Vec<StaffAction>> {
        let state = self.snapshot();
        let newest_first = state.staff_actions.values().rev();
        let found = newest_first.filter(|one| before.is_none_or(|before| one.id < before));
        answer(found.take(limit).cloned().collect())
    }
}

impl MemoryStore {
    /// The time of an audit: never before anything that it sees was decided, also when the clock jumped back.
    fn audit_time(&self, state: &State) -> Timestamp {
        let decided = state.schedules.values().map(|row| row.value.decided_at).max();
        self.clock.now().max(decided.unwrap_or(Timestamp::ZERO))
    }
}

impl AuditReads for MemoryStore {
    fn audit_schedule(&self, after: Option<ScheduleId>) -> Read<'_, Option<ScheduleSlice>> {
        let state = self.snapshot();
        let now = self.audit_time(&state);
        let next = state.schedules.values().find(|row| after.is_none_or(|after| row.value.id > after));
        answer(next.map(|row| {
            let id = row.value.id;
            let claims = state.claims.iter().filter(|((schedule, _), _)| *schedule == id);
            let with_reservation = claims.map(|((_, seat), row)| {
                (*seat, row.value, row.value.reservation().and_then(|id| state.reservation(id)))
            });
            ScheduleSlice { id, seats: row.value.plan.size(), claims: with_reservation.collect(), now }
        }))
    }

    fn audit_reservations(&self, after: Option<ReservationId>, limit: usize) -> Read<'_, ReservationSlice> {
        let state = self.snapshot();
        let now = self.audit_time(&state);
        let next = state.reservations.values().map(|row| &row.value);
        let next = next.filter(|one| after.is_none_or(|after| one.id > after)).take(limit);
        answer(ReservationSlice { facts: next.map(|one| state.facts(one)).collect(), now })
    }

    fn audit_wallets(&self, after: Option<UserId>, limit: usize) -> Read<'_, Vec<WalletFacts>> {
        let state = self.snapshot();
        let next = state.wallets.values().map(|row| &row.value);
        let next = next.filter(|one| after.is_none_or(|after| one.user > after)).take(limit);
        answer(next.map(|one| state.wallet_facts(one)).collect())
    }

    fn audit_draw(&self, after: Option<ConcertId>) -> Read<'_, Option<DrawSlice>> {
        let state = self.snapshot();
        let later = state.concerts.values().map(|row| &row.value);
        let mut later = later.filter(|one| after.is_none_or(|after| one.id > after));
        let slice = later.find_map(|one| {
            let parts = state.draw_parts.range((one.id, 0)..=(one.id, u32::MAX));
            let parts = parts.map(|(&(_, first), entries)| (first, entries.len() as u64)).collect();
            one.draw.map(|draw| DrawSlice { concert: one.id, listed: draw.listed, parts })
        });
        answer(slice)
    }
}

impl Upkeep for MemoryStore {
    fn clean(&self, now: Timestamp) -> Read<'_, usize> {
        let _only_one = self.disk.0.writer.lock();
        let mut state = State::clone(&self.snapshot());
        let before = state.once.len();
        state.once.retain(|_, row| still_counts(&row.value, now));
        let known = state.seat_changes.len();
        let oldest = now.minus_seconds(SEAT_CHANGES_KEPT_SECONDS);
        state.seat_changes.retain(|_, (at, _)| *at >= oldest);
        let gone = before - state.once.len() + known - state.seat_changes.len();
        *self.disk.0.committed.lock() = std::sync::Arc::new(state);
        answer(gone)
    }

    fn clean_events(&self, before: Timestamp, through: u64) -> Read<'_, usize> {
        let _only_one = self.disk.0.writer.lock();
        let mut state = State::clone(&self.snapshot());
        let first = state.outbox_gone + 1;
        let last = state.outbox.len();
        let old = (1..).zip((first..).zip(&state.outbox));
        let gone = old
            .take_while(|(count, (position, event))| {
                *count < last && *position <= through && event.at < before
            })
            .count();
        state.outbox.drain(..gone);
        state.outbox_gone += gone as u64;
        *self.disk.0.committed.lock() = std::sync::Arc::new(state);
        answer(gone)
    }
}
