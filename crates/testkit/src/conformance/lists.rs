//! The queries: order, pages, filters.

use frontrow_application::store::{ConcertCursor, ConcertFilter, ReservationFilter};
use frontrow_domain::catalog::{BookingWindow, Concert, Schedule, WaitingRoomSettings};
use frontrow_domain::event::{Event, OutboxEvent};
use frontrow_domain::payment::{FailureReason, Payment, PaymentState};
use frontrow_domain::records::{Key, Keys};
use frontrow_domain::reservation::{Reservation, ReservationState, ReservationStatus};
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, Timestamp};

use super::bench::Bench;
use crate::clock::ManualClock;
use crate::samples;
use crate::store::{StoreFactory, apply};

async fn add(bench: &Bench<impl StoreFactory>, reservations: Vec<Reservation>) {
    apply(bench.store(), Keys::default(), move |records, _| {
        for reservation in &reservations {
            records.add_reservation(reservation.clone());
        }
        Ok(())
    })
    .await;
}

fn ending(number: u64, fan: u64, seconds: u32) -> Reservation {
    let expires_at = ManualClock::EPOCH.plus_seconds(seconds);
    let state = ReservationState::Pending { expires_at, extended: false };
    Reservation { state, ..samples::reservation(number, fan, &[1]) }
}

/// By their end, not by their age; only pending ones; the end itself counts as ended.
pub async fn lapsed_holds_come_oldest_first(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let at = bench.now();
    let done = |number, state| Reservation { state, ..samples::reservation(number, 1, &[1]) };
    add(
        &bench,
        vec![
            ending(1, 1, 30),
            ending(2, 2, 10),
            ending(3, 1, 20),
            ending(4, 1, 40),
            done(
                5,
                ReservationState::Confirmed {
                    at,
                    payment: samples::payment_id(1),
                    held_until: samples::hold_end(),
                },
            ),
            done(6, ReservationState::Cancelled { at, held_until: samples::hold_end() }),
            done(7, ReservationState::Expired { at }),
        ],
    )
    .await;
    for (seconds, limit, expected) in [
        (9, 10, &[][..]),
        (10, 10, &[2]),
        (30, 10, &[2, 3, 1]),
        (1_000, 10, &[2, 3, 1, 4]),
        (1_000, 2, &[2, 3]),
        (1_000, 0, &[]),
    ] {
        let found = bench.reads().lapsed(at.plus_seconds(seconds), limit).await.expect("read");
        let ids: Vec<_> = found.iter().map(|reservation| reservation.id).collect();
        let expected: Vec<_> = expected.iter().copied().map(samples::reservation_id).collect();
        assert_eq!(ids, expected, "at {seconds} s, {limit} at the most");
    }
}

/// Of this fan, in this concert, pending, and before its end.
pub async fn a_fan_has_something_pending_until_its_end(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let at = bench.now();
    let elsewhere = Reservation { concert: ConcertId::new(9), ..ending(3, 3, 60) };
    let cancelled = ReservationState::Cancelled { at, held_until: samples::hold_end() };
    let gone = Reservation { state: cancelled, ..samples::reservation(4, 4, &[1]) };
    add(&bench, vec![ending(1, 1, 30), ending(2, 2, 10), elsewhere, gone]).await;
    for (fan, concert, seconds, expected) in [
        (1, samples::CONCERT, 29, true),
        (1, samples::CONCERT, 30, false),
        (2, samples::CONCERT, 9, true),
        (2, samples::CONCERT, 29, false),
        (3, samples::CONCERT, 0, false),
        (3, ConcertId::new(9), 0, true),
        (4, samples::CONCERT, 0, false),
        (5, samples::CONCERT, 0, false),
    ] {
        let found = bench.reads().has_pending(samples::user(fan), concert, at.plus_seconds(seconds)).await;
        assert_eq!(found, Ok(expected), "fan {fan} in {concert} at {seconds} s");
    }
}

