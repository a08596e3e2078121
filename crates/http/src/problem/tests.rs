use std::fmt::Write as _;

use expect_test::expect;
use uuid::Uuid;

use super::*;

#[test]
fn the_table_of_errors() {
    let mut table = String::new();
    for code in Code::ALL {
        writeln!(table, "{} {:<26} {}", code.status().as_u16(), code.name(), code.title()).expect("text");
    }
    expect![[""]].assert_eq(&table);
}

#[test]
fn codes_are_unique_snake_case_and_in_order_of_status() {
    let names: std::collections::HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    assert!(Code::ALL.is_sorted_by_key(|code| code.status()));
}

#[test]
fn what_each_refusal_says() {
    let now = Timestamp::from_micros(1_000_000);
    let seats = vec![SeatNo::new(3), SeatNo::new(4)];
    let payment = PaymentId::new(Uuid::from_u128(1));
    let problems = [
        HoldSeatsRefused::NoSeats.problem(now),
        HoldSeatsRefused::TooManySeats { limit: 20 }.problem(now),
        HoldSeatsRefused::DuplicateSeats(seats.clone()).problem(now),
        HoldSeatsRefused::UnknownSeats(seats.clone()).problem(now),
        HoldSeatsRefused::SeatUnavailable(seats).problem(now),
        HoldSeatsRefused::Sale(SaleClosed::NotOpen { opens_at: now }).problem(now),
        HoldSeatsRefused::Sale(SaleClosed::Paused).problem(now),
        HoldSeatsRefused::Sale(SaleClosed::Closed).problem(now),
        HoldSeatsRefused::Fan(FanLimitRefused::TooManySeats { limit: 4, held: 3 }).problem(now),
        HoldSeatsRefused::Fan(FanLimitRefused::Pausing { until: now.plus_seconds(60) }).problem(now),
        PayReservationRefused::Reservation(PayRefused::AlreadyPaid(payment)).problem(now),
        PayReservationRefused::Reservation(PayRefused::NotPending).problem(now),
        ExtendReservationRefused::Reservation(ExtendRefused::Expired).problem(now),
        CancelReservationRefused::RefundNotAllowed.problem(now),
        ChargeWalletRefused::Policy(ChargeRefused::InvalidAmount).problem(now),
        ChargeWalletRefused::Policy(ChargeRefused::BalanceLimit).problem(now),
        Failure::<std::convert::Infallible>::Overloaded.problem(now),
        Failure::<std::convert::Infallible>::Unavailable.problem(now),
        Failure::<std::convert::Infallible>::OutcomeUnknown.problem(now),
        Failure::<std::convert::Infallible>::Defect.problem(now),
        OnceRefused::<std::convert::Infallible>::KeyReused.problem(now),
        OnceRefused::<std::convert::Infallible>::InFlight.problem(now),
        OnceRefused::<std::convert::Infallible>::Unreadable.problem(now),
    ];
    let mut said = String::new();
    for problem in problems {
        said.push_str(std::str::from_utf8(&problem.write("r-1")).expect("text"));
        said.push('\n');
    }
    expect![[""]].assert_eq(&said);
}
