//! Erasing a fan: afterwards nothing in any file says who it was.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::client::{Person, http, on_sale, on_sale_in_line};
use crate::cluster::{Cluster, service, until};
use crate::dump::{recipe, run};
use crate::receiver::Receiver;
use crate::sale::audit;
use crate::server::Server;

/// Somebody whose traces are looked for.
const EMAIL: &str = "erase.me.please@gone.example";
const NAME: &str = "Unmistakable Person";
/// Somebody who stays.
const OTHER: &str = "stays.where.they.are@here.example";
const PASSWORD: &str = "a long password";

/// Every file below a folder that has this text in it, in whatever case and however far deleted.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let text = text.to_lowercase().into_bytes();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(&path, &String::from_utf8_lossy(&text)));
        } else {
            let bytes = std::fs::read(&path).expect("a file").to_ascii_lowercase();
            if bytes.windows(text.len()).any(|window| window == text) {
                found.push(path);
            }
        }
    }
    found
}

/// Signs somebody up and logs them in: their access token.
async fn account(server: &Server, email: &str, name: &str) -> String {
    let post = |path: &str, body: Value| {
        http().post(server.url(path)).header("Idempotency-Key", email).json(&body).send()
    };
    let signed = post("/auth/signup", json!({"email": email, "password": PASSWORD, "name": name})).await;
    assert_eq!(signed.expect("an answer").status(), 201);
    let tokens = post("/auth/login", json!({"email": email, "password": PASSWORD})).await.expect("an answer");
    let tokens: Value = tokens.json().await.expect("JSON");
    tokens["accessToken"].as_str().expect("a token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_says_who_a_fan_was_that_was_erased() {
    let data = tempfile::tempdir().expect("folder");
    let folder = data.path();
    let (chat, receiver) = (Receiver::open().await, Receiver::open().await);
    let own = [
        ("FRONTROW__EVENTS__CHAT_URL", chat.url()),
        ("FRONTROW__EVENTS__ALLOW_PRIVATE_TARGETS", "true".to_owned()),
        ("FRONTROW__LOG__FILTER", "debug".to_owned()),
    ];
    let own: Vec<_> = own.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let server = Server::start(folder, &own);
    let client = http();
    let (operator, admin) = (
        Person::new(&server, &client, "operator", "operator"),
        Person::new(&server, &client, "admin", "admin"),
    );
    let webhook = json!({"url": receiver.url(), "description": "accounts"});
    operator.post("/admin/webhooks", "webhook", webhook).await.expect(201);
    // Enough others around for pages of the file to be split and filled again.
    for number in 0..150 {
        account(&server, &format!("other{number}@here.example"), "Other").await;
    }
    let fan = operator.logged_in(&account(&server, EMAIL, NAME).await);
    account(&server, OTHER, "Other").await;
    for number in 150..300 {
        account(&server, &format!("other{number}@here.example"), "Other").await;
    }

    // A whole evening: in line, at the map, paid, given back, looked for and helped by staff.
    let room = json!({"enabled": true, "maxActive": 10, "admitPerSecond": 100});
    let (concert, schedule) = on_sale_in_line(&operator, "Night", 10, room).await;
    let mut fan = fan;
    fan.join(concert).await.expect("an answer").expect(201);
    until("the fan is let in", || async { fan.place().await["state"] == "active" }).await;
    fan.charge(10_000).await.expect(200);
    let mut paid = Vec::new();
    for seat in [1, 2] {
        let held = fan.hold(&format!("hold {seat}"), schedule, &[seat]).await.expect(201);
        let id = held["reservationId"].as_str().expect("an id").to_owned();
        fan.pay(&format!("pay {seat}"), &id).await.expect(201);
        paid.push(id);
        until("the fan is in again", || async {
            let mut again = fan.clone();
            again.join(concert).await.expect("an answer");
            again.place().await["state"] == "active"
        })
        .await;
        fan.join(concert).await.expect("an answer");
    }
    let back = json!({"reason": "ill"});
    operator.post(&format!("/admin/reservations/{}/refund", paid[1]), "back", back).await.expect(200);
    let found = operator.get(&format!("/admin/reservations?email={EMAIL}")).await.expect(200);
    assert_eq!(found["items"][0]["fan"]["email"], EMAIL);
    let me = fan.get("/users/me").await.expect(200);
    let user = me["userId"].as_str().expect("an id").to_owned();
    for blocked in [true, false] {
        let path = format!("/admin/users/{user}");
        admin
            .try_ask(Method::PATCH, &path, None, Some(json!({ "blocked": blocked })))
            .await
            .expect("an answer");
    }
    until("others were told", || async { receiver.messages().len() >= 5 && !chat.messages().is_empty() })
        .await;
    assert!(!files_with(folder, EMAIL).is_empty() && !files_with(folder, NAME).is_empty(), "it is there");

    let erased = fan.try_ask(Method::DELETE, "/users/me", None, None).await.expect("an answer");
    assert_eq!(erased.status, 204, "{}", erased.body);
    assert!(matches!(fan.get("/users/me").await.status.as_u16(), 401 | 403));
    let login = json!({"email": EMAIL, "password": PASSWORD});
    let login = client.post(server.url("/auth/login")).json(&login).send().await.expect("an answer");
    assert_eq!(login.status(), 401);
    let none = operator.get(&format!("/admin/reservations?email={EMAIL}")).await.expect(200);
    assert_eq!(none["items"], json!([]));
    // The money and the seat are accounted for under the pseudonym.
    let kept = operator.get(&format!("/admin/reservations?userId={user}")).await.expect(200);
    assert_eq!(kept["items"].as_array().map(Vec::len), Some(2));
    assert!(server.stop().success());
    audit(folder);

    for text in [EMAIL, NAME] {
        let none: Vec<PathBuf> = Vec::new();
        assert_eq!(files_with(folder, text), none, "{text}");
        let told = receiver.messages().into_iter().chain(chat.messages());
        assert!(told.into_iter().all(|message| !message.text.contains(text)), "{text}");
    }
    assert!(!files_with(folder, OTHER).is_empty(), "it would have been found");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_shared_store_says_who_a_fan_was_that_was_erased() {
    let cluster = Cluster::start(1).await;
    let operator = cluster.person(0, "operator", "operator");
    let (_, schedule) = on_sale(&operator, 10, 1_000, 300).await;
    let server = &cluster.servers[0].0;
    let fan = operator.logged_in(&account(server, EMAIL, NAME).await);
    account(server, OTHER, "Other").await;
    fan.charge(10_000).await.expect(200);
    let held = fan.hold("hold", schedule, &[1]).await.expect(201);
    fan.pay("pay", held["reservationId"].as_str().expect("an id")).await.expect(201);
    let folder = tempfile::tempdir().expect("folder");
    let mysql = Url::parse(&service("FRONTROW_TEST_MYSQL_URL")).expect("an address");
    let name = Url::parse(cluster.database()).expect("an address").path().trim_start_matches('/').to_owned();
    // Every row of every table; what is bytes there is in hexadecimal digits.
    let dump = || {
        tokio::task::block_in_place(|| run(&recipe("mariadb-dump"), folder.path(), &mysql, &name, &[]));
        std::fs::read_to_string(folder.path().join("sale.sql")).expect("text").to_lowercase()
    };
    let hexadecimal = |text: &str| {
        text.bytes().fold(String::new(), |mut digits, byte| {
            write!(digits, "{byte:02x}").expect("text");
            digits
        })
    };
    let has =
        |text: &str, what: &str| text.contains(&what.to_lowercase()) || text.contains(&hexadecimal(what));
    let before = dump();
    assert!(has(&before, EMAIL) && has(&before, NAME), "it is there");
    fan.try_ask(Method::DELETE, "/users/me", None, None).await.expect("an answer").expect(204);
    let after = dump();
    assert!(!has(&after, EMAIL) && !has(&after, NAME));
    assert!(has(&after, OTHER), "it would have been found");
    cluster.audit();
}
