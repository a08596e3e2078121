//! Times and ids as the interface writes them: RFC 3339 in UTC, and hyphenated UUIDs.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use frontrow_domain::Timestamp;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

/// A moment, written in UTC; read with any offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Timestamp);

/// Bytes in the longest time that is written: a negative year, six digits and a `Z`.
const TEXT_MAX: usize = 40;

/// A text on the stack, so that a time costs no allocation.
struct Text {
    bytes: [u8; TEXT_MAX],
    length: usize,
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A moment outside the calendar (year 10,000) shows as its last day rather than as an error.
        let last = jiff::Timestamp::MAX;
        let moment = jiff::Timestamp::from_microsecond(self.0.micros()).unwrap_or(last);
        let mut text = Text { bytes: [0; TEXT_MAX], length: 0 };
        write!(text, "{moment}").map_err(serde::ser::Error::custom)?;
        let written = std::str::from_utf8(&text.bytes[..text.length]).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(written)
    }
}

impl Time {
    /// Reads RFC 3339, with any offset. Nothing for what is only near to it (no offset, a space, a bracketed
    /// zone): such a text means different moments to different readers.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_separated = matches!(bytes.get(10), Some(b'T' | b't'));
        let has_offset = matches!(bytes, [.., b'Z' | b'z'] | [.., b'+' | b'-', _, _, b':', _, _]);
        if !is_separated || !has_offset {
            return None;
        }
        let moment: jiff::Timestamp = text.parse().ok()?;
        Some(Self(Timestamp::from_micros(moment.as_microsecond())))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom("must be a time such as 2026-08-21T19:00:00+09:00 (RFC 3339)"))
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        text_schema(SchemaFormat::KnownFormat(KnownFormat::DateTime))
    }
}

impl ToSchema for Time {}

/// An id that a fan owns, in the one spelling that the interface knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uid(pub(crate) Uuid);

impl Uid {
    /// Reads the hyphenated form. Other forms of a UUID (braces, no hyphens) would give one object several
    /// addresses.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() == 36 { Uuid::try_parse(text).ok().map(Self) } else { None }
    }
}

impl Serialize for Uid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; 36];
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut text))
    }
}

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Uid;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a UUID")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Uid, E> {
                Uid::parse(text).ok_or_else(|| E::custom("must be a UUID"))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

impl PartialSchema for Uid {
    fn schema() -> RefOr<Schema> {
        text_schema(SchemaFormat::Custom("uuid".to_owned()))
    }
}

impl ToSchema for Uid {}

fn text_schema(format: SchemaFormat) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).format(Some(format)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_and_read_with_any_offset() {
        let time = Time::parse("2026-08-21T19:00:00.25+09:00").expect("time");
        assert_eq!(serde_json::to_string(&time).expect("json"), "\"2026-08-21T10:00:00.25Z\"");
        for text in ["2026-08-21t10:00:00z", "2026-08-21T05:00:00-05:00"] {
            let time = Time::parse(text).expect(text);
            assert_eq!(serde_json::to_string(&time).expect("json"), "\"2026-08-21T10:00:00Z\"");
        }
    }

    #[test]
    fn what_is_only_near_to_a_time_is_refused() {
        for text in [
            "",
            "2026-08-21",
            "2026-08-21T10:00:00",
            "2026-08-21 10:00:00Z",
            "2026-08-21T10:00:00+09",
            "2026-08-21T10:00:00+09:00[Asia/Seoul]",
            "2026-13-21T10:00:00Z",
            "2026-02-30T10:00:00Z",
            "1755770400",
            "어제",
        ] {
            assert_eq!(Time::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_moment_can_be_written() {
        for micros in [i64::MIN, -1, 0, 1, i64::MAX] {
            serde_json::to_string(&Time(Timestamp::from_micros(micros))).expect("json");
        }
    }

    #[test]
    fn ids_have_one_spelling() {
        let id = "0190a1b2-0000-7000-8000-00000000000a";
        assert!(Uid::parse(id).is_some());
        for text in
            ["", "0190a1b200007000800000000000000a", "{0190a1b2-0000-7000-8000-00000000000a}", "me", "1"]
        {
            assert_eq!(Uid::parse(text), None, "{text:?}");
        }
    }
}
