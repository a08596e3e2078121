use proptest::prelude::*;

use super::*;
use crate::Timestamp;
use crate::catalog::{BookingWindow, RoomControls};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(1_000_000_000_000 + millis * 1_000)
}

fn facts(schedules: &[(i64, i64, u32, u32)]) -> RoomFacts {
    let schedule = |&(start, end, available, held): &(i64, i64, u32, u32)| ScheduleFacts {
        booking: BookingWindow { start: at(start), end: at(end) },
        sales_paused: false,
        available,
        held,
    };
    let schedules = schedules.iter().map(schedule).collect();
    RoomFacts { enabled: true, controls: RoomControls::default(), lobby: None, schedules }
}

#[test]
fn a_room_follows_its_sales_windows_and_its_stock() {
    let two = facts(&[(1_000, 2_000, 5, 0), (3_000, 4_000, 5, 0)]);
    let states: Vec<_> = [0, 1_000, 1_999, 2_000, 3_000, 4_000].map(|now| two.state(at(now)).name()).into();
    assert_eq!(states, ["scheduled", "open", "open", "paused", "open", "closed"]);
    assert_eq!(facts(&[]).state(at(0)), RoomState::Scheduled);
    assert_eq!(facts(&[(0, 9, 0, 3)]).state(at(1)), RoomState::SoldOut, "held seats are not to be had now");
    assert_eq!(facts(&[(0, 9, 0, 0), (0, 9, 1, 0)]).state(at(1)), RoomState::Open);
}

#[test]
fn an_operator_pauses_drains_and_closes() {
    let with = |controls| RoomFacts { controls, ..facts(&[(0, 9, 5, 0)]) };
    let paused = with(RoomControls { paused: true, ..RoomControls::default() });
    assert_eq!((paused.state(at(1)), paused.check_join(at(1))), (RoomState::Paused, Ok(())));
    let draining = with(RoomControls { draining: true, ..RoomControls::default() });
    assert_eq!(
        (draining.state(at(1)), draining.check_join(at(1))),
        (RoomState::Open, Err(JoinRefused::Closed))
    );
    let closed = with(RoomControls { closed: true, ..RoomControls::default() });
    assert_eq!(
        (closed.state(at(1)), closed.check_join(at(1))),
        (RoomState::Closed, Err(JoinRefused::Closed))
    );
    let off = RoomFacts { enabled: false, ..with(RoomControls::default()) };
    assert_eq!(off.check_join(at(1)), Err(JoinRefused::NoWaitingRoom));
}

#[test]
fn a_lobby_lasts_from_its_opening_until_it_was_drawn() {
    let with = |lobby, is_drawn| {
        let lobby = Some(LobbyFacts { opens_at: at(lobby), is_drawn });
        RoomFacts { lobby, ..facts(&[(1_000, 2_000, 5, 0)]) }
    };
    let told = |room: &RoomFacts| [499, 500, 999, 1_000, 1_999, 2_000].map(|now| room.state(at(now)).name());
    let to_come = with(500, false);
    assert_eq!(told(&to_come), ["scheduled", "lobby", "lobby", "lobby", "lobby", "closed"]);
    assert_eq!(told(&with(500, true)), ["scheduled", "scheduled", "scheduled", "open", "open", "closed"]);
    assert_eq!(
        [499, 999, 1_000, 2_000].map(|now| to_come.is_to_be_drawn(at(now))),
        [false, false, true, false]
    );
    assert!(!with(500, true).is_to_be_drawn(at(1_000)));
    assert_eq!([499, 500, 2_000].map(|now| to_come.shows_commitment(at(now))), [false, true, true]);
    // It opens with the sale at the latest.
    let late = with(1_500, false);
    assert_eq!((late.lobby_opens_at(), late.state(at(1_000))), (Some(at(1_000)), RoomState::Lobby));
    // Without anything on sale there is no opening to draw at, and an operator's word goes before all of it.
    let nothing = RoomFacts { schedules: Vec::new(), ..with(500, false) };
    assert_eq!((nothing.state(at(600)), nothing.shows_commitment(at(600))), (RoomState::Scheduled, false));
    let closed = RoomControls { closed: true, ..RoomControls::default() };
    assert_eq!(RoomFacts { controls: closed, ..with(500, false) }.state(at(600)), RoomState::Closed);
    assert!(!RoomFacts { enabled: false, ..with(500, false) }.shows_commitment(at(600)));
}

