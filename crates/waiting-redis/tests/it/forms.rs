//! How fans are kept: many to a field, and one to a field in a room of the version before, which knows nothing of a lobby
//! either. That both are answered for alike is in `conformance`.

use std::sync::Arc;

use frontrow_application::waiting_room::{LinePolicy, WaitingRoom as _};
use frontrow_domain::queue::RoomState;
use frontrow_domain::{Sequence, UserId};
use frontrow_testkit::{ManualClock, samples};
use frontrow_waiting_redis::{RedisLine, RedisTime};

use crate::draws::{drive, figures, reversed};
use crate::own::{Fans, policy};
use crate::servers::{Rooms, Server};

/// A room on the Redis of all tests, by a clock that is turned.
pub(crate) struct Kept {
    pub(crate) rooms: Rooms,
    pub(crate) fans: Fans,
    pub(crate) clock: ManualClock,
}

impl Kept {
    pub(crate) fn open() -> Self {
        let (rooms, clock) = (Rooms::on(Server::single()), ManualClock::at(ManualClock::EPOCH));
        let mut settings = rooms.server.settings(&rooms.prefix);
        settings.time = RedisTime::Argument(Arc::new(clock.clone()));
        let line = RedisLine::open(settings).expect("good settings");
        Self { rooms, fans: Fans::of(line), clock }
    }

    fn open_former() -> Self {
        let kept = Self::open();
        let room = kept.rooms.key(samples::CONCERT.get(), "room");
        let _: i64 = kept.rooms.server.ask(redis::cmd("HSET").arg(room).arg("form").arg(1));
        kept
    }

    fn ask(&self, command: &str, field: &[u8]) -> usize {
        let mut asked = redis::cmd(command);
        asked.arg(self.rooms.key(samples::CONCERT.get(), "fans"));
        if !field.is_empty() {
            asked.arg(field);
        }
        self.rooms.server.ask(&asked)
    }

    /// What a command says of one of the keys.
    pub(crate) fn count(&self, command: &str, key: &str) -> u64 {
        self.rooms.server.ask(redis::cmd(command).arg(self.rooms.key(samples::CONCERT.get(), key)))
    }

    async fn number_of(&self, user: UserId) -> Option<u64> {
        let found = self.fans.line.find(samples::CONCERT, user).await.expect("the line answers");
        found.map(|standing| standing.place.sequence.get())
    }
}

/// Users whose ids end alike, so that they share a field, and of which one has another's within.
fn alike(count: u8) -> Vec<UserId> {
    let bytes = |number: u8| {
        let mut bytes = [7; 16];
        bytes[0] = number;
        bytes
    };
    (0..count).map(|number| UserId::new(uuid::Uuid::from_bytes(bytes(number)))).collect()
}

async fn join(kept: &Kept, user: UserId) -> u64 {
    let newcomer = frontrow_application::waiting_room::Newcomer { user, ..kept.fans.newcomer(1) };
    let joined = kept.fans.line.join(samples::CONCERT, newcomer, Ok(())).await.expect("the line answers");
    joined.expect("nobody is refused").standing.place.sequence.get()
}

#[tokio::test]
async fn fans_who_share_a_field_are_told_apart() {
    let kept = Kept::open();
    let users = alike(20);
    for (user, number) in users.iter().zip(1..) {
        assert_eq!(join(&kept, *user).await, number);
    }
    for (user, number) in users.iter().zip(1..) {
        assert_eq!(kept.number_of(*user).await, Some(number));
        assert_eq!(join(&kept, *user).await, number, "the place that they have");
    }
    assert_eq!((kept.ask("HLEN", &[]), kept.ask("HSTRLEN", &[7, 7])), (1, 20 * 19));
    assert_eq!(kept.number_of(alike(21)[20]).await, None);
}

#[tokio::test]
async fn a_room_of_the_version_before_stays_as_it_was() {
    let kept = Kept::open_former();
    for user in alike(20) {
        join(&kept, user).await;
    }
    assert_eq!((kept.ask("HLEN", &[]), kept.ask("HSTRLEN", &[7; 16])), (20, 1));
    assert_eq!(kept.number_of(alike(20)[19]).await, Some(20));
}

#[tokio::test]
async fn who_is_forgotten_leaves_the_others_in_the_field() {
    let kept = Kept::open();
    let users = alike(5);
    for user in &users[..4] {
        join(&kept, *user).await;
    }
    let closed = LinePolicy { state: RoomState::Closed, ..policy(0) };
    kept.fans.line.tick(samples::CONCERT, closed).await.expect("the line answers");
    kept.clock.advance(2 * 3_600);
    // The second is back in line, and so is one who was never there.
    assert_eq!(join(&kept, users[1]).await, 5);
    assert_eq!(join(&kept, users[4]).await, 6);
    assert_eq!(kept.fans.line.clean().await, Ok(4), "all places of before the closing");
    let mut numbers = Vec::new();
    for user in &users {
        numbers.push(kept.number_of(*user).await);
    }
    assert_eq!(numbers, [None, Some(5), None, None, Some(6)]);
    assert_eq!((kept.ask("HLEN", &[]), kept.ask("HSTRLEN", &[7, 7])), (1, 2 * 19));
}

#[tokio::test]
async fn a_field_of_which_all_are_forgotten_is_gone() {
    let kept = Kept::open();
    for user in alike(3) {
        join(&kept, user).await;
    }
    let closed = LinePolicy { state: RoomState::Closed, ..policy(0) };
    kept.fans.line.tick(samples::CONCERT, closed).await.expect("the line answers");
    kept.clock.advance(2 * 3_600);
    assert_eq!(kept.fans.line.clean().await, Ok(3));
    assert_eq!(kept.ask("HLEN", &[]), 0);
}

/// A room of the version before, with fans in line and not a word of a lobby, is served as it was, and may get one.
#[tokio::test]
async fn a_room_of_the_version_before_may_have_a_lobby() {
    let kept = Kept::open_former();
    let (line, room) = (&kept.fans.line, kept.rooms.key(samples::CONCERT.get(), "room"));
    kept.fans.join_all(0..3).await;
    let fields: Vec<String> = kept.rooms.server.ask(redis::cmd("HKEYS").arg(&room));
    for field in ["lobby_seq", "cut", "draw_first", "out_of_draw", "drawn", "lobby_closed_below", "lost_at"] {
        assert!(!fields.iter().any(|one| one == field), "{field} comes with a lobby only");
    }
    assert_eq!((kept.count("EXISTS", "lobby"), kept.fans.tick(1).await), (0, Ok(1)));
    let passes = kept.fans.fill_lobby(3..6).await;
    assert_eq!((kept.count("HLEN", "fans"), figures(line).await.lobby), (6, 3), "a field for each fan");
    assert_eq!(drive(line, reversed).await.map(|drawn| drawn.len()), Ok(3));
    let mut standings = Vec::new();
    for pass in passes {
        let standing = line.standing(pass).await.expect("answered").expect("there");
        standings.push((standing.place.sequence.get(), standing.ahead));
    }
    // The numbers of the lobby are not taken for numbers that Redis has lost.
    assert_eq!(standings, [(6, Some(4)), (5, Some(3)), (4, Some(2))]);
    assert_eq!(kept.fans.join(6).await.standing.place.sequence, Sequence::new(7));
    let fields: Vec<String> = kept.rooms.server.ask(redis::cmd("HKEYS").arg(&room));
    assert!(!fields.iter().any(|field| field == "lost_at"));
}
