//! A schedule: one dated performance, its sales window, its hold policy and its seats.

use std::sync::Arc;

use super::refund::share;
use super::{FieldError, RefundPolicy, SeatPlan, check_range, check_text};
use crate::{ConcertId, Money, ScheduleId, Timestamp};

/// Characters in the longest venue.
const VENUE_MAX: usize = 200;
/// Minutes in the longest performance: a week of festival.
const DURATION_MAX: u32 = 7 * 24 * 60;

/// When seats of a schedule are sold: from `start`, until but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookingWindow {
    /// The first moment of the sale.
    pub start: Timestamp,
    /// The first moment after the sale.
    pub end: Timestamp,
}

/// How long seats are held (R-R3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldPolicy {
    /// Seconds that a hold lasts.
    pub hold_seconds: u32,
    /// Seconds after which it ends in any case, however often it was extended.
    pub max_seconds: u32,
    /// Seconds that the one extension adds.
    pub extension_seconds: u32,
}

/// One dated performance of a concert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its number, across all concerts.
    pub id: ScheduleId,
    /// The concert that is performed.
    pub concert: ConcertId,
    /// Where.
    pub venue: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// IANA name of the venue's time zone; the edge has checked that it exists.
    pub time_zone: String,
    /// How long it takes.
    pub duration_minutes: u32,
    /// When seats are sold.
    pub booking: BookingWindow,
    /// How long seats are held.
    pub hold: HoldPolicy,
    /// The most seats that one fan may have, over all live claims.
    pub max_seats_per_fan: u32,
    /// What a fan gets back who returns paid seats.
    pub refund_policy: RefundPolicy,
    /// True while an operator has stopped new holds.
    pub sales_paused: bool,
    /// When it was called off; nothing while it takes place.
    pub cancelled_at: Option<Timestamp>,
    /// Since when no seat is to be had of which some are sold, once that was told; nothing again as soon as one is to be
    /// had.
    pub sold_out_at: Option<Timestamp>,
    /// The seats.
    pub plan: Arc<SeatPlan>,
    /// Counts the plans that this schedule has had, from 1.
    pub plan_version: u32,
    /// True once a seat was ever claimed; the plan is fixed from then on.
    pub in_use: bool,
    /// The version of the seat map: +1 with every commit that changes a seat, never back.
    pub version: u64,
    /// The latest time at which a command was decided over this schedule. Time never runs backwards over it.
    pub decided_at: Timestamp,
    /// The sequence number of its newest event; 0 when there is none.
    pub last_event: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a sale may be refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SaleClosed {
    /// Before the window.
    #[error("the sale has not opened yet")]
    NotOpen {
        /// When it opens.
        opens_at: Timestamp,
    },
    /// Stopped for now by an operator.
    #[error("the sale is paused")]
    Paused,
    /// After the window, or called off.
    #[error("the sale has closed")]
    Closed,
}

/// Where a schedule stands, in the words of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScheduleStatus {
    /// The sale has not opened.
    Upcoming,
    /// Seats can be had.
    OnSale,
    /// The sale is stopped for now.
    Paused,
    /// The window is open and no seat is available.
    SoldOut,
    /// The window has closed.
    Closed,
    /// It does not take place.
    Cancelled,
}

impl ScheduleStatus {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 6] =
        [Self::Upcoming, Self::OnSale, Self::Paused, Self::SoldOut, Self::Closed, Self::Cancelled];

    /// The name used in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::OnSale => "on_sale",
            Self::Paused => "paused",
            Self::SoldOut => "sold_out",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// The status of a concert: that of its schedule which a fan can do most with. A concert without schedules is
/// upcoming.
pub fn combined_status(schedules: impl IntoIterator<Item = ScheduleStatus>) -> ScheduleStatus {
    use ScheduleStatus::{Cancelled, Closed, OnSale, Paused, SoldOut, Upcoming};
    let usefulness = |status: &ScheduleStatus| match status {
        OnSale => 5,
        Paused => 4,
        Upcoming => 3,
        SoldOut => 2,
        Closed => 1,
        Cancelled => 0,
    };
    schedules.into_iter().max_by_key(usefulness).unwrap_or(Upcoming)
}

impl Schedule {
    /// Whether new holds are taken at `now`.
    pub fn check_on_sale(&self, now: Timestamp) -> Result<(), SaleClosed> {
        if now >= self.booking.end || self.cancelled_at.is_some() {
            return Err(SaleClosed::Closed);
        }
        if now < self.booking.start {
            return Err(SaleClosed::NotOpen { opens_at: self.booking.start });
        }
        if self.sales_paused { Err(SaleClosed::Paused) } else { Ok(()) }
    }

    /// The first moment after the performance: until then staff may sell at the door.
    pub fn ends_at(&self) -> Timestamp {
        self.starts_at.plus_seconds(self.duration_minutes.saturating_mul(60))
    }

    /// What a fan gets back at `now` of what was paid for seats; nothing when they are not taken back.
    pub fn refundable(&self, amount: Money, now: Timestamp) -> Option<Money> {
        self.refund_policy.percent_at(self.starts_at, now).map(|percent| share(amount, percent))
    }

