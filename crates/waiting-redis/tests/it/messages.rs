//! Messages between instances on real servers: the suite of the port for `RedisMessages`, and applications whose seat maps
//! follow each other by nothing else.

use std::sync::Arc;

use frontrow_application::catalog::Heard;
use frontrow_application::messages::Messages;
use frontrow_application::reservation::HoldRequest;
use frontrow_domain::{ScheduleId, UserId};
use frontrow_testkit::Stage;
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::messages::MessagesFactory;
use frontrow_testkit::stage::seats;
use frontrow_testkit::wire::{Link, Wire};
use frontrow_waiting_redis::{RedisMessages, RedisSettings};
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::own::{Keeps, OwnRedis, until};
use crate::servers::{Server, new_prefix};

/// Instances with a prefix of their own on a server.
struct RedisFactory {
    server: Server,
    prefix: String,
}

impl RedisFactory {
    fn on(server: Server) -> Self {
        Self { server, prefix: new_prefix() }
    }
}

impl MessagesFactory for RedisFactory {
    fn open(&self) -> Arc<dyn Messages> {
        RedisMessages::open(self.server.settings(&self.prefix)).expect("good settings")
    }
}

mod on_one_server {
    use super::*;

    frontrow_testkit::messages_suite!(RedisFactory::on(Server::single()));
}

mod on_a_cluster {
    use super::*;

    frontrow_testkit::messages_suite!(RedisFactory::on(Server::cluster()));
}

/// An application on messages of a Redis, with the tasks that a server runs, and without the one that asks the store.
struct Instance {
    stage: Stage,
    messages: Arc<RedisMessages>,
    heard: Arc<Mutex<Vec<Heard>>>,
    tasks: [JoinHandle<()>; 2],
}

impl Instance {
    async fn beside(first: &Stage, settings: RedisSettings) -> Self {
        let messages = RedisMessages::open(settings).expect("good settings");
        let stage = first.second_with(Arc::<RedisMessages>::clone(&messages));
        let notes = Arc::<Mutex<Vec<Heard>>>::default();
        let (teller, listener, list) = (Arc::clone(&stage.app), Arc::clone(&stage.app), Arc::clone(&notes));
        let telling = tokio::spawn(async move {
            loop {
                let _ = teller.tell_seats().await;
            }
        });
        let listening = tokio::spawn(async move {
            loop {
                let heard = listener.hear_seats().await;
                list.lock().push(heard);
            }
        });
        let instance = Self { stage, messages, heard: notes, tasks: [telling, listening] };
        instance.until_listening().await;
        instance
    }

    async fn until_listening(&self) {
        until("the instance listens", || async { self.messages.is_listening() }).await;
    }

    async fn until_shown(&self, schedule: ScheduleId, map: &str) {
        until(map, || async { self.stage.map(schedule).await == map }).await;
    }

