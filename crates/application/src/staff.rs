//! Staff: on whose behalf their commands run, the lines that these leave on the audit log (R-C5), and reading it.
//!
//! A command of staff is given a [`By`] by whoever calls it. Its method on [`App`] signs it (`App::sign`), which
//! draws the id of the line, so that a repeat writes the same one. `decide` notes what was done once nothing can
//! refuse it any more; the line is saved in the same commit. So a refused command leaves no line, and a replayed one
//! no second line. What changed nothing leaves none either: the log tells what became of things, not who knocked.
//!
//! To log another command: a variant of [`ActionKind`], a `Signature` in the command, a `Deed` in its `decide`,
//! with views of what a person wants to see, in the names of the interface. What is not kept among the records, such
//! as a fan's place in a line, gets a command that does nothing but note it, before it is done.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use frontrow_domain::account::{Role, Standing};
use frontrow_domain::records::Records;
use frontrow_domain::staff::{ActionKind, Actor, REQUEST_ID_MAX, StaffAction};
use frontrow_domain::{AuditEntryId, Timestamp, UserId};
use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::store::ReadError;

/// Characters of the longest text that a line repeats; a description may have 20,000.
const TEXT_MAX: usize = 500;

/// A person of the staff who has something done, as the edge knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    actor: Actor,
    request_id: String,
}

impl Staff {
    /// Who asks, in which role, and in which request. Of a request id that is too long the beginning is kept.
    pub fn new(user: UserId, role: Role, request_id: &str) -> Self {
        let end = request_id.floor_char_boundary(REQUEST_ID_MAX);
        Self { actor: Actor { user, role }, request_id: request_id[..end].to_owned() }
    }
}

/// On whose behalf a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A person's: what they do is on the audit log.
    Staff(Staff),
    /// The server's own, such as when it fills the demo. There is nobody to be named, and no line.
    System,
}

impl By {
    /// Whose account it is, of a person.
    pub(crate) const fn user(&self) -> Option<UserId> {
        match self {
            Self::Staff(staff) => Some(staff.actor.user),
            Self::System => None,
        }
    }
}

/// What a command signs its line with: who, and the id of the line.
#[derive(Debug, Clone)]
pub(crate) struct Signature(Option<(Staff, AuditEntryId)>);

/// What was done. The views are serialised as JSON objects; `()` stands for nothing.
#[derive(Debug)]
pub(crate) struct Deed<B, A> {
    pub(crate) action: ActionKind,
    /// To what, as a path: `concert/3`.
    pub(crate) target: String,
    /// What was there.
    pub(crate) before: B,
    /// What is there now.
    pub(crate) after: A,
}

type Members = serde_json::Map<String, Value>;

impl Signature {
    /// Notes what was done, if a person did it and anything has changed.
    pub(crate) fn note<B: Serialize, A: Serialize>(
        &self,
        records: &mut Records,
        now: Timestamp,
        deed: Deed<B, A>,
    ) {
        let Some((staff, id)) = &self.0 else { return };
        let (mut before, mut after) = (members(&deed.before), members(&deed.after));
        take_out_same(&mut before, &mut after);
        if before.is_empty() && after.is_empty() {
            return;
        }
        records.staff_actions.add(StaffAction {
            id: *id,
            at: now,
            actor: staff.actor,
            action: deed.action,
            target: deed.target,
            before: text(before),
            after: text(after),
            request_id: staff.request_id.clone(),
        });
    }
}

fn members(view: &impl Serialize) -> Members {
    match serde_json::to_value(view).expect("views are plain structs, whose members have names") {
        Value::Object(members) => members,
        _ => Members::new(),
    }
}

/// Takes out what is the same in both, member by member.
fn take_out_same(before: &mut Members, after: &mut Members) {
    before.retain(|name, value| {
        let Some(other) = after.get_mut(name) else { return true };
        if let (Value::Object(value), Value::Object(other)) = (&mut *value, &mut *other) {
            take_out_same(value, other);
        }
        let is_same = value == other;
        if is_same {
            after.remove(name);
        }
        !is_same
    });
}

fn text(mut members: Members) -> Option<String> {
    members.values_mut().for_each(cut);
    (!members.is_empty()).then(|| Value::Object(members).to_string())
}

