//! `frontrow serve`: up in order, and down in order.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use frontrow_application::account::{NewAccount, SignUpRefused};
use frontrow_application::{App, Failure};
use frontrow_domain::account::Role;
use frontrow_http::{HttpSettings, HttpState, ServeLimits};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{answer, demo};
use crate::command::serve::settings::http_settings;
use crate::config::Config;
use crate::config::sections::Jobs;
use crate::keys::Keys;
use crate::wiring::{Wired, processors, refused_members};
use crate::{open_files, telemetry};

mod jwks;
mod settings;

/// Microseconds by which the wall clock may move away before it is worth a line in the log.
const DRIFT_MAX_MICROS: i64 = 1_000_000;
/// How often it is looked for reservations of schedules that were called off.
const CANCELLATIONS_TICK: Duration = Duration::from_secs(1);
/// How often those who follow a seat map hear of changes: often enough to look live, seldom enough that a burst of
/// commits is one event for each of them.
const FEED_TICK: Duration = Duration::from_millis(100);

pub(super) fn run(config: &Config, demo: bool) -> anyhow::Result<ExitCode> {
    telemetry::log(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors())
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(config, demo))
}

async fn serve(config: &Config, demo: bool) -> anyhow::Result<ExitCode> {
    let metrics = telemetry::metrics()?;
    let wired = Wired::open(config)?;
    let keys = Keys::load(&config.auth, &config.store.data)?;
    first_admin(&wired.app, config).await?;
    if demo {
        demo::fill(&wired.app, &config.demo).await?;
    }
    let ready = Arc::new(AtomicBool::new(false));
    let stop = CancellationToken::new();
    let published = jwks::start(&config.issuer, stop.clone())?;
    let settings: HttpSettings =
        http_settings(config, keys, &wired, published, Arc::clone(&ready), stop.clone(), metrics)?;
    let listener = frontrow_http::bind(config.http.listen, config.http.backlog)
        .with_context(|| format!("cannot listen on {}; is another server there?", config.http.listen))?;
    let address = listener.local_addr()?;
    wired.store.announce(&address.to_string());
    let jobs = tokio::spawn(run_jobs(Arc::clone(&wired.app), config.jobs.clone(), stop.clone()));
    let lines = tokio::spawn(run_lines(Arc::clone(&wired.app), config.jobs.clone(), stop.clone()));
    let sessions = tokio::spawn(run_sessions(Arc::clone(&wired.app), config.jobs.clone(), stop.clone()));
    let feeds = tokio::spawn(run_feeds(Arc::clone(&wired.app), stop.clone()));
    let wired = Arc::new(wired);
    let clock_watch = tokio::spawn(watch(stop.clone(), Arc::clone(&wired)));
    let stopping = tokio::spawn(until_told(stop.clone(), Arc::clone(&ready)));
    let router = frontrow_http::router(HttpState::new(Arc::clone(&wired.app), settings));
    ready.store(true, Ordering::Release);
    tracing::info!(%address, data = %config.store.data.display(), "serving");
    answer(&format!("frontrow serves http://{address}/ (API description: http://{address}/swagger-ui/)"))?;
    if demo {
        demo::explain(&wired.app, &config.demo, address).await?;
    }
    frontrow_http::serve(listener, router, limits(config), stop.clone()).await;
    stop.cancel();
    stopping.abort();
    let _ = tokio::join!(jobs, lines, sessions, feeds, clock_watch);
    let has_failed = wired.has_failed();
    // Waits for a thread of ours, so it goes where blocking is allowed.
    tokio::task::spawn_blocking(move || wired.close()).await?;
    if has_failed {
        bail!("a commit failed without saying whether it happened; start again, and the store is read anew");
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

fn limits(config: &Config) -> ServeLimits {
    ServeLimits {
        header_timeout: Duration::from_millis(config.http.header_timeout_ms),
        write_timeout: Duration::from_millis(config.http.write_timeout_ms),
        header_bytes: config.http.header_limit_bytes,
        max_connections: open_files::room_for(config.http.max_connections),
        shutdown: Duration::from_secs(config.http.shutdown_seconds),
    }
}

/// Makes the admin of the settings when there is nobody at all.
async fn first_admin(app: &App, config: &Config) -> anyhow::Result<()> {
    if config.admin.email.is_empty() || !app.has_no_accounts().await? {
        return Ok(());
    }
    let account = NewAccount {
        email: config.admin.email.clone(),
        password: config.admin.password.expose().to_owned(),
        name: "Admin".to_owned(),
        role: Role::Admin,
    };
    match app.sign_up(account).await {
        Ok(_) => {
            tracing::info!("made the first admin");
            Ok(())
        }
        Err(Failure::Refused(SignUpRefused::Invalid(errors))) => {
            bail!("the first admin cannot be made: {}", refused_members(&errors))
        }
        Err(failure) => bail!("the first admin was not made: {failure:?}"),
    }
}

/// Calls what has to happen without anybody asking.
async fn run_jobs(app: Arc<App>, settings: Jobs, stop: CancellationToken) {
    let mut expiry = interval(Duration::from_millis(settings.expire_tick_ms));
    expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut upkeep = interval(Duration::from_secs(settings.clean_tick_seconds));
    upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut cancellations = interval(CANCELLATIONS_TICK);
    cancellations.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = expiry.tick(), if settings.expire_enabled => match app.tick_expiry().await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "holds expired"),
                Err(failure) => tracing::warn!(?failure, "holds could not be expired; the next tick tries again"),
            },
            _ = cancellations.tick() => match app.tick_cancellations().await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "reservations of cancelled schedules taken back"),
                Err(failure) => {
                    tracing::warn!(?failure, "a cancelled schedule waits; the next tick tries again");
                }
            },
            _ = upkeep.tick() => if let Err(error) = app.tick_upkeep().await {
                tracing::warn!(%error, "the store could not be tidied; the next tick tries again");
            },
        }
    }
}

