//! Saving what a group changed: deletes, updates, inserts; rows in order of key; tables in one fixed order.
//! Claims, ledger, payments, tickets and keys are plain inserts, everything else is matched on the row version
//! that was loaded, and nothing is ever an upsert: an upsert silently overwrites a winner.

use frontrow_application::catalog::plan_form;
use frontrow_application::store::StoreError;
use frontrow_domain::account::{Account, Email, Login};
use frontrow_domain::catalog::{Concert, Schedule};
use frontrow_domain::records::{Change, Changes, Counter, Key, Keys};
use frontrow_domain::reservation::{Claim, Reservation};
use frontrow_domain::wallet::Wallet;
use frontrow_domain::{LoginId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};
use rusqlite::{Connection, Params};

use crate::codec;
use crate::error::store_error;
use crate::load::counter_number;
use crate::once;

type Saved = Result<(), StoreError>;

/// Saves every change.
pub(crate) fn save(connection: &Connection, changes: &Changes<'_>, now: Timestamp) -> Saved {
    let saver = Saver { connection };
    changes.accounts.iter().try_for_each(|change| saver.account(change))?;
    changes.emails.iter().try_for_each(|change| saver.email(change))?;
    changes.identities.iter().try_for_each(|change| {
        let key = Key::Identity(*change.key);
        let values = (change.key, change.after.map(UserId::bytes));
        saver.insert("INSERT INTO account_identity (identity, user_id) VALUES (?1, ?2)", values, key)
    })?;
    changes.logins.iter().try_for_each(|change| saver.login(change))?;
    changes.wallets.iter().try_for_each(|change| saver.wallet(change))?;
    changes.counters.iter().try_for_each(|change| saver.counter(change))?;
    changes.concerts.iter().try_for_each(|change| saver.concert(change))?;
    changes.schedules.iter().try_for_each(|change| saver.schedule(change))?;
    saver.claims(&changes.claims)?;
    changes.reservations.iter().try_for_each(|change| saver.reservation(change))?;
    saver.journals(changes)?;
    for change in &changes.once {
        if let Some(record) = change.after {
            let key = || Some(Key::Once(*change.key));
            once::insert(connection, change.key, record).map_err(|error| store_error(&error, key()))?;
        }
    }
    for change in changes.seat_changes {
        let seats = codec::seats_text(change.seats.iter().map(|(seat, _)| *seat));
        saver.insert(
            "INSERT INTO seat_change (schedule_id, version, at, seats) VALUES (?1, ?2, ?3, ?4)",
            (change.schedule.get(), change.version, now.micros(), seats),
            Key::Schedule(change.schedule),
        )?;
    }
    Ok(())
}

struct Saver<'a> {
    connection: &'a Connection,
}

