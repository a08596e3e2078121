//! Files of every schema version there ever was must open, and mean what they meant.
//!
//! `examples/make_golden.rs` makes the pair of files of a version, once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontrow_application::account::ExternalIdentity;
use frontrow_application::audit::audit;
use frontrow_application::reservation::HoldRequest;
use frontrow_application::staff::LoggedAction;
use frontrow_domain::account::Role;
use frontrow_domain::catalog::RoomControls;
use frontrow_domain::reservation::ReservationStatus;
use frontrow_domain::staff::{ActionKind, Actor};
use frontrow_domain::{ConcertId, EntryId, ReservationId, ScheduleId, Timestamp, UserId};
use frontrow_store_sqlite::{FILE_NAME, Options, SCHEMA_VERSION, SqliteStore};
use frontrow_testkit::stage::{PASSWORD, seats};
use frontrow_testkit::{ManualClock, Opened, Stage};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    now_micros: i64,
    concert: ConcertId,
    schedule: ScheduleId,
    map: String,
    alice: UserId,
    alice_balance: i64,
    bob: UserId,
    stranger: UserId,
    confirmed: ReservationId,
    pending: ReservationId,
    cancelled: ReservationId,
    expired: ReservationId,
    /// What version 1 did not have.
    #[serde(flatten)]
    second: Option<SecondFacts>,
}

/// What version 2 added: about waiting rooms, and the audit log.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SecondFacts {
    with_room: ConcertId,
    notice: String,
    in_line: ReservationId,
    entry: EntryId,
    olga: UserId,
}

fn golden(version: u32, ending: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/schema-{version}.{ending}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_there_was_opens_and_means_what_it_meant() {
    for version in 1..=SCHEMA_VERSION {
        let facts = std::fs::read_to_string(golden(version, "json")).expect("facts");
        let facts: Facts = serde_json::from_str(&facts).expect("facts");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::copy(golden(version, "sqlite"), folder.path().join(FILE_NAME)).expect("a copy");
        check(folder.path(), &facts).await;
    }
}

async fn check(folder: &Path, facts: &Facts) {
    let clock = ManualClock::at(Timestamp::from_micros(facts.now_micros));
    let store = SqliteStore::open(Options::new(folder, Arc::new(clock.clone()))).expect("it opens");
    let reads = Arc::new(store.reads());
    let upkeep = Arc::<SqliteStore>::clone(&store);
    let stage = Stage::over(Opened { store, reads, upkeep }, clock, |_| {});

    let report = audit(&*stage.opened.reads).await.expect("it can be read");
    assert!(report.is_clean(), "{report}");
    assert_eq!(stage.map(facts.schedule).await, facts.map);
    assert_eq!(stage.balance(facts.alice).await, facts.alice_balance);
    for (id, status) in [
        (facts.confirmed, ReservationStatus::Confirmed),
        (facts.pending, ReservationStatus::Pending),
        (facts.cancelled, ReservationStatus::Cancelled),
        (facts.expired, ReservationStatus::Expired),
    ] {
        assert_eq!(stage.stored(id).await.status(stage.now()), status, "{id}");
    }
    check_second(&stage, facts).await;
    stage.app.log_in("alice@example.test", PASSWORD.to_owned()).await.expect("alice still logs in");
    let identity = ExternalIdentity {
        issuer: "https://issuer.example".to_owned(),
        subject: "subject".to_owned(),
        name: None,
        role: Role::Fan,
    };
    assert_eq!(stage.app.meet(&identity).await, Ok(facts.stranger));

    // What was kept under an idempotency key is still shown, and the sale goes on.
    let again = stage.app.pay(facts.alice, facts.confirmed, Stage::tag(facts.alice, "pay", "pay")).await;
    assert!(again.expect("kept").replayed);
    stage.app.pay(facts.bob, facts.pending, None).await.expect("bob pays what he held");
    let request = HoldRequest { schedule: facts.schedule, seats: seats([8]) };
    stage.app.hold(facts.stranger, request, None).await.expect("a seat is held");
    stage.assert_clean().await;
}

/// What was written before version 2 has nothing to do with a line; what was written since is as it was.
async fn check_second(stage: &Stage, facts: &Facts) {
    let reads = &stage.opened.reads;
    assert_eq!(stage.stored(facts.confirmed).await.entry, None);
    let concert = reads.concert(facts.concert).await.expect("read").expect("it is there");
    assert_eq!(concert.controls, RoomControls::default());
    let ends = reads.session_ends(0, 10).await.expect("read");
    let rooms = reads.concerts_with_rooms().await.expect("read");
    let log = stage.app.audit_log(None, 10).await.expect("read");
    let Some(second) = &facts.second else {
        assert_eq!((ends, rooms, log), (vec![], vec![], vec![]));
        return;
    };
    let ends: Vec<_> = ends.into_iter().map(|end| (end.event.reservation_id, end.event.entry_id)).collect();
    assert_eq!(ends, [(second.in_line, Some(second.entry))]);
    assert_eq!(stage.stored(second.in_line).await.entry, Some(second.entry));
    assert_eq!(rooms, [second.with_room]);
    let concert = reads.concert(second.with_room).await.expect("read").expect("it is there");
    let notice = Some(second.notice.clone());
    assert_eq!(concert.controls, RoomControls { paused: true, draining: true, closed: true, notice });
    let [LoggedAction { action, name }] = &log[..] else { panic!("one line: {log:?}") };
    assert_eq!(
        (name.as_deref(), action.actor),
        (Some("올가"), Actor { user: second.olga, role: Role::Operator })
    );
    assert_eq!((action.action, &*action.target), (ActionKind::EditConcert, "concert/1"));
    let texts = (action.before.as_deref(), action.after.as_deref());
    assert_eq!(texts, (Some("{\"artist\":\"The Front Row\"}"), Some("{\"artist\":\"골든 밴드\"}")));
    assert_eq!((&*action.request_id, action.at.micros()), ("golden-request", facts.now_micros));
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(FILE_NAME);
    std::fs::copy(golden(1, "sqlite"), &file).expect("a copy");
    let newer = rusqlite::Connection::open(&file).expect("it opens");
    newer.pragma_update(None, "user_version", SCHEMA_VERSION + 1).expect("a version");
    drop(newer);
    let before = std::fs::read(&file).expect("the file");
    let clock = Arc::new(ManualClock::default());
    let refused = SqliteStore::open(Options::new(folder.path(), clock)).err().expect("refused");
    let text = refused.to_string();
    assert!(text.contains(&format!("schema version {}", SCHEMA_VERSION + 1)), "{text}");
    assert_eq!(std::fs::read(&file).expect("the file"), before);
}
