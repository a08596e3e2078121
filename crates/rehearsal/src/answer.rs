//! Answers as bytes: a parser for exactly what the generator accepts.

use std::cmp::Ordering;
use std::str;

/// More than this many header lines are malformed. Frontrow sends about ten.
const MAX_HEADERS: usize = 64;
/// A head that is not complete after this many bytes is malformed: no server of ours sends one.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// A complete answer, borrowed from the generator's buffer.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The body, empty if there is none.
    pub body: &'a [u8],
    head: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The header lines in the order they came; lines that are no UTF-8 are left out.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let lines = self.head.split(|byte| *byte == b'\n').skip(1);
        lines.filter_map(|line| {
            let (name, value) = str::from_utf8(line).ok()?.split_once(':')?;
            Some((name, value.trim()))
        })
    }

    /// The first header of this name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// How many bytes it took on the wire, without interim answers.
    pub fn wire_bytes(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// Why an answer could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The head is no HTTP/1 head.
    #[error("the head can't be parsed: {0}")]
    Head(httparse::Error),
    /// The body comes in chunks.
    #[error("transfer-encoding is not supported by the generator: serve the route with a content-length")]
    Chunked,
    /// There may be a body, and nothing says how long it is.
    #[error("an answer without a content-length")]
    NoLength,
    /// The length is no number, or is said twice and differently.
    #[error("the content-length is not one number")]
    BadLength,
    /// Longer than the plan allows.
    #[error("longer than the plan's max_answer_bytes, or a head longer than 64 KiB")]
    TooLong,
    /// Bytes that belong to no request.
    #[error("bytes that no request asked for")]
    Surplus,
}

/// What the bytes of a connection amount to so far. Positions rather than slices, so that the buffer they
/// were found in may still grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// More is needed: this many bytes in total if that is known already.
    Partial { total: Option<usize> },
    /// An answer and nothing behind it.
    Whole(Frame),
}

/// Where an answer lies in the bytes it was parsed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    status: u16,
    head_at: usize,
    body_at: usize,
    end: usize,
    /// The server will close the connection.
    pub(crate) last: bool,
}

impl Frame {
    /// The answer, in the bytes that were parsed.
    pub(crate) fn answer<'a>(&self, bytes: &'a [u8]) -> Answer<'a> {
        Answer {
            status: self.status,
            head: &bytes[self.head_at..self.body_at],
            body: &bytes[self.body_at..self.end],
        }
    }
}

/// Reads one answer. `bodiless` if the request was a HEAD.
pub(crate) fn parse(bytes: &[u8], bodiless: bool, max_bytes: usize) -> Result<Parsed, Malformed> {
    let mut head_at = 0;
    loop {
        let Some(head) = parse_head(&bytes[head_at..])? else {
            let too_long = bytes.len() > MAX_HEAD_BYTES;
            return if too_long { Err(Malformed::TooLong) } else { Ok(Parsed::Partial { total: None }) };
        };
        let body_at = head_at + head.bytes;
        // Interim answers (100 Continue, 103 Early Hints) announce the answer; they are not it.
        if (100..200).contains(&head.status) && head.status != 101 {
            head_at = body_at;
            continue;
        }
        let body_bytes = match head.length {
            _ if bodiless || matches!(head.status, 204 | 304) => 0,
            Some(length) => length,
            None => return Err(Malformed::NoLength),
        };
        let end = body_at.saturating_add(body_bytes);
        if end > max_bytes {
            return Err(Malformed::TooLong);
        }
        return match bytes.len().cmp(&end) {
            Ordering::Less => Ok(Parsed::Partial { total: Some(end) }),
            Ordering::Greater => Err(Malformed::Surplus),
            Ordering::Equal => {
                Ok(Parsed::Whole(Frame { status: head.status, head_at, body_at, end, last: head.last }))
            }
        };
    }
}

struct Head {
    status: u16,
    bytes: usize,
    length: Option<usize>,
    last: bool,
}

fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Malformed> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut lines);
    let head_bytes = match response.parse(bytes).map_err(Malformed::Head)? {
        httparse::Status::Complete(head_bytes) => head_bytes,
        httparse::Status::Partial => return Ok(None),
    };
    let mut head = Head {
        status: response.code.unwrap_or_default(),
        bytes: head_bytes,
        length: None,
        // HTTP/1.0 closes unless asked not to, and we don't ask.
        last: response.version == Some(0),
    };
    for line in &*response.headers {
        // Told apart by length first: most lines are none of the three.
        match line.name.len() {
            14 if line.name.eq_ignore_ascii_case("content-length") => {
                let length = parse_length(line.value).ok_or(Malformed::BadLength)?;
                if head.length.is_some_and(|said| said != length) {
                    return Err(Malformed::BadLength);
                }
                head.length = Some(length);
            }
            17 if line.name.eq_ignore_ascii_case("transfer-encoding") => return Err(Malformed::Chunked),
            10 if line.name.eq_ignore_ascii_case("connection") => {
                head.last |= line.value.eq_ignore_ascii_case(b"close");
            }
            _ => {}
        }
    }
    Ok(Some(head))
}

/// Digits only: `str::parse` would take a sign.
fn parse_length(value: &[u8]) -> Option<usize> {
    let digits = str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 1_000;

    fn whole(bytes: &[u8], bodiless: bool) -> (Answer<'_>, bool) {
        match parse(bytes, bodiless, MAX) {
            Ok(Parsed::Whole(frame)) => (frame.answer(bytes), frame.last),
            other => panic!("not whole but {other:?}"),
        }
    }

    fn fault(bytes: &str) -> Option<Malformed> {
        parse(bytes.as_bytes(), false, MAX).err()
    }

    #[test]
    fn every_prefix_is_partial_and_the_whole_is_whole() {
        let bytes = b"HTTP/1.1 201 Created\r\nETag: \"1\"\r\nContent-Length: 5\r\n\r\nhello";
        for end in 0..bytes.len() {
            assert!(matches!(parse(&bytes[..end], false, MAX), Ok(Parsed::Partial { .. })), "{end} bytes");
        }
        let (answer, last) = whole(bytes, false);
        assert_eq!((answer.status, answer.body, last), (201, &b"hello"[..], false));
        assert_eq!(answer.header("etag"), Some("\"1\""));
        assert_eq!(answer.header("retry-after"), None);
        assert_eq!(answer.wire_bytes(), bytes.len());
    }

    #[test]
    fn the_total_is_known_once_the_head_is() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe";
        assert_eq!(parse(bytes, false, MAX), Ok(Parsed::Partial { total: Some(bytes.len() + 3) }));
    }

    #[test]
    fn answers_without_a_body_need_no_length() {
        for (bytes, bodiless) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", false),
            ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", true),
        ] {
            assert_eq!(whole(bytes.as_bytes(), bodiless).0.body, b"", "{bytes}");
        }
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let cut = parse(&bytes[..bytes.len() - 1], false, MAX);
        assert_eq!(cut, Ok(Parsed::Partial { total: Some(bytes.len()) }));
        let (answer, _) = whole(bytes, false);
        assert_eq!(
            (answer.status, answer.body, answer.header("content-length")),
            (200, &b"ok"[..], Some("2"))
        );
    }

    #[test]
    fn the_last_answer_of_a_connection_is_known() {
        for bytes in [
            "HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        ] {
            assert!(whole(bytes.as_bytes(), false).1, "{bytes}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert!(matches!(fault("SSH-2.0-OpenSSH\r\n"), Some(Malformed::Head(_))));
        let head = "HTTP/1.1 200 OK\r\n";
        assert_eq!(fault(&format!("{head}Transfer-Encoding: chunked\r\n\r\n")), Some(Malformed::Chunked));
        assert_eq!(fault(&format!("{head}\r\n")), Some(Malformed::NoLength));
        assert_eq!(fault(&format!("{head}content-length: +5\r\n\r\n")), Some(Malformed::BadLength));
        assert_eq!(
            fault(&format!("{head}content-length: 5\r\ncontent-length: 6\r\n\r\n")),
            Some(Malformed::BadLength)
        );
        assert_eq!(fault(&format!("{head}content-length: 99999\r\n\r\n")), Some(Malformed::TooLong));
        assert_eq!(fault(&format!("{head}content-length: 1\r\n\r\nab")), Some(Malformed::Surplus));
    }
}
