//! token-refresh when WHOOP or AWS fails: each failure has its `errorType` and leaves the stored token unchanged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::stack::{Invocation, Stack};
use local_aws::world::World;
use serde_json::{Value, json};
use whoop_simulator::Fault;

use super::{
    TOKEN_PATH, assert_refreshed, fresh, function, refresh, token_requests, token_with_left,
};
use crate::harness::{Harness, Outcome, soon, trials};

/// The function's own budget for requesting a token, and some time for the local AWS.
const BUDGET: Duration = Duration::from_secs(25);

/// Far less than the wait of minutes before a second attempt would take.
const AT_ONCE: Duration = Duration::from_secs(10);

/// The trials of this area.
pub(super) fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.beside_on_webhook_stack;
        one_passing_fault_of_each_kind_is_survived,
        a_server_error_that_stays_is_partner_unavailable,
        broken_connections_that_stay_are_partner_unavailable,
        answers_that_come_too_late_are_partner_unavailable,
        a_rate_limit_that_fits_the_budget_is_waited_for,
        a_rate_limit_beyond_the_budget_is_rate_limited_at_once,
        refused_credentials_are_not_sent_again,
        credentials_rotated_since_they_were_cached_are_sent_once,
        a_redirect_is_not_followed,
        answers_without_a_token_are_invalid_responses,
        a_secret_that_can_not_be_used_is_secret_unavailable,
        a_table_that_can_not_be_used_is_store_unavailable,
        one_passing_fault_of_aws_is_survived,
    ]
}

fn fault(status: u16) -> Fault {
    Fault::status(TOKEN_PATH, status)
}

/// How many errors the function has logged.
fn errors(stack: &Stack) -> Result<usize, Failed> {
    let lines = stack.logs(function(stack))?;
    Ok(lines
        .iter()
        .filter(|line| line.contains("\"ERROR\""))
        .count())
}

/// Stores an old token, makes the function fail, and checks `errorType`, the token and the time.
async fn assert_fails(
    world: &World,
    error_type: &str,
    limit: Duration,
) -> Result<Invocation, Failed> {
    let stack = &world.stack;
    stack.delete_token_item().await?;
    let old = token_with_left(600);
    stack.put_token_item(&old).await?;
    let errors_before = errors(stack)?;
    let started = Instant::now();
    let invocation = refresh(stack).await?;
    let elapsed = started.elapsed();
    assert_eq!(
        invocation.payload["errorType"], error_type,
        "{invocation:?}"
    );
    assert!(invocation.function_error.is_some(), "{invocation:?}");
    // a line may reach the log a moment after the answer
    let logged = async || Ok(errors(stack)? > errors_before);
    soon("the failure is in the log", logged).await?;
    assert!(
        stack.token_item().await? == Some(old),
        "the stored token has changed"
    );
    assert!(elapsed < limit, "failed after {elapsed:?}");
    Ok(invocation)
}

/// Checks that the next run works without a restart.
async fn assert_recovers(world: &World) -> Outcome {
    world.simulator.reset();
    assert_refreshed(world, &refresh(&world.stack).await?).await
}

async fn one_passing_fault_of_each_kind_is_survived(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let broken = || Fault {
        path: TOKEN_PATH.into(),
        ..Fault::default()
    };
    for fault in [
        fault(500),
        fault(503),
        fault(408),
        fault(429),
        Fault {
            disconnect: true,
            ..broken()
        },
        Fault {
            disconnect_midway: true,
            ..broken()
        },
    ] {
        world.simulator.reset();
        stack.delete_token_item().await?;
        world.simulator.fault(fault.clone());
        assert_refreshed(world, &refresh(stack).await?).await?;
        assert_eq!(token_requests(world), 2, "{fault:?}");
    }

    stack.delete_token_item().await?;
    world.simulator.fault(Fault {
        delay_ms: 60_000,
        ..broken()
    });
    let started = Instant::now();
    assert_refreshed(world, &refresh(stack).await?).await?;
    assert!(started.elapsed() >= Duration::from_secs(5));
    Ok(())
}

async fn a_server_error_that_stays_is_partner_unavailable(world: &World) -> Outcome {
    fresh(world).await?;
    world.simulator.fault(fault(503).times(100));
    assert_fails(world, "PartnerUnavailable", BUDGET).await?;
    let attempts = token_requests(world);
    // 20 s hold this many attempts: the waits are 0.25, 0.5, 1, 2 … s, each up to doubled at random
    assert!((5..=7).contains(&attempts), "{attempts} attempts");
    assert_recovers(world).await
}

