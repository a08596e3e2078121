//! An application over a store, and builders for what a sale needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use frontrow_application::account::{ExternalIdentity, NewAccount};
use frontrow_application::catalog::NewSchedule;
use frontrow_application::events::Courier;
use frontrow_application::messages::Messages;
use frontrow_application::queue::EmbeddedLine;
use frontrow_application::reservation::Wanted;
use frontrow_application::staff::By;
use frontrow_application::{App, Clock, OnceTag, Parts, Settings};
use frontrow_domain::account::Role;
use frontrow_domain::catalog::{
    BookingWindow, ConcertDraft, HoldPolicy, RefundPolicy, ScheduleDraft, SeatPlan, WaitingRoomSettings,
};
use frontrow_domain::reservation::Reservation;
use frontrow_domain::wallet::ChargeMethod;
use frontrow_domain::{ConcertId, Money, ScheduleId, SeatNo, Timestamp, UserId};

use crate::clock::{ManualClock, SeededEntropy};
use crate::delivery::{MemoryDelivery, Receivers};
use crate::line::MemoryJournal;
use crate::passwords::CheapPasswords;
use crate::settings::settings;
use crate::store::{Opened, StoreFactory};

/// The password of every fan of a stage.
pub const PASSWORD: &str = "open sesame";

/// An application over a store, with a clock that its test turns.
///
/// It expires nothing by itself: the ticks of its jobs are called by hand.
pub struct Stage {
    /// The application.
    pub app: Arc<App>,
    /// Its time, and that of its store.
    pub clock: ManualClock,
    /// Its store, by the ports.
    pub opened: Opened,
    /// Its waiting rooms: embedded, on a journal in memory.
    pub line: Arc<EmbeddedLine>,
    /// What it keeps of events on their way to others.
    pub delivery: MemoryDelivery,
    /// Who takes its messages.
    pub courier: Arc<Receivers>,
    journal: Arc<MemoryJournal>,
    entropy: SeededEntropy,
    settings: Settings,
    names: Arc<AtomicU32>,
}

/// What outlives a restart.
struct Kept {
    clock: ManualClock,
    entropy: SeededEntropy,
    settings: Settings,
    names: Arc<AtomicU32>,
    journal: Arc<MemoryJournal>,
    delivery: MemoryDelivery,
    courier: Arc<Receivers>,
    messages: Option<Arc<dyn Messages>>,
}

fn open_line(journal: &Arc<MemoryJournal>, clock: &ManualClock) -> Arc<EmbeddedLine> {
    let journal: Arc<MemoryJournal> = Arc::clone(journal);
    EmbeddedLine::open(journal, Arc::new(clock.clone())).expect("a journal in memory can be read")
}

impl Stage {
    /// An application over a store, with the settings of tests. Needs a tokio runtime around it.
    pub fn open(factory: &dyn StoreFactory) -> Self {
        Self::with(factory, |_| {})
    }

    /// The same with other settings.
    pub fn with(factory: &dyn StoreFactory, change: impl FnOnce(&mut Settings)) -> Self {
        let clock = ManualClock::default();
        let opened = factory.open(Arc::new(clock.clone()));
        Self::over(opened, clock, change)
    }

    /// An application over a store that is open already, perhaps behind a decorator.
    pub fn over(opened: Opened, clock: ManualClock, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let entropy = SeededEntropy::new(clock.clone(), 1);
        let journal = MemoryJournal::new();
        let line = open_line(&journal, &clock);
        let (delivery, courier) = (MemoryDelivery::default(), Arc::default());
        let names = Arc::default();
        let kept = Kept { clock, entropy, settings, names, journal, delivery, courier, messages: None };
        Self::put_up(opened, line, kept)
    }

    /// Another application on the same store and clock: a second instance.
    pub fn second(&self) -> Self {
        self.on(self.opened.clone())
    }

    /// The same, which hears of what others commit by these messages, and tells them.
    pub fn second_with(&self, messages: Arc<dyn Messages>) -> Self {
        let kept = Kept { messages: Some(messages), ..self.kept() };
        Self::put_up(self.opened.clone(), Arc::clone(&self.line), kept)
    }

    /// Another application on another view of the same store (a decorator in front of it).
    pub fn on(&self, opened: Opened) -> Self {
        Self::put_up(opened, Arc::clone(&self.line), self.kept())
    }

    /// Closes the application and its store, and opens both again.
    pub fn restart(self, factory: &dyn StoreFactory) -> Self {
        let kept = self.kept();
        // Closes the application; the store and the line close with their last owner.
        drop(self);
        let opened = factory.open(Arc::new(kept.clock.clone()));
        let line = open_line(&kept.journal, &kept.clock);
        Self::put_up(opened, line, kept)
    }

    fn kept(&self) -> Kept {
        Kept {
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            settings: self.settings,
            names: Arc::clone(&self.names),
            journal: Arc::clone(&self.journal),
            delivery: self.delivery.clone(),
            courier: Arc::clone(&self.courier),
            messages: None,
        }
    }

