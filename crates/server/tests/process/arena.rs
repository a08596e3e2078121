//! The arena of `plans/` sells out through best available under load, and its tickets open the door once.
//!
//! What the server chose is judged afterwards by a model of its own, which knows the hall from its drawing alone: seats
//! are beside each other when they follow in a row without a gap over 1.6 times its median.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::client::{Person, http, states};
use crate::sale::audit;
use crate::server::{Server, frontrow};

/// Callers at once.
const CALLERS: u32 = 160;
/// What a seat costs here, whatever its grade.
const PRICE: i64 = 10;
/// How many people come together, again and again.
const PARTIES: [usize; 10] = [2, 4, 2, 3, 2, 1, 4, 2, 5, 2];

/// The hall: for each row its seats in order, as blocks without an aisle in between.
struct Hall {
    blocks: Vec<Vec<usize>>,
    accessible: BTreeSet<usize>,
}

impl Hall {
    fn read(plan: &Value) -> Self {
        let (mut blocks, mut accessible) = (Vec::new(), BTreeSet::new());
        let list = |value: &Value| value.as_array().expect("a list").clone();
        for section in list(&plan["sections"]) {
            for row in list(&section["rows"]) {
                let seats = list(&row["seats"]);
                let place = |seat: &Value| (seat["x"].as_f64().expect("x"), seat["y"].as_f64().expect("y"));
                let gap = |pair: &[Value]| {
                    let (one, other) = (place(&pair[0]), place(&pair[1]));
                    (one.0 - other.0).hypot(one.1 - other.1)
                };
                let gaps: Vec<f64> = seats.windows(2).map(gap).collect();
                let mut sorted = gaps.clone();
                sorted.sort_by(f64::total_cmp);
                let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
                let mut block = Vec::new();
                for (at, seat) in seats.iter().enumerate() {
                    let no = seat_no(&seat["no"]);
                    if at > 0 && gaps[at - 1] > 1.6 * median {
                        blocks.push(std::mem::take(&mut block));
                    }
                    block.push(no);
                    if seat["accessible"] == true {
                        accessible.insert(no);
                    }
                }
                blocks.push(block);
            }
        }
        Self { blocks, accessible }
    }

    /// Every seat that anybody may have who does not ask for an accessible one, by number.
    fn ordinary(&self) -> Vec<bool> {
        (0..=15_000).map(|no| no > 0 && !self.accessible.contains(&no)).collect()
    }

    /// The choices of so many seats together among those that are free, each with how many singles it strands.
    fn choices(&self, free: &[bool], size: usize) -> Vec<(Vec<usize>, usize)> {
        let is_free = |no: &usize| free[*no];
        let mut choices = Vec::new();
        for block in &self.blocks {
            for start in 0..=block.len().saturating_sub(size) {
                let Some(window) = block.get(start..start + size).filter(|window| window.iter().all(is_free))
                else {
                    continue;
                };
                let at = |place: Option<usize>| place.and_then(|place| block.get(place)).is_some_and(is_free);
                let left = at(start.checked_sub(1)) && !at(start.checked_sub(2));
                let right = at(Some(start + size)) && !at(Some(start + size + 1));
                choices.push((window.to_vec(), usize::from(left) + usize::from(right)));
            }
        }
        choices
    }
}

/// The number of a seat.
fn seat_no(value: &Value) -> usize {
    value.as_u64().and_then(|no| no.try_into().ok()).expect("a number")
}

/// A party that got seats.
struct Seated {
    /// Before it asked, so many things had happened.
    sent: u64,
    seats: Vec<usize>,
    codes: Vec<String>,
}

/// A party that was refused.
struct Refused {
    /// When it heard of it, so many things had happened.
    heard: u64,
    size: usize,
}

