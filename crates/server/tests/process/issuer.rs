//! An external issuer whose keys are fetched from a URL, and which changes them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

use crate::client::http;
use crate::server::Server;

/// A key of the issuer, with its name.
struct IssuerKey {
    name: &'static str,
    key: SigningKey,
}

impl IssuerKey {
    fn new(name: &'static str, seed: u8) -> Self {
        Self { name, key: SigningKey::from_bytes(&[seed; 32]) }
    }

    fn published(&self) -> String {
        use base64::Engine;
        let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.name, "x": x}]})
            .to_string()
    }

    fn token(&self, subject: &str) -> String {
        let claims = json!({
            "iss": "https://keys.test", "aud": "frontrow", "sub": subject, "exp": 4_102_444_800_u64,
        });
        let header = Header { kid: Some(self.name.to_owned()), ..Header::new(Algorithm::EdDSA) };
        let der = self.key.to_pkcs8_der().expect("a key");
        encode(&header, &claims, &EncodingKey::from_ed_der(der.as_bytes())).expect("a token")
    }
}

/// Publishes whatever is in `keys`, until the test ends.
fn publish(keys: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request);
            let body = keys.lock().expect("keys").clone();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    format!("http://{address}/jwks")
}

#[tokio::test(flavor = "multi_thread")]
async fn fans_of_an_issuer_are_known_by_its_published_keys_also_after_it_changed_them() {
    let (old, new) = (IssuerKey::new("old", 1), IssuerKey::new("new", 2));
    let keys = Arc::new(Mutex::new(old.published()));
    let url = publish(Arc::clone(&keys));
    let folder = tempfile::tempdir().expect("folder");
    let settings = [
        ("FRONTROW__ISSUER__ISSUER", "https://keys.test"),
        ("FRONTROW__ISSUER__AUDIENCE", "frontrow"),
        ("FRONTROW__ISSUER__SHARED_SECRET", ""),
        ("FRONTROW__ISSUER__JWKS_URL", url.as_str()),
    ];
    let server = Server::start(folder.path(), &settings);
    let client = http();
    let me = |token: String| client.get(server.url("/users/me")).bearer_auth(token).send();

    // Ready says when the keys are here.
    let is_ready = async {
        let url = format!("http://{}/health/ready", server.address);
        while !client.get(&url).send().await.expect("an answer").status().is_success() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), is_ready).await.expect("the keys are fetched");
    let first = me(old.token("fan")).await.expect("an answer");
    assert_eq!(first.status(), 200);
    let first: serde_json::Value = first.json().await.expect("json");
    assert_eq!(first["role"], "fan");
    assert_eq!(me(new.token("fan")).await.expect("an answer").status(), 401, "not published yet");

    *keys.lock().expect("keys") = new.published();
    let is_taken = async {
        loop {
            let answer = me(new.token("fan")).await.expect("an answer");
            if answer.status() == 200 {
                return answer.json::<serde_json::Value>().await.expect("json");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let again = tokio::time::timeout(Duration::from_mins(1), is_taken).await.expect("the new key is fetched");
    assert_eq!(again["userId"], first["userId"], "the same fan under another key");
}
