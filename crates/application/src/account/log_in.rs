//! Log in, refresh, log out.

use frontrow_domain::account::{Account, Credential, Email, Login, RefreshRefused, Standing};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::{LoginId, Timestamp, UserId};

use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::store::ReadError;
use crate::trace;

/// What a refresh token says; the interface signs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    /// The log-in that it belongs to.
    pub login: LoginId,
    /// Whose it is, so that account and log-in can be loaded together.
    pub user: UserId,
    /// Its generation.
    pub generation: u32,
}

/// Somebody who may act now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    /// Who.
    pub account: Account,
    /// The refresh token to hand out.
    pub refresh: RefreshToken,
}

/// Why a log-in is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogInRefused {
    /// Unknown address or wrong password; nobody is told which.
    InvalidCredentials,
    /// The password is right, and staff have stopped the account.
    Blocked,
}

/// What came of presenting a refresh token. The second and third are outcomes, not refusals: a stale token ends
/// the log-in, and that has to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// A new token.
    Renewed(LoggedIn),
    /// The log-in is over, now or before.
    Ended,
    /// Staff have stopped the account.
    Blocked,
}

struct OpenLogin {
    id: LoginId,
    user: UserId,
    /// The hash that the password was checked against; it may have been replaced meanwhile.
    password_hash: String,
    login_seconds: u32,
}

impl Command for OpenLogin {
    type Outcome = LoggedIn;
    type Refusal = LogInRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Account(self.user)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<LoggedIn, Stop<LogInRefused>> {
        let Some(account) = records.accounts.get(&self.user)?.cloned() else {
            return refuse(LogInRefused::InvalidCredentials);
        };
        if account.credential != Credential::Password(self.password_hash.clone()) {
            return refuse(LogInRefused::InvalidCredentials);
        }
        if account.standing != Standing::Active {
            return refuse(LogInRefused::Blocked);
        }
        let login = Login::open(self.id, self.user, now, self.login_seconds);
        let refresh = RefreshToken { login: self.id, user: self.user, generation: login.generation };
        records.logins.put_new(self.id, login);
        Ok(LoggedIn { account, refresh })
    }
}

struct Refresh {
    token: RefreshToken,
    login_seconds: u32,
}

impl Command for Refresh {
    type Outcome = Refreshed;
    type Refusal = std::convert::Infallible;

    fn keys(&self) -> Keys {
        Keys::new([Key::Account(self.token.user), Key::Login(self.token.login)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Refreshed, Stop<Self::Refusal>> {
        let account = records.accounts.get(&self.token.user)?.cloned();
        let login = records.logins.get(&self.token.login)?.cloned();
        let (Some(account), Some(login)) = (account, login) else { return Ok(Refreshed::Ended) };
        if login.user != account.id {
            return Ok(Refreshed::Ended);
        }
        match account.standing {
            Standing::Active => {}
            Standing::Blocked => return Ok(Refreshed::Blocked),
            Standing::Erased => return Ok(Refreshed::Ended),
        }
        match login.clone().refresh(self.token.generation, now, self.login_seconds) {
            Ok(renewed) => {
                let refresh = RefreshToken { generation: renewed.generation, ..self.token };
                records.logins.put(renewed.id, renewed);
                Ok(Refreshed::Renewed(LoggedIn { account, refresh }))
            }
            Err(RefreshRefused::Ended) => Ok(Refreshed::Ended),
            Err(RefreshRefused::Reused) => {
                records.logins.put(login.id, login.end());
                Ok(Refreshed::Ended)
            }
        }
    }
}

struct LogOut {
    login: LoginId,
}

impl Command for LogOut {
    type Outcome = ();
    type Refusal = std::convert::Infallible;

    fn keys(&self) -> Keys {
        Keys::new([Key::Login(self.login)])
    }

    fn decide(&self, records: &mut Records, _now: Timestamp) -> Result<(), Stop<Self::Refusal>> {
        if let Some(login) = records.logins.get(&self.login)?.cloned() {
            records.logins.put(login.id, login.end());
        }
        Ok(())
    }
}

impl App {
    /// Whether a log-in would find a place to have its password checked, before anything is counted or looked up for it.
    pub fn admit_log_in(&self) -> Result<(), Failure<LogInRefused>> {
        self.passwords.admit().map_err(|_| Failure::Overloaded)
    }

    /// Checks a password and opens a log-in.
    pub async fn log_in(&self, email: &str, password: String) -> Result<LoggedIn, Failure<LogInRefused>> {
        let account = match Email::parse(email) {
            Ok(email) => self.reads.account_by_email(&email).await.map_err(unavailable)?,
            Err(_) => None,
        };
        let hash = account.as_ref().and_then(|account| match &account.credential {
            Credential::Password(hash) => Some(hash.clone()),
            Credential::External | Credential::None => None,
        });
        let matches = self.passwords.verify(password, hash.clone()).await.map_err(|_| Failure::Overloaded)?;
        let (Some(account), Some(password_hash), true) = (account, hash, matches) else {
            return Err(Failure::Refused(LogInRefused::InvalidCredentials));
        };
        let id = LoginId::new(self.entropy.uuid());
        let login_seconds = self.settings.login_seconds;
        let command = OpenLogin { id, user: account.id, password_hash, login_seconds };
        self.box_office.run(Priority::Begin, command).await
    }

    /// Takes a refresh token and hands out the next one.
    pub async fn refresh(&self, token: RefreshToken) -> Result<Refreshed, Failure<std::convert::Infallible>> {
        let login_seconds = self.settings.login_seconds;
        self.box_office.run(Priority::Begin, Refresh { token, login_seconds }).await
    }

    /// Ends the log-in of a refresh token. Ending it twice is ending it.
    pub async fn log_out(&self, token: RefreshToken) -> Result<(), Failure<std::convert::Infallible>> {
        self.box_office.run(Priority::Begin, LogOut { login: token.login }).await
    }

    /// The account of that id.
    pub async fn account(&self, id: UserId) -> Result<Option<Account>, ReadError> {
        self.reads.account(id).await
    }

    /// True while there is no account at all.
    pub async fn has_no_accounts(&self) -> Result<bool, ReadError> {
        self.reads.has_no_accounts().await
    }
}

/// A query that failed before a command was made.
pub(crate) fn unavailable<R>(error: ReadError) -> Failure<R> {
    trace::failed("a query failed", &error);
    match error {
        ReadError::Unavailable(_) => Failure::Unavailable,
        ReadError::Corrupt(_) => Failure::Defect,
    }
}
