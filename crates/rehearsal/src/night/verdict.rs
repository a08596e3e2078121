//! What a night has shown, in plain words, and whether that is enough.

use serde::Serialize;

use super::outcome::{Audit, Outcome};
use super::targets::Targets;

/// The judgement of a night.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// Whether the result counts and every target was met.
    pub met: bool,
    /// The night in a few sentences, for people.
    pub words: Vec<String>,
    /// What was looked at, one by one.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub what: String,
    /// What it has to be.
    pub wanted: String,
    /// What it was.
    pub found: String,
    /// Whether that is enough.
    pub met: bool,
}

impl Verdict {
    /// Judges a night by its targets and by the audit of the store that it was sold from.
    pub fn of(outcome: &Outcome, audit: &Audit, targets: &Targets) -> Self {
        let mut checks = proofs(outcome, audit);
        let counts = checks.iter().all(|check| check.met);
        checks.extend(reached(outcome, targets));
        let met = checks.iter().all(|check| check.met);
        Self { met, words: words(outcome, &checks, counts, met), checks }
    }
}

fn check(what: impl Into<String>, wanted: impl Into<String>, found: impl Into<String>, met: bool) -> Check {
    Check { what: what.into(), wanted: wanted.into(), found: found.into(), met }
}

/// What has to hold, whatever the targets are: without it no figure counts.
fn proofs(outcome: &Outcome, audit: &Audit) -> Vec<Check> {
    let sold = audit.seats_by_state.get("sold").copied().unwrap_or(0);
    // A payment whose answer was lost is in the store and not with the fan. No other difference is fine.
    let (lost, missing) =
        (outcome.step("pay").map_or(0, |pay| pay.unanswered), sold.saturating_sub(outcome.sold));
    let agrees = sold == outcome.sold && audit.confirmed == outcome.revenue;
    let is_explained = sold >= outcome.sold && (missing == 0 || lost > 0);
    let differences = match audit.differences.first() {
        // Without a count the audit itself has not come to its end.
        Some(why) if audit.difference_count == 0 => why.clone(),
        Some(first) => format!("{} differences; the first: {first}", audit.difference_count),
        None => format!("{} differences", audit.difference_count),
    };
    vec![
        check("audit of the store", "0 differences", differences, audit.clean),
        check("seats sold twice", "0", outcome.sold_twice.to_string(), outcome.sold_twice == 0),
        check(
            "what fans were told they have paid, against the store",
            format!("{} seats for {}", number(sold), number_signed(audit.confirmed)),
            format!("{} seats for {}", number(outcome.sold), number_signed(outcome.revenue)),
            agrees || (is_explained && lost > 0),
        ),
        check(
            "a server that is there",
            "all the time",
            if outcome.abandoned { "away until nobody could wait for it" } else { "all the time" },
            !outcome.abandoned,
        ),
    ]
}

fn reached(outcome: &Outcome, targets: &Targets) -> Vec<Check> {
    let (order, errors, unanswered) = (&outcome.order, outcome.server_errors(), outcome.unanswered());
    let mut checks = vec![
        count("answers from 500 on", errors, targets.server_errors_max),
        count("requests without an answer", unanswered, targets.unanswered_max),
    ];
    if order.in_line > 0 {
        let overtaken = order.overtaken + order.joined_out_of_order;
        checks.push(count("fans overtaken in line", overtaken, targets.overtaken_max));
    }
    for (name, target) in targets.steps() {
        // What nobody asked for has no time.
        let Some(step) = outcome.step(name).filter(|step| step.answers > 0) else { continue };
        checks.push(check(
            format!("{name}, 99 % within"),
            millis(target),
            millis(step.p99_ms),
            step.p99_ms <= target,
        ));
    }
    if let Some(target) = targets.waited_as_told_min_percent.filter(|_| order.told_a_wait > 0) {
        let share = percent(order.waited_as_told, order.told_a_wait);
        checks.push(check(
            "fans who waited as long as they were told",
            format!("{target:.0} % at least"),
            format!("{share:.0} % of {}", number(order.told_a_wait)),
            share >= target,
        ));
    }
    if let Some(target) = targets.sold_out_within_seconds {
        let found = outcome.sold_out_after_seconds;
        checks.push(check(
            "sold out within",
            duration(target),
            found.map_or_else(|| "not sold out".to_owned(), duration),
            found.is_some_and(|found| found <= target),
        ));
    }
    if let Some(target) = targets.sold_min_percent {
        let share = percent(outcome.sold, outcome.seats);
        checks.push(check(
            "seats sold",
            format!("{target:.0} % at least"),
            format!("{share:.1} %"),
            share >= target,
        ));
    }
    checks
}

fn count(what: &str, found: u64, max: u64) -> Check {
    check(what, format!("{} at the most", number(max)), number(found), found <= max)
}

