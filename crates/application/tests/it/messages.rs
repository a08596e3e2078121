//! What instances tell each other of seats: early, late, twice, in any order, or not at all. No test here asks the store
//! for what was missed (`tick_boards`) unless it says so.

use std::sync::Arc;

use frontrow_application::catalog::{Heard, MapChanges};
use frontrow_application::messages::Messages;
use frontrow_application::reservation::{HoldRequest, KeepBack, SeatSelection};
use frontrow_application::staff::By;
use frontrow_domain::{ScheduleId, SeatNo, UserId};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::messages::MessageHub;
use frontrow_testkit::stage::{Stage, seats};
use frontrow_testkit::{bounded, clock::Dice};

/// Three instances of one sale that hear each other, a schedule of ten seats and a fan who may hold them all.
struct Sale {
    hub: MessageHub,
    instances: [Stage; 3],
    schedule: ScheduleId,
    fan: UserId,
}

impl Sale {
    async fn begin() -> Self {
        let hub = MessageHub::default();
        let first = Stage::open(&MemoryFactory::new());
        let instances = [(); 3].map(|()| first.second_with(hub.instance()));
        let schedule = first.a_schedule().seats(10).max_seats_per_fan(10).make().await;
        let fan = first.a_fan().make().await;
        let sale = Self { hub, instances, schedule, fan };
        for at in 0..3 {
            assert_eq!(sale.map(at).await, "aaaaaaaaaa");
        }
        sale.hub.keep_back();
        sale
    }

    async fn map(&self, at: usize) -> String {
        self.instances[at].map(self.schedule).await
    }

    /// Holds a seat at one instance, which tells of it. The message is kept back.
    async fn hold(&self, at: usize, seat: u32) -> Vec<u8> {
        self.hold_all(at, [seat]).await
    }

    async fn hold_all<const N: usize>(&self, at: usize, numbers: [u32; N]) -> Vec<u8> {
        for seat in numbers {
            let request = HoldRequest { schedule: self.schedule, seats: seats([seat]) };
            self.instances[at].app.hold(self.fan, request, None).await.expect("held");
        }
        self.instances[at].app.tell_seats().await.expect("told");
        let mut told = self.hub.take_kept();
        assert_eq!(told.len(), 1, "one message for all that was committed meanwhile");
        told.remove(0)
    }

    /// Brings a message to all, and answers what came of it at this one.
    async fn bring(&self, at: usize, message: &[u8]) -> Heard {
        self.hub.deliver(message.to_vec());
        let mut heard = Vec::new();
        for instance in &self.instances {
            heard.push(instance.app.hear_seats().await);
        }
        heard[at]
    }
}

#[test]
fn what_one_commits_the_others_show() {
    bounded(async {
        let sale = Sale::begin().await;
        let told = sale.hold(0, 3).await;
        assert_eq!(sale.map(1).await, "aaaaaaaaaa", "it has not heard of it yet");
        assert_eq!(sale.bring(1, &told).await, Heard::News);
        assert_eq!([sale.map(1).await, sale.map(2).await], ["aahaaaaaaa", "aahaaaaaaa"]);
        // Several commits in one message, of which those who follow a map hear one by one what has changed.
        let told = sale.hold_all(2, [1, 5, 9]).await;
        assert_eq!(sale.bring(0, &told).await, Heard::News);
        let board =
            sale.instances[0].app.any_schedule(sale.schedule).await.expect("read").expect("there").board;
        assert_eq!(board.version(), 5);
        let MapChanges::Since(changed) = board.since(2) else { panic!("they are known") };
        assert_eq!(changed.into_iter().map(|(seat, _)| seat.get()).collect::<Vec<_>>(), [1, 5, 9]);
        assert_eq!(sale.instances[0].app.tick_boards().await, Ok(0), "nothing was missed");
    });
}

#[test]
fn messages_in_any_order_and_twice_make_the_same_map() {
    bounded(async {
        let sale = Sale::begin().await;
        let told = [sale.hold(0, 1).await, sale.hold(0, 2).await, sale.hold_all(0, [3, 4]).await];
        assert_eq!(sale.bring(1, &told[2]).await, Heard::News, "it waits for what is missing");
        assert_eq!(sale.map(1).await, "aaaaaaaaaa", "and shows nothing that rests on it");
        assert_eq!(sale.bring(1, &told[1]).await, Heard::News);
        assert_eq!(sale.bring(1, &told[1]).await, Heard::News);
        assert_eq!(sale.map(1).await, "aaaaaaaaaa");
        assert_eq!(sale.bring(1, &told[0]).await, Heard::News);
        assert_eq!([sale.map(1).await, sale.map(2).await], ["hhhhaaaaaa", "hhhhaaaaaa"]);
        for repeat in told.iter().chain(&told) {
            assert_eq!(sale.bring(1, repeat).await, Heard::Nothing);
        }
        assert_eq!(sale.map(1).await, "hhhhaaaaaa");
    });
}

