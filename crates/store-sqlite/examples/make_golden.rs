//! Makes the golden file of this schema version: a small sale in every state that a store can hold, and a page of
//! facts about it. Run once when the schema gets a new version, and commit both files; they are never made again.
//!
//! `cargo run -p frontrow-store-sqlite --example make_golden -- crates/store-sqlite/tests/golden`

use std::path::PathBuf;
use std::sync::Arc;

use frontrow_application::account::{ExternalIdentity, NewAccount};
use frontrow_application::catalog::{ConcertPatch, NewSchedule};
use frontrow_application::payment::PayOutcome;
use frontrow_application::reservation::{HoldRequest, KeepBack, SaleMeans, SeatSelection, SellRequest};
use frontrow_application::staff::{By, Staff};
use frontrow_application::ticket::Scan;
use frontrow_application::{Clock, Stop};
use frontrow_domain::account::Role;
use frontrow_domain::catalog::{Concert, RefundPolicy, RefundRow, RoomControls, SeatPlan};
use frontrow_domain::queue::draw::order;
use frontrow_domain::queue::{Draw, Seed};
use frontrow_domain::records::{DrawPart, Key, Keys};
use frontrow_domain::reservation::{Claim, Reservation, claim_seats};
use frontrow_domain::{
    ConcertId, EntryId, Money, ReservationId, ScheduleId, SeatNo, TicketId, Timestamp, UserId,
};
use frontrow_store_sqlite::{FILE_NAME, Folding, Options, SCHEMA_VERSION, SqliteStore};
use frontrow_testkit::samples;
use frontrow_testkit::stage::{PASSWORD, seats};
use frontrow_testkit::store::apply;
use frontrow_testkit::{Opened, Stage, StoreFactory};
use rusqlite::Connection;
use serde_json::{Value, json};

struct Folder(PathBuf);

impl StoreFactory for Folder {
    fn open(&self, clock: Arc<dyn Clock>) -> Opened {
        // What happens last is to be in the journal.
        let options = Options { folding: Folding::WhenAskedFor, ..Options::new(&self.0, clock) };
        let store = SqliteStore::open(options).expect("the store opens");
        let reads = Arc::new(store.reads());
        let upkeep = Arc::<SqliteStore>::clone(&store);
        Opened { store, reads, upkeep }
    }

    fn outbox(&self) -> Vec<frontrow_domain::event::OutboxEvent> {
        Vec::new()
    }
}

async fn hold(stage: &Stage, fan: UserId, schedule: ScheduleId, numbers: &[u32]) -> ReservationId {
    let request = HoldRequest { schedule, seats: seats(numbers.iter().copied()) };
    let tag = Stage::tag(fan, "hold", "hold");
    stage.app.hold(fan, request, tag).await.expect("held").outcome.0.id
}

/// Holds a seat under a place in a waiting room, as a hold with a token does.
async fn hold_in_line(stage: &Stage, fan: UserId, schedule: ScheduleId, seat: u32) -> Reservation {
    let request = HoldRequest { schedule, seats: seats([seat]) };
    let mut held = stage.app.hold(fan, request, None).await.expect("held").outcome.0;
    stage.app.cancel(fan, held.id).await.expect("cancelled");
    held.id = ReservationId::new(stage.app.draw_id());
    held.entry = Some(EntryId::new(stage.app.draw_id()));
    let keys = Keys::new([Key::Schedule(schedule)]).and(Key::claims(schedule, &held.seats));
    let reservation = held.clone();
    let claim = Claim::Held { reservation: held.id, user: fan, until: held.held_until() };
    apply(&stage.opened.store, keys, move |records, now| {
        let claimed = claim_seats(records, schedule, &reservation.seats, claim, now)?;
        claimed.map_err(|_| Stop::Refused("the seat is taken"))?;
        records.add_reservation(reservation.clone());
        Ok(())
    })
    .await;
    held
}

/// A concert whose waiting room is in every state that an operator can bring it to.
async fn concert_with_room(stage: &Stage) -> Concert {
    let id = stage.a_concert().titled("Unpublished").unpublished().make().await;
    apply(&stage.opened.store, Key::Concert(id), move |records, _| {
        let mut concert = records.concerts.get(&id)?.cloned().ok_or(Stop::Refused("it was just made"))?;
        concert.waiting_room.enabled = true;
        let notice = Some("잠시 후 다시 시작합니다 🙏".to_owned());
        concert.controls = RoomControls { paused: true, draining: true, closed: true, notice };
        records.concerts.put(id, concert.clone());
        Ok(concert)
    })
    .await
}

