//! What a service manager is told, where there is one: systemd by its socket. Without one nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

/// The server takes requests.
pub(super) fn ready(address: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("serving {address}"))]);
}

/// The server was told to stop.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("answering what was accepted")]);
}

/// Says that the server is alive for as long as it is, twice as often as is asked for (`WatchdogSec=`): one that hangs is
/// started again. It runs among the tasks that serve, so it is silent when none of them comes to its turn.
/// A stop is part of being alive: it has a time-out of its own.
pub(super) async fn keep_alive() {
    let Some(every) = sd_notify::watchdog_enabled().filter(|every| *every > Duration::ZERO) else { return };
    let mut tick = interval(every / 2);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(news: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(news) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
