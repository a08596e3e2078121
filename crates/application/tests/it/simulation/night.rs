//! One night: a sale, a memory of everything that anybody was told, and the checks of one against the other.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

use frontrow_application::reservation::SaleMeans;
use frontrow_domain::catalog::{RefundPolicy, RefundRow};
use frontrow_domain::event::OutboxEvent;
use frontrow_domain::reservation::{Claim, Reservation, ReservationState, ReservationStatus, SeatState};
use frontrow_domain::ticket::TicketState;
use frontrow_domain::{ReservationId, ScheduleId, SeatNo, Timestamp, UserId};
use frontrow_testkit::clock::Dice;
use frontrow_testkit::faults::{Fault, FaultyStore};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::store::look;
use frontrow_testkit::{Opened, Stage, StoreFactory};
use futures_util::future::{join_all, poll_immediate};

use super::step::{Order, Said, Step, Wish, send};

const FANS: u32 = 6;
const SEATS: u32 = 6;
/// How often an order whose outcome is unknown is sent again.
const REPEATS_MAX: usize = 8;

/// What somebody will be told.
type Telling = Pin<Box<dyn Future<Output = Said> + Send>>;

/// What its fan knows of a reservation.
#[derive(Debug, Clone)]
struct Known {
    fan: UserId,
    schedule: ScheduleId,
    seats: Vec<SeatNo>,
    until: Timestamp,
    fate: Fate,
    /// What it cost, so far as anybody was told.
    amount: i64,
    /// How many people have come in with its tickets.
    scanned: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Held,
    Paid,
    Cancelled,
    GivenBack,
}

/// How much happened.
#[derive(Debug, Default)]
pub(super) struct Seen {
    held: usize,
    paid: usize,
    cancelled: usize,
    extended: usize,
    declined: usize,
    refused: usize,
    not_now: usize,
    unknown: usize,
    expired: usize,
    crashes: usize,
    best: usize,
    given_back: usize,
    fees: usize,
    scanned: usize,
    blocked: usize,
    released: usize,
    sold: usize,
    sold_out: usize,
}

impl Seen {
    pub(super) fn add(&mut self, other: Self) {
        self.held += other.held;
        self.paid += other.paid;
        self.cancelled += other.cancelled;
        self.extended += other.extended;
        self.declined += other.declined;
        self.refused += other.refused;
        self.not_now += other.not_now;
        self.unknown += other.unknown;
        self.expired += other.expired;
        self.crashes += other.crashes;
        self.best += other.best;
        self.given_back += other.given_back;
        self.fees += other.fees;
        self.scanned += other.scanned;
        self.blocked += other.blocked;
        self.released += other.released;
        self.sold += other.sold;
        self.sold_out += other.sold_out;
    }

    /// True when nothing that can happen has not.
    pub(super) const fn is_eventful(&self) -> bool {
        self.held > 0
            && self.paid > 0
            && self.cancelled > 0
            && self.extended > 0
            && self.declined > 0
            && self.refused > 0
            && self.not_now > 0
            && self.unknown > 0
            && self.expired > 0
            && self.crashes > 0
            && self.best > 0
            && self.given_back > self.fees
            && self.fees > 0
            && self.scanned > 0
            && self.blocked > 0
            && self.released > 0
            && self.sold > 0
            && self.sold_out > 0
    }
}

pub(super) struct Night {
    dice: Dice,
    factory: MemoryFactory,
    /// The application that fails; absent only while it crashes.
    stage: Option<Stage>,
    store: Arc<FaultyStore>,
    /// The same store by its sound ports.
    sound: Opened,
    fans: Vec<UserId>,
    /// Whose order stands at the door while the others queue up behind it.
    doorman: UserId,
    schedules: Vec<ScheduleId>,
    balances: BTreeMap<UserId, i64>,
    known: BTreeMap<ReservationId, Known>,
    /// What is kept back from sale.
    blocked: BTreeSet<(ScheduleId, SeatNo)>,
    keys: u64,
    /// The latest time that anything may have been decided at.
    latest: Timestamp,
    versions: BTreeMap<ScheduleId, (u64, Timestamp)>,
    seen: Seen,
    memoir: Vec<String>,
}

