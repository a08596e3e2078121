use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const POLICY: ChargePolicy = ChargePolicy {
    charge_min: Money::of(1_000),
    charge_max: Money::of(1_000_000),
    balance_max: Money::of(10_000_000),
};
const NOW: Timestamp = Timestamp::from_micros(1);

fn transaction(number: u64) -> TransactionId {
    TransactionId::new(Uuid::from_u128(u128::from(number)))
}

fn wallet_with(balance: i64) -> Wallet {
    Wallet { balance: Money::of(balance), ..Wallet::empty(UserId::new(Uuid::nil())) }
}

#[test]
fn charges_keep_to_the_policy() {
    let charge = |balance, amount| {
        wallet_with(balance).charge(transaction(1), Money::of(amount), ChargeMethod::Card, &POLICY, NOW)
    };
    assert_eq!(charge(0, 999), Err(ChargeRefused::InvalidAmount));
    assert_eq!(charge(0, 1_000_001), Err(ChargeRefused::InvalidAmount));
    assert_eq!(charge(0, -5), Err(ChargeRefused::InvalidAmount));
    assert_eq!(charge(9_999_000, 1_001), Err(ChargeRefused::BalanceLimit));
    assert_eq!(charge(9_999_000, 1_000).map(|(wallet, _)| wallet.balance), Ok(Money::of(10_000_000)));
}

#[test]
fn nothing_may_cost_nothing_and_too_little_changes_nothing() {
    let payment = PaymentId::new(Uuid::nil());
    let reservation = ReservationId::new(Uuid::nil());
    let (wallet, entry) =
        wallet_with(0).pay(transaction(1), Money::ZERO, payment, reservation, NOW).expect("free");
    assert_eq!((wallet.balance, entry.amount), (Money::ZERO, Money::ZERO));
    let refused = wallet_with(99).pay(transaction(1), Money::of(100), payment, reservation, NOW);
    assert_eq!(refused, Err(InsufficientBalance { required: Money::of(100), balance: Money::of(99) }));
}

#[test]
fn a_refund_is_the_whole_and_the_fee_an_entry_of_its_own() {
    let paid = (PaymentId::new(Uuid::nil()), ReservationId::new(Uuid::nil()));
    let ids = [transaction(1), transaction(2)];
    let refund =
        |fee| wallet_with(5).refund(ids, paid, Money::of(100), Money::of(fee), NOW).expect("it fits");
    let (wallet, entries) = refund(30);
    assert_eq!(wallet.balance, Money::of(75));
    let seen: Vec<_> = entries
        .iter()
        .map(|entry| (entry.transaction, entry.amount.minor(), entry.kind.counter_account()))
        .collect();
    assert_eq!(seen, [(ids[0], 100, CounterAccount::Sales), (ids[1], -30, CounterAccount::Fees)]);
    assert_eq!(refund(0).1.len(), 1, "nothing kept is no entry");
    // The policy's highest balance does not bind what goes back; the range of money does.
    assert!(
        wallet_with(POLICY.balance_max.minor()).refund(ids, paid, Money::of(1), Money::ZERO, NOW).is_ok()
    );
    let full = wallet_with(Money::MAX.minor());
    assert_eq!(full.refund(ids, paid, Money::of(1), Money::ZERO, NOW), Err(BalanceOutOfRange));
}

#[derive(Debug, Clone)]
enum Step {
    Charge(i64),
    Pay(i64),
    /// Cash that goes through.
    PassThrough(i64),
    /// An amount that goes back, and percent of it that are kept.
    Refund(i64, i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (-10_i64..2_000_000).prop_map(Step::Charge),
        (0_i64..3_000_000).prop_map(Step::Pay),
        (0_i64..1_000_000).prop_map(Step::PassThrough),
        (0_i64..1_000_000, 0_i64..=100).prop_map(|(amount, percent)| Step::Refund(amount, percent)),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    /// R-W5: the balance is the sum of the entries, the entries chain without a gap, and it is never negative.
    #[test]
    fn the_ledger_always_explains_the_balance(steps in steps()) {
        let mut wallet = wallet_with(0);
        let mut ledger: Vec<LedgerEntry> = Vec::new();
        for (index, step) in steps.into_iter().enumerate() {
            let id = transaction(index as u64);
            let before = wallet.clone();
            let (payment, reservation) = (PaymentId::new(Uuid::nil()), ReservationId::new(Uuid::nil()));
            let is_charge = matches!(step, Step::Charge(_));
            let one = |(wallet, entry)| (wallet, vec![entry]);
            let entered = match step {
                Step::Charge(amount) => {
                    let money = Money::of(amount);
                    wallet.clone().charge(id, money, ChargeMethod::Card, &POLICY, NOW).ok().map(one)
                }
                Step::Pay(amount) => {
                    wallet.clone().pay(id, Money::of(amount), payment, reservation, NOW).ok().map(one)
                }
                Step::PassThrough(amount) => {
                    wallet.clone().pass_through(id, Money::of(amount), ChargeMethod::Cash, NOW).ok().map(one)
                }
                Step::Refund(amount, percent) => {
                    let (amount, fee) = (Money::of(amount), Money::of(amount * percent / 100));
                    wallet.clone().refund([id, id], (payment, reservation), amount, fee, NOW).ok()
                }
            };
            if let Some((after, entries)) = entered {
                wallet = after;
                ledger.extend(entries);
            } else {
                prop_assert_eq!(&wallet, &before);
            }
            prop_assert!(!wallet.balance.is_negative());
            // The cap binds charges only: money that goes back is never refused.
            prop_assert!(!is_charge || wallet.balance <= POLICY.balance_max.max(before.balance));
            prop_assert_eq!(Money::sum(ledger.iter().map(|entry| entry.amount)), Some(wallet.balance));
            prop_assert_eq!(wallet.last_entry, ledger.len() as u64);
        }
        let mut balance = Money::ZERO;
        for (index, entry) in ledger.iter().enumerate() {
            prop_assert_eq!(entry.number, index as u64 + 1);
            prop_assert_eq!(entry.before, balance);
            prop_assert_eq!(entry.before.plus(entry.amount), Some(entry.after));
            balance = entry.after;
        }
    }
}
