//! Whether a room is open, and who may join.

use crate::Timestamp;
use crate::catalog::{BookingWindow, RoomControls};

/// What the line of a concert has to know of one of its schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleFacts {
    /// When seats are sold.
    pub booking: BookingWindow,
    /// True while an operator has stopped new holds.
    pub sales_paused: bool,
    /// Seats that can be had.
    pub available: u32,
    /// Seats that are held and may come back.
    pub held: u32,
}

/// What decides about a room, apart from its line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomFacts {
    /// Whether the concert has a waiting room, and is shown to fans.
    pub enabled: bool,
    /// What an operator does with it.
    pub controls: RoomControls,
    /// Its lobby, when the sale has one.
    pub lobby: Option<LobbyFacts>,
    /// The schedules of the concert.
    pub schedules: Vec<ScheduleFacts>,
}

/// What the line of a concert has to know of its lobby (R-Q8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LobbyFacts {
    /// When it is to open.
    pub opens_at: Timestamp,
    /// Whether it was drawn.
    pub is_drawn: bool,
}

/// Where a room stands, as everybody may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoomState {
    /// There is none: no token is asked for.
    Off,
    /// The sale has not opened.
    Scheduled,
    /// The lobby of a sale with a draw is open, or is being drawn (R-Q8).
    Lobby,
    /// Fans are let in.
    Open,
    /// Nobody is let in for now: held by an operator, or between two sales windows.
    Paused,
    /// No seat is left for now; fans are let in again when one comes back (R-Q11).
    SoldOut,
    /// Over.
    Closed,
}

impl RoomState {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 7] =
        [Self::Off, Self::Scheduled, Self::Lobby, Self::Open, Self::Paused, Self::SoldOut, Self::Closed];

    /// The name used in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Scheduled => "scheduled",
            Self::Lobby => "lobby",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::SoldOut => "sold_out",
            Self::Closed => "closed",
        }
    }
}

/// Why somebody without a place does not get one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefused {
    /// The concert has no waiting room.
    #[error("the concert has no waiting room")]
    NoWaitingRoom,
    /// The sale has not opened, or there is nothing on sale yet.
    #[error("the sale has not opened yet")]
    NotOpen {
        /// When it opens, if that is known.
        opens_at: Option<Timestamp>,
    },
    /// The last window has closed, or an operator lets nobody join any more.
    #[error("the sale has closed")]
    Closed,
    /// Every seat is sold or blocked.
    #[error("everything is sold")]
    SoldOut,
}

impl RoomFacts {
    /// When the room opens: at the earliest booking start (R-Q11).
    pub fn opens_at(&self) -> Option<Timestamp> {
        self.schedules.iter().map(|schedule| schedule.booking.start).min()
    }

    /// When it closes: at the latest booking end.
    pub fn closes_at(&self) -> Option<Timestamp> {
        self.schedules.iter().map(|schedule| schedule.booking.end).max()
    }

    /// When the lobby opens, if the sale has one and something is on sale: with the sale at the latest.
    pub fn lobby_opens_at(&self) -> Option<Timestamp> {
        self.lobby.zip(self.opens_at()).map(|(lobby, opens_at)| lobby.opens_at.min(opens_at))
    }

    /// True while fans come into the lobby: until it was drawn, however long after the opening that is.
    fn is_gathering(&self, now: Timestamp) -> bool {
        self.lobby.is_some_and(|lobby| !lobby.is_drawn) && self.lobby_opens_at().is_some_and(|at| now >= at)
    }

    /// True when the lobby is to be drawn now: the sale opens, or would, were the draw done.
    pub fn is_to_be_drawn(&self, now: Timestamp) -> bool {
        self.state(now) == RoomState::Lobby && self.opens_at().is_some_and(|at| now >= at)
    }

    /// True when everybody may know what the draw is bound to: from the opening of the lobby on.
    pub fn shows_commitment(&self, now: Timestamp) -> bool {
        self.enabled && self.lobby_opens_at().is_some_and(|at| now >= at)
    }

    /// Where the room stands at `now`.
    pub fn state(&self, now: Timestamp) -> RoomState {
        if !self.enabled {
            return RoomState::Off;
        }
        if self.controls.closed || self.closes_at().is_some_and(|end| now >= end) {
            return RoomState::Closed;
        }
        if self.is_gathering(now) {
            return RoomState::Lobby;
        }
        if self.opens_at().is_none_or(|start| now < start) {
            return RoomState::Scheduled;
        }
        let on_sale = |schedule: &&ScheduleFacts| {
            schedule.booking.start <= now && now < schedule.booking.end && !schedule.sales_paused
        };
        let mut on_sale = self.schedules.iter().filter(on_sale).peekable();
        if self.controls.paused || on_sale.peek().is_none() {
            return RoomState::Paused;
        }
        if on_sale.all(|schedule| schedule.available == 0) { RoomState::SoldOut } else { RoomState::Open }
    }

    /// Whether somebody without a place may join at `now`.
    pub fn check_join(&self, now: Timestamp) -> Result<(), JoinRefused> {
        match self.state(now) {
            RoomState::Off => return Err(JoinRefused::NoWaitingRoom),
            RoomState::Scheduled => return Err(JoinRefused::NotOpen { opens_at: self.opens_at() }),
            RoomState::Closed => return Err(JoinRefused::Closed),
            RoomState::Lobby | RoomState::Open | RoomState::Paused | RoomState::SoldOut => {}
        }
        if self.controls.draining {
            return Err(JoinRefused::Closed);
        }
        let mut to_come = self.schedules.iter().filter(|schedule| now < schedule.booking.end);
        let is_gone = |schedule: &ScheduleFacts| schedule.available == 0 && schedule.held == 0;
        if to_come.all(is_gone) { Err(JoinRefused::SoldOut) } else { Ok(()) }
    }
}
