//! What the box office asks for: reservations by whatever is known of them, accounts by a piece of a name, and what is
//! left of a schedule.

use frontrow_application::store::StaffFilter;
use frontrow_domain::account::{Account, Credential};
use frontrow_domain::catalog::Schedule;
use frontrow_domain::records::{Key, Keys};
use frontrow_domain::reservation::{Claim, Reservation, ReservationState, ReservationStatus};
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

use super::bench::Bench;
use crate::clock::ManualClock;
use crate::samples;
use crate::store::{StoreFactory, apply};

const RESERVATIONS: u64 = 240;
/// Whose seat somebody asks for.
const SEAT: SeatNo = SeatNo::new(1);

/// Six schedules, three of each of two concerts.
fn schedules() -> Vec<Schedule> {
    (1..=6).map(|number| samples::schedule(number, ConcertId::new(number.div_ceil(3)), 5)).collect()
}

fn reservation(number: u64) -> Reservation {
    let schedule = u32::try_from(number % 6).expect("small") + 1;
    let held_until = samples::hold_end();
    let at = ManualClock::EPOCH;
    let plain = Reservation {
        schedule: ScheduleId::new(schedule),
        concert: ConcertId::new(schedule.div_ceil(3)),
        ..samples::reservation(number, 1 + number % 5, &[1])
    };
    match number % 7 {
        0 | 1 => plain,
        2 => samples::paid(plain, number),
        3 => Reservation { state: ReservationState::Cancelled { at, held_until }, ..plain },
        4 => samples::refunded(plain, number, 1_000),
        5 => Reservation { state: ReservationState::Expired { at }, ..plain },
        _ => Reservation {
            state: ReservationState::Pending { expires_at: held_until.plus_seconds(300), extended: true },
            ..plain
        },
    }
}

/// Who has the first seat of each schedule.
fn claims() -> Vec<(ScheduleId, Claim)> {
    let mut claims: Vec<_> = [2, 9, 16, 7]
        .map(reservation)
        .map(|reservation| (reservation.schedule, samples::claim(&reservation)))
        .to_vec();
    claims.push((ScheduleId::new(6), Claim::Blocked));
    claims.sort_by_key(|(schedule, _)| *schedule);
    claims.dedup_by_key(|(schedule, _)| *schedule);
    claims
}

/// All of it, written in one go.
async fn an_evening(bench: &Bench<impl StoreFactory>) {
    apply(bench.store(), Keys::default(), |records, _| {
        for schedule in schedules() {
            records.schedules.put_new(schedule.id, schedule);
        }
        for number in 1..=RESERVATIONS {
            records.add_reservation(reservation(number));
        }
        for (schedule, claim) in claims() {
            records.claims.put_new((schedule, SEAT), claim);
        }
        Ok(())
    })
    .await;
}

/// What a filter should find, newest first.
fn expected(filter: StaffFilter, now: Timestamp) -> Vec<ReservationId> {
    let holder = claims().into_iter().find(|(schedule, _)| filter.schedule == Some(*schedule));
    let holder = holder.filter(|_| filter.seat == Some(SEAT)).and_then(|(_, claim)| claim.reservation());
    let is_meant = |one: &Reservation| {
        filter.concert.is_none_or(|concert| one.concert == concert)
            && filter.schedule.is_none_or(|schedule| one.schedule == schedule)
            && filter.user.is_none_or(|user| one.user == user)
            && filter.status.is_none_or(|status| one.status(now) == status)
            && (filter.seat.is_none() || holder == Some(one.id))
    };
    (1..=RESERVATIONS).rev().map(reservation).filter(is_meant).map(|one| one.id).collect()
}

/// Reads a list page by page.
async fn pages(
    bench: &Bench<impl StoreFactory>,
    filter: StaffFilter,
    now: Timestamp,
    limit: usize,
) -> Vec<ReservationId> {
    let mut found: Vec<ReservationId> = Vec::new();
    loop {
        let before = found.last().copied();
        let page = bench.reads().reservations(filter, before, limit, now).await.expect("read");
        assert!(page.len() <= limit, "a page is too long");
        if page.is_empty() {
            return found;
        }
        found.extend(page.iter().map(|reservation| reservation.id));
    }
}

