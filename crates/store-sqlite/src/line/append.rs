//! What is written: batches, and the end of what is over.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use frontrow_application::queue::journal::{
    JournalError, LineBatch, LobbyMark, LobbyStage, Moved, RoomMark, Told,
};
use frontrow_domain::queue::{Place, PlaceState};
use frontrow_domain::{ConcertId, Sequence, Timestamp};
use rusqlite::{Connection, ErrorCode, Params, Statement};

use super::codec;

type Written<T = ()> = Result<T, JournalError>;

/// How many places one statement inserts: a third less work a place than one by one, and no less with more.
const ROWS: usize = 32;
/// How many values a new place brings.
const VALUES: usize = 5;

static INSERT_ONE: LazyLock<String> = LazyLock::new(|| insert_sql(1));
static INSERT_MANY: LazyLock<String> = LazyLock::new(|| insert_sql(ROWS));

/// A plain insert, so that a number that was given out twice is an error and not another fan's place. New places are
/// waiting: state 0.
fn insert_sql(rows: usize) -> String {
    let values = vec!["(?, ?, ?, ?, ?, 0)"; rows].join(", ");
    format!("INSERT INTO place (concert_id, sequence, entry_id, user_id, joined_at, state) VALUES {values}")
}

/// Runs work in one transaction, and says for certain whether it was kept, as long as anybody can.
pub(super) fn transact<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Written<T>,
) -> Written<T> {
    // A panic has left its transaction open; nothing of it was answered as done.
    roll_back(connection)?;
    run(connection, "BEGIN IMMEDIATE", []).map_err(refused)?;
    match work(connection) {
        Ok(done) => commit(connection).map(|()| done),
        Err(error) => roll_back(connection).and(Err(error)),
    }
}

fn commit(connection: &Connection) -> Written {
    let Err(error) = run(connection, "COMMIT", []) else { return Ok(()) };
    // The disk is full: a write into the log came to nothing. The page that makes a transaction count is written
    // last and only then is the log synced, so that page is not there whole, and what is left of the others is
    // overwritten by the next transaction or not read after a restart. Every other error may come after that page,
    // from the sync or later.
    if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        roll_back(connection)?;
        return Err(refused(error));
    }
    Err(JournalError::OutcomeUnknown(error.to_string()))
}

/// Leaves the transaction, if there is one: an error may have ended it already.
fn roll_back(connection: &Connection) -> Written {
    if connection.is_autocommit() {
        return Ok(());
    }
    run(connection, "ROLLBACK", [])
        .map(|_| ())
        .map_err(|error| JournalError::OutcomeUnknown(error.to_string()))
}

/// Writes a batch.
pub(super) fn append(connection: &Connection, batch: &LineBatch) -> Written {
    insert(connection, &batch.joined)?;
    update(connection, &batch.moved)?;
    batch.rooms.iter().try_for_each(|room| mark_room(connection, room))?;
    if let Some(position) = batch.sessions_through {
        let sql = "INSERT INTO mark (only, sessions_through) VALUES (1, ?1) \
                   ON CONFLICT (only) DO UPDATE SET sessions_through = excluded.sessions_through";
        run(connection, sql, [position]).map_err(refused)?;
    }
    batch.told.iter().try_for_each(|told| note_told(connection, told))?;
    batch.lobbies.iter().try_for_each(|lobby| mark_lobby(connection, lobby))
}

/// It never goes back, whoever asks.
fn note_told(connection: &Connection, Told { concert, through }: &Told) -> Written {
    let sql = "INSERT INTO told (concert_id, through) VALUES (?1, ?2) \
               ON CONFLICT (concert_id) DO UPDATE SET through = max(through, excluded.through)";
    run(connection, sql, (concert.get(), through.micros())).map(|_| ()).map_err(refused)
}

