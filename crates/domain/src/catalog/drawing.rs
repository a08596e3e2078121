//! The drawing of a seat plan: where everything is on the screen. It is kept beside the plan and read only by those
//! who look at it; what is sold never depends on it.

/// The drawing of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Its width, in units of its own.
    pub width: f32,
    /// Its height.
    pub height: f32,
    /// What each grade is drawn in, in order of grade: `#rrggbb`; nothing where the plan does not say.
    pub colors: Vec<Option<Box<str>>>,
    /// Where each seat is, in order of number.
    pub points: Vec<Point>,
    /// What each seat is called in the file that it comes from; empty when none has such a name.
    pub guids: Vec<Option<Box<str>>>,
    /// What else is drawn.
    pub areas: Vec<Area>,
}

/// A place on a drawing: right and down from its top left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// Something that is drawn beside the seats, such as the stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// What it looks like.
    pub shape: Shape,
    /// Where it is: of a circle or an ellipse its centre, of a polygon what its points are counted from, of the rest
    /// its top left corner.
    pub at: Point,
    /// By how many degrees it is turned, clockwise.
    pub rotation: f32,
    /// What it is filled with: `#rrggbb`.
    pub color: Option<Box<str>>,
    /// What its edge is drawn in.
    pub border_color: Option<Box<str>>,
    /// What is written on it.
    pub text: Option<Box<str>>,
}

/// What an area looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A circle with this radius.
    Circle(f32),
    /// An ellipse with these radii, across and down.
    Ellipse(f32, f32),
    /// A rectangle of this width and height.
    Rectangle(f32, f32),
    /// The lines between these points, closed.
    Polygon(Vec<Point>),
    /// Only its text.
    Text,
}
