//! Puts the parts together from the settings.

#[cfg(feature = "kafka")]
mod kafka;

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::Context;
use frontrow_application::attempts::AttemptCounts;
use frontrow_application::events::Delivery;
use frontrow_application::queue::EmbeddedLine;
use frontrow_application::queue::journal::LineJournal;
use frontrow_application::store::{ReadError, Reads};
use frontrow_application::{App, BoxOfficeSettings, Clock, Parts, SalesSettings, Settings};
use frontrow_domain::catalog::{FieldError, HoldPolicy, ScheduleDefaults};
use frontrow_domain::reservation::LapsePolicy;
use frontrow_domain::wallet::ChargePolicy;
use frontrow_domain::{Currency, Money};
use frontrow_http::ReadyPart;
use frontrow_store_mysql::{MysqlReads, MysqlStore, Options as MysqlOptions};
use frontrow_store_sqlite::{
    FILE_NAME, LINE_FILE_NAME, Options, SqliteDelivery, SqliteLine, SqliteReads, SqliteStore,
};
use frontrow_waiting_redis::{RedisCounts, RedisLine, RedisMessages, RedisSettings};
use metrics::gauge;

use crate::adapters::clock::SystemClock;
use crate::adapters::courier::HttpCourier;
use crate::adapters::entropy::SystemEntropy;
use crate::adapters::passwords::Argon2Passwords;
use crate::config::Config;
use crate::rush::Rush;
#[cfg(feature = "kafka")]
pub(crate) use kafka::Kafka;

/// How many records the commands of one group may name.
const GROUP_ROWS_MAX: usize = 4_000;
/// How many background commands one group may have.
const GROUP_JOBS_MAX: usize = 200;

/// The application with what it runs on.
pub(crate) struct Wired {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<SystemClock>,
    /// What is kept of events on their way, without copies for others.
    pub(crate) delivery: Arc<dyn Delivery>,
    /// How busy it is, as far as somebody looks.
    pub(crate) rush: Arc<Rush>,
    engine: Engine,
    passwords: Arc<Argon2Passwords>,
    has_kafka: bool,
}

/// What the application runs on, to be watched, and closed with it.
enum Engine {
    /// Everything in this process, on files.
    Embedded { store: Arc<SqliteStore>, line: Arc<EmbeddedLine>, journal: Arc<SqliteLine> },
    /// What any number of servers share.
    Shared { store: Arc<MysqlStore>, reads: MysqlReads, line: Arc<RedisLine>, counts: Arc<RedisCounts> },
}

