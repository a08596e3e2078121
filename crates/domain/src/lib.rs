//! Frontrow's rules, and nothing else.
//!
//! This crate is pure: no runtime, no HTTP, no SQL, no clock, no randomness. The time and every new id are
//! arguments, so that the same call always gives the same answer and a simulation can replay a night.
//!
//! Each feature is a module of the same name in every crate (`catalog`, `reservation`, `wallet`, `payment`,
//! `account`, `ticket`). A module holds its model (states as enums, transitions as functions that refuse with
//! a typed reason) and its policies. [`records`] is the working set that commands decide on; [`event`] the
//! public events, the only types here that are ever serialised.
//!
//! To add a rule: write the transition or policy beside its model, give its refusal a variant, prove it with
//! a test beside it, then call it from the use case in `frontrow-application`. Nothing here may ask a store.

pub mod account;
pub mod catalog;
pub mod event;
pub mod ids;
pub mod money;
pub mod payment;
pub mod queue;
pub mod records;
pub mod reservation;
pub mod staff;
pub mod ticket;
pub mod time;
pub mod wallet;

pub use ids::{
    AuditEntryId, ConcertId, EntryId, LoginId, PaymentId, ReservationId, ScheduleId, SeatNo, Sequence,
    TicketId, TransactionId, UserId,
};
pub use money::{Currency, Money};
pub use time::Timestamp;