impl Night {
    pub(super) async fn open(seed: u64) -> Self {
        let factory = MemoryFactory::new();
        let quiet = Stage::open(&factory);
        let row = |until_hours_before, percent| RefundRow { until_hours_before, percent };
        let policy = RefundPolicy::of(vec![row(700, 100), row(24, 70)]);
        let schedules = vec![
            quiet.a_schedule().seats(SEATS).hold_seconds(300).refund_policy(policy).make().await,
            quiet.a_schedule().seats(SEATS).hold_seconds(60).max_seats_per_fan(2).make().await,
        ];
        let mut fans = Vec::new();
        let mut balances = BTreeMap::new();
        for number in 0..=FANS {
            let balance = i64::from(number % 3) * 100_000;
            let fan = quiet.a_fan().with_balance(balance).make().await;
            fans.push(fan);
            balances.insert(fan, balance);
        }
        let doorman = fans.pop().expect("there are fans");
        let sound = quiet.opened.clone();
        let (store, opened) = FaultyStore::before(&sound);
        let stage = Some(quiet.on(opened));
        let latest = quiet.now();
        Self {
            dice: Dice::new(seed),
            factory,
            stage,
            store,
            sound,
            fans,
            doorman,
            schedules,
            balances,
            known: BTreeMap::new(),
            blocked: BTreeSet::new(),
            keys: 0,
            latest,
            versions: BTreeMap::new(),
            seen: Seen::default(),
            memoir: Vec::new(),
        }
    }

    pub(super) fn seen(self) -> Seen {
        self.seen
    }

    /// What was written for others, in order.
    pub(super) fn events(self) -> Vec<OutboxEvent> {
        self.factory.outbox()
    }

    /// What everybody was told, in order.
    pub(super) fn memoir(self) -> Vec<String> {
        self.memoir
    }

    fn stage(&self) -> &Stage {
        self.stage.as_ref().expect("the stage stands between two steps")
    }

    fn order(&mut self, wish: Wish) -> Order {
        self.keys += 1;
        Order { wish, key: self.keys }
    }

    fn wish(&mut self) -> Wish {
        let fan = *self.dice.pick(&self.fans).expect("there are fans");
        let reservations: Vec<(ReservationId, UserId)> =
            self.known.iter().map(|(id, known)| (*id, known.fan)).collect();
        // Mostly the newest, since the old ones have ended.
        let newest = &reservations[reservations.len().saturating_sub(8)..];
        let picked = self.dice.pick(newest).copied();
        match (self.dice.below(20), picked) {
            (0..=2, Some((reservation, fan))) => Wish::Pay { fan, reservation },
            (3, Some((reservation, fan))) => Wish::Extend { fan, reservation },
            (4 | 7, Some((reservation, fan))) => Wish::Cancel { fan, reservation },
            // Somebody else's.
            (5, Some((reservation, _))) => Wish::Pay { fan, reservation },
            (6, _) => Wish::Charge { fan, amount: i64::from(self.dice.below(10) + 1) * 10_000 },
            (8, Some((reservation, _))) => Wish::Refund { reservation, percent: self.dice.below(101) },
            (9, Some((reservation, _))) => Wish::Scan { reservation, place: self.dice.below(3) as usize },
            (number, _) => self.wish_for_seats(number, fan),
        }
    }

    fn wish_for_seats(&mut self, number: u32, fan: UserId) -> Wish {
        let schedule = *self.dice.pick(&self.schedules).expect("there are schedules");
        let count = self.dice.below(3) + 1;
        let seats: BTreeSet<u32> = (0..count).map(|_| self.dice.below(SEATS) + 1).collect();
        let seats: Vec<_> = seats.into_iter().map(SeatNo::new).collect();
        match number {
            10 => Wish::Block { schedule, seats },
            11 | 12 => Wish::Release { schedule, seats },
            13 => {
                let means = *self.dice.pick(&SaleMeans::ALL).expect("there are means");
                Wish::Sell { fan, schedule, seats, means }
            }
            14..=16 => {
                Wish::Best { fan, schedule, quantity: count as usize, adjacent: self.dice.percent(70) }
            }
            _ => Wish::Hold { fan, schedule, seats },
        }
    }

