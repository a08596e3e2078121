//! Keys that are changed beside running servers: whoever is logged in, waits or has a ticket notices nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::client::{Person, http, on_sale, on_sale_in_line};
use crate::cluster::{Cluster, until};
use crate::server::{Server, frontrow};

fn keys(folder: &Path, arguments: &[&str]) -> Output {
    frontrow(folder).arg("keys").args(arguments).output().expect("the binary runs")
}

/// What a command says that has to succeed.
fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = keys(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// What a command says that has to be refused.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = keys(folder, arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).expect("text")
}

/// The names of the keys of a purpose in a state.
fn kids(folder: &Path, more: &[&str], purpose: &str, state: &str) -> Vec<String> {
    let listed = done(folder, &[&["list", "--json"], more].concat());
    let listed: Vec<Value> = serde_json::from_str(&listed).expect("JSON");
    let of = listed.iter().filter(|key| key["purpose"] == purpose && key["state"] == state);
    of.map(|key| key["kid"].as_str().expect("a name").to_owned()).collect()
}

/// Somebody with an account of this server, logged in.
pub(crate) struct Fan {
    access: String,
    refresh: String,
}

impl Fan {
    pub(crate) async fn of(server: &Server) -> Self {
        let account = json!({"email": "fan@b.example", "password": "a long password", "name": "Fan"});
        let post = |path: &str| http().post(server.url(path)).json(&account).send();
        assert_eq!(post("/auth/signup").await.expect("an answer").status(), 201);
        let login = json!({"email": "fan@b.example", "password": "a long password"});
        let answer = http().post(server.url("/auth/login")).json(&login).send().await.expect("an answer");
        Self::from(&answer.json().await.expect("JSON"))
    }

    fn from(pair: &Value) -> Self {
        let member = |name: &str| pair[name].as_str().expect("a token").to_owned();
        Self { access: member("accessToken"), refresh: member("refreshToken") }
    }

    pub(crate) async fn status(&self, server: &Server) -> u16 {
        let me = http().get(server.url("/users/me")).bearer_auth(&self.access).send();
        me.await.expect("an answer").status().as_u16()
    }

    /// A new pair, or the status of a refusal.
    pub(crate) async fn renewed(&self, server: &Server) -> Result<Self, u16> {
        let form = json!({ "refreshToken": self.refresh });
        let answer = http().post(server.url("/auth/refresh")).json(&form).send().await.expect("an answer");
        let status = answer.status().as_u16();
        if status == 200 { Ok(Self::from(&answer.json().await.expect("JSON"))) } else { Err(status) }
    }

    /// The key that has signed the access token.
    fn kid(&self) -> String {
        jsonwebtoken::decode_header(&self.access).expect("a header").kid.expect("a name")
    }
}

async fn published(server: &Server) -> usize {
    let url = format!("http://{}/.well-known/jwks.json", server.address);
    let set: Value = http().get(url).send().await.expect("an answer").json().await.expect("JSON");
    set["keys"].as_array().expect("keys").len()
}

/// Holds and pays a seat; answers the code of its ticket.
async fn ticket(fan: &Person, schedule: u64, seat: u32) -> String {
    let held = fan.hold(&format!("hold {seat}"), schedule, &[seat]).await.expect(201);
    let paid =
        fan.pay(&format!("pay {seat}"), held["reservationId"].as_str().expect("an id")).await.expect(201);
    paid["tickets"][0]["code"].as_str().expect("a code").to_owned()
}

