//! What the crowd has to know before it comes, and what it has done long before the sale opens: fans have accounts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use frontrow_rehearsal::night::Hall;
use frontrow_rehearsal::{Answer, Next, Plan, Request, Script, Step, Then, run};
use serde_json::Value;

use super::servers::Servers;

/// Connections over which accounts are made.
const CONNECTIONS: usize = 64;
/// How long the waiting room may take to hear of its schedules.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What is sold, as its fans find it.
pub(super) struct Prepared {
    pub(super) title: String,
    pub(super) has_line: bool,
    /// The schedules that are on sale.
    pub(super) halls: Vec<Hall>,
    /// Seats that one fan may have.
    pub(super) party_max: u32,
    /// Seats that are to be had.
    pub(super) seats: usize,
    /// The currency of its prices.
    pub(super) currency: String,
    /// What is copied into the report: names and values.
    pub(super) facts: Vec<(String, String)>,
}

impl Prepared {
    /// Looks at what is on sale. Waits a little for the waiting room to open.
    pub(super) fn look(servers: &Servers, concert: u64) -> anyhow::Result<Self> {
        let found = servers.json(&format!("/api/v1/concerts/{concert}"), None)?;
        let has_line = found["waitingRoom"]["enabled"] == true;
        let (mut halls, mut seats, mut party_max) = (Vec::new(), 0, u32::MAX);
        let schedules = servers.json(&format!("/api/v1/concerts/{concert}/schedules"), None)?;
        let on_sale = |schedule: &&Value| schedule["status"] == "on_sale";
        for schedule in schedules["items"].as_array().into_iter().flatten().filter(on_sale) {
            let number =
                |name: &str| schedule[name].as_u64().with_context(|| format!("a schedule without {name}"));
            let id = number("scheduleId")?;
            let plan = servers.document(&format!("/api/v1/concerts/{concert}/schedules/{id}/plan"), None)?;
            halls.push(Hall::read(concert, id, &plan)?);
            seats += usize::try_from(number("seatsLeft")?)?;
            party_max = party_max.min(u32::try_from(number("maxSeatsPerFan")?)?);
        }
        if halls.is_empty() || seats == 0 {
            bail!("no seat is on sale, so there is nothing to rehearse");
        }
        if has_line {
            until_open(servers, concert)?;
        }
        let facts = facts(&found, &halls, seats);
        let currency = text(&schedules["items"][0]["currency"]);
        Ok(Self { title: text(&found["title"]), has_line, halls, party_max, seats, currency, facts })
    }
}

/// The one concert of a scratch store.
pub(super) fn only_concert(servers: &Servers) -> anyhow::Result<u64> {
    let concerts = servers.json("/api/v1/concerts", None)?;
    concerts["items"][0]["concertId"].as_u64().context("the concert is not there")
}

/// The least and the most that a wallet takes at once, in minor units.
pub(super) fn limits(servers: &Servers, bearer: &str) -> anyhow::Result<(i64, i64)> {
    let limits = &servers.json("/api/v1/users/me/balance", Some(bearer))?["limits"];
    let charge =
        |name: &str| limits[name].as_i64().with_context(|| format!("the wallet does not say its {name}"));
    Ok((charge("chargeMin")?, charge("chargeMax")?))
}

/// Has fans of an issuer known to the servers.
pub(super) fn make_known(servers: &Servers, bearers: &[String], stopped: &AtomicBool) -> anyhow::Result<()> {
    eprintln!("frontrow: making {} accounts on a server for the rehearsal alone", bearers.len());
    let mut known = Known { bearers, host: &servers.host, next: 0, refused: None, stopped };
    let plan = Plan::new(servers.first(), CONNECTIONS).also(&servers.addresses[1..]).timeout(PATIENCE);
    run(&plan, &mut known)?;
    if stopped.load(Ordering::Acquire) {
        bail!("interrupted: what was made for the rehearsal is gone");
    }
    if let Some(refused) = known.refused {
        bail!("the server of the rehearsal does not take its fans: {refused}");
    }
    Ok(())
}

fn facts(concert: &Value, halls: &[Hall], seats: usize) -> Vec<(String, String)> {
    let on_sale = match halls.len() {
        1 => format!("{seats} seats"),
        schedules => format!("{seats} seats in {schedules} schedules"),
    };
    let mut facts = vec![("concert".to_owned(), text(&concert["title"])), ("on sale".to_owned(), on_sale)];
    let hold = &concert["schedules"][0]["holdSeconds"];
    if let Some(seconds) = hold.as_u64() {
        facts.push(("a hold lasts".to_owned(), format!("{seconds} s")));
    }
    facts
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Waits until the waiting room has heard of its schedules: who joins sooner is told that nothing is on sale.
fn until_open(servers: &Servers, concert: u64) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        let room = servers.json(&format!("/api/v1/concerts/{concert}/queue"), None)?;
        if room["state"] == "open" {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            bail!("the waiting room does not open but is {}", room["state"]);
        }
        std::thread::park_timeout(LOOK_AGAIN);
    }
}

/// Every fan asks who they are, and is known from then on.
struct Known<'a> {
    bearers: &'a [String],
    host: &'a str,
    next: usize,
    refused: Option<String>,
    stopped: &'a AtomicBool,
}

impl Script for Known<'_> {
    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        let bearer = self.bearers.get(self.next).filter(|_| self.refused.is_none());
        let Some(bearer) = bearer.filter(|_| !self.stopped.load(Ordering::Relaxed)) else {
            return Next::Done;
        };
        self.next += 1;
        let headers = [("authorization", bearer.as_str())];
        Request::get(self.host, "/api/v1/users/me").headers(&headers).write(buffer);
        Next::Send(Step(0))
    }

    fn answered(&mut self, _connection: usize, _step: Step, answer: &Answer<'_>) -> Then {
        if answer.status != 200 {
            let body = String::from_utf8_lossy(answer.body);
            self.refused.get_or_insert_with(|| format!("{} {body}", answer.status));
        }
        Then::Free
    }
}
