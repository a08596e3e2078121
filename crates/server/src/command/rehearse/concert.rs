//! What is rehearsed: the arena that comes with the binary, a file, plain seats, or a copy of a concert of the store. In
//! each case it is on sale from now on.

use std::path::Path;

use anyhow::{Context, bail};
use frontrow_application::Clock as _;
use frontrow_application::catalog::plan_import::ImportedPlan;
use frontrow_domain::catalog::{BookingWindow, FieldError};
use frontrow_domain::{ConcertId, Timestamp};
use frontrow_http::ConcertImport;
use serde_json::{Map, Value, json};

use super::RehearseArguments;
use crate::adapters::clock::SystemClock;
use crate::command::plan::{beside, read, refuse, unpack};
use crate::config::Config;
use crate::wiring::{open_reads, refused_members, schedule_defaults};

/// The arena, as everybody can import it.
const ARENA: &str = include_str!("../../../../../plans/example-arena.json");
/// Its plan, packed.
const ARENA_PLAN: &[u8] = include_bytes!("../../../../../plans/arena-15000.json.gz");
/// What a seat costs that nobody has priced, in minor units.
const PRICE: u32 = 100_000;
/// The concert of a plan that has none.
const TITLE: &str = "Rehearsal";
/// Since when it is on sale. Seconds.
const ON_SALE_SINCE: u32 = 60;
/// Until when: no rehearsal lasts so long. Seconds.
const ON_SALE_FOR: u32 = 2 * 86_400;
/// From then to the performance. Seconds.
const STARTS_AFTER: u32 = 30 * 86_400;

/// Where the concert comes from.
pub(super) enum Source<'a> {
    Arena,
    File(&'a Path),
    Plain(u32),
    Store(ConcertId),
}

impl<'a> Source<'a> {
    pub(super) fn of(arguments: &'a RehearseArguments) -> Self {
        match arguments {
            RehearseArguments { concert: Some(id), .. } => Self::Store(ConcertId::new(*id)),
            RehearseArguments { plan: Some(file), .. } => Self::File(file),
            RehearseArguments { seats: Some(seats), .. } => Self::Plain(*seats),
            _ => Self::Arena,
        }
    }

    /// The concert, on sale; nothing when the file is wrong, which has been said then.
    pub(super) async fn read(
        &self,
        config: &Config,
        arguments: &RehearseArguments,
    ) -> anyhow::Result<Option<ConcertImport>> {
        let read_as = |document: &Value, files: &dyn Fn(&str) -> Result<Vec<u8>, String>| {
            ConcertImport::read(document.to_string().as_bytes(), schedule_defaults(config), files)
        };
        let read = match self {
            Self::Store(concert) => Ok(copy(config, *concert).await?),
            Self::Arena => {
                let plan = |_: &str| unpack(ARENA_PLAN).map_err(|error| error.to_string());
                read_as(&serde_json::from_str(ARENA)?, &plan)
            }
            Self::Plain(seats) => {
                let plan = json!({"plain": {"seats": seats, "price": PRICE}});
                read_as(&around(plan), &|name| Err(format!("{name} is not here")))
            }
            Self::File(file) => read_as(&document(file)?, &beside(file)),
        };
        match read {
            Ok(import) => Ok(Some(on_sale(import, arguments, SystemClock::start().now())?)),
            Err(errors) => {
                let named = if let Self::File(file) = self {
                    format!(" in {}", file.display())
                } else {
                    String::new()
                };
                refuse(&format!("nothing was rehearsed: repair this{named} and run it again:"), &errors);
                Ok(None)
            }
        }
    }
}

