//! The steps of a scenario.

use std::collections::BTreeMap;

use frontrow_application::account::RefreshToken;
use frontrow_application::catalog::SchedulePatch;
use frontrow_application::payment::PayOutcome;
use frontrow_application::reservation::{HoldRequest, KeepBack, Wanted};
use frontrow_application::staff::By;
use frontrow_application::store::ReservationFilter;
use frontrow_application::{Answered, OnceTag};
use frontrow_domain::catalog::{HoldPolicy, RefundPolicy, RefundRow};
use frontrow_domain::payment::PaymentState;
use frontrow_domain::reservation::{Reservation, ReservationState, ReservationStatus};
use frontrow_domain::ticket::TicketState;
use frontrow_domain::wallet::ChargeMethod;
use frontrow_domain::{Money, ReservationId, ScheduleId, UserId};

use super::words::{self, Words};
use crate::stage::{self, PASSWORD, Stage};
use crate::store::StoreFactory;

/// How many things a list of a scenario shows.
const PAGE: usize = 100;

/// What a step answered.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) worked: bool,
}

impl Said {
    pub(super) fn done(text: impl ToString) -> Self {
        Self { text: text.to_string(), worked: true }
    }

    pub(super) fn no(reason: &impl Words) -> Self {
        Self { text: reason.words(), worked: false }
    }
}

/// A scenario while it runs.
pub(super) struct Script {
    factory: Box<dyn StoreFactory>,
    /// Absent only while it restarts.
    stage: Option<Stage>,
    fans: BTreeMap<String, UserId>,
    logins: BTreeMap<String, RefreshToken>,
    schedules: Vec<(String, ScheduleId)>,
    reservations: BTreeMap<String, ReservationId>,
}

/// One step, cut into words.
pub(super) struct Step<'a> {
    words: Vec<&'a str>,
}

impl<'a> Step<'a> {
    /// The word at this place.
    pub(super) fn word(&self, place: usize) -> &'a str {
        self.words.get(place).unwrap_or_else(|| panic!("{:?} needs more words", self.words.join(" ")))
    }

    /// The word after `name`, if it is there.
    pub(super) fn after(&self, name: &str) -> Option<&'a str> {
        let place = self.words.iter().position(|word| *word == name)?;
        Some(self.word(place + 1))
    }

    /// All words.
    pub(super) fn words(&self) -> &[&'a str] {
        &self.words
    }

    /// True when this word is there.
    pub(super) fn says(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    /// The number after `name`, if it is there.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.after(name).map(seconds)
    }
}

/// A number, with or without `s` behind it.
pub(super) fn seconds(word: &str) -> u32 {
    word.trim_end_matches('s').parse().unwrap_or_else(|_| panic!("{word:?} is not a number"))
}

fn amount(word: &str) -> i64 {
    word.parse().unwrap_or_else(|_| panic!("{word:?} is not an amount"))
}

impl Script {
    pub(super) fn open(factory: Box<dyn StoreFactory>) -> Self {
        let stage = Stage::open(&*factory);
        Self {
            factory,
            stage: Some(stage),
            fans: BTreeMap::new(),
            logins: BTreeMap::new(),
            schedules: Vec::new(),
            reservations: BTreeMap::new(),
        }
    }

    pub(super) fn stage(&self) -> &Stage {
        self.stage.as_ref().expect("the stage stands between two steps")
    }

    pub(super) fn fan(&self, name: &str) -> UserId {
        *self.fans.get(name).unwrap_or_else(|| panic!("nobody is called {name:?}"))
    }

    pub(super) fn reservation(&self, name: &str) -> ReservationId {
        *self.reservations.get(name).unwrap_or_else(|| panic!("nothing is called {name:?}"))
    }

    /// The schedule that a step means: the one after `at`, or the first.
    pub(super) fn schedule(&self, step: &Step<'_>) -> ScheduleId {
        let wanted = step.after("at");
        let found = self.schedules.iter().find(|(name, _)| wanted.is_none_or(|wanted| wanted == name));
        found.unwrap_or_else(|| panic!("no schedule for {:?}", step.words.join(" "))).1
    }

