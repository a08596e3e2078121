//! What is told while the night goes on: one line that is rewritten at a terminal, a line every few seconds elsewhere.

use std::io::{IsTerminal as _, Write as _};

use frontrow_rehearsal::night::{Night, Sample};

/// Seconds between two lines that stay.
const EVERY: f64 = 5.0;

/// The line about the night.
pub(super) struct Progress {
    fans: u64,
    seats: u64,
    is_terminal: bool,
    told: f64,
}

impl Progress {
    pub(super) fn begin(night: &Night) -> Self {
        eprintln!("frontrow: the sale opens; Ctrl-C ends the rehearsal");
        Self {
            fans: night.crew.fans as u64,
            seats: night.sale.seats as u64,
            is_terminal: std::io::stderr().is_terminal(),
            told: 0.0,
        }
    }

    /// Tells a second of the night. True: the night goes on, whoever reads this or not.
    pub(super) fn tell(&mut self, sample: &Sample) -> bool {
        let line = line(sample, self.fans, self.seats);
        let mut out = std::io::stderr().lock();
        if self.is_terminal {
            let _ = write!(out, "\r\x1b[K{line}");
        } else if sample.second - self.told >= EVERY {
            self.told = sample.second;
            let _ = writeln!(out, "{line}");
        }
        let _ = out.flush();
        true
    }

    /// The night is over; this comes next.
    pub(super) fn end(&self, next: &str) {
        if self.is_terminal {
            eprintln!();
        }
        eprintln!("frontrow: {next}");
    }
}

fn line(sample: &Sample, fans: u64, seats: u64) -> String {
    let Sample { second, arrived, waiting, active, sold, refused, requests_per_second, p99_ms, .. } = *sample;
    format!(
        "{second:>5.0} s  {arrived} of {fans} came, {waiting} in line, {active} let in, {sold} of {seats} seats sold, \
         {refused} refusals, {requests_per_second:.0} answers/s, p99 {p99_ms:.1} ms"
    )
}