async fn broken_connections_that_stay_are_partner_unavailable(world: &World) -> Outcome {
    fresh(world).await?;
    world.simulator.fault(Fault {
        path: TOKEN_PATH.into(),
        disconnect: true,
        times: 100,
        ..Fault::default()
    });
    assert_fails(world, "PartnerUnavailable", BUDGET).await?;
    assert!(token_requests(world) > 1);
    assert_recovers(world).await
}

async fn answers_that_come_too_late_are_partner_unavailable(world: &World) -> Outcome {
    fresh(world).await?;
    world.simulator.fault(Fault {
        path: TOKEN_PATH.into(),
        delay_ms: 60_000,
        times: 100,
        ..Fault::default()
    });
    let invocation = assert_fails(world, "PartnerUnavailable", BUDGET).await?;
    assert_eq!(
        invocation.payload["errorMessage"],
        "token endpoint unavailable: no answer in time"
    );
    assert_recovers(world).await
}

async fn a_rate_limit_that_fits_the_budget_is_waited_for(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    world
        .simulator
        .fault(fault(429).header("X-RateLimit-Reset", 3));
    let started = Instant::now();
    assert_refreshed(world, &refresh(stack).await?).await?;
    assert!(started.elapsed() >= Duration::from_secs(3));
    assert_eq!(token_requests(world), 2);
    Ok(())
}

async fn a_rate_limit_beyond_the_budget_is_rate_limited_at_once(world: &World) -> Outcome {
    fresh(world).await?;
    world
        .simulator
        .fault(fault(429).header("X-RateLimit-Reset", 60).times(10));
    let invocation = assert_fails(world, "RateLimited", AT_ONCE).await?;
    assert_eq!(invocation.payload["errorMessage"], "rate limited for 60 s");
    assert_eq!(token_requests(world), 1);
    assert_recovers(world).await
}

async fn refused_credentials_are_not_sent_again(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    world.simulator.fault(fault(400).times(10));
    assert_fails(world, "InvalidCredentials", AT_ONCE).await?;
    assert_eq!(token_requests(world), 1);

    world.simulator.reset();
    stack
        .put_partner_credentials(&world.client_id, "not-the-client-secret")
        .await?;
    stack.restart(function(stack)).await?;
    assert_fails(world, "InvalidCredentials", AT_ONCE).await?;
    assert_eq!(token_requests(world), 1);
    Ok(())
}

async fn credentials_rotated_since_they_were_cached_are_sent_once(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    assert_refreshed(world, &refresh(stack).await?).await?;

    // WHOOP and the secret have new credentials, and the function has the old ones cached
    let rotated = "the-rotated-client-secret";
    world.simulator.set_credentials(&world.client_id, rotated);
    stack
        .put_partner_credentials(&world.client_id, rotated)
        .await?;
    stack.delete_token_item().await?;
    assert_refreshed(world, &refresh(stack).await?).await?;
    let statuses: Vec<_> = world
        .simulator
        .calls_to(TOKEN_PATH)
        .iter()
        .map(|call| call.status)
        .collect();
    assert_eq!(statuses, [Some(200), Some(401), Some(200)]);

    // the secret is new, and WHOOP refuses it too
    stack
        .put_partner_credentials(&world.client_id, "yet-another-client-secret")
        .await?;
    world
        .simulator
        .set_credentials(&world.client_id, "what-nobody-told-us");
    world.simulator.reset();
    assert_fails(world, "InvalidCredentials", AT_ONCE).await?;
    assert_eq!(token_requests(world), 2);
    Ok(())
}

async fn a_redirect_is_not_followed(world: &World) -> Outcome {
    fresh(world).await?;
    let elsewhere = format!("{}/elsewhere", world.simulator.base_url());
    for status in [301, 302, 303, 307, 308] {
        world
            .simulator
            .fault(fault(status).header("Location", &elsewhere));
        assert_fails(world, "InvalidResponse", AT_ONCE).await?;
    }
    assert_eq!(world.simulator.calls().len(), 5);
    assert_recovers(world).await
}

async fn answers_without_a_token_are_invalid_responses(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let token = "token-in-a-bad-answer";
    stack.recorder.forbid("access token", token);
    let good = json!({"access_token": token, "token_type": "bearer", "expires_in": 3600});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let oversized = with("padding", "x".repeat(64 * 1024).into());
    let answers = [
        (200, json!({})),
        (200, with("access_token", json!(""))),
        (
            200,
            with("access_token", json!(format!("{token}\r\nx-header: y"))),
        ),
        (200, with("access_token", json!(format!("{token} ")))),
        (200, with("access_token", Value::Null)),
        (200, with("token_type", json!("mac"))),
        (200, with("expires_in", json!(0))),
        (200, with("expires_in", json!(-1))),
        (200, with("expires_in", json!(token))),
        (200, with("expires_in", Value::Null)),
        (200, oversized),
        (200, json!(format!("access_token={token}"))),
        (200, json!(format!("{{\"access_token\": \"{token}"))),
        (200, json!("")),
        (201, good.clone()),
        (404, good.clone()),
        (403, json!("")),
    ];
    for (index, (status, body)) in answers.into_iter().enumerate() {
        world.simulator.fault(fault(status).body(body));
        assert_fails(world, "InvalidResponse", AT_ONCE).await?;
        assert_eq!(token_requests(world), index + 1);
    }
    assert_recovers(world).await
}

