//! Hands events on: a task for each consumer, so that a slow one keeps nobody else waiting.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use frontrow_application::App;
use frontrow_application::events::{Chat, Consumer, Pace, Relay, Subscriber, WebhookStatus};
use frontrow_domain::Currency;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::jobs::Watched;
#[cfg(feature = "kafka")]
use super::measures::run_kafka_check;
use crate::adapters::courier::HttpCourier;
use crate::config::Config;
use crate::wiring::Wired;

/// How often a share of the log is asked for again: a third of the time after which it is anybody's.
const RENEW: Duration = Duration::from_secs(3);
/// How often it is looked for what is to be tried again.
const TEND: Duration = Duration::from_secs(1);
/// How often it is looked for webhooks that were made or changed.
const LOOK: Duration = Duration::from_secs(1);
/// How long a relay waits for a commit of this instance. On a shared store others commit as well, and say nothing.
const IDLE_SHARED: Duration = Duration::from_millis(40);
const IDLE_ALONE: Duration = Duration::from_secs(1);
/// How long is waited after the store has not answered.
const AWAY: Duration = Duration::from_millis(500);
/// How often old events are dropped, and how far behind everybody is is measured.
const MEASURE: Duration = Duration::from_secs(5);
const CLEAN: Duration = Duration::from_mins(10);

/// Runs all consumers until the server stops, then gives back what this instance has of the log.
pub(super) async fn run_events(config: Config, wired: Arc<Wired>, stop: CancellationToken) {
    let app = Arc::clone(&wired.app);
    let idle = if wired.is_shared() { IDLE_SHARED } else { IDLE_ALONE };
    let road = match Road::open(&config, &wired) {
        Ok(road) => road,
        Err(error) => {
            // Whoever names a Kafka wants events there and nowhere else; the settings were checked, so this is rare.
            tracing::error!(error = format!("{error:#}"), "nobody is told of events");
            return;
        }
    };
    // Known to the others by a name that no other run has.
    let hands = Hands { wired: Arc::clone(&wired), owner: app.draw_id(), idle, road, stop: stop.clone() };
    let mut tasks = Vec::new();
    if let Some(publisher) = hands.road.publisher.clone() {
        tasks.push(tokio::spawn(hands.clone().run(publisher, stop.clone())));
    }
    #[cfg(feature = "kafka")]
    if let Some(kafka) = hands.road.kafka.clone() {
        tasks.push(tokio::spawn(run_kafka_check(kafka, stop.clone())));
    }
    match chat(&config, &app) {
        Ok(chat) => tasks.extend(chat.map(|chat| tokio::spawn(hands.clone().serve(chat, stop.clone())))),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the operators' chat is not told of anything");
        }
    }
    tasks.push(tokio::spawn(measure(Arc::clone(&app), config.events.keep_days, stop.clone())));
    hands.clone().run_webhooks().await;
    for task in tasks {
        let _ = task.await;
    }
    if let Err(error) = app.release_events(hands.owner).await {
        tracing::debug!(%error, "what this server has of the log comes free by itself");
    }
}

fn chat(config: &Config, app: &App) -> anyhow::Result<Option<Arc<dyn Consumer>>> {
    let url = config.events.chat_url.expose();
    if url.is_empty() {
        return Ok(None);
    }
    // The address is the operator's own, so it may be anywhere.
    let courier = Arc::new(HttpCourier::new(true)?);
    let currency =
        Currency::parse(&config.wallet.currency).context("wallet.currency is not a currency code")?;
    let delivery = app.subscriber_parts().delivery;
    Ok(Some(Arc::new(Chat::new(courier, delivery, url.to_owned(), currency))))
}

/// How events come to consumers: from the log, or by way of a Kafka that the settings name.
#[derive(Clone)]
struct Road {
    /// What takes them from the log to Kafka.
    publisher: Option<Arc<dyn Consumer>>,
    #[cfg(feature = "kafka")]
    kafka: Option<Arc<crate::wiring::Kafka>>,
}

impl Road {
    #[cfg(feature = "kafka")]
    fn open(config: &Config, wired: &Wired) -> anyhow::Result<Self> {
        let Some(kafka) = crate::wiring::Kafka::open(config)? else {
            return Ok(Self { publisher: None, kafka: None });
        };
        let parts = wired.app.subscriber_parts();
        let publisher = kafka.publisher(parts.delivery, parts.entropy)?;
        Ok(Self { publisher: Some(publisher), kafka: Some(Arc::new(kafka)) })
    }

    /// A program without Kafka refuses settings that name one.
    #[cfg(not(feature = "kafka"))]
    #[expect(clippy::unnecessary_wraps, reason = "with Kafka it may fail")]
    fn open(_: &Config, _: &Wired) -> anyhow::Result<Self> {
        Ok(Self { publisher: None })
    }
}

