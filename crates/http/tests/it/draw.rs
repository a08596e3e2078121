//! The life of a lobby over HTTP: before it opens, in it, the draw, and what everybody can check afterwards.

use axum::http::header;
use expect_test::expect;
use frontrow_application::catalog::{ConcertPatch, WaitingRoomPatch};
use frontrow_application::staff::By;
use frontrow_domain::account::Role;
use frontrow_domain::catalog::Concert;
use frontrow_domain::queue::draw::{Commitment, Draw, Seed, verify};
use frontrow_domain::records::Keys;
use frontrow_domain::{ConcertId, EntryId, UserId};
use frontrow_testkit::samples;
use frontrow_testkit::store::apply;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::line::QUEUES;
use crate::world::{Answer, World, rfc3339};

fn room() -> WaitingRoomPatch {
    WaitingRoomPatch::default()
}

/// What the store keeps of a draw.
async fn kept(world: &World, concert: ConcertId) -> Draw {
    let concert = world.stage.opened.reads.concert(concert).await.expect("the store can be read");
    concert.and_then(|concert| concert.draw).expect("a concert with a draw")
}

async fn draw_of(world: &World, concert: ConcertId) -> Answer {
    world.get(&format!("/api/v1/concerts/{concert}/queue/draw")).send().await
}

fn entry(text: &Value) -> EntryId {
    text.as_str().expect("text").parse().expect("an id")
}

/// Works a published draw out again, and answers its entries.
fn check(document: &Value) -> Vec<EntryId> {
    let text = |member: &str| document[member].as_str().expect("text").to_owned();
    let seed = Seed::from_hex(&text("seed")).expect("a seed");
    let commitment = Commitment::from_hex(&text("commitment")).expect("a commitment");
    let entries: Vec<_> = document["entries"].as_array().expect("a list").iter().map(entry).collect();
    assert_eq!(document["entryCount"], entries.len());
    assert_eq!(verify(&seed, &commitment, &entries), Ok(()));
    entries
}

#[tokio::test]
async fn before_the_lobby_nobody_joins_and_nothing_is_shown_of_the_draw() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let sale = world.a_lobby(room()).await;
    let (lobby, opening) = (world.stage.now().plus_seconds(30), world.stage.now().plus_seconds(60));
    world.set_room(sale.concert, WaitingRoomPatch { lobby_opens_at: Some(Some(lobby)), ..room() }).await;
    world.later(1_000).await;
    let line = world.line(sale.concert).await;
    assert_eq!(
        (&line["state"], &line["lobbyOpensAt"], &line["draw"]),
        (&json!("scheduled"), &json!(rfc3339(lobby)), &Value::Null)
    );
    let refused = world.ask(&ann, sale.concert).await.problem(409, "sale_not_open");
    assert_eq!(refused["opensAt"], rfc3339(opening));
    draw_of(&world, sale.concert).await.problem(409, "draw_not_done");
    world.later(29_000).await;
    assert_eq!(world.line(sale.concert).await["state"], "lobby");
    assert_eq!(world.ask(&ann, sale.concert).await.expect(201).json()["state"], "lobby");
}