/// How many entries a part of an order has, of the few that there are.
const PART: usize = 3;

/// A concert whose sale is to have a lobby, with its draw as far as it is, and with what is kept of its order.
async fn concert_with_draw(stage: &Stage, title: &str, draw: Draw, entries: &[EntryId]) -> Value {
    let id = stage.a_concert().titled(title).unpublished().make().await;
    let drawn: Vec<EntryId> = order(&draw.seed, entries).into_iter().map(|at| entries[at as usize]).collect();
    let kept = drawn[..draw.listed as usize].to_vec();
    let parts = (0..).step_by(PART).zip(kept.chunks(PART));
    let parts: Vec<DrawPart> =
        parts.map(|(first, entries)| DrawPart { concert: id, first, entries: entries.to_vec() }).collect();
    let opens_at = stage.now();
    apply(&stage.opened.store, Key::Concert(id), move |records, _| {
        let mut concert = records.concerts.get(&id)?.cloned().ok_or(Stop::Refused("it was just made"))?;
        concert.waiting_room.enabled = true;
        concert.waiting_room.lobby_opens_at = Some(opens_at);
        concert.draw = Some(draw);
        records.concerts.put(id, concert);
        records.draw_parts.add_all(parts.clone());
        Ok(())
    })
    .await;
    json!({
        "concert": id, "lobbyOpensAt": opens_at.micros(), "seed": draw.seed.to_hex(),
        "drawnAt": draw.drawn_at.map(Timestamp::micros), "kept": kept,
    })
}

/// A draw that is to come, one that has not come to its end, and one that is done.
async fn draws(stage: &Stage) -> Value {
    let entries: Vec<EntryId> = (0..5).map(|_| EntryId::new(stage.app.draw_id())).collect();
    let seed =
        |fill: u8| Seed::new(std::array::from_fn(|at| fill.wrapping_mul(u8::try_from(at).unwrap_or(0))));
    let begun = Draw { listed: 3, ..Draw::new(seed(5)) };
    let done = Draw { listed: 5, drawn_at: Some(stage.now()), ..Draw::new(seed(7)) };
    json!({
        "toBeDrawn": concert_with_draw(stage, "To be drawn", Draw::new(seed(3)), &entries).await,
        "beingDrawn": concert_with_draw(stage, "Being drawn", begun, &entries).await,
        "drawn": concert_with_draw(stage, "Drawn", done, &entries).await,
    })
}

/// An operator, and what they left on the audit log: one edit.
async fn operator_at_work(stage: &Stage, concert: ConcertId) -> UserId {
    let (email, name) = ("olga@example.test".to_owned(), "올가".to_owned());
    let new = NewAccount { email, password: PASSWORD.to_owned(), name, role: Role::Operator };
    let olga = stage.app.sign_up(new).await.expect("olga signs up").id;
    let by = By::Staff(Staff::new(olga, Role::Operator, "golden-request"));
    let patch = ConcertPatch { artist: Some("골든 밴드".to_owned()), ..ConcertPatch::default() };
    stage.app.edit_concert(by, concert, patch).await.expect("edited");
    olga
}

/// Holds seats and pays for them.
async fn buy(stage: &Stage, fan: UserId, schedule: ScheduleId, numbers: &[u32]) -> ReservationId {
    let request = HoldRequest { schedule, seats: seats(numbers.iter().copied()) };
    let held = stage.app.hold(fan, request, None).await.expect("held").outcome.0.id;
    let paid = stage.app.pay(fan, held, None).await.expect("paid").outcome;
    assert!(matches!(paid, PayOutcome::Paid(_)));
    held
}

async fn first_ticket(stage: &Stage, reservation: ReservationId) -> TicketId {
    stage.opened.reads.tickets(reservation).await.expect("read").first().expect("a ticket").id
}

