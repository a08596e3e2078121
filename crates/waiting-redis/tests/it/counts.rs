//! Attempts counted on real servers: the suite of the port for `RedisCounts`, and what happens while Redis is away.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use frontrow_application::attempts::{AttemptCounts, AttemptLimit, Attempts};
use frontrow_domain::records::Digest;
use frontrow_testkit::ManualClock;
use frontrow_testkit::conformance::attempts::CountsFactory;
use frontrow_waiting_redis::{RedisCounts, RedisSettings};
use tokio::time::sleep;

use crate::own::{Keeps, OwnRedis, bounded, until};
use crate::servers::{Server, new_prefix};

const LIMIT: AttemptLimit = AttemptLimit { attempts: 3, window_seconds: 600 };
const ANN: Digest = [7; 16];

/// Counts with a prefix of their own on a server.
struct RedisFactory {
    server: Server,
    prefix: String,
}

impl RedisFactory {
    fn on(server: Server) -> Self {
        Self { server, prefix: new_prefix() }
    }
}

impl CountsFactory for RedisFactory {
    fn open(&self) -> Arc<dyn AttemptCounts> {
        RedisCounts::open(self.server.settings(&self.prefix)).expect("good settings")
    }

    fn second(&self) -> Option<Arc<dyn AttemptCounts>> {
        Some(self.open())
    }

    fn pass(&self, seconds: u32) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // Redis goes by its own clock, which nobody can turn. It began earlier than this.
        Box::pin(sleep(Duration::from_secs(seconds.into())))
    }
}

mod on_one_server {
    use super::*;

    frontrow_testkit::attempts_suite!(RedisFactory::on(Server::single()));
}

mod on_a_cluster {
    use super::*;

    frontrow_testkit::attempts_suite!(RedisFactory::on(Server::cluster()));
}

/// One server's attempts, counted with those of the others.
struct Instance {
    attempts: Attempts,
    clock: ManualClock,
}

impl Instance {
    fn on(settings: RedisSettings) -> Self {
        let clock = ManualClock::default();
        let shared: Arc<dyn AttemptCounts> = RedisCounts::open(settings).expect("good settings");
        Self { attempts: Attempts::new(Arc::new(clock.clone()), Some(shared)), clock }
    }

    async fn passes(&self) -> bool {
        bounded("an attempt is counted", self.attempts.enter(ANN, LIMIT)).await.is_ok()
    }

    async fn passed(&self, attempts: u32) -> u32 {
        let mut passed = 0;
        for _ in 0..attempts {
            passed += u32::from(self.passes().await);
        }
        passed
    }
}

#[test]
fn two_servers_let_through_as_many_as_one() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let both = [Instance::on(redis.settings()), Instance::on(redis.settings())];
        assert!(both[0].passes().await && both[1].passes().await && both[0].passes().await);
        assert_eq!(both[1].attempts.enter(ANN, LIMIT).await.err(), Some(600));
        assert_eq!(both[0].attempts.enter(ANN, LIMIT).await.err(), Some(600));
        // Nothing in Redis says for whom it is, and all of it ends by itself.
        let server = redis.server();
        let keys: Vec<String> = server.ask(redis::cmd("KEYS").arg("*"));
        assert_eq!(keys, [format!("frontrow:n:{}", "07".repeat(16))]);
        let left: i64 = server.ask(redis::cmd("TTL").arg(&keys[0]));
        assert!((590..=600).contains(&left), "{left}");
        // The control: a system of its own is not counted with them.
        let mut elsewhere = redis.settings();
        elsewhere.prefix = new_prefix();
        assert_eq!(Instance::on(elsewhere).passed(5).await, 3);
    });
}

#[test]
fn an_attempt_that_is_taken_back_does_not_count_at_the_others() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let both = [Instance::on(redis.settings()), Instance::on(redis.settings())];
        for _ in 0..10 {
            let attempt = both[0].attempts.enter(ANN, LIMIT).await.expect("room");
            both[0].attempts.take_back(attempt).await;
        }
        assert_eq!(both[1].passed(5).await, 3);
    });
}

#[test]
fn without_redis_each_server_counts_for_itself() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let both = [Instance::on(redis.settings()), Instance::on(redis.settings())];
        assert!(both[0].passes().await && both[1].passes().await);
        redis.kill();
        // What was counted here before still counts here.
        assert_eq!([both[0].passed(5).await, both[1].passed(5).await], [2, 2]);
        redis.start_again().await;
        // It has forgotten everything; who was refused here stays refused here.
        for instance in &both {
            instance.clock.advance(2);
            assert!(!instance.passes().await);
        }
        let late = Instance::on(redis.settings());
        until("they count together again", || async {
            let other = Instance::on(redis.settings());
            late.passed(3).await;
            !other.passes().await
        })
        .await;
    });
}

#[test]
fn a_redis_that_does_not_answer_holds_up_one_attempt_and_not_the_next() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let instance = Instance::on(redis.settings());
        assert!(instance.passes().await);
        let _: String = redis.server().ask(redis::cmd("CLIENT").arg("PAUSE").arg(5_000).arg("ALL"));
        let begun = std::time::Instant::now();
        assert_eq!(instance.passed(1_000).await, 2);
        // A bound far beyond the one time-out, and far below what a thousand of them take.
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    });
}