#[tokio::test]
async fn from_the_lobby_to_a_place_that_anybody_can_check() {
    let world = World::new();
    let (ann, bob, eve) = (world.fan("ann", 0).await, world.fan("bob", 0).await, world.fan("eve", 0).await);
    let sale = world.a_lobby(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let joined = world.ask(&ann, sale.concert).await;
    expect![[r#"
        201
        cache-control: private, no-cache
        content-length: 476
        content-type: application/json
        x-request-id: test
        {"concertId":1,"state":"lobby","room":"lobby","entryId":"01a05ca0-3b80-7000-8000-2c2ecfa96ddd","sequence":null,"ahead":null,"position":null,"estimatedWaitSeconds":null,"seatsLeft":50,"seatsHeld":0,"schedules":[{"scheduleId":1,"seatsLeft":50,"seatsHeld":0}],"pollAfterSeconds":2,"joinedAt":"2026-09-01T11:00:00Z","admittedAt":null,"expiresAt":null,"endReason":null,"notice":null,"token":"Akuwb44AAAABAAAAgAAAAAEBoFygO4BwAIAALC7PqW3dAaBcoDuAcACAAAuBt0EMyu07cAQOW8j5-NVOm2dBQ6M"}
    "#]].assert_eq(&joined.to_string());
    let again = world.ask(&ann, sale.concert).await.expect(200).json();
    assert_eq!(again, joined.json(), "one place, and the same token");
    let first = joined.json()["token"].as_str().expect("text").to_owned();
    let (second, third) = (world.join(&bob, sale.concert).await, world.join(&eve, sale.concert).await);
    // Whoever leaves is not drawn, and has no number.
    world.delete(QUEUES).token(&third).send().await.expect(204);
    let left = world.status(&third).await;
    assert_eq!(
        (&left["state"], &left["endReason"], &left["sequence"], &left["ahead"], &left["position"]),
        (&json!("expired"), &json!("left"), &Value::Null, &Value::Null, &Value::Null)
    );
    world.later(1_000).await;
    let line = world.get(&format!("/api/v1/concerts/{}/queue", sale.concert)).send().await;
    expect![[r#"
        200
        cache-control: max-age=1
        content-length: 347
        content-type: application/json
        etag: "48548e5ab71cfc6e"
        x-request-id: test
        {"state":"lobby","opensAt":"2026-09-01T11:01:00Z","lobbyOpensAt":"2026-09-01T11:00:00Z","closesAt":"2026-10-01T11:00:00Z","waiting":2,"active":0,"headSequence":1,"admittedPerSecond":0.0,"seatsLeft":50,"seatsHeld":0,"notice":null,"draw":{"commitment":"f625420714fece3f647b89f21c49cfbeef9e72a637c30d3bb5e695a8fa639c20","method":"frontrow-sha256-1"}}
    "#]].assert_eq(&line.to_string());

    // The opening is past and the draw is not done: it is still a lobby.
    world.later(59_000).await;
    assert_eq!(world.line(sale.concert).await["state"], "lobby");
    assert_eq!(world.status(&first).await["state"], "lobby");
    draw_of(&world, sale.concert).await.problem(409, "draw_not_done");
    world.draw().await;
    let drawn = draw_of(&world, sale.concert).await;
    expect![[r#"
        200
        cache-control: public, max-age=31536000, immutable
        content-length: 289
        content-type: application/json
        etag: "f625420714fece3f-2"
        x-request-id: test
        {"method":"frontrow-sha256-1","commitment":"f625420714fece3f647b89f21c49cfbeef9e72a637c30d3bb5e695a8fa639c20","seed":"625d633cb60cca27648fcfe512967d866667da7591d4076fcce2380a085bc494","entryCount":2,"entries":["01a05ca0-3b80-7000-8000-2c2ecfa96ddd","01a05ca0-3b80-7000-8000-3772733c20ea"]}
    "#]].assert_eq(&drawn.to_string());
    let entries = check(&drawn.json());
    for token in [&first, &second] {
        let status = world.status(token).await;
        let place = entries.iter().position(|one| *one == entry(&status["entryId"])).expect("drawn") as u64;
        assert_eq!(
            (&status["state"], &status["sequence"], &status["ahead"], &status["position"]),
            (&json!("waiting"), &json!(place + 1), &json!(place), &json!(place + 1))
        );
    }
    // Joining again gives a token that names the number in the line; the one of the lobby stays good.
    let again = world.ask(&ann, sale.concert).await.expect(200).json();
    let newer = again["token"].as_str().expect("text");
    assert_ne!(newer, first);
    assert_eq!(world.status(newer).await, world.status(&first).await);
    assert_eq!(world.status(&third).await["sequence"], Value::Null);
    let late = world.ask(&eve, sale.concert).await.expect(201).json();
    assert_eq!((&late["state"], &late["ahead"]), (&json!("waiting"), &json!(2)), "behind all who were drawn");
    let line = world.line(sale.concert).await;
    let draw = json!({"commitment": drawn.json()["commitment"], "method": "frontrow-sha256-1", "entryCount": 2,
        "seed": drawn.json()["seed"]});
    assert_eq!((&line["state"], &line["draw"]), (&json!("open"), &draw));
}

/// Whoever knew the seed could look for an entry that it likes.
#[tokio::test]
async fn no_answer_has_the_seed_before_the_draw() {
    let world = World::new();
    let (ann, olga) = (world.fan("ann", 0).await, world.staff("olga", Role::Operator).await);
    let anton = world.staff("anton", Role::Admin).await;
    let sale = world.a_lobby(room()).await;
    let (concert, schedule) = (sale.concert, sale.schedule);
    let lobby = json!({"waitingRoom": {"lobbyOpensAt": world.time(-10)}, "title": "Autumn Day"});
    let edited = world.patch(&format!("/api/v1/admin/concerts/{concert}"), &lobby).by(&olga).send().await;
    let joined = world.ask(&ann, concert).await.expect(201);
    let token = joined.json()["token"].as_str().expect("text").to_owned();
    let mut heard = vec![edited.expect(200).to_string(), joined.to_string()];
    let reads = [
        "/api/v1/concerts".to_owned(),
        format!("/api/v1/concerts/{concert}"),
        format!("/api/v1/concerts/{concert}/schedules"),
        format!("/api/v1/concerts/{concert}/queue"),
        format!("/api/v1/concerts/{concert}/queue/draw"),
        format!("/api/v1/concerts/{concert}/schedules/{schedule}/seats"),
        "/api/v1/queues/status".to_owned(),
        "/api/v1/admin/concerts".to_owned(),
        format!("/api/v1/admin/concerts/{concert}"),
        format!("/api/v1/admin/concerts/{concert}/sales"),
        format!("/api/v1/admin/concerts/{concert}/queue/fans/{}", ann.user),
        "/api/v1/admin/audit-log".to_owned(),
        "/health/ready".to_owned(),
        "/metrics".to_owned(),
        format!("/concerts/{concert}"),
        format!("/concerts/{concert}/queue"),
    ];
    // In the lobby, and once more after the opening, before the draw.
    for _ in 0..2 {
        for path in &reads {
            for client in [&ann, &olga, &anton] {
                heard.push(world.get(path).by(client).token(&token).send().await.to_string());
            }
        }
        let dry = json!({"dryRun": true});
        let steered = world.patch(&format!("/api/v1/admin/concerts/{concert}/queue"), &dry).by(&olga);
        heard.push(steered.send().await.expect(200).to_string());
        heard.push(world.follow(&token).await.next().await.data.to_string());
        world.later(60_000).await;
    }
    let draw = kept(&world, concert).await;
    assert_eq!(draw.drawn_at, None);
    let commitment = draw.seed.commitment().to_hex();
    assert!(heard.iter().any(|answer| answer.contains(&commitment)), "they do show what it is bound to");
    let seed = draw.seed.to_hex();
    for answer in &heard {
        // Also in part, and in capital letters.
        assert!(!answer.to_lowercase().contains(&seed[..16]), "{answer}");
    }
    world.draw().await;
    let told = draw_of(&world, concert).await.expect(200);
    assert_eq!(told.json()["seed"], seed, "the same that it was bound to");
    let log = world.get("/api/v1/admin/audit-log").by(&anton).send().await.expect(200).to_string();
    assert!(log.contains("lobbyOpensAt") && !log.contains(&seed[..16]), "{log}");
}

#[tokio::test]
async fn a_stream_tells_of_the_lobby_and_then_of_the_place() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_lobby(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    let token = world.join(&ann, sale.concert).await;
    let mut stream = world.follow(&token).await;
    let lobby = stream.next().await;
    assert_eq!((&lobby.data["state"], &lobby.data["room"]), (&json!("lobby"), &json!("lobby")));
    // Others come, and nothing changes for this one.
    world.join(&bob, sale.concert).await;
    for _ in 0..10 {
        world.later(1_000).await;
        assert_eq!(stream.now(), []);
    }
    world.later(50_000).await;
    world.draw().await;
    let drawn = stream.next().await;
    assert_eq!((&drawn.data["state"], &drawn.data["room"]), (&json!("waiting"), &json!("open")));
    assert_eq!(drawn.data, world.status(&token).await);
    assert_eq!(drawn.id, lobby.id + 1, "at once, and nothing in between");
}

#[tokio::test]
async fn a_token_of_the_lobby_opens_no_gate_until_its_turn_comes() {
    let world = World::new();
    let ann = world.fan("ann", 0).await;
    let sale = world.a_lobby(room()).await;
    let token = world.join(&ann, sale.concert).await;
    let form = json!({"scheduleId": sale.schedule.get(), "seats": [1]});
    let path = format!("/api/v1/concerts/{}/schedules/{}/seats", sale.concert, sale.schedule);
    let look = || world.get(&path).token(&token).send();
    let hold = |key: &str| world.post("/api/v1/reservations", &form).by(&ann).token(&token).key(key).send();
    look().await.problem(403, "queue_not_active");
    hold("lobby").await.problem(403, "queue_not_active");
    world.later(60_000).await;
    look().await.problem(403, "queue_not_active");
    hold("opened").await.problem(403, "queue_not_active");
    assert_eq!(world.status(&token).await["state"], "lobby", "a sign of life, which looking is not");
    world.draw().await;
    assert_eq!(world.status(&token).await["state"], "active");
    look().await.expect(200);
    hold("drawn").await.expect(201);
}

#[tokio::test]
async fn whoever_comes_between_the_opening_and_the_draw_is_in_it() {
    let world = World::new();
    let (ann, bob) = (world.fan("ann", 0).await, world.fan("bob", 0).await);
    let sale = world.a_lobby(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    world.join(&ann, sale.concert).await;
    world.later(60_000).await;
    let late = world.ask(&bob, sale.concert).await.expect(201).json();
    assert_eq!(late["state"], "lobby");
    world.draw().await;
    assert_eq!(check(&draw_of(&world, sale.concert).await.expect(200).json()).len(), 2);
    // There is one draw, whatever the room is set to afterwards.
    let before = draw_of(&world, sale.concert).await.expect(200);
    let later = Some(Some(world.stage.now().plus_seconds(600)));
    world.set_room(sale.concert, WaitingRoomPatch { lobby_opens_at: later, ..room() }).await;
    world.later(1_000).await;
    world.draw().await;
    assert_eq!(world.line(sale.concert).await["state"], "open");
    world.set_room(sale.concert, WaitingRoomPatch { enabled: Some(false), ..room() }).await;
    world.later(1_000).await;
    assert_eq!(draw_of(&world, sale.concert).await.expect(200).body, before.body, "also without a room");
    let hide = ConcertPatch { published: Some(false), ..ConcertPatch::default() };
    world.stage.app.edit_concert(By::System, sale.concert, hide).await.expect("edit");
    draw_of(&world, sale.concert).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_never_changes_may_be_kept() {
    let world = World::new();
    let (first, second) = (world.a_lobby(room()).await, world.a_lobby(room()).await);
    let ann = world.fan("ann", 0).await;
    world.join(&ann, second.concert).await;
    world.later(60_000).await;
    world.draw().await;
    let none = draw_of(&world, first.concert).await.expect(200);
    assert_eq!(check(&none.json()), [], "nobody came, and that is published as well");
    let one = draw_of(&world, second.concert).await.expect(200);
    assert_eq!(check(&one.json()).len(), 1);
    let (tag, keep) = (one.header("etag").to_owned(), one.header("cache-control").to_owned());
    assert_ne!(none.header("etag"), tag);
    assert_eq!(keep, "public, max-age=31536000, immutable");
    let path = format!("/api/v1/concerts/{}/queue/draw", second.concert);
    let same = world.get(&path).header("if-none-match", &tag).send().await.expect(304);
    assert_eq!((same.header("etag"), same.header("cache-control")), (tag.as_str(), keep.as_str()));
    assert!(same.body.is_empty());
    world.get(&path).header("if-none-match", none.header("etag")).send().await.expect(200);
}

#[tokio::test]
async fn a_long_list_goes_out_in_parts_and_is_whole() {
    // More than two parts of the store have.
    const FANS: u64 = 33_000;
    let world = World::new();
    let sale = world.a_lobby(WaitingRoomPatch { max_active: Some(0), ..room() }).await;
    for number in 0..FANS {
        let fan = UserId::new(Uuid::from_u64_pair(7, number));
        world.stage.app.join_queue(fan, sale.concert).await.expect("a place");
    }
    world.tick().await;
    assert_eq!(world.line(sale.concert).await["waiting"], FANS);
    world.later(60_000).await;
    world.draw().await;
    let path = format!("/api/v1/concerts/{}/queue/draw", sale.concert);
    let (head, mut body) = world.get(&path).open().await.into_parts();
    let mut pieces = Vec::new();
    while let Some(frame) = body.frame().await {
        pieces.push(frame.expect("readable").into_data().expect("data"));
    }
    let length: usize =
        head.headers[header::CONTENT_LENGTH].to_str().expect("text").parse().expect("a number");
    let whole = pieces.concat();
    assert_eq!(whole.len(), length, "what was promised");
    assert!(pieces.len() > 2 && pieces.iter().all(|piece| piece.len() < 700_000), "{}", pieces.len());
    let document: Value = serde_json::from_slice(&whole).expect("JSON");
    assert_eq!(check(&document).len() as u64, FANS);
}

#[tokio::test]
async fn only_so_many_draws_are_on_their_way_at_once() {
    let world = World::new();
    let sale = world.a_lobby(room()).await;
    world.later(60_000).await;
    world.draw().await;
    let path = format!("/api/v1/concerts/{}/queue/draw", sale.concert);
    let mut open = Vec::new();
    loop {
        let answer = world.get(&path).open().await;
        if answer.status() != 200 {
            assert_eq!(answer.status(), 503);
            break;
        }
        open.push(answer);
        assert!(open.len() <= 64, "a crowd takes memory from the sale");
    }
    assert_eq!(open.len(), 64);
    draw_of(&world, sale.concert).await.problem(503, "overloaded");
    // Who holds the tag needs no turn; and whoever goes away, or has it all, makes room.
    let tag = open[0].headers()[header::ETAG].to_str().expect("text").to_owned();
    world.get(&path).header("if-none-match", &tag).send().await.expect(304);
    let whole = open.pop().expect("one").into_body().collect().await.expect("body").to_bytes();
    assert!(whole.ends_with(b"]}"));
    draw_of(&world, sale.concert).await.expect(200);
    drop(open);
    draw_of(&world, sale.concert).await.expect(200);
}

/// A store that lost a part of a list, which an audit would tell of: whoever reads it must not take what is left for all of it.
#[tokio::test]
async fn a_list_with_a_gap_is_never_taken_for_the_whole() {
    let world = World::new();
    let draw = Draw { listed: 5, drawn_at: Some(world.stage.now()), ..samples::draw(7) };
    // Of the first nothing is there, of the second the end is missing, and the third has more than it says.
    let parts = [(1, 0..0), (2, 0..3), (3, 0..9)];
    apply(&world.stage.opened.store, Keys::default(), move |records, _| {
        for (number, places) in parts.clone() {
            let concert = Concert { draw: Some(draw), ..samples::concert(number, "Drawn") };
            if !places.is_empty() {
                records.draw_parts.add(samples::draw_part(concert.id, places));
            }
            records.concerts.put_new(concert.id, concert);
        }
        Ok(())
    })
    .await;
    for number in [1, 3] {
        draw_of(&world, ConcertId::new(number)).await.problem(500, "internal_error");
    }
    let mut body = world.get("/api/v1/concerts/2/queue/draw").open().await.into_body();
    let first = body.frame().await.expect("a part").expect("readable").into_data().expect("data");
    assert!(serde_json::from_slice::<Value>(&first).is_err(), "no JSON by itself");
    assert!(body.frame().await.expect("something").is_err(), "it breaks off");
    assert!(body.frame().await.is_none());
}
