//! Our own access tokens: HS256 JWTs. They say who somebody is; and what they may do, unless their account was
//! changed since (`accounts`).

use std::sync::Arc;

use frontrow_domain::account::Role;
use frontrow_domain::{Timestamp, UserId};
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Serialize};

use super::Untrusted;
use crate::keyring::{Keyring, Ring};
use crate::time::Uid;

/// The claim `iss` of our own tokens.
pub(crate) const ISSUER: &str = "frontrow";

/// Makes our own access tokens.
pub(crate) struct AccessTokens {
    keys: Arc<Keyring>,
    lifetime_seconds: u32,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Uid,
    role: String,
    iat: i64,
    exp: i64,
    iss: String,
}

/// What a token of ours says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnToken {
    /// Whose it is.
    pub(crate) user: UserId,
    /// What they might do when it was made.
    pub(crate) role: Role,
    /// The first moment at which it is no longer good.
    pub(crate) expires_at: Timestamp,
}

/// A validation of the signature alone, with one algorithm. The claims are checked by us: against the
/// application's clock, with ends exclusive.
pub(super) fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

pub(super) fn at_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(1_000_000))
}

impl AccessTokens {
    pub(crate) fn new(keys: Arc<Keyring>, lifetime_seconds: u32) -> Self {
        Self { keys, lifetime_seconds }
    }

    /// Seconds for which a token is good.
    pub(crate) fn lifetime_seconds(&self) -> u32 {
        self.lifetime_seconds
    }

    /// A token for somebody; nothing when it cannot be made, which is a defect.
    pub(crate) fn issue(&self, user: UserId, role: Role, now: Timestamp) -> Option<String> {
        let iat = now.millis().div_euclid(1_000);
        let exp = iat.saturating_add(i64::from(self.lifetime_seconds));
        let (sub, role) = (Uid(user.uuid()), role.name().to_owned());
        let claims = Claims { sub, role, iat, exp, iss: ISSUER.to_owned() };
        let ring = self.keys.now();
        let key = &ring.tokens.signing;
        jsonwebtoken::encode(&key.header, &claims, &key.encoding).ok()
    }
}

/// What a token says, if a key that is listed has signed it. Whether it is still good is another question.
pub(super) fn verify(ring: &Ring, token: &str) -> Result<OwnToken, Untrusted> {
    // Not believed, only used to choose the key.
    let header = jsonwebtoken::decode_header(token).map_err(|_| Untrusted::Forged)?;
    let kid = header.kid.as_deref().ok_or(Untrusted::Forged)?;
    let validation = signature_only(Algorithm::HS256);
    let mut named = ring.tokens.all().filter(|key| key.header.kid.as_deref() == Some(kid));
    let claims = named.find_map(|key| {
        let data = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation).ok()?;
        data.header.crit.is_none().then_some(data.claims)
    });
    let claims = claims.filter(|claims| claims.iss == ISSUER).ok_or(Untrusted::Forged)?;
    let role = Role::parse(&claims.role).ok_or(Untrusted::Forged)?;
    let user = UserId::new(claims.sub.0);
    Ok(OwnToken { user, role, expires_at: at_seconds(claims.exp) })
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use uuid::Uuid;

    use super::*;
    use crate::keyring::{ring_of, token_key_id};

    fn user() -> UserId {
        UserId::new(Uuid::from_u128(7))
    }

    fn tokens(keys: &[u8]) -> AccessTokens {
        AccessTokens::new(Arc::new(Keyring::new(&ring_of(keys))), 900)
    }

    impl AccessTokens {
        fn verify(&self, token: &str) -> Result<OwnToken, Untrusted> {
            verify(&self.keys.now(), token)
        }
    }

    #[test]
    fn a_token_says_what_it_was_made_with() {
        let tokens = tokens(&[7]);
        let now = Timestamp::from_micros(1_000_500_000);
        let token = tokens.issue(user(), Role::Operator, now).expect("token");
        let said = tokens.verify(&token).expect("ours");
        assert_eq!(said, OwnToken { user: user(), role: Role::Operator, expires_at: at_seconds(1_900) });
    }

    #[test]
    fn a_token_counts_as_long_as_its_key_is_listed() {
        let tokens = tokens(&[7]);
        let now = Timestamp::from_micros(1_000_000_000);
        let old = tokens.issue(user(), Role::Fan, now).expect("token");
        tokens.keys.replace(&ring_of(&[8, 7]));
        let new = tokens.issue(user(), Role::Fan, now).expect("token");
        let kid = |token: &str| jsonwebtoken::decode_header(token).expect("a header").kid;
        assert_eq!(kid(&old), Some(token_key_id(&[7; 32])));
        assert_eq!(kid(&new), Some(token_key_id(&[8; 32])));
        assert!(tokens.verify(&old).is_ok() && tokens.verify(&new).is_ok());
        tokens.keys.replace(&ring_of(&[8]));
        assert_eq!(tokens.verify(&old), Err(Untrusted::Forged));
        assert!(tokens.verify(&new).is_ok());
    }

    #[test]
    fn a_token_of_another_key_or_algorithm_is_forged() {
        let tokens = tokens(&[7, 9]);
        let now = Timestamp::from_micros(1_000_000_000);
        let foreign = self::tokens(&[8]).issue(user(), Role::Admin, now).expect("token");
        assert_eq!(tokens.verify(&foreign), Err(Untrusted::Forged));

        let claims = Claims {
            sub: Uid(user().uuid()),
            role: "admin".to_owned(),
            iat: 1_000,
            exp: 2_000,
            iss: ISSUER.to_owned(),
        };
        let kid = |number: u8| Some(token_key_id(&[number; 32]));
        let key = EncodingKey::from_secret(&[7; 32]);
        let sign = |algorithm, kid| {
            let header = Header { kid, ..Header::new(algorithm) };
            jsonwebtoken::encode(&header, &claims, &key).expect("token")
        };
        assert!(tokens.verify(&sign(Algorithm::HS256, kid(7))).is_ok());
        // Another algorithm, the name of another key, a name that nothing has, and no name.
        for (algorithm, kid) in [
            (Algorithm::HS384, kid(7)),
            (Algorithm::HS256, kid(9)),
            (Algorithm::HS256, kid(8)),
            (Algorithm::HS256, None),
        ] {
            assert_eq!(tokens.verify(&sign(algorithm, kid.clone())), Err(Untrusted::Forged), "{kid:?}");
        }

        let mine = tokens.issue(user(), Role::Fan, now).expect("token");
        let (rest, signature) = mine.rsplit_once('.').expect("dots");
        let (_, payload) = rest.split_once('.').expect("dots");
        // {"alg":"none","typ":"JWT"}
        for forged in [
            format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}."),
            format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.{signature}"),
            format!("{rest}."),
            rest.to_owned(),
            String::new(),
        ] {
            assert_eq!(tokens.verify(&forged), Err(Untrusted::Forged), "{forged}");
        }
    }
}
