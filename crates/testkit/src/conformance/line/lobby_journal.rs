//! What a journal of the embedded line keeps of lobbies: their places, and how far their draws are (R-Q8).
#![expect(clippy::unused_async, reason = "a journal blocks; the cases of all suites have one shape")]

use frontrow_application::queue::journal::{
    JournalError, LineBatch, LobbyMark, LobbyStage, RoomMark, Stored,
};
use frontrow_domain::queue::{EndReason, Place};
use frontrow_domain::{ConcertId, Sequence, Timestamp};

use super::bench::OTHER_CONCERT;
use super::journal::{Desk, NOW, ended, joined, moved, place};
use crate::line::JournalSource;
use crate::samples;

/// A number in a lobby.
const fn lobby(number: u64) -> u64 {
    Sequence::LOBBY.get() + number
}

fn mark(concert: ConcertId, next: u64, stage: LobbyStage) -> LobbyMark {
    LobbyMark { concert, next: Sequence::new(lobby(next)), stage }
}

fn drawing(below: u64) -> LobbyStage {
    LobbyStage::Drawing { below: Sequence::new(lobby(below)), at: NOW, first: Sequence::new(1) }
}

fn marks(lobbies: impl IntoIterator<Item = LobbyMark>) -> LineBatch {
    LineBatch { lobbies: lobbies.into_iter().collect(), ..LineBatch::default() }
}

impl<S: JournalSource> Desk<S> {
    fn lobby(&self, concert: ConcertId, ended_after: Timestamp) -> Option<LobbyMark> {
        let of_lobby = |stored| match stored {
            Stored::Lobby(mark) if mark.concert == concert => Some(mark),
            _ => None,
        };
        self.load(ended_after).into_iter().find_map(of_lobby)
    }

    fn numbers(&self, ended_after: Timestamp) -> Vec<u64> {
        self.places(ended_after).iter().map(|place| place.sequence.get()).collect()
    }
}

/// Every stage, with the newest of each lobby, before any place; and places in lobbies after those of their line.
pub async fn draws_read_as_they_were_written(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    let numbers = || [1, 2, lobby(1), lobby(2)];
    let stages = [LobbyStage::Gathering, drawing(3), LobbyStage::Done];
    let highest = ConcertId::new(u32::MAX);
    for concert in [samples::CONCERT, OTHER_CONCERT] {
        desk.append(&joined(concert, numbers()));
    }
    let mut reached = LobbyStage::Gathering;
    for stage in stages {
        let mut further = vec![mark(highest, 3, stage)];
        // The draw of the lobby that somebody is in does not come to its end.
        if stage != LobbyStage::Done {
            reached = stage;
            further.push(mark(samples::CONCERT, 3, stage));
        }
        desk.append(&marks(further));
        desk.reopen();
        assert_eq!(desk.lobby(samples::CONCERT, Timestamp::ZERO), Some(mark(samples::CONCERT, 3, reached)));
        assert_eq!(desk.lobby(highest, Timestamp::ZERO), Some(mark(highest, 3, stage)));
        let stored = desk.load(Timestamp::ZERO);
        let is_place = |stored: &Stored| matches!(stored, Stored::Place(_));
        assert!(stored.is_sorted_by_key(is_place), "marks come before places: {stored:?}");
        for concert in [samples::CONCERT, OTHER_CONCERT] {
            let of_it: Vec<Place> =
                desk.places(Timestamp::ZERO).into_iter().filter(|place| place.concert == concert).collect();
            assert_eq!(of_it, numbers().map(|number| place(concert, number)));
        }
    }
}

/// From a stage to an earlier one, to other fans in the draw, or to numbers that were given out: each refuses its batch.
pub async fn a_draw_never_goes_back(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    let concert = samples::CONCERT;
    let stages = [LobbyStage::Gathering, drawing(3), LobbyStage::Done];
    for (reached, stage) in stages.into_iter().enumerate() {
        let next = 5 + reached as u64;
        desk.append(&marks([mark(concert, next, stage)]));
        let mut back: Vec<_> = stages[..=reached].iter().map(|earlier| mark(concert, 9, *earlier)).collect();
        if stage == drawing(3) {
            back.extend([2, 4].map(|below| mark(concert, 9, drawing(below))));
        }
        back.extend(stages.get(reached + 1).map(|later| mark(concert, next - 1, *later)));
        for back in back {
            let batch = LineBatch { lobbies: vec![back], ..joined(OTHER_CONCERT, [1]) };
            let answer = desk.journal().append(&batch);
            assert!(matches!(answer, Err(JournalError::Refused(_))), "{stage:?} to {back:?}: {answer:?}");
        }
        desk.reopen();
        assert_eq!(desk.load(Timestamp::ZERO), [Stored::Lobby(mark(concert, next, stage))]);
    }
}

