//! Calling a performance off: sales stop at once; holds end and what was paid goes back whole, in the background, and
//! again from where it was after a restart.

use frontrow_domain::catalog::Schedule;
use frontrow_domain::event::{self, Event};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::staff::ActionKind;
use frontrow_domain::{Money, ReservationId, ScheduleId, Timestamp};
use futures_util::future::join_all;
use serde::Serialize;

use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::once::{Answered, OnceRefused, OnceTag};
use crate::staff::{By, Deed, Signature};
use crate::store::ReadError;

/// How many reservations one round takes back: what may share a group.
const WITHDRAW_BATCH: usize = 200;

/// Why a schedule is not called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelScheduleRefused {
    /// There is no such schedule.
    NotFound,
}

/// What calling a schedule off means, or has still to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Withdrawal {
    /// Reservations that are held.
    pub pending: u64,
    /// Reservations that are paid.
    pub confirmed: u64,
    /// What goes back into wallets.
    pub amount: Money,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenCancel<'a> {
    reason: &'a str,
}

struct CancelSchedule {
    id: ScheduleId,
    reason: String,
    signature: Signature,
}

impl Command for CancelSchedule {
    type Outcome = ScheduleId;
    type Refusal = CancelScheduleRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Schedule(self.id)])
    }

    fn decide(
        &self,
        records: &mut Records,
        now: Timestamp,
    ) -> Result<ScheduleId, Stop<CancelScheduleRefused>> {
        let Some(schedule) = records.schedules.get(&self.id)?.cloned() else {
            return refuse(CancelScheduleRefused::NotFound);
        };
        if schedule.cancelled_at.is_some() {
            return Ok(self.id);
        }
        let decided_at = schedule.decided_at.max(now);
        let cancelled = Schedule { cancelled_at: Some(now), decided_at, ..schedule };
        let (action, target) = (ActionKind::CancelSchedule, format!("schedule/{}", self.id));
        let after = SeenCancel { reason: &self.reason };
        self.signature.note(records, now, Deed { action, target, before: (), after });
        let (cancelled, event) = event::of_schedule(cancelled, now, |schedule| {
            Event::ScheduleCancelled(event::ScheduleCancelled {
                concert_id: schedule.concert,
                schedule_id: schedule.id,
                reason: self.reason.clone(),
            })
        });
        records.events.add(event);
        records.schedules.put(self.id, cancelled);
        Ok(self.id)
    }
}

impl App {
    /// Calls a schedule off. What was held or paid is taken back in the background.
    pub async fn cancel_schedule(
        &self,
        by: By,
        id: ScheduleId,
        reason: String,
        tag: Option<OnceTag>,
    ) -> Result<Answered<ScheduleId>, Failure<OnceRefused<CancelScheduleRefused>>> {
        let command = CancelSchedule { id, reason, signature: self.sign(by) };
        self.run_once(Priority::Settle, tag, command).await
    }

    /// What calling this schedule off would take back, or has still to take back.
    pub async fn withdrawal(&self, id: ScheduleId) -> Result<Withdrawal, ReadError> {
        let mut left = Withdrawal::default();
        let mut after: Option<ReservationId> = None;
        loop {
            let live = self.reads.live_in(id, after, WITHDRAW_BATCH).await?;
            let now = self.clock.now();
            for reservation in &live {
                if reservation.paid().is_some() {
                    left.confirmed += 1;
                    left.amount = left.amount.plus(reservation.amount).unwrap_or(left.amount);
                } else if reservation.is_live(now) {
                    left.pending += 1;
                }
            }
            match live.last() {
                Some(last) if live.len() == WITHDRAW_BATCH => after = Some(last.id),
                _ => return Ok(left),
            }
        }
    }

    /// Takes back what was held or paid of schedules that were called off. Answers how many reservations there were.
    pub async fn tick_cancellations(&self) -> Result<usize, Failure<std::convert::Infallible>> {
        let mut withdrawn = 0;
        for schedule in self.reads.cancelled_schedules().await.map_err(unavailable)? {
            // Nothing is ever held or sold again of what was called off: done is done.
            if self.memory.withdrawn.lock().contains(&schedule) {
                continue;
            }
            let mut after = None;
            let mut is_done = true;
            loop {
                let live = self.reads.live_in(schedule, after, WITHDRAW_BATCH).await.map_err(unavailable)?;
                let Some(last) = live.last() else { break };
                after = Some(last.id);
                let is_last = live.len() < WITHDRAW_BATCH;
                is_done = false;
                for done in join_all(live.into_iter().map(|reservation| self.withdraw(reservation))).await {
                    withdrawn += usize::from(done?);
                }
                if is_last {
                    break;
                }
            }
            if is_done {
                self.memory.withdrawn.lock().insert(schedule);
            }
        }
        Ok(withdrawn)
    }
}
