//! Which instance hands which part of the log to a consumer, and how far it has come.

use frontrow_domain::Timestamp;
use uuid::Uuid;

use crate::store::Read;

/// How long a lease lasts that is not renewed, in seconds. An instance that stands still for longer may hand over
/// again what another has handed over meanwhile.
const LEASE_SECONDS: u32 = 10;

/// A part of the log, for one consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Which part.
    pub shard: u16,
    /// The position through which everything of this part was dealt with.
    pub position: u64,
    /// Who has it, and until when.
    pub owner: Option<Term>,
    /// Who would like to have a part, has found none, and asks for its share by a note on this one.
    pub wanted: Option<Term>,
}

/// An instance, until some time (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Which instance.
    pub of: Uuid,
    /// Until when it counts unless it is renewed.
    pub until: Timestamp,
}

/// How far a consumer has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its name.
    pub consumer: String,
    /// The position through which everything was dealt with, in the part where it is furthest behind.
    pub position: u64,
    /// When an instance last had a part of it.
    pub seen_at: Timestamp,
}

/// What becomes of the leases of a consumer: a pure function over all of them, in order of shard.
pub type ShareOut = Box<dyn FnOnce(&mut [Lease]) + Send>;

/// The marks of all consumers.
///
/// MUSTs of every adapter: a mark survives the loss of power once it was answered; a function runs on leases that nobody
/// else changes until its result is kept.
pub trait Leases: Send + Sync + 'static {
    /// Runs a function on the leases of a consumer, keeps what it made of owners and times, and answers them. Parts that
    /// are not there yet are made first, unowned, with `begin` as their position. Each part that has an owner then was
    /// seen at `now`.
    fn share(
        &self,
        consumer: String,
        shards: u16,
        begin: u64,
        now: Timestamp,
        rule: ShareOut,
    ) -> Read<'_, Vec<Lease>>;

    /// Moves the marks of parts that `owner` has. Marks never go back. Answers the parts that somebody else has meanwhile,
    /// whose marks were left alone.
    fn advance(&self, consumer: String, owner: Uuid, marks: Vec<(u16, u64)>) -> Read<'_, Vec<u16>>;

    /// Gives everything back that an instance has.
    fn release(&self, owner: Uuid) -> Read<'_, ()>;

    /// How far each consumer has come, in order of name.
    fn marks(&self) -> Read<'_, Vec<Mark>>;

    /// Forgets a consumer, with what is parked for it.
    fn forget(&self, consumer: String) -> Read<'_, ()>;
}

/// Shares the parts of the log out among the instances that are there: `owner` keeps what it has up to its fair share,
/// gives back what is beyond, takes what nobody has, and leaves a note when that was too little.
pub fn share_out(leases: &mut [Lease], owner: Uuid, now: Timestamp) {
    let live = |term: &Option<Term>| term.filter(|term| now < term.until).map(|term| term.of);
    let mut known: Vec<Uuid> =
        leases.iter().flat_map(|lease| [live(&lease.owner), live(&lease.wanted)]).flatten().collect();
    known.push(owner);
    known.sort_unstable();
    known.dedup();
    let fair = leases.len().div_ceil(known.len());
    let mine = Some(Term { of: owner, until: now.plus_seconds(LEASE_SECONDS) });
    let mut have = 0;
    for lease in leases.iter_mut() {
        // A note of before has done its part, or is written anew below.
        if live(&lease.wanted).is_none_or(|wanted| wanted == owner) {
            lease.wanted = None;
        }
        if live(&lease.owner) == Some(owner) {
            have += 1;
            lease.owner = if have > fair { None } else { mine };
        }
    }
    for lease in leases.iter_mut().filter(|lease| live(&lease.owner).is_none()) {
        // What was just given back is for the others.
        if have < fair {
            have += 1;
            lease.owner = mine;
        }
    }
    if have < leases.len() / known.len()
        && let Some(lease) = leases.iter_mut().find(|lease| lease.wanted.is_none())
    {
        lease.wanted = mine;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leases(count: u16) -> Vec<Lease> {
        (0..count).map(|shard| Lease { shard, position: 0, owner: None, wanted: None }).collect()
    }

    fn of(leases: &[Lease], owner: Uuid, now: Timestamp) -> usize {
        let has = |lease: &&Lease| lease.owner.is_some_and(|term| term.of == owner && now < term.until);
        leases.iter().filter(has).count()
    }

    #[test]
    fn who_is_alone_has_all() {
        let (owner, now) = (Uuid::from_u128(1), Timestamp::from_micros(1));
        let mut all = leases(8);
        share_out(&mut all, owner, now);
        assert_eq!(of(&all, owner, now), 8);
    }

    #[test]
    fn what_ran_out_is_anybodys() {
        let (a, b, now) = (Uuid::from_u128(1), Uuid::from_u128(2), Timestamp::from_micros(1));
        let mut all = leases(8);
        share_out(&mut all, a, now);
        let later = now.plus_seconds(LEASE_SECONDS);
        share_out(&mut all, b, later);
        assert_eq!((of(&all, a, later), of(&all, b, later)), (0, 8));
    }

    proptest! {
        /// Whatever instances come and go: within some rounds of those that are left each part has one of them, and
        /// nobody has more than a fair share.
        #[test]
        fn parts_are_shared_evenly(shards in 1_u16..=16, before in 1_u128..=5, after in 1_u128..=5) {
            let mut all = leases(shards);
            let mut now = Timestamp::from_micros(1);
            for instances in [before, after] {
                for _ in 0..(LEASE_SECONDS * 2) {
                    for instance in 1..=instances {
                        share_out(&mut all, Uuid::from_u128(instance), now);
                    }
                    now = now.plus_seconds(1);
                }
                let fair = usize::from(shards).div_ceil(usize::try_from(instances).expect("few"));
                let counts: Vec<usize> = (1..=instances).map(|one| of(&all, Uuid::from_u128(one), now)).collect();
                prop_assert_eq!(counts.iter().sum::<usize>(), usize::from(shards), "{:?}", counts);
                prop_assert!(counts.iter().all(|count| *count <= fair), "{:?} of {}", counts, shards);
            }
        }
    }
}
