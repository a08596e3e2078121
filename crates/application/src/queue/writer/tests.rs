use super::*;
use crate::queue::journal::{RoomMark, Stored};
use frontrow_domain::{ConcertId, Sequence, Timestamp};

/// A journal whose disk hangs until the test lets it go on.
struct Hanging(Mutex<()>);

impl LineJournal for Hanging {
    fn load(&self, _ended_after: Timestamp, _take: &mut dyn FnMut(Stored)) -> Result<(), JournalError> {
        Ok(())
    }

    fn append(&self, _batch: &LineBatch) -> Result<(), JournalError> {
        drop(self.0.lock());
        Ok(())
    }

    fn forget(&self, _ended_before: Timestamp, _limit: usize) -> Result<usize, JournalError> {
        Ok(0)
    }
}

struct Deaf;

impl BatchListener for Deaf {
    fn settled(&self, _batch: &LineBatch, _effects: &[Moved], _is_kept: bool) {}
}

#[test]
fn fans_are_refused_at_once_while_the_disk_hangs_and_too_many_wait() {
    let journal = Arc::new(Hanging(Mutex::new(())));
    let hung = journal.0.lock();
    let of_writer: Arc<dyn LineJournal> = Arc::<Hanging>::clone(&journal);
    let writer = Writer::start(of_writer, Arc::new(Deaf), 3);
    let mark = |pending: &mut Pending| {
        let (concert, first) = (ConcertId::new(1), Sequence::new(1));
        let closed_at = Timestamp::ZERO;
        pending.batch.rooms.push(RoomMark { concert, next: first, closed_below: first, closed_at });
    };
    // Up to three of these are taken into the batch that hangs, and three more wait for it.
    let asked: Vec<_> = (0..7).map(|_| writer.keep_if_room(mark)).collect();
    let refused = |kept: &&Result<Kept, LineError>| matches!(kept, Err(LineError::Overloaded));
    assert!(asked.iter().filter(refused).count() >= 1, "the list is bounded");
    assert!(writer.keep(mark).is_ok(), "what the line itself has to keep is taken");
    drop(hung);
    for kept in asked.into_iter().flatten() {
        assert_eq!(kept.blocking_recv(), Ok(Ok(())), "whoever was taken is answered");
    }
    writer.close();
}
