//! Two and four instances on the same lines at the same moment, by the clock of Redis: one order, one place a fan, one
//! cap and one rate (R-Q1, R-Q2, R-Q4, D16). The controls take away what the instances share: the checks find it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use frontrow_application::waiting_room::{LinePolicy, Newcomer, WaitingRoom};
use frontrow_domain::Timestamp;
use frontrow_domain::queue::{PlaceState, RateLimit};
use frontrow_testkit::conformance::line::checks::{
    Admission, Request, inversions, places_amiss, rate_exceeded,
};
use frontrow_testkit::samples;
use frontrow_waiting_redis::RedisLine;
use futures_util::future::join_all;

use crate::own::{bounded, policy, until};
use crate::servers::{Rooms, Server};

/// How many fans the crowd at the door is. Without optimisation a fifth of them say as much, and take as long.
const FANS: u64 = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
/// How many ask at once: each as soon as they were answered, so that there is always somebody who came after.
const TASKS: u64 = 256;
/// The most who may be active where cap and rate are looked at, and thousandths a second.
const CAP: u32 = 450;
const MILLI: u32 = 200_000;

fn instances(rooms: &Rooms, count: usize) -> Vec<Arc<RedisLine>> {
    let open = |_| RedisLine::open(rooms.server.settings(&rooms.prefix)).expect("good settings");
    (0..count).map(open).collect()
}

async fn ask(line: &RedisLine, fan: u64, stamps: &AtomicUsize) -> Request {
    let sent = stamps.fetch_add(1, Ordering::SeqCst);
    let newcomer = Newcomer { user: samples::user(fan), entry: samples::entry_id(1 + sent as u64) };
    let answer = line.join(samples::CONCERT, newcomer, Ok(())).await;
    let answered = stamps.fetch_add(1, Ordering::SeqCst);
    let joined = answer.expect("the line answers").expect("nobody is refused");
    let place = joined.standing.place;
    let (sequence, entry, user) = (place.sequence, place.entry, place.user);
    Request { sent, answered, sequence, entry, user, is_new: joined.is_new }
}

/// A crowd that joins over all instances, a tenth of them from a second device by another instance.
async fn rush(lines: &[Arc<RedisLine>], fans: u64) -> Vec<Request> {
    let stamps = Arc::new(AtomicUsize::new(0));
    let tasks = (0..TASKS).map(|task| {
        let (lines, stamps) = (lines.to_vec(), Arc::clone(&stamps));
        tokio::spawn(async move {
            let mut requests = Vec::new();
            let steps = usize::try_from(TASKS).expect("few tasks");
            for (turn, fan) in (task..fans).step_by(steps).enumerate() {
                requests.push(ask(&lines[turn % lines.len()], fan, &stamps).await);
                if fan % 10 == 3 {
                    requests.push(ask(&lines[(turn + 1) % lines.len()], fan ^ 1, &stamps).await);
                }
            }
            requests
        })
    });
    let requests = join_all(tasks).await.into_iter().flat_map(|task| task.expect("no panic"));
    requests.collect()
}

/// Nobody who came after an answer is ahead of it, each fan has one place, and they are let in in that order.
async fn a_crowd_is_one_line(server: Server, count: usize) {
    let rooms = Rooms::on(server);
    let lines = instances(&rooms, count);
    let requests = rush(&lines, FANS).await;
    assert_eq!(inversions(&requests), 0);
    assert_eq!(places_amiss(&requests), Vec::<String>::new());
    for line in &lines {
        let figures = line.tick(samples::CONCERT, policy(0)).await.expect("the line answers");
        assert_eq!(figures.waiting, FANS);
    }
    until("a thousand are let in", || async {
        let ticks = lines.iter().map(|line| line.tick(samples::CONCERT, policy(1_000)));
        let figures = join_all(ticks).await.into_iter().map(|figures| figures.expect("the line answers"));
        figures.map(|figures| figures.active).max() == Some(1_000)
    })
    .await;
    let mut numbers: Vec<_> = requests.iter().filter(|request| request.is_new).collect();
    numbers.sort_unstable_by_key(|request| request.sequence);
    let mut last = Timestamp::ZERO;
    for (index, request) in numbers.iter().take(1_100).enumerate() {
        let found = lines[0].find(samples::CONCERT, request.user).await.expect("answered").expect("there");
        match found.place.state {
            PlaceState::Active(session) => {
                assert!(index < 1_000 && session.admitted_at >= last, "{index}: {found:?}");
                last = session.admitted_at;
            }
            _ => assert_eq!(found.ahead, Some(index as u64 - 1_000), "{found:?}"),
        }
    }
}