/// A file as a concert, whatever of it the file has.
fn document(file: &Path) -> anyhow::Result<Value> {
    let bytes = read(file)?;
    let name = file.display();
    let document: Map<String, Value> =
        serde_json::from_slice(&bytes).with_context(|| format!("{name} is not a JSON object"))?;
    if document.contains_key("schedules") {
        return Ok(Value::Object(document));
    }
    if let Some(plan) = document.get("seatPlan") {
        return Ok(around(plan.clone()));
    }
    if document.contains_key("zones") {
        let categories = document.get("categories").and_then(Value::as_array).into_iter().flatten();
        let names = categories.filter_map(|category| category["name"].as_str());
        let prices: Map<String, Value> = names.map(|name| (name.to_owned(), json!(PRICE))).collect();
        return Ok(around(json!({"pretix": {"plan": document, "prices": prices}})));
    }
    bail!(
        "{name} has neither a concert with its schedules, nor a seatPlan, nor the zones of a plan in the pretix format; \
         examples are in plans/"
    )
}

/// A concert with a waiting room around a plan.
fn around(plan: Value) -> Value {
    json!({
        "concert": {"title": TITLE, "artist": "Nobody", "description": "", "published": true,
                    "waitingRoom": {"enabled": true, "maxActive": 5_000, "admitPerSecond": 140}},
        "schedules": [{"venue": "Here", "startsAt": "2099-01-01T00:00:00Z", "durationMinutes": 120,
                       "bookingStart": "2020-01-01T00:00:00Z", "bookingEnd": "2098-01-01T00:00:00Z", "seatPlan": plan}],
    })
}

/// Everything of a concert that is sold, and nobody who has bought it.
async fn copy(config: &Config, id: ConcertId) -> anyhow::Result<ConcertImport> {
    let reads = open_reads(config).await?;
    let found = reads.concert(id).await?;
    let concert = found.with_context(|| {
        format!("there is no concert {id} in this store; name its folder with --data, and a concert that GET /api/v1/concerts lists")
    })?;
    let mut schedules = Vec::new();
    for schedule in reads.schedules_of(id).await? {
        if schedule.cancelled_at.is_some() {
            continue;
        }
        let drawing = reads.drawing(schedule.id, schedule.plan_version).await?.map(Into::into);
        let plan = ImportedPlan { plan: schedule.plan.clone(), drawing };
        schedules.push((schedule.draft(), plan));
    }
    Ok(ConcertImport { concert: concert.draft(), schedules })
}

/// The concert as it is when its sale has just opened, with what the command line says otherwise.
fn on_sale(
    import: ConcertImport,
    arguments: &RehearseArguments,
    now: Timestamp,
) -> anyhow::Result<ConcertImport> {
    let ConcertImport { mut concert, mut schedules } = import;
    if schedules.is_empty() {
        bail!("the concert has no schedule that takes place, so there is nothing to be sold");
    }
    let booking =
        BookingWindow { start: now.minus_seconds(ON_SALE_SINCE), end: now.plus_seconds(ON_SALE_FOR) };
    for (schedule, _) in &mut schedules {
        schedule.booking = booking;
        schedule.starts_at = booking.end.plus_seconds(STARTS_AFTER);
        schedule.sales_paused = false;
        if let Some(seconds) = arguments.hold_seconds {
            schedule.hold.hold_seconds = seconds;
            schedule.hold.max_seconds = schedule.hold.max_seconds.max(seconds);
        }
    }
    concert.published = true;
    // A draw has no crowd in front of a door yet: everybody comes when it is open.
    concert.waiting_room.lobby_opens_at = None;
    if let Some(most) = arguments.max_active {
        concert.waiting_room.max_active = most;
    }
    if let Some(rate) = arguments.admit_per_second {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within the range of the flag"
        )]
        let milli = (rate * 1_000.0).round() as u32;
        concert.waiting_room.admit_per_second_milli = milli;
    }
    let mut errors: Vec<FieldError> = concert.check();
    errors.extend(schedules.iter().flat_map(|(schedule, _)| schedule.check()));
    if !errors.is_empty() {
        bail!("this cannot be sold: {}", refused_members(&errors));
    }
    Ok(ConcertImport { concert, schedules })
}
