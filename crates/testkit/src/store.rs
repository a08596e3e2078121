//! Stores under test: how a suite gets one, and how it talks to one without an application in between.

use std::sync::Arc;

use frontrow_application::store::{Committed, Reads, Store, StoreError, Upkeep};
use frontrow_application::{Clock, Command, Failure, Group, Stop};
use frontrow_domain::Timestamp;
use frontrow_domain::event::OutboxEvent;
use frontrow_domain::records::{Keys, Need, Records};

/// An open store, by its ports.
#[derive(Clone)]
pub struct Opened {
    /// The one way to write.
    pub store: Arc<dyn Store>,
    /// The queries.
    pub reads: Arc<dyn Reads>,
    /// What keeps it tidy.
    pub upkeep: Arc<dyn Upkeep>,
}

impl Opened {
    /// A store that implements all ports.
    pub fn of<S: Store + Reads + Upkeep>(store: Arc<S>) -> Self {
        Self { store: Arc::<S>::clone(&store), reads: Arc::<S>::clone(&store), upkeep: store }
    }
}

/// One store of a test's own, empty at first. A suite makes one factory a case.
///
/// An adapter's `tests/it` implements this over a temporary folder or database and names it in
/// [`store_suite!`](crate::store_suite).
pub trait StoreFactory: Send + Sync + 'static {
    /// Opens the store, with this clock. Every call opens the *same* one, with all that it holds; callers drop
    /// what an earlier call answered before they call again, so a store that admits one process may close first.
    fn open(&self, clock: Arc<dyn Clock>) -> Opened;

    /// Everything in the outbox, in the order in which it was written. The ports have no query for it yet; an
    /// adapter's test reads its own tables.
    fn outbox(&self) -> Vec<OutboxEvent>;
}

/// How often a test tries a command again that met a rival.
const TRIES_MAX: u32 = 1_000;

/// Has a store see to a group the way the box office does: from a thread that may block.
pub async fn transact(store: &Arc<dyn Store>, group: Group) -> (Group, Result<Committed, StoreError>) {
    let store = Arc::clone(store);
    let runtime = tokio::runtime::Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(store.transact(group))).await;
    done.expect("a store reports by errors, not by panicking")
}

/// What a command answered, or why the store did not commit it.
pub type Answer<C> = Result<Result<<C as Command>::Outcome, Failure<<C as Command>::Refusal>>, StoreError>;

/// Commits a command in a group of its own.
pub async fn commit<C: Command>(store: &Arc<dyn Store>, command: C) -> Answer<C> {
    let (group, answer) = Group::of(command);
    let (group, result) = transact(store, group).await;
    result?;
    group.answer();
    Ok(answer.await.expect("a committed group answers everybody"))
}

/// Commits a command, again and again while another writer is in the way.
pub async fn commit_patiently<C: Command>(
    store: &Arc<dyn Store>,
    command: C,
) -> Result<C::Outcome, Failure<C::Refusal>> {
    let (mut group, answer) = Group::of(command);
    for _ in 0..TRIES_MAX {
        let (same, result) = transact(store, group).await;
        match result {
            Ok(_) => {
                same.answer();
                return answer.await.expect("a committed group answers everybody");
            }
            Err(StoreError::Busy | StoreError::Lost(_)) => group = same,
            Err(error) => panic!("the store did not commit: {error}"),
        }
    }
    panic!("the store was busy {TRIES_MAX} times in a row")
}

type Decide<T> = dyn Fn(&mut Records, Timestamp) -> Result<T, Stop<&'static str>> + Send;

/// A command made of a closure: what a test wants done to the records, with or without the rules.
pub struct Raw<T> {
    keys: Keys,
    decide: Box<Decide<T>>,
}

impl<T> Raw<T> {
    /// A command with these keys that decides like this. It may be run any number of times.
    pub fn new(
        keys: impl Into<Keys>,
        decide: impl Fn(&mut Records, Timestamp) -> Result<T, Stop<&'static str>> + Send + 'static,
    ) -> Self {
        Self { keys: keys.into(), decide: Box::new(decide) }
    }
}

impl<T: Send + 'static> Command for Raw<T> {
    type Outcome = T;
    type Refusal = &'static str;

    fn keys(&self) -> Keys {
        self.keys.clone()
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<T, Stop<&'static str>> {
        (self.decide)(records, now)
    }
}

/// Does something to the records and commits it. Fails the test unless that works.
pub async fn apply<T: Send + 'static>(
    store: &Arc<dyn Store>,
    keys: impl Into<Keys>,
    decide: impl Fn(&mut Records, Timestamp) -> Result<T, Stop<&'static str>> + Send + 'static,
) -> T {
    match commit(store, Raw::new(keys, decide)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(failure)) => panic!("the command was not done: {failure:?}"),
        Err(error) => panic!("the store did not commit: {error}"),
    }
}

/// Reads records as a command sees them.
pub async fn look<T: Send + 'static>(
    store: &Arc<dyn Store>,
    keys: impl Into<Keys>,
    look: impl Fn(&Records) -> Result<T, Need> + Send + 'static,
) -> T {
    apply(store, keys, move |records, _| look(records).map_err(Stop::from)).await
}

/// Asserts that the store itself refuses what this command decides: the last guard, behind all rules.
pub async fn refused_by_the_store<T: Send + 'static>(
    store: &Arc<dyn Store>,
    what: &str,
    keys: impl Into<Keys>,
    decide: impl Fn(&mut Records, Timestamp) -> Result<T, Stop<&'static str>> + Send + 'static,
) {
    match commit(store, Raw::new(keys, decide)).await {
        Err(StoreError::Lost(_) | StoreError::Broken(_)) => {}
        Err(error) => panic!("{what}: refused as {error:?}, not as Lost or Broken"),
        Ok(Ok(_)) => panic!("{what}: the store took it"),
        Ok(Err(failure)) => panic!("{what}: it never came to the store: {failure:?}"),
    }
}
