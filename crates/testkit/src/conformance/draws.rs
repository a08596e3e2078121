//! The order in which a lobby was drawn (R-Q8): kept in parts as it is, each once, together with how much of it there is.

use std::ops::Range;

use frontrow_application::audit::{DrawSlice, audit};
use frontrow_domain::catalog::Concert;
use frontrow_domain::queue::Draw;
use frontrow_domain::records::{DrawPart, Key, Keys, Records};
use frontrow_domain::{ConcertId, EntryId, Timestamp};
use uuid::Uuid;

use super::bench::Bench;
use crate::samples;
use crate::store::{StoreFactory, apply, refused_by_the_store};

/// How many entries a part has of the order of a large lobby.
const PART: u32 = 16_384;

const fn concert(number: u32) -> ConcertId {
    ConcertId::new(number)
}

fn part(number: u32, places: Range<u32>) -> DrawPart {
    samples::draw_part(concert(number), places)
}

fn with_draw(number: u32, draw: Draw) -> Concert {
    Concert { draw: Some(draw), ..samples::concert(number, "Drawn") }
}

async fn keep(bench: &Bench<impl StoreFactory>, parts: impl Into<Vec<DrawPart>>) {
    let parts = parts.into();
    apply(bench.store(), Keys::default(), move |records, _| {
        records.draw_parts.add_all(parts.clone());
        Ok(())
    })
    .await;
}

async fn assert_kept(bench: &Bench<impl StoreFactory>, part: &DrawPart) {
    let found = bench.reads().draw_part(part.concert, part.first).await;
    let found = found.as_ref().map(Option::as_deref);
    // A part is too long to be printed.
    assert!(found == Ok(Some(&part.entries)), "concert {}, from {} on", part.concert, part.first);
}

/// Parts of every length, several in one commit, each under its own place and in its own order.
pub async fn drawn_orders_read_as_they_were_written(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    let extremes = [Uuid::max(), Uuid::nil(), Uuid::from_u128(1)].map(EntryId::new).to_vec();
    let backwards: Vec<EntryId> = part(1, 3..5).entries.into_iter().rev().collect();
    let few = [
        part(1, 0..3),
        DrawPart { entries: backwards, ..part(1, 3..5) },
        DrawPart { first: u32::MAX, entries: extremes, ..part(u32::MAX, 0..1) },
    ];
    // More than one packet takes, wherever packets have a size.
    let many: Vec<DrawPart> = (0..5).map(|number| part(2, number * PART..(number + 1) * PART)).collect();
    keep(&bench, few.clone()).await;
    keep(&bench, many.clone()).await;
    for is_reopened in [false, true] {
        if is_reopened {
            bench.reopen();
        }
        for part in few.iter().chain(&many) {
            assert_kept(&bench, part).await;
        }
        for (number, first) in [(1, 1), (1, 5), (2, 3), (2, 5 * PART), (3, 0), (u32::MAX, 0)] {
            let found = bench.reads().draw_part(concert(number), first).await;
            assert_eq!(found, Ok(None), "concert {number}, from {first} on");
        }
    }
}

/// Two parts that begin at one place are one too many, and nobody in a part is no part.
pub async fn a_place_in_a_drawn_order_is_kept_once(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let kept = [part(1, 0..3), part(1, 3..5), part(2, 0..2)];
    keep(&bench, kept.clone()).await;
    let other = DrawPart { entries: part(1, 7..9).entries, ..part(1, 3..5) };
    let nobody = DrawPart { entries: vec![], ..part(1, 5..6) };
    for (what, part_too_many) in [("a second part for a place", other), ("a part with nobody in it", nobody)]
    {
        refused_by_the_store(bench.store(), what, Keys::default(), move |records, _| {
            records.draw_parts.add_all([part(3, 0..1), part_too_many.clone()]);
            Ok(())
        })
        .await;
    }
    refused_by_the_store(bench.store(), "two at once", Keys::default(), |records, _| {
        records.draw_parts.add_all([part(3, 0..1), part(3, 0..1)]);
        Ok(())
    })
    .await;
    for part in &kept {
        assert_kept(&bench, part).await;
    }
    assert_eq!(bench.reads().draw_part(concert(3), 0).await, Ok(None));
    assert_eq!(bench.reads().draw_part(concert(1), 5).await, Ok(None));
}

