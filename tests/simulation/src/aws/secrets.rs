//! Secrets Manager: the signing secret and the client credentials, with their previous versions.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::Answer;
use crate::world::World;

/// The names of the secrets.
pub(crate) const SIGNING_SECRET: &str = "signing-secret";
pub(crate) const CREDENTIALS: &str = "partner-credentials";

/// The versions of both secrets, the oldest first.
#[derive(Default)]
pub(crate) struct Secrets {
    versions: Mutex<Vec<(&'static str, Duration, String)>>,
}

impl Secrets {
    /// Makes a new version the current one.
    pub(crate) fn put(&self, world: &World, secret: &'static str, value: String) {
        crate::note!(world, "operator", "puts a new version of {secret}");
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions.push((secret, world.now(), value));
    }

    /// `GetSecretValue`
    pub(crate) fn get(&self, world: &World, request: &Value) -> Answer {
        let stage = request["VersionStage"].as_str().unwrap_or("AWSCURRENT");
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newest_first = versions
            .iter()
            .rev()
            .filter(|(secret, ..)| request["SecretId"] == *secret);
        let version = match stage {
            "AWSPREVIOUS" => newest_first.nth(1),
            _ => newest_first.next(),
        };
        let Some((secret, created, value)) = version else {
            return (
                400,
                json!({"__type": "ResourceNotFoundException", "Message": "-"}),
            );
        };
        crate::note!(world, "Secrets", "returns {stage} of {secret}");
        let answer = json!({
            "ARN": secret,
            "Name": secret,
            "VersionId": "00000000-0000-0000-0000-000000000000",
            "SecretString": value,
            "VersionStages": [stage],
            "CreatedDate": World::unix_time(*created).as_secs_f64(),
        });
        (200, answer)
    }
}