#[test]
fn a_crowd_over_two_instances_is_one_line() {
    frontrow_testkit::bounded(a_crowd_is_one_line(Server::single(), 2));
}

#[test]
fn a_crowd_over_four_instances_is_one_line() {
    frontrow_testkit::bounded(a_crowd_is_one_line(Server::single(), 4));
}

#[test]
fn a_crowd_over_four_instances_on_a_cluster_is_one_line() {
    frontrow_testkit::bounded(a_crowd_is_one_line(Server::cluster(), 4));
}

/// What four instances that tick as fast as they can have done.
struct Done {
    let_in: u32,
    most_active: u32,
    admissions: Vec<Admission>,
}

/// Ticks every line until as many as the cap were let in by each room, and a little longer.
async fn tick_all(lines: &[Arc<RedisLine>], fans: u64) -> Done {
    let mut policy: LinePolicy = policy(CAP);
    policy.settings.admit_per_second_milli = MILLI;
    let ticks = lines.iter().map(|line| {
        let line = Arc::clone(line);
        tokio::spawn(async move {
            let (mut let_in, mut most_active, mut full) = (0, 0, 0);
            while full < 20 {
                let figures = line.tick(samples::CONCERT, policy).await.expect("the line answers");
                let_in += figures.admitted;
                most_active = most_active.max(figures.active);
                full += u32::from(figures.active >= CAP);
            }
            (let_in, most_active)
        })
    });
    let ticked = bounded("the cap is reached", join_all(ticks)).await;
    let (mut let_in, mut most_active) = (0, 0);
    for tick in ticked {
        let (more, active) = tick.expect("no panic");
        let_in += more;
        most_active = most_active.max(active);
    }
    let mut times = Vec::new();
    for line in lines {
        for fan in 0..fans {
            let found =
                line.find(samples::CONCERT, samples::user(fan)).await.expect("answered").expect("there");
            times.extend(found.place.state.admitted_at());
        }
        if times.len() == let_in as usize {
            break;
        }
    }
    times.sort_unstable();
    let limit = RateLimit::of_milli(MILLI);
    let admissions = times.into_iter().map(|at| Admission { at, count: 1, limit }).collect();
    Done { let_in, most_active, admissions }
}

async fn join_all_of(line: &RedisLine, fans: u64) {
    let stamps = AtomicUsize::new(0);
    join_all((0..fans).map(|fan| ask(line, fan, &stamps))).await;
}

async fn instances_share_cap_and_rate(server: Server, count: usize) {
    let rooms = Rooms::on(server);
    let lines = instances(&rooms, count);
    join_all_of(&lines[0], 600).await;
    let done = tick_all(&lines, 600).await;
    assert_eq!((done.let_in, done.most_active), (CAP, CAP), "the cap is reached, and not passed");
    assert_eq!(done.admissions.len(), CAP as usize, "who was let in says so");
    assert_eq!(rate_exceeded(&done.admissions), None);
}

#[test]
fn d16_two_instances_share_cap_and_rate() {
    frontrow_testkit::bounded(instances_share_cap_and_rate(Server::single(), 2));
}

#[test]
fn d16_four_instances_share_cap_and_rate() {
    frontrow_testkit::bounded(instances_share_cap_and_rate(Server::single(), 4));
}

#[test]
fn d16_four_instances_share_cap_and_rate_on_a_cluster() {
    frontrow_testkit::bounded(instances_share_cap_and_rate(Server::cluster(), 4));
}

/// The control: instances that share nothing let in too many, too fast, and give two places to one fan.
#[test]
fn control_instances_that_share_nothing_are_found_out() {
    frontrow_testkit::bounded(async {
        let rooms = [Rooms::on(Server::single()), Rooms::on(Server::single())];
        let lines: Vec<_> = rooms.iter().flat_map(|rooms| instances(rooms, 1)).collect();
        let requests = rush(&lines, 2_000).await;
        assert!(!places_amiss(&requests).is_empty(), "the check for one place a fan finds nothing");
        assert!(inversions(&requests) > 0, "the check for inversions finds nothing");
        for line in &lines {
            join_all_of(line, 600).await;
        }
        let done = tick_all(&lines, 600).await;
        assert!(done.let_in > CAP, "the check of the cap finds nothing");
        assert!(rate_exceeded(&done.admissions).is_some(), "the check of the sliding second finds nothing");
    });
}
