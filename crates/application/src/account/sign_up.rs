//! Sign up: an account, its address, and its empty wallet, in one commit.

use frontrow_domain::account::{Account, Credential, Email, Role, Standing, check_password};
use frontrow_domain::catalog::FieldError;
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::wallet::Wallet;
use frontrow_domain::{Timestamp, UserId};

use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};

/// What somebody says who signs up, or staff who make an account.
#[derive(Clone)]
pub struct NewAccount {
    /// The address to log in with.
    pub email: String,
    /// The password.
    pub password: String,
    /// The name to address them by.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// Why an account is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignUpRefused {
    /// These members are wrong.
    Invalid(Vec<FieldError>),
    /// Somebody has this address.
    EmailTaken,
}

struct SignUp {
    id: UserId,
    email: Email,
    name: String,
    role: Role,
    password_hash: String,
}

impl Command for SignUp {
    type Outcome = Account;
    type Refusal = SignUpRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Email(self.email.clone())])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Account, Stop<SignUpRefused>> {
        if records.emails.get(&self.email)?.is_some() {
            return refuse(SignUpRefused::EmailTaken);
        }
        let account = Account {
            id: self.id,
            email: Some(self.email.clone()),
            name: self.name.clone(),
            role: self.role,
            standing: Standing::Active,
            credential: Credential::Password(self.password_hash.clone()),
            created_at: now,
            changed_at: None,
        };
        records.emails.put(self.email.clone(), self.id);
        records.accounts.put_new(self.id, account.clone());
        records.wallets.put_new(self.id, Wallet::empty(self.id));
        Ok(account)
    }
}

impl App {
    /// Makes an account with an address and a password.
    pub async fn sign_up(&self, new: NewAccount) -> Result<Account, Failure<SignUpRefused>> {
        let mut errors = Vec::new();
        let email = Email::parse(&new.email);
        if let Err(refused) = &email {
            errors.push(FieldError::new("email", refused.to_string()));
        }
        if let Err(refused) = check_password(&new.password) {
            errors.push(FieldError::new("password", refused.to_string()));
        }
        errors.extend(Account::check_name(&new.name));
        let email = match email {
            Ok(email) if errors.is_empty() => email,
            _ => return Err(Failure::Refused(SignUpRefused::Invalid(errors))),
        };
        let password_hash = self.passwords.hash(new.password).await.map_err(|_| Failure::Overloaded)?;
        let id = UserId::new(self.entropy.uuid());
        let command = SignUp { id, email, name: new.name, role: new.role, password_hash };
        self.box_office.run(Priority::Begin, command).await
    }
}
