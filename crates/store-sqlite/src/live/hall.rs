//! The claims of one schedule: those that were changed of late, and for all others whether there can be one.

use std::collections::{HashSet, VecDeque};

use frontrow_domain::reservation::Claim;
use frontrow_domain::{SeatNo, UserId};

use super::{HashMap, Kept};

/// How many folded versions of a map are remembered with their seats.
const VERSIONS_KEPT: usize = 1_024;

/// What changed since a version, as far as it is in memory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SinceChanges {
    /// The version before the oldest change that is here: what is older is in its table.
    pub(crate) before: u64,
    /// The seats that were changed, perhaps with repeats.
    pub(crate) seats: Vec<SeatNo>,
    /// How many versions these are of.
    pub(crate) versions: u64,
}

/// What is known of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is this, or there is none.
    Is(Option<Claim>),
    /// Only its table says.
    InTheTable,
}

#[derive(Debug, Default)]
pub(crate) struct Hall {
    recent: HashMap<SeatNo, Kept<Option<Claim>>>,
    /// A bit a seat: false where certainly no claim is, unless one is recent.
    taken: Vec<u64>,
    /// Everybody who has a reservation, by the last four bytes of the id, which are random. Nothing when that is not known,
    /// because there were reservations before anybody looked.
    fans: Option<HashSet<u32, foldhash::fast::RandomState>>,
    /// The newest versions of the map, each with the seats that its commit changed, without a gap.
    changes: VecDeque<(u64, Vec<SeatNo>)>,
    /// The newest version whose change is in its table.
    folded: u64,
}

impl Hall {
    /// A hall as its tables say, which have everything of it.
    pub(crate) fn of(taken: impl IntoIterator<Item = SeatNo>, has_reservations: bool) -> Self {
        let mut hall = Self { fans: (!has_reservations).then(HashSet::default), ..Self::default() };
        taken.into_iter().for_each(|seat| hall.mark(seat));
        hall
    }

    fn mark(&mut self, seat: SeatNo) {
        let index = seat.get() as usize;
        let word = index / 64;
        if word >= self.taken.len() {
            self.taken.resize(word + 1, 0);
        }
        self.taken[word] |= 1 << (index % 64);
    }

    /// What is known of a claim without its table.
    pub(crate) fn claim(&self, seat: SeatNo) -> Known {
        if let Some(kept) = self.recent.get(&seat) {
            return Known::Is(kept.value);
        }
        let index = seat.get() as usize;
        let is_marked = self.taken.get(index / 64).is_some_and(|word| word & (1 << (index % 64)) != 0);
        if is_marked { Known::InTheTable } else { Known::Is(None) }
    }

    /// Every seat whose claim is here, or of which it is known that it has none any more.
    pub(crate) fn recent(&self) -> impl Iterator<Item = (SeatNo, Option<Claim>)> + '_ {
        self.recent.iter().map(|(seat, kept)| (*seat, kept.value))
    }

    pub(super) fn put(&mut self, seat: SeatNo, claim: Option<Claim>, at: u64) {
        if claim.is_some() {
            self.mark(seat);
        }
        self.recent.insert(seat, Kept { value: claim, at });
    }

    pub(super) fn drop_folded(&mut self, seat: SeatNo, folded: u64) {
        if self.recent.get(&seat).is_some_and(|kept| kept.at <= folded) {
            self.recent.remove(&seat);
        }
    }

    /// False when a fan certainly has no reservation.
    pub(crate) fn may_know(&self, user: UserId) -> bool {
        self.fans.as_ref().is_none_or(|fans| fans.contains(&tail(user)))
    }

    pub(super) fn met(&mut self, user: UserId) {
        if let Some(fans) = &mut self.fans {
            fans.insert(tail(user));
        }
    }

    pub(super) fn changed(&mut self, version: u64, seats: Vec<SeatNo>) {
        if self.changes.back().is_some_and(|(last, _)| last + 1 != version) {
            // A plan was replaced: what was before is not a way to here any more.
            self.changes.clear();
        }
        self.changes.push_back((version, seats));
    }

    pub(super) fn folded(&mut self, version: u64) {
        self.folded = self.folded.max(version);
        while self.changes.len() > VERSIONS_KEPT
            && self.changes.front().is_some_and(|(version, _)| *version <= self.folded)
        {
            self.changes.pop_front();
        }
    }

    /// What changed after that version.
    pub(crate) fn since(&self, version: u64) -> SinceChanges {
        let newer = self.changes.iter().filter(|(changed, _)| *changed > version);
        let (mut seats, mut versions, mut before) = (Vec::new(), 0, None);
        for (changed, of_version) in newer {
            before.get_or_insert(changed.saturating_sub(1));
            versions += 1;
            seats.extend_from_slice(of_version);
        }
        SinceChanges { before: before.unwrap_or(u64::MAX), seats, versions }
    }
}