/// A performance with a drawing at which everything has happened that happens at a box office and at a door.
async fn a_day_at_the_box_office(stage: &Stage, concert: ConcertId, bob: UserId, olga: UserId) -> Value {
    let drawn = stage.a_schedule().of(concert).seats(6).price(10_000).make().await;
    let drawn = stage.opened.reads.schedule(drawn).await.expect("read").expect("there");
    let row = |until_hours_before, percent| RefundRow { until_hours_before, percent };
    let mut draft = drawn.draft();
    // The first row has passed already.
    draft.refund_policy = RefundPolicy::of(vec![row(1_000, 100), row(24, 70)]);
    let plan = Arc::new(SeatPlan::plain(6, Money::of(10_000)).expect("the plan is sound"));
    let drawing = Some(Arc::new(samples::drawing(6)));
    let new = NewSchedule { concert, draft, plan, drawing };
    let shop = stage.app.create_schedule(By::System, new, None).await.expect("made").outcome;
    let carol = stage.a_fan().named("carol").with_balance(100_000).make().await;
    let refunded = buy(stage, carol, shop, &[1, 2]).await;
    stage.app.cancel(carol, refunded).await.expect("given back");
    let used = buy(stage, carol, shop, &[3]).await;
    let ticket = first_ticket(stage, used).await;
    let scan = Scan { ticket, door: Some(shop), by: olga, at: None };
    stage.app.scan(scan, None).await.expect("admitted");
    let request = SellRequest {
        user: bob,
        schedule: shop,
        seats: seats([4]),
        means: SaleMeans::Cash,
        from_blocked: false,
    };
    let sold = stage.app.sell(By::System, request, None).await.expect("sold").outcome.0.id;
    let selection =
        SeatSelection { seats: Some(vec![(SeatNo::new(5), SeatNo::new(6))]), ..SeatSelection::default() };
    let blocked = stage.app.keep_back(By::System, shop, KeepBack::Block, selection, None, None).await;
    assert_eq!(blocked.expect("kept back").outcome.changed, 2);
    let withdrawn = buy(stage, carol, drawn.id, &[6]).await;
    let reason = "태풍".to_owned();
    stage.app.cancel_schedule(By::System, drawn.id, reason, None).await.expect("called off");
    assert_eq!(stage.app.tick_cancellations().await, Ok(1));
    json!({
        "shop": shop, "shopMap": stage.map(shop).await, "calledOff": drawn.id,
        "carol": carol, "carolBalance": stage.balance(carol).await,
        "refunded": refunded, "used": used, "usedTicket": ticket, "sold": sold, "withdrawn": withdrawn,
    })
}

/// A performance of which the last seat went, and that it was told.
async fn a_sold_out_performance(stage: &Stage, concert: ConcertId) -> ScheduleId {
    let schedule = stage.a_schedule().of(concert).seats(1).price(10_000).make().await;
    let dora = stage.a_fan().named("dora").with_balance(10_000).make().await;
    buy(stage, dora, schedule, &[1]).await;
    assert_eq!(stage.app.tick_sold_out().await, Ok(1));
    schedule
}

