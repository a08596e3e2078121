//! What the cases have in common: a store with a clock, and a sale made by hand.

use std::sync::Arc;
use std::time::Duration;

use frontrow_application::store::{Reads, Store};
use frontrow_domain::records::{Counter, Key, Keys};
use frontrow_domain::{Timestamp, UserId};

use crate::clock::ManualClock;
use crate::samples;
use crate::store::{Opened, StoreFactory, apply};

/// The longest that a command of a test holds a store up. Nothing is asserted about it.
pub(super) const HOLD_UP_MAX: Duration = Duration::from_mins(1);

/// A store under test.
pub struct Bench<F> {
    /// Where it comes from.
    pub factory: F,
    /// Its time.
    pub clock: ManualClock,
    opened: Option<Opened>,
}

impl<F: StoreFactory> Bench<F> {
    /// Opens an empty store.
    pub fn open(factory: F) -> Self {
        let clock = ManualClock::default();
        let opened = Some(factory.open(Arc::new(clock.clone())));
        Self { factory, clock, opened }
    }

    /// Closes the store and opens it again.
    pub fn reopen(&mut self) {
        self.opened = None;
        self.opened = Some(self.factory.open(Arc::new(self.clock.clone())));
    }

    /// The store, by its ports.
    pub fn opened(&self) -> &Opened {
        self.opened.as_ref().expect("the store is open between two calls")
    }

    /// The one way to write.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.opened().store
    }

    /// The queries.
    pub fn reads(&self) -> &dyn Reads {
        &*self.opened().reads
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        frontrow_application::Clock::now(&self.clock)
    }

    /// Puts in the sample concert and schedule, with so many seats.
    pub async fn a_sale(&self, seats: u32) {
        let keys = Keys::new([Key::Counter(Counter::Concert), Key::Counter(Counter::Schedule)]);
        apply(self.store(), keys, move |records, _| {
            records.counters.put(Counter::Concert, 1);
            records.counters.put(Counter::Schedule, 1);
            records.concerts.put_new(samples::CONCERT, samples::concert(1, "Spring Day"));
            records.schedules.put_new(samples::SCHEDULE, samples::schedule(1, samples::CONCERT, seats));
            Ok(())
        })
        .await;
    }

    /// Puts in a fan with an account and this balance, charged in one entry when it is not zero.
    pub async fn a_fan(&self, number: u64, balance: i64) -> UserId {
        apply(self.store(), Keys::default(), move |records, _| {
            let account = samples::account(number);
            let email = account.email.clone().expect("samples have an address");
            records.emails.put_new(email, account.id);
            records.accounts.put_new(account.id, account);
            if balance == 0 {
                records.wallets.put_new(samples::user(number), samples::wallet(number, 0, 0));
            } else {
                records.wallets.put_new(samples::user(number), samples::wallet(number, balance, 1));
                records.ledger.add(samples::charge(number, 1, 0, balance));
            }
            Ok(())
        })
        .await;
        samples::user(number)
    }
}
