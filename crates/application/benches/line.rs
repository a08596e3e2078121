//! What a line in memory costs at a thousand, a hundred thousand and a million in it: joining, asking for one's place,
//! leaving, a tick. Its journal takes everything at once and keeps nothing; what a real one costs is measured beside it
//! (`cargo bench -p frontrow-store-sqlite --bench line`).
//!
//! `cargo bench -p frontrow-application --bench line`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../../domain/benches/measure/mod.rs"]
mod measure;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use frontrow_application::Clock;
use frontrow_application::queue::EmbeddedLine;
use frontrow_application::queue::journal::{JournalError, LineBatch, LineJournal, Stored};
use frontrow_application::waiting_room::{LinePolicy, Newcomer, Pass, WaitingRoom};
use frontrow_domain::catalog::WaitingRoomSettings;
use frontrow_domain::queue::{EndReason, RoomState};
use frontrow_domain::{ConcertId, EntryId, Timestamp, UserId};
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

const CONCERT: ConcertId = ConcertId::new(1);
/// What happens in one round of measuring, and before it so often until enough are in line.
const STEP: usize = 1_000;
const SIZES: [(usize, &str); 3] = [(1_000, "1,000"), (100_000, "100,000"), (1_000_000, "1,000,000")];
/// From tick to tick, as on a server.
const TICK_MICROS: i64 = 20_000;

/// Takes everything, keeps nothing.
struct NoDisk;

impl LineJournal for NoDisk {
    fn load(&self, _: Timestamp, _: &mut dyn FnMut(Stored)) -> Result<(), JournalError> {
        Ok(())
    }

    fn append(&self, _: &LineBatch) -> Result<(), JournalError> {
        Ok(())
    }

    fn forget(&self, _: Timestamp, _: usize) -> Result<usize, JournalError> {
        Ok(0)
    }
}

/// Goes on when it is told to.
struct Turned(AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// A line, and everybody who ever joined it.
struct Queue {
    runtime: Runtime,
    line: Arc<EmbeddedLine>,
    clock: Arc<Turned>,
    passes: Vec<Pass>,
    left: usize,
}

impl Queue {
    fn new() -> Self {
        let clock = Arc::new(Turned(AtomicI64::new(1_800_000_000_000_000)));
        let line =
            EmbeddedLine::open(Arc::new(NoDisk), Arc::<Turned>::clone(&clock)).expect("an empty journal");
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        Self { runtime, line, clock, passes: Vec::new(), left: 0 }
    }

    fn newcomers(&self, count: usize) -> Vec<Newcomer> {
        let from = self.passes.len() as u128 + 1;
        let id = |number: u128| Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number);
        (from..from + count as u128)
            .map(|number| Newcomer { user: UserId::new(id(number)), entry: EntryId::new(id(number)) })
            .collect()
    }

    fn join(&mut self, newcomers: Vec<Newcomer>) {
        let joining = newcomers.into_iter().map(|newcomer| self.line.join(CONCERT, newcomer, Ok(())));
        for joined in self.runtime.block_on(join_all(joining.collect::<Vec<_>>())) {
            let joined = joined.expect("the line takes it").expect("nobody is refused");
            assert!(joined.is_new, "everybody joins once");
            self.passes.push(Pass::of(&joined.standing.place));
        }
    }

    /// The next who will leave.
    fn front(&self) -> Vec<Pass> {
        self.passes[self.left..][..STEP].to_vec()
    }

    /// Places all over the line, the same for every size.
    fn scattered(&self) -> Vec<Pass> {
        let all = &self.passes[self.left..];
        (0..STEP).map(|number| all[number * 7_919 % all.len()]).collect()
    }

    fn ask(&self, passes: &[Pass]) -> u64 {
        let mut ahead = 0;
        for &pass in passes {
            let standing = self.runtime.block_on(self.line.standing(pass));
            let standing = standing.expect("the line answers").expect("a known place");
            ahead += standing.ahead.unwrap_or(0);
        }
        ahead
    }

    fn leave(&mut self, passes: &[Pass]) {
        let end = |pass: &Pass| self.line.end(CONCERT, pass.user, Some(pass.entry), EndReason::Left);
        for ended in self.runtime.block_on(join_all(passes.iter().map(end).collect::<Vec<_>>())) {
            assert!(ended.expect("the line takes it").is_some(), "there was a place");
        }
        self.left += passes.len();
    }

    /// A tick at which nobody is let in.
    fn tick(&self) {
        self.clock.0.fetch_add(TICK_MICROS, Ordering::Relaxed);
        let settings = WaitingRoomSettings {
            enabled: true,
            max_active: 0,
            presence_seconds: 86_400,
            ..WaitingRoomSettings::OFF
        };
        let ticking = self.line.tick(
            CONCERT,
            LinePolicy { settings, state: RoomState::Open, hold_seconds: 300, seats_left: 1_000_000 },
        );
        let figures = self.runtime.block_on(ticking).expect("a tick");
        assert_eq!(figures.waiting, (self.passes.len() - self.left) as u64);
    }
}

fn main() {
    measure::head("A line in memory");
    for (size, name) in SIZES {
        let mut queue = Queue::new();
        while queue.passes.len() < size {
            let newcomers = queue.newcomers(STEP.min(size));
            queue.join(newcomers);
        }
        bench(&queue.into(), name);
    }
}

/// Before each round of joining as many leave, and the other way round, so that the line stays as long as it was.
fn bench(queue: &RefCell<Queue>, size: &str) {
    let newcomers = || {
        let mut queue = queue.borrow_mut();
        let front = queue.front();
        queue.leave(&front);
        queue.newcomers(STEP)
    };
    measure::row("join, a thousand at once", size, STEP, newcomers, |newcomers| {
        queue.borrow_mut().join(newcomers);
    });
    let anywhere = || queue.borrow().scattered();
    measure::row("ask for the place", size, STEP, anywhere, |passes| queue.borrow().ask(&passes));
    let in_front = || {
        let mut queue = queue.borrow_mut();
        let newcomers = queue.newcomers(STEP);
        queue.join(newcomers);
        queue.front()
    };
    measure::row("leave from the front, a thousand at once", size, STEP, in_front, |passes| {
        queue.borrow_mut().leave(&passes);
    });
    measure::row("a tick", size, 1, || (), |()| queue.borrow().tick());
}
