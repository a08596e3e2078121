//! Fans of an external issuer: known by issuer and subject, made at first sight.

use frontrow_domain::account::{Account, Credential, Role, Standing};
use frontrow_domain::records::{Digest, Key, Keys, Records};
use frontrow_domain::wallet::Wallet;
use frontrow_domain::{Timestamp, UserId};

use super::unavailable;
use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop};
use crate::once::digest;

/// Who an external issuer says that somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// The issuer, as its tokens name it.
    pub issuer: String,
    /// The subject, as its tokens name them.
    pub subject: String,
    /// The name to address them by, when the token carries one.
    pub name: Option<String>,
    /// What the issuer says they may do.
    pub role: Role,
}

struct Meet {
    identity: Digest,
    id: UserId,
    name: String,
    role: Role,
}

impl Command for Meet {
    type Outcome = UserId;
    type Refusal = std::convert::Infallible;

    fn keys(&self) -> Keys {
        Keys::new([Key::Identity(self.identity)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<UserId, Stop<Self::Refusal>> {
        if let Some(known) = records.identities.get(&self.identity)? {
            return Ok(*known);
        }
        let account = Account {
            id: self.id,
            email: None,
            name: self.name.clone(),
            role: self.role,
            standing: Standing::Active,
            credential: Credential::External,
            created_at: now,
            changed_at: None,
        };
        records.identities.put(self.identity, self.id);
        records.accounts.put_new(self.id, account);
        records.wallets.put_new(self.id, Wallet::empty(self.id));
        Ok(self.id)
    }
}

impl App {
    /// The account of somebody whom an external issuer vouches for, made if this is the first time.
    pub async fn meet(
        &self,
        identity: &ExternalIdentity,
    ) -> Result<UserId, Failure<std::convert::Infallible>> {
        let key = digest(&[identity.issuer.as_bytes(), identity.subject.as_bytes()]);
        if let Some(known) = self.reads.identity(key).await.map_err(unavailable)? {
            return Ok(known);
        }
        let id = UserId::new(self.entropy.uuid());
        // A name that we would not take from a form is not worth refusing a fan for.
        let name = identity.name.clone().filter(|name| Account::check_name(name).is_none());
        let name = name.unwrap_or_else(|| "Fan".to_owned());
        self.box_office.run(Priority::Begin, Meet { identity: key, id, name, role: identity.role }).await
    }
}
