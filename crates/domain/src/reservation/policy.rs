//! What one fan may have of one schedule (R-R5).

use super::Reservation;
use crate::Timestamp;

/// After how many unpaid holds a fan has to wait: no hoarding by re-holding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LapsePolicy {
    /// So many lapsed or cancelled holds of one schedule …
    pub limit: u32,
    /// … within so many seconds …
    pub window_seconds: u32,
    /// … make the fan wait so many seconds after the last of them.
    pub pause_seconds: u32,
}

/// The limits that hold for one fan and one schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FanLimits {
    /// The most seats over all live claims.
    pub max_seats: u32,
    /// After how many unpaid holds the fan has to wait.
    pub lapses: LapsePolicy,
}

/// Why a fan may not hold more seats now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FanLimitRefused {
    /// More seats than one fan may have.
    #[error("one fan may have {limit} seats and has {held}")]
    TooManySeats {
        /// The limit.
        limit: u32,
        /// What the fan has.
        held: u32,
    },
    /// Too many holds were let go.
    #[error("too many holds were let go")]
    Pausing {
        /// When the fan may hold again.
        until: Timestamp,
    },
}

/// Whether a fan with this history in the schedule may hold `wanted` more seats.
pub fn check_fan_limits<'a>(
    history: impl Iterator<Item = &'a Reservation>,
    wanted: usize,
    limits: &FanLimits,
    now: Timestamp,
) -> Result<(), FanLimitRefused> {
    let window_start = now.minus_seconds(limits.lapses.window_seconds);
    let mut held = 0_usize;
    let mut lapses = 0_u32;
    let mut last_lapse = None;
    for reservation in history {
        if reservation.is_live(now) {
            held += reservation.seats.len();
        } else if let Some(ended) = reservation.lapsed_at(now)
            && ended > window_start
        {
            lapses += 1;
            last_lapse = last_lapse.max(Some(ended));
        }
    }
    if let Some(last) = last_lapse
        && lapses >= limits.lapses.limit
    {
        let until = last.plus_seconds(limits.lapses.pause_seconds);
        if now < until {
            return Err(FanLimitRefused::Pausing { until });
        }
    }
    if held + wanted > limits.max_seats as usize {
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        return Err(FanLimitRefused::TooManySeats { limit: limits.max_seats, held });
    }
    Ok(())
}
