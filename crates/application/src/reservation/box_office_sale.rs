//! Selling and giving away seats at the box office: claim, payment, tickets and events in one commit, without a hold in
//! between. What binds fans (sales window, queue token, seats a fan) does not bind staff; one claim a seat does.

use std::sync::Arc;

use frontrow_domain::account::Standing as AccountStanding;
use frontrow_domain::event::{self, Event, OutboxEvent, ReservationCreated, WalletCharged};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::reservation::{Claim, Reservation, ReservationState, claim_seats, unblock_seats};
use frontrow_domain::staff::ActionKind;
use frontrow_domain::wallet::{ChargeMethod, InsufficientBalance, LedgerEntry, Wallet};
use frontrow_domain::{
    Money, PaymentId, ReservationId, ScheduleId, SeatNo, TicketId, Timestamp, TransactionId, UserId,
};
use serde::Serialize;

use super::Standing;
use super::choice::{Choice, SeatsRefused, Wanted};
use crate::account::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::once::{Answered, OnceRefused, OnceTag};
use crate::payment::{PaymentIds, complete};
use crate::staff::{By, Deed, Signature};

/// How seats are paid at the box office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaleMeans {
    /// From the fan's wallet.
    Wallet,
    /// In cash: it goes through the wallet, in and out, so that the ledger has it.
    Cash,
    /// Not at all: the reservation costs nothing.
    Free,
}

impl SaleMeans {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 3] = [Self::Wallet, Self::Cash, Self::Free];

    /// The name used in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Cash => "cash",
            Self::Free => "free",
        }
    }

    /// The means of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|means| means.name() == name)
    }
}

/// What is sold to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellRequest {
    /// Whose the seats will be.
    pub user: UserId,
    /// Of which schedule.
    pub schedule: ScheduleId,
    /// Which of its seats.
    pub seats: Wanted,
    /// How they are paid.
    pub means: SaleMeans,
    /// True to take seats that are kept back as well.
    pub from_blocked: bool,
}

/// Why seats are not sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SellSeatsRefused {
    /// There is no such schedule.
    NotFound,
    /// There is no such fan.
    UnknownUser,
    /// The performance is over or was called off.
    Closed,
    /// These seats cannot be chosen.
    Seats(SeatsRefused),
    /// These seats are taken or kept back.
    SeatUnavailable(Vec<SeatNo>),
    /// There is too little in the wallet.
    InsufficientBalance(InsufficientBalance),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenSale<'a> {
    user_id: UserId,
    schedule_id: ScheduleId,
    seats: &'a [SeatNo],
    amount: i64,
    payment: &'static str,
}

struct Sell {
    id: ReservationId,
    ids: PaymentIds,
    transactions: [TransactionId; 2],
    user: UserId,
    schedule: ScheduleId,
    seats: Choice,
    means: SaleMeans,
    from_blocked: bool,
    signature: Signature,
}

impl Command for Sell {
    type Outcome = Standing;
    type Refusal = SellSeatsRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Schedule(self.schedule), Key::Account(self.user), Key::Wallet(self.user)])
            .and(self.seats.keys(self.schedule))
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Standing, Stop<SellSeatsRefused>> {
        let Some(schedule) = records.schedules.get(&self.schedule)? else {
            return refuse(SellSeatsRefused::NotFound);
        };
        if schedule.cancelled_at.is_some() || now >= schedule.ends_at() {
            return refuse(SellSeatsRefused::Closed);
        }
        let (concert, plan) = (schedule.concert, Arc::clone(&schedule.plan));
        let is_active = records
            .accounts
            .get(&self.user)?
            .is_some_and(|account| account.standing != AccountStanding::Erased);
        let Some(wallet) = records.wallets.get(&self.user)?.cloned().filter(|_| is_active) else {
            return refuse(SellSeatsRefused::UnknownUser);
        };
        self.seats.check(&plan).map_err(|refused| Stop::Refused(SellSeatsRefused::Seats(refused)))?;
        let seats = match self.seats.choose(records, self.schedule, &plan, self.id.uuid(), now)? {
            Ok(seats) => seats,
            Err(refused) => return refuse(SellSeatsRefused::Seats(refused)),
        };
        let price = plan.price_of(&seats).unwrap_or(Money::ZERO);
        let amount = if self.means == SaleMeans::Free { Money::ZERO } else { price };
        if self.from_blocked {
            unblock_seats(records, self.schedule, &seats)?;
        }
        let claim = Claim::Sold { reservation: self.id, user: self.user };
        if let Err(taken) = claim_seats(records, self.schedule, &seats, claim, now)? {
            return refuse(SellSeatsRefused::SeatUnavailable(taken.seats));
        }
        let (wallet, entries) = self.take_money(records, wallet, amount, now)?;
        records.ledger.add_all(entries);
        records.wallets.put(self.user, wallet);
        let state = ReservationState::Confirmed { at: now, payment: self.ids.payment, held_until: now };
        let reservation = Reservation {
            id: self.id,
            user: self.user,
            concert,
            schedule: self.schedule,
            seats,
            amount,
            created_at: now,
            entry: None,
            state,
            last_event: 0,
        };
        Ok(Standing(self.write(records, reservation, now)?))
    }
}

