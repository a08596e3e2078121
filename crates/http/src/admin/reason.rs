//! Why staff does something, in their own words.

use frontrow_domain::catalog::FieldError;

/// Characters in the longest reason: what the audit log shows of a text.
const REASON_MAX: usize = 500;

/// Checks a reason, if one is given.
pub(super) fn check_reason(errors: &mut Vec<FieldError>, reason: Option<&str>) {
    let Some(reason) = reason else { return };
    let is_sound = !reason.trim().is_empty() && reason.chars().count() <= REASON_MAX;
    if !is_sound {
        let message = format!("must have 1 to {REASON_MAX} characters, not only blanks");
        errors.push(FieldError::new("reason", message));
    }
}