impl Saver<'_> {
    fn run(&self, sql: &str, values: impl Params, key: &Key) -> Result<usize, StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map_err(|error| store_error(&error, Some(key.clone())))
    }

    fn insert(&self, sql: &str, values: impl Params, key: Key) -> Saved {
        self.run(sql, values, &key).map(|_| ())
    }

    /// An update or delete of the one row that was loaded.
    fn matched(&self, sql: &str, values: impl Params, key: Key) -> Saved {
        match self.run(sql, values, &key)? {
            1 => Ok(()),
            _ => Err(StoreError::Lost(Keys::from(key))),
        }
    }

    fn account(&self, change: &Change<'_, UserId, Account>) -> Saved {
        let key = Key::Account(*change.key);
        let Some(account) = change.after else { return Err(never_deleted(&key)) };
        let email = account.email.as_ref().map(|email| email.as_str().as_bytes());
        let (credential, hash) = codec::credential_columns(&account.credential);
        let values = (
            account.id.bytes(),
            email,
            &account.name,
            codec::role_number(account.role),
            codec::standing_number(account.standing),
            credential,
            hash,
            account.created_at.micros(),
            loaded_version(change.before),
        );
        match change.before {
            None => self.insert(
                "INSERT INTO account (user_id, email, name, role, standing, credential, password_hash, \
                 created_at, row_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 + 1)",
                values,
                key,
            ),
            Some(_) => self.matched(
                "UPDATE account SET email = ?2, name = ?3, role = ?4, standing = ?5, credential = ?6, \
                 password_hash = ?7, created_at = ?8, row_version = ?9 + 1 \
                 WHERE user_id = ?1 AND row_version = ?9",
                values,
                key,
            ),
        }
    }

    fn email(&self, change: &Change<'_, Email, UserId>) -> Saved {
        let key = Key::Email(change.key.clone());
        let email = change.key.as_str().as_bytes();
        let version = loaded_version(change.before);
        match (change.before, change.after) {
            (None, Some(user)) => self.insert(
                "INSERT INTO account_email (email, user_id, row_version) VALUES (?1, ?2, 1)",
                (email, user.bytes()),
                key,
            ),
            (Some(_), Some(user)) => self.matched(
                "UPDATE account_email SET user_id = ?2, row_version = ?3 + 1 WHERE email = ?1 AND row_version = ?3",
                (email, user.bytes(), version),
                key,
            ),
            (Some(_), None) => self.matched(
                "DELETE FROM account_email WHERE email = ?1 AND row_version = ?2",
                (email, version),
                key,
            ),
            (None, None) => Ok(()),
        }
    }

    fn login(&self, change: &Change<'_, LoginId, Login>) -> Saved {
        let key = Key::Login(*change.key);
        let Some(login) = change.after else { return Err(never_deleted(&key)) };
        let values = (
            login.id.bytes(),
            login.user.bytes(),
            login.generation,
            login.rotated_at.micros(),
            login.expires_at.micros(),
            login.ended,
            loaded_version(change.before),
        );
        match change.before {
            None => self.insert(
                "INSERT INTO login (login_id, user_id, generation, rotated_at, expires_at, ended, row_version) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7 + 1)",
                values,
                key,
            ),
            Some(_) => self.matched(
                "UPDATE login SET user_id = ?2, generation = ?3, rotated_at = ?4, expires_at = ?5, ended = ?6, \
                 row_version = ?7 + 1 WHERE login_id = ?1 AND row_version = ?7",
                values,
                key,
            ),
        }
    }

    fn wallet(&self, change: &Change<'_, UserId, Wallet>) -> Saved {
        let key = Key::Wallet(*change.key);
        let Some(wallet) = change.after else { return Err(never_deleted(&key)) };
        let values = (
            wallet.user.bytes(),
            wallet.balance.minor(),
            wallet.last_entry,
            wallet.last_event,
            loaded_version(change.before),
        );
        match change.before {
            None => self.insert(
                "INSERT INTO wallet (user_id, balance, last_entry, last_event, row_version) \
                 VALUES (?1, ?2, ?3, ?4, ?5 + 1)",
                values,
                key,
            ),
            Some(_) => self.matched(
                "UPDATE wallet SET balance = ?2, last_entry = ?3, last_event = ?4, row_version = ?5 + 1 \
                 WHERE user_id = ?1 AND row_version = ?5",
                values,
                key,
            ),
        }
    }

    fn counter(&self, change: &Change<'_, Counter, u32>) -> Saved {
        let key = Key::Counter(*change.key);
        let Some(value) = change.after else { return Err(never_deleted(&key)) };
        let values = (counter_number(*change.key), value, loaded_version(change.before));
        match change.before {
            None => self.insert(
                "INSERT INTO counter (name, value, row_version) VALUES (?1, ?2, ?3 + 1)",
                values,
                key,
            ),
            Some(_) => self.matched(
                "UPDATE counter SET value = ?2, row_version = ?3 + 1 WHERE name = ?1 AND row_version = ?3",
                values,
                key,
            ),
        }
    }

    fn concert(&self, change: &Change<'_, frontrow_domain::ConcertId, Concert>) -> Saved {
        let key = Key::Concert(*change.key);
        let Some(concert) = change.after else { return Err(never_deleted(&key)) };
        let room = &concert.waiting_room;
        let values = (
            concert.id.get(),
            &concert.title,
            &concert.artist,
            &concert.description,
            concert.published,
            room.enabled,
            room.max_active,
            room.admit_per_second_milli,
            room.session_seconds,
            room.claim_seconds,
            room.presence_seconds,
            room.lobby_opens_at.map(Timestamp::micros),
            concert.created_at.micros(),
            loaded_version(change.before),
        );
        match change.before {
            None => self.insert(
                "INSERT INTO concert (concert_id, title, artist, description, published, room_enabled, \
                 room_max_active, room_admit_per_second_milli, room_session_seconds, room_claim_seconds, \
                 room_presence_seconds, room_lobby_opens_at, created_at, row_version) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14 + 1)",
                values,
                key,
            ),
            Some(_) => self.matched(
                "UPDATE concert SET title = ?2, artist = ?3, description = ?4, published = ?5, room_enabled = ?6, \
                 room_max_active = ?7, room_admit_per_second_milli = ?8, room_session_seconds = ?9, \
                 room_claim_seconds = ?10, room_presence_seconds = ?11, room_lobby_opens_at = ?12, \
                 created_at = ?13, row_version = ?14 + 1 WHERE concert_id = ?1 AND row_version = ?14",
                values,
                key,
            ),
        }
    }

    fn schedule(&self, change: &Change<'_, ScheduleId, Schedule>) -> Saved {
        let key = Key::Schedule(*change.key);
        let Some(schedule) = change.after else { return Err(never_deleted(&key)) };
        match change.before {
            None => {
                self.insert(
                    "INSERT INTO schedule (schedule_id, concert_id, venue, starts_at, time_zone, \
                     duration_minutes, booking_start, booking_end, hold_seconds, hold_max_seconds, \
                     hold_extension_seconds, max_seats_per_fan, sales_paused, plan_version, in_use, version, \
                     decided_at, created_at, row_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
                     ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19 + 1)",
                    rusqlite::params_from_iter(schedule_values(schedule, 0)),
                    key,
                )?;
                self.plan(schedule)
            }
            // The common change by far: seats were claimed, and the schedule only notes it.
            Some((before, version))
                if before.draft() == schedule.draft() && before.plan_version == schedule.plan_version =>
            {
                self.matched(
                    "UPDATE schedule SET in_use = ?2, version = ?3, decided_at = ?4, row_version = ?5 + 1 \
                     WHERE schedule_id = ?1 AND row_version = ?5",
                    (
                        schedule.id.get(),
                        schedule.in_use,
                        schedule.version,
                        schedule.decided_at.micros(),
                        version,
                    ),
                    key,
                )
            }
            Some((before, version)) => {
                self.matched(
                    "UPDATE schedule SET concert_id = ?2, venue = ?3, starts_at = ?4, time_zone = ?5, \
                     duration_minutes = ?6, booking_start = ?7, booking_end = ?8, hold_seconds = ?9, \
                     hold_max_seconds = ?10, hold_extension_seconds = ?11, max_seats_per_fan = ?12, \
                     sales_paused = ?13, plan_version = ?14, in_use = ?15, version = ?16, decided_at = ?17, \
                     created_at = ?18, row_version = ?19 + 1 WHERE schedule_id = ?1 AND row_version = ?19",
                    rusqlite::params_from_iter(schedule_values(schedule, version)),
                    key,
                )?;
                if before.plan_version == schedule.plan_version { Ok(()) } else { self.plan(schedule) }
            }
        }
    }

    fn plan(&self, schedule: &Schedule) -> Saved {
        self.insert(
            "INSERT INTO seat_plan (schedule_id, plan_version, form) VALUES (?1, ?2, ?3)",
            (schedule.id.get(), schedule.plan_version, plan_form::to_bytes(&schedule.plan)),
            Key::Schedule(schedule.id),
        )
    }

    fn claims(&self, changes: &[Change<'_, (ScheduleId, SeatNo), Claim>]) -> Saved {
        for change in changes.iter().filter(|change| change.after.is_none()) {
            let (schedule, seat) = *change.key;
            let holder = change.before.and_then(|(claim, _)| claim.reservation());
            self.matched(
                "DELETE FROM claim WHERE schedule_id = ?1 AND seat_no = ?2 AND reservation_id IS ?3",
                (schedule.get(), seat.get(), holder.as_ref().map(ReservationId::bytes)),
                Key::Claim(schedule, seat),
            )?;
        }
        for change in changes {
            let (Some((before, _)), Some(claim)) = (change.before, change.after) else { continue };
            let (schedule, seat) = *change.key;
            let (kind, reservation, user, until) = codec::claim_columns(claim);
            let holder = before.reservation();
            self.matched(
                "UPDATE claim SET kind = ?4, reservation_id = ?5, user_id = ?6, until = ?7 \
                 WHERE schedule_id = ?1 AND seat_no = ?2 AND reservation_id IS ?3",
                (
                    schedule.get(),
                    seat.get(),
                    holder.as_ref().map(ReservationId::bytes),
                    kind,
                    reservation.map(ReservationId::bytes),
                    user.map(UserId::bytes),
                    until.map(Timestamp::micros),
                ),
                Key::Claim(schedule, seat),
            )?;
        }
        for change in changes.iter().filter(|change| change.before.is_none()) {
            let Some(claim) = change.after else { continue };
            let (schedule, seat) = *change.key;
            let (kind, reservation, user, until) = codec::claim_columns(claim);
            self.insert(
                "INSERT INTO claim (schedule_id, seat_no, kind, reservation_id, user_id, until) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    schedule.get(),
                    seat.get(),
                    kind,
                    reservation.map(ReservationId::bytes),
                    user.map(UserId::bytes),
                    until.map(Timestamp::micros),
                ),
                Key::Claim(schedule, seat),
            )?;
        }
        Ok(())
    }

    fn reservation(&self, change: &Change<'_, ReservationId, Reservation>) -> Saved {
        let key = Key::Reservation(*change.key);
        let Some(reservation) = change.after else { return Err(never_deleted(&key)) };
        let (state, at, extended, payment) = codec::state_columns(&reservation.state);
        match change.before {
            None => self.insert(
                "INSERT INTO reservation (reservation_id, user_id, concert_id, schedule_id, seats, amount, \
                 created_at, state, state_at, extended, payment_id, last_event, row_version) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 1)",
                (
                    reservation.id.bytes(),
                    reservation.user.bytes(),
                    reservation.concert.get(),
                    reservation.schedule.get(),
                    codec::seats_text(reservation.seats.iter().copied()),
                    reservation.amount.minor(),
                    reservation.created_at.micros(),
                    state,
                    at.micros(),
                    extended,
                    payment.map(frontrow_domain::PaymentId::bytes),
                    reservation.last_event,
                ),
                key,
            ),
            // Everything else about a reservation never changes.
            Some((_, version)) => self.matched(
                "UPDATE reservation SET state = ?2, state_at = ?3, extended = ?4, payment_id = ?5, \
                 last_event = ?6, row_version = ?7 + 1 WHERE reservation_id = ?1 AND row_version = ?7",
                (
                    reservation.id.bytes(),
                    state,
                    at.micros(),
                    extended,
                    payment.map(frontrow_domain::PaymentId::bytes),
                    reservation.last_event,
                    version,
                ),
                key,
            ),
        }
    }

    fn journals(&self, changes: &Changes<'_>) -> Saved {
        for entry in changes.ledger {
            let (kind, method, payment, reservation) = codec::entry_columns(&entry.kind);
            self.insert(
                "INSERT INTO ledger (user_id, number, transaction_id, kind, method, payment_id, reservation_id, \
                 amount, balance_before, balance_after, at, counter_account) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                (
                    entry.user.bytes(),
                    entry.number,
                    entry.transaction.bytes(),
                    kind,
                    method,
                    payment.map(frontrow_domain::PaymentId::bytes),
                    reservation.map(ReservationId::bytes),
                    entry.amount.minor(),
                    entry.before.minor(),
                    entry.after.minor(),
                    entry.at.micros(),
                    codec::counter_account_number(entry.kind.counter_account()),
                ),
                Key::Wallet(entry.user),
            )?;
        }
        for payment in changes.payments {
            let (state, reason) = codec::payment_columns(payment.state);
            self.insert(
                "INSERT INTO payment (payment_id, reservation_id, schedule_id, user_id, amount, at, state, \
                 failure_reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                (
                    payment.id.bytes(),
                    payment.reservation.bytes(),
                    payment.schedule.get(),
                    payment.user.bytes(),
                    payment.amount.minor(),
                    payment.at.micros(),
                    state,
                    reason,
                ),
                Key::Reservation(payment.reservation),
            )?;
        }
        for ticket in changes.tickets {
            self.insert(
                "INSERT INTO ticket (ticket_id, reservation_id, schedule_id, seat_no, user_id, state) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    ticket.id.bytes(),
                    ticket.reservation.bytes(),
                    ticket.schedule.get(),
                    ticket.seat.get(),
                    ticket.user.bytes(),
                    codec::ticket_state_number(ticket.state),
                ),
                Key::Reservation(ticket.reservation),
            )?;
        }
        for event in changes.events {
            let body =
                serde_json::to_string(&event.event).map_err(|error| StoreError::Broken(error.to_string()))?;
            self.connection
                .prepare_cached("INSERT INTO outbox (key, sequence, at, body) VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut statement| {
                    statement.execute((event.key.as_bytes(), event.sequence, event.at.micros(), body))
                })
                .map_err(|error| store_error(&error, None))?;
        }
        Ok(())
    }
}

