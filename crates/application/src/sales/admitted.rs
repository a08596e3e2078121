//! How many fans were let in, minute by minute. Kept in memory for an hour by the instance that moves the line on, and
//! gone with a restart: the line's own log has every admission.

use std::collections::{HashMap, VecDeque};

use frontrow_domain::{ConcertId, Timestamp};
use parking_lot::Mutex;

/// Microseconds in a minute.
const MINUTE: i64 = 60_000_000;
/// Minutes that are kept.
const MINUTES_MAX: usize = 61;

/// Fans who were let in.
#[derive(Default)]
pub(crate) struct Admitted {
    by_concert: Mutex<HashMap<ConcertId, VecDeque<(Timestamp, u64)>>>,
}

impl Admitted {
    /// Notes that so many were let in.
    pub(crate) fn note(&self, concert: ConcertId, fans: u32, now: Timestamp) {
        if fans == 0 {
            return;
        }
        let minute = Timestamp::from_micros(now.micros().div_euclid(MINUTE) * MINUTE);
        let mut by_concert = self.by_concert.lock();
        let minutes = by_concert.entry(concert).or_default();
        match minutes.back_mut() {
            Some((at, count)) if *at >= minute => *count += u64::from(fans),
            _ => minutes.push_back((minute, u64::from(fans))),
        }
        while minutes.len() > MINUTES_MAX {
            minutes.pop_front();
        }
    }

    /// How many were let in during each minute that began at `since` or later.
    pub(crate) fn since(&self, concert: ConcertId, since: Timestamp) -> Vec<(Timestamp, u64)> {
        let by_concert = self.by_concert.lock();
        let minutes = by_concert.get(&concert).into_iter().flatten();
        minutes.filter(|(at, _)| *at >= since).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fans_are_counted_by_minute_and_an_hour_is_kept() {
        let admitted = Admitted::default();
        let concert = ConcertId::new(1);
        let minute = |minute: i64| Timestamp::from_micros(minute * MINUTE);
        for at in 0..100 {
            admitted.note(concert, 2, minute(at));
            admitted.note(concert, 1, Timestamp::from_micros(minute(at).micros() + 59_999_999));
            admitted.note(concert, 0, minute(at));
        }
        assert_eq!(admitted.since(concert, minute(98)), [(minute(98), 3), (minute(99), 3)]);
        assert_eq!(admitted.since(concert, Timestamp::ZERO).len(), MINUTES_MAX);
        assert_eq!(admitted.since(ConcertId::new(2), Timestamp::ZERO), []);
    }
}
