//! The audit log of staff actions: nothing is lost, added to or changed on the way.

use frontrow_application::store::StoreError;
use frontrow_domain::account::Role;
use frontrow_domain::records::{Key, Keys};
use frontrow_domain::staff::{ActionKind, Actor, REQUEST_ID_MAX, StaffAction};
use frontrow_domain::{AuditEntryId, Timestamp};

use super::bench::Bench;
use super::records::{LAST, TEXTS};
use crate::samples;
use crate::store::{Raw, StoreFactory, apply, commit, refused_by_the_store};

async fn add(bench: &Bench<impl StoreFactory>, actions: Vec<StaffAction>) {
    apply(bench.store(), Keys::default(), move |records, _| {
        records.staff_actions.add_all(actions.clone());
        Ok(())
    })
    .await;
}

/// Every action in every role; every text in every place; with and without what was and is there.
pub async fn staff_actions_read_as_they_were_written(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    let plain = samples::staff_action(1);
    let mut values = Vec::new();
    for action in ActionKind::ALL {
        for role in Role::ALL {
            values.push(StaffAction { action, actor: Actor { role, ..plain.actor }, ..plain.clone() });
        }
    }
    for text in TEXTS.map(str::to_owned) {
        let (before, after) = (Some(text.clone()), Some(text.clone()));
        values.push(StaffAction { target: text.clone(), before, after, request_id: text, ..plain.clone() });
    }
    values.push(StaffAction { before: None, at: LAST, ..plain.clone() });
    values.push(StaffAction { after: None, at: Timestamp::ZERO, ..plain.clone() });
    let long = Some("긴".repeat(20_000));
    let request_id = "x".repeat(REQUEST_ID_MAX);
    values.push(StaffAction { before: long.clone(), after: long, request_id, ..plain });
    for (number, value) in (1..).zip(&mut values) {
        value.id = AuditEntryId::new(samples::uuid(number));
    }
    add(&bench, values.clone()).await;
    bench.reopen();
    values.reverse();
    assert_eq!(bench.reads().staff_actions(None, 1_000).await, Ok(values));
}

/// By their ids, whatever the order of writing; every one once, in every size of page.
pub async fn staff_actions_come_newest_first_in_pages(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_eq!(bench.reads().staff_actions(None, 10).await, Ok(vec![]));
    for numbers in [[4, 7, 1], [3, 2, 9], [8, 5, 6]] {
        add(&bench, numbers.map(samples::staff_action).to_vec()).await;
    }
    let expected: Vec<_> = (1..=9).rev().map(samples::staff_action).collect();
    for limit in [1, 2, 9, 10] {
        let mut found: Vec<StaffAction> = Vec::new();
        loop {
            let before = found.last().map(|action| action.id);
            let page = bench.reads().staff_actions(before, limit).await.expect("read");
            assert!(page.len() <= limit, "a page is too long");
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, expected, "in pages of {limit}");
    }
    let unknown = Some(AuditEntryId::new(samples::uuid(10)));
    assert_eq!(bench.reads().staff_actions(unknown, 1).await, Ok(vec![samples::staff_action(9)]));
    assert_eq!(bench.reads().staff_actions(None, 0).await, Ok(vec![]));
}

/// Neither one whose command was refused, nor one whose commit the store refused.
pub async fn a_refused_command_leaves_no_line(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let refused = Raw::<()>::new(Keys::default(), |records, _| {
        records.staff_actions.add(samples::staff_action(1));
        Err(frontrow_application::Stop::Refused("no"))
    });
    assert!(matches!(commit(bench.store(), refused).await, Ok(Err(_))));
    let make = || {
        Raw::new(Keys::default(), |records, _| {
            records.concerts.put_new(samples::CONCERT, samples::concert(1, "One"));
            records.staff_actions.add(samples::staff_action(2));
            Ok(())
        })
    };
    assert_eq!(commit(bench.store(), make()).await, Ok(Ok(())));
    let again = commit(bench.store(), make()).await;
    assert!(matches!(again, Err(StoreError::Lost(_) | StoreError::Broken(_))), "{again:?}");
    assert_eq!(bench.reads().staff_actions(None, 10).await, Ok(vec![samples::staff_action(2)]));
}

/// Its id is used once, and its request id has an end.
pub async fn a_line_is_written_once_and_never_over_another(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    add(&bench, vec![samples::staff_action(1)]).await;
    refused_by_the_store(bench.store(), "a line twice", Key::Concert(samples::CONCERT), |records, _| {
        let other = StaffAction { action: ActionKind::CreateConcert, ..samples::staff_action(1) };
        records.staff_actions.add(other);
        Ok(())
    })
    .await;
    refused_by_the_store(bench.store(), "an endless request id", Keys::default(), |records, _| {
        let request_id = "é".repeat(REQUEST_ID_MAX / 2 + 1);
        records.staff_actions.add(StaffAction { request_id, ..samples::staff_action(2) });
        Ok(())
    })
    .await;
    assert_eq!(bench.reads().staff_actions(None, 10).await, Ok(vec![samples::staff_action(1)]));
}
