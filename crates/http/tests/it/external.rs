//! Access tokens of an external issuer.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use frontrow_http::{HttpSettings, IssuerKeys, IssuerSettings, Jwks};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde_json::{Value, json};

use crate::world::{Client, World};

const SHARED: &[u8] = b"what the promoter and we both know";

fn issuer(keys: IssuerKeys) -> IssuerSettings {
    IssuerSettings {
        issuer: "https://promoter.example/".to_owned(),
        audience: "frontrow".to_owned(),
        role_claim: "realm.roles".to_owned(),
        admin_roles: vec!["boss".to_owned()],
        operator_roles: vec!["crew".to_owned()],
        gate_roles: vec!["door".to_owned()],
        leeway_seconds: 30,
        keys,
    }
}

fn world(keys: IssuerKeys) -> World {
    World::with(|http: &mut HttpSettings| http.issuer = Some(issuer(keys)), |_| {})
}

fn claims(world: &World, subject: &str) -> Value {
    let now = world.stage.now().millis() / 1_000;
    json!({"iss": "https://promoter.example/", "aud": "frontrow", "sub": subject, "exp": now + 300, "name": "Kim"})
}

fn sign(header: &Header, claims: &Value, key: &EncodingKey) -> Client {
    let token = jsonwebtoken::encode(header, claims, key).expect("token");
    Client { user: frontrow_domain::UserId::new(uuid::Uuid::nil()), token, refresh: String::new() }
}

fn shared(claims: &Value) -> Client {
    sign(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SHARED))
}

#[tokio::test]
async fn a_fan_of_the_issuer_is_made_at_first_sight_and_known_again() {
    let world = world(IssuerKeys::Shared(SHARED.to_vec()));
    let kim = shared(&claims(&world, "kim"));
    let me = world.get("/api/v1/users/me").by(&kim).send().await.expect(200).json();
    assert_eq!((&me["name"], &me["email"], &me["role"]), (&json!("Kim"), &json!(null), &json!("fan")));
    let charge = json!({"amount": 50_000, "method": "card"});
    world.post("/api/v1/users/me/charge", &charge).by(&kim).key("c").send().await.expect(200);
    let schedule = world.stage.a_schedule().make().await;
    let id = world.hold(&kim, schedule, &[1]).await;
    world.pay(&kim, &id).await;
    world.stage.clock.advance(10);
    let another_token = shared(&claims(&world, "kim"));
    let again = world.get("/api/v1/users/me").by(&another_token).send().await.expect(200).json();
    assert_eq!(again["userId"], me["userId"]);
    let lee = shared(&claims(&world, "lee"));
    let other = world.get("/api/v1/users/me").by(&lee).send().await.expect(200).json();
    assert_ne!(other["userId"], me["userId"]);
    world.get(&format!("/api/v1/reservations/{id}")).by(&lee).send().await.problem(404, "not_found");
    // Our own tokens are still good beside them.
    let ann = world.fan("ann", 0).await;
    world.get("/api/v1/users/me").by(&ann).send().await.expect(200);
}

#[tokio::test]
async fn roles_come_from_the_claim() {
    let world = world(IssuerKeys::Shared(SHARED.to_vec()));
    for (roles, role) in [
        (json!({"realm": {"roles": ["x", "crew"]}}), "operator"),
        (json!({"realm": {"roles": ["crew", "boss"]}}), "admin"),
        (json!({"realm": {"roles": "door"}}), "gate"),
        (json!({"realm.roles": ["crew"]}), "operator"),
        (json!({"realm": {"roles": ["operator", "admin"]}}), "fan"),
        (json!({"realm": "crew"}), "fan"),
        (json!({"role": "admin"}), "fan"),
    ] {
        let mut claims = claims(&world, &format!("{roles}"));
        claims.as_object_mut().expect("object").extend(roles.as_object().expect("object").clone());
        let me = world.get("/api/v1/users/me").by(&shared(&claims)).send().await.expect(200).json();
        assert_eq!(me["role"], role, "{roles}");
    }
}

