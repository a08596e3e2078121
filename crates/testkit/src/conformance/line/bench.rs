//! What the cases have in common: a line with a clock, fans by number, and a policy to tick with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use frontrow_application::Clock;
use frontrow_application::waiting_room::{
    Joined, LineFigures, LinePolicy, Newcomer, NotLetIn, Pass, Standing, Untold, WaitingRoom,
};
use frontrow_domain::catalog::WaitingRoomSettings;
use frontrow_domain::queue::{EndReason, JoinRefused, Place, PlaceState, RoomState, Session};
use frontrow_domain::{ConcertId, Timestamp, UserId};
use futures_util::future::join_all;

use crate::clock::ManualClock;
use crate::line::{LineFactory, OpenedLine};
use crate::samples;

/// A line whose rate never binds: tests about anything else should not have to count seconds.
pub(super) const SETTINGS: WaitingRoomSettings = WaitingRoomSettings {
    enabled: true,
    max_active: 0,
    admit_per_second_milli: 100_000_000,
    session_seconds: 300,
    claim_seconds: 60,
    presence_seconds: 60,
    lobby_opens_at: None,
};

/// A concert beside the one that cases are about.
pub(super) const OTHER_CONCERT: ConcertId = ConcertId::new(2);

/// A line that nobody looks at.
const SIDE_CONCERT: ConcertId = ConcertId::new(u32::MAX);

/// How many ask at once where it is only about being many.
const AT_ONCE: usize = 500;

/// A waiting room under test, and the line in it that a case is about.
pub struct Bench<F> {
    /// Where it comes from.
    pub factory: F,
    /// Its time.
    pub clock: ManualClock,
    /// In front of which concert the line stands.
    pub concert: ConcertId,
    /// What the line is ticked with. Nobody is let in at first: the cap is zero.
    pub policy: LinePolicy,
    entries: AtomicU64,
    opened: Option<OpenedLine>,
}

impl<F: LineFactory> Bench<F> {
    /// Opens an empty waiting room.
    pub fn open(factory: F) -> Self {
        let clock = ManualClock::default();
        let opened = Some(factory.open(Arc::new(clock.clone())));
        let policy = LinePolicy {
            settings: SETTINGS,
            state: RoomState::Open,
            hold_seconds: 300,
            seats_left: 1_000_000,
        };
        Self { factory, clock, concert: samples::CONCERT, policy, entries: AtomicU64::new(1), opened }
    }

    /// Closes it in good order and opens it again.
    pub fn reopen(&mut self) {
        self.factory.close(self.opened.take().expect("it is open between two calls"));
        self.opened = Some(self.factory.open(Arc::new(self.clock.clone())));
    }

    /// Lets it crash and opens it again.
    pub fn crash(&mut self) {
        self.crash_for(0);
    }

    /// Lets it crash, and opens it again so many seconds later.
    pub fn crash_for(&mut self, seconds: u32) {
        self.factory.crash(self.opened.take().expect("it is open between two calls"));
        self.clock.advance(seconds);
        self.opened = Some(self.factory.open(Arc::new(self.clock.clone())));
    }

    /// Waits until everything before is kept, also what nobody waited for, such as that a fan has come.
    pub async fn flush(&self) {
        let newcomer = self.newcomer(self.entries.load(Ordering::Relaxed));
        let answer = self.room().join(SIDE_CONCERT, newcomer, Ok(())).await;
        assert!(answer.expect("the line answers").expect("nobody is refused").is_new);
    }

    /// Those of whom nobody was told that they were let in, as they are handed out.
    pub async fn untold(&self) -> Vec<Untold> {
        self.room().untold(self.concert).await.expect("the line answers")
    }

    /// Their fans, by number.
    pub async fn untold_fans(&self) -> Vec<UserId> {
        let untold = self.untold().await;
        untold.into_iter().flat_map(|one| one.admitted).map(|admitted| admitted.user_id).collect()
    }

    /// Notes that everybody who is handed out was told of, and waits until that is kept.
    pub async fn note_all_told(&self) {
        for Untold { receipt, .. } in self.untold().await {
            self.room().note_told(self.concert, receipt).await.expect("the line answers");
        }
        self.flush().await;
    }

