//! The keys that sign: given by setting, or made on the first start and kept in the data folder.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use ed25519_dalek::SigningKey;

use crate::config::sections::Auth;

/// The secret of our access and refresh tokens, in the data folder.
const TOKEN_SECRET: &str = "token-secret.key";
/// The key of ticket codes, in the data folder.
const TICKET_KEY: &str = "ticket-ed25519.key";
/// Bytes of either.
const KEY_BYTES: usize = 32;

/// The keys that sign.
pub(crate) struct Keys {
    /// Of access and refresh tokens (HS256).
    pub(crate) tokens: Vec<u8>,
    /// Of ticket codes (Ed25519).
    pub(crate) tickets: SigningKey,
}

impl Keys {
    /// Takes the keys that were given, and reads or makes the others.
    pub(crate) fn load(settings: &Auth, folder: &Path) -> anyhow::Result<Self> {
        let given = settings.signing_key().map_err(anyhow::Error::msg)?;
        let tokens = match given {
            Some(secret) => secret,
            None => kept(&folder.join(TOKEN_SECRET))?.to_vec(),
        };
        let given = settings.ticket_signing_key().map_err(anyhow::Error::msg)?;
        let tickets = match given {
            Some(key) => key,
            None => SigningKey::from_bytes(&kept(&folder.join(TICKET_KEY))?),
        };
        Ok(Self { tokens, tickets })
    }
}

/// The key in a file, made at random if the file is not there. Only the owner may read it.
fn kept(path: &Path) -> anyhow::Result<[u8; KEY_BYTES]> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    match options.open(path) {
        Ok(mut file) => {
            let mut key = [0; KEY_BYTES];
            getrandom::fill(&mut key).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
            file.write_all(&key)
                .and_then(|()| file.sync_all())
                .with_context(|| format!("cannot write {}", path.display()))?;
            Ok(key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(error).with_context(|| format!("cannot make the key {}", path.display())),
    }
}

fn read(path: &Path) -> anyhow::Result<[u8; KEY_BYTES]> {
    let mut file = OpenOptions::new()
        .read(true)
        .open(path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!(
            "others may read the key {} (mode {mode:o}); run: chmod 600 {0}, and make a new key if it may have been seen",
            path.display()
        );
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    match bytes.try_into() {
        Ok(key) => Ok(key),
        Err(bytes) => bail!(
            "the key {} has {} bytes instead of {KEY_BYTES}; restore it from a backup, or remove it to have a new \
             one made (log-ins end, tickets already sold no longer verify)",
            path.display(),
            bytes.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_for_its_owner() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("x.key");
        let key = kept(&path).expect("made");
        assert_eq!(kept(&path).expect("read"), key);
        let mode = std::fs::metadata(&path).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(kept(&folder.path().join("y.key")).expect("another"), key);
    }

    #[test]
    fn a_key_that_others_may_read_or_that_is_cut_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("x.key");
        kept(&path).expect("made");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
        assert!(kept(&path).expect_err("open to others").to_string().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
        std::fs::write(&path, b"short").expect("cut");
        assert!(kept(&path).expect_err("cut").to_string().contains("5 bytes"));
    }
}
