//! Schemathesis asks the API whatever its OpenAPI document allows, and what it does not allow, as everybody whom the
//! API knows. No answer may be a 500 or anything else that the document does not have, what the document forbids has
//! to be refused, and nobody gets in without a token where one is asked for.
//!
//! What is asked comes from the document that the server serves, so a new route is asked without a line here. Ids that
//! are drawn would only ever find a 404: where a request names something, it chooses between what was made for it
//! beforehand (`known`) and something that is not there. A route with a parameter of a new name gets its line there.
//!
//! Not asked are streams of events, which have no end; they have tests of their own. What ends the account or the
//! place in line of whoever asks is asked last. Not checked is whether all that the document allows is accepted: it
//! has no words for rules between members, and for what is taken already.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::client::{Person, http, on_sale, on_sale_in_line};
use crate::server::Server;

/// Operations after which the one who asks is somebody else to the server, or has nothing left to ask about.
const ENDINGS: &[&str] = &["cancelSchedule", "leaveQueue", "logOut", "eraseAccount"];
/// What can be worked out from the description of an operation, and some requests drawn for it.
const MUCH: &[&str] = &["--max-examples", "10", "--phases", "examples,coverage,fuzzing"];
/// For those whose role has little to do with an operation.
const LITTLE: &[&str] = &["--max-examples", "4", "--phases", "fuzzing"];
/// Chains of operations, of which one names what another has answered.
const CHAINS: &[&str] = &["--max-examples", "10", "--phases", "stateful"];
/// An id of the right form that nothing has.
const NOTHING: &str = "01890000-0000-7000-8000-000000000000";
/// A number that nothing has.
const NOWHERE: u64 = 999_999;

/// A server with something of everything in it.
struct World {
    folder: tempfile::TempDir,
    server: Server,
    client: Client,
    operator: Person,
    concerts: [u64; 2],
    schedules: [u64; 2],
}

