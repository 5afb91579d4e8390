//! The memory of what has been published: the newest state of each resource, as an item in DynamoDB.
//!
//! An item holds neither the resource nor its id, only their SHA-256 (in base64). It also says who is publishing the resource
//! at the moment. Otherwise two executions with the same webhook would both find its state new, or an older state could be
//! published after a newer one. A lease that is not given back expires, so a crash leads to a repetition and never to a loss.
//!
//! States with a date and states without a date are remembered side by side, so that neither replaces the other: `updated_at`
//! with `body_hash`, and `undated_body_hash`.
//!
//! A dated state may be on the bus without being remembered: after a crash, or if EventBridge's answer was lost. WHOOP's next answer
//! may then show an older state. So the date of the newest state that anybody has claimed is kept, as `tried_updated_at`. While
//! nobody knows whether that state is published, no older one is.

mod item;

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use whoop_partner::call_failure::CallFailure;

use item::{Item, StoredItem};

/// How long a state is remembered. It is far longer than a message may wait in the queue, then in the dead-letter queue, and
/// then in the queue again.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How long a lease lasts. It is longer than claiming, publishing twice and remembering may take, with 8 s for each call.
const LEASE: Duration = Duration::from_secs(45);

/// A state of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    updated_at: Option<Timestamp>,
    body_hash: String,
}

impl State {
    /// Makes the state of a resource whose JSON is `body`.
    pub(crate) fn new(updated_at: Option<Timestamp>, body: &str) -> Self {
        Self {
            updated_at,
            body_hash: sha256(body),
        }
    }
}

/// Whether a state may be published now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Yes, by us. While the lease lasts, nobody else may publish one.
    Granted(Lease),
    /// No, it is published already.
    Published,
    /// No, a newer one is published already.
    Outdated,
    /// Not now. A newer state has been claimed, and nobody knows whether it was published.
    Overtaken,
    /// No, another execution is publishing a state of this resource.
    Busy,
}

/// The right to publish a state of a resource.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    key: String,
    state: State,
    holder: String,
}

/// The table could not be changed.
#[derive(Debug, thiserror::Error)]
#[error("UpdateItem of the published states failed: {0}")]
pub(crate) struct StatesError(CallFailure);

/// The result of an update.
enum Update {
    Made,
    /// The condition did not hold for this item.
    Refused(Item),
}

/// The table.
pub(crate) struct PublishedStates {
    client: Client,
    table: String,
}

impl PublishedStates {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Claims the right to publish a state of the resource `key`. A malformed item is replaced.
    pub(crate) async fn claim(
        &self,
        key: &str,
        state: State,
        now: SystemTime,
    ) -> Result<Claim, StatesError> {
        let lease = Lease {
            key: key.to_owned(),
            state,
            holder: format!("{:016x}", fastrand::u64(..)),
        };
        let stored = match self.make(self.claim_novel(&lease, now)).await? {
            Update::Made => return Ok(Claim::Granted(lease)),
            Update::Refused(item) => StoredItem::read(item, now),
        };
        if stored.overtakes(&lease.state) {
            return Ok(Claim::Overtaken);
        }
        if stored.is_newer_than(&lease.state) {
            return Ok(Claim::Outdated);
        }
        if stored.remembers(&lease.state) {
            return Ok(Claim::Published);
        }
        if stored.is_claimed() || !stored.is_malformed() {
            return Ok(Claim::Busy);
        }
        tracing::warn!("a malformed item of the published states is replaced");
        match self
            .make(self.claim_malformed(&lease, &stored, now))
            .await?
        {
            Update::Made => Ok(Claim::Granted(lease)),
            Update::Refused(_) => Ok(Claim::Busy),
        }
    }

    /// Remembers that the state has been published, and gives the lease back. If a newer state is remembered by now, that stays.
    pub(crate) async fn remember(&self, lease: Lease, now: SystemTime) -> Result<(), StatesError> {
        let state = &lease.state;
        let (set, novel) = match state.updated_at {
            Some(_) => (
                "SET updated_at = :updated_at, body_hash = :body_hash, expires_at = :expires_at",
                Some("(attribute_not_exists(updated_at) OR updated_at <= :updated_at)"),
            ),
            None => (
                "SET undated_body_hash = :body_hash, expires_at = :expires_at",
                None,
            ),
        };
        let ours = ["claimed_by = :me"].into_iter().chain(novel);
        let update = self
            .update(&lease.key)
            .expression_attribute_values(":body_hash", AttributeValue::S(state.body_hash.clone()))
            .expression_attribute_values(":expires_at", seconds(now + LIFETIME))
            .set_updated_at(state);
        let with_lease = update
            .clone()
            .update_expression(format!("{set} REMOVE claimed_by, claimed_until"))
            .condition_expression(ours.collect::<Vec<_>>().join(" AND "))
            .expression_attribute_values(":me", AttributeValue::S(lease.holder.clone()));
        if let Update::Made = self.make(with_lease).await? {
            return Ok(());
        }
        // our lease has expired, and another execution may hold one or may have remembered a newer state
        let without_lease = update
            .update_expression(set)
            .set_condition_expression(novel.map(str::to_owned));
        self.make(without_lease).await?;
        self.release(lease).await
    }

