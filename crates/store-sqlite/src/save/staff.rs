//! Saving the audit log.

use frontrow_domain::staff::StaffAction;

use super::{Saved, Saver};
use crate::codec;
use crate::error::store_error;

impl Saver<'_> {
    pub(super) fn staff_actions(&self, actions: &[StaffAction]) -> Saved {
        for action in actions {
            let values = (
                action.id.bytes(),
                action.at.micros(),
                action.actor.user.bytes(),
                codec::role_number(action.actor.role),
                action.action.name(),
                &action.target,
                &action.before,
                &action.after,
                &action.request_id,
            );
            self.connection
                .prepare_cached(
                    "INSERT INTO audit_log (entry_id, at, user_id, role, action, target, before, after, request_id) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )
                .and_then(|mut statement| statement.execute(values))
                .map_err(|error| store_error(&error, None))?;
        }
        Ok(())
    }
}