    /// Where it stands at `now`, with so many seats available.
    pub fn status(&self, now: Timestamp, seats_left: u32) -> ScheduleStatus {
        match self.check_on_sale(now) {
            Err(_) if self.cancelled_at.is_some() => ScheduleStatus::Cancelled,
            Err(SaleClosed::Closed) => ScheduleStatus::Closed,
            Err(SaleClosed::NotOpen { .. }) => ScheduleStatus::Upcoming,
            Err(SaleClosed::Paused) => ScheduleStatus::Paused,
            Ok(()) if seats_left == 0 => ScheduleStatus::SoldOut,
            Ok(()) => ScheduleStatus::OnSale,
        }
    }

    /// True when no seat is to be had any more and some are sold, with so many of them sold and so many kept back. What is
    /// held may come back, so it counts as to be had.
    pub fn is_sold_out(&self, sold: u32, kept_back: u32) -> bool {
        self.cancelled_at.is_none() && sold > 0 && sold.saturating_add(kept_back) >= self.plan.size()
    }

    /// The draft that would make this schedule, without its plan: the starting point of an edit.
    pub fn draft(&self) -> ScheduleDraft {
        ScheduleDraft {
            venue: self.venue.clone(),
            starts_at: self.starts_at,
            time_zone: self.time_zone.clone(),
            duration_minutes: self.duration_minutes,
            booking: self.booking,
            hold: self.hold,
            max_seats_per_fan: self.max_seats_per_fan,
            refund_policy: self.refund_policy.clone(),
            sales_paused: self.sales_paused,
        }
    }

    /// The same schedule with what an operator has edited.
    pub fn edited(self, draft: ScheduleDraft) -> Self {
        let ScheduleDraft {
            venue,
            starts_at,
            time_zone,
            duration_minutes,
            booking,
            hold,
            max_seats_per_fan,
            refund_policy,
            sales_paused,
        } = draft;
        Self {
            venue,
            starts_at,
            time_zone,
            duration_minutes,
            booking,
            hold,
            max_seats_per_fan,
            refund_policy,
            sales_paused,
            ..self
        }
    }
}

/// What an operator says of a schedule, apart from its seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleDraft {
    /// Where.
    pub venue: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// IANA name of the venue's time zone.
    pub time_zone: String,
    /// How long it takes.
    pub duration_minutes: u32,
    /// When seats are sold.
    pub booking: BookingWindow,
    /// How long seats are held.
    pub hold: HoldPolicy,
    /// The most seats that one fan may have.
    pub max_seats_per_fan: u32,
    /// What a fan gets back who returns paid seats.
    pub refund_policy: RefundPolicy,
    /// True to stop new holds.
    pub sales_paused: bool,
}

/// What a schedule gets where the operator says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleDefaults {
    /// How long seats are held.
    pub hold: HoldPolicy,
    /// The most seats that one fan may have.
    pub max_seats_per_fan: u32,
}

impl ScheduleDraft {
    /// Everything that is wrong with the draft; empty when it is sound.
    pub fn check(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        check_text(&mut errors, "venue", &self.venue, 1, VENUE_MAX);
        check_range(&mut errors, "durationMinutes", self.duration_minutes, 1, DURATION_MAX);
        check_range(&mut errors, "holdSeconds", self.hold.hold_seconds, 1, 3_600);
        check_range(&mut errors, "holdMaxSeconds", self.hold.max_seconds, 1, 3_600);
        check_range(&mut errors, "holdExtensionSeconds", self.hold.extension_seconds, 0, 3_600);
        check_range(&mut errors, "maxSeatsPerFan", self.max_seats_per_fan, 1, 100);
        errors.extend(self.refund_policy.check());
        if self.hold.max_seconds < self.hold.hold_seconds {
            errors.push(FieldError::new("holdMaxSeconds", "must not be below holdSeconds"));
        }
        if self.booking.start >= self.booking.end {
            errors.push(FieldError::new("bookingEnd", "must be after bookingStart"));
        }
        if self.booking.end > self.starts_at {
            errors.push(FieldError::new("bookingEnd", "must not be after startsAt"));
        }
        errors
    }

    /// The schedule that the draft describes.
    pub fn into_schedule(
        self,
        id: ScheduleId,
        concert: ConcertId,
        plan: Arc<SeatPlan>,
        now: Timestamp,
    ) -> Schedule {
        let Self {
            venue,
            starts_at,
            time_zone,
            duration_minutes,
            booking,
            hold,
            max_seats_per_fan,
            refund_policy,
            sales_paused,
        } = self;
        Schedule {
            id,
            concert,
            venue,
            starts_at,
            time_zone,
            duration_minutes,
            booking,
            hold,
            max_seats_per_fan,
            refund_policy,
            sales_paused,
            cancelled_at: None,
            sold_out_at: None,
            plan,
            plan_version: 1,
            in_use: false,
            version: 1,
            decided_at: now,
            last_event: 0,
            created_at: now,
        }
    }
}