    fn fault(&mut self) -> Option<Fault> {
        let all = [Fault::Busy, Fault::Unavailable, Fault::UnknownBefore, Fault::UnknownAfter, Fault::Panic];
        if self.dice.percent(20) { self.dice.pick(&all).copied() } else { None }
    }

    pub(super) fn choose(&mut self) -> Step {
        match self.dice.below(20) {
            0..=9 => {
                let wish = self.wish();
                let order = self.order(wish);
                Step::One(order, self.fault())
            }
            10..=13 => {
                let count = self.dice.below(6) + 2;
                let wishes: Vec<_> = (0..count).map(|_| self.wish()).collect();
                let orders = wishes.into_iter().map(|wish| self.order(wish)).collect();
                let delay = if self.dice.percent(10) { 6 } else { 0 };
                Step::Together(orders, self.fault(), delay)
            }
            14 => Step::Expire(self.fault()),
            15 => Step::CleanUp,
            16 | 17 => Step::Wait { seconds: self.dice.below(120) },
            18 => match self.dice.below(4) {
                0 => Step::JumpBack { seconds: self.dice.below(900) },
                1 => Step::Wait { seconds: 3_600 * self.dice.below(30) },
                _ => Step::Wait { seconds: 300 },
            },
            _ => Step::Crash,
        }
    }

    pub(super) async fn take(&mut self, step: Step) {
        match step {
            Step::One(order, fault) => {
                self.arm(fault);
                let said = send(Arc::clone(&self.stage().app), order.clone()).await;
                self.settle(order, said).await;
            }
            Step::Together(orders, fault, delay) => self.together(orders, fault, delay).await,
            Step::Expire(fault) => self.expire(fault).await,
            Step::CleanUp => {
                self.stage().app.tick_upkeep().await.expect("the store can be cleaned");
                self.seen.sold_out += self.stage().app.tick_sold_out().await.expect("the store is sound");
            }
            Step::Wait { seconds } => self.stage().clock.advance(seconds),
            Step::JumpBack { seconds } => self.stage().clock.step_back(seconds),
            Step::Crash => self.crash(),
        }
        self.store.heal();
        self.latest = self.latest.max(self.stage().now());
    }

    fn arm(&self, fault: Option<Fault>) {
        if let Some(fault) = fault {
            self.store.fail_next(fault);
        }
    }

    /// The process dies and comes back: what was in memory is gone, what was committed is there.
    fn crash(&mut self) {
        self.seen.crashes += 1;
        self.store.heal();
        let stage = self.stage.take().expect("the stage stands between two steps");
        let opened = Opened { store: Arc::<FaultyStore>::clone(&self.store), ..self.sound.clone() };
        self.stage = Some(stage.on(opened));
    }

    /// Shuts the door with one order in front of it, so that what comes next shares a group, which meets this
    /// fault. Answers the order and what it will be told.
    async fn shut_door(&mut self, fault: Option<Fault>) -> (Order, Telling) {
        self.store.pass_next();
        self.arm(fault);
        let arrived = self.store.arrived();
        self.store.shut_door();
        let plug = self.order(Wish::Charge { fan: self.doorman, amount: 1_000 });
        let mut sent: Telling = Box::pin(send(Arc::clone(&self.stage().app), plug.clone()));
        assert_eq!(poll_immediate(&mut sent).await, None, "the door is shut");
        self.store.until_arrived(arrived + 1).await;
        (plug, sent)
    }

