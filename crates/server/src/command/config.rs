//! `frontrow config` and `frontrow openapi`.

use std::process::ExitCode;

use super::answer;
use crate::config::Config;

/// Whoever comes here has settings without a problem.
pub(super) fn check() -> anyhow::Result<ExitCode> {
    answer("all settings are good")?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn print(config: &Config) -> anyhow::Result<ExitCode> {
    answer(config.print().trim_end())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn print_openapi() -> anyhow::Result<ExitCode> {
    answer(&frontrow_http::openapi().to_pretty_json()?)?;
    Ok(ExitCode::SUCCESS)
}
