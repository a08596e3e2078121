//! Keys for a while: for a rehearsal, which takes them away again. Only those of one prefix are looked at, each by its name:
//! a Redis that sells is not searched.

use frontrow_domain::ConcertId;
use redis::FromRedisValue as _;

use crate::fault::Fault;
use crate::lane::Lane;
use crate::link::Link;
use crate::settings::{RedisSettings, SettingsError};

/// Why nothing could be made sure of, or taken away.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// The settings are no settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A waiting room uses this prefix.
    #[error("waiting rooms are kept under the prefix {0} on this Redis")]
    InUse(String),
    /// Redis does not answer, or says no.
    #[error("Redis: {0}")]
    Redis(String),
}

/// The keys of one prefix, which nobody else uses, until [`RedisScratch::drop_all`].
pub struct RedisScratch {
    link: Link,
    prefix: String,
}

impl RedisScratch {
    /// Makes sure that Redis is there and that no room is under the prefix of the settings.
    pub async fn make(settings: RedisSettings) -> Result<Self, ScratchError> {
        settings.check()?;
        let prefix = settings.prefix.clone();
        let link = Link::new(settings).map_err(|error| ScratchError::Redis(error.to_string()))?;
        let scratch = Self { link, prefix };
        if scratch.rooms().await?.is_empty() { Ok(scratch) } else { Err(ScratchError::InUse(scratch.prefix)) }
    }

    /// Takes all rooms away. What was counted under the prefix ends by itself.
    pub async fn drop_all(&self) -> Result<(), ScratchError> {
        for room in self.rooms().await? {
            let mut unlink = redis::cmd("UNLINK");
            unlink.arg(Lane::new(&self.prefix, ConcertId::new(room)).keys());
            self.link.ask(&unlink).await.map_err(said)?;
        }
        let mut unlink = redis::cmd("UNLINK");
        unlink.arg(self.of_all("list")).arg(self.of_all("meta"));
        self.link.ask(&unlink).await.map(drop).map_err(said)
    }

    async fn rooms(&self) -> Result<Vec<u32>, ScratchError> {
        let mut members = redis::cmd("SMEMBERS");
        members.arg(self.of_all("list"));
        let found = self.link.ask(&members).await.map_err(said)?;
        Vec::from_redis_value(found).map_err(|error| ScratchError::Redis(error.to_string()))
    }

    fn of_all(&self, name: &str) -> String {
        format!("{{{}:rooms}}:{name}", self.prefix)
    }
}

fn said(fault: Fault) -> ScratchError {
    let (Fault::Refused(text) | Fault::Cut(text) | Fault::Unknown(text)) = fault;
    ScratchError::Redis(text)
}
