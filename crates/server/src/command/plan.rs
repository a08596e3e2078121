//! `frontrow plan check`: what a seat plan has, or everything that is wrong with it. It needs no store.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use flate2::read::GzDecoder;
use frontrow_application::catalog::plan_import::{ImportedPlan, PlanDocument, check_pretix};
use frontrow_domain::catalog::{FieldError, SeatPlan};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answer;

/// Bytes in the largest file that is read, unpacked: several times the largest plan.
const FILE_MAX: u64 = 256 << 20;
/// What a packed file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

pub(super) fn check(file: &Path) -> anyhow::Result<ExitCode> {
    let bytes = read(file)?;
    let name = file.display();
    match parse(&bytes, file)? {
        Ok((imported, is_priced)) => {
            let described = describe(&imported, is_priced)?;
            answer(format!("{name} is a good seat plan\n{described}").trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(errors) => {
            refuse(&format!("{name} is not a good seat plan; repair this and check it again:"), &errors);
            Ok(ExitCode::from(2))
        }
    }
}

/// Says everything that is wrong with a file, a line each.
pub(super) fn refuse(title: &str, errors: &[FieldError]) {
    let mut text = format!("frontrow: {title}\n");
    for FieldError { field, message } in errors {
        // Writing into a string has no way to fail.
        let _ = writeln!(text, "  {field}{}{message}", if field.is_empty() { "" } else { " " });
    }
    eprint!("{text}");
}

/// The bytes of a file, unpacked if it is packed.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let whole = || -> std::io::Result<Vec<u8>> {
        let mut opened = std::fs::File::open(file)?;
        let mut bytes = Vec::new();
        opened.by_ref().take(FILE_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.starts_with(&GZIP) { unpack(&bytes) } else { Ok(bytes) }
    };
    let bytes = whole().with_context(|| format!("cannot read {}", file.display()))?;
    if bytes.len() as u64 > FILE_MAX {
        bail!("{} is larger than {} MiB: that is no seat plan", file.display(), FILE_MAX >> 20);
    }
    Ok(bytes)
}

/// What was packed, as far as it is looked at.
pub(super) fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    GzDecoder::new(packed).take(FILE_MAX + 1).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

/// Reads the files that a document names; they are beside it.
pub(super) fn beside(document: &Path) -> impl Fn(&str) -> Result<Vec<u8>, String> {
    let folder = document.parent().unwrap_or(Path::new("")).to_owned();
    move |name| {
        read(&folder.join(name)).map_err(|error| format!("names a file that cannot be read: {error:#}"))
    }
}

/// A document with a seat plan, whatever else it has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    seat_plan: PlanDocument,
}

/// A plan and whether it has prices; or what is wrong with it.
type Parsed = Result<(ImportedPlan, bool), Vec<FieldError>>;

fn parse(bytes: &[u8], file: &Path) -> anyhow::Result<Parsed> {
    let name = file.display();
    #[expect(clippy::zero_sized_map_values, reason = "a set would be read from a list")]
    let members: HashMap<String, IgnoredAny> =
        serde_json::from_slice(bytes).with_context(|| format!("{name} is not a JSON object"))?;
    if members.contains_key("seatPlan") {
        let Document { seat_plan } =
            serde_json::from_slice(bytes).with_context(|| format!("cannot read {name}"))?;
        return Ok(seat_plan.import_with("seatPlan", &beside(file)).map(|imported| (imported, true)));
    }
    if members.contains_key("zones") {
        return Ok(check_pretix(bytes).map(|imported| (imported, false)));
    }
    let hint = if members.contains_key("schedules") {
        "; for a concert with its schedules: frontrow concert import"
    } else {
        ""
    };
    bail!("{name} has neither a seatPlan nor the zones of a plan in the pretix format{hint}");
}

/// What a plan has, for people.
fn describe(imported: &ImportedPlan, is_priced: bool) -> Result<String, std::fmt::Error> {
    let plan = &*imported.plan;
    let mut text = String::new();
    let count = |is: &dyn Fn(&frontrow_domain::catalog::Seat) -> bool| {
        plan.seats().iter().filter(|seat| is(seat)).count()
    };
    writeln!(text, "  seats             {}", plan.size())?;
    writeln!(text, "  rows              {}", plan.rows().len())?;
    writeln!(text, "  aisles            {}", count(&|seat| seat.aisle_after))?;
    writeln!(text, "  accessible seats  {}", count(&|seat| seat.accessible))?;
    if let Some(drawing) = &imported.drawing {
        writeln!(text, "  drawing           {} x {}", drawing.width, drawing.height)?;
        let stage = if drawing.stage().is_some() {
            "the stage"
        } else {
            "the middle of the upper edge: no area names a stage"
        };
        writeln!(text, "  best seats        next to {stage}")?;
    }
    writeln!(text, "  grades            {}", plan.grades().len())?;
    let name = |name: Option<&str>| name.unwrap_or("(without a name)").to_owned();
    for (at, grade) in (0_u16..).zip(plan.grades()) {
        let seats = count(&|seat| seat.grade == at);
        let price = if is_priced { format!(" at {}", grade.price) } else { String::new() };
        writeln!(text, "    {:<24} {seats:>6} seats{price}", grade.name)?;
    }
    writeln!(text, "  sections          {}", plan.sections().len())?;
    let sizes = sizes(plan);
    for (at, section) in (0_u16..).zip(plan.sections()) {
        let (rows, seats) = sizes.get(&at).copied().unwrap_or_default();
        writeln!(text, "    {:<24} {seats:>6} seats in {rows} rows", name(section.name.as_deref()))?;
    }
    let labels: HashSet<&str> = plan.seats().iter().map(|seat| &*seat.label).collect();
    let doubles = plan.seats().len() - labels.len();
    if doubles > 0 {
        writeln!(
            text,
            "  note: {doubles} seats have the label of another one; fans could not tell them apart"
        )?;
    }
    Ok(text)
}

/// How many rows and seats each section has.
fn sizes(plan: &SeatPlan) -> BTreeMap<u16, (usize, usize)> {
    let mut sizes: BTreeMap<u16, (usize, usize)> = BTreeMap::new();
    for row in plan.rows() {
        sizes.entry(row.section).or_default().0 += 1;
    }
    for seat in plan.seats() {
        sizes.entry(plan.rows()[seat.row as usize].section).or_default().1 += 1;
    }
    sizes
}
