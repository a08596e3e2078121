//! Events as they were handed over once. They must be read for ever.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use frontrow_application::events::LoggedEvent;
use frontrow_domain::event::{
    ConcertSoldOut, Event, PaymentDeclined, PaymentMade, QueueAdmitted, ReservationCreated, ReservationEnded,
    ReservationRefunded, ScheduleCancelled, SeatsMoved, WalletCharged,
};
use frontrow_domain::{
    ConcertId, EntryId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, Sequence, Timestamp,
    TransactionId, UserId,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::schemas::Schemas;
use super::{SOURCE, below_root, kinds, names, parse, read};

/// The digests of the files, in the form of `sha256sum`.
const SUMS: &str = "SHA256SUMS";

const CONCERT: ConcertId = ConcertId::new(12);
const SCHEDULE: ScheduleId = ScheduleId::new(34);

fn folder() -> PathBuf {
    below_root("crates/application/tests/golden/events")
}

fn files() -> Vec<String> {
    let mut files = names(&folder());
    files.retain(|name| Path::new(name).extension().is_some_and(|ending| ending == "json"));
    files
}

/// The files of one type with what is in them. Each begins with the name of its type.
pub(super) fn of_kind(kind: &str) -> Vec<(String, Value)> {
    let is_of = |name: &String| name == &format!("{kind}.json") || name.starts_with(&format!("{kind}-"));
    files().into_iter().filter(is_of).map(|name| (name.clone(), parse(&read(&folder().join(name))))).collect()
}

fn reservation() -> ReservationId {
    ReservationId::new(Uuid::from_u128(0x0198_f3a1_7c40_7000_8000_0000_0000_0001))
}

fn fan() -> UserId {
    UserId::new(Uuid::from_u128(0x0198_f3a1_7c40_7000_8000_0000_0000_0002))
}

fn payment() -> PaymentId {
    PaymentId::new(Uuid::from_u128(0x0198_f3a1_7c40_7000_8000_0000_0000_0003))
}

fn seats() -> Vec<SeatNo> {
    vec![SeatNo::new(7), SeatNo::new(8)]
}

fn amount() -> Money {
    Money::of(308_000)
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a time")
}

fn created(expires_at: &str) -> ReservationCreated {
    ReservationCreated {
        reservation_id: reservation(),
        user_id: fan(),
        concert_id: CONCERT,
        schedule_id: SCHEDULE,
        seats: seats(),
        amount: amount(),
        expires_at: time(expires_at),
    }
}

fn ended() -> ReservationEnded {
    ReservationEnded {
        reservation_id: reservation(),
        user_id: fan(),
        concert_id: CONCERT,
        schedule_id: SCHEDULE,
        seats: seats(),
        amount: amount(),
    }
}

fn paid(entry_id: Option<EntryId>) -> PaymentMade {
    PaymentMade {
        payment_id: payment(),
        reservation_id: reservation(),
        user_id: fan(),
        concert_id: CONCERT,
        schedule_id: SCHEDULE,
        seats: seats(),
        amount: amount(),
        entry_id,
    }
}

fn refunded(returned: i64, cause: &str) -> ReservationRefunded {
    ReservationRefunded {
        reservation_id: reservation(),
        payment_id: payment(),
        user_id: fan(),
        concert_id: CONCERT,
        schedule_id: SCHEDULE,
        seats: seats(),
        amount: amount(),
        returned: Money::of(returned),
        fee: Money::of(308_000 - returned),
        cause: cause.to_owned(),
    }
}

fn moved() -> SeatsMoved {
    let seats = vec![(SeatNo::new(1), SeatNo::new(20)), (SeatNo::new(35), SeatNo::new(35))];
    SeatsMoved { concert_id: CONCERT, schedule_id: SCHEDULE, seats }
}

/// What each file says. A line that is here stays as it is.
fn expected() -> Vec<(&'static str, u64, Event)> {
    let declined = PaymentDeclined {
        payment_id: payment(),
        reservation_id: reservation(),
        user_id: fan(),
        concert_id: CONCERT,
        schedule_id: SCHEDULE,
        amount: amount(),
        reason: "insufficient_balance".to_owned(),
    };
    let charged = WalletCharged {
        user_id: fan(),
        transaction_id: TransactionId::new(Uuid::from_u128(0x0198_f3a1_7c40_7000_8000_0000_0000_0004)),
        amount: Money::of(500_000),
        balance: Money::of(512_000),
    };
    let sold_out = ConcertSoldOut {
        concert_id: CONCERT,
        schedule_id: SCHEDULE,
        seats_sold: 11_980,
        seats_kept_back: 20,
        sold_out_at: time("2026-09-01T11:04:31.250817Z"),
        sold_out_seconds: 272,
    };
    let called_off = ScheduleCancelled {
        concert_id: CONCERT,
        schedule_id: SCHEDULE,
        reason: "태풍 \"힌남노\"".to_owned(),
    };
    let entry = EntryId::new(Uuid::from_u128(0x0198_f3a1_7c40_7000_8000_0000_0000_0005));
    let admitted = QueueAdmitted {
        entry_id: entry,
        user_id: fan(),
        concert_id: CONCERT,
        number: Sequence::new(48_213),
        joined_at: time("2026-09-01T10:59:58.700021Z"),
        admitted_at: time("2026-09-01T11:02:10.040113Z"),
    };
    vec![
        ("frontrow.concert.sold_out.v1", 3, Event::ConcertSoldOut(sold_out)),
        ("frontrow.payment.completed.v1", 2, Event::PaymentCompleted(paid(None))),
        ("frontrow.payment.completed.v1-in-line", 2, Event::PaymentCompleted(paid(Some(entry)))),
        ("frontrow.payment.failed.v1", 2, Event::PaymentFailed(declined)),
        ("frontrow.queue.admitted.v1", 1, Event::QueueAdmitted(admitted)),
        ("frontrow.reservation.cancelled.v1", 2, Event::ReservationCancelled(ended())),
        ("frontrow.reservation.confirmed.v1", 3, Event::ReservationConfirmed(ended())),
        ("frontrow.reservation.created.v1", 1, Event::ReservationCreated(created("2026-09-01T11:05:00Z"))),
        ("frontrow.reservation.expired.v1", 2, Event::ReservationExpired(ended())),
        (
            "frontrow.reservation.extended.v1",
            2,
            Event::ReservationExtended(created("2026-09-01T11:09:59.999999Z")),
        ),
        ("frontrow.reservation.refunded.v1", 4, Event::ReservationRefunded(refunded(277_200, "policy"))),
        (
            "frontrow.reservation.refunded.v1-called-off",
            4,
            Event::ReservationRefunded(refunded(308_000, "schedule_cancelled")),
        ),
        ("frontrow.schedule.cancelled.v1", 4, Event::ScheduleCancelled(called_off)),
        ("frontrow.seats.blocked.v1", 1, Event::SeatsBlocked(moved())),
        ("frontrow.seats.released.v1", 2, Event::SeatsReleased(moved())),
        ("frontrow.wallet.charged.v1", 1, Event::WalletCharged(charged)),
    ]
}

/// Where a value has less than it had, or other things. It may have more: members are added.
fn losses(before: &Value, after: &Value, place: &str, lost: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (member, value) in before {
                let place = format!("{place}/{member}");
                losses(value, after.get(member).unwrap_or(&Value::Null), &place, lost);
            }
        }
        _ if before == after => {}
        _ => lost.push(format!("{place}: {before} became {after}")),
    }
}

