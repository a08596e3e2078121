//! The sections of the settings, each with its checks. What a setting is for is said in `config/default.toml`
//! and not again here: the comments of fields name units and what the type does not say.

mod events;
mod http;
mod issuer;
mod kafka;
mod shared;
mod telemetry;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use serde::{Deserialize, Deserializer, Serialize};
use tracing_subscriber::EnvFilter;

use super::merge::{Merge, quoted};
use super::network::Network;
use super::secret::{KEY_MIN_BYTES, Secret};

pub(crate) use events::Events;
pub(crate) use http::Http;
pub(crate) use issuer::Issuer;
pub(crate) use kafka::Kafka;
pub(crate) use shared::WaitingRoom;
pub(super) use shared::validate_shared;
pub(crate) use telemetry::Telemetry;

/// The most money in one amount, in minor units: a million such wallets still add up within 64 bits.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// The shortest password of an account, in characters, as the API asks for at sign-up.
const PASSWORD_MIN_CHARACTERS: usize = 10;

/// The longest e-mail address, in bytes (RFC 5321 with its errata).
const EMAIL_MAX_BYTES: usize = 254;

/// Kibibytes that argon2 needs for each lane.
const ARGON2_KIB_PER_LANE: u32 = 8;

/// The range of every number, as its comment in the manual says; a test compares the two.
pub(super) const RANGES: &[(&str, RangeInclusive<i64>)] = &[
    ("http.backlog", 1..=65_535),
    ("http.body_limit_bytes", 1_024..=16_777_216),
    ("http.plan_body_limit_bytes", 1_024..=268_435_456),
    // hyper panics when it is given less than 8 KiB.
    ("http.header_limit_bytes", 8_192..=1_048_576),
    ("http.header_timeout_ms", 100..=600_000),
    ("http.body_timeout_ms", 100..=600_000),
    ("http.bodies_mib", 1..=65_536),
    ("http.write_timeout_ms", 100..=600_000),
    ("http.request_timeout_ms", 100..=600_000),
    ("http.max_connections", 1..=1_000_000),
    ("http.max_connections_per_address", 0..=1_000_000),
    ("http.in_flight_join", 1..=1_000_000),
    ("http.in_flight_look", 1..=1_000_000),
    ("http.in_flight_hold", 1..=1_000_000),
    ("http.in_flight_pay", 1..=1_000_000),
    ("http.max_seats_per_request", 1..=100),
    ("http.requests_per_fan_per_second", 0..=1_000_000),
    ("http.request_burst_per_fan", 1..=1_000_000),
    ("http.joins_per_fan_per_minute", 0..=1_000_000),
    ("http.drain_seconds", 0..=300),
    ("http.shutdown_seconds", 1..=3_600),
    ("store.readers", 1..=64),
    ("store.writers", 1..=64),
    ("store.group_max_commands", 1..=1_000),
    ("store.queue_pay", 1..=1_000_000),
    ("store.queue_hold", 1..=1_000_000),
    ("store.queue_jobs", 1..=1_000_000),
    ("store.deadline_ms", 10..=60_000),
    ("store.checkpoint_pages", 100..=1_000_000),
    ("store.cache_mib", 1..=65_536),
    ("auth.access_token_seconds", 1..=86_400),
    ("auth.refresh_token_seconds", 60..=31_536_000),
    ("auth.argon2_memory_kib", 8..=4_194_304),
    ("auth.argon2_iterations", 1..=100),
    ("auth.argon2_parallelism", 1..=64),
    ("auth.hashing_concurrency", 1..=256),
    ("auth.hashing_queue", 1..=100_000),
    ("auth.hashing_niceness", 0..=19),
    ("auth.hashing_min_per_second", 1..=1_000),
    ("auth.login_attempts_per_account", 1..=1_000_000),
    ("auth.login_attempts_per_address", 1..=1_000_000),
    ("auth.login_window_seconds", 1..=86_400),
    ("issuer.jwks_refresh_seconds", 10..=86_400),
    ("issuer.leeway_seconds", 0..=300),
    ("wallet.charge_min", 1..=AMOUNT_MAX),
    ("wallet.charge_max", 1..=AMOUNT_MAX),
    ("wallet.balance_max", 1..=AMOUNT_MAX),
    ("sales.hold_seconds", 1..=3_600),
    ("sales.hold_max_seconds", 1..=3_600),
    ("sales.hold_extension_seconds", 0..=3_600),
    ("sales.max_seats_per_fan", 1..=100),
    ("sales.lapse_limit", 1..=10_000),
    ("sales.lapse_window_seconds", 1..=86_400),
    ("sales.lapse_pause_seconds", 0..=86_400),
    ("kafka.partitions", 1..=1_000),
    ("kafka.replication", 0..=9),
    ("kafka.retention_days", 1..=3_650),
    ("jobs.expire_tick_ms", 10..=1_000),
    ("jobs.line_tick_ms", 5..=250),
    ("jobs.session_tick_ms", 10..=500),
    ("jobs.clean_tick_seconds", 1..=3_600),
    ("jobs.audit_pause_ms", 0..=60_000),
    ("events.keep_days", 1..=3_650),
    ("log.slow_group_ms", 1..=600_000),
    ("telemetry.traces_per_thousand", 0..=1_000),
    ("demo.fans", 0..=100_000),
    ("demo.fan_balance", 0..=AMOUNT_MAX),
];