/// A performance of which everything is still in the journal: whatever the journal can have is in it.
async fn an_evening_in_the_journal(stage: &Stage, concert: ConcertId, olga: UserId) -> Value {
    let policy = RefundPolicy::of(vec![RefundRow { until_hours_before: 1, percent: 90 }]);
    let late = stage.a_schedule().of(concert).seats(6).price(10_000).refund_policy(policy).make().await;
    let erin = stage.a_fan().named("erin").with_balance(100_000).make().await;
    let late_sold = buy(stage, erin, late, &[1, 2]).await;
    let ticket = first_ticket(stage, late_sold).await;
    let scan = Scan { ticket, door: Some(late), by: olga, at: None };
    stage.app.scan(scan, None).await.expect("admitted");
    let given_back = buy(stage, erin, late, &[3]).await;
    stage.app.cancel(erin, given_back).await.expect("given back");
    let left = hold(stage, erin, late, &[4]).await;
    stage.app.cancel(erin, left).await.expect("left");
    let request = HoldRequest { schedule: late, seats: seats([5]) };
    let late_held = stage.app.hold(erin, request, Stage::tag(erin, "late", "late")).await.expect("held");
    json!({
        "late": late, "lateMap": stage.map(late).await, "erin": erin, "erinBalance": stage.balance(erin).await,
        "lateSold": late_sold, "lateTicket": ticket, "givenBack": given_back, "left": left,
        "lateHeld": late_held.outcome.0.id,
    })
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let target = PathBuf::from(std::env::args().nth(1).expect("the folder of golden files"));
    let work = tempfile::tempdir().expect("a folder");
    let folder = Folder(work.path().to_owned());
    let stage = Stage::open(&folder);
    let concert = stage.a_concert().titled("골든 콘서트 — ‘quotes’, \u{1F3B5}").make().await;
    let schedule = stage.a_schedule().of(concert).seats(10).price(10_000).hold_seconds(300).make().await;
    let with_room = concert_with_room(&stage).await;
    let sixth = draws(&stage).await;
    let alice = stage.a_fan().named("alice").with_balance(100_000).make().await;
    let bob = stage.a_fan().named("bob").with_balance(50_000).make().await;
    let poor = stage.a_fan().named("poor").make().await;
    stage.app.log_in("alice@example.test", PASSWORD.to_owned()).await.expect("alice logs in");
    let identity = ExternalIdentity {
        issuer: "https://issuer.example".to_owned(),
        subject: "subject".to_owned(),
        name: Some("외부 팬".to_owned()),
        role: Role::Fan,
    };
    let stranger = stage.app.meet(&identity).await.expect("met");

    let expired = hold(&stage, stranger, schedule, &[4]).await;
    stage.clock.advance(301);
    stage.app.tick_expiry().await.expect("expired");
    let confirmed = hold(&stage, alice, schedule, &[1, 2]).await;
    let paid = stage.app.pay(alice, confirmed, Stage::tag(alice, "pay", "pay")).await.expect("paid").outcome;
    assert!(matches!(paid, PayOutcome::Paid(_)));
    let pending = hold(&stage, bob, schedule, &[3]).await;
    stage.app.extend(bob, pending, Stage::tag(bob, "extend", "extend")).await.expect("extended");
    let cancelled = hold(&stage, poor, schedule, &[5]).await;
    stage.app.cancel(poor, cancelled).await.expect("cancelled");
    let request = HoldRequest { schedule, seats: seats([6, 7]) };
    let declined = stage.app.hold(poor, request, None).await.expect("held").outcome.0.id;
    let outcome = stage.app.pay(poor, declined, None).await.expect("decided").outcome;
    assert!(matches!(outcome, PayOutcome::Declined { .. }));
    let olga = operator_at_work(&stage, concert).await;
    let in_line = hold_in_line(&stage, alice, schedule, 9).await;
    stage.app.pay(alice, in_line.id, None).await.expect("paid");
    let third = a_day_at_the_box_office(&stage, concert, bob, olga).await;
    let sold_out = a_sold_out_performance(&stage, concert).await;
    stage.assert_clean().await;
    let fifth = an_evening_in_the_journal(&stage, concert, olga).await;

    let mut facts = json!({
        "nowMicros": stage.now().micros(),
        "concert": concert, "schedule": schedule, "map": stage.map(schedule).await,
        "alice": alice, "aliceBalance": stage.balance(alice).await,
        "confirmed": confirmed, "pending": pending, "cancelled": cancelled, "expired": expired,
        "bob": bob, "stranger": stranger,
        "withRoom": with_room.id, "notice": with_room.controls.notice,
        "inLine": in_line.id, "entry": in_line.entry, "olga": olga, "soldOut": sold_out,
    });
    for more in [third, fifth, sixth] {
        if let (Some(facts), Value::Object(more)) = (facts.as_object_mut(), more) {
            facts.extend(more);
        }
    }
    drop(stage);
    // SQLite's own log goes into the one file; the journal stays.
    let file = Connection::open(work.path().join(FILE_NAME)).expect("it opens");
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("folded");
    let rows: u32 = file.query_row("SELECT count(*) FROM journal", [], |row| row.get(0)).expect("counted");
    assert!(rows > 10, "{rows} rows in the journal");
    drop(file);
    let name = format!("schema-{SCHEMA_VERSION}");
    std::fs::copy(work.path().join(FILE_NAME), target.join(format!("{name}.sqlite"))).expect("copied");
    let text = serde_json::to_string_pretty(&facts).expect("facts");
    std::fs::write(target.join(format!("{name}.json")), text + "\n").expect("written");
}
