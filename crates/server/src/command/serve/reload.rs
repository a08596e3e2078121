//! SIGHUP: the settings are read again. What can be changed while the server runs is; of everything else the log says that
//! it needs a restart. Settings with a problem are not taken over at all. Keys are followed by themselves ([`super::keys`]).
//!
//! To add a setting that is reloaded: its key in [`RELOADED`], and what has to be done in [`Reload::apply`].

use std::path::PathBuf;
use std::sync::Arc;

use frontrow_http::HttpState;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::settings::limits;
use crate::config::{Config, environment, load};
use crate::telemetry::FilterHandle;

/// What is changed while the server runs.
const RELOADED: [&str; 7] = [
    "http.requests_per_fan_per_second",
    "http.request_burst_per_fan",
    "http.joins_per_fan_per_minute",
    "auth.login_attempts_per_account",
    "auth.login_attempts_per_address",
    "auth.login_window_seconds",
    "log.filter",
];

/// Where the settings come from, beside the environment.
#[derive(Clone)]
pub(crate) struct Sources {
    /// The file of `--config`.
    pub(crate) file: Option<PathBuf>,
    /// What the command line says.
    pub(crate) flags: Vec<(String, String)>,
}

/// What is changed, and what it was.
pub(super) struct Reload {
    pub(super) sources: Sources,
    /// The settings with which the server runs.
    pub(super) running: Config,
    pub(super) http: HttpState,
    pub(super) filter: Arc<FilterHandle>,
}

impl Reload {
    /// Waits for signals until the server stops.
    pub(super) async fn follow(mut self, stop: CancellationToken) {
        let Ok(mut hang_up) = signal(SignalKind::hangup()) else {
            tracing::error!("SIGHUP cannot be received; settings are read at the start alone");
            return;
        };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = hang_up.recv() => {}
            }
            let Sources { file, flags } = self.sources.clone();
            // A file on a folder that hangs holds up this task and nothing else.
            let loaded = tokio::task::spawn_blocking(move || load(file.as_deref(), environment(), &flags));
            match loaded.await {
                Ok(Ok(config)) => self.take_over(config),
                Ok(Err(problems)) => {
                    tracing::error!(%problems, "told to read the settings again, and there is a problem: nothing was changed");
                }
                Err(error) => tracing::error!(%error, "the settings could not be read again"),
            }
        }
    }

    fn take_over(&mut self, config: Config) {
        let changed = config.differs_from(&self.running);
        let (now, later): (Vec<&str>, Vec<&str>) =
            changed.iter().map(String::as_str).partition(|key| RELOADED.contains(key));
        if !later.is_empty() {
            tracing::warn!(settings = later.join(", "), "changed, and in force after a restart only");
        }
        if now.is_empty() {
            tracing::info!(
                "told to read the settings again; none was changed that can be while the server runs"
            );
            return;
        }
        match self.apply(&config) {
            Ok(()) => {
                // Before the line about it, whose level may be one of those that changed.
                self.running.take_over(&config, &RELOADED);
                tracing::info!(settings = now.join(", "), "read again, and in force");
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "nothing was changed"),
        }
    }

    fn apply(&self, config: &Config) -> anyhow::Result<()> {
        let limits = limits(config)?;
        (self.filter)(&config.log.filter)?;
        self.http.limit(limits);
        Ok(())
    }
}
