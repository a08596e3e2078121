//! A sale with a waiting room, and what happens in its line.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use frontrow_application::catalog::{ConcertPatch, WaitingRoomPatch};
use frontrow_application::staff::By;
use frontrow_domain::{ConcertId, ScheduleId};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::world::{Answer, Call, Client, World};

pub(crate) const QUEUES: &str = "/api/v1/queues";
pub(crate) const STATUS: &str = "/api/v1/queues/status";
pub(crate) const STREAM: &str = "/api/v1/queues/stream";

/// Longer than anything takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// A concert with a waiting room and one schedule on sale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sale {
    pub(crate) concert: ConcertId,
    pub(crate) schedule: ScheduleId,
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: u64,
    pub(crate) data: Value,
}

/// An open stream.
pub(crate) struct Events {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Body,
    pub(crate) has_ended: bool,
}

impl World {
    /// A sale that lets one fan in at once, as fast as ticks come, unless told otherwise.
    pub(crate) async fn a_sale(&self, room: WaitingRoomPatch) -> Sale {
        let concert = self.stage.a_concert().make().await;
        let schedule = self.stage.a_schedule().of(concert).make().await;
        let max_active = room.max_active.or(Some(1));
        self.set_room(concert, WaitingRoomPatch { enabled: Some(true), max_active, ..room }).await;
        Sale { concert, schedule }
    }

    /// A sale whose lobby is open, and which opens in a minute. Like any other it lets in one fan at once.
    pub(crate) async fn a_lobby(&self, room: WaitingRoomPatch) -> Sale {
        let concert = self.stage.a_concert().make().await;
        let opens_at = self.stage.now().plus_seconds(60);
        let schedule = self.stage.a_schedule().of(concert).booking_start(opens_at).make().await;
        let max_active = room.max_active.or(Some(1));
        let lobby_opens_at = Some(Some(self.stage.now()));
        let room = WaitingRoomPatch { enabled: Some(true), max_active, lobby_opens_at, ..room };
        self.set_room(concert, room).await;
        self.tick().await;
        Sale { concert, schedule }
    }

    /// Draws what is to be drawn, and moves the lines on.
    pub(crate) async fn draw(&self) {
        self.stage.app.tick_draws().await.expect("a draw");
        self.later(1_000).await;
    }

    /// Changes the waiting room of a concert.
    pub(crate) async fn set_room(&self, concert: ConcertId, room: WaitingRoomPatch) {
        let patch = ConcertPatch { waiting_room: room, ..ConcertPatch::default() };
        self.stage.app.edit_concert(By::System, concert, patch).await.expect("edit");
    }

    /// Moves the lines on.
    pub(crate) async fn tick(&self) {
        self.stage.app.tick_lines().await.expect("tick");
    }

    /// Lets time pass and moves the lines on.
    pub(crate) async fn later(&self, millis: u32) {
        self.stage.clock.advance_micros(i64::from(millis) * 1_000);
        self.tick().await;
    }

    /// Asks for a place in a line.
    pub(crate) async fn ask(&self, client: &Client, concert: ConcertId) -> Answer {
        self.post(QUEUES, &json!({"concertId": concert.get()})).by(client).send().await
    }

    /// Joins a line and answers the token.
    pub(crate) async fn join(&self, client: &Client, concert: ConcertId) -> String {
        let joined = self.ask(client, concert).await.expect(201);
        joined.json()["token"].as_str().expect("text").to_owned()
    }

    /// Where the fan of a token stands.
    pub(crate) async fn status(&self, token: &str) -> Value {
        self.get(STATUS).token(token).send().await.expect(200).json()
    }

    /// The public document.
    pub(crate) async fn line(&self, concert: ConcertId) -> Value {
        self.get(&format!("/api/v1/concerts/{concert}/queue")).send().await.expect(200).json()
    }

    /// Follows a line.
    pub(crate) async fn follow(&self, token: &str) -> Events {
        self.get(STREAM).token(token).listen().await
    }
}

impl Call<'_> {
    /// Sent, and the answer listened to as it comes.
    pub(crate) async fn listen(self) -> Events {
        let (head, body) = self.open().await.into_parts();
        Events { status: head.status.as_u16(), headers: head.headers, body, has_ended: false }
    }
}

impl Events {
    /// The next event; fails the test when there is none.
    pub(crate) async fn next(&mut self) -> Event {
        let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("an event in time");
        let frame = frame.expect("an event before the end").expect("readable");
        Event::parse(&frame.into_data().expect("data"))
    }

    /// What can be read without waiting.
    pub(crate) fn now(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(frame) = self.body.frame().now_or_never() {
            let Some(frame) = frame else {
                self.has_ended = true;
                break;
            };
            events.push(Event::parse(&frame.expect("readable").into_data().expect("data")));
        }
        events
    }

    /// Waits for the end of the stream; fails the test when something comes before it.
    pub(crate) async fn end(&mut self) {
        let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("an end in time");
        assert!(frame.is_none(), "{frame:?}");
        self.has_ended = true;
    }
}

impl Event {
    fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("text");
        let mut lines = text.strip_suffix("\n\n").expect("whole").lines();
        let mut field = |name: &str| {
            let line = lines.next().unwrap_or_else(|| panic!("no {name}: {text}"));
            line.strip_prefix(name).unwrap_or_else(|| panic!("no {name}: {text}")).to_owned()
        };
        let (name, id, data) = (field("event: "), field("id: "), field("data: "));
        assert_eq!(lines.next(), None, "{text}");
        let id = id.parse().expect("number");
        Self { name, id, data: serde_json::from_str(&data).expect("json") }
    }
}
