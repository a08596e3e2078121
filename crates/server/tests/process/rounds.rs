//! Sixty-four buyers of one seat on several servers, round after round, on connections that stay open: one has it, and
//! everybody else is told so.
//!
//! The generator of `rehearsal` asks, because it is cheap: so the buyers of a round are as good as simultaneous.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use frontrow_rehearsal::{Answer, Failure, Next, Plan, Request, Script, Step, Then, run};
use parking_lot::Mutex;

use crate::client::{on_sale, on_sale_titled};
use crate::cluster::{Cluster, service};
use crate::server::{Server, token};
use frontrow_testkit::wire::Wire;

/// Buyers of a round, over all servers.
const BUYERS: usize = 64;
/// Rounds before others buy: so nobody reaches the limit of one fan, whoever wins.
const ROUNDS_A_SCHEDULE: usize = 100;
/// Between two looks whether the next round has begun.
const LOOK: Duration = Duration::from_millis(1);

/// What the answers of one round were.
#[derive(Debug, Clone, Default)]
struct Round {
    answered: usize,
    won: usize,
    lost: usize,
    /// Whatever was neither.
    others: Vec<String>,
}

/// All rounds, and which of them is being played.
struct Game {
    schedules: Vec<u64>,
    number: AtomicUsize,
    rounds: Mutex<Vec<Round>>,
    count: usize,
}

impl Game {
    fn note(&self, status: u16, body: &[u8]) {
        let mut rounds = self.rounds.lock();
        let number = self.number.load(Ordering::Relaxed);
        let round = &mut rounds[number];
        round.answered += 1;
        let body = String::from_utf8_lossy(body);
        match status {
            201 => round.won += 1,
            409 if body.contains("\"code\":\"seat_unavailable\"") => round.lost += 1,
            _ => round.others.push(format!("{status} {body}")),
        }
        if round.answered == BUYERS {
            // The next begins once everybody has heard how this one ended.
            self.number.store(number + 1, Ordering::Relaxed);
        }
    }
}

/// The buyers at one server, each on a connection.
struct Buyers<'a> {
    game: &'a Game,
    host: String,
    first: usize,
    /// How many rounds each has been in.
    played: Vec<usize>,
}

impl Script for Buyers<'_> {
    fn next(&mut self, connection: usize, buffer: &mut Vec<u8>) -> Next {
        let number = self.game.number.load(Ordering::Relaxed);
        if number == self.game.count {
            return Next::Done;
        }
        if self.played[connection] > number {
            return Next::Later(LOOK);
        }
        self.played[connection] = number + 1;
        let (block, seat) = (number / ROUNDS_A_SCHEDULE, number % ROUNDS_A_SCHEDULE + 1);
        let bearer =
            format!("Bearer {}", token(&format!("buyer {block} {}", self.first + connection), "fan"));
        let body = format!("{{\"scheduleId\":{},\"seats\":[{seat}]}}", self.game.schedules[block]);
        let key = format!("round {number}");
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", key.as_str())];
        Request::post(&self.host, "/api/v1/reservations", body.as_bytes()).headers(&headers).write(buffer);
        Next::Send(Step(0))
    }

    fn answered(&mut self, _connection: usize, _step: Step, answer: &Answer<'_>) -> Then {
        self.game.note(answer.status, answer.body);
        Then::Free
    }

    fn failed(&mut self, _connection: usize, _step: Step, failure: Failure) {
        self.game.note(0, format!("{failure:?}").as_bytes());
    }
}

/// Plays so many rounds over all servers of a cluster.
async fn play(cluster: &Cluster, count: usize) -> Vec<Round> {
    let operator = cluster.person(0, "operator", "operator");
    let mut schedules = Vec::new();
    for block in 0..count.div_ceil(ROUNDS_A_SCHEDULE) {
        let seats = u32::try_from(ROUNDS_A_SCHEDULE).expect("few");
        schedules.push(on_sale_titled(&operator, &format!("Block {block}"), seats, 1_000, 3_600).await.1);
    }
    let rounds = Mutex::new(vec![Round::default(); count]);
    let game = Game { schedules, number: AtomicUsize::new(0), rounds, count };
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let each = BUYERS / cluster.servers.len();
            for (at, (server, _)) in cluster.servers.iter().enumerate() {
                let game = &game;
                scope.spawn(move || buy(server, game, at * each, each));
            }
        });
    });
    game.rounds.into_inner()
}

fn buy(server: &Server, game: &Game, first: usize, count: usize) {
    let host = server.address.to_string();
    let mut buyers = Buyers { game, host, first, played: vec![0; count] };
    let plan = Plan::new(server.address, count).timeout(Duration::from_secs(30));
    run(&plan, &mut buyers).expect("the server takes connections");
}

