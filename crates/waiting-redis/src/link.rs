//! The connections to Redis: made on demand, dropped when they break, and not tried again at once while Redis is away.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, ProtocolVersion, RedisError, RedisResult, ServerErrorKind,
    Value,
};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::fault::Fault;
use crate::scripts::Prepared;
use crate::settings::{Endpoint, RedisSettings};

/// For so long nobody tries again after a connection could not be made: requests are refused at once meanwhile.
const PAUSE: Duration = Duration::from_millis(100);
/// How long after the end of a connection its answers may still come: they are handed over at once or never.
const LAST_WORDS: Duration = Duration::from_millis(20);
/// How often the driver follows a slot that has moved, or asks a cluster again that is electing.
const CLUSTER_RETRIES: u32 = 3;
/// Milliseconds between two such questions.
const CLUSTER_WAIT_MS: u64 = 50;

/// All connections of this instance.
pub(crate) struct Link {
    client: Target,
    settings: RedisSettings,
    lines: Vec<Line>,
}

enum Target {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection, Ended),
    Cluster(ClusterConnection),
}

/// Hears of the end of a connection: the driver lets go of the other half.
type Ended = watch::Receiver<()>;

/// One connection, or what is known of why there is none.
#[derive(Default)]
struct Line {
    state: Mutex<State>,
    /// Held by whoever makes the connection; the others wait for that one attempt.
    making: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// Which connection it is, so that nobody drops a newer one than failed them.
    number: u64,
    failed: Option<(Instant, String)>,
}

impl Line {
    /// The connection; nothing when there is none yet.
    fn known(&self) -> Result<Option<(u64, Connection)>, Fault> {
        let state = self.state.lock();
        match (&state.connection, &state.failed) {
            (Some(connection), _) => Ok(Some((state.number, connection.clone()))),
            (None, Some((at, why))) if at.elapsed() < PAUSE => Err(Fault::Refused(why.clone())),
            (None, _) => Ok(None),
        }
    }

    fn drop_connection(&self, number: u64) {
        let mut state = self.state.lock();
        if state.number == number {
            state.connection = None;
        }
    }
}

impl Link {
    pub(crate) fn new(settings: RedisSettings) -> RedisResult<Self> {
        let (client, connections) = match &settings.endpoint {
            Endpoint::Single(info) => {
                // With this protocol the driver says when a connection ends.
                let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
                let info = info.as_ref().clone().set_redis_settings(redis);
                let client = Box::new(settings.client_of(info)?);
                (Target::Single(client), settings.connections.max(1))
            }
            Endpoint::Cluster(nodes) => {
                let mut builder = ClusterClient::builder(nodes.clone());
                if let Some(certificates) = settings.certificates() {
                    builder = builder.certs(certificates);
                }
                let client = builder
                    .connection_timeout(settings.connect_timeout)
                    .response_timeout(settings.answer_timeout)
                    .overall_response_timeout(Some(settings.answer_timeout * 2))
                    .retries(CLUSTER_RETRIES)
                    .min_retry_wait(CLUSTER_WAIT_MS)
                    .max_retry_wait(CLUSTER_WAIT_MS)
                    .build()?;
                (Target::Cluster(Box::new(client)), 1)
            }
        };
        let lines = (0..connections).map(|_| Line::default()).collect();
        Ok(Self { client, settings, lines })
    }

    /// Runs a script, and once more when its connection broke and `may_repeat`. All scripts of one room go over one
    /// connection, which keeps their order.
    pub(crate) async fn run(
        &self,
        room: u32,
        script: &Prepared,
        keys: &[String],
        args: &[Arc<[u8]>],
        may_repeat: bool,
    ) -> Result<Value, Fault> {
        match self.run_once(room, script, keys, args).await {
            Err(Fault::Cut(_)) if may_repeat => self.run_once(room, script, keys, args).await,
            result => result,
        }
    }