#[tokio::test]
async fn tokens_that_are_not_for_us_are_refused() {
    let world = world(IssuerKeys::Shared(SHARED.to_vec()));
    let now = world.stage.now().millis() / 1_000;
    let mut wrong = Vec::new();
    for (member, value) in [
        ("aud", json!("another")),
        ("aud", json!([])),
        ("aud", json!(null)),
        ("iss", json!("https://other.example/")),
        ("iss", json!("frontrow")),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!("x".repeat(256))),
        ("exp", json!("soon")),
        ("exp", json!(null)),
        ("nbf", json!(now + 31)),
    ] {
        let mut claims = claims(&world, "kim");
        claims[member] = value;
        wrong.push(shared(&claims));
    }
    for gone in ["aud", "iss", "sub", "exp"] {
        let mut claims = claims(&world, "kim");
        claims.as_object_mut().expect("object").remove(gone);
        wrong.push(shared(&claims));
    }
    let header = Header::new(Algorithm::HS384);
    wrong.push(sign(&header, &claims(&world, "kim"), &EncodingKey::from_secret(SHARED)));
    let other = EncodingKey::from_secret(b"another secret of the same length");
    wrong.push(sign(&Header::new(Algorithm::HS256), &claims(&world, "kim"), &other));
    let mut critical = Header::new(Algorithm::HS256);
    critical.crit = Some(vec!["exp".to_owned()]);
    wrong.push(sign(&critical, &claims(&world, "kim"), &EncodingKey::from_secret(SHARED)));
    for client in &wrong {
        world.get("/api/v1/users/me").by(client).send().await.problem(401, "unauthenticated");
    }
    for (member, value) in
        [("aud", json!(["x", "frontrow"])), ("nbf", json!(now + 30)), ("exp", json!(now - 29))]
    {
        let mut claims = claims(&world, "kim");
        claims[member] = value;
        world.get("/api/v1/users/me").by(&shared(&claims)).send().await.expect(200);
    }
    let mut late = claims(&world, "kim");
    late["exp"] = json!(now - 30);
    world.get("/api/v1/users/me").by(&shared(&late)).send().await.problem(401, "access_token_expired");
}

/// A key pair made for this test. The public half is what the issuer publishes.
fn ed25519(seed: u8) -> (EncodingKey, Value) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    // RFC 8410: the fixed beginning of an Ed25519 private key in PKCS#8.
    let mut der =
        vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend([seed; 32]);
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": format!("key-{seed}"), "use": "sig"});
    (EncodingKey::from_ed_der(&der), jwk)
}

fn header(kid: Option<&str>) -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = kid.map(str::to_owned);
    header
}

fn set(keys: &[Value]) -> JwkSet {
    serde_json::from_value(json!({ "keys": keys })).expect("set")
}

#[tokio::test]
async fn published_keys_come_and_go() {
    let jwks = Arc::new(Jwks::new());
    let world = world(IssuerKeys::Published(Arc::clone(&jwks)));
    let (first, first_public) = ed25519(1);
    let (second, second_public) = ed25519(2);
    let by_first = sign(&header(Some("key-1")), &claims(&world, "kim"), &first);
    let by_second = sign(&header(Some("key-2")), &claims(&world, "kim"), &second);
    let unnamed = sign(&header(None), &claims(&world, "kim"), &first);
    let me = |client: &Client| world.get("/api/v1/users/me").by(client).send();
    me(&by_first).await.problem(401, "unauthenticated");
    // Somebody is told that a key is missing.
    tokio::time::timeout(std::time::Duration::from_mins(1), jwks.wanted()).await.expect("wanted");
    assert_eq!(jwks.replace(&set(std::slice::from_ref(&first_public))), 1);
    me(&by_first).await.expect(200);
    me(&unnamed).await.expect(200);
    me(&by_second).await.problem(401, "unauthenticated");
    jwks.replace(&set(&[first_public, second_public.clone()]));
    me(&by_second).await.expect(200);
    jwks.replace(&set(&[second_public]));
    me(&by_first).await.problem(401, "unauthenticated");
    me(&by_second).await.expect(200);
}

