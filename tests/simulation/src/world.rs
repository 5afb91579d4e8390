//! Everything that a run consists of, and its clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use in_memory_dynamodb::InMemoryDynamoDb;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::aws::bus::Bus;
use crate::aws::published_table::PublishedTable;
use crate::aws::secrets::Secrets;
use crate::aws::sqs::Sqs;
use crate::aws::token_table::TokenTable;
use crate::chance::chance;
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::trace::{Time, Trace};
use crate::weather::{Fate, Service};
use crate::whoop::Whoop;

/// The time of day at which each run begins.
const BEGINNING: Duration = Duration::from_secs(1_795_000_000);

/// Everything that a run consists of.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) trace: Trace,
    pub(crate) ledger: Ledger,
    pub(crate) sqs: Sqs,
    pub(crate) dynamodb: InMemoryDynamoDb,
    pub(crate) published_table: PublishedTable,
    pub(crate) token_table: TokenTable,
    pub(crate) secrets: Secrets,
    pub(crate) bus: Bus,
    pub(crate) whoop: Whoop,
    start: Instant,
    number: AtomicU64,
    violation: Mutex<Option<String>>,
    violated: Notify,
}

/// Writes a line of the trace: who, and what.
#[macro_export]
macro_rules! note {
    ($world:expr, $who:expr, $($what:tt)*) => {
        $world.trace.line($world.now(), $who.as_ref(), format_args!($($what)*))
    };
}

impl World {
    pub(crate) fn new(plan: Plan, trace: Trace) -> Arc<Self> {
        Arc::new(Self {
            plan,
            trace,
            ledger: Ledger::default(),
            sqs: Sqs::default(),
            dynamodb: InMemoryDynamoDb::new(),
            published_table: PublishedTable::default(),
            token_table: TokenTable::default(),
            secrets: Secrets::default(),
            bus: Bus::default(),
            whoop: Whoop::default(),
            start: Instant::now(),
            number: AtomicU64::new(0),
            violation: Mutex::default(),
            violated: Notify::new(),
        })
    }

    /// Returns the time since the beginning of the run.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Returns the time of day on a clock that is so many milliseconds ahead.
    pub(crate) fn system_time(&self, skew_ms: i64) -> SystemTime {
        let right = SystemTime::UNIX_EPOCH + BEGINNING + self.now();
        right
            .checked_add_signed(skew_ms)
            .expect("a run is far from both ends of time")
    }

    /// Returns the right time in Unix seconds.
    pub(crate) fn unix_seconds(&self) -> u64 {
        (BEGINNING + self.now()).as_secs()
    }

    /// Returns the time of day of a time of the run.
    pub(crate) fn unix_time(at: Duration) -> Duration {
        BEGINNING + at
    }

    /// Waits until then.
    pub(crate) async fn until(&self, at: Duration) {
        tokio::time::sleep_until(self.start + at).await;
    }

    /// Returns a number that nothing else has.
    pub(crate) fn next_number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether nothing goes wrong any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.now() >= self.plan.length
    }

    /// Returns how many calls WHOOP accepts in a minute and in a day.
    pub(crate) fn rate_limits(&self) -> [u32; 2] {
        if self.is_calm() {
            [100, 10_000]
        } else {
            self.plan.rate_limits
        }
    }

    /// Draws what becomes of a call.
    pub(crate) fn fate(&self, service: Service) -> Fate {
        if self.is_calm() {
            return Fate::good();
        }
        let now = self.now();
        let outages = self.plan.outages.iter();
        let outage = outages
            .filter(|outage| outage.service == service && (outage.from..outage.to).contains(&now))
            .find(|outage| outage.share >= 1.0 || crate::chance::chance(outage.share));
        match outage {
            Some(outage) => Fate::of(outage.symptom),
            None => Fate::mixed(self.plan.fault_rate),
        }
    }

    /// Whether an outage of the service affects a call that somebody else makes now.
    pub(crate) fn is_down(&self, service: Service) -> bool {
        let now = self.now();
        !self.is_calm()
            && self.plan.outages.iter().any(|outage| {
                outage.service == service
                    && (outage.from..outage.to).contains(&now)
                    && chance(outage.share)
            })
    }

    /// Whether the service was down for every call, all the time.
    pub(crate) fn was_down(&self, service: Service, from: Duration, to: Duration) -> bool {
        self.plan.outages.iter().any(|outage| {
            let covers = outage.from <= from && to <= outage.to;
            outage.service == service && outage.share == 1.0 && covers
        })
    }

    /// Something must never happen, and has happened. The first one counts.
    pub(crate) fn violation(&self, what: String) {
        note!(self, "VIOLATION", "{what}");
        let at = Time(self.now());
        self.found().get_or_insert_with(|| format!("{at}: {what}"));
        self.violated.notify_one();
    }

    /// Waits for a violation.
    pub(crate) async fn violated(&self) {
        self.violated.notified().await;
    }

    /// Returns the first violation.
    pub(crate) fn first_violation(&self) -> Option<String> {
        self.found().clone()
    }

    fn found(&self) -> MutexGuard<'_, Option<String>> {
        self.violation
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a signed time.
trait CheckedAddSigned: Sized {
    fn checked_add_signed(self, milliseconds: i64) -> Option<Self>;
}

impl CheckedAddSigned for SystemTime {
    fn checked_add_signed(self, milliseconds: i64) -> Option<Self> {
        let by = Duration::from_millis(milliseconds.unsigned_abs());
        if milliseconds < 0 {
            self.checked_sub(by)
        } else {
            self.checked_add(by)
        }
    }
}
