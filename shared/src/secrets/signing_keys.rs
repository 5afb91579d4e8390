//! The cached webhook signing keys: when they are read, and how long a request waits for them.
//!
//! A read runs as a task of its own and puts its result into the state that all requests share. A request waits for it until
//! its deadline. If the request gives up, the read continues, and the next request waits for it. If the read is more than a
//! second old by then, it is started again: Lambda may have frozen the process meanwhile, and the connection may have died.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::looks::Looks;
use super::signing_secret::{self, KeySet, KeyVersion};
use super::{EXPIRE_AFTER, REFRESH_AFTER, SecretError, SecretReader, Stage, age};
use crate::aws::Hedge;
use crate::clock::Clock;
use crate::signature::Keys;

/// How long a failure is remembered, so that not every request causes calls.
const FAILURE_REMEMBERED: Duration = Duration::from_secs(1);

/// The wait between a failed reload and the next one while the keys are still valid.
const RELOAD_PAUSE: Duration = Duration::from_secs(30);

/// The greatest age of a read that a request waits for.
const READ_OUTDATED: Duration = Duration::from_secs(1);

/// How long the read of a version may take. It is longer than any request waits.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// Reads the signing keys, and caches them for 15 minutes at most. It needs a Tokio runtime.
///
/// While the keys are less than 10 minutes old, no call is made. Older keys are still used, and read again in the background.
///
/// The secret holds JSON: `{"signing_secret": "…"}`. Its previous version is a valid key for 24 hours after the current version
/// was created.
pub struct SigningKeys {
    shared: Arc<Shared>,
}

struct Shared {
    reader: SecretReader,
    hedge: Hedge,
    clock: Clock,
    state: watch::Sender<State>,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    /// The read that is under way.
    read: Option<Read>,
    looks: Looks,
    /// Why the last read of the current key failed, and when.
    failure: Option<(SecretError, SystemTime)>,
    /// When it was last left unknown whether there is another key.
    unanswered_at: Option<SystemTime>,
}

/// A read under way. Its task ends with it.
struct Read {
    task: AbortHandle,
    began: SystemTime,
    purpose: Purpose,
}

/// Why the keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To have the current key ready for the first request. If that fails, the request tries again at once.
    Ahead,
    /// They are missing or old.
    Load,
    /// A signature matches none of them, so there may be others.
    Look,
}

/// What to do about a signature that matches none of the cached keys.
enum Next {
    /// Other keys have been read: try them.
    Try(Arc<KeySet>),
    /// A read is under way: wait for it.
    Wait,
    /// Nothing more: no key matches, or nobody knows whether another one would.
    End(Result<(), SecretError>),
}

impl SigningKeys {
    /// Prepares to read the secret `secret_id` (name or ARN). It makes no call yet. A slow call gets a second try as `hedge`
    /// says.
    #[must_use]
    pub fn new(client: Client, secret_id: String, hedge: Hedge, clock: Clock) -> Self {
        let shared = Shared {
            reader: SecretReader { client, secret_id },
            hedge,
            clock,
            state: watch::Sender::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Reads the current key before the first request, with a single call. The previous key is read when a signature needs
    /// it. After `deadline`, the read continues without the caller.
    ///
    /// # Errors
    ///
    /// As for [`Self::get`]. After a failure, `get` continues to wait, or tries again at once.
    pub async fn prefetch(&self, deadline: Instant) -> Result<(), SecretError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        shared.change(|state| shared.begin(state, Purpose::Ahead, now));
        shared.loaded(deadline).await.map(drop)
    }

    /// Returns the keys, from the cache or from Secrets Manager. It does not wait for the previous key.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the cached keys are 15 minutes old, or there are none, and the current version of the secret is
    /// missing, is malformed or can't be read before `deadline`; also without a read, if one has failed less than a second
    /// ago.
    pub async fn get(&self, deadline: Instant) -> Result<Arc<KeySet>, SecretError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        match shared.change(|state| shared.at_hand(state, now))? {
            Some(keys) => Ok(keys),
            None => shared.loaded(deadline).await,
        }
    }

