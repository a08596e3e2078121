//! The file of the line, and its versions.

use std::path::Path;

use rusqlite::Connection;

use crate::error::OpenError;
use crate::schema::{FileKind, bring_up, open_writer};

/// The newest schema of the line's journal that this version knows.
pub const LINE_SCHEMA_VERSION: u32 = 3;

/// Every step from one version to the next, from an empty file on. A step is never changed once released.
const MIGRATIONS: [&str; LINE_SCHEMA_VERSION as usize] = [
    include_str!("../../migrations/line/0001_first.sql"),
    include_str!("../../migrations/line/0002_told.sql"),
    include_str!("../../migrations/line/0003_lobby.sql"),
];

/// The file of the line ("FROL").
pub(crate) const LINE: FileKind = FileKind { application_id: 0x4652_4F4C, migrations: &MIGRATIONS };

/// Memory for pages of the writer, in MiB: what a rush of joins and moves touches again is at the edge and near the
/// head.
const CACHE_MIB: u32 = 16;

/// Opens the connection that writes, on a file of this version.
pub(super) fn open(file: &Path) -> Result<Connection, OpenError> {
    let mut connection = open_writer(file, &LINE, CACHE_MIB)?;
    bring_up(&mut connection, &LINE, |_| Ok(0))?;
    Ok(connection)
}
