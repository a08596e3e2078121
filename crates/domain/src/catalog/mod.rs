//! What is sold: concerts, their dated schedules, and the seats of each schedule.

mod concert;
mod distance;
mod drawing;
mod layout;
mod plan;
mod refund;
mod schedule;

pub use concert::{Concert, ConcertDraft, RoomControls, WaitingRoomSettings};
pub use distance::aisles;
pub use drawing::{Area, AreaText, Drawing, Point, Shape};
pub use layout::SeatLayout;
pub use plan::{Grade, PLAIN_GRADE, PlanParts, Row, SEATS_MAX, Seat, SeatPlan, Section};
pub use refund::{RefundPolicy, RefundRow, share};
pub use schedule::{
    BookingWindow, HoldPolicy, SaleClosed, Schedule, ScheduleDefaults, ScheduleDraft, ScheduleStatus,
    combined_status,
};

/// One thing that is wrong with what was asked for, named by the member that the caller sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the member, as the interface names it (`bookingEnd`, `seatPlan.plain.seats`).
    pub field: String,
    /// What it has to be.
    pub message: String,
}

impl FieldError {
    /// Names a member and what it has to be.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Notes a text that is empty or too long. Text of people is counted in characters.
fn check_text(errors: &mut Vec<FieldError>, field: &str, text: &str, min: usize, max: usize) {
    let length = text.chars().count();
    if length < min || length > max {
        errors.push(FieldError::new(field, format!("must have {min} to {max} characters")));
    }
    if text.chars().any(|c| c == '\0') {
        errors.push(FieldError::new(field, "must not contain the character U+0000"));
    }
}

/// Notes a number outside its range.
fn check_range(errors: &mut Vec<FieldError>, field: &str, value: u32, min: u32, max: u32) {
    if value < min || value > max {
        errors.push(FieldError::new(field, format!("must be from {min} to {max}")));
    }
}

#[cfg(test)]
mod tests;
