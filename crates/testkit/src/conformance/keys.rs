//! Idempotency keys: kept in the commit of their effect, for a day.

use frontrow_application::once::{ONCE_SECONDS, Once, OnceRefused, OnceTag};
use frontrow_application::{Answered, Failure};
use frontrow_domain::UserId;
use frontrow_domain::records::{Key, Keys, OnceRecord};

use super::bench::Bench;
use super::races::{Act, Effect};
use crate::samples;
use crate::store::{StoreFactory, apply, commit_patiently};

type Answer = Result<Answered<Effect>, Failure<OnceRefused<&'static str>>>;

async fn act(bench: &Bench<impl StoreFactory>, number: u64, user: UserId, tag: OnceTag) -> Answer {
    commit_patiently(bench.store(), Once::new(Some(tag), Act { number, user })).await
}

async fn effects(bench: &Bench<impl StoreFactory>, user: UserId) -> usize {
    bench.reads().entries(user, None, 100).await.expect("the store can be read").len()
}

#[expect(clippy::unnecessary_wraps, reason = "what it is compared with can also be a failure")]
const fn fresh(number: u64) -> Answer {
    Ok(Answered { outcome: Effect(number), replayed: false })
}

#[expect(clippy::unnecessary_wraps, reason = "what it is compared with can also be a failure")]
const fn again(number: u64) -> Answer {
    Ok(Answered { outcome: Effect(number), replayed: true })
}

/// The same answer, also after a restart; keys that only their bytes tell apart, and those of others, are others.
pub async fn a_repeated_key_shows_what_was_kept(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    let user = bench.a_fan(1, 0).await;
    let rival = bench.a_fan(2, 0).await;
    let keys = ["abc", "ABC", "abc ", "ábc", "a\u{301}bc", ""];
    for (number, key) in (1..).zip(keys) {
        let tag = OnceTag::new(user, key, &[b"body"]);
        assert_eq!(act(&bench, number, user, tag).await, fresh(number), "{key:?}");
    }
    bench.reopen();
    for (number, key) in (1..).zip(keys) {
        let tag = OnceTag::new(user, key, &[b"body"]);
        assert_eq!(act(&bench, 90 + number, user, tag).await, again(number), "{key:?}");
    }
    assert_eq!(effects(&bench, user).await, keys.len());
    let tag = OnceTag::new(rival, "abc", &[b"body"]);
    assert_eq!(act(&bench, 50, rival, tag).await, fresh(50));
}

/// The first request counts.
pub async fn a_key_with_another_request_is_refused(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let user = bench.a_fan(1, 0).await;
    assert_eq!(act(&bench, 1, user, OnceTag::new(user, "key", &[b"one"])).await, fresh(1));
    let reused = Err(Failure::Refused(OnceRefused::KeyReused));
    assert_eq!(act(&bench, 2, user, OnceTag::new(user, "key", &[b"two"])).await, reused);
    assert_eq!(act(&bench, 3, user, OnceTag::new(user, "key", &[b"one"])).await, again(1));
    assert_eq!(effects(&bench, user).await, 1);
}

/// A refused request may be sent again with its key, and then has its effect.
pub async fn a_refusal_keeps_nothing(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let user = samples::user(1);
    let tag = OnceTag::new(user, "key", &[b"one"]);
    let refused = Err(Failure::Refused(OnceRefused::Refused("no wallet")));
    assert_eq!(act(&bench, 1, user, tag).await, refused);
    assert_eq!(bench.reads().once(tag.key, bench.now()).await, Ok(None));
    bench.a_fan(1, 0).await;
    assert_eq!(act(&bench, 2, user, tag).await, fresh(2));
}