/// The part of an id by which fans are told apart here. Two that are alike cost a look into the table.
fn tail(user: UserId) -> u32 {
    let bytes = user.bytes();
    u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(numbers: &[u32]) -> Vec<SeatNo> {
        numbers.iter().copied().map(SeatNo::new).collect()
    }

    #[test]
    fn a_claim_is_known_a_free_seat_too_and_a_folded_one_is_not() {
        let mut hall = Hall::of(seats(&[3, 200]), true);
        assert_eq!(hall.claim(SeatNo::new(1)), Known::Is(None));
        assert_eq!(hall.claim(SeatNo::new(3)), Known::InTheTable);
        assert_eq!(hall.claim(SeatNo::new(200)), Known::InTheTable);
        assert_eq!(hall.claim(SeatNo::new(100_000)), Known::Is(None));
        hall.put(SeatNo::new(1), Some(Claim::Blocked), 7);
        assert_eq!(hall.claim(SeatNo::new(1)), Known::Is(Some(Claim::Blocked)));
        hall.put(SeatNo::new(1), None, 8);
        hall.drop_folded(SeatNo::new(1), 7);
        assert_eq!(hall.claim(SeatNo::new(1)), Known::Is(None), "the later change is not folded");
        hall.drop_folded(SeatNo::new(1), 8);
        assert_eq!(
            hall.claim(SeatNo::new(1)),
            Known::InTheTable,
            "it may have been taken from the table or not"
        );
    }

    #[test]
    fn fans_are_known_only_from_the_first_reservation_on() {
        let [known, other] = [1, 2].map(|number| UserId::new(uuid::Uuid::from_u128(number)));
        let mut hall = Hall::of([], false);
        assert!(!hall.may_know(known));
        hall.met(known);
        assert!(hall.may_know(known) && !hall.may_know(other));
        assert!(Hall::of([], true).may_know(other), "there were reservations before anybody looked");
    }

    #[test]
    fn changes_are_kept_without_a_gap() {
        let mut hall = Hall::default();
        for version in 2..10 {
            hall.changed(version, seats(&[u32::try_from(version).expect("small")]));
        }
        let since = hall.since(7);
        assert_eq!(since, SinceChanges { before: 7, seats: seats(&[8, 9]), versions: 2 });
        assert_eq!(hall.since(9), SinceChanges { before: u64::MAX, seats: Vec::new(), versions: 0 });
        assert_eq!(hall.since(0).before, 1, "the first version is in no change");
        hall.changed(11, seats(&[1]));
        assert_eq!(hall.since(5), SinceChanges { before: 10, seats: seats(&[1]), versions: 1 });
    }

    #[test]
    fn only_folded_changes_are_forgotten() {
        let mut hall = Hall::default();
        let many = VERSIONS_KEPT as u64 + 100;
        for version in 1..=many {
            hall.changed(version, seats(&[1]));
        }
        hall.folded(0);
        assert_eq!(hall.since(0).versions, many);
        hall.folded(50);
        assert_eq!(hall.since(0), SinceChanges { before: 50, ..hall.since(50) });
        hall.folded(many);
        assert_eq!(hall.since(0).versions, VERSIONS_KEPT as u64);
    }
}
