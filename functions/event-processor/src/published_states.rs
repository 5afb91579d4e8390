//! The memory of what has been published: for each resource its newest state, as an item in DynamoDB.
//!
//! An item holds neither the resource nor its id, only their SHA-256 (in base64). It also says who is just publishing: two
//! executions that hold the same webhook would both find its state new otherwise, and an older state could overtake a newer
//! one. A lease that is not given back runs out, so that a crash leads to a repetition and never to a loss.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use whoop_partner::call_failure::CallFailure;

/// How long a state is remembered: far longer than a message may wait in the queue, in the dead-letter queue after it, and
/// in the queue again.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How long a lease lasts: longer than claiming, publishing twice and remembering may take, at 8 s for each call.
const LEASE: Duration = Duration::from_secs(45);

type Item = HashMap<String, AttributeValue>;

/// A state of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    updated_at: Option<Timestamp>,
    body_hash: String,
}

impl State {
    /// The state in which a resource's JSON is `body`.
    pub(crate) fn new(updated_at: Option<Timestamp>, body: &str) -> Self {
        Self {
            updated_at,
            body_hash: sha256(body),
        }
    }

    fn hash(&self) -> AttributeValue {
        AttributeValue::S(self.body_hash.clone())
    }

    fn is_older_than(&self, other: &Self) -> bool {
        matches!((self.updated_at, other.updated_at), (Some(own), Some(others)) if own < others)
    }
}

/// Whether a state may be published now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// By us, and by nobody else as long as the lease lasts.
    Granted(Lease),
    /// No, it has been published.
    Published,
    /// No, a newer one has been published.
    Outdated,
    /// No, somebody else is just publishing one of this resource.
    Busy,
}

/// The right to publish a state of a resource.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    key: String,
    state: State,
    holder: String,
}

/// The table could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{operation} of the published states failed: {failure}")]
pub(crate) struct StatesError {
    operation: &'static str,
    failure: CallFailure,
}

/// The table.
#[derive(Debug)]
pub(crate) struct PublishedStates {
    client: Client,
    table: String,
}

impl PublishedStates {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Claims the right to publish a state of the resource `key`.
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
        let free =
            "(attribute_not_exists(claimed_until) OR claimed_until < :now OR claimed_by = :me)";
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", id(key))
            .update_expression(
                "SET claimed_by = :me, claimed_until = :until, expires_at = if_not_exists(expires_at, :expires_at)",
            )
            .expression_attribute_values(":me", AttributeValue::S(lease.holder.clone()))
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":until", seconds(now + LEASE))
            .expression_attribute_values(":expires_at", seconds(now + LIFETIME))
            .expression_attribute_values(":body_hash", lease.state.hash())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match lease.state.updated_at {
            Some(updated_at) => update
                .condition_expression(format!(
                    "{free} AND (attribute_not_exists(updated_at) OR updated_at < :updated_at \
                     OR (updated_at = :updated_at AND body_hash <> :body_hash))"
                ))
                .expression_attribute_values(":updated_at", nanoseconds(updated_at)),
            None => update.condition_expression(format!(
                "{free} AND (attribute_not_exists(body_hash) OR body_hash <> :body_hash)"
            )),
        };
        match update.send().await {
            Ok(_) => Ok(Claim::Granted(lease)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(match failed.item().and_then(read) {
                        Some(published) if lease.state.is_older_than(&published) => Claim::Outdated,
                        Some(published) if lease.state == published => Claim::Published,
                        _ => Claim::Busy,
                    })
                }
                _ => Err(StatesError::new("UpdateItem", &error)),
            },
        }
    }

    /// Remembers that the state has been published, unless a newer one is remembered by now.
    pub(crate) async fn remember(&self, lease: Lease, now: SystemTime) -> Result<(), StatesError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(&lease.key, &lease.state, now)));
        let put = match lease.state.updated_at {
            Some(updated_at) => put
                .condition_expression(
                    "attribute_not_exists(updated_at) OR updated_at <= :updated_at",
                )
                .expression_attribute_values(":updated_at", nanoseconds(updated_at)),
            None => put.condition_expression("attribute_not_exists(updated_at)"),
        };
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(StatesError::new("PutItem", &error)),
        }
    }

    /// Gives a lease back, so that the next try need not wait for its end.
    pub(crate) async fn release(&self, lease: Lease) -> Result<(), StatesError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", id(&lease.key))
            .update_expression("REMOVE claimed_by, claimed_until")
            .condition_expression("claimed_by = :me")
            .expression_attribute_values(":me", AttributeValue::S(lease.holder));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(StatesError::new("UpdateItem", &error)),
        }
    }
}

