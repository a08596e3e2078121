//! A rehearsal on servers that share a database and a Redis of its own, which are gone afterwards.
//!
//! The services are those of `deploy/dev/services`; `make test` starts them.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::json;
use sqlx::{Connection as _, Executor as _, MySqlConnection};

use crate::cluster::service;
use crate::rehearse::{QUICK, read, rehearse, said, sum};

async fn mysql(sql: &str) -> Vec<String> {
    let mut connection = MySqlConnection::connect(&service("FRONTROW_TEST_MYSQL_URL")).await.expect("MySQL");
    let found = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await;
    found.expect("names")
}

async fn run(sql: String) {
    let mut connection = MySqlConnection::connect(&service("FRONTROW_TEST_MYSQL_URL")).await.expect("MySQL");
    connection.execute(sqlx::AssertSqlSafe(sql)).await.expect("done");
}

/// How many keys of rooms of a rehearsal there are.
fn rooms_on_redis() -> usize {
    let url = service("FRONTROW_TEST_REDIS_URL");
    let mut redis = TcpStream::connect(url.trim_start_matches("redis://")).expect("Redis");
    redis.write_all(b"KEYS {frontrow-rehearsal-*\r\n").expect("asked");
    let mut line = String::new();
    BufReader::new(redis).read_line(&mut line).expect("an answer");
    line.trim().trim_start_matches('*').parse().unwrap_or_else(|_| panic!("{line}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_on_two_servers_adds_up_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("folder");
    let (mysql_url, redis_url) = (service("FRONTROW_TEST_MYSQL_URL"), service("FRONTROW_TEST_REDIS_URL"));
    let name = format!("empty_{:016x}", RandomState::new().hash_one(std::process::id()));
    run(format!("CREATE DATABASE {name}")).await;
    // A password would not be in the list of processes.
    let url_file = folder.path().join("mysql.url");
    std::fs::write(&url_file, format!("{mysql_url}/{name}\n")).expect("written");
    let (report, from_file) = (folder.path().join("report.json"), format!("@{}", url_file.display()));
    let night =
        ["--seats", "40", "--fans", "160", "--streaming", "30", "--json", report.to_str().expect("UTF-8")];
    let there =
        |mysql: &'static str| [night.as_slice(), &QUICK, &["--redis", &redis_url, "--mysql", mysql]].concat();

    let database: &'static str = from_file.leak();
    let output = rehearse(folder.path(), &there(database));
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
    let found = read(&report);
    assert_eq!(found["audit"]["clean"], true, "{}", said(&output));
    assert_eq!(
        (&found["outcome"]["sold"], &found["audit"]["seatsByState"]["sold"]),
        (&json!(40), &json!(40))
    );
    assert_eq!(found["outcome"]["order"]["overtaken"], 0);
    assert_eq!(sum(&found["outcome"]["ends"], |end| end[1].as_u64()), 160);
    assert!(said(&output).contains("on a stream"), "{}", said(&output));
    let facts = found["settings"]["facts"].to_string();
    assert!(facts.contains("2 servers on MySQL and Redis"), "{facts}");
    let tables = format!(
        "SELECT CAST(TABLE_NAME AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{name}'"
    );
    assert_eq!(mysql(&tables).await, Vec::<String>::new(), "the database is as empty as it was");
    let databases = format!(
        "SELECT CAST(SCHEMA_NAME AS CHAR) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}'"
    );
    assert_eq!(mysql(&databases).await, std::slice::from_ref(&name), "and still there");
    assert_eq!(rooms_on_redis(), 0);

    // With something in it, it is somebody's.
    run(format!("CREATE TABLE {name}.keepsake (what INT)")).await;
    let output = rehearse(folder.path(), &there(database));
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("has 1 tables; name an empty one"), "{}", said(&output));
    assert_eq!(mysql(&tables).await, ["keepsake"]);
    run(format!("DROP DATABASE {name}")).await;

    // Without a name, one is made, and dropped however it ends.
    let url: &'static str = mysql_url.leak();
    let broken = folder.path().join("targets.toml");
    std::fs::write(&broken, "sold_out_within_seconds = 0.001\n").expect("written");
    let mut small = there(url);
    small.extend(["--servers", "1", "--targets", broken.to_str().expect("UTF-8")]);
    let output = rehearse(folder.path(), &small);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let made = "SELECT CAST(SCHEMA_NAME AS CHAR) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'frontrow\\_rehearsal\\_%'";
    assert_eq!(mysql(made).await, Vec::<String>::new());
    assert_eq!(rooms_on_redis(), 0);
}

#[test]
fn a_cluster_that_cannot_be_had_is_said_so() {
    let folder = tempfile::tempdir().expect("folder");
    let redis_url = service("FRONTROW_TEST_REDIS_URL");
    for (arguments, says) in [
        (vec!["--mysql", "mysql://root@127.0.0.1:3306"], "--redis"),
        (vec!["--servers", "3"], "--mysql"),
        (vec!["--mysql", "mysql://root@127.0.0.1:1", "--redis", &redis_url], "--mysql"),
        (vec!["--mysql", "mysql://root@127.0.0.1:1", "--redis", "redis://127.0.0.1:1"], "--redis"),
        (vec!["--mysql", "@nowhere", "--redis", &redis_url], "cannot read nowhere"),
        (vec!["--mysql", "sqlite:data", "--redis", &redis_url], "not the address of a MySQL database"),
    ] {
        let output =
            rehearse(folder.path(), &[&["--seats", "5", "--fans", "5"], arguments.as_slice()].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(says), "{arguments:?}: {}", said(&output));
    }
}
