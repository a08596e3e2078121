//! One fan on their way through the sale: what they ask next, and what an answer means to them.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::answer::Answer;
use crate::request::Request;

use super::crowd::Sale;
use super::fan::{Fan, Picks, Surrender};
use super::order::Place;

/// How often a fan asks for seats, or finds an empty map, before they have enough of it.
const TRIES: u32 = 8;
/// Before the same is asked again that got no answer, or one that says no time.
const AGAIN: Duration = Duration::from_secs(1);

/// What a fan asks for: each is a step with figures of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Join,
    Ask,
    Map,
    Hold,
    Charge,
    Pay,
    GiveBack,
    Leave,
}

impl Stage {
    pub(super) const ALL: [Self; 8] =
        [Self::Join, Self::Ask, Self::Map, Self::Hold, Self::Charge, Self::Pay, Self::GiveBack, Self::Leave];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Ask => "ask",
            Self::Map => "map",
            Self::Hold => "hold",
            Self::Charge => "charge",
            Self::Pay => "pay",
            Self::GiveBack => "give back",
            Self::Leave => "leave",
        }
    }
}

/// How the night of a fan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Has paid tickets.
    Bought,
    /// Was told that nothing is left.
    SoldOut,
    /// Had enough of waiting and left the line.
    LeftLine,
    /// Had enough of waiting and vanished without a word.
    Vanished,
    /// Looked at the map and took nothing.
    TookNothing,
    /// Held seats and gave them back.
    GaveBack,
    /// Held seats and let the hold lapse.
    LetLapse,
    /// Wanted to pay when the hold had ended.
    HoldEnded,
    /// The session was over before anything was held.
    SessionEnded,
    /// Others were faster again and again.
    OutrunTooOften,
    /// Was refused something that they cannot help.
    Refused,
    /// Was still on their way when the rehearsal ended.
    Unfinished,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Bought,
        Self::SoldOut,
        Self::LeftLine,
        Self::Vanished,
        Self::TookNothing,
        Self::GaveBack,
        Self::LetLapse,
        Self::HoldEnded,
        Self::SessionEnded,
        Self::OutrunTooOften,
        Self::Refused,
        Self::Unfinished,
    ];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bought => "bought tickets",
            Self::SoldOut => "came too late: sold out",
            Self::LeftLine => "left the line",
            Self::Vanished => "vanished from the line",
            Self::TookNothing => "looked and took nothing",
            Self::GaveBack => "gave their seats back",
            Self::LetLapse => "let their hold lapse",
            Self::HoldEnded => "paid too late: the hold had ended",
            Self::SessionEnded => "the session ended first",
            Self::OutrunTooOften => "gave up after others were faster",
            Self::Refused => "refused",
            Self::Unfinished => "still there at the end",
        }
    }
}

/// What a fan does after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The next request, after so long.
    After(Duration),
    /// Nothing any more.
    Over(End),
}

/// When something was asked and answered, since the opening.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) sent: Duration,
    pub(super) heard: Duration,
}

/// A fan on their way.
#[derive(Debug)]
pub(super) struct Journey {
    pub(super) stage: Stage,
    /// What they know of their place, once they have one.
    pub(super) place: Option<Place>,
    /// When joining was first asked for.
    pub(super) join_sent: Option<Duration>,
    /// The wait in seconds that they were told at joining, at least and at most.
    pub(super) told: Option<(u32, u32)>,
    /// By the server's clock, in microseconds.
    pub(super) joined_at: i64,
    pub(super) amount: i64,
    pub(super) seats: Vec<u32>,
    pub(super) schedule: usize,
    token: String,
    party: u32,
    picks: Picks,
    /// Whether seats that are not together will do.
    is_apart: bool,
    tries: u32,
    reservation: String,
    charged: i64,
    charges: u32,
    /// How the journey ends once the line has been left.
    leaving: End,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    state: &'a str,
    token: Option<&'a str>,
    sequence: Option<u64>,
    estimated_wait_seconds: Option<Wait>,
    seats_left: u32,
    seats_held: u32,
    poll_after_seconds: u32,
    joined_at: Moment,
    admitted_at: Option<Moment>,
}

/// A time of the server, in microseconds.
#[derive(Clone, Copy)]
struct Moment(i64);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(Self(moment.as_microsecond()))
    }
}

#[derive(Deserialize)]
struct Wait {
    low: u32,
    high: u32,
}

#[derive(Deserialize)]
struct Map<'a> {
    states: &'a str,
}

#[derive(Deserialize)]
struct Held<'a> {
    #[serde(rename = "reservationId")]
    id: &'a str,
    amount: i64,
    seats: Vec<Numbered>,
}

#[derive(Deserialize)]
struct Numbered {
    no: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    code: &'a str,
}

/// The code of a refusal; `unreadable` for what is no problem document.
pub(super) fn code<'a>(answer: &Answer<'a>) -> &'a str {
    serde_json::from_slice(answer.body).map_or("unreadable", |Problem { code }| code)
}

