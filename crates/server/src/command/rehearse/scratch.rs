//! Servers that are thrown away: a folder of their own, processes of their own, keys of their own; on files, or on a database
//! and a prefix of keys that nobody else uses ([`Shared`]).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, anyhow, bail};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use frontrow_application::Clock as _;
use frontrow_application::audit::audit;
use frontrow_http::ConcertImport;
use frontrow_rehearsal::night::Audit;
use jsonwebtoken::{EncodingKey, Header, encode};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::servers::Servers;
use super::shared::Shared;
use crate::adapters::clock::SystemClock;
use crate::command::audit::as_json;
use crate::command::concert::make;
use crate::config::{Config, load};
use crate::keys::Keys;
use crate::wiring::{Wired, open_reads};

/// Whose fans the crowd are.
const ISSUER: &str = "frontrow rehearse";
/// How long their tokens count: longer than any rehearsal. Seconds.
const TOKEN_SECONDS: i64 = 7 * 86_400;
/// Where the server logs to, in the folder.
const LOG: &str = "server.log";
/// Lines of its log that are shown when it does not start.
const LOG_LINES: usize = 20;

/// Servers with a store of their own. All are gone with it.
pub(super) struct Scratch {
    folder: TempDir,
    /// What the first process gets as settings; nothing else counts there.
    settings: Vec<(String, String)>,
    secret: String,
    processes: Vec<Process>,
    shared: Option<Shared>,
}

/// One server.
struct Process {
    child: Child,
    address: SocketAddr,
    /// Where it logs to, and keeps what is its own.
    folder: PathBuf,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    role: &'a str,
    exp: i64,
}

impl Scratch {
    /// Makes a store with this concert, and servers on it: one on files, or several on what they share.
    pub(super) fn make(
        config: &Config,
        import: ConcertImport,
        shared: Option<Shared>,
        runtime: &Runtime,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()
            .context("cannot make a folder to rehearse in; set TMPDIR to one with room")?;
        let secret = secret()?;
        let mut settings = settings(config, folder.path(), &secret)?;
        settings.extend(shared.iter().flat_map(Shared::settings));
        // From here on whatever goes wrong takes everything with it.
        let mut scratch = Self { folder, settings, secret, processes: Vec::new(), shared };
        scratch.fill(import, runtime)?;
        let count = scratch.shared.as_ref().map_or(1, Shared::servers);
        for number in 1..=count {
            scratch.start(number)?;
        }
        Ok(scratch)
    }

    /// Makes the store, with the concert.
    fn fill(&self, import: ConcertImport, runtime: &Runtime) -> anyhow::Result<()> {
        let config = config_of(&self.settings)?;
        if self.shared.is_some() {
            // What one server signs, the others have to recognise.
            Keys::read(&config, None)?.complete(SystemClock::start().now())?;
        }
        let _entered = runtime.enter();
        let wired = runtime.block_on(Wired::open(&config))?;
        let made = runtime.block_on(make(&wired.app, import));
        wired.close();
        // The lock of the folder goes with it; the server needs it next.
        drop(wired);
        made.map(drop)
    }

    fn start(&mut self, number: usize) -> anyhow::Result<()> {
        let folder = match self.shared {
            None => self.folder.path().to_owned(),
            Some(_) => self.folder.path().join(format!("server-{number}")),
        };
        std::fs::create_dir_all(&folder)?;
        let name = folder.to_str().context("the folder for temporary files has a name that is no UTF-8")?;
        let own = ("FRONTROW__STORE__DATA".to_owned(), name.to_owned());
        let mut child = start(&folder, self.settings.iter().chain([&own]))?;
        match where_it_serves(&mut child) {
            Ok(address) => self.processes.push(Process { child, address, folder }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                bail!("the server of the rehearsal did not start: {error:#}\n{}", log_of(&folder));
            }
        }
        Ok(())
    }

    /// Where the servers listen.
    pub(super) fn servers(&self) -> anyhow::Result<Servers> {
        Servers::local(self.processes.iter().map(|process| process.address).collect())
    }

    /// What they run on, in words.
    pub(super) fn store(&self) -> String {
        self.shared.as_ref().map_or_else(|| "embedded store".to_owned(), Shared::in_words)
    }

    /// What these many fans say who they are with.
    pub(super) fn bearers(&self, fans: usize, now_seconds: i64) -> anyhow::Result<Vec<String>> {
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        let bearer = |number| {
            let (sub, exp) = (format!("fan-{number}"), now_seconds + TOKEN_SECONDS);
            let claims = Claims { iss: ISSUER, aud: ISSUER, sub, role: "fan", exp };
            Ok(format!("Bearer {}", encode(&Header::default(), &claims, &key)?))
        };
        (0..fans).map(bearer).collect()
    }

