//! The table is sound, and the page made of it is current.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::expect_file;

use super::{Kind, Metric, SECTIONS, Scope, Values, all};

const HEAD: &str = "\
# Metrics

<!-- Written by `make metrics` from crates/application/src/metric: change it there. -->

`GET /metrics` shows what a server counts and measures, in the text format of Prometheus. What is here is all there is, and
a name is never changed. A histogram has the series `_bucket`, `_sum` and `_count`. Counters and histograms whose labels
have a fixed set of values stand at 0 from the start, so that `increase()` sees the first time; a gauge that nobody has
set for two minutes is gone. Not for the outside: nothing in it is secret, but it tells how the sale goes.

What is shown by concert or schedule is shown so for 100 of them at the most, those with the highest numbers; the others are
added up under `other`, and `frontrow_series_folded` says how many they are.
";

fn labels(metric: &Metric) -> String {
    let label = |label: &super::Label| match label.values {
        Values::Of(values) => {
            let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
            format!("`{}`: {}", label.name, values.join(", "))
        }
        Values::Any(what) => format!("`{}`: {what}", label.name),
    };
    metric.labels.iter().map(label).collect::<Vec<_>>().join("<br>")
}

fn scope(metric: &Metric) -> &'static str {
    match metric.scope {
        Scope::Always => "",
        Scope::Embedded => " Embedded store only.",
        Scope::Shared => " Shared store only.",
        Scope::Kafka => " With Kafka only.",
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for section in SECTIONS {
        let _ = write!(page, "\n## {}\n\n{}\n\n", section.title, section.about);
        page.push_str("| name | kind | unit | labels | what it says |\n|---|---|---|---|---|\n");
        for metric in section.metrics {
            let (kind, unit) = (metric.kind.name(), metric.unit().replace('_', " "));
            let (labels, scope) = (labels(metric), scope(metric));
            let _ =
                writeln!(page, "| `{}` | {kind} | {unit} | {labels} | {}{scope} |", metric.name, metric.help);
        }
    }
    page.push_str("\n## Bounds of histograms\n\n| name | bounds |\n|---|---|\n");
    for metric in all() {
        if let Kind::Histogram(bounds) = metric.kind {
            let bounds: Vec<_> = bounds.iter().map(f64::to_string).collect();
            let _ = writeln!(page, "| `{}` | {} |", metric.name, bounds.join(", "));
        }
    }
    page
}

#[test]
fn the_page_of_metrics_is_current() {
    expect_file!["../../../../docs/metrics.md"].assert_eq(&page());
}

#[test]
fn names_follow_prometheus_and_are_ours() {
    let mut names = BTreeSet::new();
    for metric in all() {
        let name = metric.name;
        assert!(names.insert(name), "{name} is there twice");
        assert!(name.starts_with("frontrow_") || name.starts_with("process_"), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
        let is_kept = ["_bucket", "_sum", "_count"].iter().any(|end| name.ends_with(end));
        assert!(!is_kept, "{name} is what a histogram has beside it");
        let is_kept = metric.labels.iter().any(|label| ["le", "quantile"].contains(&label.name));
        assert!(!is_kept, "{name} has a label of histograms");
    }
}

#[test]
fn every_text_is_a_sentence_that_fits_a_table() {
    let is_sound = |text: &str| text.ends_with('.') && !text.contains(['|', '\n']) && !text.contains("  ");
    for section in SECTIONS {
        assert!(is_sound(section.about), "{}", section.title);
        for metric in section.metrics {
            assert!(is_sound(metric.help), "{}: {}", metric.name, metric.help);
        }
    }
}

#[test]
fn a_counter_or_histogram_has_no_label_that_could_grow() {
    // Routes and codes are as many as the program has. Whatever else is known by its id comes and goes, and a counter
    // stays.
    let fixed = ["route", "code"];
    for metric in all().filter(|metric| metric.kind != Kind::Gauge) {
        for label in metric.labels {
            let is_bounded = matches!(label.values, Values::Of(_)) || fixed.contains(&label.name);
            assert!(is_bounded, "{}: {}", metric.name, label.name);
        }
    }
}

#[test]
fn bounds_rise() {
    for metric in all() {
        if let Kind::Histogram(bounds) = metric.kind {
            assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{}", metric.name);
        }
    }
}

#[test]
fn what_is_known_beforehand_is_every_combination() {
    let of = |name: &str| all().find(|metric| metric.name == name).expect("a metric").known_series();
    assert_eq!(of("frontrow_http_panics_total"), [vec![]]);
    let shed = of("frontrow_commands_shed_total");
    assert_eq!(shed, [[("priority", "settle")], [("priority", "begin")], [("priority", "job")]]);
    assert_eq!(of("frontrow_store_connections").len(), 4);
    assert!(of("frontrow_http_requests_total").is_empty(), "routes are known to others");
}
