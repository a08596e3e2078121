//! Makes the golden file of this version of the line's journal: lines with a place in every state, and a page of
//! facts about them. Run once when that schema gets a new version, and commit both files; they are never made again.
//!
//! `cargo run -p frontrow-store-sqlite --example make_golden_line -- crates/store-sqlite/tests/golden`

use std::path::PathBuf;

use frontrow_application::queue::journal::{
    LineBatch, LineJournal, LobbyMark, LobbyStage, Moved, RoomMark, Stored, Told,
};
use frontrow_domain::queue::{EndReason, Place, PlaceState, Session};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};
use frontrow_store_sqlite::{LINE_FILE_NAME, LINE_SCHEMA_VERSION, SqliteLine};
use serde_json::{Value, json};
use uuid::Uuid;

/// A Sunday evening at eight, in Seoul.
const START: Timestamp = Timestamp::from_micros(1_800_000_000_123_456);
const SESSIONS_THROUGH: u64 = 123_456_789;

fn states() -> Vec<PlaceState> {
    let session = Session {
        admitted_at: START.plus_seconds(30),
        ends_at: START.plus_seconds(330),
        claim_by: Some(START.plus_seconds(90)),
    };
    let mut states = vec![
        PlaceState::Waiting,
        PlaceState::Skipped,
        PlaceState::Active(session),
        PlaceState::Active(session.claimed()),
    ];
    for reason in EndReason::ALL {
        for admitted_at in [None, Some(START.plus_seconds(30))] {
            states.push(PlaceState::Ended { reason, at: START.plus_seconds(120), admitted_at });
        }
    }
    states
}

/// Two lines: one that was never closed, and one that was closed with fans in it and joined again.
fn lines() -> (Vec<Place>, Vec<RoomMark>) {
    let mut places = Vec::new();
    for (concert, first) in [(1, 1), (u32::MAX, 5_000_000_000)] {
        for (sequence, state) in (first..).zip(states()) {
            places.push(Place {
                concert: ConcertId::new(concert),
                sequence: Sequence::new(sequence),
                entry: EntryId::new(Uuid::from_u64_pair(0x0190_0000_0000_7000, sequence)),
                user: UserId::new(Uuid::from_u64_pair(sequence, concert.into())),
                joined_at: Timestamp::from_micros(START.micros() + sequence.cast_signed()),
                state,
            });
        }
    }
    let open = RoomMark {
        concert: ConcertId::new(1),
        next: Sequence::new(20),
        closed_below: Sequence::new(1),
        closed_at: Timestamp::ZERO,
    };
    let closed = RoomMark {
        concert: ConcertId::new(u32::MAX),
        next: Sequence::new(5_000_000_016),
        closed_below: Sequence::new(5_000_000_002),
        closed_at: START.plus_seconds(60),
    };
    (places, vec![open, closed])
}

/// Lobbies whose draw is to come, is under way with one in line already, and is done. Of the last nothing is left but its
/// line. Fans have left before and since.
fn lobbies() -> (Vec<Place>, Vec<LobbyMark>) {
    let number = |number| Sequence::new(Sequence::LOBBY.get() + number);
    let left = |second| PlaceState::Ended {
        reason: EndReason::Left,
        at: START.plus_seconds(second),
        admitted_at: None,
    };
    let place = |concert: u32, entry: u64, sequence, state| Place {
        concert: ConcertId::new(concert),
        sequence,
        entry: EntryId::new(Uuid::from_u64_pair(0x0190_0000_0001_7000, entry)),
        user: UserId::new(Uuid::from_u64_pair(entry, concert.into())),
        joined_at: START,
        state,
    };
    let waits = PlaceState::Waiting;
    let of_line = Sequence::new;
    let places = vec![
        place(101, 1, number(1), waits),
        place(101, 2, number(2), left(5)),
        place(102, 3, of_line(1), waits),
        place(102, 1, number(1), left(5)),
        place(102, 2, number(2), waits),
        place(102, 3, number(3), waits),
        place(102, 4, number(4), left(20)),
        place(102, 5, number(5), waits),
        place(103, 1, of_line(1), waits),
    ];
    let mark =
        |concert, next, stage| LobbyMark { concert: ConcertId::new(concert), next: number(next), stage };
    let drawing = LobbyStage::Drawing { below: number(5), at: START.plus_seconds(10), first: of_line(1) };
    let marks =
        vec![mark(101, 3, LobbyStage::Gathering), mark(102, 6, drawing), mark(103, 2, LobbyStage::Done)];
    (places, marks)
}

