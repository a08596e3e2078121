//! Many open event streams: a crowd that only listens.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many may be opening at a time: below the backlog of a server of ours, as for other connections.
const OPENING_AT_ONCE: usize = 1_024;
/// Readiness that one poll reports at the most.
const EVENTS_MAX: usize = 4_096;

/// Open streams of server-sent events whose ids are rising numbers.
///
/// All of them ask the same and are read as soon as something comes. What is kept of each is the last id: enough to
/// know when the last of them has heard something.
#[derive(Debug)]
pub struct Listeners {
    poll: Poll,
    streams: Vec<Listener>,
    /// How many have been answered, with a first event.
    answered: usize,
    heard: u64,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Listener {
    stream: TcpStream,
    is_asked: bool,
    /// The beginning of a line whose rest is still to come.
    line: Vec<u8>,
    last_id: Option<u64>,
}

impl Listeners {
    /// Opens so many streams with this request, and waits until each has its first event. Raises the limit of open
    /// files of this process to what it may have.
    pub fn open(target: SocketAddr, request: &[u8], count: usize, patience: Duration) -> io::Result<Self> {
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
        let mut all = Self {
            poll: Poll::new()?,
            streams: Vec::with_capacity(count),
            answered: 0,
            heard: 0,
            scratch: vec![0; 64 << 10],
        };
        let until = Instant::now() + patience;
        while all.answered < count {
            while all.streams.len() < count && all.streams.len() - all.answered < OPENING_AT_ONCE {
                all.connect(target)?;
            }
            all.turn(request, until)?;
        }
        Ok(all)
    }

    /// Reads until every stream has had an event with this id or a later one. Answers how long that took.
    pub fn wait_for(&mut self, id: u64, patience: Duration) -> io::Result<Duration> {
        let begin = Instant::now();
        let late = |listener: &Listener| listener.last_id.is_none_or(|last| last < id);
        while self.streams.iter().any(late) {
            self.turn(&[], begin + patience)?;
        }
        Ok(begin.elapsed())
    }

    /// Reads whatever comes for so long.
    pub fn listen(&mut self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        loop {
            match self.turn(&[], until) {
                Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(()),
                turned => turned?,
            }
        }
    }

    /// How many events have come, over all streams.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    fn connect(&mut self, target: SocketAddr) -> io::Result<()> {
        let mut stream = TcpStream::connect(target)?;
        let token = Token(self.streams.len());
        self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.streams.push(Listener { stream, is_asked: false, line: Vec::new(), last_id: None });
        Ok(())
    }

    /// Waits for something to happen, and takes it in.
    fn turn(&mut self, request: &[u8], until: Instant) -> io::Result<()> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut events = Events::with_capacity(EVENTS_MAX);
        match self.poll.poll(&mut events, Some(left)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in &events {
            let listener = &mut self.streams[event.token().0];
            if event.is_writable() && !listener.is_asked {
                listener.ask(request)?;
            }
            if event.is_readable() {
                let was_answered = listener.last_id.is_some();
                self.heard += listener.read(&mut self.scratch)?;
                self.answered += usize::from(!was_answered && listener.last_id.is_some());
            }
        }
        Ok(())
    }
}

impl Listener {
    fn ask(&mut self, request: &[u8]) -> io::Result<()> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.write(request) {
            // A fresh socket has room for a request.
            Ok(sent) if sent == request.len() => self.is_asked = true,
            Ok(_) => return Err(ErrorKind::WriteZero.into()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Answers how many events that were.
    fn read(&mut self, scratch: &mut [u8]) -> io::Result<u64> {
        let mut events = 0;
        loop {
            match self.stream.read(scratch) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(got) => events += self.take_in(&scratch[..got])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(events),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Looks at whole lines: of the head, of the chunks' framing and of events, which cannot be mistaken for each
    /// other.
    fn take_in(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let mut events = 0;
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if !piece.ends_with(b"\n") {
                break;
            }
            if self.line.starts_with(b"HTTP/1.1 ") && !self.line.starts_with(b"HTTP/1.1 200") {
                let line = String::from_utf8_lossy(&self.line).into_owned();
                return Err(io::Error::new(ErrorKind::InvalidData, line));
            }
            if let Some(id) = self.line.strip_prefix(b"id: ") {
                self.last_id = std::str::from_utf8(id).ok().and_then(|id| id.trim().parse().ok());
                events += 1;
            }
            self.line.clear();
        }
        Ok(events)
    }
}
