//! A sale that has outgrown its machine: copied from files to a shared store, where it goes on.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_application::copy::{CopyTarget as _, copy};
use frontrow_application::events::{
    Attempt, DeadLetter, Delivery, LoggedEvent, Parked, Partitions, Webhook, WebhookSecret, WebhookStatus,
    share_out,
};
use frontrow_application::store::{ConcertFilter, Reads, ReservationFilter, StaffFilter};
use frontrow_domain::Timestamp;
use frontrow_store_mysql::{MysqlImport, MysqlReads, Options as MysqlOptions};
use frontrow_store_sqlite::{FILE_NAME, Options, SCHEMA_VERSION, SqliteDelivery, SqliteExport, SqliteStore};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::client::{Person, http, on_sale, on_sale_in_line, states};
use crate::cluster::{Cluster, until};
use crate::keys::Fan;
use crate::sale::audit;
use crate::server::{Server, frontrow};

fn copied(folder: &Path, more: &[&str]) -> Output {
    let from = format!("sqlite:{}", folder.display());
    frontrow(folder).args(["copy", "--from", &from]).args(more).output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn refused(folder: &Path, more: &[&str]) -> String {
    let output = copied(folder, more);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(output.stdout.is_empty(), "{}", said(&output));
    said(&output)
}

/// A cluster without servers on an empty database, and the database's address.
async fn empty(own: &[(&str, &str)]) -> (Cluster, String) {
    let cluster = Cluster::start_with(0, own).await;
    let url = cluster.settings.iter().find(|(key, _)| key == "FRONTROW__STORE__URL").expect("an address");
    let url = url.1.clone();
    (cluster, url)
}

async fn bought(fan: &Person, schedule: u64, seats: &[u32]) -> (String, Vec<String>) {
    let held = fan.hold(&format!("hold {seats:?}"), schedule, seats).await.expect(201);
    let id = held["reservationId"].as_str().expect("an id").to_owned();
    let paid = fan.pay(&format!("pay {seats:?}"), &id).await.expect(201);
    let tickets = paid["tickets"].as_array().expect("tickets");
    (id, tickets.iter().map(|ticket| ticket["code"].as_str().expect("a code").to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_copied_and_goes_on() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Server::start(folder.path(), &[]);
    let client = http();
    let account = Fan::of(&server).await;
    let operator = Person::new(&server, &client, "operator", "operator");
    let gate = Person::new(&server, &client, "gate", "gate");
    let (fan, other) =
        (Person::new(&server, &client, "fan", "fan"), Person::new(&server, &client, "other", "fan"));
    let sale = on_sale(&operator, 20, 1_000, 300).await;
    let line = on_sale_in_line(&operator, "Line", 5, json!({"enabled": true, "maxActive": 0})).await;
    fan.charge(10_000).await.expect(200);
    let (_, codes) = bought(&fan, sale.1, &[1, 2]).await;
    gate.post("/gate/scan", "in", json!({ "code": codes[0] })).await.expect(200);
    let (refunded, _) = bought(&fan, sale.1, &[3]).await;
    let back = json!({"percent": 50, "reason": "ill"});
    operator.post(&format!("/admin/reservations/{refunded}/refund"), "back", back).await.expect(200);
    let pending = fan.hold("pending", sale.1, &[4, 5]).await.expect(201);
    let pending_id = pending["reservationId"].as_str().expect("an id").to_owned();
    let poor = other.hold("poor", sale.1, &[6]).await.expect(201);
    let unpaid = other.pay("pay poor", poor["reservationId"].as_str().expect("an id")).await;
    assert_eq!(unpaid.code(), "insufficient_balance");
    let cancelled = other.hold("cancelled", sale.1, &[7]).await.expect(201);
    let path = format!("/reservations/{}", cancelled["reservationId"].as_str().expect("an id"));
    other.try_ask(Method::DELETE, &path, None, None).await.expect("an answer").expect(200);
    let blocked = format!("/admin/schedules/{}/seats/block", sale.1);
    operator.post(&blocked, "block", json!({"seats": [19, 20], "reason": "press"})).await.expect(200);
    let mut waiting = Person::new(&server, &client, "waiting", "fan");
    waiting.join(line.0).await.expect("an answer").expect(201);
    let map = states(&operator, sale).await;
    assert_eq!(map, "ssahhhaaaaaaaaaaaabb");
    let log = operator.get("/admin/audit-log").await;

    let keys = folder.path().join("keys.json");
    let own = [
        ("FRONTROW__AUTH__KEYS_FILE", keys.to_str().expect("a path")),
        ("FRONTROW__AUTH__SIGNING_SECRET", ""),
        ("FRONTROW__AUTH__TICKET_KEY", ""),
    ];
    let (mut cluster, url) = empty(&own).await;
    let to = ["--to", url.as_str()];
    assert!(refused(folder.path(), &to).contains("in use by another frontrow process"));
    server.stop();
    let figures = audit(folder.path());
    let told = refused(folder.path(), &to);
    assert!(told.contains("1 at concert") && told.contains("--without-lines"), "{told}");
    let done = copied(folder.path(), &["--to", &url, "--without-lines"]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("both sides have the same figures"), "{}", said(&done));
    assert!(String::from_utf8_lossy(&done.stderr).contains("reservation: 5 of 5"), "{}", said(&done));
    assert!(refused(folder.path(), &["--to", &url, "--without-lines"]).contains("is not empty"));

    cluster.add();
    let shared = &cluster.servers[0].0;
    let [operator, gate, fan, mut waiting] =
        [&operator, &gate, &fan, &waiting].map(|person| person.at(shared));
    assert_eq!(cluster.audit(), figures);
    assert_eq!(states(&operator, sale).await, map);
    assert_eq!(operator.get("/admin/audit-log").await.body, log.body);
    assert_eq!(account.status(shared).await, 200, "the log-in goes on");
    assert!(account.renewed(shared).await.is_ok());
    let again = fan.hold("pending", sale.1, &[4, 5]).await;
    assert!(again.replayed, "a key is still known");
    assert_eq!(again.expect(201)["reservationId"], pending["reservationId"]);
    let paid = fan.pay("late", &pending_id).await.expect(201);
    assert_eq!(paid["status"], "completed", "with what was in the wallet");
    let used = gate.post("/gate/scan", "again", json!({ "code": codes[0] })).await;
    assert_eq!(used.code(), "ticket_already_used");
    gate.post("/gate/scan", "second", json!({ "code": codes[1] })).await.expect(200);
    // New numbers go on from the old ones.
    let next = on_sale_in_line(&operator, "Next", 3, json!({"enabled": false})).await;
    assert!(next.0 > line.0 && next.1 > line.1, "{next:?} after {line:?}");
    bought(&fan, next.1, &[1]).await;
    bought(&fan, sale.1, &[8]).await;
    assert_eq!(
        waiting.get("/queues/status").await.expect(200)["state"],
        "expired",
        "its place stayed behind"
    );
    until("the line is open", || {
        let mut waiting = waiting.clone();
        async move { waiting.join(line.0).await.expect("an answer").status.is_success() }
    })
    .await;
    assert_eq!(waiting.join(line.0).await.expect("an answer").expect(200)["state"], "waiting");
    cluster.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_copied_is_told_and_nothing_is_changed() {
    let folder = tempfile::tempdir().expect("folder");
    let (_cluster, url) = empty(&[]).await;
    let to = ["--to", url.as_str()];
    assert!(refused(folder.path(), &to).contains("there is no Frontrow store"));
    assert!(std::fs::read_dir(folder.path()).expect("a folder").next().is_none(), "nothing was made");
    Server::start(folder.path(), &[]).stop();
    let itself = format!("sqlite:{}", folder.path().display());
    assert!(refused(folder.path(), &["--to", &itself]).contains("copy its data folder instead"));
    assert!(refused(folder.path(), &["--to", "postgres://u:hidden@db/x"]).contains("mysql://"));
    assert!(refused(folder.path(), &[]).contains("--to mysql://"));
    let mysql =
        frontrow(folder.path()).args(["copy", "--from", &url, "--to", &url]).output().expect("it runs");
    assert!(said(&mysql).contains("--from has to be sqlite:FOLDER"), "{}", said(&mysql));
    assert!(refused(folder.path(), &["--to", "mysql://root@127.0.0.1:1/x"]).contains("--to"));
    // A store of an older version, and one of a newer.
    let version = |version: u32| {
        let file = rusqlite::Connection::open(folder.path().join(FILE_NAME)).expect("the file");
        file.pragma_update(None, "user_version", version).expect("doctored");
    };
    version(1);
    assert!(refused(folder.path(), &to).contains("must be migrated"));
    version(99);
    assert!(refused(folder.path(), &to).contains("newer frontrow"));
    version(SCHEMA_VERSION);
    let done = copied(folder.path(), &to);
    assert!(done.status.success(), "an empty sale is one: {}", said(&done));
}

/// A store in files with something of everything.
fn golden() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../store-sqlite/tests/golden/schema-6.sqlite");
    std::fs::copy(golden, folder.path().join(FILE_NAME)).expect("the golden file");
    // Brings it to the schema of this version.
    SqliteStore::open(Options::new(folder.path(), clock())).expect("it opens").close();
    folder
}

/// An hour after everything in the golden file.
fn clock() -> Arc<dyn Clock> {
    struct Then;
    impl Clock for Then {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(1_788_264_000_000_000)
        }
    }
    Arc::new(Then)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_answers_the_same_of_the_copy() {
    let folder = golden();
    let delivery = SqliteDelivery::open(folder.path()).expect("a file");
    on_their_way(&delivery).await;
    let of_source = of_deliveries(&delivery).await;
    let (_cluster, url) = empty(&[]).await;
    let source = SqliteExport::open(folder.path()).expect("the source");
    let options = MysqlOptions::new(&url, clock());
    let target = MysqlImport::open(&options).await.expect("the target");
    let rows = copy(&*source, &*target, &|_| {}).await.expect("copied");
    assert!(rows > 100, "{rows} rows");
    // Until it is finished nobody reads it as a store.
    assert!(MysqlReads::open(options.clone()).await.err().expect("refused").to_string().contains("copy"));
    target.finish().await.expect("finished");
    let copy = MysqlReads::open(options).await.expect("a store");
    let source = source.reads(clock()).expect("a store");
    let (here, there) = (told(&source).await, told(&copy).await);
    assert!(here.len() > 60, "{} answers", here.len());
    for (here, there) in here.iter().zip(&there) {
        assert_eq!(here, there);
    }
    assert_eq!(here.len(), there.len());
    assert_eq!(of_deliveries(&copy.delivery()).await, of_source);
    let epochs = (source_epoch(&source).await, source_epoch(&copy).await);
    assert_ne!(epochs.0, epochs.1, "what a cache has of the source is nothing here");
}

async fn source_epoch(reads: &dyn Reads) -> u64 {
    reads.epoch().await.expect("read")
}

fn event(number: u64) -> LoggedEvent {
    let at = clock().now();
    let key = Uuid::from_u128(u128::from(number));
    LoggedEvent {
        position: number, key, sequence: 1, at, body: r#"{"type":"x","data":{"봄":1}}"#.to_owned()
    }
}

/// A consumer that has come to some place, with events that it could not deal with, and a webhook with its tries.
async fn on_their_way(delivery: &dyn Delivery) {
    let (now, owner, consumer) = (clock().now(), Uuid::from_u128(9), || "broker".to_owned());
    let rule = Box::new(move |leases: &mut [_]| share_out(leases, owner, now));
    delivery.share(consumer(), 2, 3, now, rule).await.expect("shared");
    assert!(delivery.advance(consumer(), owner, vec![(1, 7)]).await.expect("moved").is_empty());
    let reason = "no answer".to_owned();
    let parked = Parked {
        event: event(8),
        tries: 2,
        since: now,
        next_at: now.plus_seconds(5),
        reason: reason.clone(),
    };
    delivery.park(consumer(), vec![parked]).await.expect("parked");
    let id = Uuid::from_u128(1);
    let letter = DeadLetter { id, consumer: consumer(), event: event(4), tries: 9, reason, at: now };
    delivery.bury(vec![letter]).await.expect("buried");
    let webhook = Webhook {
        id,
        url: "https://shop.example/events".to_owned(),
        description: "봄".to_owned(),
        types: vec!["payment.completed".to_owned()],
        secret: WebhookSecret(vec![0, 255, 7]),
        status: WebhookStatus::Off,
        created_at: now,
        version: 1,
    };
    delivery.add_webhook(webhook).await.expect("added");
    let attempt = Attempt {
        id,
        webhook: id,
        event_id: "x/1".to_owned(),
        event_type: "payment.completed".to_owned(),
        at: now,
        try_no: 1,
        took_ms: 12,
        http_status: Some(503),
        reason: "busy".to_owned(),
    };
    delivery.note_attempts(vec![attempt]).await.expect("noted");
}

/// What is kept of events on their way.
async fn of_deliveries(delivery: &dyn Delivery) -> Vec<String> {
    let (later, consumer) = (clock().now().plus_seconds(60), || "broker".to_owned());
    let nothing = Box::new(|_: &mut [_]| {});
    let leases = delivery.share(consumer(), 2, 0, clock().now(), nothing).await.expect("read");
    assert_eq!((leases.len(), leases[1].position), (2, 7), "a mark is where it was");
    let webhooks = delivery.webhooks().await.expect("read");
    assert_eq!(webhooks[0].secret.0, [0, 255, 7], "what messages are signed with");
    vec![
        format!("{leases:?}"),
        format!("{webhooks:?}"),
        format!("{:?}", delivery.attempts(webhooks[0].id, None, 10).await.expect("read")),
        format!("{:?}", delivery.dead_letters(None, 10).await.expect("read")),
        format!("{:?}", delivery.due(consumer(), later, 10).await.expect("read")),
        format!("{:?}", delivery.marks().await.expect("read")),
    ]
}

/// What every query answers, about everything that there is.
async fn told(reads: &dyn Reads) -> Vec<String> {
    let now = clock().now();
    let mut told = Vec::new();
    macro_rules! tell {
        ($($query:expr),+ $(,)?) => {
            $(told.push(format!("{} = {:?}", stringify!($query), $query.await.expect("an answer")));)+
        };
    }
    tell!(
        reads.accounts(None, None, 100),
        reads.accounts_changed(Timestamp::ZERO),
        reads.has_no_accounts(),
        reads.cancelled_schedules(),
        reads.concerts_with_rooms(),
        reads.taken_by_schedule(),
        reads.best_selling(None, 100),
        reads.session_ends(0, 100),
        reads.events(0, Partitions::ALL, 1_000),
        reads.log_end(),
        reads.staff_actions(None, 100),
        reads.lapsed(now, 100),
        reads.audit_wallets(None, 100),
        reads.audit_reservations(None, 100),
        reads.audit_draw(None),
        reads.reservations(StaffFilter::default(), None, 100, now),
    );
    for account in reads.accounts(None, None, 100).await.expect("accounts") {
        let user = account.id;
        if let Some(email) = &account.email {
            tell!(reads.account_by_email(email));
        }
        tell!(
            reads.account(user),
            reads.wallet(user),
            reads.entries(user, None, 100),
            reads.payments_of(user, None, 100),
            reads.reservations_of(user, ReservationFilter::default(), None, 100, now),
        );
    }
    for (concert, schedules) in reads.concerts(ConcertFilter::default(), None, 100).await.expect("concerts") {
        tell!(reads.concert(concert.id), reads.schedules_of(concert.id), reads.draw_part(concert.id, 0));
        for schedule in schedules {
            let id = schedule.id;
            tell!(
                reads.seat_map(id),
                reads.seats_since(id, 0),
                reads.seats_since(id, schedule.version - 1),
                reads.drawing(id, schedule.plan_version),
                reads.takings(id),
                reads.sales_by_minute(id, Timestamp::ZERO),
                reads.last_sale(id),
                reads.admissions(id),
                reads.live_in(id, None, 100),
            );
        }
    }
    for reservation in reads.reservations(StaffFilter::default(), None, 100, now).await.expect("reservations")
    {
        tell!(reads.tickets(reservation.id), reads.has_pending(reservation.user, reservation.concert, now));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_interrupted_keeps_servers_out_and_starts_anew() {
    let folder = golden();
    let (cluster, url) = empty(&[]).await;
    let source = SqliteExport::open(folder.path()).expect("the source");
    let options = MysqlOptions::new(&url, clock());
    let target = MysqlImport::open(&options).await.expect("the target");
    copy(&*source, &*target, &|_| {}).await.expect("copied");
    let second = MysqlImport::open(&options).await.err().expect("one at a time");
    assert!(second.to_string().contains("being filled"), "{second}");
    // Gone before its end.
    drop((target, source));
    let settings = cluster.settings.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let empty = tempfile::tempdir().expect("folder");
    let server = frontrow(empty.path()).args(["serve", "--listen", "127.0.0.1:0"]).envs(settings).output();
    let server = server.expect("it runs");
    assert_eq!(server.status.code(), Some(2));
    assert!(said(&server).contains("run the same copy again"), "{}", said(&server));
    until("the first has let go", || async {
        let done = copied(folder.path(), &["--to", &url]);
        assert!(done.status.success() || said(&done).contains("being filled"), "{}", said(&done));
        done.status.success()
    })
    .await;
}
