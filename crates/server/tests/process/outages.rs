//! What servers share goes away in the middle of a sale, and comes back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use frontrow_testkit::wire::{Link, Wire};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::client::{Answer, Person, on_sale, on_sale_in_line, states};
use crate::cluster::{Cluster, service, until};
use crate::server::log_file;

/// Two servers that reach a service by a network of ours, and the network.
pub(crate) async fn two_with(variable: &str, setting: &str, behind: &str) -> (Cluster, Wire) {
    two_with_more(variable, setting, behind, &[]).await
}

/// The same with more settings.
async fn two_with_more(
    variable: &str,
    setting: &str,
    behind: &str,
    more: &[(&str, &str)],
) -> (Cluster, Wire) {
    let url = service(variable);
    let (start, address) = url.rsplit_once(['@', '/']).expect("scheme://address");
    let wire = Wire::start(address).await;
    let before = &url[..=start.len()];
    let by_wire = format!("{before}{}{behind}", wire.address);
    // Clients hear sooner than by default that something takes too long.
    let own = [
        (setting, by_wire.as_str()),
        ("FRONTROW__HTTP__REQUEST_TIMEOUT_MS", "2000"),
        ("FRONTROW__STORE__DEADLINE_MS", "1000"),
    ];
    let own = [&own, more].concat();
    (Cluster::start_with(2, &own).await, wire)
}

/// Joins, as soon as that is possible.
async fn joins(person: &mut Person, concert: u64) -> Answer {
    until("the line answers", || async {
        let mut again = person.clone();
        again.join(concert).await.expect("an answer").status.is_success()
    })
    .await;
    person.join(concert).await.expect("an answer")
}

/// What is said of a place, or that nothing can be said now.
async fn said_of(person: &Person) -> Value {
    person.get("/queues/status").await.body
}

async fn the_line_is_closed_while_redis_is(away: Link) {
    let (cluster, wire) = two_with("FRONTROW_TEST_REDIS_URL", "FRONTROW__WAITING_ROOM__URL", "").await;
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 10, "admitPerSecond": 100});
    let sale = on_sale_in_line(&operator, "Away", 10, room).await;
    let mut fan = cluster.person(0, "holder", "fan");
    fan.charge(100_000).await.expect(200);
    let sequence = joins(&mut fan, sale.0).await.expect(200)["sequence"].clone();
    until("the fan is let in", || async { fan.place().await["state"] == "active" }).await;
    let held = fan.hold("hold", sale.1, &[1, 2]).await.expect(201);
    let mut waiting = cluster.person(1, "waiting", "fan");
    let place = joins(&mut waiting, sale.0).await.expect(200);

    wire.set(away);
    for at in [0, 1] {
        let mut late = cluster.person(at, "late", "fan");
        let refused = late.join(sale.0).await.expect("an answer");
        // What was sent into a silence may have arrived.
        let may_be = ["waiting_room_unavailable", if away == Link::Silent { "outcome_unknown" } else { "" }];
        assert!(refused.status.as_u16() == 503 && may_be.contains(&refused.code()), "{refused:?}");
    }
    let refused = fan.hold("more", sale.1, &[3]).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "waiting_room_unavailable"));
    let id = held["reservationId"].as_str().expect("an id");
    fan.pay("pay", id).await.expect(201);

    wire.set(Link::Up);
    let mut late = cluster.person(1, "late", "fan");
    joins(&mut late, sale.0).await.expect(200);
    let again = joins(&mut waiting, sale.0).await.expect(200);
    assert_eq!(again["sequence"], place["sequence"], "nobody's place is lost");
    assert_ne!(again["sequence"], sequence);
    until("the session of who has paid ends", || async { said_of(&fan).await["endReason"] == "paid" }).await;
    until("who was in line is let in", || async { said_of(&waiting).await["state"] == "active" }).await;
    assert_eq!(cluster.audit()["seatsByState"]["sold"], 2);
}