impl Wired {
    /// Opens what the settings name, and the application. Needs a runtime around it.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let clock = Arc::new(SystemClock::start());
        if config.store.url.is_empty() {
            Self::embedded(config, clock)
        } else {
            Self::shared(config, clock).await
        }
    }

    fn embedded(config: &Config, clock: Arc<SystemClock>) -> anyhow::Result<Self> {
        let of_store: Arc<dyn Clock> = Arc::<SystemClock>::clone(&clock);
        let store = SqliteStore::open(sqlite(config, &of_store))?;
        // After the store, which has locked the folder.
        let journal = SqliteLine::open(&config.store.data)?;
        let of_line: Arc<dyn LineJournal> = Arc::<SqliteLine>::clone(&journal);
        let line = EmbeddedLine::open(of_line, Arc::clone(&of_store))?;
        let delivery: Arc<dyn Delivery> = Arc::new(SqliteDelivery::open(&config.store.data)?);
        let rush = Arc::<Rush>::default();
        let passwords = Arc::new(Argon2Passwords::new(&config.auth, Arc::clone(&rush))?);
        let parts = Parts {
            store: Arc::<SqliteStore>::clone(&store),
            reads: Arc::new(store.reads()),
            upkeep: Arc::<SqliteStore>::clone(&store),
            clock: Arc::clone(&of_store),
            entropy: Arc::new(SystemEntropy::new(of_store)),
            passwords: Arc::<Argon2Passwords>::clone(&passwords),
            waiting_room: Arc::<EmbeddedLine>::clone(&line),
            delivery: copied(config, Arc::clone(&delivery))?,
            courier: Arc::new(HttpCourier::new(config.events.allow_private_targets)?),
            event_source: config.events.source.clone(),
            messages: None,
        };
        let app = App::open(parts, settings(config, 1)?);
        let engine = Engine::Embedded { store, line, journal };
        let has_kafka = !config.kafka.url.is_empty();
        Ok(Self { app, clock, delivery, rush, engine, passwords, has_kafka })
    }

    async fn shared(config: &Config, clock: Arc<SystemClock>) -> anyhow::Result<Self> {
        let of_store: Arc<dyn Clock> = Arc::<SystemClock>::clone(&clock);
        let writers = config.store.writers;
        let store = MysqlStore::open(mysql(config, &of_store, writers)).await.context("store.url")?;
        let reads = store.reads();
        follow(&clock, &reads, true).await.context("the time of the store cannot be read")?;
        let delivery: Arc<dyn Delivery> = Arc::new(reads.delivery());
        let redis = redis(config)?;
        let messages = RedisMessages::open(redis.clone()).context("waiting_room.url")?;
        let counts = RedisCounts::open(redis.clone()).context("waiting_room.url")?;
        let line = RedisLine::open(redis).context("waiting_room.url")?;
        let rush = Arc::<Rush>::default();
        let passwords = Arc::new(Argon2Passwords::new(&config.auth, Arc::clone(&rush))?);
        let parts = Parts {
            store: Arc::<MysqlStore>::clone(&store),
            reads: Arc::new(reads.clone()),
            upkeep: Arc::<MysqlStore>::clone(&store),
            clock: Arc::clone(&of_store),
            entropy: Arc::new(SystemEntropy::new(of_store)),
            passwords: Arc::<Argon2Passwords>::clone(&passwords),
            waiting_room: Arc::<RedisLine>::clone(&line),
            delivery: copied(config, Arc::clone(&delivery))?,
            courier: Arc::new(HttpCourier::new(config.events.allow_private_targets)?),
            event_source: config.events.source.clone(),
            messages: Some(messages),
        };
        let app = App::open(parts, settings(config, writers)?);
        let engine = Engine::Shared { store, reads, line, counts };
        let has_kafka = !config.kafka.url.is_empty();
        Ok(Self { app, clock, delivery, rush, engine, passwords, has_kafka })
    }

    /// What the store and the waiting room run on.
    pub(crate) const fn engines(&self) -> (&'static str, &'static str) {
        match self.engine {
            Engine::Embedded { .. } => ("sqlite", "embedded"),
            Engine::Shared { .. } => ("mysql", "redis"),
        }
    }

    /// Shows how what it runs on is used. Asks nobody.
    pub(crate) fn measure(&self) {
        let (store, line) = self.engines();
        let events = if self.has_kafka { "kafka" } else { "log" };
        gauge!("frontrow_instance_info", "store" => store, "waiting_room" => line, "events" => events)
            .set(1.0);
        gauge!("frontrow_giving_way_ratio").set(self.rush.pressure());
        gauge!("frontrow_password_hashes_waiting").set(self.passwords.waiting() as f64);
        match &self.engine {
            Engine::Embedded { store, journal, .. } => {
                for (file, pages) in [(FILE_NAME, store.log_pages()), (LINE_FILE_NAME, journal.log_pages())] {
                    gauge!("frontrow_sqlite_log_pages", "file" => file).set(f64::from(pages));
                }
                let (unfolded, of) = store.unfolded_bytes();
                gauge!("frontrow_sqlite_unfolded_bytes").set(unfolded as f64);
                gauge!("frontrow_sqlite_unfolded_limit_bytes").set(of as f64);
                gauge!("frontrow_sqlite_fold_violation").set(f64::from(u8::from(store.has_violation())));
                let (busy, limit) = store.lists();
                show_pool("read", busy, limit - busy, limit);
            }
            Engine::Shared { store, .. } => {
                let (read, write) = store.connections();
                show_pool("read", read.busy, read.idle, read.limit);
                show_pool("write", write.busy, write.idle, write.limit);
            }
        }
    }

    /// Says to whoever finds the store taken where this server is.
    pub(crate) fn announce(&self, address: &str) {
        if let Engine::Embedded { store, .. } = &self.engine {
            store.announce(address);
        }
    }

    /// True where other servers may use the same store and line.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Shared { .. })
    }

    /// What counts attempts together with other servers, where there may be some.
    pub(crate) fn counts(&self) -> Option<Arc<dyn AttemptCounts>> {
        match &self.engine {
            Engine::Embedded { .. } => None,
            Engine::Shared { counts, .. } => Some(Arc::<RedisCounts>::clone(counts)),
        }
    }

    /// Whether the store can be written, for readiness.
    pub(crate) fn store_part(&self) -> ReadyPart {
        match &self.engine {
            Engine::Embedded { store, .. } => {
                let store = Arc::clone(store);
                ReadyPart {
                    name: "store",
                    is_well: Arc::new(move || !store.has_failed() && !store.has_violation()),
                    otherwise: "a commit failed without saying whether it happened: the server ends by itself, and is to \
                                be started again; or what was sold does not fit into the tables, as the log says: nothing \
                                is sold, and somebody has to look",
                }
            }
            Engine::Shared { .. } => {
                let clock = Arc::clone(&self.clock);
                ReadyPart {
                    name: "store_clock",
                    is_well: Arc::new(move || clock.agrees()),
                    otherwise: "the clock of the store has jumped; set it right, or start this server again",
                }
            }
        }
    }

    /// Looks again what time it is on a shared store.
    pub(crate) async fn follow_store(&self) {
        if let Engine::Shared { reads, .. } = &self.engine
            && let Err(error) = follow(&self.clock, reads, false).await
        {
            tracing::debug!(%error, "the time of the store could not be read");
        }
    }

    /// Does what is queued, then folds the logs into their files.
    pub(crate) fn close(&self) {
        self.app.close();
        match &self.engine {
            Engine::Embedded { store, line, journal } => {
                line.close();
                journal.close();
                store.close();
            }
            Engine::Shared { line, .. } => line.close(),
        }
    }

    /// True once what was sold did not fit into the tables of the embedded store. A new start does not help.
    pub(crate) fn has_violation(&self) -> bool {
        match &self.engine {
            Engine::Embedded { store, .. } => store.has_violation(),
            Engine::Shared { .. } => false,
        }
    }

    /// True once a write has failed without saying whether it happened: the process has to end.
    pub(crate) fn has_failed(&self) -> bool {
        match &self.engine {
            Engine::Embedded { store, line, .. } => store.has_failed() || line.has_failed(),
            Engine::Shared { .. } => false,
        }
    }
}