impl StatesError {
    fn new<E>(operation: &'static str, error: &SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        Self {
            operation,
            failure: CallFailure::from(error),
        }
    }
}

fn item(key: &str, state: &State, now: SystemTime) -> Item {
    let mut item = HashMap::from([
        ("id".into(), id(key)),
        ("body_hash".into(), state.hash()),
        ("expires_at".into(), seconds(now + LIFETIME)),
    ]);
    if let Some(updated_at) = state.updated_at {
        item.insert("updated_at".into(), nanoseconds(updated_at));
    }
    item
}

fn read(item: &Item) -> Option<State> {
    let updated_at = match item.get("updated_at") {
        None => None,
        Some(value) => {
            let nanoseconds = value.as_n().ok()?.parse().ok()?;
            Some(Timestamp::from_nanosecond(nanoseconds).ok()?)
        }
    };
    Some(State {
        updated_at,
        body_hash: item.get("body_hash")?.as_s().ok()?.clone(),
    })
}

fn id(key: &str) -> AttributeValue {
    AttributeValue::S(sha256(key))
}

/// A time of ours as a Unix time, which TTL takes in seconds.
fn seconds(time: SystemTime) -> AttributeValue {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH);
    AttributeValue::N(since_epoch.unwrap_or_default().as_secs().to_string())
}

/// A time of WHOOP's as a Unix time, to the last digit.
fn nanoseconds(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.as_nanosecond().to_string())
}

