//! What answers mean to a fan, one by one.

use super::super::curve::Curve;
use super::super::fan::Crew;
use super::super::hall::Hall;
use super::*;
use crate::answer::{Parsed, parse};

const ACTIVE: &str = r#"{"concertId":1,"state":"active","room":"open","token":"t-1","sequence":7,"ahead":0,
    "estimatedWaitSeconds":{"low":2,"high":9},"seatsLeft":6,"seatsHeld":0,"pollAfterSeconds":5,
    "joinedAt":"2026-11-20T12:00:00.000001Z","admittedAt":"2026-11-20T12:00:01.500000Z"}"#;
const HELD: &str = r#"{"reservationId":"r-1","amount":2500,"seats":[{"no":2,"label":"2"},{"no":3}]}"#;

fn waiting(left: u32, held: u32) -> String {
    format!(
        r#"{{"state":"waiting","token":null,"sequence":7,"estimatedWaitSeconds":null,"seatsLeft":{left},
            "seatsHeld":{held},"pollAfterSeconds":3,"joinedAt":"2026-11-20T12:00:00Z","admittedAt":null}}"#
    )
}

fn sale() -> Sale {
    let plan =
        br#"{"sections":[{"rows":[{"seats":[{"no":1},{"no":2},{"no":3},{"no":4},{"no":5},{"no":6}]}]}]}"#;
    Sale {
        host: "h".to_owned(),
        servers: vec!["127.0.0.1:1".parse().unwrap()],
        has_line: true,
        halls: vec![Hall::read(1, 3, plan).unwrap()],
        seats: 6,
        charge_min: 1_000,
        charge_max: 2_000,
        bearers: vec!["Bearer b".to_owned()],
        log_ins: Vec::new(),
    }
}

fn fan(picks: Picks, surrender: Option<Surrender>) -> Fan {
    let crew = Crew {
        fans: 1,
        curve: Curve::new(Duration::ZERO),
        seed: 1,
        thinking: 1.0,
        give_up_percent: 0,
        streaming_percent: 0,
        party_max: 4,
        schedules: 1,
    };
    Fan { party: 2, picks, place: 0.0, surrender, ..crew.fan(0) }
}

/// A fan, the sale they are at, and what they have sent last.
struct Tried {
    sale: Sale,
    fan: Fan,
    journey: Journey,
}

impl Tried {
    fn new(picks: Picks, surrender: Option<Surrender>) -> Self {
        let (sale, fan) = (sale(), fan(picks, surrender));
        Self { journey: Journey::new(&fan, true, None), sale, fan }
    }

    /// The same with streams.
    fn streaming(picks: Picks, surrender: Option<Surrender>) -> Self {
        let (sale, fan) = (sale(), Fan { streams: true, ..fan(picks, surrender) });
        Self { journey: Journey::new(&fan, true, None), sale, fan }
    }

    fn stream(&self) -> String {
        String::from_utf8(self.journey.follow(&self.sale).expect("a stream")).unwrap()
    }

    fn request(&self) -> String {
        let mut buffer = Vec::new();
        self.journey.write(&self.sale, 0, &mut buffer);
        String::from_utf8(buffer).unwrap()
    }

    /// Gives the fan this answer to what they asked, a second after the last at the time of `seconds`.
    fn hears(&mut self, seconds: u64, status: u16, headers: &str, body: &str) -> Turn {
        let bytes = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        let Ok(Parsed::Whole(frame)) = parse(bytes.as_bytes(), false, 1 << 20) else { panic!("{bytes}") };
        let times = Times { sent: Duration::from_secs(seconds), heard: Duration::from_secs(seconds + 1) };
        self.journey.take_in(&self.sale, &self.fan, &frame.answer(bytes.as_bytes()), times)
    }

    fn refused(&mut self, status: u16, code: &str) -> Turn {
        self.hears(9, status, "", &format!("{{\"code\":\"{code}\",\"status\":{status}}}"))
    }

