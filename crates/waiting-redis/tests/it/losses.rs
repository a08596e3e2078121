//! Redis back without what it had, or with a part of it: nobody gets a number twice, nobody overtakes whoever shows
//! their pass, and no second has more than the rate.

use frontrow_application::waiting_room::{LineError, NotLetIn, Pass, WaitingRoom};
use frontrow_domain::queue::{EndReason, PlaceState};
use frontrow_testkit::samples;

use crate::own::{Keeps, OwnRedis, until};

/// How far new numbers begin behind what may have been lost.
const LEAP: u64 = 1_000_000;

fn in_order_shuffled(passes: &[Pass]) -> Vec<Pass> {
    let mut shuffled: Vec<_> = passes.to_vec();
    shuffled.sort_unstable_by_key(|pass| pass.sequence.get() * 7_919 % 104_729);
    shuffled
}

/// With every write kept, an end without notice loses no place, no session and no admission.
#[test]
fn with_every_write_kept_nothing_is_lost() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::EveryWrite).await;
        let fans = redis.instance();
        let passes = fans.join_all(0..40).await;
        assert_eq!(fans.tick(5).await, Ok(5));
        fans.line.end(samples::CONCERT, samples::user(7), None, EndReason::Left).await.expect("answered");
        for round in 0..3 {
            if round == 1 {
                redis.shut_down();
            } else {
                redis.kill();
            }
            redis.start_again().await;
            fans.until_back().await;
            for (fan, pass) in (0..).zip(&passes) {
                let found =
                    fans.line.find(samples::CONCERT, pass.user).await.expect("answered").expect("there");
                assert_eq!(Pass::of(&found.place), *pass);
                match fan {
                    0..5 => assert!(matches!(found.place.state, PlaceState::Active(_)), "{found:?}"),
                    7 => assert!(matches!(found.place.state, PlaceState::Ended { .. }), "{found:?}"),
                    _ => assert_eq!(found.ahead, Some(fan - 5 - u64::from(fan > 7))),
                }
            }
            let newcomer = fans.join(100 + round).await.standing;
            assert!(newcomer.place.sequence.get() > LEAP * (round + 1), "{newcomer:?}");
            assert_eq!(newcomer.ahead, Some(34 + round));
        }
        // The cap knows whom it had let in.
        fans.until_let_in(1, 6).await;
        assert_eq!(fans.ahead(passes[6]).await, Some(0));
    });
}

/// Everything gone, by a restart and by a flush: whoever shows their pass stands at their number again, whatever the
/// order in which they come; newcomers are behind all of them.
#[test]
fn when_everything_is_lost_passes_bring_the_line_back() {
    frontrow_testkit::bounded(async {
        for is_restart in [true, false] {
            let redis = OwnRedis::start(Keeps::Nothing).await;
            let fans = redis.instance();
            let passes = fans.join_all(0..30).await;
            if is_restart {
                redis.shut_down();
                redis.start_again().await;
                fans.until_back().await;
            } else {
                let _: String = redis.server().ask(&redis::cmd("FLUSHALL"));
            }
            let first = fans.join(100).await.standing;
            assert!(first.place.sequence.get() > LEAP, "{first:?}");
            assert_eq!(fans.tick(1).await, Ok(0), "nobody is let in within a window of the loss");
            for pass in in_order_shuffled(&passes) {
                let standing = fans.line.standing(pass).await.expect("answered").expect("it is put back");
                assert_eq!(Pass::of(&standing.place), pass);
                assert_eq!(standing.place.state, PlaceState::Waiting);
            }
            for (ahead, pass) in (0..).zip(&passes) {
                assert_eq!(fans.ahead(*pass).await, Some(ahead));
            }
            assert_eq!(fans.ahead(Pass::of(&first.place)).await, Some(30));
            fans.until_let_in(2, 2).await;
            assert_eq!(fans.line.enter(passes[1]).await, Ok(Ok(())), "in the order of their numbers");
            assert_eq!(fans.line.enter(passes[2]).await, Ok(Err(NotLetIn::Waiting)));
        }
    });
}

