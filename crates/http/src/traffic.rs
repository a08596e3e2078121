//! What is counted of requests, streams and connections.
//!
//! Everybody passes here, so every handle is resolved once: a route by the first request that it gets, its counters by
//! the first answer of a class. A request costs two readings of the clock, and a few additions to numbers in memory.
//!
//! Routes are those that matched, as templates; whatever is sent to no route counts as one. So there are no more series
//! than the program has routes, whoever asks for what.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, gauge, histogram};
use parking_lot::Mutex;
use utoipa::openapi::OpenApi;

use crate::problem::Code;

/// What all that is no route counts as.
const UNMATCHED: &str = "unmatched";
/// Methods that have series of their own. What is sent with any other counts as the last.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
/// Classes of status, by their first digit.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Those that are shown from the start, so that the first answer of them is seen as one more.
const CLASSES_FROM_START: [usize; 3] = [1, 3, 4];

/// What is counted of all requests.
pub(crate) struct Traffic {
    totals: Arc<Totals>,
    routes: Mutex<HashMap<String, Arc<Route>>>,
    streams: [Streams; StreamKind::ALL.len()],
}

/// What is counted over all routes.
pub(crate) struct Totals {
    problems: Vec<Counter>,
    panics: Counter,
    timeouts: Counter,
    abandoned: Counter,
    in_flight: AtomicI64,
}

/// What is counted of one route.
pub(crate) struct Route {
    totals: Arc<Totals>,
    path: String,
    methods: [OfMethod; METHODS.len()],
}

#[derive(Default)]
struct OfMethod {
    seconds: OnceLock<Histogram>,
    answered: [OnceLock<Counter>; CLASSES.len()],
}

/// Which kind of stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamKind {
    /// Of one's place in a line.
    Line,
    /// Of a seat map.
    Seats,
}

impl StreamKind {
    const ALL: [Self; 2] = [Self::Line, Self::Seats];

    const fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Seats => "seats",
        }
    }
}

struct Streams {
    open: AtomicI64,
    seconds: Histogram,
}

fn method_index(method: &Method) -> usize {
    // In the order of `METHODS`; a method is compared without its text.
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PUT => 3,
        Method::PATCH => 4,
        Method::DELETE => 5,
        Method::OPTIONS => 6,
        _ => 7,
    }
}

fn class_index(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1
}

impl Traffic {
    /// Counts by the recorder that is installed now; one that is installed later hears nothing.
    pub(crate) fn new() -> Self {
        let of = |code: &Code| counter!("frontrow_http_problems_total", "code" => code.name());
        let streams = |kind: StreamKind| Streams {
            open: AtomicI64::new(0),
            seconds: histogram!("frontrow_http_stream_duration_seconds", "stream" => kind.name()),
        };
        let totals = Totals {
            problems: Code::ALL.iter().map(of).collect(),
            panics: counter!("frontrow_http_panics_total"),
            timeouts: counter!("frontrow_http_timeouts_total"),
            abandoned: counter!("frontrow_http_requests_abandoned_total"),
            in_flight: AtomicI64::new(0),
        };
        Self { totals: Arc::new(totals), routes: Mutex::default(), streams: StreamKind::ALL.map(streams) }
    }

    /// Shows the counters of every documented route at 0.
    pub(crate) fn expect(&self, document: &OpenApi) {
        for (path, item) in &document.paths.paths {
            let route = self.named(path);
            let operations = [
                (&item.get, &Method::GET),
                (&item.post, &Method::POST),
                (&item.put, &Method::PUT),
                (&item.patch, &Method::PATCH),
                (&item.delete, &Method::DELETE),
            ];
            for (_, method) in operations.into_iter().filter(|(operation, _)| operation.is_some()) {
                for class in CLASSES_FROM_START {
                    route.answered(method_index(method), class);
                }
            }
        }
    }

    /// The route of a request that was matched so.
    pub(crate) fn route(&self, matched: Option<&MatchedPath>) -> Arc<Route> {
        self.named(matched.map_or(UNMATCHED, MatchedPath::as_str))
    }

    fn named(&self, path: &str) -> Arc<Route> {
        let mut routes = self.routes.lock();
        if let Some(route) = routes.get(path) {
            return Arc::clone(route);
        }
        let totals = Arc::clone(&self.totals);
        let route = Arc::new(Route { totals, path: path.to_owned(), methods: Default::default() });
        routes.insert(path.to_owned(), Arc::clone(&route));
        route
    }

    /// A stream begins; it is open for as long as what this returns is kept.
    pub(crate) fn open_stream(self: &Arc<Self>, kind: StreamKind) -> OpenStream {
        self.streams[kind as usize].open.fetch_add(1, Ordering::Relaxed);
        OpenStream { traffic: Arc::clone(self), kind, begun: Instant::now() }
    }

    /// Shows what goes up and down, as it is now.
    pub(crate) fn show(&self) {
        gauge!("frontrow_http_requests_in_flight").set(self.totals.in_flight.load(Ordering::Relaxed) as f64);
        for kind in StreamKind::ALL {
            let open = self.streams[kind as usize].open.load(Ordering::Relaxed);
            gauge!("frontrow_http_streams", "stream" => kind.name()).set(open as f64);
        }
    }
}

impl Totals {
    /// A problem is answered.
    pub(crate) fn problem(&self, code: Code) {
        if let Some(counter) = self.problems.get(code as usize) {
            counter.increment(1);
        }
    }

    /// A handler has panicked.
    pub(crate) fn panicked(&self) {
        self.panics.increment(1);
    }

    /// A request has run out of time.
    pub(crate) fn timed_out(&self) {
        self.timeouts.increment(1);
    }
}

impl Route {
    /// A request has come; it counts when what is answered is told to what this returns.
    pub(crate) fn begin(self: &Arc<Self>, method: &Method) -> Underway {
        self.totals.in_flight.fetch_add(1, Ordering::Relaxed);
        Underway {
            route: Arc::clone(self),
            method: method_index(method),
            begun: Instant::now(),
            is_answered: false,
        }
    }

    fn answered(&self, method: usize, class: usize) -> &Counter {
        self.methods[method].answered[class].get_or_init(|| {
            counter!("frontrow_http_requests_total", "route" => self.path.clone(),
                "method" => METHODS[method], "status" => CLASSES[class])
        })
    }

    fn seconds(&self, method: usize) -> &Histogram {
        self.methods[method].seconds.get_or_init(|| {
            histogram!("frontrow_http_request_duration_seconds", "route" => self.path.clone(),
                "method" => METHODS[method])
        })
    }
}

/// A request that is being answered.
pub(crate) struct Underway {
    route: Arc<Route>,
    method: usize,
    begun: Instant,
    is_answered: bool,
}

impl Underway {
    /// What is counted over all routes.
    pub(crate) fn totals(&self) -> &Totals {
        &self.route.totals
    }

    /// The answer begins now.
    pub(crate) fn answer(&mut self, status: StatusCode) {
        self.is_answered = true;
        self.route.answered(self.method, class_index(status)).increment(1);
        self.route.seconds(self.method).record(self.begun.elapsed().as_secs_f64());
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.route.totals.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.is_answered {
            self.route.totals.abandoned.increment(1);
        }
    }
}

/// A stream that is open.
pub(crate) struct OpenStream {
    traffic: Arc<Traffic>,
    kind: StreamKind,
    begun: Instant,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let streams = &self.traffic.streams[self.kind as usize];
        streams.open.fetch_sub(1, Ordering::Relaxed);
        streams.seconds.record(self.begun.elapsed().as_secs_f64());
    }
}
