//! Which seats somebody wants, by number or the best that are to be had, and how they are chosen inside a decision.

use std::sync::Arc;

use frontrow_domain::catalog::SeatPlan;
use frontrow_domain::records::{Key, Need, Records, SeatPicture};
use frontrow_domain::reservation::{BestRequest, NotAvailable};
use frontrow_domain::{ScheduleId, SeatNo, Timestamp};
use uuid::Uuid;

use crate::app::App;
use crate::store::ReadError;

/// With fewer free seats than this many beyond those that are asked for, lapsed holds are looked at from the start:
/// without them the answer could be a refusal, and a refusal counts only once they were looked at.
const FEW: u32 = 256;

/// Which seats are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// These, in any order.
    Numbers(Vec<SeatNo>),
    /// The best that are to be had.
    Best(BestWanted),
}

/// What the best seats are to be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BestWanted {
    /// How many.
    pub quantity: usize,
    /// Of this grade; of any, without one.
    pub grade: Option<String>,
    /// True when seats apart from each other are of no use.
    pub adjacent: bool,
    /// True when one of them has to be for somebody in a wheelchair.
    pub accessible: bool,
}

/// Why seats cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeatsRefused {
    /// No seat is asked for.
    NoSeats,
    /// More seats than one request may have.
    TooManySeats {
        /// The limit.
        limit: usize,
    },
    /// A seat was named twice.
    DuplicateSeats(Vec<SeatNo>),
    /// These seats are not in the plan.
    UnknownSeats(Vec<SeatNo>),
    /// The schedule has no such grade.
    UnknownGrade,
    /// Fewer seats of that kind are left than were asked for.
    SoldOut {
        /// How many are.
        seats_left: u32,
    },
    /// There are enough seats, but not together.
    NoAdjacentSeats,
}

/// What a command chooses by: wishes that were checked, with what the edge knows of the seats.
#[derive(Debug)]
pub(crate) enum Choice {
    /// In order of number, each once.
    Numbers(Vec<SeatNo>),
    /// The best, with the seats that were free when the request came.
    Best(BestWanted, Arc<SeatPicture>),
}

impl Choice {
    /// The names of what has to be loaded for the choice and the claim on it.
    pub(crate) fn keys(&self, schedule: ScheduleId) -> Vec<Key> {
        match self {
            Self::Numbers(seats) => Key::claims(schedule, seats).collect(),
            Self::Best(wanted, picture) => {
                let since = Key::ClaimsSince(schedule, picture.version);
                let is_scarce = u64::from(picture.free.count()) < u64::from(FEW) + wanted.quantity as u64;
                let lapsed = is_scarce.then_some(Key::LapsedClaims(schedule));
                std::iter::once(since).chain(lapsed).collect()
            }
        }
    }

    /// How many seats are wanted.
    pub(crate) const fn quantity(&self) -> usize {
        match self {
            Self::Numbers(seats) => seats.len(),
            Self::Best(wanted, _) => wanted.quantity,
        }
    }

    /// Whether the plan has what is wanted.
    pub(crate) fn check(&self, plan: &SeatPlan) -> Result<(), SeatsRefused> {
        match self {
            Self::Numbers(seats) => {
                let unknown: Vec<_> = seats.iter().copied().filter(|&no| plan.seat(no).is_none()).collect();
                if unknown.is_empty() { Ok(()) } else { Err(SeatsRefused::UnknownSeats(unknown)) }
            }
            Self::Best(wanted, _) => request(wanted, plan).map(|_| ()).ok_or(SeatsRefused::UnknownGrade),
        }
    }

    /// The seats. Those that were named may be taken; those that are the best are not. What is drawn at the edge
    /// decides among equals, so that a repeat chooses alike.
    pub(crate) fn choose(
        &self,
        records: &mut Records,
        schedule: ScheduleId,
        plan: &SeatPlan,
        drawn: Uuid,
        now: Timestamp,
    ) -> Result<Result<Vec<SeatNo>, SeatsRefused>, Need> {
        let (wanted, picture) = match self {
            Self::Numbers(seats) => return Ok(Ok(seats.clone())),
            Self::Best(wanted, picture) => (wanted, picture),
        };
        let Some(request) = request(wanted, plan) else { return Ok(Err(SeatsRefused::UnknownGrade)) };
        // The low half of such an id is random.
        let (_, seed) = drawn.as_u64_pair();
        let chosen = records.pick_best(schedule, picture, &request, seed, now)?;
        Ok(chosen.map_err(|refused| match refused {
            NotAvailable::SoldOut { seats_left } => SeatsRefused::SoldOut { seats_left },
            NotAvailable::NotTogether => SeatsRefused::NoAdjacentSeats,
        }))
    }
}

/// The request in terms of a plan; nothing when it has no such grade.
fn request(wanted: &BestWanted, plan: &SeatPlan) -> Option<BestRequest> {
    let grade = match &wanted.grade {
        None => None,
        Some(name) => Some(plan.grade_named(name)?),
    };
    let BestWanted { quantity, adjacent, accessible, .. } = *wanted;
    Some(BestRequest { quantity, grade, adjacent, accessible })
}

impl App {
    /// Checks what can be checked without deciding, and adds what the edge knows of the seats.
    pub(crate) async fn choice(
        &self,
        schedule: ScheduleId,
        wanted: Wanted,
    ) -> Result<Result<Choice, SeatsRefused>, ReadError> {
        let limit = self.settings.sales.max_seats_per_request;
        let quantity = match &wanted {
            Wanted::Numbers(seats) => seats.len(),
            Wanted::Best(best) => best.quantity,
        };
        if quantity == 0 {
            return Ok(Err(SeatsRefused::NoSeats));
        }
        if quantity > limit {
            return Ok(Err(SeatsRefused::TooManySeats { limit }));
        }
        match wanted {
            Wanted::Numbers(seats) => Ok(in_order(seats).map(Choice::Numbers)),
            Wanted::Best(best) => {
                // Without such a schedule the command refuses for that.
                let board = self.memory.boards.get(schedule).await?;
                let choice = board.map(|board| Choice::Best(best, Arc::clone(board.picture())));
                Ok(Ok(choice.unwrap_or_else(|| Choice::Numbers(Vec::new()))))
            }
        }
    }
}

fn in_order(mut seats: Vec<SeatNo>) -> Result<Vec<SeatNo>, SeatsRefused> {
    seats.sort_unstable();
    let twice: Vec<SeatNo> = seats.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    if twice.is_empty() { Ok(seats) } else { Err(SeatsRefused::DuplicateSeats(twice)) }
}
