//! Four servers are one line: nobody overtakes, everybody has one place, and cap and rate are those of all together.
//!
//! `FRONTROW_TEST_FANS=100000` has as many join at once; a plain run has fewer.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use frontrow_domain::queue::RateLimit;
use frontrow_domain::{EntryId, Sequence, Timestamp};
use frontrow_rehearsal::{Answer, Failure, Next, Plan, Request as Asked, Script, Step, Then, run};
use frontrow_testkit::conformance::line::checks::{
    Admission, Request, inversions, places_amiss, rate_exceeded,
};
use frontrow_testkit::samples;
use futures_util::future::join_all;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Person, on_sale_in_line};
use crate::cluster::{Cluster, until};
use crate::server::token;

/// How many join at once where nobody asks for more.
const FANS: usize = 6_000;
/// Connections to each server.
const CONNECTIONS: usize = 64;

/// How many fans are asked for.
#[expect(clippy::disallowed_methods, reason = "a long run is asked for from outside")]
fn fans() -> usize {
    std::env::var("FRONTROW_TEST_FANS").ok().and_then(|text| text.parse().ok()).unwrap_or(FANS)
}

/// Who joins which line, and the order of all that was sent and answered.
struct Rush {
    concert: u64,
    fans: usize,
    next: AtomicUsize,
    stamps: AtomicUsize,
    requests: Mutex<Vec<Request>>,
    /// Fans of whom a request was answered that nobody can say what became of it: they ask again, and may have been new.
    unclear: Mutex<HashSet<usize>>,
    amiss: Mutex<Vec<String>>,
}

/// Those who ask one server.
struct Crowd<'a> {
    rush: &'a Rush,
    host: String,
    /// The fan of each connection, and the stamp of the first request for this place.
    asked: Vec<(usize, usize)>,
    /// Whether it asks again for the same fan.
    again: Vec<bool>,
}

impl Crowd<'_> {
    fn write(&self, fan: usize, buffer: &mut Vec<u8>) {
        let bearer = format!("Bearer {}", token(&format!("fan {fan}"), "fan"));
        let body = format!("{{\"concertId\":{}}}", self.rush.concert);
        let headers = [("authorization", bearer.as_str())];
        Asked::post(&self.host, "/api/v1/queues", body.as_bytes()).headers(&headers).write(buffer);
    }
}

impl Script for Crowd<'_> {
    fn next(&mut self, connection: usize, buffer: &mut Vec<u8>) -> Next {
        if std::mem::take(&mut self.again[connection]) {
            self.write(self.asked[connection].0, buffer);
            return Next::Send(Step(0));
        }
        let number = self.rush.next.fetch_add(1, Ordering::SeqCst);
        // Every eleventh comes with a second device, mostly to another server and while the first is on its way.
        let (turn, device) = (number / 11, number % 11);
        let fan = if device == 10 { turn * 10 + 9 } else { turn * 10 + device };
        if fan >= self.rush.fans {
            return Next::Done;
        }
        self.write(fan, buffer);
        self.asked[connection] = (fan, self.rush.stamps.fetch_add(1, Ordering::SeqCst));
        Next::Send(Step(0))
    }

    fn answered(&mut self, connection: usize, _step: Step, answer: &Answer<'_>) -> Then {
        let answered = self.rush.stamps.fetch_add(1, Ordering::SeqCst);
        let (fan, sent) = self.asked[connection];
        let body: Value = serde_json::from_slice(answer.body).unwrap_or_default();
        let entry = body["entryId"].as_str().and_then(|id| id.parse().ok());
        match (answer.status, body["sequence"].as_u64(), entry) {
            (200 | 201, Some(sequence), Some(entry)) => self.rush.requests.lock().push(Request {
                sent,
                answered,
                sequence: Sequence::new(sequence),
                entry: EntryId::new(entry),
                user: samples::user(fan as u64),
                is_new: answer.status == 201,
            }),
            // On a machine that is too busy Redis may take longer than a server waits for it.
            (503, ..) => {
                self.rush.unclear.lock().insert(fan);
                self.again[connection] = true;
            }
            _ => self.rush.amiss.lock().push(format!("{} {body}", answer.status)),
        }
        Then::Free
    }

    fn failed(&mut self, _connection: usize, _step: Step, failure: Failure) {
        self.rush.amiss.lock().push(format!("{failure:?}"));
    }
}