    pub(super) fn tag(fan: UserId, step: &Step<'_>) -> Option<OnceTag> {
        let body =
            step.words.iter().take_while(|word| **word != "key").copied().collect::<Vec<_>>().join(" ");
        step.after("key").and_then(|key| Stage::tag(fan, key, &body))
    }

    pub(super) async fn step(&mut self, line: &str, expected: Option<&str>) -> Said {
        let step = Step { words: line.split_whitespace().collect() };
        match step.word(0) {
            "schedule" => self.make_schedule(&step).await,
            "fan" => self.make_fan(&step).await,
            "wait" => {
                self.stage().clock.advance(seconds(step.word(1)));
                Said::done("")
            }
            "back" => {
                self.stage().clock.step_back(seconds(step.word(1)));
                Said::done("")
            }
            "hold" => self.hold(&step, expected).await,
            "best" => {
                let best = Self::best(&step);
                self.hold_seats(&step, best, expected).await
            }
            "sell" => self.sell(&step, expected).await,
            "seats" => self.seats_of(&step).await,
            "refund" => self.refund(&step).await,
            "scan" => self.scan(&step).await,
            "block" => self.keep_back(&step, KeepBack::Block).await,
            "release" => self.keep_back(&step, KeepBack::Release).await,
            "call-off" => {
                let (schedule, reason) = (self.schedule(&step), "the singer is ill".to_owned());
                match self.stage().app.cancel_schedule(By::System, schedule, reason, None).await {
                    Ok(_) => Said::done(""),
                    Err(failure) => Said::no(&failure),
                }
            }
            "withdraw" => match self.stage().app.tick_cancellations().await {
                Ok(count) => Said::done(count),
                Err(failure) => Said::no(&failure),
            },
            "pay" => self.pay(&step).await,
            "extend" => self.extend(&step).await,
            "cancel" => self.cancel(&step).await,
            "show" => self.show(&step).await,
            "tickets" => self.tickets(&step).await,
            "charge" => self.charge(&step).await,
            "balance" => Said::done(self.stage().balance(self.fan(step.word(1))).await),
            "reservations" => self.reservations_of(&step).await,
            "payments" => self.payments(&step).await,
            "log-in" => self.log_in(&step).await,
            "refresh" => self.refresh(&step).await,
            "expire" => match self.stage().app.tick_expiry().await {
                Ok(count) => Said::done(count),
                Err(failure) => Said::no(&failure),
            },
            "pause" => self.pause(&step, true).await,
            "resume" => self.pause(&step, false).await,
            "map" => Said::done(self.stage().map(self.schedule(&step)).await),
            "left" => {
                let map = self.stage().map(self.schedule(&step)).await;
                Said::done(map.chars().filter(|state| *state == 'a').count())
            }
            "version" => {
                let found = self.stage().app.any_schedule(self.schedule(&step)).await;
                let found = found.expect("the store can be read").expect("the schedule is there");
                Said::done(found.board.version())
            }
            "restart" => {
                let stage = self.stage.take().expect("the stage stands between two steps");
                self.stage = Some(stage.restart(&*self.factory));
                Said::done("")
            }
            "audit" => {
                let report = self.stage().app.audit().await.expect("the store can be read");
                let clean = report.is_clean();
                let text = if clean { "clean".to_owned() } else { report.differences.join("; ") };
                Said { text, worked: clean }
            }
            other => panic!("there is no step {other:?}"),
        }
    }

    async fn make_schedule(&mut self, step: &Step<'_>) -> Said {
        let stage = self.stage();
        let hold_seconds = step.number("hold").unwrap_or(300);
        let extension_seconds = step.number("extension").unwrap_or(hold_seconds);
        let max_seconds = step.number("cap").unwrap_or(2 * hold_seconds);
        let mut builder = stage
            .a_schedule()
            .seats(step.number("seats").unwrap_or(50))
            .price(step.after("price").map_or(50_000, amount))
            .hold(HoldPolicy { hold_seconds, max_seconds, extension_seconds });
        if let Some(rows) = step.after("refunds") {
            builder = builder.refund_policy(refund_policy(rows));
        }
        if let Some(limit) = step.number("fan-seats") {
            builder = builder.max_seats_per_fan(limit);
        }
        if let Some(opens) = step.number("opens") {
            builder = builder.booking_start(stage.now().plus_seconds(opens));
        }
        if let Some(closes) = step.number("closes") {
            builder = builder.booking_end(stage.now().plus_seconds(closes));
        }
        let id = builder.make().await;
        self.schedules.push((step.word(1).to_owned(), id));
        Said::done("")
    }