/// A part without the concert that says that it is kept would be kept again, and the other way round it would be missing.
pub async fn a_part_and_how_much_is_kept_land_together(factory: impl StoreFactory) {
    let mut bench = Bench::open(factory);
    let key = || Key::Concert(concert(1));
    let listed = |records: &mut Records, listed| {
        let drawn_at = (listed == 5).then_some(Timestamp::ZERO);
        records.concerts.put(concert(1), with_draw(1, Draw { listed, drawn_at, ..samples::draw(7) }));
    };
    for (places, is_new) in [(0..0, true), (0..3, false), (3..5, false)] {
        apply(bench.store(), key(), move |records, _| {
            assert_eq!(records.concerts.get(&concert(1))?.is_none(), is_new);
            listed(records, places.end);
            if !places.is_empty() {
                records.draw_parts.add(part(1, places.clone()));
            }
            Ok(())
        })
        .await;
    }
    // A part of this group is there already: that more is listed is not noted either.
    refused_by_the_store(bench.store(), "more than is kept", key(), move |records, _| {
        records.concerts.get(&concert(1))?;
        listed(records, 9);
        records.draw_parts.add_all([part(1, 5..9), part(1, 3..5)]);
        Ok(())
    })
    .await;
    bench.reopen();
    let found = bench.reads().concert(concert(1)).await.expect("read").and_then(|concert| concert.draw);
    assert_eq!(found, Some(Draw { listed: 5, drawn_at: Some(Timestamp::ZERO), ..samples::draw(7) }));
    assert_kept(&bench, &part(1, 0..3)).await;
    assert_kept(&bench, &part(1, 3..5)).await;
    assert_eq!(bench.reads().draw_part(concert(1), 5).await, Ok(None));
}

/// The audit goes through all draws, and tells of those whose parts have a gap, overlap, or are not as many as they should be.
pub async fn drawn_orders_that_do_not_add_up_are_found(factory: impl StoreFactory) {
    let bench = Bench::open(factory);
    let listed = |listed| Draw { listed, ..samples::draw(7) };
    let done = |listed| Draw { listed, drawn_at: Some(samples::hold_end()), ..samples::draw(7) };
    let sound: [Planted; 4] = [
        (1, None, &[]),
        (2, Some(listed(0)), &[]),
        (3, Some(listed(3)), &[(0, 2), (2, 1)]),
        (u32::MAX, Some(done(5)), &[(0, 5)]),
    ];
    plant(&bench, &sound).await;
    let report = audit(bench.reads()).await.expect("read");
    assert!(report.is_clean() && report.draws == 3, "{report}");
    let (mut slices, mut after) = (Vec::new(), None);
    while let Some(slice) = bench.reads().audit_draw(after).await.expect("read") {
        after = Some(slice.concert);
        slices.push(slice);
    }
    let slice = |number, listed, parts| DrawSlice { concert: concert(number), listed, parts };
    let expected = [slice(2, 0, vec![]), slice(3, 3, vec![(0, 2), (2, 1)]), slice(u32::MAX, 5, vec![(0, 5)])];
    assert_eq!(slices, expected);
    let faulty: [Planted; 5] = [
        (4, Some(listed(3)), &[]),
        (5, Some(done(3)), &[(0, 2)]),
        (6, Some(done(3)), &[(0, 2), (2, 2)]),
        (7, Some(done(4)), &[(0, 2), (3, 2)]),
        (8, Some(listed(5)), &[(0, 3), (2, 2)]),
    ];
    plant(&bench, &faulty).await;
    let report = audit(bench.reads()).await.expect("read");
    assert_eq!((report.draws, report.difference_count), (8, 5), "{report}");
    for (number, ..) in faulty {
        let name = format!("draw of concert {number}:");
        assert!(report.differences.iter().any(|difference| difference.contains(&name)), "{name} {report}");
    }
}

/// A concert by its number, its draw, and the parts of its order: behind how many each begins, and how many it has.
type Planted = (u32, Option<Draw>, &'static [(u32, u32)]);

/// Puts concerts in, with draws and parts.
async fn plant(bench: &Bench<impl StoreFactory>, concerts: &[Planted]) {
    let parts = concerts.iter().flat_map(|(number, _, parts)| {
        parts.iter().map(|&(first, count)| part(*number, first..first + count))
    });
    let parts: Vec<DrawPart> = parts.collect();
    let made = concerts
        .iter()
        .map(|(number, draw, _)| Concert { draw: *draw, ..samples::concert(*number, "Drawn") });
    let made: Vec<Concert> = made.collect();
    apply(bench.store(), Keys::default(), move |records, _| {
        for concert in &made {
            records.concerts.put_new(concert.id, concert.clone());
        }
        records.draw_parts.add_all(parts.clone());
        Ok(())
    })
    .await;
}
