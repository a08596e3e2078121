//! Queries about the audit log.

use frontrow_application::store::{Read, StaffReads};
use frontrow_domain::AuditEntryId;
use frontrow_domain::staff::StaffAction;

use super::{AFTER_ALL, all, rows};
use crate::SqliteReads;
use crate::codec::{self, STAFF_ACTION_COLUMNS};
use crate::load::select;

impl StaffReads for SqliteReads {
    fn staff_actions(&self, before: Option<AuditEntryId>, limit: usize) -> Read<'_, Vec<StaffAction>> {
        self.scan(move |connection| {
            let sql =
                select(STAFF_ACTION_COLUMNS, "audit_log WHERE entry_id < ?1 ORDER BY entry_id DESC LIMIT ?2");
            let before = before.as_ref().map_or(&AFTER_ALL[..], |before| before.bytes());
            all(connection, &sql, (before, rows(limit)), codec::staff_action)
        })
    }
}
