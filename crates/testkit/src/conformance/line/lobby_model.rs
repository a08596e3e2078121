//! The lobby against a list: whatever fans do while it is drawn, and wherever the process ends, the line is what was drawn, then
//! who came meanwhile, then who joined afterwards.

use std::collections::BTreeMap;

use frontrow_application::waiting_room::{DrawStage, Drawee};
use frontrow_domain::queue::{EndReason, RoomState};
use frontrow_domain::{ConcertId, Sequence};

use super::bench::Bench;
use crate::clock::Dice;
use crate::line::LineFactory;

const FANS: u32 = 9;
const EVENINGS: u32 = 40;
const STEPS: u32 = 60;
/// How many are placed at a time: so few that a draw has several chunks.
const CHUNK: usize = 2;

/// Where the newest place of a fan is, by the order in which places were given out there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    Lobby(u64),
    Line(u64),
}

/// What has been done of the draw.
#[derive(Debug, Clone)]
enum Stage {
    Gathering,
    /// Settled; with how many chunks were placed.
    Drawing(Vec<(Drawee, u64, u64)>, usize),
    Done,
}

struct List {
    spots: BTreeMap<u64, Spot>,
    /// Arrivals in the lobby, and numbers in the line.
    arrivals: u64,
    line: u64,
    stage: Stage,
}

impl List {
    fn join(&mut self, fan: u64) {
        if self.spots.contains_key(&fan) {
            return;
        }
        let spot = if matches!(self.stage, Stage::Done) {
            self.line += 1;
            Spot::Line(self.line)
        } else {
            self.arrivals += 1;
            Spot::Lobby(self.arrivals)
        };
        self.spots.insert(fan, spot);
    }

    /// Gives a place of the lobby its number in the line, if its fan still has it.
    fn place(&mut self, fan: u64, arrival: u64, number: u64) {
        if let Some(spot) = self.spots.get_mut(&fan).filter(|spot| **spot == Spot::Lobby(arrival)) {
            *spot = Spot::Line(number);
        }
    }

    /// Everybody in the lobby, by arrival.
    fn in_lobby(&self) -> Vec<(u64, u64)> {
        let arrival = |(fan, spot): (&u64, &Spot)| match spot {
            Spot::Lobby(arrival) => Some((*arrival, *fan)),
            Spot::Line(_) => None,
        };
        let mut fans: Vec<_> = self.spots.iter().filter_map(arrival).collect();
        fans.sort_unstable();
        fans
    }

    fn told(&self, fan: u64) -> Option<String> {
        Some(match self.spots.get(&fan)? {
            Spot::Lobby(_) => "lobby".to_owned(),
            Spot::Line(number) => {
                let ahead =
                    self.spots.values().filter(|spot| matches!(spot, Spot::Line(one) if one < number));
                format!("waiting {}", ahead.count())
            }
        })
    }
}

struct Evening<'a, F> {
    bench: &'a mut Bench<F>,
    list: List,
    dice: Dice,
}

impl<F: LineFactory> Evening<'_, F> {
    /// The next step of the draw, or the one before it once more.
    async fn draw(&mut self) {
        let (room, concert) = (self.bench.room().clone(), self.bench.concert);
        match self.list.stage.clone() {
            Stage::Gathering => {
                assert_eq!(room.close_lobby(concert).await, Ok(DrawStage::Drawing));
                let drawees = room.drawees(concert, Sequence::LOBBY).await.expect("the line answers");
                let fans = self.list.in_lobby();
                assert_eq!(drawees.len(), fans.len(), "{:?}", self.list.spots);
                // By arrival both; drawn in an order that has nothing to do with it.
                let mut drawn: Vec<_> = drawees
                    .into_iter()
                    .zip(fans)
                    .map(|(drawee, (arrival, fan))| (drawee, arrival, fan))
                    .collect();
                for last in (1..drawn.len()).rev() {
                    let other = self.dice.below(u32::try_from(last + 1).expect("few"));
                    drawn.swap(last, other as usize);
                }
                self.list.line = drawn.len() as u64;
                self.list.stage = Stage::Drawing(drawn, 0);
            }
            Stage::Drawing(drawn, chunks) => {
                let chunks = if self.dice.percent(25) { chunks.saturating_sub(1) } else { chunks };
                let Some(chunk) = drawn.chunks(CHUNK).nth(chunks) else { return self.finish().await };
                let rank = (chunks * CHUNK) as u64;
                let numbers = chunk.iter().map(|(drawee, ..)| drawee.sequence).collect();
                room.place_drawn(concert, rank, numbers).await.expect("the line answers");
                for ((_, arrival, fan), number) in chunk.iter().zip(rank + 1..) {
                    self.list.place(*fan, *arrival, number);
                }
                self.list.stage = Stage::Drawing(drawn, chunks + 1);
            }
            Stage::Done => {
                assert_eq!(room.close_lobby(concert).await, Ok(DrawStage::Done));
            }
        }
    }

    async fn finish(&mut self) {
        let (room, concert) = (self.bench.room().clone(), self.bench.concert);
        while room.finish_draw(concert).await.expect("the line answers") == DrawStage::Drawing {}
        for (arrival, fan) in self.list.in_lobby() {
            self.list.line += 1;
            let number = self.list.line;
            self.list.place(fan, arrival, number);
        }
        self.list.stage = Stage::Done;
    }

    async fn step(&mut self) {
        let fan = u64::from(self.dice.below(FANS));
        self.bench.clock.advance(1);
        match self.dice.below(20) {
            0..9 => {
                self.bench.join_lobby(fan).await;
                self.list.join(fan);
            }
            9..14 => {
                let left = self.bench.end(fan, EndReason::Left).await;
                assert_eq!(left.is_some(), self.list.spots.remove(&fan).is_some(), "fan {fan}");
            }
            14..18 => self.draw().await,
            18 => {
                self.bench.ask_if_there(fan).await;
            }
            _ => self.bench.crash(),
        }
    }

    async fn compare(&self, step: u32) {
        for fan in 0..u64::from(FANS) {
            let told = self.bench.tell([fan]).await;
            match self.list.told(fan) {
                Some(expected) => assert_eq!(told, expected, "fan {fan} after step {step}"),
                None => assert!(
                    ["left", "nothing"].contains(&told.as_str()),
                    "fan {fan} after step {step}: {told}"
                ),
            }
        }
    }
}

/// Evenings of joining, leaving, drawing and crashing in any order: after every step everybody stands where the list says.
pub async fn whatever_happens_meanwhile_the_line_is_what_was_drawn(factory: impl LineFactory) {
    let mut bench = Bench::open(factory);
    bench.policy.state = RoomState::Lobby;
    let mut done = 0;
    for evening in 0..EVENINGS {
        bench.concert = ConcertId::new(1_000 + evening);
        let list = List { spots: BTreeMap::new(), arrivals: 0, line: 0, stage: Stage::Gathering };
        let mut evening = Evening { bench: &mut bench, list, dice: Dice::new(evening.into()) };
        for step in 0..STEPS {
            evening.step().await;
            evening.compare(step).await;
        }
        done += u32::from(matches!(evening.list.stage, Stage::Done));
    }
    assert!(done > EVENINGS / 2, "{done} of {EVENINGS} evenings came to the end of their draw");
}
