//! Saving what a group changed: deletes, updates, inserts; rows in order of key; tables in one fixed order.
//! Claims, ledger, payments, refunds, new tickets and keys are plain inserts, everything else is matched on the row
//! version that was loaded, and nothing is ever an upsert: an upsert silently overwrites a winner.
//!
//! New rows go many to a statement, so do changed ones of the tables that a rush changes (`updates`), others a statement
//! each, and all statements in a packet or two. Every statement says whether it found the rows as they were loaded.

mod catalog;
mod sale;
mod updates;

use frontrow_application::store::StoreError;
use frontrow_domain::Timestamp;
use frontrow_domain::account::{Account, Email, Login};
use frontrow_domain::records::{Change, Changes, Counter, Key, Keys, OnceRecord};
use frontrow_domain::wallet::Wallet;
use frontrow_domain::{LoginId, UserId};

use crate::codec;
use crate::error::{DUPLICATE, DbError, NO_TABLE};
use crate::load::counter_number;
use crate::once;
use crate::pool::Link;
use crate::sql::{LIST_MAX, Value, fill, tuple, values};
use updates::Updates;

type Saved = Result<(), StoreError>;

/// Bytes after which a packet is sent. A single statement may be longer: a plan is one value.
const PACKET_BYTES: usize = 1 << 20;

/// One statement of a save.
struct Statement {
    sql: String,
    /// The records that it writes.
    keys: Vec<Key>,
    /// How many rows it must find.
    rows: u64,
    /// How to look which of the keys are there, after a key was there already.
    look: Option<Look>,
    /// Where each of the keys is found as it was loaded, of a statement that changes many; after it has found too few.
    as_loaded: Vec<String>,
}

/// What to look for after a key was there already.
#[derive(Clone, Copy)]
enum Look {
    Claims,
    Emails,
    Identities,
    Once(i64),
}

/// Why a save did not come to its end.
pub(crate) struct NotSaved {
    pub(crate) error: StoreError,
    /// True when the connection is of no more use.
    pub(crate) is_lost: bool,
    /// True when a table is not there: that of a day, which somebody has dropped.
    pub(crate) has_no_table: bool,
    /// What to find out once the transaction is taken back: which of the records it was.
    pub(crate) suspects: Option<Suspects>,
}

/// Records of which at least one was there already and should be new, or is not as it was loaded any more.
pub(crate) struct Suspects {
    keys: Vec<Key>,
    /// The table and the condition by which each is found, in the order of the keys.
    places: Vec<Option<String>>,
    /// True when it is those that are found; false when it is those that are not.
    are_found: bool,
}

impl From<StoreError> for NotSaved {
    fn from(error: StoreError) -> Self {
        Self { error, is_lost: false, has_no_table: false, suspects: None }
    }
}

/// Saves every change. `last` is written after everything else, and must find one row.
pub(crate) async fn save(
    link: &mut Link<'_>,
    changes: &Changes<'_>,
    now: Timestamp,
    last: String,
) -> Result<bool, NotSaved> {
    let mut saver = Saver::default();
    saver.all(changes, now)?;
    let statements = saver.statements;
    let mut packet = Vec::new();
    let mut bytes = 0;
    for statement in statements {
        if bytes + statement.sql.len() > PACKET_BYTES && !packet.is_empty() {
            send(link, std::mem::take(&mut packet)).await?;
            bytes = 0;
        }
        bytes += statement.sql.len();
        packet.push(statement);
    }
    let end = Statement { sql: last, keys: Vec::new(), rows: 1, look: None, as_loaded: Vec::new() };
    packet.push(end);
    let answers = send(link, packet).await?;
    Ok(answers == 1)
}

/// Sends statements and checks what each has found. Answers how many rows the last one has found.
async fn send(link: &mut Link<'_>, statements: Vec<Statement>) -> Result<u64, NotSaved> {
    let sql: Vec<&str> = statements.iter().map(|statement| statement.sql.as_str()).collect();
    let answers = link.run(sql.join(";")).await.map_err(|failed| {
        let statement = statements.get(failed.statement);
        not_saved(failed.error, statement)
    })?;
    let mut found = 0;
    for (statement, answer) in statements.iter().zip(&answers) {
        found = answer.affected;
        if found != statement.rows && !statement.keys.is_empty() {
            let suspects = (!statement.as_loaded.is_empty()).then(|| Suspects {
                keys: statement.keys.clone(),
                places: statement.as_loaded.iter().cloned().map(Some).collect(),
                are_found: false,
            });
            let keys = Keys::new(statement.keys.iter().cloned());
            return Err(NotSaved { suspects, ..StoreError::Lost(keys).into() });
        }
    }
    Ok(found)
}

