//! `frontrow backup` and `frontrow restore`: all files of the embedded store as they were at one moment, with the keys, into
//! a folder, and back. A shared store has tools of its own (docs/backup.md).
//!
//! A backup is whole once its list of files is there, which is written last; a restore begins with it and believes nothing
//! else. See ADR 0029.

mod manifest;
mod restore;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use frontrow_application::Clock as _;
use frontrow_store_sqlite::Snapshot;

pub(super) use restore::{RestoreArguments, run as restore};

use self::manifest::{Listed, Manifest};
use super::answer;
use crate::adapters::clock::SystemClock;
use crate::backups;
use crate::config::Config;

/// What the keys are called in a backup, and in a data folder.
const KEYS_NAME: &str = "keys.json";

/// Where a backup goes.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    frontrow backup --data /var/lib/frontrow --to /backups/$(date +%F-%H%M)\n  \
    frontrow backup --to /mnt/elsewhere/tonight --without-keys")]
pub(crate) struct BackupArguments {
    /// A folder that is not there yet, or is empty
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Leave the keys out that sign log-ins and tickets. Without them everybody has to log in anew and tickets that were
    /// sold are not recognised, so they have to be kept elsewhere
    #[arg(long)]
    without_keys: bool,
}

pub(super) fn run(config: &Config, arguments: &BackupArguments) -> anyhow::Result<ExitCode> {
    refuse_shared(config, "backup")?;
    let to = &arguments.to;
    let folder = make_empty(to)?;
    // Before the snapshot: what was answered by then is in it.
    let made_at = SystemClock::start().now();
    let snapshot = Snapshot::take(&config.store.data)?;
    let copied = snapshot.copy_to(to, &mut tell).with_context(|| unfinished(to))?;
    let epoch = snapshot.epoch;
    // From here on the server may begin its logs anew.
    drop(snapshot);
    let mut files = Vec::new();
    for file in copied {
        files.push(Listed::of(to, file.name, Some(file.schema)).with_context(|| unfinished(to))?);
    }
    if !arguments.without_keys {
        let from = keys_file(config);
        let found = copy_keys(&from, &to.join(KEYS_NAME));
        if found.with_context(|| format!("{}; the keys are at {}", unfinished(to), from.display()))? {
            files.push(Listed::of(to, KEYS_NAME, None)?);
        } else {
            eprintln!("there are no keys at {}: settings of their own sign, so keep those", from.display());
        }
    }
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let manifest = Manifest::new(made_at, epoch, files);
    manifest.write(to).with_context(|| unfinished(to))?;
    folder.sync_all()?;
    if let Err(error) = backups::note(&config.store.data, made_at, bytes) {
        eprintln!(
            "the backup is whole, and cannot be noted in {}: a server there goes on to show the one before as its last \
             ({error})",
            config.store.data.display()
        );
    }
    answer(&format!(
        "backed up {} as it was at {}: {} files, {bytes} bytes, in {}\n\
         Try it now and then: frontrow restore --from {3} --data A-NEW-FOLDER",
        config.store.data.display(),
        made_at.rfc3339(),
        manifest.files.len(),
        to.display(),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Says what to do instead where the store is not made of files.
fn refuse_shared(config: &Config, command: &str) -> anyhow::Result<()> {
    if config.store.url.is_empty() {
        return Ok(());
    }
    bail!(
        "frontrow {command} is for the embedded store, and store.url names a shared one, which its own tools back up and \
         restore: mariadb-dump --single-transaction, mariadb-backup, or snapshots of your provider; docs/backup.md has \
         the commands, and what to do with the lines on Redis"
    );
}

/// The folder, made for its owner only; what is in a backup concerns nobody else.
fn make_empty(to: &Path) -> anyhow::Result<File> {
    let of_folder = || format!("cannot use the folder {}", to.display());
    DirBuilder::new().recursive(true).mode(0o700).create(to).with_context(of_folder)?;
    if let Some(entry) = fs::read_dir(to).with_context(of_folder)?.next() {
        let found = entry.with_context(of_folder)?.file_name();
        let what = if Manifest::is_in(to) {
            "there is a backup in it"
        } else {
            "something else or an unfinished backup is in it"
        };
        bail!(
            "{} is not empty ({}: {what}); name a folder that is not there yet",
            to.display(),
            found.display()
        );
    }
    File::open(to).with_context(of_folder)
}

fn unfinished(to: &Path) -> String {
    format!("the backup is not whole, and frontrow restore does not take it; remove {}", to.display())
}

fn keys_file(config: &Config) -> PathBuf {
    let named = &config.auth.keys_file;
    if named.as_os_str().is_empty() { config.store.data.join(KEYS_NAME) } else { named.clone() }
}

/// Copies the keys for the owner's eyes only. False when there are none.
fn copy_keys(from: &Path, to: &Path) -> anyhow::Result<bool> {
    let keys = match fs::read(from) {
        Ok(keys) => keys,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    file.write_all(&keys)?;
    file.sync_all()?;
    Ok(true)
}

/// A line for a file at its end, and one for each gigabyte of a long one.
fn tell(name: &'static str, done: u64, of: u64) {
    const EVERY: u64 = 262_144;
    if done == of || done / EVERY != done.saturating_sub(2_048) / EVERY {
        eprintln!("{name}: {done} of {of} pages");
    }
}
