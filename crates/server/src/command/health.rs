//! `frontrow health`: whether the server on this machine is ready, for images that hold nothing to ask it with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use reqwest::Client;

use super::answer;
use crate::config::Config;

/// How long the server may take to say.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn run(config: &Config) -> anyhow::Result<ExitCode> {
    // Fails only when a provider is installed already, which is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let url = format!("http://{}/health/ready", reachable(config.http.listen));
    runtime.block_on(async {
        let client = Client::builder().timeout(PATIENCE).no_proxy().build()?;
        let asked = client.get(&url).send().await;
        let said = asked.with_context(|| format!("no server answers at {url}"))?;
        let is_ready = said.status().is_success();
        answer(said.text().await?.trim_end())?;
        Ok(if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Where a server that listens there can be asked from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
