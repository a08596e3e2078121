//! The floor: the least that an axum server can do with the same bytes.
//!
//! A bare handler that reads the request's body in full and gives a fixed answer, served the way `axum::serve`
//! serves anything. Whatever Frontrow adds on top shows as a ratio to it. It is no stand-in for Frontrow and
//! knows none of its routes: `POST /floor`, `GET /floor`, and that is all.

mod process;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use tokio::runtime;
use tokio::sync::oneshot;

pub use process::{FloorProcess, announce_and_serve};

use crate::{Answer, Next, Plan, RunError, Script, Step, Then, run};

/// Connections that may wait to be accepted. With fewer (1,024 is the usual default), a burst of connections
/// loses SYNs and stalls for a second.
pub const BACKLOG: i32 = 4_096;

/// What hyper writes by itself.
const WRITTEN_ANYWAY: [HeaderName; 4] =
    [header::DATE, header::CONTENT_LENGTH, header::CONNECTION, header::TRANSFER_ENCODING];

/// The answers of a floor server.
#[derive(Debug, Clone, Default)]
pub struct Floor {
    /// What `POST /floor` answers, once the body of the request is in.
    pub post: FloorAnswer,
    /// What `GET /floor` answers.
    pub get: FloorAnswer,
}

/// A fixed answer.
#[derive(Debug, Clone, Default)]
pub struct FloorAnswer {
    /// Its status; 200 unless told otherwise.
    pub status: StatusCode,
    /// Its headers, beside `date` and `content-length`.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl FloorAnswer {
    /// JSON of this many bytes, with about this many bytes of headers beside those of every answer.
    pub fn sized(header_bytes: usize, body_bytes: usize) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // "x-filling: …\r\n"
        if let Some(filling) = header_bytes.checked_sub(13)
            && let Ok(value) = HeaderValue::try_from("x".repeat(filling))
        {
            headers.insert(HeaderName::from_static("x-filling"), value);
        }
        let body = match body_bytes.checked_sub(2) {
            Some(inner) => format!("\"{}\"", "x".repeat(inner)),
            None => "0".repeat(body_bytes),
        };
        Self { status: StatusCode::OK, headers, body: body.into() }
    }

    /// The same status, headers and body as this answer.
    pub fn like(answer: &Answer<'_>) -> Self {
        let pairs = answer.headers().filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        });
        let headers = pairs.filter(|(name, _)| !WRITTEN_ANYWAY.contains(name)).collect();
        let status = StatusCode::from_u16(answer.status).unwrap_or_default();
        Self { status, headers, body: Bytes::copy_from_slice(answer.body) }
    }

    /// The answer that the server at `target` gives to this request now; `None` if it gives none.
    pub fn sampled(target: SocketAddr, request: &[u8]) -> Result<Option<Self>, RunError> {
        let mut sample = Sample { request, answer: None };
        run(&Plan::new(target, 1).requests(1), &mut sample)?;
        Ok(sample.answer)
    }

    fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}

impl Floor {
    /// The routes.
    pub fn router(&self) -> Router {
        let (post_answer, get_answer) = (self.post.clone(), self.get.clone());
        let on_get = move || async move { get_answer.response() };
        // Taking the body as `Bytes` is what reads it.
        let on_post = move |_body: Bytes| async move { post_answer.response() };
        Router::new().route("/floor", get(on_get).post(on_post))
    }

    /// Serves in a thread of its own, on a free port of 127.0.0.1, until the handle is dropped.
    pub fn spawn(self) -> io::Result<FloorHandle> {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || serve(&self, listener, stopped);
        let thread = thread::Builder::new().name("floor".to_owned()).spawn(serve)?;
        Ok(FloorHandle { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Serves on the calling thread, and on as many more as the machine has cores, until the process ends.
    pub fn serve_blocking(&self, listener: TcpListener) -> io::Result<()> {
        let (_never, stopped) = oneshot::channel();
        serve(self, listener, stopped)
    }
}

/// A floor server that runs in this process.
#[derive(Debug)]
pub struct FloorHandle {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

impl FloorHandle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes its connections and waits until it has stopped.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        self.stop.take();
        match self.thread.take().map(thread::JoinHandle::join) {
            Some(Ok(served)) => served,
            Some(Err(_)) => Err(io::Error::other("the floor server panicked")),
            None => Ok(()),
        }
    }
}

impl Drop for FloorHandle {
    fn drop(&mut self) {
        // Whoever wants to know how it ended calls `stop`.
        let _ = self.end();
    }
}

/// Listens with a backlog of [`BACKLOG`], as the measured server does.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Until `stop` is sent to or dropped.
fn serve(floor: &Floor, listener: TcpListener, stop: oneshot::Receiver<()>) -> io::Result<()> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    listener.set_nonblocking(true)?;
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::select! {
            served = async { axum::serve(listener, floor.router()).await } => served,
            _ = stop => Ok(()),
        }
    });
    // Connections are tasks; none of them blocks, so this ends at once.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

struct Sample<'a> {
    request: &'a [u8],
    answer: Option<FloorAnswer>,
}

impl Script for Sample<'_> {
    fn next(&mut self, _connection: usize, buffer: &mut Vec<u8>) -> Next {
        buffer.extend_from_slice(self.request);
        Next::Send(Step(0))
    }

    fn answered(&mut self, _connection: usize, _step: Step, answer: &Answer<'_>) -> Then {
        self.answer = Some(FloorAnswer::like(answer));
        Then::Free
    }
}
