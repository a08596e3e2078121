//! The outermost layer, around every route: the request id and trace, what gives way when there is too much to do, the time
//! limit, panics, the bodies of problems, what is told of each request (`told`), and what is counted of it.
//!
//! One layer instead of many: each costs an allocation or two for every request.

mod spans;
mod told;

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use frontrow_application::Clock;
use frontrow_application::trace::{self, Request as Traced};
use frontrow_domain::staff::REQUEST_ID_MAX;
use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tokio::time::{Sleep, sleep};
use tower::{Layer, Service};

use crate::auth::PeerAddress;
use crate::limits::{Class, InFlight, Load};
use crate::problem::{Code, Problem};
use crate::respond::{JSON, PAGE};
use crate::settings::TraceSettings;
use crate::state::HttpState;
use crate::traffic::{Route, Totals, Traffic, Underway};
use spans::{Sampling, SpanIds};
use told::{Teller, Told};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Characters in the longest request id that is taken over.
const ID_MAX: usize = REQUEST_ID_MAX;

/// Puts [`Edge`] around every route.
#[derive(Clone)]
pub(crate) struct EdgeLayer(Arc<Shared>);

/// What the edge goes by.
pub(crate) struct EdgeSettings {
    timeout: Duration,
    load: Arc<Load>,
    is_trusted_proxy: IsTrusted,
    traces: Option<TraceSettings>,
    clock: Arc<dyn Clock>,
    traffic: Arc<Traffic>,
    ready: Arc<AtomicBool>,
}

impl EdgeSettings {
    pub(crate) fn of(state: &HttpState) -> Self {
        let settings = state.settings();
        Self {
            timeout: settings.request_timeout,
            load: Arc::clone(state.load()),
            is_trusted_proxy: Arc::clone(&settings.is_trusted_proxy),
            traces: settings.traces.clone(),
            clock: state.app().clock(),
            traffic: Arc::clone(state.traffic()),
            ready: Arc::clone(&settings.ready),
        }
    }
}

/// What all requests share.
struct Shared {
    ids: RequestIds,
    timeout: Duration,
    traffic: Arc<Traffic>,
    ready: Arc<AtomicBool>,
    load: Arc<Load>,
    sampling: Sampling,
    is_trusted_proxy: IsTrusted,
    teller: Teller,
}

/// Whether an address is a proxy of ours.
type IsTrusted = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Makes request ids: a name for this run of the server, and a count.
struct RequestIds {
    run: u64,
    count: AtomicU64,
}

impl EdgeLayer {
    /// `run` tells the ids of this run of the server from those of others. While it is not `ready`, connections end with
    /// the answer that is on its way: who asks again comes to a server that will still be there.
    pub(crate) fn new(run: u64, settings: EdgeSettings) -> Self {
        let EdgeSettings { timeout, load, is_trusted_proxy, traces, clock, traffic, ready } = settings;
        let ids = SpanIds::default();
        let per_thousand = traces.as_ref().map(|traces| traces.per_thousand);
        let shared = Shared {
            ids: RequestIds { run, count: AtomicU64::new(0) },
            timeout,
            traffic,
            ready,
            load,
            sampling: Sampling { per_thousand, ids: ids.clone() },
            is_trusted_proxy,
            teller: Teller::new(traces.map(|traces| traces.traces), clock, ids),
        };
        Self(Arc::new(shared))
    }
}

impl RequestIds {
    /// The id that the client has sent, if it is fit to be repeated in headers and logs; a new one otherwise.
    fn id(&self, headers: &HeaderMap) -> HeaderValue {
        let is_sound = |id: &&HeaderValue| {
            (1..=ID_MAX).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
        };
        let made = || {
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            // Hexadecimal digits are always fit for a header.
            HeaderValue::try_from(format!("{:016x}-{number:x}", self.run))
                .unwrap_or(HeaderValue::from_static("-"))
        };
        headers.get(REQUEST_ID).filter(is_sound).cloned().unwrap_or_else(made)
    }
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge { inner, shared: Arc::clone(&self.0), route: Arc::default() }
    }
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Edge<S> {
    inner: S,
    shared: Arc<Shared>,
    /// What the route that is behind this counts; known from the first request that was matched to it.
    route: Arc<OnceLock<Arc<Route>>>,
}

impl<S> Service<Request> for Edge<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = EdgeFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        let id = shared.ids.id(request.headers());
        let method = request.method().clone();
        let is_read = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
        if !is_read {
            // A command carries its id whoever made it, for the log of what staff do.
            request.headers_mut().insert(REQUEST_ID, id.clone());
        }
        let told = shared.begin(&request, &id);
        let matched = || shared.traffic.route(told.route.as_ref());
        let underway = self.route.get_or_init(matched).begin(&method);
        let class = Class::of(&method, told.route.as_ref().map(MatchedPath::as_str));
        let (place, refused) = match class.map(|class| shared.load.enter(class)) {
            None => (None, None),
            Some(Ok(place)) => (Some(place), None),
            Some(Err(problem)) => (None, Some(problem)),
        };
        // What is refused for want of room is not even begun.
        let inner =
            refused.is_none().then(|| trace::within(Arc::clone(&told.request), self.inner.call(request)));
        let is_last = !shared.ready.load(Ordering::Relaxed);
        EdgeFuture {
            inner,
            refused,
            sleep: None,
            id,
            is_read,
            is_last,
            told,
            shared,
            underway,
            _place: place,
        }
    }
}

