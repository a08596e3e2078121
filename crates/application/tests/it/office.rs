//! A box office over a store that answers as it is told.

use std::pin::Pin;
use std::sync::Arc;

use frontrow_application::box_office::CommitListener;
use frontrow_application::store::{Committed, LaneShape, Store, StoreError};
use frontrow_application::{BoxOffice, BoxOfficeSettings, Clock, Decision, Failure, Group, News, Priority};
use frontrow_domain::Timestamp;
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_testkit::faults::FaultyStore;
use frontrow_testkit::store::Raw;
use frontrow_testkit::{ManualClock, samples};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, poll_immediate, ready};
use parking_lot::Mutex;

/// What a scripted store says to a group of commands with these names, after it has decided.
type Says = dyn Fn(&[u64]) -> Result<(), StoreError> + Send + Sync;

/// A store that keeps nothing: it lets groups decide on empty records, and answers as it is told.
struct ScriptedStore {
    clock: ManualClock,
    shape: LaneShape,
    says: Box<Says>,
    /// The names of the commands in each group that came.
    groups: Arc<Mutex<Vec<Vec<u64>>>>,
}

impl Store for ScriptedStore {
    fn lane_shape(&self) -> LaneShape {
        self.shape
    }

    fn transact(&self, mut group: Group) -> BoxFuture<'_, (Group, Result<Committed, StoreError>)> {
        let keys = group.keys();
        let names: Vec<u64> = keys.iter().filter_map(name_of).collect();
        self.groups.lock().push(names.clone());
        let mut records = Records::new();
        for key in keys {
            match key {
                Key::Wallet(id) => records.wallets.load(id, None),
                Key::Schedule(id) => records.schedules.load(id, None),
                other => panic!("no command here names {other:?}"),
            }
        }
        let decided_at = self.clock.now();
        let decision = group.decide(&mut records, decided_at, 1);
        assert_eq!(decision, Decision::Save);
        let said = (self.says)(&names).map(|()| Committed { decided_at });
        ready((group, said)).boxed()
    }
}

/// The key by which a test tells its commands apart.
pub(crate) fn key(name: u64) -> Key {
    Key::Wallet(samples::user(name))
}

fn name_of(key: &Key) -> Option<u64> {
    let Key::Wallet(id) = key else { return None };
    (0..2_000).find(|&name| samples::user(name) == *id)
}

/// Hears of commits.
#[derive(Default)]
pub(crate) struct Ears {
    pub(crate) commits: Mutex<usize>,
}

impl CommitListener for Ears {
    fn committed(&self, _news: &News) {
        *self.commits.lock() += 1;
    }
}

/// A box office under test.
pub(crate) struct Office {
    pub(crate) inner: Arc<BoxOffice>,
    /// The door of its store.
    pub(crate) door: Arc<FaultyStore>,
    pub(crate) clock: ManualClock,
    pub(crate) ears: Arc<Ears>,
    groups: Arc<Mutex<Vec<Vec<u64>>>>,
    ran: Arc<Mutex<Vec<(u64, Timestamp)>>>,
}

/// The answer to a command of a test: its own name.
pub(crate) type Answer = Result<u64, Failure<&'static str>>;

/// A command that waits in the queue, and its answer to come.
pub(crate) type Waiting = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The settings that tests start from.
pub(crate) fn plain() -> BoxOfficeSettings {
    BoxOfficeSettings::default()
}

impl Office {
    /// Opens an office whose store says this.
    pub(crate) fn open(says: impl Fn(&[u64]) -> Result<(), StoreError> + Send + Sync + 'static) -> Self {
        Self::with(plain(), LaneShape::Single, |_| says)
    }

    /// The same with settings and a shape of lanes; what the store says may depend on the clock.
    pub(crate) fn with<S>(
        settings: BoxOfficeSettings,
        shape: LaneShape,
        says: impl FnOnce(ManualClock) -> S,
    ) -> Self
    where
        S: Fn(&[u64]) -> Result<(), StoreError> + Send + Sync + 'static,
    {
        let clock = ManualClock::default();
        let groups = Arc::default();
        let says = Box::new(says(clock.clone()));
        let scripted = ScriptedStore { clock: clock.clone(), shape, says, groups: Arc::clone(&groups) };
        let door = FaultyStore::new(Arc::new(scripted));
        let ears = Arc::<Ears>::default();
        let listener: Arc<dyn CommitListener> = Arc::<Ears>::clone(&ears);
        let store: Arc<dyn Store> = Arc::<FaultyStore>::clone(&door);
        let inner = Arc::new(BoxOffice::open(store, Arc::new(clock.clone()), listener, settings));
        Self { inner, door, clock, ears, groups, ran: Arc::default() }
    }

    /// A command that notes when it is decided, and answers its name.
    pub(crate) fn command(&self, name: u64, keys: impl Into<Keys>) -> Raw<u64> {
        let ran = Arc::clone(&self.ran);
        Raw::new(keys, move |_, now| {
            ran.lock().push((name, now));
            Ok(name)
        })
    }

    /// Runs a command to its answer.
    pub(crate) async fn run(&self, name: u64) -> Answer {
        self.inner.run(Priority::Begin, self.command(name, key(name))).await
    }

    /// Puts a command into the queue, behind whatever is there.
    pub(crate) async fn queue(&self, priority: Priority, name: u64) -> Waiting {
        self.queue_command(priority, self.command(name, key(name))).await
    }

    /// The same for any command.
    pub(crate) async fn queue_command(&self, priority: Priority, command: Raw<u64>) -> Waiting {
        let office = Arc::clone(&self.inner);
        let mut waiting: Waiting = Box::pin(async move { office.run(priority, command).await });
        let answer = poll_immediate(&mut waiting).await;
        assert_eq!(answer, None, "it was answered while its store does not take anything");
        waiting
    }

    /// Shuts the door with one command in front of it, so that what comes next queues up together.
    pub(crate) async fn shut(&self) -> Waiting {
        self.door.shut_door();
        let plug = self.queue(Priority::Begin, 0).await;
        self.door.until_arrived(1).await;
        plug
    }

    /// The names of the commands in each group that came to the store.
    pub(crate) fn groups(&self) -> Vec<Vec<u64>> {
        self.groups.lock().clone()
    }

    /// Which commands were decided, in order, and when.
    pub(crate) fn ran(&self) -> Vec<(u64, Timestamp)> {
        self.ran.lock().clone()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.door.open_door();
            self.inner.close();
        }
    }
}
