//! Two stores that see the same evening tell the same story: the store under test, and the one in memory.
//!
//! Both have the same clock and draw the same ids, so that every answer, every list and every event has to be the
//! same to the letter. Only the versions of maps may differ: they count commits, and how many ended holds share one
//! is a matter of chance.

use frontrow_application::catalog::{ConcertPatch, SchedulePatch};
use frontrow_application::reservation::{
    BestWanted, HoldRequest, KeepBack, SaleMeans, SeatSelection, SellRequest, StaffRefund, Wanted,
};
use frontrow_application::staff::{By, Staff};
use frontrow_application::store::{ConcertFilter, ReservationFilter, StaffFilter};
use frontrow_application::ticket::Scan;
use frontrow_domain::account::Role;
use frontrow_domain::catalog::Schedule;
use frontrow_domain::reservation::ReservationStatus;
use frontrow_domain::wallet::ChargeMethod;
use frontrow_domain::{Money, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};

use crate::clock::Dice;
use crate::memory::MemoryFactory;
use crate::samples;
use crate::stage::{Stage, seats};
use crate::store::StoreFactory;

const STEPS: u32 = 600;
pub(crate) const SEATS: u32 = 9;

pub(crate) fn without_version(schedule: Schedule) -> Schedule {
    Schedule { version: 0, ..schedule }
}

/// On behalf of one of them, whom nobody asks here whether they may.
pub(crate) fn by(user: UserId, request_id: &str) -> By {
    By::Staff(Staff::new(user, Role::Operator, request_id))
}

/// One of the two tellers: a store, and what is known of its evening.
pub(crate) struct Teller<F> {
    factory: F,
    stage: Option<Stage>,
    pub(crate) fans: Vec<UserId>,
    pub(crate) schedules: Vec<ScheduleId>,
    pub(crate) reservations: Vec<(UserId, ReservationId)>,
}

impl<F: StoreFactory> Teller<F> {
    pub(crate) async fn open(factory: F) -> Self {
        let stage = Stage::open(&factory);
        let mut fans = Vec::new();
        for number in 0..4 {
            fans.push(stage.a_fan().with_balance(number * 150_000).make().await);
        }
        let concert = stage.a_concert().titled("봄날 🌸").make().await;
        let schedules = vec![
            stage.a_schedule().of(concert).seats(SEATS).make().await,
            stage
                .a_schedule()
                .seats(SEATS)
                .hold_seconds(60)
                .refund_policy(samples::refund_policy())
                .make()
                .await,
        ];
        Self { factory, stage: Some(stage), fans, schedules, reservations: Vec::new() }
    }

    pub(crate) fn stage(&self) -> &Stage {
        self.stage.as_ref().expect("the stage stands between two steps")
    }

