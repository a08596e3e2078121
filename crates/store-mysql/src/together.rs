//! Look-ups by key that are under way at the same time, asked for in one statement.
//!
//! In a rush hundreds of requests look up one reservation each, and a statement of its own costs both sides many times what
//! one more key in a list does. What is asked for while a statement is under way goes with the next: there is no timer, and
//! whoever asks alone is asked for at once. A statement is sent after everybody whom it answers has asked, so they see
//! what was committed before.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use frontrow_application::store::ReadError;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::DbError;
use crate::row::Result;
use crate::sql::LIST_MAX;

/// Statements of one kind at once: while one is under way the next is put together.
const PUMPS: usize = 2;

/// Finds what there is under these keys. One that it does not name is not there.
type Look<K, V> = Box<dyn Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>>> + Send + Sync>;
type Answered<V> = std::result::Result<Option<V>, ReadError>;
type Asked<K, V> = (K, oneshot::Sender<Answered<V>>);

/// Look-ups of one kind.
pub(crate) struct Together<K, V> {
    look: Look<K, V>,
    queue: Mutex<Queue<K, V>>,
}

struct Queue<K, V> {
    waiting: VecDeque<Asked<K, V>>,
    pumps: usize,
}

impl<K, V> Together<K, V>
where
    K: Copy + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    pub(crate) fn new<F>(look: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = Result<HashMap<K, V>>> + Send + 'static,
    {
        let look: Look<K, V> = Box::new(move |keys| Box::pin(look(keys)));
        Arc::new(Self { look, queue: Mutex::new(Queue { waiting: VecDeque::new(), pumps: 0 }) })
    }

    /// What there is under a key. Within a runtime.
    pub(crate) async fn ask(self: &Arc<Self>, key: K) -> Answered<V> {
        let (answer, answered) = oneshot::channel();
        {
            let mut queue = self.queue.lock();
            queue.waiting.push_back((key, answer));
            if queue.pumps < PUMPS {
                queue.pumps += 1;
                tokio::spawn(Pump { of: Arc::clone(self), is_over: false }.run());
            }
        }
        answered.await.unwrap_or_else(|_| Err(ReadError::Unavailable("a look-up was broken off".to_owned())))
    }

    async fn answer(&self, batch: Vec<Asked<K, V>>) {
        match (self.look)(batch.iter().map(|(key, _)| *key).collect()).await {
            Ok(found) => {
                for (key, answer) in batch {
                    // Whoever has gone does not want it any more.
                    let _ = answer.send(Ok(found.get(&key).cloned()));
                }
            }
            // One row that nobody can read is no reason to withhold the others.
            Err(DbError::Unreadable(_)) if batch.len() > 1 => {
                for (key, answer) in batch {
                    let found = (self.look)(vec![key]).await.map_err(DbError::into_read);
                    let _ = answer.send(found.map(|found| found.get(&key).cloned()));
                }
            }
            Err(error) => {
                let error = error.into_read();
                for (_, answer) in batch {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }
}

/// One that carries questions for as long as there are any.
struct Pump<K, V> {
    of: Arc<Together<K, V>>,
    is_over: bool,
}

impl<K, V> Pump<K, V>
where
    K: Copy + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    async fn run(mut self) {
        while let Some(batch) = self.take() {
            self.of.answer(batch).await;
        }
    }

    fn take(&mut self) -> Option<Vec<Asked<K, V>>> {
        let mut queue = self.of.queue.lock();
        if queue.waiting.is_empty() {
            queue.pumps -= 1;
            self.is_over = true;
            return None;
        }
        let count = queue.waiting.len().min(LIST_MAX);
        Some(queue.waiting.drain(..count).collect())
    }
}

impl<K, V> Drop for Pump<K, V> {
    /// A pump that did not come to its end, because its runtime did or because a look-up panicked, leaves its place to
    /// another, and nobody waiting for ever.
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut queue = self.of.queue.lock();
        queue.pumps -= 1;
        if queue.pumps == 0 {
            queue.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;

    /// A table that has every key below a hundred, each look at which waits for leave.
    struct Table {
        leave: Semaphore,
        value: AtomicU64,
        sizes: Mutex<Vec<usize>>,
    }

    fn table() -> Arc<Table> {
        Arc::new(Table { leave: Semaphore::new(0), value: AtomicU64::new(0), sizes: Mutex::default() })
    }

    fn together(table: &Arc<Table>) -> Arc<Together<u64, u64>> {
        let table = Arc::clone(table);
        Together::new(move |keys: Vec<u64>| {
            let table = Arc::clone(&table);
            table.sizes.lock().push(keys.len());
            let value = table.value.load(Ordering::SeqCst);
            async move {
                table.leave.acquire().await.expect("the table is open").forget();
                if keys.contains(&13) {
                    return Err(DbError::Unreadable("thirteenth"));
                }
                if keys.contains(&14) {
                    return Err(DbError::Lost("the cable".to_owned()));
                }
                assert!(!keys.contains(&15), "nobody looks at the fifteenth");
                Ok(keys.into_iter().filter(|key| *key < 100).map(|key| (key, key + value)).collect())
            }
        })
    }

    async fn until(is_so: impl Fn() -> bool) {
        let waited = timeout(Duration::from_secs(10), async {
            while !is_so() {
                tokio::task::yield_now().await;
            }
        });
        waited.await.expect("it comes about");
    }

    /// Two look-ups that are under way, of 1 and of 2.
    async fn two_under_way(
        table: &Arc<Table>,
        of: &Arc<Together<u64, u64>>,
    ) -> [tokio::task::JoinHandle<Answered<u64>>; 2] {
        let ask = |key| {
            let of = Arc::clone(of);
            tokio::spawn(async move { of.ask(key).await })
        };
        let first = ask(1);
        until(|| table.sizes.lock().len() == 1).await;
        let second = ask(2);
        until(|| table.sizes.lock().len() == 2).await;
        [first, second]
    }

    #[tokio::test]
    async fn what_comes_while_a_statement_is_under_way_goes_with_the_next() {
        let table = table();
        let of = together(&table);
        let [first, second] = two_under_way(&table, &of).await;
        let rest = tokio::spawn({
            let of = Arc::clone(&of);
            async move { join_all([3, 4, 3, 200].map(|key| of.ask(key))).await }
        });
        until(|| of.queue.lock().waiting.len() == 4).await;
        table.leave.add_permits(3);
        assert_eq!(first.await.expect("it is answered"), Ok(Some(1)));
        assert_eq!(second.await.expect("it is answered"), Ok(Some(2)));
        assert_eq!(rest.await.expect("they are answered"), [Ok(Some(3)), Ok(Some(4)), Ok(Some(3)), Ok(None)]);
        assert_eq!(*table.sizes.lock(), [1, 1, 4]);
        until(|| of.queue.lock().pumps == 0).await;
    }

    #[tokio::test]
    async fn nobody_is_answered_by_a_look_that_began_before_they_asked() {
        let table = table();
        let of = together(&table);
        let [first, second] = two_under_way(&table, &of).await;
        table.value.store(1_000, Ordering::SeqCst);
        let late = tokio::spawn({
            let of = Arc::clone(&of);
            async move { of.ask(1).await }
        });
        until(|| of.queue.lock().waiting.len() == 1).await;
        table.leave.add_permits(3);
        assert_eq!(first.await.expect("it is answered"), Ok(Some(1)), "as it was");
        assert_eq!(second.await.expect("it is answered"), Ok(Some(2)), "as it was");
        assert_eq!(late.await.expect("it is answered"), Ok(Some(1_001)), "as it is");
    }

    #[tokio::test]
    async fn an_unreadable_row_is_told_to_those_alone_who_ask_for_it() {
        let table = table();
        table.leave.add_permits(100);
        let answers = join_all([12, 13, 16].map(|key| {
            let of = together(&table);
            async move { of.ask(key).await }
        }));
        assert!(
            matches!(answers.await[..], [Ok(Some(12)), Err(ReadError::Corrupt(_)), Ok(Some(16))]),
            "alone"
        );
        let of = together(&table);
        let answers = join_all([12, 13, 16].map(|key| of.ask(key))).await;
        assert!(matches!(answers[..], [Ok(Some(12)), Err(ReadError::Corrupt(_)), Ok(Some(16))]), "together");
    }

    #[tokio::test]
    async fn a_lost_connection_is_told_to_all_and_the_next_are_answered() {
        let table = table();
        table.leave.add_permits(100);
        let of = together(&table);
        let answers = join_all([12, 14].map(|key| of.ask(key))).await;
        assert!(matches!(answers[..], [Err(ReadError::Unavailable(_)), Err(ReadError::Unavailable(_))]));
        assert_eq!(of.ask(12).await, Ok(Some(12)));
    }

    #[tokio::test]
    async fn a_look_up_that_panics_leaves_nobody_waiting() {
        let table = table();
        table.leave.add_permits(100);
        let of = together(&table);
        assert!(matches!(of.ask(15).await, Err(ReadError::Unavailable(_))));
        until(|| of.queue.lock().pumps == 0).await;
        assert_eq!(of.ask(12).await, Ok(Some(12)));
    }

    #[tokio::test]
    async fn who_hangs_up_takes_nobody_along() {
        let table = table();
        let of = together(&table);
        let [first, second] = two_under_way(&table, &of).await;
        first.abort();
        assert!(first.await.expect_err("it was ended").is_cancelled());
        table.leave.add_permits(3);
        assert_eq!(second.await.expect("it is answered"), Ok(Some(2)));
        assert_eq!(of.ask(1).await, Ok(Some(1)));
    }
}