    async fn run_once(
        &self,
        room: u32,
        script: &Prepared,
        keys: &[String],
        args: &[Arc<[u8]>],
    ) -> Result<Value, Fault> {
        let command = |how: &str, what: &str| {
            let mut command = redis::cmd(how);
            command.arg(what).arg(keys.len()).arg(keys);
            for arg in args {
                command.arg(&**arg);
            }
            command
        };
        let first = self.send(room, &command("EVALSHA", &script.digest)).await?;
        match first {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                // Redis is new, or was told to forget its scripts. With its text it learns the script again.
                self.send(room, &command("EVAL", &script.text)).await?.map_err(|error| Fault::of(&error))
            }
            result => result.map_err(|error| Fault::of(&error)),
        }
    }

    /// Sends a command that is no script, and that may be repeated.
    pub(crate) async fn ask(&self, command: &Cmd) -> Result<Value, Fault> {
        let mut last = None;
        for _ in 0..2 {
            match self.send(0, command).await?.map_err(|error| Fault::of(&error)) {
                Err(Fault::Cut(text)) => last = Some(Fault::Cut(text)),
                result => return result,
            }
        }
        Err(last.unwrap_or_else(|| Fault::Refused("nothing was sent".to_owned())))
    }

    /// The outer error is of making the connection, the inner of what was sent on it.
    async fn send(&self, room: u32, command: &Cmd) -> Result<RedisResult<Value>, Fault> {
        let line = &self.lines[room as usize % self.lines.len()];
        let (number, connection) = self.connection(line).await?;
        let answer = match connection {
            Connection::Single(connection, ended) => ask_until_ended(command, connection, ended).await,
            Connection::Cluster(mut connection) => command.query_async::<Value>(&mut connection).await,
        };
        if let Err(error) = &answer
            && is_spent(error)
        {
            line.drop_connection(number);
        }
        Ok(answer)
    }

    async fn connection(&self, line: &Line) -> Result<(u64, Connection), Fault> {
        if let Some(known) = line.known()? {
            return Ok(known);
        }
        let _making = line.making.lock().await;
        // Whoever was first has made it, or has failed for all who waited.
        if let Some(known) = line.known()? {
            return Ok(known);
        }
        let made = timeout(self.settings.connect_timeout, self.connect()).await;
        let mut state = line.state.lock();
        match made {
            Ok(Ok(connection)) => {
                state.number += 1;
                state.connection = Some(connection.clone());
                state.failed = None;
                Ok((state.number, connection))
            }
            Ok(Err(error)) => Err(state.failed(error.to_string())),
            Err(_) => Err(state.failed("Redis does not answer".to_owned())),
        }
    }

    async fn connect(&self) -> RedisResult<Connection> {
        match &self.client {
            Target::Single(client) => {
                let (is_there, ended) = watch::channel(());
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(self.settings.connect_timeout))
                    .set_response_timeout(Some(self.settings.answer_timeout))
                    .set_push_sender(move |_| {
                        // Nothing is sent: it is dropped with the connection.
                        let _ = &is_there;
                        Ok::<_, ()>(())
                    });
                let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
                Ok(Connection::Single(connection, ended))
            }
            Target::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
        }
    }
}

impl State {
    fn failed(&mut self, why: String) -> Fault {
        if self.failed.is_none() {
            tracing::warn!(error = why, "Redis cannot be reached");
        }
        self.failed = Some((Instant::now(), why.clone()));
        Fault::Refused(why)
    }
}

/// Asks, and gives up when the connection has ended. A request that is put into the driver's queue while the driver ends
/// may stay in there, and would only be answered by the time-out.
async fn ask_until_ended(
    command: &Cmd,
    mut connection: MultiplexedConnection,
    mut ended: Ended,
) -> RedisResult<Value> {
    let mut answer = pin!(command.query_async::<Value>(&mut connection));
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = ended.changed() => {
            let never = || Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
            timeout(LAST_WORDS, answer).await.unwrap_or_else(|_| never())
        }
    }
}

/// Whether a connection is of no more use: broken, stuck, or to a server that is no master any more.
fn is_spent(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => kind == ServerErrorKind::ReadOnly,
        ErrorKind::Extension => false,
        _ => true,
    }
}
