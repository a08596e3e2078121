//! A rehearsal on a server that is there: seats are really sold, to fans who can be told from people, and taken back.
//!
//! Only the concert that is named, only when its title is repeated, and only while nobody else buys. What the server says of
//! its store comes from its API and metrics ([`audit`]).

mod accounts;
mod audit;
mod operator;
mod take_back;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use frontrow_rehearsal::Request;
use serde_json::Value;

use self::accounts::{DOMAIN, Run, sign_up};
use self::audit::{Audits, Sales, judged};
use self::operator::Operator;
use self::take_back::take_back;
use super::prepare::Prepared;
use super::servers::Servers;
use super::told::Ground;
use super::{Rehearsal, RehearseArguments};

/// A server that is there.
#[derive(Args)]
#[command(next_help_heading = "On a server that is there (docs/rehearsal.md first: it really sells)")]
pub(super) struct LiveArguments {
    /// Fire at this server, as `http://host:port`, and not at a copy; again for each server of a cluster
    #[arg(long, value_name = "URL", requires = "concert", conflicts_with_all = ["plan", "seats", "max_active", "admit_per_second", "hold_seconds"])]
    live: Vec<String>,
    /// The title of the concert, letter by letter, to say that its seats are to be sold
    #[arg(long, value_name = "TITLE", requires = "live")]
    yes_this_sells_real_seats: Option<String>,
    /// A file that names an operator there: e-mail address and password on two lines, or an access token; - for standard
    /// input. `FRONTROW_REHEARSE_OPERATOR` may hold the same
    #[arg(long, value_name = "FILE", requires = "live")]
    operator: Option<PathBuf>,
    /// Where each server shows its metrics, when that is not where it sells
    #[arg(long, value_name = "URL", requires = "live")]
    metrics: Vec<String>,
    /// Seconds that the audit beside the sale may take for a whole round afterwards
    #[arg(long, value_name = "SECONDS", requires = "live", default_value_t = 600)]
    audit_within: u64,
    /// Leave what was bought as it is; --take-back gives it back later
    #[arg(long, requires = "live")]
    keep: bool,
    /// Only refund what the rehearsal of this name has bought, and rehearse nothing
    #[arg(long, value_name = "NAME", requires = "live", conflicts_with_all = ["yes_this_sells_real_seats", "keep", "html", "json", "targets"])]
    take_back: Option<String>,
}

impl LiveArguments {
    /// Whether it is a server that is there.
    pub(super) fn is_wanted(&self) -> bool {
        !self.live.is_empty()
    }
}

/// A concert on a live server, as its operator sees it.
struct Live {
    servers: Servers,
    operator: Operator,
    concert: u64,
}

impl Live {
    fn find(arguments: &RehearseArguments) -> anyhow::Result<Self> {
        let live = &arguments.live;
        let servers = Servers::named("--live", &live.live)?;
        let mut operator = Operator::find(live.operator.as_deref())?;
        operator.check(&servers)?;
        let concert = arguments.concert.context("name the concert with --concert")?;
        Ok(Self { servers, operator, concert: concert.into() })
    }

    fn sales(&mut self, schedules: &[u64]) -> anyhow::Result<Sales> {
        let bearer = self.operator.bearer(&self.servers)?;
        Sales::read(&self.servers, &bearer, self.concert, schedules)
    }

    /// Takes back what a rehearsal has bought, and says so.
    fn take_back(&mut self, name: &str) -> anyhow::Result<()> {
        eprintln!("frontrow: taking back what the rehearsal {name} has bought");
        let taken = take_back(&self.servers, &mut self.operator, self.concert, name).with_context(|| {
            format!(
                "not everything was taken back; do it again with --take-back {name} in place of the rehearsal"
            )
        })?;
        eprintln!(
            "frontrow: {} reservations were refunded; {} holds are left, which lapse by themselves",
            taken.refunded, taken.held
        );
        Ok(())
    }
}

