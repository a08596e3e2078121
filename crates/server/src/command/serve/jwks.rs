//! Fetches the keys that an external issuer publishes: at the start, every few minutes, and when a token names a
//! key that is not known yet.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use frontrow_http::Jwks;
use jsonwebtoken::jwk::JwkSet;
use reqwest::Client;
use tokio_util::sync::CancellationToken;

use crate::config::sections::Issuer;

/// How long the issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest set of keys that is read.
const BYTES_MAX: usize = 256 * 1024;
/// How soon a failed fetch is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Starts to fetch, when the settings name a place to fetch from.
pub(super) fn start(settings: &Issuer, stop: CancellationToken) -> anyhow::Result<Option<Arc<Jwks>>> {
    if !settings.enabled || settings.jwks_url.is_empty() {
        return Ok(None);
    }
    // Fails only when a provider is installed already, which is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .context("cannot make the client that fetches the issuer's keys")?;
    let keys = Arc::new(Jwks::new());
    let every = Duration::from_secs(settings.jwks_refresh_seconds);
    tokio::spawn(refresh(Arc::clone(&keys), client, settings.jwks_url.clone(), every, stop));
    Ok(Some(keys))
}

async fn refresh(keys: Arc<Jwks>, client: Client, url: String, every: Duration, stop: CancellationToken) {
    loop {
        let pause = match fetch(&client, &url).await {
            Ok(set) => {
                let count = keys.replace(&set);
                tracing::debug!(count, "fetched the issuer's keys");
                every
            }
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the issuer's keys could not be fetched; the old ones stay"
                );
                RETRY
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            () = keys.wanted() => {}
        }
    }
}

async fn fetch(client: &Client, url: &str) -> anyhow::Result<JwkSet> {
    let mut answer = client.get(url).send().await?.error_for_status()?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        anyhow::ensure!(
            body.len() + chunk.len() <= BYTES_MAX,
            "the set of keys is longer than {BYTES_MAX} bytes"
        );
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).context("the answer is not a set of keys")
}
