//! What the bodies of seat maps cost: writing the whole one and the compact one, as they are and compressed, telling what has
//! changed, and the board itself after a commit. All of halls of 50, 50,000 and 100,000 seats, half of them sold.
//!
//! `cargo bench -p frontrow-http --bench maps`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../../domain/benches/measure/mod.rs"]
mod measure;

use std::sync::Arc;

use frontrow_application::catalog::Board;
use frontrow_application::store::SeatMap;
use frontrow_domain::catalog::{BookingWindow, HoldPolicy, RefundPolicy, ScheduleDraft, SeatPlan};
use frontrow_domain::records::SeatChanges;
use frontrow_domain::reservation::SeatState;
use frontrow_domain::{ConcertId, Money, ScheduleId, SeatNo, Timestamp};
use frontrow_http::{Coding, Form, Problem, states_since, whole_map};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const SCHEDULE: ScheduleId = ScheduleId::new(1);
/// Commits after which a page asks what has changed, and seats that each changes.
const COMMITS: u32 = 10;
const CHANGED: u32 = 4;
/// Times that a difference is asked for in a round.
const TIMES: usize = 1_000;

fn map(seats: u32) -> SeatMap {
    let draft = ScheduleDraft {
        venue: "Olympic Hall".to_owned(),
        starts_at: NOW.plus_seconds(30 * 24 * 3_600),
        time_zone: "Asia/Seoul".to_owned(),
        duration_minutes: 120,
        booking: BookingWindow { start: NOW.minus_seconds(3_600), end: NOW.plus_seconds(30 * 24 * 3_600) },
        hold: HoldPolicy { hold_seconds: 300, max_seconds: 600, extension_seconds: 300 },
        max_seats_per_fan: 4,
        refund_policy: RefundPolicy::NONE,
        sales_paused: false,
    };
    let plan = Arc::new(SeatPlan::plain(seats, Money::of(50_000)).expect("a plan"));
    let schedule = draft.into_schedule(SCHEDULE, ConcertId::new(1), plan, NOW);
    let taken = (1..=seats).step_by(2).map(|no| (SeatNo::new(no), SeatState::Sold)).collect();
    SeatMap { schedule, taken }
}

/// What the next commit changes: some seats, each time others.
fn change(version: u64, seats: u32) -> SeatChanges {
    let first = u32::try_from(version).expect("few commits") * 97;
    let changed = (0..CHANGED).map(|nth| SeatNo::new((first + nth * 11) % seats + 1));
    let mut changed: Vec<_> = changed.map(|seat| (seat, SeatState::Held)).collect();
    changed.sort_by_key(|&(seat, _)| seat);
    changed.dedup_by_key(|&mut (seat, _)| seat);
    SeatChanges { schedule: SCHEDULE, version, seats: changed }
}

fn made<T>(body: Result<T, Problem>) -> T {
    body.expect("it is written")
}

fn main() {
    measure::head("Seat maps");
    for (seats, size) in [(50, "50 seats"), (50_000, "50,000 seats"), (100_000, "100,000 seats")] {
        let stored = map(seats);
        let before = stored.schedule.version;
        let mut board = Board::of(&stored);
        for _ in 0..COMMITS {
            board = board.caught_up(&change(board.version() + 1, seats));
        }
        let board = Arc::new(board);
        let changes = || made(states_since(&board, before)).expect("it is remembered").len();
        let sized = |bytes: usize| format!("{size}, {bytes} bytes");
        for (what, form) in [("all seats", Form::Seats), ("the compact map", Form::States)] {
            for (how, coding) in [("write", Coding::Identity), ("compress", Coding::Gzip)] {
                let write = || made(whole_map(&board, form, coding)).len();
                measure::row(&format!("{how} {what}"), &sized(write()), 1, || (), |()| write());
            }
        }
        let what = format!("changes of {COMMITS} commits");
        measure::row(
            &what,
            &sized(changes()),
            TIMES,
            || (),
            |()| (0..TIMES).map(|_| changes()).sum::<usize>(),
        );
        let next = || change(board.version() + 1, seats);
        measure::row("the board after a commit", size, 1, next, |change| board.caught_up(&change));
        measure::row("the board as it is stored", size, 1, || (), |()| Board::of(&stored));
    }
}
