//! Queries about wallets and payments.

use std::sync::LazyLock;

use frontrow_application::store::{PaymentReads, PaymentRecord, Read, WalletReads};
use frontrow_domain::wallet::{LedgerEntry, Wallet};
use frontrow_domain::{PaymentId, UserId};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::{AFTER_ALL, all, bare, one, rows};
use crate::SqliteReads;
use crate::codec::{self, ENTRY_COLUMNS, PAYMENT_COLUMNS, REFUND_COLUMNS, WALLET_COLUMNS};
use crate::load::select;

impl WalletReads for SqliteReads {
    fn wallet(&self, user: UserId) -> Read<'_, Option<Wallet>> {
        self.point(|connection| {
            let sql = select(WALLET_COLUMNS, "wallet WHERE user_id = ?1");
            one(connection, &sql, [user.bytes()], bare(codec::wallet))
        })
    }

    fn entries(&self, user: UserId, below: Option<u64>, limit: usize) -> Read<'_, Vec<LedgerEntry>> {
        self.scan(move |connection| {
            let sql = select(
                ENTRY_COLUMNS,
                "ledger WHERE user_id = ?1 AND (?2 IS NULL OR number < ?2) ORDER BY number DESC LIMIT ?3",
            );
            all(connection, &sql, (user.bytes(), below, rows(limit)), codec::entry)
        })
    }
}

impl PaymentReads for SqliteReads {
    fn payment(&self, id: PaymentId) -> Read<'_, Option<PaymentRecord>> {
        self.point(|connection| {
            let sql = format!("{} WHERE payment_id = ?1", *WITH_REFUND);
            one(connection, &sql, [id.bytes()], payment_record)
        })
    }

    fn payments_of(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Read<'_, Vec<PaymentRecord>> {
        self.scan(move |connection| {
            let sql = format!(
                "{} WHERE payment.user_id = ?1 AND payment_id < ?2 ORDER BY payment_id DESC LIMIT ?3",
                *WITH_REFUND
            );
            let before = before.as_ref().map_or(&AFTER_ALL[..], |before| before.bytes());
            all(connection, &sql, (user.bytes(), before, rows(limit)), payment_record)
        })
    }
}

/// Payments, each with its refund or with nothing in its place.
static WITH_REFUND: LazyLock<String> = LazyLock::new(|| {
    let of = |table: &str, columns: &str| {
        columns.split(", ").map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
    };
    let columns = format!("{}, {}", of("payment", PAYMENT_COLUMNS), of("refund", REFUND_COLUMNS));
    // The one column that both have in common is the same in both.
    select(&columns, "payment LEFT JOIN refund USING (payment_id)")
});

/// Where the columns of the refund begin.
const REFUND_FIRST: usize = 9;

fn payment_record(row: &Row<'_>) -> rusqlite::Result<PaymentRecord> {
    let is_refunded = row.get_ref(REFUND_FIRST)? != ValueRef::Null;
    let refund = is_refunded.then(|| codec::refund(row, REFUND_FIRST)).transpose()?;
    Ok(PaymentRecord { payment: codec::payment(row)?, refund })
}
