//! Keys in files of their own, as the first version of this program made them in the data folder. They are taken over
//! into the list and stay where they are, for whoever goes back to that version, until they are retired.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use frontrow_domain::Timestamp;

use super::{KEY_BYTES, Key, Purpose};

const FILES: [(Purpose, &str); 2] =
    [(Purpose::Tokens, "token-secret.key"), (Purpose::Tickets, "ticket-ed25519.key")];

/// The keys of a folder, but for what settings give: those were used in their place.
pub(super) fn read(folder: &Path, given: &[Key]) -> anyhow::Result<Vec<Key>> {
    let mut keys = Vec::new();
    for (purpose, name) in FILES {
        if given.iter().all(|key| key.purpose != purpose)
            && let Some(bytes) = read_one(&folder.join(name))?
        {
            keys.extend(Key::new(purpose, bytes, Timestamp::ZERO));
        }
    }
    Ok(keys)
}

/// Removes the files of keys that count no longer.
pub(super) fn remove(folder: &Path, gone: &[Key]) -> anyhow::Result<()> {
    for (purpose, name) in FILES {
        let path = folder.join(name);
        // A file that is not such a key is none of ours.
        let Ok(Some(bytes)) = read_one(&path) else { continue };
        if gone.iter().any(|key| key.purpose == purpose && key.bytes == bytes) {
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn read_one(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!(
            "others may read the key {} (mode {mode:o}); run: chmod 600 {0}, and make a new key if it may have been seen",
            path.display()
        );
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if bytes.len() != KEY_BYTES {
        bail!(
            "the key {} has {} bytes instead of {KEY_BYTES}; restore it from a backup, or remove it to have a new \
             one made (log-ins end, tickets already sold no longer verify)",
            path.display(),
            bytes.len()
        );
    }
    Ok(Some(bytes))
}