    /// Does what the dice say, and tells what came of it.
    async fn step(&mut self, dice: &mut Dice) -> String {
        let stage = self.stage();
        let fan = *dice.pick(&self.fans).expect("there are fans");
        let schedule = *dice.pick(&self.schedules).expect("there are schedules");
        let newest = &self.reservations[self.reservations.len().saturating_sub(6)..];
        let picked = dice.pick(newest).copied();
        let key = dice.below(40).to_string();
        let amount = i64::from(dice.below(30)) * 1_000;
        match (dice.below(22), picked) {
            (0..=2, Some((owner, id))) => {
                format!("{:?}", stage.app.pay(owner, id, Stage::tag(owner, &key, &id.to_string())).await)
            }
            (3, Some((owner, id))) => format!("{:?}", stage.app.extend(owner, id, None).await),
            (4, Some((owner, id))) => format!("{:?}", stage.app.cancel(owner, id).await),
            (5, Some((_, id))) => format!("{:?}", stage.app.cancel(fan, id).await),
            (6, _) => {
                let tag = Stage::tag(fan, &key, &amount.to_string());
                format!(
                    "{:?}",
                    stage.app.charge(By::System, fan, Money::of(amount), ChargeMethod::Cash, tag).await
                )
            }
            (7, _) => format!("{:?}", stage.app.tick_expiry().await),
            (8, _) => {
                stage.clock.advance_micros(i64::from(dice.below(200_000)) * 1_001);
                String::new()
            }
            (9, _) => {
                // A store may count what it cleans in its own way: by rows, or by tables.
                stage.clock.advance(dice.below(3) * 40_000);
                match stage.app.tick_upkeep().await {
                    Ok(_) => "cleaned".to_owned(),
                    Err(error) => error.to_string(),
                }
            }
            (10, _) => {
                let paused = Some(dice.percent(30));
                let patch = SchedulePatch { sales_paused: paused, ..SchedulePatch::default() };
                let by = by(fan, &key);
                format!("{:?}", stage.app.edit_schedule(by, schedule, patch).await.map(without_version))
            }
            (11, _) => {
                let concert = stage.app.any_schedule(schedule).await.expect("read").expect("there");
                let patch = ConcertPatch { artist: Some(format!("Band {key}")), ..ConcertPatch::default() };
                format!("{:?}", stage.app.edit_concert(by(fan, &key), concert.schedule.concert, patch).await)
            }
            (12..=17, _) => self.step_of_staff(dice, fan, schedule, picked).await,
            _ => {
                let numbers: Vec<u32> = (0..=dice.below(3)).map(|_| dice.below(SEATS + 1) + 1).collect();
                let tag = Stage::tag(fan, &key, &format!("{schedule} {numbers:?}"));
                let held = stage.app.hold(fan, HoldRequest { schedule, seats: seats(numbers) }, tag).await;
                if let Ok(held) = &held {
                    self.reservations.push((fan, held.outcome.0.id));
                }
                format!("{held:?}")
            }
        }
    }

    /// What happens at the box office and at the door.
    async fn step_of_staff(
        &mut self,
        dice: &mut Dice,
        fan: UserId,
        schedule: ScheduleId,
        picked: Option<(UserId, ReservationId)>,
    ) -> String {
        let (app, reads) = (&self.stage().app, &self.stage().opened.reads);
        let by = by(fan, "staff");
        match (dice.below(6), picked) {
            (0, Some((_, reservation))) => {
                let refund = StaffRefund { reservation, percent: dice.below(101), reason: String::new() };
                format!("{:?}", app.refund(by, refund, None).await)
            }
            (1, Some((_, reservation))) => {
                let tickets = reads.tickets(reservation).await.expect("read");
                let Some(ticket) = dice.pick(&tickets) else { return String::new() };
                let door = dice.percent(50).then_some(schedule);
                let scan = Scan { ticket: ticket.id, door, by: fan, at: None };
                format!("{:?}", app.scan(scan, None).await)
            }
            (2, _) => {
                let what = if dice.percent(50) { KeepBack::Block } else { KeepBack::Release };
                let first = SeatNo::new(dice.below(SEATS) + 1);
                let selection =
                    SeatSelection { seats: Some(vec![(first, first)]), ..SeatSelection::default() };
                // The version of a map may differ between the two.
                let kept = app.keep_back(by, schedule, what, selection, None, None).await;
                format!("{:?}", kept.map(|kept| kept.outcome.changed))
            }
            (3, _) => {
                let means = *dice.pick(&SaleMeans::ALL).expect("there are means");
                let request = SellRequest {
                    user: fan,
                    schedule,
                    seats: seats([dice.below(SEATS) + 1]),
                    means,
                    from_blocked: dice.percent(50),
                };
                let sold = app.sell(by, request, None).await;
                if let Ok(sold) = &sold {
                    self.reservations.push((fan, sold.outcome.0.id));
                }
                format!("{sold:?}")
            }
            _ => {
                let quantity = 1 + dice.below(2) as usize;
                let (grade, adjacent) = (None, dice.percent(50));
                let best = Wanted::Best(BestWanted { quantity, grade, adjacent, accessible: false });
                let held = app.hold(fan, HoldRequest { schedule, seats: best }, None).await;
                if let Ok(held) = &held {
                    self.reservations.push((fan, held.outcome.0.id));
                }
                format!("{held:?}")
            }
        }
    }

