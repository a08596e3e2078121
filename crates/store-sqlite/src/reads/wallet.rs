//! Queries about wallets and payments.

use std::future::ready;
use std::sync::{Arc, LazyLock};

use frontrow_application::store::{PaymentReads, PaymentRecord, Read, WalletReads};
use frontrow_domain::wallet::{LedgerEntry, Wallet};
use frontrow_domain::{PaymentId, UserId};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::{AFTER_ALL, all, bare, newest_first, one, rows};
use crate::SqliteReads;
use crate::codec::{self, ENTRY_COLUMNS, PAYMENT_COLUMNS, REFUND_COLUMNS, WALLET_COLUMNS};
use crate::load::select;

impl WalletReads for SqliteReads {
    fn wallet(&self, user: UserId) -> Read<'_, Option<Wallet>> {
        if let Some(kept) = self.live.read().wallets.get(&user) {
            return Box::pin(ready(Ok(Some(kept.value.0.clone()))));
        }
        self.point(move |connection| {
            let sql = select(WALLET_COLUMNS, "wallet WHERE user_id = ?1");
            one(connection, &sql, [user.bytes()], bare(codec::wallet))
        })
    }

    fn entries(&self, user: UserId, below: Option<u64>, limit: usize) -> Read<'_, Vec<LedgerEntry>> {
        let of_memory: Vec<LedgerEntry> = {
            let state = self.live.read();
            let kept = state.ledger.get(&user).into_iter().flatten().map(|kept| &kept.value);
            kept.filter(|entry| below.is_none_or(|below| entry.number < below)).cloned().collect()
        };
        self.scan(move |connection| {
            let sql = select(
                ENTRY_COLUMNS,
                "ledger WHERE user_id = ?1 AND (?2 IS NULL OR number < ?2) ORDER BY number DESC LIMIT ?3",
            );
            let of_tables = all(connection, &sql, (user.bytes(), below, rows(limit)), codec::entry)?;
            let mut found = newest_first(of_memory, of_tables, |entry| entry.number);
            found.truncate(limit);
            Ok(found)
        })
    }
}

impl PaymentReads for SqliteReads {
    fn payment(&self, id: PaymentId) -> Read<'_, Option<PaymentRecord>> {
        let (payment, refund) = {
            let state = self.live.read();
            let payment = state.payments.get(&id).map(|kept| kept.value.clone());
            (payment, state.refunds.get(&id).map(|kept| kept.value.clone()))
        };
        if let Some(payment) = payment {
            // A payment that is in memory still is younger than its refund.
            return Box::pin(ready(Ok(Some(PaymentRecord { payment, refund }))));
        }
        self.point(move |connection| {
            let sql = format!("{} WHERE payment_id = ?1", *WITH_REFUND);
            let found = one(connection, &sql, [id.bytes()], payment_record)?;
            Ok(found.map(|record| PaymentRecord { refund: record.refund.or(refund), ..record }))
        })
    }

    fn payments_of(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Read<'_, Vec<PaymentRecord>> {
        let live = Arc::clone(&self.live);
        let of_memory: Vec<PaymentRecord> = {
            let state = live.read();
            let ids = state.payments_of.get(&user).into_iter().flatten();
            let ids = ids.filter(|id| before.is_none_or(|before| **id < before));
            let kept = ids.filter_map(|id| state.payments.get(id));
            kept.map(|kept| PaymentRecord { payment: kept.value.clone(), refund: None }).collect()
        };
        self.scan(move |connection| {
            let sql = format!(
                "{} WHERE payment.user_id = ?1 AND payment_id < ?2 ORDER BY payment_id DESC LIMIT ?3",
                *WITH_REFUND
            );
            let before = before.as_ref().map_or(&AFTER_ALL[..], |before| before.bytes());
            let of_tables = all(connection, &sql, (user.bytes(), before, rows(limit)), payment_record)?;
            let mut found = newest_first(of_memory, of_tables, |record| record.payment.id);
            found.truncate(limit);
            let state = live.read();
            for record in found.iter_mut().filter(|record| record.refund.is_none()) {
                record.refund = state.refunds.get(&record.payment.id).map(|kept| kept.value.clone());
            }
            Ok(found)
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
