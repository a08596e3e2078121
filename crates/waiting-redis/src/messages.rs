//! Messages between instances, by the publish and subscribe of Redis. A Redis Cluster carries what is published at one node
//! to all of them, so an instance listens at whichever it reaches.
//!
//! Redis keeps no message: whoever does not listen at that moment has missed it. After an outage this goes on by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use frontrow_application::messages::{Message, Messages, NotSent};
use futures_util::FutureExt as _;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ProtocolVersion, PushInfo, PushKind, RedisError, RedisResult, Value,
};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{sleep, timeout};

use crate::link::Link;
use crate::settings::{RedisSettings, SettingsError};

/// Messages that wait to be taken in. They are taken in faster than they come; beyond it they are dropped.
const WAITING_MAX: usize = 256;
/// After so long without a message it is asked whether Redis is still there.
const QUIET: Duration = Duration::from_secs(1);
/// Between two attempts to listen.
const PAUSE: Duration = Duration::from_millis(100);

/// The messages of all instances that share a Redis and a prefix.
pub struct RedisMessages {
    link: Link,
    channel: String,
    /// One for each node at which it may listen.
    clients: Vec<Client>,
    settings: RedisSettings,
    hearing: tokio::sync::Mutex<Hearing>,
    is_listening: AtomicBool,
}

/// Where it listens. Only ever used by one task.
#[derive(Default)]
struct Hearing {
    ear: Option<Ear>,
    /// At which node it is tried next.
    node: usize,
    /// True once it was said that nobody can be heard.
    is_deaf: bool,
}

/// A connection on which messages come in.
struct Ear {
    connection: MultiplexedConnection,
    messages: Receiver<Vec<u8>>,
}

impl RedisMessages {
    /// Messages by this Redis. Nothing is sent yet, and Redis need not be there.
    pub fn open(mut settings: RedisSettings) -> Result<Arc<Self>, SettingsError> {
        settings.check()?;
        settings.connections = 1;
        let refused = |error: RedisError| SettingsError::Address(error.category().to_owned());
        let clients = settings.endpoint.nodes().iter().map(|node| {
            // Messages come in beside the answers of a connection only with this protocol.
            let redis = node.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
            settings.client_of(node.clone().set_redis_settings(redis))
        });
        let clients = clients.collect::<RedisResult<Vec<_>>>().map_err(refused)?;
        let link = Link::new(settings.clone()).map_err(refused)?;
        let channel = format!("{}:seats", settings.prefix);
        let (hearing, is_listening) = (tokio::sync::Mutex::default(), AtomicBool::new(false));
        Ok(Arc::new(Self { link, channel, clients, settings, hearing, is_listening }))
    }

    /// Listens at the next node.
    async fn listen(&self, hearing: &mut Hearing) -> Result<Ear, String> {
        let client = &self.clients[hearing.node % self.clients.len()];
        hearing.node += 1;
        let (sender, messages) = channel(WAITING_MAX);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.connect_timeout))
            .set_response_timeout(Some(self.settings.answer_timeout))
            .set_push_sender(move |push| {
                hand_over(&sender, push);
                Ok::<_, ()>(())
            });
        let subscribe = async {
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            // What hands messages over is to end with the connection, so that its end is heard of.
            drop(config);
            connection.subscribe(&self.channel).await?;
            Ok::<_, RedisError>(connection)
        };
        let most = self.settings.connect_timeout + self.settings.answer_timeout;
        let connection = timeout(most, subscribe).await.map_err(|_| "Redis does not answer".to_owned())?;
        Ok(Ear { connection: connection.map_err(|error| error.to_string())?, messages })
    }

    /// Listens, however long that takes.
    async fn listen_at_last(&self, hearing: &mut Hearing) {
        loop {
            match self.listen(hearing).await {
                Ok(ear) => {
                    if std::mem::take(&mut hearing.is_deaf) {
                        tracing::info!("hears the other servers again");
                    }
                    hearing.ear = Some(ear);
                    self.is_listening.store(true, Ordering::Release);
                    return;
                }
                Err(error) => {
                    if !std::mem::replace(&mut hearing.is_deaf, true) {
                        tracing::warn!(error, "cannot hear the other servers; seat maps follow by the store");
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn hear(&self) -> Vec<u8> {
        let mut hearing = self.hearing.lock().await;
        loop {
            let Some(ear) = &mut hearing.ear else {
                self.listen_at_last(&mut hearing).await;
                continue;
            };
            let is_there = match timeout(QUIET, ear.messages.recv()).await {
                Ok(Some(message)) => return message,
                Ok(None) => false,
                // Its own time-out tells when there is no answer.
                Err(_) => redis::cmd("PING").query_async::<Value>(&mut ear.connection).await.is_ok(),
            };
            if !is_there {
                self.is_listening.store(false, Ordering::Release);
                hearing.ear = None;
            }
        }
    }
}

/// Passes a message on, or drops it when too many wait.
fn hand_over(sender: &Sender<Vec<u8>>, push: PushInfo) {
    if push.kind == PushKind::Message
        && let Some(Value::BulkString(message)) = push.data.into_iter().nth(1)
    {
        let _ = sender.try_send(message);
    }
}

impl Messages for RedisMessages {
    fn send(&self, message: Vec<u8>) -> Message<'_, Result<(), NotSent>> {
        async move {
            let mut publish = redis::cmd("PUBLISH");
            publish.arg(&self.channel).arg(message);
            self.link.ask(&publish).await.map(|_| ()).map_err(|fault| NotSent(fault.text()))
        }
        .boxed()
    }

    fn next(&self) -> Message<'_, Vec<u8>> {
        self.hear().boxed()
    }

    fn is_listening(&self) -> bool {
        self.is_listening.load(Ordering::Acquire)
    }
}
