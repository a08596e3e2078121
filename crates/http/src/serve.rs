//! Serving: connections and their limits, and the end of it all. hyper directly, because the limits on headers
//! and on the time to send them are its own.

mod crowd;
mod wire;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header;
use axum::response::Response;
use frontrow_application::seldom::Seldom;
use futures_util::FutureExt as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::{counter, gauge};
use pin_project_lite::pin_project;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use crate::auth::PeerAddress;
use crate::stream::EVENT_STREAM;
use crowd::{Crowd, Guest, LOOK_PAUSE, Present};
use wire::Wire;

/// How long to wait before accepting again when the process has no more files: something has to be closed first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often the open connections are counted.
const LOOK: Duration = Duration::from_secs(1);

/// Limits of serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeLimits {
    /// Connections open at once; more wait in the backlog, and idle ones give way to them.
    pub max_connections: usize,
    /// Connections of one address open at once; 0 for as many as it likes.
    pub connections_per_address: usize,
    /// Bytes in the longest request line with all headers; at least 8,192, which is what hyper needs.
    pub header_bytes: usize,
    /// How long a client may take to send them; also how long a connection may lie idle.
    pub header_timeout: Duration,
    /// How long a client may take nothing of what is being written to it.
    pub write_timeout: Duration,
    /// How long a stop waits for requests that were accepted.
    pub shutdown: Duration,
}

/// Opens a listening socket with a backlog long enough for the first second of a sale.
pub fn bind(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for connections of the last run to be forgotten.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

/// Serves until `shutdown` is cancelled, then until every request that was accepted is answered, but not longer
/// than the limit. Answers how many connections had to be cut off.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServeLimits,
    shutdown: CancellationToken,
) -> usize {
    let server = Arc::new(Server::new(router, limits, shutdown));
    let connections = TaskTracker::new();
    let accepted_total = counter!("frontrow_http_connections_accepted_total");
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let open = |(stream, peer): (TcpStream, SocketAddr), place: OwnedSemaphorePermit| {
        let Some(present) = server.crowd.enter(peer) else { return };
        let server = Arc::clone(&server);
        connections.spawn(async move {
            server.connection(stream, peer, present).await;
            drop(place);
        });
    };
    // One that has no place yet; more are better off in the backlog.
    let mut waiting = None;
    loop {
        tokio::select! {
            biased;
            () = server.shutdown.cancelled() => break,
            _ = look.tick() => {
                gauge!("frontrow_http_connections").set(connections.len() as f64);
                gauge!("frontrow_http_connections_limit").set(limits.max_connections as f64);
            }
            accepted = listener.accept(), if waiting.is_none() => match accepted {
                Ok(accepted) => {
                    accepted_total.increment(1);
                    waiting = Some(accepted);
                }
                Err(error) => server.pause_after(&error).await,
            },
            place = server.place(), if waiting.is_some() => {
                if let Some(accepted) = waiting.take() {
                    open(accepted, place);
                }
            }
        }
    }
    // What the kernel has accepted for us already is not left standing.
    while let Some(accepted) = waiting.take().or_else(|| listener.accept().now_or_never()?.ok()) {
        let Ok(place) = Arc::clone(&server.places).try_acquire_owned() else { break };
        open(accepted, place);
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.shutdown, connections.wait()).await.is_err() {
        let cut_off = connections.len();
        tracing::warn!(connections = cut_off, "connections had to be cut off");
        server.cut_off.cancel();
        connections.wait().await;
        return cut_off;
    }
    0
}

struct Server {
    router: Router,
    http: http1::Builder,
    write_timeout: Duration,
    places: Arc<Semaphore>,
    crowd: Arc<Crowd>,
    shutdown: CancellationToken,
    cut_off: CancellationToken,
    not_accepted: Seldom,
}

impl Server {
    fn new(router: Router, limits: ServeLimits, shutdown: CancellationToken) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(limits.header_bytes)
            .keep_alive(true);
        Self {
            router,
            http,
            write_timeout: limits.write_timeout,
            places: Arc::new(Semaphore::new(limits.max_connections)),
            crowd: Crowd::new(limits.max_connections, limits.connections_per_address),
            shutdown,
            cut_off: CancellationToken::new(),
            not_accepted: Seldom::new(),
        }
    }

    /// A place for a connection, from whoever gives theirs up.
    async fn place(&self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return place;
            }
            self.crowd.make_room();
            if let Ok(Ok(place)) = timeout(LOOK_PAUSE, Arc::clone(&self.places).acquire_owned()).await {
                return place;
            }
        }
    }

    async fn pause_after(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
            return;
        }
        if let Some(untold) = self.not_accepted.turn() {
            tracing::warn!(%error, untold, "no connection can be accepted");
        }
        counter!("frontrow_http_accept_failures_total").increment(1);
        // Mostly there are no more files; who lies idle has one.
        self.crowd.make_room();
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }

    async fn connection(&self, stream: TcpStream, peer: SocketAddr, present: Present) {
        let guest = Arc::clone(&present.guest);
        let wire = match Wire::new(stream, self.write_timeout, Arc::clone(&guest)) {
            Ok(wire) => wire,
            Err(error) => {
                tracing::debug!(%error, "a connection was lost at once");
                return;
            }
        };
        let service = Requests { router: self.router.clone(), peer, guest };
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(wire), service));
        let mut ended = tokio::select! {
            biased;
            ended = connection.as_mut() => Some(ended),
            () = self.shutdown.cancelled() => None,
        };
        if ended.is_none() {
            connection.as_mut().graceful_shutdown();
            ended = tokio::select! {
                biased;
                ended = connection => Some(ended),
                () = self.cut_off.cancelled() => None,
            };
        }
        if let Some(Err(error)) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// The requests of one connection.
struct Requests {
    router: Router,
    peer: SocketAddr,
    guest: Arc<Guest>,
}

impl hyper::service::Service<Request<Incoming>> for Requests {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(PeerAddress(self.peer));
        self.guest.asks();
        // A router is always ready.
        let inner = self.router.clone().call(request.map(Body::new));
        Answering { inner, guest: Arc::clone(&self.guest) }
    }
}

pin_project! {
    /// An answer on its way, of which the connection has to know.
    struct Answering {
        #[pin]
        inner: <Router as tower::Service<Request<Body>>>::Future,
        guest: Arc<Guest>,
    }
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx));
        let kind = answer.as_ref().ok().and_then(|answer| answer.headers().get(header::CONTENT_TYPE));
        this.guest.is_answered(kind.is_some_and(|kind| *kind == EVENT_STREAM));
        Poll::Ready(answer)
    }
}
