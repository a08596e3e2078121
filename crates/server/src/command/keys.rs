//! `frontrow keys`: what signs tokens and tickets, changed beside running servers. Shows names and times, never a key.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use frontrow_application::Clock as _;
use frontrow_domain::Timestamp;

use super::answer;
use crate::adapters::clock::SystemClock;
use crate::config::Config;
use crate::keys::{Key, Keys, Purpose, roles};

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Show the names of all keys, and which of them sign
    List {
        #[command(flatten)]
        at: At,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make the list of keys for servers that share a store; changes nothing when it is there
    ///
    /// Keys that settings give are taken into it, so that `auth.signing_secret` and `auth.ticket_key` can be dropped.
    Init {
        #[command(flatten)]
        at: At,
    },
    /// Add new keys, which sign after a while; the old ones still count
    ///
    /// Until then every server has to have the file and every scanner without a network the new public key. Running
    /// servers look at the file every second. Nobody is logged out, and no ticket or place in line is lost.
    Rotate {
        #[command(flatten)]
        at: At,
        /// What to make a new key for; both when not given
        #[arg(long, value_enum)]
        purpose: Option<Which>,
        /// After how many seconds the new keys sign
        #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(..=2_592_000))]
        signs_after_seconds: u32,
    },
    /// Take a key off the list: nothing counts any more that it has signed
    Retire {
        #[command(flatten)]
        at: At,
        /// The name of the key, as `frontrow keys list` shows it
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// Also when something that it has signed is still in use
        #[arg(long)]
        force: bool,
    },
}

/// Where the list is.
#[derive(Args)]
pub(super) struct At {
    /// The list of keys, instead of `auth.keys_file` or `keys.json` in the data folder
    #[arg(long, value_name = "FILE")]
    file: Option<std::path::PathBuf>,
}