    async fn make_fan(&mut self, step: &Step<'_>) -> Said {
        let name = step.word(1);
        let balance = step.words.get(2).map_or(0, |word| amount(word));
        let id = self.stage().a_fan().named(name).with_balance(balance).make().await;
        self.fans.insert(name.to_owned(), id);
        Said::done("")
    }

    /// The name of a reservation. One that has none yet gets the expected one, or the next.
    pub(super) fn name(&mut self, id: ReservationId, expected: Option<&str>) -> String {
        if let Some((name, _)) = self.reservations.iter().find(|(_, known)| **known == id) {
            return name.clone();
        }
        let wanted = expected.filter(|name| !name.contains(' ') && !self.reservations.contains_key(*name));
        let name = wanted.map_or_else(|| format!("r{}", self.reservations.len() + 1), str::to_owned);
        self.reservations.insert(name.clone(), id);
        name
    }

    async fn hold(&mut self, step: &Step<'_>, expected: Option<&str>) -> Said {
        let numbers = step.word(2).split(',').map(seconds);
        let seats = stage::seats(numbers);
        self.hold_seats(step, seats, expected).await
    }

    async fn hold_seats(&mut self, step: &Step<'_>, seats: Wanted, expected: Option<&str>) -> Said {
        let fan = self.fan(step.word(1));
        let request = HoldRequest { schedule: self.schedule(step), seats };
        match self.stage().app.hold(fan, request, Self::tag(fan, step)).await {
            Ok(held) => {
                let name = self.name(held.outcome.0.id, expected);
                Said::done(again(name, held.replayed))
            }
            Err(failure) => Said::no(&failure),
        }
    }

    async fn pay(&mut self, step: &Step<'_>) -> Said {
        let fan = self.fan(step.word(1));
        let reservation = self.reservation(step.word(2));
        match self.stage().app.pay(fan, reservation, Self::tag(fan, step)).await {
            Ok(Answered { outcome: PayOutcome::Paid(paid), replayed }) => {
                Said::done(again(format!("paid {}", paid.amount), replayed))
            }
            Ok(Answered { outcome: PayOutcome::Declined { shortage, .. }, .. }) => Said {
                text: format!("declined {} of {}", shortage.balance, shortage.required),
                worked: false,
            },
            Err(failure) => Said::no(&failure),
        }
    }

    fn left(&self, reservation: &Reservation) -> String {
        let now = self.stage().now();
        let left = match reservation.state {
            ReservationState::Pending { expires_at, .. } => now.seconds_until(expires_at),
            _ => 0,
        };
        format!("{left}s")
    }

    async fn extend(&mut self, step: &Step<'_>) -> Said {
        let fan = self.fan(step.word(1));
        let name = step.word(2);
        match self.stage().app.extend(fan, self.reservation(name), Self::tag(fan, step)).await {
            Ok(extended) => {
                let left = self.left(&extended.outcome.0);
                Said::done(again(format!("{name} {left}"), extended.replayed))
            }
            Err(failure) => Said::no(&failure),
        }
    }

    async fn cancel(&mut self, step: &Step<'_>) -> Said {
        let fan = self.fan(step.word(1));
        match self.stage().app.cancel(fan, self.reservation(step.word(2))).await {
            Ok(given_back) => Said::done(returned(&given_back.0)),
            Err(failure) => Said::no(&failure),
        }
    }

    async fn show(&mut self, step: &Step<'_>) -> Said {
        let id = self.reservation(step.word(2));
        let found = self.stage().app.reservation(self.fan(step.word(1)), id).await;
        match found.expect("the store can be read").map(|details| details.reservation) {
            None => Said { text: "not found".to_owned(), worked: false },
            Some(found) => match found.status(self.stage().now()) {
                ReservationStatus::Pending => Said::done(format!("pending {}", self.left(&found))),
                status => Said::done(status.name()),
            },
        }
    }

