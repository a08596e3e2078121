use std::pin::pin;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::future::{join_all, lazy, ready};
use futures_util::poll;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::*;

/// A map of which only the version is known.
#[derive(Serialize)]
struct Map(u64);

impl Content for Map {
    const LEVEL: Compression = Compression::fast();

    fn version(&self) -> u64 {
        self.0
    }
}

const fn wanted(version: u64) -> Wanted {
    Wanted {
        schedule: ScheduleId::new(1),
        form: Form::Seats,
        coding: Coding::Identity,
        version,
        is_long: true,
    }
}

/// A map that changes, and counts how often somebody looked at it to make a body.
#[derive(Default)]
struct Changing {
    version: AtomicU64,
    looks: AtomicU64,
}

impl Changing {
    fn at(version: u64) -> Self {
        Self { version: AtomicU64::new(version), ..Self::default() }
    }

    fn newest(&self) -> impl Future<Output = Result<Map, Problem>> {
        // When it is waited for, not when it is named.
        lazy(|_| {
            self.looks.fetch_add(1, Ordering::Relaxed);
            Ok(Map(self.version.load(Ordering::Relaxed)))
        })
    }

    fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }
}

fn shown(body: &Result<Arc<KeptBody>, Problem>) -> (u64, &[u8]) {
    let body = body.as_ref().unwrap_or_else(|problem| panic!("{problem:?}"));
    (body.version, &body.bytes)
}

#[tokio::test]
async fn a_crowd_makes_a_body_once_and_a_new_version_once_more() {
    let (bodies, map) = (KeptBodies::new(), Changing::at(7));
    for (version, looks) in [(7, 1), (8, 2)] {
        map.version.store(version, Ordering::Relaxed);
        let all = join_all((0..1_000).map(|_| bodies.get(wanted(version), map.newest()))).await;
        for body in &all {
            assert_eq!(shown(body), (version, version.to_string().as_bytes()));
        }
        assert_eq!(map.looks(), looks, "version {version}");
    }
}

#[tokio::test]
async fn those_who_come_meanwhile_share_the_next_one_whatever_they_have_seen() {
    let (bodies, map) = (KeptBodies::new(), Changing::at(1));
    let (go, gone) = oneshot::channel::<()>();
    let slow = async {
        let newest = map.newest().await;
        gone.await.expect("told to go on");
        newest
    };
    let mut first = pin!(bodies.get(wanted(1), slow));
    assert!(poll!(first.as_mut()).is_pending());
    // Fans who have seen one version each, while the first body is not ready.
    let mut crowd = pin!(join_all((1..=100).map(|version| bodies.get(wanted(version), map.newest()))));
    assert!(poll!(crowd.as_mut()).is_pending());
    map.version.store(100, Ordering::Relaxed);
    go.send(()).expect("somebody waits");
    assert_eq!(shown(&first.await), (1, &b"1"[..]));
    let versions: Vec<u64> = crowd.await.iter().map(|body| shown(body).0).collect();
    let are_new_enough = versions.iter().zip(1..).all(|(&version, seen)| version >= seen);
    assert!(are_new_enough, "{versions:?}");
    assert_eq!(map.looks(), 2, "one body for a hundred versions");
}

#[tokio::test]
async fn who_goes_away_or_fails_leaves_the_making_to_the_next() {
    let (bodies, map) = (KeptBodies::new(), Changing::at(3));
    {
        let mut gone = Box::pin(bodies.get::<Map>(wanted(3), std::future::pending()));
        assert!(poll!(gone.as_mut()).is_pending());
    }
    let failing = async { Err::<Map, _>(Problem::not_found()) };
    let (refused, made) = tokio::join!(bodies.get(wanted(3), failing), bodies.get(wanted(3), map.newest()));
    assert!(refused.is_err());
    assert_eq!(shown(&made), (3, &b"3"[..]));
    assert_eq!(map.looks(), 1);
}

#[tokio::test]
async fn a_body_is_let_go_when_nobody_has_asked_for_it_since_the_last_look() {
    let (bodies, map) = (KeptBodies::new(), Changing::at(1));
    let other = Wanted { form: Form::States, ..wanted(1) };
    for one in [wanted(1), other] {
        shown(&bodies.get(one, map.newest()).await);
    }
    bodies.tidy();
    assert_eq!(bodies.bodies.weight(), 2, "both were asked for");
    shown(&bodies.get(other, map.newest()).await);
    bodies.tidy();
    assert_eq!((bodies.bodies.weight(), map.looks()), (1, 2), "one of them was asked for again");
    shown(&bodies.get(wanted(1), map.newest()).await);
    assert_eq!(map.looks(), 3, "it is made anew");
    bodies.tidy();
    bodies.tidy();
    assert_eq!(bodies.bodies.weight(), 0);
}

/// A map whose writing takes until it is told to end, and counts how many are being written.
struct Slow {
    writing: Arc<AtomicU64>,
    has_ended: Arc<(Mutex<bool>, Condvar)>,
}

impl Serialize for Slow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.writing.fetch_add(1, Ordering::Relaxed);
        let (has_ended, told) = &*self.has_ended;
        told.wait_while(&mut has_ended.lock(), |has_ended| !*has_ended);
        serializer.serialize_u64(1)
    }
}

impl Content for Slow {
    const LEVEL: Compression = Compression::fast();

    fn version(&self) -> u64 {
        1
    }
}

#[tokio::test]
async fn no_more_long_bodies_are_in_the_making_than_may_be_and_short_ones_do_not_wait() {
    let (bodies, map) = (KeptBodies::new(), Changing::at(1));
    let of = |schedule: usize| Wanted {
        schedule: ScheduleId::new(u32::try_from(schedule).expect("few")),
        ..wanted(1)
    };
    let (writing, has_ended) = (Arc::<AtomicU64>::default(), Arc::<(Mutex<bool>, Condvar)>::default());
    let slow = || {
        let slow = Slow { writing: Arc::clone(&writing), has_ended: Arc::clone(&has_ended) };
        ready(Ok(slow))
    };
    let mut all = pin!(join_all((0..=MAKERS).map(|schedule| bodies.get(of(schedule), slow()))));
    assert!(poll!(all.as_mut()).is_pending());
    let as_many_as_may = || writing.load(Ordering::Relaxed) == MAKERS as u64;
    let begun = async {
        while !as_many_as_may() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), begun).await.expect("as many as may be are being written");
    let short = Wanted { is_long: false, ..of(MAKERS + 1) };
    assert_eq!(shown(&bodies.get(short, map.newest()).await), (1, &b"1"[..]));
    assert!(poll!(all.as_mut()).is_pending() && as_many_as_may(), "one waits for its turn");
    *has_ended.0.lock() = true;
    has_ended.1.notify_all();
    for body in &all.await {
        assert_eq!(shown(body), (1, &b"1"[..]));
    }
    assert_eq!(writing.load(Ordering::Relaxed), MAKERS as u64 + 1);
}
