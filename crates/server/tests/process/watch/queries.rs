//! What is named in a query, found without understanding it, and whether the servers count it.

use std::collections::BTreeSet;

use frontrow_application::metric::{Kind, Metric, Values, all};

/// A metric that a query names, and what is asked of its labels.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) name: String,
    /// Label, operator, value.
    pub(super) matchers: Vec<(String, String, String)>,
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'
}

/// Every metric of ours in a query. Texts in quotes are none.
pub(super) fn selectors(query: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(|letter: char| is_of_name(letter) || letter == '"') {
        rest = &rest[start..];
        if let Some(after) = rest.strip_prefix('"') {
            rest = after.split_once('"').map_or("", |(_, rest)| rest);
            continue;
        }
        let (name, after) = rest.split_at(rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len()));
        rest = after;
        if name == "up" || ["frontrow_", "frontrow:", "process_"].iter().any(|ours| name.starts_with(ours)) {
            let (matchers, after) = matchers(rest);
            rest = after;
            found.push(Selector { name: name.to_owned(), matchers });
        }
    }
    found
}

/// What is in the braces that may begin here, and what follows them.
fn matchers(text: &str) -> (Vec<(String, String, String)>, &str) {
    let mut found = Vec::new();
    let Some(mut rest) = text.strip_prefix('{') else { return (found, text) };
    loop {
        rest = rest.trim_start_matches([',', ' ', '\n']);
        if let Some(after) = rest.strip_prefix('}') {
            return (found, after);
        }
        let (label, after) = rest.split_at(rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len()));
        let (operator, after) = after.split_once('"').expect("a value in quotes");
        let (value, after) = after.split_once('"').expect("the end of a value");
        found.push((label.to_owned(), operator.to_owned(), value.to_owned()));
        rest = after;
    }
}

/// The labels by which a query groups or joins.
fn groupings(query: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for word in ["by (", "on ("] {
        for rest in query.split(word).skip(1) {
            found.extend(rest.split(')').next().unwrap_or_default().split(',').map(str::trim));
        }
    }
    found.remove("");
    found
}

/// The metric of the catalogue that a series belongs to.
pub(super) fn metric_of(series: &str) -> Option<&'static Metric> {
    let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| series.strip_suffix(end));
    all().find(|metric| match metric.kind {
        Kind::Histogram(_) => Some(metric.name) == of_histogram,
        _ => metric.name == series,
    })
}

/// What Prometheus adds to every series.
const ADDED: &[&str] = &["instance", "job"];

/// What is wrong with a query: names, labels and values that no server has. `recorded` are the names that rules make, each
/// with its labels.
pub(super) fn faults(query: &str, recorded: &[(String, BTreeSet<String>)]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut labels: BTreeSet<&str> = ADDED.iter().copied().collect();
    for selector in &selectors(query) {
        let name = selector.name.as_str();
        if name == "up" {
            continue;
        }
        if let Some((_, of_rule)) = recorded.iter().find(|(record, _)| record == name) {
            labels.extend(of_rule.iter().map(String::as_str));
            let unknown = selector.matchers.iter().filter(|(label, ..)| !of_rule.contains(label));
            faults.extend(unknown.map(|(label, ..)| format!("{name} has no label {label}")));
            continue;
        }
        let Some(metric) = metric_of(name) else {
            faults.push(format!("nobody counts {name}"));
            continue;
        };
        labels.extend(metric.labels.iter().map(|label| label.name));
        if name.ends_with("_bucket") {
            labels.insert("le");
        }
        for (label, operator, value) in &selector.matchers {
            if ADDED.contains(&label.as_str()) || label == "le" && name.ends_with("_bucket") {
                continue;
            }
            match metric.labels.iter().find(|known| known.name == label) {
                None => faults.push(format!("{name} has no label {label}")),
                Some(known) => match known.values {
                    Values::Of(values) if !operator.ends_with('~') && !values.contains(&value.as_str()) => {
                        faults.push(format!("{label} of {name} is never {value:?}"));
                    }
                    _ => {}
                },
            }
        }
    }
    let unknown = groupings(query).into_iter().filter(|label| !labels.contains(label));
    faults.extend(unknown.map(|label| format!("nothing in the query has a label {label}")));
    faults
}

/// A query for what an alert looks at: the metric without what is asked of labels that may have any value, because nobody
/// has to have been refused for a reason that is an alarm.
pub(super) fn operand(selector: &Selector) -> String {
    let is_certain = |label: &str| {
        ADDED.contains(&label)
            || metric_of(&selector.name).is_some_and(|metric| {
                metric.labels.iter().any(|known| known.name == label && matches!(known.values, Values::Of(_)))
            })
    };
    let certain = selector.matchers.iter().filter(|(label, ..)| is_certain(label));
    let certain: Vec<String> =
        certain.map(|(label, operator, value)| format!("{label}{operator}\"{value}\"")).collect();
    format!("{}{{{}}}", selector.name, certain.join(","))
}

#[test]
fn what_a_query_names_is_found() {
    let query = r#"sum by (le, route) (rate(frontrow_a_bucket{le="0.25",route=~"/a/(b|c)"}[5m])) > up{job="frontrow"} or frontrow:b:c"#;
    let text = |(label, operator, value): (&str, &str, &str)| {
        (label.to_owned(), operator.to_owned(), value.to_owned())
    };
    let found = [
        ("frontrow_a_bucket", vec![text(("le", "=", "0.25")), text(("route", "=~", "/a/(b|c)"))]),
        ("up", vec![text(("job", "=", "frontrow"))]),
        ("frontrow:b:c", vec![]),
    ];
    let found = found.map(|(name, matchers)| Selector { name: name.to_owned(), matchers });
    assert_eq!(selectors(query), found);
    assert_eq!(groupings(query), BTreeSet::from(["le", "route"]));
}

#[test]
fn what_nobody_counts_is_a_fault() {
    let faults = |query| faults(query, &[]);
    assert_eq!(faults(r#"sum by (status) (rate(frontrow_http_requests_total{status="5xx"}[1m]))"#), [""; 0]);
    assert_eq!(faults("frontrow_http_request_total"), ["nobody counts frontrow_http_request_total"]);
    assert_eq!(faults("frontrow_group_commit_seconds"), ["nobody counts frontrow_group_commit_seconds"]);
    assert_eq!(
        faults(r#"frontrow_http_requests_total{status="500"}"#),
        ["status of frontrow_http_requests_total is never \"500\""]
    );
    assert_eq!(
        faults(r#"frontrow_http_requests_total{code="x"}"#),
        ["frontrow_http_requests_total has no label code"]
    );
    assert_eq!(
        faults("sum by (code) (frontrow_http_requests_total)"),
        ["nothing in the query has a label code"]
    );
}

#[test]
fn no_label_is_one_that_prometheus_writes_over() {
    let taken = all().flat_map(|metric| metric.labels.iter().map(move |label| (metric.name, label.name)));
    let taken: Vec<_> = taken.filter(|(_, label)| ADDED.contains(label) || *label == "le").collect();
    assert_eq!(taken, []);
}
