//! What an operator does when something is wrong: a performance is called off, and the server is killed while money goes
//! back; a sale is stopped and goes on, at every server at once.

use std::sync::Arc;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Person, http, on_sale, on_sale_in_line, states};
use crate::cluster::{Cluster, until};
use crate::crowd::PRICE;
use crate::sale::audit;
use crate::server::Server;

/// Reservations that are paid, one seat each.
const PAID: u64 = 1_500;
/// Reservations that are held.
const HELD: u64 = 100;

/// How many reservations are refunded, by the audit.
fn refunded(figures: &Value) -> u64 {
    figures["reservations"]["refunded"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_performance_that_is_called_off_is_refunded_once_however_often_the_server_is_killed() {
    let folder = tempfile::tempdir().expect("folder");
    // Small groups, so that there is a middle.
    let small = [("FRONTROW__STORE__GROUP_MAX_COMMANDS", "4")];
    let mut server = Server::start(folder.path(), &small);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let sale = on_sale(&operator, 2_000, PRICE, 3_600).await;
    let fans: Arc<Vec<Person>> = Arc::new(
        (0..50).map(|number| Person::new(&server, &client, &format!("fan {number}"), "fan")).collect(),
    );
    let of_fan = (PAID + HELD) / 50;
    join_all((0..50_u64).map(|number| {
        let fans = Arc::clone(&fans);
        async move {
            let fan = &fans[usize::try_from(number).expect("few")];
            fan.charge(100_000).await.expect(200);
            for step in 0..of_fan {
                let seat = u32::try_from(number * of_fan + step + 1).expect("few");
                let held = fan.hold(&format!("hold {seat}"), sale.1, &[seat]).await.expect(201);
                if step < PAID / 50 {
                    let id = held["reservationId"].as_str().expect("an id");
                    fan.pay(&format!("pay {seat}"), id).await.expect(201);
                }
            }
        }
    }))
    .await;
    let path = format!("/admin/schedules/{}/cancel", sale.1);
    let dry = json!({"reason": "The artist is ill", "dryRun": true});
    let would = operator.post(&path, "cancel", dry).await.expect(200);
    let all = i64::try_from(PAID).expect("few") * PRICE;
    assert_eq!(would["withdrawal"], json!({"pending": HELD, "confirmed": PAID, "amount": all}));
    let reason = json!({"reason": "The artist is ill"});
    let called_off = operator.post(&path, "cancel", reason.clone()).await.expect(200);
    assert_eq!(called_off["status"], "cancelled");

    // Killed as soon as some money has gone back, and again after the restart.
    let sales = format!("/admin/concerts/{}/sales", sale.0);
    let mut seen = 0;
    let mut middles = 0;
    for _ in 0..2 {
        let before = seen;
        let there = operator.at(&server);
        until("more has gone back", || async {
            let figures = there.get(&sales).await.expect(200);
            figures["schedules"][0]["refunded"].as_i64().is_some_and(|now| now > before)
        })
        .await;
        server.kill();
        let figures = audit(folder.path());
        let done = refunded(&figures);
        assert!(done > 0);
        middles += usize::from(done < PAID);
        seen = i64::try_from(done).expect("few") * PRICE;
        server = Server::start(folder.path(), &small);
    }
    assert!(middles >= 1, "the kills came too late");
    let operator = operator.at(&server);
    until("all has gone back", || async {
        let figures = operator.get(&sales).await.expect(200);
        figures["schedules"][0]["refunded"] == all && figures["schedules"][0]["held"] == 0
    })
    .await;
    // Asked again under the same key, it tells what is left to do: nothing. Money went back once.
    let again = operator.post(&path, "cancel", reason).await.expect(200);
    assert_eq!(again["withdrawal"], json!({"pending": 0, "confirmed": 0, "amount": 0}));
    let figures = audit(folder.path());
    assert_eq!(refunded(&figures), PAID);
    assert_eq!(figures["reservations"]["confirmed"].as_u64().unwrap_or(0), 0);
    assert_eq!((&figures["balances"], &figures["charged"]), (&json!(5_000_000), &json!(5_000_000)));
    assert_eq!(states(&operator, sale).await, "a".repeat(2_000), "no seat is kept by anybody");
    for fan in fans.iter().take(5) {
        let balance = fan.at(&server).get("/users/me/balance").await.expect(200);
        assert_eq!(balance["balance"], 100_000);
    }
    let late = fans[0].at(&server).hold("late", sale.1, &[1]).await;
    assert_eq!(late.status, 409, "{}", late.body);
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_is_stopped_at_one_server_is_stopped_at_all_and_what_is_held_can_be_paid() {
    let cluster = Cluster::start(2).await;
    let operator = cluster.person(0, "operator", "operator");
    let room = json!({"enabled": true, "maxActive": 10, "admitPerSecond": 100});
    let (concert, schedule) = on_sale_in_line(&operator, "Night", 10, room).await;
    let mut fan = cluster.person(1, "fan", "fan");
    until("the fan has joined", || {
        let mut fan = fan.clone();
        async move { fan.join(concert).await.expect("an answer").status.is_success() }
    })
    .await;
    fan.join(concert).await.expect("an answer").expect(200);
    until("the fan is let in", || async { fan.place().await["state"] == "active" }).await;
    fan.charge(10_000).await.expect(200);
    let held = fan.hold("before", schedule, &[1]).await.expect(201);
    let id = held["reservationId"].as_str().expect("an id");

    let patch = async |path: String, body: Value| {
        operator.try_ask(Method::PATCH, &path, None, Some(body)).await.expect("an answer").expect(200)
    };
    let of_schedule = format!("/admin/schedules/{schedule}");
    let of_queue = format!("/admin/concerts/{concert}/queue");
    assert_eq!(patch(of_schedule.clone(), json!({"salesPaused": true})).await["status"], "paused");
    patch(of_queue.clone(), json!({"notice": "We are looking into it."})).await;
    // At the other server, at once: what was answered there holds here.
    let refused = fan.hold("meanwhile", schedule, &[2]).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "sale_paused"));
    let best = json!({"scheduleId": schedule, "bestAvailable": {"quantity": 2}});
    assert_eq!(fan.post("/reservations", "best", best).await.code(), "sale_paused");
    until("everybody in line is told", || async { fan.place().await["notice"] == "We are looking into it." })
        .await;
    until("the catalogue shows it", || async {
        let seen = fan.get(&format!("/concerts/{concert}/schedules")).await.expect(200);
        seen["items"][0]["status"] == "paused"
    })
    .await;
    fan.post(&format!("/reservations/{id}/extend"), "extend", json!({})).await.expect(200);
    fan.pay("pay", id).await.expect(201);

    patch(of_schedule, json!({"salesPaused": false})).await;
    patch(of_queue, json!({"notice": null})).await;
    until("the fan is in again", || {
        let mut fan = fan.clone();
        async move {
            fan.join(concert).await.expect("an answer");
            fan.place().await["state"] == "active"
        }
    })
    .await;
    fan.join(concert).await.expect("an answer").expect(200);
    fan.hold("meanwhile", schedule, &[2]).await.expect(201);
    until("nobody is told any more", || async { fan.place().await["notice"] == Value::Null }).await;
    assert_eq!(cluster.audit()["seatsByState"]["sold"], 1);
}
