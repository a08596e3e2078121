//! What is drawn beside the seats of a plan of pretix: the stage, walls, words.

use frontrow_domain::catalog::{Area, AreaText, Point, Shape as Outline};
use serde::Serialize;
use serde::de::{MapAccess, SeqAccess};

use super::findings::Findings;
use super::pretix::{COORDINATE, LENGTH, PositionShape, color, position};
use super::shape::{Maybe, Members, Number, Shape, Text, items, value};

/// The most areas and points of areas that a plan may have together.
const EXTRAS_MAX: usize = 20_000;
/// What is written on an area.
const WORDS: Text = Text { min: 0, max: 200 };
/// How high letters are that say nothing of it.
const TEXT_SIZE: f64 = 16.0;
/// The names of the shapes.
const SHAPE: Text = Text { min: 1, max: 50 };

/// An area, as it was read.
#[derive(Debug, Default, Serialize)]
pub(super) struct AreaForm {
    shape: Option<Box<str>>,
    position: (f64, f64),
    rotation: f64,
    color: Option<Box<str>>,
    border_color: Option<Box<str>>,
    text: Option<TextForm>,
    polygon: Option<Vec<(f64, f64)>>,
    rectangle: Option<(f64, f64)>,
    ellipse: Option<(f64, f64)>,
    circle: Option<f64>,
}

#[derive(Debug, Default, Serialize)]
struct TextForm {
    text: Box<str>,
    position: Option<(f64, f64)>,
    color: Option<Box<str>>,
    size: f64,
}

/// Reads the areas of a zone.
pub(super) struct AreasShape;

impl Shape for AreasShape {
    type Out = Vec<AreaForm>;
    const MUST_BE: &'static str = "a list of areas";

    fn list<'de, A: SeqAccess<'de>>(
        self,
        list: A,
        findings: &mut Findings,
    ) -> Result<Option<Vec<AreaForm>>, A::Error> {
        let mut areas = Vec::new();
        items(list, findings, || AreaShape, |_, area| areas.push(area))?;
        Ok(Some(areas))
    }
}

/// True while there may be one more; says once that there are too many.
fn count(findings: &mut Findings) -> bool {
    findings.extras += 1;
    if findings.extras == EXTRAS_MAX + 1 {
        findings
            .wrong(format!("is too much: a plan may have {EXTRAS_MAX} areas and points of areas together"));
    }
    findings.extras <= EXTRAS_MAX
}

struct AreaShape;

impl Shape for AreaShape {
    type Out = AreaForm;
    const MUST_BE: &'static str = "an area: an object with a shape";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<AreaForm>, A::Error> {
        let known = &[
            "shape",
            "position",
            "rotation",
            "color",
            "border_color",
            "text",
            "polygon",
            "rectangle",
            "ellipse",
            "circle",
            "width",
            "height",
        ];
        let members = Members { known, required: &[], is_strict: false };
        let mut area = AreaForm::default();
        // Files of the first version of the format have rectangles only, and say so less.
        let (mut width, mut height) = (None, None);
        members.read(object, findings, |name, object, findings| {
            match name {
                "shape" => area.shape = value(object, Maybe(SHAPE), findings)?,
                "position" => area.position = position(object, findings)?,
                "rotation" => area.rotation = value(object, Maybe(COORDINATE), findings)?.unwrap_or_default(),
                "color" => area.color = color(object, findings)?,
                "border_color" => area.border_color = color(object, findings)?,
                "text" => area.text = value(object, Maybe(TextShape), findings)?,
                "polygon" => area.polygon = value(object, Maybe(PolygonShape), findings)?,
                "rectangle" => area.rectangle = value(object, Maybe(RectangleShape), findings)?,
                "ellipse" => area.ellipse = value(object, Maybe(EllipseShape), findings)?,
                "circle" => area.circle = value(object, Maybe(CircleShape), findings)?,
                "width" => width = value(object, Maybe(LENGTH), findings)?,
                _ => height = value(object, Maybe(LENGTH), findings)?,
            }
            Ok(())
        })?;
        if area.shape.is_none() {
            area.rectangle = area.rectangle.or(width.zip(height));
        }
        check_shape(&mut area, findings);
        Ok(count(findings).then_some(area))
    }
}

/// The shape has to be one that is known, and to come with its measures.
fn check_shape(area: &mut AreaForm, findings: &mut Findings) {
    let measured = match area.shape.as_deref() {
        None if area.rectangle.is_some() => return area.shape = Some("rectangle".into()),
        None => return findings.wrong_member("shape", "must be given"),
        Some("polygon") => ("polygon", area.polygon.is_some()),
        Some("rectangle") => ("rectangle", area.rectangle.is_some()),
        Some("ellipse") => ("ellipse", area.ellipse.is_some()),
        Some("circle") => ("circle", area.circle.is_some()),
        Some("text") => ("text", area.text.is_some()),
        Some(_) => {
            return findings.wrong_member("shape", "must be polygon, rectangle, ellipse, circle or text");
        }
    };
    if let (name, false) = measured {
        findings.wrong_member(name, "must be given for this shape");
    }
}

struct TextShape;

impl Shape for TextShape {
    type Out = TextForm;
    const MUST_BE: &'static str = "text, or an object with text";

