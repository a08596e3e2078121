//! Accounts in the hands of admins: finding them, roles and blocks, and when those count.

use expect_test::expect;
use frontrow_domain::account::Role;
use serde_json::{Value, json};

use crate::world::{Answer, Client, World};

const USERS: &str = "/api/v1/admin/users";
const ME: &str = "/api/v1/users/me";

async fn names(world: &World, by: &Client, query: &str) -> Vec<String> {
    let page = world.get(&format!("{USERS}{query}")).by(by).send().await.expect(200).json();
    let items = page["items"].as_array().expect("items").iter();
    items.map(|item| item["name"].as_str().expect("text").to_owned()).collect()
}

async fn patch(world: &World, by: &Client, whom: &Client, form: Value) -> Answer {
    world.patch(&format!("{USERS}/{}", whom.user), &form).by(by).send().await
}

#[tokio::test]
async fn accounts_are_found_by_address_and_name() {
    let world = World::new();
    let anton = world.staff("anton", Role::Admin).await;
    world.stage.clock.advance(1);
    let ann = world.fan("ann", 0).await;
    world.stage.clock.advance(1);
    world.staff("gina", Role::Gate).await;
    for (query, expected) in [
        ("", vec!["gina", "ann", "anton"]),
        ("?query=", vec!["gina", "ann", "anton"]),
        ("?query=an", vec!["ann", "anton"]),
        ("?query=ANN@", vec!["ann"]),
        ("?query=example.test", vec!["gina", "ann", "anton"]),
        ("?query=nobody", vec![]),
        ("?query=%25", vec![]),
        ("?query=_", vec![]),
        ("?query=%27", vec![]),
    ] {
        assert_eq!(names(&world, &anton, query).await, expected, "{query}");
    }
    let seen = world.get(&format!("{USERS}/{}", ann.user)).by(&anton).send().await;
    expect![[r#"
        200
        cache-control: private, no-cache
        content-length: 153
        content-type: application/json
        x-request-id: test
        {"userId":"01a05ca0-3f68-7000-8000-1785edb451f6","name":"ann","email":"ann@example.test","role":"fan","blocked":false,"createdAt":"2026-09-01T11:00:01Z"}
    "#]].assert_eq(&seen.to_string());
    let page = world.get(&format!("{USERS}?query=ann@")).by(&anton).send().await.expect(200).json();
    assert_eq!(page["items"][0], seen.json());
}

#[tokio::test]
async fn accounts_come_in_pages() {
    let world = World::new();
    let anton = world.staff("anton", Role::Admin).await;
    for number in 1..=4 {
        world.stage.clock.advance(1);
        world.stage.a_fan().named(&format!("fan{number}")).make().await;
    }
    let (mut seen, mut query) = (Vec::new(), "?limit=2&query=e".to_owned());
    loop {
        seen.extend(names(&world, &anton, &query).await);
        let page = world.get(&format!("{USERS}{query}")).by(&anton).send().await.expect(200).json();
        let Some(next) = page["nextCursor"].as_str() else { break };
        query = format!("?limit=2&query=e&cursor={next}");
    }
    assert_eq!(seen, ["fan4", "fan3", "fan2", "fan1", "anton"]);
    for (query, field) in
        [("?limit=0", "limit"), ("?cursor=x", "cursor"), (&*format!("?query={}", "x".repeat(255)), "query")]
    {
        let answer = world.get(&format!("{USERS}{query}")).by(&anton).send().await;
        assert_eq!(answer.wrong(), [field], "{query}");
        answer.problem(400, "invalid_request");
    }
    world.get(&format!("{USERS}?role=fan")).by(&anton).send().await.problem(400, "invalid_request");
}

#[tokio::test]
async fn a_blocked_account_is_refused_from_the_next_request_on_and_let_in_again() {
    let world = World::new();
    let (anton, ann) = (world.staff("anton", Role::Admin).await, world.fan("ann", 0).await);
    world.get(ME).by(&ann).send().await.expect(200);
    let blocked = patch(&world, &anton, &ann, json!({"blocked": true})).await.expect(200).json();
    assert_eq!((&blocked["blocked"], &blocked["role"]), (&json!(true), &json!("fan")));
    world.get(ME).by(&ann).send().await.problem(403, "account_blocked");
    let schedule = world.stage.a_schedule().make().await;
    let form = json!({"scheduleId": schedule.get(), "seats": [1]});
    let hold = || world.post("/api/v1/reservations", &form).by(&ann).key("k").send();
    hold().await.problem(403, "account_blocked");
    let refresh = world.post("/api/v1/auth/refresh", &json!({"refreshToken": ann.refresh})).send().await;
    refresh.problem(403, "account_blocked");
    patch(&world, &anton, &ann, json!({})).await.expect(200);
    hold().await.problem(403, "account_blocked");
    patch(&world, &anton, &ann, json!({"blocked": null})).await.expect(200);
    hold().await.expect(201);
}

#[tokio::test]
async fn a_role_counts_from_the_next_request_on_whatever_the_token_says() {
    let world = World::new();
    let (anton, olga) = (world.staff("anton", Role::Admin).await, world.staff("olga", Role::Operator).await);
    let list = || world.get("/api/v1/admin/concerts").by(&olga).send();
    list().await.expect(200);
    let fan = patch(&world, &anton, &olga, json!({"role": "fan"})).await.expect(200).json();
    assert_eq!(fan["role"], "fan");
    list().await.problem(403, "forbidden");
    assert_eq!(world.get(ME).by(&olga).send().await.expect(200).json()["role"], "fan");
    patch(&world, &anton, &olga, json!({"role": "operator"})).await.expect(200);
    list().await.expect(200);
    world.get(USERS).by(&olga).send().await.problem(403, "forbidden");
    patch(&world, &anton, &olga, json!({"role": "admin"})).await.expect(200);
    world.get(USERS).by(&olga).send().await.expect(200);
    patch(&world, &olga, &anton, json!({"role": "gate", "blocked": true})).await.expect(200);
    world.get(USERS).by(&anton).send().await.problem(403, "account_blocked");
}

#[tokio::test]
async fn another_instance_follows_within_a_second() {
    let world = World::new();
    let other = world.second();
    let (anton, ann) = (world.staff("anton", Role::Admin).await, world.fan("ann", 0).await);
    let olga = world.staff("olga", Role::Operator).await;
    let there = |path: &str, client: &Client| other.get(path).by(client).send();
    there(ME, &ann).await.expect(200);
    there("/api/v1/admin/concerts", &olga).await.expect(200);
    patch(&world, &anton, &ann, json!({"blocked": true})).await.expect(200);
    patch(&world, &anton, &olga, json!({"role": "fan"})).await.expect(200);
    // What it knows is good until it is a second old, and not at that moment.
    world.stage.clock.advance_micros(999_999);
    there(ME, &ann).await.expect(200);
    there("/api/v1/admin/concerts", &olga).await.expect(200);
    world.stage.clock.advance_micros(1);
    there(ME, &ann).await.problem(403, "account_blocked");
    there("/api/v1/admin/concerts", &olga).await.problem(403, "forbidden");
    // One that has started anew knows it at once.
    let third = world.second();
    third.get(ME).by(&ann).send().await.problem(403, "account_blocked");
    world.delete(ME).by(&olga).send().await.expect(204);
    world.get(ME).by(&olga).send().await.problem(401, "unauthenticated");
    world.stage.clock.advance(1);
    third.get(ME).by(&olga).send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn nobody_changes_their_own_account_and_only_admins_change_any() {
    let world = World::new();
    let (anton, olga) = (world.staff("anton", Role::Admin).await, world.staff("olga", Role::Operator).await);
    let ann = world.fan("ann", 0).await;
    for form in [json!({"role": "fan"}), json!({"blocked": true}), json!({})] {
        let own = patch(&world, &anton, &anton, form.clone()).await.problem(403, "forbidden");
        assert_eq!(own["detail"], "Nobody changes their own role or standing; ask another admin.");
        world.patch(&format!("{USERS}/me"), &form).by(&anton).send().await.problem(403, "forbidden");
        patch(&world, &olga, &ann, form.clone()).await.problem(403, "forbidden");
        patch(&world, &ann, &ann, form).await.problem(403, "forbidden");
    }
    world.get(USERS).by(&olga).send().await.problem(403, "forbidden");
    world.get(&format!("{USERS}/{}", ann.user)).by(&olga).send().await.problem(403, "forbidden");
}

#[tokio::test]
async fn d9_changes_of_an_account_that_are_none() {
    let world = World::new();
    let (anton, ann) = (world.staff("anton", Role::Admin).await, world.fan("ann", 0).await);
    for (form, field) in [
        (json!({"role": "king"}), "role"),
        (json!({"role": null}), "role"),
        (json!({"role": 1}), "role"),
        (json!({"blocked": "yes"}), "blocked"),
        (json!({"name": "x"}), "name"),
    ] {
        let answer = patch(&world, &anton, &ann, form.clone()).await;
        assert_eq!(answer.wrong(), [field], "{form}");
        answer.problem(422, "validation_failed");
    }
    for id in ["x", "00000000-0000-7000-8000-000000000000"] {
        let path = format!("{USERS}/{id}");
        world.get(&path).by(&anton).send().await.problem(404, "not_found");
        for form in [json!({"blocked": true}), json!({"role": "gate"})] {
            world.patch(&path, &form).by(&anton).send().await.problem(404, "not_found");
        }
    }
    // An account that was erased is seen as such, and stays as it is.
    world.delete(ME).by(&ann).send().await.expect(204);
    let seen = world.get(&format!("{USERS}/{}", ann.user)).by(&anton).send().await.expect(200).json();
    assert_eq!((&seen["name"], &seen["email"]), (&json!("erased"), &Value::Null));
    patch(&world, &anton, &ann, json!({"blocked": true})).await.problem(404, "not_found");
}