/// Twenty-four hours, to the microsecond; then the key is as good as new, and is kept for a day again.
pub async fn a_key_is_free_again_after_a_day(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let user = bench.a_fan(1, 0).await;
    let tag = OnceTag::new(user, "key", &[b"one"]);
    assert_eq!(act(&bench, 1, user, tag).await, fresh(1));
    bench.clock.advance_micros(i64::from(ONCE_SECONDS) * 1_000_000 - 1);
    assert_eq!(act(&bench, 2, user, tag).await, again(1), "a microsecond before");
    assert!(bench.reads().once(tag.key, bench.now()).await.expect("read").is_some());
    bench.clock.advance_micros(1);
    assert_eq!(bench.reads().once(tag.key, bench.now()).await, Ok(None));
    let other_request = OnceTag::new(user, "key", &[b"two"]);
    assert_eq!(act(&bench, 3, user, other_request).await, fresh(3), "a day later");
    assert_eq!(act(&bench, 4, user, other_request).await, again(3));
    bench.clock.advance(ONCE_SECONDS - 1);
    assert_eq!(act(&bench, 5, user, other_request).await, again(3), "it is kept for a day of its own");
    assert_eq!(effects(&bench, user).await, 2);
}

/// The change of the UTC day is no end: tables are cut by days, keys are not.
pub async fn a_key_counts_across_midnight(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    let user = bench.a_fan(1, 0).await;
    let day = bench.now().day();
    let tag = OnceTag::new(user, "key", &[b"one"]);
    // 11:00 UTC: the second before midnight.
    bench.clock.advance(13 * 3_600 - 1);
    assert_eq!(bench.now().day(), day);
    assert_eq!(act(&bench, 1, user, tag).await, fresh(1));
    bench.clock.advance(2);
    assert_eq!(bench.now().day(), day + 1);
    assert_eq!(act(&bench, 2, user, tag).await, again(1));
    bench.reopen();
    bench.clock.advance(23 * 3_600);
    assert_eq!(act(&bench, 3, user, tag).await, again(1));
    // One more of today, so that both days have keys; the older day ends first.
    let other = OnceTag::new(user, "other", &[b"one"]);
    assert_eq!(act(&bench, 4, user, other).await, fresh(4));
    bench.clock.advance(3_600);
    assert_eq!(act(&bench, 5, user, tag).await, fresh(5));
    assert_eq!(act(&bench, 6, user, other).await, again(4));
}

/// Cleaning drops what no longer counts, and nothing else, however often it is done.
pub async fn upkeep_drops_old_keys_and_nothing_else(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let user = bench.a_fan(1, 0).await;
    bench.a_sale(5).await;
    let old = OnceTag::new(user, "old", &[b"one"]);
    let young = OnceTag::new(user, "young", &[b"one"]);
    assert_eq!(act(&bench, 1, user, old).await, fresh(1));
    assert_eq!(bench.opened().upkeep.clean(bench.now()).await, Ok(0), "nothing is old yet");
    bench.clock.advance(2 * ONCE_SECONDS);
    assert_eq!(act(&bench, 2, user, young).await, fresh(2));
    let gone = bench.opened().upkeep.clean(bench.now()).await.expect("cleaned");
    assert!(gone > 0, "the old key is dropped");
    assert_eq!(bench.opened().upkeep.clean(bench.now()).await, Ok(0), "there is nothing left to drop");
    assert_eq!(act(&bench, 3, user, young).await, again(2));
    assert_eq!(act(&bench, 4, user, old).await, fresh(4));
    assert_eq!(effects(&bench, user).await, 3, "the ledger is nobody's rubbish");
    assert!(bench.reads().schedule(samples::SCHEDULE).await.expect("read").is_some());
    // A key that was kept at the very end of a day counts through the next one, whatever is cleaned meanwhile.
    let late = OnceRecord { request: [1; 16], outcome: vec![1], created_at: bench.now() };
    apply(bench.store(), Keys::from(Key::Once([9; 16])), {
        let late = late.clone();
        move |records, _| {
            records.once.put([9; 16], late.clone());
            Ok(())
        }
    })
    .await;
    bench.clock.advance(ONCE_SECONDS - 1);
    bench.opened().upkeep.clean(bench.now()).await.expect("cleaned");
    assert_eq!(bench.reads().once([9; 16], bench.now()).await, Ok(Some(late)));
}