/// Moves the lines on. Apart from the other jobs, because the rate of admission depends on its pace.
async fn run_lines(app: Arc<App>, settings: Jobs, stop: CancellationToken) {
    let mut tick = interval(Duration::from_millis(settings.line_tick_ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_well = true;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let done = app.tick_lines().await;
        // Said once, not fifty times a second.
        match (&done, is_well) {
            (Err(error), true) => tracing::warn!(%error, "the lines stand still; the next tick tries again"),
            (Ok(()), false) => tracing::info!("the lines move on"),
            _ => {}
        }
        is_well = done.is_ok();
    }
}

/// Ends the sessions of those who have paid.
async fn run_sessions(app: Arc<App>, settings: Jobs, stop: CancellationToken) {
    let mut tick = interval(Duration::from_millis(settings.session_tick_ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => if let Err(error) = app.tick_sessions().await {
                tracing::warn!(%error, "sessions could not be ended; the next tick tries again");
            },
        }
    }
}

/// Tells those who follow a seat map what has changed. Apart from the other jobs, so that no commit delays it.
async fn run_feeds(app: Arc<App>, stop: CancellationToken) {
    let mut tick = interval(FEED_TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => if let Err(error) = app.tick_feeds().await {
                tracing::warn!(%error, "a seat map could not be read; the next tick tries again");
            },
        }
    }
}

/// Ends the server when its store can take no more writes, and speaks up when the wall clock moves away.
async fn watch(stop: CancellationToken, wired: Arc<Wired>) {
    let mut tick = interval(Duration::from_millis(500));
    let mut told = 0_i64;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if wired.has_failed() {
            tracing::error!("the store takes no more writes; stopping");
            stop.cancel();
            return;
        }
        let drift = wired.clock.drift_micros();
        if (drift - told).abs() > DRIFT_MAX_MICROS {
            told = drift;
            tracing::warn!(
                drift_micros = drift,
                "the wall clock was stepped; holds keep to the time before the step"
            );
        }
    }
}

/// Waits for SIGINT or SIGTERM and begins to stop. A second one ends the process at once.
async fn until_told(stop: CancellationToken, ready: Arc<AtomicBool>) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::error!("signals cannot be received; stop the process with SIGKILL");
        return;
    };
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    // Whoever balances load sees this first.
    ready.store(false, Ordering::Release);
    tracing::info!("stopping: accepted requests are being answered");
    stop.cancel();
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    tracing::warn!("told twice: stopping at once");
    std::process::exit(130);
}
