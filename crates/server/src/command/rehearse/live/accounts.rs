//! The fans of a rehearsal on a live server: accounts that anybody can tell from those of people.
//!
//! Each has an address in a domain that no mail reaches (RFC 2606), with the name of the rehearsal in it, and a password that is
//! drawn for the rehearsal and forgotten with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use frontrow_rehearsal::night::LogIn;
use frontrow_rehearsal::{Answer, Failure, Next, Plan, Request, Script, Step, Then, run};
use serde::Deserialize;
use serde_json::json;

use super::super::scratch::{new_name, secret};
use super::super::servers::Servers;

/// The domain of all rehearsals.
pub(super) const DOMAIN: &str = "rehearsal.invalid";
/// Requests at once: well below `auth.hashing_queue`, so that people can still log in meanwhile.
const CONNECTIONS: usize = 16;
/// A password is hashed for each of two requests, one at a time on the server.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Before a request is repeated that was refused for now and not told when to come back.
const AGAIN: Duration = Duration::from_secs(1);
/// Between two lines about how far it is.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// A rehearsal on a live server, by its name.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) name: String,
    password: String,
}

impl Run {
    /// One that nobody has had before.
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self { name: new_name(8)?, password: secret()? })
    }

    /// What the addresses of its fans end with.
    pub(super) fn domain(name: &str) -> String {
        format!("@{name}.{DOMAIN}")
    }

    fn address(&self, number: usize) -> String {
        format!("fan-{number}{}", Self::domain(&self.name))
    }
}

/// Makes these fans known to the server, and logs them in.
pub(super) fn sign_up(
    servers: &Servers,
    run_of: &Run,
    numbers: std::ops::Range<usize>,
    stopped: &AtomicBool,
) -> anyhow::Result<Vec<LogIn>> {
    let (first, count) = (numbers.start, numbers.len());
    let mut script = SignUps {
        run: run_of,
        host: &servers.host,
        left: numbers,
        at: vec![None; CONNECTIONS],
        log_ins: (0..count).map(|_| None).collect(),
        first,
        done: 0,
        told: Instant::now(),
        refused: None,
        stopped,
    };
    let plan = Plan::new(servers.first(), CONNECTIONS).also(&servers.addresses[1..]).timeout(TIMEOUT);
    run(&plan, &mut script)?;
    if stopped.load(Ordering::Acquire) {
        bail!(
            "interrupted before the sale opened; accounts that were made end with {}",
            Run::domain(&run_of.name)
        );
    }
    if let Some(refused) = script.refused {
        bail!("the server does not take fans: {refused}");
    }
    script
        .log_ins
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .context("the server went away while fans signed up")
}

/// What one connection is doing.
#[derive(Debug, Clone, Copy)]
struct Doing {
    fan: usize,
    /// Whether the account is there.
    has_account: bool,
    /// Before it is tried again.
    pause: Duration,
}

struct SignUps<'a> {
    run: &'a Run,
    host: &'a str,
    left: std::ops::Range<usize>,
    at: Vec<Option<Doing>>,
    log_ins: Vec<Option<LogIn>>,
    first: usize,
    done: usize,
    told: Instant,
    refused: Option<String>,
    stopped: &'a AtomicBool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens<'a> {
    access_token: &'a str,
    refresh_token: &'a str,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    code: &'a str,
}

impl Script for SignUps<'_> {
    fn next(&mut self, connection: usize, buffer: &mut Vec<u8>) -> Next {
        if self.refused.is_some() || self.stopped.load(Ordering::Relaxed) {
            return Next::Done;
        }
        let begin = |fan| Doing { fan, has_account: false, pause: Duration::ZERO };
        let Some(mut doing) = self.at[connection].or_else(|| self.left.next().map(begin)) else {
            return Next::Done;
        };
        let pause = std::mem::take(&mut doing.pause);
        self.at[connection] = Some(doing);
        if !pause.is_zero() {
            return Next::Later(pause);
        }
        let (email, password) = (self.run.address(doing.fan), &self.run.password);
        let (path, body) = if doing.has_account {
            ("/api/v1/auth/login", json!({"email": email, "password": password}))
        } else {
            let name = format!("Rehearsal {}", self.run.name);
            ("/api/v1/auth/signup", json!({"email": email, "password": password, "name": name}))
        };
        Request::post(self.host, path, body.to_string().as_bytes()).write(buffer);
        Next::Send(Step(0))
    }

    fn answered(&mut self, connection: usize, _step: Step, answer: &Answer<'_>) -> Then {
        let Some(doing) = &mut self.at[connection] else { return Then::Free };
        let code = serde_json::from_slice(answer.body).map_or("", |Refusal { code }| code);
        match (doing.has_account, answer.status, code) {
            // Taken: the answer to the request before got lost.
            (false, 201, _) | (false, 409, "email_taken") => doing.has_account = true,
            (true, 200, _) => {
                let Ok(Tokens { access_token, refresh_token, expires_in }) =
                    serde_json::from_slice(answer.body)
                else {
                    self.refused.get_or_insert_with(|| "a log-in was answered without tokens".to_owned());
                    return Then::Free;
                };
                let log_in = LogIn::new(access_token, refresh_token, Duration::from_secs(expires_in));
                self.log_ins[doing.fan - self.first] = Some(log_in);
                self.at[connection] = None;
                self.done += 1;
            }
            (_, 429 | 503, _) => {
                let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
                doing.pause = seconds.map_or(AGAIN, Duration::from_secs).max(AGAIN);
            }
            _ => {
                let body = String::from_utf8_lossy(answer.body);
                self.refused.get_or_insert_with(|| format!("{} {body}", answer.status));
            }
        }
        Then::Free
    }

    fn failed(&mut self, connection: usize, _step: Step, _failure: Failure) {
        if let Some(doing) = &mut self.at[connection] {
            doing.pause = AGAIN;
        }
    }

    fn tick(&mut self, now: Instant) {
        if now.saturating_duration_since(self.told) >= TELL_EVERY {
            self.told = now;
            eprintln!("frontrow: {} of {} fans have accounts", self.done, self.log_ins.len());
        }
    }
}