impl Rush {
    fn to(concert: u64) -> Self {
        Self {
            concert,
            fans: 0,
            next: AtomicUsize::new(0),
            stamps: AtomicUsize::new(0),
            requests: Mutex::default(),
            unclear: Mutex::default(),
            amiss: Mutex::default(),
        }
    }

    /// All fans up to this one who have not joined yet do so at once over these servers.
    fn join(&mut self, servers: &[SocketAddr], fans: usize) {
        self.fans = fans;
        let rush = &*self;
        tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                for &server in servers {
                    scope.spawn(move || {
                        let asked = vec![(0, 0); CONNECTIONS];
                        let again = vec![false; CONNECTIONS];
                        let mut crowd = Crowd { rush, host: server.to_string(), asked, again };
                        let plan = Plan::new(server, CONNECTIONS).timeout(Duration::from_secs(30));
                        run(&plan, &mut crowd).expect("the server takes connections");
                    });
                }
            });
        });
    }

    /// What was asked and answered, in the order in which it was sent.
    fn requests(self) -> Vec<Request> {
        assert_eq!(self.amiss.into_inner(), Vec::<String>::new());
        let mut requests = self.requests.into_inner();
        requests.sort_unstable_by_key(|request| request.sent);
        let mut unclear: HashSet<_> =
            self.unclear.into_inner().into_iter().map(|fan| samples::user(fan as u64)).collect();
        for request in requests.iter().filter(|request| request.is_new) {
            unclear.remove(&request.user);
        }
        // Who was never told to be new made the place with a request of which nobody could say anything.
        for request in &mut requests {
            request.is_new |= unclear.remove(&request.user);
        }
        requests
    }
}

/// So many fans join at once over these servers.
fn rush(servers: &[SocketAddr], concert: u64, fans: usize) -> Vec<Request> {
    let mut rush = Rush::to(concert);
    rush.join(servers, fans);
    rush.requests()
}

fn addresses(cluster: &Cluster) -> Vec<SocketAddr> {
    cluster.servers.iter().map(|(server, _)| server.address).collect()
}

/// Until every server takes joins for the concert; with that it has heard of it.
async fn until_open(cluster: &Cluster, concert: u64) {
    let path = &format!("/concerts/{concert}/queue");
    for at in 0..cluster.servers.len() {
        let anybody = &cluster.person(at, "anybody", "fan");
        until("the room opens", || async { anybody.get(path).await.body["state"] == "open" }).await;
    }
}

async fn steer(operator: &Person, concert: u64, orders: Value) {
    let path = format!("/admin/concerts/{concert}/queue");
    operator.try_ask(Method::PATCH, &path, None, Some(orders)).await.expect("an answer").expect(200);
}

