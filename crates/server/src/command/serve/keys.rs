//! Follows the keys: a list that was changed counts within a second, and a key signs from its time on. Without a restart,
//! and on SIGHUP at once.

use std::sync::Arc;
use std::time::Duration;

use frontrow_application::Clock as _;
use frontrow_http::Keyring;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::keys::Keys;
use crate::wiring::Wired;

/// How often the file is looked at, and the time.
const TICK: Duration = Duration::from_secs(1);

/// Keeps the ring as the file and the time say.
pub(super) async fn follow(mut keys: Keys, ring: Arc<Keyring>, wired: Arc<Wired>, stop: CancellationToken) {
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hang_up = signal(SignalKind::hangup()).ok();
    let mut names = keys.names(wired.clock.now());
    let mut told = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
            () = received(&mut hang_up) => tracing::info!("told to look at the keys"),
        }
        // A folder that hangs holds up this task and nothing else.
        let looked = tokio::task::spawn_blocking(move || {
            let looked = keys.look();
            (keys, looked)
        });
        let Ok((same, looked)) = looked.await else { return };
        keys = same;
        let wrong = looked.err().map(|error| format!("{error:#}"));
        if wrong != told {
            if let Some(error) = &wrong {
                tracing::error!(error, "the keys cannot be read; those that were read last stay in force");
            } else {
                tracing::info!("the keys can be read again");
            }
            told = wrong;
        }
        let now = wired.clock.now();
        let current = keys.names(now);
        if current != names
            && let Ok(in_force) = keys.in_force(now)
        {
            ring.replace(&in_force);
            tracing::info!(keys = current.join(", "), "other keys are in force; the first of a kind signs");
            names = current;
        }
    }
}

/// Waits for the signal; for ever where it cannot be received.
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
