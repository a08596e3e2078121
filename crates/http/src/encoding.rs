//! Bodies that are sent compressed to whoever takes them so.

use std::convert::Infallible;
use std::io::{self, BufWriter, Write as _};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::state::HttpState;

/// What `Content-Encoding` says of a compressed body.
pub(crate) const GZIP: HeaderValue = HeaderValue::from_static("gzip");
/// What `Vary` says of an answer that is sent compressed or not.
pub(crate) const BY_CODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// Bytes that are handed to the compressor at once: JSON is written in pieces of a few bytes, each of which it would look at.
const PIECE_BYTES: usize = 32 << 10;

/// How a body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// As it is.
    Identity,
    /// Compressed.
    Gzip,
}

impl Coding {
    /// What it is called in HTTP.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
        }
    }

    /// Writes something as JSON, coded so. What is compressed is never there in full beside that.
    pub(crate) fn write(self, content: &impl Serialize, level: Compression) -> io::Result<Bytes> {
        let mut bytes = Vec::new();
        match self {
            Self::Identity => serde_json::to_writer(&mut bytes, content)?,
            Self::Gzip => {
                let mut pieces = BufWriter::with_capacity(PIECE_BYTES, GzEncoder::new(&mut bytes, level));
                serde_json::to_writer(&mut pieces, content)?;
                pieces.into_inner()?.finish()?;
            }
        }
        // It grew by doubling, and half of it may be room that nobody needs any more.
        bytes.shrink_to_fit();
        Ok(bytes.into())
    }

    /// Says in the headers of an answer how its body is coded, and that another client may get it otherwise.
    pub(crate) fn note(self, headers: &mut HeaderMap) {
        headers.insert(header::VARY, BY_CODING);
        if self == Self::Gzip {
            headers.insert(header::CONTENT_ENCODING, GZIP);
        }
    }
}

/// A body, compressed.
pub(crate) fn compress(plain: &[u8], level: Compression) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8), level);
    encoder.write_all(plain)?;
    encoder.finish()
}

/// Whether a client takes compressed bodies, from its `Accept-Encoding`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TakesGzip(pub(crate) bool);

impl FromRequestParts<HttpState> for TakesGzip {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &HttpState) -> Result<Self, Infallible> {
        Ok(Self(takes_gzip(&parts.headers)))
    }
}

/// True when `gzip`, or any encoding, is taken, and not less gladly than a body as it is (RFC 9110, section 12.5.3). What cannot
/// be read is not taken: everybody can read a body as it is.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    for one in lines.flat_map(|line| line.split(',')) {
        let mut parts = one.split(';').map(str::trim);
        let coding = match parts.next() {
            Some("*") => &mut any,
            Some(name) if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                &mut gzip
            }
            Some(name) if name.eq_ignore_ascii_case("identity") => &mut identity,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        *coding = Some(weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)));
    }
    // What is named counts more than "any".
    let gzip: f32 = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(lines: &[&str]) -> bool {
        let lines = lines.iter().map(|line| HeaderValue::try_from(*line).expect("a value"));
        takes_gzip(&lines.map(|line| (header::ACCEPT_ENCODING, line)).collect())
    }

    #[test]
    fn whoever_names_gzip_or_anything_takes_it() {
        for lines in [
            &["gzip"][..],
            &["GZip"],
            &["x-gzip"],
            &["*"],
            &["br, gzip"],
            &["br;q=1.0,gzip;q=0.5"],
            &["br", "gzip"],
            &["gzip ; q=0.001"],
            &["identity;q=0.5, gzip;q=0.5"],
            &["identity;q=0, *"],
            &["*;q=0, gzip"],
        ] {
            assert!(takes(lines), "{lines:?}");
        }
    }

    #[test]
    fn whoever_rules_it_out_or_likes_it_less_does_not_take_it() {
        for lines in [
            &[][..],
            &[""],
            &["br"],
            &["identity"],
            &["gzip;q=0"],
            &["gzip; q=0.000"],
            &["gzip;Q=0"],
            &["gzip;q=0, *"],
            &["*, gzip;q=0"],
            &["*", "gzip;q=0"],
            &["*;q=0"],
            &["identity, gzip;q=0.5"],
            &["gzip;q=x"],
            &["gzip;q=nan"],
            &["gzipped"],
        ] {
            assert!(!takes(lines), "{lines:?}");
        }
    }

    #[test]
    fn what_is_compressed_is_what_was_written() {
        let content: Vec<_> = (0..20_000_u32).map(|seat| (seat, "available")).collect();
        let plain = Coding::Identity.write(&content, Compression::fast()).expect("written");
        assert_eq!(plain, serde_json::to_vec(&content).expect("written"));
        let packed = Coding::Gzip.write(&content, Compression::fast()).expect("written");
        assert!(packed.len() < plain.len() / 2, "{} of {}", packed.len(), plain.len());
        let mut unpacked = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(&*packed);
        io::Read::read_to_end(&mut reader, &mut unpacked).expect("gzip");
        assert_eq!(unpacked, plain);
    }
}
