//! Redis back without a lobby, or without a part of its draw: whoever shows their pass is back, a draw is refused that goes by
//! what is no more there, and in the end everybody is in line.

use frontrow_application::waiting_room::{DrawStage, LineError, Pass, WaitingRoom as _};
use frontrow_domain::Sequence;
use frontrow_domain::queue::{EndReason, PlaceState};
use frontrow_testkit::samples;

use crate::draws::{drawees, drive, figures, misplaced, numbers, shuffled};
use crate::own::{Fans, Keeps, OwnRedis};

/// How far new numbers begin behind what may have been lost.
const LEAP: u64 = 1_000_000;

fn is_refused<T>(answer: &Result<T, LineError>) -> bool {
    matches!(answer, Err(LineError::Unavailable(_)))
}

/// What the place of a pass is now, if it is known: its number, and how many are ahead.
async fn stands(fans: &Fans, pass: Pass) -> Option<(Sequence, Option<u64>)> {
    let standing = fans.line.standing(pass).await.expect("answered")?;
    assert_eq!((standing.place.entry, standing.place.user), (pass.entry, pass.user));
    Some((standing.place.sequence, standing.ahead))
}

fn flush(redis: &OwnRedis) {
    let _: String = redis.server().ask(&redis::cmd("FLUSHALL"));
}

/// Everything gone before there was any number in the line, by a restart and by a flush: passes bring the lobby back at its
/// numbers, newcomers have higher ones, and the draw is of all of them.
#[test]
fn when_a_lobby_is_lost_passes_bring_it_back() {
    frontrow_testkit::bounded(async {
        for is_restart in [true, false] {
            let redis = OwnRedis::start(Keeps::Nothing).await;
            let fans = redis.instance();
            let passes = fans.fill_lobby(0..20).await;
            if is_restart {
                redis.shut_down();
                redis.start_again().await;
                fans.until_back().await;
            } else {
                flush(&redis);
            }
            let first = Pass::of(&fans.join_lobby(100).await.standing.place);
            assert!(first.sequence.get() - Sequence::LOBBY.get() > LEAP, "{first:?}");
            for pass in passes.iter().rev() {
                assert_eq!(stands(&fans, *pass).await, Some((pass.sequence, None)));
            }
            // Whoever is back has one place.
            assert_eq!(fans.join_lobby(19).await.standing.place.sequence, passes[19].sequence);
            assert_eq!(figures(&fans.line).await.lobby, 21);
            let made_up = Pass { sequence: Sequence::new(first.sequence.get() + 1), ..passes[0] };
            let made_up = Pass { entry: samples::entry_id(77), user: samples::user(77), ..made_up };
            assert_eq!(stands(&fans, made_up).await, None, "a number that nobody had");
            let drawn = drive(&fans.line, shuffled).await.expect("it is driven to its end");
            let all: Vec<_> = passes.into_iter().chain([first]).collect();
            assert_eq!((drawn.len(), misplaced(&fans.line, &drawn, &all).await), (21, 0));
        }
    });
}

/// Who comes anew into the lobby and then shows the pass of before has the older place, and one only.
#[test]
fn in_the_lobby_too_an_older_pass_takes_the_place_of_a_newer_place() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let fans = redis.instance();
        let passes = fans.fill_lobby(0..3).await;
        flush(&redis);
        let anew = Pass::of(&fans.join_lobby(1).await.standing.place);
        assert_ne!(anew.entry, passes[1].entry);
        assert_eq!(stands(&fans, passes[1]).await, Some((passes[1].sequence, None)));
        assert_eq!(figures(&fans.line).await.lobby, 1);
        let over = fans.line.standing(anew).await.expect("answered").expect("remembered");
        assert!(matches!(over.place.state, PlaceState::Ended { .. }), "{over:?}");
        // Who has left since is not put back by the pass of an older place.
        let anew = fans.join_lobby(2).await.standing.place;
        fans.line.end(samples::CONCERT, anew.user, None, EndReason::Left).await.expect("answered");
        assert_eq!(stands(&fans, passes[2]).await, None);
        assert_eq!(figures(&fans.line).await.lobby, 1);
    });
}

