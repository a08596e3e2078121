//! The door: scanning, counting, and the pictures that are scanned.

use frontrow_domain::account::Role;
use serde_json::{Value, json};

use crate::hall::Hall;
use crate::world::{Answer, Client};

struct Door {
    hall: Hall,
    gate: Client,
    ann: Client,
    reservation: String,
    tickets: Vec<Value>,
}

impl Door {
    async fn new() -> Self {
        let hall = Hall::new().await;
        let gate = hall.world.staff("gate", Role::Gate).await;
        let ann = hall.world.fan("ann", 1_000_000).await;
        let reservation = hall.world.hold(&ann, hall.schedule, &[1, 5]).await;
        hall.world.pay(&ann, &reservation).await;
        let path = format!("/api/v1/reservations/{reservation}");
        let shown = hall.world.get(&path).by(&ann).send().await.expect(200).json();
        let tickets = shown["tickets"].as_array().expect("tickets").clone();
        Self { hall, gate, ann, reservation, tickets }
    }

    async fn scan(&self, change: Value) -> Answer {
        let mut form = json!({"code": self.tickets[0]["code"], "scheduleId": self.hall.schedule.get()});
        form.as_object_mut().expect("object").extend(change.as_object().expect("object").clone());
        self.hall.world.post("/api/v1/gate/scan", &form).by(&self.gate).send().await
    }

    async fn counts(&self) -> Value {
        let path = format!("/api/v1/gate/schedules/{}", self.hall.schedule);
        self.hall.world.get(&path).by(&self.gate).send().await.expect(200).json()
    }
}

#[tokio::test]
async fn a_ticket_is_green_once_and_a_repeat_shows_it_again() {
    let door = Door::new().await;
    let world = &door.hall.world;
    assert_eq!(door.counts().await, json!({"admitted": 0, "total": 2}));
    let form = json!({"code": door.tickets[0]["code"], "scheduleId": door.hall.schedule.get()});
    let send = || world.post("/api/v1/gate/scan", &form).by(&door.gate).key("scan").send();
    let green = send().await.expect(200);
    let body = green.json();
    assert_eq!(body["ticketId"], door.tickets[0]["ticketId"]);
    assert_eq!((&body["seat"], &body["label"]), (&json!(1), &json!("1F A-1")));
    assert_eq!((&body["section"], &body["row"], &body["grade"]), (&json!("1F"), &json!("A"), &json!("VIP")));
    assert_eq!(
        (&body["usedAt"], &body["scheduleId"]),
        (&json!(world.time(0)), &json!(door.hall.schedule.get()))
    );
    assert!(body["concertTitle"].is_string() && body["startsAt"].is_string());
    let again = send().await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &green.body));
    world.stage.clock.advance(60);
    let used = door.scan(json!({})).await.problem(409, "ticket_already_used");
    assert_eq!(used["usedAt"], body["usedAt"]);
    assert_eq!(door.counts().await, json!({"admitted": 1, "total": 2}));
    let shown = world.get(&format!("/api/v1/reservations/{}", door.reservation)).by(&door.ann).send().await;
    let shown = shown.expect(200).json();
    assert_eq!(shown["tickets"][0]["status"], "used");
    assert_eq!(shown["tickets"][0]["usedAt"], body["usedAt"]);
    assert_eq!(shown["tickets"][1]["status"], "valid");
    let back = world.delete(&format!("/api/v1/reservations/{}", door.reservation)).by(&door.ann).send().await;
    assert_eq!(back.problem(409, "ticket_already_used")["usedAt"], body["usedAt"]);
}

#[tokio::test]
async fn what_does_not_open_the_door() {
    let door = Door::new().await;
    let other = door.hall.world.stage.a_schedule().make().await;
    let wrong = door.scan(json!({"scheduleId": other.get()})).await;
    wrong.problem(409, "ticket_wrong_schedule");
    let code = door.tickets[0]["code"].as_str().expect("a code");
    let forged = format!("{}A{}", &code[..40], &code[41..]);
    for code in ["", "x", &code[1..], &forged, &"x".repeat(10_000)] {
        door.scan(json!({ "code": code })).await.problem(404, "ticket_invalid");
    }
    for (change, field) in [
        (json!({"code": 1}), "code"),
        (json!({"code": null}), "code"),
        (json!({"scannedAt": "yesterday"}), "scannedAt"),
        (json!({"scheduleId": "1"}), "scheduleId"),
        (json!({"seat": 1}), "seat"),
    ] {
        let answer = door.scan(change.clone()).await;
        assert_eq!(answer.wrong(), [field], "{change}");
        answer.problem(422, "validation_failed");
    }
    door.hall
        .world
        .delete(&format!("/api/v1/reservations/{}", door.reservation))
        .by(&door.ann)
        .send()
        .await
        .expect(200);
    door.scan(json!({})).await.problem(409, "ticket_void");
    assert_eq!(door.counts().await, json!({"admitted": 0, "total": 0}));
    door.hall.world.get("/api/v1/gate/schedules/99").by(&door.gate).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn a_scanner_that_was_without_a_network_says_when_it_scanned() {
    let door = Door::new().await;
    let earlier = door.hall.world.time(-600);
    let green = door.scan(json!({ "scannedAt": earlier })).await.expect(200);
    assert_eq!(green.json()["usedAt"], json!(earlier));
    let ahead = json!({"code": door.tickets[1]["code"], "scannedAt": door.hall.world.time(600)});
    let green = door.scan(ahead).await.expect(200);
    assert_eq!(green.json()["usedAt"], json!(door.hall.world.time(0)), "nobody scans in the future");
}

#[tokio::test]
async fn only_scanners_scan() {
    let door = Door::new().await;
    let form = json!({"code": door.tickets[0]["code"]});
    let admin = door.hall.world.staff("admin", Role::Admin).await;
    for client in [&door.ann, &door.hall.olga, &admin] {
        door.hall.world.post("/api/v1/gate/scan", &form).by(client).send().await.problem(403, "forbidden");
    }
    door.hall.world.post("/api/v1/gate/scan", &form).send().await.problem(401, "unauthenticated");
    assert_eq!(door.counts().await["admitted"], 0);
}

#[tokio::test]
async fn the_code_is_drawn_for_its_owner() {
    let door = Door::new().await;
    let world = &door.hall.world;
    let path = |kind: &str| {
        format!("/api/v1/tickets/{}/qr.{kind}", door.tickets[0]["ticketId"].as_str().expect("id"))
    };
    let svg = world.get(&path("svg")).by(&door.ann).send().await.expect(200);
    assert_eq!(svg.header("content-type"), "image/svg+xml");
    assert_eq!(svg.header("cache-control"), "private, no-cache");
    assert!(String::from_utf8_lossy(&svg.body).contains("<svg"));
    let png = world.get(&path("png")).by(&door.ann).send().await.expect(200);
    assert_eq!(png.header("content-type"), "image/png");
    assert!(png.body.starts_with(b"\x89PNG"));
    let bob = world.fan("bob", 0).await;
    for kind in ["svg", "png"] {
        world.get(&path(kind)).by(&bob).send().await.problem(404, "not_found");
        world.get(&path(kind)).send().await.problem(401, "unauthenticated");
    }
    world
        .delete(&format!("/api/v1/reservations/{}", door.reservation))
        .by(&door.ann)
        .send()
        .await
        .expect(200);
    world.get(&path("svg")).by(&door.ann).send().await.problem(409, "ticket_void");
}