/// Cuts long texts, so that a page of the log stays small whatever was edited.
fn cut(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(TEXT_MAX) {
                text.truncate(end);
                text.push('…');
            }
        }
        Value::Object(members) => members.values_mut().for_each(cut),
        Value::Array(values) => values.iter_mut().for_each(cut),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A line of the audit log, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedAction {
    /// What was done.
    pub action: StaffAction,
    /// What its actor is called now; nothing once their account was erased.
    pub name: Option<String>,
}

impl App {
    /// Signs a command that runs on somebody's behalf.
    pub(crate) fn sign(&self, by: By) -> Signature {
        Signature(match by {
            By::Staff(staff) => Some((staff, AuditEntryId::new(self.entropy.uuid()))),
            By::System => None,
        })
    }

    /// The audit log, newest first, before the line given; at most `limit` lines.
    pub async fn audit_log(
        &self,
        before: Option<AuditEntryId>,
        limit: usize,
    ) -> Result<Vec<LoggedAction>, ReadError> {
        let actions = self.reads.staff_actions(before, limit).await?;
        // A page names few people, again and again.
        let mut names: HashMap<UserId, Option<String>> = HashMap::new();
        for action in &actions {
            if let Entry::Vacant(unknown) = names.entry(action.actor.user) {
                let account = self.reads.account(action.actor.user).await?;
                let known = account.filter(|account| account.standing != Standing::Erased);
                unknown.insert(known.map(|account| account.name));
            }
        }
        let line = |action: StaffAction| {
            let name = names.get(&action.actor.user).cloned().flatten();
            LoggedAction { action, name }
        };
        Ok(actions.into_iter().map(line).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn noted(by: Option<Staff>, before: Value, after: Value) -> Vec<StaffAction> {
        let signature = Signature(by.map(|staff| (staff, AuditEntryId::new(Uuid::max()))));
        let mut records = Records::new();
        let (action, target) = (ActionKind::EditConcert, "concert/1".to_owned());
        signature.note(&mut records, Timestamp::ZERO, Deed { action, target, before, after });
        records.staff_actions.items().to_vec()
    }

    fn somebody(request_id: &str) -> Staff {
        Staff::new(UserId::new(Uuid::nil()), Role::Admin, request_id)
    }

    fn texts(before: Value, after: Value) -> Option<(Option<String>, Option<String>)> {
        noted(Some(somebody("r")), before, after).pop().map(|action| (action.before, action.after))
    }

    #[test]
    fn a_line_has_the_members_that_differ_at_every_depth() {
        let some = |text: &str| Some(text.to_owned());
        for (before, after, expected) in [
            (json!({"a": 1, "b": [1]}), json!({"a": 1, "b": [1]}), None),
            (json!({"a": 1}), json!({"a": null}), Some((some("{\"a\":1}"), some("{\"a\":null}")))),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), Some((None, some("{\"b\":2}")))),
            (json!(null), json!({"a": 1}), Some((None, some("{\"a\":1}")))),
            (json!({"a": 1}), json!(null), Some((some("{\"a\":1}"), None))),
            (json!(null), json!(null), None),
            (
                json!({"a": {"b": {"c": 1, "d": 2}, "e": 3}}),
                json!({"a": {"b": {"c": 1, "d": 4}, "e": 3}}),
                Some((some("{\"a\":{\"b\":{\"d\":2}}}"), some("{\"a\":{\"b\":{\"d\":4}}}"))),
            ),
            (json!({"a": [1, 2]}), json!({"a": [1]}), Some((some("{\"a\":[1,2]}"), some("{\"a\":[1]}")))),
        ] {
            assert_eq!(texts(before.clone(), after.clone()), expected, "{before} {after}");
        }
    }

    #[test]
    fn the_system_leaves_no_line() {
        assert_eq!(noted(None, json!(null), json!({"a": 1})), []);
    }

    #[test]
    fn texts_are_cut_between_characters_wherever_they_are() {
        let (fits, long) = ("봄".repeat(TEXT_MAX), "봄".repeat(TEXT_MAX + 1));
        let after = json!({"a": [fits, {"b": long}]});
        let (_, after) = texts(json!(null), after).expect("a line");
        let expected = json!({"a": [fits, {"b": format!("{fits}…")}]});
        assert_eq!(after, Some(expected.to_string()));
    }

    #[test]
    fn a_request_id_is_cut_between_characters() {
        let id = |text: &str| noted(Some(somebody(text)), json!(null), json!({"a": 1}))[0].request_id.clone();
        assert_eq!(id("mine"), "mine");
        assert_eq!(id(&"봄".repeat(REQUEST_ID_MAX)), "봄".repeat(REQUEST_ID_MAX / 3));
    }
}
