//! Bodies that are sent compressed to whoever takes them so.

use std::io::{self, Write as _};

use axum::http::HeaderValue;
use flate2::Compression;
use flate2::write::GzEncoder;

/// What `Content-Encoding` says of a compressed body.
pub(crate) const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// A body, compressed.
pub(crate) fn compress(plain: &[u8], level: Compression) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8), level);
    encoder.write_all(plain)?;
    encoder.finish()
}

/// True when `gzip`, or any encoding, is named and not ruled out by `q=0`.
pub(crate) fn takes_gzip(accepted: &HeaderValue) -> bool {
    let Ok(accepted) = accepted.to_str() else { return false };
    accepted.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let is_ruled_out = parts.filter_map(|part| part.strip_prefix("q=")).any(|q| q.parse() == Ok(0.0_f32));
        is_named && !is_ruled_out
    })
}
