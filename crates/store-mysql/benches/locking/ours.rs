//! The box office on this store.

use std::sync::Arc;
use std::time::Duration;

use frontrow_application::OnceTag;
use frontrow_application::reservation::HoldRequest;
use frontrow_domain::UserId;
use frontrow_store_mysql::{MysqlStore, Options};
use frontrow_testkit::stage::seats;
use frontrow_testkit::{ManualClock, Opened, Stage};
use sqlx::{Connection as _, MySqlConnection, Row as _};

use crate::{CONNECTIONS, Wanted, rush};

/// Seats of every schedule: the most that anybody asks for.
const SEATS: u32 = 5_000;

/// An application in this process.
pub(crate) struct Ours {
    stage: Stage,
    url: String,
}

impl Ours {
    pub(crate) async fn open(url: &str) -> Self {
        let clock = ManualClock::default();
        let options = Options { writers: CONNECTIONS as usize, ..Options::new(url, Arc::new(clock.clone())) };
        let store = MysqlStore::open(options).await.expect("the store opens");
        let upkeep = Arc::<MysqlStore>::clone(&store);
        let opened = Opened { reads: Arc::new(store.reads()), upkeep, store };
        let workers = CONNECTIONS as usize;
        let stage = Stage::over(opened, clock, |settings| settings.box_office.workers = workers);
        Self { stage, url: url.to_owned() }
    }

    pub(crate) async fn run(&self, wanted: Wanted, users: u32) -> Duration {
        let schedule = self.stage.a_schedule().seats(SEATS).make().await;
        // The map of a sale that has begun is in memory.
        self.stage.map(schedule).await;
        let (winners, took) = rush(users, |user| {
            let app = Arc::clone(&self.stage.app);
            async move {
                let fan = UserId::new(app.draw_id());
                let request = HoldRequest { schedule, seats: seats([wanted.seat(user)]) };
                let tag = OnceTag::new(fan, "key", &[&user.to_le_bytes()]);
                app.hold(fan, request, Some(tag)).await.is_ok()
            }
        })
        .await;
        let expected = wanted.winners(users);
        assert_eq!(winners, expected, "winners of {wanted:?} with {users} users");
        let mut connection = MySqlConnection::connect(&self.url).await.expect("the database");
        for (what, sql) in [
            ("claims", "SELECT COUNT(*) FROM claim WHERE schedule_id = ?"),
            ("reservations", "SELECT COUNT(*) FROM reservation WHERE schedule_id = ?"),
            (
                "events",
                "SELECT COUNT(*) FROM reservation JOIN outbox ON event_key = reservation_id WHERE schedule_id = ?",
            ),
        ] {
            let row =
                sqlx::query(sql).bind(schedule.get()).fetch_one(&mut connection).await.expect("counted");
            assert_eq!(row.get::<i64, _>(0), i64::from(expected), "{what} of {wanted:?} with {users} users");
        }
        connection.close().await.expect("closed");
        took
    }
}