/// Everything gone in the middle of a draw: no step goes on by what was settled before. Whoever is back by the time it is
/// settled anew is drawn; whoever turns up later is behind them.
#[test]
fn a_draw_that_is_lost_begins_again() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let (fans, other) = (redis.instance(), redis.instance());
        let (line, concert) = (&fans.line, samples::CONCERT);
        let passes = fans.fill_lobby(0..10).await;
        line.close_lobby(concert).await.expect("answered");
        let old = shuffled(drawees(line).await.expect("answered"));
        line.place_drawn(concert, 0, numbers(&old[..5])).await.expect("answered");
        flush(&redis);
        for is_settled_by_another in [false, true] {
            assert!(is_refused(&line.place_drawn(concert, 5, numbers(&old[5..])).await));
            assert!(is_refused(&line.finish_draw(concert).await));
            assert!(is_refused(&line.drawees(concert, Sequence::LOBBY).await));
            if !is_settled_by_another {
                for pass in &passes[..6] {
                    assert_eq!(stands(&fans, *pass).await, Some((pass.sequence, None)));
                }
                assert_eq!(other.line.close_lobby(concert).await, Ok(DrawStage::Drawing));
            }
        }
        // Too late for the list, and still in the lobby, with a number behind all of the draw.
        let (number, ahead) = stands(&fans, passes[6]).await.expect("put back");
        assert!(number > passes[9].sequence && number.is_lobby() && ahead.is_none(), "{number}");
        assert_eq!(stands(&fans, passes[6]).await, Some((number, None)), "once");
        let drawn = drive(line, shuffled).await.expect("it is driven to its end");
        assert_eq!((drawn.len(), misplaced(line, &drawn, &passes[..6]).await), (6, 0));
        // Too late for the lobby as well.
        for (fan, ahead) in [(6, 6), (8, 7), (7, 8), (8, 7)] {
            assert_eq!(fans.ahead(passes[fan]).await, Some(ahead), "fan {fan}");
        }
        let anew = fans.join(9).await.standing;
        assert_eq!((anew.ahead, stands(&fans, passes[9]).await), (Some(9), None), "they have a place");
    });
}

/// A place that ended in the lobby is older than any in the line: it does not stand in the way of one that was lost there.
#[test]
fn who_had_left_the_lobby_is_put_back_into_the_line() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Saves).await;
        let fans = redis.instance();
        let (line, concert) = (&fans.line, samples::CONCERT);
        fans.fill_lobby(0..3).await;
        line.end(concert, samples::user(0), None, EndReason::Left).await.expect("answered");
        drive(line, shuffled).await.expect("it is driven to its end");
        let _: String = redis.server().ask(&redis::cmd("SAVE"));
        let lost = Pass::of(&fans.join(0).await.standing.place);
        redis.kill();
        redis.start_again().await;
        fans.until_back().await;
        assert_eq!(stands(&fans, lost).await, Some((lost.sequence, Some(2))));
    });
}

/// Passes of the lobby open nothing in the line once the place that came of them is over.
#[test]
fn a_place_that_is_over_in_the_line_is_not_put_back_by_its_pass_from_the_lobby() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::EveryWrite).await;
        let fans = redis.instance();
        let (line, concert) = (&fans.line, samples::CONCERT);
        let passes = fans.fill_lobby(0..3).await;
        redis.kill();
        redis.start_again().await;
        fans.until_back().await;
        drive(line, shuffled).await.expect("it is driven to its end");
        line.end(concert, passes[1].user, None, EndReason::Revoked).await.expect("answered");
        for _ in 0..2 {
            let standing = line.standing(passes[1]).await.expect("answered").expect("remembered");
            assert!(matches!(standing.place.state, PlaceState::Ended { .. }), "{standing:?}");
            fans.tick(0).await.expect("answered");
            line.clean().await.expect("answered");
        }
        // Another place of the same fan does not make the old pass good.
        fans.join(1).await;
        assert_eq!(stands(&fans, passes[1]).await, None);
        assert_eq!(figures(line).await.waiting, 3);
    });
}

/// Those whose numbers in the line were lost get the same ones again, by the same order.
#[test]
fn places_of_a_draw_that_are_lost_are_given_out_again() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Saves).await;
        let fans = redis.instance();
        let (line, concert) = (&fans.line, samples::CONCERT);
        let passes = fans.fill_lobby(0..10).await;
        line.close_lobby(concert).await.expect("answered");
        let drawn = shuffled(drawees(line).await.expect("answered"));
        line.place_drawn(concert, 0, numbers(&drawn[..4])).await.expect("answered");
        let _: String = redis.server().ask(&redis::cmd("SAVE"));
        line.place_drawn(concert, 4, numbers(&drawn[4..8])).await.expect("answered");
        redis.kill();
        redis.start_again().await;
        fans.until_back().await;
        line.place_drawn(concert, 8, numbers(&drawn[8..])).await.expect("its numbers are its own");
        assert!(is_refused(&line.finish_draw(concert).await), "four would be left behind");
        assert_eq!(figures(line).await.lobby, 4);
        assert_eq!(drive(line, shuffled).await, Ok(drawn.clone()));
        assert_eq!(misplaced(line, &drawn, &passes).await, 0);
        assert!(fans.join(20).await.standing.place.sequence.get() > LEAP);
    });
}

