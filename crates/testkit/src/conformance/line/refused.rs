//! The embedded line while its journal refuses: joining and admission stop closed, places can be asked for, and
//! afterwards the line goes on as if nothing had been asked.

use std::collections::HashMap;
use std::sync::Arc;

use frontrow_application::waiting_room::{DrawStage, LineError, NotLetIn};
use frontrow_domain::Sequence;
use frontrow_domain::queue::{EndReason, Place, PlaceState, RoomState};

use super::bench::Bench;
use super::evening::Evening;
use super::kept::{a_line, attempt, joining, leaving, queue, send, ticking};
use super::lobby::draw_in_order;
use crate::clock::Dice;
use crate::line::{EmbeddedFactory, JournalFault, JournalSource};
use crate::samples;

fn is_unavailable<T>(answer: &Result<T, LineError>) -> bool {
    matches!(answer, Err(LineError::Unavailable(_)))
}

/// A refused join leaves no place and stands in nobody's way; the fan may ask again.
pub async fn a_refused_join_leaves_no_place(source: impl JournalSource) {
    let mut bench = a_line(source, 2).await;
    let journal = bench.factory.journal();
    journal.fail_next(JournalFault::Refused);
    assert!(is_unavailable(&joining(&bench, 2).await));
    assert_eq!(bench.tell(0..3).await, "waiting 0, waiting 1, nothing");
    assert_eq!(bench.join(3).await.standing.ahead, Some(2));
    let again = bench.join(2).await;
    assert_eq!((again.is_new, again.standing.ahead), (true, Some(3)));
    assert_eq!(bench.tick().await.waiting, 4);
    bench.crash();
    assert_eq!(bench.tell(0..4).await, "waiting 0, waiting 1, waiting 3, waiting 2");
}

/// The same in the lobby of a sale with a draw.
pub async fn a_refused_place_in_the_lobby_was_never_there(source: impl JournalSource) {
    let mut bench = Bench::open(EmbeddedFactory::new(source));
    bench.join_lobby(0).await;
    bench.factory.journal().fail_next(JournalFault::Refused);
    let refused = bench.room().join_lobby(bench.concert, bench.newcomer(1), Ok(())).await;
    assert!(is_unavailable(&refused));
    assert_eq!(bench.tell(0..2).await, "lobby, nothing");
    assert_eq!(bench.tick_in(RoomState::Lobby).await.lobby, 1);
    assert!(bench.join_lobby(1).await.is_new);
    draw_in_order(&bench, |drawees| drawees).await;
    assert_eq!(bench.tell(0..2).await, "waiting 0, waiting 1");
}

/// Whichever write of a draw comes to nothing, the step is taken again and the line is what it would have been.
pub async fn a_refused_step_of_a_draw_is_taken_again(source: impl JournalSource) {
    let mut bench = Bench::open(EmbeddedFactory::new(source));
    bench.policy.state = RoomState::Lobby;
    for fan in 0..4 {
        bench.join_lobby(fan).await;
    }
    let (room, concert) = (Arc::clone(bench.room()), bench.concert);
    let journal = bench.factory.journal();
    journal.fail_next(JournalFault::Refused);
    assert!(is_unavailable(&room.close_lobby(concert).await));
    bench.join_lobby(4).await;
    assert_eq!(room.close_lobby(concert).await, Ok(DrawStage::Drawing));
    bench.join_lobby(5).await;
    let drawees = room.drawees(concert, Sequence::LOBBY).await.expect("the line answers");
    let drawn: Vec<Sequence> = drawees.iter().rev().map(|drawee| drawee.sequence).collect();
    assert_eq!(drawn.len(), 5, "who came before the step that counted is in the draw");
    journal.fail_next(JournalFault::Refused);
    assert!(is_unavailable(&room.place_drawn(concert, 0, drawn.clone()).await));
    assert_eq!(bench.tell(0..6).await, "lobby, lobby, lobby, lobby, lobby, lobby");
    room.place_drawn(concert, 0, drawn).await.expect("placed");
    journal.fail_next(JournalFault::Refused);
    assert!(is_unavailable(&room.finish_draw(concert).await));
    assert_eq!(bench.tell(0..6).await, "waiting 4, waiting 3, waiting 2, waiting 1, waiting 0, lobby");
    bench.join_lobby(6).await;
    assert_eq!(room.finish_draw(concert).await, Ok(DrawStage::Done));
    assert_eq!(bench.tell(5..7).await, "waiting 5, waiting 6");
    drop((room, journal));
    bench.crash();
    let told = "waiting 4, waiting 3, waiting 2, waiting 1, waiting 0, waiting 5, waiting 6";
    assert_eq!(bench.tell(0..7).await, told);
}

