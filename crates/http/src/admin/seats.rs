//! Keeping seats back from sale, and putting them on sale again.

use std::fmt;

use axum::extract::State;
use axum::http::StatusCode;
use frontrow_application::reservation::{KeepBack, KeepBackRefused, KeptBack, SeatSelection};
use frontrow_application::{Failure, OnceRefused};
use frontrow_domain::catalog::FieldError;
use frontrow_domain::{ScheduleId, SeatNo};
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{
    ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::KeepBackProblems;
use super::reason::check_reason;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::request::{Form, KeyRule, Refused, Sent};
use crate::respond::{self, Answer};
use crate::state::HttpState;

/// Which seats are meant: those that fit every member that is given.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SeatSelection)]
pub(super) struct SeatSelectionForm {
    /// These numbers: single ones, and pairs of the first and the last of a run.
    #[schema(min_items = 1, example = json!([7, [10, 20]]))]
    seats: Option<Vec<SeatRun>>,
    /// All of this section.
    #[schema(example = "1F")]
    section: Option<String>,
    /// All rows of this name.
    #[schema(example = "A")]
    row: Option<String>,
    /// All of this grade.
    #[schema(example = "VIP")]
    grade: Option<String>,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", example = "For the promoter's guests")]
    reason: Option<String>,
}

/// A seat, or all from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SeatRun {
    from: u32,
    to: u32,
}

