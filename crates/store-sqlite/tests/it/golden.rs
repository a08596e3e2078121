//! Files of every schema version there ever was must open, and mean what they meant.
//!
//! `examples/make_golden.rs` makes the pair of files of a version, once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontrow_application::account::ExternalIdentity;
use frontrow_application::audit::audit;
use frontrow_application::reservation::{HoldRequest, StaffRefund};
use frontrow_application::staff::{By, LoggedAction};
use frontrow_application::store::{Admissions, PaymentRecord};
use frontrow_domain::account::Role;
use frontrow_domain::catalog::{RefundPolicy, RoomControls};
use frontrow_domain::payment::RefundCause;
use frontrow_domain::queue::draw::verify;
use frontrow_domain::queue::{Draw, Seed};
use frontrow_domain::reservation::ReservationStatus;
use frontrow_domain::staff::{ActionKind, Actor};
use frontrow_domain::ticket::TicketState;
use frontrow_domain::{ConcertId, EntryId, ReservationId, ScheduleId, TicketId, Timestamp, UserId};
use frontrow_store_sqlite::{FILE_NAME, Options, SCHEMA_VERSION, SqliteStore};
use frontrow_testkit::stage::{PASSWORD, seats};
use frontrow_testkit::{ManualClock, Opened, Stage, samples};
use rusqlite::Connection;
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
    #[serde(flatten)]
    third: Option<ThirdFacts>,
    /// What version 4 added: a schedule that is marked as sold out.
    sold_out: Option<ScheduleId>,
    #[serde(flatten)]
    fifth: Option<FifthFacts>,
    #[serde(flatten)]
    sixth: Option<SixthFacts>,
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

/// What version 3 added: what happens at a box office and at a door.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThirdFacts {
    shop: ScheduleId,
    shop_map: String,
    called_off: ScheduleId,
    carol: UserId,
    carol_balance: i64,
    refunded: ReservationId,
    used: ReservationId,
    used_ticket: TicketId,
    sold: ReservationId,
    withdrawn: ReservationId,
}

/// What version 5 added: a performance of which everything is still in the journal.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FifthFacts {
    late: ScheduleId,
    late_map: String,
    erin: UserId,
    erin_balance: i64,
    late_sold: ReservationId,
    late_ticket: TicketId,
    given_back: ReservationId,
    left: ReservationId,
    late_held: ReservationId,
}

/// What version 6 added: a draw that is to come, one that has not come to its end, and one that is done.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SixthFacts {
    to_be_drawn: DrawFacts,
    being_drawn: DrawFacts,
    drawn: DrawFacts,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DrawFacts {
    concert: ConcertId,
    lobby_opens_at: i64,
    seed: String,
    drawn_at: Option<i64>,
    /// Of the order, in parts of three.
    kept: Vec<EntryId>,
}

