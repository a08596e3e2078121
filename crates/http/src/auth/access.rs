//! Our own access tokens: HS256 JWTs. They say who somebody is; and what they may do, unless their account was
//! changed since (`accounts`).

use frontrow_domain::account::Role;
use frontrow_domain::{Timestamp, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Untrusted;
use crate::time::Uid;

/// The claim `iss` of our own tokens.
pub(crate) const ISSUER: &str = "frontrow";

/// Makes and checks our own access tokens.
pub(crate) struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    header: Header,
    validation: Validation,
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
    pub(crate) fn new(secret: &[u8], lifetime_seconds: u32) -> Self {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(hex(&Sha256::digest(secret)[..4]));
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            header,
            validation: signature_only(Algorithm::HS256),
            lifetime_seconds,
        }
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
        jsonwebtoken::encode(&self.header, &claims, &self.encoding).ok()
    }

    /// What a token says, if we have signed it. Whether it is still good is another question.
    pub(crate) fn verify(&self, token: &str) -> Result<OwnToken, Untrusted> {
        let data = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| Untrusted::Forged)?;
        let claims = data.claims;
        if claims.iss != ISSUER || data.header.crit.is_some() {
            return Err(Untrusted::Forged);
        }
        let role = Role::parse(&claims.role).ok_or(Untrusted::Forged)?;
        let user = UserId::new(claims.sub.0);
        Ok(OwnToken { user, role, expires_at: at_seconds(claims.exp) })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string has no way to fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn user() -> UserId {
        UserId::new(Uuid::from_u128(7))
    }

    #[test]
    fn a_token_says_what_it_was_made_with() {
        let tokens = AccessTokens::new(&[7; 32], 900);
        let now = Timestamp::from_micros(1_000_500_000);
        let token = tokens.issue(user(), Role::Operator, now).expect("token");
        let said = tokens.verify(&token).expect("ours");
        assert_eq!(said, OwnToken { user: user(), role: Role::Operator, expires_at: at_seconds(1_900) });
    }

    #[test]
    fn a_token_of_another_key_or_algorithm_is_forged() {
        let tokens = AccessTokens::new(&[7; 32], 900);
        let other = AccessTokens::new(&[8; 32], 900);
        let now = Timestamp::from_micros(1_000_000_000);
        let foreign = other.issue(user(), Role::Admin, now).expect("token");
        assert_eq!(tokens.verify(&foreign), Err(Untrusted::Forged));

        let claims = Claims {
            sub: Uid(user().uuid()),
            role: "admin".to_owned(),
            iat: 1_000,
            exp: 2_000,
            iss: ISSUER.to_owned(),
        };
        let key = EncodingKey::from_secret(&[7; 32]);
        let wrong = jsonwebtoken::encode(&Header::new(Algorithm::HS384), &claims, &key).expect("token");
        assert_eq!(tokens.verify(&wrong), Err(Untrusted::Forged));

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
