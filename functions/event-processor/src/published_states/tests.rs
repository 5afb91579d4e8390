use super::*;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Config;
use in_memory_dynamodb::InMemoryDynamoDb;
use serde_json::{Value, json};

const KEY: &str = "/v2/partner/requisition/the-order-of-this-test";
const BODY: &str = "the-patient-of-this-test";
const TABLE: &str = "states";

const NOON: Option<&str> = Some("2026-11-18T12:00:00Z");
const LATER: Option<&str> = Some("2026-11-18T12:00:00.000000001Z");
const EARLIER: Option<&str> = Some("2026-11-18T11:59:59.999999999Z");

const SECOND: Duration = Duration::from_secs(1);

/// A table, and the requests that it has received.
struct Table {
    dynamodb: Arc<InMemoryDynamoDb>,
    states: PublishedStates,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Table {
    fn new() -> Self {
        Self::with_hook(|_, _| None)
    }

    /// `hook` is called before each update, with its number from 1 on. It may give the answer itself.
    fn with_hook(
        hook: impl Fn(&InMemoryDynamoDb, usize) -> Option<(u16, Value)> + Send + Sync + 'static,
    ) -> Self {
        let dynamodb = Arc::new(InMemoryDynamoDb::new());
        let requests = Arc::<Mutex<Vec<Value>>>::default();
        let (seen, tables) = (requests.clone(), dynamodb.clone());
        let http_client = dynamodb
            .clone()
            .http_client_with(move |operation, request| {
                assert_eq!(operation, "UpdateItem");
                let mut seen = seen.lock().unwrap();
                seen.push(request.clone());
                hook(&tables, seen.len())
            });
        let config = Config::builder()
            .with_test_defaults_v2()
            .http_client(http_client);
        let client = Client::from_conf(config.build());
        Self {
            dynamodb,
            states: PublishedStates::new(client, TABLE.into()),
            requests,
        }
    }

    async fn claim(&self, updated_at: Option<&str>, body: &str, now: SystemTime) -> Claim {
        let state = state(updated_at, body);
        self.states.claim(KEY, state, now).await.unwrap()
    }

    /// Claims a state that may be published.
    async fn lease(&self, updated_at: Option<&str>, body: &str, now: SystemTime) -> Lease {
        match self.claim(updated_at, body, now).await {
            Claim::Granted(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    async fn publish(&self, updated_at: Option<&str>, body: &str, now: SystemTime) {
        let lease = self.lease(updated_at, body, now).await;
        self.states.remember(lease, now).await.unwrap();
    }

    fn item(&self) -> Value {
        let items = self.dynamodb.items(TABLE);
        assert_eq!(items.len(), 1);
        items.into_values().next().unwrap()
    }

    fn set(&self, name: &str, value: Value) {
        let mut item = self.item();
        item[name] = value;
        self.dynamodb.put(TABLE, &item);
    }

    fn is_claimed(&self) -> bool {
        self.item().get("claimed_until").is_some()
    }
}

fn state(updated_at: Option<&str>, body: &str) -> State {
    State::new(updated_at.map(|time| time.parse().unwrap()), body)
}

/// Returns a date as the table holds it.
fn date_of(date: Option<&str>) -> Value {
    let date: Timestamp = date.unwrap().parse().unwrap();
    json!({"N": date.as_nanosecond().to_string()})
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

#[tokio::test]
async fn a_state_is_published_once_a_newer_one_again_and_an_older_one_never() {
    let table = Table::new();
    table.publish(NOON, "a", now()).await;
    let same = Some("2026-11-18T13:00:00.000+01:00");
    for (updated_at, body, expected) in [
        (NOON, "a", Claim::Published),
        (same, "a", Claim::Published),
        (EARLIER, "a", Claim::Outdated),
        (EARLIER, "b", Claim::Outdated),
    ] {
        assert_eq!(table.claim(updated_at, body, now()).await, expected);
        assert!(!table.is_claimed());
    }
    table
        .publish(NOON, "changed without a later date", now())
        .await;
    table.publish(LATER, "a", now()).await;
    assert_eq!(table.claim(NOON, "a", now()).await, Claim::Outdated);
}

#[tokio::test]
async fn a_lease_keeps_others_away_for_three_quarters_of_a_minute() {
    let table = Table::new();
    let _lease = table.lease(NOON, "a", now()).await;
    for (updated_at, body) in [(NOON, "a"), (LATER, "b"), (None, "c")] {
        let claim = table.claim(updated_at, body, now() + LEASE).await;
        assert_eq!(claim, Claim::Busy);
    }
    table.lease(LATER, "b", now() + LEASE + SECOND).await;
}

#[tokio::test]
async fn a_lease_that_is_given_back_is_free_at_once() {
    let table = Table::new();
    let lease = table.lease(NOON, "a", now()).await;
    table.states.release(lease).await.unwrap();
    assert!(!table.is_claimed());
    table.publish(NOON, "a", now()).await;
    assert!(!table.is_claimed());
}

#[tokio::test]
async fn whoever_publishes_after_the_lease_has_run_out_leaves_the_next_lease_alone() {
    let table = Table::new();
    let late = table.lease(NOON, "a", now()).await;
    let then = now() + LEASE + SECOND;
    let next = table.lease(LATER, "b", then).await;
    table.states.remember(late, then).await.unwrap();
    assert!(table.is_claimed());
    assert_eq!(table.item()["updated_at"], date_of(NOON));
    table.states.remember(next, then).await.unwrap();
    assert!(!table.is_claimed());

    // an older state never replaces a newer one
    let late = table.lease(Some("2026-11-18T13:00:00Z"), "c", now()).await;
    table.publish(Some("2026-11-18T14:00:00Z"), "d", then).await;
    table.states.remember(late, then).await.unwrap();
    let claim = table.claim(Some("2026-11-18T14:00:00Z"), "d", then).await;
    assert_eq!(claim, Claim::Published);
    assert!(!table.is_claimed());
}

#[tokio::test]
async fn while_nobody_knows_whether_a_newer_state_is_published_no_older_one_is() {
    let table = Table::new();
    table.publish(EARLIER, "a", now()).await;
    // its publication failed, or nobody knows whether it did
    let lease = table.lease(LATER, "c", now()).await;
    table.states.release(lease).await.unwrap();
    // not even the published one is answered for: the newer one is still to come
    for (updated_at, body) in [(EARLIER, "a"), (NOON, "b")] {
        let claim = table.claim(updated_at, body, now()).await;
        assert_eq!(claim, Claim::Overtaken);
        assert!(!table.is_claimed());
    }
    // a crash leaves the lease behind as well
    let _lease = table.lease(LATER, "c", now()).await;
    let then = now() + LEASE + SECOND;
    assert_eq!(table.claim(NOON, "b", then).await, Claim::Overtaken);
    table.publish(None, "without a date", then).await;
    table.publish(LATER, "c", then).await;
    assert_eq!(table.claim(NOON, "b", then).await, Claim::Outdated);
    assert_eq!(table.claim(LATER, "c", then).await, Claim::Published);
}

#[tokio::test]
async fn an_undated_state_after_a_dated_one_is_published_once_and_keeps_the_date() {
    let table = Table::new();
    table.publish(NOON, "a", now()).await;
    let date = table.item()["updated_at"].clone();
    table.publish(None, "b", now()).await;
    assert!(!table.is_claimed());
    assert_eq!(table.item()["updated_at"], date);
    for _ in 0..2 {
        assert_eq!(table.claim(None, "b", now()).await, Claim::Published);
        assert_eq!(table.claim(NOON, "a", now()).await, Claim::Published);
        assert_eq!(table.claim(EARLIER, "c", now()).await, Claim::Outdated);
    }
    table.publish(None, "c", now()).await;
    table.publish(LATER, "d", now()).await;
    assert_eq!(table.claim(None, "c", now()).await, Claim::Published);
}

#[tokio::test]
async fn what_we_never_write_gives_way() {
    let in_ten_years = json!({"N": "2110000000"});
    for (name, value) in [
        ("claimed_until", in_ten_years),
        ("claimed_until", json!({"N": "1795000346"})),
        ("claimed_until", json!({"N": "-1"})),
        ("claimed_until", json!({"N": "9.9E+125"})),
        ("claimed_until", json!({"S": "1795000010"})),
        ("updated_at", json!({"S": "2026-11-18T12:00:00Z"})),
        ("updated_at", json!({"N": "9.9E+125"})),
        ("updated_at", json!({"BOOL": true})),
        ("updated_at", json!({"NULL": true})),
        ("body_hash", json!({"N": "7"})),
        ("undated_body_hash", json!({"L": []})),
        ("tried_updated_at", json!({"S": "noon"})),
        ("tried_updated_at", json!({"N": "9.9E+125"})),
        ("expires_at", json!({"S": "never"})),
    ] {
        for (updated_at, body) in [(LATER, "b"), (None, "c")] {
            let table = Table::new();
            table.publish(NOON, "a", now()).await;
            table.set(name, value.clone());
            table.publish(updated_at, body, now()).await;
            let claim = table.claim(updated_at, body, now()).await;
            assert_eq!(claim, Claim::Published, "{name} {value}");
            assert!(!table.is_claimed(), "{name} {value}");
        }
    }
    // a holder whose name is not text
    let table = Table::new();
    let _lease = table.lease(NOON, "a", now()).await;
    table.set("claimed_by", json!({"N": "7"}));
    table.lease(NOON, "a", now()).await;
}

#[tokio::test]
async fn what_is_well_formed_of_a_malformed_item_is_kept() {
    let table = Table::new();
    table.publish(NOON, "a", now()).await;
    table.set("claimed_until", json!({"S": "tomorrow"}));
    assert_eq!(table.claim(NOON, "a", now()).await, Claim::Published);
    assert_eq!(table.claim(EARLIER, "b", now()).await, Claim::Outdated);
    let lease = table.lease(LATER, "c", now()).await;
    table.states.release(lease).await.unwrap();
    assert_eq!(table.item()["updated_at"], date_of(NOON));

    let table = Table::new();
    let _lease = table.lease(NOON, "a", now()).await;
    table.set("updated_at", json!({"S": "noon"}));
    assert_eq!(table.claim(LATER, "b", now()).await, Claim::Busy);
}

#[tokio::test]
async fn a_lease_may_be_as_far_ahead_as_clocks_differ() {
    let table = Table::new();
    table.publish(NOON, "a", now()).await;
    table.set("claimed_by", json!({"S": "another"}));
    // 45 s + 5 min
    table.set("claimed_until", json!({"N": "1795000345"}));
    assert_eq!(table.claim(LATER, "b", now()).await, Claim::Busy);
}

#[tokio::test]
async fn a_malformed_item_gives_way_only_if_nobody_has_changed_it_meanwhile() {
    let table = Table::with_hook(|tables, number| {
        // the claim's second update comes after two for publishing and one that was refused
        if number == 4 {
            let mut item = tables.items(TABLE).into_values().next().unwrap();
            item["claimed_until"] = json!({"N": "1795000045"});
            tables.put(TABLE, &item);
        }
        None
    });
    table.publish(NOON, "a", now()).await;
    table.set("claimed_until", json!({"S": "tomorrow"}));
    assert_eq!(table.claim(LATER, "b", now()).await, Claim::Busy);
    assert_eq!(table.item()["claimed_until"], json!({"N": "1795000045"}));
}

#[tokio::test]
async fn a_well_formed_item_is_not_replaced_whatever_the_reason_for_the_refusal() {
    let table = Table::with_hook(|tables, number| {
        // the claim comes after two updates for publishing
        let item = (number == 3).then(|| tables.items(TABLE).into_values().next())?;
        let refusal = "com.amazonaws.dynamodb#ConditionalCheckFailedException";
        Some((400, json!({"__type": refusal, "Item": item})))
    });
    table.publish(NOON, "a", now()).await;
    assert_eq!(table.claim(LATER, "b", now()).await, Claim::Busy);
    assert!(!table.is_claimed());
}

#[tokio::test]
async fn the_table_is_told_neither_id_nor_body_and_keeps_a_state_for_90_days() {
    let table = Table::new();
    table.publish(NOON, BODY, now()).await;
    let requests = table.requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    for request in requests.iter() {
        let text = request.to_string();
        assert!(!text.contains("the-order-of-this-test"), "{text}");
        assert!(!text.contains(BODY), "{text}");
    }
    let item = table.item();
    assert_eq!(item["updated_at"], json!({"N": "1795003200000000000"}));
    assert_eq!(item["expires_at"], json!({"N": "1802776000"}));
}

#[tokio::test]
async fn a_state_that_is_only_claimed_is_kept_for_90_days_too() {
    let table = Table::new();
    let _lease = table.lease(NOON, "a", now()).await;
    assert_eq!(table.item()["expires_at"], json!({"N": "1802776000"}));
}

#[tokio::test]
async fn no_two_claims_are_held_by_the_same_holder() {
    let (first, second) = (Table::new(), Table::new());
    let leases = (
        first.lease(NOON, "a", now()).await,
        second.lease(NOON, "a", now()).await,
    );
    assert_ne!(leases.0, leases.1);
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_an_error() {
    let denied = json!({"__type": "com.amazonaws.dynamodb#AccessDeniedException"});
    let http_client =
        Arc::new(InMemoryDynamoDb::new()).http_client_with(move |_, _| Some((400, denied.clone())));
    let config = Config::builder()
        .with_test_defaults_v2()
        .http_client(http_client);
    let states = PublishedStates::new(Client::from_conf(config.build()), TABLE.into());
    let error = states
        .claim(KEY, state(NOON, "a"), now())
        .await
        .unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("UpdateItem of the published states failed"),
        "{error}"
    );
}
