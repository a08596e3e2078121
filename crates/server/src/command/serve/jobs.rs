//! What has to happen without anybody asking: a loop each, with its own pace.

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::time::Duration;

use frontrow_application::App;
use frontrow_http::HttpState;
use metrics::counter;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::config::sections::Jobs;
use crate::wiring::Wired;

/// How often it is looked for reservations of schedules that were called off.
const CANCELLATIONS_TICK: Duration = Duration::from_secs(1);
/// How often it is looked for schedules that were sold out: soon enough to be news.
const SOLD_OUT_TICK: Duration = Duration::from_secs(1);
/// How often it is told who was let in by a waiting room.
const ADMITTED_TICK: Duration = Duration::from_millis(250);
/// How often the store is asked what other servers have committed to seats that are shown here. They tell of it, so this
/// is for what gets lost: with the question and the tick of the streams a map is less than a second late.
const BOARDS_TICK: Duration = Duration::from_millis(500);
/// How often the clock of a shared store is looked at.
const CLOCK_TICK: Duration = Duration::from_secs(2);
/// How often those who follow a seat map hear of changes: often enough to look live, seldom enough that a burst of
/// commits is one event for each of them.
const FEED_TICK: Duration = Duration::from_millis(100);

/// How often bodies are let go of that nobody asks for: who follows a map asks again within seconds.
const BODIES_TICK: Duration = Duration::from_secs(5);

/// A job that is done again and again. When it begins to fail, and when it works again, is said once: what is away for a
/// minute must not fill the log with what everybody knows.
pub(super) struct Watched {
    name: &'static str,
    what: &'static str,
    is_well: bool,
}

impl Watched {
    /// `name` is what its failures are counted as, one of those in the catalogue of metrics; `what` is for the log.
    pub(super) const fn new(name: &'static str, what: &'static str) -> Self {
        Self { name, what, is_well: true }
    }

    /// What came of it, or nothing when it failed.
    pub(super) fn note<T>(&mut self, done: Result<T, impl Display>) -> Option<T> {
        match (&done, self.is_well) {
            (Err(error), true) => tracing::warn!(%error, "failing: {}; the next ticks try again", self.what),
            (Ok(_), false) => tracing::info!("works again: {}", self.what),
            _ => {}
        }
        self.is_well = done.is_ok();
        if !self.is_well {
            counter!("frontrow_job_failures_total", "task" => self.name).increment(1);
        }
        done.ok()
    }
}

fn as_text(failure: impl Debug) -> String {
    format!("{failure:?}")
}

/// Calls what has to happen without anybody asking.
pub(super) async fn run_jobs(app: Arc<App>, settings: Jobs, stop: CancellationToken) {
    let mut expiry = interval(Duration::from_millis(settings.expire_tick_ms));
    expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut upkeep = interval(Duration::from_secs(settings.clean_tick_seconds));
    upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut cancellations = interval(CANCELLATIONS_TICK);
    cancellations.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sold_out = interval(SOLD_OUT_TICK);
    sold_out.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut expiring = Watched::new("expiry", "letting holds expire");
    let mut calling_off = Watched::new("cancellations", "taking back reservations of cancelled schedules");
    let mut telling = Watched::new("sold_out", "telling that schedules are sold out");
    let mut tidying = Watched::new("upkeep", "tidying the store");
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = expiry.tick(), if settings.expire_enabled => {
                expiring.note(app.tick_expiry().await.map_err(as_text));
            }
            _ = cancellations.tick() => {
                let done = app.tick_cancellations().await.map_err(as_text);
                if let Some(count @ 1..) = calling_off.note(done) {
                    tracing::info!(count, "reservations of cancelled schedules taken back");
                }
            }
            _ = sold_out.tick() => { telling.note(app.tick_sold_out().await.map_err(as_text)); }
            _ = upkeep.tick() => { tidying.note(app.tick_upkeep().await); }
        }
    }
}

/// Moves the lines on. Apart from the other jobs, because the rate of admission depends on its pace.
pub(super) async fn run_lines(app: Arc<App>, settings: Jobs, stop: CancellationToken) {
    let mut tick = interval(Duration::from_millis(settings.line_tick_ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lines = Watched::new("lines", "moving the lines on");
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => { lines.note(app.tick_lines().await); }
        }
    }
}

/// Draws the lobbies of sales that open. Apart from what moves the lines on: a draw of a million takes seconds.
pub(super) async fn run_draws(app: Arc<App>, settings: Jobs, stop: CancellationToken) {
    let mut tick = interval(Duration::from_millis(settings.line_tick_ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut draws = Watched::new("draws", "drawing the lobbies");
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => { draws.note(app.tick_draws().await); }
        }
    }
}

/// Lets go of bodies that nobody asks for any more.
pub(super) async fn run_bodies(http: HttpState, stop: CancellationToken) {
    let mut tick = interval(BODIES_TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => http.tidy(),
        }
    }
}

/// Tells who was let in by the lines. Apart from what moves them on, which must not wait for the store.
pub(super) async fn run_admissions(app: Arc<App>, stop: CancellationToken) {
    let mut tick = interval(ADMITTED_TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut telling = Watched::new("admissions", "telling who is let in");
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => { telling.note(app.tick_admitted().await); }
        }
    }
}

/// Ends the sessions of those who have paid.
pub(super) async fn run_sessions(app: Arc<App>, settings: Jobs, stop: CancellationToken) {
    let mut tick = interval(Duration::from_millis(settings.session_tick_ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sessions = Watched::new("sessions", "ending the sessions of those who have paid");
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => { sessions.note(app.tick_sessions().await); }
        }
    }
}

/// Tells those who follow a seat map what has changed. Apart from the other jobs, so that no commit delays it.
pub(super) async fn run_feeds(app: Arc<App>, stop: CancellationToken) {
    let mut tick = interval(FEED_TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut feeds = Watched::new("feeds", "telling those who follow a seat map");
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => { feeds.note(app.tick_feeds().await); }
        }
    }
}

/// Tells other servers what is sold here, and hears of them. Apart from the other jobs, so that neither waits. Nothing to
/// do for one that is alone.
pub(super) async fn run_messages(app: Arc<App>, stop: CancellationToken) {
    let mut telling = Watched::new("messages", "telling other servers what is sold");
    let tells = async {
        loop {
            telling.note(app.tell_seats().await);
        }
    };
    let hears = async {
        loop {
            app.hear_seats().await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = tells => {}
        () = hears => {}
    }
}

/// Follows what other servers commit, and the clock of the store that they share. Nothing to do for one that is alone.
pub(super) async fn run_boards(stop: CancellationToken, wired: Arc<Wired>) {
    if !wired.is_shared() {
        return;
    }
    let mut boards = interval(BOARDS_TICK);
    boards.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut clock = interval(CLOCK_TICK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut catching_up = Watched::new("boards", "reading what other servers have committed");
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = boards.tick() => { catching_up.note(wired.app.tick_boards().await); }
            _ = clock.tick() => wired.follow_store().await,
        }
    }
}
