//! How a line will move: the renewal of sessions under a cap and a rate, in steps of time.
//!
//! Whoever is let in stays as the curve of survival says ([`Stay`]); one more is let in as soon as the cap has room and as
//! the rate allows. So a line that opens with an empty room goes at its rate until the cap is reached, stands until the
//! first are done, and finds its pace after some sessions: cap over mean session, which is Little's law
//! (J. D. C. Little, "A proof for the queuing formula L = λW", Operations Research 9, 1961).

use super::stay::Stay;

/// Steps in which the future is reckoned. After them the line is taken to go on evenly.
const STEPS: usize = 48;
/// Steps in a session of average length.
const STEPS_A_SESSION: f64 = 10.0;

/// What decides how a line moves.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Room {
    /// Seconds of a step.
    step: f64,
    /// What a session lasts on average, in seconds.
    mean: f64,
    /// The share of sessions that outlast so many steps.
    stay: [f64; STEPS + 1],
    /// How many of those who are let in now will still be there after so many steps.
    remain: [f64; STEPS + 1],
}

/// How many will have been let in by when.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    step: f64,
    /// By the end of so many steps.
    let_in: [f64; STEPS + 1],
    /// People a second after the last step.
    pace: f64,
}

impl Room {
    pub(super) fn new(stay: &Stay, by_age: impl Iterator<Item = (f64, f64)>) -> Self {
        let step = (stay.mean / STEPS_A_SESSION).max(0.1);
        let mut remain = [0.0; STEPS + 1];
        for (count, age) in by_age {
            let now = stay.beyond(age);
            for (number, remain) in remain.iter_mut().enumerate() {
                // Whoever has outlasted what anybody does is about to go.
                let share = if now > 1e-9 { stay.beyond(age + number as f64 * step) / now } else { 0.0 };
                *remain += count * share;
            }
        }
        let lasting = std::array::from_fn(|number| stay.beyond(number as f64 * step));
        Self { step, mean: stay.mean, stay: lasting, remain }
    }

    /// How the line moves when sessions are so many times as long as they seem to be.
    pub(super) fn flow(&self, rate: f64, cap: f64, times: f64) -> Flow {
        let step = self.step * times;
        let most = rate * step;
        let mut admitted = [0.0; STEPS];
        let mut let_in = [0.0; STEPS + 1];
        for now in 0..STEPS {
            let earlier = (0..now).map(|then| {
                let steps = now - then;
                // They were let in over the whole of a step.
                admitted[then] * f64::midpoint(self.stay[steps], self.stay[steps + 1])
            });
            let there = self.remain[now + 1] + earlier.sum::<f64>();
            admitted[now] = (cap - there).clamp(0.0, most);
            let_in[now + 1] = let_in[now] + admitted[now];
        }
        Flow { step, let_in, pace: rate.min(cap / (self.mean * times)) }
    }
}

impl Flow {
    /// Seconds until so many will have been let in.
    pub(super) fn seconds_for(&self, people: f64) -> f64 {
        let all = self.let_in[STEPS];
        if people >= all {
            return STEPS as f64 * self.step + (people - all) / self.pace;
        }
        let next = self.let_in.partition_point(|let_in| *let_in <= people).max(1);
        let (before, after) = (self.let_in[next - 1], self.let_in[next]);
        ((next - 1) as f64 + (people - before) / (after - before)) * self.step
    }

    /// Numbers of people between which the line moves evenly, more or less.
    pub(super) fn bends(&self) -> impl Iterator<Item = f64> {
        self.let_in.into_iter()
    }
}