/// The sale is open, and Redis has lost the end of the draw: nobody drives it any more, and still nobody stays in the lobby.
#[test]
fn when_the_end_of_a_draw_is_lost_an_open_line_takes_everybody_in() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Saves).await;
        let fans = redis.instance();
        let (line, concert) = (&fans.line, samples::CONCERT);
        let passes = fans.fill_lobby(0..10).await;
        line.close_lobby(concert).await.expect("answered");
        let late = fans.fill_lobby(10..12).await;
        fans.line.end(concert, samples::user(0), None, EndReason::Left).await.expect("answered");
        let drawn = shuffled(drawees(line).await.expect("answered"));
        line.place_drawn(concert, 0, numbers(&drawn[..4])).await.expect("answered");
        let _: String = redis.server().ask(&redis::cmd("SAVE"));
        assert!(drive(line, shuffled).await.is_ok());
        redis.kill();
        redis.start_again().await;
        fans.until_back().await;
        let lost = figures(line).await;
        assert!(lost.lobby >= 7 && lost.waiting + lost.lobby == 11, "{lost:?}");
        assert_eq!(fans.tick(0).await, Ok(0));
        assert_eq!(line.close_lobby(concert).await, Ok(DrawStage::Done));
        let followed = figures(line).await;
        assert_eq!((followed.lobby, followed.waiting), (0, 11));
        let places: Vec<_> = drawn[..4].iter().filter(|drawee| drawee.entry != passes[0].entry).collect();
        for (ahead, drawee) in (0..).zip(&places) {
            let pass = passes.iter().find(|pass| pass.entry == drawee.entry).expect("theirs");
            assert_eq!(fans.ahead(*pass).await, Some(ahead), "who was placed stands where they were drawn");
        }
        let mut before = None;
        let others =
            passes[1..].iter().filter(|pass| !places.iter().any(|drawee| drawee.entry == pass.entry));
        for pass in others.chain(&late) {
            let ahead = fans.ahead(*pass).await;
            assert!(ahead > before && ahead >= Some(places.len() as u64), "{ahead:?} behind {before:?}");
            before = ahead;
        }
        assert_eq!(fans.join_lobby(20).await.standing.ahead, Some(11));
    });
}

/// The whole line gone after its draw: passes of the line bring back their numbers, passes of the lobby a place behind them.
#[test]
fn when_a_drawn_line_is_lost_passes_of_the_lobby_stand_behind_those_of_the_line() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let fans = redis.instance();
        let passes = fans.fill_lobby(0..10).await;
        let drawn = drive(&fans.line, shuffled).await.expect("it is driven to its end");
        let mut in_line = Vec::new();
        for fan in 0..5 {
            in_line.push(Pass::of(&fans.join(fan).await.standing.place));
        }
        in_line.sort_unstable_by_key(|pass| pass.sequence);
        flush(&redis);
        fans.tick(0).await.expect("answered");
        // The first of the line has both, and shows the one of the lobby first.
        let both = passes.iter().find(|pass| pass.entry == in_line[0].entry).expect("theirs");
        for pass in [both].into_iter().chain(&passes[5..]) {
            stands(&fans, *pass).await.expect("put back");
        }
        fans.tick(0).await.expect("answered");
        assert_eq!(figures(&fans.line).await.lobby, 0, "an open line has no lobby");
        for (pass, ahead) in [both].into_iter().chain(&passes[5..]).zip(0..) {
            assert_eq!(fans.ahead(*pass).await, Some(ahead));
        }
        for pass in &in_line {
            assert_eq!(stands(&fans, *pass).await.map(|(number, _)| number), Some(pass.sequence));
        }
        for (ahead, pass) in (0..).zip(in_line.iter().chain(&passes[5..])) {
            assert_eq!(fans.ahead(*pass).await, Some(ahead));
        }
        assert_eq!(stands(&fans, *both).await, Some((in_line[0].sequence, Some(0))), "one place");
        assert_eq!((figures(&fans.line).await.waiting, drawn.len()), (10, 10));
    });
}