    async fn tickets(&mut self, step: &Step<'_>) -> Said {
        let id = self.reservation(step.word(2));
        let found = self.stage().app.reservation(self.fan(step.word(1)), id).await;
        let tickets =
            found.expect("the store can be read").map(|details| details.tickets).unwrap_or_default();
        let good = tickets.iter().filter(|ticket| ticket.state != TicketState::Void);
        let seats: Vec<_> = good.map(|ticket| ticket.seat).collect();
        Said::done(words::seats(&seats))
    }

    async fn charge(&mut self, step: &Step<'_>) -> Said {
        let fan = self.fan(step.word(1));
        let money = Money::of(amount(step.word(2)));
        match self.stage().app.charge(By::System, fan, money, ChargeMethod::Card, Self::tag(fan, step)).await
        {
            Ok(charged) => Said::done(again(charged.outcome.balance.to_string(), charged.replayed)),
            Err(failure) => Said::no(&failure),
        }
    }

    async fn reservations_of(&mut self, step: &Step<'_>) -> Said {
        let fan = self.fan(step.word(1));
        let filter = ReservationFilter::default();
        let found = self.stage().app.reservations(fan, filter, None, PAGE).await;
        let ids: Vec<_> =
            found.expect("the store can be read").into_iter().map(|details| details.reservation.id).collect();
        Said::done(ids.into_iter().map(|id| self.name(id, None)).collect::<Vec<_>>().join(","))
    }

    async fn payments(&mut self, step: &Step<'_>) -> Said {
        let fan = self.fan(step.word(1));
        let found = self.stage().app.payments(fan, None, PAGE).await.expect("the store can be read");
        let states = found.iter().map(|found| match found.payment.state {
            PaymentState::Completed if found.refund.is_some() => format!("refunded {}", found.payment.amount),
            PaymentState::Completed => format!("completed {}", found.payment.amount),
            PaymentState::Failed(reason) => reason.name().to_owned(),
        });
        Said::done(states.collect::<Vec<_>>().join(","))
    }

    async fn log_in(&mut self, step: &Step<'_>) -> Said {
        let name = step.word(1);
        let password = step.after("with").unwrap_or(PASSWORD).to_owned();
        match self.stage().app.log_in(&format!("{name}@example.test"), password).await {
            Ok(logged_in) => {
                self.logins.insert(name.to_owned(), logged_in.refresh);
                Said::done("welcome")
            }
            Err(failure) => Said { text: format!("{failure:?}"), worked: false },
        }
    }

    /// Presents the newest refresh token of a fan, or the one so many generations `back`.
    async fn refresh(&mut self, step: &Step<'_>) -> Said {
        let name = step.word(1);
        let newest = *self.logins.get(name).unwrap_or_else(|| panic!("{name:?} has not logged in"));
        let back = step.number("older").unwrap_or(0);
        let token = RefreshToken { generation: newest.generation - back, ..newest };
        match self.stage().app.refresh(token).await {
            Ok(outcome) => {
                if let frontrow_application::account::Refreshed::Renewed(renewed) = &outcome {
                    self.logins.insert(name.to_owned(), renewed.refresh);
                }
                Said::done(words::refreshed(&outcome))
            }
            Err(failure) => Said::no(&failure),
        }
    }

    async fn pause(&mut self, step: &Step<'_>, paused: bool) -> Said {
        let patch = SchedulePatch { sales_paused: Some(paused), ..SchedulePatch::default() };
        let edited = self.stage().app.edit_schedule(By::System, self.schedule(step), patch).await;
        edited.expect("the schedule can be edited");
        Said::done("")
    }
}

/// What has become of a reservation that was given back.
fn returned(reservation: &Reservation) -> String {
    match reservation.state {
        ReservationState::Refunded { returned, .. } => {
            format!("refunded {returned} of {}", reservation.amount)
        }
        _ => "cancelled".to_owned(),
    }
}

/// A policy written as `240:100,24:70`: hours before the start, and percent.
fn refund_policy(text: &str) -> RefundPolicy {
    let row = |row: &str| {
        let (hours, percent) = row.split_once(':').unwrap_or_else(|| panic!("{row:?} is no row of a policy"));
        RefundRow { until_hours_before: seconds(hours), percent: seconds(percent) }
    };
    RefundPolicy::of(text.split(',').map(row).collect())
}

pub(super) fn again(text: String, replayed: bool) -> String {
    if replayed { format!("{text} again") } else { text }
}
