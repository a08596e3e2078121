//! Very many at once (R-Q1, R-Q2), and exact ranks among very many (R-Q3).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use frontrow_application::waiting_room::{Newcomer, Pass, WaitingRoom};
use frontrow_domain::queue::{EndReason, Place};
use frontrow_domain::{ConcertId, Sequence};
use futures_util::future::join_all;

use super::bench::Bench;
use super::checks::{Request, inversions, places_amiss};
use crate::clock::Dice;
use crate::line::LineFactory;
use crate::samples;

/// How many ask at once: each as soon as they were answered, so that there is always somebody who came after.
const TASKS: u64 = 512;
/// How many places of a crowd are looked at.
const SAMPLES: usize = 2_000;

/// So many fans join, a tenth of them from a second device at about the same time. An even number.
pub(super) async fn rush(room: &Arc<dyn WaitingRoom>, concert: ConcertId, fans: u64) -> Vec<Request> {
    let stamps = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (room, stamps) = (Arc::clone(room), Arc::clone(&stamps));
            tokio::spawn(async move {
                let mut requests = Vec::new();
                for fan in (task..fans).step_by(usize::try_from(TASKS).expect("few tasks")) {
                    requests.push(ask(&*room, concert, fan, &stamps).await);
                    if fan % 10 == 3 {
                        // The neighbour's fan, who is being seen to by the neighbour's task.
                        requests.push(ask(&*room, concert, fan ^ 1, &stamps).await);
                    }
                }
                requests
            })
        })
        .collect();
    let mut requests = Vec::new();
    for task in tasks {
        requests.extend(task.await.expect("a task does not panic"));
    }
    requests
}

/// One request to join, with the stamps that say what was before what.
async fn ask(room: &dyn WaitingRoom, concert: ConcertId, fan: u64, stamps: &AtomicUsize) -> Request {
    let sent = stamps.fetch_add(1, Ordering::SeqCst);
    let newcomer = Newcomer { user: samples::user(fan), entry: samples::entry_id(1 + sent as u64) };
    let answer = room.join(concert, newcomer, Ok(())).await;
    let answered = stamps.fetch_add(1, Ordering::SeqCst);
    let joined = answer.expect("the line answers").expect("nobody is refused");
    let Place { sequence, entry, user, .. } = joined.standing.place;
    Request { sent, answered, sequence, entry, user, is_new: joined.is_new }
}

/// A crowd at the door: no inversion, one place a fan, and every one of them in line.
pub async fn a_crowd_at_the_door_is_numbered_in_its_order(factory: impl LineFactory) {
    let fans = factory.crowd();
    let mut bench = Bench::open(factory);
    let requests = rush(bench.room(), bench.concert, fans).await;
    assert!(requests.len() as u64 > fans, "some came from two devices");
    assert_eq!(inversions(&requests), 0);
    assert_eq!(places_amiss(&requests), Vec::<String>::new());
    assert_eq!(bench.tick().await.waiting, fans);
    bench.crash();
    let mut dice = Dice::new(1);
    for _ in 0..SAMPLES {
        let request = dice.pick(&requests).expect("there are requests");
        let found = bench.room().find(bench.concert, request.user).await.expect("answered").expect("there");
        assert_eq!((found.place.sequence, found.place.entry), (request.sequence, request.entry));
    }
    assert_eq!(bench.tick().await.waiting, fans, "nobody is lost, nobody is there twice");
}

/// Asserts for a sample that `ahead` is the number of those before them who are still in line.
async fn assert_exact<F: LineFactory>(bench: &Bench<F>, in_line: &[Place], dice: &mut Dice) {
    for _ in 0..SAMPLES {
        let place = dice.pick(in_line).expect("there are places");
        let expected = in_line.partition_point(|other| other.sequence < place.sequence);
        let standing = bench.room().standing(Pass::of(place)).await.expect("the line answers");
        assert_eq!(standing.and_then(|standing| standing.ahead), Some(expected as u64), "{place:?}");
    }
}

/// D10: with a crowd behind them, a second entry gives the same place, and ranks are exact wherever somebody leaves.
pub async fn d10_ranks_are_exact_with_a_crowd_behind(factory: impl LineFactory) {
    let fans = factory.crowd();
    let mut bench = Bench::open(factory);
    bench.join_all(0..3).await;
    let first = bench.look(1).await.place;
    let mut in_line = bench.crowd(3..fans).await;
    let again = bench.join(1).await;
    assert_eq!((again.is_new, again.standing.place, again.standing.ahead), (false, first, Some(1)));
    for fan in 0..3 {
        in_line.insert(usize::try_from(fan).expect("small"), bench.look(fan).await.place);
    }
    let mut dice = Dice::new(2);
    assert_exact(&bench, &in_line, &mut dice).await;
    for _ in 0..5 {
        let mut leaving: Vec<Sequence> = Vec::new();
        for _ in 0..400 {
            leaving.push(dice.pick(&in_line).expect("there are places").sequence);
        }
        leaving.sort_unstable();
        leaving.dedup();
        let (gone, left): (Vec<_>, Vec<_>) =
            in_line.into_iter().partition(|place| leaving.binary_search(&place.sequence).is_ok());
        let room = bench.room();
        let ends = gone.iter().map(|place| room.end(place.concert, place.user, None, EndReason::Left));
        assert!(join_all(ends).await.into_iter().all(|ended| ended.expect("answered").is_some()));
        in_line = left;
        assert_exact(&bench, &in_line, &mut dice).await;
    }
    let figures = bench.tick_with_cap(500).await;
    let let_in = usize::try_from(figures.admitted).expect("small");
    in_line.drain(..let_in);
    assert!(let_in > 0);
    assert_exact(&bench, &in_line, &mut dice).await;
    bench.crash();
    assert_exact(&bench, &in_line, &mut dice).await;
}
