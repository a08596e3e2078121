//! Filling a database by its own sequences, as sales would have left it.
//!
//! Seats have no rows of their own here: a plan is one row that is packed, and a seat has a row once somebody has a claim
//! on it. So "ten million seats" are ten million claims: every hundred reservations fill the thousand seats of a schedule.

use frontrow_testkit::Stage;

use crate::statements::Plain;

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) schedules: u64,
    pub(crate) reservations: u64,
}

/// Schedules of a concert.
pub(crate) const SCHEDULES_A_CONCERT: u64 = 10;
/// Reservations that fill a schedule.
pub(crate) const RESERVATIONS_A_SCHEDULE: u64 = 100;
/// Fans who share all reservations.
pub(crate) const FANS: u64 = 200_000;
/// How long the sales took.
const MONTH_MICROS: u64 = 30 * 86_400 * 1_000_000;
/// The first schedule that is sold: those before are patterns.
pub(crate) const FIRST: u64 = 11;

/// An id of version 7 whose order is that of its number.
pub(crate) fn id(number: &str) -> String {
    format!("UNHEX(CONCAT('01900000000070008000', LPAD(HEX({number}), 12, '0')))")
}

pub(crate) async fn fill(stage: &Stage, plain: &mut Plain, size: Size) {
    let concert = stage.a_concert().make().await;
    let small = stage.a_schedule().of(concert).seats(50).make().await;
    let large = stage.a_schedule().of(concert).seats(1_000).make().await;
    let (last, sold) = (FIRST + size.schedules - 1, size.reservations / RESERVATIONS_A_SCHEDULE);
    let concerts = size.schedules / SCHEDULES_A_CONCERT;
    plain.run("SET SESSION sql_mode = 'STRICT_ALL_TABLES', unique_checks = 0").await;
    let columns = "artist, description, published, room_enabled, room_max_active, room_admit_per_second_milli, \
         room_session_seconds, room_claim_seconds, room_presence_seconds, room_lobby_opens_at, room_paused, \
         room_draining, room_closed, room_notice, created_at, row_version";
    plain
        .run(&format!(
            "INSERT INTO concert (concert_id, title, {columns}) SELECT seq, CONCAT('Concert ', seq), {columns} \
             FROM seq_2_to_{} JOIN concert AS pattern ON pattern.concert_id = {concert}",
            concerts + 1
        ))
        .await;
    let columns = "venue, time_zone, duration_minutes, hold_seconds, hold_max_seconds, hold_extension_seconds, \
         max_seats_per_fan, sales_paused, plan_version, in_use, version, decided_at, created_at, refund_policy, \
         cancelled_at, last_event, row_version";
    // Those that are sold are spread over all, and have the large plan.
    let every = size.schedules / sold.max(1);
    let is_sold = format!("(seq - {FIRST}) % {every} = 0 AND (seq - {FIRST}) DIV {every} < {sold}");
    plain
        .run(&format!(
            "INSERT INTO schedule (schedule_id, concert_id, starts_at, booking_start, booking_end, {columns}) \
             SELECT seq, 2 + (seq - {FIRST}) DIV {SCHEDULES_A_CONCERT}, starts_at + seq % 1000 * 86400000000, \
                 booking_start - ((seq - {FIRST}) DIV {SCHEDULES_A_CONCERT} * 7919) % {concerts} * 60000000 + seq % 3 * 86400000000, booking_end + seq % 1000 * 86400000000, {columns} \
             FROM seq_{FIRST}_to_{last} JOIN schedule AS pattern ON pattern.schedule_id = {small}"
        ))
        .await;
    for (pattern, condition) in [(small, format!("NOT ({is_sold})")), (large, is_sold)] {
        plain
            .run(&format!(
                "INSERT INTO seat_plan (schedule_id, plan_version, form) SELECT seq, plan_version, form \
                 FROM seq_{FIRST}_to_{last} JOIN seat_plan AS pattern ON pattern.schedule_id = {pattern} \
                 WHERE {condition}"
            ))
            .await;
    }
    fill_sales(plain, size, every).await;
    let tables = "account, claim, concert, payment, refund, reservation, schedule, seat_plan, ticket";
    plain.run(&format!("ANALYZE TABLE {tables}")).await;
}

