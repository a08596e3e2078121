//! Rankings.

use serde_json::{Value, json};

use crate::world::World;

async fn ranks(world: &World, path: &str) -> Value {
    world.get(&format!("/api/v1/rankings/{path}")).send().await.expect(200).json()["items"].clone()
}

#[tokio::test]
async fn seats_that_are_still_sold_count_in_their_window() {
    let world = World::new();
    let fan = world.fan("ann", 1_000_000).await;
    let (first, second) = (world.stage.a_concert().make().await, world.stage.a_concert().make().await);
    let one = world.stage.a_schedule().of(first).price(1_000).make().await;
    let two = world.stage.a_schedule().of(second).price(1_000).make().await;
    assert_eq!(ranks(&world, "best-selling").await, json!([]));
    let early = world.hold(&fan, one, &[1, 2, 3]).await;
    world.pay(&fan, &early).await;
    world.stage.clock.advance(3_601);
    let fan = world.log_in("ann").await;
    let late = world.hold(&fan, two, &[1, 2]).await;
    world.pay(&fan, &late).await;
    let seen = |ranks: &Value| -> Vec<(u64, u64, u64)> {
        let number = |rank: &Value, name: &str| rank[name].as_u64().expect("a number");
        let ranks = ranks.as_array().expect("ranks").iter();
        ranks.map(|rank| (number(rank, "rank"), number(rank, "concertId"), number(rank, "sold"))).collect()
    };
    assert_eq!(seen(&ranks(&world, "best-selling").await), [(1, 2, 2)]);
    assert_eq!(seen(&ranks(&world, "best-selling?window=1h").await), [(1, 2, 2)]);
    assert_eq!(seen(&ranks(&world, "best-selling?window=24h").await), [(1, 1, 3), (2, 2, 2)]);
    assert_eq!(seen(&ranks(&world, "best-selling?window=all").await), [(1, 1, 3), (2, 2, 2)]);
    let answer = world.get("/api/v1/rankings/best-selling").send().await.expect(200);
    assert_eq!(answer.header("cache-control"), "max-age=1");
    let rank = &answer.json()["items"][0];
    let members: Vec<_> = rank.as_object().expect("object").keys().cloned().collect();
    assert_eq!(members, ["concertId", "rank", "sold", "title"], "no revenue is told");
    world.get("/api/v1/rankings/best-selling?window=2h").send().await.problem(400, "invalid_request");
}

#[tokio::test]
async fn the_quickest_comes_first_and_a_seat_that_returns_takes_its_schedule_out() {
    let world = World::new();
    let fan = world.fan("ann", 1_000_000).await;
    let opens = world.stage.now();
    let quick = world.stage.a_schedule().seats(2).price(1_000).booking_start(opens).make().await;
    let slow = world.stage.a_schedule().seats(2).price(1_000).booking_start(opens).make().await;
    for (schedule, seats, wait) in [(quick, vec![1, 2], 30), (slow, vec![1], 60), (slow, vec![2], 15)] {
        world.stage.clock.advance(wait);
        let held = world.hold(&fan, schedule, &seats).await;
        world.pay(&fan, &held).await;
    }
    let ranks_now = ranks(&world, "sold-out").await;
    let seen: Vec<_> = ranks_now
        .as_array()
        .expect("ranks")
        .iter()
        .map(|rank| (rank["scheduleId"].clone(), rank["soldOutSeconds"].clone()))
        .collect();
    assert_eq!(seen, [(json!(quick.get()), json!(30)), (json!(slow.get()), json!(105))]);
    // Staff takes one back: its seat is on sale again.
    let sold = world.stage.app.find_reservations(
        frontrow_application::store::StaffFilter { schedule: Some(quick), ..Default::default() },
        None,
        1,
    );
    let reservation = sold.await.expect("read")[0].0.reservation.id;
    let refund =
        frontrow_application::reservation::StaffRefund { reservation, percent: 100, reason: "x".to_owned() };
    world.stage.app.refund(frontrow_application::staff::By::System, refund, None).await.expect("refunded");
    // What was worked out is shown for five seconds.
    world.stage.clock.advance(5);
    let ranks_now = ranks(&world, "sold-out").await;
    assert_eq!(ranks_now[0]["scheduleId"], slow.get());
    assert_eq!(ranks_now.as_array().map(Vec::len), Some(1));
}