fn golden(version: u32, ending: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/schema-{version}.{ending}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_there_was_opens_and_means_what_it_meant() {
    for version in 1..=SCHEMA_VERSION {
        let facts = std::fs::read_to_string(golden(version, "json")).expect("facts");
        let facts: Facts = serde_json::from_str(&facts).expect("facts");
        // What cannot be read of them would be taken for what the version did not have.
        assert_eq!((facts.fifth.is_some(), facts.sixth.is_some()), (version >= 5, version >= 6));
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::copy(golden(version, "sqlite"), folder.path().join(FILE_NAME)).expect("a copy");
        check(folder.path(), &facts).await;
    }
}

async fn check(folder: &Path, facts: &Facts) {
    // A little later, so that no id is drawn that the file has already.
    let clock = ManualClock::at(Timestamp::from_micros(facts.now_micros).plus_seconds(1));
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
    check_fourth(&stage, facts).await;
    check_third(&stage, facts).await;
    check_fifth(&stage, facts).await;
    check_sixth(&stage, facts).await;
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

    // What was sold by an older version can be given back by this one.
    let refund = StaffRefund { reservation: facts.confirmed, percent: 50, reason: "golden".to_owned() };
    stage.app.refund(By::System, refund, None).await.expect("given back");
    assert_eq!(stage.stored(facts.confirmed).await.status(stage.now()), ReservationStatus::Refunded);
    let tickets = stage.opened.reads.tickets(facts.confirmed).await.expect("read");
    assert_eq!(tickets.iter().map(|ticket| ticket.state).collect::<Vec<_>>(), [TicketState::Void; 2]);
    stage.assert_clean().await;
}

/// What was made before version 6 has no draw; what was kept of one since is there.
async fn check_sixth(stage: &Stage, facts: &Facts) {
    let reads = &stage.opened.reads;
    let concert = reads.concert(facts.concert).await.expect("read").expect("it is there");
    assert_eq!(concert.draw, None);
    assert_eq!(reads.draw_part(facts.concert, 0).await, Ok(None));
    let Some(SixthFacts { to_be_drawn, being_drawn, drawn }) = &facts.sixth else { return };
    for facts in [to_be_drawn, being_drawn, drawn] {
        let concert = reads.concert(facts.concert).await.expect("read").expect("it is there");
        let draw = Draw {
            seed: Seed::from_hex(&facts.seed).expect("a seed"),
            listed: u32::try_from(facts.kept.len()).expect("a few"),
            drawn_at: facts.drawn_at.map(Timestamp::from_micros),
        };
        assert_eq!(concert.draw, Some(draw), "{}", facts.concert);
        let lobby = concert.waiting_room.lobby_opens_at.map(Timestamp::micros);
        assert_eq!(lobby, Some(facts.lobby_opens_at), "{}", facts.concert);
        for (first, part) in (0..).step_by(3).zip(facts.kept.chunks(3)) {
            let found = reads.draw_part(facts.concert, first).await;
            assert_eq!(found.as_ref().map(Option::as_deref), Ok(Some(part)), "{}", facts.concert);
        }
        assert_eq!(reads.draw_part(facts.concert, draw.listed).await, Ok(None), "{}", facts.concert);
    }
    let seed = Seed::from_hex(&drawn.seed).expect("a seed");
    assert_eq!(verify(&seed, &seed.commitment(), &drawn.kept), Ok(()));
    assert_eq!((to_be_drawn.kept.len(), being_drawn.kept.len(), drawn.kept.len()), (0, 3, 5));
    assert!(drawn.drawn_at.is_some() && being_drawn.drawn_at.is_none());
}

/// What was left in the journal is in the tables.
async fn check_fifth(stage: &Stage, facts: &Facts) {
    let Some(fifth) = &facts.fifth else { return };
    let reads = &stage.opened.reads;
    assert_eq!((&*stage.map(fifth.late).await, &*fifth.late_map), ("ssaaha", "ssaaha"));
    assert_eq!(stage.balance(fifth.erin).await, fifth.erin_balance);
    assert_eq!(fifth.erin_balance, 79_000);
    for (id, status) in [
        (fifth.late_sold, ReservationStatus::Confirmed),
        (fifth.given_back, ReservationStatus::Refunded),
        (fifth.left, ReservationStatus::Cancelled),
        (fifth.late_held, ReservationStatus::Pending),
    ] {
        assert_eq!(stage.stored(id).await.status(stage.now()), status, "{id}");
    }
    let used = reads.ticket(fifth.late_ticket).await.expect("read").expect("it is there");
    assert!(matches!(used.state, TicketState::Used { .. }), "{used:?}");
    let request = HoldRequest { schedule: fifth.late, seats: seats([5]) };
    let again = stage.app.hold(fifth.erin, request, Stage::tag(fifth.erin, "late", "late")).await;
    let again = again.expect("kept");
    assert_eq!((again.replayed, again.outcome.0.id), (true, fifth.late_held));
    let takings = reads.takings(fifth.late).await.expect("read");
    assert_eq!(
        (takings.gross.minor(), takings.refunded.minor(), takings.fees.minor()),
        (30_000, 9_000, 1_000)
    );
}

/// What was sold out before version 4 was not told, and is told now; what was told since is not told again.
async fn check_fourth(stage: &Stage, facts: &Facts) {
    let marked = async |id: ScheduleId| {
        let schedule = stage.opened.reads.schedule(id).await.expect("read").expect("it is there");
        (schedule.sold_out_at.map(Timestamp::micros), schedule.last_event)
    };
    assert_eq!(marked(facts.schedule).await.0, None);
    if let Some(sold_out) = facts.sold_out {
        assert_eq!(marked(sold_out).await, (Some(facts.now_micros), 1));
    }
    assert_eq!(stage.app.tick_sold_out().await, Ok(0));
}

/// What was written before version 3 can be refunded, was not, and knows how many seats were paid for; what was written
/// since is as it was.
async fn check_third(stage: &Stage, facts: &Facts) {
    let reads = &stage.opened.reads;
    for PaymentRecord { payment, refund } in reads.payments_of(facts.alice, None, 10).await.expect("read") {
        let seats = stage.stored(payment.reservation).await.seats.len();
        assert_eq!((payment.seats as usize, refund), (seats, None), "{}", payment.id);
    }
    let tickets = reads.tickets(facts.confirmed).await.expect("read");
    assert_eq!(tickets.iter().map(|ticket| ticket.state).collect::<Vec<_>>(), [TicketState::Valid; 2]);
    let schedule = reads.schedule(facts.schedule).await.expect("read").expect("it is there");
    assert_eq!((schedule.refund_policy, schedule.cancelled_at), (RefundPolicy::NONE, None));
    assert_eq!(reads.drawing(facts.schedule, 1).await, Ok(None));
    let cancelled = reads.cancelled_schedules().await.expect("read");
    let Some(third) = &facts.third else {
        assert_eq!((schedule.last_event, cancelled), (0, vec![]));
        return;
    };
    assert_eq!(cancelled, [third.called_off]);
    assert_eq!(stage.map(third.shop).await, third.shop_map);
    assert_eq!(third.shop_map, "aassbb");
    assert_eq!(stage.balance(third.carol).await, third.carol_balance);
    let shop = reads.schedule(third.shop).await.expect("read").expect("it is there");
    let rows: Vec<_> =
        shop.refund_policy.rows().iter().map(|row| (row.until_hours_before, row.percent)).collect();
    assert_eq!((rows, shop.last_event), (vec![(1_000, 100), (24, 70)], 1));
    assert_eq!(reads.drawing(third.shop, 1).await, Ok(Some(samples::drawing(6))));
    for (id, status) in [
        (third.refunded, ReservationStatus::Refunded),
        (third.used, ReservationStatus::Confirmed),
        (third.sold, ReservationStatus::Confirmed),
        (third.withdrawn, ReservationStatus::Refunded),
    ] {
        assert_eq!(stage.stored(id).await.status(stage.now()), status, "{id}");
    }
    let payments = reads.payments_of(third.carol, None, 10).await.expect("read");
    let refunds: Vec<_> = payments
        .into_iter()
        .filter_map(|record| record.refund)
        .map(|refund| (refund.reservation, refund.returned.minor(), refund.fee.minor(), refund.cause))
        .collect();
    let expected = [
        (third.withdrawn, 10_000, 0, RefundCause::ScheduleCancelled),
        (third.refunded, 14_000, 6_000, RefundCause::Policy),
    ];
    assert_eq!(refunds, expected);
    let used = reads.ticket(third.used_ticket).await.expect("read").expect("it is there");
    let by = facts.second.as_ref().map(|second| second.olga).expect("version 3 has all of version 2");
    let at = Timestamp::from_micros(facts.now_micros);
    assert_eq!(used.state, TicketState::Used { at, by });
    let voided = reads.tickets(third.refunded).await.expect("read");
    assert_eq!(voided.iter().map(|ticket| ticket.state).collect::<Vec<_>>(), [TicketState::Void; 2]);
    assert_eq!(reads.admissions(third.shop).await, Ok(Admissions { admitted: 1, total: 2 }));
}

/// Every row of every table as text, in the columns that it had, whatever columns have come since.
fn rows(connection: &Connection, tables: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let rows_of = |(table, columns): (&String, &Vec<String>)| {
        let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
        let sql = format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ' ' || "));
        let mut statement = connection.prepare(&sql).expect("the table is there");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        (table.clone(), rows.collect::<rusqlite::Result<_>>().expect("rows"))
    };
    tables.iter().map(rows_of).collect()
}

/// The tables of a file, with their columns.
fn tables(connection: &Connection) -> BTreeMap<String, Vec<String>> {
    let sql = "SELECT tables.name, columns.name FROM sqlite_schema AS tables \
               JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'";
    let mut statement = connection.prepare(sql).expect("a schema");
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("columns");
    for column in columns {
        let (table, column) = column.expect("a column");
        found.entry(table).or_default().push(column);
    }
    found
}

/// Of versions up to 4, which had no journal: from version 5 on, a file is folded before it is migrated.
#[test]
fn a_migration_keeps_every_fact() {
    for version in 1..SCHEMA_VERSION.min(5) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(FILE_NAME);
        std::fs::copy(golden(version, "sqlite"), &file).expect("a copy");
        let old = Connection::open(&file).expect("it opens");
        let tables = tables(&old);
        let before = rows(&old, &tables);
        drop(old);
        let store = SqliteStore::open(Options::new(folder.path(), Arc::new(ManualClock::default())));
        store.expect("it opens").close();
        let new = Connection::open(&file).expect("it opens");
        assert_eq!(rows(&new, &tables), before, "version {version}");
        assert!(before.values().map(Vec::len).sum::<usize>() > 50, "version {version} has too little in it");
        let sound: String = new.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
        assert_eq!(sound, "ok");
    }
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
    let since = facts.sixth.iter().flat_map(|sixth| [&sixth.to_be_drawn, &sixth.being_drawn, &sixth.drawn]);
    let since = since.map(|facts| facts.concert);
    assert_eq!(rooms, [second.with_room].into_iter().chain(since).collect::<Vec<_>>());
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
    let newer = Connection::open(&file).expect("it opens");
    newer.pragma_update(None, "user_version", SCHEMA_VERSION + 1).expect("a version");
    drop(newer);
    let before = std::fs::read(&file).expect("the file");
    let clock = Arc::new(ManualClock::default());
    let refused = SqliteStore::open(Options::new(folder.path(), clock)).err().expect("refused");
    let text = refused.to_string();
    assert!(text.contains(&format!("schema version {}", SCHEMA_VERSION + 1)), "{text}");
    assert_eq!(std::fs::read(&file).expect("the file"), before);
}
