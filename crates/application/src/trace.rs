//! The request for which something happens: what ties a line of the log, a span of a trace and an event to it.
//!
//! The edge runs every request [`within`] its [`Request`]. Whoever works on it may note what is found out on the way,
//! and whoever writes a line of the log or an event can ask [`current`]. Outside of requests (in jobs) there is none. What is
//! noted is ids and nothing else: no name, no address, no token.

use std::fmt::Display;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use frontrow_domain::event::Origin;
use frontrow_domain::{EntryId, Timestamp, UserId};
use parking_lot::Mutex;
use tokio::task::futures::TaskLocalFuture;

use crate::seldom::Seldom;

tokio::task_local! {
    static REQUEST: Arc<Request>;
}

/// How many groups of a traced request are remembered. A request is one command, seldom two or three.
const COMMITS_MAX: usize = 8;

/// A request that is being answered.
#[derive(Debug)]
pub struct Request {
    origin: Origin,
    span: Option<SpanContext>,
    user: OnceLock<UserId>,
    entry: OnceLock<EntryId>,
    cause: OnceLock<String>,
    commits: Mutex<Vec<Commit>>,
}

/// Where a request is in a trace (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanContext {
    /// The trace; never 0.
    pub trace: u128,
    /// The step in it that is this request; never 0.
    pub span: u64,
    /// The step that it follows from; 0 when it is the first.
    pub parent: u64,
    /// Whether those who keep traces are to keep this one.
    pub is_sampled: bool,
    /// Whether the step is one of this server, and not that of its caller handed on.
    pub is_ours: bool,
}

/// What became of one command of a traced request in the box office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// When its group was taken.
    pub begun: Instant,
    /// When its group was committed.
    pub done: Instant,
    /// How many commands the group had.
    pub commands: usize,
    /// How often they decided.
    pub rounds: u32,
    /// Where the time of the group went.
    pub spent: Spent,
}

/// Where the time of a group went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Beginning, locking, loading.
    pub load: Duration,
    /// Deciding, over all rounds.
    pub decide: Duration,
    /// Writing what changed.
    pub save: Duration,
    /// Committing.
    pub commit: Duration,
}

/// A finished step of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Where it is.
    pub context: SpanContext,
    /// What it is: a method with the route, or what was done within a request.
    pub name: String,
    /// True for a request, false for what was done within one.
    pub is_request: bool,
    /// When it began.
    pub begun_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// More about it, by the names of the semantic conventions of `OpenTelemetry` where there is one.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// What went wrong, by the code of its problem.
    pub failure: Option<&'static str>,
}

/// What a span says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

/// Takes finished spans. MUST NOT block: a span that cannot be taken is dropped.
pub trait Traces: Send + Sync + 'static {
    /// A step has come to its end.
    fn finished(&self, span: Span);
}

impl Request {
    /// A request with this id, at this place of a trace if it is traced.
    pub fn new(request_id: String, span: Option<SpanContext>) -> Self {
        let traceparent = span.map(|span| span.to_string());
        Self {
            origin: Origin { request_id, traceparent },
            span,
            user: OnceLock::new(),
            entry: OnceLock::new(),
            cause: OnceLock::new(),
            commits: Mutex::default(),
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.origin.request_id
    }

    /// What events that come of it say of it.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where it is in a trace.
    pub fn span(&self) -> Option<SpanContext> {
        self.span
    }

    /// Who has sent it, once that is known.
    pub fn user(&self) -> Option<UserId> {
        self.user.get().copied()
    }

    /// The place in a line that it is about, once that is known.
    pub fn entry(&self) -> Option<EntryId> {
        self.entry.get().copied()
    }

    /// Why it has failed, as far as that is known inside.
    pub fn cause(&self) -> Option<&str> {
        self.cause.get().map(String::as_str)
    }

    /// What became of its commands, when it is recorded.
    pub fn take_commits(&self) -> Vec<Commit> {
        std::mem::take(&mut *self.commits.lock())
    }

    /// Whether a span is made of it.
    pub fn is_recorded(&self) -> bool {
        self.span.is_some_and(|span| span.is_sampled && span.is_ours)
    }

    /// Notes why it fails; of several causes the first counts.
    pub(crate) fn blame(&self, cause: &str) {
        self.cause.get_or_init(|| cause.to_owned());
    }

    pub(crate) fn note_commit(&self, commit: Commit) {
        let mut commits = self.commits.lock();
        if commits.len() < COMMITS_MAX {
            commits.push(commit);
        }
    }
}

/// As the header `traceparent` has it.
impl Display for SpanContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { trace, span, is_sampled, .. } = self;
        write!(f, "00-{trace:032x}-{span:016x}-{:02x}", u8::from(*is_sampled))
    }
}

