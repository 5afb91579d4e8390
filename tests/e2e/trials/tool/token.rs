//! `whoop-partner token`.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;
use libtest_mimic::{Failed, Trial};
use local_aws::stack::{Stack, TokenItem};
use local_aws::world::World;
use serde_json::{Value, json};
use whoop_simulator::Fault;

use super::Tool;
use crate::harness::{Harness, Outcome, trials};

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_operated_stack;
        a_good_token_is_described_and_not_shown,
        a_missing_a_malformed_and_an_expired_token_are_told_apart,
        a_token_is_refreshed_if_it_is_time_or_forced,
        a_failed_refresh_says_what_to_do,
    ]
}

/// The token's path at WHOOP.
const TOKEN_PATH: &str = "/v2/partner/token";

/// The stack without a token, WHOOP without faults, and the function with nothing cached.
async fn fresh(world: &World) -> Result<&Stack, Failed> {
    let (stack, simulator) = (&world.stack, &world.simulator);
    simulator.reset();
    simulator.set_credentials(&world.client_id, &world.client_secret);
    stack
        .put_partner_credentials(&world.client_id, &world.client_secret)
        .await?;
    stack.delete_token_item().await?;
    stack
        .restart(stack.output("TokenRefreshFunctionName"))
        .await?;
    Ok(stack)
}

/// A token that expires in so many seconds, an hour after it was obtained.
fn token(value: &str, seconds_left: i64) -> Result<TokenItem, Failed> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let expires_at = i64::try_from(now)? + seconds_left;
    Ok(TokenItem {
        access_token: value.into(),
        token_type: "Bearer".into(),
        expires_at,
        obtained_at: expires_at - 3600,
    })
}

async fn show(world: &World, status: i32) -> Result<Value, Failed> {
    let said = Tool::on(world).run(&["--json", "token", "show"]).await?;
    said.assert(status, &[]);
    Ok(serde_json::from_str(&said.stdout)?)
}

async fn a_good_token_is_described_and_not_shown(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let item = token("abc", 3000)?;
    stack.put_token_item(&item).await?;
    let shown = show(world, 0).await?;
    assert_eq!(shown["state"], "fresh");
    assert_eq!(shown["token_type"], "Bearer");
    // SHA-256 of "abc", as in FIPS 180-4
    assert_eq!(shown["fingerprint"], "ba7816bf8f01");
    for (name, seconds) in [
        ("obtained_at", item.obtained_at),
        ("expires_at", item.expires_at),
    ] {
        let time: jiff::Timestamp = shown[name].as_str().unwrap_or_default().parse()?;
        assert_eq!(time.as_second(), seconds, "{name}");
    }
    stack.put_token_item(&token("abc", 700)?).await?;
    assert_eq!(show(world, 0).await?["state"], "due_for_renewal");
    let said = Tool::on(world).run(&["token", "show"]).await?;
    said.assert(
        0,
        &[
            "good; the next run of token-refresh renews it",
            "ago",
            "in 11 min",
        ],
    );

    // a token of WHOOP, which the search for leaks looks for
    Tool::on(world).json(&["token", "refresh"]).await?;
    let said = Tool::on(world).run(&["token", "show"]).await?;
    let item = stack.token_item().await?.ok_or("no token is stored")?;
    assert!(!said.text().contains(&item.access_token));
    Ok(())
}

async fn a_missing_a_malformed_and_an_expired_token_are_told_apart(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    assert_eq!(show(world, 1).await?, json!({"state": "missing"}));
    let put = stack.dynamodb.put_item();
    put.table_name(stack.output("TokenTableName"))
        .item("id", AttributeValue::S("partner-token".into()))
        .item("access_token", AttributeValue::S("half-a-token".into()))
        .send()
        .await?;
    stack.recorder.forbid("access token", "half-a-token");
    assert_eq!(show(world, 1).await?, json!({"state": "malformed"}));
    stack
        .put_token_item(&token("an-expired-token", -1)?)
        .await?;
    let shown = show(world, 1).await?;
    assert_eq!(
        (&shown["state"], &shown["seconds_left"]),
        (&"expired".into(), &0.into())
    );
    stack.delete_token_item().await?;
    let said = Tool::on(world).run(&["token", "show"]).await?;
    said.assert(1, &["No token is stored", "whoop-partner token refresh"]);
    Ok(())
}

async fn a_token_is_refreshed_if_it_is_time_or_forced(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let requests = || world.simulator.calls_to(TOKEN_PATH).len();
    let tool = Tool::on(world);
    for (arguments, outcome, requested) in [
        (&["token", "refresh"][..], "A new token is stored", 1),
        (&["token", "refresh"], "The stored token is still good", 1),
        (&["token", "refresh", "--force"], "", 2),
    ] {
        let said = tool.run(arguments).await?;
        said.assert(0, &[outcome, "It expires at"]);
        assert_eq!(requests(), requested, "{arguments:?}");
    }
    let item = stack.token_item().await?.ok_or("no token is stored")?;
    let refreshed = tool.json(&["token", "refresh"]).await?;
    let expires_at = jiff::Timestamp::from_second(item.expires_at)?;
    let expected = json!({"outcome": "still_fresh", "expires_at": expires_at.to_string()});
    assert_eq!(refreshed, expected);
    Ok(())
}

async fn a_failed_refresh_says_what_to_do(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    world
        .simulator
        .set_credentials(&world.client_id, "another-client-secret");
    let tool = Tool::on(world);
    let said = tool.run(&["token", "refresh"]).await?;
    said.assert(
        1,
        &[
            "InvalidCredentials",
            "whoop-partner secret rotate credentials",
        ],
    );

    fresh(world).await?;
    world
        .simulator
        .fault(Fault::status(TOKEN_PATH, 200).body("no token"));
    let said = tool.run(&["token", "refresh"]).await?;
    said.assert(1, &["InvalidResponse", "ask WHOOP"]);
    assert!(!said.text().contains("no token"), "{said:?}");

    let function = stack.output("TokenRefreshFunctionName");
    stack
        .configure(function, &[("TOKEN_TABLE_NAME", Some("nowhere"))])
        .await?;
    let said = tool.run(&["--json", "token", "refresh"]).await?;
    said.assert(1, &["StoreUnavailable", "remedy"]);
    stack
        .configure(function, &[("TOKEN_TABLE_NAME", None)])
        .await?;
    let said = tool.run(&["token", "refresh"]).await?;
    said.assert(1, &["token-refresh failed with"]);
    fresh(world).await?;
    tool.run(&["token", "refresh"]).await?.assert(0, &[]);
    Ok(())
}
