//! `serve --demo`: an empty store is filled with something to try.

use std::net::SocketAddr;

use anyhow::{anyhow, bail};
use frontrow_application::App;
use frontrow_application::account::NewAccount;
use frontrow_application::catalog::NewSchedule;
use frontrow_application::catalog::plan_import::{ImportedPlan, PlanDocument};
use frontrow_application::staff::By;
use frontrow_application::store::ConcertFilter;
use frontrow_domain::account::Role;
use frontrow_domain::catalog::{
    BookingWindow, ConcertDraft, RefundPolicy, RefundRow, ScheduleDraft, WaitingRoomSettings,
};
use frontrow_domain::wallet::ChargeMethod;
use frontrow_domain::{Money, Timestamp, UserId};
use futures_util::future::try_join_all;

use super::answer;
use crate::config::sections::Demo;

/// The address of the demo's operator.
const OPERATOR: &str = "operator@demo.frontrow";

/// The address of the demo's scanner at the door.
const GATE: &str = "gate@demo.frontrow";

/// The address of a fan of the demo, counted from 1.
fn fan_email(number: u32) -> String {
    format!("fan{number}@demo.frontrow")
}

struct DemoConcert {
    title: &'static str,
    artist: &'static str,
    description: &'static str,
    venue: &'static str,
    schedules: &'static [DemoPlan],
    /// Minutes from now until the sale opens; 0 for a sale that is on.
    opens_in_minutes: u32,
    /// Whether fans stand in line.
    has_line: bool,
}

/// The seats of one schedule.
enum DemoPlan {
    /// So many, at this price.
    Plain(u32, i64),
    /// The theatre of `plans/`, with three grades, aisles, a balcony and places for wheelchairs.
    Theatre,
}

/// The theatre, as everybody can import it.
const THEATRE: &str = include_str!("../../../../plans/theatre-1300.json");
/// What its grades cost.
const THEATRE_PRICES: &str = r#"{"VIP":150000,"R":110000,"S":77000}"#;

const CONCERTS: [DemoConcert; 4] = [
    DemoConcert {
        title: "한강 여름밤 콘서트",
        artist: "The Riverside Band",
        description: "The classic: fifty seats, one price, everybody wants them.",
        venue: "Nodeul Live House, Seoul",
        schedules: &[DemoPlan::Plain(50, 50_000), DemoPlan::Plain(50, 50_000)],
        opens_in_minutes: 0,
        has_line: true,
    },
    DemoConcert {
        title: "Winter Arena",
        artist: "Northern Lights",
        description: "Two nights with a thousand seats each.",
        venue: "Olympic Hall, Seoul",
        schedules: &[DemoPlan::Plain(1_000, 88_000), DemoPlan::Plain(1_000, 99_000)],
        opens_in_minutes: 0,
        has_line: true,
    },
    DemoConcert {
        title: "첫차 — Unplugged",
        artist: "첫차",
        description: "The sale opens ten minutes after the demo was made.",
        venue: "Mapo Art Centre, Seoul",
        schedules: &[DemoPlan::Plain(300, 66_000)],
        opens_in_minutes: 10,
        has_line: true,
    },
    DemoConcert {
        title: "겨울 나그네 — Winterreise",
        artist: "Seoul Chamber Players",
        description: "A theatre with grades, aisles and a balcony; nobody has to stand in line.",
        venue: "Mapo Art Centre, Seoul",
        schedules: &[DemoPlan::Theatre],
        opens_in_minutes: 0,
        has_line: false,
    },
];

/// Fills an empty store; leaves any other alone.
pub(super) async fn fill(app: &App, settings: &Demo) -> anyhow::Result<()> {
    let (concerts, _) = app.concerts(ConcertFilter::default(), None, None, 1).await?;
    if !concerts.is_empty() {
        tracing::info!("the store has concerts already: the demo adds nothing");
        return Ok(());
    }
    tracing::info!(fans = settings.fans, "filling the store with the demo");
    sign_up(app, OPERATOR, "Operator", Role::Operator, &settings.password).await?;
    sign_up(app, GATE, "Gate", Role::Gate, &settings.password).await?;
    for concert in &CONCERTS {
        add_concert(app, concert).await?;
    }
    let fans = (1..=settings.fans).map(|number| async move {
        let name = format!("Fan {number}");
        let fan = sign_up(app, &fan_email(number), &name, Role::Fan, &settings.password).await?;
        charge(app, fan, settings.fan_balance).await
    });
    // A few at a time: hashing is bounded, and so is its queue.
    let mut fans = fans.collect::<Vec<_>>().into_iter();
    loop {
        let some: Vec<_> = fans.by_ref().take(16).collect();
        if some.is_empty() {
            return Ok(());
        }
        try_join_all(some).await?;
    }
}

