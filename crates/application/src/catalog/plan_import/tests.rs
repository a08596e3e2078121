use frontrow_domain::catalog::{Point, Shape as Outline};
use serde_json::{Value, json};

use super::*;

mod fuzz;

/// A small hall in the pretix format, with something of everything.
fn hall() -> Value {
    let seat = |guid: &str, number: &str, x: f64, category: &str| {
        json!({"seat_guid": guid, "seat_number": number, "category": category, "position": {"x": x, "y": 0},
            "radius": 10, "uuid": "5b1e"})
    };
    json!({
        "name": "Hall", "uuid": "x", "size": {"width": 400, "height": 300},
        "categories": [{"name": "R", "color": "#0f0"}, {"name": "unused"}, {"name": "VIP", "color": "#AABBCC"}],
        "zones": [
            {"name": "Stage", "position": {"x": 10, "y": 10}, "rows": [], "areas": [
                {"shape": "rectangle", "position": {"x": 90, "y": 0}, "rectangle": {"width": 100, "height": 20},
                    "color": "#cccccc", "border_color": "", "rotation": 0,
                    "text": {"text": "Stage", "color": "#333333", "position": {"x": 50, "y": 10}, "size": 20}},
                {"shape": "polygon", "polygon": {"points": [{"x": 0, "y": 0}, {"x": 5, "y": 5}, {"x": 0, "y": 5}]}}
            ]},
            {"name": "Stalls", "position": {"x": 100, "y": 50}, "rows": [
                {"row_number": "A", "position": {"x": 5, "y": 7}, "row_number_position": "both", "seats": [
                    seat("s-a-1", "1", 0.0, "VIP"), seat("s-a-2", "2", 20.0, "VIP"),
                    seat("s-a-3", "3", 60.5, "VIP"), seat("s-a-4", "4", 80.5, "R")]},
                {"row_number": "none", "seats": []},
                {"row_number": "B", "seats": [seat("s-b-1", "1", 0.126, "R")]}
            ]},
            {"rows": [{"seats": [
                {"seat_guid": "x", "seat_number": "W1", "category": "R", "position": {"x": 1, "y": 2}, "accessible": true}
            ]}]}
        ]
    })
}

fn pretix_document() -> Value {
    json!({"pretix": {"plan": hall(), "prices": {"VIP": 150_000, "R": 0}}})
}

fn rows_document() -> Value {
    json!({"rows": {
        "sections": [
            {"name": "1F", "rows": [
                {"row": "A", "seats": 8, "grade": "VIP", "aislesAfter": [4], "accessible": [1, 8]},
                {"row": "B", "seats": 2, "grade": "R"}]},
            {"name": "2F", "rows": [{"row": "A", "seats": 3, "grade": "VIP", "aislesAfter": null}]}],
        "prices": {"R": 50_000, "VIP": 150_000}}})
}

fn import(document: &Value) -> Result<ImportedPlan, Vec<String>> {
    let document: PlanDocument = serde_json::from_str(&document.to_string()).expect("json");
    document.import("seatPlan").map_err(|errors| errors.into_iter().map(|error| error.field).collect())
}

fn wrong(document: &Value) -> Vec<String> {
    import(document).expect_err("it is wrong")
}

fn labels(imported: &ImportedPlan) -> Vec<&str> {
    imported.plan.seats().iter().map(|seat| &*seat.label).collect()
}

#[test]
fn rows_become_numbered_seats_in_document_order() {
    let imported = import(&rows_document()).expect("a plan");
    assert_eq!(imported.drawing, None);
    let plan = &imported.plan;
    assert_eq!(
        labels(&imported),
        [
            "1F A-1", "1F A-2", "1F A-3", "1F A-4", "1F A-5", "1F A-6", "1F A-7", "1F A-8", "1F B-1",
            "1F B-2", "2F A-1", "2F A-2", "2F A-3"
        ]
    );
    let numbers = |is: fn(&frontrow_domain::catalog::Seat) -> bool| -> Vec<u32> {
        plan.numbered().filter(|(_, seat)| is(seat)).map(|(no, _)| no.get()).collect()
    };
    assert_eq!(numbers(|seat| seat.accessible), [1, 8]);
    assert_eq!(numbers(|seat| seat.aisle_after), [4]);
    let grades: Vec<_> = plan.grades().iter().map(|grade| (&*grade.name, grade.price.minor())).collect();
    assert_eq!(grades, [("VIP", 150_000), ("R", 50_000)]);
    let last = &plan.seats()[12];
    assert_eq!((plan.section_name(last), plan.row_name(last)), (Some("2F"), Some("A")));
    let distances = plan.distances();
    assert_eq!(distances[0], distances[7], "{distances:?}");
    assert!(distances[3] < distances[8] && distances[8] < distances[11], "{distances:?}");
}

