//! Money in whole minor units of one currency (won for KRW), with checked arithmetic only (ADR 0004).

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in whole minor units of the server's currency. Signed: a debit in the ledger is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The largest amount that the interface takes and gives: every integer up to it is exact in the
    /// double-precision numbers of JavaScript clients (2^53 - 1).
    pub const MAX: Self = Self((1 << 53) - 1);

    /// An amount of `minor` units.
    pub const fn of(minor: i64) -> Self {
        Self(minor)
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// True for amounts below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The sum, or nothing when it leaves the range of -[`Money::MAX`]..=[`Money::MAX`].
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self).filter(|sum| sum.0.abs() <= Self::MAX.0)
    }

    /// The difference, or nothing when it leaves the range.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self).filter(|difference| difference.0.abs() <= Self::MAX.0)
    }

    /// The same amount with the other sign.
    pub const fn negated(self) -> Self {
        // The range is symmetric, so this cannot overflow for an amount that passed a check; saturating keeps
        // it total for one that did not.
        Self(self.0.saturating_neg())
    }

    /// The sum of many amounts, or nothing when it leaves the range.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An ISO 4217 currency code: three capital letters. One per server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The won, the default.
    pub const KRW: Self = Self(*b"KRW");

    /// Reads three capital letters.
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// The code as text.
    pub fn code(&self) -> &str {
        // Only capital letters are ever stored, so the fallback is unreachable; it keeps this total.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plus_and_minus_undo_each_other_or_refuse(a in any::<i64>(), b in any::<i64>()) {
            let (a, b) = (Money::of(a), Money::of(b));
            if let Some(sum) = a.plus(b)
                && a.minor().abs() <= Money::MAX.minor()
            {
                prop_assert_eq!(sum.minus(b), Some(a));
            }
        }

        #[test]
        fn nothing_outside_the_exact_range_is_ever_made(a in any::<i64>(), b in any::<i64>()) {
            for result in [Money::of(a).plus(Money::of(b)), Money::of(a).minus(Money::of(b))].into_iter().flatten() {
                prop_assert!(result.minor().unsigned_abs() <= Money::MAX.minor().unsigned_abs());
            }
        }

        #[test]
        fn a_sum_does_not_depend_on_the_order(mut amounts in prop::collection::vec(0_i64..1_000_000_000, 0..50)) {
            let forward = Money::sum(amounts.iter().copied().map(Money::of));
            amounts.reverse();
            prop_assert_eq!(forward, Money::sum(amounts.into_iter().map(Money::of)));
        }
    }

    #[test]
    fn currencies_are_three_capitals() {
        assert_eq!(Currency::parse("KRW"), Some(Currency::KRW));
        for code in ["", "KR", "krw", "KRWX", "₩₩"] {
            assert_eq!(Currency::parse(code), None, "{code:?}");
        }
    }
}
