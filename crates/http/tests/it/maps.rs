//! Whole seat maps: compressed for who takes them so, made once for everybody, and told apart by their tags.

use std::io::Read as _;
use std::pin::pin;

use flate2::read::GzDecoder;
use frontrow_domain::ScheduleId;
use futures_util::future::join_all;
use futures_util::poll;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;

use crate::world::{Answer, World};

/// A schedule with so many seats, and the address that everything of it is below.
async fn hall(world: &World, seats: u32) -> (ScheduleId, String) {
    let concert = world.stage.a_concert().make().await;
    let schedule = world.stage.a_schedule().of(concert).seats(seats).make().await;
    (schedule, format!("/api/v1/concerts/{concert}/schedules/{schedule}"))
}

async fn get(world: &World, path: &str, accepted: &str, held: &str) -> Answer {
    let mut call = world.get(path);
    for (name, value) in [("accept-encoding", accepted), ("if-none-match", held)] {
        if !value.is_empty() {
            call = call.header(name, value);
        }
    }
    call.send().await
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.header("content-encoding"), "gzip", "it is compressed");
    let mut bytes = Vec::new();
    GzDecoder::new(&*answer.body).read_to_end(&mut bytes).expect("gzip");
    bytes
}

#[tokio::test]
async fn a_long_map_is_compressed_for_whoever_takes_it_so_and_is_the_same_map() {
    let world = World::new();
    let (schedule, base) = hall(&world, 20_000).await;
    let ann = world.fan("ann", 0).await;
    world.hold(&ann, schedule, &[3, 4]).await;
    for path in ["seats", "seats?state=available", "seats?since=999", "states", "states?since=999"] {
        let path = format!("{base}/{path}");
        let plain = get(&world, &path, "", "").await.expect(200);
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
        for accepted in ["gzip", "br, gzip;q=0.5", "*"] {
            let packed = get(&world, &path, accepted, "").await.expect(200);
            assert_eq!(unpacked(&packed), plain.body, "{path}");
            assert!(packed.body.len() < plain.body.len() / 4, "{path}: {}", packed.body.len());
            assert_eq!(packed.header("vary"), "accept-encoding", "{path}");
            assert_eq!(packed.header("content-type"), "application/json", "{path}");
            assert_ne!(packed.header("etag"), plain.header("etag"), "other bytes have another tag: {path}");
        }
        for ruled_out in ["gzip;q=0", "gzip;q=0, *", "br", "identity, gzip;q=0.1"] {
            let answer = get(&world, &path, ruled_out, "").await.expect(200);
            assert_eq!((answer.header("content-encoding"), &answer.body), ("", &plain.body), "{ruled_out}");
        }
    }
}

