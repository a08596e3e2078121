//! The log of events, as those read it who hand it on.

use frontrow_application::events::Partitions;
use frontrow_domain::event::OutboxEvent;
use frontrow_domain::records::Keys;

use super::bench::Bench;
use crate::samples;
use crate::store::{StoreFactory, apply};

async fn write(bench: &Bench<impl StoreFactory>, events: &[(u64, u64)]) {
    let events: Vec<OutboxEvent> =
        events.iter().map(|(number, sequence)| samples::event(*number, *sequence)).collect();
    apply(bench.store(), Keys::default(), move |records, _| {
        records.events.add_all(events.clone());
        Ok(())
    })
    .await;
}

/// With their keys, numbers, times and bodies, in order; each in one partition of those that are asked for.
pub async fn events_come_in_order_whatever_the_partition(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    assert_eq!(bench.reads().events(0, Partitions::ALL, 10).await, Ok(vec![]));
    assert_eq!(bench.reads().log_end().await, Ok(0));
    let written: Vec<(u64, u64)> =
        (1..=3).flat_map(|sequence| (1..=40).map(move |key| (key, sequence))).collect();
    for some in written.chunks(50) {
        write(&bench, some).await;
    }
    let all = bench.reads().events(0, Partitions::ALL, 1_000).await.expect("read");
    let expected: Vec<_> = written.iter().map(|(key, sequence)| samples::event(*key, *sequence)).collect();
    assert_eq!(all.len(), expected.len());
    for (event, expected) in all.iter().zip(&expected) {
        assert_eq!((event.key, event.sequence, event.at), (expected.key, expected.sequence, expected.at));
        assert_eq!(event.body, serde_json::to_string(&expected.event).expect("written"));
    }
    assert!(all.windows(2).all(|pair| pair[0].position < pair[1].position), "positions grow");
    assert_eq!(bench.reads().log_end().await, Ok(all.last().map_or(0, |event| event.position)));
    let mut found = Vec::new();
    for shard in 0..7 {
        let partitions = Partitions::of_shard(shard, 7);
        let some = bench.reads().events(0, partitions, 1_000).await.expect("read");
        assert!(some.iter().all(|event| partitions.have(event.key)), "shard {shard}");
        let first = bench.reads().events(0, partitions, 3).await.expect("read");
        assert_eq!(first, some[..3.min(some.len())], "shard {shard}");
        found.extend(some);
    }
    found.sort_by_key(|event| event.position);
    assert_eq!(found, all, "each event is in one shard");
    assert_eq!(bench.reads().events(0, Partitions::NONE, 10).await, Ok(vec![]));
}

/// Reading on from any event, with any limit, also after a restart.
pub async fn what_is_read_on_from_is_missed_by_nobody(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    write(&bench, &[(1, 1), (2, 1), (1, 2)]).await;
    let before = bench.reads().events(0, Partitions::ALL, 10).await.expect("read");
    bench.reopen();
    write(&bench, &[(3, 1), (1, 3)]).await;
    let all = bench.reads().events(0, Partitions::ALL, 10).await.expect("read");
    assert_eq!(all[..3], before[..], "what was read keeps its position");
    for (passed, event) in (1..).zip(&all) {
        let next = bench.reads().events(event.position, Partitions::ALL, 10).await;
        assert_eq!(next.as_deref(), Ok(&all[passed..]));
        let one = bench.reads().events(event.position - 1, Partitions::ALL, 1).await;
        assert_eq!(one.as_deref(), Ok(&all[passed - 1..passed]));
    }
    assert_eq!(bench.reads().events(u64::MAX, Partitions::ALL, 10).await, Ok(vec![]));
    assert_eq!(bench.reads().events(0, Partitions::ALL, 0).await, Ok(vec![]));
}

/// What is old and was handed on goes; what is young or was not handed on stays, and so does the newest.
pub async fn old_events_go_and_their_positions_are_not_used_again(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    write(&bench, &[(1, 1), (1, 2), (1, 3), (1, 4)]).await;
    let all = bench.reads().events(0, Partitions::ALL, 10).await.expect("read");
    let (upkeep, late) = (bench.opened().upkeep.clone(), all[0].at.plus_seconds(1));
    assert_eq!(upkeep.clean_events(all[0].at, u64::MAX).await, Ok(0), "none is that old");
    assert_eq!(upkeep.clean_events(late, all[1].position).await, Ok(2));
    let left = bench.reads().events(0, Partitions::ALL, 10).await;
    assert_eq!(left.as_deref(), Ok(&all[2..]));
    assert_eq!(upkeep.clean_events(late, u64::MAX).await, Ok(1));
    drop(upkeep);
    bench.reopen();
    let left = bench.reads().events(0, Partitions::ALL, 10).await;
    assert_eq!(left.as_deref(), Ok(&all[3..]), "the newest stays");
    write(&bench, &[(1, 5)]).await;
    let next = bench.reads().events(all[3].position, Partitions::ALL, 10).await.expect("read");
    assert_eq!(next.iter().map(|event| event.sequence).collect::<Vec<_>>(), [5]);
}
