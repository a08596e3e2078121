//! Ids: `UUIDv7`s with a counter, so that those of one millisecond still grow.

use std::sync::Arc;

use frontrow_application::{Clock, Entropy};
use uuid::{ContextV7, Timestamp, Uuid};

/// Draws ids from the system's randomness.
pub(crate) struct SystemEntropy {
    clock: Arc<dyn Clock>,
    context: std::sync::Mutex<ContextV7>,
}

impl SystemEntropy {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, context: std::sync::Mutex::new(ContextV7::new()) }
    }
}

impl Entropy for SystemEntropy {
    fn uuid(&self) -> Uuid {
        let micros = self.clock.now().micros().max(0).cast_unsigned();
        let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
        // A panic while drawing would leave the counter as it was, which is as good as any other.
        let context = self.context.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let nanos = u32::try_from(micros * 1_000).unwrap_or(0);
        Uuid::new_v7(Timestamp::from_unix(&*context, seconds, nanos))
    }

    /// # Panics
    /// When the system has no randomness to give: whatever was made of anything else could be guessed.
    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::clock::SystemClock;

    #[test]
    fn ids_grow_and_never_repeat() {
        let entropy = SystemEntropy::new(Arc::new(SystemClock::start()));
        let ids: Vec<Uuid> = (0..100_000).map(|_| entropy.uuid()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