    async fn together(&mut self, orders: Vec<Order>, fault: Option<Fault>, delay: u32) {
        let mut waiting = vec![self.shut_door(fault).await];
        for order in orders {
            let mut sent: Telling = Box::pin(send(Arc::clone(&self.stage().app), order.clone()));
            match poll_immediate(&mut sent).await {
                // Refused before it became a command.
                Some(said) => waiting.push((order, Box::pin(std::future::ready(said)))),
                None => waiting.push((order, sent)),
            }
        }
        self.stage().clock.advance(delay);
        self.store.open_door();
        let (orders, sent): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let mut told: Vec<_> = orders.into_iter().zip(join_all(sent).await).collect();
        // Who is not told sends again. A refund that is sent again finds paid what the same group has paid, so what
        // makes and pays is noted before what gives back.
        told.sort_by_key(|(order, _)| order.wish.undoes());
        for (order, said) in told {
            self.settle(order, said).await;
        }
    }

    async fn expire(&mut self, fault: Option<Fault>) {
        let (plug, sent) = self.shut_door(fault).await;
        let app = Arc::clone(&self.stage().app);
        let mut ticking = Box::pin(async move { app.tick_expiry().await });
        let at_once = poll_immediate(&mut ticking).await;
        self.store.open_door();
        let said = sent.await;
        let ended = match at_once {
            Some(ended) => ended,
            None => ticking.await,
        };
        self.memoir.push(format!("{ended:?}"));
        self.settle(plug, said).await;
        match ended {
            Ok(count) => self.seen.expired += count,
            // The next tick finds what this one has left.
            Err(_) => self.crash(),
        }
    }

    /// Notes what a fan was told. Who is not told what became of an order sends it again, after the process has
    /// come back, until somebody knows.
    async fn settle(&mut self, order: Order, said: Said) {
        let mut said = said;
        let mut repeats = 0;
        while said == Said::Unknown {
            self.seen.unknown += 1;
            assert!(repeats < REPEATS_MAX, "the outcome of {order:?} stays unknown");
            repeats += 1;
            self.crash();
            said = send(Arc::clone(&self.stage().app), order.clone()).await;
        }
        self.memoir.push(format!("{} {said:?}", order.key));
        self.note(&order.wish, said);
    }