#[test]
fn whoever_may_join_the_line_may_come_into_its_lobby() {
    let lobby = Some(LobbyFacts { opens_at: at(500), is_drawn: false });
    let room = RoomFacts { lobby, ..facts(&[(1_000, 2_000, 5, 0)]) };
    assert_eq!(room.check_join(at(499)), Err(JoinRefused::NotOpen { opens_at: Some(at(1_000)) }));
    assert_eq!(room.check_join(at(500)), Ok(()));
    let draining = RoomControls { draining: true, ..RoomControls::default() };
    assert_eq!(RoomFacts { controls: draining, ..room }.check_join(at(500)), Err(JoinRefused::Closed));
    let sold = RoomFacts { lobby, ..facts(&[(1_000, 2_000, 0, 0)]) };
    assert_eq!(sold.check_join(at(500)), Err(JoinRefused::SoldOut));
}

#[test]
fn newcomers_are_refused_before_the_opening_and_when_nothing_can_come_back() {
    let room = facts(&[(1_000, 2_000, 0, 0), (3_000, 4_000, 0, 1)]);
    assert_eq!(room.check_join(at(999)), Err(JoinRefused::NotOpen { opens_at: Some(at(1_000)) }));
    assert_eq!(room.check_join(at(1_000)), Ok(()), "a held seat may come back");
    assert_eq!(facts(&[(0, 9, 0, 0)]).check_join(at(1)), Err(JoinRefused::SoldOut));
    assert_eq!(facts(&[]).check_join(at(1)), Err(JoinRefused::NotOpen { opens_at: None }));
}

#[test]
fn a_session_ends_by_itself_as_no_show_or_timed_out() {
    let terms = SessionTerms { session_seconds: 300, claim_seconds: 60 };
    let session = Session::begin(terms, at(0), at(0), 2);
    assert_eq!((session.expires_at(), session.own_end()), (at(60_000), EndReason::NoShow));
    let claimed = session.claimed();
    assert_eq!((claimed.expires_at(), claimed.own_end()), (at(300_000), EndReason::TimedOut));
    let state = PlaceState::Active(session);
    assert_eq!(state.at(at(59_999)), state);
    let ended = PlaceState::Ended { reason: EndReason::NoShow, at: at(60_000), admitted_at: Some(at(0)) };
    assert_eq!(state.at(at(60_000)), ended, "the end is exclusive");
    assert_eq!(state.ended(EndReason::Left, at(70_000)), ended, "what is over stays as it is");
}

#[test]
fn a_fan_who_was_told_to_come_back_late_has_half_the_claim_time_from_then() {
    let terms = SessionTerms { session_seconds: 300, claim_seconds: 60 };
    let session = Session::begin(terms, at(10_000), at(0), 120);
    assert_eq!(session.expires_at(), at(150_000));
    let short = SessionTerms { session_seconds: 100, claim_seconds: 60 };
    assert_eq!(
        Session::begin(short, at(10_000), at(0), 120).expires_at(),
        at(110_000),
        "the cap is absolute"
    );
}

#[test]
fn an_outage_gives_the_claim_time_anew_but_no_longer_session() {
    let terms = SessionTerms { session_seconds: 300, claim_seconds: 60 };
    let session = Session::begin(terms, at(0), at(0), 2);
    assert_eq!(session.resumed(terms, at(100_000)).expires_at(), at(160_000));
    assert_eq!(session.resumed(terms, at(290_000)).expires_at(), at(300_000));
    assert_eq!(session.claimed().resumed(terms, at(100_000)), session.claimed());
}

