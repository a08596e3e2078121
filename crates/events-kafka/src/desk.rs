//! What a member of a group has in front of it: what it fetched, what is at hand, and how far each partition is done.
//!
//! No Kafka in here, and no waiting. A partition is done up to its first record that was not dealt with, whatever was
//! done beyond it; the group's offset never goes past that.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use frontrow_application::events::LoggedEvent;

use crate::letters::Unreadable;

/// What a record is.
pub(crate) enum Record {
    Event(LoggedEvent),
    Unreadable(Arc<Unreadable>),
}

/// Where a record is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    partition: i32,
    /// In which assignment of the partition it was fetched: what was fetched before a partition went away and came back
    /// counts no longer.
    term: u64,
    offset: i64,
}

/// A partition that this member has.
#[derive(Debug, Clone, Copy)]
struct Held {
    term: u64,
    /// The offset after the last record that was fetched; nothing before the first.
    next: Option<i64>,
    /// The offset that the group has been told.
    told: Option<i64>,
}

/// What is to be dealt with next.
pub(crate) enum Batch {
    Events(Arc<Vec<LoggedEvent>>),
    Unreadable(Arc<Unreadable>),
}

#[derive(Default)]
pub(crate) struct Desk {
    held: BTreeMap<i32, Held>,
    waiting: VecDeque<(Slot, Record)>,
    at_hand: Vec<Slot>,
    batch: Option<Batch>,
    terms: u64,
}

