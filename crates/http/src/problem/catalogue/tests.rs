//! The catalogue agrees with what problems carry, and the page made of it is current.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use expect_test::expect_file;
use serde_json::Value;
use utoipa::PartialSchema as _;

use super::Code;
use crate::problem::{Members, Problem};

/// The members that problems can carry: the name and the description of each.
fn described() -> BTreeMap<String, String> {
    let schema = serde_json::to_value(Members::schema()).expect("json");
    let properties = schema["properties"].as_object().expect("members").clone();
    properties
        .into_iter()
        .map(|(name, schema)| {
            // A member with a type of its own has its description beside the name of that type.
            let places = ["/description", "/oneOf/0/description"];
            let text = places.iter().find_map(|place| schema.pointer(place)?.as_str());
            (name, text.expect("a description").replace('\n', " "))
        })
        .collect()
}

#[test]
fn every_member_belongs_to_a_code_and_says_so() {
    let described = described();
    let mut named = BTreeSet::new();
    for code in Code::ALL {
        for &member in code.members() {
            let text = described.get(member).unwrap_or_else(|| panic!("{}: {member}", code.name()));
            let is_named = text.contains(&format!("`{}`", code.name())) || member == "retryAfter";
            assert!(is_named, "{member} does not say that it comes with {}", code.name());
            named.insert(member.to_owned());
        }
    }
    assert_eq!(named, described.into_keys().collect());
}

#[test]
fn who_is_told_to_come_again_is_told_when() {
    for &code in Code::ALL {
        let written = Problem::new(code, "").write("r");
        let document: Value = serde_json::from_slice(&written).expect("json");
        let tells = document["retryAfter"].is_u64();
        // Too many requests come with a time that is known only then.
        let may_tell = code.members().contains(&"retryAfter") && code != Code::RateLimited;
        assert_eq!(tells, may_tell, "{}", code.name());
    }
}

#[test]
fn every_text_is_a_sentence_that_fits_a_table() {
    for code in Code::ALL {
        for text in [code.when(), code.next_step()] {
            let is_sound = text.ends_with('.') && !text.contains(['|', '\n']) && !text.contains("  ");
            assert!(is_sound, "{}: {text}", code.name());
        }
    }
}

/// The page for people who write clients.
fn page() -> String {
    let mut page = String::from(
        "# Error codes\n\n\
         <!-- Written by `make errors` from crates/http/src/problem/catalogue.rs: change it there. -->\n\n\
         Every error is a document of RFC 9457 with the type `application/problem+json` and the members `type`, \
         `title`,\n`status`, `detail`, `code` and `requestId`. Branch on `code`: it always comes with the same status \
         and is never\nrenamed. `detail` is for people and may change. Some codes carry more members, which are listed \
         with them and\n[below](#members).\n",
    );
    let mut status = None;
    for code in Code::ALL {
        if status != Some(code.status()) {
            status = Some(code.status());
            write!(page, "\n## {}\n\n", code.status()).expect("text");
            page.push_str("| code | title | when | what to do next | members |\n|---|---|---|---|---|\n");
        }
        let members: Vec<_> = code.members().iter().map(|member| format!("`{member}`")).collect();
        let (name, title) = (code.name(), code.title());
        let (when, next, members) = (code.when(), code.next_step(), members.join(", "));
        writeln!(page, "| `{name}` | {title} | {when} | {next} | {members} |").expect("text");
    }
    page.push_str("\n## Members\n\n| member | what it says |\n|---|---|\n");
    for (member, text) in described() {
        writeln!(page, "| `{member}` | {text} |").expect("text");
    }
    page
}

#[test]
fn the_page_of_errors_is_current() {
    expect_file!["../../../../../docs/errors.md"].assert_eq(&page());
}