#[tokio::test]
async fn a_published_key_is_good_for_its_own_algorithm_only() {
    let jwks = Arc::new(Jwks::new());
    let world = world(IssuerKeys::Published(Arc::clone(&jwks)));
    let (_, public) = ed25519(1);
    // The classic confusion: the public key as a shared secret.
    let x = public["x"].as_str().expect("text").to_owned();
    let secret_key =
        json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SHARED), "kid": "secret", "alg": "HS256"});
    let for_encryption = {
        let mut key = ed25519(3).1;
        key["use"] = json!("enc");
        key
    };
    assert_eq!(jwks.replace(&set(&[public, secret_key, for_encryption])), 1);
    for key in [x.as_bytes(), &URL_SAFE_NO_PAD.decode(&x).expect("base64")[..], SHARED] {
        for kid in [Some("key-1"), Some("secret"), None] {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = kid.map(str::to_owned);
            let forged = sign(&header, &claims(&world, "kim"), &EncodingKey::from_secret(key));
            world.get("/api/v1/users/me").by(&forged).send().await.problem(401, "unauthenticated");
        }
    }
    let encryption = sign(&header(Some("key-3")), &claims(&world, "kim"), &ed25519(3).0);
    world.get("/api/v1/users/me").by(&encryption).send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn one_public_key_can_be_given_by_itself() {
    let (private, public) = ed25519(5);
    let x = public["x"].as_str().expect("text");
    let world = world(IssuerKeys::Public(DecodingKey::from_ed_components(x).expect("key")));
    let kim = sign(&header(None), &claims(&world, "kim"), &private);
    world.get("/api/v1/users/me").by(&kim).send().await.expect(200);
    let forged =
        sign(&Header::new(Algorithm::HS256), &claims(&world, "kim"), &EncodingKey::from_secret(x.as_bytes()));
    world.get("/api/v1/users/me").by(&forged).send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_erased_fan_of_the_issuer_stays_erased() {
    let world = world(IssuerKeys::Shared(SHARED.to_vec()));
    let kim = shared(&claims(&world, "kim"));
    world.delete("/api/v1/users/me").by(&kim).send().await.expect(204);
    world.get("/api/v1/users/me").by(&kim).send().await.problem(401, "unauthenticated");
    world.stage.clock.advance(1_000);
    let anew = shared(&claims(&world, "kim"));
    world.get("/api/v1/users/me").by(&anew).send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_admin_can_stop_a_user_of_the_issuer_but_only_the_issuer_says_what_they_may_do() {
    let world = world(IssuerKeys::Shared(SHARED.to_vec()));
    let anton = world.staff("anton", frontrow_domain::account::Role::Admin).await;
    let mut of_crew = claims(&world, "crew");
    of_crew["realm"] = json!({"roles": ["crew"]});
    let crew = shared(&of_crew);
    let me = || world.get("/api/v1/users/me").by(&crew).send();
    let user = me().await.expect(200).json()["userId"].as_str().expect("id").to_owned();
    let patch = |form: Value| world.patch(&format!("/api/v1/admin/users/{user}"), &form).by(&anton).send();
    let refused = patch(json!({"role": "fan"})).await;
    assert_eq!(refused.wrong(), ["role"]);
    refused.problem(422, "validation_failed");
    patch(json!({"blocked": true})).await.expect(200);
    me().await.problem(403, "account_blocked");
    patch(json!({"blocked": false})).await.expect(200);
    assert_eq!(me().await.expect(200).json()["role"], "operator");
}
