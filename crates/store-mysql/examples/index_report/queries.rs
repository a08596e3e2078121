//! The queries, by the ports, as the application asks them.

use frontrow_application::store::{ConcertCursor, ConcertFilter, ReservationFilter, StaffFilter};
use frontrow_domain::reservation::ReservationStatus;
use frontrow_domain::{ConcertId, ReservationId, ScheduleId, SeatNo, Timestamp, UserId};
use frontrow_testkit::Stage;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::fill::{FANS, FIRST, RESERVATIONS_A_SCHEDULE, SCHEDULES_A_CONCERT, Size};

/// Rows of a page.
const PAGE: usize = 100;

/// A query: it answers how many rows it has found.
pub(crate) struct Query {
    pub(crate) name: &'static str,
    pub(crate) ask: for<'a> fn(&'a Stage, Size) -> BoxFuture<'a, usize>,
}

fn id(number: u64) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

/// A schedule in the middle that is sold, and its concert.
fn middle(size: Size) -> (ScheduleId, ConcertId) {
    let sold = size.reservations / RESERVATIONS_A_SCHEDULE;
    let number = sold / 2 * (size.schedules / sold.max(1));
    let number_of = |number: u64| u32::try_from(number).expect("a few million");
    (ScheduleId::new(number_of(FIRST + number)), ConcertId::new(number_of(2 + number / SCHEDULES_A_CONCERT)))
}

async fn staff(stage: &Stage, filter: StaffFilter, before: Option<ReservationId>) -> usize {
    stage.opened.reads.reservations(filter, before, PAGE, stage.now()).await.expect("read").len()
}

fn of_status(status: ReservationStatus) -> StaffFilter {
    StaffFilter { status: Some(status), ..StaffFilter::default() }
}

async fn concerts(stage: &Stage, text: Option<&str>, after: Option<ConcertCursor>) -> usize {
    let filter = ConcertFilter { text: text.map(str::to_owned), published_only: true };
    stage.opened.reads.concerts(filter, after, 21).await.expect("read").len()
}

macro_rules! queries {
    ($($name:literal: |$stage:ident, $size:ident| $ask:expr;)*) => {
        /// All that are reported.
        pub(crate) const QUERIES: &[Query] =
            &[$(Query { name: $name, ask: |$stage, $size| async move { let _ = $size; $ask }.boxed() }),*];
    };
}

queries! {
    "concerts, first page": |stage, size| concerts(stage, None, None).await;
    "concerts, a page in the middle": |stage, size| {
        let booking_start = stage.now().minus_seconds(3_600 + 60 * u32::try_from(size.schedules / SCHEDULES_A_CONCERT / 2).expect("few"));
        let after = ConcertCursor { booking_start: Some(booking_start), concert: ConcertId::new(1) };
        concerts(stage, None, Some(after)).await
    };
    "concerts, by a text that many have": |stage, size| concerts(stage, Some("concert"), None).await;
    "concerts, by a text that one has": |stage, size| concerts(stage, Some("Concert 77777"), None).await;
    "schedules of a concert": |stage, size| {
        stage.opened.reads.schedules_of(middle(size).1).await.expect("read").len()
    };
    "a schedule": |stage, size| usize::from(stage.opened.reads.schedule(middle(size).0).await.expect("read").is_some());
    "seat map, 1,000 seats taken": |stage, size| {
        stage.opened.reads.seat_map(middle(size).0).await.expect("read").map_or(0, |map| map.taken.len())
    };
    "versions of 100 maps": |stage, size| {
        let all = (0..100).map(|number| ScheduleId::new(middle(size).0.get() + number)).collect();
        stage.opened.reads.seat_versions(all).await.expect("read").len()
    };
    "schedules called off": |stage, size| stage.opened.reads.cancelled_schedules().await.expect("read").len();
    "concerts with waiting rooms": |stage, size| stage.opened.reads.concerts_with_rooms().await.expect("read").len();
    "admin: newest reservations": |stage, size| staff(stage, StaffFilter::default(), None).await;
    "admin: reservations, a page in the middle": |stage, size| {
        staff(stage, StaffFilter::default(), Some(ReservationId::new(id(FANS + size.reservations / 2)))).await
    };
    "admin: reservations of a schedule": |stage, size| {
        staff(stage, StaffFilter { schedule: Some(middle(size).0), ..StaffFilter::default() }, None).await
    };
    "admin: reservations of a concert": |stage, size| {
        staff(stage, StaffFilter { concert: Some(middle(size).1), ..StaffFilter::default() }, None).await
    };
    "admin: reservations of a fan": |stage, size| {
        staff(stage, StaffFilter { user: Some(UserId::new(id(7))), ..StaffFilter::default() }, None).await
    };
    "admin: whoever has a seat": |stage, size| {
        let filter = StaffFilter { schedule: Some(middle(size).0), seat: Some(SeatNo::new(500)), ..StaffFilter::default() };
        staff(stage, filter, None).await
    };
    "admin: pending reservations": |stage, size| staff(stage, of_status(ReservationStatus::Pending), None).await;
    "admin: confirmed reservations": |stage, size| staff(stage, of_status(ReservationStatus::Confirmed), None).await;
    "admin: refunded reservations": |stage, size| staff(stage, of_status(ReservationStatus::Refunded), None).await;
    "admin: expired reservations": |stage, size| staff(stage, of_status(ReservationStatus::Expired), None).await;
    "admin: accounts, a page": |stage, size| {
        stage.opened.reads.accounts(None, Some(UserId::new(id(500_000))), PAGE).await.expect("read").len()
    };
    "admin: accounts by a text": |stage, size| {
        stage.opened.reads.accounts(Some("Fan 777777".to_owned()), None, PAGE).await.expect("read").len()
    };
    "admin: audit log": |stage, size| stage.opened.reads.staff_actions(None, PAGE).await.expect("read").len();
    "a fan's own list": |stage, size| {
        let filter = ReservationFilter::default();
        stage.opened.reads.reservations_of(UserId::new(id(7)), filter, None, PAGE, stage.now()).await.expect("read").len()
    };
    "holds that have ended": |stage, size| stage.opened.reads.lapsed(stage.now(), PAGE).await.expect("read").len();
    "live reservations of a schedule": |stage, size| {
        stage.opened.reads.live_in(middle(size).0, None, PAGE).await.expect("read").len()
    };
    "takings of a schedule": |stage, size| {
        usize::from(stage.opened.reads.takings(middle(size).0).await.expect("read").gross.minor() > 0)
    };
    "sales by minute of a schedule": |stage, size| {
        stage.opened.reads.sales_by_minute(middle(size).0, Timestamp::ZERO).await.expect("read").len()
    };
    "who has come in": |stage, size| {
        let first = ScheduleId::new(u32::try_from(FIRST).expect("small"));
        stage.opened.reads.admissions(first).await.expect("read").total as usize
    };
    "best selling, all time": |stage, size| stage.opened.reads.best_selling(None, PAGE).await.expect("read").len();
    "best selling, last hour": |stage, size| {
        let since = stage.now().minus_seconds(3_600);
        stage.opened.reads.best_selling(Some(since), PAGE).await.expect("read").len()
    };
    "seats taken, by schedule": |stage, size| stage.opened.reads.taken_by_schedule().await.expect("read").len();
    "accounts changed lately": |stage, size| {
        stage.opened.reads.accounts_changed(stage.now()).await.expect("read").len()
    };
}