fn not_saved(error: DbError, statement: Option<&Statement>) -> NotSaved {
    if matches!(error, DbError::Lost(_)) {
        return NotSaved { is_lost: true, ..error.into_store().into() };
    }
    if error.number() == Some(NO_TABLE) {
        return NotSaved { has_no_table: true, ..error.into_store().into() };
    }
    let Some(statement) = statement.filter(|one| error.number() == Some(DUPLICATE) && !one.keys.is_empty())
    else {
        return error.into_store().into();
    };
    let suspects = statement.look.map(|look| Suspects {
        keys: statement.keys.clone(),
        places: statement.keys.iter().map(|key| look.place_of(key)).collect(),
        are_found: true,
    });
    let keys = Keys::new(statement.keys.iter().cloned());
    NotSaved { suspects, ..StoreError::Lost(keys).into() }
}

impl Suspects {
    /// Which of the records it was. All of them when it cannot be told: two of one group, or a rival that has gone again.
    pub(crate) async fn find(self, link: &mut Link<'_>) -> Keys {
        let all = Keys::new(self.keys.iter().cloned());
        let looks: Vec<String> = (0_u64..)
            .zip(&self.places)
            .filter_map(|(place, from)| Some(format!("SELECT {place} FROM {}", from.as_ref()?)))
            .collect();
        let Ok(rows) = link.rows(looks.join(" UNION ALL ")).await else { return all };
        let found = crate::row::all(&rows, |row| row.get::<u64>(0)).unwrap_or_default();
        let named: Vec<Key> = (0_u64..)
            .zip(self.keys)
            .filter(|(place, _)| found.contains(place) == self.are_found)
            .map(|(_, key)| key)
            .collect();
        if named.is_empty() { all } else { Keys::new(named) }
    }
}

impl Look {
    /// The table and the condition by which the record of a key is found.
    fn place_of(self, key: &Key) -> Option<String> {
        let place = match (self, key) {
            (Self::Claims, Key::Claim(schedule, seat)) => {
                fill("claim WHERE schedule_id = ? AND seat_no = ?", &values![*schedule, *seat])
            }
            (Self::Emails, Key::Email(email)) => {
                fill("account_email WHERE email = ?", &values![email.as_str().as_bytes()])
            }
            (Self::Identities, Key::Identity(digest)) => {
                fill("account_identity WHERE identity = ?", &values![digest])
            }
            (Self::Once(day), Key::Once(digest)) => {
                format!("{} {}", once::table(day), fill("WHERE once_key = ?", &values![digest]))
            }
            _ => return None,
        };
        Some(place)
    }
}

#[derive(Default)]
struct Saver {
    statements: Vec<Statement>,
}

/// New rows of one table.
struct Rows {
    into: String,
    tuples: Vec<(String, Key)>,
    look: Option<Look>,
}

impl Rows {
    fn new(into: &str) -> Self {
        Self { into: into.to_owned(), tuples: Vec::new(), look: None }
    }

    fn add(&mut self, values: &[Value<'_>], key: Key) {
        self.tuples.push((tuple(values), key));
    }
}

impl Saver {
    fn all(&mut self, changes: &Changes<'_>, now: Timestamp) -> Saved {
        self.accounts(&changes.accounts)?;
        self.emails(&changes.emails);
        self.identities(&changes.identities);
        self.logins(&changes.logins)?;
        self.wallets(&changes.wallets)?;
        self.counters(&changes.counters)?;
        self.concerts(&changes.concerts)?;
        self.schedules(&changes.schedules)?;
        self.claims(&changes.claims);
        self.reservations(&changes.reservations)?;
        self.ledger(changes.ledger);
        self.payments(changes.payments);
        self.refunds(changes.refunds);
        self.tickets(&changes.tickets)?;
        self.drawings(changes.drawings);
        self.draw_parts(changes.draw_parts);
        self.events(changes.events)?;
        self.staff_actions(changes.staff_actions);
        self.once(&changes.once);
        let mut rows = Rows::new("seat_change (schedule_id, version, at, seats)");
        for change in changes.seat_changes {
            let seats = codec::seats_text(change.seats.iter().map(|(seat, _)| *seat));
            rows.add(&values![change.schedule, change.version, now, &seats], Key::Schedule(change.schedule));
        }
        self.insert(rows);
        Ok(())
    }

