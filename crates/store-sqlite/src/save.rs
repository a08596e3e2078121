//! Saving at once what does not go through the journal: accounts, addresses, identities, log-ins, counters, concerts,
//! schedules that are made or edited, drawings, drawn orders, and the audit log. Rows in order of key; tables in one fixed order.
//! Everything that is loaded is matched on the row version that was loaded, and nothing is ever an upsert: an upsert
//! silently overwrites a winner.

mod catalog;
mod staff;

use frontrow_application::store::StoreError;
use frontrow_domain::account::{Account, Email, Login};
use frontrow_domain::records::{Change, Changes, Counter, Key, Keys};
use frontrow_domain::{LoginId, Timestamp, UserId};
use rusqlite::{Connection, Params};

use crate::codec;
use crate::error::store_error;
use crate::journal::is_move;
use crate::load::counter_number;

type Saved = Result<(), StoreError>;

/// Saves every change that has its place in a table at once.
pub(crate) fn save(connection: &Connection, changes: &Changes<'_>) -> Saved {
    let saver = Saver { connection };
    changes.accounts.iter().try_for_each(|change| saver.account(change))?;
    changes.emails.iter().try_for_each(|change| saver.email(change))?;
    changes.identities.iter().try_for_each(|change| {
        let key = Key::Identity(*change.key);
        let values = (change.key, change.after.map(UserId::bytes));
        saver.insert("INSERT INTO account_identity (identity, user_id) VALUES (?1, ?2)", values, key)
    })?;
    changes.logins.iter().try_for_each(|change| saver.login(change))?;
    changes.counters.iter().try_for_each(|change| saver.counter(change))?;
    changes.concerts.iter().try_for_each(|change| saver.concert(change))?;
    changes
        .schedules
        .iter()
        .filter(|change| !is_move(change))
        .try_for_each(|change| saver.schedule(change))?;
    changes.drawings.iter().try_for_each(|drawing| saver.drawing(drawing))?;
    changes.draw_parts.iter().try_for_each(|part| saver.draw_part(part))?;
    saver.staff_actions(changes.staff_actions)
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
            account.changed_at.map(Timestamp::micros),
        );
        match change.before {
            None => self.insert(
                "INSERT INTO account (user_id, email, name, role, standing, credential, password_hash, \
                 created_at, row_version, changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 + 1, ?10)",
                values,
                key,
            ),
            Some(_) => self.matched(
                "UPDATE account SET email = ?2, name = ?3, role = ?4, standing = ?5, credential = ?6, \
                 password_hash = ?7, created_at = ?8, row_version = ?9 + 1, changed_at = ?10 \
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
}

/// The row version of a record as it was loaded; 0 of one that was not there.
pub(crate) fn loaded_version<V>(before: Option<(V, u64)>) -> u64 {
    before.map_or(0, |(_, version)| version)
}

pub(crate) fn never_deleted(key: &Key) -> StoreError {
    StoreError::Broken(format!("{key:?} is a kind of record that is never deleted"))
}