    /// Up to the moment when seats are asked for.
    fn at_hold(mut self) -> Self {
        assert_eq!(self.hears(0, 201, "", ACTIVE), Turn::After(Duration::ZERO));
        assert_eq!(self.hears(1, 200, "", r#"{"version":1,"states":"haaaaa"}"#), Turn::After(self.fan.looks));
        assert_eq!(self.journey.stage, Stage::Hold);
        self
    }
}

#[test]
fn a_fan_goes_all_the_way_and_charges_what_it_takes() {
    let mut tried = Tried::new(Picks::FromMap, None);
    assert!(tried.request().starts_with("POST /api/v1/queues HTTP/1.1\r\n"));
    tried = tried.at_hold();
    let place = tried.journey.place.unwrap();
    assert_eq!((place.sequence, place.join_heard), (7, Duration::from_secs(1)));
    assert_eq!(place.admitted_at.unwrap() - tried.journey.joined_at, 1_499_999);
    assert_eq!(tried.journey.told, Some((2, 9)));
    let request = tried.request();
    assert!(request.contains("queue-token: t-1\r\n") && request.contains("idempotency-key: hold-0-0\r\n"));
    assert!(request.ends_with(r#"{"scheduleId":3,"seats":[2,3]}"#), "{request}");
    assert_eq!(tried.hears(9, 201, "", HELD), Turn::After(tried.fan.pays));
    // 2,500 are more than fits into one charge, and what is left is less than the least.
    assert!(tried.request().contains(r#"{"amount":2000,"#));
    assert_eq!(tried.hears(9, 200, "", "{}"), Turn::After(Duration::ZERO));
    let second = tried.request();
    assert!(second.contains(r#"{"amount":1000,"#) && second.contains("idempotency-key: charge-0-1\r\n"));
    assert_eq!(tried.hears(9, 200, "", "{}"), Turn::After(Duration::ZERO));
    assert!(tried.request().ends_with(r#"{"reservationId":"r-1"}"#));
    assert_eq!(tried.hears(9, 201, "", "{}"), Turn::Over(End::Bought));
    assert_eq!((tried.journey.amount, tried.journey.seats.as_slice()), (2_500, &[2, 3][..]));
}

#[test]
fn a_fan_in_line_asks_when_told_to_and_goes_when_nothing_is_left() {
    let mut tried = Tried::new(Picks::Best, None);
    let joined = waiting(6, 0).replace("\"token\":null", "\"token\":\"t-1\"");
    assert_eq!(tried.hears(0, 201, "", &joined), Turn::After(Duration::from_secs(3)));
    assert!(tried.request().starts_with("GET /api/v1/queues/status HTTP/1.1\r\n"));
    assert_eq!(
        tried.hears(4, 200, "", &waiting(0, 2)),
        Turn::After(Duration::from_secs(3)),
        "they may come back"
    );
    assert_eq!(tried.journey.place.unwrap().waiting_sent, Some(Duration::from_secs(4)));
    assert_eq!(tried.hears(8, 200, "", &waiting(0, 0)), Turn::Over(End::SoldOut));
}

#[test]
fn patience_in_line_ends_with_or_without_a_word() {
    let after = Duration::from_secs(5);
    for (surrender, end) in
        [(Surrender::LeavesLine(after), End::LeftLine), (Surrender::Vanishes(after), End::Vanished)]
    {
        let mut tried = Tried::new(Picks::Best, Some(surrender));
        tried.journey.join_sent = Some(Duration::ZERO);
        tried.hears(0, 201, "", &waiting(6, 0).replace("\"token\":null", "\"token\":\"t-1\""));
        let turn = tried.hears(5, 200, "", &waiting(6, 0));
        if end == End::Vanished {
            assert_eq!(turn, Turn::Over(end));
        } else {
            assert_eq!(turn, Turn::After(Duration::ZERO));
            assert!(tried.request().starts_with("DELETE /api/v1/queues HTTP/1.1\r\n"));
            assert_eq!(tried.hears(6, 204, "", ""), Turn::Over(end));
        }
    }
}

#[test]
fn whoever_is_told_to_come_back_sends_the_same_again() {
    let mut tried = Tried::new(Picks::Best, None).at_hold();
    let before = tried.request();
    assert!(
        before.ends_with(r#"{"scheduleId":3,"bestAvailable":{"quantity":2,"adjacent":true}}"#),
        "{before}"
    );
    assert_eq!(tried.hears(9, 503, "retry-after: 4\r\n", "{}"), Turn::After(Duration::from_secs(4)));
    assert_eq!(tried.hears(9, 429, "", "{}"), Turn::After(AGAIN));
    assert_eq!(tried.refused(409, "request_in_flight"), Turn::After(AGAIN));
    assert_eq!(tried.request(), before, "with the same key, so nothing happens twice");
}

#[test]
fn a_fan_who_is_outrun_looks_again_and_has_enough_at_last() {
    let mut tried = Tried::new(Picks::Best, None).at_hold();
    assert_eq!(tried.refused(409, "no_adjacent_seats"), Turn::After(tried.fan.chooses_again));
    assert_eq!(tried.journey.stage, Stage::Map);
    tried.hears(9, 200, "", r#"{"version":1,"states":"haahha"}"#);
    let request = tried.request();
    assert!(request.contains(r#""adjacent":false"#) && request.contains("idempotency-key: hold-0-1\r\n"));
    assert_eq!(tried.refused(409, "sold_out"), Turn::After(tried.fan.chooses_again));
    tried.hears(9, 200, "", r#"{"version":1,"states":"hhhhha"}"#);
    assert!(
        tried.request().ends_with(r#"{"scheduleId":3,"seats":[6]}"#),
        "the map has one that the best did not"
    );
    for _ in 0..TRIES - 3 {
        assert_eq!(tried.refused(409, "seat_unavailable"), Turn::After(tried.fan.chooses_again));
        tried.hears(9, 200, "", r#"{"version":1,"states":"aahhha"}"#);
    }
    assert_eq!(tried.refused(409, "seat_unavailable"), Turn::After(Duration::ZERO));
    assert_eq!(tried.journey.stage, Stage::Leave);
    assert_eq!(tried.hears(9, 204, "", ""), Turn::Over(End::OutrunTooOften));
}

#[test]
fn a_full_map_is_the_end_unless_somebody_still_holds() {
    let mut tried = Tried::new(Picks::FromMap, None);
    tried.hears(0, 201, "", ACTIVE);
    assert_eq!(
        tried.hears(1, 200, "", r#"{"version":1,"states":"sshsss"}"#),
        Turn::After(tried.fan.chooses_again)
    );
    assert_eq!(tried.hears(1, 200, "", r#"{"version":1,"states":"ssssss"}"#), Turn::After(Duration::ZERO));
    assert_eq!(tried.hears(2, 204, "", ""), Turn::Over(End::SoldOut));
}

#[test]
fn who_gives_up_with_seats_gives_them_back_or_lets_them_lapse() {
    let mut back = Tried::new(Picks::Best, Some(Surrender::GivesBack)).at_hold();
    assert_eq!(back.hears(9, 201, "", HELD), Turn::After(back.fan.pays));
    assert!(back.request().starts_with("DELETE /api/v1/reservations/r-1 HTTP/1.1\r\n"));
    assert_eq!(back.hears(9, 200, "", "{}"), Turn::After(Duration::ZERO));
    assert_eq!(back.hears(9, 204, "", ""), Turn::Over(End::GaveBack));
    let mut lapse = Tried::new(Picks::Best, Some(Surrender::LetsLapse)).at_hold();
    assert_eq!(lapse.hears(9, 201, "", HELD), Turn::Over(End::LetLapse));
}

#[test]
fn what_a_fan_cannot_help_ends_their_night() {
    let mut late = Tried::new(Picks::Best, None).at_hold();
    assert_eq!(late.refused(403, "queue_token_expired"), Turn::Over(End::SessionEnded));
    let mut slow = Tried::new(Picks::Best, None).at_hold();
    slow.hears(9, 201, "", HELD);
    slow.journey.stage = Stage::Pay;
    assert_eq!(slow.refused(410, "reservation_expired"), Turn::Over(End::HoldEnded));
    let mut sold_out = Tried::new(Picks::Best, None);
    assert_eq!(sold_out.refused(409, "sold_out"), Turn::Over(End::SoldOut));
    // A status that says nothing known, or nothing at all, is no reason to go on as if it had.
    let mut odd = Tried::new(Picks::Best, None);
    assert_eq!(odd.hears(0, 201, "", "what?"), Turn::Over(End::Refused));
}

#[test]
fn who_follows_the_line_asks_no_more_and_hears_when_it_is_their_turn() {
    let mut tried = Tried::streaming(Picks::Best, None);
    let joined = waiting(6, 0).replace("\"token\":null", "\"token\":\"t-1\"");
    assert_eq!(tried.hears(0, 201, "", &joined), Turn::Listen);
    assert_eq!(tried.journey.follows(), Some(Follows::Line));
    let stream = tried.stream();
    assert!(stream.starts_with("GET /api/v1/queues/stream HTTP/1.1\r\n"), "{stream}");
    assert!(stream.contains("queue-token: t-1\r\n"));
    let hear = |tried: &mut Tried, seconds, status: &str| {
        tried.journey.hear_place(&tried.fan, status.as_bytes(), Duration::from_secs(seconds))
    };
    assert_eq!(hear(&mut tried, 3, &waiting(6, 0)), Turn::Listen);
    let place = tried.journey.place.unwrap();
    assert_eq!(place.waiting_sent, Some(Duration::ZERO), "an event proves nothing of when it was so");
    let active = ACTIVE.replace("\"token\":\"t-1\"", "\"token\":null");
    assert_eq!(hear(&mut tried, 5, &active), Turn::After(Duration::ZERO));
    assert_eq!(tried.journey.place.unwrap().active_heard, Some(Duration::from_secs(5)));
    assert_eq!((tried.journey.heard_by, tried.journey.follows()), (Some(HeardBy::Stream), None));
    assert_eq!(tried.journey.stage, Stage::Map);
}

#[test]
fn a_stream_that_ends_is_asked_after_and_hearing_is_told_apart() {
    let mut tried = Tried::streaming(Picks::Best, None);
    tried.hears(0, 201, "", &waiting(6, 0).replace("\"token\":null", "\"token\":\"t-1\""));
    assert!(tried.journey.stream_ended(), "they ask at once");
    assert!(tried.request().starts_with("GET /api/v1/queues/status HTTP/1.1\r\n"));
    assert_eq!(tried.hears(4, 200, "", &waiting(6, 0)), Turn::After(Duration::from_secs(3)), "and again");
    assert_eq!(tried.journey.follows(), None);
    tried.hears(8, 200, "", ACTIVE);
    assert_eq!(tried.journey.heard_by, Some(HeardBy::Asking));
    // Who was let in at once has waited for nothing, and says nothing of it.
    let mut at_once = Tried::streaming(Picks::Best, None);
    at_once.hears(0, 201, "", ACTIVE);
    assert_eq!(at_once.journey.heard_by, None);
}

#[test]
fn patience_ends_on_a_stream_as_well() {
    let after = Duration::from_secs(5);
    let mut vanishes = Tried::streaming(Picks::Best, Some(Surrender::Vanishes(after)));
    let mut leaves = Tried::streaming(Picks::Best, Some(Surrender::LeavesLine(after)));
    for tried in [&mut vanishes, &mut leaves] {
        tried.journey.join_sent = Some(Duration::ZERO);
        tried.hears(0, 201, "", &waiting(6, 0).replace("\"token\":null", "\"token\":\"t-1\""));
    }
    assert_eq!(vanishes.journey.patience_ends(&vanishes.fan), Turn::Over(End::Vanished));
    assert_eq!(leaves.journey.patience_ends(&leaves.fan), Turn::After(Duration::ZERO));
    assert_eq!(leaves.journey.follows(), None);
    assert!(leaves.request().starts_with("DELETE /api/v1/queues HTTP/1.1\r\n"));
}

#[test]
fn who_follows_the_map_takes_another_seat_before_asking_for_one_that_is_gone() {
    let mut tried = Tried::streaming(Picks::FromMap, None);
    tried.hears(0, 201, "", ACTIVE);
    tried.hears(1, 200, "", r#"{"version":4,"states":"aaaaaa"}"#);
    let stream = tried.stream();
    assert!(
        stream.starts_with("GET /api/v1/concerts/1/schedules/3/seats/stream?since=4 HTTP/1.1"),
        "{stream}"
    );
    assert!(tried.journey.hear_map(br#"{"version":5,"changes":[{"no":2,"state":"held"}]}"#));
    tried.journey.get_ready(&tried.sale, Instant::now());
    assert!(tried.request().ends_with(r#""seats":[3,4]}"#), "{}", tried.request());
    // An older event changes nothing, and one that does not fit is no way on.
    assert!(tried.journey.hear_map(br#"{"version":5,"changes":[{"no":3,"state":"held"}]}"#));
    assert!(!tried.journey.hear_map(br#"{"version":6,"changes":[{"no":7,"state":"held"}]}"#));
    // Refused all the same, they choose on the map that they have.
    assert_eq!(tried.refused(409, "seat_unavailable"), Turn::After(tried.fan.chooses_again));
    tried.journey.get_ready(&tried.sale, Instant::now());
    assert!(tried.request().ends_with(r#""seats":[5,6]}"#), "{}", tried.request());
    // Nothing left on it: the map is fetched, which says whether anything may come back.
    assert!(tried.journey.hear_map(
        br#"{"version":9,"changes":[{"no":1,"state":"sold"},{"no":5,"state":"sold"},{"no":6,"state":"held"}]}"#
    ));
    tried.journey.get_ready(&tried.sale, Instant::now());
    assert_eq!((tried.journey.stage, tried.journey.follows()), (Stage::Map, None));
}

#[test]
fn a_log_in_is_renewed_before_it_ends_and_when_it_has() {
    let (sale, fan) = (Sale { bearers: Vec::new(), ..sale() }, fan(Picks::Best, None));
    let log_in = LogIn::new("first", "r-1", Duration::from_mins(15));
    let mut tried = Tried { journey: Journey::new(&fan, true, Some(log_in)), sale, fan };
    tried.journey.get_ready(&tried.sale, Instant::now());
    assert!(tried.request().contains("authorization: Bearer first\r\n"));
    tried.journey.get_ready(&tried.sale, Instant::now() + Duration::from_secs(850));
    let renewal = tried.request();
    assert!(renewal.starts_with("POST /api/v1/auth/refresh HTTP/1.1\r\n"), "{renewal}");
    assert!(
        renewal.ends_with(r#"{"refreshToken":"r-1"}"#) && !renewal.contains("authorization"),
        "{renewal}"
    );
    let renewed = r#"{"accessToken":"second","refreshToken":"r-2","tokenType":"Bearer","expiresIn":900}"#;
    assert_eq!(tried.hears(1, 200, "", renewed), Turn::After(Duration::ZERO));
    assert!(tried.request().contains("authorization: Bearer second\r\n"));
    assert_eq!(tried.refused(401, "access_token_expired"), Turn::After(Duration::ZERO));
    assert!(tried.request().ends_with(r#"{"refreshToken":"r-2"}"#));
    assert_eq!(tried.refused(401, "refresh_token_invalid"), Turn::Over(End::Refused));
}