async fn caller(
    person: Person,
    schedule: u64,
    number: usize,
    ticks: Arc<AtomicU64>,
) -> (Vec<Seated>, Vec<Refused>) {
    let (mut seated, mut refused) = (Vec::new(), Vec::new());
    for turn in 0.. {
        let size = PARTIES[(number + turn) % PARTIES.len()];
        if refused.iter().any(|before: &Refused| before.size <= size) {
            // Who was refused fewer is not given more.
            if refused.iter().any(|before| before.size == 1) {
                break;
            }
            continue;
        }
        let sent = ticks.fetch_add(1, Ordering::SeqCst);
        let body = json!({"scheduleId": schedule, "bestAvailable": {"quantity": size}});
        let held = person.post("/reservations", &format!("hold {turn}"), body).await;
        let heard = ticks.fetch_add(1, Ordering::SeqCst);
        match held.code() {
            "no_adjacent_seats" | "sold_out" => {
                refused.push(Refused { heard, size });
                continue;
            }
            // This fan has all that one fan may have; there are others.
            "seat_limit_exceeded" => break,
            _ => {}
        }
        let held = held.expect(201);
        let seats: Vec<usize> =
            held["seats"].as_array().expect("seats").iter().map(|seat| seat_no(&seat["no"])).collect();
        assert_eq!(seats.len(), size);
        let paid = person.pay(&format!("pay {turn}"), held["reservationId"].as_str().expect("an id")).await;
        let tickets = paid.expect(201)["tickets"].clone();
        let code = |ticket: &Value| ticket["code"].as_str().expect("a code").to_owned();
        let codes = tickets.as_array().expect("tickets").iter().map(code).collect();
        seated.push(Seated { sent, seats, codes });
    }
    (seated, refused)
}

