//! Asking for one's place in a line that servers share: everybody has joined over HTTP, and asks in turn.

use anyhow::Result;
use frontrow_rehearsal::Request;

use crate::house::{House, SLOW_ROOM, bearers, grouped};
use crate::measure::{Options, Route, measure, print_head};

const NAME: &str = "GET /queues/status (shared line)";
/// The most who join before it begins: there is no way into this line but the door.
const FANS_MAX: u64 = 100_000;

pub(crate) fn bench(options: &Options) -> Result<()> {
    if options.shared.is_none() || !options.wants(NAME) {
        return Ok(());
    }
    let fans = options.places.min(FANS_MAX);
    let house = House::open(options)?;
    let concert = house.concert(SLOW_ROOM)?;
    house.schedule(concert, 50_000)?;
    house.wait_for_rooms(&[concert])?;
    let bearers = bearers(usize::try_from(fans)?);
    let tokens = house.join(concert, &bearers)?;
    println!("\n{} waiting", grouped(fans));
    print_head();
    for &connections in &options.connections {
        let mut asks = Asks { host: &house.host, tokens: &tokens, asked: 0 };
        measure(&house.addresses(), &mut [&mut asks], connections, options)?;
    }
    house.close()
}

/// Fans who ask, one after the other.
struct Asks<'a> {
    host: &'a str,
    tokens: &'a [String],
    asked: usize,
}

impl Route for Asks<'_> {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn expected(&self) -> u16 {
        200
    }

    fn write(&mut self, buffer: &mut Vec<u8>) -> Option<usize> {
        // Neighbours in line do not ask one after the other.
        self.asked += 3_467;
        let fan = self.asked % self.tokens.len();
        let headers = [("queue-token", self.tokens[fan].as_str())];
        Request::get(self.host, "/api/v1/queues/status").headers(&headers).write(buffer);
        Some(fan)
    }
}