/// The function with a proxy in front of one of the AWS services.
async fn behind_proxy<'w>(
    world: &'w World,
    variable: &str,
) -> Result<(&'w Stack, AwsProxy), Failed> {
    let stack = fresh(world).await?;
    let proxy = AwsProxy::start(world.aws.endpoint()).await?;
    stack
        .configure(function(stack), &[(variable, Some(&proxy.url()))])
        .await?;
    Ok((stack, proxy))
}

async fn a_secret_that_can_not_be_used_is_secret_unavailable(world: &World) -> Outcome {
    let (stack, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_SECRETS_MANAGER").await?;
    let operation = "GetSecretValue";
    let code = "ResourceNotFoundException";
    proxy.set(operation, Behaviour::Fail { status: 400, code });
    assert_fails(world, "SecretUnavailable", AT_ONCE).await?;
    let code = "InternalServiceError";
    proxy.set(operation, Behaviour::Fail { status: 500, code });
    assert_fails(world, "SecretUnavailable", AT_ONCE).await?;
    proxy.set(operation, Behaviour::Hang);
    assert_fails(world, "SecretUnavailable", AT_ONCE).await?;
    proxy.unavailable().await?;
    assert_fails(world, "SecretUnavailable", AT_ONCE).await?;
    proxy.available().await?;
    proxy.reset();

    let secret = stack.output("PartnerCredentialsSecretArn");
    for value in [
        "a-secret-that-is-no-json",
        r#"{"client_id": "lab"}"#,
        r#"{"client_id": "lab", "client_secret": ""}"#,
        r#"{"client_id": "lab", "client_secret": 53095309}"#,
        r#"["a-secret-in-a-list"]"#,
    ] {
        stack.put_secret(secret, value).await?;
        let invocation = assert_fails(world, "SecretUnavailable", AT_ONCE).await?;
        let message = invocation.payload["errorMessage"].to_string();
        assert!(
            message.contains(secret),
            "the secret is not named: {message}"
        );
    }
    assert_eq!(token_requests(world), 0);

    stack
        .put_partner_credentials(&world.client_id, &world.client_secret)
        .await?;
    assert_recovers(world).await
}

async fn a_table_that_can_not_be_used_is_store_unavailable(world: &World) -> Outcome {
    let (_, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_DYNAMODB").await?;
    proxy.unavailable().await?;
    assert_fails(world, "StoreUnavailable", AT_ONCE).await?;
    proxy.available().await?;
    let internal = Behaviour::Fail {
        status: 500,
        code: "InternalServerError",
    };
    let failing = internal.clone();
    let denied = Behaviour::Fail {
        status: 400,
        code: "AccessDeniedException",
    };
    for behaviour in [
        Behaviour::Hang,
        Behaviour::CloseConnection,
        internal,
        denied,
    ] {
        proxy.reset();
        proxy.set("GetItem", behaviour.clone());
        assert_fails(world, "StoreUnavailable", AT_ONCE).await?;
    }
    assert_eq!(
        token_requests(world),
        0,
        "a token that can't be stored was asked for"
    );

    for behaviour in [Behaviour::Hang, Behaviour::CloseConnection, failing] {
        proxy.reset();
        proxy.set("PutItem", behaviour);
        assert_fails(world, "StoreUnavailable", AT_ONCE).await?;
    }
    proxy.reset();
    assert_recovers(world).await
}

async fn one_passing_fault_of_aws_is_survived(world: &World) -> Outcome {
    let (stack, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_DYNAMODB").await?;
    let throttled = Behaviour::Fail {
        status: 400,
        code: "ThrottlingException",
    };
    for behaviour in [Behaviour::Hang, Behaviour::CloseConnection, throttled] {
        for operation in ["GetItem", "PutItem"] {
            proxy.next(operation, behaviour.clone());
        }
        stack.delete_token_item().await?;
        assert_refreshed(world, &refresh(stack).await?).await?;
    }
    assert_eq!(token_requests(world), 3);
    assert_eq!((proxy.calls("GetItem"), proxy.calls("PutItem")), (6, 6));
    Ok(())
}
