//! Accounts as admins see and change them: roles, and who may act.

use frontrow_domain::account::{Account, Email, Role, Standing};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::staff::ActionKind;
use frontrow_domain::{Timestamp, UserId};
use serde::Serialize;

use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::staff::{By, Deed, Signature};
use crate::store::ReadError;

/// What an admin changes of an account; what is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserPatch {
    /// What they may do.
    pub role: Option<Role>,
    /// True to stop them, false to let them act again.
    pub blocked: Option<bool>,
}

/// Why an account is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditUserRefused {
    /// There is no such account, or it was erased.
    NotFound,
    /// Nobody changes their own role or standing: so there is always an admin left.
    Oneself,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenUser {
    role: &'static str,
    blocked: bool,
}

impl SeenUser {
    fn of(account: &Account) -> Self {
        Self { role: account.role.name(), blocked: account.standing == Standing::Blocked }
    }
}

struct EditUser {
    user: UserId,
    patch: UserPatch,
    signature: Signature,
}

impl Command for EditUser {
    type Outcome = Account;
    type Refusal = EditUserRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Account(self.user)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Account, Stop<EditUserRefused>> {
        let found = records.accounts.get(&self.user)?.filter(|account| account.standing != Standing::Erased);
        let Some(account) = found.cloned() else { return refuse(EditUserRefused::NotFound) };
        let standing = match self.patch.blocked {
            Some(true) => Standing::Blocked,
            Some(false) => Standing::Active,
            None => account.standing,
        };
        let role = self.patch.role.unwrap_or(account.role);
        let has_changed = (role, standing) != (account.role, account.standing);
        let changed_at = if has_changed { Some(now) } else { account.changed_at };
        let edited = Account { role, standing, changed_at, ..account.clone() };
        let (action, target) = (ActionKind::EditUser, format!("user/{}", self.user));
        let (before, after) = (SeenUser::of(&account), SeenUser::of(&edited));
        self.signature.note(records, now, Deed { action, target, before, after });
        records.accounts.put(self.user, edited.clone());
        Ok(edited)
    }
}

impl App {
    /// Changes what somebody may do. It counts from their next request on.
    pub async fn edit_user(
        &self,
        by: By,
        user: UserId,
        patch: UserPatch,
    ) -> Result<Account, Failure<EditUserRefused>> {
        if by.user() == Some(user) {
            return Err(Failure::Refused(EditUserRefused::Oneself));
        }
        self.box_office.run(Priority::Begin, EditUser { user, patch, signature: self.sign(by) }).await
    }

    /// Accounts whose address or name contains the text, newest first, before the one given.
    pub async fn users(
        &self,
        text: Option<String>,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Account>, ReadError> {
        self.reads.accounts(text, before, limit).await
    }

    /// The accounts whose role or standing was changed at `since` or later.
    pub async fn changed_users(&self, since: Timestamp) -> Result<Vec<Account>, ReadError> {
        self.reads.accounts_changed(since).await
    }

    /// An account, whoever asks.
    pub async fn user(&self, id: UserId) -> Result<Option<Account>, ReadError> {
        self.reads.account(id).await
    }

    /// The account of an address, if it is one and somebody has it.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<Account>, ReadError> {
        match Email::parse(email) {
            Ok(email) => self.reads.account_by_email(&email).await,
            Err(_) => Ok(None),
        }
    }
}
