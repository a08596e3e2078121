//! What a server shows at `/metrics`, read and compared with the table of metrics.

use std::collections::{BTreeMap, BTreeSet};

use frontrow_application::metric::{self, Kind, Metric, Scope, Values};
use reqwest::Client;

use crate::server::Server;

/// The labels of a series with their values.
type Labels = BTreeMap<String, String>;

/// Everything that a server showed at a moment.
pub(crate) struct Scrape {
    pub(crate) text: String,
    families: BTreeMap<String, Family>,
}

/// One metric, as it was shown.
#[derive(Default)]
struct Family {
    help: Option<String>,
    kind: Option<String>,
    series: Vec<(Labels, f64)>,
}

/// Asks a server.
pub(crate) async fn scrape(client: &Client, server: &Server) -> Scrape {
    let answer = client.get(format!("http://{}/metrics", server.address)).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    Scrape::read(answer.text().await.expect("text"))
}

impl Scrape {
    fn read(text: String) -> Self {
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a sentence");
                families.entry(name.to_owned()).or_default().help = Some(help.to_owned());
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a kind");
                families.entry(name.to_owned()).or_default().kind = Some(kind.to_owned());
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let (name, labels) = series.split_once('{').map_or((series, ""), |(name, labels)| {
                    (name, labels.strip_suffix('}').expect("labels end"))
                });
                let family = [name, histogram_of(name)].into_iter().find(|name| families.contains_key(*name));
                let family =
                    families.get_mut(family.unwrap_or(name)).unwrap_or_else(|| panic!("no TYPE: {line}"));
                family.series.push((labels_of(labels), value.parse().expect("a number")));
            }
        }
        Self { text, families }
    }

    /// Whether there is a metric of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.families.contains_key(name)
    }

    /// The sum of all series of a metric that have these labels; nothing when there is none. Of a histogram it says
    /// nothing sensible but what its name with `_count` does.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        if name.ends_with("_count") {
            let lines = self.text.lines().filter(|line| {
                let has = |(label, value): &(&str, &str)| line.contains(&format!("{label}=\"{value}\""));
                let is_it = line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} "));
                is_it && labels.iter().all(has)
            });
            return lines.map(|line| line.rsplit(' ').next().and_then(|text| text.parse::<f64>().ok())).sum();
        }
        let has_all = |found: &&(Labels, f64)| {
            labels.iter().all(|(label, value)| found.0.get(*label).is_some_and(|found| found == value))
        };
        let found: Vec<f64> =
            self.families.get(name)?.series.iter().filter(has_all).map(|(_, value)| *value).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    }

    /// What the server does not show, of what the table says that servers of these kinds do.
    pub(crate) fn missing(&self, scopes: &[Scope]) -> Vec<&'static str> {
        let of_these = metric::all().filter(|metric| scopes.contains(&metric.scope));
        of_these.map(|metric| metric.name).filter(|name| !self.has(name)).collect()
    }

    /// Fails when anything that is shown is not in the table as it is shown.
    pub(crate) fn check(&self, scopes: &[Scope]) {
        let table: BTreeMap<&str, &Metric> = metric::all().map(|metric| (metric.name, metric)).collect();
        for (name, family) in &self.families {
            let metric = table.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the table"));
            assert!(scopes.contains(&metric.scope), "{name} is not for a server of this kind");
            assert_eq!(family.help.as_deref(), Some(metric.help), "{name}");
            assert_eq!(family.kind.as_deref(), Some(metric.kind.name()), "{name}");
            assert!(!family.series.is_empty(), "{name} has no series");
            for (labels, _) in &family.series {
                check_labels(metric, labels);
            }
        }
    }

    /// How many series there are.
    pub(crate) fn series(&self) -> usize {
        self.families.values().map(|family| family.series.len()).sum()
    }
}

/// The name of the histogram that has this series beside it.
fn histogram_of(name: &str) -> &str {
    let ends = ["_bucket", "_sum", "_count"];
    ends.into_iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// Values of ours have no quote, backslash or comma in them, but routes have braces.
fn labels_of(text: &str) -> Labels {
    let pairs = text.split("\",").filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once("=\"").expect("a label");
            (name.to_owned(), value.trim_end_matches('"').to_owned())
        })
        .collect()
}

fn check_labels(metric: &Metric, labels: &Labels) {
    let is_own = |name: &&str| !(*name == "le" && matches!(metric.kind, Kind::Histogram(_)));
    let shown: BTreeSet<&str> = labels.keys().map(String::as_str).filter(is_own).collect();
    let listed: BTreeSet<&str> = metric.labels.iter().map(|label| label.name).collect();
    assert_eq!(shown, listed, "the labels of {}", metric.name);
    for label in metric.labels {
        if let Values::Of(values) = label.values {
            let value = &labels[label.name];
            assert!(values.contains(&value.as_str()), "{}: {} is {value}", metric.name, label.name);
        }
    }
}