fn sha256(text: &str) -> String {
    BASE64.encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
    use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
    use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

    const KEY: &str = "/v2/partner/requisition/the-order";

    fn state(updated_at: Option<&str>, body: &str) -> State {
        State::new(updated_at.map(|time| time.parse().unwrap()), body)
    }

    fn states(rule: &Rule) -> PublishedStates {
        let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [rule]);
        PublishedStates::new(client, "states".into())
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }

    /// What a claim on `state` comes to when the table refuses it because of the item of a remembered state.
    async fn refusal(remembered: &State, state: &State) -> Claim {
        let mut item = item(KEY, remembered, now());
        item.insert("claimed_until".into(), seconds(now()));
        let rule = mock!(aws_sdk_dynamodb::Client::update_item).then_error(move || {
            let failed = ConditionalCheckFailedException::builder()
                .set_item(Some(item.clone()))
                .build();
            UpdateItemError::ConditionalCheckFailedException(failed)
        });
        let states = states(&rule);
        states.claim(KEY, state.clone(), now()).await.unwrap()
    }

    /// The claim on `state` as the table gets it.
    async fn claim(state: State) -> (UpdateItemInput, Claim) {
        let update = Arc::new(Mutex::new(None));
        let seen = update.clone();
        let rule =
            mock!(aws_sdk_dynamodb::Client::update_item).then_compute_output(move |request| {
                *seen.lock().unwrap() = Some(request.clone());
                UpdateItemOutput::builder().build()
            });
        let claim = states(&rule).claim(KEY, state, now()).await.unwrap();
        let update = update.lock().unwrap().take().unwrap();
        (update, claim)
    }

    #[tokio::test]
    async fn a_refused_claim_says_how_the_state_relates_to_the_published_one() {
        let noon = state(Some("2026-11-18T12:00:00Z"), "a");
        for (other, expected) in [
            (state(Some("2026-11-18T12:00:00Z"), "a"), Claim::Published),
            (
                state(Some("2026-11-18T13:00:00.000+01:00"), "a"),
                Claim::Published,
            ),
            (state(Some("2026-11-18T12:00:00Z"), "b"), Claim::Busy),
            (
                state(Some("2026-11-18T12:00:00.000000001Z"), "a"),
                Claim::Busy,
            ),
            (
                state(Some("2026-11-18T11:59:59.999999999Z"), "a"),
                Claim::Outdated,
            ),
            (
                state(Some("2026-11-18T11:59:59.999999999Z"), "b"),
                Claim::Outdated,
            ),
            (state(None, "b"), Claim::Busy),
        ] {
            assert_eq!(refusal(&noon, &other).await, expected, "{other:?}");
        }
        let timeless = state(None, "a");
        assert_eq!(refusal(&timeless, &timeless).await, Claim::Published);
        assert_eq!(refusal(&timeless, &noon).await, Claim::Busy);
    }

    #[tokio::test]
    async fn a_claim_lasts_three_quarters_of_a_minute_and_tells_neither_id_nor_body() {
        let (update, claim) = claim(state(Some("2026-11-18T12:00:00Z"), "the-patient")).await;
        assert!(matches!(claim, Claim::Granted(_)));
        assert_eq!(update.table_name(), Some("states"));
        let values = update.expression_attribute_values().unwrap();
        assert_eq!(values[":now"], AttributeValue::N("1795000000".into()));
        assert_eq!(values[":until"], AttributeValue::N("1795000045".into()));
        let text = format!("{update:?}");
        assert!(
            !text.contains("the-order") && !text.contains("the-patient"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn no_two_claims_are_held_by_the_same_holder() {
        let state = state(None, "a");
        let (first, second) = (claim(state.clone()).await.1, claim(state).await.1);
        assert_ne!(first, second);
    }

    fn lease(state: State) -> Lease {
        Lease {
            key: KEY.into(),
            state,
            holder: "me".into(),
        }
    }

    async fn remember(state: State) -> PutItemInput {
        let put = Arc::new(Mutex::new(None));
        let seen = put.clone();
        let rule = mock!(aws_sdk_dynamodb::Client::put_item).then_compute_output(move |request| {
            *seen.lock().unwrap() = Some(request.clone());
            PutItemOutput::builder().build()
        });
        states(&rule).remember(lease(state), now()).await.unwrap();
        put.lock().unwrap().take().unwrap()
    }

    #[tokio::test]
    async fn an_item_never_gives_way_to_an_older_state() {
        let put = remember(state(Some("2026-11-18T12:00:00.5Z"), "a")).await;
        assert_eq!(put.table_name(), Some("states"));
        assert_eq!(
            put.condition_expression(),
            Some("attribute_not_exists(updated_at) OR updated_at <= :updated_at")
        );
        let updated_at = AttributeValue::N("1795003200500000000".into());
        assert_eq!(
            put.expression_attribute_values().unwrap()[":updated_at"],
            updated_at
        );
        assert_eq!(put.item().unwrap()["updated_at"], updated_at);
        let put = remember(state(None, "a")).await;
        assert_eq!(
            put.condition_expression(),
            Some("attribute_not_exists(updated_at)")
        );
        assert_eq!(put.expression_attribute_values(), None);
        assert_eq!(put.item().unwrap().get("updated_at"), None);
    }

    #[tokio::test]
    async fn an_item_tells_neither_the_id_nor_the_body_and_goes_after_ninety_days() {
        let put = remember(state(Some("2026-11-18T12:00:00Z"), "the-patient")).await;
        let item = put.item().unwrap();
        let text = format!("{item:?}");
        assert!(
            !text.contains("the-order") && !text.contains("the-patient"),
            "{text}"
        );
        let expires_at = 1_795_000_000 + 90 * 86_400;
        assert_eq!(
            item["expires_at"],
            AttributeValue::N(expires_at.to_string())
        );
    }

    #[tokio::test]
    async fn a_newer_state_that_is_remembered_already_may_stay() {
        let rule = mock!(aws_sdk_dynamodb::Client::put_item).then_error(|| {
            let failed = ConditionalCheckFailedException::builder().build();
            PutItemError::ConditionalCheckFailedException(failed)
        });
        let noon = state(Some("2026-11-18T12:00:00Z"), "a");
        let remembered = states(&rule).remember(lease(noon), now()).await;
        assert!(remembered.is_ok());
    }
}
