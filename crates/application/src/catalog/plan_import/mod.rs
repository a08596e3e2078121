//! Reads seat plans as people describe them, and makes them the numbered seats that are sold.
//!
//! There are three descriptions: numbered seats at one price (`plain`), sections of rows (`rows`), and the open seating
//! plan format of pretix (`pretix`). A [`PlanDocument`] takes any of them out of JSON, wherever it stands;
//! [`PlanDocument::import`] makes the plan with its drawing, or says everything that is wrong, each with its path
//! (`pretix.plan.zones[2].rows[14].seats[3].category`). There is no third outcome: never half a plan.
//!
//! To read another description: its form and its shape in a file of its own, and a member of `DocumentShape`.

mod areas;
mod assemble;
mod findings;
mod pretix;
mod rows;
mod shape;

use std::sync::Arc;

use frontrow_domain::Money;
use frontrow_domain::catalog::{Drawing, FieldError, SEATS_MAX, SeatPlan};
use serde::de::{DeserializeSeed as _, MapAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use findings::Findings;
use pretix::{PlanShape, PretixForm, PretixShape};
use rows::{RowsForm, RowsShape};
use shape::{Maybe, Members, Reader, Shape, Text, Whole, value};

/// A name that people read.
const NAME: Text = Text { min: 1, max: 100 };
/// Characters in the longest label of a seat: it is printed on tickets and stands in every list of seats.
const LABEL_MAX: usize = 100;
/// The most sections that a plan may have.
const SECTIONS_MAX: usize = 10_000;

/// A plan that was read, ready to be sold.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedPlan {
    /// The seats.
    pub plan: Arc<SeatPlan>,
    /// Where they are, when the description says so; else [`Drawing::arrange`] does.
    pub drawing: Option<Arc<Drawing>>,
}

/// A seat plan as somebody has described it: the value of a member `seatPlan`. Reading it never fails over its content;
/// what is wrong with it is said by [`PlanDocument::import`].
#[derive(Debug, Default)]
pub struct PlanDocument {
    form: Form,
    findings: Findings,
}

/// Reads the file that a document names in place of a plan; the error is a sentence for people.
pub type PlanFiles<'a> = dyn Fn(&str) -> Result<Vec<u8>, String> + 'a;

#[derive(Debug, Default, Serialize)]
enum Form {
    /// There was none that could be read.
    #[default]
    None,
    /// Seats and price.
    Plain(u32, Money),
    Rows(RowsForm),
    Pretix(PretixForm),
}

impl PlanDocument {
    /// The plan, or everything that is wrong with it; `prefix` is the path of the document.
    pub fn import(self, prefix: &str) -> Result<ImportedPlan, Vec<FieldError>> {
        self.import_with(prefix, &|_| Err("must not be there: send the plan itself as `plan`".to_owned()))
    }

    /// The same, where the document may name a file with the plan (`pretix.planFile`).
    pub fn import_with(self, prefix: &str, files: &PlanFiles<'_>) -> Result<ImportedPlan, Vec<FieldError>> {
        let Self { form, findings } = self;
        let imported = match form {
            Form::None => Err(findings),
            Form::Plain(seats, price) => plain(seats, price, findings),
            Form::Rows(form) => {
                rows::import(&form, findings).map(|plan| ImportedPlan { plan: Arc::new(plan), drawing: None })
            }
            Form::Pretix(form) => pretix(form, findings, files),
        };
        imported.map_err(|findings| findings.into_errors(prefix))
    }
}

/// A file in the pretix format by itself, without prices: every seat costs nothing.
pub fn check_pretix(file: &[u8]) -> Result<ImportedPlan, Vec<FieldError>> {
    let mut findings = Findings::default();
    let form = read_file(file, &mut findings);
    let imported = match form {
        Some(form) => assemble::import(&form, None, findings),
        None => Err(findings),
    };
    imported.map_err(|findings| findings.into_errors(""))
}

/// Reads the bytes of a file.
fn read_file(file: &[u8], findings: &mut Findings) -> Option<pretix::PlanForm> {
    let mut deserializer = serde_json::Deserializer::from_slice(file);
    let read = Reader { shape: PlanShape, findings: &mut *findings }.deserialize(&mut deserializer);
    match read.and_then(|form| deserializer.end().map(|()| form)) {
        Ok(form) => form,
        Err(error) => {
            // What was found up to there, and where the reader stood, counts no more.
            *findings = Findings::default();
            findings.wrong(format!("is not JSON: {error}"));
            None
        }
    }
}

