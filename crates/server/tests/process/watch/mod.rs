//! How a sale is watched: the rules and dashboards of `deploy/`, on a real Prometheus that asks real servers.

mod drill;
mod evening;
mod files;
mod queries;
mod runbook;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use frontrow_testkit::services::OwnPrometheus;
use serde_json::Value;

use crate::client::http;

/// How long something may take that has to be asked, kept and worked out first, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// A path of the repository.
fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a folder of the repository whose names end like this, by their names without that end.
fn files(folder: &str, ending: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(at(folder)).expect("the folder is there") {
        let name = entry.expect("it can be read").file_name().into_string().expect("text");
        if let Some(short) = name.strip_suffix(ending) {
            found.insert(short.to_owned(), text(&format!("{folder}/{name}")));
        }
    }
    assert!(!found.is_empty(), "there is no *{ending} in {folder}");
    found
}

/// A YAML file, read by Python's YAML, which `make setup` installs with schemathesis.
fn yaml(path: &str) -> Value {
    let read = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let python = at("target/tools/schemathesis/bin/python");
    let output = Command::new(python).args(["-c", read]).arg(at(path)).output().expect("run `make setup`");
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The rules of a file below `deploy/prometheus/rules`.
fn rules(file: &str) -> Vec<Value> {
    let file = yaml(&format!("deploy/prometheus/rules/{file}.yml"));
    list(&file["groups"]).iter().flat_map(|group| list(&group["rules"]).to_vec()).collect()
}

/// What somebody at a dashboard asks Prometheus: everything, over a minute.
fn as_asked(query: &str) -> String {
    query.replace("$__rate_interval", "1m").replace("$instance", ".*").replace("$concert", ".*")
}

/// A Prometheus with the configuration and rules of this repository, in a hurry.
struct Watching {
    own: OwnPrometheus,
    client: reqwest::Client,
}

impl Watching {
    /// Asks these servers every second, and works out rules as often. `change` may change the alerts.
    fn of(servers: &[SocketAddr], change: impl Fn(&str) -> String) -> Self {
        let mut configuration = text("deploy/prometheus/prometheus.yml");
        let targets: Vec<String> = servers.iter().map(ToString::to_string).collect();
        for (what, instead) in [
            (r#"["frontrow-1:8080", "frontrow-2:8080"]"#, format!("{targets:?}")),
            ("scrape_interval: 5s", "scrape_interval: 1s".to_owned()),
            ("evaluation_interval: 5s", "evaluation_interval: 1s".to_owned()),
        ] {
            assert!(configuration.contains(what), "{what} is not in the configuration");
            configuration = configuration.replace(what, &instead);
        }
        let files = [
            ("prometheus.yml", configuration),
            ("rules/recording.yml", text("deploy/prometheus/rules/recording.yml")),
            ("rules/alerts.yml", change(&text("deploy/prometheus/rules/alerts.yml"))),
        ];
        Self { own: OwnPrometheus::start(&files), client: http() }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}/api/v1/{path}", self.own.url())).send().await;
        let answer: Value = answer.expect("Prometheus answers").json().await.expect("JSON");
        assert_eq!(answer["status"], "success", "{path}: {answer}\n{}", self.own.log());
        answer["data"].clone()
    }

    /// The series that a query finds now, without those whose value is not a number.
    async fn ask(&self, query: &str) -> Vec<Value> {
        let mut encoded = String::new();
        for byte in query.bytes() {
            write!(encoded, "%{byte:02X}").expect("a text takes everything");
        }
        let data = self.get(&format!("query?query={encoded}")).await;
        let found = match data["resultType"].as_str() {
            Some("vector") => list(&data["result"]).to_vec(),
            kind => panic!("{query} answers a {kind:?}"),
        };
        found.into_iter().filter(|series| series["value"][1] != "NaN").collect()
    }

    /// The state of an alert: `pending`, `firing`, or nothing.
    async fn state(&self, alert: &str) -> Option<String> {
        let found = self.ask(&format!("ALERTS{{alertname=\"{alert}\"}}")).await;
        found.first().map(|series| word(&series["metric"]["alertstate"]).to_owned())
    }
}

/// Asks again until it is so.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
