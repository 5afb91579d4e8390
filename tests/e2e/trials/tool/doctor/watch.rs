//! Alarms that reach nobody, and signatures that are refused.

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::world::World;
use serde_json::json;
use uuid::Uuid;

use super::stage::{Examined, make_well};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_operated_stack;
        alarms_that_reach_nobody_are_found,
        signatures_with_another_secret_are_found,
    ]
}

async fn alarms_that_reach_nobody_are_found(world: &World) -> Outcome {
    make_well(world).await?;
    world.stack.unsubscribe_all_from_alarms().await?;
    let examined = Examined::on(world).await;
    world.stack.subscribe_to_alarms().await?;
    examined?.assert_bad("alarm_subscriptions", "there is none", "AlarmEmail");
    Ok(())
}

async fn signatures_with_another_secret_are_found(world: &World) -> Outcome {
    make_well(world).await?;
    let deliver = async |secret: &str| {
        let body = json!({"event_type": "planted.key", "resource_id": Uuid::new_v4()});
        world.stack.deliver(body.to_string(), secret).await
    };
    assert_eq!(deliver(&world.signing_secret).await?.status, 204);
    for _ in 0..2 {
        assert_eq!(deliver("another-secret").await?.status, 401);
    }
    let examined = Examined::on(world).await?;
    assert!(examined.with_mark("good").contains(&"whoop_signature"));
    assert_eq!(deliver("another-secret").await?.status, 401);
    let examined = Examined::on(world).await?;
    let found = "3 signatures were refused, and no webhook of WHOOP was accepted since";
    examined.assert_bad("whoop_signature", found, "docs/runbook.md#wrongkey");
    assert_eq!(deliver(&world.signing_secret).await?.status, 204);
    let examined = Examined::on(world).await?;
    assert!(examined.with_mark("good").contains(&"whoop_signature"));
    Ok(())
}
