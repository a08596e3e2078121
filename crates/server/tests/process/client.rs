//! What the tests ask a server, as fans and operators.

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::server::{Server, token};

/// Somebody with a token.
#[derive(Clone)]
pub(crate) struct Person {
    client: Client,
    base: String,
    bearer: String,
    /// The queue token to show, once there is one.
    pass: Option<String>,
}

/// An answer: its status and its JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) replayed: bool,
    /// Whether it says when to ask again.
    pub(crate) says_when: bool,
}

impl Answer {
    async fn of(response: Response) -> Result<Self, reqwest::Error> {
        let status = response.status();
        let replayed = response.headers().contains_key("idempotency-replayed");
        let says_when = response.headers().contains_key("retry-after");
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Self { status, body, replayed, says_when })
    }

    /// The code of a problem.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    /// True when it could not be done now, as it has to be said: a 503 that says when to ask again.
    pub(crate) fn is_not_now(&self) -> bool {
        self.status.as_u16() == 503 && self.says_when
    }

    /// The body of an answer that has to have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }
}

/// A client that opens as many connections as it is asked for.
pub(crate) fn http() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder().pool_max_idle_per_host(64).no_proxy().build().expect("a client")
}

impl Person {
    /// Somebody whom the tests' issuer vouches for.
    pub(crate) fn new(server: &Server, client: &Client, name: &str, role: &str) -> Self {
        Self { client: client.clone(), base: server.url(""), bearer: token(name, role), pass: None }
    }

    /// The same person, asking a server that was started again.
    pub(crate) fn at(&self, server: &Server) -> Self {
        Self { base: server.url(""), ..self.clone() }
    }

    /// The same person, asking somewhere else.
    pub(crate) fn over(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// The same person with a queue token to show.
    pub(crate) fn with_pass(self, pass: &str) -> Self {
        Self { pass: Some(pass.to_owned()), ..self }
    }

    /// Somebody else with the queue token of this person.
    pub(crate) fn as_somebody_else(&self, name: &str) -> Self {
        Self { bearer: token(name, "fan"), ..self.clone() }
    }

    /// Somebody who is logged in here by this token.
    pub(crate) fn logged_in(&self, bearer: &str) -> Self {
        Self { bearer: bearer.to_owned(), pass: None, ..self.clone() }
    }

    /// The headers that say who asks.
    pub(crate) fn credentials(&self) -> Vec<(&'static str, String)> {
        let pass = self.pass.clone().map(|pass| ("Queue-Token", pass));
        std::iter::once(("Authorization", format!("Bearer {}", self.bearer))).chain(pass).collect()
    }

    /// Asks, and says when the server could not be reached or did not answer in full.
    pub(crate) async fn try_ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.bearer);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(pass) = &self.pass {
            request = request.header("Queue-Token", pass);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await?).await
    }

    /// Asks under one key until it is not told that it cannot be done now, which it counts.
    pub(crate) async fn insist(&self, path: &str, key: &str, body: Value, failed: &AtomicUsize) -> Answer {
        loop {
            let answer = self.post(path, key, body.clone()).await;
            if !answer.is_not_now() && answer.code() != "request_in_flight" {
                return answer;
            }
            failed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> Answer {
        self.try_ask(Method::POST, path, Some(key), Some(body)).await.expect("an answer")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.try_ask(Method::GET, path, None, None).await.expect("an answer")
    }

    /// Joins the line of a concert, shows its token from then on, and answers the place.
    pub(crate) async fn join(&mut self, concert: u64) -> Result<Answer, reqwest::Error> {
        let answer = self.try_ask(Method::POST, "/queues", None, Some(json!({"concertId": concert}))).await?;
        self.pass = answer.body["token"].as_str().map(str::to_owned);
        Ok(answer)
    }

    /// Where this person stands in line.
    pub(crate) async fn place(&self) -> Value {
        self.get("/queues/status").await.expect(200)
    }

    /// Opens a stream of events.
    pub(crate) async fn follow(&self, path: &str) -> Events {
        let mut request = self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.bearer);
        if let Some(pass) = &self.pass {
            request = request.header("Queue-Token", pass);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        Events { response, text: String::new() }
    }

    pub(crate) async fn charge(&self, amount: i64) -> Answer {
        let body = json!({"amount": amount, "method": "card"});
        self.post("/users/me/charge", &format!("charge-{amount}"), body).await
    }

    pub(crate) async fn hold(&self, key: &str, schedule: u64, seats: &[u32]) -> Answer {
        self.post("/reservations", key, json!({"scheduleId": schedule, "seats": seats})).await
    }

    pub(crate) async fn pay(&self, key: &str, reservation: &str) -> Answer {
        self.post("/payments", key, json!({"reservationId": reservation})).await
    }
}

/// An open stream of events.
pub(crate) struct Events {
    response: Response,
    text: String,
}

impl Events {
    /// The next event: its name and its data; nothing when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let member = |name: &str| {
                    block.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
                };
                if let (Some(name), Some(data)) = (member("event:"), member("data:")) {
                    return Some((name, serde_json::from_str(&data).expect("JSON")));
                }
                continue;
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    /// The first event of which this is true.
    pub(crate) async fn find(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        let find = async {
            loop {
                let (_, data) = self.next().await.expect("the stream goes on");
                if is_it(&data) {
                    return data;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), find).await.expect("it comes within half a minute")
    }
}

/// A concert with a waiting room and one schedule of plain seats on sale.
pub(crate) async fn on_sale_in_line(operator: &Person, title: &str, seats: u32, room: Value) -> (u64, u64) {
    let (concert, schedule) = on_sale_titled(operator, title, seats, 1_000, 300).await;
    let path = format!("/admin/concerts/{concert}");
    let edit = json!({"waitingRoom": room});
    operator.try_ask(Method::PATCH, &path, None, Some(edit)).await.expect("an answer").expect(200);
    (concert, schedule)
}

/// A concert with one schedule of plain seats on sale; answers their numbers.
pub(crate) async fn on_sale(operator: &Person, seats: u32, price: i64, hold_seconds: u32) -> (u64, u64) {
    on_sale_titled(operator, "Night", seats, price, hold_seconds).await
}

/// The same with a title: concerts of one test need different ones.
pub(crate) async fn on_sale_titled(
    operator: &Person,
    title: &str,
    seats: u32,
    price: i64,
    hold_seconds: u32,
) -> (u64, u64) {
    let concert = json!({"title": title, "artist": "Band", "description": ""});
    let concert = operator.post("/admin/concerts", &format!("concert {title}"), concert).await.expect(201);
    let concert = concert["concertId"].as_u64().expect("a number");
    let schedule = json!({
        "venue": "Hall", "startsAt": "2099-01-01T19:00:00+09:00", "durationMinutes": 120,
        "bookingStart": "2020-01-01T00:00:00Z", "bookingEnd": "2098-01-01T00:00:00Z",
        "holdSeconds": hold_seconds, "maxSeatsPerFan": 100,
        "seatPlan": {"plain": {"seats": seats, "price": price}},
    });
    let path = format!("/admin/concerts/{concert}/schedules");
    let schedule = operator.post(&path, &format!("schedule {title}"), schedule).await.expect(201);
    (concert, schedule["scheduleId"].as_u64().expect("a number"))
}

/// The letters of the seat map.
pub(crate) async fn states(person: &Person, (concert, schedule): (u64, u64)) -> String {
    let map = person.get(&format!("/concerts/{concert}/schedules/{schedule}/states")).await.expect(200);
    map["states"].as_str().expect("letters").to_owned()
}
