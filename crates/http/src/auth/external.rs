//! Access tokens of an external issuer: how a promoter with a log-in of its own uses us.
//!
//! A token is believed when its signature fits a key of the issuer with the one algorithm of that key, and
//! `iss`, `aud`, `exp` and `nbf` are right. The algorithm in the header never chooses more than among those.

use frontrow_application::account::ExternalIdentity;
use frontrow_domain::Timestamp;
use frontrow_domain::account::Role;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde_json::Value;

use super::Untrusted;
use super::access::{at_seconds, signature_only};
use crate::settings::{IssuerKeys, IssuerSettings};

/// Bytes in the longest subject that is taken (`OpenID` Connect Core, section 2).
const SUBJECT_MAX: usize = 255;

/// Checks the tokens of one external issuer.
pub(crate) struct ExternalIssuer {
    settings: IssuerSettings,
    /// The one key, where it does not come from a published set.
    key: Option<(Algorithm, DecodingKey)>,
}

/// What a token of the issuer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExternalToken {
    /// Who.
    pub(crate) identity: ExternalIdentity,
    /// The first moment at which it is no longer good, leeway included.
    pub(crate) expires_at: Timestamp,
    /// The first moment at which it is good, leeway included.
    pub(crate) not_before: Timestamp,
}

impl ExternalIssuer {
    pub(crate) fn new(settings: IssuerSettings) -> Self {
        let key = match &settings.keys {
            IssuerKeys::Shared(secret) => Some((Algorithm::HS256, DecodingKey::from_secret(secret))),
            IssuerKeys::Public(key) => {
                let algorithm = match key.family() {
                    AlgorithmFamily::Rsa => Algorithm::RS256,
                    AlgorithmFamily::Ec => Algorithm::ES256,
                    AlgorithmFamily::Ed => Algorithm::EdDSA,
                    // A secret is no public key; were one passed in, HS256 is what it is for.
                    AlgorithmFamily::Hmac => Algorithm::HS256,
                };
                Some((algorithm, key.clone()))
            }
            IssuerKeys::Published(_) => None,
        };
        Self { settings, key }
    }

    /// True for what the issuer puts into `iss`.
    pub(crate) fn is_issuer(&self, issuer: &str) -> bool {
        self.settings.issuer == issuer
    }

    /// Counts the sets of keys of the issuer.
    pub(crate) fn generation(&self) -> u64 {
        match &self.settings.keys {
            IssuerKeys::Published(published) => published.generation(),
            IssuerKeys::Shared(_) | IssuerKeys::Public(_) => 0,
        }
    }

    /// What a token says, if the issuer has signed it for us.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<ExternalToken, Untrusted> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Untrusted::Forged)?;
        if header.crit.is_some() {
            return Err(Untrusted::Forged);
        }
        let verify = |algorithm: Algorithm, key: &DecodingKey| {
            jsonwebtoken::decode::<Value>(token, key, &signature_only(algorithm)).ok().map(|data| data.claims)
        };
        let claims = match (&self.key, &self.settings.keys) {
            (Some((algorithm, key)), _) => verify(*algorithm, key),
            (None, IssuerKeys::Published(published)) => {
                published.find(header.kid.as_deref(), header.alg, now, verify)
            }
            (None, IssuerKeys::Shared(_) | IssuerKeys::Public(_)) => None,
        };
        self.read(&claims.ok_or(Untrusted::Forged)?).ok_or(Untrusted::Forged)
    }

    fn read(&self, claims: &Value) -> Option<ExternalToken> {
        let settings = &self.settings;
        let audience = claims.get("aud")?;
        let is_for_us = match audience {
            Value::String(one) => *one == settings.audience,
            Value::Array(many) => many.iter().any(|one| one.as_str() == Some(&settings.audience)),
            _ => false,
        };
        let subject = claims.get("sub")?.as_str()?;
        let is_sound = (1..=SUBJECT_MAX).contains(&subject.len());
        if !is_for_us || !is_sound || claims.get("iss")?.as_str()? != settings.issuer {
            return None;
        }
        let not_before = match claims.get("nbf") {
            None | Some(Value::Null) => Timestamp::ZERO,
            Some(moment) => seconds(moment)?.minus_seconds(settings.leeway_seconds),
        };
        let identity = ExternalIdentity {
            issuer: settings.issuer.clone(),
            subject: subject.to_owned(),
            name: claims.get("name").and_then(Value::as_str).map(str::to_owned),
            role: self.role(claims),
        };
        let expires_at = seconds(claims.get("exp")?)?.plus_seconds(settings.leeway_seconds);
        Some(ExternalToken { identity, expires_at, not_before })
    }

    fn role(&self, claims: &Value) -> Role {
        let name = &self.settings.role_claim;
        // A claim may have dots in its own name ("https://promoter.example/roles").
        let nested = || name.split('.').try_fold(claims, |value, part| value.get(part));
        let roles = match claims.get(name).or_else(nested) {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let has = |wanted: &[String]| roles.iter().any(|role| wanted.iter().any(|wanted| wanted == role));
        if has(&self.settings.admin_roles) {
            Role::Admin
        } else if has(&self.settings.operator_roles) {
            Role::Operator
        } else if has(&self.settings.gate_roles) {
            Role::Gate
        } else {
            Role::Fan
        }
    }
}

/// A `NumericDate` (RFC 7519, section 2): seconds, possibly with a fraction.
fn seconds(value: &Value) -> Option<Timestamp> {
    if let Some(whole) = value.as_i64() {
        return Some(at_seconds(whole));
    }
    let fraction = value.as_f64().filter(|seconds| seconds.is_finite())?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast saturates, and a token ends early at the worst"
    )]
    let whole = fraction.floor() as i64;
    Some(at_seconds(whole))
}
