//! A line as long as they get, which was there before the process: exact from the start (D10, R-Q9).

use frontrow_application::queue::journal::LineBatch;
use frontrow_application::waiting_room::Pass;
use frontrow_domain::Sequence;
use frontrow_domain::queue::{EndReason, Place, PlaceState};
use futures_util::future::join_all;

use super::bench::Bench;
use crate::clock::{Dice, ManualClock};
use crate::line::{EmbeddedFactory, JournalSource};
use crate::samples;

/// Places in a batch of the journal.
const BATCH: u64 = 1_000;
/// How many places are looked at, and how many leave.
const SAMPLES: usize = 4_000;

fn place(number: u64) -> Place {
    Place {
        concert: samples::CONCERT,
        sequence: Sequence::new(number),
        entry: samples::entry_id(number),
        user: samples::user(number),
        joined_at: ManualClock::EPOCH,
        state: PlaceState::Waiting,
    }
}

/// Asserts for a sample that `ahead` is the number of those before them who have not left.
async fn assert_exact<S: JournalSource>(
    bench: &Bench<EmbeddedFactory<S>>,
    has_left: &[bool],
    dice: &mut Dice,
) {
    let mut before = 0;
    let ranks: Vec<u64> = has_left
        .iter()
        .map(|has_left| {
            let rank = before;
            before += u64::from(!has_left);
            rank
        })
        .collect();
    let count = u32::try_from(has_left.len()).expect("few enough");
    for _ in 0..SAMPLES {
        let index = dice.below(count) as usize;
        let pass = Pass::of(&place(index as u64 + 1));
        let standing = bench.room().standing(pass).await.expect("the line answers").expect("it was kept");
        assert_eq!(standing.ahead, (!has_left[index]).then_some(ranks[index]), "{:?}", standing.place);
    }
}

/// A journal with a long line in it opens as that line: every rank exact, also while many leave, and newcomers behind.
pub async fn a_long_line_is_exact_from_the_start(source: impl JournalSource) {
    // Twice a crowd: what is loaded costs less than what is asked for. With a million this takes ten seconds without
    // optimisation, and finds nothing more.
    let count = source.crowd() * 2;
    let journal = source.open();
    for first in (1..=count).step_by(usize::try_from(BATCH).expect("small")) {
        let joined = (first..(first + BATCH).min(count + 1)).map(place).collect();
        journal.append(&LineBatch { joined, ..LineBatch::default() }).expect("the journal takes it");
    }
    drop(journal);
    let bench = Bench::open(EmbeddedFactory::new(source));
    let mut has_left = vec![false; usize::try_from(count).expect("few enough")];
    let mut dice = Dice::new(12);
    assert_exact(&bench, &has_left, &mut dice).await;
    for _ in 0..2 {
        let mut leaving = Vec::new();
        for _ in 0..SAMPLES {
            let index = dice.below(u32::try_from(count).expect("few enough")) as usize;
            if !std::mem::replace(&mut has_left[index], true) {
                leaving.push(samples::user(index as u64 + 1));
            }
        }
        let room = bench.room();
        let ends = leaving.into_iter().map(|user| room.end(bench.concert, user, None, EndReason::Left));
        assert!(join_all(ends).await.into_iter().all(|ended| ended.expect("answered").is_some()));
        assert_exact(&bench, &has_left, &mut dice).await;
    }
    let in_line = has_left.iter().filter(|has_left| !**has_left).count() as u64;
    assert_eq!(bench.tick().await.waiting, in_line);
    let newcomer = bench.join(count + 1).await;
    assert_eq!((newcomer.is_new, newcomer.standing.ahead), (true, Some(in_line)));
}
