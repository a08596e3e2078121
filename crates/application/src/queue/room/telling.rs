//! Of whom it has to be told that they were let in.

use std::collections::VecDeque;

use frontrow_domain::event::QueueAdmitted;
use frontrow_domain::queue::Place;
use frontrow_domain::{Sequence, Timestamp};

use super::Room;
use crate::waiting_room::{Receipt, Untold};

/// How many fans are handed out to be told of, before those who were let in later have to wait for the next time.
const FANS_MAX: usize = 1_000;

/// Those of whom nobody was told yet, in the order in which they were let in.
pub(super) struct Telling {
    untold: VecDeque<QueueAdmitted>,
    /// Whoever was let in then or before was told of.
    through: Timestamp,
}

impl Telling {
    pub(super) const NOTHING: Self = Self { untold: VecDeque::new(), through: Timestamp::ZERO };
}

impl Room {
    /// Notes, before any place is restored, how far was told.
    pub(in crate::queue) fn restore_told(&mut self, through: Timestamp) {
        self.telling.through = through;
    }

    /// Notes a place that was restored.
    pub(super) fn restore_untold(&mut self, place: &Place) {
        let admitted_at = place.state.admitted_at().filter(|at| *at > self.telling.through);
        if let Some(admitted_at) = admitted_at {
            self.telling.untold.push_back(admitted(place, admitted_at));
        }
    }

    /// Brings what was restored in the order of the numbers into that of the admissions.
    pub(super) fn sort_untold(&mut self) {
        self.telling.untold.make_contiguous().sort_unstable_by_key(|one| (one.admitted_at, one.number));
    }

    /// Notes somebody who was let in just now.
    pub(super) fn note_untold(&mut self, number: u64, admitted_at: Timestamp) {
        let Some(slot) = self.slots.get(number) else { return };
        self.telling.untold.push_back(QueueAdmitted {
            entry_id: slot.entry,
            user_id: slot.user,
            concert_id: self.mark.concert,
            number: Sequence::new(number),
            joined_at: slot.joined_at,
            admitted_at,
        });
    }

    /// Those of whom nobody was told, by the moment at which they were let in. A moment that is not over may still bring
    /// more, and so may that of calls on their way: those are left out, so that what is told together stays together.
    pub(in crate::queue) fn untold(&self, now: Timestamp) -> Vec<Untold> {
        let last = self.telling.untold.back().map(|one| one.admitted_at);
        let is_whole = |at: Timestamp| at < now && (self.calling == 0 || Some(at) != last);
        let mut all: Vec<Untold> = Vec::new();
        let mut count = 0;
        let mut rest = self.telling.untold.iter().peekable();
        while let Some(at) = rest.peek().map(|one| one.admitted_at).filter(|at| is_whole(*at)) {
            let mut together = Vec::new();
            while let Some(one) = rest.next_if(|one| one.admitted_at == at) {
                together.push(one.clone());
            }
            together.sort_unstable_by_key(|one| one.number);
            count += together.len();
            all.push(Untold { receipt: receipt(at, together.len()), admitted: together });
            if count >= FANS_MAX {
                break;
            }
        }
        all
    }

    /// Notes that they were told of. Answers the moment up to which everybody was, if that has moved.
    pub(in crate::queue) fn note_told(&mut self, receipt: &Receipt) -> Option<Timestamp> {
        let (at, count) = read(receipt)?;
        for _ in 0..count {
            self.telling.untold.pop_front_if(|one| one.admitted_at == at);
        }
        let has_moved = at > self.telling.through;
        has_moved.then(|| {
            self.telling.through = at;
            at
        })
    }
}

fn admitted(place: &Place, admitted_at: Timestamp) -> QueueAdmitted {
    QueueAdmitted {
        entry_id: place.entry,
        user_id: place.user,
        concert_id: place.concert,
        number: place.sequence,
        joined_at: place.joined_at,
        admitted_at,
    }
}

/// The moment, and how many were let in then.
fn receipt(at: Timestamp, count: usize) -> Receipt {
    let mut bytes = at.micros().to_le_bytes().to_vec();
    bytes.extend((count as u64).to_le_bytes());
    Receipt(bytes)
}

fn read(Receipt(bytes): &Receipt) -> Option<(Timestamp, u64)> {
    let (at, count) = bytes.split_first_chunk::<8>()?;
    let count = count.try_into().ok().map(u64::from_le_bytes)?;
    Some((Timestamp::from_micros(i64::from_le_bytes(*at)), count))
}