#[test]
fn a_file_of_pretix_is_read_as_it_is() {
    let imported = import(&pretix_document()).expect("a plan");
    let (plan, drawing) = (&imported.plan, imported.drawing.as_ref().expect("a drawing"));
    assert_eq!(
        labels(&imported),
        ["Stalls A-1", "Stalls A-2", "Stalls A-3", "Stalls A-4", "Stalls B-1", "W1"]
    );
    let sections: Vec<_> = plan.sections().iter().map(|section| section.name.as_deref()).collect();
    assert_eq!(sections, [Some("Stalls"), None]);
    let grades: Vec<_> = plan.grades().iter().map(|grade| (&*grade.name, grade.price.minor())).collect();
    assert_eq!(grades, [("R", 0), ("VIP", 150_000)]);
    assert_eq!(drawing.colors, [Some("#00ff00".into()), Some("#aabbcc".into())]);
    let aisles: Vec<bool> = plan.seats().iter().map(|seat| seat.aisle_after).collect();
    assert_eq!(aisles, [false, true, false, false, false, false]);
    let accessible: Vec<bool> = plan.seats().iter().map(|seat| seat.accessible).collect();
    assert_eq!(accessible, [false, false, false, false, false, true]);
    // Zone, row and seat add up, to two decimals.
    assert_eq!(drawing.points[2], Point::new(165.5, 57.0));
    assert_eq!(drawing.points[4], Point::new(100.13, 50.0));
    assert_eq!(drawing.points[5], Point::new(1.0, 2.0));
    assert_eq!((drawing.width, drawing.height), (400.0, 300.0));
    assert_eq!(drawing.guids[5].as_deref(), Some("x"));
    let stage = &drawing.areas[0];
    assert_eq!((&stage.shape, stage.at), (&Outline::Rectangle(100.0, 20.0), Point::new(100.0, 10.0)));
    assert_eq!((stage.color.as_deref(), stage.border_color.as_deref()), (Some("#cccccc"), None));
    let text = stage.text.as_ref().expect("text");
    assert_eq!((&*text.text, text.at, text.size), ("Stage", Point::new(150.0, 20.0), 20.0));
    assert!(matches!(&drawing.areas[1].shape, Outline::Polygon(points) if points.len() == 3));
    // Of the first row those next to the aisle are nearest to the stage, and nobody could tell which is nearer.
    assert_eq!(plan.distances()[..5], [6, 4, 4, 5, 6]);
}

#[test]
fn a_file_of_the_first_version_of_the_format_is_read_as_well() {
    let file = json!({
        "name": "Old", "categories": [{"name": "R"}],
        "zones": [{"name": "", "position": {"x": -5, "y": -50}, "areas": [
                {"width": 40, "height": 10, "position": {"x": 0, "y": 0}, "text": "무대"}],
            "rows": [{"row_number": "", "seats": [
                {"seat_guid": "1", "seat_number": "1", "position": {"x": 0, "y": 20}, "category": "R"}]}]}]
    });
    let imported = check_pretix(file.to_string().as_bytes()).expect("a plan");
    assert_eq!(labels(&imported), ["1"]);
    let drawing = imported.drawing.expect("a drawing");
    // A seat would be out of sight, so everything is moved.
    assert_eq!(drawing.points, [Point::new(24.0, 24.0)]);
    assert_eq!(drawing.areas[0].at, Point::new(24.0, 4.0));
    assert_eq!(drawing.areas[0].text.as_ref().map(|text| text.at), Some(Point::new(44.0, 9.0)));
    assert_eq!((drawing.width, drawing.height), (88.0, 48.0));
}

