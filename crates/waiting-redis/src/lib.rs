//! The waiting room on Redis and Redis Cluster, for several instances behind one port.
//!
//! A room is eleven keys in one hash slot, and everything that happens to it is a script: Redis runs one script at a
//! time, so the order of a line is the order of its counter, and cap and rate hold over all instances. The scripts
//! are in `lua/`; the rules that they apply are those of `frontrow_domain::queue`, and the suite of the port compares
//! the two step by step. What is only told and never decided (the forecast) is worked out here.
//!
//! What holds:
//! - The time of a line is that of Redis, never back. No instance brings a time of its own.
//! - No script touches more than a thousand places. What is longer goes on with the next call.
//! - When Redis has lost something (another process, a promoted replica, numbers it does not know), new numbers begin
//!   a million further on, nobody is let in for a window of the rate, and whoever shows a pass of a lost place is put
//!   back at its number. README.md says what each way of keeping data loses.
//! - A step of a draw that finds another draw than the one it goes by, or less of it than was placed, is refused: the draw
//!   begins again, and ends with everybody in line.
//! - No call waits for long: with Redis away, requests are answered [`Unavailable`] within the time-outs of
//!   [`RedisSettings`], and at once while it is known to be away.
//!
//! Beside the rooms, [`RedisMessages`] carries messages between instances, and [`RedisCounts`] counts attempts over all of
//! them. No sale rests on those.
//!
//! To add a request: a kind in `wire`, and its function in `lua/requests.lua`. The steps of a draw are in `lua/draw.lua`.
//!
//! [`Unavailable`]: frontrow_application::waiting_room::LineError::Unavailable

mod counts;
mod fault;
mod lane;
mod line;
mod link;
mod messages;
mod meters;
mod outlook;
mod scratch;
mod scripts;
mod settings;
mod wire;

pub use counts::RedisCounts;
pub use line::RedisLine;
pub use messages::RedisMessages;
pub use scratch::{RedisScratch, ScratchError};
pub use settings::{RedisSettings, RedisTime, SettingsError};
