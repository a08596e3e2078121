//! Several instances on one store: what one commits the others show.

use frontrow_application::reservation::HoldRequest;
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::stage::{Stage, seats};
use frontrow_testkit::{bounded, clock::Dice};

async fn hold(stage: &Stage, fan: frontrow_domain::UserId, request: HoldRequest) {
    stage.app.hold(fan, request, None).await.expect("held");
}

#[test]
fn a_board_that_was_left_behind_catches_up() {
    bounded(async {
        let one = Stage::open(&MemoryFactory::new());
        let other = one.second();
        let schedule = one.a_schedule().seats(6).max_seats_per_fan(6).make().await;
        let fan = one.a_fan().make().await;
        for stage in [&one, &other] {
            assert_eq!(stage.map(schedule).await, "aaaaaa");
        }
        hold(&one, fan, HoldRequest { schedule, seats: seats([1]) }).await;
        // It has not heard of it yet.
        assert_eq!(other.map(schedule).await, "aaaaaa");
        assert_eq!(other.app.tick_boards().await, Ok(1));
        assert_eq!(other.map(schedule).await, "haaaaa");
        assert_eq!(other.app.tick_boards().await, Ok(0));
        // Its own commit shows at once, with everything that it rests on.
        hold(&one, fan, HoldRequest { schedule, seats: seats([2]) }).await;
        hold(&other, fan, HoldRequest { schedule, seats: seats([3]) }).await;
        assert_eq!(other.map(schedule).await, "hhhaaa");
        assert_eq!(one.app.tick_boards().await, Ok(1));
        assert_eq!(one.map(schedule).await, "hhhaaa");
        for stage in [&one, &other] {
            let details = stage.app.any_schedule(schedule).await.expect("read").expect("there");
            assert_eq!(details.board.version(), 4);
        }
    });
}

#[test]
fn what_is_missed_is_told_to_those_who_ask_what_has_changed() {
    bounded(async {
        let one = Stage::open(&MemoryFactory::new());
        let other = one.second();
        let schedule = one.a_schedule().seats(9).max_seats_per_fan(9).make().await;
        let fan = one.a_fan().make().await;
        other.map(schedule).await;
        for seat in [1, 4, 7] {
            hold(&one, fan, HoldRequest { schedule, seats: seats([seat]) }).await;
        }
        other.app.tick_boards().await.expect("ticked");
        let board = other.app.any_schedule(schedule).await.expect("read").expect("there").board;
        assert_eq!(board.version(), 4);
        let frontrow_application::catalog::MapChanges::Since(changed) = board.since(1) else {
            panic!("the changes since the picture are known")
        };
        let changed: Vec<_> = changed.into_iter().map(|(seat, _)| seat.get()).collect();
        assert_eq!(changed, [1, 4, 7]);
    });
}

#[test]
fn however_commits_and_looks_are_mixed_every_instance_ends_with_the_same_map() {
    for seed in 0..40 {
        bounded(async move {
            let mut dice = Dice::new(seed);
            let first = Stage::open(&MemoryFactory::new());
            let instances = [first.second(), first.second(), first];
            let schedule = instances[0].a_schedule().seats(30).max_seats_per_fan(30).make().await;
            let fan = instances[0].a_fan().make().await;
            for seat in 1..=20 {
                let stage = dice.pick(&instances).expect("instances");
                hold(stage, fan, HoldRequest { schedule, seats: seats([seat]) }).await;
                // What one has answered it shows.
                assert_eq!(&stage.map(schedule).await[seat as usize - 1..seat as usize], "h");
                let looker = dice.pick(&instances).expect("instances");
                match dice.below(3) {
                    0 => drop(looker.app.tick_boards().await.expect("ticked")),
                    1 => drop(looker.map(schedule).await),
                    _ => {}
                }
            }
            for stage in &instances {
                stage.app.tick_boards().await.expect("ticked");
                assert_eq!(
                    stage.map(schedule).await,
                    format!("{}{}", "h".repeat(20), "a".repeat(10)),
                    "seed {seed}"
                );
            }
        });
    }
}
