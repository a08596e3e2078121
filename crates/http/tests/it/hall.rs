//! A hall with sections, rows and grades on sale, and somebody at its box office.

use frontrow_domain::account::Role;
use frontrow_domain::{ConcertId, ScheduleId};
use serde_json::{Value, json};

use crate::world::{Answer, Call, Client, World};

/// A hall of twelve seats: 1F A is 1 to 4 (VIP), 1F B is 5 to 8 (R), 2F A is 9 to 12 (R).
pub(crate) struct Hall {
    pub(crate) world: World,
    /// An operator.
    pub(crate) olga: Client,
    pub(crate) concert: ConcertId,
    pub(crate) schedule: ScheduleId,
}

/// What a seat of grade VIP costs.
pub(crate) const VIP: i64 = 150_000;
/// What a seat of grade R costs.
pub(crate) const R: i64 = 100_000;

impl Hall {
    pub(crate) async fn new() -> Self {
        Self::in_world(World::new()).await
    }

    pub(crate) async fn in_world(world: World) -> Self {
        let olga = world.staff("olga", Role::Operator).await;
        let concert = world.stage.a_concert().make().await;
        let start = world.time(30 * 86_400);
        let form = json!({"venue": "Olympic Hall", "startsAt": start, "durationMinutes": 120,
            "bookingStart": world.time(-60), "bookingEnd": start,
            "refundPolicy": [{"untilHoursBefore": 240, "percent": 100}, {"untilHoursBefore": 24, "percent": 70}],
            "seatPlan": {"rows": {"sections": [
                {"name": "1F", "rows": [{"row": "A", "seats": 4, "grade": "VIP"}, {"row": "B", "seats": 4, "grade": "R"}]},
                {"name": "2F", "rows": [{"row": "A", "seats": 4, "grade": "R"}]}],
                "prices": {"VIP": VIP, "R": R}}}});
        let made = world.post(&format!("/api/v1/admin/concerts/{concert}/schedules"), &form).by(&olga).send();
        let made = made.await.expect(201).json();
        let schedule = made["scheduleId"].to_string().parse().expect("id");
        Self { world, olga, concert, schedule }
    }

    /// Sent by the operator.
    pub(crate) fn post(&self, path: &str, key: &str, form: &Value) -> Call<'_> {
        self.world.post(&format!("/api/v1/admin{path}"), form).by(&self.olga).key(key)
    }

    /// Keeps seats back, under a key of its own.
    pub(crate) async fn block(&self, form: Value) -> Answer {
        self.change("block", &form).await
    }

    /// Puts seats on sale again, under a key of its own.
    pub(crate) async fn release(&self, form: Value) -> Answer {
        self.change("release", &form).await
    }

    async fn change(&self, what: &str, form: &Value) -> Answer {
        let key = format!("{what} {form} {}", self.world.stage.app.draw_id());
        self.post(&format!("/schedules/{}/seats/{what}", self.schedule), &key, form).send().await
    }

    /// Sells seats at the box office.
    pub(crate) async fn sell(&self, to: &Client, change: Value) -> Answer {
        let mut form =
            json!({"userId": to.user.to_string(), "scheduleId": self.schedule.get(), "payment": "cash"});
        form.as_object_mut().expect("object").extend(change.as_object().expect("object").clone());
        let key = format!("sell {}", self.world.stage.app.draw_id());
        self.post("/reservations", &key, &form).send().await
    }

    /// Gives a reservation back.
    pub(crate) async fn refund(&self, reservation: &str, form: Value) -> Answer {
        let key = format!("refund {}", self.world.stage.app.draw_id());
        self.post(&format!("/reservations/{reservation}/refund"), &key, &form).send().await
    }

    /// What the seats show, in order of number.
    pub(crate) async fn map(&self) -> String {
        self.world.stage.map(self.schedule).await
    }

    /// Reads as the operator.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.world.get(&format!("/api/v1/admin{path}")).by(&self.olga).send().await.expect(200).json()
    }
}
