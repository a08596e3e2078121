//! Joining a line: every request is another fan's, who has an account already.

use anyhow::{Result, bail};
use frontrow_rehearsal::Request;

use crate::house::{FULL_ROOM, House, OPEN_ROOM, QUEUES, bearers, grouped};
use crate::measure::{Options, Route, measure, print_head};

/// Fans. As many as the server remembers the bearers of; the next line begins when all of them are in one.
const FANS: usize = 100_000;
/// More joins a second than two cores can do: there have to be lines for all of them.
const JOINS_PER_SECOND: u64 = 80_000;

/// What a line does with those who have joined.
const KINDS: [(&str, &str); 2] = [
    ("POST /queues (all different, let in with the next tick)", OPEN_ROOM),
    ("POST /queues (all different, nobody let in)", FULL_ROOM),
];

pub(crate) fn bench(options: &Options) -> Result<()> {
    let wanted: Vec<_> = KINDS.into_iter().filter(|(name, _)| options.wants(name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let house = House::open(options)?;
    let bearers = bearers(FANS);
    house.charge(&bearers)?;
    let joins = options.whole_time().as_secs().saturating_add(1) * JOINS_PER_SECOND;
    let each = joins.div_ceil(FANS as u64);
    let mut kinds = Vec::new();
    for (name, room) in wanted {
        let lines = lines(&house, room, each)?;
        kinds.push(Joins { name, host: &house.host, bearers: &bearers, lines, joined: 0 });
    }
    println!("\n{} fans, {each} lines of each kind, one after the other", grouped(FANS as u64));
    print_head();
    for &connections in &options.connections {
        for kind in &mut kinds {
            measure(&house.addresses(), &mut [kind], connections, options)?;
        }
    }
    let joined: Vec<(Vec<u64>, usize)> = kinds.into_iter().map(|kind| (kind.lines, kind.joined)).collect();
    // Everybody who was answered has a place, also in the journal alone.
    count(&house, &joined)?;
    if options.shared.is_some() {
        return house.close();
    }
    let (house, _) = house.restart(|_| Ok(()))?;
    count(&house, &joined)?;
    house.close()
}

fn lines(house: &House, room: &str, count: u64) -> Result<Vec<u64>> {
    let line = |_| {
        let concert = house.concert(room)?;
        house.schedule(concert, 1_000)?;
        Ok(concert)
    };
    let lines = (0..count).map(line).collect::<Result<Vec<_>>>()?;
    house.wait_for_rooms(&lines)?;
    Ok(lines)
}

/// Each line has as many fans as have joined it.
fn count(house: &House, joined: &[(Vec<u64>, usize)]) -> Result<()> {
    for (lines, all) in joined {
        let mut left = *all;
        for &concert in lines {
            let here = left.min(FANS) as u64;
            left -= left.min(FANS);
            house.until(&format!("{here} fans in front of concert {concert}"), |house| {
                let (waiting, active) = house.queue(concert)?;
                if waiting + active > here {
                    bail!(
                        "{waiting} waiting and {active} let in, of {here} who have joined concert {concert}"
                    );
                }
                Ok(waiting + active == here)
            })?;
        }
    }
    Ok(())
}

/// Fans who join, one after the other.
struct Joins<'a> {
    name: &'static str,
    host: &'a str,
    bearers: &'a [String],
    /// The concerts.
    lines: Vec<u64>,
    /// Requests written so far.
    joined: usize,
}

impl Route for Joins<'_> {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn expected(&self) -> u16 {
        201
    }

    fn write(&mut self, buffer: &mut Vec<u8>) -> Option<usize> {
        let concert = self.lines.get(self.joined / FANS)?;
        let fan = self.joined % FANS;
        self.joined += 1;
        let body = format!("{{\"concertId\":{concert}}}");
        let headers = [("authorization", self.bearers[fan].as_str())];
        Request::post(self.host, QUEUES, body.as_bytes()).headers(&headers).write(buffer);
        Some(fan)
    }
}
