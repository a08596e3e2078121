//! What the tests ask a server, as fans and operators.

use std::sync::Once;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::server::{Server, token};

/// Somebody with a token.
#[derive(Clone)]
pub(crate) struct Person {
    client: Client,
    base: String,
    bearer: String,
}

/// An answer: its status and its JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) replayed: bool,
}

impl Answer {
    async fn of(response: Response) -> Result<Self, reqwest::Error> {
        let status = response.status();
        let replayed = response.headers().contains_key("idempotency-replayed");
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Self { status, body, replayed })
    }

    /// The code of a problem.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
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
        Self { client: client.clone(), base: server.url(""), bearer: token(name, role) }
    }

    /// The same person, asking a server that was started again.
    pub(crate) fn at(&self, server: &Server) -> Self {
        Self { base: server.url(""), ..self.clone() }
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
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await?).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> Answer {
        self.try_ask(Method::POST, path, Some(key), Some(body)).await.expect("an answer")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.try_ask(Method::GET, path, None, None).await.expect("an answer")
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

/// A concert with one schedule of plain seats on sale; answers their numbers.
pub(crate) async fn on_sale(operator: &Person, seats: u32, price: i64, hold_seconds: u32) -> (u64, u64) {
    let concert = operator
        .post("/admin/concerts", "concert", json!({"title": "Night", "artist": "Band", "description": ""}))
        .await
        .expect(201);
    let concert = concert["concertId"].as_u64().expect("a number");
    let schedule = json!({
        "venue": "Hall", "startsAt": "2099-01-01T19:00:00+09:00", "durationMinutes": 120,
        "bookingStart": "2020-01-01T00:00:00Z", "bookingEnd": "2098-01-01T00:00:00Z",
        "holdSeconds": hold_seconds, "maxSeatsPerFan": 100,
        "seatPlan": {"plain": {"seats": seats, "price": price}},
    });
    let path = format!("/admin/concerts/{concert}/schedules");
    let schedule = operator.post(&path, "schedule", schedule).await.expect(201);
    (concert, schedule["scheduleId"].as_u64().expect("a number"))
}

/// The letters of the seat map.
pub(crate) async fn states(person: &Person, (concert, schedule): (u64, u64)) -> String {
    let map = person.get(&format!("/concerts/{concert}/schedules/{schedule}/states")).await.expect(200);
    map["states"].as_str().expect("letters").to_owned()
}
