//! Requests as bytes.

use std::io::Write;

/// A request to be written out. Borrows everything, so that a script can write one without allocating.
///
/// What it is given goes out as it is: a line break in a header is the caller's wish.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    method: &'a str,
    host: &'a str,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// A request without a body. `path` includes the query.
    pub fn new(method: &'a str, host: &'a str, path: &'a str) -> Self {
        Self { method, host, path, headers: &[], body: None }
    }

    /// A GET.
    pub fn get(host: &'a str, path: &'a str) -> Self {
        Self::new("GET", host, path)
    }

    /// A POST of a JSON body.
    pub fn post(host: &'a str, path: &'a str, json: &'a [u8]) -> Self {
        Self::new("POST", host, path).json(json)
    }

    /// With these headers beside `host`, `content-type` and `content-length`, which are written by themselves.
    pub fn headers(self, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self { headers, ..self }
    }

    /// With this JSON body.
    pub fn json(self, body: &'a [u8]) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Appends the request to `buffer`.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        for part in [self.method, " ", self.path, " HTTP/1.1\r\nhost: ", self.host, "\r\n"] {
            buffer.extend_from_slice(part.as_bytes());
        }
        for (name, value) in self.headers {
            for part in [name, ": ", value, "\r\n"] {
                buffer.extend_from_slice(part.as_bytes());
            }
        }
        match self.body {
            Some(body) => {
                buffer.extend_from_slice(b"content-type: application/json\r\ncontent-length: ");
                write_number(body.len(), buffer);
                buffer.extend_from_slice(b"\r\n\r\n");
                buffer.extend_from_slice(body);
            }
            None if matches!(self.method, "POST" | "PUT" | "PATCH") => {
                buffer.extend_from_slice(b"content-length: 0\r\n\r\n");
            }
            None => buffer.extend_from_slice(b"\r\n"),
        }
    }

    /// The request as bytes of its own.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        self.write(&mut bytes);
        bytes
    }
}

fn write_number(number: usize, buffer: &mut Vec<u8>) {
    // Writing to memory can't fail.
    let _ = write!(buffer, "{number}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(request: Request<'_>) -> String {
        String::from_utf8(request.to_bytes()).unwrap()
    }

    #[test]
    fn a_post_says_how_long_its_body_is() {
        assert_eq!(
            text(Request::post("h:1", "/p?q=1", b"{\"a\":1}").headers(&[("authorization", "Bearer x")])),
            "POST /p?q=1 HTTP/1.1\r\nhost: h:1\r\nauthorization: Bearer x\r\n\
             content-type: application/json\r\ncontent-length: 7\r\n\r\n{\"a\":1}"
        );
    }

    #[test]
    fn without_a_body_a_get_has_no_length_and_a_post_has_none_to_read() {
        assert_eq!(text(Request::get("h", "/")), "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
        assert_eq!(text(Request::new("DELETE", "h", "/")), "DELETE / HTTP/1.1\r\nhost: h\r\n\r\n");
        assert_eq!(
            text(Request::new("POST", "h", "/")),
            "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n"
        );
    }
}
