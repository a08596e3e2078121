//! How many durable holds a second the box office commits on SQLite, in process: no HTTP, no authentication.
//!
//! `cargo bench -p frontrow-store-sqlite --bench group_commit -- [seats] [seconds] [without-keys]`
//!
//! `without-keys` leaves out the idempotency keys, to see what they cost; everything else stays.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use frontrow_application::account::{HashingOverloaded, NewAccount, Passwords};
use frontrow_application::catalog::NewSchedule;
use frontrow_application::events::{Courier, Message, PostResult, Posted};
use frontrow_application::queue::EmbeddedLine;
use frontrow_application::reservation::{HoldRequest, Wanted};
use frontrow_application::staff::By;
use frontrow_application::{
    App, BoxOfficeSettings, Clock, Entropy, Failure, OnceTag, Parts, SalesSettings, Settings,
};
use frontrow_domain::account::Role;
use frontrow_domain::catalog::{
    BookingWindow, ConcertDraft, HoldPolicy, RefundPolicy, ScheduleDefaults, ScheduleDraft, SeatPlan,
    WaitingRoomSettings,
};
use frontrow_domain::reservation::LapsePolicy;
use frontrow_domain::wallet::ChargePolicy;
use frontrow_domain::{Currency, Money, ScheduleId, SeatNo, Timestamp, UserId};
use frontrow_store_sqlite::{Options, SqliteDelivery, SqliteLine, SqliteStore};
use futures_util::future::BoxFuture;
use mimalloc::MiMalloc;
use uuid::Uuid;

/// That of the server: a group is allocated by its callers and freed by the writer.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

struct Monotonic(Instant);

impl Clock for Monotonic {
    fn now(&self) -> Timestamp {
        let since = i64::try_from(self.0.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(1_800_000_000_000_000 + since)
    }
}

struct Counted(AtomicU64, Arc<Monotonic>);

impl Entropy for Counted {
    fn uuid(&self) -> Uuid {
        let number = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let millis = self.1.now().millis().cast_unsigned();
        uuid::Builder::from_unix_timestamp_millis(millis, &scatter(number)).into_uuid()
    }

    fn secret(&self) -> [u8; 32] {
        [7; 32]
    }
}

fn scatter(number: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// Nothing is told of events in here.
struct NoCourier;

impl Courier for NoCourier {
    fn post(&self, _: Message) -> BoxFuture<'_, Posted> {
        let result = PostResult::Failed("nobody is told".to_owned());
        Box::pin(std::future::ready(Posted { result, took: Duration::ZERO }))
    }

    fn refuses(&self, _: &str) -> Option<String> {
        None
    }
}

struct Plain;

impl Passwords for Plain {
    fn hash(&self, password: String) -> BoxFuture<'_, Result<String, HashingOverloaded>> {
        Box::pin(async move { Ok(password) })
    }
    fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> BoxFuture<'_, Result<bool, HashingOverloaded>> {
        Box::pin(async move { Ok(Some(password) == hash) })
    }
}

fn settings() -> Settings {
    Settings {
        currency: Currency::KRW,
        charges: ChargePolicy {
            charge_min: Money::of(1),
            charge_max: Money::of(1_000_000),
            balance_max: Money::of(10_000_000),
        },
        sales: SalesSettings {
            defaults: ScheduleDefaults {
                hold: HoldPolicy { hold_seconds: 300, max_seconds: 600, extension_seconds: 120 },
                max_seats_per_fan: 4,
            },
            lapses: LapsePolicy { limit: 10, window_seconds: 600, pause_seconds: 60 },
            max_seats_per_request: 20,
        },
        login_seconds: 1_000,
        box_office: BoxOfficeSettings::default(),
        tells_admissions: true,
    }
}

async fn schedule(app: &App, clock: &Monotonic, seats: u32) -> ScheduleId {
    let draft = ConcertDraft {
        title: "Bench".to_owned(),
        artist: String::new(),
        description: String::new(),
        published: true,
        waiting_room: WaitingRoomSettings::OFF,
    };
    let concert = app.create_concert(By::System, draft, None).await.expect("concert").outcome;
    let now = clock.now();
    let draft = ScheduleDraft {
        venue: "Hall".to_owned(),
        starts_at: now.plus_seconds(1_000_000),
        time_zone: "UTC".to_owned(),
        duration_minutes: 60,
        booking: BookingWindow { start: now.minus_seconds(10), end: now.plus_seconds(900_000) },
        hold: settings().sales.defaults.hold,
        max_seats_per_fan: 4,
        refund_policy: RefundPolicy::NONE,
        sales_paused: false,
    };
    let plan = Arc::new(SeatPlan::plain(seats, Money::of(1_000)).expect("plan"));
    app.create_schedule(By::System, NewSchedule { concert, draft, plan, drawing: None }, None)
        .await
        .expect("schedule")
        .outcome
}