fn lobby_facts(lobby: &LobbyMark) -> Value {
    let stage = match lobby.stage {
        LobbyStage::Gathering => json!({ "name": "gathering" }),
        LobbyStage::Drawing { below, at, first } => {
            json!({ "name": "drawing", "below": below, "at": at.micros(), "first": first })
        }
        LobbyStage::Done => json!({ "name": "done" }),
    };
    json!({ "concert": lobby.concert, "next": lobby.next, "stage": stage })
}

fn place_facts(place: &Place) -> Value {
    let state = match place.state {
        PlaceState::Waiting => json!({ "name": "waiting" }),
        PlaceState::Skipped => json!({ "name": "skipped" }),
        PlaceState::Active(Session { admitted_at, ends_at, claim_by }) => json!({
            "name": "active", "admittedAt": admitted_at.micros(), "endsAt": ends_at.micros(),
            "claimBy": claim_by.map(Timestamp::micros),
        }),
        PlaceState::Ended { reason, at, admitted_at } => json!({
            "name": "ended", "reason": reason.name(), "at": at.micros(),
            "admittedAt": admitted_at.map(Timestamp::micros),
        }),
    };
    json!({
        "concert": place.concert, "sequence": place.sequence, "entry": place.entry, "user": place.user,
        "joinedAt": place.joined_at.micros(), "state": state,
    })
}

fn room_facts(room: &RoomMark) -> Value {
    json!({
        "concert": room.concert, "next": room.next, "closedBelow": room.closed_below,
        "closedAt": room.closed_at.micros(),
    })
}

fn main() {
    let target = PathBuf::from(std::env::args().nth(1).expect("the folder of golden files"));
    let work = tempfile::tempdir().expect("a folder");
    let (mut places, mut rooms) = lines();
    let (in_lobbies, lobbies) = lobbies();
    // Before the line with the highest number of all, in the order in which they are read.
    let at = places.partition_point(|place| place.concert == rooms[0].concert);
    places.splice(at..at, in_lobbies);
    let drawn_to =
        |concert| RoomMark { concert: ConcertId::new(concert), next: Sequence::new(2), ..rooms[0] };
    rooms.splice(1..1, [drawn_to(102), drawn_to(103)]);
    let joined = places.iter().map(|place| Place { state: PlaceState::Waiting, ..*place }).collect();
    let has_moved = places.iter().filter(|place| place.state != PlaceState::Waiting);
    let moved = has_moved.map(|Place { concert, sequence, state, .. }| Moved {
        concert: *concert,
        sequence: *sequence,
        state: *state,
    });
    let line = SqliteLine::open(work.path()).expect("it opens");
    // Of the second line, nobody was told of anybody.
    let told = vec![Told { concert: ConcertId::new(1), through: START.plus_seconds(30) }];
    line.append(&LineBatch {
        joined,
        moved: moved.collect(),
        rooms: rooms.clone(),
        sessions_through: Some(SESSIONS_THROUGH),
        told: told.clone(),
        lobbies: lobbies.clone(),
    })
    .expect("kept");
    let mut expected = vec![Stored::SessionsThrough(SESSIONS_THROUGH)];
    expected.extend(rooms.iter().copied().map(Stored::Room));
    expected.extend(told.iter().copied().map(Stored::Told));
    expected.extend(lobbies.iter().copied().map(Stored::Lobby));
    expected.extend(places.iter().copied().map(Stored::Place));
    let mut stored = Vec::new();
    line.load(Timestamp::ZERO, &mut |item| stored.push(item)).expect("it can be read");
    assert_eq!(stored, expected, "the file says what the facts say");
    line.close();

    let facts = json!({
        "startMicros": START.micros(), "sessionsThrough": SESSIONS_THROUGH,
        "rooms": rooms.iter().map(room_facts).collect::<Vec<_>>(),
        "places": places.iter().map(place_facts).collect::<Vec<_>>(),
        "lobbies": lobbies.iter().map(lobby_facts).collect::<Vec<_>>(),
        "told": told.iter().map(|told| json!({ "concert": told.concert, "through": told.through.micros() }))
            .collect::<Vec<_>>(),
    });
    let name = format!("line-schema-{LINE_SCHEMA_VERSION}");
    std::fs::copy(work.path().join(LINE_FILE_NAME), target.join(format!("{name}.sqlite"))).expect("copied");
    let text = serde_json::to_string_pretty(&facts).expect("facts");
    std::fs::write(target.join(format!("{name}.json")), text + "\n").expect("written");
}