/// With Redis away nobody is told of anything: maps follow each other by the store, and are told again afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn maps_follow_each_other_while_redis_is_away() {
    let (cluster, wire) = two_with("FRONTROW_TEST_REDIS_URL", "FRONTROW__WAITING_ROOM__URL", "").await;
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, 5, 1_000, 300).await;
    let (here, there) = (cluster.person(0, "here", "fan"), cluster.person(1, "there", "fan"));
    assert_eq!([states(&here, sale).await, states(&there, sale).await], ["aaaaa", "aaaaa"]);
    for (link, key, seat, map) in [
        (Link::Up, "first", 1, "haaaa"),
        (Link::Cut, "second", 2, "hhaaa"),
        (Link::Silent, "third", 3, "hhhaa"),
        (Link::Up, "fourth", 4, "hhhha"),
    ] {
        wire.set(link);
        here.hold(key, sale.1, &[seat]).await.expect(201);
        until("the other shows it", || async { states(&there, sale).await == map }).await;
    }
    assert_eq!(cluster.audit()["seatsByState"]["held"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_cut_off_closes_the_line_and_who_holds_can_pay() {
    the_line_is_closed_while_redis_is(Link::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_fallen_silent_closes_the_line_and_who_holds_can_pay() {
    the_line_is_closed_while_redis_is(Link::Silent).await;
}

async fn the_sale_goes_on_after_mysql_was(away: Link) {
    let (cluster, wire) = two_with("FRONTROW_TEST_MYSQL_URL", "FRONTROW__STORE__URL", "/{database}").await;
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, 100, 1_000, 300).await;
    let fans: Vec<Person> =
        (0..80).map(|number| cluster.person(number % 2, &format!("fan {number}"), "fan")).collect();
    join_all(fans.iter().map(|fan| fan.charge(10_000))).await;
    let (done, failed) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
    // Forty pairs of seats, two fans for each.
    let buy = fans.iter().enumerate().map(|(number, fan)| async move {
        let first = (number / 2) * 2 + 1;
        let body = json!({"scheduleId": sale.1, "seats": [first, first + 1]});
        let held = fan.insist("/reservations", &format!("hold {number}"), body, failed).await;
        done.fetch_add(1, Ordering::Relaxed);
        if held.code() == "seat_unavailable" {
            return 0;
        }
        let id = held.expect(201)["reservationId"].clone();
        // While some have bought, others are still about to.
        tokio::time::sleep(Duration::from_millis(number as u64 * 20)).await;
        let key = format!("pay {number}");
        fan.insist("/payments", &key, json!({"reservationId": id}), failed).await.expect(201);
        1
    });
    let trouble = async {
        until("some have asked", || async { done.load(Ordering::Relaxed) >= 10 }).await;
        wire.set(away);
        until("it is felt", || async { failed.load(Ordering::Relaxed) >= 5 }).await;
        wire.set(Link::Up);
    };
    let (bought, ()) = tokio::join!(join_all(buy), trouble);
    assert_eq!(bought.iter().sum::<u32>(), 40, "every pair of seats has one buyer");
    wire.set(Link::Up);
    let figures = cluster.audit();
    assert_eq!(figures["seatsByState"]["sold"], 80);
    assert_eq!(figures["reservations"]["confirmed"], 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_cut_off_in_a_sale_loses_nothing() {
    the_sale_goes_on_after_mysql_was(Link::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_fallen_silent_in_a_sale_loses_nothing() {
    the_sale_goes_on_after_mysql_was(Link::Silent).await;
}

/// How long it is asked while the database is away.
const AWAY: Duration = Duration::from_secs(4);

/// Whatever is asked of a server whose database is away is refused for the same reason, thousands of times over: the log says
/// it again and again, and not each time.
async fn the_log_stays_short_while_mysql_is(away: Link) {
    let settings = ("FRONTROW__LOG__FILTER", "info");
    let (cluster, wire) =
        two_with_more("FRONTROW_TEST_MYSQL_URL", "FRONTROW__STORE__URL", "/{database}", &[settings]).await;
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, 100, 1_000, 300).await;
    let fans: Vec<Person> =
        (0..32).map(|number| cluster.person(0, &format!("fan {number}"), "fan")).collect();
    join_all(fans.iter().map(|fan| fan.charge(10_000))).await;
    let map = format!("/concerts/{}/schedules/{}/seats/stream", sale.0, sale.1);
    let _followers = join_all(fans.iter().map(|fan| fan.follow(&map))).await;
    let log = log_file(cluster.servers[0].1.path());
    let said = || std::fs::read_to_string(&log).expect("a log");
    let before = said().len();

    wire.set(away);
    let (begun, refused) = (Instant::now(), &AtomicUsize::new(0));
    join_all(fans.iter().enumerate().map(|(at, fan)| async move {
        for round in 0.. {
            if begun.elapsed() > AWAY {
                return;
            }
            let number = at * 10_000 + round;
            let body = json!({"scheduleId": sale.1, "seats": [1]});
            let log_in = json!({"email": format!("fan{number}@example.test"), "password": "not this one"});
            let (concert, key) = (format!("/concerts/{}", 1_000 + number), format!("hold {number}"));
            let reservation = format!("/reservations/{}", uuid::Uuid::from_u128(number as u128));
            let answers = tokio::join!(
                fan.get(&concert),
                fan.get(&reservation),
                fan.get("/reservations"),
                fan.post("/reservations", &key, body),
                fan.post("/auth/login", "log in", log_in),
            );
            let answers = [answers.0, answers.1, answers.2, answers.3, answers.4];
            let not_now = answers.iter().filter(|answer| answer.status.is_server_error()).count();
            refused.fetch_add(not_now, Ordering::Relaxed);
        }
    }))
    .await;
    let seconds = begun.elapsed().as_secs();
    let (said, refused) = (said()[before..].to_owned(), refused.load(Ordering::Relaxed));
    let lines = said.lines().count();
    // What fails again and again is said once a second: for requests by their code, and what jobs meet by its kind. Besides a
    // line for each job that begins to fail.
    let again = usize::try_from(seconds).expect("a few") + 3;
    let bound = 20 + 3 * again;
    assert!(refused > 2 * bound, "{refused} refused: so few say nothing");
    assert!(lines > 0 && lines <= bound, "{lines} lines of {refused} refused within {seconds} s:\n{said}");
    let of_jobs = said.lines().filter(|line| line.contains(" a query failed ")).count();
    assert!(of_jobs <= again, "{of_jobs} lines of jobs within {seconds} s:\n{said}");
    wire.set(Link::Up);
    until("the sale goes on", || async { fans[0].get("/reservations").await.status.is_success() }).await;
    cluster.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_cut_off_does_not_fill_the_log() {
    the_log_stays_short_while_mysql_is(Link::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_fallen_silent_does_not_fill_the_log() {
    the_log_stays_short_while_mysql_is(Link::Silent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_in_a_sale_does_not_stop_the_other() {
    let cluster = Cluster::start_with(2, &[]).await;
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, 400, 1_000, 300).await;
    let stopped = cluster.servers[1].0.id().to_string();
    let tell = |signal: &str| {
        let told = std::process::Command::new("kill").args([signal, &stopped]).status();
        assert!(told.expect("kill runs").success());
    };
    let fans: Vec<Person> =
        (0..100).map(|number| cluster.person(1, &format!("fan {number}"), "fan")).collect();
    let (held, failed) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
    let buy = (1_u32..).zip(&fans).map(|(number, fan)| async move {
        for round in 0..3 {
            let body = json!({"scheduleId": sale.1, "seats": [number + round * 100]});
            let key = format!("hold {round}");
            fan.insist("/reservations", &key, body, failed).await.expect(201);
            held.fetch_add(1, Ordering::Relaxed);
        }
    });
    let trouble = async {
        until("some hold", || async { held.load(Ordering::Relaxed) >= 10 }).await;
        tell("-STOP");
        // Whatever locks it has, the database ends a transaction that nobody continues.
        let (body, other) =
            (json!({"scheduleId": sale.1, "seats": [400]}), cluster.person(0, "other", "fan"));
        let begun = Instant::now();
        other.insist("/reservations", "hold", body, failed).await.expect(201);
        assert!(held.load(Ordering::Relaxed) < 300, "it was stopped too late");
        tell("-CONT");
        begun.elapsed()
    };
    let (_, took) = tokio::join!(join_all(buy), trouble);
    assert!(took < Duration::from_secs(10), "the other stood still for {took:?}");
    assert_eq!(cluster.audit()["seatsByState"]["held"], 301);
}