impl Desk {
    /// Takes over partitions.
    pub(crate) fn assigned(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.terms += 1;
            self.held.insert(*partition, Held { term: self.terms, next: None, told: None });
        }
    }

    /// Lets partitions go, with what was fetched of them.
    pub(crate) fn revoked(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.held.remove(partition);
        }
        self.waiting.retain(|(slot, _)| !partitions.contains(&slot.partition));
    }

    /// Takes in what was fetched. Answers false when the partition is not this member's any more.
    pub(crate) fn take_in(&mut self, partition: i32, offset: i64, record: Record) -> bool {
        let Some(held) = self.held.get_mut(&partition) else { return false };
        held.next = Some(offset + 1);
        self.waiting.push_back((Slot { partition, term: held.term, offset }, record));
        true
    }

    /// How many records wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// True while a batch is being dealt with.
    pub(crate) fn is_busy(&self) -> bool {
        self.batch.is_some()
    }

    /// True when what is being dealt with has something of these partitions.
    pub(crate) fn is_busy_with(&self, partitions: &[i32]) -> bool {
        self.at_hand.iter().any(|slot| partitions.contains(&slot.partition))
    }

    /// Takes what is next in hand: events up to a number, or one record that is none.
    pub(crate) fn begin(&mut self, most: usize) -> Option<Batch> {
        if self.is_busy() {
            return None;
        }
        let mut events = Vec::new();
        while events.len() < most {
            match self.waiting.pop_front() {
                Some((slot, Record::Event(event))) => {
                    self.at_hand.push(slot);
                    events.push(event);
                }
                Some((slot, Record::Unreadable(record))) if events.is_empty() => {
                    self.at_hand.push(slot);
                    self.batch = Some(Batch::Unreadable(Arc::clone(&record)));
                    return Some(Batch::Unreadable(record));
                }
                Some(other) => {
                    self.waiting.push_front(other);
                    break;
                }
                None => break,
            }
        }
        if events.is_empty() {
            return None;
        }
        let events = Arc::new(events);
        self.batch = Some(Batch::Events(Arc::clone(&events)));
        Some(Batch::Events(events))
    }

    /// Notes that so many from the front of what is at hand were dealt with. The others wait again, in front of all, as
    /// far as their partitions are still this member's.
    pub(crate) fn settle(&mut self, through: usize) {
        let slots = std::mem::take(&mut self.at_hand);
        let left: Vec<(Slot, Record)> = match self.batch.take() {
            Some(Batch::Events(events)) => {
                let left = slots.into_iter().zip(events.iter()).skip(through);
                left.map(|(slot, event)| (slot, Record::Event(event.clone()))).collect()
            }
            Some(Batch::Unreadable(record)) if through == 0 => {
                slots.into_iter().map(|slot| (slot, Record::Unreadable(Arc::clone(&record)))).collect()
            }
            Some(Batch::Unreadable(_)) | None => Vec::new(),
        };
        for (slot, record) in left.into_iter().rev() {
            if self.held.get(&slot.partition).is_some_and(|held| held.term == slot.term) {
                self.waiting.push_front((slot, record));
            }
        }
    }

    /// The offsets that the group is to be told, of these partitions or of all, and notes that it was.
    pub(crate) fn tell(&mut self, only: Option<&[i32]>) -> Vec<(i32, i64)> {
        let mut firsts: BTreeMap<i32, i64> = BTreeMap::new();
        for slot in self.at_hand.iter().chain(self.waiting.iter().map(|(slot, _)| slot)) {
            if self.held.get(&slot.partition).is_some_and(|held| held.term == slot.term) {
                let first = firsts.entry(slot.partition).or_insert(slot.offset);
                *first = (*first).min(slot.offset);
            }
        }
        let mut news = Vec::new();
        for (partition, held) in &mut self.held {
            if only.is_some_and(|only| !only.contains(partition)) {
                continue;
            }
            let Some(next) = held.next else { continue };
            let done = firsts.get(partition).copied().unwrap_or(next);
            // What was just fetched for the first time and not dealt with is where the group is anyway.
            if held.told.is_none_or(|told| told < done) {
                held.told = Some(done);
                news.push((*partition, done));
            }
        }
        news
    }

    /// Has these offsets told again: the group has not taken them.
    pub(crate) fn untold(&mut self, partitions: &[i32]) {
        for partition in partitions {
            if let Some(held) = self.held.get_mut(partition) {
                held.told = None;
            }
        }
    }

    /// The partitions of this member.
    pub(crate) fn partitions(&self) -> Vec<i32> {
        self.held.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use frontrow_domain::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn event(number: i64) -> Record {
        Record::Event(LoggedEvent {
            position: 0,
            key: Uuid::nil(),
            sequence: u64::try_from(number).expect("not negative"),
            at: Timestamp::from_micros(0),
            body: String::new(),
        })
    }

    fn unreadable() -> Record {
        Record::Unreadable(Arc::new(Unreadable {
            topic: String::new(),
            partition: 0,
            offset: 0,
            at: 0,
            key: Vec::new(),
            payload: Vec::new(),
            reason: String::new(),
        }))
    }

    /// Takes the next batch, and answers the numbers in it; a record that is no event is 0.
    fn next(desk: &mut Desk, most: usize) -> Vec<u64> {
        match desk.begin(most) {
            Some(Batch::Events(events)) => events.iter().map(|event| event.sequence).collect(),
            Some(Batch::Unreadable(_)) => vec![0],
            None => Vec::new(),
        }
    }

    fn desk(partitions: &[i32]) -> Desk {
        let mut desk = Desk::default();
        desk.assigned(partitions);
        desk
    }

    #[test]
    fn a_partition_is_done_up_to_the_first_record_that_is_not() {
        let mut desk = desk(&[0, 1]);
        for (partition, offset) in [(0, 5), (1, 9), (0, 6), (1, 10)] {
            assert!(desk.take_in(partition, offset, event(offset)));
        }
        assert_eq!(next(&mut desk, 3), [5, 9, 6]);
        assert!(next(&mut desk, 3).is_empty(), "one batch at a time");
        desk.settle(2);
        assert_eq!(desk.tell(None), [(0, 6), (1, 10)]);
        assert!(desk.tell(None).is_empty(), "it was told");
        assert_eq!(next(&mut desk, 3), [6, 10], "what was not dealt with comes first");
        desk.settle(2);
        assert_eq!(desk.tell(Some(&[1])), [(1, 11)]);
        desk.untold(&[1]);
        assert_eq!(desk.tell(None), [(0, 7), (1, 11)]);
    }

    #[test]
    fn what_is_no_event_comes_alone() {
        let mut desk = desk(&[0]);
        for (offset, record) in [(1, event(1)), (2, unreadable()), (3, event(3))] {
            desk.take_in(0, offset, record);
        }
        for expected in [vec![1], vec![0], vec![3]] {
            assert_eq!(next(&mut desk, 10), expected);
            desk.settle(0);
            assert_eq!(next(&mut desk, 10), expected, "not dealt with, it comes again");
            desk.settle(1);
        }
        assert_eq!(desk.tell(None), [(0, 4)]);
    }

    #[test]
    fn what_is_gone_with_its_partition_is_neither_told_nor_handed_over_again() {
        let mut desk = desk(&[0, 1]);
        for (partition, offset) in [(0, 1), (1, 1), (0, 2)] {
            desk.take_in(partition, offset, event(offset));
        }
        assert_eq!(next(&mut desk, 2), [1, 1]);
        assert!(desk.is_busy_with(&[0]) && !desk.is_busy_with(&[2]));
        desk.revoked(&[0]);
        assert_eq!(desk.waiting(), 0);
        assert!(!desk.take_in(0, 3, event(3)), "late");
        // It comes back while the batch of before is still under way.
        desk.assigned(&[0]);
        desk.take_in(0, 1, event(1));
        desk.settle(0);
        assert_eq!(desk.tell(None), [(0, 1), (1, 1)]);
        assert_eq!(next(&mut desk, 9), [1, 1], "once of partition 1, once of the new term of partition 0");
        assert_eq!(desk.partitions(), [0, 1]);
    }
}