    /// Returns what `matches` finds in the cached keys. If it finds nothing, the keys are read again, and `matches` gets the
    /// new ones.
    ///
    /// Two such reads are available, and one is added every 30 seconds, however many bad signatures arrive. If none is
    /// available, nothing is found.
    ///
    /// # Errors
    ///
    /// As for [`Self::get`]. Also [`SecretError::Unavailable`] if no key matches, but nobody knows whether there is another
    /// one: because Secrets Manager does not answer before `deadline`, or did not answer less than a second ago.
    pub async fn find<T>(
        &self,
        deadline: Instant,
        matches: impl Fn(Keys<'_>) -> Option<T>,
    ) -> Result<Option<T>, SecretError> {
        let shared = &self.shared;
        let mut tried = self.get(deadline).await?;
        let mut looked = false;
        loop {
            if let Some(found) = matches(tried.valid_at(shared.clock.now())) {
                return Ok(Some(found));
            }
            tried = loop {
                let now = shared.clock.now();
                match shared.change(|state| shared.next(state, &tried, &mut looked, now)) {
                    Next::Try(keys) => break keys,
                    Next::Wait => shared.others(&tried, deadline).await?,
                    Next::End(end) => return end.map(|()| None),
                }
            };
        }
    }
}

impl Shared {
    /// Changes the state without waking those who wait for a read.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut changed = None;
        self.state.send_if_modified(|state| {
            changed = Some(change(state));
            false
        });
        changed.expect("the change has been made")
    }

    /// Returns the cached keys if they are still valid. If they are old or missing, starts a read.
    fn at_hand(
        self: &Arc<Self>,
        state: &mut State,
        now: SystemTime,
    ) -> Result<Option<Arc<KeySet>>, SecretError> {
        state.give_up_an_outdated_read(now);
        let keys = state.keys.clone();
        match keys.map(|keys| (age(keys.loaded_at, now), keys)) {
            Some((age, keys)) if age < REFRESH_AFTER => Ok(Some(keys)),
            Some((age, keys)) if age < EXPIRE_AFTER => {
                if state.failure_within(RELOAD_PAUSE, now).is_none() {
                    self.begin(state, Purpose::Load, now);
                }
                Ok(Some(keys))
            }
            _ => match state.failure_within(FAILURE_REMEMBERED, now) {
                Some(failure) => Err(failure.clone()),
                None => {
                    self.begin(state, Purpose::Load, now);
                    Ok(None)
                }
            },
        }
    }

    /// Decides what to do about a signature that matches none of the keys in `tried`. It gets one look at most.
    fn next(
        self: &Arc<Self>,
        state: &mut State,
        tried: &Arc<KeySet>,
        looked: &mut bool,
        now: SystemTime,
    ) -> Next {
        match &state.keys {
            Some(keys) if !Arc::ptr_eq(keys, tried) => return Next::Try(keys.clone()),
            _ => {}
        }
        if state.is_unanswered(now) {
            return Next::End(Err(self.unanswered()));
        }
        if state.read.is_none() && !*looked && state.looks.take(now) {
            self.begin(state, Purpose::Look, now);
            *looked = true;
        }
        match state.read {
            Some(_) => Next::Wait,
            None if tried.previous_is_known => Next::End(Ok(())),
            None => Next::End(Err(self.unanswered())),
        }
    }

    /// Starts a read, unless one is under way.
    fn begin(self: &Arc<Self>, state: &mut State, purpose: Purpose, now: SystemTime) {
        state.read.get_or_insert_with(|| {
            state.unanswered_at = None;
            Read {
                task: tokio::spawn(self.clone().read(purpose, now)).abort_handle(),
                began: now,
                purpose,
            }
        });
    }

    /// Reads the current version, and at the same time the previous one if it may be needed.
    async fn read(self: Arc<Self>, purpose: Purpose, began: SystemTime) {
        let current = async {
            let version = self.version(Stage::Current).await?;
            // a request that needs no other key continues now
            self.state
                .send_modify(|state| state.take_current(version, began));
            Ok(())
        };
        let previous = async {
            Ok(match purpose {
                Purpose::Ahead => None,
                Purpose::Load | Purpose::Look => Some(self.version(Stage::Previous).await),
            })
        };
        let ended = tokio::try_join!(current, previous);
        let now = self.clock.now();
        self.state.send_modify(|state| match ended {
            Ok(((), previous)) => state.end(previous, now),
            Err(error) => state.fail(error, now),
        });
    }

    async fn version(&self, stage: Stage) -> Result<KeyVersion, SecretError> {
        let read = signing_secret::read(&self.reader, stage, &self.hedge);
        let ended = timeout(READ_LIMIT, read).await;
        ended.unwrap_or_else(|_| Err(self.reader.no_answer("no answer in time")))
    }

