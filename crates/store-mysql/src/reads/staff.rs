//! Queries about the audit log.

use frontrow_application::store::{Read, StaffReads};
use frontrow_domain::AuditEntryId;
use frontrow_domain::staff::StaffAction;

use super::{and_before, answer, limit};
use crate::MysqlReads;
use crate::codec::{self, STAFF_ACTION_COLUMNS};
use crate::load::select;
use crate::row::all;
use crate::sql::{fill, values};

impl StaffReads for MysqlReads {
    fn staff_actions(&self, before: Option<AuditEntryId>, count: usize) -> Read<'_, Vec<StaffAction>> {
        answer(async move {
            let mut sql = select(STAFF_ACTION_COLUMNS, "audit_log WHERE TRUE");
            sql.push_str(&and_before("entry_id", before.as_ref().map(AuditEntryId::bytes)));
            sql.push_str(&fill(" ORDER BY entry_id DESC LIMIT ?", &values![limit(count)]));
            all(&self.rows(sql).await?, codec::staff_action)
        })
    }
}
