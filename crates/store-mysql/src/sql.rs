//! Values as literals of SQL.
//!
//! Statements carry their values as text, because then many statements go to the server in one packet: a group of a
//! thousand commands costs three round trips, whatever it is made of. Bytes and text are written as hexadecimal digits
//! and numbers as digits, so there is nothing that could be taken for SQL, in whatever mode the server runs.

use std::fmt::Write as _;

use frontrow_domain::{
    AuditEntryId, ConcertId, EntryId, LoginId, Money, PaymentId, ReservationId, ScheduleId, SeatNo, TicketId,
    Timestamp, TransactionId, UserId,
};

/// How many keys one list has. MariaDB takes a worse plan from a thousand on.
pub(crate) const LIST_MAX: usize = 400;

/// One value of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A whole number that is never negative.
    Unsigned(u64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    Text(&'a str),
}

impl Value<'_> {
    /// Writes the literal.
    pub(crate) fn write(self, out: &mut String) {
        // Writing into a string cannot fail.
        let _ = match self {
            Value::Null => out.write_str("NULL"),
            Value::Int(number) => write!(out, "{number}"),
            Value::Unsigned(number) => write!(out, "{number}"),
            Value::Bytes(bytes) => {
                hex(bytes, out);
                Ok(())
            }
            Value::Text(text) => {
                out.push_str("_utf8mb4 ");
                hex(text.as_bytes(), out);
                Ok(())
            }
        };
    }
}

fn hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(bytes.len() * 2 + 3);
    out.push_str("x'");
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out.push('\'');
}

macro_rules! value_from {
    ($($from:ty => |$value:ident| $into:expr;)*) => {
        $(impl<'a> From<$from> for Value<'a> {
            fn from($value: $from) -> Self {
                $into
            }
        })*
    };
}

value_from! {
    i64 => |number| Self::Int(number);
    u64 => |number| Self::Unsigned(number);
    u32 => |number| Self::Unsigned(number.into());
    u16 => |number| Self::Unsigned(number.into());
    u8 => |number| Self::Unsigned(number.into());
    bool => |flag| Self::Unsigned(flag.into());
    Timestamp => |time| Self::Int(time.micros());
    Money => |money| Self::Int(money.minor());
    ScheduleId => |id| Self::Unsigned(id.get().into());
    ConcertId => |id| Self::Unsigned(id.get().into());
    SeatNo => |seat| Self::Unsigned(seat.get().into());
    &'a UserId => |id| Self::Bytes(id.bytes());
    &'a LoginId => |id| Self::Bytes(id.bytes());
    &'a ReservationId => |id| Self::Bytes(id.bytes());
    &'a PaymentId => |id| Self::Bytes(id.bytes());
    &'a TicketId => |id| Self::Bytes(id.bytes());
    &'a TransactionId => |id| Self::Bytes(id.bytes());
    &'a EntryId => |id| Self::Bytes(id.bytes());
    &'a AuditEntryId => |id| Self::Bytes(id.bytes());
    &'a [u8; 16] => |bytes| Self::Bytes(bytes);
    &'a [u8] => |bytes| Self::Bytes(bytes);
    &'a str => |text| Self::Text(text);
    &'a String => |text| Self::Text(text);
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of a statement or of a row, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::sql::Value::from($value)),*] };
}
pub(crate) use values;

/// The statement with its values in the place of the question marks.
pub(crate) fn fill(template: &str, values: &[Value<'_>]) -> String {
    let mut sql = String::with_capacity(template.len() + values.len() * 24);
    let mut parts = template.split('?');
    sql.push_str(parts.next().unwrap_or_default());
    let mut values = values.iter();
    for part in parts {
        if let Some(value) = values.next() {
            value.write(&mut sql);
        } else {
            // A statement with a value too few is refused by the server, and by every test of it.
            sql.push('?');
        }
        sql.push_str(part);
    }
    sql
}

/// Values with commas between.
pub(crate) fn list<'a>(values: impl IntoIterator<Item = Value<'a>>) -> String {
    let mut sql = String::new();
    for value in values {
        if !sql.is_empty() {
            sql.push(',');
        }
        value.write(&mut sql);
    }
    sql
}

/// Values in parentheses.
pub(crate) fn tuple(values: &[Value<'_>]) -> String {
    format!("({})", list(values.iter().copied()))
}

/// A regular expression for texts that contain this one, whatever the case of ASCII letters. It has no meaning beyond
/// its characters in the engines of MySQL and of MariaDB.
pub(crate) fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() * 4);
    for c in text.chars() {
        let _ = if c.is_ascii_alphabetic() {
            write!(pattern, "[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase())
        } else if c.is_ascii_digit() {
            write!(pattern, "{c}")
        } else {
            write!(pattern, "\\x{{{:x}}}", u32::from(c))
        };
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_digits_and_nothing_else() {
        let filled = fill(
            "a = ? AND b = ? AND c = ? AND d = ?",
            &values!["'; --?", &[0_u8, 255][..], -5_i64, None::<u8>],
        );
        assert_eq!(filled, "a = _utf8mb4 x'273B202D2D3F' AND b = x'00FF' AND c = -5 AND d = NULL");
        assert_eq!(tuple(&values![1_u8, true]), "(1,1)");
    }

    #[test]
    fn a_pattern_means_its_characters() {
        assert_eq!(containing("aZ.9é"), "[aA][zZ]\\x{2e}9\\x{e9}");
    }
}
