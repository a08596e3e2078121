//! Whole evenings as text.
//!
//! A scenario is a list of lines, each a step and, after `->`, the answer that it must get. A step without `->`
//! must simply work. Seats are numbers with commas between; times are written `300s`. Everything after `#` is a
//! remark.
//!
//! ```text
//! schedule hall seats 5 price 50000 hold 300     # the first schedule is meant where none is named
//! fan alice 100000                               # with this in the wallet
//! hold alice 1,2 -> r1                           # names the reservation
//! hold bob 2,3 -> taken 2
//! wait 300s
//! pay alice r1 -> expired
//! map -> hhaaa                                   # the map follows through the job
//! expire -> 1
//! audit -> clean
//! ```
//!
//! | step | answers |
//! |---|---|
//! | `schedule NAME [seats N] [price N] [hold S] [extension S] [cap S] [fan-seats N] [opens S] [closes S] [refunds HOURS:PERCENT,…]` | |
//! | `fan NAME [BALANCE]` | |
//! | `wait 5s`, `back 5s` | |
//! | `hold FAN SEATS [at SCHEDULE] [key K]` | `rN`, `rN again`, `taken SEATS`, `unknown SEATS`, `limit 4 has 3`, … |
//! | `best FAN QUANTITY [grade NAME] [apart] [accessible] [key K]` | as `hold`; `sold out N left`, `not together` |
//! | `seats FAN rN` | which it has |
//! | `pay FAN rN [key K]` | `paid N`, `paid N again`, `declined N of N`, `expired`, `already paid`, … |
//! | `extend FAN rN [key K]` | `rN 600s` (what is left), `rN 600s again`, `expired`, `not pending` |
//! | `cancel FAN rN` | `cancelled`, `refunded N of N`, `expired`, `no refund`, `ticket used`, `not found` |
//! | `refund rN [PERCENT] [key K]` (staff) | `refunded N of N`, `not paid`, `ticket used` |
//! | `scan rN SEAT [door NUMBER] [key K]` | `admitted SEAT`, `used`, `void`, `wrong schedule`, `no ticket` |
//! | `block SEATS`, `release SEATS`, `block section NAME`, … `[key K]` | how many seats changed, `taken SEATS` |
//! | `sell FAN SEATS wallet\|cash\|free [from-blocked] [key K]` | as `hold`; `declined N of N`, `closed` |
//! | `call-off`, `withdraw` | ; how many reservations were taken back |
//! | `show FAN rN` | `pending 300s`, `confirmed`, `cancelled`, `expired`, `not found` |
//! | `tickets FAN rN` | the seats |
//! | `charge FAN N [key K]` | the balance, `N again`, `invalid amount`, `balance limit` |
//! | `balance FAN`, `reservations FAN`, `payments FAN` | the balance; the names, newest first; the states |
//! | `expire` | how many holds were ended |
//! | `pause`, `resume` | |
//! | `map`, `left`, `version` `[at SCHEDULE]` | letters; seats available; the version of the map |
//! | `restart` | |
//! | `audit` | `clean`, or what it finds |

mod box_office;
mod script;
mod words;

use std::fmt::Write as _;

use crate::store::StoreFactory;
use script::Script;

/// Runs a scenario on an empty store and compares every answer.
pub async fn check(factory: impl StoreFactory, text: &str) {
    let mut script = Script::open(Box::new(factory));
    let mut transcript = String::new();
    let mut wrong = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (step, expected) = match line.split_once("->") {
            Some((step, expected)) => (step.trim(), Some(expected.trim())),
            None => (line, None),
        };
        let said = script.step(step, expected).await;
        let agrees = match expected {
            Some(expected) => said.text == expected,
            None => said.worked,
        };
        let arrow = if said.text.is_empty() { "" } else { " -> " };
        let mark = if agrees { ' ' } else { '!' };
        writeln!(transcript, "{mark} {number:>3}  {step}{arrow}{}", said.text).expect("text takes text");
        if !agrees {
            wrong += 1;
            let expected = expected.unwrap_or("anything that works");
            writeln!(transcript, "       expected: {expected}").expect("text takes text");
        }
    }
    assert!(wrong == 0, "{wrong} answers differ; this is how it went:\n{transcript}");
}
