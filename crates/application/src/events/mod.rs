//! Events on their way to others, after the sale has committed them (R-E1 to R-E3).
//!
//! - The outbox, read in order, is the log ([`EventLog`]). A position in it is given out once its event can be seen, so
//!   a reader that comes back with the last position that it has dealt with misses none (ADR 0022).
//! - A [`Consumer`] is whoever events are handed to: the publisher to a broker, the operators' chat, one subscriber of
//!   webhooks. Each has a mark of its own in the log, so that a slow or dead one keeps nobody else waiting.
//! - A [`Relay`] brings one consumer the log: it leases shards of it, so that any number of instances may run one, hands
//!   over what is next, and moves the marks once that was dealt with. So everything is handed over at least once, in
//!   order for each key. A broker's consumer group can take its place; the consumers are the same.
//! - What a consumer cannot deal with is *parked* with what follows it of the same key, and tried again later; at last it
//!   becomes a *dead letter*, which staff can look at and have tried again. Neither holds up other keys.
//!
//! Nothing here is on the way of a fan's request: no commit waits for a consumer. There are no timers: whoever owns time
//! calls [`Relay::tick`] and [`Relay::renew`].
//!
//! To add a consumer: implement [`Consumer`], give it a name that no other has, and start a relay for it in the server.

mod admin;
mod backoff;
mod chat;
mod consumer;
mod courier;
mod lease;
mod log;
mod relay;
mod signature;
mod subscriber;
mod undelivered;
mod upkeep;
mod webhook;

pub use admin::{EventsRefused, WebhookDraft, WebhookPatch};
pub use chat::{CHAT, Chat};
pub use consumer::{Consumer, Handled, Start};
pub use courier::{Courier, Message, PostResult, Posted};
pub use lease::{Lease, Leases, Mark, ShareOut, Term, share_out};
pub use log::{EventLog, LoggedEvent, Partitions, UnreadableEvent};
pub use relay::{Pace, Relay, RelayParts};
pub use subscriber::{Subscriber, SubscriberParts};
pub use undelivered::{DeadLetter, Parked, Undelivered};
pub use webhook::{Attempt, Webhook, WebhookSecret, WebhookStatus, Webhooks, consumer_name};

/// Everything that is kept of events on their way, beside the log.
pub trait Delivery: Leases + Undelivered + Webhooks {}

impl<T: Leases + Undelivered + Webhooks> Delivery for T {}
