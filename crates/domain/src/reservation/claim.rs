//! Claims: who has a seat, and the only functions that change that.
//!
//! Every path that takes, keeps or frees a seat goes through the functions below; nothing else writes to the table
//! of claims. Each checks the claim that it finds before it changes it, and asks for the schedule, whose
//! lock it needs.

use crate::catalog::Schedule;
use crate::records::{Key, Need, Records};
use crate::{ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

/// A claim on one seat. At most one a seat, ever (R-R2); the store's primary key enforces it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Held by a pending reservation.
    Held {
        /// Which.
        reservation: ReservationId,
        /// Whose.
        user: UserId,
        /// The first moment at which anybody may take the seat.
        until: Timestamp,
    },
    /// Sold to a confirmed reservation.
    Sold {
        /// Which.
        reservation: ReservationId,
        /// Whose.
        user: UserId,
    },
    /// Kept back by an operator.
    Blocked,
}

/// What the seat map shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SeatState {
    /// Nobody has it.
    Available,
    /// Somebody is about to buy it.
    Held,
    /// Somebody has bought it.
    Sold,
    /// An operator keeps it back.
    Blocked,
}

impl SeatState {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 4] = [Self::Available, Self::Held, Self::Sold, Self::Blocked];

    /// The name used in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Held => "held",
            Self::Sold => "sold",
            Self::Blocked => "blocked",
        }
    }

    /// The letter used in the compact map.
    pub const fn letter(self) -> u8 {
        match self {
            Self::Available => b'a',
            Self::Held => b'h',
            Self::Sold => b's',
            Self::Blocked => b'b',
        }
    }

    /// What the map shows for the claim that is on a seat. A lapsed claim still shows as held: the map follows
    /// through the expiry job's commit, so that one version always has one content.
    pub const fn of(claim: Option<&Claim>) -> Self {
        match claim {
            None => Self::Available,
            Some(Claim::Held { .. }) => Self::Held,
            Some(Claim::Sold { .. }) => Self::Sold,
            Some(Claim::Blocked) => Self::Blocked,
        }
    }
}

impl Claim {
    /// True when it no longer keeps the seat from others.
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        matches!(self, Self::Held { until, .. } if now >= *until)
    }

    /// The reservation that it belongs to.
    pub const fn reservation(&self) -> Option<ReservationId> {
        match self {
            Self::Held { reservation, .. } | Self::Sold { reservation, .. } => Some(*reservation),
            Self::Blocked => None,
        }
    }

    fn is_held_by(&self, holder: ReservationId) -> bool {
        matches!(self, Self::Held { reservation, .. } if *reservation == holder)
    }
}

/// These seats cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatTaken {
    /// Which, in order of number.
    pub seats: Vec<SeatNo>,
}

/// Puts a claim on every one of the seats, or on none when any of them is taken (R-R1, R-R2). From the first
/// claim on the plan of the schedule is fixed, also for the commands that follow in the same group.
pub fn claim_seats(
    records: &mut Records,
    schedule: ScheduleId,
    seats: &[SeatNo],
    claim: Claim,
    now: Timestamp,
) -> Result<Result<(), SeatTaken>, Need> {
    let mut taken = Vec::new();
    for &seat in seats {
        if let Some(present) = records.claim(schedule, seat)?
            && !present.has_lapsed(now)
        {
            taken.push(seat);
        }
    }
    if !taken.is_empty() {
        return Ok(Err(SeatTaken { seats: taken }));
    }
    put_claims(records, schedule, seats, claim)?;
    Ok(Ok(()))
}

/// Keeps seats back from sale, all or none: none when one is held or sold. Answers which were not kept back before.
pub fn block_seats(
    records: &mut Records,
    schedule: ScheduleId,
    seats: &[SeatNo],
    now: Timestamp,
) -> Result<Result<Vec<SeatNo>, SeatTaken>, Need> {
    let (mut taken, mut free) = (Vec::new(), Vec::new());
    for &seat in seats {
        match records.claim(schedule, seat)? {
            Some(Claim::Blocked) => {}
            Some(claim) if !claim.has_lapsed(now) => taken.push(seat),
            _ => free.push(seat),
        }
    }
    if !taken.is_empty() {
        return Ok(Err(SeatTaken { seats: taken }));
    }
    put_claims(records, schedule, &free, Claim::Blocked)?;
    Ok(Ok(free))
}

