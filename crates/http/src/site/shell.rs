//! The shell of a page: head, navigation, title and what stands in its place until its module has run.
//!
//! `web/shell.html` has places in double braces. They are filled from what we wrote ourselves: messages, paths, names.
//! Nothing that a visitor or the API says comes here, and messages are escaped all the same.

use std::fmt::Write as _;

use super::Page;
use super::assets::ASSETS;
use super::language::{Visitor, message};

/// The links of a navigation: where to, and what they are called.
const FAN_LINKS: &[(&str, &str)] =
    &[("/", "nav.concerts"), ("/reservations", "nav.reservations"), ("/wallet", "nav.wallet")];
const OPS_LINKS: &[(&str, &str)] = &[
    ("/ops", "nav.ops"),
    ("/ops/find", "nav.find"),
    ("/ops/letters", "nav.letters"),
    ("/ops/log", "nav.log"),
];

/// A page for this visitor.
pub(super) fn write(page: &Page, visitor: Visitor) -> String {
    let template = ASSETS.text("shell.html");
    let mut text = String::with_capacity(2 * template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        let Some((place, after)) = after.split_once("}}") else { break };
        fill(&mut text, place, page, visitor);
        rest = after;
    }
    text.push_str(rest);
    text
}

fn fill(text: &mut String, place: &str, page: &Page, visitor: Visitor) {
    let version = ASSETS.version();
    match place {
        "lang" => text.push_str(visitor.language.code()),
        "theme" => text.push_str(visitor.theme.name()),
        "version" => text.push_str(version),
        "page" => text.push_str(page.module),
        "area" => text.push_str(page.area),
        "home" => text.push_str(home(page.area)),
        "title" => escape(text, message(visitor.language, page.title)),
        "styles" => {
            // Charts are for staff alone, and so is what they need.
            let charts = (page.area == "ops").then_some("vendor/uplot.css");
            for path in charts.into_iter().chain(ASSETS.below("styles/")) {
                let _ = write!(text, "<link rel=\"stylesheet\" href=\"/assets/{version}/{path}\">");
            }
        }
        "modules" => {
            for path in ASSETS.modules(&format!("pages/{}.js", page.module)) {
                let _ = write!(text, "<link rel=\"modulepreload\" href=\"/assets/{version}/{path}\">");
            }
        }
        "links" => write_links(text, page, visitor),
        key => escape(text, message(visitor.language, key)),
    }
}

fn home(area: &str) -> &'static str {
    match area {
        "ops" => "/ops",
        "gate" => "/gate",
        _ => "/",
    }
}

fn write_links(text: &mut String, page: &Page, visitor: Visitor) {
    let links = match page.area {
        "fan" => FAN_LINKS,
        "ops" => OPS_LINKS,
        _ => &[],
    };
    for (path, name) in links {
        let current = if page.path == *path { " aria-current=\"page\"" } else { "" };
        let _ = write!(text, "<a href=\"{path}\"{current}>");
        escape(text, message(visitor.language, name));
        text.push_str("</a>");
    }
}

/// Text as it may stand in a page, between tags and within quotes.
fn escape(into: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            character => into.push(character),
        }
    }
}