    /// Gives a lease back, so that the next try does not have to wait until it expires.
    pub(crate) async fn release(&self, lease: Lease) -> Result<(), StatesError> {
        let release = self
            .update(&lease.key)
            .update_expression("REMOVE claimed_by, claimed_until")
            .condition_expression("claimed_by = :me")
            .expression_attribute_values(":me", AttributeValue::S(lease.holder));
        self.make(release).await.map(drop)
    }

    /// Claims a state if nobody else holds a lease, if neither this state nor a newer one is remembered, and if no newer one has been
    /// claimed.
    fn claim_novel(&self, lease: &Lease, now: SystemTime) -> UpdateItemFluentBuilder {
        let free =
            "(attribute_not_exists(claimed_until) OR claimed_until < :now OR claimed_by = :me)";
        let novel = match lease.state.updated_at {
            Some(_) => {
                "(attribute_not_exists(updated_at) OR updated_at < :updated_at \
                 OR (updated_at = :updated_at AND body_hash <> :body_hash)) \
                 AND (attribute_not_exists(tried_updated_at) OR tried_updated_at <= :updated_at)"
            }
            None => "(attribute_not_exists(undated_body_hash) OR undated_body_hash <> :body_hash)",
        };
        let body_hash = AttributeValue::S(lease.state.body_hash.clone());
        self.set_lease(lease, now)
            .update_expression(format!(
                "SET claimed_by = :me, claimed_until = :until, expires_at = if_not_exists(expires_at, :expires_at){}",
                set_tried(&lease.state)
            ))
            .condition_expression(format!("{free} AND {novel}"))
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":body_hash", body_hash)
            .set_updated_at(&lease.state)
    }

    /// Claims a state if the item is still `stored`, and removes its malformed attributes.
    fn claim_malformed(
        &self,
        lease: &Lease,
        stored: &StoredItem,
        now: SystemTime,
    ) -> UpdateItemFluentBuilder {
        let set = format!(
            "SET claimed_by = :me, claimed_until = :until, expires_at = :expires_at{}",
            set_tried(&lease.state)
        );
        let update = match stored.malformed_states().join(", ") {
            none if none.is_empty() => set,
            malformed => format!("{set} REMOVE {malformed}"),
        };
        let (unchanged, values) = stored.is_unchanged();
        let claim = self
            .set_lease(lease, now)
            .update_expression(update)
            .condition_expression(unchanged)
            .set_updated_at(&lease.state);
        values.into_iter().fold(claim, |claim, (name, value)| {
            claim.expression_attribute_values(name, value)
        })
    }

    /// Begins an update with the values that a claim sets.
    fn set_lease(&self, lease: &Lease, now: SystemTime) -> UpdateItemFluentBuilder {
        self.update(&lease.key)
            .expression_attribute_values(":me", AttributeValue::S(lease.holder.clone()))
            .expression_attribute_values(":until", seconds(now + LEASE))
            .expression_attribute_values(":expires_at", seconds(now + LIFETIME))
    }

    /// Begins an update of the item of the resource `key`.
    fn update(&self, key: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(sha256(key)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn make(&self, update: UpdateItemFluentBuilder) -> Result<Update, StatesError> {
        match update.send().await {
            Ok(_) => Ok(Update::Made),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(Update::Refused(refused.item().cloned().unwrap_or_default()))
                }
                _ => Err(StatesError(CallFailure::from(&error))),
            },
        }
    }
}

/// Returns the part of an update that keeps the date of a claimed state, if it has one.
fn set_tried(state: &State) -> &'static str {
    match state.updated_at {
        Some(_) => ", tried_updated_at = :updated_at",
        None => "",
    }
}

/// Sets the value `:updated_at` if a state has a date.
trait SetUpdatedAt {
    fn set_updated_at(self, state: &State) -> Self;
}

impl SetUpdatedAt for UpdateItemFluentBuilder {
    fn set_updated_at(self, state: &State) -> Self {
        match state.updated_at {
            // in nanoseconds, so that no digit is lost
            Some(updated_at) => {
                let nanoseconds = AttributeValue::N(updated_at.as_nanosecond().to_string());
                self.expression_attribute_values(":updated_at", nanoseconds)
            }
            None => self,
        }
    }
}

/// Converts a time to Unix seconds, as DynamoDB's TTL requires.
fn seconds(time: SystemTime) -> AttributeValue {
    AttributeValue::N(since_epoch(time).as_secs().to_string())
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

fn sha256(text: &str) -> String {
    BASE64.encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests;
