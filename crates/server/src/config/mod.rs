//! Every setting of the binary: read once, checked as a whole, then never changed.
//!
//! Sources, later ones winning key by key: the compiled-in `config/default.toml` (the reference manual, and
//! the schema of the others), the file of `--config`, `FRONTROW__SECTION__KEY` variables, flags. Whatever is
//! wrong in any of them comes out at once, each problem with its source, its key and what to do.
//!
//! Nothing else reads the environment. On SIGHUP a server loads them again, as a whole, and puts those in force that can be
//! (`command/serve/reload.rs`).
//!
//! To add a setting: the key with its comment in `config/default.toml`, the field in its section in
//! [`sections`], its range in [`sections::RANGES`] when it is a number, its name in [`sections::SECRETS`] when
//! it is a [`secret::Secret`]. The tests say what is missing.

mod fingerprints;
mod merge;
mod network;
#[cfg(test)]
mod page;
mod problem;
pub(crate) mod secret;
pub(crate) mod sections;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

use serde::{Deserialize, Serialize};

use self::fingerprints::Fingerprints;
use self::merge::Merge;
pub(crate) use self::problem::Problems;
use self::sections::{
    Admin, Auth, Demo, Events, Http, Issuer, Jobs, Kafka, Log, Sales, Store, Telemetry, WaitingRoom, Wallet,
    validate_shared,
};

/// The reference manual of all settings, as it is compiled in.
pub(crate) const MANUAL: &str = include_str!("../../../../config/default.toml");

/// All settings, checked. Only [`load`] makes one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The HTTP server and its limits.
    pub(crate) http: Http,
    /// Where the sale is kept.
    pub(crate) store: Store,
    /// The line in front of each concert.
    pub(crate) waiting_room: WaitingRoom,
    /// The first admin.
    pub(crate) admin: Admin,
    /// Accounts, passwords and our own tokens.
    pub(crate) auth: Auth,
    /// An external issuer of tokens.
    pub(crate) issuer: Issuer,
    /// The limits of wallets.
    pub(crate) wallet: Wallet,
    /// Defaults of schedules, and the brake on hoarding.
    pub(crate) sales: Sales,
    /// Where events go to others.
    pub(crate) kafka: Kafka,
    /// What runs in the background.
    pub(crate) jobs: Jobs,
    /// Who hears of the sale.
    pub(crate) events: Events,
    /// What is logged, and how.
    pub(crate) log: Log,
    /// Where traces go.
    pub(crate) telemetry: Telemetry,
    /// What the demo is filled with.
    pub(crate) demo: Demo,
    /// The text of [`Config::print`]: kept instead of the merged values, which hold secrets.
    #[serde(skip)]
    printed: String,
    /// What tells these settings from others.
    #[serde(skip)]
    fingerprints: Fingerprints,
}

impl Config {
    /// What is in force, as a TOML file: secrets redacted, and behind each value that is not the default a
    /// comment on where it came from.
    pub(crate) fn print(&self) -> String {
        self.printed.clone()
    }

    /// The keys of the settings that have another value there, in order.
    pub(crate) fn differs_from(&self, others: &Self) -> Vec<String> {
        self.fingerprints.that_differ(&others.fingerprints)
    }

    /// Counts the settings of these keys as those of another time, which were put in force.
    pub(crate) fn take_over(&mut self, others: &Self, keys: &[&str]) {
        self.fingerprints.take_over(&others.fingerprints, keys);
    }

    fn validate(&self, problems: &mut Merge) {
        self.http.validate(problems);
        self.store.validate(problems);
        self.admin.validate(problems);
        self.auth.validate(problems);
        self.issuer.validate(problems);
        self.wallet.validate(problems);
        self.sales.validate(problems);
        self.events.validate(problems);
        self.kafka.validate(problems);
        self.log.validate(problems);
        self.telemetry.validate(problems);
        self.demo.validate(problems);
        validate_shared(&self.store, &self.waiting_room, &self.auth, problems);
        if self.store.deadline_ms >= self.http.request_timeout_ms {
            problems.refuse(
                &["store.deadline_ms", "http.request_timeout_ms"],
                format!(
                    "is {} ms, not below http.request_timeout_ms ({}): a command could be done after its \
                     request was answered",
                    self.store.deadline_ms, self.http.request_timeout_ms
                ),
                "lower it, or raise http.request_timeout_ms",
            );
        }
        if self.demo.fan_balance > self.wallet.balance_max {
            problems.refuse(
                &["demo.fan_balance", "wallet.balance_max"],
                format!(
                    "is {}, more than wallet.balance_max ({})",
                    self.demo.fan_balance, self.wallet.balance_max
                ),
                "lower it, or raise wallet.balance_max",
            );
        }
    }
}

/// Reads all sources: a file, variables (those without our prefix are left alone), and flags as dotted keys
/// with texts.
pub(crate) fn load<K: Into<OsString>, V: Into<OsString>>(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (K, V)>,
    flags: &[(String, String)],
) -> Result<Config, Problems> {
    let mut merge = Merge::new(MANUAL);
    if let Some(path) = file {
        merge.add_file(path);
    }
    merge.add_environment(environment.into_iter().map(|(name, text)| (name.into(), text.into())));
    merge.add_flags(flags);
    let config = merge.build::<Config>();
    if let Some(config) = &config {
        config.validate(&mut merge);
    }
    let (printed, fingerprints) = (merge.print(), merge.fingerprints());
    merge.finish(config).map(|config| Config { printed, fingerprints, ..config })
}

/// The variables of this process, for [`load`]. Names and texts may be anything: what is not UTF-8 becomes a
/// problem there if it is ours.
pub(crate) fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}