/// The place that a fan had before is still the one that is found.
pub async fn a_refused_join_hides_no_older_place(source: impl JournalSource) {
    let bench = a_line(source, 1).await;
    bench.leave(0).await;
    let old = bench.look(0).await.place;
    bench.factory.journal().fail_next(JournalFault::Refused);
    assert!(is_unavailable(&joining(&bench, 0).await));
    assert_eq!(bench.find(0).await.map(|standing| standing.place), Some(old));
}

/// A refused call lets nobody in, costs no slot, and is made up for when the journal takes something again.
pub async fn a_refused_admission_lets_nobody_in(source: impl JournalSource) {
    let mut bench = a_line(source, 3).await;
    let journal = bench.factory.journal();
    bench.policy.settings.max_active = 2;
    for _ in 0..3 {
        journal.fail_next(JournalFault::Refused);
        assert!(is_unavailable(&ticking(&bench).await));
        assert_eq!(bench.tell(0..3).await, "waiting 0, waiting 1, waiting 2");
        assert_eq!(bench.enter(0).await, Err(NotLetIn::Waiting));
        bench.clock.advance(1);
    }
    let figures = bench.tick().await;
    assert_eq!((figures.admitted, figures.active, figures.waiting), (2, 2, 1));
    assert_eq!(bench.tell(0..3).await, "active, active, waiting 0");
}

/// A refused end, skip or closing changes nothing.
pub async fn a_refused_end_changes_nothing(source: impl JournalSource) {
    let mut bench = a_line(source, 4).await;
    let journal = bench.factory.journal();
    bench.tick_with_cap(1).await;
    for fan in [0, 2] {
        journal.fail_next(JournalFault::Refused);
        assert!(is_unavailable(&leaving(&bench, fan).await));
        assert_eq!(bench.tell(0..4).await, "active, waiting 0, waiting 1, waiting 2");
    }
    bench.policy.state = RoomState::Closed;
    journal.fail_next(JournalFault::Refused);
    assert!(is_unavailable(&ticking(&bench).await));
    assert_eq!(bench.tell(0..4).await, "active, waiting 0, waiting 1, waiting 2");
    bench.policy.state = RoomState::Open;
    assert!(leaving(&bench, 2).await.expect("kept"));
    bench.tick_in(RoomState::Closed).await;
    assert_eq!(bench.tell(0..4).await, "active, closed, left, closed");
}

/// While nothing is kept, everybody may ask for their place, and whoever is let in may come.
pub async fn places_are_told_while_nothing_is_kept(source: impl JournalSource) {
    let mut bench = a_line(source, 3).await;
    bench.tick_with_cap(1).await;
    let journal = bench.factory.journal();
    assert!(bench.factory.line().is_well());
    journal.refuse_all();
    assert!(is_unavailable(&joining(&bench, 7).await));
    assert!(!bench.factory.line().is_well() && !bench.factory.line().has_failed());
    bench.policy.settings.max_active = 2;
    for _ in 0..3 {
        assert!(is_unavailable(&ticking(&bench).await));
        bench.ask_all(0..3).await;
        assert_eq!(bench.tell(0..3).await, "active, waiting 0, waiting 1");
        assert_eq!(bench.enter(0).await, Ok(()));
        assert!(!joining(&bench, 1).await.expect("a place that is there is answered").is_new);
        bench.clock.advance(1);
    }
    journal.heal();
    assert_eq!(ticking(&bench).await, Ok(1));
    assert!(bench.factory.line().is_well());
    assert_eq!(bench.tell(0..3).await, "active, active, waiting 0");
}

/// Absence counts anew once the journal takes something again: who could not be let in did not have to ask.
pub async fn absence_counts_from_the_end_of_an_outage(source: impl JournalSource) {
    let mut bench = a_line(source, 2).await;
    let journal = bench.factory.journal();
    journal.refuse_all();
    bench.policy.settings.max_active = 1;
    for _ in 0..10 {
        assert!(is_unavailable(&ticking(&bench).await));
        bench.clock.advance(10);
    }
    journal.heal();
    bench.join(2).await;
    bench.settle().await;
    assert_eq!(bench.tell(0..3).await, "active, waiting 0, waiting 1");
    bench.clock.advance(60);
    bench.ask(2).await;
    bench.tick_with_cap(2).await;
    bench.tick().await;
    assert_eq!(bench.tell(1..3).await, "skipped, active", "and then it counts");
}

