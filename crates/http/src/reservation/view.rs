//! Reservations and tickets as they are shown.

use std::sync::Arc;

use axum::http::StatusCode;
use frontrow_application::reservation::{ReservationDetails, Standing};
use frontrow_domain::reservation::ReservationState;
use frontrow_domain::ticket::Ticket;
use frontrow_domain::{Money, SeatNo, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::{Time, Uid};
use crate::words;

/// Seats held for, or sold to, one fan.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reservation<'a> {
    reservation_id: Uid,
    #[schema(value_type = words::ReservationStatus)]
    status: &'static str,
    concert_id: u32,
    concert_title: &'a str,
    schedule_id: u32,
    starts_at: Time,
    venue: &'a str,
    seats: Vec<ReservedSeat<'a>>,
    /// In minor units, as priced when the seats were held.
    amount: i64,
    #[schema(example = "KRW")]
    currency: &'a str,
    created_at: Time,
    /// When the hold ends or has ended; when it was paid or given back, if it was.
    expires_at: Time,
    /// Whether the one extension is still to be had.
    extendable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<Uid>,
    /// What would go back into the wallet now, were it given back.
    refundable_amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<RefundView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tickets: Option<Vec<TicketView>>,
}

/// What went back of a payment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Refund)]
struct RefundView {
    /// Into the wallet, in minor units.
    amount: i64,
    /// What was kept.
    fee: i64,
    refunded_at: Time,
}

/// A seat of a reservation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReservedSeat<'a> {
    no: u32,
    label: &'a str,
    #[schema(required)]
    section: Option<&'a str>,
    #[schema(required)]
    row: Option<&'a str>,
    grade: &'a str,
    price: i64,
}

/// The proof of one paid seat.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Ticket)]
pub(crate) struct TicketView {
    ticket_id: Uid,
    /// The number of the seat.
    seat: u32,
    /// What is scanned at the door: signed, and good without a network.
    #[schema(value_type = String)]
    code: Arc<str>,
    #[schema(value_type = words::TicketStatus)]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_at: Option<Time>,
}

impl TicketView {
    pub(crate) fn of(state: &HttpState, ticket: &Ticket) -> Self {
        Self {
            ticket_id: Uid(ticket.id.uuid()),
            seat: ticket.seat.get(),
            code: state.tickets().sign(ticket),
            status: ticket.state.name(),
            used_at: ticket.used_at().map(Time),
        }
    }
}

impl<'a> Reservation<'a> {
    /// A reservation as it stands at `now`.
    pub(crate) fn of(state: &'a HttpState, details: &'a ReservationDetails, now: Timestamp) -> Self {
        let ReservationDetails { reservation, concert, schedule, tickets } = details;
        let seat = |&no: &SeatNo| {
            let seat = schedule.plan.seat(no)?;
            let grade = schedule.plan.grade_of(seat);
            Some(ReservedSeat {
                no: no.get(),
                label: &seat.label,
                section: schedule.plan.section_name(seat),
                row: schedule.plan.row_name(seat),
                grade: &grade.name,
                price: grade.price.minor(),
            })
        };
        let refund = match reservation.state {
            ReservationState::Refunded { at, returned, .. } => Some(RefundView {
                amount: returned.minor(),
                fee: reservation.amount.minor() - returned.minor(),
                refunded_at: Time(at),
            }),
            _ => None,
        };
        let refundable = match reservation.state {
            ReservationState::Confirmed { .. } => schedule.refundable(reservation.amount, now),
            _ => None,
        };
        let paid = reservation.paid();
        Self {
            reservation_id: Uid(reservation.id.uuid()),
            status: reservation.status(now).name(),
            concert_id: concert.id.get(),
            concert_title: &concert.title,
            schedule_id: schedule.id.get(),
            starts_at: Time(schedule.starts_at),
            venue: &schedule.venue,
            seats: reservation.seats.iter().filter_map(seat).collect(),
            amount: reservation.amount.minor(),
            currency: state.app().settings().currency.code(),
            created_at: Time(reservation.created_at),
            expires_at: Time(reservation.held_until()),
            extendable: reservation.is_extendable(&schedule.hold, now),
            confirmed_at: paid.map(|(at, _)| Time(at)),
            ended_at: reservation.ended_at(now).map(Time),
            payment_id: paid.map(|(_, payment)| Uid(payment.uuid())),
            refundable_amount: refundable.map_or(0, Money::minor),
            refund,
            tickets: paid.map(|_| tickets.iter().map(|ticket| TicketView::of(state, ticket)).collect()),
        }
    }
}

/// A reservation as a command has left it. That does not change with the clock, so that a repeat of the command
/// with its key shows the same: a hold is shown as of the moment at which it began.
pub(crate) async fn standing(
    state: &HttpState,
    status: StatusCode,
    replayed: bool,
    standing: Standing,
) -> Answer {
    let Standing(reservation) = standing;
    let decided_at = reservation.created_at;
    let details = state.app().details(reservation).await.map_err(|error| state.problem(error))?;
    respond::once(status, replayed, &Reservation::of(state, &details, decided_at))
}
