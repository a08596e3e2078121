use std::sync::Arc;

use frontrow_domain::catalog::{BookingWindow, HoldPolicy, RefundPolicy, Schedule, ScheduleDraft, SeatPlan};
use frontrow_domain::event::{Event, OutboxEvent, ScheduleCancelled};
use frontrow_domain::records::Counter;
use frontrow_domain::reservation::{Claim, SeatState, claim_seats};
use frontrow_domain::{Money, SeatNo};

use super::*;

const SCHEDULE: ScheduleId = ScheduleId::new(1);

/// A command made of a closure. The testkit has one too; it is built on another build of this crate.
struct Act<F>(Keys, F);

impl<F> Command for Act<F>
where
    F: Fn(&mut Records, Timestamp) -> Result<u32, Stop<&'static str>> + Send + 'static,
{
    type Outcome = u32;
    type Refusal = &'static str;

    fn keys(&self) -> Keys {
        self.0.clone()
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<u32, Stop<&'static str>> {
        (self.1)(records, now)
    }
}

type Reply = oneshot::Receiver<Result<u32, Failure<&'static str>>>;

fn act(
    decide: impl Fn(&mut Records, Timestamp) -> Result<u32, Stop<&'static str>> + Send + 'static,
    deadline: Timestamp,
) -> (Group, Reply) {
    let (order, reply) = Order::new(Act(Keys::default(), decide), deadline);
    (Group::new(vec![order]), reply)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

fn schedule(decided_at: Timestamp) -> Schedule {
    let draft = ScheduleDraft {
        venue: "Hall".to_owned(),
        starts_at: at(2),
        time_zone: "UTC".to_owned(),
        duration_minutes: 1,
        booking: BookingWindow { start: at(0), end: at(1) },
        hold: HoldPolicy { hold_seconds: 1, max_seconds: 1, extension_seconds: 0 },
        max_seats_per_fan: 4,
        refund_policy: RefundPolicy::NONE,
        sales_paused: false,
    };
    let plan = Arc::new(SeatPlan::plain(5, Money::ZERO).expect("plan"));
    draft.into_schedule(SCHEDULE, ConcertId::new(1), plan, decided_at)
}

fn loaded(decided_at: Timestamp) -> Records {
    let mut records = Records::new();
    records.schedules.load(SCHEDULE, Some((schedule(decided_at), 1)));
    records.claims.load((SCHEDULE, SeatNo::new(1)), None);
    records.counters.load(Counter::Concert, None);
    records
}

fn count(records: &mut Records) -> Result<u32, Stop<&'static str>> {
    let next = records.counters.get(&Counter::Concert)?.copied().unwrap_or(0) + 1;
    records.counters.put(Counter::Concert, next);
    Ok(next)
}

fn block(records: &mut Records, now: Timestamp) -> Result<u32, Stop<&'static str>> {
    match claim_seats(records, SCHEDULE, &[SeatNo::new(1)], Claim::Blocked, now)? {
        Ok(()) => Ok(1),
        Err(_) => Err(Stop::Refused("taken")),
    }
}

#[test]
fn a_command_past_its_deadline_never_runs() {
    let (mut group, mut reply) = act(|records, _| count(records), at(100));
    let mut records = loaded(at(0));
    assert_eq!(group.decide(&mut records, at(100), 1), Decision::Save);
    assert!(records.changed().is_empty());
    group.answer();
    assert_eq!(reply.try_recv(), Ok(Err(Failure::Overloaded)));
}

/// The clock jumped back by an hour: the schedule has seen a later time than any deadline that is set now.
#[test]
fn a_deadline_is_the_clocks_and_not_the_schedules() {
    let (mut group, mut reply) = act(|records, _| count(records), at(105));
    let mut records = loaded(at(3_700));
    assert_eq!(group.decide(&mut records, at(3_700), 1), Decision::Save);
    group.answer();
    assert_eq!(reply.try_recv(), Ok(Ok(1)));
}

#[test]
fn every_round_starts_from_what_was_loaded() {
    let (mut group, mut first) = act(|records, _| count(records), at(100));
    let needs = |records: &mut Records, _| {
        records.counters.get(&Counter::Schedule)?;
        count(records)
    };
    let (asking, mut second) = act(needs, at(100));
    group = group.join(asking);
    let mut records = loaded(at(0));
    let needed = Keys::from(Key::Counter(Counter::Schedule));
    assert_eq!(group.decide(&mut records, at(1), 1), Decision::Need(needed));
    records.counters.load(Counter::Schedule, None);
    assert_eq!(group.decide(&mut records, at(1), 2), Decision::Save);
    group.answer();
    assert_eq!(first.try_recv(), Ok(Ok(1)), "not counted twice");
    assert_eq!(second.try_recv(), Ok(Ok(2)));
}

#[test]
fn nobody_is_told_before_the_commit() {
    let (mut group, mut reply) = act(|records, _| count(records), at(100));
    assert_eq!(group.decide(&mut loaded(at(0)), at(1), 1), Decision::Save);
    assert!(reply.try_recv().is_err());
    group.fail(Fault::Unavailable);
    assert_eq!(reply.try_recv(), Ok(Err(Failure::Unavailable)), "what was decided was not done");
}

