//! Puts the parts together from the settings.

use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::Context;
use frontrow_application::queue::EmbeddedLine;
use frontrow_application::queue::journal::LineJournal;
use frontrow_application::{App, BoxOfficeSettings, Clock, Parts, SalesSettings, Settings};
use frontrow_domain::catalog::{FieldError, HoldPolicy, ScheduleDefaults};
use frontrow_domain::reservation::LapsePolicy;
use frontrow_domain::wallet::ChargePolicy;
use frontrow_domain::{Currency, Money};
use frontrow_store_sqlite::{Options, SqliteLine, SqliteStore};

use crate::adapters::clock::SystemClock;
use crate::adapters::entropy::SystemEntropy;
use crate::adapters::passwords::Argon2Passwords;
use crate::config::Config;

/// How many records the commands of one group may name.
const GROUP_ROWS_MAX: usize = 4_000;
/// How many background commands one group may have.
const GROUP_JOBS_MAX: usize = 200;

/// The application on its embedded store.
pub(crate) struct Wired {
    pub(crate) app: Arc<App>,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) line: Arc<EmbeddedLine>,
    journal: Arc<SqliteLine>,
    pub(crate) clock: Arc<SystemClock>,
}

impl Wired {
    /// Opens the store and the application. Needs a runtime around it.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        let clock = Arc::new(SystemClock::start());
        let of_store: Arc<dyn Clock> = Arc::<SystemClock>::clone(&clock);
        let store = SqliteStore::open(Options {
            folder: config.store.data.clone(),
            clock: Arc::clone(&of_store),
            readers: config.store.readers,
            checkpoint_pages: config.store.checkpoint_pages,
            cache_mib: config.store.cache_mib,
        })?;
        // After the store, which has locked the folder.
        let journal = SqliteLine::open(&config.store.data)?;
        let of_line: Arc<dyn LineJournal> = Arc::<SqliteLine>::clone(&journal);
        let line = EmbeddedLine::open(of_line, Arc::clone(&of_store))?;
        let parts = Parts {
            store: Arc::<SqliteStore>::clone(&store),
            reads: Arc::new(store.reads()),
            upkeep: Arc::<SqliteStore>::clone(&store),
            clock: Arc::clone(&of_store),
            entropy: Arc::new(SystemEntropy::new(of_store)),
            passwords: Arc::new(Argon2Passwords::new(&config.auth)?),
            waiting_room: Arc::<EmbeddedLine>::clone(&line),
        };
        let app = App::open(parts, settings(config)?);
        Ok(Self { app, store, line, journal, clock })
    }

    /// Does what is queued, then folds the logs into their files.
    pub(crate) fn close(&self) {
        self.app.close();
        self.line.close();
        self.journal.close();
        self.store.close();
    }

    /// True once a write has failed without saying whether it happened: the process has to end.
    pub(crate) fn has_failed(&self) -> bool {
        self.store.has_failed() || self.line.has_failed()
    }
}

/// How many threads serve requests: one a processor.
pub(crate) fn processors() -> usize {
    available_parallelism().map_or(1, std::num::NonZero::get)
}

fn settings(config: &Config) -> anyhow::Result<Settings> {
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
            workers: 1,
        },
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
