//! `frontrow migrate`: the store is made or brought up to date before servers start, which would do it as well.

use std::process::ExitCode;

use super::answer;
use crate::config::Config;
use crate::wiring::migrate;

pub(super) fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let version = runtime.block_on(migrate(config))?;
    answer(&format!("the store has schema version {version}"))?;
    Ok(ExitCode::SUCCESS)
}
