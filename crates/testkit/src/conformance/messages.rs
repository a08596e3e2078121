//! What whatever carries messages between instances must do. Each case is named once, in the table at the end.

use std::sync::Arc;
use std::time::Duration;

use frontrow_application::messages::Messages;
use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep, timeout};

use crate::messages::MessagesFactory;

/// The longest wait for a message. Nobody asserts it: it tells a message that does not come from one that is late.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(5);

/// Instances that listen.
async fn listening(factory: &dyn MessagesFactory, count: usize) -> Vec<Arc<dyn Messages>> {
    let instances: Vec<_> = (0..count).map(|_| factory.open()).collect();
    for instance in &instances {
        until_listening(&**instance).await;
    }
    instances
}

/// Waits for a message until the instance listens, before anybody has sent one.
pub async fn until_listening(instance: &dyn Messages) {
    let end = Instant::now() + PATIENCE;
    let mut wait = instance.next();
    while !instance.is_listening() {
        assert!(Instant::now() < end, "the instance never listens");
        tokio::select! {
            message = &mut wait => panic!("nobody has sent {message:?}"),
            () = sleep(LOOK) => {}
        }
    }
}

async fn next(instance: &Arc<dyn Messages>) -> Vec<u8> {
    timeout(PATIENCE, instance.next()).await.expect("a message comes")
}

/// The next message that the instance has not sent itself.
async fn next_of_others(instance: &Arc<dyn Messages>, own: &[u8]) -> Vec<u8> {
    loop {
        let message = next(instance).await;
        if message != own {
            return message;
        }
    }
}

/// Whatever is in it, a message comes to all who listen as it was sent.
pub async fn a_message_comes_to_all_byte_by_byte(factory: impl MessagesFactory) {
    let instances = listening(&factory, 3).await;
    let long: Vec<u8> = (0..100_000_u32).map(|number| u8::try_from(number % 251).expect("small")).collect();
    for message in [vec![], b"text".to_vec(), vec![0, 255, b'\r', b'\n', 0], long] {
        instances[0].send(message.clone()).await.expect("sent");
        for instance in &instances[1..] {
            assert_eq!(next(instance).await, message);
        }
    }
}

/// Every instance both sends and hears.
pub async fn all_hear_each_other(factory: impl MessagesFactory) {
    let instances = listening(&factory, 4).await;
    for (number, sender) in instances.iter().enumerate() {
        let message = vec![u8::try_from(number).expect("small")];
        sender.send(message.clone()).await.expect("sent");
        for (other, hearer) in instances.iter().enumerate() {
            if other != number {
                let own = [u8::try_from(other).expect("small")];
                assert_eq!(next_of_others(hearer, &own).await, message);
            }
        }
    }
}

/// A wait that is broken off takes no message with it.
pub async fn who_stops_waiting_misses_nothing(factory: impl MessagesFactory) {
    let instances = listening(&factory, 2).await;
    for number in 0..50_u8 {
        // Looked at once, and dropped.
        assert_eq!(instances[1].next().now_or_never(), None);
        let (sent, heard) = tokio::join!(instances[0].send(vec![number]), async {
            let mut wait = instances[1].next();
            for _ in 0..number {
                tokio::task::yield_now().await;
                // One wait after the other, each given up after a look.
                if let Some(message) = (&mut wait).now_or_never() {
                    return message;
                }
                wait = instances[1].next();
            }
            timeout(PATIENCE, wait).await.expect("a message comes")
        });
        sent.expect("sent");
        assert_eq!(heard, [number]);
    }
}

/// An instance that takes nothing for long neither holds up the others nor is cut off: what comes later reaches it.
pub async fn who_takes_nothing_is_reached_later(factory: impl MessagesFactory) {
    let instances = listening(&factory, 3).await;
    for _ in 0..5_000_u32 {
        instances[0].send(b"crowd".to_vec()).await.expect("sent");
    }
    for instance in &instances[1..] {
        let heard = async {
            loop {
                instances[0].send(b"later".to_vec()).await.expect("sent");
                // What it has kept comes first, as much as that is.
                while let Ok(message) = timeout(LOOK, instance.next()).await {
                    if message == b"later" {
                        return;
                    }
                }
            }
        };
        timeout(PATIENCE, heard).await.expect("it hears again");
    }
}

macro_rules! cases {
    (($d:tt) $($name:ident)*) => {
        /// All cases.
        pub const CASES: &[&str] = &[$(stringify!($name)),*];

        /// Stamps a test for every case about messages. The expression makes a
        /// [`MessagesFactory`](crate::messages::MessagesFactory) with a network of its own; it runs once a case.
        #[macro_export]
        macro_rules! messages_suite {
            ($d factory:expr) => {
                $(
                    #[test]
                    fn $name() {
                        $crate::bounded($crate::conformance::messages::$name($d factory));
                    }
                )*
            };
        }
    };
}

cases! { ($)
    a_message_comes_to_all_byte_by_byte
    all_hear_each_other
    who_stops_waiting_misses_nothing
    who_takes_nothing_is_reached_later
}
