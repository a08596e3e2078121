//! Changed rows of one table, many to a statement.
//!
//! A statement has what it costs to read and plan it, whatever it changes; of a payment's rows that was most of the work.
//! Each row still counts only where it is as it was loaded: the statement has to find every one of them. When it does
//! not, it is looked up which are not any more.

use frontrow_domain::records::{Change, Key};
use frontrow_domain::reservation::Claim;
use frontrow_domain::{ReservationId, ScheduleId, SeatNo};

use super::{Saver, Statement};
use crate::codec;
use crate::sql::{Value, fill, list, values};

/// Rows of one statement. A value is found by going through them, so twice as many cost four times as much.
const UPDATE_MAX: usize = 100;

/// Changed rows of a table with one key column, matched on their version.
pub(super) struct Updates {
    table: &'static str,
    key_column: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Updated>,
}

struct Updated {
    key_value: String,
    version: u64,
    /// The literals of all columns, in their order.
    values: Vec<String>,
    key: Key,
}

impl Updates {
    pub(super) fn new(
        table: &'static str,
        key_column: &'static str,
        columns: &'static [&'static str],
    ) -> Self {
        Self { table, key_column, columns, rows: Vec::new() }
    }

    /// `values` are those of all columns, in their order.
    pub(super) fn add(&mut self, key_value: Value<'_>, version: u64, values: &[Value<'_>], key: Key) {
        let values = values.iter().map(|value| list([*value])).collect();
        self.rows.push(Updated { key_value: list([key_value]), version, values, key });
    }

    fn statement(&self, rows: &[Updated]) -> Statement {
        let mut sets: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| format!("{column} = {}", self.value_of(place, rows)))
            .collect();
        sets.push("row_version = row_version + 1".to_owned());
        let (table, key) = (self.table, self.key_column);
        let keys: Vec<&str> = rows.iter().map(|row| row.key_value.as_str()).collect();
        let pairs: Vec<String> =
            rows.iter().map(|row| format!("({},{})", row.key_value, row.version)).collect();
        // The index is named, because a search over the whole of a small table would wait for rows of others.
        let sql = format!(
            "UPDATE {table} FORCE INDEX (PRIMARY) SET {} WHERE {key} IN ({}) AND ({key}, row_version) IN ({})",
            sets.join(", "),
            keys.join(","),
            pairs.join(",")
        );
        let as_loaded =
            pairs.iter().map(|pair| format!("{table} WHERE ({key}, row_version) = {pair}")).collect();
        let keys: Vec<Key> = rows.iter().map(|row| row.key.clone()).collect();
        Statement { sql, rows: keys.len() as u64, keys, look: None, as_loaded }
    }

    /// What a column is set to: one value where all rows have the same, else that of the row's key.
    fn value_of(&self, place: usize, rows: &[Updated]) -> String {
        let values = || rows.iter().map(|row| row.values[place].as_str());
        let first = values().next().unwrap_or("NULL");
        if values().all(|value| value == first) {
            return first.to_owned();
        }
        let mut sql = format!("CASE {}", self.key_column);
        for (row, value) in rows.iter().zip(values()) {
            for part in [" WHEN ", row.key_value.as_str(), " THEN ", value] {
                sql.push_str(part);
            }
        }
        sql.push_str(" END");
        sql
    }
}

/// Claims of one schedule that stay with their reservations and all come to the same: sold, or held until then.
struct Kept<'a> {
    schedule: ScheduleId,
    claim: &'a Claim,
    seats: Vec<(SeatNo, ReservationId)>,
}

impl Saver {
    /// Updates of rows as they were loaded.
    pub(super) fn update(&mut self, updates: &Updates) {
        let statements = updates.rows.chunks(UPDATE_MAX).map(|rows| updates.statement(rows));
        self.statements.extend(statements);
    }

    /// Updates claims, in order of key.
    pub(super) fn update_claims(&mut self, changes: &[Change<'_, (ScheduleId, SeatNo), Claim>]) {
        let mut all: Vec<Kept<'_>> = Vec::new();
        for change in changes {
            let (Some((before, _)), Some(after)) = (change.before, change.after) else { continue };
            let (schedule, seat) = *change.key;
            let (kind, reservation, user, until) = codec::claim_columns(after);
            let (_, before_reservation, before_user, _) = codec::claim_columns(before);
            let stays = before_reservation == reservation && before_user == user;
            let (Some(holder), true) = (after.reservation(), stays) else {
                let holder = before.reservation();
                self.matched(
                    "UPDATE claim SET kind = ?, reservation_id = ?, user_id = ?, held_until = ? \
                     WHERE schedule_id = ? AND seat_no = ? AND reservation_id <=> ?",
                    &values![kind, reservation, user, until, schedule, seat, holder.as_ref()],
                    Key::Claim(schedule, seat),
                );
                continue;
            };
            let like = all.iter_mut().rev().find(|kept| {
                let (as_kind, _, _, as_until) = codec::claim_columns(kept.claim);
                kept.schedule == schedule
                    && (as_kind, as_until) == (kind, until)
                    && kept.seats.len() < UPDATE_MAX
            });
            match like {
                Some(kept) => kept.seats.push((seat, holder)),
                None => all.push(Kept { schedule, claim: after, seats: vec![(seat, holder)] }),
            }
        }
        self.statements.extend(all.iter().map(Kept::statement));
    }
}

impl Kept<'_> {
    fn statement(&self) -> Statement {
        let (kind, _, _, until) = codec::claim_columns(self.claim);
        let seats = list(self.seats.iter().map(|(seat, _)| Value::from(*seat)));
        let pairs: Vec<String> =
            self.seats.iter().map(|(seat, holder)| format!("({})", list(values![*seat, holder]))).collect();
        let template =
            "UPDATE claim FORCE INDEX (PRIMARY) SET kind = ?, held_until = ? WHERE schedule_id = ?";
        let sql = format!(
            "{} AND seat_no IN ({seats}) AND (seat_no, reservation_id) IN ({})",
            fill(template, &values![kind, until, self.schedule]),
            pairs.join(",")
        );
        let keys: Vec<Key> = self.seats.iter().map(|(seat, _)| Key::Claim(self.schedule, *seat)).collect();
        let as_loaded = pairs
            .iter()
            .map(|pair| {
                let template = "claim WHERE schedule_id = ? AND (seat_no, reservation_id) =";
                format!("{} {pair}", fill(template, &values![self.schedule]))
            })
            .collect();
        Statement { sql, rows: keys.len() as u64, keys, look: None, as_loaded }
    }
}
