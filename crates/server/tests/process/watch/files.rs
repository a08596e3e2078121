//! What rules, their tests and dashboards say, without a server.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};

use serde_json::Value;

use super::queries::{faults, selectors};
use super::{as_asked, at, files, list, rules, text, word, yaml};

fn promtool(arguments: &[&str]) -> Output {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(at("deploy/prometheus"));
    command.output().expect("promtool is installed with Debian's prometheus: deploy/dev/setup does that")
}

#[track_caller]
fn succeeds(output: &Output) {
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}", said.concat());
}

#[test]
fn promtool_takes_the_configuration_and_its_rules() {
    succeeds(&promtool(&["check", "config", "prometheus.yml"]));
    succeeds(&promtool(&[
        "check",
        "rules",
        "--lint=all",
        "--lint-fatal",
        "rules/alerts.yml",
        "rules/recording.yml",
    ]));
}

#[test]
fn alerts_fire_when_they_have_to_and_only_then() {
    let tests = files("deploy/prometheus/tests", ".yml");
    let tests: Vec<String> = tests.keys().map(|name| format!("tests/{name}.yml")).collect();
    let arguments: Vec<&str> =
        ["test", "rules"].into_iter().chain(tests.iter().map(String::as_str)).collect();
    succeeds(&promtool(&arguments));
}

#[test]
fn every_alert_has_a_time_to_fire_and_a_time_to_be_quiet() {
    let (mut fires, mut is_quiet) = (BTreeSet::new(), BTreeSet::new());
    for name in files("deploy/prometheus/tests", ".yml").keys() {
        for case in list(&yaml(&format!("deploy/prometheus/tests/{name}.yml"))["tests"]) {
            assert!(!list(&case["input_series"]).is_empty(), "{} looks at nothing", case["name"]);
            for look in list(&case["alert_rule_test"]) {
                let side = if list(&look["exp_alerts"]).is_empty() { &mut is_quiet } else { &mut fires };
                side.insert(word(&look["alertname"]).to_owned());
            }
        }
    }
    let alerts: BTreeSet<String> =
        rules("alerts").iter().map(|rule| word(&rule["alert"]).to_owned()).collect();
    assert_eq!(fires, alerts, "alerts that are seen to fire, and alerts that there are");
    assert_eq!(is_quiet, alerts, "alerts that are seen to be quiet, and alerts that there are");
}

#[test]
fn alerts_say_who_is_to_come_and_what_to_read() {
    for rule in rules("alerts") {
        let name = word(&rule["alert"]);
        assert!(["page", "ticket"].contains(&word(&rule["labels"]["severity"])), "{name}");
        for said in ["summary", "description"] {
            assert!(word(&rule["annotations"][said]).len() > 20, "{name} has no {said}");
        }
        assert_eq!(rule["annotations"]["runbook"], format!("docs/runbook/{name}.md"));
    }
}

/// What recording rules make, with the labels of it.
fn recorded() -> Vec<(String, BTreeSet<String>)> {
    let labels = |query: &str| match query.split_once(" by (").or_else(|| query.split_once("by (")) {
        Some((before, rest)) if before.trim().chars().all(char::is_alphanumeric) => {
            let inside = rest.split(')').next().unwrap_or_default();
            inside.split(',').map(|label| label.trim().to_owned()).collect()
        }
        _ => BTreeSet::new(),
    };
    let rules = rules("recording");
    rules.iter().map(|rule| (word(&rule["record"]).to_owned(), labels(word(&rule["expr"])))).collect()
}

/// The panels of all dashboards that ask for something, each with where it is.
pub(super) fn panels() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, text) in files("deploy/grafana/dashboards", ".json") {
        let dashboard: Value = serde_json::from_str(&text).expect("JSON");
        for panel in list(&dashboard["panels"]).iter().filter(|panel| panel["type"] != "row") {
            found.push((format!("{name}: {}", word(&panel["title"])), panel.clone()));
        }
    }
    found
}

/// All queries of all panels.
pub(super) fn panel_queries() -> Vec<(String, String)> {
    let query = |target: &Value| as_asked(word(&target["expr"]));
    let of_panel = |(at, panel): &(String, Value)| {
        list(&panel["targets"]).iter().map(|target| (at.clone(), query(target))).collect::<Vec<_>>()
    };
    panels().iter().flat_map(of_panel).collect()
}