/// Rehearses on servers that are there.
pub(super) fn run(rehearsal: &Rehearsal<'_>) -> anyhow::Result<ExitCode> {
    let arguments = rehearsal.arguments;
    let mut live = Live::find(arguments)?;
    if let Some(name) = &arguments.live.take_back {
        live.take_back(name)?;
        return Ok(ExitCode::SUCCESS);
    }
    let prepared = Prepared::look(&live.servers, live.concert)
        .with_context(|| format!("concert {} of {}", live.concert, live.servers.host))?;
    confirm(&prepared, arguments, &live.servers)?;
    let schedules: Vec<u64> = prepared.halls.iter().map(|hall| hall.schedule).collect();
    let before = live.sales(&schedules)?;
    check_alone(&before)?;
    let metrics = match arguments.live.metrics.as_slice() {
        [] => live.servers.clone(),
        urls => Servers::named("--metrics", urls)?,
    };
    let audits = Audits::find(&metrics)?;
    let run = Run::new()?;
    let name = run.name.clone();
    eprintln!(
        "frontrow: rehearsal {name}: making {} accounts whose addresses end with {}",
        arguments.fans,
        Run::domain(&name)
    );
    let mut log_ins = sign_up(&live.servers, &run, 0..1, &rehearsal.stopped)?;
    let limits = first_charge(&live.servers, &log_ins[0].bearer)?;
    log_ins.extend(sign_up(&live.servers, &run, 1..arguments.fans as usize, &rehearsal.stopped)?);
    let night = rehearsal.night(prepared, limits, &live.servers, Vec::new(), log_ins);
    let fired = rehearsal.fire(&night, "waiting for a whole round of the server's audit");
    let was_stopped = rehearsal.stopped.load(Ordering::Acquire);
    // From here on there is something to be taken back, whatever else goes wrong.
    let judgement = fired.and_then(|outcome| {
        let after = live.sales(&schedules)?;
        let within = Duration::from_secs(if was_stopped { 0 } else { arguments.live.audit_within });
        let audit = audits.whole_round(within, &rehearsal.stopped)?;
        Ok((outcome, judged(&before, &after, audit)))
    });
    let taken = if arguments.live.keep {
        eprintln!("frontrow: nothing is taken back; later: --take-back {name} in place of the rehearsal");
        Ok(())
    } else {
        live.take_back(&name)
    };
    let (outcome, audit) = match judgement {
        Ok(judgement) => judgement,
        Err(error) => return taken.and(Err(error)),
    };
    if was_stopped {
        taken?;
        bail!("interrupted: nothing was judged");
    }
    let ground = Ground {
        server: format!("{}, which was there", arguments.live.live.join(", ")),
        facts: vec![("rehearsal".to_owned(), format!("{name}: its fans have addresses in {name}.{DOMAIN}"))],
        memory_kib: None,
        is_shared: false,
    };
    let code = rehearsal.tell(&night, &outcome, &audit, ground)?;
    taken?;
    Ok(code)
}

/// Nothing is sold before the title is repeated: a number is mistyped too easily.
fn confirm(prepared: &Prepared, arguments: &RehearseArguments, servers: &Servers) -> anyhow::Result<()> {
    let (title, said) = (&prepared.title, arguments.live.yes_this_sells_real_seats.as_deref());
    if said == Some(title) {
        return Ok(());
    }
    let begin = match said {
        Some(said) => format!("the concert there is not {said:?} but {title:?}"),
        None => format!("this would sell {} real seats of {title:?} at {}", prepared.seats, servers.host),
    };
    bail!(
        "{begin}. Everybody who follows its sale sees that: the site, chat, webhooks, Kafka, rankings, the books; what was \
         bought is refunded at the end, and the accounts stay. Rehearse on a staging system, or on a concert that was made \
         for it. If this is the one, run it again with\n  --yes-this-sells-real-seats {}",
        quoted(title)
    )
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Nobody loses a seat to a rehearsal.
fn check_alone(sales: &Sales) -> anyhow::Result<()> {
    let (sold, held) = (sales.seats("sold"), sales.seats("held"));
    if sold + held + sales.fans > 0 {
        bail!(
            "somebody else is there: {sold} seats are sold, {held} are held, {} fans are in line or let in. A rehearsal \
             would take seats from them, and could not tell its sales from theirs. Make a concert of the same size for it, \
             or wait until the holds of the last rehearsal have lapsed and its places in line have ended",
            sales.fans
        );
    }
    Ok(())
}

/// Whether fans may charge their wallets there, and how much: the least that one may, once.
fn first_charge(servers: &Servers, bearer: &str) -> anyhow::Result<(i64, i64)> {
    let limits = super::prepare::limits(servers, bearer)?;
    let body = serde_json::json!({"amount": limits.0, "method": "card"}).to_string();
    let headers = [("authorization", bearer), ("idempotency-key", "rehearsal-first-charge")];
    let request = Request::post(&servers.host, "/api/v1/users/me/charge", body.as_bytes()).headers(&headers);
    let told = servers.ask(request)?;
    if told.status == 403 {
        let code = serde_json::from_slice::<Value>(&told.body).unwrap_or_default();
        bail!(
            "fans may not charge their wallets there ({}), so none could pay: set wallet.charge_by = \"fan\" for the \
             rehearsal, on a staging system",
            code["code"].as_str().unwrap_or("forbidden")
        );
    }
    told.expect("the first charge", &[200])?;
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_can_be_copied_into_a_shell() {
        assert_eq!(quoted("Rock'n'Roll \"$HOME\""), r#"'Rock'\''n'\''Roll "$HOME"'"#);
    }
}
