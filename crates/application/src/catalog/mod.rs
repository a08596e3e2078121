//! The catalogue: making and editing concerts and schedules, reading them, and the seat boards.

mod board;
mod boards;
mod cache;
mod concert;
pub mod plan_form;
mod read;
mod schedule;

pub use board::{Board, Body, MapChanges};
pub use boards::Boards;
pub use cache::CatalogCache;
pub use concert::{ConcertPatch, EditConcertRefused, WaitingRoomPatch};
pub use read::{ConcertDetails, ScheduleDetails};
pub use schedule::{EditScheduleRefused, NewSchedule, SchedulePatch};