/// Puts those of the seats on sale again that were kept back, and leaves the others alone. Answers which they were.
pub fn unblock_seats(
    records: &mut Records,
    schedule: ScheduleId,
    seats: &[SeatNo],
) -> Result<Vec<SeatNo>, Need> {
    free_seats_where(records, schedule, seats, |claim| matches!(claim, Claim::Blocked))
}

/// Those of the seats that are held or sold, in their order.
pub fn taken_seats(
    records: &Records,
    schedule: ScheduleId,
    seats: &[SeatNo],
    now: Timestamp,
) -> Result<Vec<SeatNo>, Need> {
    let mut taken = Vec::new();
    for &seat in seats {
        match records.claim(schedule, seat)? {
            None | Some(Claim::Blocked) => {}
            Some(claim) if claim.has_lapsed(now) => {}
            Some(_) => taken.push(seat),
        }
    }
    Ok(taken)
}

/// Frees seats that were sold to `holder`, for others to have at once. Answers how many were its own.
pub fn return_seats(
    records: &mut Records,
    schedule: ScheduleId,
    seats: &[SeatNo],
    holder: ReservationId,
) -> Result<usize, Need> {
    let is_own = |claim: &Claim| matches!(claim, Claim::Sold { reservation, .. } if *reservation == holder);
    free_seats_where(records, schedule, seats, is_own).map(|freed| freed.len())
}

/// Makes the seats of `holder` sold. False, and nothing changed, when one of them is no longer held by it.
pub fn confirm_seats(
    records: &mut Records,
    schedule: ScheduleId,
    seats: &[SeatNo],
    holder: ReservationId,
    user: UserId,
) -> Result<bool, Need> {
    let sold = Claim::Sold { reservation: holder, user };
    replace_held(records, schedule, seats, holder, sold)
}

/// Moves the end of the claims of `holder`. False, and nothing changed, when one of them is no longer its own.
pub fn extend_seats(
    records: &mut Records,
    schedule: ScheduleId,
    seats: &[SeatNo],
    holder: ReservationId,
    user: UserId,
    until: Timestamp,
) -> Result<bool, Need> {
    let held = Claim::Held { reservation: holder, user, until };
    replace_held(records, schedule, seats, holder, held)
}

/// Frees those of the seats that are still held by `holder`; a seat that somebody else has taken over since, or
/// that is sold, is left alone. Answers how many were freed.
pub fn release_seats(
    records: &mut Records,
    schedule: ScheduleId,
    seats: &[SeatNo],
    holder: ReservationId,
) -> Result<usize, Need> {
    free_seats_where(records, schedule, seats, |claim| claim.is_held_by(holder)).map(|freed| freed.len())
}

fn free_seats_where(
    records: &mut Records,
    schedule: ScheduleId,
    seats: &[SeatNo],
    is_meant: impl Fn(&Claim) -> bool,
) -> Result<Vec<SeatNo>, Need> {
    records.schedules.get(&schedule)?;
    let mut freed = Vec::new();
    for &seat in seats {
        if records.claim(schedule, seat)?.is_some_and(&is_meant) {
            freed.push(seat);
        }
    }
    for &seat in &freed {
        records.claims.remove((schedule, seat));
    }
    Ok(freed)
}

/// Sets the claims. From the first one on the plan of the schedule is fixed.
fn put_claims(
    records: &mut Records,
    schedule: ScheduleId,
    seats: &[SeatNo],
    claim: Claim,
) -> Result<(), Need> {
    if let Some(present) = records.schedules.get(&schedule)?
        && !present.in_use
        && !seats.is_empty()
    {
        let in_use = Schedule { in_use: true, ..present.clone() };
        records.schedules.put(schedule, in_use);
    }
    for &seat in seats {
        records.claims.put((schedule, seat), claim);
    }
    Ok(())
}

fn replace_held(
    records: &mut Records,
    schedule: ScheduleId,
    seats: &[SeatNo],
    holder: ReservationId,
    claim: Claim,
) -> Result<bool, Need> {
    records.schedules.get(&schedule)?;
    for &seat in seats {
        if !records.claim(schedule, seat)?.is_some_and(|present| present.is_held_by(holder)) {
            return Ok(false);
        }
    }
    for &seat in seats {
        records.claims.put((schedule, seat), claim);
    }
    Ok(true)
}

/// The keys of these seats' claims.
impl Key {
    /// Names the claims of these seats.
    pub fn claims(schedule: ScheduleId, seats: &[SeatNo]) -> impl Iterator<Item = Self> {
        seats.iter().map(move |&seat| Self::Claim(schedule, seat))
    }
}
