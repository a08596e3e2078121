//! How far events have come, and dropping those that everybody has had.

use frontrow_domain::Timestamp;
use metrics::gauge;
use uuid::Uuid;

use super::log::Partitions;
use super::webhook::WebhookStatus;
use crate::app::App;
use crate::store::ReadError;

/// Seconds in a day.
const DAY: u32 = 86_400;
/// For how many days tries to tell webhooks are kept.
const ATTEMPTS_DAYS: u32 = 7;
/// How many of them are forgotten at once.
const ATTEMPTS_BATCH: usize = 1_000;
/// After how many days a consumer that no instance serves any more holds nothing up.
const UNSEEN_DAYS: u32 = 7;

impl App {
    /// Gives everything back that an instance has of the log.
    pub async fn release_events(&self, owner: Uuid) -> Result<(), ReadError> {
        self.delivery.release(owner).await
    }

    /// Measures how far behind each consumer is.
    pub async fn measure_events(&self) -> Result<(), ReadError> {
        let now = self.clock.now();
        let end = self.reads.log_end().await?;
        for mark in self.delivery.marks().await? {
            let next = if mark.position < end {
                self.reads.events(mark.position, Partitions::ALL, 1).await?
            } else {
                Vec::new()
            };
            let behind = next.first().map_or(0, |event| now.micros_since(event.at));
            let (waiting, _) = self.delivery.parked(mark.consumer.clone()).await?;
            let of = || mark.consumer.clone();
            gauge!("frontrow_events_lag_seconds", "consumer" => of()).set(behind as f64 / 1e6);
            gauge!("frontrow_events_parked", "consumer" => of()).set(waiting as f64);
        }
        let webhooks = self.delivery.webhooks().await?;
        for status in WebhookStatus::ALL {
            let count = webhooks.iter().filter(|webhook| webhook.status == status).count();
            gauge!("frontrow_webhooks", "status" => status.name()).set(count as f64);
        }
        gauge!("frontrow_events_dead_letters").set(self.delivery.count_dead_letters().await? as f64);
        Ok(())
    }

    /// Drops events that are older than that, were handed to every consumer that is still served, and have ended the
    /// sessions that they end. Answers how many.
    pub async fn tick_old_events(&self, keep_days: u32) -> Result<usize, ReadError> {
        let now = self.clock.now();
        let marks = self.delivery.marks().await?;
        let unseen = days_before(now, UNSEEN_DAYS);
        let served = marks.into_iter().filter(|mark| mark.seen_at >= unseen).map(|mark| mark.position);
        let Ok(sessions) = self.waiting_room.sessions_through().await else {
            // Nobody can say now which sessions are still to be ended; another day will do.
            return Ok(0);
        };
        let through = served.min().unwrap_or(u64::MAX);
        let unended = self.reads.session_ends(sessions, 1).await?;
        let through = unended.first().map_or(through, |end| through.min(end.position.saturating_sub(1)));
        let gone = self.upkeep.clean_events(days_before(now, keep_days), through).await?;
        while self.delivery.forget_attempts(days_before(now, ATTEMPTS_DAYS), ATTEMPTS_BATCH).await?
            == ATTEMPTS_BATCH
        {}
        Ok(gone)
    }
}

fn days_before(now: Timestamp, days: u32) -> Timestamp {
    now.minus_seconds(days.saturating_mul(DAY))
}