/// Somebody who asks, and what a request of theirs may name.
struct Asking {
    person: Option<Person>,
    /// By name of the member or parameter, or by form and member.
    known: Vec<(&'static str, Vec<Value>)>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let settings = [
            ("FRONTROW__AUTH__LOGIN_ATTEMPTS_PER_ACCOUNT", "1000000"),
            ("FRONTROW__AUTH__LOGIN_ATTEMPTS_PER_ADDRESS", "1000000"),
            ("FRONTROW__SALES__LAPSE_PAUSE_SECONDS", "0"),
        ];
        let server = Server::start(folder.path(), &settings);
        let client = http();
        let operator = Person::new(&server, &client, "first operator", "operator");
        let (open, open_schedule) = on_sale(&operator, 100, 1_000, 3_600).await;
        // With a lobby that is drawn at once, so that there is a draw to be read.
        let room = json!({"enabled": true, "maxActive": 1_000, "admitPerSecond": 1_000, "sessionSeconds": 86_400,
            "lobbyOpensAt": "2020-01-01T00:00:00Z"});
        let (lined, lined_schedule) = on_sale_in_line(&operator, "Behind a line", 100, room).await;
        let (concerts, schedules) = ([open, lined], [open_schedule, lined_schedule]);
        Self { folder, server, client, operator, concerts, schedules }
    }

    /// Somebody who holds a seat, has paid for another, and has been let in where there is a line.
    async fn buyer(&self, name: &str, role: &str, seat: u32) -> (Person, Belongings) {
        let mut person = Person::new(&self.server, &self.client, name, role);
        let user = person.get("/users/me").await.expect(200)["userId"].clone();
        person.charge(900_000).await.expect(200);
        let paid = person.hold("first", self.schedules[0], &[seat]).await.expect(201);
        let payment = person.pay("pay", paid["reservationId"].as_str().expect("an id")).await.expect(201);
        let held = person.hold("second", self.schedules[0], &[seat + 1]).await.expect(201);
        person.join(self.concerts[1]).await.expect("an answer").expect(201);
        person.follow("/queues/stream").await.find(|status| status["state"] == "active").await;
        let belongings = Belongings {
            user,
            reservations: [paid["reservationId"].clone(), held["reservationId"].clone()],
            payment: payment["paymentId"].clone(),
            ticket: payment["tickets"][0].clone(),
        };
        (person, belongings)
    }

    /// Somebody with a password, as the members of a log-in and its refresh token.
    async fn member(&self) -> (Value, Value, Value) {
        let (email, password) = (json!("known@fans.example"), json!("a long password"));
        let form = json!({"email": email, "password": password, "name": "Known"});
        let ask = |path: &str, form: Value| self.client.post(self.server.url(path)).json(&form).send();
        assert_eq!(ask("/auth/signup", form.clone()).await.expect("an answer").status(), 201);
        let tokens = ask("/auth/login", json!({"email": email, "password": password})).await;
        let tokens: Value = tokens.expect("an answer").json().await.expect("JSON");
        (email, password, tokens["refreshToken"].clone())
    }

    /// Somebody of this role, who can name what is theirs and what is another fan's.
    async fn asking(&self, role: &str) -> Asking {
        let (_, others) = self.buyer("another fan", "fan", 1).await;
        let (person, own) = match role {
            "fan" | "operator" => self.buyer("asking", role, 11).await,
            _ => (Person::new(&self.server, &self.client, "asking", role), others.clone()),
        };
        let (email, password, refresh_token) = self.member().await;
        let known = vec![
            ("concertId", vec![json!(self.concerts[0]), json!(self.concerts[1]), json!(NOWHERE)]),
            ("scheduleId", vec![json!(self.schedules[0]), json!(self.schedules[1]), json!(NOWHERE)]),
            ("HoldForm.seats", (31..=90).map(Value::from).collect()),
            ("SellForm.seats", (31..=90).map(Value::from).collect()),
            ("reservationId", [&own.reservations[..], &others.reservations[..], &[json!(NOTHING)]].concat()),
            ("paymentId", vec![own.payment, others.payment, json!(NOTHING)]),
            // Staff name somebody else, so that they stay who they are.
            ("userId", vec![others.user, json!(NOTHING)]),
            ("ticketId", vec![own.ticket["ticketId"].clone(), json!(NOTHING)]),
            ("code", vec![own.ticket["code"].clone(), json!("no ticket")]),
            ("LogInForm.email", vec![email]),
            ("LogInForm.password", vec![password, json!("a wrong password")]),
            ("refreshToken", vec![refresh_token, json!("no token")]),
        ];
        Asking { person: Some(person), known }
    }

    /// The document that the server serves, where requests choose between what is there.
    async fn document(&self, known: &[(&'static str, Vec<Value>)]) -> Value {
        let address = format!("http://{}/api/openapi.json", self.server.address);
        let answer = self.client.get(address).send().await.expect("an answer");
        let mut document: Value = answer.json().await.expect("JSON");
        let choose = |schema: &mut Value, of: &str, name: &str| {
            let is_meant = |&&(key, _): &&(&str, Vec<Value>)| {
                key == name || key.split_once('.').is_some_and(|(form, member)| form == of && member == name)
            };
            let Some((_, values)) = known.iter().find(is_meant) else { return };
            let mut values = values.clone();
            // A route below /users takes the word `me` as well.
            if name == "userId" && schema.get("type").is_some() {
                values.insert(0, json!("me"));
            }
            if let Some(items) = schema.get_mut("items") {
                *items = json!({"enum": values});
                return;
            }
            if allows_null(schema) {
                values.push(Value::Null);
            }
            *schema = json!({"enum": values});
        };
        for operation in operations(&mut document) {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten() {
                let name = parameter["name"].as_str().expect("a name").to_owned();
                choose(&mut parameter["schema"], "", &name);
            }
        }
        let schemas = document["components"]["schemas"].as_object_mut().expect("schemas");
        // What is sent is called a form; what is answered is what it is.
        for (form, schema) in schemas.iter_mut().filter(|(name, _)| name.ends_with("Form")) {
            let members = schema.get_mut("properties").and_then(Value::as_object_mut);
            for (name, member) in members.into_iter().flatten() {
                choose(member, form, name);
            }
        }
        document
    }

    /// Runs schemathesis on these operations of a document.
    fn ask(
        &self,
        document: &Value,
        person: Option<&Person>,
        operations: &[&str],
        how_much: &[&str],
    ) -> Output {
        let place = self.folder.path().join("document.json");
        std::fs::write(&place, document.to_string()).expect("a file");
        // Otherwise nobody would sign up, log in, and be somebody.
        let settings = "[auth]\nauto-signup = false\n";
        std::fs::write(self.folder.path().join("schemathesis.toml"), settings).expect("a file");
        let mut command = Command::new(python());
        command
            .args(["-m", "schemathesis.cli", "run", "document.json", "--no-color", "--warnings", "off"])
            .args(["--url", &format!("http://{}", self.server.address)])
            // The same requests every time, and no finding because a machine is slow.
            .args(["--generation-deterministic", "--workers", "1", "--suppress-health-check", "all"])
            .args(["--request-timeout", "120", "--continue-on-failure"])
            // What is secret here is thrown away, and has to be seen to repeat a request.
            .args(["--output-sanitize", "false", "--exclude-checks", "positive_data_acceptance"])
            .args(how_much)
            .args(operations.iter().flat_map(|name| ["--include-operation-id", name]))
            .current_dir(self.folder.path())
            .env("SCHEMATHESIS_HOOKS", "api_fuzz_hooks")
            .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NO_PROXY", "127.0.0.1");
        for (name, value) in person.map(Person::credentials).unwrap_or_default() {
            command.args(["--header", &format!("{name}: {value}")]);
        }
        command.output().expect("schemathesis runs")
    }

    /// Asks everything: much where this is said of the path, what ends something last. Answers the operations that
    /// were answered with a success.
    async fn ask_everything(
        &self,
        asking: &Asking,
        is_asked_much: impl Fn(&str) -> bool,
    ) -> BTreeSet<String> {
        let document = self.document(&asking.known).await;
        let (mut much, mut little) = (Vec::new(), Vec::new());
        let mut last = vec![None; ENDINGS.len()];
        for (path, name) in names(&document) {
            match ENDINGS.iter().position(|&ending| ending == name) {
                Some(at) => last[at] = Some(name),
                None if is_asked_much(&path) => much.push(name),
                None => little.push(name),
            }
        }
        let mut succeeded = BTreeSet::new();
        let mut ask = |document: &Value, names: &[String], how_much: &[&str]| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let output = self.ask(document, asking.person.as_ref(), &names, how_much);
            assert!(output.status.success(), "schemathesis has found something:\n{}", said(&output));
            succeeded.extend(self.succeeded());
        };
        ask(&document, &little, LITTLE);
        let last: Vec<String> = last.into_iter().flatten().collect();
        if much.is_empty() {
            ask(&document, &last, LITTLE);
        } else {
            ask(&document, &much, MUCH);
            // What another operation has answered is not among the choices.
            ask(&self.document(&[]).await, &much, CHAINS);
            // One by one, so that each meets somebody who is still there.
            for name in &last {
                ask(&document, std::slice::from_ref(name), LITTLE);
            }
        }
        self.is_still_there().await;
        succeeded
    }

    /// The operations that the last run was answered with a success by.
    fn succeeded(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("answered.json")).expect("the answers");
        let answered: serde_json::Map<String, Value> = serde_json::from_str(&text).expect("JSON");
        let is_success = |statuses: &Value| {
            statuses.as_object().is_some_and(|statuses| statuses.keys().any(|status| status.starts_with('2')))
        };
        answered.into_iter().filter(|(_, statuses)| is_success(statuses)).map(|(name, _)| name).collect()
    }

    /// Whatever it was asked, it goes on serving, and its books agree.
    async fn is_still_there(&self) {
        let path = format!("/admin/concerts/{}", self.concerts[0]);
        self.operator.try_ask(Method::GET, &path, None, None).await.expect("an answer").expect(200);
        crate::sale::audit(self.folder.path());
    }
}

