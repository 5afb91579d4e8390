//! The token table: a DynamoDB in memory that counts the clients' operations and fails when a test says so.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use in_memory_dynamodb::InMemoryDynamoDb;
use serde_json::{Value, json};
use whoop_partner::token_store::TokenStore;

const TABLE: &str = "tokens";
const ID: &str = "partner-token";

/// A table that several clients may share.
pub struct TokenTable {
    dynamodb: Arc<InMemoryDynamoDb>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    reads: usize,
    writes: usize,
    failing: bool,
    /// Whether writing fails.
    read_only: bool,
    /// Whether reading finds nothing.
    hidden: bool,
}

impl State {
    /// Counts an operation. Returns an answer if the table itself is not to answer.
    fn observe(&mut self, operation: &str) -> Option<(u16, Value)> {
        let is_read = operation == "GetItem";
        *match is_read {
            true => &mut self.reads,
            false => &mut self.writes,
        } += 1;
        if self.failing || self.read_only && !is_read {
            let exception =
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
            return Some((400, json!({"__type": exception})));
        }
        (self.hidden && is_read).then(|| (200, json!({})))
    }
}

impl TokenTable {
    pub fn new() -> Self {
        Self {
            dynamodb: Arc::default(),
            state: Arc::default(),
        }
    }

    pub fn store(&self) -> TokenStore {
        let state = Arc::clone(&self.state);
        let dynamodb = Arc::clone(&self.dynamodb);
        let http_client =
            dynamodb.http_client_with(move |operation, _| state.lock().unwrap().observe(operation));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            // so that each operation is counted once
            .retry_config(RetryConfig::disabled())
            .http_client(http_client)
            .build();
        TokenStore::new(Client::from_conf(config), TABLE.into())
    }

    /// How often the item was read.
    pub fn reads(&self) -> usize {
        self.state.lock().unwrap().reads
    }

    /// How often a client tried to write the item, with or without success.
    pub fn writes(&self) -> usize {
        self.state.lock().unwrap().writes
    }

    pub fn set_failing(&self, failing: bool) {
        self.state.lock().unwrap().failing = failing;
    }

    pub fn set_read_only(&self, read_only: bool) {
        self.state.lock().unwrap().read_only = read_only;
    }

    pub fn set_hidden(&self, hidden: bool) {
        self.state.lock().unwrap().hidden = hidden;
    }

    pub fn remove(&self) {
        let request = json!({"TableName": TABLE, "Key": {"id": {"S": ID}}});
        let (status, answer) = self.dynamodb.call("DeleteItem", &request);
        assert_eq!(status, 200, "{answer}");
    }

    /// Stores a token as another process would.
    pub fn set(&self, token: &str, expires_at: u64) {
        let item = json!({
            "id": {"S": ID},
            "access_token": {"S": token},
            "token_type": {"S": "bearer"},
            "expires_at": {"N": expires_at.to_string()},
            "obtained_at": {"N": (expires_at - 3600).to_string()},
        });
        self.dynamodb.put(TABLE, &item);
    }

    /// The stored token.
    pub fn token(&self) -> Option<String> {
        let item = self.dynamodb.item(TABLE, ID)?;
        Some(item["access_token"]["S"].as_str()?.to_owned())
    }

    pub fn expires_at(&self) -> Option<u64> {
        let item = self.dynamodb.item(TABLE, ID)?;
        item["expires_at"]["N"].as_str()?.parse().ok()
    }
}
