//! Seat plans in memory, for stores: a plan never changes, and a schedule cannot be read without its own.
//!
//! Plans that are stored with the same bytes are one in memory, because the performances of a tour mostly share a hall. When
//! there are too many, one that is seldom used is given up, and not all of them: a sale of more halls than fit would otherwise
//! read and unpack a whole plan for nearly every hold.

use std::sync::Arc;

use frontrow_domain::ScheduleId;
use frontrow_domain::catalog::SeatPlan;
use parking_lot::Mutex;
use quick_cache::unsync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter};
use sha2::{Digest as _, Sha256};

use super::plan_form;

/// How many seats all kept plans may have together; about a hundred bytes each.
const SEATS_KEPT: u64 = 4_000_000;
/// How many schedules are known by the digest of their plan: less than a hundred bytes each.
const SCHEDULES_KEPT: usize = 100_000;
/// Plans of which room is made at first; there may be more, of fewer seats.
const PLANS_EXPECTED: usize = 64;

/// A schedule and the version of its plan.
pub type PlanKey = (ScheduleId, u32);

type FormDigest = [u8; 32];

/// The plans that were read.
pub struct Plans {
    kept: Mutex<Kept>,
}

struct Kept {
    digests: Cache<PlanKey, FormDigest>,
    plans: Cache<FormDigest, Arc<SeatPlan>, Seats>,
}

/// A plan weighs what its seats take.
#[derive(Clone)]
struct Seats;

impl Weighter<FormDigest, Arc<SeatPlan>> for Seats {
    fn weight(&self, _: &FormDigest, plan: &Arc<SeatPlan>) -> u64 {
        plan.seats().len().max(1) as u64
    }
}

impl Default for Plans {
    fn default() -> Self {
        Self::of(SEATS_KEPT)
    }
}

impl Plans {
    /// Plans of so many seats together.
    fn of(seats: u64) -> Self {
        let hashes = DefaultHashBuilder::default();
        let plans = Cache::with(
            PLANS_EXPECTED,
            seats,
            Seats,
            hashes,
            quick_cache::unsync::DefaultLifecycle::default(),
        );
        Self { kept: Mutex::new(Kept { digests: Cache::new(SCHEDULES_KEPT), plans }) }
    }

    /// The plan of a schedule, if it is here.
    pub fn get(&self, key: PlanKey) -> Option<Arc<SeatPlan>> {
        let kept = self.kept.lock();
        let digest = kept.digests.get(&key)?;
        kept.plans.get(digest).cloned()
    }

    /// Keeps the plan that is stored in this form; nothing when the form cannot be read.
    pub fn keep(&self, key: PlanKey, form: &[u8]) -> Option<Arc<SeatPlan>> {
        let digest = Sha256::digest(form).into();
        {
            let mut kept = self.kept.lock();
            if let Some(plan) = kept.plans.get(&digest).cloned() {
                kept.digests.insert(key, digest);
                return Some(plan);
            }
        }
        // Unpacking a large plan takes milliseconds: nobody waits for the lock meanwhile.
        let plan = Arc::new(plan_form::from_bytes(form)?);
        let mut kept = self.kept.lock();
        kept.digests.insert(key, digest);
        kept.plans.insert(digest, Arc::clone(&plan));
        Some(plan)
    }
}

#[cfg(test)]
mod tests {
    use frontrow_domain::Money;

    use super::*;

    fn form(seats: u32, price: i64) -> Vec<u8> {
        plan_form::to_bytes(&SeatPlan::plain(seats, Money::of(price)).unwrap())
    }

    fn key(number: u32) -> PlanKey {
        (ScheduleId::new(number), 1)
    }

    #[test]
    fn schedules_with_equal_plans_share_one() {
        let plans = Plans::of(1_000);
        let first = plans.keep(key(1), &form(900, 5)).unwrap();
        for schedule in 2..50 {
            let plan = plans.keep(key(schedule), &form(900, 5)).unwrap();
            assert!(Arc::ptr_eq(&first, &plan));
        }
        // Fifty times nine hundred seats would not have fitted.
        assert!(
            (1..50).all(|schedule| plans.get(key(schedule)).is_some_and(|plan| Arc::ptr_eq(&first, &plan)))
        );
        assert_eq!(plans.get(key(50)), None);
        assert_eq!(plans.get((ScheduleId::new(1), 2)), None, "another version of the plan");
    }

    #[test]
    fn when_there_are_too_many_plans_the_others_stay() {
        let plans = Plans::of(1_000);
        let schedules = 1..=30;
        for schedule in schedules.clone() {
            plans.keep(key(schedule), &form(100, schedule.into())).unwrap();
        }
        let here = schedules.filter(|&schedule| plans.get(key(schedule)).is_some()).count();
        assert!((8..=10).contains(&here), "{here} plans of a hundred seats where a thousand are kept");
    }

    #[test]
    fn what_is_no_plan_is_not_kept() {
        let plans = Plans::default();
        assert_eq!(plans.keep(key(1), b"no plan"), None);
        assert_eq!(plans.get(key(1)), None);
    }
}
