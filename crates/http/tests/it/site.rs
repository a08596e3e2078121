//! The site's pages and files, as a browser asks for them. What they do in a browser is in `deploy/dev/site/tests`.

use std::io::Read as _;

use flate2::read::GzDecoder;

use crate::world::{Answer, World};

/// The text of a page.
fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).expect("text")
}

/// The addresses that a page names.
fn named(page: &str) -> Vec<String> {
    page.split('"').filter(|part| part.starts_with("/assets/")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_page_is_a_shell_in_the_language_of_the_visitor() {
    let world = World::new();
    let english = world.get("/").send().await.expect(200);
    assert_eq!(english.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(english.header("cache-control"), "no-cache");
    assert_eq!(english.header("vary"), "accept-encoding, accept-language, cookie");
    let page = text(&english);
    assert!(page.contains("<html lang=\"en\" data-theme=\"auto\""), "{page}");
    assert!(page.contains("<h1>Concerts</h1>"), "{page}");
    assert!(!page.contains("{{"), "every place is filled: {page}");
    let korean = world
        .get("/")
        .header("accept-language", "ko-KR")
        .header("cookie", "theme=dark")
        .send()
        .await
        .expect(200);
    let page = text(&korean);
    assert!(
        page.contains("<html lang=\"ko\" data-theme=\"dark\"") && page.contains("<h1>공연</h1>"),
        "{page}"
    );
    assert_ne!(english.header("etag"), korean.header("etag"));
}

#[tokio::test]
async fn nothing_on_a_page_may_run_but_what_this_server_serves() {
    let world = World::new();
    for path in ["/", "/ops", "/gate", "/concerts/1/schedules/2", "/nowhere"] {
        let answer = world.get(path).header("accept", "text/html").send().await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let page = text(&answer);
        assert!(
            !page.contains("style=\"") && !page.contains("<style") && !page.contains(" onclick"),
            "{path}"
        );
        for script in page.split("<script").skip(1) {
            assert!(script.starts_with(" type=\"module\" src=\"/assets/"), "{path}: {script}");
        }
    }
}

#[tokio::test]
async fn files_are_named_by_their_version_and_may_be_kept_for_good() {
    let world = World::new();
    let page = text(&world.get("/").send().await.expect(200));
    let files = named(&page);
    assert!(files.iter().any(|file| file.ends_with("/pages/concerts.js")), "{files:?}");
    assert!(files.iter().any(|file| file.ends_with("/vendor/preact.js")), "what it imports is named as well");
    assert!(files.iter().any(|file| file.ends_with("/messages/en.json")), "{files:?}");
    for file in &files {
        let plain = world.get(file).send().await.expect(200);
        assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable", "{file}");
        let packed = world.get(file).header("accept-encoding", "br, gzip").send().await.expect(200);
        assert_eq!(packed.header("content-encoding"), "gzip", "{file}");
        let mut unpacked = Vec::new();
        GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, plain.body, "{file}");
        let tag = plain.header("etag").to_owned();
        let held = world.get(file).header("if-none-match", &tag).send().await.expect(304);
        assert!(held.body.is_empty());
    }
    // A page that was opened before the server was replaced still works, and nobody keeps what it got.
    let old = files[0].replacen("/assets/", "/assets/0", 1);
    assert_eq!(world.get(&old).send().await.expect(200).header("cache-control"), "no-store");
    for nothing in ["/assets/x/nothing.js", "/assets/x/../Cargo.toml", "/assets/x/%2e%2e/Cargo.toml"] {
        world.get(nothing).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let world = World::new();
    let page = world.get("/wallet").header("accept-encoding", "gzip").send().await.expect(200);
    assert_eq!(page.header("content-encoding"), "gzip");
    let tag = page.header("etag").to_owned();
    let held = world.get("/wallet").header("if-none-match", &tag).send().await.expect(304);
    assert!(held.body.is_empty());
    assert_eq!(held.header("vary"), "accept-encoding, accept-language, cookie");
}

#[tokio::test]
async fn where_nothing_is_people_get_a_page_and_programs_a_problem() {
    let world = World::new();
    let page = world.get("/nowhere").header("accept", "text/html,*/*").send().await.expect(404);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(text(&page).contains("<h1>There is nothing here</h1>"));
    world.get("/nowhere").send().await.problem(404, "not_found");
    world.get("/api/v1/nowhere").header("accept", "text/html").send().await.problem(404, "not_found");
    world.call("POST", "/nowhere").header("accept", "text/html").send().await.problem(404, "not_found");
    world.call("POST", "/wallet").send().await.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn the_first_page_is_small() {
    let world = World::new();
    for path in
        ["/", "/concerts/1", "/concerts/1/queue", "/concerts/1/schedules/1", "/checkout/x", "/tickets/x"]
    {
        let page = world.get(path).header("accept-encoding", "gzip").send().await.expect(200);
        let plain = text(&world.get(path).send().await.expect(200));
        let mut bytes = page.body.len();
        let mut files = named(&plain);
        files.sort();
        files.dedup();
        for file in files {
            bytes += world.get(&file).header("accept-encoding", "gzip").send().await.expect(200).body.len();
        }
        assert!(bytes <= 150 * 1024, "{path}: {bytes} bytes");
    }
}

#[tokio::test]
async fn the_worker_is_at_the_root_and_always_asked_for() {
    let world = World::new();
    let worker = world.get("/worker.js").send().await.expect(200);
    assert_eq!(worker.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(worker.header("cache-control"), "no-cache");
    assert_eq!(world.get("/favicon.ico").send().await.expect(200).header("content-type"), "image/svg+xml");
}