/// As the README does it: the addresses of store and line are there before the list that servers will name.
#[test]
fn the_first_list_is_made_in_the_shell_that_starts_the_servers() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("shared.json");
    let run = |arguments: &[&str]| {
        let mut frontrow = frontrow(folder.path());
        frontrow.env("FRONTROW__STORE__URL", "mysql://root@127.0.0.1:1/frontrow");
        frontrow.env("FRONTROW__WAITING_ROOM__URL", "redis://127.0.0.1:1");
        frontrow.args(arguments).output().expect("the binary runs")
    };
    let path = file.to_str().expect("text");
    let made = run(&["keys", "init", "--file", path]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(run(&["keys", "list", "--file", path]).status.success());
    // The control: without a list servers that share a store have nothing to sign with.
    assert_eq!(run(&["config", "check"]).status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_changed_under_a_running_server_and_nobody_is_sent_away() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path();
    assert!(refused(path, &["list"]).contains("there are no keys yet"));
    let server = Server::start(path, &[]);
    let fan = Fan::of(&server).await;
    let operator = Person::new(&server, &http(), "operator", "operator");
    let sale = on_sale(&operator, 10, 1_000, 300).await;
    let line = on_sale_in_line(&operator, "Line", 1, json!({"enabled": true, "maxActive": 0})).await;
    let mut buyer = Person::new(&server, &http(), "buyer", "fan");
    buyer.charge(10_000).await.expect(200);
    let code = ticket(&buyer, sale.1, 1).await;
    let place = buyer.join(line.0).await.expect("an answer").expect(201)["entryId"].clone();
    let old = fan.kid();
    assert_eq!(kids(path, &[], "tokens", "signs"), std::slice::from_ref(&old));

    let told = done(path, &["rotate", "--signs-after-seconds", "2"]);
    assert!(told.contains("until then"), "{told}");
    assert!(refused(path, &["rotate"]).contains("wait until then"));
    until("a key that will sign is published", || async { published(&server).await == 2 }).await;
    assert!(refused(path, &["retire", &old, "--force"]).contains("the one that signs"));
    // The old key signs until the new one does.
    let pair = std::sync::Mutex::new(fan.renewed(&server).await.unwrap_or_else(|_| panic!("refused")));
    until("the new key signs", || async {
        let last = Fan { access: String::new(), refresh: pair.lock().expect("a lock").refresh.clone() };
        let next = last.renewed(&server).await.unwrap_or_else(|_| panic!("refused"));
        let is_new = next.kid() != old;
        *pair.lock().expect("a lock") = next;
        is_new
    })
    .await;
    let later = pair.into_inner().expect("a lock");
    assert_eq!(fan.status(&server).await, 200, "the old token counts");
    assert_eq!(buyer.place().await["entryId"], place, "so does the old place");
    let gate = Person::new(&server, &http(), "gate", "gate");
    gate.post("/gate/scan", "scan", json!({ "code": code })).await.expect(200);

    assert!(refused(path, &["retire", &old]).contains("--force"));
    assert!(refused(path, &["retire", "nothing"]).contains("there is no key"));
    done(path, &["retire", &old, "--force"]);
    until("the old token counts no longer", || async { fan.status(&server).await == 401 }).await;
    assert_eq!(fan.renewed(&server).await.err(), Some(401));
    assert_eq!(later.status(&server).await, 200);
    assert_eq!(buyer.get("/queues/status").await.code(), "queue_token_invalid");
    assert_eq!(buyer.join(line.0).await.expect("an answer").expect(200)["entryId"], place);
    assert_eq!(buyer.place().await["entryId"], place, "asked for again, it is the same place");
    let other = ticket(&buyer, sale.1, 2).await;
    let [verifies] = &kids(path, &[], "tickets", "verifies")[..] else { panic!("one old key") };
    assert!(refused(path, &["retire", verifies]).contains("turned away at the door"));
    done(path, &["retire", verifies, "--force"]);
    until("its tickets are none", || async {
        gate.post("/gate/scan", "again", json!({ "code": code })).await.code() == "ticket_invalid"
    })
    .await;
    gate.post("/gate/scan", "other", json!({ "code": other })).await.expect(200);
    assert_eq!(published(&server).await, 1);
    // What was made is all that a restart needs.
    server.stop();
    let server = Server::start(path, &[]);
    assert_eq!(later.status(&server).await, 200);
    assert_eq!(fan.status(&server).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_list_changes_nothing_and_a_hang_up_is_no_end() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Server::start(folder.path(), &[]);
    let fan = Fan::of(&server).await;
    let file = folder.path().join("keys.json");
    let good = std::fs::read_to_string(&file).expect("the list");
    std::fs::write(&file, "{").expect("written");
    let log = crate::server::log_file(folder.path());
    let said = || std::fs::read_to_string(&log).expect("the log");
    until("it says so", || async { said().contains("the keys cannot be read") }).await;
    assert_eq!(fan.status(&server).await, 200);
    let secrets = good.lines().filter_map(|line| line.trim().strip_prefix("\"key\": \""));
    assert!(secrets.clone().count() == 2 && secrets.clone().all(|secret| !said().contains(&secret[..20])));
    std::fs::write(&file, &good).expect("written");
    done(folder.path(), &["rotate", "--purpose", "tickets", "--signs-after-seconds", "0"]);
    let told = std::process::Command::new("kill").args(["-HUP", &server.id().to_string()]).status();
    assert!(told.expect("kill runs").success());
    until("it is read again", || async { published(&server).await == 2 }).await;
    assert_eq!(fan.status(&server).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_change_keys_and_know_each_others_tokens_all_along() {
    let mounts = tempfile::tempdir().expect("folder");
    let file = mounts.path().join("keys.json");
    let at = ["--file", file.to_str().expect("a path")];
    done(mounts.path(), &[&["init"], &at[..]].concat());
    assert_eq!(std::fs::metadata(&file).expect("the list").permissions().mode() & 0o777, 0o600);
    assert!(done(mounts.path(), &[&["init"], &at[..]].concat()).contains("nothing was changed"));
    let own = [
        ("FRONTROW__AUTH__KEYS_FILE", at[1]),
        ("FRONTROW__AUTH__SIGNING_SECRET", ""),
        ("FRONTROW__AUTH__TICKET_KEY", ""),
    ];
    let cluster = Cluster::start_with(2, &own).await;
    let servers = [&cluster.servers[0].0, &cluster.servers[1].0];
    let mut pair = Fan::of(servers[0]).await;
    let first = pair.kid();
    done(mounts.path(), &[&["rotate", "--signs-after-seconds", "3"], &at[..]].concat());
    // Every token that either has signed is shown to both, before, while and after they change over.
    let mut signed_new = [0, 0];
    while signed_new.iter().any(|count| *count < 3) {
        for (number, server) in servers.into_iter().enumerate() {
            pair = pair.renewed(server).await.unwrap_or_else(|status| panic!("refused with {status}"));
            for reader in servers {
                assert_eq!(pair.status(reader).await, 200, "{} of server {number}", pair.kid());
            }
            signed_new[number] += usize::from(pair.kid() != first);
        }
    }
    done(mounts.path(), &[&["retire", &first, "--force"], &at[..]].concat());
    assert_eq!(kids(mounts.path(), &at, "tokens", "signs"), [pair.kid()]);
    assert!(kids(mounts.path(), &at, "tokens", "verifies").is_empty());
    for server in servers {
        assert_eq!(pair.status(server).await, 200);
    }
}
