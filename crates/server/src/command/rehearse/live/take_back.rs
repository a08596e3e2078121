//! Taking back what a rehearsal has bought: everything that its fans have paid is refunded in full, by the operator.
//!
//! Whose a reservation is, is seen by the address of its fan, so that this can be done at any time later, and again. Holds
//! lapse and places in line end by themselves. Accounts stay, with what they were refunded: the ledger forgets nothing.

use std::time::Duration;

use anyhow::{Context, bail};
use frontrow_rehearsal::{Answer, Failure, Next, Plan, Request, Script, Step, Then, run};
use serde_json::{Value, json};

use super::super::servers::Servers;
use super::accounts::Run;
use super::operator::Operator;

const CONNECTIONS: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_secs(1);
/// Reservations on one page: the most that the API gives.
const PAGE: usize = 100;

/// What was taken back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TakenBack {
    pub(super) refunded: usize,
    /// Holds that are still there and lapse by themselves.
    pub(super) held: usize,
}

/// Refunds what the fans of a rehearsal have bought of a concert.
pub(super) fn take_back(
    servers: &Servers,
    operator: &mut Operator,
    concert: u64,
    name: &str,
) -> anyhow::Result<TakenBack> {
    let held = find(servers, operator, concert, name, "pending")?.len();
    let bought = find(servers, operator, concert, name, "confirmed")?;
    let bearer = operator.bearer(servers)?;
    let reason = json!({"reason": format!("Rehearsal {name} is taken back")}).to_string();
    let mut refunds = Refunds {
        host: &servers.host,
        bearer,
        body: reason.into_bytes(),
        left: bought.clone(),
        at: vec![None; CONNECTIONS],
        pause: vec![Duration::ZERO; CONNECTIONS],
        refused: None,
        refunded: 0,
    };
    let plan = Plan::new(servers.first(), CONNECTIONS).also(&servers.addresses[1..]).timeout(TIMEOUT);
    run(&plan, &mut refunds)?;
    if let Some(refused) = refunds.refused {
        bail!(
            "{} of {} reservations were refunded, then one was not: {refused}",
            refunds.refunded,
            bought.len()
        );
    }
    if refunds.refunded < bought.len() {
        bail!(
            "{} of {} reservations were refunded, then the server went away",
            refunds.refunded,
            bought.len()
        );
    }
    Ok(TakenBack { refunded: refunds.refunded, held })
}

/// The reservations of this status that fans of the rehearsal have.
fn find(
    servers: &Servers,
    operator: &mut Operator,
    concert: u64,
    name: &str,
    status: &str,
) -> anyhow::Result<Vec<String>> {
    let (domain, mut found, mut cursor) = (Run::domain(name), Vec::new(), None::<String>);
    loop {
        let after = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let path =
            format!("/api/v1/admin/reservations?concertId={concert}&status={status}&limit={PAGE}{after}");
        let page = servers.json(&path, Some(&operator.bearer(servers)?))?;
        let items = page["items"].as_array().context("a page without items")?;
        let is_ours =
            |item: &&Value| item["fan"]["email"].as_str().is_some_and(|email| email.ends_with(&domain));
        let ids = items.iter().filter(is_ours).filter_map(|item| item["reservationId"].as_str());
        found.extend(ids.map(ToOwned::to_owned));
        cursor = page["nextCursor"].as_str().map(ToOwned::to_owned);
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

struct Refunds<'a> {
    host: &'a str,
    bearer: String,
    body: Vec<u8>,
    left: Vec<String>,
    at: Vec<Option<String>>,
    pause: Vec<Duration>,
    refused: Option<String>,
    refunded: usize,
}

impl Script for Refunds<'_> {
    fn next(&mut self, connection: usize, buffer: &mut Vec<u8>) -> Next {
        if self.refused.is_some() {
            return Next::Done;
        }
        let pause = std::mem::take(&mut self.pause[connection]);
        if !pause.is_zero() {
            return Next::Later(pause);
        }
        if self.at[connection].is_none() {
            self.at[connection] = self.left.pop();
        }
        let Some(reservation) = &self.at[connection] else { return Next::Done };
        let path = format!("/api/v1/admin/reservations/{reservation}/refund");
        // Under one key, so that one whose answer got lost is not refused.
        let key = format!("take-back-{reservation}");
        let headers = [("authorization", self.bearer.as_str()), ("idempotency-key", key.as_str())];
        Request::post(self.host, &path, &self.body).headers(&headers).write(buffer);
        Next::Send(Step(0))
    }

    fn answered(&mut self, connection: usize, _step: Step, answer: &Answer<'_>) -> Then {
        match answer.status {
            200 => {
                self.at[connection] = None;
                self.refunded += 1;
            }
            429 | 503 => self.pause[connection] = AGAIN,
            status => {
                let body = String::from_utf8_lossy(answer.body);
                self.refused.get_or_insert_with(|| format!("{status} {body}"));
            }
        }
        Then::Free
    }

    fn failed(&mut self, connection: usize, _step: Step, _failure: Failure) {
        self.pause[connection] = AGAIN;
    }
}