    /// Stops the servers, audits their store, and takes it away. Answers the audit, and what the servers had in memory at the
    /// most where the system says it, in KiB.
    pub(super) fn close(mut self, runtime: &Runtime) -> anyhow::Result<(Audit, Option<u64>)> {
        let memory = self.processes.iter().map(|process| peak_kib(process.child.id())).sum();
        for process in &self.processes {
            if let Some(pid) = i32::try_from(process.child.id()).ok().and_then(Pid::from_raw) {
                kill_process(pid, Signal::TERM).context("a server of the rehearsal cannot be stopped")?;
            }
        }
        while let Some(mut process) = self.processes.pop() {
            let status = process.child.wait()?;
            if !status.success() {
                bail!("a server of the rehearsal ended with {status}:\n{}", log_of(&process.folder));
            }
        }
        let config = config_of(&self.settings)?;
        let report = runtime.block_on(async {
            let reads = open_reads(&config).await?;
            anyhow::Ok(audit(&*reads).await?)
        })?;
        if let Some(mut shared) = self.shared.take() {
            shared.drop_all()?;
        }
        Ok((serde_json::from_value(as_json(&report))?, memory))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The store is thrown away in any case; what is shared goes with its field, once nobody uses it any more.
        for process in &mut self.processes {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

/// The settings that decide how a sale goes are those of the real one. Nothing else is taken over: a rehearsal has no
/// address, store, broker or chat in common with it.
fn settings(config: &Config, folder: &Path, secret: &str) -> anyhow::Result<Vec<(String, String)>> {
    let folder = folder.to_str().context("the folder for temporary files has a name that is no UTF-8")?;
    let http = json!({
        "max_seats_per_request": config.http.max_seats_per_request,
        "requests_per_fan_per_second": config.http.requests_per_fan_per_second,
        "request_burst_per_fan": config.http.request_burst_per_fan,
        "joins_per_fan_per_minute": config.http.joins_per_fan_per_minute,
        "max_connections": config.http.max_connections,
    });
    let wallet = &config.wallet;
    let sections = [
        ("http", http),
        ("sales", serde_json::to_value(&config.sales)?),
        (
            "wallet",
            json!({
                "currency": wallet.currency,
                "charge_min": wallet.charge_min,
                "charge_max": wallet.charge_max,
                "balance_max": wallet.balance_max,
            }),
        ),
        ("issuer", json!({"enabled": true, "issuer": ISSUER, "audience": ISSUER, "shared_secret": secret})),
        ("store", json!({"data": folder, "writers": config.store.writers, "readers": config.store.readers})),
        ("log", json!({"filter": "warn"})),
    ];
    let mut settings = vec![("FRONTROW__HTTP__LISTEN".to_owned(), "127.0.0.1:0".to_owned())];
    for (section, values) in sections {
        for (key, value) in values.as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            settings.push((format!("FRONTROW__{}__{}", section.to_uppercase(), key.to_uppercase()), text));
        }
    }
    Ok(settings)
}

fn config_of(settings: &[(String, String)]) -> anyhow::Result<Config> {
    let loaded = load(None, settings.iter().cloned(), &[]);
    loaded.map_err(|problems| anyhow!("the rehearsal's own settings are refused:\n{problems}"))
}

/// What nobody can guess, as text.
pub(super) fn secret() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random bytes from the system: {error}"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// A name that nobody has had before, of so many hexadecimal digits up to 16.
pub(super) fn new_name(digits: usize) -> anyhow::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random bytes from the system: {error}"))?;
    let mut name = format!("{:016x}", u64::from_ne_bytes(bytes));
    name.truncate(digits);
    Ok(name)
}

fn start<'a>(folder: &Path, settings: impl Iterator<Item = &'a (String, String)>) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("cannot find this program to start it again")?;
    let started = Command::new(program)
        .arg("serve")
        // What this process was told about the real sale is not for the rehearsal.
        .env_clear()
        .envs(settings.map(|(name, text)| (name, text)))
        // An interrupt at the terminal is for this process alone, which then stops the other.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(folder.join(LOG))?)
        .spawn();
    started.context("cannot start a server to rehearse on")
}

/// Reads where it serves from what it says first, as soon as it serves.
fn where_it_serves(server: &mut Child) -> anyhow::Result<SocketAddr> {
    let mut line = String::new();
    let output = server.stdout.as_mut().context("it has no output")?;
    // It says one line without the demo, so nothing is lost with the reader.
    BufReader::new(output).read_line(&mut line)?;
    let address = line.split_once("http://").and_then(|(_, rest)| rest.split('/').next());
    let address = address.with_context(|| format!("it did not say where it serves, but {line:?}"))?;
    Ok(address.parse()?)
}

fn log_of(folder: &Path) -> String {
    let log = std::fs::read_to_string(folder.join(LOG)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// The most memory that a process has had, where the system keeps it.
fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