/// The settings that are a [`Secret`]; a test compares.
pub(super) const SECRETS: &[&str] = &[
    "admin.password",
    "auth.signing_secret",
    "auth.ticket_key",
    "events.chat_url",
    "issuer.shared_secret",
    "kafka.password",
    "store.url",
    "waiting_room.url",
];

/// What to do about a text that its setting cannot be made from.
pub(super) fn help(key: &str) -> &'static str {
    match key {
        "http.listen" => {
            "give an address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 for all networks, or [::]:8080"
        }
        "auth.trusted_proxies" => "give addresses or networks, such as 10.0.0.0/8",
        _ => "choose one of those",
    }
}

/// `[store]`: where the sale is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    /// The folder of the database and the keys, relative to the working directory.
    pub(crate) data: PathBuf,
    /// Empty: the embedded store.
    pub(crate) url: Secret,
    /// Connections that write to a shared store.
    pub(crate) writers: usize,
    /// Connections that read.
    pub(crate) readers: usize,
    /// Commands committed together.
    pub(crate) group_max_commands: usize,
    /// Commands that may wait, of the first priority.
    pub(crate) queue_pay: usize,
    /// Commands that may wait, of the second priority.
    pub(crate) queue_hold: usize,
    /// Commands that may wait, of the third priority.
    pub(crate) queue_jobs: usize,
    /// In milliseconds.
    pub(crate) deadline_ms: u64,
    /// In pages of 4 KiB.
    pub(crate) checkpoint_pages: u32,
    /// In MiB.
    pub(crate) cache_mib: u32,
}

impl Store {
    pub(super) fn validate(&self, problems: &mut Merge) {
        if self.data.as_os_str().is_empty() {
            problems.refuse(&["store.data"], "is empty", "name a folder, such as ./data");
        }
    }
}

/// `[admin]`: the first admin of an empty store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    /// Empty together with the password: no admin is made.
    pub(crate) email: String,
    /// Empty together with the address.
    pub(crate) password: Secret,
}

impl Admin {
    pub(super) fn validate(&self, problems: &mut Merge) {
        match (self.email.is_empty(), self.password.is_empty()) {
            (true, false) => problems.refuse(
                &["admin.email", "admin.password"],
                "is empty although admin.password is set",
                "give both, or none",
            ),
            (false, true) => problems.refuse(
                &["admin.password", "admin.email"],
                "is empty although admin.email is set",
                "give both, or none",
            ),
            _ => {}
        }
        if !self.email.is_empty() && !looks_like_email(&self.email) {
            problems.refuse(
                &["admin.email"],
                format!("cannot be {}, which is no e-mail address", quoted(&self.email)),
                "give an address such as admin@example.com",
            );
        }
        if !self.password.is_empty() && is_short(self.password.expose()) {
            problems.refuse(&["admin.password"], "is too short", longer_password());
        }
    }
}

