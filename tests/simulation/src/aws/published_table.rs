//! The table of the published states, watched: leases, and that no state goes back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::Answer;
use crate::chance::seconds;
use crate::process::{Claim, Process};
use crate::world::World;

/// Its name.
pub(crate) const NAME: &str = "published";

/// How long a lease lasts, as the event processor promises.
const LEASE: u64 = 45;

/// By when a process that does not stand still has published, counted from its claim: claiming and publishing take 8 s each.
const LONGEST_PUBLICATION: Duration = seconds(17);

/// What the table knows beside its items.
#[derive(Default)]
pub(crate) struct PublishedTable {
    /// The requisitions by the keys of their items.
    keys: Mutex<BTreeMap<String, usize>>,
    /// By requisition: the date of the newest state that anybody has claimed.
    claimed: Mutex<BTreeMap<usize, i128>>,
}

/// The lease under which a process publishes.
#[derive(Debug)]
pub(crate) struct Lease {
    /// How old it is, by the clock of the process, in milliseconds.
    age_ms: u64,
    pub(crate) stood_still: bool,
}

impl Lease {
    /// Whether a process can find it expired whose clock is so many milliseconds ahead.
    pub(crate) fn is_over_for(&self, skew_ms: i64) -> bool {
        // both ends are in whole seconds
        self.age_ms.saturating_add_signed(skew_ms) > (LEASE - 2) * 1000
    }
}

impl PublishedTable {
    /// Tells the key of a requisition's item.
    pub(crate) fn tell(&self, key: String, requisition: usize) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key, requisition);
    }

    /// Returns the lease of a process that is publishing a requisition at this moment.
    pub(crate) fn lease(&self, world: &World, process: &Process, requisition: usize) -> Lease {
        let state = process.state();
        let claim = state.claims.get(&requisition).copied();
        drop(state);
        let Some(Claim { at, stood_still }) = claim else {
            world.violation(format!(
                "{} publishes requisition {requisition} without a lease",
                process.name
            ));
            return Lease {
                age_ms: 0,
                stood_still: false,
            };
        };
        let now = unix_time(world, process);
        let age = now.saturating_sub(Duration::from_secs(at));
        if age > LONGEST_PUBLICATION && !stood_still {
            world.violation(format!(
                "{} publishes {age:?} after its claim, which is too late",
                process.name
            ));
        }
        Lease {
            age_ms: age.as_millis() as u64,
            stood_still,
        }
    }

    /// Returns the date of the newest state of a requisition that anybody has claimed, in nanoseconds.
    pub(crate) fn newest_claimed(&self, requisition: usize) -> Option<i128> {
        let claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.get(&requisition).copied()
    }

    fn requisition(&self, key: &str) -> usize {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        *keys.get(key).expect("only requisitions are remembered")
    }
}

/// Performs an operation for a process.
pub(crate) fn perform(
    world: &Arc<World>,
    process: &Process,
    operation: &str,
    request: &Value,
) -> Answer {
    let key = request["Key"]["id"]["S"].as_str().unwrap_or_default();
    let requisition = world.published_table.requisition(key);
    let before = world.dynamodb.item(NAME, key).unwrap_or_default();
    let answer = world.dynamodb.call(operation, request);
    let after = world.dynamodb.item(NAME, key).unwrap_or_default();
    let (old, new) = (
        nanoseconds(&before["updated_at"]),
        nanoseconds(&after["updated_at"]),
    );
    if new < old {
        world.violation(format!(
            "{}: the remembered state of requisition {requisition} goes back",
            process.name
        ));
    }
    let values = &request["ExpressionAttributeValues"];
    let granted = answer.0 == 200;
    let what = match (values[":until"].is_null(), granted) {
        (false, true) => {
            claimed(world, process, requisition, values, &before);
            "claims"
        }
        (false, false) => {
            refused(world, process, requisition, values, &before);
            "may not claim"
        }
        (true, true) if new != old => "remembers the state of",
        (true, true) => "changes the item of",
        (true, false) => "may not change the item of",
    };
    crate::note!(world, &process.name, "{what} requisition {requisition}");
    answer
}

/// A process has a lease now.
fn claimed(world: &World, process: &Process, requisition: usize, values: &Value, before: &Value) {
    let until = number(&values[":until"]);
    let claimed_at = until - LEASE;
    let now = unix_time(world, process).as_secs();
    if claimed_at > now {
        world.violation(format!(
            "{} takes a lease of more than {LEASE} s",
            process.name
        ));
    }
    let others = before["claimed_by"]["S"] != values[":me"]["S"];
    if others
        && !before["claimed_until"].is_null()
        && number(&before["claimed_until"]) >= claimed_at
    {
        world.violation(format!(
            "{} takes the lease of requisition {requisition} that another one has",
            process.name
        ));
    }
    let mut state = process.state();
    let stood_still = state.stands_still;
    let claim = Claim {
        at: claimed_at,
        stood_still,
    };
    state.claims.insert(requisition, claim);
    drop(state);
    let date = nanoseconds(&values[":updated_at"]);
    let table = &world.published_table;
    let mut claimed = table.claimed.lock().unwrap_or_else(PoisonError::into_inner);
    let newest = claimed.entry(requisition).or_default();
    *newest = date.unwrap_or_default().max(*newest);
}

/// A process may not have a lease. Then there is a reason.
fn refused(world: &World, process: &Process, requisition: usize, values: &Value, before: &Value) {
    let now = number(&values[":now"]);
    let held = !before["claimed_until"].is_null() && number(&before["claimed_until"]) >= now;
    let date = nanoseconds(&values[":updated_at"]);
    let novel = nanoseconds(&before["updated_at"]) < date;
    let overtaken = world.published_table.newest_claimed(requisition) > date;
    if novel && !held && !overtaken {
        world.violation(format!(
            "{} may not claim requisition {requisition}, and nobody holds it",
            process.name
        ));
    }
    // both clocks may be off
    let longest = LEASE + 2 * world.plan.max_skew.as_secs() + 1;
    if held && number(&before["claimed_until"]) > now + longest {
        world.violation(format!(
            "a lease of requisition {requisition} lasts too long"
        ));
    }
}

/// Returns a state's date.
fn nanoseconds(value: &Value) -> Option<i128> {
    value["N"].as_str()?.parse().ok()
}

fn number(value: &Value) -> u64 {
    let text = value["N"].as_str().unwrap_or_default();
    text.parse().expect("our code writes whole numbers")
}

/// Returns the time on the clock of a process.
fn unix_time(world: &World, process: &Process) -> Duration {
    let since = world
        .system_time(process.skew_ms)
        .duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.expect("a run is after 1970")
}
