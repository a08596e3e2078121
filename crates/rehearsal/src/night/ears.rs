//! The streams that fans have open, each on a connection of its own: read as soon as something comes, without a thread.
//!
//! One stream a fan at a time. What ends early, cannot be opened, or is silent for longer than a server's signs of life are
//! apart, is reported as ended once and forgotten; whether it is opened again is the fan's affair.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// Readiness that one look reports at the most.
const EVENTS_MAX: usize = 4_096;
/// Read at once from one stream.
const SCRATCH_BYTES: usize = 64 << 10;
/// A head or a line that is longer is none of ours: a map of 100,000 seats that changes as a whole has 4 MiB.
const TEXT_MAX: usize = 8 << 20;
/// Servers say something every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// Between two looks for silent ones.
const SWEEP: Duration = Duration::from_secs(1);

/// What is heard of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// An event: its name, and its data.
    Event(String, Vec<u8>),
    /// The stream is over.
    Ended,
}

/// All open streams, by the number of the fan.
#[derive(Debug)]
pub(super) struct Ears {
    poll: Poll,
    servers: Vec<SocketAddr>,
    open: HashMap<usize, Ear>,
    /// Those that could not even be opened.
    refused: Vec<usize>,
    swept: Instant,
    scratch: Vec<u8>,
    opened: u64,
}

#[derive(Debug)]
struct Ear {
    stream: TcpStream,
    /// What is still to be sent of the request.
    request: Vec<u8>,
    text: Reader,
    heard_at: Instant,
}

impl Ears {
    pub(super) fn new(servers: Vec<SocketAddr>) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            servers,
            open: HashMap::new(),
            refused: Vec::new(),
            swept: Instant::now(),
            scratch: vec![0; SCRATCH_BYTES],
            opened: 0,
        })
    }

    /// How many have been asked for.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// Whether anything may be heard at all.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty() && self.refused.is_empty()
    }

    /// Opens a stream for a fan, in place of any that they have.
    pub(super) fn open(&mut self, fan: usize, request: Vec<u8>, now: Instant) {
        self.close(fan);
        self.opened += 1;
        let server = self.servers[fan % self.servers.len()];
        let connected = TcpStream::connect(server).and_then(|mut stream| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(fan), interest)?;
            Ok(stream)
        });
        match connected {
            Ok(stream) => {
                let ear = Ear { stream, request, text: Reader::default(), heard_at: now };
                self.open.insert(fan, ear);
            }
            Err(_) => self.refused.push(fan),
        }
    }

    /// Closes the stream of a fan, who hears nothing more of it.
    pub(super) fn close(&mut self, fan: usize) {
        self.open.remove(&fan);
        self.refused.retain(|refused| *refused != fan);
    }

    /// Takes in whatever has come, without waiting.
    pub(super) fn listen(&mut self, now: Instant) -> io::Result<Vec<(usize, Heard)>> {
        let mut heard: Vec<_> = self.refused.drain(..).map(|fan| (fan, Heard::Ended)).collect();
        let mut events = Events::with_capacity(EVENTS_MAX);
        match self.poll.poll(&mut events, Some(Duration::ZERO)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            Ok(()) | Err(_) => {}
        }
        for event in &events {
            let Token(fan) = event.token();
            // One that was closed since is not there any more.
            let Some(ear) = self.open.get_mut(&fan) else { continue };
            let mut news = Vec::new();
            let goes_on = ear.ask().and_then(|()| ear.read(&mut self.scratch, &mut news));
            ear.heard_at = now;
            heard.extend(news.into_iter().map(|news| (fan, news)));
            if !matches!(goes_on, Ok(true)) {
                self.open.remove(&fan);
                heard.push((fan, Heard::Ended));
            }
        }
        if now.saturating_duration_since(self.swept) >= SWEEP {
            self.swept = now;
            let is_silent =
                |_: &usize, ear: &mut Ear| now.saturating_duration_since(ear.heard_at) > SILENCE_MAX;
            heard.extend(self.open.extract_if(is_silent).map(|(fan, _)| (fan, Heard::Ended)));
        }
        Ok(heard)
    }
}

