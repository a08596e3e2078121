//! What accounts may do now. A token is good for minutes; a role that is taken away, a block and an erasure count
//! sooner: at once on the instance that did it, and on every other as soon as what it knows is a second old.

use std::sync::atomic::{AtomicU64, Ordering};

use frontrow_application::App;
use frontrow_domain::account::{Role, Standing};
use frontrow_domain::{Timestamp, UserId};
use quick_cache::sync::Cache;

use crate::problem::{Code, Problem, Refusal as _};

/// How many accounts are kept: those of as many fans as are at it at once.
const KNOWN_MAX: usize = 131_072;
/// Seconds for which what is known of an account counts, and with which another instance may lag behind.
const AGE_MAX_SECONDS: u32 = 1;

/// What was read of an account.
#[derive(Debug, Clone, Copy)]
struct Known {
    role: Role,
    standing: Standing,
    read_at: Timestamp,
}

/// Accounts that were asked for a moment ago.
pub(super) struct Accounts {
    known: Cache<UserId, Known>,
    /// Counts what this instance has changed, so that nothing that was read before a change is kept after it.
    changes: AtomicU64,
}

impl Accounts {
    pub(super) fn new() -> Self {
        Self { known: Cache::new(KNOWN_MAX), changes: AtomicU64::new(0) }
    }

    /// What the account says that its owner may do, if they may act at all.
    pub(super) async fn role(&self, app: &App, user: UserId) -> Result<Role, Problem> {
        let now = app.now();
        let Known { role, standing, .. } = match self.known.get(&user).filter(|known| known.is_fresh(now)) {
            Some(known) => known,
            None => self.read(app, user, now).await?,
        };
        match standing {
            Standing::Active => Ok(role),
            Standing::Blocked => Err(Problem::blocked()),
            Standing::Erased => Err(gone()),
        }
    }

    /// Asks for this account anew from the next request on.
    pub(super) fn forget(&self, user: UserId) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.known.remove(&user);
    }

    async fn read(&self, app: &App, user: UserId, now: Timestamp) -> Result<Known, Problem> {
        let changes = self.changes.load(Ordering::Acquire);
        let account = app.account(user).await.map_err(|error| error.problem(now))?.ok_or_else(gone)?;
        let known = Known { role: account.role, standing: account.standing, read_at: now };
        self.known.insert(user, known);
        // Looked at after the insertion: of a change at this very moment one of the two takes it out again.
        if self.changes.load(Ordering::Acquire) != changes {
            self.known.remove(&user);
        }
        Ok(known)
    }
}

impl Known {
    /// Nothing lasts longer because the clock was set back.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.read_at <= now && now < self.read_at.plus_seconds(AGE_MAX_SECONDS)
    }
}

fn gone() -> Problem {
    Problem::new(Code::Unauthenticated, "The account no longer exists.")
}