async fn sign_up(app: &App, email: &str, name: &str, role: Role, password: &str) -> anyhow::Result<UserId> {
    let new =
        NewAccount { email: email.to_owned(), password: password.to_owned(), name: name.to_owned(), role };
    match app.sign_up(new).await {
        Ok(account) => Ok(account.id),
        Err(failure) => bail!("the demo account {email} could not be made: {failure:?}"),
    }
}

/// Charges in steps that the wallet's policy admits.
async fn charge(app: &App, fan: UserId, balance: i64) -> anyhow::Result<()> {
    let policy = app.settings().charges;
    let mut left = Money::of(balance);
    while left >= policy.charge_min && left > Money::ZERO {
        let step = left.min(policy.charge_max);
        app.charge(By::System, fan, step, ChargeMethod::Card, None)
            .await
            .map_err(|failure| anyhow!("a demo wallet could not be charged: {failure:?}"))?;
        left = left.minus(step).unwrap_or(Money::ZERO);
    }
    Ok(())
}

async fn add_concert(app: &App, demo: &DemoConcert) -> anyhow::Result<()> {
    let draft = ConcertDraft {
        title: demo.title.to_owned(),
        artist: demo.artist.to_owned(),
        description: demo.description.to_owned(),
        published: true,
        waiting_room: WaitingRoomSettings {
            enabled: demo.has_line,
            max_active: 100,
            admit_per_second_milli: 20_000,
            ..WaitingRoomSettings::OFF
        },
    };
    let made = app.create_concert(By::System, draft, None).await;
    let concert = made.map_err(|failure| anyhow!("a demo concert could not be made: {failure:?}"))?.outcome;
    let now = app.now();
    let opens_at = if demo.opens_in_minutes == 0 {
        now.minus_seconds(60)
    } else {
        now.plus_seconds(demo.opens_in_minutes * 60)
    };
    for (evening, plan) in (0_u32..).zip(demo.schedules) {
        let ImportedPlan { plan, drawing } = plan.import()?;
        let draft = schedule(app, demo.venue, now, opens_at, evening);
        let new = NewSchedule { concert, draft, plan, drawing };
        let made = app.create_schedule(By::System, new, None).await;
        made.map_err(|failure| anyhow!("a demo schedule could not be made: {failure:?}"))?;
    }
    Ok(())
}

impl DemoPlan {
    fn import(&self) -> anyhow::Result<ImportedPlan> {
        let document = match self {
            Self::Plain(seats, price) => format!(r#"{{"plain":{{"seats":{seats},"price":{price}}}}}"#),
            Self::Theatre => format!(r#"{{"pretix":{{"plan":{THEATRE},"prices":{THEATRE_PRICES}}}}}"#),
        };
        let document: PlanDocument = serde_json::from_str(&document)?;
        document.import("seatPlan").map_err(|errors| anyhow!("a demo plan is wrong: {errors:?}"))
    }
}

/// A performance in thirty days and `evening` days more, on sale until an hour before.
fn schedule(app: &App, venue: &str, now: Timestamp, opens_at: Timestamp, evening: u32) -> ScheduleDraft {
    const DAY: u32 = 24 * 60 * 60;
    let starts_at = now.plus_seconds((30 + evening) * DAY);
    let defaults = app.settings().sales.defaults;
    ScheduleDraft {
        venue: venue.to_owned(),
        starts_at,
        time_zone: "Asia/Seoul".to_owned(),
        duration_minutes: 120,
        booking: BookingWindow { start: opens_at, end: starts_at.minus_seconds(3_600) },
        hold: defaults.hold,
        max_seats_per_fan: defaults.max_seats_per_fan,
        refund_policy: RefundPolicy::of(vec![
            RefundRow { until_hours_before: 240, percent: 100 },
            RefundRow { until_hours_before: 24, percent: 70 },
        ]),
        sales_paused: false,
    }
}

/// Says where to look and how to log in.
pub(super) async fn explain(app: &App, settings: &Demo, address: SocketAddr) -> anyhow::Result<()> {
    let (concerts, _) = app.concerts(ConcertFilter::default(), None, None, 100).await?;
    let concerts = concerts.iter().map(|concert| {
        let id = concert.concert.id;
        let status = concert.status().name();
        format!("  {id}  {} ({status}), {} seats left\n", concert.concert.title, concert.seats_left())
    });
    let concerts: String = concerts.collect();
    let (first, last, password) = (fan_email(1), fan_email(settings.fans.max(1)), &settings.password);
    answer(&format!(
        "\nThe demo has these concerts:\n{concerts}\
         Log in as {first} … {last}, {OPERATOR} or {GATE}; the password is {password}\n  \
         curl -s http://{address}/api/v1/auth/login -H 'Content-Type: application/json' \\\n    \
         -d '{{\"email\": \"{first}\", \"password\": \"{password}\"}}'\n\
         Stop with Ctrl-C; the sale goes on where it was with the next start."
    ))
}
