//! A secret in Secrets Manager: reads its versions, and adds one.

use std::fmt;
use std::time::SystemTime;

use aws_sdk_secretsmanager::Client;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::error::ToolError;
use crate::moment::timestamp;

/// A secret of the stack.
pub(super) struct StoredSecret {
    client: Client,
    id: String,
    /// Its name for people: `signing` or `credentials`, as in the command.
    name: &'static str,
}

/// A version of a secret. `Debug` does not show its value.
#[derive(Debug)]
pub(super) struct Version {
    pub id: String,
    pub created: Option<SystemTime>,
    json: SecretString,
}

/// What a command has done.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub secret: &'static str,
    /// Whether a new version was stored. Otherwise the same value was there already.
    pub changed: bool,
    pub version_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Until when the signing key before this one is valid, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_key_valid_until: Option<Timestamp>,
    /// What to do next.
    pub next: &'static str,
}

impl StoredSecret {
    pub fn new(client: Client, id: String, name: &'static str) -> Self {
        Self { client, id, name }
    }

    /// Reads the version with a staging label such as `AWSCURRENT`. `None` if there is none, or if it is empty, which AWS does not
    /// allow but the local AWS makes.
    pub async fn version(&self, stage: &str) -> Result<Option<Version>, ToolError> {
        let call = self.client.get_secret_value();
        let answer = call.secret_id(&self.id).version_stage(stage).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(ToolError::aws("GetSecretValue")(error)),
        };
        let created = answer.created_date().copied();
        let version = Version {
            id: answer.version_id().unwrap_or_default().to_owned(),
            created: created.and_then(|date| date.try_into().ok()),
            // a binary value is malformed, like any other that is not our JSON
            json: match (answer.secret_string, answer.secret_binary) {
                (Some(text), _) => text.into(),
                (None, Some(_)) => "binary".into(),
                (None, None) => "".into(),
            },
        };
        Ok((!version.json.expose_secret().is_empty()).then_some(version))
    }

    /// Adds a version, which becomes the current one, and returns its id.
    pub async fn put(&self, value: &Value) -> Result<String, ToolError> {
        let answer = self
            .client
            .put_secret_value()
            .secret_id(&self.id)
            .secret_string(value.to_string())
            // the SDK's own retries then add no further version
            .client_request_token(Uuid::new_v4().to_string())
            .send()
            .await;
        let answer = answer.map_err(|error| ToolError::Remediable {
            message: ToolError::aws("PutSecretValue")(error).to_string(),
            remedy: "repeat the command: it says so if the value has been stored after all".into(),
        })?;
        Ok(answer.version_id().unwrap_or_default().to_owned())
    }

    /// Refuses to set what has a value already.
    pub fn already_set(&self, version: &Version) -> ToolError {
        let created = version.created.and_then(timestamp);
        let since = created.map_or_else(String::new, |time| format!(" since {time}"));
        ToolError::Remediable {
            message: format!("another value is stored already{since}"),
            remedy: format!("to replace it: whoop-partner secret rotate {}", self.name),
        }
    }

    /// Refuses to replace what has no value yet.
    pub fn not_set(&self) -> ToolError {
        ToolError::Remediable {
            message: "no value is stored yet".into(),
            remedy: format!("store one: whoop-partner secret set {}", self.name),
        }
    }

    /// Says that the value was there already.
    pub fn unchanged(&self, version: &Version, next: &'static str) -> Report {
        Report {
            secret: self.name,
            changed: false,
            version_id: version.id.clone(),
            created: version.created.and_then(timestamp),
            previous_key_valid_until: None,
            next,
        }
    }

    /// Says that a version was stored.
    pub async fn stored(
        &self,
        version_id: String,
        next: &'static str,
    ) -> Result<Report, ToolError> {
        let current = self.version("AWSCURRENT").await?;
        let current = current.filter(|version| version.id == version_id);
        let created = current.and_then(|version| version.created);
        Ok(Report {
            secret: self.name,
            changed: true,
            version_id,
            created: created.and_then(timestamp),
            previous_key_valid_until: None,
            next,
        })
    }
}

impl Version {
    /// The value, if it is the JSON that it should be.
    pub fn value<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.json.expose_secret()).ok()
    }
}

#[cfg(test)]
impl Version {
    /// A version with this value.
    pub fn of_test(json: &str, created: SystemTime) -> Self {
        Self {
            id: "v".into(),
            created: Some(created),
            json: json.into(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.secret {
            "signing" => "signing secret",
            _ => "client credentials",
        };
        let id = &self.version_id;
        if self.changed {
            write!(f, "Stored the {what}: version {id}")?;
        } else {
            write!(
                f,
                "Nothing has changed. The {what} had this value: version {id}"
            )?;
        }
        if let Some(created) = self.created {
            write!(f, ", created at {created}")?;
        }
        f.write_str(".")?;
        if let Some(until) = self.previous_key_valid_until {
            write!(f, "\nThe key before it is valid until {until}.")?;
        }
        write!(f, "\nNext: {}", self.next)
    }
}
