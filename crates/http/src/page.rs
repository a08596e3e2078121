//! Pages: `?limit=` and `?cursor=`, and the opaque cursors themselves.
//!
//! A cursor is base64url of one byte for its kind and the key of the last item of the page before; a cursor of
//! another list is refused. What is in it is nobody's business and may change.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontrow_application::store::ConcertCursor;
use frontrow_domain::{AuditEntryId, ConcertId, PaymentId, ReservationId, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::request::QueryErrors;

/// Items on a page when nothing is said.
const LIMIT_DEFAULT: usize = 20;
/// Items on the longest page.
const LIMIT_MAX: usize = 100;
/// Characters in the longest cursor that is looked at.
const CURSOR_MAX: usize = 64;

/// Which page is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageRequest<C> {
    /// Where it begins.
    pub(crate) after: Option<C>,
    /// How many items it may have.
    pub(crate) limit: usize,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page<T> {
    /// The items.
    items: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The only page of a list.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }

    /// A page and where the next one begins.
    pub(crate) fn new<C: Cursor>(items: Vec<T>, next: Option<C>) -> Self {
        Self { items, next_cursor: next.map(|next| next.write()) }
    }
}

/// Cuts a list that was asked for with one item more than a page has, and says where the next page begins.
pub(crate) fn cut<T, C>(items: &mut Vec<T>, limit: usize, cursor: impl Fn(&T) -> C) -> Option<C> {
    if items.len() <= limit {
        return None;
    }
    items.truncate(limit);
    items.last().map(cursor)
}

/// Reads `limit` and `cursor`.
pub(crate) fn parse_page<C: Cursor>(
    errors: &mut QueryErrors,
    limit: Option<&str>,
    cursor: Option<&str>,
) -> PageRequest<C> {
    let parsed = limit.map(|text| text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)));
    if parsed == Some(None) {
        errors.add("limit", format!("must be from 1 to {LIMIT_MAX}"));
    }
    let after = cursor.map(|text| C::read(text));
    if matches!(after, Some(None)) {
        errors.add("cursor", "must be the nextCursor of a page of this list");
    }
    PageRequest { after: after.flatten(), limit: parsed.flatten().unwrap_or(LIMIT_DEFAULT) }
}

/// Where a page begins: the key of the last item before it.
pub(crate) trait Cursor: Sized {
    /// Tells the cursors of different lists apart.
    const KIND: u8;
    /// The key as bytes.
    fn to_bytes(&self) -> Vec<u8>;
    /// The key from those bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;

    /// The text for clients.
    fn write(&self) -> String {
        let mut bytes = vec![Self::KIND];
        bytes.extend(self.to_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The cursor of that text.
    fn read(text: &str) -> Option<Self> {
        if text.len() > CURSOR_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (kind, key) = bytes.split_first()?;
        if *kind == Self::KIND { Self::from_bytes(key) } else { None }
    }
}

impl Cursor for ConcertCursor {
    const KIND: u8 = 1;

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.concert.get().to_be_bytes().to_vec();
        if let Some(start) = self.booking_start {
            bytes.extend(start.micros().to_be_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (concert, rest) = bytes.split_first_chunk::<4>()?;
        let booking_start = match rest {
            [] => None,
            rest => Some(Timestamp::from_micros(i64::from_be_bytes(rest.try_into().ok()?))),
        };
        Some(Self { booking_start, concert: ConcertId::new(u32::from_be_bytes(*concert)) })
    }
}

impl Cursor for ReservationId {
    const KIND: u8 = 2;

    fn to_bytes(&self) -> Vec<u8> {
        self.bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self::new)
    }
}

impl Cursor for PaymentId {
    const KIND: u8 = 3;

    fn to_bytes(&self) -> Vec<u8> {
        self.bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self::new)
    }
}

impl Cursor for UserId {
    const KIND: u8 = 6;

    fn to_bytes(&self) -> Vec<u8> {
        self.bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self::new)
    }
}

impl Cursor for AuditEntryId {
    const KIND: u8 = 5;

    fn to_bytes(&self) -> Vec<u8> {
        self.bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self::new)
    }
}

/// The number of a ledger entry within its wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryNumber(pub(crate) u64);

impl Cursor for EntryNumber {
    const KIND: u8 = 4;

    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(u64::from_be_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_as_it_was_written_and_no_other_list_takes_it() {
        let reservation = ReservationId::new(Uuid::from_u128(7));
        assert_eq!(ReservationId::read(&reservation.write()), Some(reservation));
        assert_eq!(PaymentId::read(&reservation.write()), None);
        let number = EntryNumber(u64::MAX);
        assert_eq!(EntryNumber::read(&number.write()), Some(number));
        for booking_start in [None, Some(Timestamp::from_micros(-1))] {
            let cursor = ConcertCursor { booking_start, concert: ConcertId::new(9) };
            assert_eq!(ConcertCursor::read(&cursor.write()), Some(cursor));
        }
        for text in ["", "A", "!", "AQ", &"A".repeat(1_000)] {
            assert_eq!(ConcertCursor::read(text), None, "{text:?}");
            assert_eq!(EntryNumber::read(text), None, "{text:?}");
        }
    }
}