fn main() {
    let numbers: Vec<u32> = std::env::args().filter_map(|text| text.parse().ok()).collect();
    let seats = numbers.first().copied().unwrap_or(100_000).min(100_000);
    let seconds = numbers.get(1).copied().unwrap_or(4);
    let has_keys = !std::env::args().any(|text| text == "without-keys");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    println!(
        "durable holds of one seat each, all different, SQLite WAL synchronous=FULL, {seats} seats a schedule"
    );
    for in_flight in [1, 64, 256, 1_024] {
        runtime.block_on(run(in_flight, seats, Duration::from_secs(seconds.into()), has_keys));
    }
}

async fn run(in_flight: usize, seats: u32, time: Duration, has_keys: bool) {
    let folder = tempfile::tempdir().expect("folder");
    let clock = Arc::new(Monotonic(Instant::now()));
    let store =
        SqliteStore::open(Options::new(folder.path(), Arc::<Monotonic>::clone(&clock))).expect("store");
    let journal = SqliteLine::open(folder.path()).expect("line");
    let line = EmbeddedLine::open(journal, Arc::<Monotonic>::clone(&clock)).expect("line");
    let parts = Parts {
        store: Arc::<SqliteStore>::clone(&store),
        reads: Arc::new(store.reads()),
        upkeep: Arc::<SqliteStore>::clone(&store),
        clock: Arc::<Monotonic>::clone(&clock),
        entropy: Arc::new(Counted(AtomicU64::new(1), Arc::clone(&clock))),
        passwords: Arc::new(Plain),
        waiting_room: line,
        delivery: Arc::new(SqliteDelivery::open(folder.path()).expect("deliveries")),
        courier: Arc::new(NoCourier),
        event_source: "bench".to_owned(),
        messages: None,
    };
    let app = App::open(parts, settings());
    let mut schedules = Vec::new();
    for _ in 0..(2_000_000 / seats).min(12) {
        schedules.push(schedule(&app, &clock, seats).await);
    }
    let new = NewAccount {
        email: "fan@example.com".to_owned(),
        password: "a long password".to_owned(),
        name: "Fan".to_owned(),
        role: Role::Fan,
    };
    app.sign_up(new).await.expect("fan");
    let next = Arc::new(AtomicU32::new(0));
    let schedules = Arc::new(schedules);
    let begun = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let (app, next, schedules) = (Arc::clone(&app), Arc::clone(&next), Arc::clone(&schedules));
            tokio::spawn(async move {
                let (mut done, mut refused) = (0_u64, 0_u64);
                while begun.elapsed() < time {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&schedule) = schedules.get((number / seats) as usize) else { break };
                    let user = UserId::new(app.draw_id());
                    let request = HoldRequest {
                        schedule,
                        seats: Wanted::Numbers(vec![SeatNo::new(number % seats + 1)]),
                    };
                    let tag = OnceTag::new(user, "key", &[&number.to_le_bytes()]);
                    match app.hold(user, request, has_keys.then_some(tag)).await {
                        Ok(_) => done += 1,
                        // The store folds too slowly for so many at once: a server answers 503 then.
                        Err(Failure::Unavailable) => refused += 1,
                        Err(failure) => panic!("not held: {failure:?}"),
                    }
                }
                (done, refused)
            })
        })
        .collect();
    let (mut done, mut refused) = (0, 0);
    for task in tasks {
        let of_task = task.await.expect("task");
        done += of_task.0;
        refused += of_task.1;
    }
    let elapsed = begun.elapsed().as_secs_f64();
    app.close();
    store.close();
    let holds = done as f64 / elapsed;
    println!("{in_flight:>6} in flight: {holds:>9.0} holds/s ({done} in {elapsed:.1} s, {refused} refused)");
}
