//! The waiting rooms: the embedded line in memory with its journal, and the use cases around any line.
//!
//! `embedded` is the adapter of the port [`WaitingRoom`](crate::waiting_room::WaitingRoom) for one process:
//! `room` is one line, `ranks` and `slots` its index, `writer` the thread that journals. `view` and `lines` are
//! what is worked out once a tick and shared by all who ask. The rest are the use cases.

mod admitted;
mod control;
mod draw;
mod embedded;
mod gate;
mod join;
pub mod journal;
mod lines;
mod ranks;
mod room;
mod slots;
mod status;
mod tick;
mod view;
mod writer;

pub use admitted::TellError;
pub use control::{EditQueueRefused, EditedQueue, QueuePatch};
pub use draw::DrawError;
pub use embedded::EmbeddedLine;
pub use gate::{Entrance, GateRefused};
pub use join::{JoinFailure, JoinedQueue};
pub use status::{QueueFailure, QueueState, QueueStatus};
pub use tick::TickError;
pub use view::{DrawOutcome, RoomView, ScheduleStock, ShownDraw};

pub(crate) use admitted::Arrivals;
pub(crate) use lines::Lines;
