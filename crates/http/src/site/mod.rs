//! The web site: pages for fans, operators and the door, and the files that they are made of.
//!
//! The files are in `web/` and become part of the binary. A page is a shell in the visitor's language
//! ([`shell`]), which says what it will be before any script has run; its module then asks the public API and fills
//! it. There is nothing here that the API does not have: a page knows no fan, no seat and no price.
//!
//! To add a page: a line in [`PAGES`], its module in `web/pages/`, its title in every file of `web/messages/`, and its
//! place in `deploy/dev/site/tests`.

mod assets;
mod language;
mod shell;

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::Compression;

use crate::edge;
use crate::encoding::{BY_CODING, GZIP, compress, takes_gzip};
use crate::problem::Problem;
use crate::request::IfNoneMatch;
use crate::respond::{Keep, PAGE, tag_of};
use crate::state::HttpState;
use assets::{ASSETS, Asset};
use language::Visitor;

/// What a browser may do on our pages: nothing but what comes from this server. No script stands in a page, nothing
/// is made into one, no other page may frame ours.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
     media-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types frontrow",
);

/// Devices that our pages may ask for: the camera, at the door.
const PERMISSIONS: HeaderValue = HeaderValue::from_static("camera=(self), microphone=(), geolocation=()");

/// A page of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// Where it is, as the router reads it.
    path: &'static str,
    /// The name of its module in `web/pages`.
    module: &'static str,
    /// Its title, as a key of `web/messages`.
    title: &'static str,
    /// Whose navigation it has: `fan`, `ops` or `gate`.
    area: &'static str,
}

const fn page(path: &'static str, module: &'static str, title: &'static str, area: &'static str) -> Page {
    Page { path, module, title, area }
}

/// All pages.
const PAGES: &[Page] = &[
    page("/", "concerts", "concerts.title", "fan"),
    page("/concerts/{concert}", "concert", "concert.title", "fan"),
    page("/concerts/{concert}/queue", "queue", "queue.title", "fan"),
    page("/concerts/{concert}/schedules/{schedule}", "seats", "seats.title", "fan"),
    page("/login", "login", "login.title", "fan"),
    page("/signup", "signup", "signup.title", "fan"),
    page("/checkout/{reservation}", "checkout", "checkout.title", "fan"),
    page("/tickets/{reservation}", "tickets", "tickets.title", "fan"),
    page("/reservations", "reservations", "reservations.title", "fan"),
    page("/wallet", "wallet", "wallet.title", "fan"),
    page("/ops", "ops-home", "ops.title", "ops"),
    page("/ops/find", "ops-find", "find.title", "ops"),
    page("/ops/log", "ops-log", "log.title", "ops"),
    page("/ops/letters", "ops-letters", "letters.title", "ops"),
    page("/ops/concerts/new", "ops-concert", "opsConcert.newTitle", "ops"),
    page("/ops/concerts/{concert}", "ops-night", "night.title", "ops"),
    page("/ops/concerts/{concert}/edit", "ops-concert", "opsConcert.editTitle", "ops"),
    page("/ops/concerts/{concert}/schedules/new", "ops-schedule", "opsSchedule.title", "ops"),
    page("/ops/concerts/{concert}/schedules/{schedule}", "ops-seats", "opsSeats.title", "ops"),
    page("/gate", "gate", "gate.title", "gate"),
    page("/offline", "offline", "offline.title", "fan"),
];

/// Shown at an address where nothing is.
const MISSING: Page = page("", "missing", "missing.title", "fan");

/// The site.
pub(crate) fn router() -> Router<HttpState> {
    let mut router = Router::new()
        .route("/assets/{version}/{*path}", get(asset))
        .route("/worker.js", get(worker))
        .route("/favicon.ico", get(icon));
    for page in PAGES {
        let show = move |headers: HeaderMap| std::future::ready(show(page, StatusCode::OK, &headers));
        router = router.route(page.path, get(show));
    }
    router
}

/// The answer at an address where nothing is: a page for people, a problem for programs.
pub(crate) async fn no_such_route(request: Request) -> Response {
    let accepted = request.headers().get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok());
    let is_person = accepted.is_some_and(|accepted| accepted.contains("text/html"));
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_person && is_read && !request.uri().path().starts_with("/api/") {
        return show(&MISSING, StatusCode::NOT_FOUND, request.headers());
    }
    edge::no_such_route().into_response()
}

/// A page in the visitor's language.
fn show(page: &Page, status: StatusCode, headers: &HeaderMap) -> Response {
    let visitor = Visitor::of(headers);
    let text = shell::write(page, visitor);
    let tag = tag_of(text.as_bytes());
    let mut response = if status == StatusCode::OK && IfNoneMatch::of(headers).holds(&tag) {
        let mut unchanged = Response::default();
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        let plain = Bytes::from(text);
        let is_compressed = takes_gzip(headers);
        let body = is_compressed.then(|| compress(&plain, Compression::fast()).ok()).flatten();
        send(status, plain, body.map(Bytes::from))
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PAGE);
    // The shell changes with the version of the server and the language: it is asked for each time, and short.
    headers.insert(header::CACHE_CONTROL, Keep::Asking.header());
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding, accept-language, cookie"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    guard(response)
}

/// What every answer of the site carries against misuse.
fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    response
}

/// A body, compressed where that is there.
fn send(status: StatusCode, plain: Bytes, compressed: Option<Bytes>) -> Response {
    let is_compressed = compressed.is_some();
    let mut response = Response::new(compressed.unwrap_or(plain).into());
    *response.status_mut() = status;
    if is_compressed {
        response.headers_mut().insert(header::CONTENT_ENCODING, GZIP);
    }
    response
}

/// A file of the site. Under the version that it has it never changes; under another one (a page that was opened before
/// the server was replaced) it is what there is, and nobody keeps it.
async fn asset(Path((version, path)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.get(&path) else { return Problem::not_found().into_response() };
    let keep = if version == ASSETS.version() { Keep::Forever } else { Keep::Never };
    file(asset, keep, &headers)
}

/// The service worker, which has to be at the root to see to all pages.
async fn worker(headers: HeaderMap) -> Response {
    root_file("worker.js", &headers)
}

async fn icon(headers: HeaderMap) -> Response {
    root_file("icon.svg", &headers)
}

fn root_file(path: &str, headers: &HeaderMap) -> Response {
    match ASSETS.get(path) {
        Some(asset) => file(asset, Keep::Asking, headers),
        None => Problem::not_found().into_response(),
    }
}

fn file(asset: &Asset, keep: Keep, asked: &HeaderMap) -> Response {
    let mut response = if IfNoneMatch::of(asked).holds(asset.tag()) {
        let mut unchanged = Response::default();
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        let is_compressed = takes_gzip(asked);
        send(StatusCode::OK, asset.plain(), is_compressed.then(|| asset.compressed()).flatten())
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind()));
    headers.insert(header::CACHE_CONTROL, keep.header());
    headers.insert(header::VARY, BY_CODING);
    if let Ok(tag) = HeaderValue::try_from(asset.tag()) {
        headers.insert(header::ETAG, tag);
    }
    guard(response)
}
