//! token-refresh on the deployed stack: it keeps in the table a token that WHOOP accepts, and renews it in time.

mod faults;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;
use libtest_mimic::{Failed, Trial};
use local_aws::stack::{Invocation, Stack, TokenItem};
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Harness, Outcome, trials};

/// The path of the token endpoint.
const TOKEN_PATH: &str = "/v2/partner/token";

/// How long WHOOP's tokens are valid, in seconds.
const LIFETIME: i64 = 3600;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let mut trials = trials![harness.beside_on_webhook_stack;
        a_missing_token_is_obtained_and_stored,
        a_fresh_token_is_left_alone_without_a_call,
        an_old_token_is_renewed,
        any_event_is_taken_and_force_renews_a_fresh_token,
        the_schedules_own_event_renews_an_old_token,
        a_token_that_expires_later_is_kept,
        a_malformed_item_gives_way,
        refreshes_at_once_leave_one_good_token,
        a_missing_or_malformed_variable_is_named_at_start_up,
        a_failed_run_is_not_repeated_and_reaches_the_failure_queue,
    ];
    trials.extend(faults::trials(harness));
    trials
}

fn function(stack: &Stack) -> &str {
    stack.output("TokenRefreshFunctionName")
}

/// The function as deployed, with nothing cached and valid credentials. No token is stored, and WHOOP has not been
/// called.
async fn fresh(world: &World) -> Result<&Stack, Failed> {
    let stack = &world.stack;
    world.simulator.reset();
    world
        .simulator
        .set_credentials(&world.client_id, &world.client_secret);
    stack
        .put_partner_credentials(&world.client_id, &world.client_secret)
        .await?;
    stack.delete_token_item().await?;
    stack.restart(function(stack)).await?;
    Ok(stack)
}

/// A token as it is `seconds` before the end of its hour.
fn token_with_left(seconds: i64) -> TokenItem {
    let expires_at = now() + seconds;
    TokenItem {
        access_token: format!("stored-token-{}", Uuid::new_v4().simple()),
        token_type: "bearer".into(),
        expires_at,
        obtained_at: expires_at - LIFETIME,
    }
}

/// Unix seconds.
fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = elapsed.expect("the clock is past 1970").as_secs();
    i64::try_from(seconds).expect("seconds fit into 63 bits")
}

async fn refresh(stack: &Stack) -> Result<Invocation, Failed> {
    Ok(stack.invoke(function(stack), &json!({})).await?)
}

/// How often a token was requested from WHOOP.
fn token_requests(world: &World) -> usize {
    world.simulator.calls_to(TOKEN_PATH).len()
}

/// Checks that the invocation reports a refresh, and that the table holds a new token for an hour that WHOOP accepts.
async fn assert_refreshed(world: &World, invocation: &Invocation) -> Outcome {
    let item = world
        .stack
        .token_item()
        .await?
        .ok_or("no token is stored")?;
    assert_eq!(
        invocation.payload,
        json!({"outcome": "refreshed", "expires_at": item.expires_at})
    );
    assert_eq!(invocation.function_error, None);
    assert_eq!(item.token_type, "bearer");
    assert_eq!(item.expires_at, item.obtained_at + LIFETIME);
    assert!((now() - 60..=now()).contains(&item.obtained_at), "{item:?}");
    let nobodys = "v2/partner/requisition/00000000-0000-4000-8000-000000000000";
    let url = format!("{}/{nobodys}", world.simulator.base_url());
    let request = world.stack.http.get(url).bearer_auth(item.access_token);
    // the answer would be 401 if WHOOP did not know the token
    assert_eq!(request.send().await?.status(), 404);
    Ok(())
}

/// Checks that the invocation reports a fresh token, and that the table still holds this token.
async fn assert_still_fresh(world: &World, invocation: &Invocation, item: &TokenItem) -> Outcome {
    assert_eq!(
        invocation.payload,
        json!({"outcome": "still_fresh", "expires_at": item.expires_at})
    );
    assert_eq!(invocation.function_error, None);
    assert!(world.stack.token_item().await?.as_ref() == Some(item));
    Ok(())
}

async fn a_missing_token_is_obtained_and_stored(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    assert_refreshed(world, &refresh(stack).await?).await?;
    let calls = world.simulator.calls_to(TOKEN_PATH);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].method, "POST");
    assert_eq!(
        calls[0].body,
        Some(json!({
            "grant_type": "client_credentials",
            "client_id": world.client_id,
            "client_secret": "REDACTED",
            "scope": "whoop-partner/token",
        }))
    );
    Ok(())
}

async fn a_fresh_token_is_left_alone_without_a_call(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let item = token_with_left(LIFETIME / 2 + 60);
    stack.put_token_item(&item).await?;
    assert_still_fresh(world, &refresh(stack).await?, &item).await?;
    assert_eq!(token_requests(world), 0);
    Ok(())
}

async fn an_old_token_is_renewed(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    for left in [LIFETIME / 2 - 1, 90] {
        stack.delete_token_item().await?;
        stack.put_token_item(&token_with_left(left)).await?;
        assert_refreshed(world, &refresh(stack).await?).await?;
    }
    assert_eq!(token_requests(world), 2);
    Ok(())
}