/// The last part gone: what was kept is as it was, what was lost is put back by its pass, and what was over stays so.
#[test]
fn when_the_tail_is_lost_what_was_over_stays_over() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Saves).await;
        let fans = redis.instance();
        let kept = fans.join_all(0..10).await;
        for (fan, reason) in [(2, EndReason::Revoked), (3, EndReason::Left)] {
            fans.line.end(samples::CONCERT, samples::user(fan), None, reason).await.expect("answered");
        }
        let _: String = redis.server().ask(&redis::cmd("SAVE"));
        let lost = fans.join_all(10..20).await;
        redis.kill();
        redis.start_again().await;
        fans.until_back().await;
        // One of the lost has no patience and joins anew; then the old pass turns up.
        let anew = fans.join(15).await.standing.place;
        assert!(anew.sequence.get() > LEAP);
        for pass in in_order_shuffled(&lost) {
            let standing = fans.line.standing(pass).await.expect("answered").expect("it is put back");
            assert_eq!(Pass::of(&standing.place), pass);
        }
        assert_eq!(fans.ahead(Pass::of(&anew)).await, None, "nobody has two places");
        for (fan, pass) in (0..).zip(kept.iter().chain(&lost)) {
            let expected = match fan {
                2 | 3 => None,
                0 | 1 => Some(fan),
                _ => Some(fan - 2),
            };
            assert_eq!(fans.ahead(*pass).await, expected, "fan {fan}");
        }
        for fan in [2, 3] {
            assert_eq!(fans.line.enter(kept[fan]).await, Ok(Err(NotLetIn::Ended)));
        }
        let made_up = Pass { entry: samples::entry_id(77), user: samples::user(77), ..lost[3] };
        assert_eq!(fans.line.standing(made_up).await, Ok(None), "a number that is taken");
        assert_eq!(fans.join(50).await.standing.ahead, Some(18));
    });
}

/// A pass that was over before everything was lost does not stand in the way of the place that came after it.
#[test]
fn an_older_pass_does_not_replace_the_newest_place() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let fans = redis.instance();
        let old = fans.join_all(0..2).await;
        fans.line.end(samples::CONCERT, samples::user(0), None, EndReason::Left).await.expect("answered");
        let new = Pass::of(&fans.join(0).await.standing.place);
        let _: String = redis.server().ask(&redis::cmd("FLUSHALL"));
        fans.tick(0).await.expect("answered");
        assert_eq!(fans.ahead(new).await, Some(0));
        assert_eq!(fans.line.standing(old[0]).await, Ok(None), "the fan has a newer place");
        assert_eq!(fans.ahead(old[1]).await, Some(0));
        assert_eq!(fans.ahead(new).await, Some(1));
    });
}

/// Scripts that Redis was told to forget are learned again, and nothing else happens.
#[test]
fn forgotten_scripts_are_learned_again() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let fans = redis.instance();
        fans.join_all(0..3).await;
        for round in 0..3 {
            let _: String = redis.server().ask(redis::cmd("SCRIPT").arg("FLUSH"));
            let joined = fans.join(10 + round).await.standing;
            assert_eq!((joined.place.sequence.get(), joined.ahead), (4 + round, Some(3 + round)));
            let _: String = redis.server().ask(redis::cmd("SCRIPT").arg("FLUSH"));
            assert_eq!(fans.tick(0).await, Ok(0));
            assert_eq!(fans.line.clean().await, Ok(0));
            assert_eq!(fans.line.note_sessions_through(round).await, Ok(()));
            assert_eq!(fans.line.sessions_through().await, Ok(round));
        }
    });
}

/// A replica answers nobody; promoted, it goes on with what had reached it, a million further on.
#[test]
fn a_promoted_replica_goes_on_a_million_further() {
    frontrow_testkit::bounded(async {
        let (master, replica) =
            (OwnRedis::start(Keeps::Nothing).await, OwnRedis::start(Keeps::Nothing).await);
        let (fans, others) = (master.instance(), replica.instance());
        let passes = fans.join_all(0..20).await;
        assert_eq!(fans.tick(3).await, Ok(3));
        let follow = |host: &str, port: &str| {
            let _: String = replica.server().ask(redis::cmd("REPLICAOF").arg(host).arg(port));
        };
        follow("127.0.0.1", &master.port().to_string());
        until("the replica has everything", || async {
            let info: String = replica.server().ask(redis::cmd("INFO").arg("replication"));
            info.contains("master_link_status:up") && info.contains("master_sync_in_progress:0")
        })
        .await;
        let last = Pass::of(&fans.join(20).await.standing.place);
        let reached: u64 = master.server().ask(redis::cmd("WAIT").arg(1).arg(20_000));
        assert_eq!(reached, 1);
        assert!(
            matches!(others.try_join(30).await, Err(LineError::Unavailable(_))),
            "a replica takes nothing"
        );
        master.kill();
        follow("NO", "ONE");
        others.until_back().await;
        for (fan, pass) in (0..).zip(&passes) {
            let expected = u64::saturating_sub(fan, 3);
            assert_eq!(others.ahead(*pass).await, Some(expected), "fan {fan}");
        }
        assert_eq!(others.ahead(last).await, Some(17));
        let newcomer = others.join(30).await.standing;
        assert!(newcomer.place.sequence.get() > LEAP, "{newcomer:?}");
        assert_eq!(newcomer.ahead, Some(18));
        others.until_let_in(1, 4).await;
        assert_eq!(others.ahead(passes[3]).await, Some(0));
    });
}
