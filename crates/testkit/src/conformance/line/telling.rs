//! Of whom it has to be told that they were let in: everybody, until it was.

use frontrow_application::waiting_room::Untold;
use frontrow_domain::UserId;
use frontrow_domain::event::QueueAdmitted;

use super::bench::Bench;
use crate::line::LineFactory;
use crate::samples;

fn users(fans: impl IntoIterator<Item = u64>) -> Vec<UserId> {
    fans.into_iter().map(samples::user).collect()
}

/// Everybody who is let in is handed out, with their place and the times, however often it is asked.
pub async fn whoever_is_let_in_is_to_be_told_of(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    assert_eq!(bench.untold().await, []);
    bench.join_all(0..5).await;
    bench.clock.advance(7);
    let admitted_at = bench.now();
    bench.tick_with_cap(2).await;
    bench.clock.advance(1);
    bench.tick_with_cap(3).await;
    bench.clock.advance(1);
    assert_eq!(bench.untold_fans().await, users([0, 1, 2]), "those who wait are not");
    assert_eq!(bench.untold().await, bench.untold().await, "to whoever asks");
    let place = bench.look(1).await.place;
    let first: Vec<QueueAdmitted> = bench.untold().await.swap_remove(0).admitted;
    let expected = QueueAdmitted {
        entry_id: place.entry,
        user_id: place.user,
        concert_id: bench.concert,
        number: place.sequence,
        joined_at: place.joined_at,
        admitted_at,
    };
    assert_eq!(first[1], expected);
}

/// What was told is handed out no more, and saying so again changes nothing, nor does it touch what came later.
pub async fn what_was_told_is_told_no_more(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..4).await;
    bench.tick_with_cap(2).await;
    bench.clock.advance(1);
    let [Untold { receipt, .. }] = &bench.untold().await[..] else { panic!("one moment") };
    bench.tick_with_cap(3).await;
    bench.clock.advance(1);
    for _ in 0..3 {
        let noted = bench.room().note_told(bench.concert, receipt.clone()).await;
        noted.expect("the line answers");
        assert_eq!(bench.untold_fans().await, users([2]));
    }
    bench.tick_with_cap(4).await;
    bench.clock.advance(1);
    bench.reopen();
    assert_eq!(bench.untold_fans().await, users([2, 3]), "nor after a restart");
    bench.note_all_told().await;
    bench.crash();
    assert_eq!(bench.untold().await, []);
}

/// After a crash the same are handed out, in the same companies and order: whoever tells of them again says the same.
pub async fn a_crash_loses_nobody_and_parts_nobody(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..30).await;
    for cap in [5, 6, 20] {
        bench.clock.advance(1);
        bench.ask_all(0..30).await;
        bench.tick_with_cap(cap).await;
    }
    // Whatever becomes of a place, its fan was let in.
    bench.enter(0).await.expect("let in");
    bench.leave(1).await;
    bench.clock.advance(1);
    let before = bench.untold().await;
    assert_eq!(before.iter().map(|one| one.admitted.len()).sum::<usize>(), 20, "also who has left");
    bench.crash();
    bench.clock.advance(1);
    let companies = |untold: &[Untold]| untold.iter().map(|one| one.admitted.clone()).collect::<Vec<_>>();
    assert_eq!(companies(&bench.untold().await), companies(&before));
}

/// Whoever was let in, has gone and could long be forgotten is told of all the same.
pub async fn the_forgotten_are_told_of_first(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..3).await;
    bench.tick_with_cap(2).await;
    bench.leave(0).await;
    bench.clock.advance(10 * 86_400);
    bench.room().clean().await.expect("the line answers");
    bench.crash();
    bench.room().clean().await.expect("the line answers");
    assert_eq!(bench.untold_fans().await, users([0, 1]));
}

/// Each line has its own.
pub async fn lines_are_told_of_apart(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    let ours = bench.concert;
    for (concert, fan) in [(super::bench::OTHER_CONCERT, 8), (ours, 9)] {
        bench.concert = concert;
        bench.join(fan).await;
        bench.tick_with_cap(1).await;
    }
    bench.clock.advance(1);
    assert_eq!(bench.untold_fans().await, users([9]));
    bench.note_all_told().await;
    bench.concert = super::bench::OTHER_CONCERT;
    assert_eq!(bench.untold_fans().await, users([8]));
}
