//! A rehearsal on a server that is there: only when told, its sales can be told from others, and everything comes back.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Person, http, on_sale_in_line, on_sale_titled, states};
use crate::cluster::until;
use crate::rehearse::{QUICK, read, said, sum};
use crate::server::{Server, frontrow, token};

/// What the concert is called. Nothing in it may be lost on its way through a shell.
const TITLE: &str = "Rock'n'Roll \"Rehearsal\"";
const PASSWORD: &str = "a pass phrase of the operator";

/// A server with a concert on sale behind a waiting room, and who runs it.
struct Stage {
    folder: TempDir,
    server: Server,
    operator: Person,
    sale: (u64, u64),
    /// What `--operator` names.
    credentials: PathBuf,
}

impl Stage {
    async fn set(seats: u32, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let mut all = vec![
            ("FRONTROW__ADMIN__EMAIL", "operator@example.com"),
            ("FRONTROW__ADMIN__PASSWORD", PASSWORD),
            // The audit beside the sale goes through in no time.
            ("FRONTROW__JOBS__AUDIT_PAUSE_MS", "5"),
        ];
        all.extend(settings);
        let server = Server::start(folder.path(), &all);
        let operator = Person::new(&server, &http(), "operator", "operator");
        let room = json!({"enabled": true, "maxActive": 40, "admitPerSecond": 40});
        let sale = on_sale_in_line(&operator, TITLE, seats, room).await;
        let credentials = folder.path().join("operator.txt");
        write_private(&credentials, &format!("operator@example.com\n{PASSWORD}\n"));
        Self { folder, server, operator, sale, credentials }
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let (concert, server) = (self.sale.0.to_string(), format!("http://{}", self.server.address));
        let mut command = frontrow(self.folder.path());
        command.args(["rehearse", "--live", server.as_str(), "--concert", concert.as_str()]);
        command.arg("--operator").arg(&self.credentials).args(arguments).stdin(Stdio::null());
        command
    }

