//! What a backup leaves behind in the data folder: a note of when the last whole one was made. `frontrow backup` and the
//! server are different processes, and the folder is what both have; the server reads the note and shows how old it is.
//!
//! The note is none of the store's files: it is not backed up, and a restored store has none until it is backed up itself.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use frontrow_domain::Timestamp;
use frontrow_store_sqlite::FILE_NAME;
use serde::{Deserialize, Serialize};

/// What the note is called.
const NAME: &str = "last-backup.json";
/// Bytes in the longest one that is read.
const BYTES_MAX: u64 = 4_096;

/// A backup that was made.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    /// The moment that it is of: RFC 3339.
    made_at: String,
    /// How large it was.
    bytes: u64,
}

impl Note {
    fn read(data: &Path) -> anyhow::Result<Self> {
        let mut text = String::new();
        File::open(data.join(NAME))?.take(BYTES_MAX).read_to_string(&mut text)?;
        Ok(serde_json::from_str(&text)?)
    }

    fn moment(&self) -> Option<Timestamp> {
        Timestamp::parse_rfc3339(&self.made_at)
    }
}

/// Notes that a whole backup of this folder was made, unless a later one is noted already.
pub(crate) fn note(data: &Path, made_at: Timestamp, bytes: u64) -> anyhow::Result<()> {
    if Note::read(data).is_ok_and(|noted| noted.moment().is_some_and(|noted| noted > made_at)) {
        return Ok(());
    }
    let unnamed = data.join(format!("{NAME}.new"));
    // Nothing in it is a secret, and whoever makes backups may be another user than the server.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&unnamed)?;
    let note = Note { made_at: made_at.rfc3339().to_string(), bytes };
    serde_json::to_writer(&mut file, &note)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&unnamed, data.join(NAME))?;
    Ok(())
}

/// How a data folder stands with its backups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    /// Whether one is noted.
    pub(crate) is_made: bool,
    /// Seconds since the moment that the last one is of. Where there is none, since the store was made, as far as the file
    /// system says that: so long it has had no backup.
    pub(crate) age_seconds: f64,
}

/// Looks how a folder stands with its backups. `started` is when this process was, for file systems that do not say when a
/// file was made.
pub(crate) fn look(data: &Path, now: Timestamp, started: Timestamp) -> Standing {
    let noted = Note::read(data).ok().and_then(|note| note.moment());
    let since = noted.or_else(|| made_at(&data.join(FILE_NAME))).unwrap_or(started);
    Standing { is_made: noted.is_some(), age_seconds: now.micros_since(since) as f64 / 1e6 }
}

/// When a file was made.
fn made_at(file: &Path) -> Option<Timestamp> {
    let since = fs::metadata(file).ok()?.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_micros(i64::try_from(since.as_micros()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn age(data: &Path, after: u32) -> (bool, f64) {
        let Standing { is_made, age_seconds } = look(data, NOON.plus_seconds(after), NOON);
        (is_made, age_seconds)
    }

    #[test]
    fn the_last_backup_counts_whichever_was_through_first() {
        let folder = tempfile::tempdir().expect("folder");
        note(folder.path(), NOON, 1).expect("noted");
        assert_eq!(age(folder.path(), 60), (true, 60.0));
        note(folder.path(), NOON.plus_seconds(30), 1).expect("noted");
        assert_eq!(age(folder.path(), 60), (true, 30.0));
        note(folder.path(), NOON.plus_seconds(10), 1).expect("a slow one that was begun before");
        assert_eq!(age(folder.path(), 60), (true, 30.0));
        assert_eq!(age(folder.path(), 0), (true, 0.0), "it is never of the future");
    }

    #[test]
    fn without_a_backup_it_is_as_old_as_the_store() {
        let folder = tempfile::tempdir().expect("folder");
        assert_eq!(age(folder.path(), 90), (false, 90.0), "no store yet: since the start");
        let file = folder.path().join(FILE_NAME);
        fs::write(&file, "").expect("a file");
        let since = made_at(&file).unwrap_or(NOON);
        let Standing { is_made, age_seconds } = look(folder.path(), since.plus_seconds(7_200), NOON);
        assert_eq!((is_made, age_seconds), (false, 7_200.0));
    }

    #[test]
    fn what_is_no_note_is_none() {
        let folder = tempfile::tempdir().expect("folder");
        for text in ["", "{", "{}", r#"{"madeAt":"yesterday","bytes":1}"#] {
            fs::write(folder.path().join(NAME), text).expect("written");
            assert_eq!(age(folder.path(), 5), (false, 5.0), "{text}");
        }
        // And is written over.
        note(folder.path(), NOON, 1).expect("noted");
        assert_eq!(age(folder.path(), 5), (true, 5.0));
    }
}
