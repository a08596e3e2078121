//! What is checked on the evidence of many requests. Each check has a control in [`controls`](super::controls): a
//! line that breaks the promise, on which it must find something.

use std::collections::{HashMap, HashSet};

use frontrow_application::waiting_room::LineFigures;
use frontrow_domain::queue::RateLimit;
use frontrow_domain::{EntryId, Sequence, Timestamp, UserId};

/// One answered request to join. The stamps come from one counter, so they are the order of events.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// The stamp taken before it was sent.
    pub sent: usize,
    /// The stamp taken after it was answered.
    pub answered: usize,
    /// The number that it was given.
    pub sequence: Sequence,
    /// The place.
    pub entry: EntryId,
    /// Whose it is.
    pub user: UserId,
    /// What was said of whether it is new.
    pub is_new: bool,
}

/// How many were given a number below that of somebody whose answer had arrived before they asked (R-Q2). Only the
/// requests that made a place count: asking again is no arrival.
pub fn inversions(requests: &[Request]) -> usize {
    let mut events: Vec<(usize, bool, Sequence)> = Vec::with_capacity(requests.len() * 2);
    for request in requests.iter().filter(|request| request.is_new) {
        events.push((request.sent, false, request.sequence));
        events.push((request.answered, true, request.sequence));
    }
    events.sort_unstable();
    let mut highest_answered = Sequence::new(0);
    let mut found = 0;
    for (_, is_answer, sequence) in events {
        if is_answer {
            highest_answered = highest_answered.max(sequence);
        } else if sequence < highest_answered {
            found += 1;
        }
    }
    found
}

/// What is wrong with who has which place: every fan has one, every number is of one fan, and of all requests of a
/// fan one was the first (R-Q1).
pub fn places_amiss(requests: &[Request]) -> Vec<String> {
    let mut amiss = Vec::new();
    let mut by_user: HashMap<UserId, (Sequence, EntryId)> = HashMap::new();
    let mut news: HashSet<UserId> = HashSet::new();
    for request in requests {
        let place = (request.sequence, request.entry);
        let known = *by_user.entry(request.user).or_insert(place);
        if known != place {
            amiss.push(format!("{} has {known:?} and {place:?}", request.user));
        }
        if request.is_new && !news.insert(request.user) {
            amiss.push(format!("{} was new twice", request.user));
        }
    }
    let numbers: HashSet<Sequence> = by_user.values().map(|(sequence, _)| *sequence).collect();
    if numbers.len() != by_user.len() {
        amiss.push(format!("{} fans share {} numbers", by_user.len(), numbers.len()));
    }
    if news.len() != by_user.len() {
        amiss.push(format!("{} fans were new {} times", by_user.len(), news.len()));
    }
    amiss
}

/// So many were let in at a time, while this limit was in force.
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub count: u32,
    /// How many may be within any of its windows.
    pub limit: RateLimit,
}

/// The first moment up to which more were let in than the limit of that moment allows in any window (R-Q4). The
/// admissions come in order of time.
pub fn rate_exceeded(admissions: &[Admission]) -> Option<String> {
    for (index, last) in admissions.iter().enumerate().filter(|(_, last)| last.count > 0) {
        let from = last.at.micros() - last.limit.window_micros();
        let within = admissions[..=index].iter().rev().take_while(|admission| admission.at.micros() > from);
        let count: u32 = within.map(|admission| admission.count).sum();
        if count > last.limit.per_window() {
            return Some(format!("{count} up to {:?} with {:?}", last.at, last.limit));
        }
    }
    None
}

/// Whether a tick let anybody in beyond the cap (R-Q4). A cap below the present number throws nobody out, so being
/// above it is no breach; letting somebody in then is.
pub fn cap_exceeded(figures: &LineFigures, cap: u32) -> Option<String> {
    let is_over = figures.admitted > 0 && figures.active > cap;
    is_over.then(|| format!("{} let in, {} are active, {cap} may be", figures.admitted, figures.active))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::samples;

    fn request(sent: usize, answered: usize, number: u64) -> Request {
        Request {
            sent,
            answered,
            sequence: Sequence::new(number),
            entry: samples::entry_id(number),
            user: samples::user(number),
            is_new: true,
        }
    }

    #[test]
    fn requests_that_were_on_their_way_together_may_come_in_any_order() {
        assert_eq!(inversions(&[request(0, 3, 2), request(1, 2, 1)]), 0);
        assert_eq!(inversions(&[request(0, 2, 1), request(1, 3, 2)]), 0);
    }

    #[test]
    fn one_who_asked_after_anothers_answer_and_is_ahead_is_an_inversion() {
        assert_eq!(inversions(&[request(0, 1, 2), request(2, 3, 1)]), 1);
        assert_eq!(inversions(&[request(0, 1, 9), request(2, 5, 1), request(3, 4, 2)]), 2);
    }

    #[test]
    fn a_fan_with_two_places_and_two_fans_with_one_number_are_amiss() {
        assert!(places_amiss(&[request(0, 1, 1), request(2, 3, 2)]).is_empty());
        let twice = Request { user: samples::user(1), ..request(2, 3, 2) };
        assert!(!places_amiss(&[request(0, 1, 1), twice]).is_empty());
        let shared = Request { sequence: Sequence::new(1), ..request(2, 3, 2) };
        assert!(!places_amiss(&[request(0, 1, 1), shared]).is_empty());
        let again = Request { is_new: false, ..request(2, 3, 1) };
        assert!(places_amiss(&[request(0, 1, 1), again]).is_empty());
    }

    #[test]
    fn a_window_is_without_its_first_moment() {
        let limit = RateLimit::of_milli(2_000);
        let at = |micros, count| Admission {
            at: Timestamp::from_micros(ManualClock::EPOCH.micros() + micros),
            count,
            limit,
        };
        assert_eq!(rate_exceeded(&[at(0, 2), at(1_000_000, 2)]), None);
        assert!(rate_exceeded(&[at(0, 2), at(999_999, 1)]).is_some());
        assert!(rate_exceeded(&[at(0, 3)]).is_some());
    }
}
