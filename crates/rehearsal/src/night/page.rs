//! The report as one page of HTML that needs nothing else: for whoever has to decide whether the sale can open.

use std::fmt::Write as _;

use super::chart::{Line, bars, lines, shares};
use super::outcome::{Audit, Outcome, Sample, Settings};
use super::plain::{self, capital};
use super::verdict::{Verdict, duration, number};

const STYLE: &str = include_str!("page.css");

/// The whole report.
pub fn page(settings: &Settings, outcome: &Outcome, audit: &Audit, verdict: &Verdict) -> String {
    let title = format!("Rehearsal: {}", escape(&settings.title));
    let (class, says) = if verdict.met { ("good", "Ready") } else { ("bad", "Not ready") };
    let words = each(verdict.words.iter().map(String::as_str), "p");
    let tables = Tables::of(settings, outcome, audit, verdict);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1>\
         <section class=\"verdict {class}\"><h2>{says}</h2>{words}</section>{}",
        tiles(settings, outcome)
    );
    let ends: Vec<_> = outcome.ends.iter().map(|(end, count)| (capital(&escape(end)), *count)).collect();
    let answers = bars("Milliseconds to an answer", ["half", "95 %", "99 %"], &step_rows(outcome));
    for (heading, content, note) in [
        ("How the night went", plots(&outcome.samples), "Minutes and seconds since the sale opened."),
        ("What became of the fans", shares(&ends, "c0"), ""),
        (
            "How soon fans heard that it is their turn",
            hearings(outcome),
            "Of those who had been told to wait: from the moment when they were let in until they knew. Whoever asks again \
             and again hears at the next question; whoever follows a stream is told.",
        ),
        ("What was asked for", tables.checks, ""),
        (
            "How long fans waited for an answer",
            answers + &tables.steps,
            "From the moment a request was due to the end of its answer, waiting for a connection included. Of a hundred \
             answers one took longer than what is said for 99 %.",
        ),
        (
            "What was refused",
            tables.refusals,
            "Most of it is the sale at work: somebody else was faster, or nothing is left. Errors of the server have a number \
             from 500 on; 503 and 429 ask to come back later.",
        ),
        ("The books afterwards", tables.audited, ""),
        ("How it was rehearsed", tables.facts, ""),
    ] {
        if content.is_empty() {
            continue;
        }
        let note = if note.is_empty() { String::new() } else { format!("<p class=\"note\">{note}</p>") };
        // Writing into a string has no way to fail.
        let _ = write!(html, "<section><h2>{heading}</h2>{content}{note}</section>");
    }
    html + "</main></body></html>\n"
}

/// The night in a few figures.
fn tiles(settings: &Settings, outcome: &Outcome) -> String {
    let order = &outcome.order;
    let sold = match outcome.sold_out_after_seconds {
        Some(after) => (duration(after), "until the last seat was sold".to_owned()),
        None => (number(outcome.sold), format!("of {} seats sold", number(outcome.seats))),
    };
    let revenue = u64::try_from(outcome.revenue).unwrap_or(0);
    let mut figures = vec![
        sold,
        (number(revenue), format!("{} paid for {} seats", settings.currency, number(outcome.sold))),
        (number(outcome.fans), "fans came".to_owned()),
    ];
    if order.admitted > 0 {
        figures.push((duration(order.wait_p50_seconds), "was the usual wait in line".to_owned()));
        figures.push((duration(order.wait_max_seconds), "was the longest one".to_owned()));
    }
    let slowest = outcome.steps.iter().map(|step| step.p99_ms).fold(0.0, f64::max);
    figures.push((duration(slowest / 1_000.0), "or less, 99 of 100 waited for any answer".to_owned()));
    figures.iter().fold(String::from("<section class=\"tiles\">"), |mut html, (figure, what)| {
        // Writing into a string has no way to fail.
        let _ = write!(html, "<div><b>{figure}</b>{}</div>", escape(what.trim()));
        html
    }) + "</section>"
}

/// How soon fans heard that it is their turn, each way for itself.
fn hearings(outcome: &Outcome) -> String {
    let mut html = String::new();
    for (at, hearing) in outcome.hearings.iter().enumerate() {
        let within = &hearing.within_seconds;
        let last = within.iter().rposition(|(_, fans)| *fans > 0).map_or(0, |last| last + 1);
        let rows: Vec<_> = within[..last]
            .iter()
            .map(|(seconds, fans)| {
                (seconds.map_or("later".to_owned(), |most| format!("within {most} s")), *fans)
            })
            .collect();
        // Writing into a string has no way to fail.
        let _ = write!(
            html,
            "<h3>{}: {} fans, half of them within {}</h3>{}",
            capital(&hearing.how),
            number(hearing.fans),
            duration(hearing.p50_ms / 1_000.0),
            shares(&rows, if at == 0 { "c0" } else { "c1" })
        );
    }
    html
}

fn plots(samples: &[Sample]) -> String {
    let line = |name, value: fn(&Sample) -> f64| Line {
        name,
        points: samples.iter().map(|sample| (sample.second, value(sample))).collect(),
    };
    [
        lines(
            "Fans",
            &[
                line("have come", |sample| sample.arrived as f64),
                line("in line", |sample| sample.waiting as f64),
                line("let in", |sample| sample.active as f64),
            ],
        ),
        lines("Seats sold", &[line("seats", |sample| sample.sold as f64)]),
        lines("Answers of the server a second", &[line("answers", |sample| sample.requests_per_second)]),
        lines(
            "Milliseconds to an answer",
            &[line("half within", |sample| sample.p50_ms), line("99 % within", |sample| sample.p99_ms)],
        ),
    ]
    .concat()
}

