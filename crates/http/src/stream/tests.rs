use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::HttpBody;
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;

/// A source that a test tells what to say.
struct Told {
    events: UnboundedReceiver<Bytes>,
    is_allowed: Arc<AtomicBool>,
}

impl Source for Told {
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.is_allowed.load(Ordering::Relaxed) { self.events.poll_recv(cx) } else { Poll::Ready(None) }
    }
}

struct Stream {
    body: Pin<Box<EventStream<Told>>>,
    /// Dropped to end the source.
    teller: Option<UnboundedSender<Bytes>>,
    is_allowed: Arc<AtomicBool>,
    stopping: CancellationToken,
}

impl Stream {
    fn open() -> Self {
        let (teller, events) = unbounded_channel();
        let is_allowed = Arc::new(AtomicBool::new(true));
        let stopping = CancellationToken::new();
        let source = Told { events, is_allowed: Arc::clone(&is_allowed) };
        let body = Box::pin(EventStream::new(source, stopping.clone(), None));
        Self { body, teller: Some(teller), is_allowed, stopping }
    }

    fn tell(&self, event: &'static str) {
        self.teller.as_ref().expect("open").send(Bytes::from_static(event.as_bytes())).expect("told");
    }

    /// What comes next, and after how many seconds.
    async fn next(&mut self) -> (u64, Option<Bytes>) {
        let begin = Instant::now();
        let frame = self.body.frame().await;
        let bytes = frame.map(|frame| {
            let Ok(frame) = frame;
            frame.into_data().expect("data")
        });
        (begin.elapsed().as_secs(), bytes)
    }
}

#[tokio::test(start_paused = true)]
async fn fifteen_seconds_of_silence_are_broken() {
    let mut stream = Stream::open();
    stream.tell("a");
    assert_eq!(stream.next().await, (0, Some("a".into())));
    for _ in 0..3 {
        assert_eq!(stream.next().await, (15, Some(":\n\n".into())));
    }
    // Each event begins the wait anew.
    let teller = stream.teller.clone().expect("open");
    tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            teller.send("b".into()).expect("told");
        }
    });
    for _ in 0..3 {
        assert_eq!(stream.next().await, (10, Some("b".into())));
    }
    assert_eq!(stream.next().await, (15, Some(":\n\n".into())));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_source() {
    let mut stream = Stream::open();
    stream.tell("last");
    stream.teller = None;
    assert_eq!(stream.next().await, (0, Some("last".into())));
    for _ in 0..2 {
        assert_eq!(stream.next().await, (0, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_stream_that_waits_and_one_that_has_more_to_say() {
    let mut waiting = Stream::open();
    let stopping = waiting.stopping.clone();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        stopping.cancel();
    };
    let ((), ended) = tokio::join!(stop, waiting.next());
    assert_eq!(ended, (3, None));
    let mut busy = Stream::open();
    busy.tell("a");
    busy.stopping.cancel();
    assert_eq!(busy.next().await, (0, None));
}

#[tokio::test(start_paused = true)]
async fn who_may_no_longer_listen_hears_neither_events_nor_signs_of_life() {
    let mut stream = Stream::open();
    stream.tell("a");
    stream.next().await;
    stream.is_allowed.store(false, Ordering::Relaxed);
    stream.tell("b");
    assert_eq!(stream.next().await, (0, None));
    // Nobody wakes a silent stream for that; it is noticed before the sign of life.
    let mut silent = Stream::open();
    let is_allowed = Arc::clone(&silent.is_allowed);
    let forbid = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        is_allowed.store(false, Ordering::Relaxed);
    };
    let ((), ended) = tokio::join!(forbid, silent.next());
    assert_eq!(ended, (15, None));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_written_ends_the_stream() {
    struct Unwritable;
    impl Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    let nothing = event("broken", 1, &Unwritable);
    let mut stream = Stream::open();
    stream.teller.as_ref().expect("open").send(nothing).expect("told");
    assert_eq!(stream.next().await, (0, None));
}

#[test]
fn an_event_has_its_name_its_id_and_one_line_of_data() {
    let written = event("seats", 7, &json!({"text": "two\nlines"}));
    assert_eq!(written, "event: seats\nid: 7\ndata: {\"text\":\"two\\nlines\"}\n\n");
}

/// What ten thousand of them take is ten thousand times this; the rest of a stream is the connection's.
#[tokio::test]
async fn a_stream_is_small() {
    let stream = pin!(Stream::open());
    let body: &EventStream<Told> = &stream.body;
    assert!(size_of_val(body) <= 384, "{} bytes", size_of_val(body));
    assert!(!body.is_end_stream());
}
