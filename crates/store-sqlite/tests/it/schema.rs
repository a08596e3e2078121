//! The schema and what is written about it.

use std::path::Path;
use std::sync::Arc;

use frontrow_store_sqlite::{FILE_NAME, Options, SCHEMA_VERSION, SqliteStore};
use frontrow_testkit::ManualClock;
use rusqlite::Connection;

/// The names of all that a new store has of one type.
fn names(connection: &Connection, of_type: &str) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = ?1 AND name NOT LIKE 'sqlite%' ORDER BY name";
    let mut statement = connection.prepare(sql).expect("a schema");
    let names = statement.query_map([of_type], |row| row.get(0)).expect("names");
    names.collect::<rusqlite::Result<_>>().expect("names")
}

/// The lines of the text that lie between these two.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("no {begin:?}"));
    rest.split_once(end).map_or(rest, |(part, _)| part)
}

#[test]
fn every_table_and_index_is_described() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::default());
    drop(SqliteStore::open(Options::new(folder.path(), clock)).expect("the store opens"));
    let store = Connection::open(folder.path().join(FILE_NAME)).expect("it opens");
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/README.md");
    let readme = std::fs::read_to_string(readme).expect("it is there");

    let diagram = between(&readme, "```mermaid", "```\n");
    let tables = names(&store, "table");
    assert!(tables.len() > 15, "{tables:?}");
    for table in &tables {
        assert!(diagram.contains(&format!("\n    {table} {{\n")), "{table} is not in the diagram");
        assert!(readme.contains(&format!("\n| `{table}` | ")), "nothing is said about {table}");
    }
    // And nothing that is not there.
    for line in between(&readme, "| table |", "| index |").lines().filter(|line| line.starts_with("| `")) {
        let table = line.split('`').nth(1).expect("a name");
        assert!(
            tables.iter().any(|name| name == table) || ["once_<day>", "once_key_<day>"].contains(&table),
            "there is no {table}"
        );
    }
    let indexes = between(&readme, "| index |", "\0");
    for index in names(&store, "index") {
        assert!(indexes.contains(&format!("`{index}`")), "nothing is said about {index}");
    }
    assert!(readme.contains(&format!("schema version {SCHEMA_VERSION};")), "of another version");
}