fn words(outcome: &Outcome, checks: &[Check], counts: bool, met: bool) -> Vec<String> {
    let Outcome { fans, seats, sold, .. } = *outcome;
    let mut words = Vec::new();
    words.push(match outcome.sold_out_after_seconds {
        Some(after) => {
            format!(
                "{} fans came, and all {} seats were sold within {}.",
                number(fans),
                number(seats),
                duration(after)
            )
        }
        None => format!(
            "{} fans came, and {} of {} seats were sold in {}.",
            number(fans),
            number(sold),
            number(seats),
            duration(outcome.seconds)
        ),
    });
    let order = &outcome.order;
    if order.in_line > 0 {
        words.push(match order.overtaken + order.joined_out_of_order {
            0 => format!(
                "{} stood in line, {} were let in, and nobody was overtaken.",
                number(order.in_line),
                number(order.admitted)
            ),
            overtaken => format!(
                "{} stood in line, {} were let in, and {} were overtaken by somebody behind them.",
                number(order.in_line),
                number(order.admitted),
                number(overtaken)
            ),
        });
    }
    if order.admitted > 0 {
        words.push(format!(
            "Half of those who were let in had waited {} at the most, 95 of 100 {}, and nobody longer than {}.",
            duration(order.wait_p50_seconds),
            duration(order.wait_p95_seconds),
            duration(order.wait_max_seconds)
        ));
    }
    words.extend(heard(outcome));
    if order.told_a_wait > 0 {
        words.push(format!(
            "{} of {} who were told how long they would wait waited so long ({:.0} %).",
            number(order.waited_as_told),
            number(order.told_a_wait),
            percent(order.waited_as_told, order.told_a_wait)
        ));
    }
    let (errors, unanswered) = (outcome.server_errors(), outcome.unanswered());
    words.push(match (errors, unanswered) {
        (0, 0) => format!("Each of {} requests got a proper answer.", number(outcome.answers())),
        _ => format!(
            "Of {} answers {} were errors of the server, and {} requests got no answer.",
            number(outcome.answers()),
            number(errors),
            number(unanswered)
        ),
    });
    if counts {
        words.push("No seat was sold twice, and the audit of the store found no difference.".to_owned());
    }
    let missed: Vec<&str> =
        checks.iter().filter(|check| !check.met).map(|check| check.what.as_str()).collect();
    words.push(match (counts, met) {
        (true, true) => "Every target was met.".to_owned(),
        (true, false) => format!("NOT MET: {}.", missed.join("; ")),
        (false, _) => format!("THESE FIGURES DO NOT COUNT: {}.", missed.join("; ")),
    });
    words
}

