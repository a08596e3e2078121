//! Queries about wallets and payments.

use frontrow_application::store::{PaymentReads, PaymentRecord, Read, WalletReads};
use frontrow_domain::wallet::{LedgerEntry, Wallet};
use frontrow_domain::{PaymentId, UserId};

use super::{and_before, answer, limit};
use crate::MysqlReads;
use crate::codec::{self, ENTRY_COLUMNS, PAYMENT_COLUMNS, REFUND_COLUMNS, WALLET_COLUMNS};
use crate::load::select;
use crate::row::{Result, Row, all, bare, first};
use crate::sql::{fill, values};

impl WalletReads for MysqlReads {
    fn wallet(&self, user: UserId) -> Read<'_, Option<Wallet>> {
        answer(async move {
            let sql = fill(&select(WALLET_COLUMNS, "wallet WHERE user_id = ?"), &values![&user]);
            first(&self.rows(sql).await?, bare(codec::wallet))
        })
    }

    fn entries(&self, user: UserId, below: Option<u64>, count: usize) -> Read<'_, Vec<LedgerEntry>> {
        answer(async move {
            let from = "ledger WHERE user_id = ? AND number < ? ORDER BY number DESC LIMIT ?";
            let below = below.unwrap_or(u64::MAX);
            let sql = fill(&select(ENTRY_COLUMNS, from), &values![&user, below, limit(count)]);
            all(&self.rows(sql).await?, codec::entry)
        })
    }
}

impl PaymentReads for MysqlReads {
    fn payment(&self, id: PaymentId) -> Read<'_, Option<PaymentRecord>> {
        answer(async move {
            let sql = fill(&format!("{} WHERE payment.payment_id = ?", with_refund("")), &values![&id]);
            first(&self.rows(sql).await?, payment_record)
        })
    }

    fn payments_of(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        count: usize,
    ) -> Read<'_, Vec<PaymentRecord>> {
        answer(async move {
            let from = with_refund(" FORCE INDEX (payment_by_fan)");
            let mut sql = fill(&format!("{from} WHERE payment.user_id = ?"), &values![&user]);
            sql.push_str(&and_before("payment.payment_id", before.as_ref().map(PaymentId::bytes)));
            sql.push_str(&fill(" ORDER BY payment.payment_id DESC LIMIT ?", &values![limit(count)]));
            all(&self.rows(sql).await?, payment_record)
        })
    }
}

/// Payments, each with its refund or with nothing in its place.
fn with_refund(by: &str) -> String {
    let of = |table: &str, columns: &str| {
        columns.split(", ").map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
    };
    let columns = format!("{}, {}", of("payment", PAYMENT_COLUMNS), of("refund", REFUND_COLUMNS));
    select(&columns, &format!("payment{by} LEFT JOIN refund ON refund.payment_id = payment.payment_id"))
}

/// Where the columns of the refund begin.
const REFUND_FIRST: usize = 9;

fn payment_record(row: &Row<'_>) -> Result<PaymentRecord> {
    let is_refunded = !row.is_null(REFUND_FIRST)?;
    let refund = is_refunded.then(|| codec::refund(row, REFUND_FIRST)).transpose()?;
    Ok(PaymentRecord { payment: codec::payment(row)?, refund })
}