/// Reads a fan's reservations page by page, and answers the ids in order.
async fn pages(
    bench: &Bench<impl StoreFactory>,
    fan: u64,
    filter: ReservationFilter,
    now: Timestamp,
    limit: usize,
) -> Vec<ReservationId> {
    let mut ids = Vec::new();
    loop {
        let before = ids.last().copied();
        let page = bench.reads().reservations_of(samples::user(fan), filter, before, limit, now).await;
        let page = page.expect("the store can be read");
        assert!(page.len() <= limit, "a page is too long");
        if page.is_empty() {
            return ids;
        }
        ids.extend(page.iter().map(|reservation| reservation.id));
    }
}

/// Every one once, in every size of page, whoever else has some.
pub async fn reservations_come_newest_first_in_pages(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let all = (1..=450).map(|number| ending(number, 1 + number % 2, 300)).collect();
    add(&bench, all).await;
    let expected: Vec<_> = (1..=450).rev().filter(|n| n % 2 == 1).map(samples::reservation_id).collect();
    for limit in [1, 7, 100, 1_000] {
        let found = pages(&bench, 2, ReservationFilter::default(), bench.now(), limit).await;
        assert_eq!(found, expected, "in pages of {limit}");
    }
    assert_eq!(pages(&bench, 3, ReservationFilter::default(), bench.now(), 10).await, []);
}

/// The status is that of the moment that is asked about: a lapsed hold has expired.
pub async fn reservations_are_filtered_by_status_and_concert(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let at = bench.now();
    let mut all = Vec::new();
    for number in 1..=450 {
        let state = match number % 9 {
            0 => ReservationState::Confirmed {
                at,
                payment: samples::payment_id(number),
                held_until: samples::hold_end(),
            },
            1 => ReservationState::Cancelled { at, held_until: samples::hold_end() },
            2 => ReservationState::Expired { at },
            _ => ReservationState::Pending { expires_at: samples::hold_end(), extended: false },
        };
        let concert = ConcertId::new(if number % 2 == 0 { 1 } else { 2 });
        all.push(Reservation { state, concert, ..samples::reservation(number, 1, &[1]) });
    }
    add(&bench, all.clone()).await;
    for now in [at, samples::hold_end()] {
        for status in ReservationStatus::ALL.map(Some).into_iter().chain([None]) {
            for concert in [None, Some(ConcertId::new(1)), Some(ConcertId::new(3))] {
                let filter = ReservationFilter { status, concert };
                let expected: Vec<_> = all
                    .iter()
                    .rev()
                    .filter(|one| status.is_none_or(|status| one.status(now) == status))
                    .filter(|one| concert.is_none_or(|concert| one.concert == concert))
                    .map(|one| one.id)
                    .collect();
                for limit in [9, 500] {
                    assert_eq!(pages(&bench, 1, filter, now, limit).await, expected, "{filter:?} at {now:?}");
                }
            }
        }
    }
}

