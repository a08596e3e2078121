//! The draw against values that were worked out elsewhere, and against whoever meddles with it.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn entries(count: u64) -> Vec<EntryId> {
    (1..=count).map(|number| EntryId::new(Uuid::from_u64_pair(0x0190_0000_0000_7000, number))).collect()
}

fn seed(fill: u8) -> Seed {
    Seed::new([fill; BYTES])
}

fn drawn(seed: &Seed, entries: &[EntryId]) -> Vec<EntryId> {
    order(seed, entries).into_iter().map(|position| entries[position as usize]).collect()
}

const COMMITMENT_OF_SEVENS: &str = "4bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0";
const ORDER_OF_EIGHT: [u32; 8] = [6, 4, 3, 5, 0, 7, 2, 1];

/// By Python's hashlib, from the words of the method alone.
#[test]
fn anybody_gets_the_same_from_the_method() {
    assert_eq!(seed(7).commitment().to_hex(), COMMITMENT_OF_SEVENS);
    assert_eq!(order(&seed(7), &entries(8)), ORDER_OF_EIGHT);
}

#[test]
fn hexadecimal_has_one_spelling() {
    let seed = Seed::new(std::array::from_fn(|index| u8::try_from(index * 8).expect("a byte")));
    assert_eq!(Seed::from_hex(&seed.to_hex()), Some(seed));
    assert_eq!(Commitment::from_hex(&seed.commitment().to_hex()), Some(seed.commitment()));
    let upper = seed.to_hex().to_uppercase();
    for wrong in ["", "00", &"0".repeat(63), &"0".repeat(65), &"0".repeat(66), &"g".repeat(64), &upper] {
        assert_eq!(Seed::from_hex(wrong), None, "{wrong}");
    }
}

#[test]
fn a_log_line_does_not_tell_the_seed() {
    let shown = format!("{:?} {:?}", seed(0xAB), Draw::new(seed(0xAB)));
    assert!(!shown.contains("171") && !shown.to_lowercase().contains("ab,"), "{shown}");
}

proptest! {
    #[test]
    fn the_order_is_one_of_all_and_does_not_come_from_how_they_are_listed(
        fill in any::<u8>(), count in 0_u64..200, turn in 0_usize..200,
    ) {
        let all = entries(count);
        let mut sorted = drawn(&seed(fill), &all);
        let mut turned = all.clone();
        turned.rotate_left(turn.min(all.len()));
        prop_assert_eq!(&drawn(&seed(fill), &turned), &sorted);
        prop_assert_eq!(verify(&seed(fill), &seed(fill).commitment(), &sorted), Ok(()));
        sorted.sort_unstable();
        prop_assert_eq!(sorted, all);
    }

    #[test]
    fn whoever_meddles_is_found_out(fill in any::<u8>(), count in 20_u64..100, at in 0_usize..20, with in 0_usize..20) {
        let (seed, honest) = (seed(fill), drawn(&seed(fill), &entries(count)));
        let check = |seed: &Seed, entries: &[EntryId]| verify(seed, &self::seed(fill).commitment(), entries);
        // Another seed.
        prop_assert_eq!(check(&self::seed(fill.wrapping_add(1)), &honest), Err(DrawFault::Seed));
        // Two have changed places.
        let mut swapped = honest.clone();
        swapped.swap(at, with);
        prop_assert_eq!(check(&seed, &swapped).is_ok(), at == with);
        // One is missing, one is new, one was replaced: everybody's place is another then. That 19 others and more are in
        // the right order by luck does not happen.
        let stranger = EntryId::new(Uuid::from_u64_pair(1, at as u64));
        let mut fewer = honest.clone();
        fewer.remove(at);
        let mut more = honest.clone();
        more.insert(at, stranger);
        let mut other = honest.clone();
        other[at] = stranger;
        for list in [fewer, more, other] {
            let found_out = matches!(check(&seed, &list), Err(DrawFault::Order { .. }));
            prop_assert!(found_out);
        }
        // One twice.
        let mut twice = honest.clone();
        twice.push(honest[at]);
        prop_assert_eq!(check(&seed, &twice), Err(DrawFault::Twice(honest[at])));
    }
}

/// Were places given by anything but the seed, some place would come to some entry too often.
#[test]
fn every_place_is_as_likely_for_everybody() {
    const DRAWS: u32 = 4_000;
    let all = entries(5);
    let mut counts = [[0_u32; 5]; 5];
    for draw in 0..DRAWS {
        let mut bytes = [0; BYTES];
        bytes[..4].copy_from_slice(&draw.to_be_bytes());
        for (place, position) in order(&Seed::new(bytes), &all).into_iter().enumerate() {
            counts[place][position as usize] += 1;
        }
    }
    // A fifth each, within six standard deviations (25.3 of 4,000).
    for count in counts.into_iter().flatten() {
        assert!(count.abs_diff(DRAWS / 5) < 152, "{counts:?}");
    }
}
