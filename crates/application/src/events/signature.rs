//! Signatures of webhooks, by the Standard Webhooks specification (<https://www.standardwebhooks.com>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontrow_domain::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::webhook::WebhookSecret;

/// Bytes of a new secret. The specification asks for 24 to 64.
pub(super) const SECRET_BYTES: usize = 32;

/// What a secret begins with when it is shown.
const PREFIX: &str = "whsec_";

impl WebhookSecret {
    /// As its receiver has to have it.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }
}

/// The headers of a message: its id, when it was sent, and the signature over both and the body.
pub(super) fn headers(
    secret: &WebhookSecret,
    id: String,
    now: Timestamp,
    body: &str,
) -> Vec<(&'static str, String)> {
    let seconds = now.millis().div_euclid(1_000).to_string();
    let signature = sign(secret, &id, &seconds, body);
    vec![("webhook-id", id), ("webhook-timestamp", seconds), ("webhook-signature", signature)]
}

fn sign(secret: &WebhookSecret, id: &str, seconds: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).expect("a key may have any length");
    for part in [id, ".", seconds, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn a_signature_is_what_others_make_of_it() {
        let secret = WebhookSecret(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64"));
        assert_eq!(secret.reveal(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_not_shown_by_accident() {
        assert_eq!(format!("{:?}", WebhookSecret(vec![1, 2, 3])), "WebhookSecret(…)");
    }
}
