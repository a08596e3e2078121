//! What the server passes in: plain values, checked before they come here.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use frontrow_application::attempts::AttemptCounts;
use frontrow_application::trace::Traces;
use jsonwebtoken::DecodingKey;
use tokio_util::sync::CancellationToken;

use crate::auth::Jwks;
use crate::keyring::Keyring;

/// Everything about the interface that an operator may set.
#[derive(Clone)]
pub struct HttpSettings {
    /// Seconds for which an access token is good.
    pub access_token_seconds: u32,
    /// The keys that sign tokens and tickets. Whoever keeps this may replace them at any time.
    pub keys: Arc<Keyring>,
    /// An external issuer whose access tokens are taken as well.
    pub issuer: Option<IssuerSettings>,
    /// How much one may ask for, to begin with: [`HttpState::limit`](crate::HttpState::limit) changes it.
    pub limits: Limits,
    /// Whether an address is a proxy whose `X-Forwarded-For` is believed.
    pub is_trusted_proxy: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// What counts attempts together with the other servers, where there are some.
    pub shared_counts: Option<Arc<dyn AttemptCounts>>,
    /// Who may charge a wallet.
    pub charge_by: ChargeBy,
    /// Bytes in the longest body, except those with a seat plan.
    pub body_limit_bytes: usize,
    /// Bytes in the longest body with a seat plan.
    pub plan_body_limit_bytes: usize,
    /// How long a request may take until its answer begins.
    pub request_timeout: Duration,
    /// How long a body may take to come in.
    pub body_timeout: Duration,
    /// KiB of longer bodies that are in memory at once.
    pub bodies_kib: u32,
    /// How many requests are in flight at once.
    pub in_flight: InFlightLimits,
    /// Where traces go, if they are written at all.
    pub traces: Option<TraceSettings>,
    /// Web origins whose pages may call the interface.
    pub cors_origins: Vec<String>,
    /// False until the server is up, and from the moment it is told to stop: what `/health/ready` says first. While it is
    /// false every answer is the last one on its connection, so that clients go elsewhere by themselves.
    pub ready: Arc<AtomicBool>,
    /// Cancelled when the server begins to stop: open streams end themselves.
    pub stopping: CancellationToken,
    /// What else has to be well for the server to be ready.
    pub parts: Vec<ReadyPart>,
    /// Writes the metrics in the text format of Prometheus.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// From how many requests in flight, of all kinds together, one more is refused, by what it is for. What is worth more has
/// the higher limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlightLimits {
    /// Paying, and what ends a hold.
    pub pay: usize,
    /// New holds.
    pub hold: usize,
    /// Whatever is only looked at.
    pub look: usize,
    /// Joining a line, logging in, signing up.
    pub join: usize,
}

/// Where traces go.
#[derive(Clone)]
pub struct TraceSettings {
    /// What takes the spans.
    pub traces: Arc<dyn Traces>,
    /// Of a thousand requests that come without a trace so many are traced. Those that a trusted proxy has decided about
    /// are as it says.
    pub per_thousand: u16,
}

/// A part that has to be well for the server to be ready.
#[derive(Clone)]
pub struct ReadyPart {
    /// What it is called in the answer.
    pub name: &'static str,
    /// Whether it is well now. Must not block.
    pub is_well: Arc<dyn Fn() -> bool + Send + Sync>,
    /// What it means that it is not, for whoever has to do something about it.
    pub otherwise: &'static str,
}

/// How much one may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How often somebody may try to log in.
    pub log_in: LogInLimits,
    /// Requests that one fan may send a second, over a long time. 0: as many as they like.
    pub requests_per_fan_per_second: u32,
    /// Requests that one fan may send at once.
    pub request_burst_per_fan: u32,
    /// How often one fan may join a line within a minute. 0: as often as they like.
    pub joins_per_fan_per_minute: u32,
}

/// Who may charge a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeBy {
    /// Fans their own, and operators any.
    Fan,
    /// Operators only.
    Operator,
}

/// How often somebody may fail to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogInLimits {
    /// Failed attempts for one account within the window.
    pub per_account: u32,
    /// Failed attempts from one address within the window.
    pub per_address: u32,
    /// Seconds in the window.
    pub window_seconds: u32,
}

/// An external issuer of access tokens.
#[derive(Clone)]
pub struct IssuerSettings {
    /// What the claim `iss` has to be, byte by byte.
    pub issuer: String,
    /// What the claim `aud` has to be or to contain.
    pub audience: String,
    /// The claim that says which roles somebody has: its name, or a path with dots (`realm_access.roles`).
    pub role_claim: String,
    /// Values of that claim that make an admin.
    pub admin_roles: Vec<String>,
    /// Values that make an operator.
    pub operator_roles: Vec<String>,
    /// Values that make a gate.
    pub gate_roles: Vec<String>,
    /// Seconds by which the issuer's clock may differ.
    pub leeway_seconds: u32,
    /// What its tokens are checked with.
    pub keys: IssuerKeys,
}

/// What the tokens of an external issuer are checked with.
#[derive(Clone)]
pub enum IssuerKeys {
    /// A shared secret (HS256).
    Shared(Vec<u8>),
    /// One public key: RSA (RS256), P-256 (ES256) or Ed25519 (`EdDSA`).
    Public(DecodingKey),
    /// The keys that the issuer publishes, which the server fetches.
    Published(Arc<Jwks>),
}
