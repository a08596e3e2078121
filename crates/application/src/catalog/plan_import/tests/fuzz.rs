//! Whatever is done to a file: it is a plan in full, or it says what is wrong with it.

use std::collections::HashSet;

use frontrow_domain::catalog::SeatPlan;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::catalog::drawing_form;

/// What a member of a file is changed to.
fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3_i64..120_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,4}".prop_map(Value::from),
        prop::sample::select(vec![
            "R", "VIP", "A", "1", "x", "s-a-1", "\0", "", "circle", "text", "#12", "#123"
        ])
        .prop_map(Value::from),
        (50_usize..300).prop_map(|length| Value::from("가".repeat(length))),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[[[[[[[[[[[{}]]]]]]]]]]]])),
        Just(json!({"x": 1, "y": 2, "name": "R", "text": "stage", "seats": [{}], "rows": [{}]})),
        Just(pretix_document()),
    ]
}

/// One change to a document.
#[derive(Debug, Clone)]
enum Change {
    Replace(Value),
    Remove,
    Repeat,
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => any_value().prop_map(Change::Replace),
        2 => Just(Change::Remove),
        1 => Just(Change::Repeat),
    ]
}

/// How many values there are in a document, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the value that comes at this place, counted through the whole document.
fn change(value: &mut Value, place: &mut usize, change_it: &Change) {
    let mut at = None;
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                *place -= 1;
                if *place == 0 {
                    at = Some(index);
                    break;
                }
                change(item, place, change_it);
                if *place == 0 {
                    return;
                }
            }
            let Some(index) = at else { return };
            match change_it {
                Change::Replace(by) => items[index] = by.clone(),
                Change::Remove => drop(items.remove(index)),
                Change::Repeat => items.insert(index, items[index].clone()),
            }
        }
        Value::Object(members) => {
            let mut found = None;
            for (name, member) in members.iter_mut() {
                *place -= 1;
                if *place == 0 {
                    found = Some(name.clone());
                    break;
                }
                change(member, place, change_it);
                if *place == 0 {
                    return;
                }
            }
            let Some(name) = found else { return };
            match change_it {
                Change::Replace(by) => drop(members.insert(name, by.clone())),
                Change::Remove => drop(members.remove(&name)),
                Change::Repeat => drop(members.insert(name.to_uppercase(), json!(1))),
            }
        }
        _ => {}
    }
}

/// A plan in full or errors, whatever the bytes are.
fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let imported = match serde_json::from_slice::<PlanDocument>(bytes) {
        Ok(document) => document.import("seatPlan"),
        // Not JSON: nobody gets further.
        Err(_) => return Ok(()),
    };
    match imported {
        Ok(imported) => check_plan(&imported),
        Err(errors) => {
            prop_assert!(!errors.is_empty() && errors.len() <= 1_001);
            for FieldError { field, message } in errors {
                prop_assert!(field.starts_with("seatPlan") && !message.is_empty(), "{field} {message}");
            }
            Ok(())
        }
    }
}

fn check_plan(imported: &ImportedPlan) -> Result<(), TestCaseError> {
    let plan = &*imported.plan;
    let again = SeatPlan::from_parts(plan.parts());
    prop_assert_eq!(again.as_ref(), Some(plan));
    for seat in plan.seats() {
        let length = seat.label.chars().count();
        prop_assert!((1..=LABEL_MAX).contains(&length) && !seat.label.contains('\0'));
    }
    prop_assert!(plan.grades().iter().all(|grade| !grade.price.is_negative()));
    let arranged = Drawing::arrange(plan);
    prop_assert_eq!(arranged.points.len(), plan.seats().len());
    let Some(drawing) = &imported.drawing else { return Ok(()) };
    prop_assert_eq!(drawing.points.len(), plan.seats().len());
    prop_assert_eq!(drawing.colors.len(), plan.grades().len());
    for point in &drawing.points {
        prop_assert!((0.0..=drawing.width).contains(&point.x) && (0.0..=drawing.height).contains(&point.y));
    }
    let guids: HashSet<_> = drawing.guids.iter().flatten().collect();
    prop_assert_eq!(guids.len(), plan.seats().len());
    let stored = drawing_form::from_bytes(&drawing_form::to_bytes(drawing));
    prop_assert_eq!(stored.as_ref(), Some(&**drawing));
    Ok(())
}

fn documents() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        pretix_document(),
        rows_document(),
        json!({"plain": {"seats": 50, "price": 50_000}}),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_changed_plan_is_a_plan_or_says_what_is_wrong(
        mut document in documents(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_change()), 1..5),
    ) {
        for (place, change_it) in changes {
            let mut place = place.index(count(&document)) + 1;
            change(&mut document, &mut place, &change_it);
        }
        check(document.to_string().as_bytes())?;
    }

    #[test]
    fn broken_bytes_are_never_half_a_plan(
        document in documents(),
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = document.to_string().into_bytes();
        for (at, by) in changes {
            let at = at.index(bytes.len());
            bytes[at] = by;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        check(&bytes)?;
        if let Err(errors) = check_pretix(&bytes) {
            prop_assert!(!errors.is_empty());
        }
    }
}

#[test]
fn depth_and_huge_numbers_do_no_harm() {
    let deep = "[".repeat(100_000);
    for value in [deep.as_str(), "1e999", "-1e999", "NaN", "\"\\ud800\"", "123456789012345678901234567890"] {
        for text in [
            format!("{{\"pretix\": {value}}}"),
            format!("{{\"pretix\": {{\"plan\": {{\"x\": {value}, \"zones\": {value}}}}}}}"),
            format!("{{\"rows\": {{\"sections\": [{{\"name\": {value}}}]}}}}"),
        ] {
            assert!(check(text.as_bytes()).is_ok());
            assert!(check_pretix(text.as_bytes()).is_err());
        }
    }
}
