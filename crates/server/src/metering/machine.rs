//! The process and its disk. Looking may block, so it belongs on a thread that may.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontrow_application::Clock as _;
use frontrow_domain::Timestamp;
use frontrow_store_sqlite::{DELIVERY_FILE_NAME, FILE_NAME, LINE_FILE_NAME};
use metrics::gauge;
use metrics_process::Collector;
use tokio::runtime::Handle;

use crate::adapters::clock::SystemClock;
use crate::backups;
use crate::rush::worked;

/// What is looked at, with what was seen last.
pub(crate) struct Machine {
    /// The data folder of an embedded store.
    folder: Option<PathBuf>,
    clock: Arc<SystemClock>,
    started: Timestamp,
    process: Collector,
    runtime: Handle,
    seen: (Instant, Duration),
}

impl Machine {
    /// For this runtime, and the data folder of an embedded store.
    pub(crate) fn new(folder: Option<PathBuf>, clock: Arc<SystemClock>) -> Self {
        let runtime = Handle::current();
        let seen = (Instant::now(), worked(&runtime));
        let started = clock.now();
        Self { folder, clock, started, process: Collector::default(), runtime, seen }
    }

    /// Looks, and shows what it sees.
    pub(crate) fn look(&mut self) {
        self.process.collect();
        let (now, busy) = (Instant::now(), worked(&self.runtime));
        let (then, before) = std::mem::replace(&mut self.seen, (now, busy));
        let could = (now - then).as_secs_f64() * self.runtime.metrics().num_workers() as f64;
        if could > 0.0 {
            gauge!("frontrow_runtime_busy_ratio").set(busy.saturating_sub(before).as_secs_f64() / could);
        }
        if let Some(folder) = &self.folder {
            look_at_disk(folder);
            let backup = backups::look(folder, self.clock.now(), self.started);
            gauge!("frontrow_backup_made").set(f64::from(u8::from(backup.is_made)));
            gauge!("frontrow_backup_age_seconds").set(backup.age_seconds);
        }
    }
}

fn look_at_disk(folder: &Path) {
    for name in [FILE_NAME, LINE_FILE_NAME, DELIVERY_FILE_NAME] {
        let bytes = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        gauge!("frontrow_sqlite_file_bytes", "file" => name).set(bytes(name) as f64);
        // No log is one of no bytes: it is made with the first change after a start.
        gauge!("frontrow_sqlite_wal_bytes", "file" => name).set(bytes(&format!("{name}-wal")) as f64);
    }
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            gauge!("frontrow_data_free_bytes").set((disk.f_bavail * disk.f_frsize) as f64);
            gauge!("frontrow_data_size_bytes").set((disk.f_blocks * disk.f_frsize) as f64);
        }
        Err(error) => tracing::debug!(%error, "the disk of the data folder cannot be looked at"),
    }
}
