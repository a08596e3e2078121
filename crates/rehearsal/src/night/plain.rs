//! What the machine calls things, in the words of whoever decides whether the sale can open.

/// What fans do, by the name of the step.
const STEPS: [(&str, &str); 9] = [
    ("join", "Joining the line"),
    ("ask", "Asking for the place in line"),
    ("map", "Looking at the seat map"),
    ("hold", "Taking seats"),
    ("charge", "Charging the wallet"),
    ("pay", "Paying"),
    ("give back", "Giving seats back"),
    ("leave", "Leaving the line"),
    ("renew log-in", "Renewing the log-in"),
];

/// What was looked at, by the name of the check.
const CHECKS: [(&str, &str); 6] = [
    ("audit of the store", "The books agree with themselves (audit)"),
    ("seats sold twice", "Seats sold to two fans"),
    ("what fans were told they have paid, against the store", "What fans were told is what is in the books"),
    ("a server that is there", "The server was there"),
    ("answers from 500 on", "Answers that say that the server failed"),
    ("fans overtaken in line", "Fans who were overtaken in line"),
];

/// Why somebody was refused, by the code.
const REFUSALS: [(&str, &str); 14] = [
    ("seat_unavailable", "Somebody else was faster"),
    ("no_adjacent_seats", "Not so many seats were left beside each other"),
    ("sold_out", "Not so many seats were left"),
    ("seat_limit_exceeded", "One fan may not have so many seats"),
    ("reservation_expired", "The hold had ended before it was paid"),
    ("reservation_not_pending", "The hold had ended before it was paid"),
    ("insufficient_balance", "Not enough in the wallet"),
    ("queue_token_expired", "The time to buy was over"),
    ("queue_not_active", "It was not their turn"),
    ("rate_limited", "One fan asked too often, and was told when to come back"),
    ("overloaded", "The server had too much to do, and said when to come back"),
    ("store_unavailable", "The database was away"),
    ("waiting_room_unavailable", "The waiting room was away"),
    ("access_token_expired", "The log-in had ended, and was renewed"),
];

fn found(table: &[(&'static str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, words)| *words)
}

/// A step in words.
pub(super) fn step(name: &str) -> String {
    found(&STEPS, name).unwrap_or(name).to_owned()
}

/// A check in words.
pub(super) fn check(what: &str) -> String {
    if let Some((name, _)) = what.split_once(", 99 % within") {
        return format!("{}: 99 of 100 answers within", step(name));
    }
    found(&CHECKS, what).map_or_else(|| capital(what), ToOwned::to_owned)
}

/// A refusal in words.
pub(super) fn refusal(code: &str) -> String {
    found(&REFUSALS, code).unwrap_or(code).to_owned()
}

/// With a capital letter at the beginning.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::journey::Stage;
    use super::*;

    #[test]
    fn every_step_has_words() {
        for stage in Stage::ALL {
            assert_ne!(step(stage.name()), stage.name());
        }
    }

    #[test]
    fn what_is_not_known_is_said_as_it_is() {
        assert_eq!(check("ask, 99 % within"), "Asking for the place in line: 99 of 100 answers within");
        assert_eq!(check("sold out within"), "Sold out within");
        assert_eq!(check("audit of the store"), "The books agree with themselves (audit)");
        assert_eq!(
            (refusal("sold_out").as_str(), refusal("a_new_one").as_str()),
            ("Not so many seats were left", "a_new_one")
        );
        assert_eq!(capital(""), "");
    }
}