#[test]
fn a_lost_message_is_made_up_for_by_the_store() {
    bounded(async {
        let sale = Sale::begin().await;
        let _lost = sale.hold(0, 1).await;
        let told = sale.hold(0, 2).await;
        assert_eq!(sale.bring(1, &told).await, Heard::News);
        assert_eq!(sale.map(1).await, "aaaaaaaaaa");
        assert_eq!(sale.instances[1].app.tick_boards().await, Ok(1));
        assert_eq!(sale.map(1).await, "hhaaaaaaaa");
        // The next one connects to what came from the store.
        let told = sale.hold(0, 3).await;
        assert_eq!(sale.bring(1, &told).await, Heard::News);
        assert_eq!(sale.map(1).await, "hhhaaaaaaa");
    });
}

/// An instance shows what it has answered itself, whether or not it has heard what that rests on.
#[test]
fn an_instance_shows_its_own_commit_before_it_hears_of_the_others() {
    bounded(async {
        let sale = Sale::begin().await;
        let first = sale.hold(0, 1).await;
        let second = sale.hold(1, 2).await;
        assert_eq!(sale.map(1).await, "hhaaaaaaaa");
        assert_eq!(sale.bring(1, &first).await, Heard::Nothing, "the store has told it");
        assert_eq!(sale.bring(1, &second).await, Heard::Own);
        assert_eq!([sale.map(0).await, sale.map(2).await], ["hhaaaaaaaa", "hhaaaaaaaa"]);
    });
}

/// A message that comes while a map is read from the store is put on top of it.
#[test]
fn a_map_that_nobody_looked_at_is_read_with_everything() {
    bounded(async {
        let sale = Sale::begin().await;
        let late = sale.instances[0].second_with(sale.hub.instance());
        let told = sale.hold(0, 4).await;
        sale.hub.deliver(told.clone());
        assert_eq!(late.app.hear_seats().await, Heard::Nothing, "nobody looks at those seats there");
        assert_eq!(late.map(sale.schedule).await, "aaahaaaaaa");
        sale.hub.deliver(told);
        assert_eq!(late.app.hear_seats().await, Heard::Nothing);
        assert_eq!(late.map(sale.schedule).await, "aaahaaaaaa");
    });
}

#[test]
fn what_others_have_written_is_ignored_and_counted() {
    bounded(async {
        let sale = Sale::begin().await;
        let told = sale.hold(0, 1).await;
        let before = sale.map(1).await;
        let unreadable: [Vec<u8>; 6] = [
            vec![],
            b"hello".to_vec(),
            b"frontrow seats 1\n".to_vec(),
            b"frontrow seats 2\n anything".to_vec(),
            told[..told.len() - 1].to_vec(),
            [&told[..], b"x"].concat(),
        ];
        for message in unreadable {
            assert_eq!(sale.bring(1, &message).await, Heard::Unreadable, "{message:?}");
        }
        // Another system on the same Redis: the name of its store's history comes first.
        let mut foreign = told.clone();
        foreign[b"frontrow seats 1\n".len()] = 2;
        assert_eq!(sale.bring(1, &foreign).await, Heard::Foreign);
        assert_eq!(sale.map(1).await, before);
        assert_eq!(sale.bring(1, &told).await, Heard::News, "what is good is taken in as before");
        assert_eq!(sale.map(1).await, "haaaaaaaaa");
    });
}

#[test]
fn whatever_is_cut_off_or_turned_over_harms_nothing() {
    for seed in 0..200 {
        bounded(async move {
            let mut dice = Dice::new(seed);
            let sale = Sale::begin().await;
            let mut told = sale.hold_all(0, [2, 3]).await;
            let at = dice.below(u32::try_from(told.len()).expect("small")) as usize;
            if dice.below(2) == 0 {
                told.truncate(at);
            } else {
                told[at] ^= 1 << dice.below(8);
            }
            let heard = sale.bring(1, &told).await;
            // Nobody signs messages: one whose seats were changed is believed. It is never half taken in.
            assert_eq!(sale.map(1).await.len(), 10, "{heard:?}, seed {seed}");
        });
    }
}

