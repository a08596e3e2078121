//! Logs on standard error.

mod lines;

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{FmtSpan, JsonFields};

use crate::config::sections::{Log, LogFormat};
use lines::{AsJson, ForPeople};

/// Changes what is logged; says what is wrong with a filter that is none.
pub(crate) type FilterHandle = dyn Fn(&str) -> anyhow::Result<()> + Send + Sync;

/// Begins to log. Answers what changes the filter later.
pub(crate) fn log(settings: &Log) -> anyhow::Result<Arc<FilterHandle>> {
    let filter = EnvFilter::try_new(&settings.filter)
        .with_context(|| format!("log.filter cannot be used: {:?}", settings.filter))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_span_events(FmtSpan::NONE);
    let (begun, handle): (_, Arc<FilterHandle>) = match settings.format {
        LogFormat::Human => {
            let log = log.fmt_fields(ForPeople::default()).with_filter_reloading();
            let handle = log.reload_handle();
            (log.try_init(), Arc::new(move |filter| Ok(handle.reload(EnvFilter::try_new(filter)?)?)))
        }
        LogFormat::Json => {
            let line = AsJson(tracing_subscriber::fmt::format().json());
            let log = log.fmt_fields(JsonFields::new()).event_format(line).with_filter_reloading();
            let handle = log.reload_handle();
            (log.try_init(), Arc::new(move |filter| Ok(handle.reload(EnvFilter::try_new(filter)?)?)))
        }
    };
    begun.map_err(|error| anyhow::anyhow!("cannot begin to log: {error}"))?;
    Ok(handle)
}
