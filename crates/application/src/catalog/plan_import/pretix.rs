//! Plans in the open seating plan format of pretix, as its editor writes them, with a price for each category.
//!
//! Read is what says where seats are and what they are called; all other members are skipped. Positions add up: that of
//! the zone, of the row and of the seat, each 0 where the file has none (a seat has to have one). A zone is a section, a
//! category that seats have is a grade. Rows without seats and zones without rows are left out.
//!
//! One member is ours: `"accessible": true` on a seat, for a place meant for people in a wheelchair. Pretix has no such
//! mark and does not look at it.

use std::collections::HashMap;

use frontrow_domain::catalog::SEATS_MAX;
use serde::Serialize;
use serde::de::{MapAccess, SeqAccess};

use super::areas::AreasShape;
use super::findings::Findings;
use super::shape::{Flag, GRADES_MAX, Maybe, Members, Number, Prices, Shape, Text, items, value};
use super::{NAME, SECTIONS_MAX};

pub(super) use super::areas::AreaForm;

/// How far from 0 a position may be. Drawings have thousands of units; beyond a million they lose precision.
const FAR: f64 = 1_000_000.0;
/// Any coordinate.
pub(super) const COORDINATE: Number = Number { min: -FAR, max: FAR };
/// A length of something that is drawn.
pub(super) const LENGTH: Number = Number { min: 0.0, max: FAR };
/// A name that may be empty.
const MAYBE_NAME: Text = Text { min: 0, max: 100 };
/// Seats are known by anything up to this long.
const GUID: Text = Text { min: 1, max: 200 };
/// The path to a file beside the document.
const FILE: Text = Text { min: 1, max: 1_000 };

/// The `pretix` of a seat plan, as it was read.
#[derive(Debug, Default, Serialize)]
pub(super) struct PretixForm {
    pub(super) plan: Option<PlanForm>,
    /// A file beside the document with the plan, in place of the plan.
    pub(super) file: Option<Box<str>>,
    pub(super) prices: Vec<(Box<str>, i64)>,
}

/// The file of the plan, as it was read.
#[derive(Debug, Default, Serialize)]
pub(super) struct PlanForm {
    pub(super) size: Option<(f64, f64)>,
    pub(super) categories: Vec<CategoryForm>,
    pub(super) zones: Vec<ZoneForm>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct CategoryForm {
    /// Where it is in the document; so for the others.
    pub(super) at: usize,
    pub(super) name: Option<Box<str>>,
    pub(super) color: Option<Box<str>>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct ZoneForm {
    pub(super) at: usize,
    pub(super) name: Option<Box<str>>,
    pub(super) position: (f64, f64),
    pub(super) rows: Vec<RowForm>,
    pub(super) areas: Vec<AreaForm>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct RowForm {
    pub(super) at: usize,
    pub(super) number: Option<Box<str>>,
    pub(super) position: (f64, f64),
    pub(super) seats: Vec<SeatForm>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct SeatForm {
    pub(super) at: usize,
    pub(super) guid: Option<Box<str>>,
    pub(super) number: Option<Box<str>>,
    pub(super) category: Option<Box<str>>,
    pub(super) position: (f64, f64),
    pub(super) accessible: bool,
}

/// Reads the member `pretix`.
pub(super) struct PretixShape;

impl Shape for PretixShape {
    type Out = PretixForm;
    const MUST_BE: &'static str = "an object with plan and prices";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<PretixForm>, A::Error> {
        let members =
            Members { known: &["plan", "planFile", "prices"], required: &["prices"], is_strict: true };
        let mut form = PretixForm::default();
        let mut is_given = false;
        members.read(object, findings, |name, object, findings| {
            match name {
                "plan" => {
                    is_given = true;
                    form.plan = value(object, PlanShape, findings)?;
                }
                "planFile" => form.file = value(object, Maybe(FILE), findings)?,
                _ => form.prices = value(object, Prices, findings)?.unwrap_or_default(),
            }
            Ok(())
        })?;
        match (is_given, &form.file) {
            (false, None) => findings.wrong_member("plan", "must be given: the file of the plan as it is"),
            (true, Some(_)) => findings.wrong_member("planFile", "must not come with plan"),
            _ => {}
        }
        Ok(Some(form))
    }
}

/// Reads the file of a plan.
pub(super) struct PlanShape;

impl Shape for PlanShape {
    type Out = PlanForm;
    const MUST_BE: &'static str = "a seating plan: an object with zones and categories";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<PlanForm>, A::Error> {
        let members = Members {
            known: &["zones", "categories", "size"],
            required: &["zones", "categories"],
            is_strict: false,
        };
        let mut form = PlanForm::default();
        members.read(object, findings, |name, object, findings| {
            match name {
                "zones" => form.zones = value(object, ZonesShape, findings)?.unwrap_or_default(),
                "categories" => {
                    form.categories = value(object, CategoriesShape, findings)?.unwrap_or_default();
                }
                _ => form.size = value(object, Maybe(SizeShape), findings)?,
            }
            Ok(())
        })?;
        Ok(Some(form))
    }
}

/// Two numbers of an object.
pub(super) fn pair<'de, A: MapAccess<'de>>(
    object: A,
    names: &'static [&'static str],
    shape: Number,
    findings: &mut Findings,
) -> Result<Option<(f64, f64)>, A::Error> {
    let members = Members { known: names, required: names, is_strict: false };
    let (mut first, mut second) = (None, None);
    members.read(object, findings, |name, object, findings| {
        let number = value(object, shape, findings)?;
        *(if name == names[0] { &mut first } else { &mut second }) = number;
        Ok(())
    })?;
    Ok(first.zip(second))
}

struct SizeShape;

impl Shape for SizeShape {
    type Out = (f64, f64);
    const MUST_BE: &'static str = "an object with width and height";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<(f64, f64)>, A::Error> {
        pair(object, &["width", "height"], LENGTH, findings)
    }
}

