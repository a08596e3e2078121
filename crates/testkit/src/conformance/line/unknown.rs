//! The embedded line after a write of which nobody can say whether it happened: it takes nothing more, and whoever
//! asks again after the restart has one place.

use std::time::Duration;

use frontrow_application::waiting_room::LineError;
use frontrow_domain::queue::{EndReason, Place};
use tokio::time::timeout;

use super::kept::{a_line, joining, leaving, ticking};
use crate::clock::Dice;
use crate::line::{JournalFault, JournalSource};

const UNKNOWN: [JournalFault; 2] = [JournalFault::UnknownBefore, JournalFault::UnknownAfter];

/// The answer says that nobody knows, and from then on joining and admission are refused until a restart.
async fn ends_closed(source: impl JournalSource, fault: JournalFault) {
    let mut bench = a_line(source, 2).await;
    let journal = bench.factory.journal();
    journal.fail_next(fault);
    let unknown = joining(&bench, 2).await;
    assert!(matches!(unknown, Err(LineError::OutcomeUnknown(_))), "{unknown:?}");
    assert!(bench.factory.line().has_failed() && !bench.factory.line().is_well());
    bench.policy.settings.max_active = 1;
    for _ in 0..3 {
        assert!(joining(&bench, 3).await.is_err());
        assert!(ticking(&bench).await.is_err());
        assert!(leaving(&bench, 1).await.is_err());
        bench.ask_all(0..2).await;
        assert_eq!(bench.tell(0..2).await, "waiting 0, waiting 1");
    }
    bench.crash();
    assert!(bench.factory.line().is_well() && !bench.factory.line().has_failed());
    let was_kept = fault == JournalFault::UnknownAfter;
    assert_eq!(bench.find(2).await.is_some(), was_kept);
    let again = bench.join(2).await;
    assert_eq!((again.is_new, again.standing.ahead), (!was_kept, Some(2)));
    assert_eq!(bench.join(3).await.standing.ahead, Some(3));
    assert_eq!(bench.tick_with_cap(1).await.admitted, 1);
}

/// When the write did not happen.
pub async fn an_unknown_outcome_that_did_not_happen(source: impl JournalSource) {
    ends_closed(source, JournalFault::UnknownBefore).await;
}

/// When it did.
pub async fn an_unknown_outcome_that_did_happen(source: impl JournalSource) {
    ends_closed(source, JournalFault::UnknownAfter).await;
}

/// How long a request may take that has nothing left to wait for. Nobody asserts it: it tells a hang from a failure.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// A journal that panics ends the line closed like any unknown outcome: nobody waits for an answer that never comes.
pub async fn a_journal_that_panics_ends_the_line_closed(source: impl JournalSource) {
    let mut bench = a_line(source, 2).await;
    bench.factory.journal().fail_next(JournalFault::Panic);
    assert!(joining(&bench, 2).await.is_err());
    bench.policy.settings.max_active = 1;
    let late = async {
        for fan in 3..6 {
            assert!(joining(&bench, fan).await.is_err());
            assert!(ticking(&bench).await.is_err());
        }
    };
    assert!(timeout(ANSWER_MAX, late).await.is_ok(), "a request is never answered");
    assert!(bench.factory.line().has_failed(), "the process has to know that it should end");
    assert_eq!(bench.tell(0..2).await, "waiting 0, waiting 1");
    bench.crash();
    assert_eq!(bench.tell(0..3).await, "waiting 0, waiting 1, nothing");
    assert_eq!(bench.join(3).await.standing.ahead, Some(2));
}

/// Round after round of unknown outcomes: nobody gets two places, no number is given out twice, and what was answered
/// stays.
pub async fn after_unknown_outcomes_everybody_has_one_place(source: impl JournalSource) {
    let mut bench = a_line(source, 0).await;
    let mut dice = Dice::new(10);
    let mut answered: Vec<Option<Place>> = vec![None; 40];
    for _ in 0..30 {
        let journal = bench.factory.journal();
        for _ in 0..dice.below(4) {
            journal.pass_next();
        }
        journal.fail_next(*dice.pick(&UNKNOWN).expect("listed"));
        loop {
            let fan = dice.below(40);
            match joining(&bench, u64::from(fan)).await {
                Ok(joined) => {
                    let place = joined.standing.place;
                    let known = *answered[fan as usize].get_or_insert(place);
                    assert_eq!(known, place, "fan {fan}");
                }
                Err(LineError::OutcomeUnknown(_)) => break,
                Err(error) => panic!("nothing was refused: {error}"),
            }
            if bench.factory.line().has_failed() || answered.iter().all(Option::is_some) {
                break;
            }
        }
        bench.crash();
    }
    let mut numbers = Vec::new();
    for (fan, known) in (0..).zip(answered) {
        let place = bench.join(fan).await.standing.place;
        assert!(known.is_none_or(|known| known == place), "fan {fan} had {known:?} and has {place:?}");
        numbers.push(place.sequence);
        bench.end(fan, EndReason::Left).await.expect("there is a place to end");
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 40);
    assert_eq!(bench.tick().await.waiting, 0, "nobody had a second place");
}