/// What somebody has who has bought.
#[derive(Clone)]
struct Belongings {
    user: Value,
    reservations: [Value; 2],
    payment: Value,
    ticket: Value,
}

/// Whether a member may be null as well as absent.
fn allows_null(schema: &Value) -> bool {
    let is_null = |schema: &Value| schema["type"] == "null";
    schema["type"].as_array().is_some_and(|types| types.contains(&json!("null")))
        || schema["oneOf"].as_array().is_some_and(|choices| choices.iter().any(is_null))
}

/// Whether a path is for staff only: its rules are theirs, and everybody else is refused at its door.
fn is_for_staff(path: &str) -> bool {
    path.contains("/admin/") || path.contains("/gate/")
}

/// The operations of a document.
fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().expect("paths");
    paths.values_mut().flat_map(|path| path.as_object_mut().expect("operations").values_mut())
}

/// The operations of a document that have an end, by path and name.
fn names(document: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for operation in operations.as_object().expect("operations").values() {
            let is_stream = operation["responses"].to_string().contains("text/event-stream");
            if !is_stream {
                found.push((path.clone(), operation["operationId"].as_str().expect("a name").to_owned()));
            }
        }
    }
    found
}

/// The Python that has schemathesis.
fn python() -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/schemathesis");
    assert!(
        tools.join("installed.txt").exists(),
        "schemathesis, which tests the API, is not installed in {}: run `make setup`",
        tools.display()
    );
    tools.join("bin/python")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Fails unless all of these were answered with a success: a run that only met refusals would prove little.