impl Journey {
    pub(super) fn new(fan: &Fan, has_line: bool) -> Self {
        Self {
            stage: if has_line { Stage::Join } else { Stage::Map },
            place: None,
            join_sent: None,
            told: None,
            joined_at: 0,
            amount: 0,
            seats: Vec::new(),
            schedule: fan.schedule,
            token: String::new(),
            party: fan.party,
            picks: fan.picks,
            is_apart: false,
            tries: 0,
            reservation: String::new(),
            charged: 0,
            charges: 0,
            leaving: End::SoldOut,
        }
    }

    /// Writes the next request.
    pub(super) fn write(&self, sale: &Sale, number: usize, buffer: &mut Vec<u8>) {
        let hall = &sale.halls[self.schedule];
        let (path, body) = match self.stage {
            Stage::Join => ("/api/v1/queues".to_owned(), format!("{{\"concertId\":{}}}", hall.concert)),
            Stage::Ask => ("/api/v1/queues/status".to_owned(), String::new()),
            Stage::Map => {
                let path = format!("/api/v1/concerts/{}/schedules/{}/states", hall.concert, hall.schedule);
                (path, String::new())
            }
            Stage::Hold => ("/api/v1/reservations".to_owned(), self.wish(hall.schedule)),
            Stage::Charge => {
                let amount = self.next_charge(sale);
                let body = format!("{{\"amount\":{amount},\"method\":\"card\"}}");
                ("/api/v1/users/me/charge".to_owned(), body)
            }
            Stage::Pay => {
                ("/api/v1/payments".to_owned(), format!("{{\"reservationId\":\"{}\"}}", self.reservation))
            }
            Stage::GiveBack => (format!("/api/v1/reservations/{}", self.reservation), String::new()),
            Stage::Leave => ("/api/v1/queues".to_owned(), String::new()),
        };
        // A request that got no answer is repeated with its key, so nothing happens twice.
        let key = match self.stage {
            Stage::Charge => format!("charge-{number}-{}", self.charges),
            stage => format!("{}-{number}-{}", stage.name(), self.tries),
        };
        let (bearer, host) = (("authorization", sale.bearers[number].as_str()), sale.host.as_str());
        let (queue, key) = (("queue-token", self.token.as_str()), ("idempotency-key", key.as_str()));
        let request = match self.stage {
            Stage::Ask | Stage::Map => return Request::get(host, &path).headers(&[queue]).write(buffer),
            Stage::Leave => return Request::new("DELETE", host, &path).headers(&[queue]).write(buffer),
            Stage::GiveBack => return Request::new("DELETE", host, &path).headers(&[bearer]).write(buffer),
            Stage::Join | Stage::Hold | Stage::Charge | Stage::Pay => {
                Request::post(host, &path, body.as_bytes())
            }
        };
        match self.stage {
            Stage::Join => request.headers(&[bearer]).write(buffer),
            Stage::Hold if sale.has_line => request.headers(&[bearer, key, queue]).write(buffer),
            _ => request.headers(&[bearer, key]).write(buffer),
        }
    }

    fn wish(&self, schedule: u64) -> String {
        match self.picks {
            Picks::FromMap => {
                let seats = self.seats.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
                format!("{{\"scheduleId\":{schedule},\"seats\":[{seats}]}}")
            }
            Picks::Best => format!(
                "{{\"scheduleId\":{schedule},\"bestAvailable\":{{\"quantity\":{},\"adjacent\":{}}}}}",
                self.party, !self.is_apart
            ),
        }
    }

    fn next_charge(&self, sale: &Sale) -> i64 {
        (self.amount - self.charged).min(sale.charge_max).max(sale.charge_min)
    }

    /// Takes an answer in.
    pub(super) fn take_in(&mut self, sale: &Sale, fan: &Fan, answer: &Answer<'_>, times: Times) -> Turn {
        if answer.status == 429 || answer.status >= 500 {
            let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
            return Turn::After(seconds.map_or(AGAIN, Duration::from_secs).max(AGAIN));
        }
        match (self.stage, answer.status) {
            (Stage::Leave, _) => Turn::Over(self.leaving),
            (Stage::Join, 200 | 201) | (Stage::Ask, 200) => self.in_line(fan, answer.body, times),
            (Stage::Map, 200) => self.at_map(sale, fan, answer.body),
            (Stage::Hold, 201) => self.with_seats(fan, answer.body),
            (Stage::Charge, 200) => {
                self.charged += self.next_charge(sale);
                self.charges += 1;
                if self.charged >= self.amount {
                    self.stage = Stage::Pay;
                }
                Turn::After(Duration::ZERO)
            }
            (Stage::Pay, 201) => Turn::Over(End::Bought),
            (Stage::GiveBack, 200 | 410) => self.leave(sale, End::GaveBack),
            _ => self.refused(sale, fan, code(answer)),
        }
    }

