//! Redis away, stuck, full or cut off: every call is answered soon, nothing happens by halves, and the line is back by
//! itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use frontrow_application::waiting_room::{LineError, Pass, WaitingRoom};
use frontrow_domain::queue::EndReason;
use frontrow_domain::{EntryId, Sequence};
use frontrow_testkit::samples;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::time::sleep;

use crate::own::{Fans, Keeps, OwnRedis, bounded, policy, until};

/// Long enough for some batches to come through, and far less than all of them take.
const BETWEEN_CUTS: Duration = Duration::from_millis(8);

fn is_unavailable<T>(answer: Result<T, LineError>) -> bool {
    matches!(answer, Err(LineError::Unavailable(_)))
}

/// Every call there is.
async fn all_are_unavailable(fans: &Fans, pass: Pass) {
    let (line, concert) = (&fans.line, samples::CONCERT);
    let answers = async {
        [
            is_unavailable(fans.try_join(1).await),
            is_unavailable(line.join_lobby(concert, fans.newcomer(2), Ok(())).await),
            is_unavailable(line.close_lobby(concert).await),
            is_unavailable(line.drawees(concert, Sequence::LOBBY).await),
            is_unavailable(line.place_drawn(concert, 0, vec![pass.sequence]).await),
            is_unavailable(line.finish_draw(concert).await),
            is_unavailable(line.standing(pass).await),
            is_unavailable(line.find(concert, pass.user).await),
            is_unavailable(line.enter(pass).await),
            is_unavailable(line.end(concert, pass.user, None::<EntryId>, EndReason::Left).await),
            is_unavailable(line.tick(concert, policy(1)).await),
            is_unavailable(line.sessions_through().await),
            is_unavailable(line.note_sessions_through(1).await),
            is_unavailable(line.clean().await),
        ]
    };
    assert_eq!(bounded("a call while Redis is away", answers).await, [true; 14]);
}

/// Away from the start, and gone later: unavailable, and back with Redis.
#[test]
fn with_redis_away_every_call_is_unavailable() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::EveryWrite).await;
        let fans = redis.instance();
        let pass = fans.join_all(0..2).await[0];
        redis.kill();
        // The first to find the connection broken may not know what became of their request.
        let _ = bounded("the first call", fans.tick(0)).await;
        let _ = bounded("the second call", fans.tick(0)).await;
        all_are_unavailable(&fans, pass).await;
        let late = redis.instance();
        all_are_unavailable(&late, pass).await;
        redis.start_again().await;
        for fans in [&fans, &late] {
            fans.until_back().await;
            assert_eq!(fans.ahead(pass).await, Some(0));
        }
    });
}

/// A Redis that is stuck holds nobody up for longer than the time-outs, and what came of a request is not made up.
#[test]
fn a_stuck_redis_holds_nobody_up() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let fans = redis.instance();
        let pass = fans.join_all(0..1).await[0];
        let _: String = redis.server().ask(redis::cmd("CLIENT").arg("PAUSE").arg(4_000).arg("ALL"));
        let joins = join_all((1..200).map(|fan| fans.try_join(fan)));
        let answers = bounded("joins of a stuck Redis", joins).await;
        assert!(answers.iter().all(Result::is_err), "{answers:?}");
        assert!(is_unavailable(bounded("a question", fans.line.standing(pass)).await));
        fans.until_back().await;
        // Whoever asks again has one place, whether or not the first request came through.
        for fan in 1..200 {
            fans.join(fan).await;
        }
        let figures = fans.line.tick(samples::CONCERT, policy(0)).await.expect("answered");
        assert_eq!(figures.waiting, 200);
    });
}

/// A Redis without memory refuses before a script begins: nothing is there by halves.
#[test]
fn a_full_redis_refuses_whole_requests() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let fans = redis.instance();
        let pass = fans.join_all(0..3).await[0];
        let limit = |bytes: u32| {
            let mut set = redis::cmd("CONFIG");
            set.arg("SET").arg("maxmemory").arg(bytes);
            let _: String = redis.server().ask(&set);
        };
        limit(1);
        assert!(is_unavailable(fans.try_join(3).await));
        assert!(is_unavailable(fans.tick(3).await));
        assert!(is_unavailable(fans.line.end(samples::CONCERT, pass.user, None, EndReason::Left).await));
        limit(0);
        assert_eq!(fans.ahead(pass).await, Some(0));
        let joined = fans.join(3).await;
        assert_eq!((joined.is_new, joined.standing.place.sequence.get()), (true, 4));
        assert_eq!(fans.tick(3).await, Ok(3));
    });
}

