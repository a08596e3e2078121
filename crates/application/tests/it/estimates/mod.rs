//! How good the ranges are that fans are told when they join (quality.md: 80 % of those let in waited within it).
//!
//! A night in simulated time, with fans who behave as fans do. Everything is seeded, so the shares are the same in
//! every run.

mod crowd;

use std::collections::BTreeMap;
use std::sync::Arc;

use frontrow_application::Clock as _;
use frontrow_application::queue::EmbeddedLine;
use frontrow_application::waiting_room::{EstimateHits, LinePolicy, Newcomer, Pass, Standing, WaitingRoom};
use frontrow_domain::catalog::WaitingRoomSettings;
use frontrow_domain::queue::{EndReason, PlaceState, RoomState};
use frontrow_domain::{ConcertId, EntryId, Timestamp, UserId};
use frontrow_testkit::clock::Dice;
use frontrow_testkit::line::MemoryJournal;
use frontrow_testkit::{ManualClock, bounded};
use uuid::Uuid;

use self::crowd::Sale;

const CONCERT: ConcertId = ConcertId::new(1);

/// What a night is like.
#[derive(Clone, Copy)]
struct Night {
    cap: u32,
    per_second: u32,
    /// Who is there when the sale opens.
    first: u32,
    /// Who comes each second from then on.
    arrivals: u32,
    /// Seconds that a session takes: at least, and how many more at the most.
    session: (u32, u32),
    /// In a hundred: fans who walk away after a while and are never seen again.
    leave_percent: u32,
    seconds: u32,
}

struct Fan {
    pass: Pass,
    asks_at: Timestamp,
    gone_at: Option<Timestamp>,
    done_at: Option<Timestamp>,
}

/// Runs a night, and answers how good the ranges were.
async fn run(night: Night) -> EstimateHits {
    let clock = ManualClock::default();
    let line = EmbeddedLine::open(MemoryJournal::new(), Arc::new(clock.clone())).expect("opens");
    let settings = WaitingRoomSettings {
        enabled: true,
        max_active: night.cap,
        admit_per_second_milli: night.per_second * 1_000,
        ..WaitingRoomSettings::OFF
    };
    let policy = LinePolicy { settings, state: RoomState::Open, hold_seconds: 300, seats_left: 1_000_000 };
    let mut dice = Dice::new(7);
    let mut fans: BTreeMap<UserId, Fan> = BTreeMap::new();
    let mut hits = EstimateHits::default();
    let mut number = 0_u128;
    for second in 0..night.seconds {
        let coming = if second == 0 { night.first } else { night.arrivals };
        for _ in 0..coming {
            number += 1;
            let fan = arrive(&line, number, night, &mut dice).await;
            fans.insert(fan.pass.user, fan);
        }
        for _ in 0..4 {
            clock.advance_micros(250_000);
            let figures = line.tick(CONCERT, policy).await.expect("ticks");
            add(&mut hits, figures.estimates);
        }
        let now = clock.now();
        let users: Vec<UserId> = fans.keys().copied().collect();
        for user in users {
            if !act(&line, &mut fans, user, night, &mut dice, now).await {
                fans.remove(&user);
            }
        }
    }
    hits
}

async fn arrive(line: &EmbeddedLine, number: u128, night: Night, dice: &mut Dice) -> Fan {
    let newcomer = Newcomer {
        user: UserId::new(Uuid::from_u128(number)),
        entry: EntryId::new(Uuid::from_u128(number << 8)),
    };
    let joined = line.join(CONCERT, newcomer, Ok(())).await.expect("answers").expect("a place");
    let Standing { place, poll_after_seconds, now, .. } = joined.standing;
    let gone_at = dice.percent(night.leave_percent).then(|| now.plus_seconds(dice.below(600)));
    Fan { pass: Pass::of(&place), asks_at: now.plus_seconds(poll_after_seconds), gone_at, done_at: None }
}

/// What a fan does now. False once they are done.
async fn act(
    line: &EmbeddedLine,
    fans: &mut BTreeMap<UserId, Fan>,
    user: UserId,
    night: Night,
    dice: &mut Dice,
    now: Timestamp,
) -> bool {
    let Some(fan) = fans.get_mut(&user) else { return false };
    if let Some(done_at) = fan.done_at {
        if now >= done_at {
            line.end(CONCERT, user, Some(fan.pass.entry), EndReason::Paid).await.expect("ends");
            return false;
        }
        return true;
    }
    if fan.gone_at.is_some_and(|gone_at| now >= gone_at) {
        return false;
    }
    if now < fan.asks_at {
        return true;
    }
    let standing = line.standing(fan.pass).await.expect("answers").expect("known");
    fan.asks_at = now.plus_seconds(standing.poll_after_seconds);
    match standing.place.state {
        PlaceState::Active(_) => {
            line.enter(fan.pass).await.expect("answers").expect("let in");
            let (least, more) = night.session;
            fan.done_at = Some(now.plus_seconds(least + dice.below(more + 1)));
            true
        }
        PlaceState::Ended { .. } => false,
        PlaceState::Waiting | PlaceState::Skipped => true,
    }
}