    fn in_line(&mut self, fan: &Fan, body: &[u8], times: Times) -> Turn {
        let Ok(status) = serde_json::from_slice::<Status<'_>>(body) else { return Turn::Over(End::Refused) };
        if let Some(token) = status.token {
            token.clone_into(&mut self.token);
            self.joined_at = status.joined_at.0;
            self.told = status.estimated_wait_seconds.map(|Wait { low, high }| (low, high));
            let join_sent = self.join_sent.unwrap_or(times.sent);
            self.place = status.sequence.map(|sequence| Place {
                sequence,
                join_sent,
                join_heard: times.heard,
                ..Place::default()
            });
        }
        let waited = times.heard.saturating_sub(self.join_sent.unwrap_or(times.heard));
        self.stage = Stage::Ask;
        match status.state {
            "active" => {
                if let Some(place) = &mut self.place {
                    place.admitted_at = status.admitted_at.map(|at| at.0);
                    place.active_heard = Some(times.heard);
                }
                self.stage = Stage::Map;
                Turn::After(Duration::ZERO)
            }
            "waiting" | "lobby" => {
                if let Some(place) = &mut self.place {
                    place.waiting_sent = Some(times.sent);
                }
                match fan.surrender {
                    Some(Surrender::Vanishes(after)) if waited >= after => return Turn::Over(End::Vanished),
                    Some(Surrender::LeavesLine(after)) if waited >= after => {
                        self.stage = Stage::Leave;
                        self.leaving = End::LeftLine;
                        return Turn::After(Duration::ZERO);
                    }
                    _ => {}
                }
                if status.seats_left == 0 && status.seats_held == 0 {
                    return Turn::Over(End::SoldOut);
                }
                Turn::After(Duration::from_secs(status.poll_after_seconds.into()))
            }
            _ => Turn::Over(End::SessionEnded),
        }
    }

    fn at_map(&mut self, sale: &Sale, fan: &Fan, body: &[u8]) -> Turn {
        if fan.surrender == Some(Surrender::TakesNothing) {
            return self.leave(sale, End::TookNothing);
        }
        let Ok(Map { states }) = serde_json::from_slice(body) else { return Turn::Over(End::Refused) };
        let party = self.party as usize;
        let place =
            if self.tries == 0 { fan.place } else { (fan.place + 0.37 * f64::from(self.tries)) % 1.0 };
        self.seats = sale.halls[self.schedule].choose(states.as_bytes(), party, place);
        if self.seats.is_empty() {
            let may_return = states.contains('h');
            if !may_return && sale.halls.len() == 1 {
                return self.leave(sale, End::SoldOut);
            }
            // Another evening may have some, or somebody gives theirs back.
            self.schedule = (self.schedule + 1) % sale.halls.len();
            return self.try_again(sale, fan, End::SoldOut);
        }
        self.stage = Stage::Hold;
        Turn::After(if self.tries == 0 { fan.looks } else { fan.chooses_again })
    }

    fn with_seats(&mut self, fan: &Fan, body: &[u8]) -> Turn {
        let Ok(held) = serde_json::from_slice::<Held<'_>>(body) else {
            return Turn::Over(End::Refused);
        };
        held.id.clone_into(&mut self.reservation);
        self.amount = held.amount;
        self.seats = held.seats.iter().map(|seat| seat.no).collect();
        self.stage = match fan.surrender {
            Some(Surrender::LetsLapse) => return Turn::Over(End::LetLapse),
            Some(Surrender::GivesBack) => Stage::GiveBack,
            _ if self.amount == 0 => Stage::Pay,
            _ => Stage::Charge,
        };
        Turn::After(fan.pays)
    }

    fn refused(&mut self, sale: &Sale, fan: &Fan, code: &str) -> Turn {
        match (self.stage, code) {
            (_, "request_in_flight" | "sale_not_open" | "sale_paused") => Turn::After(AGAIN),
            (Stage::Join, "sold_out") => Turn::Over(End::SoldOut),
            (_, "queue_token_expired" | "queue_not_active") => Turn::Over(End::SessionEnded),
            (Stage::Hold, "seat_unavailable") => self.try_again(sale, fan, End::OutrunTooOften),
            (Stage::Hold, "no_adjacent_seats") => {
                self.is_apart = true;
                self.try_again(sale, fan, End::OutrunTooOften)
            }
            (Stage::Hold, "sold_out") => {
                // The best are none, or not as many: the map shows what there is.
                self.picks = Picks::FromMap;
                self.try_again(sale, fan, End::SoldOut)
            }
            (Stage::Pay, "reservation_expired" | "reservation_not_pending") => Turn::Over(End::HoldEnded),
            _ => self.leave(sale, End::Refused),
        }
    }

    /// Looks at the map again, unless it was too often.
    fn try_again(&mut self, sale: &Sale, fan: &Fan, at_last: End) -> Turn {
        self.tries += 1;
        if self.tries >= TRIES {
            return self.leave(sale, at_last);
        }
        self.stage = Stage::Map;
        Turn::After(fan.chooses_again)
    }

    /// Makes room for the next in line, where there is one.
    fn leave(&mut self, sale: &Sale, end: End) -> Turn {
        if !sale.has_line || self.token.is_empty() {
            return Turn::Over(end);
        }
        self.stage = Stage::Leave;
        self.leaving = end;
        Turn::After(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests;
