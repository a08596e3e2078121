//! Attempts counted over all instances: a number for each key, which Redis forgets at the end of its window.

use std::sync::Arc;
use std::time::Duration;

use frontrow_application::attempts::{AttemptCounts, AttemptLimit, CountAway, Counting};
use frontrow_domain::records::Digest;
use futures_util::FutureExt as _;
use redis::Value;

use crate::fault::Fault;
use crate::lane::text;
use crate::link::Link;
use crate::scripts::Prepared;
use crate::settings::{RedisSettings, SettingsError};

/// How long a connection or an answer may take: whoever logs in waits for it, and without it the instance's own count
/// serves as well.
const PATIENCE: Duration = Duration::from_millis(200);

/// The counts of all instances that share a Redis and a prefix.
pub struct RedisCounts {
    link: Link,
    prefix: String,
    count: Prepared,
    uncount: Prepared,
}

impl RedisCounts {
    /// Counts on this Redis. Nothing is sent yet, and Redis need not be there.
    pub fn open(mut settings: RedisSettings) -> Result<Arc<Self>, SettingsError> {
        settings.check()?;
        settings.connect_timeout = settings.connect_timeout.min(PATIENCE);
        settings.answer_timeout = settings.answer_timeout.min(PATIENCE);
        let prefix = settings.prefix.clone();
        let link =
            Link::new(settings).map_err(|error| SettingsError::Address(error.category().to_owned()))?;
        let count = Prepared::new(&[include_str!("../lua/count.lua")]);
        let uncount = Prepared::new(&[include_str!("../lua/uncount.lua")]);
        Ok(Arc::new(Self { link, prefix, count, uncount }))
    }

    async fn run(&self, script: &Prepared, key: Digest, args: &[Arc<[u8]>]) -> Result<i64, CountAway> {
        let name = format!("{}:n:{:032x}", self.prefix, u128::from_be_bytes(key));
        // Over several connections, since nothing here has an order to keep. Not sent twice, or it would count twice.
        let line = u32::from(key[0]);
        match self.link.run(line, script, &[name], args, false).await {
            Ok(Value::Int(answer)) => Ok(answer),
            Ok(_) => Err(CountAway("Redis has answered something else".to_owned())),
            Err(fault) => Err(CountAway(Fault::text(fault))),
        }
    }
}

impl AttemptCounts for RedisCounts {
    fn enter(&self, key: Digest, limit: AttemptLimit) -> Counting<'_, Result<(), u64>> {
        async move {
            let window = u64::from(limit.window_seconds) * 1_000;
            let left = self.run(&self.count, key, &[text(limit.attempts), text(window)]).await?;
            Ok(if left == 0 { Ok(()) } else { Err(left.unsigned_abs().div_ceil(1_000).max(1)) })
        }
        .boxed()
    }

    fn take_back(&self, key: Digest) -> Counting<'_, ()> {
        async move { self.run(&self.uncount, key, &[]).await.map(|_| ()) }.boxed()
    }
}
