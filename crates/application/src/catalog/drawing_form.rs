//! The form in which stores keep the drawing of a seat plan: postcard behind a version byte, like the plan itself.

use frontrow_domain::catalog::{Area, AreaText, Drawing, Point, Shape};
use serde::{Deserialize, Serialize};

/// The version that is written.
const DRAWING_V1: u8 = 1;

type Place = (f32, f32);

#[derive(Serialize, Deserialize)]
struct DrawingV1 {
    width: f32,
    height: f32,
    colors: Vec<Option<Box<str>>>,
    points: Vec<Place>,
    guids: Vec<Option<Box<str>>>,
    areas: Vec<AreaV1>,
}

/// Words, place, colour and size.
type TextV1 = (Box<str>, Place, Option<Box<str>>, f32);

#[derive(Serialize, Deserialize)]
struct AreaV1 {
    shape: ShapeV1,
    at: Place,
    rotation: f32,
    color: Option<Box<str>>,
    border_color: Option<Box<str>>,
    text: Option<TextV1>,
}

#[derive(Serialize, Deserialize)]
enum ShapeV1 {
    Circle(f32),
    Ellipse(f32, f32),
    Rectangle(f32, f32),
    Polygon(Vec<Place>),
    Text,
}

const fn place(point: Point) -> Place {
    (point.x, point.y)
}

const fn point((x, y): Place) -> Point {
    Point::new(x, y)
}

/// The bytes of a drawing.
pub fn to_bytes(drawing: &Drawing) -> Vec<u8> {
    let form = DrawingV1 {
        width: drawing.width,
        height: drawing.height,
        colors: drawing.colors.clone(),
        points: drawing.points.iter().copied().map(place).collect(),
        guids: drawing.guids.clone(),
        areas: drawing.areas.iter().map(AreaV1::of).collect(),
    };
    // Writing plain lists into memory has no way to fail.
    postcard::to_extend(&form, vec![DRAWING_V1]).unwrap_or_default()
}

/// The drawing of those bytes; nothing when they are not such a form.
pub fn from_bytes(bytes: &[u8]) -> Option<Drawing> {
    let (version, rest) = bytes.split_first()?;
    if *version != DRAWING_V1 {
        return None;
    }
    let (form, left): (DrawingV1, _) = postcard::take_from_bytes(rest).ok()?;
    left.is_empty().then(|| Drawing {
        width: form.width,
        height: form.height,
        colors: form.colors,
        points: form.points.into_iter().map(point).collect(),
        guids: form.guids,
        areas: form.areas.into_iter().map(AreaV1::into_area).collect(),
    })
}

impl AreaV1 {
    fn of(area: &Area) -> Self {
        let Area { shape, at, rotation, color, border_color, text } = area;
        Self {
            shape: match shape {
                Shape::Circle(radius) => ShapeV1::Circle(*radius),
                Shape::Ellipse(across, down) => ShapeV1::Ellipse(*across, *down),
                Shape::Rectangle(width, height) => ShapeV1::Rectangle(*width, *height),
                Shape::Polygon(points) => ShapeV1::Polygon(points.iter().copied().map(place).collect()),
                Shape::Text => ShapeV1::Text,
            },
            at: place(*at),
            rotation: *rotation,
            color: color.clone(),
            border_color: border_color.clone(),
            text: text.as_ref().map(|text| {
                let AreaText { text, at, color, size } = text;
                (text.clone(), place(*at), color.clone(), *size)
            }),
        }
    }

    fn into_area(self) -> Area {
        let shape = match self.shape {
            ShapeV1::Circle(radius) => Shape::Circle(radius),
            ShapeV1::Ellipse(across, down) => Shape::Ellipse(across, down),
            ShapeV1::Rectangle(width, height) => Shape::Rectangle(width, height),
            ShapeV1::Polygon(points) => Shape::Polygon(points.into_iter().map(point).collect()),
            ShapeV1::Text => Shape::Text,
        };
        let text = self.text.map(|(text, at, color, size)| AreaText { text, at: point(at), color, size });
        Area {
            shape,
            at: point(self.at),
            rotation: self.rotation,
            color: self.color,
            border_color: self.border_color,
            text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_reads_as_it_was_written_and_nothing_else_does() {
        let area = |shape, text| Area {
            shape,
            at: Point::new(1.5, -2.0),
            rotation: 30.0,
            color: Some("#112233".into()),
            border_color: None,
            text,
        };
        let text = AreaText { text: "무대".into(), at: Point::new(1.0, 2.0), color: None, size: 16.0 };
        let drawing = Drawing {
            width: 100.0,
            height: 50.5,
            colors: vec![None, Some("#abcdef".into())],
            points: vec![Point::new(0.1, 0.2), Point::new(3.0, 4.0)],
            guids: vec![Some("a".into()), None],
            areas: vec![
                area(Shape::Circle(1.0), None),
                area(Shape::Ellipse(1.0, 2.0), Some(text)),
                area(Shape::Rectangle(3.0, 4.0), None),
                area(Shape::Polygon(vec![Point::new(5.0, 6.0)]), None),
                area(Shape::Text, None),
            ],
        };
        let bytes = to_bytes(&drawing);
        assert_eq!(from_bytes(&bytes), Some(drawing));
        assert_eq!(from_bytes(&bytes[..bytes.len() - 1]), None);
        assert_eq!(from_bytes(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(from_bytes(&[]), None);
        assert_eq!(from_bytes(&[9]), None);
    }
}