/// What every task needs.
#[derive(Clone)]
struct Hands {
    wired: Arc<Wired>,
    owner: Uuid,
    idle: Duration,
    road: Road,
    stop: CancellationToken,
}

impl Hands {
    /// Has one consumer told of events until told to stop, by whichever road they come.
    async fn serve(self, consumer: Arc<dyn Consumer>, stop: CancellationToken) {
        #[cfg(feature = "kafka")]
        if let Some(kafka) = &self.road.kafka {
            match kafka.consume(&self.wired, consumer) {
                Ok(bus) => {
                    stop.cancelled().await;
                    bus.stop().await;
                }
                Err(error) => tracing::error!(error = format!("{error:#}"), "a consumer is told of nothing"),
            }
            return;
        }
        self.run(consumer, stop).await;
    }

    /// Hands the log to one consumer until told to stop.
    async fn run(self, consumer: Arc<dyn Consumer>, stop: CancellationToken) {
        let name = consumer.name().to_owned();
        let relay = Arc::new(Relay::new(self.wired.app.relay_parts(self.owner), consumer));
        let renewing = tokio::spawn(renew(Arc::clone(&relay), stop.clone()));
        let tending = tokio::spawn(tend(Arc::clone(&relay), stop.clone()));
        let mut state = Watched::new("relay", "handing events on");
        loop {
            // Taken before the look, so that what is committed meanwhile is not slept through.
            let next = self.wired.app.next_commit();
            let tick = tokio::select! {
                () = stop.cancelled() => break,
                tick = relay.tick() => tick,
            };
            let wait = match state.note(tick) {
                Some(Pace::Busy) => continue,
                Some(Pace::Pause(pause)) => pause,
                Some(Pace::Idle) => {
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = next => {}
                        () = sleep(self.idle) => {}
                    }
                    continue;
                }
                None => AWAY,
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(wait) => {}
            }
        }
        tracing::debug!(consumer = name, "no longer told of events by this server");
        let _ = tokio::join!(renewing, tending);
    }

    /// Runs a task for each webhook that is switched on, as it is now.
    async fn run_webhooks(self) {
        let mut running: HashMap<Uuid, (u64, CancellationToken)> = HashMap::new();
        let mut looking = Watched::new("webhooks", "looking for webhooks");
        let mut tasks = Vec::new();
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                _ = tick.tick() => {}
            }
            let Some(webhooks) = looking.note(self.wired.app.webhooks().await) else { continue };
            let wanted: HashMap<Uuid, u64> = webhooks
                .iter()
                .filter(|webhook| webhook.status == WebhookStatus::On)
                .map(|webhook| (webhook.id, webhook.version))
                .collect();
            running.retain(|id, (version, stop)| {
                let stays = wanted.get(id) == Some(version);
                if !stays {
                    stop.cancel();
                }
                stays
            });
            tasks.retain(|task: &tokio::task::JoinHandle<()>| !task.is_finished());
            for webhook in webhooks {
                if webhook.status != WebhookStatus::On || running.contains_key(&webhook.id) {
                    continue;
                }
                let stop = self.stop.child_token();
                running.insert(webhook.id, (webhook.version, stop.clone()));
                let subscriber = Arc::new(Subscriber::new(self.wired.app.subscriber_parts(), webhook));
                tasks.push(tokio::spawn(self.clone().serve(subscriber, stop)));
            }
        }
        for task in tasks {
            let _ = task.await;
        }
    }
}

async fn renew(relay: Arc<Relay>, stop: CancellationToken) {
    let mut tick = interval(RENEW);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renewing = Watched::new("lease", "keeping a share of the events");
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => { renewing.note(relay.renew().await); }
        }
    }
}

async fn tend(relay: Arc<Relay>, stop: CancellationToken) {
    let mut tick = interval(TEND);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tending = Watched::new("retries", "trying again what was not delivered");
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => { tending.note(relay.tend().await); }
        }
    }
}

/// Measures how far behind consumers are, and drops events that everybody has had for long enough.
async fn measure(app: Arc<App>, keep_days: u32, stop: CancellationToken) {
    let mut tick = interval(MEASURE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut measuring = Watched::new("delivery", "measuring how far events have come");
    let mut cleaned: Option<Instant> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        measuring.note(app.measure_events().await);
        if cleaned.is_none_or(|at| at.elapsed() >= CLEAN) {
            cleaned = Some(Instant::now());
            if let Some(count @ 1..) = measuring.note(app.tick_old_events(keep_days).await) {
                tracing::info!(count, "old events dropped");
            }
        }
    }
}
