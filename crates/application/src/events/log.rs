//! The log: committed events in order, and their form outside of this process.

use frontrow_domain::Timestamp;
use frontrow_domain::event::{self, Origin, PARTITIONS};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::store::Read;

/// Queries about the log.
pub trait EventLog: Send + Sync + 'static {
    /// Events of these partitions with positions above `after`, in order of position, at most `limit`. A reader that
    /// comes back with the last position that it has dealt with misses none.
    ///
    /// A store MUST give positions out in the order in which events become visible to readers, and none twice,
    /// whatever is deleted (ADR 0022), and MUST show the events of one key in order of their sequence.
    fn events(&self, after: u64, partitions: Partitions, limit: usize) -> Read<'_, Vec<LoggedEvent>>;

    /// The position of the newest event that can be seen; 0 before the first.
    fn log_end(&self) -> Read<'_, u64>;
}

/// Some of the partitions that keys fall into ([`event::partition`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partitions(u64);

impl Partitions {
    /// All of them.
    pub const ALL: Self = Self(u64::MAX);

    /// Those of one shard, when the log is cut into so many: every `shards`-th, from `shard` on.
    pub fn of_shard(shard: u16, shards: u16) -> Self {
        let mine = |partition: &u8| u16::from(*partition) % shards.max(1) == shard;
        Self((0..PARTITIONS).filter(mine).fold(0, |mask, partition| mask | 1 << partition))
    }

    /// Those of either.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// None at all.
    pub const NONE: Self = Self(0);

    /// True when a key falls into one of them.
    pub fn have(self, key: Uuid) -> bool {
        self.0 >> event::partition(key) & 1 == 1
    }

    /// Their numbers, in order.
    pub fn numbers(self) -> impl Iterator<Item = u8> {
        (0..PARTITIONS).filter(move |partition| self.0 >> partition & 1 == 1)
    }
}

/// An event as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Where it is in the log, from 1; 0 when it came by another way than the log.
    pub position: u64,
    /// What it is about.
    pub key: Uuid,
    /// Its number under that key, from 1 without a gap.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened: a JSON object with `type` and `data`, as it was committed, and with `origin` where it came of a
    /// request. It may be of a type that this version does not know.
    pub body: String,
}

/// What is not an event in the form of [`LoggedEvent::to_cloud_event`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event: {0}")]
pub struct UnreadableEvent(pub String);

/// The stored form, without a look at what is inside.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
}

