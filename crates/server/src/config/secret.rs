//! A text that is never shown: `Debug`, `Display` and `Serialize` all print [`REDACTED`].

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize, Serializer};

/// What is shown in place of a secret, set or not.
pub(crate) const REDACTED: &str = "[redacted]";

/// The shortest key for HS256, in bytes: as long as its hash (RFC 7518, 3.2).
pub(crate) const KEY_MIN_BYTES: usize = 32;

/// A password or key from the settings; empty when it is not set.
///
/// Not comparable on purpose: `==` on a secret takes a time that tells about it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// The text itself. Each use is a place where it may leak: pass it on, never keep it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is not set.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of a symmetric key: decoded after `base64:`, of the text itself otherwise; `None` when it is
    /// not set. The error says what is wrong without showing anything of it.
    pub(crate) fn key_bytes(&self) -> Result<Option<Vec<u8>>, String> {
        if self.is_empty() {
            return Ok(None);
        }
        let bytes = match self.0.strip_prefix("base64:") {
            None => self.0.as_bytes().to_vec(),
            Some(encoded) => {
                STANDARD.decode(encoded).map_err(|_| "is not valid base64 after \"base64:\"".to_owned())?
            }
        };
        if bytes.len() < KEY_MIN_BYTES {
            return Err(format!("is a key of {} bytes, which can be guessed", bytes.len()));
        }
        Ok(Some(bytes))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}
