//! A hall as a fan sees it: rows of numbered seats, and letters of who has them.

use serde::Deserialize;

/// The seats of one schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hall {
    /// The concert that is performed.
    pub concert: u64,
    /// The schedule.
    pub schedule: u64,
    /// Its rows from front to back, each with the numbers of its seats.
    rows: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
struct Plan {
    sections: Vec<Section>,
}

#[derive(Deserialize)]
struct Section {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    seats: Vec<Seat>,
}

#[derive(Deserialize)]
struct Seat {
    no: u32,
}

impl Hall {
    /// From the drawing that `GET …/plan` answers.
    pub fn read(concert: u64, schedule: u64, plan: &[u8]) -> Result<Self, serde_json::Error> {
        let Plan { sections } = serde_json::from_slice(plan)?;
        let rows = sections.into_iter().flat_map(|section| section.rows);
        let rows = rows.map(|row| row.seats.into_iter().map(|seat| seat.no).collect()).collect();
        Ok(Self { concert, schedule, rows })
    }

    /// How many seats it has, blocked ones too.
    pub fn seats(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// The first seats beside each other that are free by the letters of the compact map, from `place` (0 in front, 1 at
    /// the back) on and around; as many single ones as there are where none are beside each other. Empty when nothing is
    /// free.
    pub fn choose(&self, states: &[u8], party: usize, place: f64) -> Vec<u32> {
        let letter = |no: u32| states.get((no as usize).checked_sub(1)?);
        let is_free = |no: &u32| letter(*no) == Some(&b'a');
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a small number"
        )]
        let first = ((self.rows.len() as f64 * place.clamp(0.0, 1.0)) as usize).min(self.rows.len());
        let around = || self.rows[first..].iter().chain(&self.rows[..first]);
        let beside =
            around().find_map(|row| row.windows(party.max(1)).find(|seats| seats.iter().all(is_free)));
        if let Some(seats) = beside {
            return seats.to_vec();
        }
        around().flatten().copied().filter(|no| is_free(no)).take(party).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hall() -> Hall {
        let plan = br#"{"scheduleId":3,"sections":[
            {"name":"1F","rows":[{"row":"A","seats":[{"no":1,"x":0},{"no":2},{"no":3}]}]},
            {"name":"2F","rows":[{"row":"A","seats":[{"no":4},{"no":5}]},{"row":"B","seats":[{"no":6}]}]}]}"#;
        Hall::read(1, 3, plan).unwrap()
    }

    #[test]
    fn a_party_sits_together_as_near_as_it_wants() {
        let hall = hall();
        assert_eq!(hall.seats(), 6);
        assert_eq!(hall.choose(b"aaaaaa", 2, 0.0), [1, 2]);
        assert_eq!(hall.choose(b"ahaaaa", 2, 0.0), [4, 5], "not 1 and 3");
        assert_eq!(hall.choose(b"aaaaaa", 2, 0.5), [4, 5]);
        assert_eq!(hall.choose(b"aaaaaa", 3, 0.9), [1, 2, 3], "around from the back to the front");
    }

    #[test]
    fn what_is_not_together_is_taken_apart_and_nothing_is_nothing() {
        let hall = hall();
        assert_eq!(hall.choose(b"ahassa", 2, 0.0), [1, 3]);
        assert_eq!(hall.choose(b"sssssa", 4, 0.0), [6]);
        assert_eq!(hall.choose(b"hsbhsb", 1, 0.3), [0; 0]);
        assert_eq!(hall.choose(b"", 1, 0.0), [0; 0], "a map that is no map");
    }
}