/// A position, or the two radii of an ellipse.
pub(super) struct PositionShape(pub(super) Number);

impl Shape for PositionShape {
    type Out = (f64, f64);
    const MUST_BE: &'static str = "an object with x and y";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<(f64, f64)>, A::Error> {
        pair(object, &["x", "y"], self.0, findings)
    }
}

/// The position of a zone, a row or an area: 0 where there is none.
pub(super) fn position<'de, A: MapAccess<'de>>(
    object: &mut A,
    findings: &mut Findings,
) -> Result<(f64, f64), A::Error> {
    Ok(value(object, Maybe(PositionShape(COORDINATE)), findings)?.unwrap_or_default())
}

/// Text that is as good as absent when it is empty.
fn name<'de, A: MapAccess<'de>>(
    object: &mut A,
    findings: &mut Findings,
) -> Result<Option<Box<str>>, A::Error> {
    Ok(value(object, Maybe(MAYBE_NAME), findings)?.filter(|name| !name.is_empty()))
}

struct CategoriesShape;

impl Shape for CategoriesShape {
    type Out = Vec<CategoryForm>;
    const MUST_BE: &'static str = "a list of categories";

    fn list<'de, A: SeqAccess<'de>>(
        self,
        list: A,
        findings: &mut Findings,
    ) -> Result<Option<Vec<CategoryForm>>, A::Error> {
        let mut categories = Vec::new();
        let keep = |at, category| {
            if categories.len() < GRADES_MAX {
                categories.push(CategoryForm { at, ..category });
            }
        };
        if items(list, findings, || CategoryShape, keep)? > GRADES_MAX {
            findings.wrong(format!("must be {GRADES_MAX} at the most"));
        }
        Ok(Some(categories))
    }
}

struct CategoryShape;

impl Shape for CategoryShape {
    type Out = CategoryForm;
    const MUST_BE: &'static str = "a category: an object with a name";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<CategoryForm>, A::Error> {
        let members = Members { known: &["name", "color"], required: &["name"], is_strict: false };
        let mut category = CategoryForm::default();
        members.read(object, findings, |name, object, findings| {
            match name {
                "name" => category.name = value(object, NAME, findings)?,
                _ => category.color = color(object, findings)?,
            }
            Ok(())
        })?;
        Ok(Some(category))
    }
}

struct ZonesShape;

impl Shape for ZonesShape {
    type Out = Vec<ZoneForm>;
    const MUST_BE: &'static str = "a list of zones";

    fn list<'de, A: SeqAccess<'de>>(
        self,
        list: A,
        findings: &mut Findings,
    ) -> Result<Option<Vec<ZoneForm>>, A::Error> {
        let mut zones = Vec::new();
        let keep = |at, zone: ZoneForm| {
            let is_empty = zone.rows.is_empty() && zone.areas.is_empty();
            if !is_empty && zones.len() < SECTIONS_MAX {
                zones.push(ZoneForm { at, ..zone });
            }
        };
        if items(list, findings, || ZoneShape, keep)? > SECTIONS_MAX {
            findings.wrong(format!("must be {SECTIONS_MAX} at the most"));
        }
        Ok(Some(zones))
    }
}

struct ZoneShape;

impl Shape for ZoneShape {
    type Out = ZoneForm;
    const MUST_BE: &'static str = "a zone: an object with rows";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<ZoneForm>, A::Error> {
        let members =
            Members { known: &["name", "position", "rows", "areas"], required: &["rows"], is_strict: false };
        let mut zone = ZoneForm::default();
        members.read(object, findings, |member, object, findings| {
            match member {
                "name" => zone.name = name(object, findings)?,
                "position" => zone.position = position(object, findings)?,
                "rows" => zone.rows = value(object, RowsShape, findings)?.unwrap_or_default(),
                _ => zone.areas = value(object, Maybe(AreasShape), findings)?.unwrap_or_default(),
            }
            Ok(())
        })?;
        Ok(Some(zone))
    }
}