#[test]
fn whatever_is_asked_for_is_counted() {
    let recorded = recorded();
    let mut queries = panel_queries();
    for file in ["alerts", "recording"] {
        let name = |rule: &Value| word(rule.get("alert").unwrap_or(&rule["record"])).to_owned();
        queries.extend(rules(file).iter().map(|rule| (name(rule), word(&rule["expr"]).to_owned())));
    }
    queries.extend(super::runbook::queries());
    for name in files("deploy/prometheus/tests", ".yml").keys() {
        for case in list(&yaml(&format!("deploy/prometheus/tests/{name}.yml"))["tests"]) {
            let series = list(&case["input_series"]).iter();
            // Series of others stand beside ours there, so that they are seen to make no difference.
            let ours =
                series.map(|series| word(&series["series"])).filter(|series| !series.contains("other:"));
            queries.extend(ours.map(|series| (format!("tests/{name}.yml"), series.to_owned())));
        }
    }
    let wrong: Vec<String> = queries
        .iter()
        .flat_map(|(at, query)| {
            faults(query, &recorded).into_iter().map(move |fault| format!("{at}: {fault}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What is worked out is used.
    let used: BTreeSet<String> =
        queries.iter().flat_map(|(_, query)| selectors(query)).map(|selector| selector.name).collect();
    let idle: Vec<_> = recorded.iter().filter(|(name, _)| !used.contains(name)).collect();
    assert!(idle.is_empty(), "nobody asks for {idle:?}");
}

#[test]
fn the_dashboards_are_what_is_written_of_them() {
    let folder = tempfile::tempdir().expect("folder");
    let mut generate = Command::new("python3");
    generate.arg(at("deploy/grafana/generate.py")).arg(folder.path());
    succeeds(&generate.output().expect("Python runs"));
    let mut written = BTreeMap::new();
    for entry in std::fs::read_dir(folder.path()).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        written.insert(name, std::fs::read_to_string(path).expect("text"));
    }
    assert!(
        written == files("deploy/grafana/dashboards", ".json"),
        "run `make dashboards`, and commit what it writes"
    );
}

#[test]
fn every_panel_says_what_it_shows_and_has_a_place_of_its_own() {
    let mut ids = BTreeSet::new();
    for (name, text) in files("deploy/grafana/dashboards", ".json") {
        let dashboard: Value = serde_json::from_str(&text).expect("JSON");
        assert!(ids.insert(word(&dashboard["uid"]).to_owned()), "two dashboards have the uid of {name}");
        let variables = list(&dashboard["templating"]["list"]);
        let variables: BTreeSet<&str> = variables.iter().map(|variable| word(&variable["name"])).collect();
        assert!(variables.contains("datasource") && variables.contains("instance"), "{name}: {variables:?}");
        let mut taken = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        for panel in list(&dashboard["panels"]) {
            let title = format!("{name}: {}", word(&panel["title"]));
            assert!(numbers.insert(panel["id"].as_u64()), "{title} has the id of another");
            let side = |side: &str| panel["gridPos"][side].as_u64().expect("a number");
            for place in (side("y")..side("y") + side("h"))
                .flat_map(|y| (side("x")..side("x") + side("w")).map(move |x| (x, y)))
            {
                assert!(
                    place.0 < 24 && taken.insert(place),
                    "{title} lies over another panel, or beside the page"
                );
            }
            if panel["type"] == "row" {
                continue;
            }
            assert!(word(&panel["description"]).ends_with('.'), "{title} has no description");
            assert_ne!(word(&panel["fieldConfig"]["defaults"]["unit"]), "", "{title} has no unit");
            assert!(
                panel["type"] == "alertlist" || !list(&panel["targets"]).is_empty(),
                "{title} asks for nothing"
            );
            for target in list(&panel["targets"]) {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
                let asked = word(&target["expr"]).split('$').skip(1);
                for rest in asked {
                    let known = |variable: &&str| rest.starts_with(*variable);
                    assert!(
                        variables.iter().chain(&["__rate_interval"]).any(known),
                        "{title} asks for ${rest}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_compose_mounts_is_what_grafana_and_prometheus_look_for() {
    let compose = yaml("deploy/compose.yaml");
    let mounts = |service: &str| list(&compose["services"][service]["volumes"]).to_vec();
    let provider = yaml("deploy/grafana/provisioning/dashboards/frontrow.yaml");
    let folder = word(&provider["providers"][0]["options"]["path"]).to_owned();
    assert!(mounts("grafana").contains(&Value::from(format!("./grafana/dashboards:{folder}:ro"))));
    let home = &compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"];
    let home = word(home).strip_prefix(&format!("{folder}/")).expect("it is among the dashboards");
    assert!(at("deploy/grafana/dashboards").join(home).exists());
    // The source that the dashboards begin with is the one that is there.
    let source = yaml("deploy/grafana/provisioning/datasources/prometheus.yaml");
    let dashboard: Value = serde_json::from_str(&text("deploy/grafana/dashboards/night.json")).expect("JSON");
    assert_eq!(dashboard["templating"]["list"][0]["current"]["value"], source["datasources"][0]["uid"]);
    let rules = Value::from("./prometheus/rules:/etc/prometheus/rules:ro");
    assert!(mounts("prometheus").contains(&rules), "prometheus.yml looks for rules beside itself");
}
