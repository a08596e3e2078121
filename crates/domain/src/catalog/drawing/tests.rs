use super::*;
use crate::Money;
use crate::catalog::{Grade, Row, Section};

fn parts(sections: &[&[(u32, &[u32])]]) -> PlanParts {
    let mut parts =
        PlanParts { grades: vec![Grade { name: "R".into(), price: Money::of(1) }], ..PlanParts::default() };
    for (section, rows) in (0_u16..).zip(sections) {
        parts.sections.push(Section { name: Some(format!("{section}").into()) });
        for &(seats, aisles) in *rows {
            let row = u32::try_from(parts.rows.len()).expect("few");
            parts.rows.push(Row { section, name: Some(format!("{row}").into()) });
            parts.seats.extend((1..=seats).map(|no| Seat {
                label: no.to_string().into(),
                row,
                grade: 0,
                accessible: false,
                aisle_after: aisles.contains(&no),
            }));
        }
    }
    parts
}

fn places(drawing: &Drawing) -> Vec<(f32, f32)> {
    drawing.points.iter().map(|point| (point.x, point.y)).collect()
}

#[test]
fn a_plain_plan_is_about_twice_as_wide_as_high() {
    let drawing = Drawing::arrange(&SeatPlan::plain(5, Money::of(1)).expect("plan"));
    assert_eq!(places(&drawing), [(24.0, 24.0), (48.0, 24.0), (72.0, 24.0), (24.0, 48.0), (48.0, 48.0)]);
    assert_eq!((drawing.width, drawing.height), (96.0, 72.0));
    let most = Drawing::arrange(&SeatPlan::plain(100_000, Money::of(1)).expect("plan"));
    assert_eq!((most.width, most.height), (448.0 * 24.0, 225.0 * 24.0));
}

#[test]
fn rows_stand_in_the_middle_one_behind_the_other() {
    let parts = parts(&[&[(2, &[]), (4, &[2])], &[(1, &[])]]);
    let drawing = Drawing::arrange_parts(&parts);
    assert_eq!(
        places(&drawing),
        [
            (60.0, 96.0),
            (84.0, 96.0),
            // Four seats and an aisle are as wide as five seats.
            (24.0, 120.0),
            (48.0, 120.0),
            (96.0, 120.0),
            (120.0, 120.0),
            // Another section.
            (72.0, 168.0),
        ]
    );
    assert_eq!((drawing.width, drawing.height), (144.0, 192.0));
    let distances = drawing.distances(&parts.seats);
    assert_eq!(distances[0], distances[1]);
    assert_eq!(distances[3], distances[4]);
    assert!(distances[0] < distances[3] && distances[3] < distances[6], "{distances:?}");
    let plan = SeatPlan::from_parts(PlanParts { distances, ..parts }).expect("plan");
    assert_eq!(Drawing::arrange(&plan), drawing);
}

#[test]
fn a_narrow_hall_is_as_wide_as_its_stage() {
    let drawing = Drawing::arrange_parts(&parts(&[&[(1, &[])]]));
    assert_eq!(places(&drawing), [(72.0, 96.0)]);
    assert_eq!(drawing.areas[0].at, Point::new(24.0, 24.0));
    assert_eq!((drawing.width, drawing.height), (144.0, 120.0));
}
