//! The door: scanning tickets, and who has come in. For the role `gate`, whose devices are carried through crowds and
//! may do nothing else.

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::ticket::{Scan, ScannedDetails};
use frontrow_domain::account::Role;
use frontrow_domain::{ScheduleId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::docs::problems;
use crate::problem::{Code, Problem};
use crate::request::{At, Form, KeyRule, Refused, Sent};
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::{Time, Uid};

/// Bytes of the longest code that is looked at; ours have 120.
const CODE_MAX: usize = 512;

pub(crate) fn router() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(scan)).routes(routes!(admissions))
}

problems! {
    ScanProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden TicketInvalid TicketAlreadyUsed TicketVoid
        TicketWrongSchedule RequestInFlight PayloadTooLarge UnsupportedMediaType ValidationFailed
        IdempotencyKeyReused OutcomeUnknown;
    AdmissionProblems: Unauthenticated AccessTokenExpired AccountBlocked Forbidden NotFound;
}

fn check_gate(caller: Caller) -> Result<(), Problem> {
    if caller.role == Role::Gate {
        Ok(())
    } else {
        Err(Problem::new(Code::Forbidden, "This is for the role gate: the scanners at the door."))
    }
}

/// What was scanned.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ScanForm {
    /// The code on the ticket, as text.
    code: String,
    /// Which performance this door is for; any when absent.
    schedule_id: Option<u32>,
    /// When it was scanned, by a scanner that was without a network; now when absent. What lies in the future counts as
    /// now.
    scanned_at: Option<Time>,
}

/// What was scanned, read.
#[derive(Debug)]
pub(crate) struct ScanInput {
    code: String,
    door: Option<ScheduleId>,
    at: Option<Timestamp>,
}

impl Form for ScanForm {
    const ROUTE: &'static str = "POST /gate/scan";
    const KEY: KeyRule = KeyRule::Optional;
    type Input = ScanInput;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        check_gate(caller)
    }

    fn check(self, _state: &HttpState) -> Result<ScanInput, Refused> {
        let at = self.scanned_at.map(|at| at.0);
        Ok(ScanInput { code: self.code, door: self.schedule_id.map(ScheduleId::new), at })
    }
}

/// A ticket that has admitted its holder.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Admitted<'a> {
    ticket_id: Uid,
    schedule_id: u32,
    concert_title: &'a str,
    starts_at: Time,
    /// The number of the seat.
    seat: u32,
    label: &'a str,
    #[schema(required)]
    section: Option<&'a str>,
    #[schema(required)]
    row: Option<&'a str>,
    grade: &'a str,
    used_at: Time,
}

/// Scan a ticket
///
/// Admits its holder, once. Send an `Idempotency-Key`, so that a repeat after a lost answer shows the same 200 instead of
/// `ticket_already_used`.
#[utoipa::path(post, operation_id = "scanTicket", path = "/api/v1/gate/scan", tag = "gate", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255)), request_body = ScanForm,
    responses((status = 200, body = Admitted), ScanProblems))]
async fn scan(State(state): State<HttpState>, sent: Sent<ScanForm>) -> Answer {
    let ScanInput { code, door, at } = sent.input;
    // The signature comes first: what is not ours costs the store nothing.
    let said =
        Some(code).filter(|code| code.len() <= CODE_MAX).and_then(|code| state.tickets().verify(&code).ok());
    let said = said.ok_or_else(Problem::ticket_invalid)?;
    let scan = Scan { ticket: said.ticket, door, at, by: sent.caller.user };
    let scanned = state.app().scan(scan, sent.tag).await.map_err(|failure| state.problem(failure))?;
    let details = state.app().scanned_details(scanned.outcome).await.map_err(|error| state.problem(error))?;
    let ScannedDetails { scanned: admitted, concert, schedule } = &details;
    let plan = &schedule.plan;
    let place = plan.seat(admitted.seat).ok_or_else(Problem::internal)?;
    let body = Admitted {
        ticket_id: Uid(admitted.ticket.uuid()),
        schedule_id: admitted.schedule.get(),
        concert_title: &concert.title,
        starts_at: Time(schedule.starts_at),
        seat: admitted.seat.get(),
        label: &place.label,
        section: plan.section_name(place),
        row: plan.row_name(place),
        grade: &plan.grade_of(place).name,
        used_at: Time(admitted.used_at),
    };
    respond::once(StatusCode::OK, scanned.replayed, &body)
}

/// How many have come in.
#[derive(Debug, Serialize, ToSchema)]
struct Admissions {
    /// Tickets that were used.
    admitted: u32,
    /// Tickets that admit or have admitted: one a sold seat.
    total: u32,
}

/// Who has come in to a performance
#[utoipa::path(get, operation_id = "readAdmissions", path = "/api/v1/gate/schedules/{scheduleId}", tag = "gate",
    security(("bearer" = [])), params(("scheduleId" = u32, Path)),
    responses((status = 200, body = Admissions), AdmissionProblems))]
async fn admissions(State(state): State<HttpState>, caller: Caller, At(id): At<ScheduleId>) -> Answer {
    check_gate(caller)?;
    let found = state.app().admissions(id).await.map_err(|error| state.problem(error))?;
    let found = found.ok_or_else(Problem::not_found)?;
    respond::private(&Admissions { admitted: found.admitted, total: found.total })
}
