//! The files of a store, and which versions of their schemas are there.

use std::path::Path;

use crate::delivery::DELIVERY;
use crate::error::OpenError;
use crate::line::LINE;
use crate::schema::{self, FileKind, SALE};
use crate::{DELIVERY_FILE_NAME, FILE_NAME, LINE_FILE_NAME};

/// The files of a store: who refers to another comes before it, and the sale, to which all others refer, is last.
pub(crate) const FILES: [(&str, &FileKind); 3] =
    [(LINE_FILE_NAME, &LINE), (DELIVERY_FILE_NAME, &DELIVERY), (FILE_NAME, &SALE)];

/// The names of all files that belong to a store, in that order.
pub const STORE_FILES: [&str; 3] = [LINE_FILE_NAME, DELIVERY_FILE_NAME, FILE_NAME];

/// The schema of a file as it is, and as it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileVersion {
    /// The name of the file.
    pub name: &'static str,
    /// Its version; 0 when the file is not there, or empty.
    pub found: u32,
    /// The version that this program brings it to.
    pub known: u32,
}

/// Looks, also beside a running server, and changes nothing. Refuses files of others and of newer versions.
pub fn versions(folder: &Path) -> Result<Vec<FileVersion>, OpenError> {
    let of_file = |(name, kind): (&'static str, &FileKind)| {
        let file = folder.join(name);
        let found = if file.exists() {
            let connection = schema::open_reader(&file)?;
            schema::check_owner(&connection, &file, kind)?;
            schema::version(&connection)?
        } else {
            0
        };
        Ok(FileVersion { name, found, known: kind.known() })
    };
    FILES.into_iter().map(of_file).collect()
}
