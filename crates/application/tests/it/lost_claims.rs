//! A reservation whose seat somebody else holds by now: whatever the reservation says of itself, it is over.

use frontrow_application::Failure;
use frontrow_application::once::OnceRefused;
use frontrow_application::payment::PayReservationRefused;
use frontrow_application::reservation::{CancelReservationRefused, ExtendReservationRefused, HoldRequest};
use frontrow_domain::records::{Key, Keys};
use frontrow_domain::reservation::{Claim, ExtendRefused, PayRefused};
use frontrow_domain::{ReservationId, SeatNo};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::stage::seats;
use frontrow_testkit::store::apply;
use frontrow_testkit::{Stage, bounded};
use uuid::Uuid;

#[test]
fn pay_extend_and_cancel_act_only_on_claims_that_are_still_their_own() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let schedule = stage.a_schedule().seats(2).price(1_000).make().await;
        let fan = stage.a_fan().with_balance(10_000).make().await;
        let rival = stage.a_fan().make().await;
        let request = HoldRequest { schedule, seats: seats([1, 2]) };
        let held = stage.app.hold(fan, request, None).await.expect("held").outcome.0;

        // What no rule lets happen: one of the two seats is another's while the hold still counts.
        let key = (schedule, SeatNo::new(2));
        let keys = Keys::new([Key::Schedule(schedule), Key::Claim(schedule, key.1)]);
        let until = held.held_until();
        apply(&stage.opened.store, keys, move |records, _| {
            let reservation = ReservationId::new(Uuid::from_u128(1));
            records.claims.put(key, Claim::Held { reservation, user: rival, until });
            Ok(())
        })
        .await;

        let map = stage.map(schedule).await;
        let paid = stage.app.pay(fan, held.id, None).await;
        let expired = PayReservationRefused::Reservation(PayRefused::Expired);
        assert_eq!(paid, Err(Failure::Refused(OnceRefused::Refused(expired))));
        let extended = stage.app.extend(fan, held.id, None).await;
        let expired = ExtendReservationRefused::Reservation(ExtendRefused::Expired);
        assert_eq!(extended, Err(Failure::Refused(OnceRefused::Refused(expired))));
        let cancelled = stage.app.cancel(fan, held.id).await;
        assert_eq!(cancelled, Err(Failure::Refused(CancelReservationRefused::Expired)));
        assert_eq!(stage.map(schedule).await, map, "a refusal changes nothing");
        assert_eq!(stage.balance(fan).await, 10_000);
    });
}
