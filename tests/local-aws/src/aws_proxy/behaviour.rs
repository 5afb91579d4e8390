//! Which call gets which behaviour.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

/// What the proxy does with a call.
#[derive(Clone)]
pub enum Behaviour {
    /// Passes the call and its answer on.
    Pass,
    /// Never answers; the call has no effect.
    Hang,
    /// Closes the connection without an answer; the call has no effect.
    CloseConnection,
    /// Passes the call on, so that it has its effect, and closes the connection without an answer.
    LoseAnswer,
    /// Answers with an error as AWS words it; the call has no effect.
    Fail {
        /// HTTP status code.
        status: u16,
        /// The error's code, such as `InternalFailure` or `ThrottlingException`.
        code: &'static str,
    },
    /// Answers 200 with this JSON; the call has no effect.
    Answer(Value),
    /// Passes the call on at once, so that it has its effect, and delays the answer by this time.
    Delay(Duration),
    /// Keeps the call for this time before it passes it on, so that its effect is late.
    Late(Duration),
    /// Passes the call on and changes the JSON of its answer; see [`Behaviour::rewrite`].
    Rewrite(Arc<dyn Fn(&mut Value) + Send + Sync>),
    /// Passes the call and its answer on, and shows the call's JSON to a function; see [`Behaviour::watch`].
    Watch(Arc<dyn Fn(Value) + Send + Sync>),
    /// Chooses a behaviour by the call's JSON; see [`Behaviour::depending`].
    Depending(Arc<dyn Fn(&Value) -> Behaviour + Send + Sync>),
}

impl Behaviour {
    /// Passes the call on and changes the JSON of its answer.
    pub fn rewrite(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::Rewrite(Arc::new(change))
    }

    /// Chooses a behaviour by the call's JSON.
    pub fn depending(choose: impl Fn(&Value) -> Self + Send + Sync + 'static) -> Self {
        Self::Depending(Arc::new(choose))
    }

    /// Passes the call and its answer on, and shows the call's JSON to `watch`.
    pub fn watch(watcher: impl Fn(Value) + Send + Sync + 'static) -> Self {
        Self::Watch(Arc::new(watcher))
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("Pass"),
            Self::Hang => f.write_str("Hang"),
            Self::CloseConnection => f.write_str("CloseConnection"),
            Self::LoseAnswer => f.write_str("LoseAnswer"),
            Self::Fail { status, code } => write!(f, "Fail({status} {code})"),
            Self::Answer(_) => f.write_str("Answer"),
            Self::Delay(time) => write!(f, "Delay({time:?})"),
            Self::Late(time) => write!(f, "Late({time:?})"),
            Self::Rewrite(_) => f.write_str("Rewrite"),
            Self::Watch(_) => f.write_str("Watch"),
            Self::Depending(_) => f.write_str("Depending"),
        }
    }
}

/// The planned behaviour for each operation.
#[derive(Default)]
pub(super) struct Behaviours {
    /// For the next calls of an operation, one behaviour for each call.
    pub(super) next: HashMap<String, VecDeque<Behaviour>>,
    /// For every call of an operation.
    pub(super) always: HashMap<String, Behaviour>,
    /// For every operation that has no behaviour of its own.
    pub(super) all: Option<Behaviour>,
    /// How often each operation was called.
    pub(super) calls: HashMap<String, usize>,
    /// How many connections were opened.
    pub(super) connections: usize,
}

impl Behaviours {
    /// Counts a call and returns its behaviour.
    pub(super) fn for_call(&mut self, operation: &str) -> Behaviour {
        *self.calls.entry(operation.into()).or_default() += 1;
        let next = self.next.get_mut(operation).and_then(VecDeque::pop_front);
        next.or_else(|| self.always.get(operation).cloned())
            .or_else(|| self.all.clone())
            .unwrap_or(Behaviour::Pass)
    }
}
