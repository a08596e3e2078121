//! Keys that are changed while everybody is here: who is logged in, who waits, and who has a ticket.

use std::sync::Arc;

use frontrow_application::catalog::WaitingRoomPatch;
use frontrow_domain::account::Role;
use frontrow_http::Keyring;
use serde_json::{Value, json};

use crate::line::STATUS;
use crate::world::{Client, World, keys};

fn world() -> (World, Arc<Keyring>) {
    let mut kept = None;
    let world = World::with(|http| kept = Some(Arc::clone(&http.keys)), |_| {});
    (world, kept.expect("the keys of the settings"))
}

async fn kids(world: &World) -> Vec<Value> {
    let set = world.get("/.well-known/jwks.json").send().await.expect(200).json();
    set["keys"].as_array().expect("keys").iter().map(|key| key["kid"].clone()).collect()
}

async fn code_of(world: &World, fan: &Client, reservation: &str) -> String {
    let path = format!("/api/v1/reservations/{reservation}");
    let shown = world.get(&path).by(fan).send().await.expect(200).json();
    shown["tickets"][0]["code"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn another_key_signs_and_nobody_notices_until_the_old_one_is_retired() {
    let (world, ring) = world();
    let ann = world.fan("ann", 1_000_000).await;
    let sale = world.a_sale(WaitingRoomPatch { max_active: Some(0), ..WaitingRoomPatch::default() }).await;
    let place = world.join(&ann, sale.concert).await;
    let schedule = world.stage.a_schedule().make().await;
    let reservation = world.hold(&ann, schedule, &[1]).await;
    world.pay(&ann, &reservation).await;
    let code = code_of(&world, &ann, &reservation).await;
    let published = kids(&world).await;
    assert_eq!(published.len(), 1);

    ring.replace(&keys(&[8, 7]));
    world.get("/api/v1/users/me").by(&ann).send().await.expect(200);
    assert_eq!(world.status(&place).await["state"], "waiting");
    let anew = world.ask(&ann, sale.concert).await.expect(200).json();
    let anew = anew["token"].as_str().expect("a token").to_owned();
    assert_ne!(anew, place, "the same place, under a token of the new key");
    assert_eq!(world.status(&anew).await["entryId"], world.status(&place).await["entryId"]);
    assert_ne!(code_of(&world, &ann, &reservation).await, code, "what is shown is signed by the new key");
    let both = kids(&world).await;
    assert_eq!((both.len(), &both[1]), (2, &published[0]));
    let form = json!({ "refreshToken": ann.refresh });
    let renewed = world.post("/api/v1/auth/refresh", &form).send().await.expect(200).json();
    let renewed = |member: &str| renewed[member].as_str().expect("a token").to_owned();
    let later = Client { user: ann.user, token: renewed("accessToken"), refresh: renewed("refreshToken") };
    let gate = world.staff("gate", Role::Gate).await;
    let scan = |code: &str| world.post("/api/v1/gate/scan", &json!({ "code": code })).by(&gate).send();
    scan(&code).await.expect(200);

    // Both access tokens were believed a moment ago. What is cached of it does not outlive the key.
    world.get("/api/v1/users/me").by(&later).send().await.expect(200);
    world.get("/api/v1/users/me").by(&ann).send().await.expect(200);
    ring.replace(&keys(&[8]));
    world.get("/api/v1/users/me").by(&ann).send().await.problem(401, "unauthenticated");
    world.get("/api/v1/users/me").by(&later).send().await.expect(200);
    world.get(STATUS).token(&place).send().await.problem(403, "queue_token_invalid");
    assert_eq!(world.status(&anew).await["state"], "waiting");
    scan(&code).await.problem(404, "ticket_invalid");
    let refresh = |token: &str| {
        let form = json!({ "refreshToken": token });
        let world = &world;
        async move { world.post("/api/v1/auth/refresh", &form).send().await }
    };
    refresh(&ann.refresh).await.problem(401, "refresh_token_invalid");
    refresh(&later.refresh).await.expect(200);
    assert_eq!(kids(&world).await, both[..1]);
}