#[test]
fn a_bad_plan_names_every_path() {
    let mut document = pretix_document();
    let plan = &mut document["pretix"]["plan"];
    plan["categories"][0]["color"] = json!("url(https://example.test)");
    plan["categories"][1]["name"] = json!("R");
    plan["size"] = json!(7);
    plan["zones"][0]["areas"][1]["shape"] = json!("star");
    plan["zones"][0]["areas"][0]["rectangle"]["width"] = json!(-1);
    plan["zones"][1]["rows"][0]["seats"][1]["seat_guid"] = json!("s-a-1");
    plan["zones"][1]["rows"][0]["seats"][2]["category"] = json!("balcony");
    plan["zones"][1]["rows"][2]["seats"][0]["position"] = json!({"x": 1e9});
    plan["zones"][1]["rows"][2]["seats"][0]["seat_number"] = json!(1);
    plan["zones"][2]["rows"][0]["seats"][0]["accessible"] = json!("yes");
    plan["zones"][2]["name"] = json!("a\u{0}b");
    document["pretix"]["prices"] = json!({"VIP": -1, "gold": 1});
    document["pretix"]["discount"] = json!(1);
    let mut wrong = wrong(&document);
    wrong.sort();
    assert_eq!(
        wrong,
        [
            "seatPlan.pretix.discount",
            "seatPlan.pretix.plan.categories[0].color",
            "seatPlan.pretix.plan.categories[1].name",
            "seatPlan.pretix.plan.size",
            "seatPlan.pretix.plan.zones[0].areas[0].rectangle",
            "seatPlan.pretix.plan.zones[0].areas[0].rectangle.width",
            "seatPlan.pretix.plan.zones[0].areas[1].shape",
            "seatPlan.pretix.plan.zones[1].rows[0].seats[1].seat_guid",
            "seatPlan.pretix.plan.zones[1].rows[0].seats[2].category",
            "seatPlan.pretix.plan.zones[1].rows[2].seats[0].position.x",
            "seatPlan.pretix.plan.zones[1].rows[2].seats[0].position.y",
            "seatPlan.pretix.plan.zones[1].rows[2].seats[0].seat_number",
            "seatPlan.pretix.plan.zones[2].name",
            "seatPlan.pretix.plan.zones[2].rows[0].seats[0].accessible",
            "seatPlan.pretix.prices.R",
            "seatPlan.pretix.prices.VIP",
            "seatPlan.pretix.prices.gold",
        ]
    );
}

#[test]
fn bad_rows_name_every_path() {
    let mut document = rows_document();
    let sections = &mut document["rows"]["sections"];
    sections[0]["rows"][0]["aislesAfter"] = json!([4, 4, 8, 0, "x"]);
    sections[0]["rows"][0]["accessible"] = json!([9]);
    sections[0]["rows"][1]["row"] = json!("A");
    sections[1]["name"] = json!("1F");
    sections[1]["rows"][0]["color"] = json!(null);
    sections[1]["rows"][0]["grade"] = json!("S");
    sections.as_array_mut().expect("a list").extend([
        json!({"name": "x".repeat(98), "rows": [{"row": "A", "seats": 1, "grade": "R"}]}),
        json!({"name": "", "rows": []}),
        json!({"name": "T", "rows": [{"row": "A", "seats": 1, "grade": "R", "aislesAfter": [1]}]}),
    ]);
    document["rows"]["prices"] = json!({"R": 1.5, "VIP": 1, "gold": 1});
    let mut wrong = wrong(&document);
    wrong.sort();
    assert_eq!(
        wrong,
        [
            "seatPlan.rows.prices.R",
            "seatPlan.rows.prices.S",
            "seatPlan.rows.prices.gold",
            "seatPlan.rows.sections[0].rows[0].accessible[0]",
            "seatPlan.rows.sections[0].rows[0].aislesAfter[1]",
            "seatPlan.rows.sections[0].rows[0].aislesAfter[2]",
            "seatPlan.rows.sections[0].rows[0].aislesAfter[3]",
            "seatPlan.rows.sections[0].rows[0].aislesAfter[4]",
            "seatPlan.rows.sections[0].rows[1].row",
            "seatPlan.rows.sections[1].name",
            "seatPlan.rows.sections[1].rows[0].color",
            "seatPlan.rows.sections[2].rows[0].row",
            "seatPlan.rows.sections[3].name",
            "seatPlan.rows.sections[3].rows",
            "seatPlan.rows.sections[4].rows[0].aislesAfter[0]",
        ]
    );
}

#[test]
fn there_is_exactly_one_description() {
    assert_eq!(wrong(&json!({})), ["seatPlan"]);
    assert_eq!(wrong(&json!(null)), ["seatPlan"]);
    assert_eq!(wrong(&json!([{"plain": {"seats": 1, "price": 1}}])), ["seatPlan"]);
    assert_eq!(wrong(&json!({"plain": null, "rows": null})), ["seatPlan"]);
    assert_eq!(wrong(&json!({"plain": 5})), ["seatPlan.plain"]);
    assert_eq!(wrong(&json!({"circle": {}})), ["seatPlan.circle"]);
    assert_eq!(wrong(&json!({"plain": {"seats": 0}})), ["seatPlan.plain.seats", "seatPlan.plain.price"]);
    assert_eq!(
        wrong(&json!({"plain": {"seats": 1, "price": 1}, "pretix": {}})),
        ["seatPlan.pretix.prices", "seatPlan.pretix.plan", "seatPlan"]
    );
    let file = json!({"pretix": {"planFile": "a.json", "prices": {}}});
    assert_eq!(wrong(&file), ["seatPlan.pretix.planFile"]);
    assert!(import(&json!({"plain": {"seats": 1, "price": 1}, "rows": null})).is_ok());
}