/// `CloudEvents` 1.0 in JSON, with the extensions `partitionkey`, `sequence` and `traceparent` of its specification, and
/// with `requestid`, which is ours.
#[derive(Serialize, Deserialize)]
struct CloudEvent<'a> {
    specversion: std::borrow::Cow<'a, str>,
    id: std::borrow::Cow<'a, str>,
    source: std::borrow::Cow<'a, str>,
    #[serde(rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    time: std::borrow::Cow<'a, str>,
    datacontenttype: std::borrow::Cow<'a, str>,
    partitionkey: Uuid,
    sequence: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requestid: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl LoggedEvent {
    /// The name of the event, the same however often it is handed over: its key and its number there.
    pub fn id(&self) -> String {
        format!("{}-{}", self.key, self.sequence)
    }

    /// Its type with its version, such as `frontrow.payment.completed.v1`; empty when the body is not readable.
    pub fn kind(&self) -> String {
        serde_json::from_str::<Body<'_>>(&self.body)
            .map_or_else(|_| String::new(), |body| body.kind.into_owned())
    }

    /// The event for others, in the structured JSON form of `CloudEvents` 1.0.
    pub fn to_cloud_event(&self, source: &str) -> Result<String, UnreadableEvent> {
        let unreadable = |error: serde_json::Error| UnreadableEvent(error.to_string());
        let body: Body<'_> = serde_json::from_str(&self.body).map_err(unreadable)?;
        let origin = body.origin.map(|origin| (origin.request_id, origin.traceparent));
        let (request, trace) = origin.map_or((None, None), |(request, trace)| (Some(request), trace));
        let event = CloudEvent {
            specversion: "1.0".into(),
            id: self.id().into(),
            source: source.into(),
            kind: body.kind,
            time: self.at.rfc3339().to_string().into(),
            datacontenttype: "application/json".into(),
            partitionkey: self.key,
            sequence: self.sequence.to_string().into(),
            requestid: request.map(Into::into),
            traceparent: trace.map(Into::into),
            data: body.data,
        };
        serde_json::to_string(&event).map_err(unreadable)
    }

    /// Reads what [`LoggedEvent::to_cloud_event`] has written, whatever happened in it.
    pub fn from_cloud_event(text: &str) -> Result<Self, UnreadableEvent> {
        let unreadable = |error: serde_json::Error| UnreadableEvent(error.to_string());
        let event: CloudEvent<'_> = serde_json::from_str(text).map_err(unreadable)?;
        if event.specversion != "1.0" {
            return Err(UnreadableEvent(format!("of CloudEvents {}, not 1.0", event.specversion)));
        }
        let sequence =
            event.sequence.parse().map_err(|_| UnreadableEvent("sequence is not a number".to_owned()))?;
        let at = Timestamp::parse_rfc3339(&event.time)
            .ok_or_else(|| UnreadableEvent("time is not of RFC 3339".to_owned()))?;
        let origin = event.requestid.map(|request| Origin {
            request_id: request.into_owned(),
            traceparent: event.traceparent.map(std::borrow::Cow::into_owned),
        });
        let body = Body { kind: event.kind, data: event.data, origin };
        let body = serde_json::to_string(&body).map_err(unreadable)?;
        Ok(Self { position: 0, key: event.partitionkey, sequence, at, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> LoggedEvent {
        LoggedEvent {
            position: 9,
            key: Uuid::from_u128(7),
            sequence: 3,
            at: Timestamp::from_micros(1_500_000),
            body: "{\"type\":\"frontrow.wallet.charged.v9\",\"data\":{\"new\":[1, 2]}}".to_owned(),
        }
    }

    #[test]
    fn an_event_of_an_unknown_version_comes_back_as_it_was() {
        let text = event().to_cloud_event("frontrow").expect("written");
        assert_eq!(
            text,
            "{\"specversion\":\"1.0\",\"id\":\"00000000-0000-0000-0000-000000000007-3\",\"source\":\"frontrow\",\
             \"type\":\"frontrow.wallet.charged.v9\",\"time\":\"1970-01-01T00:00:01.5Z\",\
             \"datacontenttype\":\"application/json\",\"partitionkey\":\"00000000-0000-0000-0000-000000000007\",\
             \"sequence\":\"3\",\"data\":{\"new\":[1, 2]}}"
        );
        let read = LoggedEvent::from_cloud_event(&text).expect("read");
        assert_eq!(read, LoggedEvent { position: 0, ..event() });
    }

    /// A request and its trace are told as extensions, whose names have small letters and digits only.
    #[test]
    fn an_event_names_the_request_that_it_came_of() {
        for (origin, told) in [
            ("{\"requestid\":\"r-1\"}", "\"requestid\":\"r-1\","),
            (
                "{\"requestid\":\"r-1\",\"traceparent\":\"00-1-2-01\"}",
                "\"requestid\":\"r-1\",\"traceparent\":\"00-1-2-01\",",
            ),
        ] {
            let body = event().body.replacen("]}}", &format!("]}},\"origin\":{origin}}}"), 1);
            let with_origin = LoggedEvent { body, ..event() };
            let text = with_origin.to_cloud_event("frontrow").expect("written");
            let plain = event().to_cloud_event("frontrow").expect("written");
            assert_eq!(text, plain.replacen("\"data\"", &format!("{told}\"data\""), 1));
            let read = LoggedEvent::from_cloud_event(&text).expect("read");
            assert_eq!(read, LoggedEvent { position: 0, ..with_origin });
            assert_eq!(read.kind(), event().kind());
        }
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for text in ["", "{}", "null", "{\"specversion\":\"1.0\"}"] {
            assert!(LoggedEvent::from_cloud_event(text).is_err(), "{text}");
        }
        let text = event().to_cloud_event("s").expect("written");
        for (from, to) in [("\"1.0\"", "\"2.0\""), ("\"3\"", "\"x\""), ("1970-01-01T", "yesterday ")] {
            assert!(LoggedEvent::from_cloud_event(&text.replacen(from, to, 1)).is_err(), "{to}");
        }
    }

    #[test]
    fn shards_have_every_partition_once() {
        for shards in [1, 2, 8, 16, 64] {
            let mut seen = Vec::new();
            for shard in 0..shards {
                seen.extend(Partitions::of_shard(shard, shards).numbers());
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..PARTITIONS).collect::<Vec<_>>(), "{shards} shards");
        }
        assert_eq!(Partitions::of_shard(0, 1), Partitions::ALL);
    }
}
