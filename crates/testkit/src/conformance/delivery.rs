//! What is kept of events on their way to others, whatever keeps it.

use std::collections::HashSet;
use std::sync::Arc;

use frontrow_application::events::{
    Attempt, DeadLetter, Delivery, Lease, LoggedEvent, Parked, Term, Webhook, WebhookSecret, WebhookStatus,
    consumer_name, share_out,
};
use frontrow_domain::Timestamp;
use uuid::Uuid;

use crate::clock::ManualClock;
use crate::delivery::DeliverySource;

/// All cases, by name.
pub const DELIVERY_CASES: &[&str] = &[
    "parts_are_made_once_and_shared",
    "a_function_runs_on_leases_that_nobody_else_changes",
    "marks_go_forward_and_only_for_their_owner",
    "what_is_released_is_anybodys",
    "consumers_are_listed_where_they_are_furthest_behind",
    "the_first_of_a_key_is_due",
    "what_is_parked_twice_stays_as_it_was",
    "a_postponed_event_waits",
    "a_buried_event_is_parked_no_longer",
    "a_dead_letter_comes_back_once",
    "dead_letters_come_newest_first_in_pages",
    "webhooks_read_as_they_were_written",
    "a_webhook_is_changed_by_who_has_seen_it",
    "a_webhook_goes_with_all_that_is_its",
    "attempts_come_newest_first_and_are_forgotten",
];

/// Stamps a test for every case about what is kept of events on their way. The expression makes a
/// [`DeliverySource`] with nothing in it; it runs once a case.
#[macro_export]
macro_rules! delivery_suite {
    ($source:expr) => {
        $crate::delivery_suite! { @cases $source;
            parts_are_made_once_and_shared
            a_function_runs_on_leases_that_nobody_else_changes
            marks_go_forward_and_only_for_their_owner
            what_is_released_is_anybodys
            consumers_are_listed_where_they_are_furthest_behind
            the_first_of_a_key_is_due
            what_is_parked_twice_stays_as_it_was
            a_postponed_event_waits
            a_buried_event_is_parked_no_longer
            a_dead_letter_comes_back_once
            dead_letters_come_newest_first_in_pages
            webhooks_read_as_they_were_written
            a_webhook_is_changed_by_who_has_seen_it
            a_webhook_goes_with_all_that_is_its
            attempts_come_newest_first_and_are_forgotten
        }
    };
    (@cases $source:expr; $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::bounded(async {
                    let source = $source;
                    $crate::conformance::delivery::$name(&source).await;
                });
            }
        )*

        #[test]
        fn every_case_of_deliveries_is_run() {
            assert_eq!($crate::conformance::delivery::DELIVERY_CASES, [$(stringify!($name)),*]);
        }
    };
}

const NOW: Timestamp = ManualClock::EPOCH;
const NAME: &str = "somebody";

