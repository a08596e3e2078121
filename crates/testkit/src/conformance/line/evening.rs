//! An evening at random: fans join, ask, come, leave and vanish, an operator turns the cap, the process ends and
//! comes back. What has to hold all the time is checked by the cases that run one.

use std::ops::Range;

use frontrow_application::waiting_room::LineFigures;
use frontrow_domain::queue::EndReason;

use super::bench::Bench;
use super::checks::cap_exceeded;
use crate::clock::Dice;
use crate::line::LineFactory;

/// Fans of an evening: few, so that they come back often.
const FANS: u32 = 40;
/// The highest cap.
const CAP_MAX: u32 = 12;
/// What an operator or a payment ends places with.
const ENDS: [EndReason; 3] = [EndReason::Left, EndReason::Paid, EndReason::Revoked];

/// A line on which things happen at random, the same in every run of a seed.
pub struct Evening<F> {
    /// The line.
    pub bench: Bench<F>,
    dice: Dice,
}

impl<F: LineFactory> Evening<F> {
    /// An evening of this seed, before anybody has come.
    pub fn open(factory: F, seed: u64) -> Self {
        let mut bench = Bench::open(factory);
        bench.policy.settings.max_active = 3;
        Self { bench, dice: Dice::new(seed) }
    }

    /// Everybody who may come.
    pub fn fans(&self) -> Range<u64> {
        0..u64::from(FANS)
    }

    /// The most who may be active at once, as it is now.
    pub fn cap(&self) -> u32 {
        self.bench.policy.settings.max_active
    }

    /// The next thing that happens.
    pub async fn step(&mut self) {
        let fan = u64::from(self.dice.below(FANS));
        match self.dice.below(100) {
            0..30 => {
                self.bench.join(fan).await;
            }
            30..50 => {
                if self.bench.find(fan).await.is_some() {
                    self.bench.ask(fan).await;
                }
            }
            50..58 => {
                let reason = *self.dice.pick(&ENDS).expect("there are reasons");
                self.bench.end(fan, reason).await;
            }
            58..70 => {
                if self.bench.find(fan).await.is_some() {
                    // Refused or not: the fan tries the door.
                    let _ = self.bench.enter(fan).await;
                }
            }
            70..85 => {
                self.tick().await;
            }
            85..93 => {
                let micros = *self.dice.pick(&[20_000, 1_000_000, 25_000_000, 65_000_000]).expect("listed");
                self.bench.clock.advance_micros(micros);
            }
            93..97 => self.bench.policy.settings.max_active = self.dice.below(CAP_MAX + 1),
            97..99 => {
                // What has run out is noted within hundredths of a second; here that is before the end.
                self.tick().await;
                self.bench.flush().await;
                self.bench.crash();
            }
            _ => {
                self.tick().await;
                self.bench.reopen();
            }
        }
    }

    async fn tick(&mut self) -> LineFigures {
        let figures = self.bench.tick().await;
        assert_eq!(cap_exceeded(&figures, self.cap()), None);
        figures
    }
}
