//! Secrets that a reader types in.

use serde_json::json;

use super::Stage;
use crate::docs::CLIENT_ID;
use crate::harness::Outcome;

/// The signing secret of a rotation.
const NEW_SIGNING_SECRET: &str = "whsec-of-a-rotation";

impl Stage<'_> {
    /// What the reader types in for the block of this number.
    pub fn typed_in(&self, block: usize) -> String {
        let text = self.block(block);
        if text.contains("secret rotate signing") {
            NEW_SIGNING_SECRET.into()
        } else if text.contains("secret set signing") {
            self.world.signing_secret.clone()
        } else if text.contains("secret set credentials") || text.contains("rotate credentials") {
            self.world.client_secret.clone()
        } else {
            String::new()
        }
    }

    /// Lets WHOOP and the stack know the client ID that the pages name.
    pub async fn use_client_id_of_the_pages(&self) -> Outcome {
        self.use_client_id(CLIENT_ID).await
    }

    pub async fn use_own_client_id(&self) -> Outcome {
        self.use_client_id(&self.world.client_id).await
    }

    async fn use_client_id(&self, client_id: &str) -> Outcome {
        let world = self.world;
        world
            .simulator
            .set_credentials(client_id, &world.client_secret);
        world
            .stack
            .put_partner_credentials(client_id, &world.client_secret)
            .await?;
        self.have_token().await
    }

    pub async fn use_own_signing_secret(&self) -> Outcome {
        let world = self.world;
        Ok(world
            .stack
            .put_signing_secret(&world.signing_secret)
            .await?)
    }

    /// No webhook is refused, whether WHOOP signs with the old key or with the new one.
    pub async fn both_keys_are_accepted(&self) -> Outcome {
        for key in [&self.world.signing_secret, NEW_SIGNING_SECRET] {
            self.is_accepted(key).await?;
        }
        Ok(())
    }

    pub async fn new_key_is_accepted(&self) -> Outcome {
        self.is_accepted(NEW_SIGNING_SECRET).await
    }

    async fn is_accepted(&self, key: &str) -> Outcome {
        let body = json!({"event_type": "check", "resource_id": "check"});
        let answer = self.world.stack.deliver(body.to_string(), key).await?;
        match answer.status {
            204 => Ok(()),
            status => Err(format!("a webhook was answered {status}").into()),
        }
    }
}
