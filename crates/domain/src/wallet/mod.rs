//! The wallet: a prepaid balance whose every change is one ledger entry with the balance before and after.
//!
//! The ledger is double-entry without a second row: an entry moves `amount` into the wallet and the same
//! amount out of its [`CounterAccount`]. Counter-accounts have no row and no balance of their own (they would
//! be the hottest rows of all); their balances are sums over the ledger.

use crate::{Money, PaymentId, ReservationId, Timestamp, TransactionId, UserId};

/// A fan's balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// Whose it is.
    pub user: UserId,
    /// What is in it; never negative.
    pub balance: Money,
    /// The number of its newest ledger entry; 0 when there is none.
    pub last_entry: u64,
    /// The sequence number of its newest event; 0 when there is none.
    pub last_event: u64,
}

/// The other side of a ledger entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CounterAccount {
    /// The world outside: cards and cash.
    External,
    /// What the promoter has sold.
    Sales,
    /// What was kept of a refund.
    Fees,
}

/// How a charge was paid in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChargeMethod {
    /// By card.
    Card,
    /// In cash, at the box office.
    Cash,
}

/// What a ledger entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Money paid in.
    Charge(ChargeMethod),
    /// A reservation paid.
    Payment {
        /// The payment.
        payment: PaymentId,
        /// What it paid for.
        reservation: ReservationId,
    },
    /// What was paid for a reservation, given back whole.
    Refund {
        /// The payment.
        payment: PaymentId,
        /// What it had paid for.
        reservation: ReservationId,
    },
    /// What is kept of a refund.
    Fee {
        /// The payment.
        payment: PaymentId,
        /// What it had paid for.
        reservation: ReservationId,
    },
}

impl EntryKind {
    /// Where the money came from or went to.
    pub const fn counter_account(self) -> CounterAccount {
        match self {
            Self::Charge(_) => CounterAccount::External,
            Self::Payment { .. } | Self::Refund { .. } => CounterAccount::Sales,
            Self::Fee { .. } => CounterAccount::Fees,
        }
    }
}

/// One line of the append-only ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Whose wallet.
    pub user: UserId,
    /// Its number in that wallet, from 1 without a gap.
    pub number: u64,
    /// The id that fans see.
    pub transaction: TransactionId,
    /// What it is about.
    pub kind: EntryKind,
    /// What went into the wallet; negative for what went out.
    pub amount: Money,
    /// The balance before it.
    pub before: Money,
    /// The balance after it.
    pub after: Money,
    /// When it was made.
    pub at: Timestamp,
}

/// What a server lets fans charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargePolicy {
    /// The least that one charge may bring.
    pub charge_min: Money,
    /// The most that one charge may bring.
    pub charge_max: Money,
    /// The highest balance that a charge may lead to. It binds charges only, never refunds.
    pub balance_max: Money,
}

/// Why a charge is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChargeRefused {
    /// Outside the policy's minimum and maximum.
    #[error("the amount is outside the limits for one charge")]
    InvalidAmount,
    /// The balance would pass the cap.
    #[error("the balance would pass its limit")]
    BalanceLimit,
}

/// The balance would leave the range of [`Money`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the balance would leave the exact range of money")]
pub struct BalanceOutOfRange;

/// There is too little in the wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the balance is too low")]
pub struct InsufficientBalance {
    /// What had to be paid.
    pub required: Money,
    /// What is there.
    pub balance: Money,
}

impl Wallet {
    /// The empty wallet that is made together with an account.
    pub const fn empty(user: UserId) -> Self {
        Self { user, balance: Money::ZERO, last_entry: 0, last_event: 0 }
    }

    /// Pays `amount` in.
    pub fn charge(
        self,
        transaction: TransactionId,
        amount: Money,
        method: ChargeMethod,
        policy: &ChargePolicy,
        now: Timestamp,
    ) -> Result<(Self, LedgerEntry), ChargeRefused> {
        if amount < policy.charge_min || amount > policy.charge_max {
            return Err(ChargeRefused::InvalidAmount);
        }
        match self.balance.plus(amount) {
            Some(after) if after <= policy.balance_max => {
                Ok(self.enter(transaction, EntryKind::Charge(method), amount, after, now))
            }
            _ => Err(ChargeRefused::BalanceLimit),
        }
    }

    /// Pays `amount` (not negative) out for a reservation.
    pub fn pay(
        self,
        transaction: TransactionId,
        amount: Money,
        payment: PaymentId,
        reservation: ReservationId,
        now: Timestamp,
    ) -> Result<(Self, LedgerEntry), InsufficientBalance> {
        match self.balance.minus(amount) {
            Some(after) if !after.is_negative() => {
                let kind = EntryKind::Payment { payment, reservation };
                Ok(self.enter(transaction, kind, amount.negated(), after, now))
            }
            _ => Err(InsufficientBalance { required: amount, balance: self.balance }),
        }
    }

    /// Takes in money that is paid out again at once, such as cash at the box office: no limit binds it.
    pub fn pass_through(
        self,
        transaction: TransactionId,
        amount: Money,
        method: ChargeMethod,
        now: Timestamp,
    ) -> Result<(Self, LedgerEntry), BalanceOutOfRange> {
        let after = self.balance.plus(amount).ok_or(BalanceOutOfRange)?;
        Ok(self.enter(transaction, EntryKind::Charge(method), amount, after, now))
    }

    /// Gives back what was paid for a reservation: the whole `amount`, then the `fee` that is kept of it, if any.
    /// No limit on the balance binds a refund.
    pub fn refund(
        self,
        transactions: [TransactionId; 2],
        paid: (PaymentId, ReservationId),
        amount: Money,
        fee: Money,
        now: Timestamp,
    ) -> Result<(Self, Vec<LedgerEntry>), BalanceOutOfRange> {
        let (payment, reservation) = paid;
        let after = self.balance.plus(amount).ok_or(BalanceOutOfRange)?;
        let kind = EntryKind::Refund { payment, reservation };
        let (wallet, back) = self.enter(transactions[0], kind, amount, after, now);
        if fee == Money::ZERO {
            return Ok((wallet, vec![back]));
        }
        let after = wallet.balance.minus(fee).filter(|after| !after.is_negative());
        let kind = EntryKind::Fee { payment, reservation };
        let after = after.ok_or(BalanceOutOfRange)?;
        let (wallet, kept) = wallet.enter(transactions[1], kind, fee.negated(), after, now);
        Ok((wallet, vec![back, kept]))
    }

    /// The number for the next event of this wallet, and the wallet that has given it out.
    pub fn next_event(self) -> (Self, u64) {
        let number = self.last_event.saturating_add(1);
        (Self { last_event: number, ..self }, number)
    }

    fn enter(
        self,
        transaction: TransactionId,
        kind: EntryKind,
        amount: Money,
        after: Money,
        at: Timestamp,
    ) -> (Self, LedgerEntry) {
        let number = self.last_entry.saturating_add(1);
        let entry = LedgerEntry {
            user: self.user,
            number,
            transaction,
            kind,
            amount,
            before: self.balance,
            after,
            at,
        };
        (Self { balance: after, last_entry: number, ..self }, entry)
    }
}

#[cfg(test)]
mod tests;