/// The places of a lobby go with the draw, and nobody else's.
pub async fn a_lobby_that_was_drawn_is_empty(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    for concert in [samples::CONCERT, OTHER_CONCERT] {
        desk.append(&joined(concert, (1..=3).map(lobby)));
        desk.append(&marks([mark(concert, 4, drawing(3))]));
    }
    let over = ended(EndReason::Left, NOW.plus_seconds(1));
    desk.append(&LineBatch {
        moved: vec![moved(samples::CONCERT, lobby(2), over)],
        lobbies: vec![mark(samples::CONCERT, 4, LobbyStage::Done)],
        ..joined(samples::CONCERT, 1..=2)
    });
    desk.reopen();
    let mut left = [1, 2].map(|number| place(samples::CONCERT, number)).to_vec();
    left.extend((1..=3).map(|number| place(OTHER_CONCERT, lobby(number))));
    assert_eq!(desk.places(Timestamp::ZERO), left);
    let done = Some(mark(samples::CONCERT, 4, LobbyStage::Done));
    assert_eq!(desk.lobby(samples::CONCERT, Timestamp::ZERO), done);
    assert_eq!(desk.lobby(OTHER_CONCERT, Timestamp::ZERO), Some(mark(OTHER_CONCERT, 4, drawing(3))));
    let late = moved(samples::CONCERT, lobby(1), over);
    let answer = desk.journal().append(&LineBatch { moved: vec![late], ..LineBatch::default() });
    assert!(matches!(answer, Err(JournalError::Refused(_))), "{answer:?}");
}

/// Numbers of a lobby that were given out are known to be, also when their places are left out or forgotten, and those of
/// the line are not behind them.
pub async fn a_lobby_has_numbers_of_its_own_whatever_is_left_out(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    let concert = samples::CONCERT;
    desk.append(&joined(concert, [1, lobby(1), lobby(2), lobby(3)]));
    desk.append(&joined(OTHER_CONCERT, [lobby(1)]));
    let over = ended(EndReason::Left, NOW);
    let moves = [(concert, lobby(2)), (concert, lobby(3)), (OTHER_CONCERT, lobby(1))];
    let moves = moves.map(|(concert, number)| moved(concert, number, over)).to_vec();
    desk.append(&LineBatch { moved: moves, ..LineBatch::default() });
    let later = NOW.plus_seconds(10_000);
    for is_forgotten in [false, true] {
        if is_forgotten {
            assert_eq!(desk.journal().forget(later, 100), Ok(3));
        }
        desk.reopen();
        assert_eq!(desk.numbers(later), [1, lobby(1)]);
        for (concert, next) in [(concert, 4), (OTHER_CONCERT, 2)] {
            let known = desk.lobby(concert, later);
            assert_eq!(known, Some(mark(concert, next, LobbyStage::Gathering)), "forgotten: {is_forgotten}");
        }
        assert_eq!(desk.mark(concert, later).map(|mark| mark.next), Some(Sequence::new(2)));
        let of_other = desk.mark(OTHER_CONCERT, later).map(|mark| mark.next);
        assert!(of_other.is_none_or(|next| next == Sequence::new(1)), "{of_other:?}");
    }
}

/// Who is in a draw is asked again after a crash: whoever left meanwhile stays known until it is done.
pub async fn whoever_has_left_during_a_draw_is_neither_left_out_nor_forgotten(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    let concert = samples::CONCERT;
    desk.append(&joined(concert, (1..=2).map(lobby)));
    desk.append(&marks([mark(concert, 3, drawing(3))]));
    let over = ended(EndReason::Left, NOW.plus_seconds(1));
    desk.append(&LineBatch { moved: vec![moved(concert, lobby(1), over)], ..LineBatch::default() });
    let later = NOW.plus_seconds(100_000);
    assert_eq!(desk.journal().forget(later, 100), Ok(0));
    desk.reopen();
    let both = [Place { state: over, ..place(concert, lobby(1)) }, place(concert, lobby(2))];
    assert_eq!(desk.places(later), both);
    desk.append(&marks([mark(concert, 3, LobbyStage::Done)]));
    assert_eq!(desk.places(Timestamp::ZERO), []);
}

/// Whoever is in a lobby stays there when the line beside it is closed.
pub async fn a_lobby_is_no_part_of_a_line_that_is_closed(source: impl JournalSource) {
    let mut desk = Desk::open(source);
    let concert = samples::CONCERT;
    desk.append(&joined(concert, [1, 2, lobby(1)]));
    let (next, closed_below) = (Sequence::new(3), Sequence::new(3));
    let closed = RoomMark { concert, next, closed_below, closed_at: NOW };
    desk.append(&LineBatch { rooms: vec![closed], ..LineBatch::default() });
    let later = NOW.plus_seconds(1);
    assert_eq!(desk.numbers(later), [lobby(1)]);
    assert_eq!(desk.journal().forget(later, 100), Ok(2));
    desk.reopen();
    assert_eq!(desk.numbers(Timestamp::ZERO), [lobby(1)]);
    assert_eq!(desk.mark(concert, later), Some(closed));
}
