//! Seat plans: described in rows or in the format of pretix, drawn, and read on the map.

use std::io::Read as _;
use std::path::Path;
use std::time::Instant;

use expect_test::expect;
use flate2::read::GzDecoder;
use frontrow_domain::account::Role;
use serde_json::{Value, json};

use crate::world::{Answer, Client, World};

/// A concert that an operator has made over HTTP.
async fn concert(world: &World, olga: &Client) -> String {
    let form = json!({"title": "T", "artist": "A", "description": ""});
    let made = world.post("/api/v1/admin/concerts", &form).by(olga).send().await.expect(201);
    made.json()["concertId"].to_string()
}

fn schedule(world: &World, plan: &Value) -> Value {
    json!({"venue": "Olympic Hall", "startsAt": world.time(86_400), "durationMinutes": 120,
        "bookingStart": world.time(-60), "bookingEnd": world.time(86_400), "seatPlan": plan})
}

/// Makes a schedule with these seats.
async fn create(world: &World, olga: &Client, concert: &str, plan: &Value) -> Answer {
    let path = format!("/api/v1/admin/concerts/{concert}/schedules");
    world.post(&path, &schedule(world, plan)).by(olga).send().await
}

fn shipped(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plans").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut json = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(&*bytes).read_to_end(&mut json).expect("gzip");
    } else {
        json = bytes;
    }
    serde_json::from_slice(&json).expect("JSON")
}

fn rows() -> Value {
    json!({"rows": {
        "sections": [
            {"name": "1F", "rows": [
                {"row": "A", "seats": 2, "grade": "VIP", "aislesAfter": [1]},
                {"row": "B", "seats": 1, "grade": "R", "accessible": [1]}]},
            {"name": "2F", "rows": [{"row": "A", "seats": 1, "grade": "R"}]}],
        "prices": {"R": 50_000, "VIP": 150_000}}})
}

fn pretix() -> Value {
    json!({"pretix": {
        "plan": {
            "name": "Hall", "categories": [{"name": "R", "color": "#ABC"}, {"name": "VIP"}],
            "zones": [{"name": "Stalls", "position": {"x": 100, "y": 50}, "rows": [
                {"row_number": "A", "position": {"x": 5, "y": 7}, "seats": [
                    {"seat_guid": "a-1", "seat_number": "1", "category": "VIP", "position": {"x": 0, "y": 0.5}},
                    {"seat_guid": "a-2", "seat_number": "2", "category": "R", "position": {"x": 20.126, "y": 0},
                        "accessible": true}]}],
                "areas": [
                    {"shape": "circle", "position": {"x": 0, "y": -40}, "circle": {"radius": 10}, "rotation": 45,
                        "color": "#ff0000", "text": {"text": "Stage", "position": {"x": 1, "y": 2}}},
                    {"shape": "polygon", "position": {"x": 1, "y": 1},
                        "polygon": {"points": [{"x": 0, "y": 0}, {"x": 2, "y": 3}]}}]}]},
        "prices": {"R": 50_000, "VIP": 150_000}}})
}