async fn any_event_is_taken_and_force_renews_a_fresh_token(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let item = token_with_left(LIFETIME - 60);
    stack.put_token_item(&item).await?;
    for event in [
        json!(null),
        json!("now"),
        json!([{"force": true}]),
        json!({"force": "true"}),
    ] {
        let invocation = stack.invoke(function(stack), &event).await?;
        assert_still_fresh(world, &invocation, &item).await?;
    }
    assert_eq!(token_requests(world), 0);
    let invocation = stack
        .invoke(function(stack), &json!({"force": true}))
        .await?;
    assert_refreshed(world, &invocation).await
}

async fn the_schedules_own_event_renews_an_old_token(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    // EventBridge Scheduler sends this when the schedule has no input of its own
    let event = json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "123456789012",
        "time": "2030-10-08T16:53:06Z",
        "region": "us-east-1",
        "resources": ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/refresh"],
        "detail": "{}",
    });
    let invocation = stack.invoke(function(stack), &event).await?;
    assert_refreshed(world, &invocation).await
}

async fn a_token_that_expires_later_is_kept(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let item = token_with_left(LIFETIME + 600);
    stack.put_token_item(&item).await?;
    let invocation = stack
        .invoke(function(stack), &json!({"force": true}))
        .await?;
    assert_still_fresh(world, &invocation, &item).await?;
    assert_eq!(token_requests(world), 1);
    Ok(())
}

async fn a_malformed_item_gives_way(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let text = |value: &str| AttributeValue::S(value.into());
    let number = |value: &str| AttributeValue::N(value.into());
    stack.recorder.forbid("access token", "a-token-of-somebody");
    let far = (now() + 10 * LIFETIME).to_string();
    let changes = [
        ("expires_at", None),
        ("expires_at", Some(text(&far))),
        ("expires_at", Some(number("9.9E+125"))),
        ("access_token", None),
        ("access_token", Some(text(""))),
        ("access_token", Some(text("two words"))),
        ("access_token", Some(AttributeValue::Null(true))),
        ("token_type", Some(text("mac"))),
        ("obtained_at", Some(AttributeValue::L(vec![number("1")]))),
    ];
    for (name, value) in changes {
        let mut item = HashMap::from([
            ("id".into(), text("partner-token")),
            ("access_token".into(), text("a-token-of-somebody")),
            ("token_type".into(), text("bearer")),
            ("expires_at".into(), number(&far)),
            ("obtained_at".into(), number("1")),
        ]);
        match value {
            Some(value) => drop(item.insert(name.to_owned(), value)),
            None => drop(item.remove(name)),
        }
        put_item(stack, item).await?;
        assert_refreshed(world, &refresh(stack).await?).await?;
    }
    put_item(stack, HashMap::from([("id".into(), text("partner-token"))])).await?;
    assert_refreshed(world, &refresh(stack).await?).await
}

async fn put_item(stack: &Stack, item: HashMap<String, AttributeValue>) -> Outcome {
    stack
        .dynamodb
        .put_item()
        .table_name(stack.output("TokenTableName"))
        .set_item(Some(item))
        .send()
        .await
        // not the SDK's text, which is long
        .map_err(|_| "the item was not put")?;
    Ok(())
}

async fn refreshes_at_once_leave_one_good_token(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let results = futures_util::future::join_all((0..4).map(|_| refresh(stack))).await;
    for result in results {
        let invocation = result?;
        assert_eq!(invocation.function_error, None, "{invocation:?}");
    }
    let item = stack.token_item().await?.ok_or("no token is stored")?;
    assert_eq!(item.expires_at, item.obtained_at + LIFETIME);
    assert_still_fresh(world, &refresh(stack).await?, &item).await
}

async fn a_missing_or_malformed_variable_is_named_at_start_up(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    for (name, value) in [
        ("TOKEN_TABLE_NAME", None),
        ("PARTNER_CREDENTIALS_SECRET_ID", None),
        ("PARTNER_API_BASE_URL", Some("http://whoop.example")),
        ("PARTNER_API_BASE_URL", Some("developer")),
        ("AWS_LAMBDA_LOG_LEVEL", Some("LOUD")),
    ] {
        stack.configure(function(stack), &[(name, value)]).await?;
        let before = stack.logs(function(stack))?.len();
        let invocation = refresh(stack).await?;
        assert!(invocation.function_error.is_some(), "{invocation:?}");
        let lines = stack.logs(function(stack))?.split_off(before);
        let naming = lines.iter().filter(|line| line.contains(name)).count();
        assert!(naming >= 1, "{name} is not named in {lines:?}");
    }
    let stack = fresh(world).await?;
    assert_refreshed(world, &refresh(stack).await?).await
}

async fn a_failed_run_is_not_repeated_and_reaches_the_failure_queue(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let queue = stack.output("TokenRefreshFailureQueueUrl");
    stack.purge(queue).await?;
    let not_found = whoop_simulator::Fault::status(TOKEN_PATH, 404).times(10);
    world.simulator.fault(not_found);
    // as the scheduler does it
    let function = function(stack);
    stack.api.invoke(function, "Event", &json!({})).await?;
    let mut message = None;
    for _ in 0..5 {
        message = stack.receive(queue).await?;
        if message.is_some() {
            break;
        }
    }
    let message = message.ok_or("nothing is in the failure queue")?;
    let report: Value = serde_json::from_str(message.body().unwrap_or_default())?;
    assert_eq!(report["responsePayload"]["errorType"], "InvalidResponse");
    // longer than Lambda waits before it first repeats an invocation
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(token_requests(world), 1);
    Ok(())
}
