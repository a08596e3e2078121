//! `frontrow serve`: up in order, and down in order.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use frontrow_application::account::{NewAccount, SignUpRefused};
use frontrow_application::{App, Clock as _, Failure};
use frontrow_domain::account::Role;
use frontrow_http::{HttpSettings, HttpState, Keyring, ServeLimits};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::{answer, demo};
use crate::adapters::traces::OtlpTraces;
use crate::command::serve::jobs::{
    run_admissions, run_boards, run_bodies, run_draws, run_feeds, run_jobs, run_lines, run_messages,
    run_sessions,
};
use crate::command::serve::reload::Reload;
use crate::command::serve::settings::{Telling, http_settings};
use crate::config::Config;
use crate::keys::Keys;
use crate::telemetry::FilterHandle;
use crate::wiring::{Wired, processors, refused_members};
use crate::{metering, open_files, rush, telemetry};

mod events;
mod jobs;
mod jwks;
mod keys;
mod manager;
mod measures;
mod reload;
mod settings;

pub(super) use reload::Sources;

/// Microseconds by which the wall clock may move away before it is worth a line in the log.
const DRIFT_MAX_MICROS: i64 = 1_000_000;

pub(super) fn run(config: &Config, sources: Sources, demo: bool) -> anyhow::Result<ExitCode> {
    let filter = telemetry::log(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors())
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(config, sources, filter, demo))
}

async fn serve(
    config: &Config,
    sources: Sources,
    filter: Arc<FilterHandle>,
    demo: bool,
) -> anyhow::Result<ExitCode> {
    let metrics = metering::install(config)?;
    let traces = OtlpTraces::start(&config.telemetry)?;
    let wired = Arc::new(Wired::open(config).await?);
    let now = wired.clock.now();
    let keys = Keys::open(config, now)?;
    let ring = Arc::new(Keyring::new(&keys.in_force(now)?));
    first_admin(&wired.app, config).await?;
    if demo {
        demo::fill(&wired.app, &config.demo).await?;
    }
    let ready = Arc::new(AtomicBool::new(false));
    let stop = CancellationToken::new();
    let published = jwks::start(&config.issuer, stop.clone())?;
    let shown = metering::Shown::new(metrics.clone(), Arc::clone(&wired));
    let telling = Telling { shown, traces: traces.as_ref().map(OtlpTraces::taker) };
    let settings: HttpSettings = http_settings(
        config,
        Arc::clone(&ring),
        &wired,
        published,
        Arc::clone(&ready),
        stop.clone(),
        telling,
    )?;
    let listener = frontrow_http::bind(config.http.listen, config.http.backlog)
        .with_context(|| format!("cannot listen on {}; is another server there?", config.http.listen))?;
    let address = listener.local_addr()?;
    wired.announce(&address.to_string());
    let jobs = tokio::spawn(run_jobs(Arc::clone(&wired.app), config.jobs.clone(), stop.clone()));
    let lines = tokio::spawn(run_lines(Arc::clone(&wired.app), config.jobs.clone(), stop.clone()));
    let draws = tokio::spawn(run_draws(Arc::clone(&wired.app), config.jobs.clone(), stop.clone()));
    let sessions = tokio::spawn(run_sessions(Arc::clone(&wired.app), config.jobs.clone(), stop.clone()));
    let admissions = tokio::spawn(run_admissions(Arc::clone(&wired.app), stop.clone()));
    let feeds = tokio::spawn(run_feeds(Arc::clone(&wired.app), stop.clone()));
    let messages = tokio::spawn(run_messages(Arc::clone(&wired.app), stop.clone()));
    let clock_watch = tokio::spawn(watch(stop.clone(), Arc::clone(&wired)));
    let boards = tokio::spawn(run_boards(stop.clone(), Arc::clone(&wired)));
    let events = tokio::spawn(events::run_events(config.clone(), Arc::clone(&wired), stop.clone()));
    let folder = (!wired.is_shared()).then(|| config.store.data.clone());
    let measures = tokio::spawn(measures::run_measures(Arc::clone(&wired), folder, metrics, stop.clone()));
    let rush = tokio::spawn(rush::follow(Arc::clone(&wired.rush), processors(), stop.clone()));
    let pause_ms = config.jobs.audit_pause_ms;
    let audit = tokio::spawn(measures::run_audit(Arc::clone(&wired), pause_ms, stop.clone()));
    let key_watch = tokio::spawn(keys::follow(keys, ring, Arc::clone(&wired), stop.clone()));
    let drain = Duration::from_secs(config.http.drain_seconds);
    let stopping = tokio::spawn(until_told(stop.clone(), Arc::clone(&ready), drain));
    let http = HttpState::new(Arc::clone(&wired.app), settings);
    let reload = Reload { sources, running: config.clone(), http: http.clone(), filter };
    let reloading = tokio::spawn(reload.follow(stop.clone()));
    let bodies = tokio::spawn(run_bodies(http.clone(), stop.clone()));
    tokio::spawn(manager::keep_alive());
    let router = frontrow_http::router(http);
    ready.store(true, Ordering::Release);
    manager::ready(&address.to_string());
    tracing::info!(%address, data = %config.store.data.display(), "serving");
    answer(&format!("frontrow serves http://{address}/ (API description: http://{address}/swagger-ui/)"))?;
    if demo {
        demo::explain(&wired.app, &config.demo, address).await?;
    }
    frontrow_http::serve(listener, router, limits(config), stop.clone()).await;
    stop.cancel();
    stopping.abort();
    let _ = tokio::join!(
        jobs,
        lines,
        draws,
        sessions,
        admissions,
        feeds,
        messages,
        clock_watch,
        boards,
        events,
        key_watch,
        reloading,
        bodies
    );
    let _ = tokio::join!(measures, audit, rush);
    if let Some(traces) = traces {
        traces.close().await;
    }
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
        connections_per_address: config.http.max_connections_per_address,
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

/// Waits for SIGINT or SIGTERM and begins to stop: not ready at once, closed after the time in which balancers notice. A
/// second one ends that time, and the next one the process.
async fn until_told(stop: CancellationToken, ready: Arc<AtomicBool>, drain: Duration) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::error!("signals cannot be received; stop the process with SIGKILL");
        return;
    };
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    // Whoever balances load sees this first.
    ready.store(false, Ordering::Release);
    manager::stopping();
    if !drain.is_zero() {
        tracing::info!(
            seconds = drain.as_secs(),
            "told to stop: not ready any more, and serving on until balancers have noticed"
        );
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
    tracing::info!("stopping: accepted requests are being answered");
    stop.cancel();
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    tracing::warn!("told twice: stopping at once");
    std::process::exit(130);
}
