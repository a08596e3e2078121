//! Requests as `lua/requests.lua` reads them, and its answers.

use frontrow_application::waiting_room::{Drawee, Newcomer, Pass, Receipt, Standing, Untold};
use frontrow_domain::event::QueueAdmitted;
use frontrow_domain::queue::{EndReason, Place, PlaceState, Session};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};
use uuid::Uuid;

/// One request of a fan, or about one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    Join { newcomer: Newcomer, may_join: bool, has_lobby: bool },
    Standing(Pass),
    Find(UserId),
    Enter(Pass),
    End { user: UserId, only: Option<EntryId>, reason: EndReason },
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// No place, or none any more.
    Nothing,
    /// A place that was there.
    Known(Standing),
    /// A place that this request has made.
    New(Standing),
    LetIn,
    NotYet,
}

impl Request {
    /// True when a repeat is told the same as the first time.
    pub(crate) fn may_repeat(&self) -> bool {
        !matches!(self, Self::End { .. })
    }

    /// True when it leaves nothing behind that a repeat would not make anyway.
    pub(crate) fn is_harmless(&self) -> bool {
        matches!(self, Self::Standing(_) | Self::Find(_) | Self::Enter(_))
    }

    /// The form that the script reads: kind, user, entry, flag, number in decimals.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let none = EntryId::new(Uuid::nil());
        let (kind, user, entry, flag, number) = match *self {
            Self::Join { newcomer, may_join, has_lobby } => {
                let kind = if has_lobby { 7 } else { 1 };
                (kind, newcomer.user, newcomer.entry, u8::from(may_join), None)
            }
            Self::Standing(pass) => (2, pass.user, pass.entry, 0, Some(pass.sequence)),
            Self::Find(user) => (3, user, none, 0, None),
            Self::Enter(pass) => (4, pass.user, pass.entry, 0, Some(pass.sequence)),
            Self::End { user, only: None, reason } => (5, user, none, code_of(reason), None),
            Self::End { user, only: Some(entry), reason } => (6, user, entry, code_of(reason), None),
        };
        let mut bytes = Vec::with_capacity(48);
        bytes.push(kind);
        bytes.extend(user.bytes());
        bytes.extend(entry.bytes());
        bytes.push(flag);
        if let Some(number) = number {
            bytes.extend(number.to_string().into_bytes());
        }
        bytes
    }
}

/// Reasons go by their place among all.
fn code_of(reason: EndReason) -> u8 {
    let place = EndReason::ALL.iter().position(|one| *one == reason);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

/// Reads an answer; nothing when it is not in the form of the script.
pub(crate) fn decode(concert: ConcertId, bytes: &[u8]) -> Option<Answer> {
    let mut reader = Reader(bytes);
    let code = reader.byte()?;
    match code {
        0 => return Some(Answer::Nothing),
        3 => return Some(Answer::LetIn),
        4 => return Some(Answer::NotYet),
        _ => {}
    }
    let sequence = Sequence::new(reader.number()?.cast_unsigned());
    let entry = EntryId::new(Uuid::from_bytes(reader.take()?));
    let user = UserId::new(Uuid::from_bytes(reader.take()?));
    let joined_at = reader.time()?;
    let state = reader.byte()?;
    let (admitted, ends_at) = (reader.number()?, reader.time()?);
    let (claim, reason) = (reader.number()?, reader.byte()?);
    let (ahead, poll_after_seconds, now) =
        (reader.number()?, u32::from_le_bytes(reader.take()?), reader.time()?);
    let admitted_at = (admitted > 0).then(|| Timestamp::from_micros(admitted));
    let state = match state {
        0 => PlaceState::Waiting,
        1 => PlaceState::Skipped,
        2 => PlaceState::Active(Session {
            admitted_at: admitted_at?,
            ends_at,
            claim_by: (claim > 0).then(|| Timestamp::from_micros(claim)),
        }),
        _ => {
            PlaceState::Ended { reason: *EndReason::ALL.get(usize::from(reason))?, at: ends_at, admitted_at }
        }
    };
    let place = Place { concert, sequence, entry, user, joined_at, state };
    let standing = Standing { place, ahead: u64::try_from(ahead).ok(), poll_after_seconds, now };
    Some(if code == 2 { Answer::New(standing) } else { Answer::Known(standing) })
}

/// Reads a chunk of admissions as `lua/tick.lua` has written it; nothing when it is not in that form.
pub(crate) fn untold(concert: ConcertId, chunk: Vec<u8>) -> Option<Untold> {
    let mut reader = Reader(&chunk);
    let admitted_at = reader.time()?;
    let mut admitted = Vec::new();
    while !reader.0.is_empty() {
        admitted.push(QueueAdmitted {
            number: Sequence::new(reader.number()?.cast_unsigned()),
            entry_id: EntryId::new(Uuid::from_bytes(reader.take()?)),
            user_id: UserId::new(Uuid::from_bytes(reader.take()?)),
            joined_at: reader.time()?,
            concert_id: concert,
            admitted_at,
        });
    }
    admitted.sort_unstable_by_key(|one| one.number);
    Some(Untold { admitted, receipt: Receipt(chunk) })
}

/// Reads those in a draw as `lua/draw.lua` lists them; nothing when they are not in that form.
pub(crate) fn drawees(list: &[u8]) -> Option<Vec<Drawee>> {
    let mut reader = Reader(list);
    let mut drawees = Vec::new();
    while !reader.0.is_empty() {
        let sequence = Sequence::new(reader.number()?.cast_unsigned());
        let entry = EntryId::new(Uuid::from_bytes(reader.take()?));
        drawees.push(Drawee { sequence, entry });
    }
    Some(drawees)
}

/// Takes fields off the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.number().map(Timestamp::from_micros)
    }
}
