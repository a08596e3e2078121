//! What a live server says of its own store: seats and money from the API for staff, and the audit that it does beside the
//! sale, from its metrics. Its files are not looked at: they may be on another machine.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use frontrow_rehearsal::Request;
use frontrow_rehearsal::night::Audit;
use serde_json::Value;

use super::super::servers::{Servers, asked};

/// How long a server that has just started may take to show its audit.
const FIRST_LOOK: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What a concert has sold, over the schedules of the rehearsal.
#[derive(Debug, Clone, Default)]
pub(super) struct Sales {
    pub(super) by_state: BTreeMap<String, u64>,
    /// What was paid and not given back, in minor units.
    pub(super) kept: i64,
    /// Fans in line, and let in.
    pub(super) fans: u64,
}

impl Sales {
    pub(super) fn read(
        servers: &Servers,
        bearer: &str,
        concert: u64,
        schedules: &[u64],
    ) -> anyhow::Result<Self> {
        let found = servers.json(&format!("/api/v1/admin/concerts/{concert}/sales"), Some(bearer))?;
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let mut sales =
            Self { fans: number(&found["waiting"]) + number(&found["active"]), ..Self::default() };
        for schedule in found["schedules"].as_array().context("sales without schedules")? {
            if !schedules.contains(&number(&schedule["scheduleId"])) {
                continue;
            }
            for state in ["available", "held", "sold", "blocked"] {
                *sales.by_state.entry(state.to_owned()).or_default() += number(&schedule[state]);
            }
            let money = |name: &str| schedule[name].as_i64().unwrap_or(0);
            sales.kept += money("gross") - money("refunded");
        }
        Ok(sales)
    }

    pub(super) fn seats(&self, state: &str) -> u64 {
        self.by_state.get(state).copied().unwrap_or(0)
    }
}

/// The audits that servers do by themselves.
pub(super) struct Audits<'a> {
    servers: &'a Servers,
}

/// Where the audit of one server is.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Look {
    differences: f64,
    rounds: f64,
}

impl<'a> Audits<'a> {
    /// Looks whether there is an audit, and that it has nothing to say before anything is sold.
    pub(super) fn find(servers: &'a Servers) -> anyhow::Result<Self> {
        let audits = Self { servers };
        let begin = Instant::now();
        loop {
            let looks = audits.look()?;
            if let Some(looks) = looks.into_iter().collect::<Option<Vec<_>>>() {
                let differences: f64 = looks.iter().map(|look| look.differences).fold(0.0, f64::max);
                if differences > 0.0 {
                    bail!(
                        "the audit of this server has {differences} differences already, before anything was rehearsed: \
                         see docs/runbook"
                    );
                }
                return Ok(audits);
            }
            if begin.elapsed() > FIRST_LOOK {
                bail!(
                    "the server shows no audit (frontrow_audit_differences at /metrics), and without one no figure counts: \
                     jobs.audit_pause_ms has to be above 0 there"
                );
            }
            std::thread::park_timeout(LOOK_AGAIN);
        }
    }

    /// Waits until one of the servers has gone through everything that was there at the time of this call.
    pub(super) fn whole_round(
        &self,
        within: Duration,
        stopped: &AtomicBool,
    ) -> anyhow::Result<Result<u64, String>> {
        let begin = Instant::now();
        let before = self.look()?;
        loop {
            let now = self.look()?;
            let rounds = before
                .iter()
                .zip(&now)
                .filter_map(|(before, now)| Some(now.as_ref()?.rounds - before.as_ref()?.rounds));
            // The round that is under way now had begun before, so the next one counts.
            if rounds.fold(0.0, f64::max) >= 2.0 {
                let differences = now.iter().flatten().map(|look| look.differences).fold(0.0, f64::max);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
                return Ok(Ok(differences as u64));
            }
            if begin.elapsed() > within || stopped.load(Ordering::Acquire) {
                return Ok(Err(format!("not through within {} s", begin.elapsed().as_secs())));
            }
            std::thread::park_timeout(LOOK_AGAIN);
        }
    }

    fn look(&self) -> anyhow::Result<Vec<Option<Look>>> {
        let look = |address: &std::net::SocketAddr| {
            let told = asked(*address, Request::get(&self.servers.host, "/metrics"))?;
            let body = told.expect("/metrics", &[200]).context(
                "the audit of a live server is read from its metrics; a proxy that keeps them inside is passed by with \
                 --metrics http://host:port of each server",
            )?;
            Ok(read(&String::from_utf8_lossy(&body)))
        };
        self.servers.addresses.iter().map(look).collect()
    }
}

/// Where the audit is, by the metrics; nothing where there is none.
fn read(metrics: &str) -> Option<Look> {
    let value = |name: &str| {
        let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(name));
        lines.find_map(|rest| rest.trim().parse().ok())
    };
    Some(Look {
        differences: value("frontrow_audit_differences ")?,
        // Not there before the first is through.
        rounds: value("frontrow_audit_rounds_total ").unwrap_or(0.0),
    })
}

/// What the night is judged by: what was sold since `before`, and what the audit says.
pub(super) fn judged(before: &Sales, after: &Sales, audit: Result<u64, String>) -> Audit {
    let (clean, difference_count, differences) = match audit {
        Ok(0) => (true, 0, Vec::new()),
        Ok(count) => (false, count, vec!["the log of the server has them".to_owned()]),
        Err(why) => (false, 0, vec![why]),
    };
    Audit {
        clean,
        difference_count,
        differences,
        confirmed: after.kept - before.kept,
        seats_by_state: after.by_state.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_is_read_from_the_metrics() {
        let metrics = "# HELP frontrow_audit_differences What\nfrontrow_audit_differences 3\n\
                       frontrow_audit_rounds_total 12\nfrontrow_audit_round_age_seconds 0.5\n";
        assert_eq!(read(metrics), Some(Look { differences: 3.0, rounds: 12.0 }));
        assert_eq!(read("frontrow_audit_differences 0\n"), Some(Look { differences: 0.0, rounds: 0.0 }));
        assert_eq!(read("frontrow_audit_differences_of_others 0\n"), None);
    }

    #[test]
    fn an_audit_that_was_not_through_is_not_clean() {
        let sales = Sales::default();
        assert!(judged(&sales, &sales, Ok(0)).clean);
        let late = judged(&sales, &sales, Err("not through within 5 s".to_owned()));
        assert_eq!((late.clean, late.difference_count, late.differences.len()), (false, 0, 1));
    }
}