/// Imports the arena before any server runs, at one price, and answers concert and schedule.
fn import(folder: &Path) -> (u64, u64) {
    let plans = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plans");
    let text = std::fs::read_to_string(format!("{plans}/example-arena.json")).expect("the example");
    let mut example: Value = serde_json::from_str(&text).expect("JSON");
    example["concert"]["waitingRoom"] = json!({"enabled": false});
    let schedule = &mut example["schedules"][0];
    schedule["bookingStart"] = json!("2020-01-01T00:00:00Z");
    schedule["startsAt"] = json!("2099-01-01T00:00:00Z");
    schedule["bookingEnd"] = json!("2098-01-01T00:00:00Z");
    schedule["holdSeconds"] = json!(3_600);
    schedule["holdMaxSeconds"] = json!(3_600);
    schedule["maxSeatsPerFan"] = json!(100);
    let plan = &mut schedule["seatPlan"]["pretix"];
    plan["planFile"] = json!(format!("{plans}/{}", plan["planFile"].as_str().expect("a file")));
    for price in plan["prices"].as_object_mut().expect("prices").values_mut() {
        *price = json!(PRICE);
    }
    let file = folder.join("arena.json");
    std::fs::write(&file, example.to_string()).expect("written");
    let output = frontrow(folder).args(["concert", "import"]).arg(&file).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (1, 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn bug_19_the_arena_sells_out_and_every_ticket_is_green_once() {
    let folder = tempfile::tempdir().expect("folder");
    let sale = import(folder.path());
    let server = Server::start(folder.path(), &[]);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let plan = operator.get(&format!("/concerts/{}/schedules/{}/plan", sale.0, sale.1)).await.expect(200);
    let hall = Hall::read(&plan);
    let size = hall.blocks.iter().map(Vec::len).sum::<usize>();
    assert_eq!(size, 15_000);

    let ticks = Arc::new(AtomicU64::new(0));
    let fans: Vec<Person> =
        (0..CALLERS).map(|number| Person::new(&server, &client, &format!("fan {number}"), "fan")).collect();
    join_all(fans.iter().map(|fan| fan.charge(10_000))).await;
    let callers = fans.into_iter().enumerate().map(|(number, fan)| {
        let ticks = Arc::clone(&ticks);
        // On all processors: the callers are not to wait for each other.
        tokio::spawn(caller(fan, sale.1, number, ticks))
    });
    let (mut seated, mut refused) = (Vec::new(), Vec::new());
    for done in join_all(callers).await {
        let (got, not) = done.expect("a caller");
        seated.extend(got);
        refused.extend(not);
    }

    // Everything that is not kept for wheelchairs is sold, and each seat once.
    let sold: Vec<usize> = seated.iter().flat_map(|seated| seated.seats.clone()).collect();
    let distinct: BTreeSet<usize> = sold.iter().copied().collect();
    assert_eq!(sold.len(), distinct.len(), "a seat was sold twice");
    assert!(distinct.is_disjoint(&hall.accessible), "nobody has asked for accessible seats");
    assert_eq!(sold.len() + hall.accessible.len(), size, "seats were left");

    // Whoever was refused could not be seated, even if nobody who was still asking got anything.
    for refused in &refused {
        let before = seated.iter().filter(|seated| seated.sent < refused.heard);
        let mut free = hall.ordinary();
        before.flat_map(|seated| &seated.seats).for_each(|no| free[*no] = false);
        assert!(hall.choices(&free, refused.size).is_empty(), "a party of {} was refused", refused.size);
    }
    assert!(!refused.is_empty(), "somebody has to have come too late");

    // The accessible seats go to those who ask for them.
    let late = Person::new(&server, &client, "late", "fan");
    let accessible = json!({"scheduleId": sale.1, "bestAvailable": {"quantity": 1, "accessible": true}});
    let held = late.post("/reservations", "accessible", accessible).await.expect(201);
    assert!(hall.accessible.contains(&seat_no(&held["seats"][0]["no"])));

    check_door(&server, &client, sale.1, &seated).await;
    let map = states(&operator, sale).await;
    assert_eq!(map.matches('s').count(), sold.len());
    assert_eq!(server.stop().code(), Some(0));
    let figures = audit(folder.path());
    assert_eq!(figures["seatsByState"]["sold"], sold.len());
    check_choices(folder.path(), &hall);
}

/// A ticket is green once, whoever scans it again.
async fn check_door(server: &Server, client: &reqwest::Client, schedule: u64, seated: &[Seated]) {
    let gate = Person::new(server, client, "gate", "gate");
    for code in seated.iter().take(10).flat_map(|seated| &seated.codes) {
        let scan = || json!({"code": code, "scheduleId": schedule});
        let green = gate.post("/gate/scan", &format!("scan {code}"), scan()).await.expect(200);
        let again = gate.post("/gate/scan", &format!("again {code}"), scan()).await;
        assert_eq!((again.status.as_u16(), again.code()), (409, "ticket_already_used"));
        assert_eq!(again.body["usedAt"], green["usedAt"]);
    }
    let admissions = gate.get(&format!("/gate/schedules/{schedule}")).await.expect(200);
    let scanned: usize = seated.iter().take(10).map(|seated| seated.codes.len()).sum();
    let sold: usize = seated.iter().map(|seated| seated.codes.len()).sum();
    assert_eq!(admissions, json!({"admitted": scanned, "total": sold}));
}

/// Goes through all choices in the order of their commits: none strands more single seats than another choice would have
/// at that moment.
fn check_choices(folder: &Path, hall: &Hall) {
    let store = rusqlite::Connection::open(folder.join("frontrow.sqlite")).expect("the store");
    let sql =
        "SELECT body FROM outbox WHERE body LIKE '%frontrow.reservation.created.v1%' ORDER BY outbox_id";
    let mut statement = store.prepare(sql).expect("a query");
    let bodies = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    let mut free = hall.ordinary();
    let mut left = free.iter().filter(|free| **free).count();
    let mut stranded: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, body) in bodies.enumerate() {
        let event: Value = serde_json::from_str(&body.expect("a row")).expect("JSON");
        let seats = event["data"]["seats"].as_array().expect("seats");
        let seats: Vec<usize> = seats.iter().map(seat_no).collect();
        if hall.accessible.contains(&seats[0]) {
            continue;
        }
        // Looking at every choice of every commit would take a debug build minutes; the end is where it gets tight.
        if number % 16 == 0 || left < 2_500 {
            let choices = hall.choices(&free, seats.len());
            let chosen = choices.iter().find(|(window, _)| *window == seats).expect("they are together");
            let best = choices.iter().map(|(_, stranded)| *stranded).min().expect("there is one");
            assert_eq!(chosen.1, best, "{seats:?} strands more single seats than it has to");
            *stranded.entry(chosen.1).or_default() += 1;
        }
        for no in &seats {
            free[*no] = false;
        }
        left -= seats.len();
    }
    assert!(stranded.contains_key(&0), "choices were looked at: {stranded:?}");
}
