//! One connection: bytes out, bytes in, nothing about why.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::answer::{Answer, Frame, Parsed, parse};
use crate::script::Failure;

/// Buffers that grew beyond this for one large answer or request are given back afterwards.
const KEPT_BYTES: usize = 64 << 10;

/// An open or opening connection with at most one request in flight.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    outbox: Vec<u8>,
    written: usize,
    /// Holds bytes only while an answer is incomplete: most arrive whole and are read where they landed.
    inbox: Vec<u8>,
    /// The inbox need not be parsed again before it holds this much.
    wanted: usize,
    bodiless: bool,
}

/// What one read brought.
#[derive(Debug)]
pub(crate) enum Received {
    /// Nothing for now.
    Blocked,
    /// Part of an answer; `drained` if the socket has no more for now.
    Part { drained: bool },
    /// An answer, to be read with [`Connection::answer`].
    Whole(Frame),
    /// The server has closed.
    End,
}

impl Connection {
    /// Begins to connect; the poll reports it writable under `token` once it is decided.
    pub(crate) fn open(target: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut stream = TcpStream::connect(target)?;
        // Edge triggered: registered once for both, and no call afterwards.
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, outbox: Vec::new(), written: 0, inbox: Vec::new(), wanted: 0, bodiless: false })
    }

    /// Whether connecting has succeeded; an error if it has failed.
    pub(crate) fn established(&self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                // A request that goes out in two writes must not wait for the first one's acknowledgement.
                self.stream.set_nodelay(true)?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the server has closed it, which nobody has heard of yet.
    pub(crate) fn has_ended(&self) -> bool {
        match self.stream.peek(&mut [0]) {
            Ok(bytes) => bytes == 0,
            Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }

    /// The empty buffer for the next request.
    pub(crate) fn outbox(&mut self) -> &mut Vec<u8> {
        give_back(&mut self.outbox);
        self.written = 0;
        &mut self.outbox
    }

    /// Sends the request in the outbox, as far as the socket takes it.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        self.bodiless = self.outbox.starts_with(b"HEAD ");
        self.flush()
    }

    /// Sends on what the socket did not take before.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.unsent() {
            match self.stream.write(&self.outbox[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether part of the request is still here.
    pub(crate) fn unsent(&self) -> bool {
        self.written < self.outbox.len()
    }

    /// Reads once. `scratch` is shared by all connections, so the answer must be used before the next read.
    pub(crate) fn receive(&mut self, scratch: &mut [u8], max_bytes: usize) -> Result<Received, Failure> {
        let got = loop {
            match self.stream.read(scratch) {
                Ok(0) => return Ok(Received::End),
                Ok(got) => break got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Received::Blocked),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Failure::Closed),
            }
        };
        // A short read has emptied the socket (epoll(7)), which saves the read that would say so.
        let drained = got < scratch.len();
        let fresh = self.inbox.is_empty();
        if !fresh {
            self.inbox.extend_from_slice(&scratch[..got]);
            if self.inbox.len() < self.wanted {
                return Ok(Received::Part { drained });
            }
        }
        let bytes = if fresh { &scratch[..got] } else { &self.inbox };
        match parse(bytes, self.bodiless, max_bytes).map_err(Failure::Malformed)? {
            Parsed::Whole(frame) => Ok(Received::Whole(frame)),
            Parsed::Partial { total } => {
                if fresh {
                    self.inbox.extend_from_slice(&scratch[..got]);
                }
                if let Some(total) = total {
                    self.wanted = total;
                    self.inbox.reserve(total - self.inbox.len());
                }
                Ok(Received::Part { drained })
            }
        }
    }

    /// The answer that the last [`Connection::receive`] completed.
    pub(crate) fn answer<'a>(&'a self, frame: &Frame, scratch: &'a [u8]) -> Answer<'a> {
        frame.answer(if self.inbox.is_empty() { scratch } else { &self.inbox })
    }

    /// Makes room for the next answer.
    pub(crate) fn forget_answer(&mut self) {
        give_back(&mut self.inbox);
        self.wanted = 0;
    }
}

fn give_back(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_BYTES {
        *buffer = Vec::new();
    } else {
        buffer.clear();
    }
}
