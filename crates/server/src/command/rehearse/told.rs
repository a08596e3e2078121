//! What is told afterwards: in the terminal, as JSON, and what a reader has to know to repeat it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use frontrow_application::Clock as _;
use frontrow_rehearsal::night::{Audit, Outcome, Settings, Targets, Verdict};

use super::{Prelude, RehearseArguments};
use crate::adapters::clock::SystemClock;
use crate::wiring::processors;

/// The version of the JSON: a member may be added to it, none changes its meaning.
const FORM: u32 = 1;

/// What it was rehearsed on.
pub(super) struct Ground {
    /// Which servers, and on what.
    pub(super) server: String,
    /// More that is to be known of it.
    pub(super) facts: Vec<(String, String)>,
    /// What the servers had in memory at the most, together.
    pub(super) memory_kib: Option<u64>,
    /// Whether the crowd ran on the machine of the servers.
    pub(super) is_shared: bool,
}

/// This program, as the server of a rehearsal.
pub(super) fn this_program(store: &str) -> String {
    let build = if cfg!(debug_assertions) { ", a debug build: much slower than a release" } else { "" };
    format!("frontrow {}{build}, {store}", env!("CARGO_PKG_VERSION"))
}

/// What was rehearsed, and how.
pub(super) fn settings(
    prelude: &Prelude,
    arguments: &RehearseArguments,
    connections: usize,
    ground: Ground,
) -> Settings {
    let Prelude { night, title, currency, facts } = prelude;
    let mut facts = facts.clone();
    facts.extend(ground.facts);
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    fact("fans", night.crew.fans.to_string());
    fact("they come within", format!("{} s, three fifths in the first fifth", arguments.over));
    fact("seed", arguments.seed.to_string());
    fact("thinking", format!("{} × the time that people take", arguments.thinking));
    fact("who gives up", format!("{} %", arguments.give_up));
    fact("who follows streams", format!("{} %", arguments.streaming));
    for (name, value) in [
        (
            "let in at once, in place of what the concert says",
            arguments.max_active.map(|most| most.to_string()),
        ),
        (
            "let in a second, in place of what the concert says",
            arguments.admit_per_second.map(|rate| rate.to_string()),
        ),
        (
            "a hold lasts, in place of what the schedules say",
            arguments.hold_seconds.map(|seconds| format!("{seconds} s")),
        ),
    ] {
        if let Some(value) = value {
            fact(name, value);
        }
    }
    fact("connections", connections.to_string());
    fact("server", ground.server);
    if let Some(kib) = ground.memory_kib {
        fact("memory of the server, at the most", format!("{} MiB", kib / 1_024));
    }
    let shares =
        if ground.is_shared { "server and crowd share them" } else { "of the crowd, and not of the server" };
    fact("machine", format!("{}; {shares}", machine()));
    let now = SystemClock::start().now();
    if let Ok(now) = jiff::Timestamp::from_microsecond(now.micros()) {
        fact("when", format!("{now:.0}"));
    }
    Settings { title: title.clone(), currency: currency.clone(), facts }
}

fn machine() -> String {
    let text = |file| std::fs::read_to_string(file).unwrap_or_default();
    let cpuinfo = text("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("an unknown processor", |line| line.trim_start_matches([' ', '\t', ':']));
    let meminfo = text("/proc/meminfo");
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    let memory = kib.map_or_else(String::new, |kib| format!(", {} MiB", kib / 1_024));
    format!("{} processors, {model}{memory}", processors())
}

/// Everything that was found, as JSON.
pub(super) fn write_json(
    file: &Path,
    settings: &Settings,
    outcome: &Outcome,
    audit: &Audit,
    targets: &Targets,
    verdict: &Verdict,
) -> anyhow::Result<()> {
    let document = serde_json::json!({
        "form": FORM,
        "settings": settings,
        "targets": targets,
        "verdict": verdict,
        "outcome": outcome,
        "audit": audit,
    });
    let text = serde_json::to_string_pretty(&document)?;
    std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}

/// The night in a terminal.
pub(super) fn summary(outcome: &Outcome, verdict: &Verdict) -> String {
    let mut text = verdict.words.join("\n");
    // Writing into a string has no way to fail.
    let _ = write!(
        text,
        "\n\n{:<10} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "step", "answers", "p50 ms", "p95 ms", "p99 ms", "max ms"
    );
    for step in outcome.steps.iter().filter(|step| step.answers + step.unanswered > 0) {
        let _ = write!(
            text,
            "\n{:<10} {:>9} {:>9.1} {:>9.1} {:>9.1} {:>9.1}",
            step.step, step.answers, step.p50_ms, step.p95_ms, step.p99_ms, step.max_ms
        );
        if step.unanswered > 0 {
            let _ = write!(text, "  {} without an answer", step.unanswered);
        }
    }
    if !outcome.hearings.is_empty() {
        text.push_str("\n\nheard that they are let in, after they were");
    }
    for hearing in &outcome.hearings {
        let _ = write!(
            text,
            "\n{:<12} {:>7} {:>9.0} {:>9.0} {:>9.0} {:>9.0}",
            hearing.how, hearing.fans, hearing.p50_ms, hearing.p95_ms, hearing.p99_ms, hearing.max_ms
        );
    }
    if outcome.streams.ended_early > 0 {
        let _ = write!(
            text,
            "\n{} of {} streams ended early, and their fans asked from then on",
            outcome.streams.ended_early, outcome.streams.opened
        );
    }
    if !outcome.refusals.is_empty() {
        text.push_str("\n\nrefusals");
    }
    for refusal in &outcome.refusals {
        let _ =
            write!(text, "\n  {:>8} × {} {} ({})", refusal.count, refusal.status, refusal.code, refusal.step);
    }
    text.push_str("\n\nfans");
    for (end, count) in &outcome.ends {
        let _ = write!(text, "\n  {count:>8} {end}");
    }
    text.push_str("\n\ntargets");
    for check in &verdict.checks {
        let met = if check.met { "met" } else { "NOT MET" };
        let _ = write!(text, "\n  {met:<8} {}: {} (wanted: {})", check.what, check.found, check.wanted);
    }
    text
}
