//! What can be seen only from inside. The box office at work is in `tests/it/box_office.rs` and `tests/it/lanes.rs`.

use frontrow_domain::records::{Counter, Key};
use frontrow_domain::{ConcertId, ScheduleId, SeatNo, UserId};
use uuid::Uuid;

use super::*;

fn user(last_byte: u8) -> UserId {
    UserId::new(Uuid::from_u128(u128::from(last_byte)))
}

#[test]
fn a_store_with_one_writer_has_one_lane() {
    for keys in
        [Keys::default(), Keys::from(Key::Schedule(ScheduleId::new(1))), Keys::from(Key::Wallet(user(1)))]
    {
        assert_eq!(Lane::of(LaneShape::Single, &keys), Lane::Only);
    }
}

/// Whatever touches a schedule is in its lane; otherwise it is the owner who decides, and always the same way.
#[test]
fn commands_that_meet_over_a_schedule_or_a_wallet_share_a_lane() {
    let of = |keys: &[Key]| Lane::of(LaneShape::PerSchedule, &Keys::new(keys.iter().cloned()));
    let (one, two) = (ScheduleId::new(1), ScheduleId::new(2));
    let hold = [Key::Claim(one, SeatNo::new(1)), Key::Schedule(one), Key::FanReservations(one, user(1))];
    let pay = [Key::Wallet(user(1)), Key::Schedule(one), Key::Once([0; 16])];
    assert_eq!(of(&hold), Lane::Schedule(one));
    assert_eq!(of(&pay), of(&hold));
    assert_ne!(of(&[Key::Schedule(two)]), of(&hold));
    let charge = [Key::Once([7; 16]), Key::Wallet(user(3))];
    assert_eq!(of(&charge), Lane::Shard(3));
    assert_eq!(of(&[Key::Account(user(3))]), of(&charge));
    assert_eq!(of(&[Key::Wallet(user(3 + 16))]), of(&charge), "there are sixteen shards");
    assert_eq!(of(&[Key::Counter(Counter::Concert)]), of(&[Key::Concert(ConcertId::new(5))]));
}

#[test]
fn a_refusal_can_change_its_type_and_nothing_else_changes() {
    assert_eq!(Failure::Refused(1).map(|number| number + 1), Failure::Refused(2));
    for failure in [Failure::<u8>::Overloaded, Failure::Unavailable, Failure::OutcomeUnknown, Failure::Defect]
    {
        let mapped = failure.clone().map(u32::from);
        assert_eq!(format!("{mapped:?}"), format!("{failure:?}"));
    }
}
