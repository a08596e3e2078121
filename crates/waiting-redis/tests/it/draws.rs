//! The draw of a lobby, beyond what `conformance` sees of it: several instances that drive one, how much a script does at a
//! time, and what is left in Redis.

use std::collections::HashMap;

use frontrow_application::waiting_room::{
    DRAW_CHUNK, DrawStage, Drawee, LineError, LineFigures, LinePolicy, Pass, WaitingRoom as _,
};
use frontrow_domain::queue::{EndReason, PlaceState, RoomState};
use frontrow_domain::{EntryId, Sequence};
use frontrow_testkit::samples;
use frontrow_waiting_redis::RedisLine;
use futures_util::future::{join_all, join3};

use crate::forms::Kept;
use crate::own::{Fans, Keeps, OwnRedis, policy};
use crate::servers::{Rooms, Server};

/// Fans of a lobby, in several pages and chunks.
const FANS: u64 = 5_000;
/// Those who come while it is drawn.
const LATE: u64 = 500;
/// How many places one script of a draw may touch.
const CHUNK: u64 = 400;

/// Moves a line on whose sale has not opened.
pub(crate) async fn figures(line: &RedisLine) -> LineFigures {
    let gathering = LinePolicy { state: RoomState::Lobby, ..policy(0) };
    line.tick(samples::CONCERT, gathering).await.expect("the line answers")
}

/// Everybody in the draw, page by page.
pub(crate) async fn drawees(line: &RedisLine) -> Result<Vec<Drawee>, LineError> {
    let mut drawees: Vec<Drawee> = Vec::new();
    loop {
        let after = drawees.last().map_or(Sequence::LOBBY, |last| last.sequence);
        let page = line.drawees(samples::CONCERT, after).await?;
        assert!(page.len() <= DRAW_CHUNK);
        if page.is_empty() {
            return Ok(drawees);
        }
        drawees.extend(page);
    }
}

pub(crate) fn numbers(drawn: &[Drawee]) -> Vec<Sequence> {
    drawn.iter().map(|drawee| drawee.sequence).collect()
}

/// An order that has nothing to do with that of arrival, and is the same every time.
pub(crate) fn shuffled(mut drawees: Vec<Drawee>) -> Vec<Drawee> {
    drawees.sort_unstable_by_key(|drawee| (drawee.sequence.get() * 7_919 % 104_729, drawee.sequence));
    drawees
}

pub(crate) fn reversed(mut drawees: Vec<Drawee>) -> Vec<Drawee> {
    drawees.reverse();
    drawees
}

/// Draws a lobby as an instance does, from the first step to the last.
pub(crate) async fn drive(
    line: &RedisLine,
    order: fn(Vec<Drawee>) -> Vec<Drawee>,
) -> Result<Vec<Drawee>, LineError> {
    if line.close_lobby(samples::CONCERT).await? == DrawStage::Done {
        return Ok(Vec::new());
    }
    let drawn = order(drawees(line).await?);
    for (rank, chunk) in (0..).step_by(DRAW_CHUNK).zip(drawn.chunks(DRAW_CHUNK)) {
        line.place_drawn(samples::CONCERT, rank, numbers(chunk)).await?;
    }
    while line.finish_draw(samples::CONCERT).await? == DrawStage::Drawing {}
    Ok(drawn)
}

/// How many of those who were drawn do not stand where they were drawn, by their passes from the lobby.
pub(crate) async fn misplaced(line: &RedisLine, drawn: &[Drawee], passes: &[Pass]) -> usize {
    let passes: HashMap<EntryId, Pass> = passes.iter().map(|pass| (pass.entry, *pass)).collect();
    let mut misplaced = 0;
    for chunk in drawn.iter().zip(0..).collect::<Vec<_>>().chunks(500) {
        let stand = chunk.iter().map(|&(drawee, rank)| {
            let pass = passes[&drawee.entry];
            async move {
                let standing = line.standing(pass).await.expect("the line answers");
                standing.is_some_and(|one| one.ahead == Some(rank) && one.place.entry == drawee.entry)
            }
        });
        misplaced += join_all(stand).await.into_iter().filter(|stands| !stands).count();
    }
    misplaced
}

fn instances(rooms: &Rooms, count: usize) -> Vec<Fans> {
    let open = |_| RedisLine::open(rooms.server.settings(&rooms.prefix)).expect("good settings");
    (0..count).map(open).map(Fans::of).collect()
}