fn insert(connection: &Connection, joined: &[Place]) -> Written {
    if let Some(place) = joined.iter().find(|place| place.state != PlaceState::Waiting) {
        return Err(defect(place.concert, place.sequence, "is new and not waiting"));
    }
    let chunks = joined.chunks_exact(ROWS);
    let rest = chunks.remainder().chunks(1);
    insert_by(connection, &INSERT_MANY, chunks)
        .and_then(|()| insert_by(connection, &INSERT_ONE, rest))
        .map_err(refused)
}

fn insert_by<'a>(
    connection: &Connection,
    sql: &str,
    mut chunks: impl Iterator<Item = &'a [Place]>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    chunks.try_for_each(|places| {
        for (place, before) in places.iter().zip((0..).step_by(VALUES)) {
            bind(&mut statement, before, place)?;
        }
        statement.raw_execute().map(|_| ())
    })
}

/// Binds a new place to the parameters after the first `before`.
fn bind(statement: &mut Statement<'_>, before: usize, place: &Place) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(before + 1, place.concert.get())?;
    statement.raw_bind_parameter(before + 2, place.sequence.get())?;
    statement.raw_bind_parameter(before + 3, place.entry.bytes())?;
    statement.raw_bind_parameter(before + 4, place.user.bytes())?;
    statement.raw_bind_parameter(before + VALUES, place.joined_at.micros())
}

/// What is over stays over, whoever asks.
fn update(connection: &Connection, moved: &[Moved]) -> Written {
    let sql = "UPDATE place SET state = ?3, admitted_at = ?4, ends_at = ?5, claim_by = ?6, ended_at = ?7, reason = ?8 \
               WHERE concert_id = ?1 AND sequence = ?2 AND state <> ?9";
    let mut statement = connection.prepare_cached(sql).map_err(refused)?;
    for Moved { concert, sequence, state } in moved {
        let columns = codec::state_columns(*state);
        let values = (
            concert.get(),
            sequence.get(),
            columns.state,
            columns.admitted_at.map(Timestamp::micros),
            columns.ends_at.map(Timestamp::micros),
            columns.claim_by.map(Timestamp::micros),
            columns.ended_at.map(Timestamp::micros),
            columns.reason,
            codec::ENDED,
        );
        if statement.execute(values).map_err(refused)? != 1 {
            return Err(defect(*concert, *sequence, "is to move, and is not there or is over"));
        }
    }
    Ok(())
}

/// A room's numbers only grow: one that went back would give numbers out twice, or bring a closed line back.
fn mark_room(connection: &Connection, room: &RoomMark) -> Written {
    let sql = "INSERT INTO room (concert_id, next, closed_below, closed_at) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (concert_id) DO UPDATE SET \
               next = excluded.next, closed_below = excluded.closed_below, closed_at = excluded.closed_at \
               WHERE excluded.next >= next AND excluded.closed_below >= closed_below";
    let values = (room.concert.get(), room.next.get(), room.closed_below.get(), room.closed_at.micros());
    if run(connection, sql, values).map_err(refused)? != 1 {
        return Err(JournalError::Refused(format!("the line of concert {} would go back", room.concert)));
    }
    Ok(())
}

/// A draw only goes on, stage by stage, so that whoever is in it stays in it. One that is done leaves its lobby empty.
fn mark_lobby(connection: &Connection, LobbyMark { concert, next, stage }: &LobbyMark) -> Written {
    let sql = "INSERT INTO lobby (concert_id, next, stage, below, at, first) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
               ON CONFLICT (concert_id) DO UPDATE SET next = excluded.next, stage = excluded.stage, \
               below = excluded.below, at = excluded.at, first = excluded.first \
               WHERE excluded.next >= next AND excluded.stage > stage";
    let columns = codec::stage_columns(*stage);
    let values = (concert.get(), next.get(), columns.stage, columns.below, columns.at, columns.first);
    if run(connection, sql, values).map_err(refused)? != 1 {
        return Err(JournalError::Refused(format!("the draw of concert {concert} would go back")));
    }
    if *stage == LobbyStage::Done {
        let sql = "DELETE FROM place WHERE concert_id = ?1 AND sequence > ?2";
        run(connection, sql, (concert.get(), Sequence::LOBBY.get())).map_err(refused)?;
    }
    Ok(())
}

