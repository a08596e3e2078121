//! A network of messages in memory, between the instances of one test: what is sent arrives, unless the test keeps it back
//! to lose it, repeat it or bring it in another order. It runs the suite of the port, which is the licence to test with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use frontrow_application::messages::{Message, Messages, NotSent};
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};

/// How many messages are kept for an instance that takes none.
const KEPT_MAX: usize = 1_024;

/// Makes instances that hear each other, with a network of their own.
pub trait MessagesFactory: Send + Sync {
    /// Another instance, which listens as soon as it says so.
    fn open(&self) -> Arc<dyn Messages>;
}

/// A network of a test's own.
#[derive(Clone)]
pub struct MessageHub {
    sender: Sender<Vec<u8>>,
    kept: Arc<Mutex<Vec<Vec<u8>>>>,
    is_keeping: Arc<AtomicBool>,
}

/// One instance on a network in memory.
pub struct MemoryMessages {
    hub: MessageHub,
    receiver: tokio::sync::Mutex<Receiver<Vec<u8>>>,
}

impl Default for MessageHub {
    fn default() -> Self {
        Self { sender: channel(KEPT_MAX).0, kept: Arc::default(), is_keeping: Arc::default() }
    }
}

impl MessageHub {
    /// An instance on this network.
    pub fn instance(&self) -> Arc<MemoryMessages> {
        let receiver = tokio::sync::Mutex::new(self.sender.subscribe());
        Arc::new(MemoryMessages { hub: self.clone(), receiver })
    }

    /// Keeps back what is sent from now on.
    pub fn keep_back(&self) {
        self.is_keeping.store(true, Ordering::Release);
    }

    /// What was kept back, in the order in which it was sent. It is the caller's from then on.
    pub fn take_kept(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.kept.lock())
    }

    /// Brings a message to every instance, whoever has written it.
    pub fn deliver(&self, message: Vec<u8>) {
        // Without anybody who listens it is lost, as anywhere.
        let _ = self.sender.send(message);
    }
}

impl MessagesFactory for MessageHub {
    fn open(&self) -> Arc<dyn Messages> {
        self.instance()
    }
}

impl Messages for MemoryMessages {
    fn send(&self, message: Vec<u8>) -> Message<'_, Result<(), NotSent>> {
        async move {
            if self.hub.is_keeping.load(Ordering::Acquire) {
                self.hub.kept.lock().push(message);
            } else {
                self.hub.deliver(message);
            }
            Ok(())
        }
        .boxed()
    }

    fn next(&self) -> Message<'_, Vec<u8>> {
        async move {
            let mut receiver = self.receiver.lock().await;
            loop {
                match receiver.recv().await {
                    Ok(message) => return message,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        }
        .boxed()
    }

    fn is_listening(&self) -> bool {
        true
    }
}