#[tokio::test]
async fn rows_are_drawn_and_their_seats_are_on_the_map() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let concert = concert(&world, &olga).await;
    let made = create(&world, &olga, &concert, &rows()).await.expect(201).json();
    expect![[r#"[{"grade":"VIP","price":150000,"seatsLeft":2},{"grade":"R","price":50000,"seatsLeft":2}]"#]]
        .assert_eq(&made["grades"].to_string());
    let base = format!("/api/v1/concerts/{concert}/schedules/{}", made["scheduleId"]);
    let seats = world.get(&format!("{base}/seats")).send().await.expect(200);
    expect![[r#"{"scheduleId":1,"version":1,"full":true,"seats":[{"no":1,"label":"1F A-1","section":"1F","row":"A","grade":"VIP","price":150000,"state":"available"},{"no":2,"label":"1F A-2","section":"1F","row":"A","grade":"VIP","price":150000,"state":"available"},{"no":3,"label":"1F B-1","section":"1F","row":"B","grade":"R","price":50000,"state":"available"},{"no":4,"label":"2F A-1","section":"2F","row":"A","grade":"R","price":50000,"state":"available"}]}"#]]
        .assert_eq(&String::from_utf8_lossy(&seats.body));
    let plan = world.get(&format!("{base}/plan?v=1")).send().await.expect(200);
    expect![[r##"{"scheduleId":1,"planVersion":1,"size":{"width":144,"height":192},"grades":[{"grade":"VIP","color":"#1f4e9c"},{"grade":"R","color":"#c2410c"}],"sections":[{"name":"1F","rows":[{"row":"A","seats":[{"no":1,"label":"1F A-1","grade":"VIP","x":48,"y":96,"accessible":false},{"no":2,"label":"1F A-2","grade":"VIP","x":96,"y":96,"accessible":false}]},{"row":"B","seats":[{"no":3,"label":"1F B-1","grade":"R","x":72,"y":120,"accessible":true}]}]},{"name":"2F","rows":[{"row":"A","seats":[{"no":4,"label":"2F A-1","grade":"R","x":72,"y":168,"accessible":false}]}]}],"areas":[{"shape":"rectangle","x":24,"y":24,"width":96,"height":48,"rotation":0,"color":"#d9d9d9","borderColor":"#8c8c8c","text":{"text":"STAGE","x":72,"y":48,"color":"#333333","size":16}}]}"##]]
        .assert_eq(&String::from_utf8_lossy(&plan.body));
}

#[tokio::test]
async fn a_plan_of_pretix_is_drawn_as_it_says() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let concert = concert(&world, &olga).await;
    let made = create(&world, &olga, &concert, &pretix()).await.expect(201).json();
    let path = format!("/api/v1/concerts/{concert}/schedules/{}/plan?v=1", made["scheduleId"]);
    let plan = world.get(&path).send().await.expect(200);
    expect![[r##"{"scheduleId":1,"planVersion":1,"size":{"width":149.13,"height":81.5},"grades":[{"grade":"R","color":"#aabbcc"},{"grade":"VIP","color":"#c2410c"}],"sections":[{"name":"Stalls","rows":[{"row":"A","seats":[{"no":1,"label":"Stalls A-1","grade":"VIP","x":105,"y":57.5,"accessible":false,"guid":"a-1"},{"no":2,"label":"Stalls A-2","grade":"R","x":125.13,"y":57,"accessible":true,"guid":"a-2"}]}]}],"areas":[{"shape":"circle","x":100,"y":10,"radius":10,"rotation":45,"color":"#ff0000","borderColor":null,"text":{"text":"Stage","x":101,"y":12,"color":null,"size":16}},{"shape":"polygon","x":101,"y":51,"points":[{"x":101,"y":51},{"x":103,"y":54}],"rotation":0,"color":null,"borderColor":null,"text":null}]}"##]]
        .assert_eq(&String::from_utf8_lossy(&plan.body));
    assert_eq!(plan.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!((plan.header("vary"), plan.header("content-encoding")), ("accept-encoding", ""));

    let packed = world.get(&path).header("accept-encoding", "br, gzip;q=0.5").send().await.expect(200);
    assert_eq!((packed.header("vary"), packed.header("content-encoding")), ("accept-encoding", "gzip"));
    let mut unpacked = Vec::new();
    GzDecoder::new(&*packed.body).read_to_end(&mut unpacked).expect("gzip");
    assert_eq!(unpacked, plan.body);
    let ruled_out = world.get(&path).header("accept-encoding", "gzip;q=0, br").send().await.expect(200);
    assert_eq!((ruled_out.header("content-encoding"), &ruled_out.body), ("", &plan.body));

    // Another plan is another version, with another drawing.
    let edit = format!("/api/v1/admin/schedules/{}", made["scheduleId"]);
    let edited = world.patch(&edit, &json!({"seatPlan": rows()})).by(&olga).send().await.expect(200).json();
    assert_eq!((&edited["planVersion"], &edited["totalSeats"]), (&json!(2), &json!(4)));
    let other = world.get(&path.replace("v=1", "v=2")).send().await.expect(200).json();
    assert_eq!((&other["planVersion"], &other["size"]), (&json!(2), &json!({"width": 144, "height": 192})));
    let again = world.patch(&edit, &json!({"seatPlan": pretix()})).by(&olga).send().await.expect(200).json();
    assert_eq!(again["planVersion"], 3);
    let third = world.get(&path).send().await.expect(200);
    assert_eq!(third.header("cache-control"), "max-age=1", "it is not the version that was asked for");
    assert_eq!(third.json()["sections"][0]["rows"][0]["seats"][0]["guid"], "a-1");
}

#[tokio::test]
async fn a_bad_plan_names_every_path_and_changes_nothing() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let concert = concert(&world, &olga).await;
    let mut bad = pretix();
    let plan = &mut bad["pretix"]["plan"];
    plan["zones"][0]["rows"][0]["seats"][1]["category"] = json!("balcony");
    plan["zones"][0]["rows"][0]["seats"][1]["seat_guid"] = json!("a-1");
    plan["categories"][0]["color"] = json!("red;background:url(x)");
    bad["pretix"]["prices"] = json!({"gold": 1});
    let refused = create(&world, &olga, &concert, &bad).await;
    let mut wrong = refused.wrong();
    wrong.sort();
    assert_eq!(
        wrong,
        [
            "seatPlan.pretix.plan.categories[0].color",
            "seatPlan.pretix.plan.zones[0].rows[0].seats[1].category",
            "seatPlan.pretix.plan.zones[0].rows[0].seats[1].seat_guid",
            "seatPlan.pretix.prices.VIP",
            "seatPlan.pretix.prices.gold",
        ]
    );
    refused.problem(422, "validation_failed");
    let found = world.get(&format!("/api/v1/admin/concerts/{concert}")).by(&olga).send().await.expect(200);
    assert_eq!(found.json()["schedules"], json!([]));

    let made = create(&world, &olga, &concert, &rows()).await.expect(201).json();
    let edit = format!("/api/v1/admin/schedules/{}", made["scheduleId"]);
    let form = json!({"venue": "", "seatPlan": bad});
    assert_eq!(world.patch(&edit, &form).by(&olga).send().await.expect(422).wrong().len(), 5);
    let file = json!({"seatPlan": {"pretix": {"planFile": "/etc/passwd", "prices": {}}}});
    let refused = world.patch(&edit, &file).by(&olga).send().await.expect(422);
    assert_eq!(refused.wrong(), ["seatPlan.pretix.planFile"]);
    let path = format!("/api/v1/concerts/{concert}/schedules/{}/plan", made["scheduleId"]);
    assert_eq!(world.get(&path).send().await.expect(200).json()["planVersion"], 1);
}

#[tokio::test]
async fn a_repeat_with_a_key_is_the_same_plan_however_it_is_written() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let concert = concert(&world, &olga).await;
    let path = format!("/api/v1/admin/concerts/{concert}/schedules");
    let form = schedule(&world, &pretix());
    let send = |text: String| {
        let call = world.call("POST", &path).raw("application/json", text.as_bytes());
        call.by(&olga).key("plan").send()
    };
    let first = send(form.to_string()).await.expect(201);
    let again = send(serde_json::to_string_pretty(&form).expect("JSON")).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.json()["scheduleId"], again.json()["scheduleId"]);
    let other = form.to_string().replace("20.126", "20.127");
    send(other).await.problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn the_shipped_theatre_has_its_seats_where_they_belong() {
    let world = World::new();
    let olga = world.staff("olga", Role::Operator).await;
    let concert = concert(&world, &olga).await;
    let prices = json!({"VIP": 150_000, "R": 110_000, "S": 77_000});
    let plan = json!({"pretix": {"plan": shipped("theatre-1300.json"), "prices": prices}});
    let made = create(&world, &olga, &concert, &plan).await.expect(201).json();
    assert_eq!(made["totalSeats"], 1_300);
    let grades: Vec<_> =
        made["grades"].as_array().expect("a list").iter().map(|grade| &grade["seatsLeft"]).collect();
    assert_eq!(grades, [160, 488, 652]);
    let base = format!("/api/v1/concerts/{concert}/schedules/{}", made["scheduleId"]);
    let drawn = world.get(&format!("{base}/plan?v=1")).send().await.expect(200).json();
    let sections: Vec<_> =
        drawn["sections"].as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(sections, ["Stalls", "Balcony"]);
    let seat = |section: usize, row: usize, seat: usize| {
        drawn["sections"][section]["rows"][row]["seats"][seat].to_string()
    };
    expect![[r#"
        {"accessible":false,"grade":"VIP","guid":"stalls-A-1","label":"Stalls A-1","no":1,"x":506,"y":255}
        {"accessible":true,"grade":"S","guid":"stalls-X-1","label":"Stalls X-1","no":841,"x":395,"y":950}
        {"accessible":false,"grade":"S","guid":"balcony-M-35","label":"Balcony M-35","no":1300,"x":1161,"y":1472}
    "#]]
    .assert_eq(&format!("{}\n{}\n{}\n", seat(0, 0, 0), seat(0, 21, 0), seat(1, 11, 34)));
    // A row is its own mirror image, but for rounding.
    let x = |at: usize| drawn["sections"][0]["rows"][0]["seats"][at]["x"].as_f64().expect("a number");
    assert!((x(0) + x(29) - 1_600.0).abs() <= 1.0, "{} {}", x(0), x(29));
    assert_eq!(drawn["areas"][0]["text"]["text"], "Stage");
}

#[tokio::test]
async fn a_hundred_thousand_seats_are_imported_and_shown() {
    let world = World::with(|http| http.plan_body_limit_bytes = 32 << 20, |_| {});
    let olga = world.staff("olga", Role::Operator).await;
    let concert = concert(&world, &olga).await;
    let prices = json!({"VIP": 220_000, "SR": 198_000, "R": 165_000, "S": 132_000, "A": 99_000});
    let plan = json!({"pretix": {"plan": shipped("stadium-100000.json.gz"), "prices": prices}});
    let body = schedule(&world, &plan).to_string();
    let path = format!("/api/v1/admin/concerts/{concert}/schedules");

    let began = Instant::now();
    let call = world.call("POST", &path).raw("application/json", body.as_bytes()).by(&olga).key("stadium");
    let made = call.send().await.expect(201).json();
    assert_eq!(made["totalSeats"], 100_000);
    let imported = began.elapsed();
    let base = format!("/api/v1/concerts/{concert}/schedules/{}", made["scheduleId"]);
    let states = world.get(&format!("{base}/states")).send().await.expect(200).json();
    assert_eq!(states["states"].as_str().map(str::len), Some(100_000));
    let mapped = began.elapsed();
    let seats = world.get(&format!("{base}/seats")).send().await.expect(200);
    let listed = began.elapsed();
    let packed =
        world.get(&format!("{base}/plan?v=1")).header("accept-encoding", "gzip").send().await.expect(200);
    let drawn = began.elapsed();
    eprintln!(
        "100,000 seats from {} bytes: imported {imported:?}, map {:?}, seats {:?} ({} bytes), plan {:?} ({} bytes packed)",
        body.len(),
        mapped.checked_sub(imported).unwrap_or_default(),
        listed.checked_sub(mapped).unwrap_or_default(),
        seats.body.len(),
        drawn.checked_sub(listed).unwrap_or_default(),
        packed.body.len(),
    );
    assert_eq!(seats.json()["seats"].as_array().map(Vec::len), Some(100_000));
    // The body is kept: it is the same one.
    let again =
        world.get(&format!("{base}/plan?v=1")).header("accept-encoding", "gzip").send().await.expect(200);
    assert_eq!(again.body, packed.body);
}