    /// The waiting room.
    pub fn room(&self) -> &Arc<dyn WaitingRoom> {
        &self.opened.as_ref().expect("it is open between two calls").room
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A fan on another device: every call draws another entry.
    pub fn newcomer(&self, fan: u64) -> Newcomer {
        let entry = samples::entry_id(self.entries.fetch_add(1, Ordering::Relaxed));
        Newcomer { user: samples::user(fan), entry }
    }

    /// Asks for a place.
    pub async fn join(&self, fan: u64) -> Joined {
        let answer = self.room().join(self.concert, self.newcomer(fan), Ok(())).await;
        answer.expect("the line answers").expect("nobody is refused")
    }

    /// Asks for a place in the lobby.
    pub async fn join_lobby(&self, fan: u64) -> Joined {
        let answer = self.room().join_lobby(self.concert, self.newcomer(fan), Ok(())).await;
        answer.expect("the line answers").expect("nobody is refused")
    }

    /// Asks for a place where newcomers are refused for this reason.
    pub async fn join_refused(&self, fan: u64, reason: JoinRefused) -> Result<Joined, JoinRefused> {
        let answer = self.room().join(self.concert, self.newcomer(fan), Err(reason)).await;
        answer.expect("the line answers")
    }

    /// These fans join one after the other.
    pub async fn join_all(&self, fans: impl IntoIterator<Item = u64>) {
        for fan in fans {
            self.join(fan).await;
        }
    }

    /// These fans join, many at once. Answers their places in the order of the line.
    pub async fn crowd(&self, fans: impl IntoIterator<Item = u64>) -> Vec<Place> {
        let fans: Vec<u64> = fans.into_iter().collect();
        let mut places = Vec::with_capacity(fans.len());
        for some in fans.chunks(AT_ONCE) {
            let joined = join_all(some.iter().map(|&fan| self.join(fan))).await;
            places.extend(joined.into_iter().map(|joined| joined.standing.place));
        }
        places.sort_unstable_by_key(|place| place.sequence);
        places
    }

    /// The fan's newest place, looked at from outside: no sign of life.
    pub async fn find(&self, fan: u64) -> Option<Standing> {
        self.find_user(samples::user(fan)).await
    }

    async fn find_user(&self, user: UserId) -> Option<Standing> {
        self.room().find(self.concert, user).await.expect("the line answers")
    }

    /// The same for a fan who has one.
    pub async fn look(&self, fan: u64) -> Standing {
        let found = self.find(fan).await;
        found.unwrap_or_else(|| panic!("fan {fan} has a place"))
    }

    /// Where the fan's newest place stands.
    pub async fn state(&self, fan: u64) -> PlaceState {
        self.look(fan).await.place.state
    }

    /// How many are ahead of the fan.
    pub async fn ahead(&self, fan: u64) -> Option<u64> {
        self.look(fan).await.ahead
    }

    /// The session of a fan who is let in.
    pub async fn session(&self, fan: u64) -> Session {
        match self.state(fan).await {
            PlaceState::Active(session) => session,
            other => panic!("fan {fan} is let in: {other:?}"),
        }
    }

    /// What the token of the fan's newest place says.
    pub async fn pass(&self, fan: u64) -> Pass {
        Pass::of(&self.look(fan).await.place)
    }

    /// The fan asks for their place: a sign of life.
    pub async fn ask(&self, fan: u64) -> Standing {
        let pass = self.pass(fan).await;
        let standing = self.room().standing(pass).await.expect("the line answers");
        standing.unwrap_or_else(|| panic!("the place of fan {fan} is known"))
    }

    /// The fan asks for their place, if they have one.
    pub async fn ask_if_there(&self, fan: u64) {
        if let Some(found) = self.find(fan).await {
            self.room().standing(Pass::of(&found.place)).await.expect("the line answers");
        }
    }

    /// These fans ask for their places.
    pub async fn ask_all(&self, fans: impl IntoIterator<Item = u64>) {
        for fan in fans {
            self.ask(fan).await;
        }
    }

    /// The fan uses their token.
    pub async fn enter(&self, fan: u64) -> Result<(), NotLetIn> {
        let pass = self.pass(fan).await;
        self.enter_with(pass).await
    }

    /// Somebody uses this token.
    pub async fn enter_with(&self, pass: Pass) -> Result<(), NotLetIn> {
        self.room().enter(pass).await.expect("the line answers")
    }

    /// Ends the fan's place, whichever it is.
    pub async fn end(&self, fan: u64, reason: EndReason) -> Option<Standing> {
        let ended = self.room().end(self.concert, samples::user(fan), None, reason).await;
        ended.expect("the line answers")
    }

    /// The fan leaves.
    pub async fn leave(&self, fan: u64) {
        assert!(self.end(fan, EndReason::Left).await.is_some(), "fan {fan} had a place to leave");
    }

    /// Moves the line on.
    pub async fn tick(&self) -> LineFigures {
        self.room().tick(self.concert, self.policy).await.expect("the line answers")
    }

    /// Moves the line on twice: what the first tick freed is given out by the second.
    pub async fn settle(&self) -> LineFigures {
        self.tick().await;
        self.tick().await
    }

    /// Moves the line on with another cap.
    pub async fn tick_with_cap(&mut self, cap: u32) -> LineFigures {
        self.policy.settings.max_active = cap;
        self.tick().await
    }

    /// Moves the line on with another rate, in thousandths a second.
    pub async fn tick_with_rate(&mut self, milli: u32) -> LineFigures {
        self.policy.settings.admit_per_second_milli = milli;
        self.tick().await
    }

    /// Moves the line on in another state of the room.
    pub async fn tick_in(&mut self, state: RoomState) -> LineFigures {
        self.policy.state = state;
        self.tick().await
    }

    /// Where these fans stand, in words: `active, waiting 0, waiting 1, left, skipped, nothing`.
    pub async fn tell(&self, fans: impl IntoIterator<Item = u64>) -> String {
        let mut told = Vec::new();
        for fan in fans {
            told.push(match self.find(fan).await {
                None => "nothing".to_owned(),
                Some(standing) => words(&standing),
            });
        }
        told.join(", ")
    }
}

/// Where a place stands, in words. How many are ahead of a skipped fan is no part of it: it depends on who comes
/// back.
fn words(standing: &Standing) -> String {
    match (standing.place.state, standing.ahead) {
        (PlaceState::Waiting, None) if standing.place.sequence.is_lobby() => "lobby".to_owned(),
        (PlaceState::Waiting, Some(ahead)) => format!("waiting {ahead}"),
        (PlaceState::Skipped, Some(_)) => "skipped".to_owned(),
        (PlaceState::Active(_), Some(0)) => "active".to_owned(),
        (PlaceState::Ended { reason, .. }, None) => reason.name().to_owned(),
        (state, ahead) => format!("{state:?} with {ahead:?} ahead"),
    }
}