    fn rehearse(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// Seats by state.
    async fn seats(&self) -> Value {
        let sales = self.operator.get(&format!("/admin/concerts/{}/sales", self.sale.0)).await.expect(200);
        let schedule = &sales["schedules"][0];
        json!({"available": schedule["available"], "sold": schedule["sold"]})
    }

    async fn reservations(&self, status: &str) -> Vec<Value> {
        let path = format!("/admin/reservations?concertId={}&status={status}&limit=100", self.sale.0);
        self.operator.get(&path).await.expect(200)["items"].as_array().expect("items").clone()
    }

    fn audit(&self) -> Output {
        frontrow(self.folder.path()).arg("audit").output().expect("it runs")
    }
}

fn write_private(file: &Path, text: &str) {
    std::fs::write(file, text).expect("written");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("set");
}

/// The name of the rehearsal, as it was said.
fn name_of(said: &str) -> &str {
    let (_, rest) = said.split_once("frontrow: rehearsal ").expect("it says its name");
    rest.split(':').next().expect("a name")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_sale_is_rehearsed_only_when_told_and_everything_comes_back() {
    // Log-ins that last so briefly have to be renewed on the way.
    let stage = Stage::set(30, &[("FRONTROW__AUTH__ACCESS_TOKEN_SECONDS", "2")]).await;
    let report = stage.folder.path().join("report.json");
    // Nobody lets a hold lapse, which lasts for longer than this night.
    let crowd = ["--fans", "90", "--over", "2", "--thinking", "0.05", "--streaming", "40"];
    let arguments = [&crowd[..], &["--give-up", "0"]].concat();

    let refused = stage.rehearse(&arguments);
    assert_eq!(refused.status.code(), Some(2));
    let told = said(&refused);
    assert!(told.contains("this would sell 30 real seats"), "{told}");
    // What it says to write is what a shell takes.
    let (_, flag) = told.split_once("--yes-this-sells-real-seats ").expect("it says what to write");
    assert_eq!(flag.trim(), r#"'Rock'\''n'\''Roll "Rehearsal"'"#);
    let mistaken = stage.rehearse(&[&arguments[..], &["--yes-this-sells-real-seats", "Another"]].concat());
    assert_eq!(mistaken.status.code(), Some(2));
    assert!(said(&mistaken).contains("the concert there is not \"Another\""), "{}", said(&mistaken));
    let accounts = stage.operator_as_admin().get("/admin/users?query=rehearsal.invalid").await.expect(200);
    assert_eq!(accounts["items"], json!([]), "nobody was made");

    let yes = ["--yes-this-sells-real-seats", TITLE, "--json", report.to_str().expect("UTF-8")];
    let output = stage.rehearse(&[&arguments[..], &yes].concat());
    let told = said(&output);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{told}");
    let report = read(&report);
    assert_eq!(report["audit"]["clean"], true, "{told}");
    assert_eq!(report["outcome"]["sold"], 30, "{told}");
    assert_eq!(report["audit"]["confirmed"], 30_000, "what was paid before it was taken back");
    let renewed = sum(&report["outcome"]["steps"], |step| {
        step["answers"].as_u64().filter(|_| step["step"] == "renew log-in")
    });
    assert!(renewed > 0, "log-ins of two seconds do not last for a night: {told}");

    // All of it came back, and says whose it was.
    let name = name_of(&told);
    assert_eq!(stage.seats().await["sold"], 0, "{told}");
    let refunded = stage.reservations("refunded").await;
    assert!((8..=30).contains(&refunded.len()), "{} reservations of 30 seats", refunded.len());
    let domain = format!("@{name}.rehearsal.invalid");
    for reservation in &refunded {
        let email = reservation["fan"]["email"].as_str().expect("an address");
        assert!(email.ends_with(&domain), "{email}");
        assert_eq!(reservation["fan"]["name"], format!("Rehearsal {name}"));
    }
    assert!(stage.reservations("confirmed").await.is_empty());
    let audit = stage.audit();
    assert!(audit.status.success(), "{}", said(&audit));
    // Whoever looks later knows which refunds these were.
    let log = stage.operator.get("/admin/audit-log?limit=1").await.expect(200);
    assert!(log["items"][0].to_string().contains(name), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_is_touched_by_a_rehearsal_or_by_taking_it_back() {
    let stage = Stage::set(60, &[]).await;
    let (concert, schedule) = on_sale_titled(&stage.operator, "Another night", 5, 1_000, 300).await;
    let few = ["--fans", "4", "--over", "0", "--thinking", "0.02", "--give-up", "0"];
    let yes = ["--yes-this-sells-real-seats", TITLE];
    let kept = stage.rehearse(&[&few[..], &yes, &["--keep"]].concat());
    let told = said(&kept);
    assert!(matches!(kept.status.code(), Some(0 | 1)), "{told}");
    let of_rehearsal = stage.reservations("confirmed").await.len();
    assert_eq!(of_rehearsal, 4, "{told}");

    // Somebody else buys, here and elsewhere.
    let mut somebody = Person::new(&stage.server, &http(), "somebody", "fan");
    somebody.charge(10_000).await.expect(200);
    somebody.join(stage.sale.0).await.expect("an answer").expect(201);
    let in_line = &somebody;
    until("they are let in", || async move { in_line.place().await["state"] == "active" }).await;
    for (key, schedule, seat) in [("a", stage.sale.1, 60), ("b", schedule, 5)] {
        let held = somebody.hold(key, schedule, &[seat]).await.expect(201);
        let id = held["reservationId"].as_str().expect("an id").to_owned();
        somebody.pay(&format!("pay {key}"), &id).await.expect(201);
    }
    let again = stage.rehearse(&[&few[..], &yes].concat());
    assert_eq!(again.status.code(), Some(2));
    assert!(said(&again).contains("somebody else is there"), "{}", said(&again));

    let back = stage.rehearse(&["--take-back", name_of(&told)]);
    assert_eq!(back.status.code(), Some(0), "{}", said(&back));
    assert!(said(&back).contains("4 reservations were refunded"), "{}", said(&back));
    let left = stage.reservations("confirmed").await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["fan"]["name"], "somebody");
    assert_eq!(states(&stage.operator, (concert, schedule)).await, "aaaas");
    // A second time there is nothing left to be taken back.
    let back = stage.rehearse(&["--take-back", name_of(&told)]);
    assert!(said(&back).contains("0 reservations were refunded"), "{}", said(&back));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_live_rehearsal_takes_back_what_it_has_bought() {
    let stage = Stage::set(50, &[]).await;
    let slow = ["--fans", "100", "--over", "600", "--thinking", "0.01", "--yes-this-sells-real-seats", TITLE];
    let mut child = stage.command(&slow).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let mut lines = BufReader::new(child.stderr.take().expect("its errors")).lines();
    let sells = |line: &String| line.contains("seats sold") && !line.contains(", 0 of 50 seats sold");
    assert!(lines.by_ref().map_while(Result::ok).any(|line| sells(&line)), "something is sold");
    let told = std::process::Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
    assert!(told.success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("it ends").code(), Some(2), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("interrupted")), "{rest:?}");
    assert_eq!(stage.seats().await["sold"], 0, "{rest:?}");
    assert!(!stage.reservations("refunded").await.is_empty(), "there was something to take back");
}

#[tokio::test(flavor = "multi_thread")]
async fn fans_whose_streams_are_cut_off_ask_from_then_on() {
    // Room for the connections that fans share, and for a few streams beside.
    let stage = Stage::set(40, &[("FRONTROW__HTTP__MAX_CONNECTIONS_PER_ADDRESS", "24")]).await;
    let report = stage.folder.path().join("report.json");
    let all = [
        "--fans",
        "150",
        "--connections",
        "16",
        "--streaming",
        "100",
        "--give-up",
        "0",
        "--keep",
        "--yes-this-sells-real-seats",
    ];
    let output = stage
        .rehearse(&[&all[..], &[TITLE, "--json", report.to_str().expect("UTF-8")], &QUICK[..4]].concat());
    let told = said(&output);
    let outcome = &read(&report)["outcome"];
    assert!(outcome["streams"]["endedEarly"].as_u64() > Some(0), "{told}");
    assert_eq!(outcome["streams"]["fans"], 150);
    let asks = sum(&outcome["steps"], |step| step["answers"].as_u64().filter(|_| step["step"] == "ask"));
    assert!(asks > 0, "{told}");
    assert_eq!(outcome["sold"], 40, "the sale goes on without streams: {told}");
    assert_eq!(sum(&outcome["ends"], |end| end[1].as_u64()), 150);
    let unfinished =
        sum(&outcome["ends"], |end| end[1].as_u64().filter(|_| end[0] == "was still on their way"));
    assert_eq!(unfinished, 0, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_live_rehearsal_lacks_is_said_before_anything_is_made() {
    let stage = Stage::set(10, &[("FRONTROW__WALLET__CHARGE_BY", "operator")]).await;
    let file = |name: &str, text: &str| {
        let file = stage.folder.path().join(name);
        write_private(&file, text);
        file.to_str().expect("UTF-8").to_owned()
    };
    let fan = file("fan.txt", &token("just a fan", "fan"));
    let wrong = file("wrong.txt", "operator@example.com\nnot the pass phrase\n");
    let open = file("open.txt", &token("operator", "operator"));
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).expect("set");
    let live = format!("http://{}", stage.server.address);
    let concert = stage.sale.0.to_string();
    let of = |operator: &str| {
        let arguments = ["--live", &live, "--concert", &concert, "--operator", operator].map(str::to_owned);
        arguments.to_vec()
    };
    let good = stage.credentials.to_str().expect("UTF-8");
    let and = |more: &[&str]| [of(good), more.iter().map(|&word| word.to_owned()).collect()].concat();
    for (arguments, says) in [
        (of(&fan), "it has to be operator or admin"),
        (of(&wrong), "invalid_credentials"),
        (of(&open), "chmod 600"),
        (vec!["--live".to_owned(), live.clone()], "--concert"),
        (
            vec!["--live".to_owned(), live.clone(), "--concert".to_owned(), concert.clone()],
            "FRONTROW_REHEARSE_OPERATOR",
        ),
        (and(&["--seats", "10"]), "cannot be used with"),
        (and(&["--hold-seconds", "10"]), "cannot be used with"),
        (and(&["--metrics", "http://127.0.0.1:9/x", "--yes-this-sells-real-seats", TITLE]), "--metrics"),
        (and(&["--yes-this-sells-real-seats", TITLE]), "wallet.charge_by"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = frontrow(stage.folder.path())
            .args(["rehearse", "--fans", "20"])
            .args(&arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs");
        let told = said(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: {told}");
        assert!(!told.contains("the sale opens"), "{told}");
    }
    assert_eq!(stage.seats().await, json!({"available": 10, "sold": 0}));
}

impl Stage {
    /// Who may look at accounts.
    fn operator_as_admin(&self) -> Person {
        Person::new(&self.server, &http(), "admin", "admin")
    }
}