#[track_caller]
fn assert_reached(succeeded: &BTreeSet<String>, operations: &[&str]) {
    let missing: Vec<_> = operations.iter().filter(|&&name| !succeeded.contains(name)).collect();
    assert!(missing.is_empty(), "never answered with a success: {missing:?}; these were: {succeeded:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_fan_asks_is_answered_as_documented() {
    let world = World::new().await;
    let asking = world.asking("fan").await;
    let succeeded = world.ask_everything(&asking, |path| !is_for_staff(path)).await;
    assert_reached(
        &succeeded,
        &[
            "chargeWallet",
            "eraseAccount",
            "holdSeats",
            "joinQueue",
            "leaveQueue",
            "listTransactions",
            "logIn",
        ],
    );
    assert_reached(
        &succeeded,
        &["payReservation", "readPayment", "readQueueStatus", "readReservation", "signUp"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_operator_asks_is_answered_as_documented() {
    let world = World::new().await;
    let asking = world.asking("operator").await;
    let succeeded = world.ask_everything(&asking, is_for_staff).await;
    assert_reached(
        &succeeded,
        &["createConcert", "editConcert", "editQueue", "listAuditLog", "readAnyConcert"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_admin_or_a_gate_asks_is_answered_as_documented() {
    for role in ["admin", "gate"] {
        let world = World::new().await;
        let asking = world.asking(role).await;
        let succeeded = world.ask_everything(&asking, |_| false).await;
        assert_reached(&succeeded, &["listConcerts", "readConcert", "readPlan", "signUp"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_a_token_where_one_is_asked_for() {
    let world = World::new().await;
    let nobody = Asking { person: None, ..world.asking("fan").await };
    let succeeded = world.ask_everything(&nobody, |_| false).await;
    assert_reached(&succeeded, &["listConcerts", "readConcert", "readPlan", "signUp"]);
    let mut document = world.document(&[]).await;
    for operation in operations(&mut document) {
        // An empty choice means that there is a way without a token.
        let choices = operation.get("security").and_then(Value::as_array);
        let is_guarded = choices.is_some_and(|choices| !choices.contains(&json!({})));
        let name = operation["operationId"].as_str().expect("a name");
        assert!(!is_guarded || !succeeded.contains(name), "{name} was answered with a success");
    }
}

/// The control: of a document that promises something else than the server does, schemathesis has to say so.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_documented_is_found() {
    let world = World::new().await;
    let asking = world.asking("fan").await;
    let mut document = world.document(&asking.known).await;
    let schedules = &mut document["paths"]["/api/v1/concerts/{concertId}/schedules"]["get"];
    schedules["responses"].as_object_mut().expect("responses").remove("404").expect("it was documented");
    let schemas = &mut document["components"]["schemas"];
    schemas["Balance"]["required"].as_array_mut().expect("names").push(json!("nobodyHasThis"));
    schemas["ChargeForm"]["properties"]["amount"]["maximum"] = json!(2_000);
    let operations = ["listSchedules", "readBalance", "chargeWallet"];
    let output = world.ask(&document, asking.person.as_ref(), &operations, &["--phases", "coverage"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let findings =
        ["Undocumented status code", "nobodyHasThis", "Schema-violating request accepted", "curl -X"];
    for finding in findings {
        assert!(said(&output).contains(finding), "{finding} is missing in:\n{}", said(&output));
    }
}
