//! The table with the access token, watched: the expiry never goes back without need.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::Answer;
use crate::chance::{between, days};
use crate::process::Process;
use crate::world::World;

/// Its name.
pub(crate) const NAME: &str = "token";

/// The key of its one item.
const ID: &str = "partner-token";

/// How much later than now a token may expire that counts, in seconds: a day, and 5 minutes for clocks that differ.
const CREDIBLE: u64 = 24 * 3_600 + 300;

/// What the table knows beside its item.
#[derive(Default)]
pub(crate) struct TokenTable {
    /// Tokens that somebody has written by hand.
    nonsense: Mutex<Vec<Value>>,
}

/// Performs an operation for a process.
pub(crate) fn perform(
    world: &Arc<World>,
    process: &Process,
    operation: &str,
    request: &Value,
) -> Answer {
    let before = world.dynamodb.item(NAME, ID);
    let answer = world.dynamodb.call(operation, request);
    if operation == "GetItem" {
        return answer;
    }
    let stored = if answer.0 == 200 {
        "stores"
    } else {
        "may not store"
    };
    let expires_at = &request["Item"]["expires_at"]["N"];
    crate::note!(
        world,
        &process.name,
        "{stored} a token that expires at {expires_at}"
    );
    let after = world.dynamodb.item(NAME, ID);
    if let (Some(before), Some(after)) = (before, after)
        && let (Some(old), Some(new)) = (expiry(&before), expiry(&after))
        && new < old
    {
        let token = before["access_token"]["S"].as_str().unwrap_or_default();
        let is_credible = old
            <= world
                .unix_seconds()
                .saturating_add_signed(process.skew_ms / 1000)
                + CREDIBLE;
        let is_nonsense = world.token_table.is_nonsense(&before);
        if is_credible && !is_nonsense && !world.whoop.has_refused(token) {
            world.violation(format!(
                "{} stores a token that expires {} s earlier",
                process.name,
                old - new
            ));
        }
    }
    answer
}

impl TokenTable {
    /// Somebody writes nonsense into the item.
    pub(crate) fn vandalise(&self, world: &World) {
        let far = world.unix_seconds() + days(30).as_secs();
        let item = match fastrand::u8(..3) {
            0 => json!({"id": {"S": ID}}),
            1 => json!({"id": {"S": ID}, "access_token": {"N": "1"}, "expires_at": {"S": "later"}}),
            _ => json!({
                "id": {"S": ID},
                "access_token": {"S": "by-hand"},
                "token_type": {"S": "bearer"},
                "expires_at": {"N": far.to_string()},
                "obtained_at": {"N": "1"},
            }),
        };
        crate::note!(world, "somebody", "writes nonsense into the token's item");
        world.dynamodb.put(NAME, &item);
        let mut nonsense = self.nonsense.lock().unwrap_or_else(PoisonError::into_inner);
        nonsense.push(item);
    }

    /// DynamoDB deletes the item some time after its expiry.
    pub(crate) fn expire(&self, world: &World) {
        let item = world.dynamodb.item(NAME, ID).unwrap_or_default();
        let grace = between(std::time::Duration::ZERO, days(1)).as_secs();
        if expiry(&item).is_some_and(|expiry| expiry + grace < world.unix_seconds()) {
            crate::note!(world, "DynamoDB", "deletes the token, which has expired");
            let key = json!({"TableName": NAME, "Key": {"id": {"S": ID}}});
            world.dynamodb.call("DeleteItem", &key);
        }
    }

    fn is_nonsense(&self, item: &Value) -> bool {
        let nonsense = self.nonsense.lock().unwrap_or_else(PoisonError::into_inner);
        nonsense.contains(item)
    }
}

fn expiry(item: &Value) -> Option<u64> {
    item["expires_at"]["N"].as_str()?.parse().ok()
}
