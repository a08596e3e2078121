//! `frontrow restore`: checks every file of a backup against its list, puts them into an empty folder, and audits.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use frontrow_application::Clock;
use frontrow_application::audit::audit;
use frontrow_store_sqlite::{Restoration, SqliteReads};

use super::manifest::Manifest;
use super::{KEYS_NAME, keys_file, refuse_shared};
use crate::adapters::clock::SystemClock;
use crate::command::answer;
use crate::config::Config;

/// Where a backup is.
#[derive(Args)]
#[command(after_help = "Example, with the old folder moved away and the server stopped:\n  \
    frontrow restore --from /backups/2026-09-01-1900 --data /var/lib/frontrow")]
pub(crate) struct RestoreArguments {
    /// The folder that frontrow backup has written
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
}

pub(in crate::command) fn run(config: &Config, arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    refuse_shared(config, "restore")?;
    let (from, data) = (&arguments.from, &config.store.data);
    let manifest = Manifest::read(from)?;
    let has_keys = manifest.files.iter().any(|file| file.name == KEYS_NAME);
    let restoration = Restoration::begin(data, if has_keys { &[KEYS_NAME] } else { &[] })?;
    for file in &manifest.files {
        eprintln!("checking {} ({} bytes)", file.name, file.bytes);
        file.copy(from, &restoration.workshop()).context("nothing was restored")?;
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    restoration.finish(Arc::clone(&clock))?;
    eprintln!("auditing");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async { anyhow::Ok(audit(&SqliteReads::open(data, clock)?).await?) })?;
    answer(&report.to_string())?;
    if !report.is_clean() {
        answer(&format!(
            "\n{} holds the sale as it was at {}, which does not agree with itself: it did not when it was backed up \
             either. Look into the differences before you sell from it.",
            data.display(),
            manifest.made_at
        ))?;
        return Ok(ExitCode::FAILURE);
    }
    answer(&format!(
        "\n{} holds the sale as it was at {}. Next: frontrow serve --data {0}{}\n\
         What happened after that moment is in no backup: docs/backup.md says whom to tell, and of what.",
        data.display(),
        manifest.made_at,
        about_keys(config, has_keys)
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What is to be done about keys, where they do not simply lie in the folder.
fn about_keys(config: &Config, has_keys: bool) -> String {
    let named = keys_file(config);
    let in_folder = config.store.data.join(KEYS_NAME);
    match has_keys {
        true if named == in_folder => String::new(),
        true => format!(
            "\nThe keys of the backup are at {}, and auth.keys_file names {}: see that it has the same.",
            in_folder.display(),
            named.display()
        ),
        false => format!(
            "\nThere are no keys in the backup: put those that signed tickets and log-ins to {} first, or tickets that \
             were sold are not recognised.",
            named.display()
        ),
    }
}
