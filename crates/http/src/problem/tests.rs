use std::fmt::Write as _;

use expect_test::expect;
use frontrow_application::payment::PayReservationRefused;
use frontrow_application::queue::{EditQueueRefused, GateRefused, JoinFailure, QueueFailure};
use frontrow_application::reservation::{
    CancelReservationRefused, ExtendReservationRefused, HoldSeatsRefused,
};
use frontrow_application::waiting_room::LineError;
use frontrow_application::wallet::ChargeWalletRefused;
use frontrow_application::{Failure, OnceRefused};
use frontrow_domain::catalog::SaleClosed;
use frontrow_domain::queue::JoinRefused;
use frontrow_domain::reservation::{ExtendRefused, FanLimitRefused, PayRefused};
use frontrow_domain::wallet::ChargeRefused;
use frontrow_domain::{PaymentId, Timestamp};
use uuid::Uuid;

use super::*;

#[test]
fn the_table_of_errors() {
    let mut table = String::new();
    for code in Code::ALL {
        writeln!(table, "{} {:<26} {}", code.status().as_u16(), code.name(), code.title()).expect("text");
    }
    expect![["
        400 invalid_request            The request cannot be read
        400 idempotency_key_required   The header Idempotency-Key is missing
        401 unauthenticated            Log in first
        401 access_token_expired       The access token has expired
        401 invalid_credentials        The address or the password is wrong
        401 refresh_token_invalid      The refresh token is not valid
        402 insufficient_balance       There is too little in the wallet
        403 queue_token_required       The header Queue-Token is missing
        403 queue_token_invalid        The queue token is not valid here
        403 queue_not_active           It is not your turn yet
        403 queue_token_expired        Your place in the line is over
        403 challenge_required         The challenge has to be solved first
        403 account_blocked            The account is blocked
        403 forbidden                  Not allowed for this account
        404 not_found                  There is no such thing
        404 ticket_invalid             This is no ticket of ours
        405 method_not_allowed         This address does not take this method
        409 seat_unavailable           A seat is taken
        409 no_adjacent_seats          There are not so many seats together
        409 sold_out                   Everything is sold
        409 seat_limit_exceeded        More seats than one fan may have
        409 reservation_not_pending    The reservation is no longer pending
        409 already_paid               The reservation is paid already
        409 request_in_flight          The first request with this key is still running
        409 email_taken                There is an account with this address
        409 balance_limit_exceeded     The balance would pass its limit
        409 sale_not_open              The sale has not opened yet
        409 sale_paused                The sale is paused
        409 sale_closed                The sale has closed
        409 no_waiting_room            The concert has no waiting room
        409 draw_not_done              The draw has not been done
        409 schedule_in_use            Seats of the schedule were claimed already
        409 refund_not_allowed         The reservation cannot be refunded
        409 ticket_already_used        The ticket was used already
        409 ticket_void                The ticket is no longer valid
        409 ticket_wrong_schedule      The ticket is for another schedule
        410 reservation_expired        The hold has ended
        413 payload_too_large          The body is too long
        415 unsupported_media_type     The body has to be JSON
        422 validation_failed          The body is not valid
        422 invalid_amount             The amount is outside the limits
        422 too_many_seats             Too many seats in one request
        422 duplicate_seats            A seat is named twice
        422 idempotency_key_reused     The key was used for another request
        429 rate_limited               Too many requests
        500 internal_error             Something went wrong here
        503 overloaded                 There is too much to do
        503 store_unavailable          The store takes no requests
        503 waiting_room_unavailable   The waiting room takes no requests
        503 outcome_unknown            Nobody can say whether it happened
    "]]
    .assert_eq(&table);
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
        HoldSeatsRefused::Gate(GateRefused::TokenRequired).problem(now),
        GateRefused::TokenInvalid.problem(now),
        GateRefused::NotActive.problem(now),
        GateRefused::TokenExpired.problem(now),
        GateRefused::Line(LineError::Unavailable("a secret".to_owned())).problem(now),
        QueueFailure::NotFound.problem(now),
        JoinFailure::NotFound.problem(now),
        JoinFailure::Refused(JoinRefused::NoWaitingRoom).problem(now),
        JoinFailure::Refused(JoinRefused::NotOpen { opens_at: Some(now) }).problem(now),
        JoinFailure::Refused(JoinRefused::NotOpen { opens_at: None }).problem(now),
        JoinFailure::Refused(JoinRefused::Closed).problem(now),
        JoinFailure::Refused(JoinRefused::SoldOut).problem(now),
        JoinFailure::Line(LineError::OutcomeUnknown("a secret".to_owned())).problem(now),
        EditQueueRefused::NotFound.problem(now),
        EditQueueRefused::Invalid(vec![FieldError::new("notice", "is too long")]).problem(now),
    ];
    let mut said = String::new();
    for problem in problems {
        said.push_str(std::str::from_utf8(&problem.write("r-1")).expect("text"));
        said.push('\n');
    }
    expect![[r#"
        {"type":"urn:frontrow:problem:validation_failed","title":"The body is not valid","status":422,"detail":"See `errors` for what is wrong.","code":"validation_failed","requestId":"r-1","errors":[{"field":"seats","message":"must name at least one seat"}]}
        {"type":"urn:frontrow:problem:too_many_seats","title":"Too many seats in one request","status":422,"detail":"One request may name 20 seats.","code":"too_many_seats","requestId":"r-1","limit":20}
        {"type":"urn:frontrow:problem:duplicate_seats","title":"A seat is named twice","status":422,"detail":"Name every seat once.","code":"duplicate_seats","requestId":"r-1","seats":[3,4]}
        {"type":"urn:frontrow:problem:not_found","title":"There is no such thing","status":404,"detail":"The schedule has no such seats.","code":"not_found","requestId":"r-1","seats":[3,4]}
        {"type":"urn:frontrow:problem:seat_unavailable","title":"A seat is taken","status":409,"detail":"Choose other seats; none of yours are held.","code":"seat_unavailable","requestId":"r-1","seats":[3,4]}
        {"type":"urn:frontrow:problem:sale_not_open","title":"The sale has not opened yet","status":409,"detail":"Come back when it opens.","code":"sale_not_open","requestId":"r-1","opensAt":"1970-01-01T00:00:01Z"}
        {"type":"urn:frontrow:problem:sale_paused","title":"The sale is paused","status":409,"detail":"It is stopped for now; please try again later.","code":"sale_paused","requestId":"r-1"}
        {"type":"urn:frontrow:problem:sale_closed","title":"The sale has closed","status":409,"detail":"Seats of this schedule are no longer sold.","code":"sale_closed","requestId":"r-1"}
        {"type":"urn:frontrow:problem:seat_limit_exceeded","title":"More seats than one fan may have","status":409,"detail":"One fan may have 4 seats of this schedule and you have 3.","code":"seat_limit_exceeded","requestId":"r-1","limit":4,"held":3}
        {"type":"urn:frontrow:problem:rate_limited","title":"Too many requests","status":429,"detail":"You have let too many holds of this schedule go; please wait.","code":"rate_limited","requestId":"r-1","retryAfter":60}
        {"type":"urn:frontrow:problem:already_paid","title":"The reservation is paid already","status":409,"detail":"It was paid by another request.","code":"already_paid","requestId":"r-1","paymentId":"00000000-0000-0000-0000-000000000001"}
        {"type":"urn:frontrow:problem:reservation_not_pending","title":"The reservation is no longer pending","status":409,"detail":"It is paid or cancelled.","code":"reservation_not_pending","requestId":"r-1"}
        {"type":"urn:frontrow:problem:reservation_expired","title":"The hold has ended","status":410,"detail":"Its seats may be somebody else's by now; hold seats again.","code":"reservation_expired","requestId":"r-1"}
        {"type":"urn:frontrow:problem:refund_not_allowed","title":"The reservation cannot be refunded","status":409,"detail":"It is paid, and its schedule takes nothing back now.","code":"refund_not_allowed","requestId":"r-1"}
        {"type":"urn:frontrow:problem:invalid_amount","title":"The amount is outside the limits","status":422,"detail":"The limits for one charge are shown with the balance, as chargeMin and chargeMax.","code":"invalid_amount","requestId":"r-1"}
        {"type":"urn:frontrow:problem:balance_limit_exceeded","title":"The balance would pass its limit","status":409,"detail":"The most that a charge may lead to is shown with the balance, as balanceMax.","code":"balance_limit_exceeded","requestId":"r-1"}
        {"type":"urn:frontrow:problem:overloaded","title":"There is too much to do","status":503,"detail":"Nothing has changed; please try again in a moment.","code":"overloaded","requestId":"r-1","retryAfter":1}
        {"type":"urn:frontrow:problem:store_unavailable","title":"The store takes no requests","status":503,"detail":"Nothing has changed; please try again in a moment.","code":"store_unavailable","requestId":"r-1","retryAfter":1}
        {"type":"urn:frontrow:problem:outcome_unknown","title":"Nobody can say whether it happened","status":503,"detail":"It may have happened. Repeat the request with the same Idempotency-Key to find out.","code":"outcome_unknown","requestId":"r-1","retryAfter":1}
        {"type":"urn:frontrow:problem:internal_error","title":"Something went wrong here","status":500,"detail":"Please try again; if it stays, report the request id.","code":"internal_error","requestId":"r-1"}
        {"type":"urn:frontrow:problem:idempotency_key_reused","title":"The key was used for another request","status":422,"detail":"Take a new key for every new request.","code":"idempotency_key_reused","requestId":"r-1"}
        {"type":"urn:frontrow:problem:request_in_flight","title":"The first request with this key is still running","status":409,"detail":"Repeat the request in a moment to get its answer.","code":"request_in_flight","requestId":"r-1","retryAfter":1}
        {"type":"urn:frontrow:problem:outcome_unknown","title":"Nobody can say whether it happened","status":503,"detail":"It did happen, but the answer cannot be shown now. Please ask again later.","code":"outcome_unknown","requestId":"r-1","retryAfter":1}
        {"type":"urn:frontrow:problem:queue_token_required","title":"The header Queue-Token is missing","status":403,"detail":"Join the line with POST /api/v1/queues first.","code":"queue_token_required","requestId":"r-1"}
        {"type":"urn:frontrow:problem:queue_token_invalid","title":"The queue token is not valid here","status":403,"detail":"It is not a token of ours, or it is another fan's or another concert's.","code":"queue_token_invalid","requestId":"r-1"}
        {"type":"urn:frontrow:problem:queue_not_active","title":"It is not your turn yet","status":403,"detail":"Wait until your place is active.","code":"queue_not_active","requestId":"r-1"}
        {"type":"urn:frontrow:problem:queue_token_expired","title":"Your place in the line is over","status":403,"detail":"Join the line again for a new place at its end.","code":"queue_token_expired","requestId":"r-1"}
        {"type":"urn:frontrow:problem:waiting_room_unavailable","title":"The waiting room takes no requests","status":503,"detail":"Places are kept and nobody is let in meanwhile; please try again in a moment.","code":"waiting_room_unavailable","requestId":"r-1","retryAfter":1}
        {"type":"urn:frontrow:problem:not_found","title":"There is no such thing","status":404,"detail":"There is nothing here that you may see.","code":"not_found","requestId":"r-1"}
        {"type":"urn:frontrow:problem:not_found","title":"There is no such thing","status":404,"detail":"There is nothing here that you may see.","code":"not_found","requestId":"r-1"}
        {"type":"urn:frontrow:problem:no_waiting_room","title":"The concert has no waiting room","status":409,"detail":"No token is asked for: hold seats at once.","code":"no_waiting_room","requestId":"r-1"}
        {"type":"urn:frontrow:problem:sale_not_open","title":"The sale has not opened yet","status":409,"detail":"Come back when it opens.","code":"sale_not_open","requestId":"r-1","opensAt":"1970-01-01T00:00:01Z"}
        {"type":"urn:frontrow:problem:sale_not_open","title":"The sale has not opened yet","status":409,"detail":"Come back when it opens.","code":"sale_not_open","requestId":"r-1"}
        {"type":"urn:frontrow:problem:sale_closed","title":"The sale has closed","status":409,"detail":"Nobody can join this line any more.","code":"sale_closed","requestId":"r-1"}
        {"type":"urn:frontrow:problem:sold_out","title":"Everything is sold","status":409,"detail":"Every seat of this concert is sold.","code":"sold_out","requestId":"r-1"}
        {"type":"urn:frontrow:problem:outcome_unknown","title":"Nobody can say whether it happened","status":503,"detail":"It may have happened. Repeat the request: a place that is there is shown again.","code":"outcome_unknown","requestId":"r-1","retryAfter":1}
        {"type":"urn:frontrow:problem:not_found","title":"There is no such thing","status":404,"detail":"There is nothing here that you may see.","code":"not_found","requestId":"r-1"}
        {"type":"urn:frontrow:problem:validation_failed","title":"The body is not valid","status":422,"detail":"See `errors` for what is wrong.","code":"validation_failed","requestId":"r-1","errors":[{"field":"notice","message":"is too long"}]}
    "#]].assert_eq(&said);
}

/// A crowd that is larger than what may wait for the line is told when to come back.
#[test]
fn a_line_with_too_many_waiting_says_when_to_come_back() {
    let now = Timestamp::from_micros(1_000_000);
    for problem in [
        JoinFailure::Line(LineError::Overloaded).problem(now),
        GateRefused::Line(LineError::Overloaded).problem(now),
    ] {
        let response = problem.into_response();
        assert_eq!(response.status().as_u16(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
        let problem = response.extensions().get::<Problem>().expect("its document");
        assert_eq!(problem.code().name(), "overloaded");
    }
}
