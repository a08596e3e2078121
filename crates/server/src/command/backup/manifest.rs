//! The list of files of a backup, with their sizes and digests: what makes it one.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context, bail};
use frontrow_domain::Timestamp;
use frontrow_store_sqlite::STORE_FILES;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::KEYS_NAME;

/// What it is called. A folder without it is none of a backup.
const NAME: &str = "backup.json";
/// The form that is written and read.
const FORM: u32 = 1;
/// Bytes in the longest one that is read.
const BYTES_MAX: u64 = 64 * 1024;
/// How much of a file is in memory at once.
const CHUNK: usize = 1 << 20;

/// A backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Manifest {
    form: u32,
    /// The version that made it.
    frontrow: String,
    /// The moment that it is of: RFC 3339. Everything that was answered before is in it.
    pub(super) made_at: String,
    /// The name of the history that it is of, in hexadecimal digits.
    epoch: String,
    pub(super) files: Vec<Listed>,
}

/// One file of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) bytes: u64,
    sha256: String,
    /// The version of its schema, of a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<u32>,
}

impl Listed {
    /// Reads a file whole, which also shows that it can be.
    pub(super) fn of(folder: &Path, name: &str, schema: Option<u32>) -> anyhow::Result<Self> {
        let (bytes, sha256) = pour(&folder.join(name), &mut std::io::sink())?;
        Ok(Self { name: name.to_owned(), bytes, sha256, schema })
    }

    /// Copies the file of a backup, and refuses one that is not what was backed up.
    pub(super) fn copy(&self, from: &Path, to: &Path) -> anyhow::Result<()> {
        let path = from.join(&self.name);
        let mut target =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(to.join(&self.name))?;
        let (bytes, sha256) = pour(&path, &mut target)?;
        if (bytes, sha256.as_str()) != (self.bytes, self.sha256.as_str()) {
            bail!(
                "{} is not what was backed up: it has {bytes} bytes with SHA-256 {sha256}, and the list says {} bytes \
                 with {}; take another backup",
                path.display(),
                self.bytes,
                self.sha256
            );
        }
        target.sync_all()?;
        Ok(())
    }
}

impl Manifest {
    pub(super) fn new(made_at: Timestamp, epoch: u64, files: Vec<Listed>) -> Self {
        let frontrow = env!("CARGO_PKG_VERSION").to_owned();
        let (made_at, epoch) = (made_at.rfc3339().to_string(), format!("{epoch:x}"));
        Self { form: FORM, frontrow, made_at, epoch, files }
    }

    pub(super) fn is_in(folder: &Path) -> bool {
        folder.join(NAME).exists()
    }

    /// Writes it wholly or not at all.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let unnamed = folder.join(format!("{NAME}.new"));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unnamed)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&unnamed, folder.join(NAME))?;
        Ok(())
    }

    /// Reads that of a folder. Names nothing but what a store is made of, so that no other file is touched.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(NAME);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
                "{} is not a backup, or one that was not finished: it has no {NAME}; name the folder that frontrow \
                 backup --to was given",
                folder.display()
            ),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let mut text = String::new();
        file.take(BYTES_MAX).read_to_string(&mut text)?;
        let manifest: Self =
            serde_json::from_str(&text).with_context(|| format!("{} cannot be read", path.display()))?;
        if manifest.form != FORM {
            bail!(
                "{} is of form {}, and this program knows {FORM}; use the newer frontrow that wrote it",
                path.display(),
                manifest.form
            );
        }
        for (at, file) in manifest.files.iter().enumerate() {
            let is_known = file.name == KEYS_NAME || STORE_FILES.contains(&file.name.as_str());
            if !is_known || manifest.files[..at].iter().any(|other| other.name == file.name) {
                bail!("{} names {:?}, which does not belong there", path.display(), file.name);
            }
        }
        if !manifest.files.iter().any(|file| file.name == frontrow_store_sqlite::FILE_NAME) {
            bail!("{} names no store", path.display());
        }
        Ok(manifest)
    }
}

/// Pours a file into something else, and answers how long it was, with its digest as hexadecimal digits.
fn pour(path: &Path, to: &mut dyn Write) -> anyhow::Result<(u64, String)> {
    let of_file = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(of_file)?;
    let (mut digest, mut bytes) = (Sha256::new(), 0_u64);
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = file.read(&mut chunk).with_context(of_file)?;
        if count == 0 {
            break;
        }
        digest.update(&chunk[..count]);
        bytes += count as u64;
        to.write_all(&chunk[..count])?;
    }
    let hexadecimal = digest.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing into a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok((bytes, hexadecimal))
}
