//! A receiver of webhooks on loopback: a real HTTP server that remembers what it was sent, and fails as it is told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a receiver does with what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Answers with this status.
    Status(u16),
    /// Takes the request and never answers.
    Hang,
    /// Takes the request and cuts the connection.
    Cut,
}

/// One message.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) headers: HashMap<String, String>,
    pub(crate) text: String,
    /// Whether it was answered with 2xx.
    pub(crate) taken: bool,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("messages are JSON")
    }

    /// The key of its event, and its number there.
    pub(crate) fn place(&self) -> (String, u64) {
        let event = self.json();
        let sequence = event["sequence"].as_str().and_then(|text| text.parse().ok());
        (event["partitionkey"].as_str().expect("a key").to_owned(), sequence.expect("a number"))
    }
}

/// A receiver; ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    messages: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// One on a free port that takes everything.
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let this =
            Self { address, manner: Arc::new(Mutex::new(Manner::Status(204))), messages: Arc::default() };
        let serving = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let one = serving.clone();
                tokio::spawn(async move { one.serve(stream).await });
            }
        });
        this
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.manner.lock().expect("manner") = manner;
    }

    /// All messages so far.
    pub(crate) fn messages(&self) -> Vec<Received> {
        self.messages.lock().expect("messages").clone()
    }

    /// Those that were taken.
    pub(crate) fn taken(&self) -> Vec<Received> {
        self.messages().into_iter().filter(|message| message.taken).collect()
    }

    /// Waits until what was received is as it has to be.
    pub(crate) async fn until(&self, what: &str, is_there: impl Fn(&[Received]) -> bool) {
        let waiting = async {
            while !is_there(&self.messages()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), waiting).await;
        assert!(
            waited.is_ok(),
            "{what}: {} messages, the last {:?}",
            self.messages().len(),
            self.messages().last()
        );
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some((headers, text)) = read(&mut stream, &mut buffer).await {
            let manner = *self.manner.lock().expect("manner");
            let taken = matches!(manner, Manner::Status(200..=299));
            self.messages.lock().expect("messages").push(Received { headers, text, taken });
            match manner {
                Manner::Status(status) => {
                    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
                Manner::Hang => std::future::pending().await,
                Manner::Cut => return,
            }
        }
    }
}

/// The headers and the body of the next request of a connection.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(HashMap<String, String>, String)> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let headers: HashMap<String, String> = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            if buffer.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&buffer[end + 4..end + 4 + length]).into_owned();
                buffer.drain(..end + 4 + length);
                return Some((headers, body));
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
