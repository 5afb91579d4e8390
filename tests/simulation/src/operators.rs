//! What people do: they rotate secrets, end tokens, move dead letters back, and write nonsense.

use std::sync::Arc;

use serde_json::json;
use tokio::task::spawn_local;

use crate::aws::secrets::{CREDENTIALS, SIGNING_SECRET};
use crate::chance::minutes;
use crate::world::World;

/// Sets everything up, and does what the plan says.
pub(crate) fn work(world: &Arc<World>) {
    put_signing_key(world, 0);
    world.whoop.sign_with(&["signing-key-0"]);
    put_credentials(world, 0);
    world.whoop.accept_secrets(&["client-secret-0"]);
    for (index, rotation) in world.plan.signing_rotations.iter().copied().enumerate() {
        let world = world.clone();
        spawn_local(async move {
            let (old, new) = (
                format!("signing-key-{index}"),
                format!("signing-key-{}", index + 1),
            );
            world.until(rotation.ours).await;
            put_signing_key(&world, index + 1);
            world.whoop.sign_with(&[&old, &new]);
            world.until(rotation.whoops).await;
            crate::note!(world, "WHOOP", "signs with {new} only");
            world.whoop.sign_with(&[&new]);
        });
    }
    for (index, rotation) in world.plan.credential_rotations.iter().copied().enumerate() {
        let world = world.clone();
        spawn_local(async move {
            let (old, new) = (
                format!("client-secret-{index}"),
                format!("client-secret-{}", index + 1),
            );
            world.until(rotation.ours).await;
            if fastrand::bool() {
                put_credentials(&world, index + 1);
                world.whoop.accept_secrets(&[&old, &new]);
                world.until(rotation.whoops).await;
                world.whoop.accept_secrets(&[&new]);
            } else {
                // nobody has told us yet
                crate::note!(world, "WHOOP", "accepts {new} only");
                world.whoop.accept_secrets(&[&new]);
                world
                    .until(rotation.whoops.min(rotation.ours + minutes(30)))
                    .await;
                put_credentials(&world, index + 1);
            }
        });
    }
    for (at, and_for) in world.plan.revocations.iter().copied() {
        let world = world.clone();
        spawn_local(async move {
            world.until(at).await;
            world.whoop.revoke_tokens(&world, and_for);
        });
    }
    for at in world.plan.redrives.iter().copied() {
        let world = world.clone();
        spawn_local(async move {
            world.until(at).await;
            world.sqs.redrive(&world);
        });
    }
    for at in world.plan.vandalism.iter().copied() {
        let world = world.clone();
        spawn_local(async move {
            world.until(at).await;
            world.token_table.vandalise(&world);
        });
    }
}

fn put_signing_key(world: &World, index: usize) {
    let secret = json!({"signing_secret": format!("signing-key-{index}")});
    world.secrets.put(world, SIGNING_SECRET, secret.to_string());
}

fn put_credentials(world: &World, index: usize) {
    let secret = json!({"client_id": "lab", "client_secret": format!("client-secret-{index}")});
    world.secrets.put(world, CREDENTIALS, secret.to_string());
}