/// Much that is committed while nothing can be told is told in part, and found in the store.
#[test]
fn what_does_not_fit_is_found_in_the_store() {
    bounded(async {
        let hub = MessageHub::default();
        let first = Stage::open(&MemoryFactory::new());
        let instances = [(); 2].map(|()| first.second_with(hub.instance()));
        // More seats than wait to be told.
        let schedule = first.a_schedule().seats(20_000).make().await;
        let small = first.a_schedule().seats(3).make().await;
        let fan = first.a_fan().make().await;
        for stage in &instances {
            stage.map(schedule).await;
            stage.map(small).await;
        }
        let everything = SeatSelection {
            seats: Some(vec![(SeatNo::new(1), SeatNo::new(20_000))]),
            ..SeatSelection::default()
        };
        let app = &instances[0].app;
        app.keep_back(By::System, schedule, KeepBack::Block, everything, None, None).await.expect("blocked");
        let request = HoldRequest { schedule: small, seats: seats([2]) };
        instances[0].app.hold(fan, request, None).await.expect("held");
        assert_eq!(instances[0].app.tell_seats().await, Ok(1), "the large one was left out");
        assert_eq!(instances[1].app.hear_seats().await, Heard::News);
        assert_eq!(instances[1].map(small).await, "aha");
        assert!(instances[1].map(schedule).await.starts_with("aaa"));
        assert_eq!(instances[1].app.tick_boards().await, Ok(1));
        assert!(instances[1].map(schedule).await.starts_with("bbb"));
    });
}

#[test]
fn however_commits_looks_and_messages_are_mixed_every_instance_ends_with_the_same_map() {
    for seed in 0..60 {
        bounded(async move {
            let mut dice = Dice::new(seed);
            let sale = Sale::begin().await;
            let mut under_way: Vec<Vec<u8>> = Vec::new();
            for seat in 1..=10 {
                let at = dice.below(3) as usize;
                under_way.push(sale.hold(at, seat).await);
                assert_eq!(&sale.map(at).await[seat as usize - 1..seat as usize], "h", "its own it shows");
                for _ in 0..dice.below(4) {
                    let which = dice.below(u32::try_from(under_way.len()).expect("small")) as usize;
                    let message = under_way[which].clone();
                    match dice.below(4) {
                        0 => drop(under_way.remove(which)),
                        1 => drop(sale.bring(0, &message).await),
                        _ => {
                            under_way.remove(which);
                            sale.bring(0, &message).await;
                        }
                    }
                    if under_way.is_empty() {
                        break;
                    }
                }
            }
            for (at, instance) in sale.instances.iter().enumerate() {
                instance.app.tick_boards().await.expect("ticked");
                assert_eq!(sale.map(at).await, "hhhhhhhhhh", "seed {seed}, instance {at}");
            }
        });
    }
}

/// A store that was put back to an earlier state, under an instance that has seen more: the map is read anew.
#[test]
fn a_map_that_is_ahead_of_the_store_is_read_anew() {
    bounded(async {
        let sale = Sale::begin().await;
        let mut told = sale.hold(0, 1).await;
        // What is behind the sender's name is the number of schedules, the schedule, from and to.
        let length = told.len();
        let to = told.iter().rposition(|byte| *byte == 2).expect("the version that the step leads to");
        assert!(to > length - 8, "{told:?}");
        told[to] = 9;
        assert_eq!(sale.bring(1, &told).await, Heard::News);
        let version = || async {
            let found =
                sale.instances[1].app.any_schedule(sale.schedule).await.expect("read").expect("there");
            found.board.version()
        };
        assert_eq!(version().await, 9);
        sale.instances[1].app.tick_boards().await.expect("ticked");
        assert_eq!(version().await, 2);
        assert_eq!(sale.map(1).await, "haaaaaaaaa");
    });
}

#[test]
fn an_instance_alone_tells_nobody_and_hears_nobody() {
    use futures_util::FutureExt as _;

    bounded(async {
        let alone = Stage::open(&MemoryFactory::new());
        let schedule = alone.a_schedule().seats(3).make().await;
        let fan = alone.a_fan().make().await;
        let request = HoldRequest { schedule, seats: seats([1]) };
        alone.app.hold(fan, request, None).await.expect("held");
        assert!(alone.app.tell_seats().now_or_never().is_none());
        assert!(alone.app.hear_seats().now_or_never().is_none());
        let messages: Arc<dyn Messages> = MessageHub::default().instance();
        let quiet = alone.second_with(messages);
        assert!(quiet.app.tell_seats().now_or_never().is_none(), "nothing was committed there");
    });
}