/// How many are let in of a crowd, to see in which order.
const LET_IN: usize = 200;
const FULL: &str = "nobody is let in yet";

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_four_servers_is_one_line_in_order_of_arrival() {
    let cluster = Cluster::start(4).await;
    let operator = cluster.person(0, "operator", "operator");
    // Nobody is gone, however long a large crowd takes.
    let room = json!({"enabled": true, "maxActive": 0, "admitPerSecond": 1000, "presenceSeconds": 86_400});
    let (concert, _) = on_sale_in_line(&operator, FULL, 50, room).await;
    until_open(&cluster, concert).await;
    let fans = fans();
    let requests = rush(&addresses(&cluster), concert, fans);
    assert_eq!(inversions(&requests), 0, "somebody has overtaken somebody");
    assert_eq!(places_amiss(&requests), Vec::<String>::new());
    let news: Vec<&Request> = requests.iter().filter(|request| request.is_new).collect();
    assert_eq!(news.len(), fans, "everybody has one place");

    // And they are let in in that order, whichever server says so.
    steer(&operator, concert, json!({"maxActive": LET_IN})).await;
    let document = &format!("/concerts/{concert}/queue");
    until("they are let in", || async { operator.get(document).await.body["active"] == LET_IN }).await;
    let names: HashMap<_, _> = (0..fans).map(|fan| (samples::user(fan as u64), fan)).collect();
    let mut in_order = news;
    in_order.sort_unstable_by_key(|request| request.sequence);
    let mut last = Timestamp::ZERO;
    for (index, request) in in_order.iter().take(LET_IN + 50).enumerate() {
        let name = format!("fan {}", names[&request.user]);
        let mut fan = cluster.person(index % 4, &name, "fan");
        let place = fan.join(concert).await.expect("an answer").expect(200);
        assert_eq!(place["sequence"], request.sequence.get(), "a place never changes");
        if index < LET_IN {
            assert_eq!(place["state"], "active", "{index}: {place}");
            let admitted = moment(&place["admittedAt"]);
            assert!(admitted >= last, "{index} was let in before somebody ahead");
            last = admitted;
        } else {
            assert_eq!(place["ahead"], index - LET_IN, "{place}");
        }
    }
}

/// Servers that share nothing: two places for one fan, and fans who overtake. The checks above find it.
#[tokio::test(flavor = "multi_thread")]
async fn control_servers_with_lines_of_their_own_are_found_out() {
    let clusters = [Cluster::start(1).await, Cluster::start(1).await];
    let mut servers = Vec::new();
    for cluster in &clusters {
        let operator = cluster.person(0, "operator", "operator");
        let room = json!({"enabled": true, "maxActive": 0, "admitPerSecond": 1000});
        let (concert, _) = on_sale_in_line(&operator, FULL, 50, room).await;
        assert_eq!(concert, 1, "both have the same number");
        until_open(cluster, concert).await;
        servers.extend(addresses(cluster));
    }
    // The first has a start, as servers at different speeds have: at the same speed two lines may agree by luck.
    let mut rush = Rush::to(1);
    rush.join(&servers[..1], 500);
    rush.join(&servers, 1_500);
    let requests = rush.requests();
    assert!(inversions(&requests) > 0, "the check for overtaking finds nothing");
    assert!(!places_amiss(&requests).is_empty(), "the check for one place a fan finds nothing");
}

fn moment(text: &Value) -> Timestamp {
    let text = text.as_str().unwrap_or_else(|| panic!("no time, but {text}"));
    let moment: jiff::Timestamp = text.parse().expect("a time");
    Timestamp::from_micros(moment.as_microsecond())
}

/// From when to when somebody was certainly active.
struct Stay {
    from: Timestamp,
    until: Timestamp,
}

/// Now, by the clock of this machine, which is that of the Redis beside the test.
#[expect(clippy::disallowed_methods, reason = "a test of real servers compares their time with its own")]
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_micros(i64::try_from(since.as_micros()).expect("before the year 294247"))
}

