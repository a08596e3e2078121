//! Queries about wallets and payments.

use frontrow_application::store::{PaymentReads, Read, WalletReads};
use frontrow_domain::payment::Payment;
use frontrow_domain::wallet::{LedgerEntry, Wallet};
use frontrow_domain::{PaymentId, UserId};

use super::{all, bare, one, rows};
use crate::SqliteReads;
use crate::codec::{self, ENTRY_COLUMNS, PAYMENT_COLUMNS, WALLET_COLUMNS};
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
    fn payment(&self, id: PaymentId) -> Read<'_, Option<Payment>> {
        self.point(|connection| {
            let sql = select(PAYMENT_COLUMNS, "payment WHERE payment_id = ?1");
            one(connection, &sql, [id.bytes()], codec::payment)
        })
    }

    fn payments_of(&self, user: UserId, before: Option<PaymentId>, limit: usize) -> Read<'_, Vec<Payment>> {
        self.scan(move |connection| {
            let sql = select(
                PAYMENT_COLUMNS,
                "payment WHERE user_id = ?1 AND (?2 IS NULL OR payment_id < ?2) ORDER BY payment_id DESC LIMIT ?3",
            );
            let before = before.as_ref().map(PaymentId::bytes);
            all(connection, &sql, (user.bytes(), before, rows(limit)), codec::payment)
        })
    }
}
