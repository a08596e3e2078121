//! What Kafka refuses, and how that is told: who may not log in, what is not encrypted, what is not there.

use std::path::Path;
use std::time::Duration;

use frontrow_application::events::{Consumer as _, Handled};
use frontrow_domain::Timestamp;
use frontrow_events_kafka::{
    KafkaFault, KafkaPublisher, KafkaSettings, Login, Mechanism, Tls, prepare_topics,
};
use frontrow_testkit::bounded;

use crate::world::{all_on, assert_complete, events, settings, shared_url};

/// The same broker by its other door, where one has to log in over TLS.
fn guarded(test: &str, mechanism: Mechanism, password: &str) -> KafkaSettings {
    let url = shared_url();
    let (host, port) = url.rsplit_once(':').expect("it has a port");
    let port: u16 = port.parse().expect("a number");
    let open = settings(test);
    let mut settings = KafkaSettings::new(&format!("{host}:{}", port + 1)).expect("a URL");
    settings.topic_prefix = open.topic_prefix;
    settings.partitions = open.partitions;
    settings.answer_timeout = Duration::from_secs(4);
    let authorities = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/kafka/tls/broker.pem");
    settings.tls = Some(Tls { authorities: Some(authorities), ..Tls::default() });
    let (user, password) = ("frontrow".to_owned(), password.to_owned());
    settings.login = Some(Login { mechanism, user, password });
    settings
}

#[test]
fn whoever_may_log_in_publishes_over_tls() {
    bounded(async {
        for mechanism in Mechanism::ALL {
            let settings = guarded("guarded", mechanism, "frontrow");
            let batch = events(5, 3);
            let publisher = KafkaPublisher::new(&settings).expect("good settings");
            let handled = publisher.handle(&batch, Timestamp::from_micros(0)).await;
            assert_eq!(handled, Handled::all(&batch), "{}", mechanism.name());
            let found = all_on(&settings, &shared_url(), &settings.events_topic()).await;
            assert_eq!(assert_complete(found.iter().map(crate::world::OnTopic::event), 5, 3), 0);
        }
    });
}

async fn refusal(settings: KafkaSettings) -> String {
    match prepare_topics(&settings).await.expect_err("refused") {
        KafkaFault::Away(said) => said.to_lowercase(),
        other => panic!("told as something else: {other}"),
    }
}

#[test]
fn a_refused_login_and_a_foreign_certificate_are_told_as_what_they_are() {
    bounded(async {
        for mechanism in Mechanism::ALL {
            let said = refusal(guarded("wrong", mechanism, "guessed")).await;
            assert!(said.contains("authentication") && !said.contains("guessed"), "{said}");
        }
        let mut foreign = guarded("foreign", Mechanism::Plain, "frontrow");
        foreign.tls = Some(Tls::default());
        let said = refusal(foreign).await;
        assert!(said.contains("certificate"), "{said}");
        let mut clear = guarded("clear", Mechanism::Plain, "frontrow");
        clear.tls = None;
        // The broker hangs up on who does not speak TLS, without a word.
        refusal(clear).await;
    });
}

/// A publisher neither stops nor drops anything: it asks again until somebody has put the password right.
#[test]
fn a_publisher_that_may_not_log_in_keeps_everything() {
    bounded(async {
        let publisher = KafkaPublisher::new(&guarded("kept", Mechanism::Plain, "guessed")).expect("settings");
        let batch = events(2, 2);
        let handled = publisher.handle(&batch, Timestamp::from_micros(0)).await;
        assert_eq!((handled.through, handled.dead.len()), (0, 0));
        assert!(handled.pause.is_some());
    });
}
