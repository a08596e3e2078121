//! How often a fan in line asks for their place, and for how long they count as present without asking.

use super::rate::RateLimit;

/// Seconds between two questions of somebody who is next.
const NEAR_SECONDS: u32 = 2;
/// So many people ahead add a second. Everybody at distance `d` asking every `2 + d/500` seconds costs
/// `500 × ln(1 + D/1000)` requests a second for a line of `D`: under 3,500 for a million.
const PEOPLE_PER_SECOND: u64 = 500;
/// The longest time between two questions: an app that shows nothing new for five minutes looks broken. It
/// raises the cost of a million in line to 5,400 requests a second.
const FAR_SECONDS: u32 = 300;
/// Seconds between two questions of a fan who is let in.
const ACTIVE_SECONDS: u32 = 5;
/// Seconds after which somebody whose place is over may ask again; there will be nothing new.
const ENDED_SECONDS: u32 = 60;

/// How often the fans of one line are to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How fast the line can move at most.
    pub rate: RateLimit,
    /// Seconds within which a called fan has to come.
    pub claim_seconds: u32,
}

impl Pace {
    /// Seconds after which a fan with so many ahead is to ask again.
    ///
    /// It grows with the distance, but never so far that a fan could be called and miss it: they ask again
    /// before the line could have reached them at its full rate, plus half of the claim time.
    pub fn waiting(&self, ahead: u64) -> u32 {
        let by_distance = u64::from(NEAR_SECONDS) + ahead / PEOPLE_PER_SECOND;
        let earliest = self.rate.seconds_for(ahead).saturating_add(u64::from(self.claim_seconds / 2));
        let seconds = by_distance.min(u64::from(FAR_SECONDS)).min(earliest);
        u32::try_from(seconds).unwrap_or(FAR_SECONDS).max(NEAR_SECONDS)
    }

    /// Seconds after which a fan who is let in is to ask again.
    pub const fn active() -> u32 {
        ACTIVE_SECONDS
    }

    /// Seconds after which a fan whose place is over may ask again.
    pub const fn ended() -> u32 {
        ENDED_SECONDS
    }
}

/// For how many seconds a fan in line counts as present after a sign of life (R-Q6): as set, but at least twice
/// what they were told to wait before asking again.
pub fn presence_seconds(setting: u32, told_seconds: u32) -> u32 {
    setting.max(told_seconds.saturating_mul(2))
}