    /// Plain inserts, many rows to a statement.
    fn insert(&mut self, rows: Rows) {
        for chunk in rows.tuples.chunks(LIST_MAX) {
            let (rows_of, keys): (Vec<&str>, Vec<Key>) =
                chunk.iter().map(|(row, key)| (row.as_str(), key.clone())).unzip();
            self.statements.push(Statement {
                sql: format!("INSERT INTO {} VALUES {}", rows.into, rows_of.join(",")),
                rows: keys.len() as u64,
                keys,
                look: rows.look,
                as_loaded: Vec::new(),
            });
        }
    }

    /// Plain inserts of rows that no command names: whoever has added them twice is found by halving the group.
    fn insert_unnamed(&mut self, into: &str, rows: &[String]) {
        for chunk in rows.chunks(LIST_MAX) {
            self.statements.push(Statement {
                sql: format!("INSERT INTO {into} VALUES {}", chunk.join(",")),
                keys: Vec::new(),
                rows: chunk.len() as u64,
                look: None,
                as_loaded: Vec::new(),
            });
        }
    }

    /// An update or delete of the one row that was loaded.
    fn matched(&mut self, template: &str, values: &[Value<'_>], key: Key) {
        self.matched_of(template, values, vec![key]);
    }

    fn matched_of(&mut self, template: &str, values: &[Value<'_>], keys: Vec<Key>) {
        let sql = fill(template, values);
        self.statements.push(Statement { sql, keys, rows: 1, look: None, as_loaded: Vec::new() });
    }

    fn accounts(&mut self, changes: &[Change<'_, UserId, Account>]) -> Saved {
        let mut rows = Rows::new(
            "account (user_id, email, name, role, standing, credential, password_hash, created_at, changed_at, \
             row_version)",
        );
        for change in changes {
            let key = Key::Account(*change.key);
            let Some(account) = change.after else { return Err(never_deleted(&key)) };
            let email = account.email.as_ref().map(|email| email.as_str().as_bytes());
            let (credential, hash) = codec::credential_columns(&account.credential);
            let (role, standing) =
                (codec::role_number(account.role), codec::standing_number(account.standing));
            let (made_at, changed_at) = (account.created_at, account.changed_at);
            let Some((_, version)) = change.before else {
                let name = &account.name;
                let id = &account.id;
                rows.add(
                    &values![id, email, name, role, standing, credential, hash, made_at, changed_at, 1_u8],
                    key,
                );
                continue;
            };
            self.matched(
                "UPDATE account SET email = ?, name = ?, role = ?, standing = ?, credential = ?, password_hash = ?, \
                 created_at = ?, changed_at = ?, row_version = row_version + 1 WHERE user_id = ? AND row_version = ?",
                &values![
                    email, &account.name, role, standing, credential, hash, made_at, changed_at, &account.id, version
                ],
                key,
            );
        }
        self.insert(rows);
        Ok(())
    }

    fn emails(&mut self, changes: &[Change<'_, Email, UserId>]) {
        let mut rows = Rows::new("account_email (email, user_id, row_version)");
        rows.look = Some(Look::Emails);
        for change in changes.iter().filter(|change| change.after.is_none()) {
            let Some((_, version)) = change.before else { continue };
            self.matched(
                "DELETE FROM account_email WHERE email = ? AND row_version = ?",
                &values![change.key.as_str().as_bytes(), version],
                Key::Email(change.key.clone()),
            );
        }
        for change in changes {
            let (email, key) = (change.key.as_str().as_bytes(), Key::Email(change.key.clone()));
            match (change.before, change.after) {
                (None, Some(user)) => rows.add(&values![email, user, 1_u8], key),
                (Some((_, version)), Some(user)) => self.matched(
                    "UPDATE account_email SET user_id = ?, row_version = row_version + 1 \
                     WHERE email = ? AND row_version = ?",
                    &values![user, email, version],
                    key,
                ),
                (_, None) => {}
            }
        }
        self.insert(rows);
    }

    fn identities(&mut self, changes: &[Change<'_, [u8; 16], UserId>]) {
        let mut rows = Rows::new("account_identity (identity, user_id)");
        rows.look = Some(Look::Identities);
        for change in changes {
            rows.add(&values![change.key, change.after], Key::Identity(*change.key));
        }
        self.insert(rows);
    }

    fn logins(&mut self, changes: &[Change<'_, LoginId, Login>]) -> Saved {
        let mut rows =
            Rows::new("login (login_id, user_id, generation, rotated_at, expires_at, ended, row_version)");
        for change in changes {
            let key = Key::Login(*change.key);
            let Some(login) = change.after else { return Err(never_deleted(&key)) };
            let (rotated, expires) = (login.rotated_at, login.expires_at);
            let Some((_, version)) = change.before else {
                rows.add(
                    &values![&login.id, &login.user, login.generation, rotated, expires, login.ended, 1_u8],
                    key,
                );
                continue;
            };
            self.matched(
                "UPDATE login SET user_id = ?, generation = ?, rotated_at = ?, expires_at = ?, ended = ?, \
                 row_version = row_version + 1 WHERE login_id = ? AND row_version = ?",
                &values![&login.user, login.generation, rotated, expires, login.ended, &login.id, version],
                key,
            );
        }
        self.insert(rows);
        Ok(())
    }

    fn wallets(&mut self, changes: &[Change<'_, UserId, Wallet>]) -> Saved {
        let mut rows = Rows::new("wallet (user_id, balance, last_entry, last_event, row_version)");
        let mut updates = Updates::new("wallet", "user_id", &["balance", "last_entry", "last_event"]);
        for change in changes {
            let key = Key::Wallet(*change.key);
            let Some(wallet) = change.after else { return Err(never_deleted(&key)) };
            let Some((_, version)) = change.before else {
                let (entry, event) = (wallet.last_entry, wallet.last_event);
                rows.add(&values![&wallet.user, wallet.balance, entry, event, 1_u8], key);
                continue;
            };
            let now = values![wallet.balance, wallet.last_entry, wallet.last_event];
            updates.add((&wallet.user).into(), version, &now, key);
        }
        self.update(&updates);
        self.insert(rows);
        Ok(())
    }

    fn counters(&mut self, changes: &[Change<'_, Counter, u32>]) -> Saved {
        let mut rows = Rows::new("counter (name, value, row_version)");
        for change in changes {
            let key = Key::Counter(*change.key);
            let Some(value) = change.after else { return Err(never_deleted(&key)) };
            let name = counter_number(*change.key);
            match change.before {
                None => rows.add(&values![name, *value, 1_u8], key),
                Some((_, version)) => self.matched(
                    "UPDATE counter SET value = ?, row_version = row_version + 1 WHERE name = ? AND row_version = ?",
                    &values![*value, name, version],
                    key,
                ),
            }
        }
        self.insert(rows);
        Ok(())
    }

    /// Outcomes under keys, by the table of their day.
    fn once(&mut self, changes: &[Change<'_, [u8; 16], OnceRecord>]) {
        let mut kept: Vec<(&[u8; 16], &OnceRecord)> =
            changes.iter().filter_map(|change| Some((change.key, change.after?))).collect();
        kept.sort_by_key(|(_, record)| record.created_at.day());
        for of_day in kept.chunk_by(|(_, a), (_, b)| a.created_at.day() == b.created_at.day()) {
            let day = of_day[0].1.created_at.day();
            let mut rows = Rows::new(&format!("{} ({})", once::table(day), once::COLUMNS));
            rows.look = Some(Look::Once(day));
            for (key, record) in of_day {
                let outcome = record.outcome.as_slice();
                rows.add(&values![*key, &record.request, outcome, record.created_at], Key::Once(**key));
            }
            self.insert(rows);
        }
    }
}

fn never_deleted(key: &Key) -> StoreError {
    StoreError::Broken(format!("{key:?} is a kind of record that is never deleted"))
}
