//! Reading everything, once, when a process begins.

use std::collections::BTreeMap;

use frontrow_application::queue::journal::{JournalError, LobbyMark, LobbyStage, RoomMark, Stored, Told};
use frontrow_domain::queue::Place;
use frontrow_domain::{ConcertId, Sequence, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension};

use super::codec;

/// Streams what is stored: the mark, all lines, how far was told of each, all lobbies, all places in order of concert and
/// number.
pub(super) fn load(
    connection: &mut Connection,
    ended_after: Timestamp,
    take: &mut dyn FnMut(Stored),
) -> Result<(), JournalError> {
    stream(connection, ended_after, take).map_err(|error| journal_error(&error))
}

fn stream(
    connection: &mut Connection,
    ended_after: Timestamp,
    take: &mut dyn FnMut(Stored),
) -> rusqlite::Result<()> {
    // One transaction, so that all of it is of the same moment.
    let transaction = connection.transaction()?;
    let sql = "SELECT sessions_through FROM mark";
    if let Some(position) = transaction.query_row(sql, [], |row| row.get(0)).optional()? {
        take(Stored::SessionsThrough(position));
    }
    let last = last_numbers(&transaction)?;
    let rooms = rooms(&transaction, &last)?;
    for room in rooms.values() {
        take(Stored::Room(*room));
    }
    for told in told(&transaction)? {
        take(Stored::Told(told));
    }
    let lobbies = lobbies(&transaction, &last)?;
    for lobby in lobbies.values() {
        take(Stored::Lobby(*lobby));
    }
    // Through the table in its own order, whatever else could answer the condition.
    let mut statement = transaction.prepare(&format!(
        "SELECT {} FROM place NOT INDEXED WHERE ended_at IS NULL OR ended_at >= ?1 OR (admitted_at IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM told WHERE told.concert_id = place.concert_id \
         AND told.through >= place.admitted_at)) OR (sequence > ?2 AND EXISTS (SELECT 1 FROM lobby \
         WHERE lobby.concert_id = place.concert_id AND lobby.stage = ?3)) ORDER BY concert_id, sequence",
        codec::PLACE_COLUMNS
    ))?;
    let mut rows = statement.query((ended_after.micros(), Sequence::LOBBY.get(), codec::DRAWING))?;
    let mut over = Over { rooms, ended_after, of: None };
    while let Some(row) = rows.next()? {
        let place = codec::place(row)?;
        if !over.holds(&place) {
            take(Stored::Place(place));
        }
    }
    Ok(())
}

fn told(connection: &Connection) -> rusqlite::Result<Vec<Told>> {
    let mut statement = connection.prepare("SELECT concert_id, through FROM told ORDER BY concert_id")?;
    let told = statement.query_map([], |row| {
        Ok(Told { concert: ConcertId::new(row.get(0)?), through: Timestamp::from_micros(row.get(1)?) })
    })?;
    told.collect()
}

/// The last number of every line, and of every lobby, that has places. Those of a lobby follow on those of its line.
fn last_numbers(connection: &Connection) -> rusqlite::Result<Vec<(ConcertId, Sequence)>> {
    // From the last place of one to the last of the one before it, a look-up each.
    let mut statement = connection.prepare(
        "SELECT concert_id, sequence FROM place WHERE (concert_id, sequence) <= (?1, ?2) \
         ORDER BY concert_id DESC, sequence DESC LIMIT 1",
    )?;
    let (mut up_to, mut found) = ((i64::MAX, u64::MAX >> 1), Vec::new());
    while let Some((concert, last)) =
        statement.query_row(up_to, |row| Ok((row.get::<_, u32>(0)?, row.get::<_, u64>(1)?))).optional()?
    {
        let last = Sequence::new(last);
        found.push((ConcertId::new(concert), last));
        up_to = (i64::from(concert), if last.is_lobby() { Sequence::LOBBY.get() } else { 0 });
    }
    Ok(found)
}

/// Every line of which anything is known. Its next number is past all its places, marked or not, because the last of
/// them may be left out of what is read.
fn rooms(
    connection: &Connection,
    last: &[(ConcertId, Sequence)],
) -> rusqlite::Result<BTreeMap<ConcertId, RoomMark>> {
    let mut statement = connection.prepare(&format!("SELECT {} FROM room", codec::ROOM_COLUMNS))?;
    let marked = statement.query_map([], |row| codec::room(row).map(|room| (room.concert, room)))?;
    let mut rooms = marked.collect::<rusqlite::Result<BTreeMap<_, _>>>()?;
    for &(concert, last) in last.iter().filter(|(_, last)| !last.is_lobby()) {
        let next = Sequence::new(last.get() + 1);
        let (closed_below, closed_at) = (Sequence::new(1), Timestamp::ZERO);
        let room = rooms.entry(concert).or_insert(RoomMark { concert, next, closed_below, closed_at });
        room.next = room.next.max(next);
    }
    Ok(rooms)
}

/// Every lobby of which anything is known, for the same reason.
fn lobbies(
    connection: &Connection,
    last: &[(ConcertId, Sequence)],
) -> rusqlite::Result<BTreeMap<ConcertId, LobbyMark>> {
    let mut statement = connection.prepare(&format!("SELECT {} FROM lobby", codec::LOBBY_COLUMNS))?;
    let marked = statement.query_map([], |row| codec::lobby(row).map(|lobby| (lobby.concert, lobby)))?;
    let mut lobbies = marked.collect::<rusqlite::Result<BTreeMap<_, _>>>()?;
    for &(concert, last) in last.iter().filter(|(_, last)| last.is_lobby()) {
        let next = Sequence::new(last.get() + 1);
        let stage = LobbyStage::Gathering;
        let lobby = lobbies.entry(concert).or_insert(LobbyMark { concert, next, stage });
        lobby.next = lobby.next.max(next);
    }
    Ok(lobbies)
}

/// Which places were over with their line before the time asked for. Asked in order of concert.
struct Over {
    rooms: BTreeMap<ConcertId, RoomMark>,
    ended_after: Timestamp,
    /// The concert last asked about, and the number below which whoever was in line is over.
    of: Option<(ConcertId, Sequence)>,
}

impl Over {
    fn holds(&mut self, place: &Place) -> bool {
        let below = match self.of {
            Some((concert, below)) if concert == place.concert => below,
            _ => {
                let room = self.rooms.get(&place.concert).filter(|room| room.closed_at < self.ended_after);
                let below = room.map_or(Sequence::new(0), |room| room.closed_below);
                self.of = Some((place.concert, below));
                below
            }
        };
        place.sequence < below && place.state.is_in_line()
    }
}

fn journal_error(error: &rusqlite::Error) -> JournalError {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    let text = error.to_string();
    match error {
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) => {
            JournalError::Corrupt(text)
        }
        _ => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => JournalError::Corrupt(text),
            _ => JournalError::Refused(text),
        },
    }
}