fn show_pool(pool: &'static str, busy: usize, idle: usize, limit: usize) {
    gauge!("frontrow_store_connections", "pool" => pool, "state" => "busy").set(busy as f64);
    gauge!("frontrow_store_connections", "pool" => pool, "state" => "idle").set(idle as f64);
    gauge!("frontrow_store_connections_limit", "pool" => pool).set(limit as f64);
}

/// What a store keeps of events on their way, with copies of dead letters where they go to others.
#[cfg(feature = "kafka")]
fn copied(config: &Config, delivery: Arc<dyn Delivery>) -> anyhow::Result<Arc<dyn Delivery>> {
    Ok(match Kafka::open(config)? {
        Some(kafka) => kafka.with_dead_letters(delivery),
        None => delivery,
    })
}

#[cfg(not(feature = "kafka"))]
#[expect(clippy::unnecessary_wraps, reason = "with Kafka it may fail")]
fn copied(_: &Config, delivery: Arc<dyn Delivery>) -> anyhow::Result<Arc<dyn Delivery>> {
    Ok(delivery)
}

fn sqlite(config: &Config, clock: &Arc<dyn Clock>) -> Options {
    Options {
        readers: config.store.readers,
        checkpoint_pages: config.store.checkpoint_pages,
        cache_mib: config.store.cache_mib,
        ..Options::new(&config.store.data, Arc::clone(clock))
    }
}

fn mysql(config: &Config, clock: &Arc<dyn Clock>, writers: usize) -> MysqlOptions {
    MysqlOptions { writers, ..mysql_at(config, config.store.url.expose(), clock) }
}

/// How to open the database at an address.
pub(crate) fn mysql_at(config: &Config, url: &str, clock: &Arc<dyn Clock>) -> MysqlOptions {
    let url = url.replacen("mariadb://", "mysql://", 1);
    MysqlOptions { url, clock: Arc::clone(clock), writers: 1, readers: config.store.readers }
}

fn redis(config: &Config) -> anyhow::Result<RedisSettings> {
    let settings = &config.waiting_room;
    let mut redis = RedisSettings::new(settings.url.expose()).context("waiting_room.url")?;
    redis.prefix.clone_from(&settings.prefix);
    if !settings.ca_file.as_os_str().is_empty() {
        let file = settings.ca_file.display();
        let pem =
            std::fs::read(&settings.ca_file).with_context(|| format!("waiting_room.ca_file: {file}"))?;
        redis.trust(pem).with_context(|| format!("waiting_room.ca_file: {file}"))?;
    }
    Ok(redis)
}