/// A fan who asks from a second device while the first is being refused is not told of a place that is not there.
pub async fn joining_again_while_the_first_is_refused_tells_of_no_lost_place(source: impl JournalSource) {
    let mut bench = a_line(source, 1).await;
    let journal = bench.factory.journal();
    journal.shut_door();
    let first = send(&bench, joining(&bench, 1)).await;
    let again = queue(joining(&bench, 1)).await;
    journal.fail_next(JournalFault::Refused);
    journal.open_door();
    assert!(is_unavailable(&first.await));
    let told = again.await.map(|joined| joined.standing.place);
    let there = bench.find(1).await.map(|standing| standing.place);
    assert!(told.is_err() || told.as_ref().ok() == there.as_ref(), "told {told:?}, there is {there:?}");
    bench.crash();
    let there = bench.find(1).await.map(|standing| standing.place);
    assert!(told.is_err() || told.as_ref().ok() == there.as_ref(), "told {told:?}, there is {there:?}");
}

/// A call of a fan whose place is being refused comes to nothing, and costs no slot for good.
pub async fn a_call_on_a_refused_place_costs_no_slot(source: impl JournalSource) {
    let mut bench = a_line(source, 0).await;
    let journal = bench.factory.journal();
    bench.policy.settings.max_active = 1;
    journal.shut_door();
    let join = send(&bench, joining(&bench, 0)).await;
    let tick = attempt(ticking(&bench)).await;
    let behind = queue(joining(&bench, 2)).await;
    journal.fail_next(JournalFault::Refused);
    journal.open_door();
    assert!(is_unavailable(&join.await));
    // Whether it was refused with the place or had nothing to let in is its own affair.
    let _ = tick.await;
    assert!(behind.await.is_ok(), "whoever joins behind is not refused with them");
    assert_eq!(bench.tell([0]).await, "nothing");
    bench.leave(2).await;
    bench.clock.advance(5);
    bench.join(1).await;
    bench.settle().await;
    assert_eq!(bench.tell([1]).await, "active", "the slot is free");
    assert_eq!(bench.tick().await.active, 1);
}

/// A call that is refused lets nobody overtake: not those called behind it either.
pub async fn nobody_overtakes_a_refused_call(source: impl JournalSource) {
    let mut bench = a_line(source, 4).await;
    let journal = bench.factory.journal();
    bench.policy.settings.max_active = 1;
    journal.shut_door();
    let first = send(&bench, ticking(&bench)).await;
    bench.policy.settings.max_active = 2;
    let second = attempt(ticking(&bench)).await;
    journal.fail_next(JournalFault::Refused);
    journal.open_door();
    assert!(is_unavailable(&first.await));
    // Refused with the first, or decided anew behind it.
    let _ = second.await;
    let told = bench.tell(0..4).await;
    assert!(!told.starts_with("waiting 0, active"), "the second in line was let in before the first: {told}");
    bench.clock.advance(1);
    bench.settle().await;
    assert_eq!(bench.tell(0..4).await, "active, active, waiting 0, waiting 1");
}

/// An end of a fan whose place is being refused: whatever is answered, the place is not there.
pub async fn an_end_of_a_refused_place_stops_nothing(source: impl JournalSource) {
    let mut bench = a_line(source, 1).await;
    let journal = bench.factory.journal();
    journal.shut_door();
    let join = send(&bench, joining(&bench, 1)).await;
    let leave = attempt(leaving(&bench, 1)).await;
    journal.fail_next(JournalFault::Refused);
    journal.open_door();
    assert!(is_unavailable(&join.await));
    let _ = leave.await;
    assert_eq!(bench.join(2).await.standing.ahead, Some(1), "the journal takes what comes next");
    assert_eq!(bench.tell(1..2).await, "nothing");
    bench.crash();
    assert_eq!(bench.tell(0..3).await, "waiting 0, nothing, waiting 1");
}

/// A session that was found to be over when the line was opened stays so, also when noting it is refused.
pub async fn an_old_session_is_over_once_whatever_is_refused(source: impl JournalSource) {
    let mut bench = a_line(source, 1).await;
    bench.tick_with_cap(1).await;
    bench.clock.advance(60);
    bench.join(0).await;
    bench.policy.settings.max_active = 0;
    for _ in 0..2 {
        bench.crash();
        bench.factory.journal().fail_next(JournalFault::Refused);
        // Whether a tick has anything to note is its own affair.
        let _ = ticking(&bench).await;
        bench.factory.journal().heal();
        let figures = bench.settle().await;
        assert_eq!((figures.active, figures.waiting), (0, 1));
        assert_eq!(bench.tell([0]).await, "waiting 0");
    }
    bench.tick_with_cap(1).await;
    bench.leave(0).await;
    bench.crash();
    assert_eq!((bench.tell([0]).await.as_str(), bench.tick().await.active), ("left", 0));
}

