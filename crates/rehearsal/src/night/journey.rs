//! One fan on their way through the sale: what they ask next, and what an answer means to them.

use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::request::Request;

use super::end::End;
use super::fan::{Fan, Picks, Surrender};
use super::hall::Hall;
use super::order::Place;
use super::sale::{LogIn, Sale};
use super::wire::{Held, Map, MapChanges, Renewed, Status, Wait, code};

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
    Renew,
}

impl Stage {
    pub(super) const ALL: [Self; 9] = [
        Self::Join,
        Self::Ask,
        Self::Map,
        Self::Hold,
        Self::Charge,
        Self::Pay,
        Self::GiveBack,
        Self::Leave,
        Self::Renew,
    ];

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
            Self::Renew => "renew log-in",
        }
    }

    /// Whether an access token goes with it.
    const fn names_the_fan(self) -> bool {
        match self {
            Self::Join | Self::Hold | Self::Charge | Self::Pay | Self::GiveBack => true,
            Self::Ask | Self::Map | Self::Leave | Self::Renew => false,
        }
    }
}

/// What a fan does after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The next request, after so long.
    After(Duration),
    /// Nothing before the stream of the line says something.
    Listen,
    /// Nothing any more.
    Over(End),
}

/// When something was asked and answered, since the opening.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) sent: Duration,
    pub(super) heard: Duration,
}

/// What a fan has a stream open to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    Line,
    Map,
}

/// How a fan heard that they are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeardBy {
    Stream,
    Asking,
}

/// The map as a fan has it who follows it.
#[derive(Debug)]
struct FollowedMap {
    version: u64,
    states: Vec<u8>,
}

/// A fan on their way.
#[derive(Debug)]
pub(super) struct Journey {
    pub(super) stage: Stage,
    /// How they heard that they are let in, if they were told to wait before.
    pub(super) heard_by: Option<HeardBy>,
    /// Where the journey goes on once the log-in is renewed.
    resumes: Stage,
    /// Whether they follow streams; no longer once one has ended on them.
    streams: bool,
    has_waited: bool,
    map: Option<FollowedMap>,
    log_in: Option<LogIn>,
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
    /// Where in the hall they look now, 0 in front and 1 at the back.
    looks_at: f64,
    reservation: String,
    charged: i64,
    charges: u32,
    /// How the journey ends once the line has been left.
    leaving: End,
}

impl Journey {
    pub(super) fn new(fan: &Fan, has_line: bool, log_in: Option<LogIn>) -> Self {
        let stage = if has_line { Stage::Join } else { Stage::Map };
        Self {
            stage,
            heard_by: None,
            resumes: stage,
            streams: fan.streams,
            has_waited: false,
            map: None,
            log_in,
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
            looks_at: fan.place,
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
            Stage::Renew => {
                let token = self.log_in.as_ref().map_or("", |log_in| log_in.refresh_token.as_str());
                ("/api/v1/auth/refresh".to_owned(), format!("{{\"refreshToken\":\"{token}\"}}"))
            }
        };
        // A request that got no answer is repeated with its key, so nothing happens twice.
        let key = match self.stage {
            Stage::Charge => format!("charge-{number}-{}", self.charges),
            stage => format!("{}-{number}-{}", stage.name(), self.tries),
        };
        let bearer =
            self.log_in.as_ref().map_or_else(|| sale.bearers[number].as_str(), |log_in| &log_in.bearer);
        let (bearer, host) = (("authorization", bearer), sale.host.as_str());
        let (queue, key) = (("queue-token", self.token.as_str()), ("idempotency-key", key.as_str()));
        let request = match self.stage {
            Stage::Ask | Stage::Map => return Request::get(host, &path).headers(&[queue]).write(buffer),
            Stage::Leave => return Request::new("DELETE", host, &path).headers(&[queue]).write(buffer),
            Stage::GiveBack => return Request::new("DELETE", host, &path).headers(&[bearer]).write(buffer),
            Stage::Join | Stage::Hold | Stage::Charge | Stage::Pay | Stage::Renew => {
                Request::post(host, &path, body.as_bytes())
            }
        };
        match self.stage {
            Stage::Renew => request.write(buffer),
            Stage::Join => request.headers(&[bearer]).write(buffer),
            Stage::Hold if sale.has_line => request.headers(&[bearer, key, queue]).write(buffer),
            _ => request.headers(&[bearer, key]).write(buffer),
        }
    }

    /// The request for the stream that this fan follows now.
    pub(super) fn follow(&self, sale: &Sale) -> Option<Vec<u8>> {
        let path = match self.follows()? {
            Follows::Line => "/api/v1/queues/stream".to_owned(),
            Follows::Map => {
                let (hall, version) = (&sale.halls[self.schedule], self.map.as_ref()?.version);
                let Hall { concert, schedule, .. } = hall;
                format!("/api/v1/concerts/{concert}/schedules/{schedule}/seats/stream?since={version}")
            }
        };
        let token = ("queue-token", self.token.as_str());
        let headers: &[_] = if self.token.is_empty() { &[] } else { &[token] };
        Some(Request::get(&sale.host, &path).headers(headers).to_bytes())
    }

    /// What a stream should be open to.
    pub(super) fn follows(&self) -> Option<Follows> {
        match self.stage {
            Stage::Ask if self.streams => Some(Follows::Line),
            Stage::Hold if self.map.is_some() => Some(Follows::Map),
            _ => None,
        }
    }

