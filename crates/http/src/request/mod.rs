//! What comes in: ids in the path, the query, and bodies with their idempotency key. All parsing errors are here,
//! and handlers see values that are sound.
//!
//! The order of checks is that of the contract: who asks, then whether the key has been used for another
//! request, then everything else. So whatever else is wrong with a request that carries a used key, it is told
//! about the key.

mod body;
mod key;
mod path;
mod query;
mod tag;
mod word;

pub(crate) use body::{Form, KeyRule, Nothing, Object, Open, Refused, Sent, Unread, Untyped, read_json};
pub(crate) use key::refuse_reused;
pub(crate) use path::At;
pub(crate) use query::{Asked, Query, QueryErrors, parse_number, parse_word};
pub(crate) use tag::IfNoneMatch;
pub(crate) use word::{Word, Words};
