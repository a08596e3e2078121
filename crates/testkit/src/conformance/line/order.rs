//! Who is let in first (R-Q2, R-Q6): order of arrival, but for those who were skipped and came back, who go first
//! among themselves in their old order.

use frontrow_domain::queue::PlaceState;

use super::bench::Bench;
use crate::line::LineFactory;

/// Who of these fans is let in.
async fn active<F: LineFactory>(bench: &Bench<F>, fans: std::ops::Range<u64>) -> Vec<u64> {
    let mut active = Vec::new();
    for fan in fans {
        if let PlaceState::Active(_) = bench.state(fan).await {
            active.push(fan);
        }
    }
    active
}

/// A line of eight in which 0, 2 and 4 were skipped while 1, 3 and 5 were let in.
async fn a_line_with_skipped_fans<F: LineFactory>(factory: F) -> Bench<F> {
    let mut bench = Bench::open(factory);
    bench.join_all(0..8).await;
    bench.clock.advance(60);
    bench.ask_all([1, 3, 5, 6, 7]).await;
    bench.tick_with_cap(3).await;
    let told = "skipped, active, skipped, active, skipped, active, waiting 0, waiting 1";
    assert_eq!(bench.tell(0..8).await, told);
    bench
}

/// First come, first let in, however many at a time.
pub async fn fans_are_let_in_in_order_of_arrival(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..40).await;
    let mut cap = 0;
    for more in [1, 1, 3, 7, 0, 10, 2] {
        cap += more;
        let figures = bench.tick_with_cap(cap).await;
        assert_eq!(figures.admitted, more);
        let first: Vec<u64> = (0..u64::from(cap)).collect();
        assert_eq!(active(&bench, 0..40).await, first);
    }
    let mut last = None;
    for fan in 0..u64::from(cap) {
        let admitted_at = bench.session(fan).await.admitted_at;
        assert!(last <= Some(admitted_at), "nobody was let in before somebody ahead of them");
        last = Some(admitted_at);
    }
}

/// Leaving and coming back is no way forward.
pub async fn leaving_and_joining_anew_goes_to_the_end(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.join_all(0..4).await;
    bench.leave(1).await;
    bench.join(1).await;
    bench.tick_with_cap(2).await;
    assert_eq!(bench.tell(0..4).await, "active, waiting 1, active, waiting 0");
}

/// Skipped fans who come back are next, in their old order and not in that of their return.
pub async fn returners_go_first_in_their_old_order(factory: impl LineFactory) {
    let mut bench = a_line_with_skipped_fans(factory).await;
    bench.ask_all([4, 0, 2]).await;
    for (cap, expected) in [(4, "active, skipped, skipped"), (5, "active, active, skipped")] {
        bench.tick_with_cap(cap).await;
        assert_eq!(bench.tell([0, 2, 4]).await, expected);
        assert_eq!(bench.tell(6..8).await, "waiting 0, waiting 1");
    }
    bench.tick_with_cap(6).await;
    assert_eq!(bench.tell([0, 2, 4]).await, "active, active, active");
    bench.tick_with_cap(7).await;
    assert_eq!(bench.tell(6..8).await, "active, waiting 0");
}

/// One who comes back by joining on another device has come back as well.
pub async fn joining_again_is_a_return(factory: impl LineFactory) {
    let mut bench = a_line_with_skipped_fans(factory).await;
    let again = bench.join(2).await;
    assert_eq!((again.is_new, again.standing.place.state), (false, PlaceState::Skipped));
    assert_eq!(again.standing.ahead, Some(0), "whoever comes back is next");
    bench.tick_with_cap(4).await;
    assert_eq!(bench.tell([0, 2, 4, 6]).await, "skipped, active, skipped, waiting 0");
}

/// Nobody's `ahead` grows because somebody has come back, and a returner sees only earlier returners ahead.
pub async fn a_return_makes_nobodys_place_worse(factory: impl LineFactory) {
    let bench = a_line_with_skipped_fans(factory).await;
    assert_eq!(bench.ask(4).await.ahead, Some(0));
    assert_eq!(bench.tell(6..8).await, "waiting 0, waiting 1");
    assert_eq!(bench.ask(0).await.ahead, Some(0));
    assert_eq!(bench.tell(6..8).await, "waiting 0, waiting 1");
    assert_eq!(bench.ahead(4).await, Some(1), "fan 0 has come back, and is before them in the old order");
}

/// A returner who is gone again holds nobody up, and is next once more when they are back.
pub async fn a_returner_who_is_gone_again_holds_nobody_up(factory: impl LineFactory) {
    let mut bench = a_line_with_skipped_fans(factory).await;
    bench.ask(0).await;
    bench.clock.advance(60);
    bench.ask_all([2, 6, 7]).await;
    bench.tick_with_cap(0).await;
    let figures = bench.tick_with_cap(2).await;
    assert_eq!((figures.active, figures.admitted), (2, 2), "{figures:?}");
    assert_eq!(bench.tell([0, 2, 4, 6, 7]).await, "skipped, active, skipped, active, waiting 0");
    bench.ask(0).await;
    bench.tick_with_cap(3).await;
    assert_eq!(bench.tell([0, 7]).await, "active, waiting 0");
}

/// A skipped fan who never comes back is never let in, however empty the line is; one who leaves is over.
pub async fn a_skipped_fan_waits_for_their_own_return(factory: impl LineFactory) {
    let mut bench = a_line_with_skipped_fans(factory).await;
    let figures = bench.tick_with_cap(100).await;
    assert_eq!((figures.skipped, figures.waiting, figures.active), (3, 0, 5));
    bench.clock.advance(3_600);
    let figures = bench.settle().await;
    assert_eq!((figures.skipped, figures.active), (3, 0));
    bench.leave(2).await;
    assert_eq!(bench.tick().await.skipped, 2);
    bench.ask(4).await;
    assert_eq!(bench.tick().await.admitted, 1);
    assert_eq!(bench.tell([0, 2, 4]).await, "skipped, left, active");
}
