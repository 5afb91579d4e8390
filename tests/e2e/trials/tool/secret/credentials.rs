//! `whoop-partner secret rotate credentials`: WHOOP is asked first.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use local_aws::world::World;
use serde_json::json;
use uuid::Uuid;
use whoop_simulator::Fault;

use super::{current, json, run};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub(super) fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_operated_stack;
        credentials_that_whoop_takes_are_stored,
        credentials_that_whoop_refuses_are_not_stored_unless_unchecked,
        credentials_are_not_stored_if_whoop_does_not_say_whether_it_takes_them,
    ]
}

/// The arguments that rotate the credentials.
const ROTATE: [&str; 4] = ["secret", "rotate", "credentials", "--client-id"];

/// A client secret that no other trial uses, and that must not leak.
fn new_client_secret(world: &World) -> String {
    let client_secret = format!("client-secret-{}", Uuid::new_v4().simple());
    world.stack.recorder.forbid("client secret", &client_secret);
    client_secret
}

/// WHOOP and the stack with the credentials of the world.
async fn fresh(world: &World) -> Result<(), Failed> {
    world.simulator.reset();
    let (id, client_secret) = (&world.client_id, &world.client_secret);
    world.simulator.set_credentials(id, client_secret);
    world
        .stack
        .put_partner_credentials(id, client_secret)
        .await?;
    Ok(())
}

async fn credentials_that_whoop_takes_are_stored(world: &World) -> Outcome {
    fresh(world).await?;
    let client_secret = new_client_secret(world);
    world
        .simulator
        .set_credentials("another-client", &client_secret);
    let rotate = [&ROTATE[..], &["another-client"]].concat();
    run(world, &rotate, &client_secret, 0).await?;
    let (value, id) = current(&world.stack, "PartnerCredentialsSecretArn").await?;
    let stored = json!({"client_id": "another-client", "client_secret": client_secret});
    assert_eq!(value, stored);
    let again = json(world, &rotate, &client_secret).await?;
    assert_eq!(
        (&again["changed"], &again["version_id"]),
        (&false.into(), &id.into())
    );
    let forced = json(world, &["token", "refresh", "--force"], "").await?;
    assert_eq!(forced["outcome"], "refreshed");
    fresh(world).await
}

async fn credentials_that_whoop_refuses_are_not_stored_unless_unchecked(world: &World) -> Outcome {
    fresh(world).await?;
    let (before, _) = current(&world.stack, "PartnerCredentialsSecretArn").await?;
    let client_secret = new_client_secret(world);
    let rotate = [&ROTATE[..], &[&world.client_id]].concat();
    let said = run(world, &rotate, &client_secret, 1).await?;
    said.assert(
        1,
        &[
            "WHOOP refuses these credentials, and nothing is stored",
            "status 401",
        ],
    );
    let (after, _) = current(&world.stack, "PartnerCredentialsSecretArn").await?;
    assert_eq!(before, after);

    let calls = world.simulator.calls().len();
    run(
        world,
        &[&rotate[..], &["--unchecked"]].concat(),
        &client_secret,
        0,
    )
    .await?;
    assert_eq!(world.simulator.calls().len(), calls);
    let (after, _) = current(&world.stack, "PartnerCredentialsSecretArn").await?;
    assert_eq!(after["client_secret"], client_secret.as_str());
    let said = run(world, &["token", "refresh", "--force"], "", 1).await?;
    said.assert(
        1,
        &[
            "InvalidCredentials",
            "whoop-partner secret rotate credentials",
        ],
    );
    fresh(world).await
}

async fn credentials_are_not_stored_if_whoop_does_not_say_whether_it_takes_them(
    world: &World,
) -> Outcome {
    fresh(world).await?;
    let (before, _) = current(&world.stack, "PartnerCredentialsSecretArn").await?;
    // for longer than the tool waits
    let limit = Fault::status("/v2/partner/token", 429).header("X-RateLimit-Reset", 3600);
    world.simulator.fault(limit);
    let rotate = [&ROTATE[..], &[&world.client_id]].concat();
    let said = run(world, &rotate, &new_client_secret(world), 1).await?;
    said.assert(
        1,
        &[
            "it is unknown whether WHOOP takes these",
            "rate limited",
            "--unchecked",
        ],
    );
    let (after, _) = current(&world.stack, "PartnerCredentialsSecretArn").await?;
    assert_eq!(before, after);
    fresh(world).await
}