fn name() -> String {
    NAME.to_owned()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn event(key: u128, sequence: u64) -> LoggedEvent {
    LoggedEvent {
        position: sequence * 10,
        key: id(key),
        sequence,
        at: NOW.plus_seconds(1),
        body: format!("{{\"type\":\"t{sequence}\",\"data\":{{\"name\":\"서울 ' \\\\ \"}}}}"),
    }
}

fn parked(key: u128, sequence: u64, after: u32) -> Parked {
    let reason = format!("reason {key}");
    Parked { event: event(key, sequence), tries: 1, since: NOW, next_at: NOW.plus_seconds(after), reason }
}

fn letter(number: u128, event: LoggedEvent) -> DeadLetter {
    DeadLetter { id: id(number), consumer: name(), event, tries: 9, reason: "410 'Gone'".to_owned(), at: NOW }
}

async fn share(delivery: &Arc<dyn Delivery>, owner: u128, now: Timestamp) -> Vec<Lease> {
    let rule = Box::new(move |leases: &mut [Lease]| share_out(leases, id(owner), now));
    delivery.share(name(), 4, 7, now, rule).await.expect("shared")
}

fn of(leases: &[Lease], owner: u128) -> usize {
    leases.iter().filter(|lease| lease.owner.is_some_and(|term| term.of == id(owner))).count()
}

/// Parts begin where they are told to when they are made, and not again.
pub async fn parts_are_made_once_and_shared(source: &impl DeliverySource) {
    let delivery = source.open();
    let leases = share(&delivery, 1, NOW).await;
    assert_eq!(leases.iter().map(|lease| lease.shard).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(leases.iter().all(|lease| lease.position == 7 && lease.wanted.is_none()), "{leases:?}");
    assert_eq!(of(&leases, 1), 4);
    assert_eq!(delivery.advance(name(), id(1), vec![(2, 9)]).await, Ok(vec![]));
    let noted = share(&delivery, 2, NOW).await;
    assert_eq!((of(&noted, 1), of(&noted, 2)), (4, 0), "nothing is free yet");
    let given = share(&delivery, 1, NOW).await;
    assert_eq!(of(&given, 1), 2);
    let delivery = source.open();
    let taken = share(&delivery, 2, NOW).await;
    assert_eq!((of(&taken, 1), of(&taken, 2)), (2, 2), "{taken:?}");
    assert_eq!(taken[2].position, 9);
    let all = delivery.share(name(), 4, 99, NOW, Box::new(|_| {})).await;
    assert_eq!(all, Ok(taken), "a rule that changes nothing changes nothing");
}

/// Many that share at once never have the same part.
pub async fn a_function_runs_on_leases_that_nobody_else_changes(source: &impl DeliverySource) {
    share(&source.open(), 99, NOW).await;
    source.open().release(id(99)).await.expect("released");
    let tasks: Vec<_> = (1..=4)
        .map(|owner| {
            let delivery = source.open();
            let rule = Box::new(move |leases: &mut [Lease]| {
                // Without a lock several would find the same part free.
                if let Some(lease) = leases.iter_mut().find(|lease| lease.owner.is_none()) {
                    lease.owner = Some(Term { of: id(owner), until: NOW.plus_seconds(60) });
                }
            });
            tokio::spawn(async move { delivery.share(name(), 4, 0, NOW, rule).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("shared");
    }
    let delivery = source.open();
    let leases = delivery.share(name(), 4, 0, NOW, Box::new(|_| {})).await.expect("read");
    let owners: HashSet<Uuid> = leases.iter().filter_map(|lease| lease.owner).map(|term| term.of).collect();
    assert_eq!(owners.len(), 4, "each has one part: {leases:?}");
}

/// A mark never goes back, and never moves for who has lost its part.
pub async fn marks_go_forward_and_only_for_their_owner(source: &impl DeliverySource) {
    let delivery = source.open();
    share(&delivery, 1, NOW).await;
    assert_eq!(delivery.advance(name(), id(1), vec![(0, 20), (1, 5), (3, 8)]).await, Ok(vec![]));
    assert_eq!(delivery.advance(name(), id(2), vec![(0, 30), (1, 30)]).await, Ok(vec![0, 1]));
    assert_eq!(delivery.advance(name(), id(1), vec![(9, 30)]).await, Ok(vec![9]), "there is no such part");
    assert_eq!(delivery.advance("nobody".to_owned(), id(1), vec![(0, 30)]).await, Ok(vec![0]));
    let delivery = source.open();
    let leases = share(&delivery, 1, NOW).await;
    let positions: Vec<u64> = leases.iter().map(|lease| lease.position).collect();
    assert_eq!(positions, [20, 7, 7, 8]);
}

/// Who goes gives back all that is theirs, and nothing else.
pub async fn what_is_released_is_anybodys(source: &impl DeliverySource) {
    let delivery = source.open();
    for owner in [1, 2, 1, 2] {
        share(&delivery, owner, NOW).await;
    }
    delivery.release(id(1)).await.expect("released");
    let leases = share(&delivery, 2, NOW).await;
    assert_eq!((of(&leases, 1), of(&leases, 2)), (0, 4), "{leases:?}");
    assert_eq!(delivery.advance(name(), id(1), vec![(0, 30)]).await, Ok(vec![0]));
}

/// The part that is furthest behind counts, and the time when anybody last had one.
pub async fn consumers_are_listed_where_they_are_furthest_behind(source: &impl DeliverySource) {
    let delivery = source.open();
    assert_eq!(delivery.marks().await, Ok(vec![]));
    share(&delivery, 1, NOW).await;
    let later = NOW.plus_seconds(5);
    share(&delivery, 1, later).await;
    delivery.advance(name(), id(1), vec![(0, 20), (1, 12), (2, 30), (3, 11)]).await.expect("moved");
    delivery.share("another".to_owned(), 1, 3, NOW, Box::new(|_| {})).await.expect("made");
    let marks = delivery.marks().await.expect("read");
    let found: Vec<_> =
        marks.iter().map(|mark| (mark.consumer.as_str(), mark.position, mark.seen_at)).collect();
    assert_eq!(found, [("another", 3, NOW), (NAME, 11, later)]);
    delivery.forget(name()).await.expect("forgotten");
    assert_eq!(delivery.marks().await.expect("read").len(), 1);
}

/// Of each key the lowest number, once it is due; what follows waits for it, however long it has been due itself.
pub async fn the_first_of_a_key_is_due(source: &impl DeliverySource) {
    let delivery = source.open();
    let events = vec![parked(1, 2, 30), parked(1, 3, 0), parked(2, 1, 10), parked(3, 4, 20)];
    delivery.park(name(), events.clone()).await.expect("parked");
    delivery.park("another".to_owned(), vec![parked(1, 1, 0)]).await.expect("parked");
    let due = async |after| delivery.due(name(), NOW.plus_seconds(after), 10).await.expect("read");
    assert_eq!(due(9).await, []);
    assert_eq!(due(10).await, [parked(2, 1, 10)]);
    assert_eq!(due(30).await, [parked(2, 1, 10), parked(3, 4, 20), parked(1, 2, 30)]);
    assert_eq!(delivery.due(name(), NOW.plus_seconds(30), 1).await, Ok(vec![parked(2, 1, 10)]));
    let keys = delivery.parked_keys(name(), vec![id(1), id(4), id(3)]).await;
    assert_eq!(keys, Ok(HashSet::from([id(1), id(3)])));
    assert_eq!(delivery.parked_keys(name(), vec![]).await, Ok(HashSet::new()));
    assert_eq!(delivery.parked(name()).await, Ok((4, Some(NOW))));
    delivery.settle(name(), vec![(id(1), 2), (id(7), 7)]).await.expect("settled");
    assert_eq!(due(0).await, [parked(1, 3, 0)], "now it is the first");
    delivery.forget(name()).await.expect("forgotten");
    assert_eq!(delivery.parked(name()).await, Ok((0, None)));
    assert_eq!(delivery.parked("another".to_owned()).await, Ok((1, Some(NOW))));
}

/// A batch that comes again after a crash does not make anything of what is known already.
pub async fn what_is_parked_twice_stays_as_it_was(source: &impl DeliverySource) {
    let delivery = source.open();
    delivery.park(name(), vec![Parked { tries: 5, ..parked(1, 1, 3) }]).await.expect("parked");
    delivery.park(name(), vec![parked(1, 1, 0), parked(1, 2, 0)]).await.expect("parked");
    let delivery = source.open();
    assert_eq!(delivery.due(name(), NOW, 10).await, Ok(vec![]));
    let due = delivery.due(name(), NOW.plus_seconds(3), 10).await;
    assert_eq!(due, Ok(vec![Parked { tries: 5, ..parked(1, 1, 3) }]));
    assert_eq!(delivery.parked(name()).await, Ok((2, Some(NOW))));
    delivery.park(name(), vec![]).await.expect("nothing is parked");
}

/// A failed try moves the next one, and leaves the event and its age alone.
pub async fn a_postponed_event_waits(source: &impl DeliverySource) {
    let delivery = source.open();
    delivery.park(name(), vec![parked(1, 1, 0)]).await.expect("parked");
    let later = Parked { tries: 2, reason: "500".to_owned(), ..parked(1, 1, 60) };
    delivery.postpone(name(), later.clone()).await.expect("noted");
    delivery.postpone(name(), parked(9, 9, 60)).await.expect("there is no such event");
    assert_eq!(delivery.due(name(), NOW.plus_seconds(59), 10).await, Ok(vec![]));
    assert_eq!(delivery.due(name(), NOW.plus_seconds(60), 10).await, Ok(vec![later]));
}

/// What is a dead letter does not hold up what follows.
pub async fn a_buried_event_is_parked_no_longer(source: &impl DeliverySource) {
    let delivery = source.open();
    delivery.park(name(), vec![parked(1, 1, 0), parked(1, 2, 0)]).await.expect("parked");
    delivery.bury(vec![letter(5, event(1, 1)), letter(6, event(8, 1))]).await.expect("buried");
    assert_eq!(delivery.due(name(), NOW, 10).await, Ok(vec![parked(1, 2, 0)]));
    let delivery = source.open();
    assert_eq!(delivery.dead_letter(id(5)).await, Ok(Some(letter(5, event(1, 1)))));
    assert_eq!(delivery.dead_letter(id(7)).await, Ok(None));
    assert_eq!(delivery.count_dead_letters().await, Ok(2));
}

/// However often it is asked for.
pub async fn a_dead_letter_comes_back_once(source: &impl DeliverySource) {
    let delivery = source.open();
    delivery.bury(vec![letter(5, event(1, 1))]).await.expect("buried");
    let now = NOW.plus_seconds(3);
    assert_eq!(delivery.revive(id(5), now).await, Ok(true));
    assert_eq!(delivery.revive(id(5), now).await, Ok(false));
    assert_eq!(delivery.count_dead_letters().await, Ok(0));
    let expected = Parked { event: event(1, 1), tries: 0, since: now, next_at: now, reason: String::new() };
    assert_eq!(delivery.due(name(), now, 10).await, Ok(vec![expected]));
}

/// In pages that miss none and repeat none.
pub async fn dead_letters_come_newest_first_in_pages(source: &impl DeliverySource) {
    let delivery = source.open();
    assert_eq!(delivery.dead_letters(None, 10).await, Ok(vec![]));
    let letters: Vec<DeadLetter> = (1..=5).map(|number| letter(number, event(number, 1))).collect();
    delivery.bury(letters.clone()).await.expect("buried");
    let newest: Vec<DeadLetter> = letters.into_iter().rev().collect();
    assert_eq!(delivery.dead_letters(None, 2).await.as_deref(), Ok(&newest[..2]));
    assert_eq!(delivery.dead_letters(Some(newest[1].id), 10).await.as_deref(), Ok(&newest[2..]));
}

fn webhook(number: u128) -> Webhook {
    Webhook {
        id: id(number),
        url: "https://example.org/hook?a='b'".to_owned(),
        description: "회계 부서".to_owned(),
        types: vec!["frontrow.payment.completed.v1".to_owned(), "a\"b".to_owned()],
        secret: WebhookSecret(vec![0, 255, 7]),
        status: WebhookStatus::Gone,
        created_at: NOW,
        version: 1,
    }
}

/// Every member, in every state.
pub async fn webhooks_read_as_they_were_written(source: &impl DeliverySource) {
    let delivery = source.open();
    assert_eq!(delivery.webhooks().await, Ok(vec![]));
    let all: Vec<Webhook> = (1..)
        .zip(WebhookStatus::ALL)
        .map(|(number, status)| Webhook {
            status,
            types: webhook(1).types[..number % 3].to_vec(),
            ..webhook(number as u128)
        })
        .collect();
    for one in all.iter().rev() {
        delivery.add_webhook(one.clone()).await.expect("kept");
    }
    let delivery = source.open();
    assert_eq!(delivery.webhooks().await, Ok(all.clone()));
    assert_eq!(delivery.webhook(id(2)).await, Ok(Some(all[1].clone())));
    assert_eq!(delivery.webhook(id(9)).await, Ok(None));
}

/// Two who change it at once do not undo each other's work.
pub async fn a_webhook_is_changed_by_who_has_seen_it(source: &impl DeliverySource) {
    let delivery = source.open();
    delivery.add_webhook(webhook(1)).await.expect("kept");
    let mut changed =
        Webhook { url: "http://b".to_owned(), status: WebhookStatus::On, version: 2, ..webhook(1) };
    changed.types.clear();
    changed.secret = WebhookSecret(vec![1; 32]);
    assert_eq!(delivery.save_webhook(changed.clone()).await, Ok(true));
    assert_eq!(delivery.save_webhook(Webhook { version: 2, ..webhook(1) }).await, Ok(false));
    assert_eq!(delivery.save_webhook(Webhook { version: 2, ..webhook(3) }).await, Ok(false));
    assert_eq!(delivery.webhook(id(1)).await, Ok(Some(changed)));
}

fn attempt(number: u128, webhook: u128, after: u32) -> Attempt {
    Attempt {
        id: id(number),
        webhook: id(webhook),
        event_id: "k-1".to_owned(),
        event_type: "t".to_owned(),
        at: NOW.plus_seconds(after),
        try_no: 3,
        took_ms: 15,
        http_status: number.is_multiple_of(2).then_some(503),
        reason: "시간 초과".to_owned(),
    }
}

/// Nothing is left that could be taken for another's.
pub async fn a_webhook_goes_with_all_that_is_its(source: &impl DeliverySource) {
    let delivery = source.open();
    for number in [1, 2] {
        delivery.add_webhook(webhook(number)).await.expect("kept");
        delivery.note_attempts(vec![attempt(10 + number, number, 0)]).await.expect("noted");
        let consumer = consumer_name(id(number));
        delivery.park(consumer.clone(), vec![parked(1, 1, 0)]).await.expect("parked");
        delivery.share(consumer, 1, 0, NOW, Box::new(|_| {})).await.expect("made");
    }
    assert_eq!(delivery.delete_webhook(id(1)).await, Ok(true));
    assert_eq!(delivery.delete_webhook(id(1)).await, Ok(false));
    assert_eq!(delivery.webhooks().await, Ok(vec![webhook(2)]));
    assert_eq!(delivery.attempts(id(1), None, 10).await, Ok(vec![]));
    assert_eq!(delivery.attempts(id(2), None, 10).await, Ok(vec![attempt(12, 2, 0)]));
    assert_eq!(delivery.parked(consumer_name(id(1))).await, Ok((0, None)));
    assert_eq!(delivery.parked(consumer_name(id(2))).await, Ok((1, Some(NOW))));
    assert_eq!(delivery.marks().await.expect("read").len(), 1);
}

/// In pages, and only what is old goes.
pub async fn attempts_come_newest_first_and_are_forgotten(source: &impl DeliverySource) {
    let delivery = source.open();
    let all: Vec<Attempt> =
        (1..=5).map(|number| attempt(number, 1, u32::try_from(number).expect("few"))).collect();
    delivery.note_attempts(all.clone()).await.expect("noted");
    delivery.note_attempts(vec![]).await.expect("nothing is noted");
    let newest: Vec<Attempt> = all.into_iter().rev().collect();
    assert_eq!(delivery.attempts(id(1), None, 2).await.as_deref(), Ok(&newest[..2]));
    assert_eq!(delivery.attempts(id(1), Some(newest[1].id), 10).await.as_deref(), Ok(&newest[2..]));
    assert_eq!(delivery.forget_attempts(NOW.plus_seconds(4), 2).await, Ok(2));
    assert_eq!(delivery.forget_attempts(NOW.plus_seconds(4), 2).await, Ok(1));
    assert_eq!(delivery.forget_attempts(NOW.plus_seconds(4), 2).await, Ok(0));
    assert_eq!(delivery.attempts(id(1), None, 10).await.as_deref(), Ok(&newest[..2]));
}
