//! E-mail addresses, normalised here so that no store's collation decides which two are the same.

use std::fmt;

/// Bytes in the longest address (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const MAX_BYTES: usize = 254;

/// A normalised address: trimmed and lower-cased, with one `@` between two non-empty parts.
///
/// The local part is lower-cased too. Mail servers that tell `A@x` from `a@x` are not in use, and people who
/// type their address in capitals on a phone are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(Box<str>);

/// The text is not an address that mail could be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address")]
pub struct EmailRefused;

impl Email {
    /// Normalises and checks an address.
    pub fn parse(text: &str) -> Result<Self, EmailRefused> {
        let text = text.trim();
        if text.len() > MAX_BYTES || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(EmailRefused);
        }
        let lower = text.to_lowercase();
        let (local, domain) = lower.split_once('@').ok_or(EmailRefused)?;
        let domain_is_sound = !domain.is_empty()
            && !domain.contains('@')
            && domain
                .split('.')
                .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
        // Lower-casing can lengthen a few letters, hence the second look at the length.
        if local.is_empty() || !domain_is_sound || lower.len() > MAX_BYTES {
            return Err(EmailRefused);
        }
        Ok(Self(lower.into_boxed_str()))
    }

    /// The normalised text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Without the address: what is shown for debugging may end up in a log.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
