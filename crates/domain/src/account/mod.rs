//! Accounts: who somebody is, what they may do, and how long a log-in lives.

mod email;
mod login;

pub use email::{Email, EmailRefused};
pub use login::{Login, REUSE_GRACE_SECONDS, RefreshRefused};

use crate::catalog::FieldError;
use crate::{Timestamp, UserId};

/// What an account may do. A role is a capability, not a rank: a gate scanner may not create concerts, and an
/// operator is not asked for a queue token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Buys tickets.
    Fan,
    /// Runs concerts and the box office.
    Operator,
    /// Everything an operator may, and accounts.
    Admin,
    /// Scans tickets at the door.
    Gate,
}

impl Role {
    /// All roles, in the order in which they are documented.
    pub const ALL: [Self; 4] = [Self::Fan, Self::Operator, Self::Admin, Self::Gate];

    /// The name used in the interface, in tokens and in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fan => "fan",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Gate => "gate",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// True for those who run concerts (operators and admins).
    pub const fn runs_concerts(self) -> bool {
        matches!(self, Self::Operator | Self::Admin)
    }
}

/// Whether an account may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Active,
    /// Staff have stopped it.
    Blocked,
    /// The owner had their personal data erased; only the pseudonym (the id) is left.
    Erased,
}

/// How the owner of an account proves who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A password, kept as an argon2id hash in PHC string form.
    Password(String),
    /// An external issuer vouches for them; there is nothing to check here.
    External,
    /// Nothing does any more: the account was erased.
    None,
}

/// One person or member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The id that everything the fan owns refers to.
    pub id: UserId,
    /// Normalised address; absent for accounts of an external issuer that sent none, and after erasure.
    pub email: Option<Email>,
    /// The name to address them by.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may do it.
    pub standing: Standing,
    /// How they prove who they are.
    pub credential: Credential,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When its role or standing was last changed; nothing while it is as it was made. Whoever believes a token looks
    /// only at accounts that have this.
    pub changed_at: Option<Timestamp>,
}

impl Account {
    /// The name that replaces personal data.
    pub const ERASED_NAME: &'static str = "erased";

    /// What is wrong with a name, if anything.
    pub fn check_name(name: &str) -> Option<FieldError> {
        let length = name.chars().count();
        let is_sound = (1..=NAME_MAX_CHARS).contains(&length) && !name.chars().any(char::is_control);
        let message = format!("must have 1 to {NAME_MAX_CHARS} characters, none of them a control character");
        (!is_sound).then(|| FieldError::new("name", message))
    }

    /// The same account without personal data. The id stays, as the pseudonym of ledger and events.
    pub fn erased(self, now: Timestamp) -> Self {
        Self {
            changed_at: Some(now),
            email: None,
            name: Self::ERASED_NAME.to_owned(),
            standing: Standing::Erased,
            credential: Credential::None,
            ..self
        }
    }
}

/// Characters in the shortest password that is taken.
pub const PASSWORD_MIN_CHARS: usize = 10;

/// Bytes in the longest password that is taken. Hashing reads all of it, so it has to end somewhere.
pub const PASSWORD_MAX_BYTES: usize = 1_024;

/// Characters in the longest name that is taken.
pub const NAME_MAX_CHARS: usize = 100;

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Below [`PASSWORD_MIN_CHARS`].
    #[error("must have at least {PASSWORD_MIN_CHARS} characters")]
    TooShort,
    /// Above [`PASSWORD_MAX_BYTES`].
    #[error("must have at most {PASSWORD_MAX_BYTES} bytes")]
    TooLong,
}

/// Checks a new password. Length is the only rule: composition rules make passwords worse (NIST SP 800-63B,
/// section 5.1.1.2).
pub fn check_password(password: &str) -> Result<(), PasswordRefused> {
    if password.len() > PASSWORD_MAX_BYTES {
        return Err(PasswordRefused::TooLong);
    }
    if password.chars().count() < PASSWORD_MIN_CHARS {
        return Err(PasswordRefused::TooShort);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