fn add(hits: &mut EstimateHits, more: EstimateHits) {
    hits.inside += more.inside;
    hits.shorter += more.shorter;
    hits.longer += more.longer;
    hits.unknown += more.unknown;
}

fn share(hits: EstimateHits) -> f64 {
    let told = hits.inside + hits.shorter + hits.longer;
    f64::from(hits.inside) / f64::from(told.max(1))
}

/// Four of five have to have waited as told. Whoever was told that nobody knows does not count, so they have to be few.
#[expect(clippy::print_stdout, reason = "the shares are figures, also where they are good enough")]
fn check(name: &str, hits: EstimateHits, unknown_max: u32) {
    let told = hits.inside + hits.shorter + hits.longer;
    println!("{name}: {:.2} of {told} waited within their range: {hits:?}", share(hits));
    assert!(told > 500, "{name}: too few were told anything: {hits:?}");
    assert!(share(hits) >= 0.8, "{name}: {:.2} of them waited within their range: {hits:?}", share(hits));
    assert!(hits.unknown <= unknown_max, "{name}: too many were told nothing: {hits:?}");
}

fn assert_good(name: &str, night: Night) {
    // The first have joined before the line has looked at itself for the first time.
    bounded(async move { check(name, run(night).await, night.first) });
}

#[test]
fn a_line_bound_by_its_rate_tells_good_ranges() {
    let night = Night {
        cap: 100_000,
        per_second: 20,
        first: 3_000,
        arrivals: 10,
        session: (30, 150),
        leave_percent: 0,
        seconds: 400,
    };
    assert_good("by rate", night);
}

#[test]
fn a_line_bound_by_its_cap_tells_good_ranges() {
    let night = Night {
        cap: 300,
        per_second: 50,
        first: 1_000,
        arrivals: 4,
        session: (30, 150),
        leave_percent: 0,
        seconds: 900,
    };
    assert_good("by cap", night);
}

#[test]
fn a_line_that_a_third_walks_away_from_tells_good_ranges() {
    let night = Night {
        cap: 300,
        per_second: 50,
        first: 1_000,
        arrivals: 4,
        session: (30, 150),
        leave_percent: 33,
        seconds: 900,
    };
    assert_good("with leavers", night);
}

/// The rehearsal of 50,000 fans on 15,000 seats, with a fifth of everything: the cap binds late, and whoever will get in
/// has joined within the first twelve seconds.
const REHEARSED: Sale = Sale {
    settings: with_limits(400, 30_000),
    fans: 10_000,
    over: 120,
    seats: 3_000,
    thinking: 0.3,
    hold_seconds: 40,
    give_up_percent: 10,
};

/// A fifth of what a line is set to by default, with fans who think as long as people do.
const USUAL: Sale =
    Sale { settings: with_limits(1_000, 28_000), thinking: 1.0, hold_seconds: 300, over: 300, ..REHEARSED };

const fn with_limits(cap: u32, milli: u32) -> WaitingRoomSettings {
    WaitingRoomSettings {
        enabled: true,
        max_active: cap,
        admit_per_second_milli: milli,
        ..WaitingRoomSettings::OFF
    }
}

/// All who were let in count, and of those who were before the first pause hardly anybody was told nothing.
fn assert_sells_out(name: &str, sale: Sale) {
    bounded(async move {
        let told = crowd::run(sale).await;
        assert!(told.sold_out_after.is_some(), "{name}: seats are left: {told:?}");
        let EstimateHits { inside, shorter, longer, unknown } = told.before_pause;
        assert!(unknown * 20 <= inside + shorter + longer, "{name}: too many were told nothing: {told:?}");
        check(name, told.hits, told.hits.unknown);
    });
}

#[test]
fn a_sale_whose_cap_binds_late_and_that_sells_out_tells_good_ranges() {
    assert_sells_out("rehearsed", REHEARSED);
}

#[test]
fn a_sale_whose_cap_binds_early_and_that_sells_out_tells_good_ranges() {
    assert_sells_out("bound early", Sale { settings: with_limits(100, 30_000), ..REHEARSED });
}

#[test]
fn a_sale_with_usual_limits_that_sells_out_tells_good_ranges() {
    assert_sells_out("usual", USUAL);
}

#[test]
fn a_sale_whose_cap_is_too_small_for_its_rate_tells_good_ranges() {
    assert_sells_out("small cap", Sale { settings: with_limits(400, 30_000), ..USUAL });
}

#[test]
fn a_sale_of_slow_fans_tells_good_ranges() {
    assert_sells_out("slow fans", Sale { settings: with_limits(400, 30_000), thinking: 2.0, ..USUAL });
}
