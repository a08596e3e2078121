//! What is in `deploy/`: the real nginx with its configuration in front of two servers, and the compose file as far as it
//! can be checked without Docker.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{http, on_sale, on_sale_in_line, states};
use crate::cluster::{Cluster, until};
use crate::server::frontrow;

/// The folder `deploy` of the repository.
fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

/// The real thing, with the configuration of this repository.
pub(crate) struct Nginx {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Nginx {
    pub(crate) fn start(cluster: &Cluster) -> Self {
        Self::start_with(cluster, &[])
    }

    /// The same, with other words in place of some of the configuration.
    pub(crate) fn start_with(cluster: &Cluster, own: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let mut text = std::fs::read_to_string(deploy().join("nginx/nginx.conf")).expect("a configuration");
        let at = |file: &str| folder.path().join(file).display().to_string();
        let mut put = |what: &str, instead: &str| {
            assert!(text.contains(what), "{what} is not in the configuration");
            text = text.replace(what, instead);
        };
        for (what, instead) in own {
            put(what, instead);
        }
        put("listen 8080", &format!("listen 127.0.0.1:{port}"));
        put("server frontrow-1:8080", &format!("server {}", cluster.servers[0].0.address));
        put("server frontrow-2:8080", &format!("server {}", cluster.servers[1].0.address));
        // First, because the folder of the test may lie there too.
        put("/tmp/", &at(""));
        put("/dev/stdout", &at("access.log"));
        put("/dev/stderr", &at("error.log"));
        let file = at("nginx.conf");
        std::fs::write(&file, text).expect("written");
        // Debian keeps it where only root looks.
        let run = |more: &[&str]| {
            let mut nginx = Command::new("/usr/sbin/nginx");
            nginx.args(["-c", &file, "-e", &at("error.log")]).args(more).stdin(Stdio::null());
            nginx
        };
        let checked = run(&["-t"]).output().expect("nginx is there: make setup installs it");
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let child = run(&["-g", "daemon off;"]).spawn().expect("nginx starts");
        Self { child, port, folder }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn log(&self) -> String {
        ["access.log", "error.log"]
            .map(|file| std::fs::read_to_string(self.folder.path().join(file)).unwrap_or_default())
            .concat()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Told to end, it ends its workers; killed, it would leave them.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_behind_nginx_is_one_sale_and_survives_a_server() {
    let own = [
        ("FRONTROW__AUTH__TRUSTED_PROXIES", "127.0.0.1"),
        ("FRONTROW__AUTH__LOGIN_ATTEMPTS_PER_ADDRESS", "1"),
    ];
    let mut cluster = Cluster::start_with(2, &own).await;
    let nginx = Nginx::start(&cluster);
    until("nginx answers", || async {
        http().get(nginx.url("/health/ready")).send().await.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    let operator = cluster.person(0, "operator", "operator").over(&nginx.url("/api/v1"));
    let sale = on_sale(&operator, 10, 1_000, 300).await;
    let room = json!({"enabled": true, "maxActive": 10, "admitPerSecond": 100});
    let line = on_sale_in_line(&operator, "Line", 5, room).await;
    let mut fan = cluster.person(0, "fan", "fan").over(&nginx.url("/api/v1"));
    fan.charge(10_000).await.expect(200);

    // A stream comes through as it is written, and its token stays out of the logs.
    let path = format!("/concerts/{}/schedules/{}/seats/stream", sale.0, sale.1);
    let mut map = fan.follow(&path).await;
    fan.hold("one", sale.1, &[1]).await.expect(201);
    let seen = map.find(|event| event["changes"].as_array().is_some_and(|changes| !changes.is_empty())).await;
    assert_eq!(seen["changes"][0], json!({"no": 1, "state": "held"}));
    let joined = fan.join(line.0).await.expect("an answer").expect(201);
    let token = joined["token"].as_str().expect("a token");
    let mut stream = http()
        .get(nginx.url(&format!("/api/v1/queues/stream?token={token}")))
        .send()
        .await
        .expect("it opens");
    let mut text = String::new();
    while !text.contains("\"active\"") {
        let chunk = tokio::time::timeout(std::time::Duration::from_secs(20), stream.chunk()).await;
        let chunk = chunk.expect("in time").expect("it goes on").expect("it goes on");
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
    drop((map, stream));
    until("it is logged", || async { nginx.log().contains("/queues/stream") }).await;
    assert!(!nginx.log().contains(token), "{}", nginx.log());

    // Another address in front of that of nginx is nobody else.
    let wrong = json!({"email": "nobody@b.example", "password": "a wrong password"});
    let mut refused = 0;
    for number in 0..4 {
        let guess = http().post(nginx.url("/api/v1/auth/login")).json(&wrong);
        let guess = guess.header("X-Forwarded-For", format!("10.1.1.{number}"));
        refused += usize::from(guess.send().await.expect("an answer").status() == 429);
    }
    assert_eq!(refused, 3, "one guess at both servers together");
    assert_eq!(http().get(nginx.url("/metrics")).send().await.expect("an answer").status(), 404);

    // One server is gone; nobody has to do anything.
    drop(cluster.servers.remove(0));
    for seat in 2..=8 {
        let key = format!("hold {seat}");
        until("it is held", || async { fan.hold(&key, sale.1, &[seat]).await.status == 201 }).await;
    }
    assert_eq!(states(&operator, sale).await, "hhhhhhhhaa");
    let plan = json!({"seatPlan": {"plain": {"seats": 5, "price": 1}}, "venue": "x".repeat(1 << 20)});
    let path = format!("/admin/concerts/{}/schedules", sale.0);
    let long = operator.try_ask(Method::POST, &path, Some("long"), Some(plan)).await.expect("an answer");
    assert_eq!(long.status, 422, "a long plan is for the server to look at");
    cluster.audit();
}

/// The compose file, read by Python's YAML, which `make setup` installs with schemathesis.
fn compose() -> Value {
    let python = deploy().join("../target/tools/schemathesis/bin/python");
    let read = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let file = deploy().join("compose.yaml");
    let output = Command::new(&python).args(["-c", read]).arg(&file).output().expect("run `make setup`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Every `${NAME}` in a text.
fn variables(text: &str) -> BTreeSet<String> {
    let names = text.split("${").skip(1).map(|rest| rest.split([':', '}']).next().unwrap_or_default());
    names.map(str::to_owned).collect()
}

#[test]
fn the_compose_file_names_what_is_there() {
    let compose = compose();
    let services = names(&compose["services"]);
    let expected =
        ["frontrow-1", "frontrow-2", "grafana", "kafka", "keys", "mysql", "nginx", "prometheus", "redis"];
    assert_eq!(services, BTreeSet::from(expected));
    let volumes = names(&compose["volumes"]);
    for (name, service) in compose["services"].as_object().expect("services") {
        for needed in service["depends_on"].as_object().into_iter().flat_map(|needed| needed.keys()) {
            assert!(services.contains(needed.as_str()), "{name} needs {needed}");
        }
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let from = volume.as_str().expect("text").split(':').next().expect("a source");
            let is_there =
                if from.starts_with("./") { deploy().join(from).exists() } else { volumes.contains(from) };
            assert!(is_there, "{name} mounts {from}");
        }
        let image = service["image"].as_str().expect("an image");
        assert!(image == "frontrow" || image.contains(':') && !image.ends_with(":latest"), "{image}");
    }
    // What has to be filled in has an example, and nothing else has.
    let text = std::fs::read_to_string(deploy().join("compose.yaml")).expect("text");
    let example = std::fs::read_to_string(deploy().join(".env.example")).expect("text");
    let given =
        example.lines().filter_map(|line| line.split_once('=')).filter(|(name, _)| !name.starts_with('#'));
    assert_eq!(variables(&text), given.map(|(name, _)| name.to_owned()).collect());
    // nginx is where the servers believe it to be, and passes on to servers that are there.
    let address = &compose["services"]["nginx"]["networks"]["sale"]["ipv4_address"];
    let believed = &compose["services"]["frontrow-1"]["environment"]["FRONTROW__AUTH__TRUSTED_PROXIES"];
    assert_eq!(address, believed);
    let nginx = std::fs::read_to_string(deploy().join("nginx/nginx.conf")).expect("text");
    let scraped = std::fs::read_to_string(deploy().join("prometheus/prometheus.yml")).expect("text");
    for server in ["frontrow-1", "frontrow-2"] {
        assert!(
            nginx.contains(&format!("server {server}:8080")) && scraped.contains(&format!("{server}:8080"))
        );
    }
}

#[test]
fn the_settings_of_the_compose_file_are_settings() {
    let compose = compose();
    let folder = tempfile::tempdir().expect("folder");
    let environment = compose["services"]["frontrow-1"]["environment"].as_object().expect("variables");
    // Filled in as a password would be; the tests' issuer is none of a compose file's.
    let filled = environment.iter().map(|(name, value)| {
        let mut value = value.as_str().expect("text").to_owned();
        while let Some((before, rest)) = value.split_once("${") {
            let (_, after) = rest.split_once('}').expect("an end");
            value = format!("{before}a-long-text{after}");
        }
        let is_address = name.ends_with("ADMIN__EMAIL");
        (name.clone(), if is_address { "admin@frontrow.example".to_owned() } else { value })
    });
    let check = frontrow(folder.path()).args(["config", "check"]).envs(filled).output().expect("it runs");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_of_a_server_can_be_asked_without_another_program() {
    let folder = tempfile::tempdir().expect("folder");
    let health = |listen: &str| {
        frontrow(folder.path())
            .args(["health", "--set", &format!("http.listen={listen}")])
            .output()
            .expect("it runs")
    };
    let server = crate::server::Server::start(folder.path(), &[]);
    let well = health(&format!("0.0.0.0:{}", server.address.port()));
    assert!(well.status.success(), "{}", String::from_utf8_lossy(&well.stderr));
    assert!(String::from_utf8_lossy(&well.stdout).contains("\"ready\""));
    let address = server.address.to_string();
    server.stop();
    let away = health(&address);
    assert_eq!(away.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&away.stderr).contains("no server answers"));
}
