//! What the system says of the server's process: its memory and its processor time are nobody else's.

use anyhow::{Context, Result};

/// Processor time is counted in hundredths of a second on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process at one moment.
pub(crate) struct Process {
    /// What it has in memory.
    pub(crate) resident_kib: i64,
    /// Seconds of processor since it began, over all its threads.
    pub(crate) processor: f64,
    /// Files and sockets.
    pub(crate) open_files: usize,
}

impl Process {
    /// The process of this id, now.
    pub(crate) fn of(id: u32) -> Result<Self> {
        let folder = format!("/proc/{id}");
        let status = std::fs::read_to_string(format!("{folder}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let stat = std::fs::read_to_string(format!("{folder}/stat"))?;
        // The name, in brackets, may have spaces; the times are the 12th and 13th field behind it.
        let fields = stat.rsplit_once(") ").context("no name")?.1.split(' ').skip(11).take(2);
        let ticks: f64 = fields.filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(Self {
            resident_kib: resident.trim().trim_end_matches(" kB").parse()?,
            processor: ticks / TICKS_PER_SECOND,
            open_files: std::fs::read_dir(format!("{folder}/fd"))?.count(),
        })
    }
}
