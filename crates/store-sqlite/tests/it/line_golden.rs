//! Journals of the line of every schema version there ever was must open, and mean what they meant.
//!
//! `examples/make_golden_line.rs` makes the pair of files of a version, once.

use std::path::{Path, PathBuf};

use frontrow_application::queue::journal::{
    LineBatch, LineJournal, LobbyMark, LobbyStage, Moved, RoomMark, Stored, Told,
};
use frontrow_domain::queue::{EndReason, Place, PlaceState, Session};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};
use frontrow_store_sqlite::{LINE_FILE_NAME, LINE_SCHEMA_VERSION, SqliteLine};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    start_micros: i64,
    sessions_through: u64,
    rooms: Vec<RoomFacts>,
    places: Vec<PlaceFacts>,
    /// Nothing before version 2: then whatever was there counts as told.
    told: Option<Vec<ToldFacts>>,
    /// Nothing before version 3.
    #[serde(default)]
    lobbies: Vec<LobbyFacts>,
}

#[derive(Deserialize)]
struct LobbyFacts {
    concert: ConcertId,
    next: Sequence,
    stage: StageFacts,
}

#[derive(Deserialize)]
#[serde(tag = "name", rename_all = "camelCase")]
enum StageFacts {
    Gathering,
    Drawing { below: Sequence, at: i64, first: Sequence },
    Done,
}

#[derive(Deserialize)]
struct ToldFacts {
    concert: ConcertId,
    through: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoomFacts {
    concert: ConcertId,
    next: Sequence,
    closed_below: Sequence,
    closed_at: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlaceFacts {
    concert: ConcertId,
    sequence: Sequence,
    entry: EntryId,
    user: UserId,
    joined_at: i64,
    state: StateFacts,
}

#[derive(Deserialize)]
#[serde(tag = "name", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum StateFacts {
    Waiting,
    Skipped,
    Active { admitted_at: i64, ends_at: i64, claim_by: Option<i64> },
    Ended { reason: String, at: i64, admitted_at: Option<i64> },
}

fn room(facts: &RoomFacts) -> Stored {
    let RoomFacts { concert, next, closed_below, closed_at } = *facts;
    Stored::Room(RoomMark { concert, next, closed_below, closed_at: Timestamp::from_micros(closed_at) })
}

fn place(facts: &PlaceFacts) -> Stored {
    let PlaceFacts { concert, sequence, entry, user, joined_at, ref state } = *facts;
    let state = match *state {
        StateFacts::Waiting => PlaceState::Waiting,
        StateFacts::Skipped => PlaceState::Skipped,
        StateFacts::Active { admitted_at, ends_at, claim_by } => PlaceState::Active(Session {
            admitted_at: Timestamp::from_micros(admitted_at),
            ends_at: Timestamp::from_micros(ends_at),
            claim_by: claim_by.map(Timestamp::from_micros),
        }),
        StateFacts::Ended { ref reason, at, admitted_at } => PlaceState::Ended {
            reason: *EndReason::ALL.iter().find(|known| known.name() == reason).expect("a reason"),
            at: Timestamp::from_micros(at),
            admitted_at: admitted_at.map(Timestamp::from_micros),
        },
    };
    Stored::Place(Place {
        concert,
        sequence,
        entry,
        user,
        joined_at: Timestamp::from_micros(joined_at),
        state,
    })
}

fn lobby(facts: &LobbyFacts) -> Stored {
    let LobbyFacts { concert, next, ref stage } = *facts;
    let stage = match *stage {
        StageFacts::Gathering => LobbyStage::Gathering,
        StageFacts::Drawing { below, at, first } => {
            LobbyStage::Drawing { below, at: Timestamp::from_micros(at), first }
        }
        StageFacts::Done => LobbyStage::Done,
    };
    Stored::Lobby(LobbyMark { concert, next, stage })
}

/// How far was told of each line.
fn told(facts: &Facts) -> Vec<Stored> {
    let stored = |concert, through| Stored::Told(Told { concert, through: Timestamp::from_micros(through) });
    let admitted_at = |place: &PlaceFacts| match place.state {
        StateFacts::Active { admitted_at, .. } => Some(admitted_at),
        StateFacts::Ended { admitted_at, .. } => admitted_at,
        StateFacts::Waiting | StateFacts::Skipped => None,
    };
    let newest = |concert| {
        let of_line = facts.places.iter().filter(|place| place.concert == concert);
        of_line.filter_map(admitted_at).max()
    };
    if let Some(told) = &facts.told {
        return told.iter().map(|told| stored(told.concert, told.through)).collect();
    }
    let lines = facts.rooms.iter().map(|room| room.concert);
    lines.filter_map(|concert| newest(concert).map(|at| stored(concert, at))).collect()
}

fn golden(version: u32, ending: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/line-schema-{version}.{ending}"))
}

fn stored(line: &SqliteLine, ended_after: Timestamp) -> Vec<Stored> {
    let mut all = Vec::new();
    line.load(ended_after, &mut |stored| all.push(stored)).expect("it can be read");
    all
}

#[test]
fn every_version_of_the_line_there_was_opens_and_means_what_it_meant() {
    for version in 1..=LINE_SCHEMA_VERSION {
        let facts = std::fs::read_to_string(golden(version, "json")).expect("facts");
        let facts: Facts = serde_json::from_str(&facts).expect("facts");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::copy(golden(version, "sqlite"), folder.path().join(LINE_FILE_NAME)).expect("a copy");
        assert_eq!(facts.lobbies.is_empty(), version < 3, "version {version}");
        check(folder.path(), &facts);
    }
}

fn check(folder: &Path, facts: &Facts) {
    let line = SqliteLine::open(folder).expect("it opens");
    let mut expected = vec![Stored::SessionsThrough(facts.sessions_through)];
    expected.extend(facts.rooms.iter().map(room));
    expected.extend(told(facts));
    expected.extend(facts.lobbies.iter().map(lobby));
    expected.extend(facts.places.iter().map(place));
    assert_eq!(stored(&line, Timestamp::ZERO), expected);

    // The line goes on, and what is over goes.
    let start = Timestamp::from_micros(facts.start_micros);
    let Stored::Place(first) = place(&facts.places[0]) else { panic!("a place") };
    let moved = Moved { concert: first.concert, sequence: first.sequence, state: PlaceState::Skipped };
    let newcomer = Place { sequence: Sequence::new(1_000), ..first };
    line.append(&LineBatch { joined: vec![newcomer], moved: vec![moved], ..LineBatch::default() })
        .expect("kept");
    let later = start.plus_seconds(3_600);
    let left = stored(&line, later);
    let gone = line.forget(later, usize::MAX).expect("forgotten");
    assert_eq!(stored(&line, Timestamp::ZERO), left);
    assert_eq!(left.len() + gone, expected.len() + 1);
}
