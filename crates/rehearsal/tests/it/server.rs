//! Hand-written servers: a thread per connection, doing to it whatever the test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// One accepted connection.
pub(crate) struct Peer {
    stream: BufReader<TcpStream>,
}

/// A request as it arrived.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// Serves on a free port until the test process ends. `serve` gets connections numbered from 0.
pub(crate) fn spawn(serve: impl Fn(usize, &mut Peer) + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept() else { return };
            let serve = serve.clone();
            thread::spawn(move || {
                stream.set_nodelay(true).expect("an open socket");
                serve(number, &mut Peer { stream: BufReader::new(stream) });
            });
        }
    });
    address
}

/// Answers every request with what `answer` makes of it.
pub(crate) fn answering(answer: impl Fn(Asked) -> String + Send + Sync + Clone + 'static) -> SocketAddr {
    spawn(move |_, peer| {
        while let Some(asked) = peer.request() {
            peer.write(answer(asked).as_bytes());
        }
    })
}

/// A whole answer.
pub(crate) fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Lets time pass: a wait for something that never comes.
pub(crate) fn pass(time: Duration) {
    let (_sender, receiver) = mpsc::channel::<()>();
    let _ = receiver.recv_timeout(time);
}

impl Peer {
    /// The head of the next request, `None` at the end of the connection.
    pub(crate) fn head(&mut self) -> Option<(String, usize)> {
        let mut first = String::new();
        self.stream.read_line(&mut first).ok()?;
        let path = first.split(' ').nth(1)?.to_owned();
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).ok()?;
            match line.trim_end().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().ok()?,
                Some(_) => {}
                None => return Some((path, length)),
            }
        }
    }

    /// The next request with its body, `None` at the end of the connection.
    pub(crate) fn request(&mut self) -> Option<Asked> {
        let (path, length) = self.head()?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some(Asked { path, body })
    }

    /// Writes, unless the generator has gone: that it may.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Waits until the generator closes.
    pub(crate) fn linger(&mut self) {
        let _ = self.stream.read_to_end(&mut Vec::new());
    }
}
