//! The page for those who build on events: what it lists, shows and works out is true.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use frontrow_application::events::LoggedEvent;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::schemas::Schemas;
use super::{below_root, kinds, parse, read};

fn page() -> String {
    read(&below_root("docs/events/README.md"))
}

/// The block of code after a mark in a comment of the page.
fn block<'a>(page: &'a str, mark: &str) -> &'a str {
    let mark = format!("<!-- {mark} -->");
    let (_, rest) = page.split_once(&mark).unwrap_or_else(|| panic!("the page has no {mark}"));
    let (_, rest) = rest.split_once("```").expect("a block follows");
    let (_, rest) = rest.split_once('\n').expect("the block has lines");
    rest.split_once("\n```").expect("the block ends").0
}

/// The value of a line `name: value` in a block.
fn value<'a>(block: &'a str, name: &str) -> &'a str {
    let start = format!("{name}: ");
    block.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("no {name} in {block}"))
}

#[test]
fn the_page_lists_every_type_and_no_other() {
    let page = page();
    let (_, table) = page.split_once("<!-- types -->").expect("a mark");
    let rows =
        table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let mut listed: Vec<_> =
        rows.filter_map(|row| row.split('`').nth(1)).filter(|name| name.starts_with("frontrow.")).collect();
    listed.sort_unstable();
    assert_eq!(listed, kinds().keys().map(String::as_str).collect::<Vec<_>>());
    for name in kinds().keys() {
        assert!(page.contains(&format!("(schemas/{name}.json)")), "{name} has no link to its schema");
    }
}

#[test]
fn the_example_of_an_event_is_one() {
    let page = page();
    let text = block(&page, "envelope");
    assert_eq!(Schemas::of_the_files().complaints(&parse(text)), Vec::<String>::new());
    let read = LoggedEvent::from_cloud_event(text).expect("it is an event");
    assert_eq!(read.id(), parse(text)["id"].as_str().expect("an id"));
}

/// The signature of a message, as the page says that it is made.
fn signature(secret: &str, id: &str, timestamp: &str, body: &str) -> String {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length will do");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[test]
fn the_worked_example_of_a_signature_is_right() {
    let page = page();
    let (head, body) = (block(&page, "webhook"), block(&page, "webhook-body"));
    let (secret, id) = (value(head, "secret"), value(head, "webhook-id"));
    let (timestamp, shown) = (value(head, "webhook-timestamp"), value(head, "webhook-signature"));
    assert_eq!(signature(secret, id, timestamp, body), shown);
    assert_eq!(Schemas::of_the_files().complaints(&parse(body)), Vec::<String>::new());
    assert_eq!(parse(body)["id"], id);
    // What was changed on the way does not pass.
    assert_ne!(signature(secret, id, timestamp, &body.replace("500000", "500001")), shown);
    assert_ne!(signature(secret, id, &timestamp.replace('1', "2"), body), shown);
    let scheme = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let known = signature(scheme, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
    assert_eq!(known, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "the example of Standard Webhooks");
}
