//! What a fan reads of the answers of a server: the few members that they go by.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::answer::Answer;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status<'a> {
    pub(super) state: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) sequence: Option<u64>,
    pub(super) estimated_wait_seconds: Option<Wait>,
    pub(super) seats_left: u32,
    pub(super) seats_held: u32,
    pub(super) poll_after_seconds: u32,
    pub(super) joined_at: Moment,
    pub(super) admitted_at: Option<Moment>,
}

/// A time of the server, in microseconds.
#[derive(Clone, Copy)]
pub(super) struct Moment(pub(super) i64);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(Self(moment.as_microsecond()))
    }
}

#[derive(Deserialize)]
pub(super) struct Wait {
    pub(super) low: u32,
    pub(super) high: u32,
}

#[derive(Deserialize)]
pub(super) struct Map<'a> {
    pub(super) version: u64,
    pub(super) states: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Held<'a> {
    #[serde(rename = "reservationId")]
    pub(super) id: &'a str,
    pub(super) amount: i64,
    pub(super) seats: Vec<Numbered>,
}

#[derive(Deserialize)]
pub(super) struct Numbered {
    pub(super) no: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    code: &'a str,
}

/// What has changed on a map, as its stream says it.
#[derive(Deserialize)]
pub(super) struct MapChanges<'a> {
    pub(super) version: u64,
    #[serde(borrow)]
    pub(super) changes: Vec<Changed<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Changed<'a> {
    pub(super) no: u32,
    pub(super) state: &'a str,
}

/// A log-in that was renewed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Renewed<'a> {
    pub(super) access_token: &'a str,
    pub(super) refresh_token: &'a str,
    pub(super) expires_in: u64,
}

/// The code of a refusal; `unreadable` for what is no problem document.
pub(super) fn code<'a>(answer: &Answer<'a>) -> &'a str {
    serde_json::from_slice(answer.body).map_or("unreadable", |Problem { code }| code)
}
