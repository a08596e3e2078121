//! Opening databases of all kinds.

use std::sync::Arc;

use frontrow_application::store::CatalogReads;
use frontrow_store_mysql::{MysqlReads, MysqlStore, OpenError, Options, SCHEMA_VERSION};
use frontrow_testkit::{ManualClock, bounded};

use crate::database::Database;

fn options(database: &Database) -> Options {
    Options::new(&database.url(), Arc::new(ManualClock::default()))
}

#[test]
fn instances_that_start_at_once_make_one_store() {
    bounded(async {
        let database = Database::new();
        let starts: Vec<_> = (0..6).map(|_| tokio::spawn(MysqlStore::open(options(&database)))).collect();
        let mut epochs = Vec::new();
        for start in starts {
            let store = start.await.expect("no panic").expect("it opens");
            epochs.push(store.reads().epoch().await.expect("read"));
        }
        epochs.dedup();
        assert_eq!(epochs.len(), 1, "one history");
    });
}

/// A start that ended half way is gone on with.
#[test]
fn half_a_migration_is_finished() {
    bounded(async {
        let database = Database::new();
        drop(MysqlStore::open(options(&database)).await.expect("it opens"));
        database.client("UPDATE meta SET schema_version = 0").await.expect("doctored");
        database.client("DROP TABLE audit_log").await.expect("doctored");
        let read_only = MysqlReads::open(options(&database)).await.err();
        assert!(matches!(read_only, Some(OpenError::NoStore { .. })), "{read_only:?}");
        drop(MysqlStore::open(options(&database)).await.expect("it opens"));
        assert_eq!(crate::commits::count(&database, "audit_log").await, 0);
    });
}

#[test]
fn what_is_newer_foreign_or_empty_is_refused() {
    bounded(async {
        let database = Database::new();
        let empty = MysqlReads::open(options(&database)).await.err();
        assert!(matches!(empty, Some(OpenError::NoStore { .. })), "{empty:?}");
        drop(MysqlStore::open(options(&database)).await.expect("it opens"));
        MysqlReads::open(options(&database)).await.expect("it can be read");
        database.client("UPDATE meta SET schema_version = 99").await.expect("doctored");
        let newer = MysqlStore::open(options(&database)).await.err();
        assert!(
            matches!(newer, Some(OpenError::Newer { found: 99, known: SCHEMA_VERSION, .. })),
            "{newer:?}"
        );
        let foreign = Database::new();
        foreign.client("CREATE TABLE other (id BIGINT)").await.expect("made");
        let refused = MysqlStore::open(options(&foreign)).await.err();
        assert!(matches!(refused, Some(OpenError::Foreign { .. })), "{refused:?}");
        let nowhere = Options::new("mysql://root@127.0.0.1:1/x", Arc::new(ManualClock::default()));
        let refused = MysqlStore::open(nowhere).await.err();
        assert!(matches!(refused, Some(OpenError::Database(_))), "{refused:?}");
        let nameless = Options::new("mysql://root@127.0.0.1:3306", Arc::new(ManualClock::default()));
        let refused = MysqlStore::open(nameless).await.err();
        assert!(matches!(refused, Some(OpenError::Address(_))), "{refused:?}");
    });
}
