//! Queries about accounts.

use frontrow_application::store::{AccountReads, Read};
use frontrow_domain::account::{Account, Email};
use frontrow_domain::records::Digest;
use frontrow_domain::{Timestamp, UserId};

use super::{AFTER_ALL, all, bare, contains, one, rows};
use crate::SqliteReads;
use crate::codec::{self, ACCOUNT_COLUMNS};
use crate::load::select;

impl AccountReads for SqliteReads {
    fn account(&self, id: UserId) -> Read<'_, Option<Account>> {
        self.point(|connection| {
            let sql = select(ACCOUNT_COLUMNS, "account WHERE user_id = ?1");
            one(connection, &sql, [id.bytes()], bare(codec::account))
        })
    }

    fn account_by_email<'a>(&'a self, email: &'a Email) -> Read<'a, Option<Account>> {
        self.point(|connection| {
            let sql = select(
                ACCOUNT_COLUMNS,
                "account WHERE user_id = (SELECT user_id FROM account_email WHERE email = ?1)",
            );
            one(connection, &sql, [email.as_str().as_bytes()], bare(codec::account))
        })
    }

    fn identity(&self, identity: Digest) -> Read<'_, Option<UserId>> {
        self.point(|connection| {
            let sql = "SELECT user_id FROM account_identity WHERE identity = ?1";
            one(connection, sql, [identity], |row| codec::user(row, 0))
        })
    }

    fn has_no_accounts(&self) -> Read<'_, bool> {
        self.point(|connection| {
            connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM account)", [], |row| row.get(0))
        })
    }

    fn accounts_changed(&self, since: Timestamp) -> Read<'_, Vec<Account>> {
        self.point(move |connection| {
            let sql = select(ACCOUNT_COLUMNS, "account WHERE changed_at >= ?1");
            all(connection, &sql, [since.micros()], bare(codec::account))
        })
    }

    fn accounts(&self, text: Option<String>, before: Option<UserId>, limit: usize) -> Read<'_, Vec<Account>> {
        self.scan(move |connection| {
            let sql = select(
                ACCOUNT_COLUMNS,
                "account WHERE user_id < ?1 AND (?2 IS NULL OR name LIKE ?2 ESCAPE '\\' \
                 OR CAST(email AS TEXT) LIKE ?2 ESCAPE '\\') ORDER BY user_id DESC LIMIT ?3",
            );
            let before = before.as_ref().map_or(&AFTER_ALL[..], |before| before.bytes());
            let pattern = text.as_deref().map(contains);
            all(connection, &sql, (before, pattern, rows(limit)), bare(codec::account))
        })
    }
}