/// One winner in every round, and for everybody else nothing but the news that the seat is taken.
fn assert_one_winner_each(rounds: &[Round]) {
    for (number, round) in rounds.iter().enumerate() {
        assert_eq!((round.won, round.lost), (1, BUYERS - 1), "round {number}: {:?}", round.others);
    }
}

/// How many rounds four servers play: a thousand, or fewer where someone is in a hurry.
const ROUNDS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn bug_1_four_servers_sell_a_seat_once_a_thousand_times_over() {
    let cluster = Cluster::start(4).await;
    let rounds = play(&cluster, ROUNDS).await;
    assert_one_winner_each(&rounds);
    assert_eq!(cluster.audit()["seatsByState"]["held"], ROUNDS);
}

/// Everything by which the database keeps two servers apart, taken away: the lock on the schedule (a table that knows no
/// locks of rows), the match on the version of its row, and the keys under which a seat and a version of the map are
/// there once.
const GUARDS_OFF: &str = "ALTER TABLE schedule ENGINE = MyISAM;
    CREATE TRIGGER schedule_forgets BEFORE UPDATE ON schedule FOR EACH ROW SET NEW.row_version = OLD.row_version;
    ALTER TABLE claim ADD COLUMN nr BIGINT NOT NULL AUTO_INCREMENT, ADD UNIQUE KEY claim_nr (nr),
        DROP PRIMARY KEY, ADD PRIMARY KEY (schedule_id, seat_no, nr);
    ALTER TABLE seat_change DROP PRIMARY KEY, ADD KEY change_of_version (schedule_id, version)";

#[tokio::test(flavor = "multi_thread")]
async fn control_without_its_guards_the_database_lets_four_servers_sell_a_seat_more_than_once() {
    let cluster = Cluster::start(4).await;
    cluster.sql(GUARDS_OFF).await;
    let rounds = play(&cluster, 50).await;
    let sold_twice = rounds.iter().filter(|round| round.won > 1).count();
    assert!(sold_twice > 0, "there is one winner all the same, nobody races: {:?}", rounds[0]);
    assert!(!cluster.is_clean(), "the audit does not see it");
}

/// What a session of a writer is told, and the same with the isolation that MySQL has by default. Both have the same
/// length, because a packet says how long it is.
const COMMITTED: &str = "wait_timeout = 3; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
const REPEATABLE: &str = "wait_timeout = 3;SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";

#[tokio::test(flavor = "multi_thread")]
async fn bug_4_a_snapshot_does_not_hide_the_rival_on_another_server() {
    let mysql = service("FRONTROW_TEST_MYSQL_URL");
    let (start, address) = mysql.rsplit_once('@').expect("mysql://user@host:port");
    let wire = Wire::rewriting(address, COMMITTED, REPEATABLE).await;
    let by_wire = format!("{start}@{}/{{database}}", wire.address);
    let cluster = Cluster::start_with(4, &[("FRONTROW__STORE__URL", &by_wire)]).await;
    let rounds = play(&cluster, 100).await;
    assert!(wire.rewritten() >= 4, "the sessions were not told otherwise");
    assert_one_winner_each(&rounds);
    assert_eq!(cluster.audit()["seatsByState"]["held"], 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn bug_4_what_another_server_sold_or_freed_is_seen_at_once() {
    let cluster = Cluster::start(2).await;
    let operator = cluster.person(0, "operator", "operator");
    let sale = on_sale(&operator, 4, 1_000, 300).await;
    for round in 0..40 {
        let [here, there] = [round % 2, (round + 1) % 2];
        // Every fan may let go of ten holds.
        let fan = cluster.person(here, &format!("fan {}", round / 8), "fan");
        let rival = cluster.person(there, &format!("rival {}", round / 8), "fan");
        let held = fan.hold(&format!("hold {round}"), sale.1, &[1, 2]).await.expect(201);
        let late = rival.hold(&format!("late {round}"), sale.1, &[2, 3]).await;
        assert_eq!((late.status.as_u16(), late.code()), (409, "seat_unavailable"), "round {round}");
        let path = format!("/reservations/{}", held["reservationId"].as_str().expect("an id"));
        fan.try_ask(reqwest::Method::DELETE, &path, None, None).await.expect("an answer").expect(200);
        let next = rival.hold(&format!("next {round}"), sale.1, &[2, 3]).await.expect(201);
        let path = format!("/reservations/{}", next["reservationId"].as_str().expect("an id"));
        rival.try_ask(reqwest::Method::DELETE, &path, None, None).await.expect("an answer").expect(200);
    }
    assert_eq!(cluster.audit()["seatsByState"]["available"], 4);
}
