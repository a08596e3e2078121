//! Erasure: the personal data of an account goes; its id stays as the pseudonym of ledger and events.

use frontrow_domain::account::{Account, Email, Standing};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::staff::ActionKind;
use frontrow_domain::{Timestamp, UserId};
use serde::Serialize;

use super::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop};
use crate::staff::{By, Deed, Signature};

struct Erase {
    user: UserId,
    email: Option<Email>,
    signature: Signature,
}

/// The log tells that somebody's data was erased, and none of it.
#[derive(Serialize)]
struct SeenErasure {
    erased: bool,
}

impl Command for Erase {
    type Outcome = ();
    type Refusal = std::convert::Infallible;

    fn keys(&self) -> Keys {
        Keys::new([Key::Account(self.user)]).and(self.email.clone().map(Key::Email))
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<(), Stop<Self::Refusal>> {
        let Some(account) = records.accounts.get(&self.user)?.cloned() else { return Ok(()) };
        if let Some(email) = &account.email
            && records.emails.get(email)? == Some(&self.user)
        {
            records.emails.remove(email.clone());
        }
        if account.standing != Standing::Erased {
            let (action, target) = (ActionKind::EraseUser, format!("user/{}", self.user));
            let (before, after) = (SeenErasure { erased: false }, SeenErasure { erased: true });
            self.signature.note(records, now, Deed { action, target, before, after });
        }
        records.accounts.put(self.user, Account::erased(account, now));
        Ok(())
    }
}

impl App {
    /// Erases the personal data of an account. Erasing it twice is erasing it. Staff who do it for somebody else leave a
    /// line on the audit log; `By::System` stands for the owner.
    pub async fn erase_account(&self, by: By, user: UserId) -> Result<(), Failure<std::convert::Infallible>> {
        let account = self.reads.account(user).await.map_err(unavailable)?;
        let email = account.and_then(|account| account.email);
        self.box_office.run(Priority::Begin, Erase { user, email, signature: self.sign(by) }).await
    }
}
