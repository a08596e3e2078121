//! Typed identifiers. Concerts and schedules are small integers from a counter record, seats are numbers
//! within their schedule, and everything that a fan owns has a `UUIDv7` drawn at the edge (ADR 0003).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes an id that was drawn at the edge or read from a store.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The id as a UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The sixteen bytes that stores keep.
            pub const fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                Uuid::try_parse(text).map(Self).map_err(|_| MalformedId)
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("minimum" = 1)))]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// Takes a number that was given out by a counter or read from a store.
            pub const fn new(number: $inner) -> Self {
                Self(number)
            }

            /// The number itself.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            /// Plain digits only: `+1`, `01` and ` 1` are malformed, so that one object has one address.
            fn from_str(text: &str) -> Result<Self, MalformedId> {
                let number = text.parse::<$inner>().map_err(|_| MalformedId)?;
                if number == 0 || number.to_string() != text { Err(MalformedId) } else { Ok(Self(number)) }
            }
        }
    };
}

uuid_id!(
    /// A person or a member of staff.
    UserId
);
uuid_id!(
    /// One log-in and all refresh tokens that descend from it (the token family).
    LoginId
);
uuid_id!(
    /// Seats held for, or sold to, one fan.
    ReservationId
);
uuid_id!(
    /// One attempt to pay a reservation.
    PaymentId
);
uuid_id!(
    /// The proof of one paid seat.
    TicketId
);
uuid_id!(
    /// One ledger entry, as fans see it.
    TransactionId
);
uuid_id!(
    /// One place of one fan in one waiting room. A fan who joins anew after the end of it gets another.
    EntryId
);
uuid_id!(
    /// One line of the audit log.
    AuditEntryId
);
number_id!(
    /// A concert, numbered from 1.
    ConcertId(u32)
);
number_id!(
    /// A schedule (one dated performance), numbered from 1 across all concerts.
    ScheduleId(u32)
);
number_id!(
    /// The number of a place in the line of one concert: the order of arrival, from 1. Numbers are never given
    /// out twice; some may be missing.
    Sequence(u64)
);
number_id!(
    /// A seat, numbered 1..N within its schedule.
    SeatNo(u32)
);

impl Sequence {
    /// Numbers above this one are of places in a lobby, in order of arrival; no line is ever as long. Such a place gets its
    /// number in the line when the lobby is drawn.
    pub const LOBBY: Self = Self(1 << 39);

    /// True when it is the number of a place in a lobby.
    pub const fn is_lobby(self) -> bool {
        self.0 > Self::LOBBY.0
    }
}

impl SeatNo {
    /// Position in an array that holds the seats of a schedule in order of number.
    pub const fn index(self) -> usize {
        (self.0 as usize).wrapping_sub(1)
    }
}

impl TicketId {
    /// The ticket `position` places after `first` in the same payment. One id is drawn at the edge for all
    /// tickets of a payment, so a repeat of the command makes the same ones; the random tail of a `UUIDv7` is
    /// 62 bits wide, and the sum stays within it, so version and variant are untouched.
    pub const fn nth(first: Self, position: u32) -> Self {
        let number = first.0.as_u128();
        let tail = (number & TAIL).wrapping_add(position as u128) & TAIL;
        Self(Uuid::from_u128((number & !TAIL) | tail))
    }
}

/// The 62 random bits at the end of a `UUIDv7` (RFC 9562, section 5.7).
const TAIL: u128 = (1 << 62) - 1;

/// The text is not an id of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed id")]
pub struct MalformedId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        assert_eq!("7".parse(), Ok(ConcertId::new(7)));
        for text in ["", "0", "07", "+7", " 7", "7.0", "-1", "4294967296", "x"] {
            assert_eq!(text.parse::<ConcertId>(), Err(MalformedId), "{text:?}");
        }
    }

    #[test]
    fn tickets_of_one_payment_differ_and_stay_version_seven() {
        let first = TicketId::new(Uuid::from_u128(0x0190_0000_0000_7000_bfff_ffff_ffff_ffff));
        let second = TicketId::nth(first, 1);
        assert_ne!(first, second);
        assert_eq!(second.uuid().get_version_num(), 7);
        assert_eq!(second.uuid().get_variant(), uuid::Variant::RFC4122);
        assert_eq!(TicketId::nth(first, 0), first);
    }
}