/// How soon fans heard that it is their turn, and what became of streams.
fn heard(outcome: &Outcome) -> Vec<String> {
    let each = outcome
        .hearings
        .iter()
        .map(|hearing| format!("within {} {}", duration(hearing.p95_ms / 1_000.0), hearing.how));
    let each: Vec<String> = each.collect();
    let mut words = Vec::new();
    if !each.is_empty() {
        words.push(format!("95 of 100 who had waited knew that it was their turn {}.", each.join(", and ")));
    }
    let streams = &outcome.streams;
    if streams.ended_early > 0 {
        words.push(format!(
            "{} of {} streams ended early, and their fans asked from then on.",
            number(streams.ended_early),
            number(streams.opened)
        ));
    }
    words
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn millis(millis: f64) -> String {
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

/// A time as people say it.
pub(super) fn duration(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds of a night")]
    let whole = seconds.round() as u64;
    match (whole / 60, whole % 60) {
        (0, _) => format!("{seconds:.1} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// A number as people read it.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn number_signed(amount: i64) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{}", number(amount.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::outcome::{Refusal, StepFigures};
    use super::*;

    fn good() -> (Outcome, Audit) {
        let mut outcome = Outcome {
            fans: 300,
            seats: 60,
            sold: 60,
            revenue: 6_000,
            seconds: 75.0,
            sold_out_after_seconds: Some(62.0),
            ..Outcome::default()
        };
        let step = |step: &str, p99_ms| StepFigures {
            step: step.to_owned(),
            answers: 1_234,
            p99_ms,
            ..StepFigures::default()
        };
        outcome.steps = vec![step("join", 12.0), step("hold", 30.0), step("pay", 31.0)];
        outcome.order.in_line = 300;
        let seats_by_state = BTreeMap::from([("sold".to_owned(), 60)]);
        (outcome, Audit { clean: true, confirmed: 6_000, seats_by_state, ..Audit::default() })
    }

    fn missed(outcome: &Outcome, audit: &Audit, targets: &Targets) -> Vec<String> {
        let verdict = Verdict::of(outcome, audit, targets);
        let missed: Vec<String> =
            verdict.checks.into_iter().filter(|check| !check.met).map(|check| check.what).collect();
        assert_eq!(verdict.met, missed.is_empty());
        missed
    }

    #[test]
    fn a_good_night_is_good_in_plain_words() {
        let (outcome, audit) = good();
        let verdict = Verdict::of(&outcome, &audit, &Targets::default());
        assert!(verdict.met, "{:?}", verdict.checks);
        assert_eq!(verdict.words[0], "300 fans came, and all 60 seats were sold within 1 min 2 s.");
        assert_eq!(verdict.words[2], "Each of 3,702 requests got a proper answer.");
        assert_eq!(verdict.words.last().unwrap(), "Every target was met.");
    }

    #[test]
    fn without_a_clean_audit_nothing_counts() {
        let (outcome, audit) = good();
        let dirty =
            Audit { clean: false, difference_count: 1, differences: vec!["seat 7".to_owned()], ..audit };
        let verdict = Verdict::of(&outcome, &dirty, &Targets::default());
        assert!(!verdict.met);
        assert_eq!(verdict.words.last().unwrap(), "THESE FIGURES DO NOT COUNT: audit of the store.");
        assert!(verdict.checks[0].found.contains("seat 7"));
    }

    #[test]
    fn what_fans_heard_and_what_the_store_has_must_agree() {
        let (outcome, audit) = good();
        let targets = Targets::default();
        let told = "what fans were told they have paid, against the store";
        assert_eq!(missed(&Outcome { sold: 61, ..outcome.clone() }, &audit, &targets), [told]);
        assert_eq!(missed(&Outcome { revenue: 5_900, ..outcome.clone() }, &audit, &targets), [told]);
        assert_eq!(missed(&Outcome { sold: 59, ..outcome.clone() }, &audit, &targets), [told]);
        assert_eq!(
            missed(&Outcome { sold_twice: 1, ..outcome.clone() }, &audit, &targets),
            ["seats sold twice"]
        );
        // A lost answer explains a seat that the store has and no fan; never the other way around.
        let mut lost = Outcome { sold: 59, ..outcome };
        lost.steps[2].unanswered = 1;
        assert_eq!(missed(&lost, &audit, &targets), ["requests without an answer"]);
        lost.sold = 61;
        assert_eq!(missed(&lost, &audit, &targets), [told, "requests without an answer"]);
    }

    #[test]
    fn every_target_can_be_missed() {
        let (mut outcome, audit) = good();
        outcome.order.overtaken = 1;
        (outcome.order.told_a_wait, outcome.order.waited_as_told) = (10, 7);
        (outcome.order.admitted, outcome.order.joined_out_of_order) = (60, 0);
        let refusal =
            |status, code: &str| Refusal { step: "hold".into(), status, code: code.into(), count: 2 };
        outcome.refusals = vec![refusal(409, "seat_unavailable"), refusal(503, "overloaded")];
        let strict = Targets {
            join_p99_ms: Some(11.9),
            hold_p99_ms: Some(30.0),
            pay_p99_ms: None,
            waited_as_told_min_percent: Some(80.0),
            sold_out_within_seconds: Some(60.0),
            sold_min_percent: Some(100.0),
            ..Targets::default()
        };
        let expected = [
            "answers from 500 on",
            "fans overtaken in line",
            "join, 99 % within",
            "fans who waited as long as they were told",
            "sold out within",
        ];
        assert_eq!(missed(&outcome, &audit, &strict), expected);
        let lenient = Targets { overtaken_max: 1, server_errors_max: 2, ..Targets::default() };
        assert!(missed(&outcome, &audit, &lenient).is_empty());
    }

    #[test]
    fn an_audit_that_did_not_come_to_its_end_says_so_and_counts_for_nothing() {
        let (outcome, audit) = good();
        let late = Audit { clean: false, differences: vec!["not through within 5 s".to_owned()], ..audit };
        let verdict = Verdict::of(&outcome, &late, &Targets::default());
        assert_eq!((verdict.met, verdict.checks[0].found.as_str()), (false, "not through within 5 s"));
    }

    #[test]
    fn how_soon_fans_heard_is_said_with_what_became_of_streams() {
        let (mut outcome, audit) = good();
        let hearing = |how: &str, p95_ms| super::super::outcome::Hearing {
            how: how.to_owned(),
            p95_ms,
            ..super::super::outcome::Hearing::default()
        };
        outcome.hearings = vec![hearing("on a stream", 490.0), hearing("by asking", 75_000.0)];
        (outcome.streams.opened, outcome.streams.ended_early) = (1_200, 7);
        let words = Verdict::of(&outcome, &audit, &Targets::default()).words.join(" ");
        assert!(words.contains(
            "95 of 100 who had waited knew that it was their turn within 0.5 s on a stream, and within 1 min 15 s by asking."
        ), "{words}");
        assert!(words.contains("7 of 1,200 streams ended early"), "{words}");
    }

    #[test]
    fn numbers_are_as_people_read_them() {
        assert_eq!([number(0), number(999), number(1_234_567)], ["0", "999", "1,234,567"]);
        assert_eq!([duration(9.96), duration(59.7), duration(600.0)], ["10.0 s", "1 min 0 s", "10 min 0 s"]);
    }
}