    fn put_up(opened: Opened, line: Arc<EmbeddedLine>, kept: Kept) -> Self {
        let Kept { clock, entropy, settings, names, journal, delivery, courier, messages } = kept;
        let parts = Parts {
            store: Arc::clone(&opened.store),
            reads: Arc::clone(&opened.reads),
            upkeep: Arc::clone(&opened.upkeep),
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(entropy.clone()),
            passwords: Arc::new(CheapPasswords),
            waiting_room: Arc::<EmbeddedLine>::clone(&line),
            delivery: Arc::new(delivery.clone()),
            courier: Arc::<Receivers>::clone(&courier) as Arc<dyn Courier>,
            event_source: "frontrow".to_owned(),
            messages,
        };
        let app = App::open(parts, settings);
        Self { app, clock, opened, line, delivery, courier, journal, entropy, settings, names }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A concert, published unless told otherwise.
    pub fn a_concert(&self) -> ConcertBuilder<'_> {
        let draft = ConcertDraft {
            title: "Spring Day".to_owned(),
            artist: "The Front Row".to_owned(),
            description: String::new(),
            published: true,
            waiting_room: WaitingRoomSettings::OFF,
        };
        ConcertBuilder { stage: self, draft }
    }

    /// A schedule on sale now: 50 seats at 50,000, unless told otherwise.
    pub fn a_schedule(&self) -> ScheduleBuilder<'_> {
        let now = self.now();
        let starts_at = now.plus_seconds(30 * 24 * 60 * 60);
        let draft = ScheduleDraft {
            venue: "Olympic Hall".to_owned(),
            starts_at,
            time_zone: "Asia/Seoul".to_owned(),
            duration_minutes: 120,
            booking: BookingWindow { start: now.minus_seconds(3_600), end: starts_at },
            hold: self.settings.sales.defaults.hold,
            max_seats_per_fan: self.settings.sales.defaults.max_seats_per_fan,
            refund_policy: RefundPolicy::NONE,
            sales_paused: false,
        };
        ScheduleBuilder { stage: self, concert: None, draft, seats: 50, price: 50_000, plan: None }
    }

    /// A fan with a log-in and an empty wallet, unless told otherwise.
    pub fn a_fan(&self) -> FanBuilder<'_> {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        FanBuilder { stage: self, name: format!("fan-{number}"), balance: 0 }
    }

    /// Many fans, known by an external issuer, each with this balance. Their commands share groups.
    pub async fn fans(&self, count: u32, balance: i64) -> Vec<UserId> {
        let make = (0..count).map(|_| async move {
            let number = self.names.fetch_add(1, Ordering::Relaxed);
            let identity = ExternalIdentity {
                issuer: "stage".to_owned(),
                subject: number.to_string(),
                name: None,
                role: Role::Fan,
            };
            let fan = self.app.meet(&identity).await.expect("a fan can always come");
            self.pay_in(fan, balance).await;
            fan
        });
        futures_util::future::join_all(make).await
    }

    /// Charges a wallet, in as many steps as the policy needs.
    pub async fn pay_in(&self, fan: UserId, mut amount: i64) {
        while amount > 0 {
            let step = amount.min(self.settings.charges.charge_max.minor());
            let charged = self.app.charge(By::System, fan, Money::of(step), ChargeMethod::Card, None).await;
            charged.expect("the wallet can be charged");
            amount -= step;
        }
    }

    /// What is in a wallet.
    pub async fn balance(&self, fan: UserId) -> i64 {
        let wallet = self.app.wallet(fan).await.expect("the store can be read");
        wallet.expect("every fan has a wallet").balance.minor()
    }

    /// The seats of a schedule as letters, in order of number, as the application shows them.
    pub async fn map(&self, schedule: ScheduleId) -> String {
        let details = self.app.any_schedule(schedule).await.expect("the store can be read");
        let details = details.expect("the schedule is there");
        details.board.states().iter().map(|state| char::from(state.letter())).collect()
    }

    /// A reservation as the store has it.
    pub async fn stored(&self, id: frontrow_domain::ReservationId) -> Reservation {
        let found = self.opened.reads.reservation(id).await.expect("the store can be read");
        found.expect("the reservation is there")
    }

    /// Fails the test unless the audit finds nothing.
    pub async fn assert_clean(&self) {
        let report = self.app.audit().await.expect("the store can be read");
        assert!(report.is_clean(), "the audit finds:\n{report}");
    }

    /// The tag of a request of this fan under an idempotency key, with this text as its body.
    pub fn tag(fan: UserId, key: &str, body: &str) -> Option<OnceTag> {
        Some(OnceTag::new(fan, key, &[body.as_bytes()]))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A test that is failing anyway reports its own reason; joining threads here could hide it.
        if !std::thread::panicking() {
            self.app.close();
        }
    }
}