    fn note(&mut self, wish: &Wish, said: Said) {
        match (wish, said) {
            (Wish::Best { fan, schedule, quantity, adjacent }, Said::Held(held)) => {
                self.seen.best += 1;
                assert_eq!((held.user, held.schedule, held.seats.len()), (*fan, *schedule, *quantity));
                let are_together = held.seats.windows(2).all(|pair| pair[0].get() + 1 == pair[1].get());
                assert!(are_together || !adjacent, "{:?} are not beside each other", held.seats);
                self.note(
                    &Wish::Hold { fan: *fan, schedule: *schedule, seats: held.seats.clone() },
                    Said::Held(held),
                );
            }
            (Wish::Hold { fan, schedule, seats }, Said::Held(held)) => {
                self.seen.held += 1;
                assert_eq!((held.user, held.schedule, &held.seats), (*fan, *schedule, seats));
                let ReservationState::Pending { expires_at: until, .. } = held.state else {
                    panic!("a fresh hold is {:?}", held.state)
                };
                let known = Known {
                    fan: *fan,
                    schedule: *schedule,
                    seats: held.seats,
                    until,
                    fate: Fate::Held,
                    amount: held.amount.minor(),
                    scanned: 0,
                };
                self.known.insert(held.id, known);
            }
            (Wish::Pay { fan, reservation }, Said::Paid { amount }) => {
                self.seen.paid += 1;
                let known = self.known.get_mut(reservation).expect("only known ones are paid");
                assert_eq!((known.fan, known.fate), (*fan, Fate::Held), "{reservation} was paid");
                known.fate = Fate::Paid;
                *self.balances.get_mut(fan).expect("every fan has a wallet") -= amount.minor();
            }
            (Wish::Pay { .. }, Said::Declined) => self.seen.declined += 1,
            (Wish::Extend { reservation, .. }, Said::Extended { until }) => {
                self.seen.extended += 1;
                let known = self.known.get_mut(reservation).expect("only known ones are extended");
                assert!(until >= known.until, "extending has shortened a hold");
                known.until = until;
            }
            (Wish::Cancel { reservation, .. }, Said::Cancelled) => {
                self.seen.cancelled += 1;
                let known = self.known.get_mut(reservation).expect("only known ones are cancelled");
                assert_ne!(known.fate, Fate::Paid, "a paid reservation was cancelled");
                known.fate = Fate::Cancelled;
            }
            (
                Wish::Cancel { reservation, .. } | Wish::Refund { reservation, .. },
                Said::GivenBack { returned },
            ) => {
                self.note_given_back(*reservation, returned.minor());
            }
            (Wish::Scan { reservation, .. }, Said::Scanned) => {
                self.seen.scanned += 1;
                let known = self.known.get_mut(reservation).expect("only known ones are scanned");
                assert_eq!(known.fate, Fate::Paid, "somebody came in with {reservation}");
                known.scanned += 1;
                assert!(
                    known.scanned <= known.seats.len(),
                    "more people than seats came in with {reservation}"
                );
            }
            (Wish::Block { schedule, seats }, Said::KeptBack { changed }) => {
                self.seen.blocked += changed as usize;
                let new = seats.iter().filter(|seat| self.blocked.insert((*schedule, **seat))).count();
                assert_eq!(new, changed as usize, "seats were kept back");
            }
            (Wish::Release { schedule, seats }, Said::KeptBack { changed }) => {
                self.seen.released += changed as usize;
                let gone = seats.iter().filter(|seat| self.blocked.remove(&(*schedule, **seat))).count();
                assert_eq!(gone, changed as usize, "seats are on sale again");
            }
            (Wish::Sell { fan, schedule, seats, means }, Said::Sold(sold)) => {
                self.note_sold(*fan, *schedule, seats, *means, sold);
            }
            (Wish::Charge { fan, amount }, Said::Charged) => {
                *self.balances.get_mut(fan).expect("every fan has a wallet") += amount;
            }
            (_, Said::Refused) => self.seen.refused += 1,
            (_, Said::NotNow) => self.seen.not_now += 1,
            (wish, said) => panic!("{said:?} is no answer to {wish:?}"),
        }
    }

    fn note_given_back(&mut self, reservation: ReservationId, returned: i64) {
        let known = self.known.get_mut(&reservation).expect("only known ones are given back");
        if known.fate == Fate::GivenBack {
            // Told again what was told before.
            return;
        }
        self.seen.given_back += 1;
        self.seen.fees += usize::from(returned < known.amount);
        assert_eq!((known.fate, known.scanned), (Fate::Paid, 0), "{reservation} was given back");
        assert!((0..=known.amount).contains(&returned), "{returned} of {}", known.amount);
        known.fate = Fate::GivenBack;
        *self.balances.get_mut(&known.fan).expect("every fan has a wallet") += returned;
    }

    fn note_sold(
        &mut self,
        fan: UserId,
        schedule: ScheduleId,
        seats: &[SeatNo],
        means: SaleMeans,
        sold: Reservation,
    ) {
        self.seen.sold += 1;
        assert_eq!((sold.user, sold.schedule, sold.seats.as_slice()), (fan, schedule, seats));
        for &seat in seats {
            self.blocked.remove(&(schedule, seat));
        }
        let amount = sold.amount.minor();
        match means {
            SaleMeans::Wallet => *self.balances.get_mut(&fan).expect("every fan has a wallet") -= amount,
            SaleMeans::Cash => {}
            SaleMeans::Free => assert_eq!(amount, 0, "what is given away costs nothing"),
        }
        let until = sold.held_until();
        let (seats, fate) = (sold.seats, Fate::Paid);
        self.known.insert(sold.id, Known { fan, schedule, seats, until, fate, amount, scanned: 0 });
    }