async fn fill_sales(plain: &mut Plain, size: Size, every: u64) {
    let all = size.reservations;
    let epoch = frontrow_testkit::ManualClock::EPOCH.micros();
    // One after the other over a month.
    let at = format!("{epoch} - ({all} - seq) * {}", MONTH_MICROS / all);
    plain
        .run(&format!(
            "INSERT INTO account (user_id, name, role, standing, credential, created_at, row_version) \
             SELECT {}, CONCAT('Fan ', seq), 0, 0, 2, {epoch}, 1 FROM seq_1_to_1000000",
            id("seq")
        ))
        .await;
    // Of twenty one is held, one cancelled, one expired, one given back; the others are paid.
    let state = "CASE seq % 20 WHEN 0 THEN 0 WHEN 1 THEN 2 WHEN 2 THEN 3 WHEN 3 THEN 4 ELSE 1 END";
    let (schedule, fan) = (
        format!("{FIRST} + seq DIV {RESERVATIONS_A_SCHEDULE} * {every}"),
        id(&format!("1 + (seq * 7919) % {FANS}")),
    );
    let seats = (1..=10)
        .map(|seat| format!("seq % {RESERVATIONS_A_SCHEDULE} * 10 + {seat}"))
        .collect::<Vec<_>>()
        .join(", ");
    plain
        .run(&format!(
            "INSERT INTO reservation (reservation_id, user_id, concert_id, schedule_id, seats, amount, created_at, \
                 state, state_at, held_until, extended, payment_id, last_event, paid_at, returned, row_version) \
             SELECT {id}, {fan}, 2 + ({schedule} - {FIRST}) DIV {SCHEDULES_A_CONCERT}, {schedule}, CONCAT_WS(',', {seats}), \
                 500000, {at}, {state}, IF(seq % 20 = 0, {epoch} + 300000000, {at}), \
                 {epoch} + 300000000, 0, IF({state} IN (1, 4), {id}, NULL), 2, \
                 IF({state} = 4, {at}, NULL), IF({state} = 4, 500000, NULL), 1 \
             FROM seq_0_to_{last}",
            id = id(&format!("{FANS} + seq")),
            last = all - 1
        ))
        .await;
    plain
        .run(
            "INSERT INTO claim (schedule_id, seat_no, kind, reservation_id, user_id, held_until) \
             SELECT schedule_id, CAST(SUBSTRING_INDEX(seats, ',', 1) AS SIGNED) + seat.seq, IF(state = 0, 0, 1), \
                 reservation_id, user_id, IF(state = 0, state_at, NULL) \
             FROM reservation FORCE INDEX (PRIMARY) STRAIGHT_JOIN seq_0_to_9 AS seat WHERE state IN (0, 1)"
        )
        .await;
    plain
        .run(
            "INSERT INTO payment (payment_id, reservation_id, schedule_id, user_id, amount, seats, at, state) \
             SELECT payment_id, reservation_id, schedule_id, user_id, amount, 10, created_at, 0 \
             FROM reservation FORCE INDEX (PRIMARY) WHERE state IN (1, 4)",
        )
        .await;
    plain
        .run(
            "INSERT INTO refund (payment_id, reservation_id, schedule_id, user_id, returned, fee, at, cause) \
             SELECT payment_id, reservation_id, schedule_id, user_id, amount, 0, state_at, 'staff' \
             FROM reservation FORCE INDEX (PRIMARY) WHERE state = 4",
        )
        .await;
    plain
        .run(&format!(
            "INSERT INTO ticket (ticket_id, reservation_id, schedule_id, seat_no, user_id, state, row_version) \
             SELECT {}, reservation_id, schedule_id, seat_no, user_id, 0, 1 FROM claim FORCE INDEX (PRIMARY) \
             WHERE kind = 1 AND schedule_id < {FIRST} + 1000 * {every}",
            id("schedule_id * 1000 + seat_no")
        ))
        .await;
}

pub(crate) async fn print_sizes(plain: &mut Plain) {
    for table in
        ["concert", "schedule", "seat_plan", "claim", "reservation", "payment", "refund", "ticket", "account"]
    {
        let rows = plain.number(&format!("SELECT COUNT(*) FROM {table}")).await;
        let bytes = format!(
            "SELECT (data_length + index_length) DIV 1048576 FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = '{table}'"
        );
        println!("- {table}: {rows} rows, {} MiB", plain.number(&bytes).await);
    }
}