/// Connections that are cut again and again while fans join: whoever was answered has that place, and nobody two.
#[test]
fn cut_connections_cost_nobody_their_place() {
    frontrow_testkit::bounded(async {
        const FANS: u64 = 4_000;
        let redis = Arc::new(OwnRedis::start(Keeps::Nothing).await);
        let fans = redis.instance();
        let cuts = Arc::new(AtomicU64::new(0));
        let cutter = {
            let (redis, cuts) = (Arc::clone(&redis), Arc::clone(&cuts));
            tokio::spawn(async move {
                loop {
                    let cut: u64 =
                        redis.server().ask(redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("NORMAL"));
                    cuts.fetch_add(cut, Ordering::AcqRel);
                    sleep(BETWEEN_CUTS).await;
                }
            })
        };
        let tasks = (0..40).map(|task| {
            let fans = fans.clone();
            tokio::spawn(async move {
                let mut told = Vec::new();
                for fan in (task..FANS).step_by(40) {
                    until("a join is answered", || async {
                        let answer = fans.try_join(fan).await;
                        answer.is_ok()
                    })
                    .await;
                    if let Ok(Some(standing)) = fans.line.find(samples::CONCERT, samples::user(fan)).await {
                        told.push(standing.place);
                    }
                }
                told
            })
        });
        let told: Vec<_> =
            join_all(tasks).await.into_iter().flat_map(|told| told.expect("no panic")).collect();
        cutter.abort();
        assert!(cuts.load(Ordering::Acquire) > 10, "the connections were hardly cut");
        fans.until_back().await;
        for place in &told {
            let found = fans.line.find(samples::CONCERT, place.user).await.expect("answered").expect("there");
            assert_eq!(found.place, *place);
        }
        let figures = fans.line.tick(samples::CONCERT, policy(0)).await.expect("answered");
        assert_eq!(figures.waiting, FANS);
    });
}

/// A connection that broke while nobody asked is nobody's failure: the request is sent again, and a join that had come
/// through is told as the first time.
#[test]
fn a_broken_connection_is_made_again_unnoticed() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let fans = redis.instance();
        let pass = fans.join_all(0..1).await[0];
        for fan in 1..20 {
            let _: u64 = redis.server().ask(redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("NORMAL"));
            assert!(fans.join(fan).await.is_new);
            let _: u64 = redis.server().ask(redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("NORMAL"));
            assert_eq!(fans.ahead(pass).await, Some(0));
            let _: u64 = redis.server().ask(redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("NORMAL"));
            assert_eq!(fans.tick(0).await, Ok(0));
        }
        let newcomer = fans.newcomer(50);
        let join = || fans.line.join(samples::CONCERT, newcomer, Ok(()));
        let first = join().await.expect("answered").expect("not refused");
        let again = join().await.expect("answered").expect("not refused");
        assert!(first.is_new && again.is_new, "it is the same request");
        assert_eq!(first.standing.place, again.standing.place);
        assert!(!fans.join(50).await.is_new, "this is another");
    });
}

/// An instance that was closed takes nothing more, and says so.
#[test]
fn a_closed_instance_takes_nothing_more() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let (fans, other) = (redis.instance(), redis.instance());
        let pass = fans.join_all(0..1).await[0];
        fans.line.close();
        assert!(is_unavailable(fans.try_join(1).await));
        assert!(is_unavailable(fans.tick(1).await));
        assert_eq!(other.ahead(pass).await, Some(0));
        assert_eq!(other.join(1).await.standing.ahead, Some(1));
    });
}

/// What waits for a Redis that does not answer is bounded: whoever comes beyond it is told so at once, and everybody who
/// waits is answered.
#[test]
fn a_crowd_before_a_stuck_redis_is_bounded() {
    /// What the adapter keeps waiting, what is on its way, and what was answered with a time-out meanwhile.
    const MOST: usize = 65_536 + 30 * 300;

    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let fans = redis.instance();
        fans.join(0).await;
        let _: String = redis.server().ask(redis::cmd("CLIENT").arg("PAUSE").arg(3_000).arg("ALL"));
        let mut waiting = Vec::new();
        let mut refused = 0;
        for fan in 1..100_000 {
            // Asked with the call, whether or not anybody waits for the answer yet.
            let mut asked = fans.line.join(samples::CONCERT, fans.newcomer(fan), Ok(()));
            match (&mut asked).now_or_never() {
                Some(Err(LineError::Overloaded)) => refused += 1,
                Some(Err(LineError::Unavailable(_))) => {}
                Some(answer) => panic!("a stuck Redis has answered {answer:?}"),
                None => waiting.push(asked),
            }
        }
        assert!(refused > 100_000 - MOST - 1_000, "{refused} were refused, {} wait", waiting.len());
        assert!(waiting.len() <= MOST, "{} wait", waiting.len());
        let answers = bounded("everybody who waits is answered", join_all(waiting)).await;
        let failed = answers.iter().filter(|answer| answer.is_err()).count();
        assert!(failed > 0, "nobody was told that it took too long");
        fans.until_back().await;
        assert!(fans.join(200_000).await.is_new, "there is room again");
    });
}