struct RowsShape;

impl Shape for RowsShape {
    type Out = Vec<RowForm>;
    const MUST_BE: &'static str = "a list of rows";

    fn list<'de, A: SeqAccess<'de>>(
        self,
        list: A,
        findings: &mut Findings,
    ) -> Result<Option<Vec<RowForm>>, A::Error> {
        let mut rows = Vec::new();
        items(
            list,
            findings,
            || RowShape,
            |at, row: RowForm| {
                if !row.seats.is_empty() {
                    rows.push(RowForm { at, ..row });
                }
            },
        )?;
        Ok(Some(rows))
    }
}

struct RowShape;

impl Shape for RowShape {
    type Out = RowForm;
    const MUST_BE: &'static str = "a row: an object with seats";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<RowForm>, A::Error> {
        let members =
            Members { known: &["row_number", "position", "seats"], required: &["seats"], is_strict: false };
        let mut row = RowForm::default();
        members.read(object, findings, |member, object, findings| {
            match member {
                "row_number" => row.number = name(object, findings)?,
                "position" => row.position = position(object, findings)?,
                _ => row.seats = value(object, SeatsShape, findings)?.unwrap_or_default(),
            }
            Ok(())
        })?;
        Ok(Some(row))
    }
}

struct SeatsShape;

impl Shape for SeatsShape {
    type Out = Vec<SeatForm>;
    const MUST_BE: &'static str = "a list of seats";

    fn list<'de, A: SeqAccess<'de>>(
        self,
        list: A,
        findings: &mut Findings,
    ) -> Result<Option<Vec<SeatForm>>, A::Error> {
        let mut seats = Vec::new();
        items(list, findings, || SeatShape, |at, seat| seats.push(SeatForm { at, ..seat }))?;
        seats.shrink_to_fit();
        Ok(Some(seats))
    }
}

struct SeatShape;

impl Shape for SeatShape {
    type Out = SeatForm;
    const MUST_BE: &'static str = "a seat: an object with seat_guid, seat_number, category and position";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<SeatForm>, A::Error> {
        let members = Members {
            known: &["seat_guid", "seat_number", "category", "position", "accessible"],
            required: &["seat_guid", "seat_number", "category", "position"],
            is_strict: false,
        };
        let mut seat = SeatForm::default();
        members.read(object, findings, |member, object, findings| {
            match member {
                "seat_guid" => seat.guid = value(object, GUID, findings)?,
                "seat_number" => seat.number = value(object, NAME, findings)?,
                "category" => seat.category = value(object, NAME, findings)?,
                "position" => {
                    seat.position = value(object, PositionShape(COORDINATE), findings)?.unwrap_or_default();
                }
                _ => seat.accessible = value(object, Maybe(Flag), findings)?.unwrap_or_default(),
            }
            Ok(())
        })?;
        findings.seats += 1;
        // More than a schedule may have are counted, and not kept.
        Ok((findings.seats <= SEATS_MAX as usize).then_some(seat))
    }
}

/// A colour in hexadecimal digits, in the one form that pages are given. Colours are put into pages, so nothing else is
/// taken.
pub(super) struct Color;

impl Shape for Color {
    type Out = Box<str>;
    const MUST_BE: &'static str = "a colour as #rrggbb or #rgb";

    fn text(self, text: &str, findings: &mut Findings) -> Option<Box<str>> {
        let digits = text.strip_prefix('#').unwrap_or_default();
        let is_sound = matches!(digits.len(), 3 | 6) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_sound {
            if !text.is_empty() {
                findings.wrong(format!("must be {}", Self::MUST_BE));
            }
            return None;
        }
        let times = if digits.len() == 3 { 2 } else { 1 };
        let digits = digits.chars().flat_map(|digit| std::iter::repeat_n(digit.to_ascii_lowercase(), times));
        Some(format!("#{}", digits.collect::<String>()).into_boxed_str())
    }
}

/// A colour; none when it is null or empty.
pub(super) fn color<'de, A: MapAccess<'de>>(
    object: &mut A,
    findings: &mut Findings,
) -> Result<Option<Box<str>>, A::Error> {
    value(object, Maybe(Color), findings)
}

/// The categories by name, with their place; notes names that come twice.
pub(super) fn categories<'a>(form: &'a PlanForm, findings: &mut Findings) -> HashMap<&'a str, usize> {
    let mut known = HashMap::new();
    findings.enter_member("categories");
    for (place, category) in form.categories.iter().enumerate() {
        let Some(name) = category.name.as_deref() else { continue };
        if known.contains_key(name) {
            findings.enter(super::findings::Step::Item(category.at));
            findings.wrong_member("name", "must be the name of one category only");
            findings.leave();
        } else {
            known.insert(name, place);
        }
    }
    findings.leave();
    known
}