/// `[auth]`: accounts, passwords and the tokens that we sign.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    /// In seconds.
    pub(crate) access_token_seconds: u64,
    /// In seconds; longer than an access token.
    pub(crate) refresh_token_seconds: u64,
    /// In KiB; enough for all lanes.
    pub(crate) argon2_memory_kib: u32,
    /// Passes over the memory.
    pub(crate) argon2_iterations: u32,
    /// Lanes of one hash.
    pub(crate) argon2_parallelism: u32,
    /// Hashes made at the same time.
    pub(crate) hashing_concurrency: usize,
    /// Requests that may wait for their hash.
    pub(crate) hashing_queue: usize,
    /// A nice value.
    pub(crate) hashing_niceness: i32,
    /// Hashes a second, by all threads together.
    pub(crate) hashing_min_per_second: u32,
    /// Attempts within the window.
    pub(crate) login_attempts_per_account: u32,
    /// Attempts within the window.
    pub(crate) login_attempts_per_address: u32,
    /// In seconds.
    pub(crate) login_window_seconds: u64,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<Network>,
    /// Empty: `keys.json` in the data folder.
    pub(crate) keys_file: PathBuf,
    /// See [`Auth::signing_key`].
    pub(crate) signing_secret: Secret,
    /// See [`Auth::ticket_signing_key`].
    #[serde(deserialize_with = "secret_pem")]
    pub(crate) ticket_key: Secret,
}

impl Auth {
    /// The HS256 key of access tokens, at least 32 bytes; `None`: make one and keep it. Never an error after
    /// [`load`](super::load).
    pub(crate) fn signing_key(&self) -> Result<Option<Vec<u8>>, String> {
        self.signing_secret.key_bytes()
    }

    /// The Ed25519 key of tickets; `None`: make one and keep it. Never an error after [`load`](super::load).
    pub(crate) fn ticket_signing_key(&self) -> Result<Option<SigningKey>, String> {
        if self.ticket_key.is_empty() {
            return Ok(None);
        }
        let encoded: String = self
            .ticket_key
            .expose()
            .trim()
            .strip_prefix("-----BEGIN PRIVATE KEY-----")
            .and_then(|rest| rest.strip_suffix("-----END PRIVATE KEY-----"))
            .ok_or("is not one PEM block of a PKCS#8 private key")?
            .split_whitespace()
            .collect();
        let der = STANDARD.decode(encoded).map_err(|_| "is PEM with broken base64")?;
        let key = SigningKey::from_pkcs8_der(&der).map_err(|_| "is not an Ed25519 private key")?;
        Ok(Some(key))
    }

    pub(super) fn validate(&self, problems: &mut Merge) {
        if self.refresh_token_seconds <= self.access_token_seconds {
            problems.refuse(
                &["auth.refresh_token_seconds", "auth.access_token_seconds"],
                format!(
                    "is {}, not above auth.access_token_seconds ({})",
                    self.refresh_token_seconds, self.access_token_seconds
                ),
                "raise it, or lower auth.access_token_seconds",
            );
        }
        let needed_kib = ARGON2_KIB_PER_LANE * self.argon2_parallelism;
        if self.argon2_memory_kib < needed_kib {
            problems.refuse(
                &["auth.argon2_memory_kib", "auth.argon2_parallelism"],
                format!(
                    "is {}, too little for auth.argon2_parallelism ({})",
                    self.argon2_memory_kib, self.argon2_parallelism
                ),
                format!("raise it to {needed_kib} or more, or lower auth.argon2_parallelism"),
            );
        }
        if let Err(what) = self.signing_key() {
            problems.refuse(&["auth.signing_secret"], what, stronger_key());
        }
        if let Err(what) = self.ticket_signing_key() {
            let help = "make one with `openssl genpkey -algorithm ed25519`, or leave it empty";
            problems.refuse(&["auth.ticket_key"], what, help);
        }
    }
}

/// Who may charge a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChargeBy {
    /// Fans their own, and operators.
    Fan,
    /// Operators only.
    Operator,
}

/// `[wallet]`: the limits of wallets. Amounts are in minor units; `0 < charge_min ≤ charge_max ≤ balance_max`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wallet {
    /// Three letters of ISO 4217.
    pub(crate) currency: String,
    /// Who may charge.
    pub(crate) charge_by: ChargeBy,
    /// In minor units.
    pub(crate) charge_min: i64,
    /// In minor units.
    pub(crate) charge_max: i64,
    /// In minor units.
    pub(crate) balance_max: i64,
}

