//! A cluster that loses the master of a line, and one that moves a line to another node, in the middle of a crowd: nobody's
//! place is lost or given twice, and the line goes on by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use frontrow_application::waiting_room::{LineError, Pass, WaitingRoom as _};
use frontrow_domain::queue::PlaceState;
use frontrow_testkit::samples;
use frontrow_waiting_redis::RedisLine;
use tokio::task::JoinHandle;

use crate::own::{Fans, bounded, until};
use crate::own_cluster::OwnCluster;

/// How far new numbers begin behind what may have been lost.
const LEAP: u64 = 1_000_000;

/// Fans who come and join by two instances, one after the other on each of some tasks, and ask again until they are
/// answered.
struct Crowd {
    instances: [Fans; 2],
    is_over: Arc<AtomicBool>,
    joined: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    /// The longest that a call took, in microseconds.
    longest: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Vec<Pass>>>,
}

impl Crowd {
    fn come(cluster: &OwnCluster) -> Self {
        let open = || Fans::of(RedisLine::open(cluster.settings()).expect("good settings"));
        let mut crowd = Self {
            instances: [open(), open()],
            is_over: Arc::default(),
            joined: Arc::default(),
            refused: Arc::default(),
            longest: Arc::default(),
            tasks: Vec::new(),
        };
        crowd.tasks = (0..16).map(|task| crowd.task(task)).collect();
        crowd
    }