#[test]
fn every_file_is_read_as_what_it_was() {
    let mut known = Vec::new();
    for (name, sequence, event) in expected() {
        let file = format!("{name}.json");
        let text = read(&folder().join(&file));
        let read = LoggedEvent::from_cloud_event(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let body: Event = serde_json::from_str(&read.body).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!((read.sequence, &body), (sequence, &event), "{file}");
        assert!(name.starts_with(&read.kind()), "{file} has an event of {}", read.kind());
        // What is read is written again with all that it had.
        let body = serde_json::to_string(&body).expect("written");
        let written = LoggedEvent { body, ..read }.to_cloud_event(SOURCE).expect("written");
        let mut lost = Vec::new();
        losses(&parse(&text), &parse(&written), "", &mut lost);
        assert_eq!(lost, Vec::<String>::new(), "{file}");
        known.push(file);
    }
    known.sort();
    assert_eq!(files(), known, "every file is expected to say something");
}

#[test]
fn every_event_knows_its_type() {
    let events = expected();
    let mut seen = std::collections::BTreeSet::new();
    for (_, _, event) in &events {
        let written = serde_json::to_value(event).expect("written");
        assert_eq!(written["type"], Event::TYPES[event.type_index()]);
        seen.insert(event.type_index());
    }
    assert_eq!(seen.len(), Event::TYPES.len(), "every type is among the files");
}

#[test]
fn every_type_has_a_file() {
    for kind in kinds().keys() {
        assert!(!of_kind(kind).is_empty(), "{kind} has no golden file in {}", folder().display());
    }
}

#[test]
fn no_file_was_ever_changed() {
    let digest = |name: &String| {
        let digest = Sha256::digest(read(&folder().join(name)).as_bytes());
        let mut line = String::new();
        for byte in digest {
            write!(line, "{byte:02x}").expect("a string takes everything");
        }
        line + "  " + name
    };
    let digests: Vec<_> = files().iter().map(digest).collect();
    let kept = read(&folder().join(SUMS));
    assert_eq!(
        kept.lines().collect::<Vec<_>>(),
        digests,
        "a golden file is never changed: a new form of an event is a new version with a file of its own, whose line \
         is added to {SUMS}"
    );
}

#[test]
fn every_file_is_as_its_schema_says() {
    let schemas = Schemas::of_the_files();
    for name in files() {
        let event = parse(&read(&folder().join(&name)));
        assert_eq!(schemas.complaints(&event), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn members_that_nobody_knows_are_passed_over() {
    for name in files() {
        let text = read(&folder().join(&name));
        let plain = LoggedEvent::from_cloud_event(&text).expect("read");
        let mut newer = parse(&text);
        newer["traceparent"] = json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        newer["data"]["somethingNew"] = json!([{ "a": null }]);
        let newer = LoggedEvent::from_cloud_event(&newer.to_string()).expect("read");
        let body = |event: &LoggedEvent| serde_json::from_str::<Event>(&event.body).expect("read");
        assert_eq!(body(&newer), body(&plain), "{name}");
        assert_eq!((newer.key, newer.sequence, newer.at), (plain.key, plain.sequence, plain.at), "{name}");
    }
}

#[test]
fn an_event_of_a_type_that_is_not_known_yet_can_be_handed_on() {
    let (_, mut newer) = of_kind("frontrow.payment.completed.v1").remove(0);
    newer["type"] = json!("frontrow.payment.completed.v2");
    newer["data"] = json!({ "money": { "amount": "308000", "currency": "KRW" } });
    let read = LoggedEvent::from_cloud_event(&newer.to_string()).expect("read");
    assert_eq!(read.kind(), "frontrow.payment.completed.v2");
    assert!(serde_json::from_str::<Event>(&read.body).is_err(), "this version does not know it");
    assert_eq!(parse(&read.to_cloud_event(SOURCE).expect("written")), newer);
}
