//! What is counted of the way to Redis. Handles are resolved once: a batch is on its way a few thousand times a second.

use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

pub(crate) struct Meters {
    requests: Histogram,
    seconds: Histogram,
    failures: Counter,
}

impl Meters {
    pub(crate) fn new() -> Self {
        Self {
            requests: histogram!("frontrow_redis_batch_requests"),
            seconds: histogram!("frontrow_redis_script_seconds"),
            failures: counter!("frontrow_redis_failures_total"),
        }
    }

    /// So many requests were on their way together, for so long.
    pub(crate) fn batch(&self, requests: usize, took: Duration) {
        self.requests.record(requests as f64);
        self.seconds.record(took.as_secs_f64());
    }

    /// A batch has no good answer.
    pub(crate) fn failed(&self) {
        self.failures.increment(1);
    }
}
