//! What accounts may do now. A token is good for minutes; a role that is taken away, a block and an erasure count
//! sooner: at once on the instance that did it, and on every other as soon as what it knows is a second old.
//!
//! Few accounts ever change. So a token is believed, unless its account is among those that have: they are kept in
//! memory, and once a second it is asked which have come up.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use frontrow_application::App;
use frontrow_domain::account::{Role, Standing};
use frontrow_domain::{Timestamp, UserId};
use tokio::sync::Mutex;

use crate::problem::{Code, Problem, Refusal as _};

/// Seconds for which what is known counts, and with which another instance may lag behind.
const AGE_MAX_SECONDS: u32 = 1;
/// Seconds that each question reaches back behind the last: a change that was decided earlier may commit later, and the
/// clocks of two instances differ.
const OVERLAP_SECONDS: u32 = 60;

/// What was last heard.
struct Heard {
    /// The accounts that are no longer as they were made.
    changed: HashMap<UserId, (Role, Standing)>,
    /// When it was asked.
    at: Timestamp,
    /// How many changes this instance had made by then.
    changes: u64,
}

/// The accounts that are no longer as they were made.
pub(super) struct Accounts {
    heard: ArcSwapOption<Heard>,
    /// Counts what this instance changes.
    changes: AtomicU64,
    /// Held by whoever asks.
    asking: Mutex<()>,
}

impl Accounts {
    pub(super) fn new() -> Self {
        Self { heard: ArcSwapOption::empty(), changes: AtomicU64::new(0), asking: Mutex::new(()) }
    }

    /// What the owner of an account may do now whose token says `said`, if they may act at all.
    pub(super) async fn role(&self, app: &App, user: UserId, said: Role) -> Result<Role, Problem> {
        let known = |heard: &Heard| heard.changed.get(&user).copied();
        let heard = self.heard.load();
        let changed = match heard.as_ref().filter(|heard| self.is_fresh(heard, app.now())) {
            Some(heard) => known(heard),
            None => known(&*self.ask(app).await?),
        };
        match changed {
            None => Ok(said),
            Some((role, Standing::Active)) => Ok(role),
            Some((_, Standing::Blocked)) => Err(Problem::blocked()),
            Some((_, Standing::Erased)) => Err(gone()),
        }
    }

    /// Asks anew before the next token is believed.
    pub(super) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// True while it counts: nothing was changed here since, and it is not too old. Nothing lasts longer because the
    /// clock was set back.
    fn is_fresh(&self, heard: &Heard, now: Timestamp) -> bool {
        heard.changes == self.changes.load(Ordering::Acquire)
            && heard.at <= now
            && now < heard.at.plus_seconds(AGE_MAX_SECONDS)
    }

    /// Asks, or waits for whoever does.
    async fn ask(&self, app: &App) -> Result<Arc<Heard>, Problem> {
        let _one = self.asking.lock().await;
        // Counted before the question: a change meanwhile is asked for again.
        let (changes, now) = (self.changes.load(Ordering::Acquire), app.now());
        let last = self.heard.load_full();
        if let Some(heard) = last.as_ref().filter(|heard| self.is_fresh(heard, now)) {
            return Ok(Arc::clone(heard));
        }
        let since =
            last.as_ref().map_or(Timestamp::ZERO, |last| last.at.min(now).minus_seconds(OVERLAP_SECONDS));
        let accounts = app.changed_users(since).await.map_err(|error| error.problem(now))?;
        let mut known = last.map_or_else(HashMap::new, |last| last.changed.clone());
        known.extend(accounts.into_iter().map(|account| (account.id, (account.role, account.standing))));
        let heard = Arc::new(Heard { changed: known, at: now, changes });
        self.heard.store(Some(Arc::clone(&heard)));
        Ok(heard)
    }
}

fn gone() -> Problem {
    Problem::new(Code::Unauthenticated, "The account no longer exists.")
}
