//! Signing up, logging in and out, refreshing, one's own account.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use expect_test::expect;
use frontrow_domain::account::{Account, Role, Standing};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_http::HttpSettings;
use frontrow_testkit::stage::PASSWORD;
use serde_json::{Value, json};

use crate::serve::Running;
use crate::world::{Client, World};

#[tokio::test]
async fn signing_up_and_looking_at_oneself() {
    let world = World::new();
    let form = json!({"email": " Ann@Example.test ", "password": PASSWORD, "name": "Ann"});
    let signed_up = world.post("/api/v1/auth/signup", &form).send().await;
    expect![[r#"
        201
        cache-control: no-store
        content-length: 75
        content-type: application/json
        x-request-id: test
        {"userId":"01a05ca0-3b80-7000-8000-0b81b7410cca","name":"Ann","role":"fan"}
    "#]]
    .assert_eq(&signed_up.to_string());
    let ann = world.log_in("ann").await;
    let me = world.get("/api/v1/users/me").by(&ann).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 102
        content-type: application/json
        x-request-id: test
        {"userId":"01a05ca0-3b80-7000-8000-0b81b7410cca","name":"Ann","email":"ann@example.test","role":"fan"}
    "#]]
    .assert_eq(&me.to_string());
    let by_id = world.get(&format!("/api/v1/users/{}", ann.user)).by(&ann).send().await;
    assert_eq!(by_id.body, me.body);

    world.post("/api/v1/auth/signup", &form).send().await.problem(409, "email_taken");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_new_account_is_said_at_once() {
    let world = World::new();
    let form = json!({"email": "nobody", "password": "short", "name": ""});
    let answer = world.post("/api/v1/auth/signup", &form).send().await;
    assert_eq!(answer.wrong(), ["email", "password", "name"]);
    answer.problem(422, "validation_failed");
    for role in ["admin", "operator"] {
        let form = json!({"email": "a@example.test", "password": PASSWORD, "name": "A", "role": role});
        let answer = world.post("/api/v1/auth/signup", &form).send().await;
        assert_eq!(answer.wrong(), ["role"], "nobody chooses their own role");
    }
}

#[tokio::test]
async fn logging_in() {
    let world = World::new();
    world.stage.a_fan().named("ann").make().await;
    let form = json!({"email": "ANN@example.test", "password": PASSWORD});
    let answer = world.post("/api/v1/auth/login", &form).send().await.expect(200);
    let body = answer.json();
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!((&body["tokenType"], &body["expiresIn"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(body.as_object().expect("object").len(), 5, "{body}");

    for (email, password) in [("ann@example.test", "another one"), ("bob@example.test", PASSWORD), ("", "")] {
        let form = json!({"email": email, "password": password});
        let answer = world.post("/api/v1/auth/login", &form).send().await;
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer}");
        answer.problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down_by_account_and_nobody_else_is() {
    let world = World::new();
    world.stage.a_fan().named("ann").make().await;
    world.stage.a_fan().named("bob").make().await;
    let form =
        |name: &str, password: &str| json!({"email": format!("{name}@example.test"), "password": password});
    let login = |form: Value| world.post("/api/v1/auth/login", &form).send();
    for _ in 0..5 {
        login(form("ann", PASSWORD)).await.expect(200);
    }
    for _ in 0..3 {
        login(form("ann", "wrong password")).await.problem(401, "invalid_credentials");
    }
    world.stage.clock.advance(10);
    let refused = login(form("ann", PASSWORD)).await;
    assert_eq!(refused.header("retry-after"), "290");
    let problem = refused.problem(429, "rate_limited");
    assert_eq!(problem["retryAfter"], 290);
    login(form("bob", PASSWORD)).await.expect(200);
    world.stage.clock.advance(290);
    login(form("ann", PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_from_behind_a_trusted_proxy_is_counted_by_the_address_that_it_names() {
    let is_local = |address: IpAddr| address == IpAddr::V4(Ipv4Addr::LOCALHOST);
    let settings = |http: &mut HttpSettings| {
        http.is_trusted_proxy = Arc::new(is_local);
        http.limits.log_in.per_address = 2;
    };
    let world = World::with(settings, |_| {});
    let server = Running::start(&world);
    let guess = |client: &str, name: usize| {
        let body = json!({"email": format!("{name}@example.test"), "password": "x"}).to_string();
        let length = body.len();
        let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        let text = format!("{head}x-forwarded-for: {client}\r\ncontent-length: {length}\r\n\r\n{body}");
        server.ask(&text)[9..12].to_owned()
    };
    assert_eq!(guess("203.0.113.7", 1), "401");
    assert_eq!(guess("203.0.113.7", 2), "401");
    assert_eq!(guess("203.0.113.7", 3), "429");
    assert_eq!(guess("203.0.113.8", 4), "401");
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_little_longer() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let refresh =
        |token: String| world.post("/api/v1/auth/refresh", &json!({ "refreshToken": token })).send();
    let second = refresh(ann.refresh.clone()).await.expect(200).json();
    let second = second["refreshToken"].as_str().expect("token").to_owned();
    // The answer may have been lost.
    let again = refresh(ann.refresh.clone()).await.expect(200).json();
    assert_ne!(again["refreshToken"], json!(second), "two tokens of one generation differ");
    world.stage.clock.advance(61);
    let third = refresh(second).await.expect(200).json();
    let third = third["refreshToken"].as_str().expect("token").to_owned();
    // Somebody else has the first one: the whole log-in ends.
    refresh(ann.refresh).await.problem(401, "refresh_token_invalid");
    refresh(third).await.problem(401, "refresh_token_invalid");
    for made_up in ["", "x", &"A".repeat(82)] {
        refresh(made_up.to_owned()).await.problem(401, "refresh_token_invalid");
    }
}

#[tokio::test]
async fn logging_out_ends_the_log_in_and_can_be_repeated() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let form = json!({"refreshToken": ann.refresh});
    for _ in 0..2 {
        let answer = world.post("/api/v1/auth/logout", &form).send().await.expect(204);
        assert!(answer.body.is_empty());
    }
    world.post("/api/v1/auth/refresh", &form).send().await.problem(401, "refresh_token_invalid");
    world.post("/api/v1/auth/logout", &json!({"refreshToken": "x"})).send().await.expect(204);
}

#[tokio::test]
async fn an_erased_account_can_do_nothing_at_once_and_its_address_is_free() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let operator = world.staff("olga", Role::Operator).await;
    world.delete("/api/v1/users/me").by(&ann).send().await.expect(204);
    world.get("/api/v1/users/me").by(&ann).send().await.problem(401, "unauthenticated");
    world.get("/api/v1/reservations").by(&ann).send().await.problem(401, "unauthenticated");
    let form = json!({"refreshToken": ann.refresh});
    world.post("/api/v1/auth/refresh", &form).send().await.problem(401, "refresh_token_invalid");
    let seen =
        world.get(&format!("/api/v1/users/{}", ann.user)).by(&operator).send().await.expect(200).json();
    assert_eq!((&seen["name"], &seen["email"]), (&json!("erased"), &json!(null)));
    let again = world.fan("ann", 0).await;
    assert_ne!(again.user, ann.user);
}

#[tokio::test]
async fn operators_erase_fans_and_only_admins_erase_staff() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let (olga, anton) = (world.staff("olga", Role::Operator).await, world.staff("anton", Role::Admin).await);
    let path = |client: &Client| format!("/api/v1/users/{}", client.user);
    world.delete(&path(&ann)).by(&bob).send().await.problem(404, "not_found");
    world.delete(&path(&ann)).by(&olga).send().await.expect(204);
    world.delete(&path(&anton)).by(&olga).send().await.problem(403, "forbidden");
    world.delete(&path(&olga)).by(&anton).send().await.expect(204);
}

#[tokio::test]
async fn a_blocked_account_is_told_so_with_the_right_password_only() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let user = ann.user;
    let block = move |records: &mut Records, _| {
        let account = records.accounts.get(&user)?.cloned().expect("account");
        records.accounts.put(user, Account { standing: Standing::Blocked, ..account });
        Ok(())
    };
    frontrow_testkit::store::apply(&world.stage.opened.store, Keys::new([Key::Account(user)]), block).await;
    let login = |password: &str| {
        let form = json!({"email": "ann@example.test", "password": password});
        world.post("/api/v1/auth/login", &form).send()
    };
    login(PASSWORD).await.problem(403, "account_blocked");
    login("another one").await.problem(401, "invalid_credentials");
    let form = json!({"refreshToken": ann.refresh});
    world.post("/api/v1/auth/refresh", &form).send().await.problem(403, "account_blocked");
}

#[tokio::test]
async fn the_public_keys() {
    let answer = World::new().get("/.well-known/jwks.json").send().await;
    expect![[r#"
        200
        cache-control: public, max-age=300
        content-length: 168
        content-type: application/json
        x-request-id: test
        {"keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"--6IM5l0OosLj9yWskISYhUA3n_3CURQkmrYMSha_ck","kty":"OKP","use":"sig","x":"6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw"}]}
    "#]].assert_eq(&answer.to_string());
}
