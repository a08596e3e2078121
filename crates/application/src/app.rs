//! The application: the box office, the queries, and what is kept in memory, behind one method per use case.
//!
//! The methods themselves are in the files of their use cases.

use std::collections::HashSet;
use std::sync::Arc;

use frontrow_domain::catalog::ScheduleDefaults;
use frontrow_domain::reservation::LapsePolicy;
use frontrow_domain::wallet::ChargePolicy;
use frontrow_domain::{Currency, ScheduleId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::account::Passwords;
use crate::box_office::{BoxOffice, BoxOfficeSettings, CommitListener, Failure, Priority};
use crate::catalog::{Boards, CatalogCache, Feeds, Spread, Suspects};
use crate::clock::{Clock, Entropy};
use crate::command::Command;
use crate::events::{Courier, Delivery, EventLog, Leases, RelayParts, Undelivered};
use crate::group::News;
use crate::messages::Messages;
use crate::once::{Answered, Compact, InFlight, Once, OnceRefused, OnceTag};
use crate::queue::{Arrivals, Lines};
use crate::sales::{Admitted, Rankings};
use crate::store::{Reads, Store, Upkeep};
use crate::waiting_room::WaitingRoom;

/// What the application runs on.
pub struct Parts {
    /// The one way to write.
    pub store: Arc<dyn Store>,
    /// The queries.
    pub reads: Arc<dyn Reads>,
    /// What keeps the store tidy.
    pub upkeep: Arc<dyn Upkeep>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// Hashing of passwords.
    pub passwords: Arc<dyn Passwords>,
    /// The lines in front of the concerts.
    pub waiting_room: Arc<dyn WaitingRoom>,
    /// What is kept of events on their way to others.
    pub delivery: Arc<dyn Delivery>,
    /// Who takes messages to webhooks.
    pub courier: Arc<dyn Courier>,
    /// What events name as their source, to those who hear from several servers.
    pub event_source: String,
    /// What carries messages to the other instances, where there may be some.
    pub messages: Option<Arc<dyn Messages>>,
}

/// How seats are sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SalesSettings {
    /// What a schedule gets where the operator says nothing.
    pub defaults: ScheduleDefaults,
    /// After how many unpaid holds a fan has to wait.
    pub lapses: LapsePolicy,
    /// The most seats in one request.
    pub max_seats_per_request: usize,
}

/// Everything about the application that an operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The one currency of the server.
    pub currency: Currency,
    /// What fans may charge.
    pub charges: ChargePolicy,
    /// How seats are sold.
    pub sales: SalesSettings,
    /// Seconds for which a log-in lives without being refreshed.
    pub login_seconds: u32,
    /// Limits of the box office.
    pub box_office: BoxOfficeSettings,
    /// Whether it is told who is let in by a waiting room.
    pub tells_admissions: bool,
}

/// The application.
pub struct App {
    pub(crate) box_office: BoxOffice,
    pub(crate) reads: Arc<dyn Reads>,
    pub(crate) upkeep: Arc<dyn Upkeep>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) passwords: Arc<dyn Passwords>,
    pub(crate) waiting_room: Arc<dyn WaitingRoom>,
    pub(crate) delivery: Arc<dyn Delivery>,
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) event_source: String,
    pub(crate) memory: Arc<Memory>,
    pub(crate) in_flight: InFlight,
    pub(crate) settings: Settings,
}

/// What is kept in memory and follows the commits.
pub(crate) struct Memory {
    pub(crate) boards: Boards,
    pub(crate) catalog: CatalogCache,
    pub(crate) feeds: Feeds,
    /// Nothing where an instance is alone.
    pub(crate) spread: Option<Spread>,
    pub(crate) lines: Lines,
    pub(crate) rankings: Rankings,
    pub(crate) admitted: Admitted,
    /// Wakes whoever hands events on.
    pub(crate) committed: Notify,
    /// Schedules that were called off and of which nothing is left to take back.
    pub(crate) withdrawn: Mutex<HashSet<ScheduleId>>,
    pub(crate) suspects: Suspects,
    pub(crate) arrivals: Arrivals,
}

impl CommitListener for Memory {
    fn committed(&self, news: &News) {
        if !news.concerts.is_empty() || !news.schedules.is_empty() {
            self.catalog.forget_lists();
            self.lines.notice();
        }
        for &concert in &news.concerts {
            self.catalog.forget_concert(concert);
        }
        for &schedule in &news.schedules {
            self.catalog.forget_schedule(schedule);
            self.boards.forget(schedule);
        }
        for change in &news.seats {
            self.boards.apply(change);
            self.suspects.note(change);
            if let Some(spread) = &self.spread {
                spread.note(change);
            }
        }
        self.committed.notify_waiters();
    }
}

