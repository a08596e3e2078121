//! The report as one page of HTML that needs nothing else: for whoever has to decide whether the sale can open.

use std::fmt::Write as _;

use super::chart::{Line, bars, lines};
use super::outcome::{Audit, Outcome, Sample, Settings};
use super::verdict::{Verdict, number};

const STYLE: &str = include_str!("page.css");

/// The whole report.
pub fn page(settings: &Settings, outcome: &Outcome, audit: &Audit, verdict: &Verdict) -> String {
    let title = format!("Rehearsal: {}", escape(&settings.title));
    let (class, says) = if verdict.met { ("good", "Ready") } else { ("bad", "Not ready") };
    let words = each(verdict.words.iter().map(String::as_str), "p");
    let [checks, ends, steps, refusals, audited, facts] = tables(settings, outcome, audit, verdict);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1>\
         <section class=\"verdict {class}\"><h2>{says}</h2>{words}</section>\
         <section><h2>What was asked for</h2>{checks}</section>\
         <section><h2>How the night went</h2>{}</section>\
         <section><h2>What became of the fans</h2>{ends}</section>\
         <section><h2>How long fans waited for an answer</h2>{}{steps}\
         <p class=\"note\">From the moment a request was due to the end of its answer, waiting for a connection included.</p></section>\
         <section><h2>What was refused</h2>{refusals}\
         <p class=\"note\">A refusal with 409 is the sale at work: somebody else was faster, or everything is sold. From 500 on it \
         is the server that failed; 503 and 429 ask to come back later.</p></section>\
         <section><h2>The store afterwards</h2>{audited}</section>\
         <section><h2>How it was rehearsed</h2>{facts}</section></main></body></html>\n",
        plots(&outcome.samples),
        bars("Time to an answer", ["half", "95 %", "99 %"], &step_rows(outcome)),
    )
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
        lines("Answers a second", &[line("answers", |sample| sample.requests_per_second)]),
        lines(
            "Milliseconds to an answer",
            &[line("half within", |sample| sample.p50_ms), line("99 % within", |sample| sample.p99_ms)],
        ),
    ]
    .concat()
}

fn step_rows(outcome: &Outcome) -> Vec<(String, [f64; 3])> {
    let asked = outcome.steps.iter().filter(|step| step.answers > 0);
    asked.map(|step| (escape(&step.step), [step.p50_ms, step.p95_ms, step.p99_ms])).collect()
}

fn tables(settings: &Settings, outcome: &Outcome, audit: &Audit, verdict: &Verdict) -> [String; 6] {
    let checks = verdict.checks.iter().map(|check| {
        let met = if check.met { "yes" } else { "NO" };
        vec![check.what.clone(), check.wanted.clone(), check.found.clone(), met.to_owned()]
    });
    let ends = outcome.ends.iter().map(|(end, count)| vec![end.clone(), number(*count)]);
    let steps = outcome.steps.iter().map(|step| {
        let mut row = vec![step.step.clone(), number(step.answers), number(step.unanswered)];
        row.extend([step.p50_ms, step.p95_ms, step.p99_ms, step.max_ms].map(|millis| format!("{millis:.1}")));
        row
    });
    let refusals = outcome.refusals.iter().map(|refusal| {
        vec![refusal.step.clone(), refusal.status.to_string(), refusal.code.clone(), number(refusal.count)]
    });
    let seats =
        audit.seats_by_state.iter().map(|(state, count)| vec![format!("{state} seats"), number(*count)]);
    let audited =
        std::iter::once(vec!["differences".to_owned(), number(audit.difference_count)]).chain(seats);
    let facts = settings.facts.iter().map(|(name, value)| vec![name.clone(), value.clone()]);
    [
        table(&["", "wanted", "found", "met"], checks),
        table(&["", "fans"], ends),
        table(&["step", "answers", "no answer", "half, ms", "95 %, ms", "99 %, ms", "longest, ms"], steps),
        table(&["step", "status", "code", "times"], refusals),
        table(&["", ""], audited),
        table(&["", ""], facts),
    ]
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut html = String::from("<table>");
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
    html.push_str("</tbody></table>");
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
    use super::super::targets::Targets;
    use super::*;

    fn made(title: &str) -> String {
        let samples =
            (0..90).map(|second| Sample { second: f64::from(second), sold: 7, ..Sample::default() });
        let outcome = Outcome {
            fans: 300,
            ends: vec![("bought tickets".to_owned(), 30)],
            samples: samples.collect(),
            ..Outcome::default()
        };
        let audit = Audit { clean: true, ..Audit::default() };
        let settings = Settings { title: title.to_owned(), facts: vec![("seed".to_owned(), "1".to_owned())] };
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
        assert_eq!(page.matches("<svg").count(), 5);
        for said in ["한강 여름밤 콘서트", "Ready", "bought tickets", "300 fans came", "seed"] {
            assert!(page.contains(said), "{said} is missing");
        }
    }

    #[test]
    fn a_title_is_text_whatever_is_in_it() {
        let page = made("</title><script>alert('x')</script>");
        assert!(!page.contains("<script"));
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
    }
}