impl Serialize for SeatRun {
    /// As a pair, so that a seat and the run of this seat alone are one request.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.from, self.to].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SeatRun {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = SeatRun;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of a seat, or a pair of them")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<SeatRun, E> {
                let no = u32::try_from(number).map_err(|_| E::custom("is no number of a seat"))?;
                Ok(SeatRun { from: no, to: no })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<SeatRun, A::Error> {
                let first = numbers.next_element()?;
                let last = numbers.next_element()?;
                let is_pair = numbers.next_element::<IgnoredAny>()?.is_none();
                match (first, last) {
                    (Some(from), Some(to)) if is_pair => Ok(SeatRun { from, to }),
                    _ => Err(A::Error::custom("a pair has the first and the last number of a run")),
                }
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl PartialSchema for SeatRun {
    fn schema() -> RefOr<Schema> {
        let number = || {
            ObjectBuilder::new()
                .schema_type(SchemaType::Type(Type::Integer))
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
                .minimum(Some(1))
        };
        let pair = ArrayBuilder::new().items(number()).min_items(Some(2)).max_items(Some(2));
        OneOfBuilder::new().item(number()).item(pair).into()
    }
}

impl ToSchema for SeatRun {}

/// A selection of seats that was read.
#[derive(Debug)]
pub(super) struct Selected {
    selection: SeatSelection,
    reason: Option<String>,
}

impl SeatSelectionForm {
    fn read(self) -> Result<Selected, Refused> {
        let Self { seats, section, row, grade, reason } = self;
        let mut errors = Vec::new();
        check_reason(&mut errors, reason.as_deref());
        if seats.as_ref().is_some_and(Vec::is_empty) {
            errors.push(FieldError::new("seats", "must name at least one seat"));
        }
        for (at, run) in seats.iter().flatten().enumerate() {
            if run.from > run.to {
                let message = "the first number of a run must not be above the last";
                errors.push(FieldError::new(format!("seats[{at}]"), message));
            }
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        let run = |SeatRun { from, to }| (SeatNo::new(from), SeatNo::new(to));
        let seats = seats.map(|runs| runs.into_iter().map(run).collect());
        Ok(Selected { selection: SeatSelection { seats, section, row, grade }, reason })
    }
}

/// Seats to keep back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct BlockForm(SeatSelectionForm);

/// Seats to put on sale again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ReleaseForm(SeatSelectionForm);

impl Form for BlockForm {
    const ROUTE: &'static str = "POST /admin/schedules/{id}/seats/block";
    const KEY: KeyRule = KeyRule::Required;
    type Input = Selected;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, _state: &HttpState) -> Result<Selected, Refused> {
        self.0.read()
    }
}

impl Form for ReleaseForm {
    const ROUTE: &'static str = "POST /admin/schedules/{id}/seats/release";
    const KEY: KeyRule = KeyRule::Required;
    type Input = Selected;

    fn allow(caller: Caller, _state: &HttpState) -> Result<(), Refused> {
        caller.check_staff()
    }

    fn check(self, _state: &HttpState) -> Result<Selected, Refused> {
        self.0.read()
    }
}

/// What has become of the seats.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SeatsChanged)]
struct KeptBackView {
    /// How many seats changed; those that were so already are not counted.
    #[schema(example = 11)]
    changed: u32,
    /// The version of the seat map that shows it.
    #[schema(example = 42)]
    version: u64,
}

async fn keep_back<F: Form<Input = Selected>>(
    state: &HttpState,
    what: KeepBack,
    sent: Sent<F, ScheduleId>,
) -> Answer {
    let by = sent.staff().by();
    let Selected { selection, reason } = sent.input;
    let given = Given::of(&selection);
    let done = state.app().keep_back(by, sent.target, what, selection, reason, sent.tag).await;
    let done = done.map_err(|failure| given.problem(state, failure))?;
    let KeptBack { changed, version } = done.outcome;
    respond::once(StatusCode::OK, done.replayed, &KeptBackView { changed, version })
}

/// The members by which seats were selected, to be named when nothing fits them.
struct Given(Vec<&'static str>);

impl Given {
    fn of(selection: &SeatSelection) -> Self {
        let SeatSelection { seats, section, row, grade } = selection;
        let members = [
            ("seats", seats.is_some()),
            ("section", section.is_some()),
            ("row", row.is_some()),
            ("grade", grade.is_some()),
        ];
        Self(members.into_iter().filter(|&(_, is_given)| is_given).map(|(name, _)| name).collect())
    }

    fn problem(&self, state: &HttpState, failure: Failure<OnceRefused<KeepBackRefused>>) -> Problem {
        if let Failure::Refused(OnceRefused::Refused(KeepBackRefused::NoSuchSeats)) = &failure {
            let error = |name: &&str| FieldError::new(*name, "no seat fits all that is given");
            return Problem::invalid(self.0.iter().map(error).collect());
        }
        state.problem(failure)
    }
}

/// Keep seats back from sale
///
/// All of them or none: a held or sold one is named in 409 `seat_unavailable`. The members that are given narrow each
/// other. What is kept back already stays so.
#[utoipa::path(post, operation_id = "blockSeats", path = "/api/v1/admin/schedules/{scheduleId}/seats/block", tag = "admin",
    security(("bearer" = [])),
    params(("scheduleId" = u32, Path), ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    request_body = SeatSelectionForm, responses((status = 200, body = KeptBackView), KeepBackProblems))]
pub(super) async fn block(State(state): State<HttpState>, sent: Sent<BlockForm, ScheduleId>) -> Answer {
    keep_back(&state, KeepBack::Block, sent).await
}

/// Put seats that are kept back on sale again
///
/// By number all of them or none: a held or sold one is named in 409 `seat_unavailable`. By section, row or grade alone
/// those among them that are kept back.
#[utoipa::path(post, operation_id = "releaseSeats", path = "/api/v1/admin/schedules/{scheduleId}/seats/release", tag = "admin",
    security(("bearer" = [])),
    params(("scheduleId" = u32, Path), ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255)),
    request_body = SeatSelectionForm, responses((status = 200, body = KeptBackView), KeepBackProblems))]
pub(super) async fn release(State(state): State<HttpState>, sent: Sent<ReleaseForm, ScheduleId>) -> Answer {
    keep_back(&state, KeepBack::Release, sent).await
}