impl App {
    /// Puts the parts together and opens the box office. Needs a tokio runtime around it.
    pub fn open(parts: Parts, settings: Settings) -> Arc<Self> {
        let memory = Arc::new(Memory {
            boards: Boards::new(Arc::clone(&parts.reads)),
            catalog: CatalogCache::new(Arc::clone(&parts.reads), Arc::clone(&parts.clock)),
            feeds: Feeds::default(),
            spread: parts.messages.map(|messages| Spread::new(messages, parts.entropy.uuid())),
            lines: Lines::default(),
            rankings: Rankings::default(),
            admitted: Admitted::default(),
            committed: Notify::new(),
            withdrawn: Mutex::default(),
            suspects: Suspects::default(),
            arrivals: Arrivals::default(),
        });
        let listener: Arc<dyn CommitListener> = Arc::<Memory>::clone(&memory);
        let box_office =
            BoxOffice::open(parts.store, Arc::clone(&parts.clock), listener, settings.box_office);
        Arc::new(Self {
            box_office,
            reads: parts.reads,
            upkeep: parts.upkeep,
            clock: parts.clock,
            entropy: parts.entropy,
            passwords: parts.passwords,
            waiting_room: parts.waiting_room,
            delivery: parts.delivery,
            courier: parts.courier,
            event_source: parts.event_source,
            memory,
            in_flight: InFlight::default(),
            settings,
        })
    }

    /// What an operator has set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The time, for answers that show one.
    pub fn now(&self) -> frontrow_domain::Timestamp {
        self.clock.now()
    }

    /// Waits until this instance commits something. What was committed before the call does not count, and what is
    /// committed after it does, whenever it is waited for.
    pub fn next_commit(&self) -> impl Future<Output = ()> + '_ {
        self.memory.committed.notified()
    }

    /// What events name as their source.
    pub fn event_source(&self) -> &str {
        &self.event_source
    }

    /// What relays run on, as the instance that `owner` names.
    pub fn relay_parts(&self, owner: uuid::Uuid) -> RelayParts {
        RelayParts {
            log: Arc::clone(&self.reads) as Arc<dyn EventLog>,
            leases: Arc::clone(&self.delivery) as Arc<dyn Leases>,
            undelivered: Arc::clone(&self.delivery) as Arc<dyn Undelivered>,
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            owner,
        }
    }

    /// The time as it goes on, for what the edge counts.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// A new id, for the edge.
    pub fn draw_id(&self) -> uuid::Uuid {
        self.entropy.uuid()
    }

    /// Takes no more commands, and waits until those that were taken are answered.
    pub fn close(&self) {
        self.box_office.close();
    }

    /// Runs a command under an idempotency key, if it came with one.
    pub(crate) async fn run_once<C>(
        &self,
        priority: Priority,
        tag: Option<OnceTag>,
        command: C,
    ) -> Result<Answered<C::Outcome>, Failure<OnceRefused<C::Refusal>>>
    where
        C: Command,
        C::Outcome: Compact,
    {
        let _running = match &tag {
            None => None,
            Some(tag) => Some(self.in_flight.enter(tag.key).ok_or(Failure::Refused(OnceRefused::InFlight))?),
        };
        self.box_office.run(priority, Once::new(tag, command)).await
    }

    /// The refusal of a request that never became a command. The replay look-up comes before every other check,
    /// so a key that was used with another request is told first.
    pub(crate) async fn refuse_early<T, R>(
        &self,
        tag: Option<&OnceTag>,
        reason: R,
    ) -> Result<T, Failure<OnceRefused<R>>> {
        if let Some(tag) = tag
            && self.is_key_reused(tag).await
        {
            return Err(Failure::Refused(OnceRefused::KeyReused));
        }
        Err(Failure::Refused(OnceRefused::Refused(reason)))
    }

    /// True when an outcome is kept under this key, for whichever request.
    pub(crate) async fn is_key_kept(&self, tag: Option<&OnceTag>) -> bool {
        let Some(tag) = tag else { return false };
        matches!(self.reads.once(tag.key, self.clock.now()).await, Ok(Some(_)))
    }

    /// True when an outcome is kept under this key for another request.
    pub async fn is_key_reused(&self, tag: &OnceTag) -> bool {
        match self.reads.once(tag.key, self.clock.now()).await {
            Ok(kept) => kept.is_some_and(|kept| kept.request != tag.request),
            Err(_) => false,
        }
    }
}
