//! Keys for each kind of token, derived from the one signing secret: what is written for one purpose says nothing
//! for another.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The key for a purpose.
pub(crate) fn derived(secret: &[u8], purpose: &str) -> Hmac<Sha256> {
    let key = keyed(secret).chain_update(purpose).finalize().into_bytes();
    keyed(&key)
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}
