//! Who asks: our own access tokens and those of an external issuer, behind one cache of checked signatures.
//!
//! Of a token only the signature's validity is cached; whether it has expired is asked anew for every request. What its
//! owner may do is asked of the account (`accounts`), so that a token never outlives a block or a role. Only the issuer
//! says what its own users may do. An id in a path, header or body never says who asks (R-A2).

mod access;
mod accounts;
mod address;
mod caller;
mod external;
mod jwks;
mod refresh;
mod throttle;

use std::sync::Arc;

use axum::http::HeaderValue;
use frontrow_application::App;
use frontrow_application::account::{ExternalIdentity, LoggedIn};
use frontrow_application::once::digest;
use frontrow_domain::account::Role;
use frontrow_domain::records::Digest;
use frontrow_domain::{Timestamp, UserId};
use quick_cache::sync::Cache;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

pub use jwks::Jwks;

pub(crate) use address::PeerAddress;
pub(crate) use caller::{Admin, Caller, Owner, Staff};
pub(crate) use refresh::RefreshTokens;
pub(crate) use throttle::{CountKeys, LogInThrottle};

pub(crate) use address::ClientAddress;

use access::AccessTokens;
use accounts::Accounts;
use external::ExternalIssuer;

use crate::keyring::{Keyring, Ring};
use crate::problem::{Code, Problem, Refusal as _};
use crate::settings::HttpSettings;

/// How many checked tokens are kept: those of as many fans as are at it at once.
const TOKENS_MAX: usize = 131_072;
/// How many fans of the external issuer are kept: known fans cost a query otherwise.
const IDENTITIES_MAX: usize = 262_144;
/// Bytes in the longest token that is looked at.
const TOKEN_MAX_BYTES: usize = 8_192;

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untrusted {
    /// No key of ours or of the issuer has signed it, or not for us.
    Forged,
}

/// Everything that says who asks.
pub(crate) struct Auth {
    keys: Arc<Keyring>,
    access: AccessTokens,
    refresh: RefreshTokens,
    external: Option<ExternalIssuer>,
    tokens: Cache<[u8; 32], Believed>,
    identities: Cache<Digest, UserId>,
    accounts: Accounts,
}

/// A token whose signature was checked.
#[derive(Debug, Clone)]
struct Believed {
    who: Who,
    not_before: Timestamp,
    expires_at: Timestamp,
    /// The sets of keys that it was checked with: ours, and the issuer's.
    generation: (u64, u64),
}

#[derive(Debug, Clone)]
enum Who {
    Own(UserId, Role),
    External(Digest, Arc<ExternalIdentity>),
}

/// A pair of tokens for somebody who has logged in.
#[derive(Debug)]
pub(crate) struct TokenPair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) expires_in: u32,
}

impl Auth {
    pub(crate) fn new(settings: &HttpSettings) -> Self {
        Self {
            keys: Arc::clone(&settings.keys),
            access: AccessTokens::new(Arc::clone(&settings.keys), settings.access_token_seconds),
            refresh: RefreshTokens::new(Arc::clone(&settings.keys)),
            external: settings.issuer.clone().map(ExternalIssuer::new),
            tokens: Cache::new(TOKENS_MAX),
            identities: Cache::new(IDENTITIES_MAX),
            accounts: Accounts::new(),
        }
    }

    /// Reads and writes refresh tokens.
    pub(crate) fn refresh_tokens(&self) -> &RefreshTokens {
        &self.refresh
    }

    /// The tokens for somebody who has logged in or refreshed.
    pub(crate) fn pair(&self, app: &App, logged_in: &LoggedIn) -> Result<TokenPair, Problem> {
        let account = &logged_in.account;
        let access = self.access.issue(account.id, account.role, app.now()).ok_or_else(Problem::internal)?;
        // The tail of a UUIDv7 is random.
        let (_, nonce) = app.draw_id().as_u64_pair();
        let refresh = self.refresh.write(logged_in.refresh, nonce);
        Ok(TokenPair { access, refresh, expires_in: self.access.lifetime_seconds() })
    }

