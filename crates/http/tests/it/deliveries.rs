//! Webhooks and dead letters, as staff handles them.

use frontrow_application::events::{
    DeadLetter, LoggedEvent, PostResult, Undelivered as _, Webhook, WebhookSecret, WebhookStatus,
    Webhooks as _,
};
use frontrow_domain::account::Role;
use serde_json::json;

use crate::world::World;

/// A webhook that is there, by its id.
pub(crate) async fn webhook(world: &World) -> String {
    let id = world.stage.app.draw_id();
    let webhook = Webhook {
        id,
        url: "https://partner.example/hook".to_owned(),
        description: String::new(),
        types: Vec::new(),
        secret: WebhookSecret(vec![7; 32]),
        status: WebhookStatus::On,
        created_at: world.stage.now(),
        version: 1,
    };
    world.stage.delivery.add_webhook(webhook).await.expect("kept");
    id.to_string()
}

/// A dead letter that is there, by its id.
pub(crate) async fn letter(world: &World) -> String {
    let (id, key) = (world.stage.app.draw_id(), world.stage.app.draw_id());
    let body = "{\"type\":\"frontrow.wallet.charged.v9\",\"data\":{\"new\":1}}".to_owned();
    let event = LoggedEvent { position: 1, key, sequence: 3, at: world.stage.now(), body };
    let (consumer, reason) = ("chat".to_owned(), "cannot be read".to_owned());
    let letter = DeadLetter { id, consumer, event, tries: 1, reason, at: world.stage.now() };
    world.stage.delivery.bury(vec![letter]).await.expect("kept");
    id.to_string()
}

/// Its secret is in the first answer and in no other, and on the audit log nowhere.
#[tokio::test]
async fn a_secret_is_shown_once() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let made = world.call("POST", "/api/v1/admin/webhooks").by(&olga);
    let made = made.json(&json!({"url": "https://partner.example/hook"})).send().await.expect(201).json();
    let secret = made["secret"].as_str().expect("shown").to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let path = format!("/api/v1/admin/webhooks/{}", made["webhookId"].as_str().expect("an id"));
    let read = world.get(&path).by(&olga).send().await.expect(200).json();
    assert_eq!(read.get("secret"), None);
    let edited =
        world.call("PATCH", &path).by(&olga).json(&json!({"enabled": false})).send().await.expect(200).json();
    assert_eq!((edited["status"].as_str(), edited.get("secret")), (Some("off"), None));
    let edited = world
        .call("PATCH", &path)
        .by(&olga)
        .json(&json!({"newSecret": true}))
        .send()
        .await
        .expect(200)
        .json();
    let second = edited["secret"].as_str().expect("shown");
    assert_ne!(second, secret);
    let log = world.get("/api/v1/admin/audit-log").by(&olga).send().await.expect(200).json().to_string();
    assert!(!log.contains(&secret) && !log.contains(second) && !log.contains("whsec"), "{log}");
}

#[tokio::test]
async fn a_target_that_is_not_allowed_is_refused_with_the_reason() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    for (body, field) in [
        (json!({"url": "http://10.0.0.1/"}), "url"),
        (json!({"url": ""}), "url"),
        (json!({"url": format!("https://a.example/{}", "x".repeat(2_000))}), "url"),
        (json!({"url": "https://a.example", "types": ["payment"]}), "types"),
        (json!({"url": "https://a.example", "types": ["frontrow.payment.completed.v0"]}), "types"),
        (json!({"url": "https://a.example", "description": "x".repeat(201)}), "description"),
    ] {
        let refused = world
            .call("POST", "/api/v1/admin/webhooks")
            .by(&olga)
            .json(&body)
            .send()
            .await
            .expect(422)
            .json();
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    assert_eq!(world.stage.delivery.webhooks().await, Ok(vec![]));
}

#[tokio::test]
async fn a_test_says_what_came_of_it() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let path = format!("/api/v1/admin/webhooks/{}", webhook(&world).await);
    let sent = world.call("POST", &format!("{path}/test")).by(&olga).send().await.expect(200).json();
    assert_eq!((sent["delivered"].as_bool(), sent["httpStatus"].as_u64()), (Some(true), Some(200)));
    world
        .stage
        .courier
        .answer("https://partner.example/hook", PostResult::Failed("no connection".to_owned()));
    let sent = world.call("POST", &format!("{path}/test")).by(&olga).send().await.expect(200).json();
    assert_eq!((sent["delivered"].as_bool(), sent["httpStatus"].as_u64()), (Some(false), None));
    assert_eq!(sent["reason"], "no connection");
    let tries = world.get(&format!("{path}/attempts?limit=1")).by(&olga).send().await.expect(200).json();
    assert_eq!(
        (&tries["items"][0]["reason"], tries["items"].as_array().map(Vec::len)),
        (&json!("no connection"), Some(1))
    );
    let next = tries["nextCursor"].as_str().expect("there is another");
    let tries =
        world.get(&format!("{path}/attempts?cursor={next}")).by(&olga).send().await.expect(200).json();
    assert_eq!(tries["items"][0]["eventType"], "frontrow.webhook.tested.v1");
    assert_eq!(tries["nextCursor"], json!(null));
}

/// With the whole event, also of a version that nobody here knows.
#[tokio::test]
async fn dead_letters_are_listed_and_tried_again() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let (first, second) = (letter(&world).await, letter(&world).await);
    let page = world.get("/api/v1/admin/events/dead-letters").by(&olga).send().await.expect(200).json();
    let ids: Vec<_> =
        page["items"].as_array().expect("items").iter().map(|item| &item["deadLetterId"]).collect();
    assert_eq!(ids, [&json!(second), &json!(first)]);
    assert_eq!(page["items"][0]["event"]["type"], "frontrow.wallet.charged.v9");
    assert_eq!(page["items"][0]["event"]["data"], json!({"new": 1}));
    let path = format!("/api/v1/admin/events/dead-letters/{first}/replay");
    world.call("POST", &path).by(&olga).send().await.expect(204);
    world.call("POST", &path).by(&olga).send().await.expect(404);
    let page = world.get("/api/v1/admin/events/dead-letters").by(&olga).send().await.expect(200).json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.stage.delivery.parked("chat".to_owned()).await.expect("read").0, 1);
}