/// The seats of these numbers, as a hold asks for them.
pub fn seats(numbers: impl IntoIterator<Item = u32>) -> Wanted {
    Wanted::Numbers(seat_numbers(numbers))
}

/// The seats of these numbers.
pub fn seat_numbers(numbers: impl IntoIterator<Item = u32>) -> Vec<SeatNo> {
    numbers.into_iter().map(SeatNo::new).collect()
}

/// A concert about to be made.
#[must_use]
pub struct ConcertBuilder<'a> {
    stage: &'a Stage,
    draft: ConcertDraft,
}

impl ConcertBuilder<'_> {
    /// Calls it this.
    pub fn titled(mut self, title: &str) -> Self {
        title.clone_into(&mut self.draft.title);
        self
    }

    /// With a waiting room that lets in so many at once, and so many a second.
    pub fn with_room(mut self, max_active: u32, per_second: u32) -> Self {
        self.draft.waiting_room = WaitingRoomSettings {
            enabled: true,
            max_active,
            admit_per_second_milli: per_second * 1_000,
            ..WaitingRoomSettings::OFF
        };
        self
    }

    /// Leaves it to operators for now.
    pub fn unpublished(mut self) -> Self {
        self.draft.published = false;
        self
    }

    /// Makes it.
    pub async fn make(self) -> ConcertId {
        self.stage
            .app
            .create_concert(By::System, self.draft, None)
            .await
            .expect("the concert is sound")
            .outcome
    }
}

/// A schedule about to be made.
#[must_use]
pub struct ScheduleBuilder<'a> {
    stage: &'a Stage,
    concert: Option<ConcertId>,
    draft: ScheduleDraft,
    seats: u32,
    price: i64,
    plan: Option<Arc<SeatPlan>>,
}

impl ScheduleBuilder<'_> {
    /// Of this concert; otherwise it gets one of its own.
    pub fn of(mut self, concert: ConcertId) -> Self {
        self.concert = Some(concert);
        self
    }

    /// With so many seats.
    pub fn seats(mut self, seats: u32) -> Self {
        self.seats = seats;
        self
    }

    /// With these seats, instead of plain ones.
    pub fn plan(mut self, plan: SeatPlan) -> Self {
        self.plan = Some(Arc::new(plan));
        self
    }

    /// At this price each.
    pub fn price(mut self, price: i64) -> Self {
        self.price = price;
        self
    }

    /// Holds last so long, and may be extended by as much, once.
    pub fn hold_seconds(self, seconds: u32) -> Self {
        self.hold(HoldPolicy { hold_seconds: seconds, max_seconds: 2 * seconds, extension_seconds: seconds })
    }

    /// Holds last as this policy says.
    pub fn hold(mut self, hold: HoldPolicy) -> Self {
        self.draft.hold = hold;
        self
    }

    /// Paid seats are taken back as this policy says.
    pub fn refund_policy(mut self, policy: RefundPolicy) -> Self {
        self.draft.refund_policy = policy;
        self
    }

    /// One fan may have so many seats.
    pub fn max_seats_per_fan(mut self, seats: u32) -> Self {
        self.draft.max_seats_per_fan = seats;
        self
    }

    /// The sale opens then.
    pub fn booking_start(mut self, start: Timestamp) -> Self {
        self.draft.booking.start = start;
        self
    }

    /// The sale closes then.
    pub fn booking_end(mut self, end: Timestamp) -> Self {
        self.draft.booking.end = end;
        self
    }

    /// Makes it.
    pub async fn make(self) -> ScheduleId {
        let concert = match self.concert {
            Some(concert) => concert,
            None => self.stage.a_concert().make().await,
        };
        let without_parts =
            || Arc::new(SeatPlan::plain(self.seats, Money::of(self.price)).expect("the plan is sound"));
        let plan = self.plan.unwrap_or_else(without_parts);
        let new = NewSchedule { concert, draft: self.draft, plan, drawing: None };
        self.stage.app.create_schedule(By::System, new, None).await.expect("the schedule is sound").outcome
    }
}

/// A fan about to sign up.
#[must_use]
pub struct FanBuilder<'a> {
    stage: &'a Stage,
    name: String,
    balance: i64,
}

impl FanBuilder<'_> {
    /// Called this, and known under this name at example.test.
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// With so much in the wallet.
    pub fn with_balance(mut self, balance: i64) -> Self {
        self.balance = balance;
        self
    }

    /// Signs the fan up.
    pub async fn make(self) -> UserId {
        let new = NewAccount {
            email: format!("{}@example.test", self.name),
            password: PASSWORD.to_owned(),
            name: self.name,
            role: Role::Fan,
        };
        let account = self.stage.app.sign_up(new).await.expect("the fan can sign up");
        self.stage.pay_in(account.id, self.balance).await;
        account.id
    }
}
