//! What becomes of a group whose connection is lost, also in the commit itself.

use std::sync::Arc;

use frontrow_application::store::{Store, StoreError};
use frontrow_application::{Failure, Group, Stop};
use frontrow_domain::SeatNo;
use frontrow_domain::records::{Key, Keys};
use frontrow_domain::reservation::claim_seats;
use frontrow_store_mysql::{MysqlStore, Options};
use frontrow_testkit::store::{Raw, apply, commit, transact};
use frontrow_testkit::{ManualClock, bounded, samples};

use crate::database::{Database, wait_for};
use crate::proxy::{Accident, Proxy};

/// Puts in a concert and a schedule with so many seats.
pub(crate) async fn a_sale(store: &Arc<dyn Store>, seats: u32) {
    apply(store, Keys::default(), move |records, _| {
        records.concerts.put_new(samples::CONCERT, samples::concert(1, "Spring Day"));
        records.schedules.put_new(samples::SCHEDULE, samples::schedule(1, samples::CONCERT, seats));
        Ok(())
    })
    .await;
}

/// Holds seats as the rules do, and tells of it.
pub(crate) fn hold(number: u64, seats: &[u32]) -> Raw<()> {
    let reservation = samples::reservation(number, number, seats);
    let keys =
        Keys::new([Key::Schedule(samples::SCHEDULE)]).and(Key::claims(samples::SCHEDULE, &reservation.seats));
    Raw::new(keys, move |records, now| {
        let claim = samples::claim(&reservation);
        match claim_seats(records, samples::SCHEDULE, &reservation.seats, claim, now)? {
            Ok(()) => {
                records.add_reservation(reservation.clone());
                records.events.add(samples::event(number, 1));
                Ok(())
            }
            Err(_) => Err(Stop::Refused("taken")),
        }
    })
}

/// How many rows a table has.
pub(crate) async fn count(database: &Database, table: &str) -> i64 {
    use sqlx::Row as _;
    let rows = database.client(&format!("SELECT COUNT(*) FROM {table}")).await.expect("it can be counted");
    rows[0].get(0)
}

/// A store behind a network that loses connections.
async fn behind_a_proxy(database: &Database) -> (Arc<dyn Store>, Proxy) {
    let proxy = Proxy::start().await;
    let options = Options::new(&database.url_by(proxy.port), Arc::new(ManualClock::default()));
    let store: Arc<MysqlStore> = wait_for(MysqlStore::open(options)).expect("the store opens");
    let store: Arc<dyn Store> = store;
    a_sale(&store, 5).await;
    (store, proxy)
}

#[test]
fn a_commit_whose_answer_is_lost_has_happened_once() {
    bounded(async {
        let database = Database::new();
        let (store, proxy) = behind_a_proxy(&database).await;
        proxy.arm(Accident::AnswerLost);
        assert_eq!(commit(&store, hold(1, &[1])).await, Ok(Ok(())), "it is in, and that can be found out");
        assert!(!proxy.is_armed(), "nothing was lost");
        for table in ["claim", "reservation", "outbox"] {
            assert_eq!(count(&database, table).await, 1, "{table}");
        }
    });
}

#[test]
fn a_commit_that_never_came_is_repeated() {
    for accident in [Accident::CommitLost, Accident::ClientVanished] {
        bounded(async move {
            let database = Database::new();
            let (store, proxy) = behind_a_proxy(&database).await;
            proxy.arm(accident);
            assert_eq!(commit(&store, hold(1, &[1])).await, Err(StoreError::Busy), "{accident:?}");
            assert!(!proxy.is_armed(), "nothing was lost");
            assert_eq!(count(&database, "claim").await, 0, "{accident:?}");
            assert_eq!(commit(&store, hold(1, &[1])).await, Ok(Ok(())), "{accident:?}");
            assert_eq!(count(&database, "outbox").await, 1, "{accident:?}");
        });
    }
}

/// Connections are killed all the time, at any moment. Whoever is told that his group is in finds it there, and whoever
/// is told to try again finds that it was not: otherwise the seat would be taken, by himself.
#[test]
fn killed_connections_lose_and_repeat_nothing() {
    const HOLDS: u32 = 150;
    bounded(async {
        let database = Arc::new(Database::new());
        let clock = Arc::new(ManualClock::default());
        let store: Arc<dyn Store> = database.open(clock);
        a_sale(&store, HOLDS).await;
        let is_over = Arc::new(tokio::sync::Notify::new());
        let killer = tokio::spawn(kill_all(Arc::clone(&database), Arc::clone(&is_over)));
        let mut repeated = 0;
        for number in 1..=HOLDS {
            let (mut group, answer) = Group::of(hold(number.into(), &[number]));
            loop {
                let (same, result) = transact(&store, group).await;
                group = same;
                match result {
                    Ok(_) => break,
                    Err(StoreError::Busy | StoreError::Unavailable(_)) => repeated += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            group.answer();
            let answer: Result<(), Failure<&str>> = answer.await.expect("answered");
            assert_eq!(answer, Ok(()), "hold {number}");
        }
        is_over.notify_one();
        let kills = killer.await.expect("the killer does not panic");
        assert!(kills > 0 && repeated > 0, "nobody was disturbed: {kills} killed, {repeated} repeated");
        for table in ["claim", "reservation", "outbox"] {
            assert_eq!(count(&database, table).await, i64::from(HOLDS), "{table}");
        }
        let map = database.open(Arc::new(ManualClock::default())).reads();
        let map = frontrow_application::store::CatalogReads::seat_map(&map, samples::SCHEDULE).await;
        let map = map.expect("read").expect("there");
        assert_eq!(map.schedule.version, u64::from(HOLDS) + 1, "one version a hold");
        assert_eq!(map.taken.last().map(|(seat, _)| *seat), Some(SeatNo::new(HOLDS)));
    });
}

/// Kills every connection to the database, again and again. Answers how many.
async fn kill_all(database: Arc<Database>, is_over: Arc<tokio::sync::Notify>) -> u32 {
    use sqlx::Row as _;
    let mut killed = 0;
    let over = is_over.notified();
    tokio::pin!(over);
    loop {
        let sql = "SELECT id FROM information_schema.processlist \
                   WHERE db = DATABASE() AND id <> CONNECTION_ID()";
        for row in database.client(sql).await.expect("the list can be read") {
            let id: i64 = row.get_unchecked(0);
            // It may have ended by itself.
            killed += u32::from(database.client(&format!("KILL {id}")).await.is_ok());
        }
        tokio::select! {
            () = &mut over => return killed,
            () = tokio::time::sleep(std::time::Duration::from_millis(7)) => {}
        }
    }
}