    fn text(self, text: &str, findings: &mut Findings) -> Option<TextForm> {
        let text = WORDS.text(text, findings).filter(|text| !text.is_empty())?;
        Some(TextForm { text, size: TEXT_SIZE, ..TextForm::default() })
    }

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<TextForm>, A::Error> {
        let members =
            Members { known: &["text", "position", "color", "size"], required: &["text"], is_strict: false };
        let size = Number { min: 1.0, max: 10_000.0 };
        let mut form = TextForm { size: TEXT_SIZE, ..TextForm::default() };
        members.read(object, findings, |name, object, findings| {
            match name {
                "text" => form.text = value(object, WORDS, findings)?.unwrap_or_default(),
                "position" => form.position = value(object, Maybe(PositionShape(COORDINATE)), findings)?,
                "color" => form.color = color(object, findings)?,
                _ => form.size = value(object, Maybe(size), findings)?.unwrap_or(TEXT_SIZE),
            }
            Ok(())
        })?;
        Ok(Some(form))
    }
}

struct PolygonShape;

impl Shape for PolygonShape {
    type Out = Vec<(f64, f64)>;
    const MUST_BE: &'static str = "an object with points";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<Self::Out>, A::Error> {
        let members = Members { known: &["points"], required: &["points"], is_strict: false };
        let mut points = None;
        members.read(object, findings, |_, object, findings| {
            points = value(object, PointsShape, findings)?;
            Ok(())
        })?;
        Ok(points)
    }
}

struct PointsShape;

impl Shape for PointsShape {
    type Out = Vec<(f64, f64)>;
    const MUST_BE: &'static str = "a list of points";

    fn list<'de, A: SeqAccess<'de>>(
        self,
        list: A,
        findings: &mut Findings,
    ) -> Result<Option<Self::Out>, A::Error> {
        let mut points = Vec::new();
        items(list, findings, || PointShape, |_, point| points.push(point))?;
        Ok(Some(points))
    }
}

/// A position that is counted.
struct PointShape;

impl Shape for PointShape {
    type Out = (f64, f64);
    const MUST_BE: &'static str = PositionShape::MUST_BE;

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<Self::Out>, A::Error> {
        let point = PositionShape(COORDINATE).object(object, findings)?;
        Ok(if count(findings) { point } else { None })
    }
}

struct RectangleShape;

impl Shape for RectangleShape {
    type Out = (f64, f64);
    const MUST_BE: &'static str = "an object with width and height";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<Self::Out>, A::Error> {
        super::pretix::pair(object, &["width", "height"], LENGTH, findings)
    }
}

struct EllipseShape;

impl Shape for EllipseShape {
    type Out = (f64, f64);
    const MUST_BE: &'static str = "an object with radius";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<Self::Out>, A::Error> {
        let members = Members { known: &["radius"], required: &["radius"], is_strict: false };
        let mut radius = None;
        members.read(object, findings, |_, object, findings| {
            radius = value(object, PositionShape(LENGTH), findings)?;
            Ok(())
        })?;
        Ok(radius)
    }
}

struct CircleShape;

impl Shape for CircleShape {
    type Out = f64;
    const MUST_BE: &'static str = "an object with radius";

    fn object<'de, A: MapAccess<'de>>(
        self,
        object: A,
        findings: &mut Findings,
    ) -> Result<Option<f64>, A::Error> {
        let members = Members { known: &["radius"], required: &["radius"], is_strict: false };
        let mut radius = None;
        members.read(object, findings, |_, object, findings| {
            radius = value(object, LENGTH, findings)?;
            Ok(())
        })?;
        Ok(radius)
    }
}

impl AreaForm {
    /// The area, in a zone that is there.
    pub(super) fn area(&self, zone: (f64, f64)) -> Area {
        let at = (zone.0 + self.position.0, zone.1 + self.position.1);
        let (outline, middle) = match self.shape.as_deref().unwrap_or_default() {
            "circle" => (Outline::Circle(round(self.circle.unwrap_or(0.0))), (0.0, 0.0)),
            "ellipse" => {
                let (across, down) = self.ellipse.unwrap_or_default();
                (Outline::Ellipse(round(across), round(down)), (0.0, 0.0))
            }
            "polygon" => {
                let points = self.polygon.as_deref().unwrap_or_default();
                (Outline::Polygon(points.iter().copied().map(point).collect()), (0.0, 0.0))
            }
            "text" => (Outline::Text, (0.0, 0.0)),
            _ => {
                let (width, height) = self.rectangle.unwrap_or_default();
                (Outline::Rectangle(round(width), round(height)), (width / 2.0, height / 2.0))
            }
        };
        let text = self.text.as_ref().filter(|text| !text.text.is_empty()).map(|text| {
            // Words without a place of their own are in the middle.
            let (dx, dy) = text.position.unwrap_or(middle);
            AreaText {
                text: text.text.clone(),
                at: point((at.0 + dx, at.1 + dy)),
                color: text.color.clone(),
                size: round(text.size),
            }
        });
        Area {
            shape: outline,
            at: point(at),
            rotation: round(self.rotation),
            color: self.color.clone(),
            border_color: self.border_color.clone(),
            text,
        }
    }
}

/// A place to two decimals, which is more than a screen shows.
pub(super) fn point((x, y): (f64, f64)) -> Point {
    Point::new(round(x), round(y))
}

/// To two decimals.
pub(super) fn round(number: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "within the range of what a file may say")]
    let rounded = ((number * 100.0).round() / 100.0) as f32;
    rounded
}
