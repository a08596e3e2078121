use super::*;
use crate::catalog::AreaText;

fn seats(rows: &[u32]) -> Vec<Seat> {
    let seat =
        |row: &u32| Seat { label: "".into(), row: *row, grade: 0, accessible: false, aisle_after: false };
    rows.iter().map(seat).collect()
}

fn area(text: &str, shape: Shape, x: f32, y: f32) -> Area {
    let text = AreaText { text: text.into(), at: Point::new(x, y), color: None, size: 16.0 };
    Area { shape, at: Point::new(x, y), rotation: 0.0, color: None, border_color: None, text: Some(text) }
}

fn drawing(points: &[(f32, f32)], areas: Vec<Area>) -> Drawing {
    let points = points.iter().map(|&(x, y)| Point::new(x, y)).collect();
    Drawing { points, areas, ..Drawing::default() }
}

#[test]
fn seats_that_mirror_each_other_are_equally_good_and_those_behind_are_worse() {
    let points = [(0.0, 0.0), (20.0, 0.0), (40.0, 0.0), (0.0, 20.0), (20.0, 20.0), (40.0, 20.0)];
    let seats = seats(&[0, 0, 0, 1, 1, 1]);
    // Without a stage: from the middle of the upper edge, in halves of 20.
    assert_eq!(drawing(&points, vec![]).distances(&seats), [2, 0, 2, 3, 2, 3]);
    // A stage below turns it around.
    let below = area("Große BÜHNE", Shape::Rectangle(40.0, 20.0), 0.0, 100.0);
    let behind = area("Backstage", Shape::Circle(5.0), 0.0, 0.0);
    let turned = drawing(&points, vec![behind, below]).distances(&seats);
    assert_eq!(turned, [11, 11, 11, 9, 9, 9]);
}

#[test]
fn a_stage_is_where_its_middle_is() {
    let square = vec![Point::new(0.0, 0.0), Point::new(10.0, 0.0), Point::new(10.0, 10.0)];
    assert_eq!(middle(&area("", Shape::Polygon(square), 1.0, 2.0)), (6.0, 7.0));
    assert_eq!(middle(&area("", Shape::Polygon(vec![]), 1.0, 2.0)), (1.0, 2.0));
    assert_eq!(middle(&area("", Shape::Ellipse(5.0, 9.0), 1.0, 2.0)), (1.0, 2.0));
    let turned = Area { rotation: 90.0, ..area("", Shape::Rectangle(10.0, 4.0), 0.0, 0.0) };
    let (x, y) = middle(&turned);
    assert!((x + 2.0).abs() < 1e-9 && (y - 5.0).abs() < 1e-9, "{x} {y}");
}

#[test]
fn odd_drawings_have_distances_too() {
    assert_eq!(drawing(&[], vec![]).distances(&[]), [0_u32; 0]);
    assert_eq!(drawing(&[(5.0, 5.0)], vec![]).distances(&seats(&[0])), [0]);
    let one_place = drawing(&[(5.0, 5.0); 3], vec![]);
    assert_eq!(one_place.distances(&seats(&[0, 0, 0])), [0, 0, 0]);
    let far = drawing(&[(0.0, 0.0), (1e-20, 0.0), (1e30, 0.0)], vec![area("stage", Shape::Text, 0.0, 0.0)]);
    assert_eq!(far.distances(&seats(&[0, 0, 1])), [0, 2, u32::MAX]);
}

#[test]
fn a_wide_gap_is_an_aisle() {
    let row = |xs: &[f32]| aisles(&xs.iter().map(|&x| Point::new(x, 0.0)).collect::<Vec<_>>());
    assert_eq!(row(&[]), [false; 0]);
    assert_eq!(row(&[1.0]), [false]);
    assert_eq!(
        row(&[0.0, 10.0, 20.0, 36.0]),
        [false, false, false].into_iter().chain([false]).collect::<Vec<_>>()
    );
    assert_eq!(row(&[0.0, 10.0, 20.0, 36.1, 46.1]), [false, false, true, false, false]);
    // Two seats have one gap, which is the usual one.
    assert_eq!(row(&[0.0, 500.0]), [false, false]);
}