fn step_rows(outcome: &Outcome) -> Vec<(String, [f64; 3])> {
    let asked = outcome.steps.iter().filter(|step| step.answers > 0);
    asked.map(|step| (escape(&plain::step(&step.step)), [step.p50_ms, step.p95_ms, step.p99_ms])).collect()
}

struct Tables {
    checks: String,
    steps: String,
    refusals: String,
    audited: String,
    facts: String,
}

impl Tables {
    fn of(settings: &Settings, outcome: &Outcome, audit: &Audit, verdict: &Verdict) -> Self {
        let checks = verdict.checks.iter().map(|check| {
            let met = if check.met { "yes" } else { "NO" };
            vec![plain::check(&check.what), check.wanted.clone(), check.found.clone(), met.to_owned()]
        });
        let asked = outcome.steps.iter().filter(|step| step.answers + step.unanswered > 0);
        let steps = asked.map(|step| {
            let mut row = vec![plain::step(&step.step), number(step.answers), number(step.unanswered)];
            row.extend(
                [step.p50_ms, step.p95_ms, step.p99_ms, step.max_ms].map(|millis| format!("{millis:.1}")),
            );
            row
        });
        let refusals = outcome.refusals.iter().map(|refusal| {
            let code = format!("{} {}", refusal.status, refusal.code);
            vec![plain::refusal(&refusal.code), plain::step(&refusal.step), number(refusal.count), code]
        });
        let seats =
            audit.seats_by_state.iter().map(|(state, count)| vec![format!("Seats {state}"), number(*count)]);
        let audited =
            std::iter::once(vec!["Differences".to_owned(), number(audit.difference_count)]).chain(seats);
        let facts = settings.facts.iter().map(|(name, value)| vec![capital(name), value.clone()]);
        let step_head = ["", "answers", "no answer", "half, ms", "95 %, ms", "99 %, ms", "longest, ms"];
        Self {
            checks: table(&["", "wanted", "found", "met"], checks),
            steps: table(&step_head, steps),
            refusals: table(&["", "when", "times", "code"], refusals),
            audited: table(&["", ""], audited),
            facts: table(&["", ""], facts),
        }
    }
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut html = String::from("<div class=\"wide\"><table>");
    if head.iter().any(|name| !name.is_empty()) {
        let names = each(head.iter().copied(), "th");
        // Writing into a string has no way to fail.
        let _ = write!(html, "<thead><tr>{names}</tr></thead>");
    }
    html.push_str("<tbody>");
    let mut is_empty = true;
    for row in rows {
        is_empty = false;
        let cells = each(row.iter().map(String::as_str), "td");
        let class = if row.last().is_some_and(|last| last == "NO") { " class=\"bad\"" } else { "" };
        let _ = write!(html, "<tr{class}>{cells}</tr>");
    }
    if is_empty {
        html.push_str("<tr><td>nothing</td></tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

/// Each of these texts in an element of its own.
fn each<'a>(texts: impl Iterator<Item = &'a str>, element: &str) -> String {
    texts.fold(String::new(), |mut html, text| {
        // Writing into a string has no way to fail.
        let _ = write!(html, "<{element}>{}</{element}>", escape(text));
        html
    })
}

/// Text that is nothing but text in a page.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Hearing;
    use super::super::targets::Targets;
    use super::*;

    fn made(title: &str) -> String {
        let samples =
            (0..90).map(|second| Sample { second: f64::from(second), sold: 7, ..Sample::default() });
        let outcome = Outcome {
            fans: 300,
            ends: vec![("bought tickets".to_owned(), 30)],
            revenue: 7_000_000,
            hearings: vec![Hearing {
                how: "on a stream".to_owned(),
                fans: 40,
                p50_ms: 200.0,
                within_seconds: vec![(Some(0.25), 30), (Some(0.5), 10), (None, 0)],
                ..Hearing::default()
            }],
            samples: samples.collect(),
            ..Outcome::default()
        };
        let audit = Audit { clean: true, confirmed: 7_000_000, ..Audit::default() };
        let facts = vec![("seed".to_owned(), "1".to_owned())];
        let settings = Settings { title: title.to_owned(), currency: "KRW".to_owned(), facts };
        page(&settings, &outcome, &audit, &Verdict::of(&outcome, &audit, &Targets::default()))
    }

    #[test]
    fn a_page_needs_nothing_from_anywhere() {
        let page = made("한강 여름밤 콘서트");
        for outside in
            ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link", "<img", "//"]
        {
            assert!(!page.contains(outside), "{outside} is in the page");
        }
        assert_eq!(page.matches("<svg").count(), 4);
        for said in [
            "한강 여름밤 콘서트",
            "Ready",
            "Bought tickets",
            "300 fans came",
            "Seed",
            "7,000,000</b>KRW paid",
        ] {
            assert!(page.contains(said), "{said} is missing");
        }
    }

    #[test]
    fn how_soon_fans_heard_is_shown_up_to_the_last_who_did() {
        let page = made("A night");
        for said in
            ["On a stream: 40 fans, half of them within 0.2 s", "within 0.25 s", "75.0 %", "within 0.5 s"]
        {
            assert!(page.contains(said), "{said} is missing");
        }
        assert!(!page.contains("<div>later</div>"), "nobody did");
    }

    #[test]
    fn a_title_is_text_whatever_is_in_it() {
        let page = made("</title><script>alert('x')</script>");
        assert!(!page.contains("<script"));
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
    }
}
