//! Faults of the secrets, the key and the token.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use libtest_mimic::Trial;
use local_aws::stack::TokenItem;
use local_aws::world::World;
use serde_json::json;

use super::stage::{Examined, make_well};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_operated_stack;
        a_signing_secret_that_is_not_as_it_should_be_is_found,
        a_signing_secret_without_a_current_version_is_found,
        a_signing_secret_that_is_deleted_is_found,
        client_credentials_that_are_malformed_are_found,
        client_credentials_that_whoop_refuses_are_found,
        a_disabled_key_is_found,
        an_expired_token_is_found,
        a_token_that_whoop_refuses_is_replaced,
    ]
}

async fn a_signing_secret_that_is_not_as_it_should_be_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    let secret = world.stack.output("WebhookSigningSecretArn");
    for malformed in [
        "only-the-signing-secret",
        r#"{"signing_key": "under-a-wrong-name"}"#,
        r#"{"signing_secret": ""}"#,
    ] {
        world.stack.put_secret(secret, malformed).await?;
        let examined = Examined::on(world).await?;
        let set = "whoop-partner secret set signing --stack operated";
        examined.assert_bad("signing_secret", "malformed: ", set);
        examined.assert_bad("heartbeat", "SecretUnavailable", "signing secret");
        assert!(examined.with_mark("skipped").contains(&"heartbeat_arrival"));
    }
    world
        .stack
        .put_signing_secret(&world.signing_secret)
        .await?;
    Ok(())
}

async fn a_signing_secret_without_a_current_version_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    let stack = &world.stack;
    let secret = stack.output("WebhookSigningSecretArn");
    let current = stack.secrets_manager.get_secret_value().secret_id(secret);
    let current = current.send().await?;
    stack
        .secrets_manager
        .update_secret_version_stage()
        .secret_id(secret)
        .version_stage("AWSCURRENT")
        .set_remove_from_version_id(current.version_id)
        .send()
        .await?;
    let examined = Examined::on(world).await?;
    stack.put_signing_secret(&world.signing_secret).await?;
    examined.assert_bad("signing_secret", "it has no value", "secret set signing");
    Ok(())
}

async fn a_signing_secret_that_is_deleted_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    let secrets = &world.stack.secrets_manager;
    let secret = world.stack.output("WebhookSigningSecretArn");
    secrets.delete_secret().secret_id(secret).send().await?;
    let examined = Examined::on(world).await?;
    secrets.restore_secret().secret_id(secret).send().await?;
    let restore = format!("aws secretsmanager restore-secret --secret-id {secret}");
    examined.assert_bad("signing_secret", "marked for deletion", &restore);
    Ok(())
}

async fn client_credentials_that_are_malformed_are_found(world: &World) -> Outcome {
    make_well(world).await?;
    let secret = world.stack.output("PartnerCredentialsSecretArn");
    for malformed in ["no-json-at-all", r#"{"client_id": "lab"}"#] {
        world.stack.put_secret(secret, malformed).await?;
        let examined = Examined::on(world).await?;
        let set = "whoop-partner secret set credentials --stack operated";
        examined.assert_bad("client_credentials", "malformed: ", set);
    }
    world
        .stack
        .put_partner_credentials(&world.client_id, &world.client_secret)
        .await?;
    Ok(())
}

async fn client_credentials_that_whoop_refuses_are_found(world: &World) -> Outcome {
    make_well(world).await?;
    world.stack.delete_token_item().await?;
    world.simulator.set_credentials("of", "somebody else");
    let examined = Examined::on(world).await?;
    world
        .simulator
        .set_credentials(&world.client_id, &world.client_secret);
    examined.assert_bad("token_refresh", "InvalidCredentials", "client credentials");
    examined.assert_bad("token", "there is none", "docs/runbook.md#tokenexpiring");
    assert!(examined.with_mark("skipped").contains(&"partner_api"));
    Ok(())
}

async fn a_disabled_key_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    let key = world.stack.output("KeyArn");
    let kms = async |operation: &str| {
        let target = format!("TrentService.{operation}");
        world
            .stack
            .api
            .json("kms", &target, json!({"KeyId": key}))
            .await
    };
    kms("DisableKey").await?;
    let examined = Examined::on(world).await?;
    kms("EnableKey").await?;
    let enable = format!("aws kms enable-key --key-id {key}");
    examined.assert_bad("key", "Disabled", &enable);
    Ok(())
}

async fn an_expired_token_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = now.as_secs().cast_signed();
    let expired = TokenItem {
        access_token: "a-token-that-has-expired".into(),
        token_type: "bearer".into(),
        expires_at: now - 300,
        obtained_at: now - 3900,
    };
    world.stack.put_token_item(&expired).await?;
    let examined = Examined::on(world).await?;
    examined.assert_bad("token", "expired 5 min", "docs/runbook.md#tokenexpiring");
    // token-refresh, which doctor invokes, has repaired it
    assert!(examined.with_mark("good").contains(&"partner_api"));
    let examined = Examined::on(world).await?;
    assert!(examined.with_mark("good").contains(&"token"));
    Ok(())
}

async fn a_token_that_whoop_refuses_is_replaced(world: &World) -> Outcome {
    make_well(world).await?;
    let before = world.stack.token_item().await?;
    world.simulator.expire_tokens();
    let examined = Examined::on(world).await?;
    assert!(
        examined.with_mark("good").contains(&"partner_api"),
        "{examined:?}"
    );
    assert_ne!(world.stack.token_item().await?, before);
    world.simulator.expire_tokens();
    world.simulator.set_credentials("of", "somebody else");
    let examined = Examined::on(world).await?;
    world
        .simulator
        .set_credentials(&world.client_id, &world.client_secret);
    examined.assert_bad(
        "partner_api",
        "not authorised",
        "docs/token-table.md#failed-renewals",
    );
    Ok(())
}