/// Two instances drive the same draw from beginning to end at the same time, while fans come by a third.
async fn instances_drive_one_draw(server: Server) {
    let rooms = Rooms::on(server);
    let fans = instances(&rooms, 3);
    let passes = fans[0].fill_lobby(0..FANS).await;
    assert_eq!(fans[0].line.close_lobby(samples::CONCERT).await, Ok(DrawStage::Drawing));
    let late = async {
        for some in (FANS..FANS + LATE).collect::<Vec<_>>().chunks(25) {
            join_all(some.iter().map(|&fan| fans[2].join_lobby(fan))).await;
        }
    };
    let (one, other, ()) = join3(drive(&fans[0].line, shuffled), drive(&fans[1].line, shuffled), late).await;
    // Whoever was slower may have found the list gone.
    let drawn = [one, other].map(|drawn| drawn.expect("it is driven to its end"));
    let drawn = drawn.into_iter().max_by_key(Vec::len).expect("two");
    assert_eq!(drawn.len() as u64, FANS);
    assert_eq!(misplaced(&fans[1].line, &drawn, &passes).await, 0);
    let figures = figures(&fans[0].line).await;
    assert_eq!((figures.lobby, figures.waiting, figures.head), (0, FANS + LATE, Sequence::new(1)));
    let mut before = FANS;
    for some in (FANS..FANS + LATE).collect::<Vec<_>>().chunks(25) {
        let mut highest = 0;
        for &fan in some {
            let found = fans[1].line.find(samples::CONCERT, samples::user(fan)).await.expect("answered");
            let ahead = found.and_then(|found| found.ahead).expect("in line");
            assert!(ahead >= before, "fan {fan} has {ahead} ahead, {before} came before them");
            highest = highest.max(ahead + 1);
        }
        before = highest;
    }
}

#[test]
fn two_instances_drive_one_draw() {
    frontrow_testkit::bounded(instances_drive_one_draw(Server::single()));
}

#[test]
fn two_instances_drive_one_draw_on_a_cluster() {
    frontrow_testkit::bounded(instances_drive_one_draw(Server::cluster()));
}

/// The control: two instances that do not agree on the order make a line that is neither's.
#[test]
fn control_instances_with_two_orders_are_found_out() {
    frontrow_testkit::bounded(async {
        let rooms = Rooms::on(Server::single());
        let fans = instances(&rooms, 2);
        let passes = fans[0].fill_lobby(0..FANS).await;
        assert_eq!(fans[0].line.close_lobby(samples::CONCERT).await, Ok(DrawStage::Drawing));
        let one = shuffled(drawees(&fans[0].line).await.expect("answered"));
        let first = numbers(&one[..DRAW_CHUNK]);
        fans[0].line.place_drawn(samples::CONCERT, 0, first).await.expect("answered");
        let other = drive(&fans[1].line, reversed).await.expect("it is driven to its end");
        assert!(misplaced(&fans[0].line, &one, &passes).await > 0, "the check finds nothing");
        assert!(misplaced(&fans[0].line, &other, &passes).await > 0, "the check finds nothing");
    });
}

/// How often Redis has done something so far, also within scripts.
fn calls(redis: &OwnRedis, command: &str) -> u64 {
    let info: String = redis.server().ask(redis::cmd("INFO").arg("commandstats"));
    let line = info.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    let count = line.and_then(|line| line.split(',').next());
    count.map_or(0, |count| count.parse().expect("a number"))
}

/// Settling touches nobody, however many there are; what touches everybody does so in chunks, each a script of its own.
#[test]
fn no_script_of_a_draw_touches_more_than_a_chunk() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let fans = redis.instance();
        fans.fill_lobby(0..2_000).await;
        let (line, concert) = (&fans.line, samples::CONCERT);
        let count = || ["zadd", "hget", "hmget", "evalsha"].map(|command| calls(&redis, command));
        let since = |before: [u64; 4]| {
            let now = count();
            [0, 1, 2, 3].map(|index| now[index] - before[index])
        };
        // Redis has learned the script, and a draw that was settled is asked for again.
        for _ in 0..2 {
            let before = count();
            assert_eq!(line.close_lobby(concert).await, Ok(DrawStage::Drawing));
            let [placed, read, listed, _] = since(before);
            assert_eq!((placed, read, listed), (0, 0, 0));
        }
        let before = count();
        let page = line.drawees(concert, Sequence::LOBBY).await.expect("answered");
        assert_eq!((page.len(), since(before)), (DRAW_CHUNK, [0, 0, 1, 1]));
        let drawn = shuffled(drawees(line).await.expect("answered"));
        for (rank, chunk) in (0..).step_by(DRAW_CHUNK).zip(drawn.chunks(DRAW_CHUNK)) {
            let before = count();
            line.place_drawn(concert, rank, numbers(chunk)).await.expect("answered");
            let [zadds, _, _, scripts] = since(before);
            assert_eq!((zadds, scripts), (1_000, 1_000_u64.div_ceil(CHUNK)));
        }
    });
}

/// Latecomers who were there before anybody was placed follow in chunks, and the draw is done with the last.
#[test]
fn latecomers_follow_chunk_by_chunk() {
    frontrow_testkit::bounded(async {
        let redis = OwnRedis::start(Keeps::Nothing).await;
        let fans = redis.instance();
        let passes = fans.fill_lobby(0..2).await;
        let (line, concert) = (&fans.line, samples::CONCERT);
        assert_eq!(line.close_lobby(concert).await, Ok(DrawStage::Drawing));
        fans.fill_lobby(2..1_002).await;
        let drawn = reversed(drawees(line).await.expect("answered"));
        assert!(
            matches!(line.finish_draw(concert).await, Err(LineError::Unavailable(_))),
            "two are not placed"
        );
        line.place_drawn(concert, 0, numbers(&drawn)).await.expect("answered");
        for left in [600, 200] {
            let before = calls(&redis, "zadd");
            assert_eq!(line.finish_draw(concert).await, Ok(DrawStage::Drawing));
            assert_eq!((calls(&redis, "zadd") - before, figures(line).await.lobby), (CHUNK, left));
        }
        assert_eq!(line.finish_draw(concert).await, Ok(DrawStage::Done));
        assert_eq!(misplaced(line, &drawn, &passes).await, 0);
        assert_eq!((figures(line).await.lobby, figures(line).await.waiting), (0, 1_002));
    });
}

