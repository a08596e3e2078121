//! The shared store is backed up by its own tools: the commands of `docs/backup.md`, as they stand there, beside a sale.

use std::path::Path;
use std::process::Command;

use reqwest::Url;
use serde_json::json;

use crate::client::{on_sale, on_sale_in_line};
use crate::cluster::{Cluster, service, until};
use crate::crowd::{Crowd, PRICE};
use crate::server::frontrow;

/// The commands of the page that begin so.
pub(crate) fn recipe(begin: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/backup.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.into_iter().find(|block| block.starts_with(begin)).expect("commands").to_owned()
}

/// Runs commands as somebody would who has set the variables that they name.
pub(crate) fn run(commands: &str, folder: &Path, mysql: &Url, database: &str, more: &[(&str, &str)]) {
    let binary = Path::new(env!("CARGO_BIN_EXE_frontrow")).parent().expect("its folder");
    let mut path = std::ffi::OsString::from(binary);
    path.push(":/usr/local/bin:/usr/bin:/bin");
    // The settings of tests, which the commands hand on to the binary.
    let settings = frontrow(folder);
    let settings = settings.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", commands])
        .current_dir(folder)
        .envs(settings)
        .env("PATH", path)
        .env("HOST", mysql.host_str().expect("a host"))
        .env("PORT", mysql.port().expect("a port").to_string())
        .env("USER", mysql.username())
        .env("MYSQL_PWD", mysql.password().unwrap_or_default())
        .env("DATABASE", database)
        .envs(more.iter().copied())
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "{commands}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_store_is_dumped_while_it_is_sold_from_and_comes_back_whole() {
    let mut cluster = Cluster::start(1).await;
    let operator = cluster.person(0, "operator", "operator");
    let (_, schedule) = on_sale(&operator, 20_000, PRICE, 3_600).await;
    let room = json!({"enabled": true, "maxActive": 0, "admitPerSecond": 1});
    let line = on_sale_in_line(&operator, "Line", 5, room).await;
    let mut waiting = cluster.person(0, "waiting", "fan");
    until("somebody is in line", || {
        let mut waiting = waiting.clone();
        async move { waiting.join(line.0).await.expect("an answer").status.is_success() }
    })
    .await;
    waiting.join(line.0).await.expect("an answer").expect(200);
    let names = (0..16).map(|number| format!("buyer {number}"));
    let crowd = Crowd::of(names, schedule, |name| cluster.person(0, name, "fan"));
    crowd.goes_on(300).await;
    let before = crowd.told();
    let folder = tempfile::tempdir().expect("folder");
    let mysql = Url::parse(&service("FRONTROW_TEST_MYSQL_URL")).expect("an address");
    let name = Url::parse(cluster.database()).expect("an address").path().trim_start_matches('/').to_owned();
    let dump = recipe("mariadb-dump");
    tokio::task::block_in_place(|| run(&dump, folder.path(), &mysql, &name, &[]));
    crowd.goes_on(100).await;
    let after = crowd.end().await;
    assert!(before.len() >= 50 && after.len() > before.len() + 20, "the sale went on");

    // The servers end; the dump goes into another database, and the line is emptied.
    let epoch = cluster.number("SELECT epoch FROM meta").await;
    cluster.servers.clear();
    let copy = format!("{name}_back");
    let url = format!("{}/{copy}", service("FRONTROW_TEST_MYSQL_URL"));
    cluster.move_to(&url);
    let settings: Vec<_> =
        cluster.settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let load = recipe("mariadb --host");
    tokio::task::block_in_place(|| run(&load, folder.path(), &mysql, &copy, &settings));
    assert_ne!(cluster.number("SELECT epoch FROM meta").await, epoch, "a history of its own");
    // On the Redis of all tests only this one's keys are touched.
    let clear = recipe("redis-cli");
    assert!(clear.contains("'{frontrow:*'"));
    let clear = clear.replace("{frontrow:", &format!("{{{name}:"));
    let redis = service("FRONTROW_TEST_REDIS_URL");
    tokio::task::block_in_place(|| run(&clear, folder.path(), &mysql, &copy, &[("REDIS", redis.as_str())]));

    cluster.add();
    for (id, bought) in &before {
        let fan = cluster.person(0, &bought.fan, "fan");
        let found = fan.get(&format!("/reservations/{id}")).await.expect(200);
        assert_eq!(
            (&found["status"], &found["tickets"][0]["code"]),
            (&json!("confirmed"), &json!(bought.code))
        );
    }
    let mut again = cluster.person(0, "waiting", "fan");
    until("the line begins anew", || {
        let mut again = again.clone();
        async move { again.join(line.0).await.expect("an answer").status.is_success() }
    })
    .await;
    assert_eq!(again.join(line.0).await.expect("an answer").expect(200)["sequence"], 1);
    let figures = cluster.audit();
    // Sales are exported from a shared store as from files: a line of names, and one for each.
    let settings: Vec<_> =
        cluster.settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let export = frontrow(folder.path()).args(["export", "sales"]).envs(settings).output().expect("it runs");
    let lines = String::from_utf8(export.stdout).expect("text").lines().count();
    assert_eq!(
        figures["reservations"]["confirmed"],
        lines - 1,
        "{}",
        String::from_utf8_lossy(&export.stderr)
    );
    assert!(figures["reservations"]["confirmed"].as_u64().expect("a number") >= before.len() as u64);
}