/// By every member and every combination of members; at the end of the holds too.
pub async fn reservations_are_found_by_whatever_is_known(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    an_evening(&bench).await;
    let statuses = ReservationStatus::ALL.map(Some).into_iter().chain([None]);
    let mut filters = Vec::new();
    for status in statuses {
        for concert in [None, Some(1), Some(2), Some(9)].map(|number| number.map(ConcertId::new)) {
            for schedule in
                [None, Some(1), Some(3), Some(6), Some(9)].map(|number| number.map(ScheduleId::new))
            {
                for user in [None, Some(3), Some(9)].map(|number| number.map(samples::user)) {
                    for seat in [None, Some(SEAT), Some(SeatNo::new(2))] {
                        filters.push(StaffFilter { concert, schedule, user, status, seat });
                    }
                }
            }
        }
    }
    let mut seen = 0;
    for now in [ManualClock::EPOCH, samples::hold_end()] {
        for &filter in &filters {
            let found = bench.reads().reservations(filter, None, 1_000, now).await.expect("read");
            let found: Vec<_> = found.iter().map(|reservation| reservation.id).collect();
            let expected = expected(filter, now);
            assert_eq!(found, expected, "{filter:?} at {now:?}");
            seen += usize::from(!expected.is_empty());
        }
    }
    assert!(seen > 200, "only {seen} of these filters find anything");
}

/// Every one once, in every size of page, and whole.
pub async fn reservations_of_staff_come_in_pages_without_gap_or_repeat(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    an_evening(&bench).await;
    let (now, none) = (samples::hold_end(), StaffFilter::default());
    let schedule = Some(ScheduleId::new(2));
    let mut filters = vec![
        none,
        StaffFilter { schedule, ..none },
        StaffFilter { concert: Some(ConcertId::new(2)), ..none },
        StaffFilter { user: Some(samples::user(2)), ..none },
        StaffFilter { user: Some(samples::user(2)), schedule, ..none },
    ];
    for status in ReservationStatus::ALL.map(Some) {
        filters.push(StaffFilter { status, ..none });
        filters.push(StaffFilter { status, schedule, ..none });
        filters.push(StaffFilter { status, concert: Some(ConcertId::new(1)), ..none });
        filters.push(StaffFilter { status, user: Some(samples::user(2)), ..none });
    }
    for filter in filters {
        for limit in [3, 20] {
            assert_eq!(pages(&bench, filter, now, limit).await, expected(filter, now), "{filter:?}, {limit}");
        }
        assert_eq!(bench.reads().reservations(filter, None, 0, now).await, Ok(vec![]));
    }
    let page = bench.reads().reservations(none, Some(samples::reservation_id(6)), 5, now).await;
    assert_eq!(page, Ok([5, 4, 3, 2, 1].map(reservation).to_vec()));
}

/// Pending and confirmed as stored, whatever the time, in order of id.
pub async fn live_reservations_of_a_schedule_come_in_order(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    an_evening(&bench).await;
    let is_live = |one: &Reservation| {
        let is_stored_so =
            matches!(one.state, ReservationState::Pending { .. } | ReservationState::Confirmed { .. });
        one.schedule == ScheduleId::new(4) && is_stored_so
    };
    let expected: Vec<_> = (1..=RESERVATIONS).map(reservation).filter(is_live).collect();
    assert!(expected.len() > 10);
    for limit in [1, 7, 1_000] {
        let mut found: Vec<Reservation> = Vec::new();
        loop {
            let after = found.last().map(|reservation| reservation.id);
            let page = bench.reads().live_in(ScheduleId::new(4), after, limit).await.expect("read");
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, expected, "in pages of {limit}");
    }
    assert_eq!(bench.reads().live_in(ScheduleId::new(9), None, 10).await, Ok(vec![]));
    assert_eq!(bench.reads().live_in(ScheduleId::new(4), None, 0).await, Ok(vec![]));
}

/// A reservation that has left a state is not found there any more.
pub async fn a_reservation_is_found_in_the_state_that_it_is_in(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    bench.a_sale(5).await;
    let plain = samples::reservation(1, 1, &[1]);
    let confirmed = samples::paid(plain.clone(), 1);
    let refunded = samples::refunded(plain.clone(), 1, 0);
    for value in [plain, confirmed, refunded] {
        apply(bench.store(), Key::Reservation(value.id), {
            let value = value.clone();
            move |records, _| {
                records.reservations.get(&value.id)?;
                records.reservations.put(value.id, value.clone());
                Ok(())
            }
        })
        .await;
        for status in ReservationStatus::ALL {
            for schedule in [None, Some(samples::SCHEDULE)] {
                let filter = StaffFilter { schedule, status: Some(status), ..StaffFilter::default() };
                let found = bench.reads().reservations(filter, None, 10, bench.now()).await.expect("read");
                let is_here = value.status(bench.now()) == status;
                assert_eq!(found, if is_here { vec![value.clone()] } else { vec![] }, "{status:?}");
            }
        }
    }
}