/// What is shown is what is kept, through an evening on which every fifth batch is refused.
pub async fn what_is_shown_is_what_is_kept(source: impl JournalSource) {
    let mut bench = a_line(source, 0).await;
    let journal = bench.factory.journal();
    let mut dice = Dice::new(8);
    let mut refused = 0;
    for _ in 0..600 {
        if dice.percent(20) {
            journal.fail_next(JournalFault::Refused);
        } else {
            journal.pass_next();
        }
        let fan = u64::from(dice.below(30));
        let answer = match dice.below(10) {
            0..4 => joining(&bench, fan).await.map(|_| ()),
            4..6 => leaving(&bench, fan).await.map(|_| ()),
            6..9 => {
                bench.policy.settings.max_active = dice.below(8);
                ticking(&bench).await.map(|_| ())
            }
            _ => {
                bench.clock.advance(dice.below(40));
                Ok(())
            }
        };
        refused += u32::from(answer.is_err());
    }
    journal.heal();
    bench.settle().await;
    assert!(refused > 40, "{refused} refused: the evening was too quiet");
    let (told, figures) = (bench.tell(0..30).await, bench.tick().await);
    assert!(figures.active <= 8 && figures.waiting + figures.skipped + u64::from(figures.active) <= 30);
    bench.crash();
    assert_eq!(bench.tell(0..30).await, told);
    let after = bench.tick().await;
    assert_eq!(
        (after.waiting, after.skipped, after.active),
        (figures.waiting, figures.skipped, figures.active)
    );
}

/// An evening on a line with a door before its journal is like any other: with nothing scripted it is transparent.
pub async fn an_evening_behind_the_door(source: impl JournalSource) {
    let mut evening = Evening::open(EmbeddedFactory::new(source), 9);
    for _ in 0..300 {
        evening.step().await;
    }
    assert!(evening.bench.factory.line().is_well());
}

/// Bug 24: the power goes while very many join. Whoever was answered keeps their number; nobody else has one that
/// others were told.
pub async fn bug_24_joins_cut_off_by_a_crash_keep_what_was_answered(source: impl JournalSource) {
    const FANS: u64 = 400;
    let mut bench = a_line(source, 1).await;
    let mut told: HashMap<u64, Place> = HashMap::new();
    let mut lost = 0;
    for round in 0..8_u64 {
        bench.factory.journal().cut_after(usize::try_from(round % 4).expect("small"));
        // Half of them were there before. One who is answered lets the next ask, so that there are several batches.
        let tasks: Vec<_> = (0..FANS / 10)
            .map(|task| {
                let fans = (0..10).map(|number| round * FANS / 2 + task * 10 + number);
                let requests: Vec<_> = fans.map(|fan| (fan, joining(&bench, fan))).collect();
                tokio::spawn(async move {
                    let mut answers = Vec::new();
                    for (fan, request) in requests {
                        answers.push((fan, request.await));
                    }
                    answers
                })
            })
            .collect();
        for task in tasks {
            for (fan, answer) in task.await.expect("no panic") {
                match answer {
                    Ok(joined) => {
                        let place = joined.standing.place;
                        assert_eq!(*told.entry(fan).or_insert(place), place, "fan {fan} has one number");
                    }
                    Err(error) => {
                        assert!(matches!(error, LineError::Unavailable(_)), "{error}");
                        lost += 1;
                    }
                }
            }
        }
        bench.crash();
        for (&fan, place) in &told {
            assert_eq!(bench.look(fan).await.place, *place, "round {round}");
        }
    }
    assert!(lost > 0 && !told.is_empty(), "{lost} were cut off, {} were not", told.len());
    let mut numbers: Vec<_> = told.values().map(|place| place.sequence).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), told.len(), "every number is of one fan");
}

/// The slot of a session whose end was refused is not given to anybody else.
pub async fn a_session_whose_end_is_refused_keeps_its_slot(source: impl JournalSource) {
    let mut bench = a_line(source, 2).await;
    bench.tick_with_cap(1).await;
    let (room, concert) = (Arc::clone(bench.room()), bench.concert);
    let entry = bench.look(0).await.place.entry;
    bench.factory.journal().fail_next(JournalFault::Refused);
    let ended = room.end(concert, samples::user(0), Some(entry), EndReason::Paid).await;
    assert!(is_unavailable(&ended));
    drop(room);
    assert_eq!(bench.tick().await.admitted, 0);
    assert_eq!(bench.tell(0..2).await, "active, waiting 0");
    assert!(
        matches!(bench.end(0, EndReason::Paid).await, Some(before) if matches!(before.place.state, PlaceState::Active(_)))
    );
    bench.tick().await;
    assert_eq!(bench.tell(0..2).await, "paid, active");
}