    /// Before the next request is written: a log-in that ends is renewed first, and who follows the map looks at it again.
    pub(super) fn get_ready(&mut self, sale: &Sale, now: Instant) {
        let ends = self.log_in.as_ref().is_some_and(|log_in| now >= log_in.renews);
        if ends && self.stage.names_the_fan() {
            self.renew();
        }
        if self.stage == Stage::Hold && self.picks == Picks::FromMap {
            self.look_again(sale);
        }
    }

    fn renew(&mut self) {
        self.resumes = self.stage;
        self.stage = Stage::Renew;
    }

    fn renewed(&mut self, body: &[u8]) -> Turn {
        let Ok(Renewed { access_token, refresh_token, expires_in }) = serde_json::from_slice(body) else {
            return Turn::Over(End::Refused);
        };
        self.log_in = Some(LogIn::new(access_token, refresh_token, Duration::from_secs(expires_in)));
        self.stage = self.resumes;
        Turn::After(Duration::ZERO)
    }

    /// Who follows the map sees that a seat is gone, and takes another before asking for it.
    fn look_again(&mut self, sale: &Sale) {
        let Some(map) = &self.map else { return };
        let is_free = |no: &u32| map.states.get((*no as usize).wrapping_sub(1)) == Some(&b'a');
        if self.seats.is_empty() || !self.seats.iter().all(is_free) {
            self.seats = sale.halls[self.schedule].choose(&map.states, self.party as usize, self.looks_at);
        }
        if self.seats.is_empty() {
            // Nothing is left on it: a map that is fetched says whether anything may come back.
            self.map = None;
            self.stage = Stage::Map;
        }
    }

    /// Takes an event of the line's stream in.
    pub(super) fn hear_place(&mut self, fan: &Fan, status: &[u8], heard: Duration) -> Turn {
        // When it was asked nobody knows, so nothing can be proved by it of who was first.
        self.in_line(fan, status, Times { sent: Duration::ZERO, heard }, HeardBy::Stream)
    }

    /// Takes an event of the map's stream in. False when the map has to be fetched again.
    pub(super) fn hear_map(&mut self, changes: &[u8]) -> bool {
        let (Some(map), Ok(news)) = (&mut self.map, serde_json::from_slice::<MapChanges<'_>>(changes)) else {
            return false;
        };
        // An older event has nothing that the map has not.
        if news.version > map.version {
            for change in news.changes {
                let (Some(seat), Some(&letter)) = (
                    map.states.get_mut((change.no as usize).wrapping_sub(1)),
                    change.state.as_bytes().first(),
                ) else {
                    return false;
                };
                *seat = letter;
            }
            map.version = news.version;
        }
        true
    }

    /// The stream that they followed has ended, and they ask from now on. True when they have to ask at once.
    pub(super) fn stream_ended(&mut self) -> bool {
        let waits = self.follows() == Some(Follows::Line);
        if waits {
            self.streams = false;
        }
        self.map = None;
        waits
    }

    /// The map that they followed is too old: the next look fetches it.
    pub(super) fn forget_map(&mut self) {
        self.map = None;
    }

    /// They have waited for as long as they would.
    pub(super) fn patience_ends(&mut self, fan: &Fan) -> Turn {
        if matches!(fan.surrender, Some(Surrender::Vanishes(_))) {
            return Turn::Over(End::Vanished);
        }
        self.stage = Stage::Leave;
        self.leaving = End::LeftLine;
        Turn::After(Duration::ZERO)
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
            (Stage::Renew, 200) => self.renewed(answer.body),
            (stage, 401) if stage.names_the_fan() && code(answer) == "access_token_expired" => {
                if self.log_in.is_none() {
                    return Turn::Over(End::Refused);
                }
                self.renew();
                Turn::After(Duration::ZERO)
            }
            (Stage::Join, 200 | 201) | (Stage::Ask, 200) => {
                self.in_line(fan, answer.body, times, HeardBy::Asking)
            }
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

    fn in_line(&mut self, fan: &Fan, body: &[u8], times: Times, by: HeardBy) -> Turn {
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
                self.heard_by = self.has_waited.then_some(by);
                self.stage = Stage::Map;
                Turn::After(Duration::ZERO)
            }
            "waiting" | "lobby" => {
                self.has_waited = true;
                if let Some(place) = &mut self.place {
                    place.waiting_sent = place.waiting_sent.max(Some(times.sent));
                }
                if fan.patience().is_some_and(|patience| waited >= patience) {
                    return self.patience_ends(fan);
                }
                if status.seats_left == 0 && status.seats_held == 0 {
                    return Turn::Over(End::SoldOut);
                }
                if self.streams {
                    return Turn::Listen;
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
        let Ok(Map { version, states }) = serde_json::from_slice(body) else {
            return Turn::Over(End::Refused);
        };
        self.looks_at = self.place_to_look(fan);
        self.seats = sale.halls[self.schedule].choose(states.as_bytes(), self.party as usize, self.looks_at);
        self.map = (self.streams && self.picks == Picks::FromMap && !self.seats.is_empty())
            .then(|| FollowedMap { version, states: states.as_bytes().to_vec() });
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

    /// Where in the hall they look: somewhere else each time.
    fn place_to_look(&self, fan: &Fan) -> f64 {
        if self.tries == 0 { fan.place } else { (fan.place + 0.37 * f64::from(self.tries)) % 1.0 }
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
        if let Some(map) = self.map.as_mut().filter(|_| self.picks == Picks::FromMap) {
            // They see on the map what is left, and need not fetch it. What they were refused is gone, whether the
            // stream has said so yet or not.
            for no in &self.seats {
                if let Some(seat) = map.states.get_mut((*no as usize).wrapping_sub(1)) {
                    *seat = b'h';
                }
            }
            self.stage = Stage::Hold;
            self.looks_at = self.place_to_look(fan);
            self.seats.clear();
        }
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