    /// Who sent a request with this header `Authorization`.
    pub(crate) async fn caller(
        &self,
        app: &App,
        authorization: Option<&HeaderValue>,
    ) -> Result<Caller, Problem> {
        let token = bearer(authorization)?;
        let now = app.now();
        let believed = self.believe(token, now).map_err(|Untrusted::Forged| forged())?;
        if now >= believed.expires_at {
            return Err(Problem::new(Code::AccessTokenExpired, "Get a new one with the refresh token."));
        }
        if now < believed.not_before {
            return Err(forged());
        }
        match &believed.who {
            Who::Own(user, said) => {
                Ok(Caller { user: *user, role: self.accounts.role(app, *user, *said).await? })
            }
            Who::External(key, identity) => {
                let user = self.meet(app, *key, identity).await?;
                self.accounts.role(app, user, identity.role).await?;
                Ok(Caller { user, role: identity.role })
            }
        }
    }

    /// Makes changes of accounts count from the next request on, whatever tokens say.
    pub(crate) fn accounts_changed(&self) {
        self.accounts.forget();
    }

    fn believe(&self, token: &str, now: Timestamp) -> Result<Believed, Untrusted> {
        let key: [u8; 32] = Sha256::digest(token).into();
        // One look at our keys, so that nothing is kept under a set that it was not checked with.
        let ours = self.keys.now();
        let theirs = self.external.as_ref().map_or(0, ExternalIssuer::generation);
        let generation = (ours.generation, theirs);
        if let Some(known) = self.tokens.get(&key) {
            if known.generation == generation {
                return Ok(known);
            }
            self.tokens.remove(&key);
        }
        let believed = self.verify(token, &ours, generation, now)?;
        if now < believed.expires_at {
            self.tokens.insert(key, believed.clone());
        }
        Ok(believed)
    }

    fn verify(
        &self,
        token: &str,
        ours: &Ring,
        generation: (u64, u64),
        now: Timestamp,
    ) -> Result<Believed, Untrusted> {
        #[derive(Deserialize)]
        struct Issuer {
            iss: String,
        }
        // Not believed, only used to choose who is to check the rest.
        let claimed = jsonwebtoken::dangerous::insecure_decode_claims::<Issuer>(token);
        let issuer = claimed.map_err(|_| Untrusted::Forged)?.iss;
        match &self.external {
            Some(external) if issuer != access::ISSUER && external.is_issuer(&issuer) => {
                let said = external.verify(token, now)?;
                let key = digest(&[said.identity.issuer.as_bytes(), said.identity.subject.as_bytes()]);
                Ok(Believed {
                    who: Who::External(key, Arc::new(said.identity)),
                    not_before: said.not_before,
                    expires_at: said.expires_at,
                    generation,
                })
            }
            _ => {
                let said = access::verify(ours, token)?;
                Ok(Believed {
                    who: Who::Own(said.user, said.role),
                    not_before: Timestamp::ZERO,
                    expires_at: said.expires_at,
                    generation,
                })
            }
        }
    }

    async fn meet(&self, app: &App, key: Digest, identity: &ExternalIdentity) -> Result<UserId, Problem> {
        if let Some(known) = self.identities.get(&key) {
            return Ok(known);
        }
        let user = app.meet(identity).await.map_err(|failure| failure.problem(app.now()))?;
        self.identities.insert(key, user);
        Ok(user)
    }
}

fn bearer(authorization: Option<&HeaderValue>) -> Result<&str, Problem> {
    let missing = || Problem::new(Code::Unauthenticated, "Send `Authorization: Bearer <accessToken>`.");
    let value = authorization.ok_or_else(missing)?.to_str().map_err(|_| missing())?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    let token = token.trim();
    let is_sound =
        scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= TOKEN_MAX_BYTES;
    if is_sound { Ok(token) } else { Err(missing()) }
}

fn forged() -> Problem {
    Problem::new(Code::Unauthenticated, "The access token is not valid here; log in again.")
}