    /// What staff sees, in words.
    async fn story_of_staff(&self, now: Timestamp) -> Vec<String> {
        let reads = &self.stage().opened.reads;
        let mut told = vec![
            format!("{:?}", reads.taken_by_schedule().await),
            format!("{:?}", reads.best_selling(None, 10).await),
            format!("{:?}", reads.best_selling(Some(now.minus_seconds(300)), 10).await),
            format!("{:?}", reads.accounts(Some("FAN".to_owned()), None, 100).await),
        ];
        for &schedule in &self.schedules {
            told.push(format!("{:?}", reads.takings(schedule).await));
            told.push(format!("{:?}", reads.sales_by_minute(schedule, Timestamp::ZERO).await));
            told.push(format!("{:?}", reads.last_sale(schedule).await));
            told.push(format!("{:?}", reads.admissions(schedule).await));
            told.push(format!("{:?}", reads.live_in(schedule, None, 1_000).await));
            for status in ReservationStatus::ALL.map(Some) {
                let filter = StaffFilter { schedule: Some(schedule), status, ..StaffFilter::default() };
                told.push(format!("{:?}", reads.reservations(filter, None, 1_000, now).await));
            }
            for seat in (1..=SEATS).map(SeatNo::new).map(Some) {
                let filter = StaffFilter { schedule: Some(schedule), seat, ..StaffFilter::default() };
                told.push(format!("{:?}", reads.reservations(filter, None, 1_000, now).await));
            }
        }
        told
    }

    /// Everything that can be asked, in words.
    pub(crate) async fn story(&self) -> Vec<String> {
        let (app, reads) = (&self.stage().app, &self.stage().opened.reads);
        let now = self.stage().now();
        let mut told =
            vec![format!("{:?}", app.audit().await), format!("{:?}", reads.lapsed(now, 100).await)];
        for &schedule in &self.schedules {
            told.push(self.stage().map(schedule).await);
            let map = reads.seat_map(schedule).await.expect("read").expect("there");
            told.push(format!("{:?} {:?}", without_version(map.schedule), map.taken));
        }
        for (concert, schedules) in reads.concerts(ConcertFilter::default(), None, 10).await.expect("read") {
            let schedules: Vec<_> = schedules.into_iter().map(without_version).collect();
            told.push(format!("{concert:?} {schedules:?}"));
        }
        for &fan in &self.fans {
            told.push(format!("{:?}", reads.account(fan).await));
            told.push(format!("{:?}", reads.wallet(fan).await));
            told.push(format!("{:?}", reads.entries(fan, None, 1_000).await));
            told.push(format!("{:?}", reads.payments_of(fan, None, 1_000).await));
            for status in ReservationStatus::ALL.map(Some) {
                let filter = ReservationFilter { status, concert: None };
                told.push(format!("{:?}", reads.reservations_of(fan, filter, None, 1_000, now).await));
            }
        }
        for (_, id) in &self.reservations {
            told.push(format!("{:?}", reads.tickets(*id).await));
        }
        told.extend(self.story_of_staff(now).await);
        told.push(format!("{:?}", app.audit_log(None, 1_000).await));
        // In order of key: what lanes that run beside each other write comes in any order, and only that of each key is
        // promised.
        let mut events = self.factory.outbox();
        events.sort_by_key(|event| event.key);
        told.extend(events.iter().map(|event| format!("{event:?}")));
        told
    }

    pub(crate) fn restart(&mut self) {
        let stage = self.stage.take().expect("the stage stands between two steps");
        self.stage = Some(stage.restart(&self.factory));
    }
}

/// Every answer is that of the model, and so is everything that can be asked afterwards, across restarts.
pub async fn every_answer_is_that_of_the_model(factory: impl StoreFactory) {
    let mut model = Teller::open(MemoryFactory::new()).await;
    let mut tested = Teller::open(factory).await;
    let (mut dice, mut same_dice) = (Dice::new(11), Dice::new(11));
    for step in 0..STEPS {
        let expected = model.step(&mut dice).await;
        assert_eq!(tested.step(&mut same_dice).await, expected, "step {step}");
        if step % 25 == 24 {
            for (told, expected) in tested.story().await.into_iter().zip(model.story().await) {
                assert_eq!(told, expected, "after step {step}");
            }
        }
        if step % 100 == 99 {
            model.restart();
            tested.restart();
        }
    }
    assert!(model.reservations.len() > 20, "the evening was too quiet");
    tested.stage().assert_clean().await;
}