/// Deletes places that are over, those that ended one by one before those of closed lines. Numbers are not given out
/// again when their rows are gone: the room keeps what comes after them, and the lobby what comes after its own.
pub(super) fn forget(connection: &Connection, ended_before: Timestamp, limit: usize) -> Written<usize> {
    let mut numbers = ended(connection, ended_before, limit).map_err(refused)?;
    if numbers.len() < limit {
        let room = limit - numbers.len();
        numbers.extend(closed(connection, ended_before, room).map_err(refused)?);
    }
    // In order of key: neighbours in the line share pages.
    numbers.sort_unstable();
    let mut gone = 0;
    for (concert, number) in &numbers {
        gone +=
            run(connection, "DELETE FROM place WHERE concert_id = ?1 AND sequence = ?2", (concert, number))
                .map_err(refused)?;
    }
    let is_lobby = |number: u64| Sequence::new(number).is_lobby();
    let last: BTreeMap<(u32, bool), u64> =
        numbers.into_iter().map(|(concert, number)| ((concert, is_lobby(number)), number)).collect();
    for ((concert, is_lobby), number) in last {
        let sql = if is_lobby {
            "INSERT INTO lobby (concert_id, next, stage) VALUES (?1, ?2, 0) \
             ON CONFLICT (concert_id) DO UPDATE SET next = max(next, excluded.next)"
        } else {
            "INSERT INTO room (concert_id, next, closed_below, closed_at) VALUES (?1, ?2, 1, 0) \
             ON CONFLICT (concert_id) DO UPDATE SET next = max(next, excluded.next)"
        };
        run(connection, sql, (concert, number + 1)).map_err(refused)?;
    }
    Ok(gone)
}

fn ended(connection: &Connection, before: Timestamp, limit: usize) -> rusqlite::Result<Vec<(u32, u64)>> {
    let sql = "SELECT concert_id, sequence FROM place INDEXED BY place_ended \
               WHERE ended_at < ?1 AND (admitted_at IS NULL OR EXISTS (SELECT 1 FROM told \
               WHERE told.concert_id = place.concert_id AND told.through >= place.admitted_at)) \
               AND (sequence <= ?3 OR NOT EXISTS (SELECT 1 FROM lobby \
               WHERE lobby.concert_id = place.concert_id AND lobby.stage = ?4)) \
               ORDER BY ended_at LIMIT ?2";
    keys(connection, sql, (before.micros(), rows(limit), Sequence::LOBBY.get(), codec::DRAWING))
}

/// Places in line (states 0 and 1) when their line was closed, none of which is in a lobby: those numbers are higher. What else a closed line has below that number are the
/// few that were let in then, so going through it from its lowest number meets almost only what goes.
fn closed(connection: &Connection, before: Timestamp, limit: usize) -> rusqlite::Result<Vec<(u32, u64)>> {
    let sql = "SELECT place.concert_id, place.sequence FROM room CROSS JOIN place NOT INDEXED \
               ON place.concert_id = room.concert_id AND place.sequence < room.closed_below \
               WHERE room.closed_at < ?1 AND room.closed_below > 1 AND place.state < 2 LIMIT ?2";
    keys(connection, sql, (before.micros(), rows(limit)))
}

fn keys(connection: &Connection, sql: &str, values: impl Params) -> rusqlite::Result<Vec<(u32, u64)>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn run(connection: &Connection, sql: &str, values: impl Params) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(values)
}

fn refused(error: rusqlite::Error) -> JournalError {
    JournalError::Refused(error.to_string())
}

/// What a process that has the line cannot want. Nothing of the batch is kept.
fn defect(concert: ConcertId, sequence: Sequence, what: &str) -> JournalError {
    JournalError::Refused(format!("place {sequence} of concert {concert} {what}"))
}