/// The newest entry has the highest number.
pub async fn entries_and_payments_come_newest_first_in_pages(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let reservation = samples::reservation(1, 1, &[1]);
    let theirs = samples::reservation(2, 2, &[1]);
    let failed = PaymentState::Failed(FailureReason::InsufficientBalance);
    let payments: Vec<_> = (1..=20)
        .map(|number| {
            let of = if number % 3 == 0 { &theirs } else { &reservation };
            Payment { state: failed, ..samples::payment(number, of) }
        })
        .collect();
    apply(bench.store(), Keys::default(), move |records, _| {
        for number in 1..=20 {
            let before = (i64::try_from(number).expect("small") - 1) * 1_000;
            records.ledger.add(samples::charge(1, number, before, before + 1_000));
            records.ledger.add(samples::charge(2, number, before, before + 1_000));
        }
        records.payments.add_all(payments.clone());
        Ok(())
    })
    .await;
    let numbers = async |below, limit| {
        let found = bench.reads().entries(samples::user(1), below, limit).await.expect("read");
        assert!(found.iter().all(|entry| entry.user == samples::user(1)));
        found.iter().map(|entry| entry.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(None, 3).await, [20, 19, 18]);
    assert_eq!(numbers(Some(18), 3).await, [17, 16, 15]);
    assert_eq!(numbers(Some(3), 10).await, [2, 1]);
    assert_eq!(numbers(Some(1), 10).await, [0; 0]);
    let ids = async |before: Option<u64>, limit| {
        let before = before.map(samples::payment_id);
        let found = bench.reads().payments_of(samples::user(1), before, limit).await.expect("read");
        found.iter().map(|record| record.payment.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 3).await, [20, 19, 17].map(samples::payment_id));
    assert_eq!(ids(Some(17), 3).await, [16, 14, 13].map(samples::payment_id));
    assert_eq!(ids(Some(2), 10).await, [1].map(samples::payment_id));
    assert_eq!(bench.reads().payments_of(samples::user(9), None, 10).await, Ok(vec![]));
}

/// Puts in concerts, each with schedules whose booking starts so many hours after the epoch of tests.
async fn concerts(bench: &Bench<impl StoreFactory>, all: Vec<(Concert, Vec<u32>)>) {
    apply(bench.store(), Keys::default(), move |records, _| {
        for (concert, hours) in &all {
            records.concerts.put_new(concert.id, concert.clone());
            for (position, hours) in (0..).zip(hours) {
                let plain = samples::schedule(concert.id.get() * 100 + position, concert.id, 2);
                let start = ManualClock::EPOCH.plus_seconds(hours * 3_600);
                let booking = BookingWindow { start, ..plain.booking };
                records.schedules.put_new(plain.id, Schedule { booking, ..plain });
            }
        }
        Ok(())
    })
    .await;
}

/// The numbers of the concerts that a filter finds, read page by page.
async fn found(bench: &Bench<impl StoreFactory>, filter: &ConcertFilter, limit: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    let mut after = None;
    loop {
        let page = bench.reads().concerts(filter.clone(), after, limit).await.expect("read");
        assert!(page.len() <= limit, "a page is too long");
        let Some((last, schedules)) = page.last() else { return numbers };
        let booking_start = schedules.iter().map(|schedule| schedule.booking.start).min();
        after = Some(ConcertCursor { booking_start, concert: last.id });
        numbers.extend(page.iter().map(|(concert, _)| concert.id.get()));
    }
}

/// By the earliest booking start of each, then by number, both falling; those without a schedule at the end.
pub async fn concerts_come_by_booking_start_in_pages(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let all = vec![
        (samples::concert(1, "a"), vec![5, 1]),
        (samples::concert(2, "b"), vec![3]),
        (samples::concert(3, "c"), vec![]),
        (samples::concert(4, "d"), vec![3, 9]),
        (samples::concert(5, "e"), vec![]),
        (Concert { published: false, ..samples::concert(6, "f") }, vec![2]),
        (samples::concert(7, "g"), vec![0]),
    ];
    concerts(&bench, all).await;
    let everything = ConcertFilter::default();
    let public = ConcertFilter { published_only: true, ..ConcertFilter::default() };
    for limit in 1..=8 {
        assert_eq!(found(&bench, &everything, limit).await, [4, 2, 6, 1, 7, 5, 3], "in pages of {limit}");
        assert_eq!(found(&bench, &public, limit).await, [4, 2, 1, 7, 5, 3], "in pages of {limit}");
    }
    let page = bench.reads().concerts(everything, None, 10).await.expect("read");
    let of_first: Vec<_> = page[3].1.iter().map(|schedule| schedule.id.get()).collect();
    assert_eq!(of_first, [100, 101], "with their schedules in order of start, then of number");
}

/// In title or artist, whatever the case of ASCII letters; what is a pattern elsewhere is text here.
pub async fn concerts_are_found_by_their_text(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let by = |number, title: &str, artist: &str| {
        (Concert { artist: artist.to_owned(), ..samples::concert(number, title) }, vec![])
    };
    let all = vec![
        by(1, "Spring Day", "IU"),
        by(2, "100% Live_Now", "Band"),
        by(3, "1000 Live Now", "spring choir"),
        by(4, "봄날 콘서트", "아이유"),
        by(5, "Back\\slash 'n' \"quote\"", "Ünloved"),
    ];
    concerts(&bench, all).await;
    for (text, expected) in [
        ("spring", &[3, 1][..]),
        ("SPRING", &[3, 1]),
        ("day", &[1]),
        ("100%", &[2]),
        ("live_now", &[2]),
        ("_", &[2]),
        ("%", &[2]),
        ("봄날", &[4]),
        ("아이", &[4]),
        ("\\", &[5]),
        ("'n'", &[5]),
        ("\"quote", &[5]),
        ("nothing of the kind", &[]),
        ("", &[5, 4, 3, 2, 1]),
    ] {
        let filter = ConcertFilter { text: Some(text.to_owned()), published_only: false };
        assert_eq!(found(&bench, &filter, 2).await, expected, "{text:?}");
    }
}

/// By start, then by number.
pub async fn schedules_come_in_order_of_start(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let starting = |number: u32, seconds: u32| {
        let plain = samples::schedule(number, samples::CONCERT, 1);
        Schedule { starts_at: plain.starts_at.plus_seconds(seconds), ..plain }
    };
    let all = [starting(1, 30), starting(2, 10), starting(3, 20), starting(4, 10)];
    let other = samples::schedule(5, ConcertId::new(2), 1);
    apply(bench.store(), Keys::default(), move |records, _| {
        for schedule in all.iter().chain([&other]) {
            records.schedules.put_new(schedule.id, schedule.clone());
        }
        Ok(())
    })
    .await;
    let found = bench.reads().schedules_of(samples::CONCERT).await.expect("read");
    let numbers: Vec<_> = found.iter().map(|schedule| schedule.id.get()).collect();
    assert_eq!(numbers, [2, 4, 3, 1]);
    assert_eq!(bench.reads().schedules_of(ConcertId::new(3)).await, Ok(vec![]));
}

/// Only switched on counts, published or not.
pub async fn concerts_with_rooms_come_in_order(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_eq!(bench.reads().concerts_with_rooms().await, Ok(vec![]));
    let with_room = |number, published| {
        let waiting_room = WaitingRoomSettings { enabled: true, ..WaitingRoomSettings::OFF };
        (Concert { waiting_room, published, ..samples::concert(number, "room") }, vec![])
    };
    let without = (samples::concert(2, "no room"), vec![]);
    concerts(&bench, vec![with_room(3, true), without, with_room(u32::MAX, true), with_room(1, false)]).await;
    let expected = [1, 3, u32::MAX].map(ConcertId::new).to_vec();
    assert_eq!(bench.reads().concerts_with_rooms().await, Ok(expected));
    apply(bench.store(), Key::Concert(ConcertId::new(3)), |records, _| {
        records.concerts.put(ConcertId::new(3), samples::concert(3, "switched off"));
        Ok(())
    })
    .await;
    let expected = [1, u32::MAX].map(ConcertId::new).to_vec();
    assert_eq!(bench.reads().concerts_with_rooms().await, Ok(expected));
}

/// In the order in which they were written, whatever the order of their ids; nothing but payments under a place.
/// Reading on from any of them misses none, also after a restart.
pub async fn session_ends_come_by_position(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    assert_eq!(bench.reads().session_ends(0, 10).await, Ok(vec![]));
    let held = |number| Reservation {
        entry: Some(samples::entry_id(100 - number)),
        ..samples::reservation(number, number, &[1])
    };
    let groups = [vec![7, 3], vec![5], vec![6, 1]];
    for numbers in groups {
        apply(bench.store(), Keys::default(), move |records, _| {
            for &number in &numbers {
                records.events.add(samples::event(number, 1));
                let without = Reservation { entry: None, ..held(number) };
                let without = OutboxEvent { sequence: 2, ..samples::payment_made(number, &without) };
                records.events.add_all([without, samples::payment_made(number, &held(number))]);
            }
            Ok(())
        })
        .await;
    }
    bench.reopen();
    let all = bench.reads().session_ends(0, 10).await.expect("read");
    let events: Vec<_> = all.iter().map(|end| Event::PaymentCompleted(end.event.clone())).collect();
    let expected = [7, 3, 5, 6, 1].map(|number| samples::payment_made(number, &held(number)).event);
    assert_eq!(events, expected);
    assert!(all.windows(2).all(|pair| pair[0].position < pair[1].position), "{all:?}");
    for (passed, end) in (1..).zip(&all) {
        assert_eq!(bench.reads().session_ends(end.position, 10).await.as_deref(), Ok(&all[passed..]));
        assert_eq!(
            bench.reads().session_ends(end.position - 1, 1).await.as_deref(),
            Ok(&all[passed - 1..passed])
        );
    }
    assert_eq!(bench.reads().session_ends(0, 2).await.as_deref(), Ok(&all[..2]));
    assert_eq!(bench.reads().session_ends(0, 0).await, Ok(vec![]));
    assert_eq!(bench.reads().session_ends(u64::MAX, 10).await, Ok(vec![]));
    let last = all.last().map_or(0, |end| end.position);
    apply(bench.store(), Keys::default(), move |records, _| {
        records.events.add(samples::payment_made(9, &held(9)));
        Ok(())
    })
    .await;
    let next = bench.reads().session_ends(last, 10).await.expect("read");
    assert_eq!(next.iter().map(|end| end.event.entry_id).collect::<Vec<_>>(), [held(9).entry]);
}

/// Absence is an answer, not an error.
pub async fn what_is_not_there_is_nothing(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let reads = bench.reads();
    assert_eq!(reads.account(samples::user(1)).await, Ok(None));
    assert_eq!(reads.account_by_email(&samples::email("abc@x.y")).await, Ok(None));
    assert_eq!(reads.has_no_accounts().await, Ok(true));
    assert_eq!(reads.concert(samples::CONCERT).await, Ok(None));
    assert_eq!(reads.schedule(samples::SCHEDULE).await, Ok(None));
    assert_eq!(reads.schedule(ScheduleId::new(u32::MAX)).await, Ok(None));
    assert_eq!(reads.seat_map(samples::SCHEDULE).await, Ok(None));
    assert_eq!(reads.reservation(samples::reservation_id(1)).await, Ok(None));
    assert_eq!(reads.wallet(samples::user(1)).await, Ok(None));
    assert_eq!(reads.payment(samples::payment_id(1)).await, Ok(None));
    assert_eq!(reads.once([0; 16], bench.now()).await, Ok(None));
    assert_eq!(reads.entries(samples::user(1), None, 10).await, Ok(vec![]));
    assert_eq!(reads.lapsed(bench.now(), 10).await, Ok(vec![]));
    assert_eq!(reads.concerts(ConcertFilter::default(), None, 10).await, Ok(vec![]));
    assert_eq!(bench.opened().upkeep.clean(bench.now()).await, Ok(0));
}

/// Commits and restarts do not change it.
pub async fn a_store_has_one_epoch(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    let epoch = bench.reads().epoch().await.expect("read");
    bench.a_sale(2).await;
    assert_eq!(bench.reads().epoch().await, Ok(epoch));
    bench.reopen();
    assert_eq!(bench.reads().epoch().await, Ok(epoch));
}
