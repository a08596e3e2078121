//! Opening databases of all kinds.

use std::collections::BTreeSet;
use std::sync::Arc;

use frontrow_application::copy::{ONCE, TABLES, Table};
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

/// What is not copied is this store's own.
#[test]
fn every_table_and_column_of_the_schema_is_copied_or_made_anew() {
    bounded(async {
        use sqlx::Row as _;
        let database = Database::new();
        drop(MysqlStore::open(options(&database)).await.expect("it opens"));
        let sql = "SELECT CAST(CONCAT(table_name, '.', column_name) AS CHAR) FROM information_schema.columns \
                   WHERE table_schema = DATABASE()";
        let rows = database.client(sql).await.expect("columns");
        let there: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
        let of = |table: &Table| {
            let name = table.name;
            table.columns.iter().map(move |column| format!("{name}.{column}"))
        };
        let copied: BTreeSet<String> = TABLES.iter().flat_map(of).collect();
        assert!(copied.is_subset(&there), "{:?}", copied.difference(&there).collect::<Vec<_>>());
        // The tables of a day are not there yet.
        assert!(of(&ONCE).all(|column| column.starts_with("once.")));
        let own: Vec<_> = there
            .difference(&copied)
            .filter(|column| {
                !["meta.", "lane.", "outbox_position."].iter().any(|own| column.starts_with(own))
            })
            .collect();
        assert_eq!(
            own,
            [
                "outbox.ends_session",
                "outbox.partition_no",
                "outbox.position",
                "outbox.unplaced",
                "payment.completed_of"
            ]
        );
    });
}