    async fn hold(&self, fan: UserId, schedule: ScheduleId, seat: u32) {
        let request = HoldRequest { schedule, seats: seats([seat]) };
        self.stage.app.hold(fan, request, None).await.expect("held");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn a_sale(seats: u32) -> (Stage, ScheduleId, UserId) {
    let first = Stage::open(&MemoryFactory::new());
    let schedule = first.a_schedule().seats(seats).max_seats_per_fan(seats).make().await;
    let fan = first.a_fan().make().await;
    (first, schedule, fan)
}

async fn maps_follow_each_other_by_messages_alone(server: Server) {
    let (first, schedule, fan) = a_sale(6).await;
    let prefix = new_prefix();
    let one = Instance::beside(&first, server.settings(&prefix)).await;
    let two = Instance::beside(&first, server.settings(&prefix)).await;
    let elsewhere = Instance::beside(&first, server.settings(&new_prefix())).await;
    for instance in [&one, &two, &elsewhere] {
        instance.until_shown(schedule, "aaaaaa").await;
    }
    one.hold(fan, schedule, 1).await;
    two.until_shown(schedule, "haaaaa").await;
    two.hold(fan, schedule, 2).await;
    two.hold(fan, schedule, 3).await;
    one.until_shown(schedule, "hhhaaa").await;
    assert_eq!(elsewhere.stage.map(schedule).await, "aaaaaa", "another prefix is another system");
    assert!(two.heard.lock().contains(&Heard::News) && one.heard.lock().contains(&Heard::Own));
    for instance in [&one, &two] {
        assert_eq!(instance.stage.app.tick_boards().await, Ok(0), "nothing was missed");
    }
}

#[test]
fn maps_follow_each_other_on_one_server() {
    frontrow_testkit::bounded(maps_follow_each_other_by_messages_alone(Server::single()));
}

#[test]
fn maps_follow_each_other_on_a_cluster() {
    frontrow_testkit::bounded(maps_follow_each_other_by_messages_alone(Server::cluster()));
}

/// Much is sold at both at once, each message resting on one of the other: both end with the same map, and hardly anybody
/// had to ask the store.
#[test]
fn two_that_sell_the_same_hall_end_with_the_same_map() {
    frontrow_testkit::bounded(async {
        let (first, schedule, fan) = a_sale(100).await;
        let prefix = new_prefix();
        let settings = || Server::single().settings(&prefix);
        let both = [Instance::beside(&first, settings()).await, Instance::beside(&first, settings()).await];
        let watcher = Instance::beside(&first, settings()).await;
        for instance in both.iter().chain([&watcher]) {
            instance.stage.map(schedule).await;
        }
        let sold = both.iter().zip([1, 2]).map(|(instance, start)| async move {
            for seat in (start..=100).step_by(2) {
                instance.hold(fan, schedule, seat).await;
            }
        });
        join_all(sold).await;
        watcher.until_shown(schedule, &"h".repeat(100)).await;
        for instance in &both {
            instance.until_shown(schedule, &"h".repeat(100)).await;
        }
        assert!(!watcher.heard.lock().contains(&Heard::Unreadable));
    });
}

/// A link that is cut, or falls silent: what was sent meanwhile is found in the store, and when the link is back messages
/// come again by themselves.
async fn what_is_lost_on_the_way_is_found_in_the_store(away: Link) {
    let redis = OwnRedis::start(Keeps::Nothing).await;
    let wire = Wire::start(&format!("127.0.0.1:{}", redis.port())).await;
    let (first, schedule, fan) = a_sale(6).await;
    let one = Instance::beside(&first, redis.settings()).await;
    let by_wire = RedisSettings::new(&format!("redis://{}", wire.address)).expect("an address");
    let far = Instance::beside(&first, by_wire).await;
    far.until_shown(schedule, "aaaaaa").await;
    one.hold(fan, schedule, 1).await;
    far.until_shown(schedule, "haaaaa").await;
    wire.set(away);
    until("it is noticed", || async { !far.messages.is_listening() }).await;
    one.hold(fan, schedule, 2).await;
    // Its own goes on as if nothing were wrong, and nobody waits for Redis.
    far.hold(fan, schedule, 3).await;
    assert_eq!(far.stage.map(schedule).await, "hhhaaa");
    one.hold(fan, schedule, 4).await;
    assert_eq!(far.stage.map(schedule).await, "hhhaaa", "nobody has told it");
    assert_eq!(far.stage.app.tick_boards().await, Ok(1));
    assert_eq!(far.stage.map(schedule).await, "hhhhaa");
    wire.set(Link::Up);
    far.until_listening().await;
    // What it was late to tell connects to what is missing at the other, or is found there in the store.
    one.stage.app.tick_boards().await.expect("ticked");
    one.hold(fan, schedule, 5).await;
    far.until_shown(schedule, "hhhhha").await;
    until("it is heard as well", || async {
        far.messages.send(b"not one of ours".to_vec()).await.is_ok()
            && one.heard.lock().contains(&Heard::Unreadable)
    })
    .await;
}

#[test]
fn what_is_lost_while_the_link_is_cut_is_found_in_the_store() {
    frontrow_testkit::bounded(what_is_lost_on_the_way_is_found_in_the_store(Link::Cut));
}

#[test]
fn what_is_lost_while_the_link_is_silent_is_found_in_the_store() {
    frontrow_testkit::bounded(what_is_lost_on_the_way_is_found_in_the_store(Link::Silent));
}

/// Redis killed and started again: both hear each other again by themselves.
#[test]
fn messages_come_again_after_redis_was_away() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let (first, schedule, fan) = a_sale(6).await;
        let one = Instance::beside(&first, redis.settings()).await;
        let two = Instance::beside(&first, redis.settings()).await;
        two.until_shown(schedule, "aaaaaa").await;
        redis.kill();
        until("it is noticed", || async { !two.messages.is_listening() }).await;
        one.hold(fan, schedule, 1).await;
        redis.start_again().await;
        two.until_listening().await;
        two.stage.app.tick_boards().await.expect("ticked");
        two.heard.lock().clear();
        // Whatever the first attempt over a broken connection comes to, a later one arrives.
        until("a message comes", || async {
            one.messages.send(b"not one of ours".to_vec()).await.is_ok() && !two.heard.lock().is_empty()
        })
        .await;
        one.hold(fan, schedule, 2).await;
        two.until_shown(schedule, "hhaaaa").await;
    });
}