#[tokio::test]
async fn what_is_short_is_sent_as_it_is() {
    let world = World::new();
    let (schedule, base) = hall(&world, 400).await;
    let before = get(&world, &format!("{base}/seats"), "gzip", "").await.expect(200);
    let version =
        serde_json::from_slice::<serde_json::Value>(&unpacked(&before)).expect("JSON")["version"].clone();
    let ann = world.fan("ann", 0).await;
    world.hold(&ann, schedule, &[3]).await;
    let (_, small) = hall(&world, 50).await;
    for path in [
        format!("{base}/seats?since={version}"),
        format!("{base}/states?since={version}"),
        format!("{base}/states"),
        format!("{small}/seats"),
    ] {
        let answer = get(&world, &path, "gzip", "").await.expect(200);
        assert_eq!(
            (answer.header("content-encoding"), answer.header("vary")),
            ("", "accept-encoding"),
            "{path}"
        );
        assert!(answer.json()["version"].is_u64(), "{path}");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_whoever_has_the_map_in_a_coding_that_they_take() {
    let world = World::new();
    let (schedule, base) = hall(&world, 400).await;
    let path = format!("{base}/seats");
    let tag = |answer: &Answer| answer.header("etag").to_owned();
    let plain = tag(&get(&world, &path, "", "").await.expect(200));
    let packed = tag(&get(&world, &path, "gzip", "").await.expect(200));
    for (accepted, held, named) in [
        ("", &plain, &plain),
        ("gzip", &packed, &packed),
        ("gzip", &format!("W/{packed}"), &packed),
        ("gzip", &format!("\"other\", {packed}"), &packed),
        // Everybody can read what is not compressed, and has it.
        ("gzip", &plain, &plain),
        ("gzip", &"*".to_owned(), &plain),
    ] {
        let answer = get(&world, &path, accepted, held).await.expect(304);
        assert_eq!(
            (answer.header("etag"), answer.header("vary")),
            (named.as_str(), "accept-encoding"),
            "{held}"
        );
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert!(answer.body.is_empty() && answer.header("content-encoding").is_empty(), "{held}");
    }
    // A cache that holds the compressed one asks for somebody who cannot read it.
    for accepted in ["", "gzip;q=0", "br"] {
        let answer = get(&world, &path, accepted, &packed).await.expect(200);
        assert_eq!((tag(&answer), answer.header("content-encoding")), (plain.clone(), ""), "{accepted}");
    }
    let ann = world.fan("ann", 0).await;
    world.hold(&ann, schedule, &[3]).await;
    for held in [&plain, &packed] {
        let answer = get(&world, &path, "gzip", held).await.expect(200);
        let map: serde_json::Value = serde_json::from_slice(&unpacked(&answer)).expect("JSON");
        assert_eq!(map["seats"][2]["state"], "held", "it follows at once");
        assert!(![&plain, &packed].contains(&&tag(&answer)), "{held}");
    }
}

/// How many bodies of this coding were made while all of these were asked for at once, each by path and `Accept-Encoding`.
async fn made(world: &World, asked: &[(&str, &str)]) -> [u64; 2] {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    for answer in join_all(asked.iter().map(|(path, accepted)| get(world, path, accepted, ""))).await {
        answer.expect(200);
    }
    let text = recorder.handle().render();
    ["gzip", "identity"].map(|coding| {
        let series = format!("frontrow_http_bodies_made_total{{coding=\"{coding}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.map_or(0, |count| count.parse().expect("a number"))
    })
}

#[tokio::test]
async fn a_thousand_who_ask_for_a_new_map_have_it_made_once_in_the_coding_that_they_take() {
    let world = World::new();
    let (schedule, base) = hall(&world, 2_000).await;
    let path = format!("{base}/seats");
    let packed = vec![(path.as_str(), "gzip"); 1_000];
    assert_eq!(made(&world, &packed).await, [1, 0], "nobody has asked for the other");
    assert_eq!(made(&world, &packed).await, [0, 0], "it is kept");
    let ann = world.fan("ann", 0).await;
    world.hold(&ann, schedule, &[7]).await;
    // All at once as many as may be in flight.
    let both: Vec<_> = packed.iter().copied().take(500).chain(vec![(path.as_str(), ""); 500]).collect();
    assert_eq!(made(&world, &both).await, [1, 1], "a new version, each coding once");
    // Somebody still asks at the first look, and nobody at the next.
    world.http.tidy();
    assert_eq!(made(&world, &packed[..1]).await, [0, 0]);
    world.http.tidy();
    assert_eq!(made(&world, &both).await, [0, 1], "what nobody has asked for was let go");
}

#[tokio::test]
async fn a_long_map_is_made_aside_and_keeps_nobody_waiting() {
    let world = World::new();
    let (_, long) = hall(&world, 20_000).await;
    let (_, short) = hall(&world, 50).await;
    // Boards and whatever else is read once are there afterwards.
    for base in [&long, &short] {
        get(&world, &format!("{base}/states?since=1"), "", "").await.expect(200);
    }
    let (long, short) = (format!("{long}/seats"), format!("{short}/seats"));
    let at_once = pin!(get(&world, &short, "gzip", ""));
    assert!(poll!(at_once).is_ready(), "nothing else is waited for");
    for accepted in ["gzip", ""] {
        let mut aside = pin!(get(&world, &long, accepted, ""));
        assert!(poll!(aside.as_mut()).is_pending(), "{accepted:?}");
        aside.await.expect(200);
    }
    let at_once = pin!(get(&world, &long, "gzip", ""));
    assert!(poll!(at_once).is_ready(), "it is there already");
}

#[tokio::test]
async fn a_drawing_is_let_go_too_when_nobody_asks_for_it() {
    let world = World::new();
    let (_, base) = hall(&world, 400).await;
    let path = format!("{base}/plan?v=1");
    assert_eq!(made(&world, &[(&path, "gzip"), (&path, "gzip")]).await, [1, 0]);
    assert_eq!(made(&world, &[(&path, ""), (&path, "gzip")]).await, [0, 1]);
    let plain = get(&world, &path, "", "").await.expect(200);
    assert_eq!(plain.json()["scheduleId"], json!(1));
    assert_eq!(unpacked(&get(&world, &path, "gzip", "").await.expect(200)), plain.body);
    world.http.tidy();
    world.http.tidy();
    assert_eq!(made(&world, &[(&path, "gzip")]).await, [1, 0]);
}
