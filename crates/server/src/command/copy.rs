//! `frontrow copy`: a whole sale from the embedded store into an empty shared one, for those who outgrow one machine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use frontrow_application::Clock;
use frontrow_application::audit::{AuditReport, audit};
use frontrow_application::copy::{CopyTarget as _, Progress, copy};
use frontrow_domain::Timestamp;
use frontrow_store_mysql::MysqlImport;
use frontrow_store_sqlite::{FILE_NAME, SqliteExport};

use super::answer;
use crate::adapters::clock::SystemClock;
use crate::config::Config;
use crate::wiring::mysql_at;

/// Where to copy from, and where to.
#[derive(Args)]
pub(super) struct CopyArguments {
    /// The data folder of the stopped server, as sqlite:FOLDER
    #[arg(long, value_name = "URL")]
    from: String,
    /// An empty database, as `mysql://user:password@host:3306/database`; `store.url` when not given, which shows no password
    /// in the list of processes
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Leave places in line behind: fans who wait or are let in have to join again
    #[arg(long)]
    without_lines: bool,
}

/// One time for both audits: a hold that ends between them would be a difference.
struct Then(Timestamp);

impl Clock for Then {
    fn now(&self) -> Timestamp {
        self.0
    }
}

pub(super) fn run(config: &Config, arguments: &CopyArguments) -> anyhow::Result<ExitCode> {
    let folder = source(&arguments.from)?;
    let to = arguments.to.as_deref().unwrap_or_else(|| config.store.url.expose());
    check_target(to)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(carry_over(config, &folder, to, arguments.without_lines))
}

/// The folder that `--from` names, or a file in it.
fn source(from: &str) -> anyhow::Result<PathBuf> {
    let Some(path) = from.strip_prefix("sqlite:") else {
        bail!("--from has to be sqlite:FOLDER, the data folder of a server with the embedded store");
    };
    let path = Path::new(path.strip_prefix("//").unwrap_or(path));
    let folder = if path.is_file() && path.ends_with(FILE_NAME) { path.parent() } else { Some(path) };
    let folder = folder.unwrap_or(path);
    Ok(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
}

// The address has a password in it and is not shown.
fn check_target(to: &str) -> anyhow::Result<()> {
    if to.is_empty() {
        bail!("name the empty database with --to mysql://user:password@host:3306/database, or in store.url");
    }
    if to.starts_with("sqlite:") {
        bail!("--to is an embedded store as well: stop the server and copy its data folder instead");
    }
    if !to.starts_with("mysql://") && !to.starts_with("mariadb://") {
        bail!("--to has to begin with mysql:// or mariadb://");
    }
    Ok(())
}

async fn carry_over(
    config: &Config,
    folder: &Path,
    to: &str,
    without_lines: bool,
) -> anyhow::Result<ExitCode> {
    let now = SystemClock::start().now();
    let then: Arc<dyn Clock> = Arc::new(Then(now));
    let source = SqliteExport::open(folder).context("--from")?;
    check_lines(&source, now, without_lines)?;
    eprintln!("auditing the source");
    let before = audit(&source.reads(Arc::clone(&then))?).await?;
    if !before.is_clean() {
        answer(&format!("{before}\nthe source does not agree with itself; nothing was copied"))?;
        return Ok(ExitCode::FAILURE);
    }
    let target = MysqlImport::open(&mysql_at(config, to, &then)).await.context("--to")?;
    let begun = Instant::now();
    let rows = copy(&*source, &*target, &tell).await.context(
        "the copy is not whole, and no server opens it; run the same command again, which starts anew",
    )?;
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!("auditing the copy");
    let after = audit(&target.reads(then)).await?;
    if after != before {
        answer(&differences(&before, &after))?;
        return Ok(ExitCode::FAILURE);
    }
    target.finish().await?;
    answer(&format!(
        "copied {rows} rows in {seconds:.1} s; both sides have the same figures:\n{after}\n\n\
         Next: start servers with store.url, waiting_room.url, and auth.keys_file = {}, without which log-ins and tickets \
         are void. Keep the old folder until you have seen them sell, and do not serve it again.",
        folder.join("keys.json").display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Places in line are in a file of another kind, and do not go over.
fn check_lines(source: &SqliteExport, now: Timestamp, without_lines: bool) -> anyhow::Result<()> {
    let lines = source.in_line(now)?;
    let fans: u64 = lines.iter().map(|(_, fans)| fans).sum();
    if fans == 0 {
        return Ok(());
    }
    let lines: Vec<_> = lines.iter().map(|(concert, fans)| format!("{fans} at concert {concert}")).collect();
    let lines = lines.join(", ");
    if !without_lines {
        bail!(
            "{fans} fans stand in line or are let in ({lines}), and places in line are not copied: close these lines \
             first, or add --without-lines, and they have to join again"
        );
    }
    eprintln!("leaving {fans} places in line behind ({lines})");
    Ok(())
}

/// What cannot be: every row went over, and a store reads it otherwise.
fn differences(before: &AuditReport, after: &AuditReport) -> String {
    format!(
        "the two sides differ; the copy is not finished, and no server opens it\n\nthe source:\n{before}\n\n\
         the copy:\n{after}"
    )
}

/// A line for each table that has rows, and one for every hundred batches of a long one.
fn tell(progress: Progress) {
    const EVERY: u64 = 100_000;
    let Progress { table, rows, of } = progress;
    if rows > 0 && (rows == of || rows % EVERY == 0) {
        eprintln!("{}: {rows} of {of}", table.name);
    }
}