#[test]
fn a_group_that_is_repeated_answers_what_it_decided_last() {
    let (mut group, mut reply) = act(block, at(100));
    assert_eq!(group.decide(&mut loaded(at(0)), at(1), 1), Decision::Save);
    // The store was busy; meanwhile somebody else took the seat.
    let mut records = loaded(at(0));
    records.claims.load((SCHEDULE, SeatNo::new(1)), Some((Claim::Blocked, 0)));
    assert_eq!(group.decide(&mut records, at(2), 1), Decision::Save);
    group.answer();
    assert_eq!(reply.try_recv(), Ok(Err(Failure::Refused("taken"))));
}

/// A command that changes seats of a schedule that is not there, around the functions that change seats, keeps the
/// group from being saved: nothing may be stored that the map does not know of.
#[test]
fn seats_of_no_schedule_are_never_saved() {
    let around = |records: &mut Records, _| {
        records.claims.put((ScheduleId::new(9), SeatNo::new(1)), Claim::Blocked);
        Ok(1)
    };
    let (mut group, mut reply) = act(around, at(100));
    let mut records = loaded(at(0));
    records.schedules.load(ScheduleId::new(9), None);
    for round in 1..ROUNDS_MAX {
        let needed = Keys::from(Key::Schedule(ScheduleId::new(9)));
        assert_eq!(group.decide(&mut records, at(1), round), Decision::Need(needed));
    }
    assert_eq!(group.decide(&mut records, at(1), ROUNDS_MAX), Decision::Save);
    assert!(records.changed().is_empty());
    assert_eq!(group.news(), &News::default());
    group.answer();
    assert_eq!(reply.try_recv(), Ok(Err(Failure::Defect)));
}

#[test]
fn news_tell_a_sale_from_an_edit() {
    let (mut group, _reply) = act(block, at(100));
    let mut records = loaded(at(0));
    assert_eq!(group.decide(&mut records, at(1), 1), Decision::Save);
    let news = group.news();
    assert_eq!(news.schedules, [], "a sale is no edit, though it moves version, time and first use");
    let [change] = news.seats.as_slice() else { panic!("one schedule: {news:?}") };
    assert_eq!((change.schedule, change.version), (SCHEDULE, 2));
    assert_eq!(change.seats, [(SeatNo::new(1), SeatState::Blocked)]);

    let edit = |records: &mut Records, _| {
        let present = records.schedules.get(&SCHEDULE)?.cloned().ok_or(Stop::Refused("not there"))?;
        records.schedules.put(SCHEDULE, Schedule { sales_paused: true, ..present });
        Ok(1)
    };
    let (edited, _reply) = act(edit, at(100));
    let (sold, _other) = act(block, at(100));
    let mut both = sold.join(edited);
    assert_eq!(both.decide(&mut loaded(at(0)), at(1), 1), Decision::Save);
    assert_eq!(both.news().schedules, [SCHEDULE]);
    assert_eq!(both.news().seats.len(), 1);
}

/// Whoever asks why a group took so long is told what was in it, and where its time went.
#[test]
fn a_group_tells_what_it_was_and_where_its_time_went() {
    let needs = |records: &mut Records, _| {
        records.counters.get(&Counter::Schedule)?;
        count(records)
    };
    let (mut group, _first) = act(needs, at(100));
    let (second, _second) = act(|records, _| count(records), at(100));
    group = group.join(second);
    group.begin();
    let mut records = loaded(at(0));
    assert!(matches!(group.decide(&mut records, at(1), 1), Decision::Need(_)));
    records.counters.load(Counter::Schedule, None);
    assert_eq!(group.decide(&mut records, at(1), 2), Decision::Save);
    group.saved();
    let took = group.committed();
    let report = group.report();
    assert_eq!((report.rounds, report.took), (2, took));
    assert_eq!(report.kinds.values().sum::<usize>(), 2);
    let Spent { load, decide, save, commit } = report.spent;
    assert_eq!(load + decide + save + commit, took, "all of it, and nothing twice");
    assert!(!decide.is_zero());
}

#[test]
fn a_command_is_called_by_its_name_alone() {
    for (kind, name) in [
        ("frontrow_application::reservation::hold::HoldSeats", "HoldSeats"),
        ("frontrow_application::once::Once<frontrow_application::wallet::Charge>", "Charge"),
        ("Plain", "Plain"),
    ] {
        assert_eq!(short_name(kind), name);
    }
}

/// What a command writes names the request that it came of; what others of its group write does not.
#[test]
fn events_name_the_request_of_their_command() {
    let tell = |number: u128| {
        move |records: &mut Records, now| {
            let event = Event::ScheduleCancelled(ScheduleCancelled {
                concert_id: ConcertId::new(1),
                schedule_id: SCHEDULE,
                reason: String::new(),
            });
            let key = uuid::Uuid::from_u128(number);
            records.events.add(OutboxEvent { key, sequence: 1, at: now, event, origin: None });
            Ok(1)
        }
    };
    let request = Arc::new(Request::new("r-1".to_owned(), None));
    let (group, _job) = act(tell(1), at(100));
    let (asked, _asked) = trace::within_now(Some(&request), || act(tell(2), at(100)));
    let (more, _more) = act(tell(3), at(100));
    let mut group = group.join(asked).join(more);
    let mut records = loaded(at(0));
    assert_eq!(group.decide(&mut records, at(1), 1), Decision::Save);
    let origins: Vec<_> = records.events.items().iter().map(|event| event.origin.as_ref()).collect();
    assert_eq!(origins, [None, Some(request.origin()), None]);
}
