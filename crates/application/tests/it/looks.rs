//! What is shown of a sale: for as long as it is on, and a day longer.

use frontrow_application::metric::{SERIES_MAX, SaleMeter};
use frontrow_application::reservation::HoldRequest;
use frontrow_domain::{ScheduleId, UserId};
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::stage::seats;
use frontrow_testkit::{Stage, bounded};
use metrics_exporter_prometheus::PrometheusBuilder;

/// What a look shows that is the first of its recorder: nothing is left of looks before it.
async fn shown(stage: &Stage, meter: &mut SaleMeter) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    stage.app.measure_memory();
    stage.app.measure_sale(meter).await.expect("the store is sound");
    recorder.handle().render()
}

fn value(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let is_it = |line: &&str| line.starts_with(name) && labels.iter().all(|label| line.contains(label));
    let found: Vec<&str> = text.lines().filter(is_it).collect();
    assert!(found.len() <= 1, "{found:?}");
    found.first()?.rsplit(' ').next()?.parse().ok()
}

/// Somebody looks at the map, which is what has it kept in memory.
async fn look_at(stage: &Stage, schedule: ScheduleId) {
    let found = stage.opened.reads.schedule(schedule).await.expect("read").expect("there");
    let seen = stage.app.schedule(found.concert, schedule, true).await.expect("read");
    assert!(seen.is_some());
}

async fn hold(stage: &Stage, fan: UserId, schedule: ScheduleId, seat: u32) {
    let request = HoldRequest { schedule, seats: seats([seat]) };
    let held = stage.app.hold(fan, request, None).await.expect("held").outcome.0.id;
    if seat == 1 {
        stage.app.pay(fan, held, None).await.expect("paid");
    }
}

#[test]
fn a_sale_is_shown_from_its_first_look_to_a_day_after_its_end() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let opening = stage.now().plus_seconds(60);
        let (start, end) = (opening, opening.plus_seconds(3_600));
        let sale =
            stage.a_schedule().seats(5).price(1_000).booking_start(start).booking_end(end).make().await;
        let fan = stage.a_fan().with_balance(100_000).make().await;
        let mut meter = SaleMeter::default();
        let seats = |text: &str, state: &str| {
            value(text, "frontrow_schedule_seats{", &[&format!("state=\"{state}\"")])
        };
        let gross = |text: &str| value(text, "frontrow_schedule_takings_minor_units{", &["kind=\"gross\""]);

        assert_eq!(seats(&shown(&stage, &mut meter).await, "held"), None, "nobody has looked");
        look_at(&stage, sale).await;
        assert_eq!(seats(&shown(&stage, &mut meter).await, "held"), None, "the sale has not opened");
        stage.clock.advance(60);
        let text = shown(&stage, &mut meter).await;
        assert_eq!(
            (seats(&text, "available"), seats(&text, "sold"), gross(&text)),
            (Some(5.0), Some(0.0), Some(0.0))
        );

        hold(&stage, fan, sale, 1).await;
        hold(&stage, fan, sale, 2).await;
        let text = shown(&stage, &mut meter).await;
        assert_eq!((seats(&text, "held"), seats(&text, "sold")), (Some(1.0), Some(1.0)), "seats as they are");
        assert_eq!(gross(&text), Some(0.0), "money is added up again after a while");
        stage.clock.advance(10);
        assert_eq!(gross(&shown(&stage, &mut meter).await), Some(1_000.0));

        stage.clock.advance(3_600 + 86_000);
        assert_eq!(gross(&shown(&stage, &mut meter).await), Some(1_000.0), "a day longer");
        stage.clock.advance(500);
        let text = shown(&stage, &mut meter).await;
        assert!(!text.contains("frontrow_schedule_"), "{text}");
    });
}

#[test]
fn holds_that_nobody_has_noted_as_over_are_shown_by_how_long_it_is() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        let sale = stage.a_schedule().seats(5).price(1_000).hold_seconds(30).make().await;
        let fan = stage.a_fan().make().await;
        hold(&stage, fan, sale, 2).await;
        let mut meter = SaleMeter::default();
        let lag = |text: &str| value(text, "frontrow_expiry_lag_seconds ", &[]);
        assert_eq!(lag(&shown(&stage, &mut meter).await), Some(0.0));
        stage.clock.advance(37);
        assert_eq!(lag(&shown(&stage, &mut meter).await), Some(7.0));
        stage.app.tick_expiry().await.expect("expired");
        assert_eq!(lag(&shown(&stage, &mut meter).await), Some(0.0));
    });
}

#[test]
fn more_sales_than_have_series_of_their_own_are_added_up() {
    bounded(async {
        let stage = Stage::open(&MemoryFactory::new());
        for _ in 0..SERIES_MAX + 3 {
            let sale = stage.a_schedule().seats(2).make().await;
            look_at(&stage, sale).await;
        }
        let mut meter = SaleMeter::default();
        // A look asks the store a bounded number of questions, and goes on where it was at the next.
        let mut text = shown(&stage, &mut meter).await;
        let few = text.matches("frontrow_schedule_seats{").count();
        assert!(few < SERIES_MAX * 4, "{few}");
        for _ in 0..10 {
            text = shown(&stage, &mut meter).await;
        }
        assert_eq!(text.matches("frontrow_schedule_seats{").count(), (SERIES_MAX + 1) * 4);
        let others = ["schedule=\"other\"", "state=\"available\""];
        assert_eq!(value(&text, "frontrow_schedule_seats{", &others), Some(6.0));
        assert_eq!(value(&text, "frontrow_series_folded{", &["of=\"schedule\""]), Some(3.0));
    });
}
