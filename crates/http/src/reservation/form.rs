//! Which seats somebody asks for.

use frontrow_application::reservation::{BestWanted, HoldRequest, Wanted};
use frontrow_domain::{ScheduleId, SeatNo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::request::{Form, KeyRule, Object, Refused};
use crate::state::HttpState;

/// The best seats that are to be had.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = BestAvailable)]
pub(crate) struct BestAvailableForm {
    /// How many.
    #[schema(minimum = 1, example = 2)]
    quantity: u32,
    /// Of this grade; of any when absent.
    #[schema(example = "VIP")]
    grade: Option<String>,
    /// True, the default: beside each other, or none. False: beside each other if that can be had.
    adjacent: Option<bool>,
    /// True: one of them for somebody in a wheelchair, the others beside it. False, the default: none of those.
    accessible: Option<bool>,
}

impl BestAvailableForm {
    pub(crate) fn wanted(self) -> BestWanted {
        BestWanted {
            quantity: self.quantity as usize,
            grade: self.grade,
            adjacent: self.adjacent.unwrap_or(true),
            accessible: self.accessible.unwrap_or(false),
        }
    }
}

/// Seats by number, or the best: one of the two members that several forms have.
#[derive(Debug)]
pub(crate) struct SeatsForm {
    pub(crate) seats: Option<Vec<u32>>,
    pub(crate) best_available: Option<Object<BestAvailableForm>>,
}

impl SeatsForm {
    /// What is asked for, if it is one of the two.
    pub(crate) fn wanted(self) -> Result<Wanted, Refused> {
        match (self.seats, self.best_available) {
            (Some(seats), None) => Ok(Wanted::Numbers(seats.into_iter().map(SeatNo::new).collect())),
            (None, Some(Object(best))) if best.quantity == 0 => {
                Err(Problem::invalid_field("bestAvailable.quantity", "must be at least 1"))
            }
            (None, Some(Object(best))) => Ok(Wanted::Best(best.wanted())),
            (None, None) => {
                Err(Problem::invalid_field("seats", "must name at least one seat, or use bestAvailable"))
            }
            (Some(_), Some(_)) => {
                Err(Problem::invalid_field("bestAvailable", "cannot be given together with seats"))
            }
        }
    }
}

/// Which seats to hold.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HoldForm {
    schedule_id: u32,
    /// The numbers of the seats.
    #[schema(min_items = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<Vec<u32>>,
    /// Or the best that are to be had.
    #[schema(value_type = Option<BestAvailableForm>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    best_available: Option<Object<BestAvailableForm>>,
}

impl Form for HoldForm {
    const ROUTE: &'static str = "POST /reservations";
    const KEY: KeyRule = KeyRule::Required;
    type Input = HoldRequest;

    fn check(self, _state: &HttpState) -> Result<HoldRequest, Refused> {
        let seats = SeatsForm { seats: self.seats, best_available: self.best_available }.wanted()?;
        Ok(HoldRequest { schedule: ScheduleId::new(self.schedule_id), seats })
    }
}