impl SpanContext {
    /// Trace, step and whether it is sampled, from a header `traceparent` (W3C Trace Context, level 1, and whatever a
    /// later version adds behind it). Nothing when it is not one.
    pub fn parse_parent(header: &str) -> Option<(u128, u64, bool)> {
        let mut parts = header.splitn(5, '-');
        let mut digits = |count: usize| {
            let part = parts.next()?;
            let is_sound =
                part.len() == count && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            is_sound.then_some(part)
        };
        let (version, trace, parent, flags) = (digits(2)?, digits(32)?, digits(16)?, digits(2)?);
        // What this version has not can only come with a later one; that one is called 255 never.
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
        let parent = u64::from_str_radix(parent, 16).ok().filter(|parent| *parent != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some((trace, parent, flags & 1 == 1))
    }
}

/// Does something for a request.
pub fn within<F: Future>(request: Arc<Request>, work: F) -> TaskLocalFuture<Arc<Request>, F> {
    REQUEST.scope(request, work)
}

/// Does something for a request that does not wait for anything, if there is a request.
pub fn within_now<T>(request: Option<&Arc<Request>>, work: impl FnOnce() -> T) -> T {
    match request {
        Some(request) => REQUEST.sync_scope(Arc::clone(request), work),
        None => work(),
    }
}

/// The request for which this is done.
pub fn current() -> Option<Arc<Request>> {
    REQUEST.try_with(Arc::clone).ok()
}

/// Looks at the request for which this is done.
pub fn with_current<T>(look: impl FnOnce(&Request) -> T) -> Option<T> {
    REQUEST.try_with(|request| look(request)).ok()
}

/// Notes who has sent the request.
pub fn note_user(user: UserId) {
    with_current(|request| request.user.set(user).ok());
}

/// Notes which place in a line the request is about.
pub fn note_entry(entry: EntryId) {
    with_current(|request| request.entry.set(entry).ok());
}

/// When each kind of failure that was of no request may be said again. As many kinds as there are callers of [`failed`].
static SAID: Mutex<Vec<(&'static str, Seldom)>> = Mutex::new(Vec::new());

/// Says why something failed: once, where the request ends, or when it is done for no request, at once. Of several causes
/// of a request the first counts. What jobs find out again and again, while a part is away, is said once a second.
pub fn failed(what: &'static str, error: &impl Display) {
    if with_current(|request| request.cause.set(format!("{what}: {error}")).ok()).is_some() {
        return;
    }
    if let Some(untold) = turn(what) {
        tracing::error!(%error, untold, "{what}");
    }
}

/// How many of this kind were not said since the last time, when it may be said now.
fn turn(what: &'static str) -> Option<u64> {
    let mut said = SAID.lock();
    if let Some((_, seldom)) = said.iter().find(|(known, _)| *known == what) {
        return seldom.turn();
    }
    let seldom = Seldom::new();
    let first = seldom.turn();
    said.push((what, seldom));
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_and_written() {
        let (trace, parent, is_sampled) = SpanContext::parse_parent(PARENT).expect("it is one");
        assert_eq!(trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!((parent, is_sampled), (0x00f0_67aa_0ba9_02b7, true));
        let span = SpanContext { trace, span: parent, parent: 0, is_sampled, is_ours: true };
        assert_eq!(span.to_string(), PARENT);
        let not_sampled = SpanContext { is_sampled: false, ..span };
        assert_eq!(SpanContext::parse_parent(&not_sampled.to_string()), Some((trace, parent, false)));
        // A later version may have more behind it, and other flags.
        let later = format!("01-{}-03-more", &PARENT[3..52]);
        assert_eq!(SpanContext::parse_parent(&later), Some((trace, parent, true)));
        for wrong in [
            "",
            "00",
            &PARENT.replacen("00-4", "ff-4", 1),
            &format!("{PARENT}-more"),
            &PARENT.to_uppercase(),
            &PARENT.replacen("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32), 1),
            &PARENT.replacen("00f067aa0ba902b7", &"0".repeat(16), 1),
            &PARENT.replacen("00f067aa0ba902b7", "00f067aa0ba902b", 1),
            &PARENT.replacen("00f067aa0ba902b7", "+0f067aa0ba902b7", 1),
        ] {
            assert_eq!(SpanContext::parse_parent(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_fails_for_no_request_is_said_at_once_and_then_not_each_time() {
        assert_eq!(turn("one kind"), Some(0));
        assert_eq!(turn("another kind"), Some(0), "it does not wait for the first");
        let begun = Instant::now();
        let (mut asked, mut said, mut untold) = (0, 0, 0);
        while said == 0 && begun.elapsed() < Duration::from_secs(30) {
            asked += 1;
            if let Some(since) = turn("one kind") {
                (said, untold) = (said + 1, since);
            }
        }
        assert_eq!((said, untold), (1, asked - 1), "with how many there were");
        assert!(asked > 1, "not each time");
    }

    #[tokio::test]
    async fn what_is_noted_is_of_the_request_for_which_it_is_done() {
        assert!(current().is_none());
        note_user(UserId::new(uuid::Uuid::from_u128(9)));
        let (one, two) =
            (Arc::new(Request::new("1".to_owned(), None)), Arc::new(Request::new("2".to_owned(), None)));
        let note = |number: u128| async move {
            tokio::task::yield_now().await;
            note_user(UserId::new(uuid::Uuid::from_u128(number)));
            failed("first", &number);
            failed("second", &number);
        };
        tokio::join!(within(Arc::clone(&one), note(1)), within(Arc::clone(&two), note(2)));
        for (request, number) in [(one, 1), (two, 2)] {
            assert_eq!(request.user(), Some(UserId::new(uuid::Uuid::from_u128(number))));
            assert_eq!(request.cause(), Some(format!("first: {number}").as_str()));
            assert_eq!(request.origin(), &Origin { request_id: number.to_string(), traceparent: None });
        }
        assert!(current().is_none());
    }
}
