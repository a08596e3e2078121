//! The section of the external issuer, with its checks.

use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};

use super::stronger_key;
use crate::config::merge::{Merge, quoted};
use crate::config::network::refuse_key_address;
use crate::config::secret::Secret;

/// `[issuer]`: an external issuer of access tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "fields are called as their keys, and `issuer` as in OpenID Connect"
)]
pub(crate) struct Issuer {
    /// When set, issuer, audience and exactly one source of keys are too.
    pub(crate) enabled: bool,
    /// Compared with `iss`, byte by byte.
    pub(crate) issuer: String,
    /// Compared with `aud`.
    pub(crate) audience: String,
    /// The name of the claim; never empty.
    pub(crate) role_claim: String,
    /// No value is in two of the three lists.
    pub(crate) operator_roles: Vec<String>,
    /// No value is in two of the three lists.
    pub(crate) admin_roles: Vec<String>,
    /// No value is in two of the three lists.
    pub(crate) gate_roles: Vec<String>,
    /// See [`Issuer::shared_key`].
    pub(crate) shared_secret: Secret,
    /// See [`Issuer::verifying_key`].
    #[serde(deserialize_with = "super::pem")]
    pub(crate) public_key: String,
    /// https, or http nearby.
    pub(crate) jwks_url: String,
    /// In seconds.
    pub(crate) jwks_refresh_seconds: u64,
    /// In seconds.
    pub(crate) leeway_seconds: u64,
}

impl Issuer {
    /// The HS256 key shared with the issuer, if that is how it signs. Never an error after
    /// [`load`](crate::config::load).
    pub(crate) fn shared_key(&self) -> Result<Option<Vec<u8>>, String> {
        self.shared_secret.key_bytes()
    }

    /// The public key of the issuer, if it was given as text; which family it is of, the key itself knows.
    /// Never an error after [`load`](crate::config::load).
    pub(crate) fn verifying_key(&self) -> Result<Option<DecodingKey>, String> {
        if self.public_key.is_empty() {
            return Ok(None);
        }
        if self.public_key.contains("PRIVATE KEY") {
            return Err("is a private key, which belongs to the issuer alone".to_owned());
        }
        let pem = self.public_key.trim().as_bytes();
        DecodingKey::from_rsa_pem(pem)
            .or_else(|_| DecodingKey::from_ec_pem(pem))
            .or_else(|_| DecodingKey::from_ed_pem(pem))
            .map(Some)
            .map_err(|_| "is not a public key in PEM".to_owned())
    }

    pub(in crate::config) fn validate(&self, problems: &mut Merge) {
        if self.enabled {
            self.validate_enabled(problems);
        }
        if self.issuer == "frontrow" {
            let help = "give the issuer another name: tokens of that name are taken for the server's own";
            problems.refuse(&["issuer.issuer"], "is what this server calls itself", help);
        }
        if self.role_claim.is_empty() {
            problems.refuse(&["issuer.role_claim"], "is empty", "name the claim that says the role");
        }
        self.validate_roles(problems);
        if let Err(what) = self.shared_key() {
            problems.refuse(&["issuer.shared_secret"], what, stronger_key());
        }
        if let Err(what) = self.verifying_key() {
            let help = "give what stands between and with its BEGIN and END lines: RSA, EC or Ed25519";
            problems.refuse(&["issuer.public_key"], what, help);
        }
        if !self.jwks_url.is_empty()
            && let Err(what) = refuse_key_address(&self.jwks_url)
        {
            let help =
                "give an https address without user name (http only within the machine or its network)";
            problems.refuse(&["issuer.jwks_url"], what, help);
        }
    }

    fn validate_enabled(&self, problems: &mut Merge) {
        for (key, text, help) in [
            ("issuer.issuer", &self.issuer, "give what its tokens carry as iss"),
            ("issuer.audience", &self.audience, "give what its tokens for this service carry as aud"),
        ] {
            if text.is_empty() {
                problems.refuse(
                    &[key, "issuer.enabled"],
                    "is empty although issuer.enabled is true",
                    format!("{help}, or switch issuer.enabled off"),
                );
            }
        }
        let sources = [
            ("issuer.shared_secret", !self.shared_secret.is_empty()),
            ("issuer.public_key", !self.public_key.is_empty()),
            ("issuer.jwks_url", !self.jwks_url.is_empty()),
        ];
        let given: Vec<_> = sources.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
        let keys =
            ["issuer.enabled", "issuer.shared_secret", "issuer.public_key", "issuer.jwks_url"].as_slice();
        match given.as_slice() {
            [_] => {}
            [] => problems.refuse(
                keys,
                "is true without a key to check tokens with",
                "give one of issuer.shared_secret, issuer.public_key and issuer.jwks_url",
            ),
            several => problems.refuse(
                keys,
                format!("is true with {} keys to check tokens with ({})", several.len(), several.join(", ")),
                "keep one of them: an issuer signs in one way",
            ),
        }
    }

    fn validate_roles(&self, problems: &mut Merge) {
        let lists = [
            ("issuer.admin_roles", &self.admin_roles),
            ("issuer.operator_roles", &self.operator_roles),
            ("issuer.gate_roles", &self.gate_roles),
        ];
        for (at, (key, values)) in lists.iter().enumerate() {
            if values.iter().any(String::is_empty) {
                problems.refuse(&[*key], "has an empty value", "take it out");
            }
            for (other_key, others) in lists.iter().skip(at + 1) {
                for value in values.iter().filter(|value| others.contains(value)) {
                    problems.refuse(
                        &[*key, *other_key],
                        format!("has {}, which {other_key} has too", quoted(value)),
                        "leave it in one of them",
                    );
                }
            }
        }
    }
}
