//! Erasure: the personal data of an account goes; its id stays as the pseudonym of ledger and events.

use frontrow_domain::account::{Account, Email};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::{Timestamp, UserId};

use super::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop};

struct Erase {
    user: UserId,
    email: Option<Email>,
}

impl Command for Erase {
    type Outcome = ();
    type Refusal = std::convert::Infallible;

    fn keys(&self) -> Keys {
        Keys::new([Key::Account(self.user)]).and(self.email.clone().map(Key::Email))
    }

    fn decide(&self, records: &mut Records, _now: Timestamp) -> Result<(), Stop<Self::Refusal>> {
        let Some(account) = records.accounts.get(&self.user)?.cloned() else { return Ok(()) };
        if let Some(email) = &account.email
            && records.emails.get(email)? == Some(&self.user)
        {
            records.emails.remove(email.clone());
        }
        records.accounts.put(self.user, Account::erased(account));
        Ok(())
    }
}

impl App {
    /// Erases the personal data of an account. Erasing it twice is erasing it.
    pub async fn erase_account(&self, user: UserId) -> Result<(), Failure<std::convert::Infallible>> {
        let account = self.reads.account(user).await.map_err(unavailable)?;
        let email = account.and_then(|account| account.email);
        self.box_office.run(Priority::Begin, Erase { user, email }).await
    }
}
