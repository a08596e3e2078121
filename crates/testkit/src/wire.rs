//! The network between servers and what they share: it can be cut, and it can fall silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Everything comes through.
    Up,
    /// Every connection ends, and none comes about.
    Cut,
    /// Connections stay and come about, and nothing comes through.
    Silent,
}

/// A network in front of one service.
pub struct Wire {
    /// The address of the service, by this network.
    pub address: String,
    link: watch::Sender<Link>,
    rewriting: Option<Arc<Rewriting>>,
}

/// What clients are made to say in place of something else that is as long.
struct Rewriting {
    said: Vec<u8>,
    instead: Vec<u8>,
    count: AtomicUsize,
}

impl Rewriting {
    /// What is said arrives in one piece here: it is a small packet on a network inside the machine. Who relies on it
    /// asks [`Wire::rewritten`].
    fn rewrite(&self, bytes: &mut [u8]) {
        let length = self.said.len();
        let found = bytes.windows(length).position(|window| window == self.said);
        if let Some(place) = found {
            bytes[place..place + length].copy_from_slice(&self.instead);
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Wire {
    /// A network in front of what listens at `host:port`; it is up.
    pub async fn start(target: &str) -> Self {
        Self::over(target, None).await
    }

    /// The same, but one thing that clients say becomes another of the same length.
    pub async fn rewriting(target: &str, said: &str, instead: &str) -> Self {
        assert_eq!(said.len(), instead.len(), "a packet says how long it is");
        let (said, instead) = (said.as_bytes().to_vec(), instead.as_bytes().to_vec());
        Self::over(target, Some(Arc::new(Rewriting { said, instead, count: AtomicUsize::new(0) }))).await
    }

    async fn over(target: &str, rewriting: Option<Arc<Rewriting>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (link, state) = watch::channel(Link::Up);
        let (target, rewrite) = (target.to_owned(), rewriting.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *state.borrow() != Link::Cut {
                    tokio::spawn(carry(client, target.clone(), state.clone(), rewrite.clone()));
                }
            }
        });
        Self { address, link, rewriting }
    }

    /// How often something was rewritten.
    pub fn rewritten(&self) -> usize {
        self.rewriting.as_ref().map_or(0, |rewriting| rewriting.count.load(Ordering::Relaxed))
    }

    /// Makes the network so, for all connections at once.
    pub fn set(&self, link: Link) {
        self.link.send_replace(link);
    }
}

/// Carries a connection until one side ends it or the network is cut.
async fn carry(
    client: TcpStream,
    target: String,
    mut state: watch::Receiver<Link>,
    rewriting: Option<Arc<Rewriting>>,
) {
    let Ok(service) = TcpStream::connect(target).await else { return };
    let (client_reads, client_writes) = client.into_split();
    let (service_reads, service_writes) = service.into_split();
    tokio::select! {
        () = pump(client_reads, service_writes, state.clone(), rewriting.as_deref()) => {}
        () = pump(service_reads, client_writes, state.clone(), None) => {}
        _ = state.wait_for(|link| *link == Link::Cut) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<Link>,
    rewriting: Option<&Rewriting>,
) {
    let mut buffer = vec![0; 1 << 14];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        // What came while it was silent comes later, as from a network that sends again.
        if let Some(rewriting) = rewriting {
            rewriting.rewrite(&mut buffer[..length]);
        }
        let is_there = state.wait_for(|link| *link != Link::Silent).await.is_ok();
        if !is_there || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