impl Shared {
    fn begin(&self, request: &Request, id: &HeaderValue) -> Told {
        let is_trusted = || {
            let peer = request.extensions().get::<PeerAddress>();
            peer.is_some_and(|peer| (self.is_trusted_proxy)(peer.0.ip().to_canonical()))
        };
        let span = self.sampling.span(request.headers(), is_trusted);
        let traced = Arc::new(Traced::new(id.to_str().unwrap_or_default().to_owned(), span));
        Told {
            begun_at: self.teller.begins(&traced),
            request: traced,
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            begun: Instant::now(),
        }
    }
}

pin_project! {
    /// An answer on its way.
    pub(crate) struct EdgeFuture<F> {
        // Nothing when the request was refused at once.
        #[pin]
        inner: Option<TaskLocalFuture<Arc<Traced>, F>>,
        refused: Option<Problem>,
        // Made only when the answer does not come at once.
        #[pin]
        sleep: Option<Sleep>,
        id: HeaderValue,
        is_read: bool,
        // Nothing more is to be asked on this connection.
        is_last: bool,
        told: Told,
        shared: Arc<Shared>,
        underway: Underway,
        // Given back when the answer begins, or nobody waits for it any more.
        _place: Option<InFlight>,
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for EdgeFuture<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (told, shared) = (&*this.told, &*this.shared);
        let polled = catch_unwind(AssertUnwindSafe(|| match this.inner.as_mut().as_pin_mut() {
            Some(inner) => inner.poll(cx),
            None => Poll::Ready(Ok(this.refused.take().unwrap_or_else(Problem::internal).into_response())),
        }));
        let response = match polled {
            Ok(Poll::Ready(Ok(response))) => response,
            Err(panic) => trace::within_now(Some(&told.request), || {
                trace::failed("a handler panicked", &message(&*panic));
                this.underway.totals().panicked();
                Problem::internal().into_response()
            }),
            Ok(Poll::Pending) => {
                if this.sleep.is_none() {
                    this.sleep.set(Some(sleep(shared.timeout)));
                }
                match this.sleep.as_pin_mut().map(|sleep| sleep.poll(cx)) {
                    Some(Poll::Ready(())) => {
                        this.underway.totals().timed_out();
                        timed_out(*this.is_read).into_response()
                    }
                    Some(Poll::Pending) | None => return Poll::Pending,
                }
            }
        };
        let totals = this.underway.totals();
        let finish = || shared.finish(response, this.id, told, totals);
        let mut response = trace::within_now(Some(&told.request), finish);
        this.underway.answer(response.status());
        if *this.is_last {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Poll::Ready(Ok(response))
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("of an unknown kind")
}

/// A command that was not answered in time may have been done all the same.
fn timed_out(is_read: bool) -> Problem {
    if is_read {
        Problem::new(Code::Overloaded, "It took too long; please try again in a moment.")
    } else {
        let detail = "It took too long, and may have happened. Repeat it with the same Idempotency-Key.";
        Problem::new(Code::OutcomeUnknown, detail)
    }
}

impl Shared {
    fn finish(&self, mut response: Response, id: &HeaderValue, told: &Told, totals: &Totals) -> Response {
        let mut code = None;
        if response.status().is_client_error() || response.status().is_server_error() {
            (response, code) = write_problem(response, id);
        }
        if let Some(code) = code {
            totals.problem(code);
        }
        response.headers_mut().insert(REQUEST_ID, id.clone());
        self.teller.tell(told, response.status(), code);
        response
    }
}

/// Gives an error its document. What did not come as a [`Problem`] (from a library, or with a document of its
/// own such as the state of readiness) is left alone when it is JSON or a page, and gets the problem of its status
/// otherwise.
fn write_problem(mut response: Response, id: &HeaderValue) -> (Response, Option<Code>) {
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if has_its_own_document(response.headers()) => return (response, None),
        None => of_status(response.status()),
    };
    let id = id.to_str().unwrap_or_default();
    let code = problem.code();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, PROBLEM);
    *response.body_mut() = Body::from(problem.write(id));
    *response.status_mut() = code.status();
    (response, Some(code))
}

fn has_its_own_document(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| *kind == JSON || *kind == PAGE)
}

fn of_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => method_not_allowed(),
        status if status.is_client_error() => {
            Problem::new(Code::InvalidRequest, "The request cannot be read.")
        }
        _ => Problem::internal(),
    }
}

/// The answer at an address where nothing is.
pub(crate) fn no_such_route() -> Problem {
    Problem::new(Code::NotFound, "There is nothing at this address; /swagger-ui/ shows what there is.")
}

/// The answer to a method that an address does not take.
pub(crate) async fn no_such_method() -> Problem {
    method_not_allowed()
}

fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed, "The header Allow names the methods that it takes.")
}

#[cfg(test)]
mod tests;