/// However many come while others follow, the lobby gets shorter and not longer: each who comes lets two go before.
#[test]
fn a_rush_into_the_lobby_does_not_keep_the_draw_from_ending() {
    frontrow_testkit::bounded(async {
        let rooms = Rooms::on(Server::single());
        let fans = &instances(&rooms, 1)[0];
        let (line, concert) = (&fans.line, samples::CONCERT);
        fans.fill_lobby(0..1).await;
        assert_eq!(line.close_lobby(concert).await, Ok(DrawStage::Drawing));
        fans.fill_lobby(1..501).await;
        let drawn = drawees(line).await.expect("answered");
        line.place_drawn(concert, 0, numbers(&drawn)).await.expect("answered");
        fans.fill_lobby(501..551).await;
        assert_eq!(figures(line).await.lobby, 550, "nobody has followed yet");
        assert_eq!(line.finish_draw(concert).await, Ok(DrawStage::Drawing));
        assert_eq!(figures(line).await.lobby, 150);
        for fan in 551..601 {
            assert!(fans.join_lobby(fan).await.standing.place.sequence.is_lobby());
        }
        assert_eq!(figures(line).await.lobby, 100);
        fans.fill_lobby(601..801).await;
        assert_eq!(figures(line).await.lobby, 1, "the last who came");
        assert_eq!(line.finish_draw(concert).await, Ok(DrawStage::Done));
        let mut order = Vec::new();
        for fan in 0..801 {
            let found = line.find(concert, samples::user(fan)).await.expect("answered").expect("there");
            order.push(found.ahead);
        }
        assert_eq!(order, (0..801).map(Some).collect::<Vec<_>>());
    });
}

/// The list of a draw is there as long as the draw, also of those who left long ago; afterwards nothing of the lobby is.
#[test]
fn what_is_left_of_a_lobby_is_forgotten_after_its_draw() {
    frontrow_testkit::bounded(async {
        let kept = Kept::open();
        let (line, concert) = (&kept.fans.line, samples::CONCERT);
        kept.fans.fill_lobby(0..6).await;
        line.close_lobby(concert).await.expect("answered");
        line.end(concert, samples::user(2), None, EndReason::Left).await.expect("answered");
        let listed = drawees(line).await.expect("answered");
        kept.clock.advance(2 * 3_600);
        assert_eq!((line.clean().await, listed.len()), (Ok(0), 6));
        assert_eq!(drawees(line).await.as_ref(), Ok(&listed));
        assert_eq!(drive(line, reversed).await.map(|drawn| drawn.len()), Ok(6));
        assert_eq!((kept.count("ZCARD", "lobby"), kept.count("HLEN", "places")), (6, 11));
        assert_eq!(line.clean().await, Ok(0), "nobody's place is forgotten with the lobby");
        assert_eq!((kept.count("ZCARD", "lobby"), kept.count("HLEN", "places")), (0, 6));
        let left = line.find(concert, samples::user(2)).await.expect("answered").expect("known for an hour");
        assert!(matches!(left.place.state, PlaceState::Ended { reason: EndReason::Left, .. }), "{left:?}");
        kept.clock.advance(2 * 3_600);
        assert_eq!((line.clean().await, kept.count("HLEN", "places")), (Ok(1), 5));
        assert_eq!(line.find(concert, samples::user(2)).await, Ok(None));
    });
}

/// The places of a closed lobby go an hour later, and nobody else's.
#[test]
fn a_closed_lobby_is_forgotten() {
    frontrow_testkit::bounded(async {
        let kept = Kept::open();
        let (line, concert) = (&kept.fans.line, samples::CONCERT);
        kept.fans.fill_lobby(0..500).await;
        let closed = LinePolicy { state: RoomState::Closed, ..policy(0) };
        line.tick(concert, closed).await.expect("the line answers");
        kept.fans.fill_lobby(499..501).await;
        assert_eq!((line.clean().await, figures(line).await.lobby), (Ok(0), 2));
        kept.clock.advance(2 * 3_600);
        assert_eq!((line.clean().await, figures(line).await.lobby), (Ok(500), 2));
        assert_eq!((kept.count("ZCARD", "lobby"), kept.count("HLEN", "places")), (2, 2));
        assert_eq!(drive(line, reversed).await.map(|drawn| drawn.len()), Ok(2));
        assert_eq!(figures(line).await.waiting, 2);
    });
}
