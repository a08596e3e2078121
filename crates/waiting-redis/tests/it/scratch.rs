//! Keys for a while: only where nobody has any, and all of them gone afterwards.

use frontrow_application::waiting_room::{Newcomer, WaitingRoom as _};
use frontrow_testkit::samples;
use frontrow_waiting_redis::{RedisLine, RedisScratch, ScratchError};

use crate::own::{bounded, policy};
use crate::servers::{Rooms, Server};

async fn somebody_joins(rooms: &Rooms) {
    let line = RedisLine::open(rooms.server.settings(&rooms.prefix)).expect("good settings");
    bounded("joining", async {
        line.tick(samples::CONCERT, policy(5)).await.expect("a tick");
        let newcomer = Newcomer { user: samples::user(1), entry: samples::entry_id(1) };
        line.join(samples::CONCERT, newcomer, Ok(())).await.expect("an answer").expect("a place");
        let another = Newcomer { user: samples::user(2), entry: samples::entry_id(2) };
        line.join_lobby(samples::CONCERT, another, Ok(())).await.expect("an answer").expect("a place");
    })
    .await;
    line.close();
}

/// How many keys a room has.
fn keys(rooms: &Rooms) -> u64 {
    let names =
        ["room", "places", "fans", "waiting", "skipped", "returned", "sessions", "ended", "untold", "lobby"];
    let mut exists = redis::cmd("EXISTS");
    for name in names {
        exists.arg(rooms.key(samples::CONCERT.get(), name));
    }
    rooms.server.ask(&exists)
}

async fn a_prefix_in_use_is_refused_and_one_of_its_own_is_emptied(server: Server) {
    let (mine, others) = (Rooms::on(server.clone()), Rooms::on(server));
    somebody_joins(&others).await;
    let refused = RedisScratch::make(others.server.settings(&others.prefix)).await;
    assert!(matches!(refused, Err(ScratchError::InUse(prefix)) if prefix == others.prefix));

    let scratch = RedisScratch::make(mine.server.settings(&mine.prefix)).await.expect("nobody has it");
    somebody_joins(&mine).await;
    assert!(keys(&mine) > 0);
    scratch.drop_all().await.expect("it goes");
    assert_eq!((keys(&mine), mine.concerts()), (0, Vec::new()));
    assert!(keys(&others) > 0, "what others have is theirs");
    scratch.drop_all().await.expect("a second time there is nothing to do");
}

#[tokio::test]
async fn on_one_redis() {
    a_prefix_in_use_is_refused_and_one_of_its_own_is_emptied(Server::single()).await;
}

#[tokio::test]
async fn on_a_cluster() {
    a_prefix_in_use_is_refused_and_one_of_its_own_is_emptied(Server::cluster()).await;
}