/// The accounts that a text finds, read page by page.
async fn accounts(bench: &Bench<impl StoreFactory>, text: Option<&str>, limit: usize) -> Vec<UserId> {
    let mut found: Vec<UserId> = Vec::new();
    loop {
        let (text, before) = (text.map(str::to_owned), found.last().copied());
        let page = bench.reads().accounts(text, before, limit).await.expect("read");
        assert!(page.len() <= limit, "a page is too long");
        if page.is_empty() {
            return found;
        }
        found.extend(page.iter().map(|account| account.id));
    }
}

/// In address or name, whatever the case of ASCII letters, newest first; what is a pattern elsewhere is text here.
pub async fn accounts_are_found_by_their_text(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let called = |number, name: &str, email: Option<&str>| Account {
        name: name.to_owned(),
        email: email.map(samples::email),
        credential: Credential::External,
        ..samples::account(number)
    };
    let all = vec![
        called(1, "Alice Kim", Some("alice@example.test")),
        called(2, "alicia", Some("other+tag@EXAMPLE.test")),
        called(3, "김앨리스", Some("björn@xn--bcher-kva.example")),
        called(4, "100%_\\'\"", None),
        called(5, "", Some("kim_lee@a.b")),
        called(6, "erased", None),
    ];
    apply(bench.store(), Keys::default(), {
        let all = all.clone();
        move |records, _| {
            for account in &all {
                records.accounts.put_new(account.id, account.clone());
            }
            Ok(())
        }
    })
    .await;
    for (text, expected) in [
        (None, &[6, 5, 4, 3, 2, 1][..]),
        (Some(""), &[6, 5, 4, 3, 2, 1]),
        (Some("ALI"), &[2, 1]),
        (Some("kim"), &[5, 1]),
        (Some("example"), &[3, 2, 1]),
        (Some("Example.TEST"), &[2, 1]),
        (Some("앨리"), &[3]),
        (Some("björn"), &[3]),
        (Some("%"), &[4]),
        (Some("_"), &[5, 4]),
        (Some("\\"), &[4]),
        (Some("'\""), &[4]),
        (Some("+tag@"), &[2]),
        (Some("nobody of the kind"), &[]),
    ] {
        let expected: Vec<UserId> = expected.iter().map(|&number| samples::user(number)).collect();
        for limit in [1, 4, 10] {
            assert_eq!(accounts(&bench, text, limit).await, expected, "{text:?} in pages of {limit}");
        }
    }
    let page = bench.reads().accounts(None, Some(samples::user(2)), 10).await;
    assert_eq!(page, Ok(vec![all[0].clone()]));
    assert_eq!(bench.reads().accounts(None, None, 0).await, Ok(vec![]));
}

/// Whatever else is said of them.
pub async fn schedules_that_were_called_off_come_in_order(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_eq!(bench.reads().cancelled_schedules().await, Ok(vec![]));
    apply(bench.store(), Keys::default(), |records, now| {
        for (number, cancelled_at) in
            [(3, Some(now)), (1, None), (u32::MAX, Some(Timestamp::ZERO)), (2, Some(now))]
        {
            let schedule = samples::schedule(number, samples::CONCERT, 2);
            records.schedules.put_new(schedule.id, Schedule { cancelled_at, ..schedule });
        }
        Ok(())
    })
    .await;
    let expected = [2, 3, u32::MAX].map(ScheduleId::new).to_vec();
    assert_eq!(bench.reads().cancelled_schedules().await, Ok(expected));
}

/// Whoever believes tokens asks for the accounts that are no longer as they were made.
pub async fn changed_accounts_are_told_from_the_others(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let at = |seconds| ManualClock::EPOCH.plus_seconds(seconds);
    let changed = [None, Some(at(10)), Some(at(20)), None];
    let accounts: Vec<Account> = (1_u64..)
        .zip(changed)
        .map(|(number, changed_at)| Account { changed_at, ..samples::account(number) })
        .collect();
    let all = accounts.clone();
    apply(bench.store(), Keys::default(), move |records, _| {
        for account in &all {
            records.accounts.put_new(account.id, account.clone());
        }
        Ok(())
    })
    .await;
    for (since, expected) in [(at(0), 1..3), (at(10), 1..3), (at(11), 2..3), (at(21), 3..3)] {
        let mut found = bench.reads().accounts_changed(since).await.expect("read");
        found.sort_by_key(|account| account.id);
        assert_eq!(found, accounts[expected], "since {since:?}");
    }
}
