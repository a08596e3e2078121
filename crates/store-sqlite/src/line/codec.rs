//! Columns to places and back. What cannot have been written is an error, never a guess.

use frontrow_application::queue::journal::{LobbyMark, LobbyStage, RoomMark};
use frontrow_domain::queue::{EndReason, Place, PlaceState, Session};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};
use rusqlite::{Result, Row};
use uuid::Uuid;

use crate::codec::{time, unreadable};

// States as they are stored.
const WAITING: u8 = 0;
const SKIPPED: u8 = 1;
const ACTIVE: u8 = 2;
pub(super) const ENDED: u8 = 3;

/// A state as it is stored.
#[derive(Default)]
pub(super) struct StateColumns {
    pub(super) state: u8,
    pub(super) admitted_at: Option<Timestamp>,
    pub(super) ends_at: Option<Timestamp>,
    pub(super) claim_by: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) reason: Option<u8>,
}

/// The columns of a state.
pub(super) fn state_columns(state: PlaceState) -> StateColumns {
    match state {
        PlaceState::Waiting => StateColumns { state: WAITING, ..StateColumns::default() },
        PlaceState::Skipped => StateColumns { state: SKIPPED, ..StateColumns::default() },
        PlaceState::Active(Session { admitted_at, ends_at, claim_by }) => StateColumns {
            state: ACTIVE,
            admitted_at: Some(admitted_at),
            ends_at: Some(ends_at),
            claim_by,
            ..StateColumns::default()
        },
        PlaceState::Ended { reason, at, admitted_at } => StateColumns {
            state: ENDED,
            admitted_at,
            ended_at: Some(at),
            reason: Some(reason_number(reason)),
            ..StateColumns::default()
        },
    }
}

const fn reason_number(reason: EndReason) -> u8 {
    match reason {
        EndReason::Paid => 0,
        EndReason::Left => 1,
        EndReason::TimedOut => 2,
        EndReason::NoShow => 3,
        EndReason::Closed => 4,
        EndReason::Revoked => 5,
    }
}

pub(super) const PLACE_COLUMNS: &str = "concert_id, sequence, entry_id, user_id, joined_at, state, admitted_at, \
     ends_at, claim_by, ended_at, reason";

pub(super) fn place(row: &Row<'_>) -> Result<Place> {
    Ok(Place {
        concert: ConcertId::new(row.get(0)?),
        sequence: Sequence::new(row.get(1)?),
        entry: EntryId::new(Uuid::from_bytes(row.get(2)?)),
        user: UserId::new(Uuid::from_bytes(row.get(3)?)),
        joined_at: time(row, 4)?,
        state: state(row)?,
    })
}

fn state(row: &Row<'_>) -> Result<PlaceState> {
    let columns =
        (row.get(5)?, moment(row, 6)?, moment(row, 7)?, moment(row, 8)?, moment(row, 9)?, row.get(10)?);
    match columns {
        (WAITING, None, None, None, None, None) => Ok(PlaceState::Waiting),
        (SKIPPED, None, None, None, None, None) => Ok(PlaceState::Skipped),
        (ACTIVE, Some(admitted_at), Some(ends_at), claim_by, None, None) => {
            Ok(PlaceState::Active(Session { admitted_at, ends_at, claim_by }))
        }
        (ENDED, admitted_at, None, None, Some(at), Some(reason)) => {
            Ok(PlaceState::Ended { reason: end_reason(reason)?, at, admitted_at })
        }
        _ => Err(unreadable(5, "state of a place")),
    }
}

fn moment(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

fn end_reason(number: u8) -> Result<EndReason> {
    let mut all = EndReason::ALL.into_iter();
    all.find(|reason| reason_number(*reason) == number).ok_or_else(|| unreadable(10, "reason of an end"))
}

// Stages as they are stored.
pub(super) const GATHERING: u8 = 0;
pub(super) const DRAWING: u8 = 1;
const DONE: u8 = 2;

/// A stage as it is stored.
#[derive(Default)]
pub(super) struct StageColumns {
    pub(super) stage: u8,
    pub(super) below: Option<u64>,
    pub(super) at: Option<i64>,
    pub(super) first: Option<u64>,
}

/// The columns of a stage.
pub(super) fn stage_columns(stage: LobbyStage) -> StageColumns {
    match stage {
        LobbyStage::Gathering => StageColumns { stage: GATHERING, ..StageColumns::default() },
        LobbyStage::Drawing { below, at, first } => StageColumns {
            stage: DRAWING,
            below: Some(below.get()),
            at: Some(at.micros()),
            first: Some(first.get()),
        },
        LobbyStage::Done => StageColumns { stage: DONE, ..StageColumns::default() },
    }
}

pub(super) const LOBBY_COLUMNS: &str = "concert_id, next, stage, below, at, first";

pub(super) fn lobby(row: &Row<'_>) -> Result<LobbyMark> {
    let stage = match (row.get(2)?, number(row, 3)?, moment(row, 4)?, number(row, 5)?) {
        (GATHERING, None, None, None) => LobbyStage::Gathering,
        (DRAWING, Some(below), Some(at), Some(first)) => LobbyStage::Drawing { below, at, first },
        (DONE, None, None, None) => LobbyStage::Done,
        _ => return Err(unreadable(2, "stage of a lobby")),
    };
    Ok(LobbyMark { concert: ConcertId::new(row.get(0)?), next: Sequence::new(row.get(1)?), stage })
}

fn number(row: &Row<'_>, column: usize) -> Result<Option<Sequence>> {
    Ok(row.get::<_, Option<u64>>(column)?.map(Sequence::new))
}

pub(super) const ROOM_COLUMNS: &str = "concert_id, next, closed_below, closed_at";

pub(super) fn room(row: &Row<'_>) -> Result<RoomMark> {
    Ok(RoomMark {
        concert: ConcertId::new(row.get(0)?),
        next: Sequence::new(row.get(1)?),
        closed_below: Sequence::new(row.get(2)?),
        closed_at: time(row, 3)?,
    })
}