    /// Waits for valid keys.
    async fn loaded(&self, deadline: Instant) -> Result<Arc<KeySet>, SecretError> {
        let good = |state: &State| state.good_keys(self.clock.now()).is_some();
        self.wait(deadline, good).await?;
        let state = self.state.borrow();
        match (state.good_keys(self.clock.now()), &state.failure) {
            (Some(keys), _) => Ok(keys.clone()),
            (None, Some((failure, _))) => Err(failure.clone()),
            (None, None) => Err(self.reader.no_answer("no keys")),
        }
    }

    /// Waits for keys other than `tried`. If there are none at the deadline, it is unknown for a while whether there are any.
    async fn others(&self, tried: &Arc<KeySet>, deadline: Instant) -> Result<(), SecretError> {
        let others = |state: &State| {
            let keys = state.keys.as_ref();
            keys.is_some_and(|keys| !Arc::ptr_eq(keys, tried))
        };
        self.wait(deadline, others).await.inspect_err(|_| {
            let now = self.clock.now();
            self.change(|state| state.unanswered_at = Some(now));
        })
    }

    /// Waits until the state is `wanted`, or the read has ended. After `deadline`, the read continues by itself.
    async fn wait(
        &self,
        deadline: Instant,
        mut wanted: impl FnMut(&State) -> bool,
    ) -> Result<(), SecretError> {
        let mut state = self.state.subscribe();
        let ended = state.wait_for(|state| wanted(state) || state.read.is_none());
        match timeout_at(deadline, ended).await {
            Ok(_) => Ok(()),
            Err(_) => Err(self.reader.no_answer("no answer before the deadline")),
        }
    }

    fn unanswered(&self) -> SecretError {
        self.reader
            .no_answer("no answer whether there is another key")
    }
}

impl State {
    fn give_up_an_outdated_read(&mut self, now: SystemTime) {
        let is_outdated = |read: &mut Read| age(read.began, now) >= READ_OUTDATED;
        if let Some(read) = self.read.take_if(is_outdated) {
            self.return_look(&read);
        }
    }

    /// Takes over the current version, whose read began at `began`.
    fn take_current(&mut self, version: KeyVersion, began: SystemTime) {
        let keys = KeySet::new(version, self.keys.as_deref(), began);
        self.keys = Some(Arc::new(keys));
        self.failure = None;
    }

    /// Ends a read that has returned the current version, and perhaps an answer about the previous one.
    fn end(&mut self, previous: Option<Result<KeyVersion, SecretError>>, now: SystemTime) {
        let read = self.read.take();
        self.unanswered_at = None;
        let previous = match previous {
            None => return,
            Some(Ok(version)) => Some(version),
            Some(Err(SecretError::Missing { .. })) => None,
            Some(Err(error)) if error.is_no_answer() => {
                tracing::warn!(%error, "going on with the known signing keys");
                self.leave_unanswered(read, now);
                return;
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "going on with the current signing key alone");
                None
            }
        };
        let keys = self.keys.as_ref();
        self.keys = keys.map(|keys| Arc::new(keys.with_previous(previous)));
    }

    /// Ends a read that has failed to return the current version.
    fn fail(&mut self, error: SecretError, now: SystemTime) {
        tracing::warn!(%error, "signing keys not read");
        let read = self.read.take();
        if let Some(Read {
            purpose: Purpose::Ahead,
            ..
        }) = read
        {
            return;
        }
        self.failure = Some((error.clone(), now));
        if error.is_no_answer() {
            self.leave_unanswered(read, now);
        } else if let Some(keys) = &self.keys {
            self.keys = Some(Arc::new(keys.without_others()));
        }
    }

    /// Remembers that nobody knows whether there is another key. A look for it may be repeated.
    fn leave_unanswered(&mut self, read: Option<Read>, now: SystemTime) {
        self.unanswered_at = Some(now);
        if let Some(read) = read {
            self.return_look(&read);
        }
    }

    fn return_look(&mut self, read: &Read) {
        if read.purpose == Purpose::Look {
            self.looks.give_back();
        }
    }

    fn good_keys(&self, now: SystemTime) -> Option<&Arc<KeySet>> {
        let keys = self.keys.as_ref();
        keys.filter(|keys| age(keys.loaded_at, now) < EXPIRE_AFTER)
    }

    fn failure_within(&self, time: Duration, now: SystemTime) -> Option<&SecretError> {
        let (failure, failed_at) = self.failure.as_ref()?;
        (age(*failed_at, now) < time).then_some(failure)
    }

    fn is_unanswered(&self, now: SystemTime) -> bool {
        self.unanswered_at
            .is_some_and(|at| age(at, now) < FAILURE_REMEMBERED)
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys")
            .field("reader", &self.shared.reader)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