impl KeysCommand {
    /// The list that `--file` names.
    pub(super) fn file(&self) -> Option<&Path> {
        let (Self::List { at, .. } | Self::Init { at } | Self::Rotate { at, .. } | Self::Retire { at, .. }) =
            self;
        at.file.as_deref()
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Which {
    Tokens,
    Tickets,
}

pub(super) fn run(config: &Config, command: KeysCommand) -> anyhow::Result<ExitCode> {
    let now = SystemClock::start().now();
    match command {
        KeysCommand::List { at, json } => list(config, &at, json, now),
        KeysCommand::Init { at } => init(config, &at, now),
        KeysCommand::Rotate { at, purpose, signs_after_seconds } => {
            let purposes = match purpose {
                None => Purpose::ALL.to_vec(),
                Some(Which::Tokens) => vec![Purpose::Tokens],
                Some(Which::Tickets) => vec![Purpose::Tickets],
            };
            rotate(config, &at, &purposes, now, now.plus_seconds(signs_after_seconds))
        }
        KeysCommand::Retire { at, kid, force } => retire(config, &at, &kid, force, now),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// The keys that are there, or what to do to have some.
fn open(config: &Config, at: &At) -> anyhow::Result<Keys> {
    let keys = Keys::read(config, at.file.as_deref())?;
    if keys.all().next().is_none() {
        let path = keys.path.as_deref().unwrap_or(Path::new("auth.keys_file"));
        bail!(
            "there are no keys yet: a server with the embedded store makes its own when it first starts; for servers \
             that share a store run: frontrow keys init --file {}",
            path.display()
        );
    }
    Ok(keys)
}

fn list(config: &Config, at: &At, json: bool, now: Timestamp) -> anyhow::Result<()> {
    let keys = open(config, at)?;
    let mut lines = Vec::new();
    let mut shown = Vec::new();
    for purpose in Purpose::ALL {
        let Some(roles) = roles(keys.all(), purpose, now) else { continue };
        for key in std::iter::once(roles.signing).chain(roles.others) {
            let state = if key.kid == roles.signing.kid {
                "signs"
            } else if key.signs_from > now {
                "will sign"
            } else {
                "verifies"
            };
            let source = if keys.is_listed(&key.kid) { "list" } else { key.purpose.setting() };
            let since = when(key.signs_from);
            lines.push(format!(
                "{:<8} {:<44} {state:<10} {since:<21} {source}",
                purpose.to_string(),
                key.kid
            ));
            shown.push(serde_json::json!({
                "purpose": purpose.to_string(), "kid": key.kid, "state": state, "signsFrom": since, "from": source,
            }));
        }
    }
    if json {
        return answer(&serde_json::to_string_pretty(&shown)?);
    }
    let head = format!("{:<8} {:<44} {:<10} {:<21} {}", "for", "kid", "state", "signs from", "given by");
    answer(&format!("{head}\n{}", lines.join("\n")))
}

fn init(config: &Config, at: &At, now: Timestamp) -> anyhow::Result<()> {
    let mut keys = Keys::read(config, at.file.as_deref())?;
    let path = keys.path.clone().context("name the list of keys with --file, or in auth.keys_file")?;
    if keys.has_file() {
        return answer(&format!("{} is there; nothing was changed", path.display()));
    }
    keys.take_over_given();
    keys.complete(now)?;
    answer(&format!("made {}: {}", path.display(), keys.names(now).join(", ")))
}

fn rotate(
    config: &Config,
    at: &At,
    purposes: &[Purpose],
    now: Timestamp,
    signs_from: Timestamp,
) -> anyhow::Result<()> {
    let mut keys = open(config, at)?;
    let mut made = Vec::new();
    for &purpose in purposes {
        if let Some(waiting) = keys.all().find(|key| key.purpose == purpose && key.signs_from > now) {
            bail!(
                "the {purpose} key {} is new and signs from {}; wait until then, or retire it first",
                waiting.kid,
                when(waiting.signs_from)
            );
        }
        made.push(Key::made(purpose, signs_from)?);
    }
    let told: Vec<_> = made.iter().map(|key| format!("{} key {}", key.purpose, key.kid)).collect();
    keys.add(made)?;
    let path = keys.path.as_deref().unwrap_or(Path::new(""));
    answer(&format!(
        "added to {}: {}\nthey sign from {} on; until then give this file to every server that shares the store",
        path.display(),
        told.join(", "),
        when(signs_from)
    ))
}

fn retire(config: &Config, at: &At, kid: &str, force: bool, now: Timestamp) -> anyhow::Result<()> {
    let mut keys = open(config, at)?;
    let Some(key) = keys.all().find(|key| key.kid == kid) else {
        let known: Vec<_> = keys.all().map(|key| key.kid.as_str()).collect();
        bail!("there is no key {kid:?}; there are {}", known.join(", "));
    };
    let purpose = key.purpose;
    if !keys.is_listed(kid) {
        bail!(
            "the key {kid} is given by {}: take it out there, and start the servers again",
            purpose.setting()
        );
    }
    let roles = roles(keys.all(), purpose, now).context("a key that is there has its purpose")?;
    if roles.signing.kid == kid {
        bail!(
            "the {purpose} key {kid} is the one that signs; make another first: frontrow keys rotate --purpose {purpose}"
        );
    }
    if let Some(use_left) = in_use(config, &keys, key, now)
        && !force
    {
        bail!("{use_left}; to do it nevertheless, add --force");
    }
    keys.remove(kid)?;
    answer(&format!(
        "retired the {purpose} key {kid}; running servers forget it within seconds of having the file"
    ))
}

/// What would end with a key, if something may.
fn in_use(config: &Config, keys: &Keys, key: &Key, now: Timestamp) -> Option<String> {
    let is_later = |other: &&Key| other.purpose == key.purpose && other.signs_from > key.signs_from;
    let stopped = keys.all().filter(is_later).map(|other| other.signs_from).min()?;
    if key.signs_from > now {
        return None;
    }
    match key.purpose {
        Purpose::Tokens => {
            let seconds = u32::try_from(config.auth.refresh_token_seconds).unwrap_or(u32::MAX);
            let until = stopped.plus_seconds(seconds);
            (now < until).then(|| {
                format!(
                    "log-ins that were not used since {} would end, and places in line whose fans have not joined \
                     again; from {} on there are none",
                    when(stopped),
                    when(until)
                )
            })
        }
        Purpose::Tickets => Some(format!(
            "tickets that were saved or printed before {} would be turned away at the door; those that are shown by the \
             server are signed anew. Retire it once the performances sold until then are over",
            when(stopped)
        )),
    }
}

/// A time for people, to the second. A key of a setting has none.
fn when(time: Timestamp) -> String {
    if time == Timestamp::ZERO {
        return "the beginning".to_owned();
    }
    let shown = jiff::Timestamp::from_second(time.micros().div_euclid(1_000_000));
    shown.map_or_else(|_| "never".to_owned(), |shown| shown.to_string())
}
