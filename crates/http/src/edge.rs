//! The outermost layer, around every route: the request id, the time limit, panics, the bodies of problems, and what is
//! counted of each request.
//!
//! One layer instead of five: each costs an allocation or two for every request.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use frontrow_domain::staff::REQUEST_ID_MAX;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::{Layer, Service};

use crate::problem::{Code, Problem};
use crate::respond::{JSON, PAGE};
use crate::traffic::{Route, Totals, Traffic, Underway};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Characters in the longest request id that is taken over.
const ID_MAX: usize = REQUEST_ID_MAX;

/// Puts [`Edge`] around every route.
#[derive(Clone)]
pub(crate) struct EdgeLayer(Arc<Shared>);

/// What is the same for all routes.
struct Shared {
    ids: RequestIds,
    timeout: Duration,
    traffic: Arc<Traffic>,
    ready: Arc<AtomicBool>,
}

/// Makes request ids: a name for this run of the server, and a count.
struct RequestIds {
    run: u64,
    count: AtomicU64,
}

impl EdgeLayer {
    /// `run` tells the ids of this run of the server from those of others. While it is not `ready`, connections end with
    /// the answer that is on its way: who asks again comes to a server that will still be there.
    pub(crate) fn new(run: u64, timeout: Duration, traffic: Arc<Traffic>, ready: Arc<AtomicBool>) -> Self {
        let ids = RequestIds { run, count: AtomicU64::new(0) };
        Self(Arc::new(Shared { ids, timeout, traffic, ready }))
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
        let id = self.shared.ids.id(request.headers());
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if !is_read {
            // A command carries its id whoever made it, for the log of what staff do.
            request.headers_mut().insert(REQUEST_ID, id.clone());
        }
        let matched = || self.shared.traffic.route(request.extensions().get::<MatchedPath>());
        let underway = self.route.get_or_init(matched).begin(request.method());
        let inner = self.inner.call(request);
        let is_last = !self.shared.ready.load(Ordering::Relaxed);
        EdgeFuture { inner, sleep: None, timeout: self.shared.timeout, id, is_read, is_last, underway }
    }
}

pin_project! {
    /// An answer on its way.
    pub(crate) struct EdgeFuture<F> {
        #[pin]
        inner: F,
        // Made only when the answer does not come at once.
        #[pin]
        sleep: Option<Sleep>,
        timeout: Duration,
        id: HeaderValue,
        is_read: bool,
        // Nothing more is to be asked on this connection.
        is_last: bool,
        underway: Underway,
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for EdgeFuture<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let polled = catch_unwind(AssertUnwindSafe(|| this.inner.poll(cx)));
        let response = match polled {
            Ok(Poll::Ready(Ok(response))) => response,
            Err(panic) => {
                tracing::error!(request.id = ?this.id, panic = message(&*panic), "a handler panicked");
                this.underway.totals().panicked();
                Problem::internal().into_response()
            }
            Ok(Poll::Pending) => {
                if this.sleep.is_none() {
                    this.sleep.set(Some(sleep(*this.timeout)));
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
        let mut response = finish(response, this.id, this.underway.totals());
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

fn finish(mut response: Response, id: &HeaderValue, totals: &Totals) -> Response {
    if response.status().is_client_error() || response.status().is_server_error() {
        response = write_problem(response, id, totals);
    }
    response.headers_mut().insert(REQUEST_ID, id.clone());
    response
}

/// Gives an error its document. What did not come as a [`Problem`] (from a library, or with a document of its
/// own such as the state of readiness) is left alone when it is JSON or a page, and gets the problem of its status
/// otherwise.
fn write_problem(mut response: Response, id: &HeaderValue, totals: &Totals) -> Response {
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if has_its_own_document(response.headers()) => return response,
        None => of_status(response.status()),
    };
    let id = id.to_str().unwrap_or_default();
    let code = problem.code();
    totals.problem(code);
    if code.status().is_server_error() {
        tracing::warn!(request.id = id, code = code.name(), "a request failed");
    }
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, PROBLEM);
    *response.body_mut() = Body::from(problem.write(id));
    *response.status_mut() = code.status();
    response
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
