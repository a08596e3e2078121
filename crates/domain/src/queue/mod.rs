//! The waiting room: the line in front of one concert, who is let in when, and what a fan is told meanwhile.
//!
//! These are the rules, as pure functions; the time is an argument. Who keeps the line (in memory with a journal,
//! or on Redis) is an adapter of the port `WaitingRoom` of the application, and calls what is here. The order of
//! a line is the [`Sequence`](crate::Sequence) of its places and nothing else. The draw of a sale with a lobby (R-Q8, [`draw`])
//! gives those numbers out in drawn order when the sale opens; all the rest stays as it is.

pub mod draw;
mod estimate;
mod pace;
mod place;
mod rate;
mod room;

pub use draw::{Draw, Seed};
pub use estimate::{AGES, Ages, Bend, Forecast, Limits, Outflow, Tally, WaitRange};
pub use pace::{Pace, presence_seconds};
pub use place::{EndReason, Place, PlaceState, Session, SessionTerms};
pub use rate::{AdmissionLog, RateLimit};
pub use room::{JoinRefused, LobbyFacts, RoomFacts, RoomState, ScheduleFacts};

#[cfg(test)]
mod tests;
