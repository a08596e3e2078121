//! Queries about accounts.

use frontrow_application::store::{AccountReads, Read};
use frontrow_domain::account::{Account, Email};
use frontrow_domain::records::Digest;
use frontrow_domain::{Timestamp, UserId};

use super::{and_before, answer, limit};
use crate::MysqlReads;
use crate::codec::{self, ACCOUNT_COLUMNS};
use crate::load::select;
use crate::row::{all, bare, first};
use crate::sql::{Value, containing, fill, values};

impl AccountReads for MysqlReads {
    fn account(&self, id: UserId) -> Read<'_, Option<Account>> {
        answer(async move {
            let sql = fill(&select(ACCOUNT_COLUMNS, "account WHERE user_id = ?"), &values![&id]);
            first(&self.rows(sql).await?, bare(codec::account))
        })
    }

    fn account_by_email<'a>(&'a self, email: &'a Email) -> Read<'a, Option<Account>> {
        answer(async move {
            let from = "account WHERE user_id = (SELECT user_id FROM account_email WHERE email = ?)";
            let sql = fill(&select(ACCOUNT_COLUMNS, from), &values![email.as_str().as_bytes()]);
            first(&self.rows(sql).await?, bare(codec::account))
        })
    }

    fn identity(&self, identity: Digest) -> Read<'_, Option<UserId>> {
        answer(async move {
            let sql = fill("SELECT user_id FROM account_identity WHERE identity = ?", &values![&identity]);
            first(&self.rows(sql).await?, |row| codec::user(row, 0))
        })
    }

    fn has_no_accounts(&self) -> Read<'_, bool> {
        answer(async move {
            let rows = self.rows("SELECT NOT EXISTS (SELECT 1 FROM account)".to_owned()).await?;
            Ok(first(&rows, |row| row.get(0))?.unwrap_or(true))
        })
    }

    fn accounts_changed(&self, since: Timestamp) -> Read<'_, Vec<Account>> {
        answer(async move {
            let from = "account FORCE INDEX (account_changed) WHERE changed_at >= ?";
            let sql = fill(&select(ACCOUNT_COLUMNS, from), &values![since]);
            all(&self.rows(sql).await?, bare(codec::account))
        })
    }

    fn accounts(&self, text: Option<String>, before: Option<UserId>, count: usize) -> Read<'_, Vec<Account>> {
        answer(async move {
            let mut sql = select(ACCOUNT_COLUMNS, "account WHERE TRUE");
            sql.push_str(&and_before("user_id", before.as_ref().map(UserId::bytes)));
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                let pattern = containing(&text);
                let pattern = Value::Text(&pattern);
                let found =
                    " AND (name REGEXP ? OR CONVERT(email USING utf8mb4) COLLATE utf8mb4_bin REGEXP ?)";
                sql.push_str(&fill(found, &[pattern, pattern]));
            }
            sql.push_str(&fill(" ORDER BY user_id DESC LIMIT ?", &values![limit(count)]));
            all(&self.rows(sql).await?, bare(codec::account))
        })
    }
}
