//! The statements that a row of the journal may name. Their numbers and their values are kept in files, so neither is
//! ever changed once released: a new column gets a new statement with a number of its own.

use std::fmt;

/// How many rows a statement must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finds {
    /// One: whatever was decided was decided on that row.
    One,
    /// One, unless the row has moved on beyond it: schedules are also written at once, past the journal.
    OneOrLater,
}

macro_rules! statements {
    ($($name:ident = $number:literal, $values:literal, $finds:ident, $sql:expr;)*) => {
        /// What is done with the values of a line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Statement {
            $($name,)*
        }

        impl Statement {
            /// One more than the highest number.
            pub(crate) const COUNT: usize = {
                let mut highest = 0;
                $(if $number > highest { highest = $number; })*
                highest + 1
            };

            /// All of them.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            pub(crate) const fn number(self) -> u8 {
                match self { $(Self::$name => $number,)* }
            }

            pub(crate) const fn numbered(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// How many values a line of it has.
            pub(crate) const fn values(self) -> usize {
                match self { $(Self::$name => $values,)* }
            }

            pub(crate) const fn finds(self) -> Finds {
                match self { $(Self::$name => Finds::$finds,)* }
            }

            /// What SQLite runs. That of a key lacks the day that its table is named by.
            pub(crate) const fn sql(self) -> &'static str {
                match self { $(Self::$name => $sql,)* }
            }
        }
    };
}

statements! {
    WalletInsert = 1, 5, One,
        "INSERT INTO wallet (user_id, balance, last_entry, last_event, row_version) VALUES (?1, ?2, ?3, ?4, ?5)";
    WalletUpdate = 2, 5, One,
        "UPDATE wallet SET balance = ?2, last_entry = ?3, last_event = ?4, row_version = ?5 \
         WHERE user_id = ?1 AND row_version = ?5 - 1";
    ScheduleMove = 3, 7, OneOrLater,
        "UPDATE schedule SET in_use = ?2, version = ?3, decided_at = ?4, last_event = ?5, sold_out_at = ?6, \
         row_version = ?7 WHERE schedule_id = ?1 AND row_version = ?7 - 1";
    ClaimDelete = 4, 3, One,
        "DELETE FROM claim WHERE schedule_id = ?1 AND seat_no = ?2 AND reservation_id IS ?3";
    ClaimUpdate = 5, 7, One,
        "UPDATE claim SET kind = ?4, reservation_id = ?5, user_id = ?6, until = ?7 \
         WHERE schedule_id = ?1 AND seat_no = ?2 AND reservation_id IS ?3";
    ClaimInsert = 6, 6, One,
        "INSERT INTO claim (schedule_id, seat_no, kind, reservation_id, user_id, until) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    ReservationInsert = 7, 16, One,
        "INSERT INTO reservation (reservation_id, user_id, concert_id, schedule_id, seats, amount, created_at, \
         state, state_at, extended, payment_id, last_event, held_until, queue_entry, paid_at, returned, \
         row_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 1)";
    // Everything else about a reservation never changes.
    ReservationUpdate = 8, 10, One,
        "UPDATE reservation SET state = ?2, state_at = ?3, extended = ?4, payment_id = ?5, last_event = ?6, \
         held_until = ?7, paid_at = ?8, returned = ?9, row_version = ?10 \
         WHERE reservation_id = ?1 AND row_version = ?10 - 1";
    LedgerInsert = 9, 12, One,
        "INSERT INTO ledger (user_id, number, transaction_id, kind, method, payment_id, reservation_id, \
         amount, balance_before, balance_after, at, counter_account) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    PaymentInsert = 10, 9, One,
        "INSERT INTO payment (payment_id, reservation_id, schedule_id, user_id, amount, at, state, \
         failure_reason, seats) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    RefundInsert = 11, 8, One,
        "INSERT INTO refund (payment_id, reservation_id, schedule_id, user_id, returned, fee, at, cause) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    TicketInsert = 12, 8, One,
        "INSERT INTO ticket (ticket_id, reservation_id, schedule_id, seat_no, user_id, state, used_at, \
         used_by, row_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1)";
    // Everything else about a ticket never changes.
    TicketUpdate = 13, 5, One,
        "UPDATE ticket SET state = ?2, used_at = ?3, used_by = ?4, row_version = ?5 \
         WHERE ticket_id = ?1 AND row_version = ?5 - 1";
    OutboxInsert = 14, 6, One,
        "INSERT INTO outbox (outbox_id, key, sequence, at, body, queue_entry) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    SeatChangeInsert = 15, 4, One,
        "INSERT INTO seat_change (schedule_id, version, at, seats) VALUES (?1, ?2, ?3, ?4)";
    // The first value is the day.
    KeyInsert = 16, 5, One, "";
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_has_as_many_values_as_it_says() {
        let mut connection = rusqlite::Connection::open_in_memory().expect("a store");
        crate::schema::migrate(&mut connection, frontrow_domain::Timestamp::ZERO).expect("migrated");
        for &statement in Statement::ALL {
            assert_eq!(Statement::numbered(statement.number()), Some(statement));
            if statement == Statement::KeyInsert {
                continue;
            }
            let prepared = connection.prepare(statement.sql()).expect("SQL");
            assert_eq!(prepared.parameter_count(), statement.values(), "{statement}");
        }
    }
}