fn plain(seats: u32, price: Money, mut findings: Findings) -> Result<ImportedPlan, Findings> {
    if !findings.is_empty() {
        return Err(findings);
    }
    match SeatPlan::plain(seats, price) {
        Ok(plan) => Ok(ImportedPlan { plan: Arc::new(plan), drawing: None }),
        Err(errors) => {
            for error in errors {
                findings.wrong_member("plain", error.message);
            }
            Err(findings)
        }
    }
}

fn pretix(form: PretixForm, mut findings: Findings, files: &PlanFiles<'_>) -> Result<ImportedPlan, Findings> {
    let PretixForm { plan, file, prices } = form;
    let plan = match (plan, file) {
        (Some(plan), _) => Some(plan),
        (None, Some(file)) => read_named(&file, &mut findings, files),
        (None, None) => None,
    };
    match plan {
        Some(plan) => assemble::import(&plan, Some(&prices), findings),
        None => Err(findings),
    }
}

/// Reads the file that the member `planFile` names. Its paths are those of a plan in its place.
fn read_named(name: &str, findings: &mut Findings, files: &PlanFiles<'_>) -> Option<pretix::PlanForm> {
    findings.enter_member("pretix");
    let form = match files(name) {
        Err(message) => {
            findings.wrong_member("planFile", message);
            None
        }
        Ok(bytes) => {
            let mut inside = Findings::default();
            let form = read_file(&bytes, &mut inside);
            findings.seats += inside.seats;
            findings.enter_member("plan");
            findings.adopt(inside);
            findings.leave();
            form
        }
    };
    findings.leave();
    form
}

impl<'de> Deserialize<'de> for PlanDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut findings = Findings::default();
        let form = Reader { shape: DocumentShape, findings: &mut findings }.deserialize(deserializer)?;
        Ok(Self { form: form.unwrap_or_default(), findings })
    }
}

impl Serialize for PlanDocument {
    /// The digest of what was read: two documents that say the same have the same, however they are spelled.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Writing plain lists into memory has no way to fail.
        let form = postcard::to_allocvec(&self.form).unwrap_or_default();
        serializer.collect_str(&format_args!("{:02x?}", Sha256::digest(form)))
    }
}

struct DocumentShape;

impl Shape for DocumentShape {
    type Out = Form;
    const MUST_BE: &'static str = "an object with plain, rows or pretix";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<Form>, A::Error> {
        let members = Members { known: &["plain", "rows", "pretix"], required: &[], is_strict: true };
        let (mut form, mut forms) = (None, 0);
        members.read(object, findings, |name, object, findings| {
            let before = findings.count();
            let read = match name {
                "plain" => value(object, Maybe(PlainShape), findings)?,
                "rows" => value(object, Maybe(RowsShape), findings)?.map(Form::Rows),
                _ => value(object, Maybe(PretixShape), findings)?.map(Form::Pretix),
            };
            // Null is as good as absent; a form that is wrong was given all the same.
            forms += u32::from(read.is_some() || findings.count() > before);
            form = form.take().or(read);
            Ok(())
        })?;
        if forms > 1 {
            findings.wrong("must have one of plain, rows and pretix only");
        } else if forms == 0 && findings.is_empty() {
            findings.wrong("must have one of plain, rows and pretix");
        }
        Ok(form)
    }
}

struct PlainShape;

impl Shape for PlainShape {
    type Out = Form;
    const MUST_BE: &'static str = "an object with seats and price";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<Form>, A::Error> {
        let members = Members { known: &["seats", "price"], required: &["seats", "price"], is_strict: true };
        let (mut seats, mut price) = (None, None);
        members.read(object, findings, |name, object, findings| {
            match name {
                "seats" => seats = value(object, Whole { min: 1, max: i64::from(SEATS_MAX) }, findings)?,
                _ => price = value(object, Whole { min: 0, max: SeatPlan::PRICE_MAX.minor() }, findings)?,
            }
            Ok(())
        })?;
        let seats = seats.and_then(|seats| u32::try_from(seats).ok());
        Ok(seats.zip(price).map(|(seats, price)| Form::Plain(seats, Money::of(price))))
    }
}

#[cfg(test)]
mod tests;
