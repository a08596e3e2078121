//! What several servers of a rehearsal share: a database and a prefix of keys on Redis, made for it and taken away with it.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use frontrow_store_mysql::MysqlScratch;
use frontrow_waiting_redis::{RedisScratch, RedisSettings};
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};

use super::scratch::new_name;

/// A cluster for the rehearsal.
#[derive(Args)]
#[command(next_help_heading = "On a cluster for the rehearsal")]
pub(super) struct ClusterArguments {
    /// Make the store on this MySQL, as `mysql://user:password@host:3306`, in a database of its own that is dropped
    /// afterwards; or in the empty one that the URL names. `@FILE` reads the URL from a file, which shows no password in the
    /// list of processes
    #[arg(long, value_name = "URL", requires = "redis", conflicts_with = "live")]
    mysql: Option<String>,
    /// The line goes on this Redis or Redis Cluster, as in `waiting_room.url`, under a prefix of its own; `@FILE` as above
    #[arg(long, value_name = "URL", requires = "mysql")]
    redis: Option<String>,
    /// So many servers, over which fans are spread
    #[arg(long, value_name = "NUMBER", requires = "mysql", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    servers: u8,
}

/// A database and a prefix. Gone with it, as far as they can be reached.
pub(super) struct Shared {
    mysql: Option<MysqlScratch>,
    redis: Option<RedisScratch>,
    redis_url: String,
    prefix: String,
    servers: usize,
    /// Where the keys are that all servers sign with.
    keys: TempDir,
    runtime: Handle,
}

impl Shared {
    /// What the arguments ask for: nothing when they name no MySQL.
    pub(super) fn make(arguments: &ClusterArguments, runtime: &Runtime) -> anyhow::Result<Option<Self>> {
        let (Some(mysql), Some(redis)) = (&arguments.mysql, &arguments.redis) else { return Ok(None) };
        let (mysql, redis) = (url_of("--mysql", mysql)?, url_of("--redis", redis)?);
        let name = new_name(12)?;
        let prefix = format!("frontrow-rehearsal-{name}");
        let mut settings = RedisSettings::new(&redis).context("--redis")?;
        settings.prefix.clone_from(&prefix);
        // Redis first: a database that was made is there to be dropped.
        let redis_scratch = runtime.block_on(RedisScratch::make(settings)).context("--redis")?;
        let database = format!("frontrow_rehearsal_{name}");
        let mysql = runtime.block_on(MysqlScratch::make(&mysql, &database)).context("--mysql")?;
        let keys = tempfile::tempdir().context("cannot make a folder to rehearse in; set TMPDIR")?;
        Ok(Some(Self {
            mysql: Some(mysql),
            redis: Some(redis_scratch),
            redis_url: redis,
            prefix,
            servers: arguments.servers.into(),
            keys,
            runtime: runtime.handle().clone(),
        }))
    }

    /// How many servers share it.
    pub(super) const fn servers(&self) -> usize {
        self.servers
    }

    /// What the servers get as settings.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let keys: PathBuf = self.keys.path().join("keys.json");
        let url = self.mysql.as_ref().map_or("", MysqlScratch::url);
        [
            ("FRONTROW__STORE__URL", url.to_owned()),
            ("FRONTROW__WAITING_ROOM__URL", self.redis_url.clone()),
            ("FRONTROW__WAITING_ROOM__PREFIX", self.prefix.clone()),
            ("FRONTROW__AUTH__KEYS_FILE", keys.to_string_lossy().into_owned()),
        ]
        .map(|(name, text)| (name.to_owned(), text))
        .into()
    }

    /// In words, for the report.
    pub(super) fn in_words(&self) -> String {
        format!("{} servers on MySQL and Redis", self.servers)
    }

    /// Takes everything away.
    pub(super) fn drop_all(&mut self) -> anyhow::Result<()> {
        if let Some(redis) = self.redis.take() {
            let done = self.runtime.block_on(redis.drop_all());
            done.with_context(|| format!("the keys under {} are still on Redis", self.prefix))?;
        }
        if let Some(mysql) = self.mysql.take() {
            let done = self.runtime.block_on(mysql.drop_all());
            done.with_context(|| format!("the database {} is still there: drop it", mysql.name()))?;
        }
        Ok(())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Err(error) = self.drop_all() {
            eprintln!("frontrow: {error:#}");
        }
    }
}

/// The URL itself, or what a file says.
fn url_of(flag: &str, said: &str) -> anyhow::Result<String> {
    let Some(file) = said.strip_prefix('@') else { return Ok(said.to_owned()) };
    let text = std::fs::read_to_string(file).with_context(|| format!("{flag}: cannot read {file}"))?;
    match text.trim() {
        "" => bail!("{flag}: {file} is empty; it has the URL on one line"),
        url => Ok(url.to_owned()),
    }
}