impl Wallet {
    pub(super) fn validate(&self, problems: &mut Merge) {
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            problems.refuse(
                &["wallet.currency"],
                format!("cannot be {}, which is no currency code", quoted(&self.currency)),
                "give three capital letters, such as KRW",
            );
        }
        if self.charge_min > self.charge_max {
            problems.refuse(
                &["wallet.charge_min", "wallet.charge_max"],
                format!("is {}, more than wallet.charge_max ({})", self.charge_min, self.charge_max),
                "lower it, or raise wallet.charge_max",
            );
        }
        if self.charge_max > self.balance_max {
            problems.refuse(
                &["wallet.charge_max", "wallet.balance_max"],
                format!("is {}, more than wallet.balance_max ({})", self.charge_max, self.balance_max),
                "lower it, or raise wallet.balance_max",
            );
        }
    }
}

/// `[sales]`: what a schedule gets by default, and the brake on hoarding.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sales {
    /// In seconds; at most the cap below.
    pub(crate) hold_seconds: u32,
    /// In seconds.
    pub(crate) hold_max_seconds: u32,
    /// In seconds; 0: not extended.
    pub(crate) hold_extension_seconds: u32,
    /// Seats in one schedule.
    pub(crate) max_seats_per_fan: u32,
    /// Holds within the window.
    pub(crate) lapse_limit: u32,
    /// In seconds.
    pub(crate) lapse_window_seconds: u32,
    /// In seconds; 0: no pause.
    pub(crate) lapse_pause_seconds: u32,
}

impl Sales {
    pub(super) fn validate(&self, problems: &mut Merge) {
        if self.hold_seconds > self.hold_max_seconds {
            problems.refuse(
                &["sales.hold_seconds", "sales.hold_max_seconds"],
                format!(
                    "is {}, more than sales.hold_max_seconds ({})",
                    self.hold_seconds, self.hold_max_seconds
                ),
                "lower it, or raise sales.hold_max_seconds",
            );
        }
    }
}

/// `[jobs]`: what runs in the background.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jobs {
    /// Whether lapsed holds are ended in the background.
    pub(crate) expire_enabled: bool,
    /// In milliseconds.
    pub(crate) expire_tick_ms: u64,
    pub(crate) line_tick_ms: u64,
    pub(crate) session_tick_ms: u64,
    /// In seconds.
    pub(crate) clean_tick_seconds: u64,
    /// In milliseconds; 0: no audit.
    pub(crate) audit_pause_ms: u64,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

/// `[log]`: what the server says about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// How lines look.
    pub(crate) format: LogFormat,
    /// Directives of `tracing_subscriber::EnvFilter`, known to parse.
    pub(crate) filter: String,
    /// In milliseconds.
    pub(crate) slow_group_ms: u64,
}

impl Log {
    pub(super) fn validate(&self, problems: &mut Merge) {
        if self.filter.trim().is_empty() || EnvFilter::try_new(&self.filter).is_err() {
            problems.refuse(
                &["log.filter"],
                format!("cannot be {}, which is no log filter", quoted(&self.filter)),
                "give a level, or levels by module: info,frontrow_http=debug",
            );
        }
    }
}

/// `[demo]`: what `--demo` fills an empty store with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Demo {
    /// Accounts of fans.
    pub(crate) fans: u32,
    /// In minor units.
    pub(crate) fan_balance: i64,
    /// Shown to everybody.
    pub(crate) password: String,
}

impl Demo {
    pub(super) fn validate(&self, problems: &mut Merge) {
        if is_short(&self.password) {
            problems.refuse(&["demo.password"], "is too short", longer_password());
        }
    }
}

fn is_short(password: &str) -> bool {
    password.chars().count() < PASSWORD_MIN_CHARACTERS
}

fn longer_password() -> String {
    format!("give at least {PASSWORD_MIN_CHARACTERS} characters")
}

fn stronger_key() -> String {
    format!("give at least {KEY_MIN_BYTES} bytes, such as the output of `openssl rand -base64 32`")
}

/// Catches slips, not more: whether there is such an address, only a mail can tell.
fn looks_like_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else { return false };
    !name.is_empty()
        && !host.is_empty()
        && !host.contains('@')
        && text.len() <= EMAIL_MAX_BYTES
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// PEM from variables often comes with its line breaks written as `\n`.
fn pem<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| text.replace("\\n", "\n"))
}

fn secret_pem<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    pem(deserializer).map(Secret::from)
}
