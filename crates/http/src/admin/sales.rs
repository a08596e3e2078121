//! How the sale of a concert goes.

use axum::extract::State;
use frontrow_application::sales::{SalesFigures, SalesMinute, ScheduleSales};
use frontrow_application::store::Takings;
use frontrow_domain::{ConcertId, Currency};
use serde::Serialize;
use utoipa::ToSchema;

use super::ReadProblems;
use crate::auth::Staff;
use crate::problem::Problem;
use crate::request::At;
use crate::respond::{self, Answer};
use crate::state::HttpState;
use crate::time::Time;

/// How the sale of a concert goes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Sales)]
struct SalesView<'a> {
    /// Fans in line, or in the lobby.
    #[schema(example = 52_000)]
    waiting: u64,
    /// Fans who are let in.
    #[schema(example = 1_400)]
    active: u64,
    /// Fans let in a second, over the last ten seconds.
    #[schema(example = 140.0)]
    admitted_per_second: f64,
    #[schema(example = "KRW")]
    currency: &'a str,
    /// In order of start.
    schedules: Vec<ScheduleSalesView>,
    /// The last hour, in order of time. Minutes in which nothing happened are left out.
    per_minute: Vec<MinuteView>,
}

/// Seats and money of one schedule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScheduleSales)]
struct ScheduleSalesView {
    schedule_id: u32,
    available: u32,
    held: u32,
    sold: u32,
    blocked: u32,
    /// What was paid, in minor units, refunded since or not.
    gross: i64,
    /// What went back into wallets.
    refunded: i64,
    /// What was kept of refunds.
    fees: i64,
}

/// What happened in one minute.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SalesMinute)]
struct MinuteView {
    /// When it began.
    at: Time,
    /// Fans who were let in.
    admitted: u64,
    /// Seats that were paid.
    sold: u64,
    /// What was paid, in minor units.
    revenue: i64,
}

impl<'a> SalesView<'a> {
    fn of(figures: &SalesFigures, currency: &'a Currency) -> Self {
        let SalesFigures { waiting, active, admitted_per_second, schedules, minutes } = figures;
        Self {
            waiting: *waiting,
            active: *active,
            admitted_per_second: *admitted_per_second,
            currency: currency.code(),
            schedules: schedules.iter().map(ScheduleSalesView::of).collect(),
            per_minute: minutes.iter().map(MinuteView::of).collect(),
        }
    }
}

impl ScheduleSalesView {
    fn of(sales: &ScheduleSales) -> Self {
        let [available, held, sold, blocked] = sales.seats;
        let Takings { gross, refunded, fees } = sales.takings;
        Self {
            schedule_id: sales.schedule.id.get(),
            available,
            held,
            sold,
            blocked,
            gross: gross.minor(),
            refunded: refunded.minor(),
            fees: fees.minor(),
        }
    }
}

impl MinuteView {
    fn of(minute: &SalesMinute) -> Self {
        let SalesMinute { at, admitted, sold, revenue } = *minute;
        Self { at: Time(at), admitted, sold, revenue: revenue.minor() }
    }
}

/// How the sale of a concert goes
///
/// Seats and line as they are now, money since the beginning. Fans who were let in are counted by the instance that
/// moves the line on, since its last start.
#[utoipa::path(get, operation_id = "readSales", path = "/api/v1/admin/concerts/{concertId}/sales", tag = "admin",
    security(("bearer" = [])), params(("concertId" = u32, Path)),
    responses((status = 200, body = SalesView), ReadProblems))]
pub(super) async fn read(State(state): State<HttpState>, _: Staff, At(id): At<ConcertId>) -> Answer {
    let found = state.app().sales(id).await.map_err(|error| state.problem(error))?;
    let figures = found.ok_or_else(Problem::not_found)?;
    respond::private(&SalesView::of(&figures, &state.app().settings().currency))
}