#[tokio::test(flavor = "multi_thread")]
async fn d16_four_servers_never_exceed_cap_nor_rate() {
    const CAP: u32 = 30;
    const RATE: u32 = 60;
    const FANS: usize = 200;
    let cluster = Cluster::start(4).await;
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": CAP, "admitPerSecond": RATE});
    let (concert, _) = on_sale_in_line(&operator, "Doors", 50, room).await;
    until_open(&cluster, concert).await;
    let stays = (0..FANS).map(|number| {
        let mut fan = cluster.person(number % 4, &format!("fan {number}"), "fan");
        async move {
            fan.join(concert).await.expect("an answer").expect(201);
            let mut place = fan.follow("/queues/stream").await;
            let status = place.find(|status| status["state"] == "active").await;
            let until = now();
            // Who is let in looks around and leaves, so that the cap is reached again and again.
            let left = fan.try_ask(Method::DELETE, "/queues", None, None).await.expect("an answer");
            assert_eq!(left.status.as_u16(), 204);
            Stay { from: moment(&status["admittedAt"]), until }
        }
    });
    let mut stays = join_all(stays).await;
    stays.sort_unstable_by_key(|stay| stay.from);
    let limit = RateLimit::of_milli(RATE * 1_000);
    let admissions: Vec<_> = stays.iter().map(|stay| Admission { at: stay.from, count: 1, limit }).collect();
    assert_eq!(rate_exceeded(&admissions), None);
    let active = |at: Timestamp| stays.iter().filter(|stay| stay.from <= at && at < stay.until).count();
    let most = stays.iter().map(|stay| active(stay.from)).max().unwrap_or(0);
    assert!(most <= CAP as usize, "{most} were active at once");
    assert!(most > 1, "nobody was active beside anybody");
    // The rate was used as well: a limit that lets nobody in is not exceeded either.
    let seconds = (stays[FANS - 1].from.micros() - stays[0].from.micros()) as f64 / 1e6;
    assert!(seconds < 10.0 * FANS as f64 / f64::from(RATE), "it took {seconds} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn d16_four_servers_fill_a_cap_that_nobody_leaves_to_the_last_and_no_further() {
    let cluster = Cluster::start(4).await;
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 75, "admitPerSecond": 500});
    let (concert, _) = on_sale_in_line(&operator, "Doors", 50, room).await;
    until_open(&cluster, concert).await;
    let fans = (0..200).map(|number| {
        let mut fan = cluster.person(number % 4, &format!("fan {number}"), "fan");
        async move {
            fan.join(concert).await.expect("an answer").expect(201);
            fan
        }
    });
    let fans = join_all(fans).await;
    let path = &format!("/concerts/{concert}/queue");
    until("the cap is reached", || async { operator.get(path).await.body["active"] == 75 }).await;
    // All four have ticked many times more when every place has been asked for.
    for _ in 0..2 {
        let places = join_all(fans.iter().map(Person::place)).await;
        assert_eq!(places.iter().filter(|place| place["state"] == "active").count(), 75);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bug_23_with_nine_of_ten_gone_four_servers_keep_the_rate() {
    const FANS: usize = 600;
    const PRESENT: usize = FANS / 10;
    const RATE: f64 = 8.0;
    let cluster = Cluster::start(4).await;
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 0, "admitPerSecond": RATE, "presenceSeconds": 1});
    let (concert, _) = on_sale_in_line(&operator, "Gone", 50, room).await;
    until_open(&cluster, concert).await;
    let joins = (0..FANS).map(|number| {
        let mut fan = cluster.person(number % 4, &format!("fan {number}"), "fan");
        async move {
            let place = fan.join(concert).await.expect("an answer").expect(201);
            (fan, place["pollAfterSeconds"].as_u64().expect("seconds"))
        }
    });
    let joined = join_all(joins).await;
    // Who has a stream open is there; all others are gone after twice what they were told to wait.
    let mut streams = Vec::new();
    for (fan, _) in joined.iter().step_by(FANS / PRESENT) {
        streams.push(fan.follow("/queues/stream").await);
    }
    let told = joined.iter().map(|(_, told)| *told).max().unwrap_or(0);
    let gone = Instant::now() + Duration::from_secs(2 * told + 1);
    tokio::time::sleep_until(gone.into()).await;

    steer(&operator, concert, json!({"maxActive": FANS})).await;
    let admitted = streams.iter_mut().map(|stream| async {
        let status = stream.find(|status| status["state"] == "active").await;
        moment(&status["admittedAt"]).micros()
    });
    let mut admitted = join_all(admitted).await;
    admitted.sort_unstable();
    assert_eq!(admitted.len(), PRESENT);
    let seconds = (admitted[PRESENT - 1] - admitted[0]) as f64 / 1e6;
    let rate = (PRESENT - 1) as f64 / seconds;
    // Whoever is let in first stands at the beginning of a sliding second, in which as many may come as in a whole one.
    let least = (PRESENT - 1) as f64 - RATE;
    assert!(seconds <= (PRESENT - 1) as f64 / (RATE * 0.95), "{rate:.2} a second");
    assert!(seconds >= least / RATE, "{rate:.2} a second");
    eprintln!("{rate:.2} a second, of {RATE}");
}
