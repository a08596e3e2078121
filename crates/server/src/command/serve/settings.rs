//! The settings of the interface, from those of the binary.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use frontrow_application::trace::Traces;
use frontrow_http::{
    ChargeBy, HttpSettings, InFlightLimits, IssuerKeys, IssuerSettings, Jwks, Keyring, Limits, LogInLimits,
    ReadyPart, TraceSettings,
};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, sections};
use crate::metering::Shown;
use crate::wiring::Wired;

/// What is told of requests beside the log.
pub(super) struct Telling {
    pub(super) shown: Shown,
    /// Nothing where no traces are made.
    pub(super) traces: Option<Arc<dyn Traces>>,
}

pub(super) fn http_settings(
    config: &Config,
    keys: Arc<Keyring>,
    wired: &Wired,
    published: Option<Arc<Jwks>>,
    ready: Arc<AtomicBool>,
    stopping: CancellationToken,
    telling: Telling,
) -> anyhow::Result<HttpSettings> {
    let Telling { shown, traces } = telling;
    let auth = &config.auth;
    let proxies = auth.trusted_proxies.clone();
    let mut parts = vec![wired.store_part()];
    if let Some(published) = &published {
        let keys = Arc::clone(published);
        parts.push(ReadyPart {
            name: "issuer_keys",
            is_well: Arc::new(move || !keys.is_empty()),
            otherwise: "the issuer's keys could not be fetched from issuer.jwks_url yet",
        });
    }
    Ok(HttpSettings {
        access_token_seconds: u32::try_from(auth.access_token_seconds)?,
        keys,
        issuer: issuer(&config.issuer, published)?,
        limits: limits(config)?,
        is_trusted_proxy: Arc::new(move |address| proxies.iter().any(|network| network.contains(address))),
        charge_by: match config.wallet.charge_by {
            sections::ChargeBy::Fan => ChargeBy::Fan,
            sections::ChargeBy::Operator => ChargeBy::Operator,
        },
        body_limit_bytes: config.http.body_limit_bytes,
        plan_body_limit_bytes: config.http.plan_body_limit_bytes,
        request_timeout: Duration::from_millis(config.http.request_timeout_ms),
        body_timeout: Duration::from_millis(config.http.body_timeout_ms),
        bodies_kib: config.http.bodies_mib.saturating_mul(1_024),
        in_flight: InFlightLimits {
            pay: config.http.in_flight_pay,
            hold: config.http.in_flight_hold,
            look: config.http.in_flight_look,
            join: config.http.in_flight_join,
        },
        traces: traces
            .map(|traces| TraceSettings { traces, per_thousand: config.telemetry.traces_per_thousand }),
        shared_counts: wired.counts(),
        cors_origins: config.http.cors_origins.clone(),
        ready,
        stopping,
        parts,
        metrics: Arc::new(move || shown.write()),
    })
}

/// What one may ask for: the part that is changed while the server runs.
pub(super) fn limits(config: &Config) -> anyhow::Result<Limits> {
    let auth = &config.auth;
    Ok(Limits {
        log_in: LogInLimits {
            per_account: auth.login_attempts_per_account,
            per_address: auth.login_attempts_per_address,
            window_seconds: u32::try_from(auth.login_window_seconds)?,
        },
        requests_per_fan_per_second: config.http.requests_per_fan_per_second,
        request_burst_per_fan: config.http.request_burst_per_fan,
        joins_per_fan_per_minute: config.http.joins_per_fan_per_minute,
    })
}

fn issuer(
    settings: &sections::Issuer,
    published: Option<Arc<Jwks>>,
) -> anyhow::Result<Option<IssuerSettings>> {
    if !settings.enabled {
        return Ok(None);
    }
    let shared = settings.shared_key().map_err(anyhow::Error::msg)?;
    let public = settings.verifying_key().map_err(anyhow::Error::msg)?;
    let keys = match (shared, public, published) {
        (Some(secret), None, None) => IssuerKeys::Shared(secret),
        (None, Some(key), None) => IssuerKeys::Public(key),
        (None, None, Some(keys)) => IssuerKeys::Published(keys),
        _ => return Err(anyhow::anyhow!("the issuer needs exactly one kind of key")),
    };
    Ok(Some(IssuerSettings {
        issuer: settings.issuer.clone(),
        audience: settings.audience.clone(),
        role_claim: settings.role_claim.clone(),
        admin_roles: settings.admin_roles.clone(),
        operator_roles: settings.operator_roles.clone(),
        gate_roles: settings.gate_roles.clone(),
        leeway_seconds: u32::try_from(settings.leeway_seconds)
            .context("issuer.leeway_seconds is too large")?,
        keys,
    }))
}
