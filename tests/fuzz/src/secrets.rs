//! The secrets: any text that Secrets Manager may hold as the signing secret or as the client credentials.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use whoop_partner::secrets::{
    Hedge, PartnerCredentialsCache, SecretError, SigningKeys, current_signing_key,
};
use whoop_partner::signature;

use crate::error_text::assert_is_listed;
use crate::json::{Json, is_readable_in_part};
use crate::{aws, clock, now, runtime};

/// What can be wrong with a secret.
const REASONS: [&str; 4] = [
    "{json}",
    "client_id is empty",
    "client_secret is empty",
    "signing_secret is empty",
];

/// Secrets Manager, and what it holds.
struct SecretsManager {
    runtime: Runtime,
    client: Client,
    hedge: Hedge,
    value: Arc<Mutex<String>>,
}

thread_local! {
    static SECRETS_MANAGER: SecretsManager = SecretsManager::new();
}

/// Fails if a secret is used that has an empty field or another one than the JSON says, or if an error quotes it.
pub fn check(input: &[u8]) {
    SECRETS_MANAGER.with(|aws| {
        let value = String::from_utf8_lossy(input);
        let mut held = aws.value.lock().unwrap_or_else(PoisonError::into_inner);
        held.clear();
        held.push_str(&value);
        drop(held);
        if is_readable_in_part(value.as_bytes()) {
            return;
        }
        let json = Json::read(value.as_bytes());
        aws.runtime.block_on(async {
            aws.check_signing_secret(json.as_ref()).await;
            aws.check_client_credentials(json.as_ref()).await;
        });
    });
}

impl SecretsManager {
    fn new() -> Self {
        let value = Arc::<Mutex<String>>::default();
        let held = Arc::clone(&value);
        let http_client = aws::http_client(move |_, request| {
            let value = held.lock().unwrap_or_else(PoisonError::into_inner).clone();
            assert_eq!(request["SecretId"], "secret");
            json!({"SecretString": value, "CreatedDate": 1_795_000_000})
        });
        Self {
            runtime: runtime(),
            client: Client::new(&aws::sdk_config(http_client.clone())),
            hedge: Hedge {
                patience: Duration::from_millis(320),
                http_client,
            },
            value,
        }
    }

    async fn check_signing_secret(&self, json: Option<&Json>) {
        let expected = texts(json, ["signing_secret"]).map(|[secret]| secret);
        let read = current_signing_key(&self.client, "secret").await;
        match read {
            Ok(key) => assert_eq!(Some(key.expose_secret()), expected),
            Err(error) => assert_malformed(&error, expected),
        }

        let keys = SigningKeys::new(
            self.client.clone(),
            "secret".into(),
            self.hedge.clone(),
            clock(),
        );
        match keys.get(in_a_second()).await {
            Ok(keys) => {
                let header = signature::sign(b"body", expected.unwrap_or_default().as_bytes());
                let verified = signature::verify(Some(header), b"body", keys.valid_at(now()));
                assert!(verified.is_ok() && expected.is_some());
                let shown = format!("{keys:?}");
                assert!(shown.starts_with("KeySet { previous: "), "{shown}");
            }
            Err(error) => assert_malformed(&error, expected),
        }
    }

    async fn check_client_credentials(&self, json: Option<&Json>) {
        let expected = texts(json, ["client_id", "client_secret"]);
        let cache = PartnerCredentialsCache::new(self.client.clone(), "secret".into());
        match cache.with_clock(clock()).get(in_a_second()).await {
            Ok(read) => {
                let read_as = [read.client_id.as_str(), read.client_secret.expose_secret()];
                assert_eq!(Some(read_as), expected);
                assert_eq!(format!("{read:?}"), "PartnerCredentials(REDACTED)");
            }
            Err(error) => assert_malformed(&error, expected),
        }
    }
}

fn in_a_second() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

/// Returns the texts of all these fields, if each is there once and not empty. A secret with a repeated field is malformed.
fn texts<'j, const N: usize>(json: Option<&'j Json>, names: [&str; N]) -> Option<[&'j str; N]> {
    let fields = json?.fields(names);
    let texts = fields.map(|field| field.and_then(Json::text).unwrap_or_default());
    texts.iter().all(|text| !text.is_empty()).then_some(texts)
}

/// The secret is refused because it has to be, and the error does not quote it.
fn assert_malformed<T: std::fmt::Debug>(error: &SecretError, expected: Option<T>) {
    assert!(expected.is_none(), "{error} (should be {expected:?})");
    let SecretError::Malformed { reason, stage, .. } = error else {
        panic!("{error}");
    };
    assert_is_listed(reason, &REASONS);
    let text = format!("secret secret is malformed in version {stage}: {reason}");
    assert_eq!(error.to_string(), text);
    let fields = format!("secret_id: \"secret\", stage: {stage:?}, reason: {reason:?}");
    assert_eq!(format!("{error:?}"), format!("Malformed {{ {fields} }}"));
}
