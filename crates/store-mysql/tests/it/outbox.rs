//! Events that are committed late are not passed by.

use std::sync::Arc;

use frontrow_application::store::{OutboxReads, Store};
use frontrow_domain::EntryId;
use frontrow_domain::records::Keys;
use frontrow_domain::reservation::Reservation;
use frontrow_store_mysql::MysqlStore;
use frontrow_testkit::store::apply;
use frontrow_testkit::{ManualClock, bounded, samples};
use sqlx::{Connection as _, MySqlConnection};

use crate::database::Database;

fn held(number: u64) -> Reservation {
    Reservation { entry: Some(samples::entry_id(number)), ..samples::reservation(number, number, &[1]) }
}

async fn pay(store: &Arc<dyn Store>, number: u64) {
    apply(store, Keys::default(), move |records, _| {
        records.events.add(samples::payment_made(number, &held(number)));
        Ok(())
    })
    .await;
}

async fn entries(reads: &dyn OutboxReads, after: u64) -> (Vec<Option<EntryId>>, u64) {
    let ends = reads.session_ends(after, 10).await.expect("read");
    let last = ends.last().map_or(after, |end| end.position);
    (ends.into_iter().map(|end| end.event.entry_id).collect(), last)
}

/// A transaction that has written its event first and commits last: a reader who has come past its number by then gets
/// it all the same.
#[test]
fn an_event_that_is_committed_late_is_not_missed() {
    bounded(async {
        let database = Database::new();
        let store = database.open(Arc::new(ManualClock::default()));
        let reads = store.reads();
        let store: Arc<dyn Store> = store;
        pay(&store, 1).await;
        let (found, last) = entries(&reads, 0).await;
        assert_eq!(found, [held(1).entry]);
        // The late one takes a number, as another instance would that hangs.
        let event = samples::payment_made(2, &held(2));
        let body = serde_json::to_string(&event.event).expect("an event can be written");
        let mut late = MySqlConnection::connect(&database.url()).await.expect("connected");
        sqlx::raw_sql("START TRANSACTION").execute(&mut late).await.expect("begun");
        let insert = "INSERT INTO outbox (event_key, sequence, at, body, partition_no, queue_entry, ends_session) \
                      VALUES (?, 1, 1, ?, 0, ?, 1)";
        let entry = samples::entry_id(2);
        let query = sqlx::query(insert).bind(&event.key.as_bytes()[..]).bind(body).bind(&entry.bytes()[..]);
        query.execute(&mut late).await.expect("written");
        pay(&store, 3).await;
        let (found, last) = entries(&reads, last).await;
        assert_eq!(found, [held(3).entry], "nobody waits for the late one");
        sqlx::raw_sql("COMMIT").execute(&mut late).await.expect("committed");
        let (found, last) = entries(&reads, last).await;
        assert_eq!(found, [held(2).entry], "the late one comes after");
        assert_eq!(entries(&reads, last).await, (Vec::new(), last));
        assert_eq!(entries(&reads, 0).await.0, [held(1).entry, held(3).entry, held(2).entry]);
    });
}

/// Instances that ask at the same time give no position twice and leave none out.
#[test]
fn instances_that_ask_at_once_agree() {
    bounded(async {
        let database = Database::new();
        let stores = [(); 4].map(|()| database.open(Arc::new(ManualClock::default())));
        let writers: Vec<_> = (0_u64..)
            .zip(&stores)
            .map(|(writer, store)| {
                let store: Arc<dyn Store> = Arc::<MysqlStore>::clone(store);
                tokio::spawn(async move {
                    for number in 0..25 {
                        pay(&store, writer * 100 + number + 1).await;
                    }
                })
            })
            .collect();
        let readers: Vec<_> = stores
            .iter()
            .map(|store| {
                let reads = store.reads();
                tokio::spawn(async move {
                    let (mut found, mut after) = (Vec::new(), 0);
                    while found.len() < 100 {
                        let (more, last) = entries(&reads, after).await;
                        after = last;
                        found.extend(more);
                        tokio::task::yield_now().await;
                    }
                    found
                })
            })
            .collect();
        for writer in writers {
            writer.await.expect("no panic");
        }
        let mut all = Vec::new();
        for reader in readers {
            all.push(reader.await.expect("no panic"));
        }
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "readers have seen different orders");
        let mut distinct = all[0].clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 100);
    });
}