impl Ear {
    /// Sends what is left of the request, as far as the connection takes it.
    fn ask(&mut self) -> io::Result<()> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        while !self.request.is_empty() {
            match self.stream.write(&self.request) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(sent) => drop(self.request.drain(..sent)),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads whatever is there. False at the end of the stream.
    fn read(&mut self, scratch: &mut [u8], news: &mut Vec<Heard>) -> io::Result<bool> {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => return Ok(false),
                Ok(got) => {
                    if !self.text.take_in(&scratch[..got], news)? {
                        return Ok(false);
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The bytes of one answer: its head, the framing of its chunks where it has some, and the lines of its events.
#[derive(Debug, Default)]
struct Reader {
    part: Part,
    is_chunked: bool,
    /// The head, or the size of a chunk, as far as it is there.
    frame: Vec<u8>,
    /// A line of an event, as far as it is there.
    line: Vec<u8>,
    name: String,
    data: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy)]
enum Part {
    #[default]
    Head,
    Size,
    /// So many bytes of a chunk, its line end included.
    Chunk(usize),
    /// Everything to the end of the connection.
    Rest,
}

impl Reader {
    /// False at the end of the answer, and when it is none that has events.
    fn take_in(&mut self, mut bytes: &[u8], news: &mut Vec<Heard>) -> io::Result<bool> {
        while !bytes.is_empty() {
            match self.part {
                Part::Head | Part::Size => {
                    self.frame.push(bytes[0]);
                    bytes = &bytes[1..];
                    if self.frame.len() > TEXT_MAX || !self.framed()? {
                        return Ok(false);
                    }
                }
                Part::Chunk(left) => {
                    let (now, later) = bytes.split_at(left.min(bytes.len()));
                    // The line end behind the chunk is not part of it.
                    let content = now.len().min(left.saturating_sub(2));
                    self.text(&now[..content], news)?;
                    self.part = if now.len() == left { Part::Size } else { Part::Chunk(left - now.len()) };
                    bytes = later;
                }
                Part::Rest => {
                    self.text(bytes, news)?;
                    bytes = &[];
                }
            }
        }
        Ok(true)
    }

    /// Looks whether the head or the size of a chunk is whole. False when nothing more will come.
    fn framed(&mut self) -> io::Result<bool> {
        let is_whole = match self.part {
            Part::Head => self.frame.ends_with(b"\r\n\r\n"),
            _ => self.frame.ends_with(b"\r\n"),
        };
        if !is_whole {
            return Ok(true);
        }
        let text = String::from_utf8_lossy(&self.frame).to_ascii_lowercase();
        self.frame.clear();
        if matches!(self.part, Part::Head) {
            self.is_chunked = text.contains("transfer-encoding: chunked");
            self.part = if self.is_chunked { Part::Size } else { Part::Rest };
            return Ok(text.split(' ').nth(1) == Some("200"));
        }
        let digits = text.trim().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(digits, 16).map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
        self.part = Part::Chunk(size.saturating_add(2));
        Ok(size > 0)
    }

    fn text(&mut self, bytes: &[u8], news: &mut Vec<Heard>) -> io::Result<()> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() > TEXT_MAX {
                return Err(ErrorKind::InvalidData.into());
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.line_of_event(line.trim_ascii_end(), news);
            }
        }
        Ok(())
    }

    fn line_of_event(&mut self, line: &[u8], news: &mut Vec<Heard>) {
        if let Some(name) = line.strip_prefix(b"event: ") {
            self.name = String::from_utf8_lossy(name).into_owned();
        } else if let Some(data) = line.strip_prefix(b"data: ") {
            self.data.extend_from_slice(data);
        } else if line.is_empty() && !self.name.is_empty() {
            news.push(Heard::Event(std::mem::take(&mut self.name), std::mem::take(&mut self.data)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
        1d\r\nevent: status\nid: 1\ndata: {\"a\r\n5\r\n\":1}\n\r\n3\r\n\n:\n\r\n1\r\n\n\r\n\
        1d\r\nevent: seats\nid: 2\ndata: {}\n\n\r\n";

    fn heard() -> [Heard; 2] {
        [
            Heard::Event("status".to_owned(), b"{\"a\":1}".to_vec()),
            Heard::Event("seats".to_owned(), b"{}".to_vec()),
        ]
    }

    #[test]
    fn events_are_read_wherever_the_bytes_are_cut() {
        for step in [1, 2, 3, 7, 64, ANSWER.len()] {
            let (mut reader, mut news) = (Reader::default(), Vec::new());
            for piece in ANSWER.chunks(step) {
                assert!(reader.take_in(piece, &mut news).unwrap(), "cut in pieces of {step}");
            }
            assert_eq!(news, heard(), "cut in pieces of {step}");
        }
    }

    #[test]
    fn a_stream_ends_with_its_last_chunk_and_without_a_200() {
        let (mut reader, mut news) = (Reader::default(), Vec::new());
        assert!(reader.take_in(ANSWER, &mut news).unwrap());
        assert!(!reader.take_in(b"0\r\n\r\n", &mut news).unwrap());
        for head in ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n"] {
            assert!(!Reader::default().take_in(head.as_bytes(), &mut Vec::new()).unwrap(), "{head}");
        }
        let garbled = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nwhat?\r\n";
        assert!(Reader::default().take_in(garbled, &mut news).is_err());
    }

    #[test]
    fn without_chunks_everything_to_the_end_is_the_stream() {
        let (mut reader, mut news) = (Reader::default(), Vec::new());
        let bytes = b"HTTP/1.1 200 OK\r\n\r\nevent: reset\ndata: {\"version\":9}\n\n:\n\n";
        assert!(reader.take_in(bytes, &mut news).unwrap());
        assert_eq!(news, [Heard::Event("reset".to_owned(), b"{\"version\":9}".to_vec())]);
    }

    #[test]
    fn one_that_cannot_be_opened_has_ended() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut ears = Ears::new(vec![closed]).unwrap();
        ears.open(7, b"GET / HTTP/1.1\r\n\r\n".to_vec(), Instant::now());
        let until = Instant::now() + Duration::from_secs(10);
        let mut heard = Vec::new();
        while heard.is_empty() && Instant::now() < until {
            heard = ears.listen(Instant::now()).unwrap();
        }
        assert_eq!(heard, [(7, Heard::Ended)]);
        assert!(ears.is_idle());
    }
}