fn loaded_version<V>(before: Option<(V, u64)>) -> u64 {
    before.map_or(0, |(_, version)| version)
}

fn never_deleted(key: &Key) -> StoreError {
    StoreError::Broken(format!("{key:?} is a kind of record that is never deleted"))
}

fn schedule_values(schedule: &Schedule, version: u64) -> Vec<rusqlite::types::Value> {
    use rusqlite::types::Value;
    let number = |number: i64| Value::Integer(number);
    vec![
        number(schedule.id.get().into()),
        number(schedule.concert.get().into()),
        Value::Text(schedule.venue.clone()),
        number(schedule.starts_at.micros()),
        Value::Text(schedule.time_zone.clone()),
        number(schedule.duration_minutes.into()),
        number(schedule.booking.start.micros()),
        number(schedule.booking.end.micros()),
        number(schedule.hold.hold_seconds.into()),
        number(schedule.hold.max_seconds.into()),
        number(schedule.hold.extension_seconds.into()),
        number(schedule.max_seats_per_fan.into()),
        number(schedule.sales_paused.into()),
        number(schedule.plan_version.into()),
        number(schedule.in_use.into()),
        number(i64::try_from(schedule.version).unwrap_or(i64::MAX)),
        number(schedule.decided_at.micros()),
        number(schedule.created_at.micros()),
        number(i64::try_from(version).unwrap_or(i64::MAX)),
    ]
}