    /// Everything that anybody was told, against everything that is stored.
    pub(super) async fn check(&mut self) {
        self.stage().assert_clean().await;
        for (fan, balance) in &self.balances {
            assert_eq!(self.stage().balance(*fan).await, *balance, "the balance of {fan}");
        }
        self.check_reservations().await;
        self.check_maps().await;
        self.check_outbox();
    }

    async fn check_reservations(&self) {
        let mut sold = BTreeSet::new();
        for (id, known) in &self.known {
            let stored = self.stage().stored(*id).await;
            assert_eq!((stored.user, &stored.seats), (known.fan, &known.seats));
            match known.fate {
                Fate::Paid => {
                    assert_eq!(stored.status(self.latest), ReservationStatus::Confirmed, "{id} was paid");
                    for &seat in &known.seats {
                        assert!(sold.insert((known.schedule, seat)), "seat {seat} was sold twice");
                        let key = (known.schedule, seat);
                        let name = frontrow_domain::records::Key::Claim(key.0, key.1);
                        let claim = look(&self.sound.store, name, move |records| {
                            Ok(records.claims.get(&key)?.copied())
                        });
                        let expected = Claim::Sold { reservation: *id, user: known.fan };
                        assert_eq!(claim.await, Some(expected), "seat {seat} was paid");
                    }
                }
                Fate::Cancelled => {
                    assert_eq!(
                        stored.status(self.latest),
                        ReservationStatus::Cancelled,
                        "{id} was given back"
                    );
                }
                Fate::GivenBack => {
                    assert_eq!(stored.status(self.latest), ReservationStatus::Refunded, "{id} was refunded");
                    let tickets = self.sound.reads.tickets(*id).await.expect("the store can be read");
                    assert!(tickets.iter().all(|ticket| ticket.state == TicketState::Void), "{tickets:?}");
                }
                Fate::Held if self.latest < known.until => {
                    assert_eq!(stored.status(self.latest), ReservationStatus::Pending, "{id} is held");
                }
                Fate::Held => {
                    assert_eq!(stored.status(self.latest), ReservationStatus::Expired, "{id} lapsed");
                }
            }
        }
    }

    async fn check_maps(&mut self) {
        for schedule in self.schedules.clone() {
            let map = self.sound.reads.seat_map(schedule).await.expect("read").expect("there");
            let details = self.stage().app.any_schedule(schedule).await.expect("read").expect("there");
            assert_eq!(details.board.version(), map.schedule.version, "what is shown is what is stored");
            let is_taken = |state: &SeatState| matches!(state, SeatState::Sold | SeatState::Blocked);
            let is_full = details.board.states().iter().all(is_taken);
            assert!(is_full || map.schedule.sold_out_at.is_none(), "a seat is to be had of what is sold out");
            let kept_back = map.taken.iter().filter(|(_, state)| *state == SeatState::Blocked);
            let kept_back: Vec<_> = kept_back.map(|(seat, _)| *seat).collect();
            let blocked = self.blocked.iter().filter(|(of, _)| *of == schedule).map(|(_, seat)| *seat);
            assert_eq!(kept_back, blocked.collect::<Vec<_>>(), "what is kept back of {schedule}");
            let mut expected = "a".repeat(SEATS as usize).into_bytes();
            for (seat, state) in &map.taken {
                expected[seat.index()] = state.letter();
            }
            assert_eq!(self.stage().map(schedule).await.into_bytes(), expected);
            let now = (map.schedule.version, map.schedule.decided_at);
            let before = self.versions.insert(schedule, now).unwrap_or((0, Timestamp::ZERO));
            assert!(
                now.0 >= before.0 && now.1 >= before.1,
                "{schedule} went back from {before:?} to {now:?}"
            );
        }
    }

    /// The events of every key are numbered without a gap, in the order in which they happened.
    fn check_outbox(&self) {
        let mut numbers = BTreeMap::new();
        for event in self.factory.outbox() {
            let number = numbers.entry(event.key).or_insert(0_u64);
            *number += 1;
            assert_eq!(event.sequence, *number, "events of {}", event.key);
        }
    }
}