/// Makes the store that the settings name, or brings it to the schema of this version, which is returned.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<u32> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    if config.store.url.is_empty() {
        let store = SqliteStore::open(sqlite(config, &clock))?;
        let journal = SqliteLine::open(&config.store.data)?;
        let _delivery = SqliteDelivery::open(&config.store.data)?;
        journal.close();
        store.close();
        return Ok(frontrow_store_sqlite::SCHEMA_VERSION);
    }
    let _store = MysqlStore::open(mysql(config, &clock, 1)).await.context("store.url")?;
    Ok(frontrow_store_mysql::SCHEMA_VERSION)
}

/// What there is of a store: the name of each part, the version of its schema, and the one that [`migrate`] brings it to.
pub(crate) async fn schemas(config: &Config) -> anyhow::Result<Vec<(String, u32, u32)>> {
    if config.store.url.is_empty() {
        let found = frontrow_store_sqlite::versions(&config.store.data)?;
        return Ok(found.into_iter().map(|file| (file.name.to_owned(), file.found, file.known)).collect());
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let found = frontrow_store_mysql::schema_found(&mysql(config, &clock, 1)).await.context("store.url")?;
    Ok(vec![("the database".to_owned(), found, frontrow_store_mysql::SCHEMA_VERSION)])
}

/// The queries of the store that the settings name, beside whatever servers run on it.
pub(crate) async fn open_reads(config: &Config) -> anyhow::Result<Box<dyn Reads>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    if config.store.url.is_empty() {
        return Ok(Box::new(SqliteReads::open(&config.store.data, clock)?));
    }
    let reads = MysqlReads::open(mysql(config, &clock, 1)).await.context("store.url")?;
    Ok(Box::new(reads))
}

/// What is kept of events on their way, beside whatever servers run on the same store.
pub(crate) async fn open_delivery(config: &Config) -> anyhow::Result<Box<dyn Delivery>> {
    if config.store.url.is_empty() {
        // Says so when there is no store to have deliveries of.
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        SqliteReads::open(&config.store.data, clock)?;
        return Ok(Box::new(SqliteDelivery::open(&config.store.data)?));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let reads = MysqlReads::open(mysql(config, &clock, 1)).await.context("store.url")?;
    Ok(Box::new(reads.delivery()))
}

async fn follow(clock: &SystemClock, reads: &MysqlReads, is_first: bool) -> Result<(), ReadError> {
    let asked = Instant::now();
    let time = reads.database_time().await?;
    clock.follow(time, i64::try_from(asked.elapsed().as_micros()).unwrap_or(i64::MAX), is_first);
    Ok(())
}

/// How many threads serve requests: one a processor.
pub(crate) fn processors() -> usize {
    available_parallelism().map_or(1, std::num::NonZero::get)
}

fn settings(config: &Config, workers: usize) -> anyhow::Result<Settings> {
    let (sales, wallet, store) = (&config.sales, &config.wallet, &config.store);
    Ok(Settings {
        currency: Currency::parse(&wallet.currency).context("wallet.currency is not a currency code")?,
        charges: ChargePolicy {
            charge_min: Money::of(wallet.charge_min),
            charge_max: Money::of(wallet.charge_max),
            balance_max: Money::of(wallet.balance_max),
        },
        sales: SalesSettings {
            defaults: schedule_defaults(config),
            lapses: LapsePolicy {
                limit: sales.lapse_limit,
                window_seconds: sales.lapse_window_seconds,
                pause_seconds: sales.lapse_pause_seconds,
            },
            max_seats_per_request: config.http.max_seats_per_request,
        },
        login_seconds: u32::try_from(config.auth.refresh_token_seconds)?,
        box_office: BoxOfficeSettings {
            queue: [store.queue_pay, store.queue_hold, store.queue_jobs],
            group_commands_max: store.group_max_commands,
            group_rows_max: GROUP_ROWS_MAX,
            group_jobs_max: GROUP_JOBS_MAX,
            deadline_ms: u32::try_from(store.deadline_ms)?,
            workers,
            slow_group: Duration::from_millis(config.log.slow_group_ms),
        },
        tells_admissions: config.events.admissions,
    })
}

/// What holds for a schedule that does not say otherwise.
pub(crate) fn schedule_defaults(config: &Config) -> ScheduleDefaults {
    let sales = &config.sales;
    ScheduleDefaults {
        hold: HoldPolicy {
            hold_seconds: sales.hold_seconds,
            max_seconds: sales.hold_max_seconds,
            extension_seconds: sales.hold_extension_seconds,
        },
        max_seats_per_fan: sales.max_seats_per_fan,
    }
}

/// Wrong members in one line.
pub(crate) fn refused_members(errors: &[FieldError]) -> String {
    let members: Vec<String> =
        errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect();
    members.join("; ")
}
