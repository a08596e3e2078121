//! What every handler gets: the application, and the parts of the interface that live as long as the server.

use std::sync::Arc;

use axum::http::HeaderValue;
use frontrow_application::App;
use frontrow_application::store::ReadError;
use frontrow_application::trace;
use frontrow_domain::account::Role;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::auth::{Auth, Caller, LogInThrottle};
use crate::kept::KeptBodies;
use crate::limits::{JoinLimit, Load, OpenStreams, RequestLimit};
use crate::problem::{Code, Problem, Refusal};
use crate::queue::QueueTokens;
use crate::settings::{HttpSettings, Limits};
use crate::ticket::TicketSigner;
use crate::traffic::Traffic;

/// Bytes of a body that is not worth counting: what fans send has a tenth of that.
const SHORT_BODY_BYTES: usize = 4_096;

/// Draws that are sent at once, each with a part of it in memory: 0.9 MB, so at most 58 MB.
const DRAWS_MAX: usize = 64;

/// The state of the interface. Cheap to clone.
#[derive(Clone)]
pub struct HttpState(Arc<Parts>);

struct Parts {
    app: Arc<App>,
    settings: HttpSettings,
    auth: Auth,
    throttle: LogInThrottle,
    requests: RequestLimit,
    joins: JoinLimit,
    streams: Arc<OpenStreams>,
    load: Arc<Load>,
    /// A permit for each KiB of a longer body.
    bodies: Semaphore,
    queue_tokens: QueueTokens,
    tickets: TicketSigner,
    kept: KeptBodies,
    /// A permit for each draw that may be on its way at once.
    draws: Arc<Semaphore>,
    epoch: OnceCell<String>,
    traffic: Arc<Traffic>,
}

impl HttpState {
    /// Puts the parts together.
    pub fn new(app: Arc<App>, settings: HttpSettings) -> Self {
        let (keys, shared) = (&settings.keys, settings.shared_counts.clone());
        Self(Arc::new(Parts {
            auth: Auth::new(&settings),
            throttle: LogInThrottle::new(
                settings.limits.log_in,
                Arc::clone(keys),
                app.clock(),
                shared.clone(),
            ),
            joins: JoinLimit::new(
                settings.limits.joins_per_fan_per_minute,
                Arc::clone(keys),
                app.clock(),
                shared,
            ),
            requests: RequestLimit::new(
                settings.limits.requests_per_fan_per_second,
                settings.limits.request_burst_per_fan,
            ),
            streams: Arc::default(),
            load: Load::new(settings.in_flight),
            bodies: Semaphore::new(settings.bodies_kib as usize),
            queue_tokens: QueueTokens::new(Arc::clone(&settings.keys)),
            tickets: TicketSigner::new(Arc::clone(&settings.keys)),
            kept: KeptBodies::new(),
            draws: Arc::new(Semaphore::new(DRAWS_MAX)),
            epoch: OnceCell::new(),
            traffic: Arc::new(Traffic::new()),
            app,
            settings,
        }))
    }

    /// Other limits from now on. What was counted stays counted.
    pub fn limit(&self, limits: Limits) {
        let Limits { log_in, requests_per_fan_per_second, request_burst_per_fan, joins_per_fan_per_minute } =
            limits;
        self.0.throttle.set(log_in);
        self.0.requests.set(requests_per_fan_per_second, request_burst_per_fan);
        self.0.joins.set(joins_per_fan_per_minute);
    }

    pub(crate) fn app(&self) -> &App {
        &self.0.app
    }

    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.0.settings
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.0.auth
    }

    /// Who sent a request with this header `Authorization`, unless they have sent too many.
    pub(crate) async fn caller(&self, authorization: Option<&HeaderValue>) -> Result<Caller, Problem> {
        let caller = self.auth().caller(self.app(), authorization).await?;
        trace::note_user(caller.user);
        if caller.role == Role::Fan {
            self.count_request(caller.user.bytes())?;
        }
        Ok(caller)
    }

    /// Counts a request of a fan, known by account or by place.
    pub(crate) fn count_request(&self, fan: &[u8; 16]) -> Result<(), Problem> {
        let counted = self.0.requests.enter(fan, self.0.app.now());
        counted
            .map_err(|seconds| Problem::rate_limited("You are asking too often; please slow down.", seconds))
    }

    /// Counts a join of a fan. Staff join as often as they like.
    pub(crate) async fn count_join(&self, caller: &Caller) -> Result<(), Problem> {
        if caller.role != Role::Fan {
            return Ok(());
        }
        let counted = self.0.joins.enter(caller.user).await;
        let detail = "You have joined too often; ask about your place instead.";
        counted.map_err(|seconds| Problem::rate_limited(detail, seconds))
    }

    /// What is counted of requests and streams.
    pub(crate) fn traffic(&self) -> &Arc<Traffic> {
        &self.0.traffic
    }

    /// How much there is to do.
    pub(crate) fn load(&self) -> &Arc<Load> {
        &self.0.load
    }

    /// Room in memory for a body of so many bytes, until the permit is dropped. Short ones need none: there are no more of
    /// them than connections.
    pub(crate) fn room_for_body(&self, bytes: usize) -> Result<Option<SemaphorePermit<'_>>, Problem> {
        if bytes <= SHORT_BODY_BYTES {
            return Ok(None);
        }
        let kib = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX).min(self.settings().bodies_kib);
        let room = self.0.bodies.try_acquire_many(kib).map_err(|_| {
            let detail = "Too many long bodies are being read, and nothing has changed; please try again.";
            Problem::new(Code::Overloaded, detail)
        })?;
        Ok(Some(room))
    }

    /// The streams that fans have open.
    pub(crate) fn streams(&self) -> &Arc<OpenStreams> {
        &self.0.streams
    }

    pub(crate) fn queue_tokens(&self) -> &QueueTokens {
        &self.0.queue_tokens
    }

    pub(crate) fn throttle(&self) -> &LogInThrottle {
        &self.0.throttle
    }

    pub(crate) fn tickets(&self) -> &TicketSigner {
        &self.0.tickets
    }

    /// Long bodies that are the same for everybody.
    pub(crate) fn kept(&self) -> &KeptBodies {
        &self.0.kept
    }

    /// Turns at sending the list of a draw.
    pub(crate) fn draws(&self) -> &Arc<Semaphore> {
        &self.0.draws
    }

    /// Lets go of bodies that nobody has asked for since the last time. Whoever owns time calls this every few seconds.
    pub fn tidy(&self) {
        self.0.kept.tidy();
    }

    /// The name of the store's history, which never changes while it is open.
    pub(crate) async fn epoch(&self) -> Result<&str, ReadError> {
        let read = || async { self.0.app.epoch().await.map(|epoch| format!("{epoch:x}")) };
        self.0.epoch.get_or_try_init(read).await.map(String::as_str)
    }

    /// The problem that tells of a refusal, a failure, or a query without an answer.
    pub(crate) fn problem(&self, refusal: impl Refusal) -> Problem {
        refusal.problem(self.0.app.now())
    }
}
