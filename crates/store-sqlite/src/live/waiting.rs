//! Those who wait until something is in the tables.

use tokio::sync::oneshot::{Receiver, Sender, channel};

#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<(u64, Sender<bool>)>);

impl Waiting {
    /// Is told once that row has been folded.
    pub(super) fn join(&mut self, row: u64) -> Receiver<bool> {
        let (tell, answer) = channel();
        self.0.push((row, tell));
        answer
    }

    /// Whoever went away need not be waited for.
    pub(super) fn is_empty(&mut self) -> bool {
        self.0.retain(|(_, tell)| !tell.is_closed());
        self.0.is_empty()
    }

    pub(super) fn came_to(&mut self, folded: u64) {
        for index in (0..self.0.len()).rev() {
            if self.0[index].0 <= folded {
                let _ = self.0.swap_remove(index).1.send(true);
            }
        }
    }

    pub(super) fn give_up(&mut self) {
        for (_, tell) in self.0.drain(..) {
            let _ = tell.send(false);
        }
    }
}
