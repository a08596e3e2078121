//! A network that loses connections at the worst moment: in front of the server, between a commit and its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use sqlx::mysql::MySqlConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::database::server;

/// What happens to the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Accident {
    /// It comes to the server, and nothing comes back.
    AnswerLost = 1,
    /// It never comes to the server, which hears that the client is gone.
    CommitLost = 2,
    /// It never comes to the server, which does not hear that the client is gone.
    ClientVanished = 3,
}

/// The network.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) port: u16,
    next: Arc<AtomicU8>,
}

impl Proxy {
    /// Passes everything on, at first.
    pub(crate) async fn start() -> Self {
        let options: MySqlConnectOptions = server().parse().expect("an address");
        let target = (options.get_host().to_owned(), options.get_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let next = Arc::new(AtomicU8::new(0));
        let accidents = Arc::clone(&next);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.expect("the server is there");
                tokio::spawn(pass_on(client, server, Arc::clone(&accidents)));
            }
        });
        Self { port, next }
    }

    /// Has an accident happen to the next commit.
    pub(crate) fn arm(&self, accident: Accident) {
        self.next.store(accident as u8, Ordering::SeqCst);
    }

    /// True when it has not happened yet.
    pub(crate) fn is_armed(&self) -> bool {
        self.next.load(Ordering::SeqCst) != 0
    }
}

async fn pass_on(client: TcpStream, server: TcpStream, accidents: Arc<AtomicU8>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
        // The half is given back, because dropping it would tell the server that nobody listens.
        from_server
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
        let sent = &buffer[..length];
        // A command is one packet, and the client waits for its answer before it sends the next.
        if sent.get(4..) == Some(b"\x03COMMIT") {
            let accident = accidents.swap(0, Ordering::SeqCst);
            if accident == Accident::AnswerLost as u8 {
                answers.abort();
                let _ = answers.await;
                let _ = to_server.write_all(sent).await;
                let _ = to_server.shutdown().await;
                return;
            }
            if accident == Accident::CommitLost as u8 {
                answers.abort();
                return;
            }
            if accident == Accident::ClientVanished as u8 {
                drop(from_client);
                // For longer than the server waits.
                let _ = answers.await;
                return;
            }
        }
        if to_server.write_all(sent).await.is_err() {
            break;
        }
    }
    answers.abort();
}