#[test]
fn members_that_come_twice_are_wrong() {
    let text = r#"{"rows": {"sections": [], "sections": [], "prices": {"A": 1, "A": 2}}, "rows": {}}"#;
    let document: PlanDocument = serde_json::from_str(text).expect("json");
    let errors = document.import("").expect_err("wrong");
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["rows.sections", "rows.prices.A", "rows", "rows.prices.A"]);
}

#[test]
fn a_named_file_stands_in_the_place_of_a_plan() {
    let document = json!({"pretix": {"planFile": "hall.json", "prices": {"VIP": 150_000, "R": 0}}});
    let read = |document: &Value, file: Result<Vec<u8>, String>| {
        let document: PlanDocument = serde_json::from_str(&document.to_string()).expect("json");
        document.import_with("p", &|name| {
            assert_eq!(name, "hall.json");
            file.clone()
        })
    };
    let imported = read(&document, Ok(hall().to_string().into_bytes()));
    assert_eq!(imported.ok(), import(&pretix_document()).ok());
    let message = |file| {
        let errors = read(&document, file).expect_err("wrong");
        errors.into_iter().map(|error| format!("{} {}", error.field, error.message)).collect::<Vec<_>>()
    };
    assert_eq!(message(Err("is not there".to_owned())), ["p.pretix.planFile is not there"]);
    assert_eq!(
        message(Ok(b"{".to_vec())),
        ["p.pretix.plan is not JSON: EOF while parsing an object at line 1 column 1"]
    );
    let mut bad = hall();
    bad["zones"][1]["rows"][0]["seats"][3]["category"] = json!("?");
    bad["zones"][1]["rows"][0]["seats"][3]["seat_number"] = json!(null);
    assert_eq!(
        message(Ok(bad.to_string().into_bytes())),
        [
            "p.pretix.plan.zones[1].rows[0].seats[3].seat_number must be text",
            "p.pretix.plan.zones[1].rows[0].seats[3].category must be the name of a category of the plan"
        ]
    );
}

#[test]
fn there_is_a_most_of_everything() {
    let row = |seats: usize| json!({"row": "A", "seats": seats, "grade": "R"});
    let document = |sections: Vec<Value>| json!({"rows": {"sections": sections, "prices": {"R": 1}}});
    let section = |name: usize, seats: usize| json!({"name": name.to_string(), "rows": [row(seats)]});
    let most = import(&document(vec![section(1, 60_000), section(2, 40_000)])).expect("a plan");
    assert_eq!(most.plan.size(), SEATS_MAX);
    let more = document(vec![section(1, 60_000), section(2, 40_001)]);
    assert_eq!(wrong(&more), ["seatPlan.rows.sections"]);
    assert_eq!(wrong(&document(vec![section(1, 100_001)])), ["seatPlan.rows.sections[0].rows[0].seats"]);
    let sections = (0..=SECTIONS_MAX).map(|name| section(name, 1)).collect();
    assert_eq!(wrong(&document(sections)), ["seatPlan.rows.sections"]);
    let mut hall = hall();
    let seat = hall["zones"][1]["rows"][2]["seats"][0].clone();
    hall["zones"][1]["rows"][2]["seats"] = vec![seat; 100_000].into();
    let errors = check_pretix(hall.to_string().as_bytes()).expect_err("too many, and all called the same");
    assert_eq!(errors.len(), 1_001);
    assert_eq!(errors[0], FieldError::new("zones", "must have 100000 seats at the most, not 100005"));
    assert_eq!(errors[1].field, "zones[1].rows[2].seats[1].seat_guid");
    assert_eq!(errors[1].message, "is the one of zones[1].rows[2].seats[0] already");
    assert_eq!(errors[1_000], FieldError::new("", "and 98996 more"));
}

#[test]
fn documents_that_say_the_same_have_the_same_digest() {
    let digest = |text: &str| {
        let document: PlanDocument = serde_json::from_str(text).expect("json");
        serde_json::to_string(&document).expect("json")
    };
    let pretty = serde_json::to_string_pretty(&pretix_document()).expect("json");
    assert_eq!(digest(&pretix_document().to_string()), digest(&pretty));
    let other = pretix_document().to_string().replace("60.5", "60.6");
    assert_ne!(digest(&pretix_document().to_string()), digest(&other));
    assert_eq!(digest(&other).len(), digest(&pretty).len());
}