#[test]
fn presence_lasts_a_minute_or_twice_what_was_told_and_counts_from_readiness() {
    let is_present = |told, ready, now| PlaceState::is_present(60, at(0), told, at(ready), at(now));
    assert!(is_present(2, 0, 59_999));
    assert!(!is_present(2, 0, 60_000));
    assert!(is_present(100, 0, 199_999));
    assert!(is_present(2, 500_000, 559_999), "an outage is nobody's absence");
}

#[test]
fn a_million_in_line_ask_a_bounded_number_of_times_a_second() {
    let rate = |limit: u32| {
        let pace = Pace { rate: RateLimit::of_milli(limit), claim_seconds: 60 };
        (0..1_000_000_u64).step_by(100).map(|ahead| 100.0 / f64::from(pace.waiting(ahead))).sum::<f64>()
    };
    assert!(rate(140_000) < 5_500.0, "{}", rate(140_000));
    // At 10,000 a second the last one waits 100 s, so nobody can be told to ask in five minutes.
    assert!(rate(10_000_000) < 20_000.0, "{}", rate(10_000_000));
}

#[test]
fn nobody_is_told_to_ask_after_their_turn_could_have_come_and_gone() {
    for milli in [1, 500, 1_000, 140_000, 20_000_000] {
        let pace = Pace { rate: RateLimit::of_milli(milli), claim_seconds: 60 };
        for ahead in [0_u64, 1, 10, 1_000, 50_000, 1_000_000] {
            let earliest = pace.rate.seconds_for(ahead);
            let told = u64::from(pace.waiting(ahead));
            assert!(told < earliest + 60, "rate {milli}, {ahead} ahead: told {told}, called at {earliest}");
        }
    }
}

#[test]
fn a_rate_below_one_a_second_spaces_people_out() {
    let limit = RateLimit::of_milli(400);
    let mut log = AdmissionLog::default();
    let mut admitted = Vec::new();
    for tick in 0..200 {
        let now = at(tick * 100);
        let count = log.allowed(limit, now);
        log.note(now, count);
        admitted.extend((0..count).map(|_| tick * 100));
    }
    assert_eq!(admitted, [0, 2_500, 5_000, 7_500, 10_000, 12_500, 15_000, 17_500]);
}

#[test]
fn the_rate_is_reached_also_when_ticks_come_late() {
    let limit = RateLimit::of_milli(140_000);
    let mut log = AdmissionLog::default();
    let (mut now, mut total) = (0, 0);
    for step in [18, 22, 21, 19, 36, 12, 20, 20, 24, 17].iter().cycle().take(3_000) {
        now += step;
        let count = log.allowed(limit, at(now));
        log.note(at(now), count);
        total += count;
    }
    let share = f64::from(total) / (140.0 * now as f64 / 1_000.0);
    assert!((0.97..=1.01).contains(&share), "{share} of the rate");
}

proptest! {
    /// R-Q4: in any sliding second at most the rate, whatever the ticks, the changes of the rate and the demand.
    #[test]
    fn no_sliding_window_holds_more_than_the_rate(
        steps in proptest::collection::vec((0_i64..400, 0_u32..300), 1..200),
        rates in proptest::collection::vec(1_u32..200_000, 1..4),
    ) {
        let mut log = AdmissionLog::default();
        let mut admitted: Vec<(i64, u32)> = Vec::new();
        let mut now = 0_i64;
        for (number, (step, wanted)) in steps.iter().enumerate() {
            now += step;
            let limit = RateLimit::of_milli(rates[number * rates.len() / steps.len()]);
            let count = log.allowed(limit, at(now)).min(*wanted);
            log.note(at(now), count);
            admitted.push((now, count));
            let window = limit.window_micros() / 1_000;
            let within: u32 = admitted.iter().filter(|(then, _)| *then > now - window).map(|(_, count)| count).sum();
            prop_assert!(count == 0 || within <= limit.per_window(), "{within} within {window} ms");
        }
    }
}