    fn task(&self, task: u64) -> JoinHandle<Vec<Pass>> {
        let fans = self.instances[usize::from(task % 2 == 1)].clone();
        let (is_over, joined, refused, longest) = (
            Arc::clone(&self.is_over),
            Arc::clone(&self.joined),
            Arc::clone(&self.refused),
            Arc::clone(&self.longest),
        );
        tokio::spawn(async move {
            let mut passes = Vec::new();
            let mut fan = 1_000 * (task + 1);
            while !is_over.load(Ordering::Acquire) {
                let begun = Instant::now();
                let answer = fans.try_join(fan).await;
                let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                longest.fetch_max(took, Ordering::AcqRel);
                match answer {
                    Ok(answer) => {
                        passes.push(Pass::of(&answer.standing.place));
                        joined.fetch_add(1, Ordering::AcqRel);
                        fan += 1;
                    }
                    Err(error) => {
                        assert!(!matches!(error, LineError::Overloaded), "few ask");
                        refused.fetch_add(1, Ordering::AcqRel);
                    }
                }
                // Fans do not come all at once.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            passes
        })
    }

    fn joined(&self) -> usize {
        self.joined.load(Ordering::Acquire)
    }

    fn refused(&self) -> usize {
        self.refused.load(Ordering::Acquire)
    }

    async fn until_joined(&self, more: usize) {
        let wanted = self.joined() + more;
        until("more have joined", || async { self.joined() >= wanted }).await;
    }

    /// Nobody comes any more. Answers the pass that each fan was told.
    async fn end(&mut self) -> Vec<Pass> {
        self.is_over.store(true, Ordering::Release);
        let mut passes = Vec::new();
        for task in std::mem::take(&mut self.tasks) {
            passes.extend(bounded("the crowd goes home", task).await.expect("no panic"));
        }
        passes
    }

    /// Everybody shows their pass, and has the place of it; those who were not let in stand in the order of their numbers.
    /// Answers how many of them wait.
    async fn everybody_has_their_place(&self, passes: &[Pass]) -> u64 {
        let mut fans_of: BTreeMap<u64, Vec<Pass>> = BTreeMap::new();
        for pass in passes {
            fans_of.entry(pass.sequence.get()).or_default().push(*pass);
        }
        let twice: Vec<_> = fans_of.values().filter(|passes| passes.len() > 1).collect();
        assert!(twice.is_empty(), "numbers that were given twice: {twice:?}");
        let line = &self.instances[0].line;
        // Shown in any order; the first round puts back what was lost.
        for pass in passes {
            let standing = line.standing(*pass).await.expect("answered");
            let standing = standing.unwrap_or_else(|| panic!("the place of {pass:?} is lost"));
            assert_eq!(Pass::of(&standing.place), *pass);
        }
        let mut waiting = 0;
        for pass in fans_of.values().flatten() {
            let standing = line.standing(*pass).await.expect("answered").expect("it is there");
            if standing.place.state == PlaceState::Waiting {
                assert!(standing.ahead >= Some(waiting), "{standing:?} with {waiting} known to be ahead");
                waiting += 1;
            }
        }
        let figures = line.tick(samples::CONCERT, crate::own::policy(0)).await.expect("answered");
        assert!(figures.waiting >= waiting, "{figures:?}");
        waiting
    }
}

fn slot_of_the_line(cluster: &OwnCluster) -> u16 {
    cluster.slot_of(&format!("{{frontrow:room:{}}}:room", samples::CONCERT))
}

#[test]
fn a_line_whose_master_is_lost_goes_on_at_its_replica() {
    frontrow_testkit::bounded(async {
        let cluster = OwnCluster::start(3, 1).await;
        let mut crowd = Crowd::come(&cluster);
        crowd.until_joined(200).await;
        assert_eq!(crowd.instances[0].tick(7).await, Ok(7));
        crowd.until_joined(100).await;
        let slot = slot_of_the_line(&cluster);
        let master = cluster.master_of(slot).expect("somebody serves it");
        let refused = crowd.refused();
        cluster.kill(master.port);
        until("it is felt", || async { crowd.refused() > refused }).await;
        // Closed until another serves the slot: nobody is let in, and nobody waits for long.
        until("a replica is promoted", || async {
            cluster.master_of(slot).is_some_and(|now| now.port != master.port)
        })
        .await;
        let promoted = Instant::now();
        for fans in &crowd.instances {
            fans.until_back().await;
        }
        let back = promoted.elapsed();
        crowd.until_joined(200).await;
        let passes = crowd.end().await;
        let last = passes.iter().map(|pass| pass.sequence.get()).max().expect("some have joined");
        assert!(last > LEAP, "new numbers begin a million further on: {last}");
        let longest = Duration::from_micros(crowd.longest.load(Ordering::Acquire));
        assert!(back < Duration::from_secs(5), "back {back:?} after the promotion");
        assert!(longest < Duration::from_secs(10), "a call took {longest:?}");
        let waiting = crowd.everybody_has_their_place(&passes).await;
        // Nobody is let in beyond the cap because of it.
        crowd.instances[1].until_let_in(3, 10).await;
        assert!(waiting + 10 >= passes.len() as u64, "{waiting} of {} wait", passes.len());
    });
}

/// Moves a slot as `redis-cli --cluster reshard` does, with the crowd before it.
#[test]
fn a_line_that_is_moved_to_another_node_loses_nobody() {
    frontrow_testkit::bounded(async {
        let cluster = OwnCluster::start(3, 0).await;
        let mut crowd = Crowd::come(&cluster);
        crowd.until_joined(200).await;
        assert_eq!(crowd.instances[0].tick(7).await, Ok(7));
        let slot = slot_of_the_line(&cluster);
        for _ in 0..2 {
            let from = cluster.master_of(slot).expect("somebody serves it");
            let to = cluster.other_masters(slot).remove(0);
            let (number, before) = (slot.to_string(), crowd.joined());
            cluster.ask(to.port, &["CLUSTER", "SETSLOT", &number, "IMPORTING", &from.id]);
            cluster.ask(from.port, &["CLUSTER", "SETSLOT", &number, "MIGRATING", &to.id]);
            let keys = cluster.ask(from.port, &["CLUSTER", "GETKEYSINSLOT", &number, "1000"]);
            for key in keys.lines() {
                let port = to.port.to_string();
                let moved = cluster.ask(from.port, &["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
                assert!(["OK", "NOKEY"].contains(&moved.as_str()), "{key}: {moved}");
            }
            for node in cluster.known() {
                cluster.ask(node.port, &["CLUSTER", "SETSLOT", &number, "NODE", &to.id]);
            }
            assert_eq!(cluster.master_of(slot).map(|now| now.id), Some(to.id));
            crowd.until_joined(100).await;
            assert!(crowd.joined() > before);
        }
        let passes = crowd.end().await;
        crowd.everybody_has_their_place(&passes).await;
        crowd.instances[1].until_let_in(3, 10).await;
    });
}