impl Sell {
    fn take_money(
        &self,
        records: &mut Records,
        wallet: Wallet,
        amount: Money,
        now: Timestamp,
    ) -> Result<(Wallet, Vec<LedgerEntry>), Stop<SellSeatsRefused>> {
        let mut entries = Vec::new();
        let mut wallet = wallet;
        if self.means == SaleMeans::Cash && amount > Money::ZERO {
            let transaction = self.transactions[0];
            let balance = wallet.balance;
            let paid_in = wallet.pass_through(transaction, amount, ChargeMethod::Cash, now);
            let (with_cash, entry) = paid_in.map_err(|_| {
                Stop::Refused(SellSeatsRefused::InsufficientBalance(InsufficientBalance {
                    required: amount,
                    balance,
                }))
            })?;
            entries.push(entry);
            let (with_cash, sequence) = with_cash.next_event();
            records.events.add(OutboxEvent {
                key: self.user.uuid(),
                sequence,
                at: now,
                event: Event::WalletCharged(WalletCharged {
                    user_id: self.user,
                    transaction_id: transaction,
                    amount,
                    balance: with_cash.balance,
                }),
                origin: None,
            });
            wallet = with_cash;
        }
        let (wallet, entry) = wallet
            .pay(self.transactions[1], amount, self.ids.payment, self.id, now)
            .map_err(|shortage| Stop::Refused(SellSeatsRefused::InsufficientBalance(shortage)))?;
        entries.push(entry);
        Ok((wallet, entries))
    }

    fn write(
        &self,
        records: &mut Records,
        reservation: Reservation,
        now: Timestamp,
    ) -> Result<Reservation, Stop<SellSeatsRefused>> {
        let (action, target) = (ActionKind::SellSeats, format!("reservation/{}", reservation.id));
        let after = SeenSale {
            user_id: self.user,
            schedule_id: self.schedule,
            seats: &reservation.seats,
            amount: reservation.amount.minor(),
            payment: self.means.name(),
        };
        self.signature.note(records, now, Deed { action, target, before: (), after });
        let (reservation, created) = event::of_reservation(reservation, now, |reservation| {
            Event::ReservationCreated(ReservationCreated::of(reservation))
        });
        records.events.add(created);
        let id = reservation.id;
        records.add_reservation(reservation.clone());
        complete(records, self.ids, reservation, now);
        match records.reservations.get(&id)? {
            Some(written) => Ok(written.clone()),
            None => refuse(SellSeatsRefused::NotFound),
        }
    }
}

impl App {
    /// Sells seats at the box office, or gives them away.
    pub async fn sell(
        &self,
        by: By,
        request: SellRequest,
        tag: Option<OnceTag>,
    ) -> Result<Answered<Standing>, Failure<OnceRefused<SellSeatsRefused>>> {
        let seats = match self.choice(request.schedule, request.seats).await.map_err(unavailable)? {
            Ok(seats) => seats,
            Err(refused) => return self.refuse_early(tag.as_ref(), SellSeatsRefused::Seats(refused)).await,
        };
        let command = Sell {
            id: ReservationId::new(self.entropy.uuid()),
            ids: PaymentIds {
                payment: PaymentId::new(self.entropy.uuid()),
                first_ticket: TicketId::new(self.entropy.uuid()),
            },
            transactions: [TransactionId::new(self.entropy.uuid()), TransactionId::new(self.entropy.uuid())],
            user: request.user,
            schedule: request.schedule,
            seats,
            means: request.means,
            from_blocked: request.from_blocked,
            signature: self.sign(by),
        };
        self.run_once(Priority::Settle, tag, command).await
    }
}
