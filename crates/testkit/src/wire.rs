//! The network between servers and what they share: it can be cut, and it can fall silent.

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
}

impl Wire {
    /// A network in front of what listens at `host:port`; it is up.
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (link, state) = watch::channel(Link::Up);
        let target = target.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *state.borrow() != Link::Cut {
                    tokio::spawn(carry(client, target.clone(), state.clone()));
                }
            }
        });
        Self { address, link }
    }

    /// Makes the network so, for all connections at once.
    pub fn set(&self, link: Link) {
        self.link.send_replace(link);
    }
}

/// Carries a connection until one side ends it or the network is cut.
async fn carry(client: TcpStream, target: String, mut state: watch::Receiver<Link>) {
    let Ok(service) = TcpStream::connect(target).await else { return };
    let (client_reads, client_writes) = client.into_split();
    let (service_reads, service_writes) = service.into_split();
    tokio::select! {
        () = pump(client_reads, service_writes, state.clone()) => {}
        () = pump(service_reads, client_writes, state.clone()) => {}
        _ = state.wait_for(|link| *link == Link::Cut) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<Link>) {
    let mut buffer = vec![0; 1 << 14];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        // What came while it was silent comes later, as from a network that sends again.
        let is_there = state.wait_for(|link| *link != Link::Silent).await.is_ok();
        if !is_there || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
