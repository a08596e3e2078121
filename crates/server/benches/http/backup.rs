//! Holds beside a backup: how much of its speed the sale keeps while `frontrow backup` copies the store, one backup after the
//! other for as long as the run goes on. The last one is restored and audited: a quick backup that is none is no figure.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use frontrow_rehearsal::Spread;
use tempfile::TempDir;

use crate::house::House;
use crate::measure::{Options, run_once};
use crate::sale::{Kind, Night, Sale};
use crate::server::frontrow;

const NAME: &str = "POST /reservations beside a backup";

pub(crate) fn bench(options: &Options) -> Result<()> {
    if options.shared.is_some() || !options.wants(NAME) {
        return Ok(());
    }
    let house = House::open(options)?;
    let mut night = Night::prepare(&house)?;
    println!("\none backup after the other beside holds");
    println!(
        "\n| connections | holds/s alone | beside a backup | ratio | seconds a backup | MiB | log MiB afterwards |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut last = None;
    for &connections in &options.connections {
        last = Some(row(&house, &mut night, connections, options)?);
    }
    let last = last.context("no connections were asked for")?;
    let restored = tempfile::tempdir()?;
    let restore =
        frontrow(&restored.path().join("data")).args(["restore", "--from"]).arg(last.path()).output()?;
    if !restore.status.success() {
        bail!("the last backup is none: {}", String::from_utf8_lossy(&restore.stderr));
    }
    house.close()
}

/// Answers the last backup of the row.
fn row(house: &House, night: &mut Night, connections: usize, options: &Options) -> Result<TempDir> {
    let (mut quiet, mut beside, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut seconds, mut sizes, mut logs) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..options.runs {
        night.refill(house)?;
        let mut holds = Sale { night, kind: Kind::Hold };
        house.settle()?;
        let alone = run_once(&house.addresses(), &mut holds, connections, options)?.rate();
        house.settle()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let backups = begin(house.folder().to_owned(), Arc::clone(&is_over));
        let with = run_once(&house.addresses(), &mut holds, connections, options);
        is_over.store(true, Ordering::Relaxed);
        let (backup, took) = backups.join().map_err(|_| anyhow!("the backups panicked"))??;
        let with = with?.rate();
        quiet.push(alone);
        beside.push(with);
        ratios.push(with / alone);
        seconds.extend(took);
        sizes.push(mib(backup.path(), |_| true)?);
        logs.push(mib(house.folder(), |name| name.ends_with("-wal"))?);
        last = Some(backup);
    }
    let spread = |figures: &Vec<f64>| Spread::of(figures.iter().copied()).context("no runs");
    println!(
        "| {connections} | {:.0} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} |",
        spread(&quiet)?,
        spread(&beside)?,
        spread(&ratios)?,
        spread(&seconds)?,
        spread(&sizes)?,
        spread(&logs)?
    );
    last.context("no runs")
}

/// Makes one backup after the other until it is over, at least one, and answers the last with how long each took.
fn begin(data: PathBuf, is_over: Arc<AtomicBool>) -> JoinHandle<Result<(TempDir, Vec<f64>)>> {
    spawn(move || {
        let mut took = Vec::new();
        loop {
            let folder = tempfile::tempdir()?;
            let begun = Instant::now();
            let backup = frontrow(&data).args(["backup", "--to"]).arg(folder.path()).output()?;
            if !backup.status.success() {
                bail!("the backup failed: {}", String::from_utf8_lossy(&backup.stderr));
            }
            took.push(begun.elapsed().as_secs_f64());
            if is_over.load(Ordering::Relaxed) {
                return Ok((folder, took));
            }
        }
    })
}

/// What the files of a folder take whose names are wanted.
fn mib(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<f64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if is_wanted(&entry.file_name().to_string_lossy()) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes as f64 / 1_048_576.0)
}
