//! Holds, charges, payments and reads, without a waiting room.

use anyhow::Result;
use frontrow_rehearsal::Request;

use crate::house::{House, NO_ROOM, PRICE, bearers, text};
use crate::measure::{Options, Route, measure, print_head};

/// Seats of each schedule that is sold.
const SEATS: usize = 100_000;
/// Schedules that are on sale at first; they are sold one after the other.
const SCHEDULES: usize = 6;
/// More holds a second than any machine of ours has reached: so many seats are put on sale for every second of a run.
const HOLDS_A_SECOND: u128 = 100_000;
/// Fans; each has two holds in every schedule.
const FANS: usize = 50_000;

pub(crate) fn bench(options: &Options) -> Result<()> {
    let wanted: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| options.wants(kind.name())).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let house = House::open(options)?;
    let mut night = Night::prepare(&house)?;
    if wanted.contains(&Kind::Hold) {
        let seats = options.whole_time().as_millis() * HOLDS_A_SECOND / 1_000;
        night.put_on_sale(&house, usize::try_from(seats)?)?;
    }
    println!("\n{FANS} fans, schedules of {SEATS} seats");
    print_head();
    for &connections in &options.connections {
        for &kind in &wanted {
            let mut route = Sale { night: &mut night, kind };
            measure(&house.addresses(), &mut [&mut route], connections, options)?;
        }
    }
    house.close()
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Hold,
    Charge,
    Pay,
    Reservation,
    Map,
    States,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Hold, Self::Charge, Self::Pay, Self::Reservation, Self::Map, Self::States];

    const fn name(self) -> &'static str {
        match self {
            Self::Hold => "POST /reservations (all different)",
            Self::Charge => "POST /users/me/charge",
            Self::Pay => "POST /payments",
            Self::Reservation => "GET /reservations/{id} (paid)",
            Self::Map => "GET …/seats (50 seats)",
            Self::States => "GET …/states (100,000 seats)",
        }
    }
}

/// What the fans know: who they are, and what they have done so far.
pub(crate) struct Night {
    host: String,
    bearers: Vec<String>,
    /// The concert of all of them but the small one.
    concert: u64,
    schedules: Vec<u64>,
    small_map: String,
    big_map: String,
    /// Seats held so far, over all schedules.
    held: usize,
    /// Charges sent so far.
    charged: usize,
    /// Held and not paid: reservation and fan.
    unpaid: Vec<([u8; 36], usize)>,
    /// Paid: reservation and fan.
    paid: Vec<([u8; 36], usize)>,
    read: usize,
    numbers: usize,
}

impl Night {
    pub(crate) fn prepare(house: &House) -> Result<Self> {
        let (small, big) = (house.concert(NO_ROOM)?, house.concert(NO_ROOM)?);
        let small_schedule = house.schedule(small, 50)?;
        let schedules = (0..SCHEDULES).map(|_| house.schedule(big, SEATS)).collect::<Result<Vec<_>>>()?;
        let bearers = bearers(FANS);
        house.charge(&bearers)?;
        for concert in [small, big] {
            house.wait_for_all(concert)?;
        }
        Ok(Self {
            host: house.host.clone(),
            bearers,
            small_map: format!("/api/v1/concerts/{small}/schedules/{small_schedule}/seats"),
            big_map: format!("/api/v1/concerts/{big}/schedules/{}/states", schedules[0]),
            concert: big,
            schedules,
            held: 0,
            charged: 0,
            unpaid: Vec::new(),
            paid: Vec::new(),
            read: 0,
            numbers: 0,
        })
    }

    /// Has so many seats more put on sale that there are enough for a run, however fast it is.
    pub(crate) fn refill(&mut self, house: &House) -> Result<()> {
        self.put_on_sale(house, SCHEDULES * SEATS)
    }

    fn put_on_sale(&mut self, house: &House, seats: usize) -> Result<()> {
        while self.schedules.len() * SEATS < self.held + seats {
            self.schedules.push(house.schedule(self.concert, SEATS)?);
        }
        house.wait_for_all(self.concert)
    }
}

/// All fans doing one thing.
pub(crate) struct Sale<'a> {
    pub(crate) night: &'a mut Night,
    pub(crate) kind: Kind,
}

impl Route for Sale<'_> {
    fn name(&self) -> String {
        self.kind.name().to_owned()
    }

    fn expected(&self) -> u16 {
        match self.kind {
            Kind::Hold | Kind::Pay => 201,
            _ => 200,
        }
    }

    fn write(&mut self, buffer: &mut Vec<u8>) -> Option<usize> {
        let night = &mut *self.night;
        night.numbers += 1;
        let key = format!("{:032x}", night.numbers);
        let (fan, path, body) = match self.kind {
            Kind::Hold => {
                let number = night.held;
                let schedule = night.schedules.get(number / SEATS)?;
                night.held += 1;
                let body = format!("{{\"scheduleId\":{schedule},\"seats\":[{}]}}", number % SEATS + 1);
                (number % FANS, "/api/v1/reservations".to_owned(), body)
            }
            Kind::Charge => {
                night.charged += 1;
                let amount = PRICE * 20;
                let body = format!("{{\"amount\":{amount},\"method\":\"card\"}}");
                (night.charged % FANS, "/api/v1/users/me/charge".to_owned(), body)
            }
            Kind::Pay => {
                let (id, fan) = night.unpaid.pop()?;
                night.paid.push((id, fan));
                let body = format!("{{\"reservationId\":\"{}\"}}", String::from_utf8_lossy(&id));
                (fan, "/api/v1/payments".to_owned(), body)
            }
            Kind::Reservation => {
                night.read += 1;
                let (id, fan) = night.paid.get(night.read % night.paid.len().max(1))?;
                (*fan, format!("/api/v1/reservations/{}", String::from_utf8_lossy(id)), String::new())
            }
            Kind::Map => (0, night.small_map.clone(), String::new()),
            Kind::States => (0, night.big_map.clone(), String::new()),
        };
        let headers = [("authorization", night.bearers[fan].as_str()), ("idempotency-key", key.as_str())];
        if body.is_empty() {
            Request::get(&night.host, &path).headers(&headers[..1]).write(buffer);
        } else {
            Request::post(&night.host, &path, body.as_bytes()).headers(&headers).write(buffer);
        }
        Some(fan)
    }

    fn read(&mut self, fan: usize, body: &[u8]) {
        if self.kind == Kind::Hold
            && let Some(id) = text(body, "reservationId").and_then(|id| id.as_bytes().try_into().ok())
        {
            self.night.unpaid.push((id, fan));
        }
    }
}
