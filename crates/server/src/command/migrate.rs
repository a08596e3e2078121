//! `frontrow migrate`: the store is made or brought up to date before servers start, which would do it as well.

use std::process::ExitCode;

use clap::Args;

use super::answer;
use crate::config::Config;
use crate::wiring::{migrate, schemas};

/// Whether to do it, or to look alone.
#[derive(Args)]
#[command(after_help = "Example, before an upgrade:\n  \
    frontrow migrate --dry-run || frontrow backup --to /backups/before-the-upgrade")]
pub(super) struct MigrateArguments {
    /// Change nothing, and say what would be done; also beside a running server. Exits with 0 when there is nothing to do,
    /// and with 1 when there is
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(config: &Config, arguments: &MigrateArguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if arguments.dry_run {
        let schemas = runtime.block_on(schemas(config))?;
        for (name, found, known) in &schemas {
            answer(&match found {
                0 => format!("{name}: not there; would be made with schema version {known}"),
                found if found < known => {
                    format!("{name}: schema version {found}; would be brought to {known}")
                }
                found => format!("{name}: schema version {found}; nothing to do"),
            })?;
        }
        let is_done = schemas.iter().all(|(_, found, known)| found == known);
        return Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let version = runtime.block_on(migrate(config))?;
    answer(&format!("the store has schema version {version}"))?;
    Ok(ExitCode::SUCCESS)
}
