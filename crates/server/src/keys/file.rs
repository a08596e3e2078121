//! The file that lists keys: JSON with a version, read as a whole and replaced as a whole.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontrow_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, Purpose};

/// The form that is written and read.
const VERSION: u32 = 1;
/// The most keys of one purpose. Every one of them may have to be tried.
const KEYS_MAX: usize = 16;
/// Bytes in the longest file that is read.
const BYTES_MAX: u64 = 64 * 1024;
/// Who may read and write such a file beside its owner: its group may read it, because secrets are mounted so.
const FORBIDDEN_MODE: u32 = 0o037;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Form {
    version: u32,
    #[serde(default)]
    tokens: Vec<KeyForm>,
    #[serde(default)]
    tickets: Vec<KeyForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyForm {
    kid: String,
    /// Base64.
    key: String,
    /// RFC 3339.
    signs_from: String,
}

/// What a file says, as text; nothing when there is no file. Refuses one that others may read.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & FORBIDDEN_MODE != 0 {
        bail!(
            "others may read the keys in {} (mode {mode:o}); run: chmod 600 {0}, and rotate the keys if they may have \
             been seen",
            path.display()
        );
    }
    let mut text = String::new();
    let read = file.take(BYTES_MAX).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(text))
}

/// The keys that a text lists. Errors show nothing of them.
pub(super) fn parse(text: &str) -> anyhow::Result<Vec<Key>> {
    // An error of the parser may quote what it has found, so it is told by its place alone.
    let form: Form = serde_json::from_str(text).map_err(|error| {
        anyhow::anyhow!("it is no list of keys (line {}, column {})", error.line(), error.column())
    })?;
    if form.version != VERSION {
        bail!("it has version {}, and this program knows version {VERSION}", form.version);
    }
    let mut keys: Vec<Key> = Vec::new();
    for (purpose, listed) in [(Purpose::Tokens, form.tokens), (Purpose::Tickets, form.tickets)] {
        if listed.len() > KEYS_MAX {
            bail!("it lists {} keys for {purpose}, more than {KEYS_MAX}", listed.len());
        }
        for form in listed {
            let bytes = STANDARD.decode(&form.key).ok();
            let Ok(signs_from) = form.signs_from.parse::<jiff::Timestamp>() else {
                bail!("the {purpose} key {:?} signs from no time (2026-09-01T11:00:00Z)", form.kid);
            };
            let signs_from = Timestamp::from_micros(signs_from.as_microsecond());
            let key = bytes.and_then(|bytes| Key::new(purpose, bytes, signs_from));
            let Some(key) = key.filter(|key| key.kid == form.kid) else {
                bail!("the {purpose} key {:?} is damaged, or is not the key of that name", form.kid);
            };
            if keys.iter().any(|known| known.kid == key.kid) {
                bail!("the {purpose} key {} is listed twice", key.kid);
            }
            keys.push(key);
        }
    }
    Ok(keys)
}

/// Replaces the file by one that lists these keys: wholly or not at all, also when the power fails. Keeps the owner of
/// what was there.
pub(super) fn write(path: &Path, keys: &[Key]) -> anyhow::Result<()> {
    // A link is followed, so that what it points to is replaced and not the link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let beside = beside(&path);
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
            "{} is there: somebody else is changing the keys, or was stopped half-way; then remove it and try again",
            beside.display()
        ),
        Err(error) => return Err(error).with_context(|| format!("cannot write {}", beside.display())),
    };
    let written = fill(&mut file, &path, keys).and_then(|()| Ok(std::fs::rename(&beside, &path)?));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&beside);
        return Err(error.context(format!("cannot write {}", path.display())));
    }
    // The name is on the disk once its folder is.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).context("cannot sync the folder of the keys")
}

fn fill(file: &mut File, path: &Path, keys: &[Key]) -> anyhow::Result<()> {
    let listed = |purpose| {
        let of_purpose = keys.iter().filter(move |key| key.purpose == purpose);
        let as_form = |key: &Key| {
            let signs_from = jiff::Timestamp::from_microsecond(key.signs_from.micros())?.to_string();
            Ok(KeyForm { kid: key.kid.clone(), key: STANDARD.encode(&key.bytes), signs_from })
        };
        of_purpose.map(as_form).collect::<anyhow::Result<Vec<_>>>()
    };
    let form =
        Form { version: VERSION, tokens: listed(Purpose::Tokens)?, tickets: listed(Purpose::Tickets)? };
    let text = serde_json::to_string_pretty(&form)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    if let Ok(before) = std::fs::metadata(path) {
        let made = file.metadata()?;
        if (before.uid(), before.gid()) != (made.uid(), made.gid()) {
            fchown(&*file, Some(before.uid()), Some(before.gid()))
                .context("it belongs to somebody else, who could not read it any more")?;
        }
        file.set_permissions(PermissionsExt::from_mode(before.mode() & 0o640 | 0o600))?;
    }
    Ok(file.sync_all()?)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}
