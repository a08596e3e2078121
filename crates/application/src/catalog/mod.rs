//! The catalogue: making and editing concerts and schedules, reading them, and the seat boards.

mod board;
mod boards;
mod cache;
mod cancel;
mod concert;
mod drawing;
pub mod drawing_form;
mod feed;
pub mod plan_form;
pub mod plan_import;
mod plans;
mod read;
mod schedule;
mod seen;
mod sold_out;
mod spread;

pub use board::{Board, MapChanges};
pub use boards::Boards;
pub use cache::CatalogCache;
pub use cancel::{CancelScheduleRefused, Withdrawal};
pub use concert::{ConcertPatch, EditConcertRefused, WaitingRoomPatch};
pub(crate) use feed::Feeds;
pub use feed::{FeedEvent, Follower};
pub use plans::{PlanKey, Plans};
pub use read::{ConcertDetails, ScheduleDetails};
pub use schedule::{EditScheduleRefused, NewSchedule, SchedulePatch};
pub(crate) use sold_out::Suspects;
pub use spread::Heard;
pub(crate) use spread::Spread;
