//! Whether anybody was overtaken, from nothing but what fans were answered.

use std::time::Duration;

/// What one fan has heard of their place. Times are since the opening, by the clock of the generator, but the one that the
/// server has told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The number in the line.
    pub sequence: u64,
    /// When the first request to join was sent.
    pub join_sent: Duration,
    /// When its answer was there.
    pub join_heard: Duration,
    /// When the server let the fan in, by the server's clock in microseconds.
    pub admitted_at: Option<i64>,
    /// When the fan heard that they are let in.
    pub active_heard: Option<Duration>,
    /// When the last question was sent that was answered with "waiting".
    pub waiting_sent: Option<Duration>,
}

/// How many fans were let in after, or were still waiting after, somebody who was behind them in line. Who was let in is
/// compared by the server's times. Who never was counts only if they asked and were told to wait when somebody behind them
/// knew already that they were in: without a clock in common nothing less is proof.
pub fn overtaken(places: &[Place]) -> usize {
    let mut places: Vec<&Place> = places.iter().collect();
    places.sort_by_key(|place| place.sequence);
    // The earliest of all behind.
    let (mut admitted, mut heard): (Option<i64>, Option<Duration>) = (None, None);
    let mut count = 0;
    for place in places.into_iter().rev() {
        let is_overtaken = match place.admitted_at {
            Some(at) => admitted.is_some_and(|behind| behind < at),
            None => heard.zip(place.waiting_sent).is_some_and(|(behind, sent)| behind < sent),
        };
        count += usize::from(is_overtaken);
        admitted = admitted.into_iter().chain(place.admitted_at).min();
        heard = heard.into_iter().chain(place.active_heard).min();
    }
    count
}

/// How many fans got a number in front of somebody whose place had been confirmed before they asked for theirs.
pub fn joined_out_of_order(places: &[Place]) -> usize {
    let mut heard: Vec<&Place> = places.iter().collect();
    heard.sort_by_key(|place| place.join_heard);
    let mut sent = heard.clone();
    sent.sort_by_key(|place| place.join_sent);
    let mut confirmed = heard.into_iter().peekable();
    let (mut highest, mut count) = (0, 0);
    for place in sent {
        while let Some(before) = confirmed.next_if(|before| before.join_heard < place.join_sent) {
            highest = highest.max(before.sequence);
        }
        count += usize::from(place.sequence < highest);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn second(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn place(sequence: u64, joined: u64, admitted: Option<i64>) -> Place {
        Place {
            sequence,
            join_sent: second(joined),
            join_heard: second(joined + 1),
            admitted_at: admitted,
            ..Place::default()
        }
    }

    #[test]
    fn a_line_in_order_has_nobody_overtaken() {
        let line = [place(3, 9, Some(30)), place(1, 1, Some(10)), place(2, 2, Some(10))];
        assert_eq!((overtaken(&line), joined_out_of_order(&line)), (0, 0));
        assert_eq!((overtaken(&[]), joined_out_of_order(&[])), (0, 0));
    }

    #[test]
    fn everybody_in_front_of_somebody_let_in_earlier_is_overtaken_once() {
        let line =
            [place(1, 0, Some(30)), place(2, 0, Some(20)), place(3, 0, Some(10)), place(4, 0, Some(15))];
        assert_eq!(overtaken(&line), 2, "1 and 2; 3 was first, and 4 has nobody behind");
    }

    #[test]
    fn who_waits_on_is_overtaken_when_somebody_behind_knew_before_they_asked() {
        let waits = |asked| Place { waiting_sent: Some(second(asked)), ..place(1, 0, None) };
        let inside = Place { active_heard: Some(second(5)), ..place(2, 0, Some(7)) };
        assert_eq!(overtaken(&[waits(6), inside]), 1);
        assert_eq!(overtaken(&[waits(5), inside]), 0, "the answers may have crossed");
        assert_eq!(overtaken(&[place(1, 0, None), inside]), 0, "who left at once was not there");
        assert_eq!(overtaken(&[Place { sequence: 3, ..waits(6) }, inside]), 0, "in front is in front");
    }

    #[test]
    fn a_number_in_front_of_a_confirmed_one_is_out_of_order() {
        assert_eq!(joined_out_of_order(&[place(2, 0, None), place(1, 2, None)]), 1);
        assert_eq!(joined_out_of_order(&[place(2, 0, None), place(1, 1, None)]), 0, "both were under way");
    }
}
