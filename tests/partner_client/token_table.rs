//! The token table: DynamoDB's answers for one item, with the conditions that the token store sets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::error::{
    ConditionalCheckFailedException, ProvisionedThroughputExceededException,
};
use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};
use whoop_partner::token_store::TokenStore;

type Item = HashMap<String, AttributeValue>;

/// A table that several clients may share.
pub struct TokenTable {
    state: Arc<Mutex<State>>,
    get: Rule,
    put: Rule,
}

#[derive(Default)]
struct State {
    item: Option<Item>,
    failing: bool,
    /// Whether writing fails.
    read_only: bool,
    /// Whether reading finds nothing.
    hidden: bool,
}

impl TokenTable {
    pub fn new() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let read = state.clone();
        let get = mock!(Client::get_item).then_compute_response(move |_| {
            let state = read.lock().unwrap();
            if state.failing {
                let error = GetItemError::ProvisionedThroughputExceededException(throttled());
                return MockResponse::Error(error);
            }
            let item = state.item.clone().filter(|_| !state.hidden);
            MockResponse::Output(GetItemOutput::builder().set_item(item).build())
        });
        let written = state.clone();
        let put = mock!(Client::put_item)
            .then_compute_response(move |request| put(&mut written.lock().unwrap(), request));
        Self { state, get, put }
    }

    pub fn store(&self) -> TokenStore {
        // the mock can't serve a second attempt
        let once = |config: Builder| config.retry_config(RetryConfig::disabled());
        let rules = [&self.get, &self.put];
        let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, rules, once);
        TokenStore::new(client, "tokens".into())
    }

    /// How often the item was read.
    pub fn reads(&self) -> usize {
        self.get.num_calls()
    }

    /// How often the item was written, or tried to be.
    pub fn writes(&self) -> usize {
        self.put.num_calls()
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
        self.state.lock().unwrap().item = None;
    }

    /// Stores a token as another process would.
    pub fn set(&self, token: &str, expires_at: u64) {
        let item = Item::from([
            ("id".into(), AttributeValue::S("partner-token".into())),
            ("access_token".into(), AttributeValue::S(token.into())),
            ("token_type".into(), AttributeValue::S("bearer".into())),
            (
                "expires_at".into(),
                AttributeValue::N(expires_at.to_string()),
            ),
            (
                "obtained_at".into(),
                AttributeValue::N((expires_at - 3600).to_string()),
            ),
        ]);
        self.state.lock().unwrap().item = Some(item);
    }

    /// The stored token.
    pub fn token(&self) -> Option<String> {
        let state = self.state.lock().unwrap();
        Some(state.item.as_ref()?["access_token"].as_s().ok()?.clone())
    }

    pub fn expires_at(&self) -> Option<u64> {
        expires_at(self.state.lock().unwrap().item.as_ref()?)
    }
}

fn expires_at(item: &Item) -> Option<u64> {
    item.get("expires_at")?.as_n().ok()?.parse().ok()
}

fn throttled() -> ProvisionedThroughputExceededException {
    let code = "ProvisionedThroughputExceededException";
    ProvisionedThroughputExceededException::builder()
        .meta(ErrorMetadata::builder().code(code).build())
        .build()
}

/// Puts an item if its condition holds, which is one of the two that the token store sets for a whole item.
fn put(state: &mut State, request: &PutItemInput) -> MockResponse<PutItemOutput, PutItemError> {
    if state.failing || state.read_only {
        let error = PutItemError::ProvisionedThroughputExceededException(throttled());
        return MockResponse::Error(error);
    }
    let new = request.item().expect("an item");
    let may_be_refused = match request.condition_expression().expect("a condition") {
        "attribute_not_exists(id) OR expires_at <= :expires_at" => false,
        "attribute_not_exists(id) OR expires_at <= :expires_at OR access_token = :refused" => true,
        other => panic!("unknown condition {other}"),
    };
    let values = request.expression_attribute_values().expect("values");
    assert_eq!(values.get(":expires_at"), new.get("expires_at"));
    let holds = state.item.as_ref().is_none_or(|old| {
        expires_at(old) <= expires_at(new)
            || may_be_refused && old.get("access_token") == values.get(":refused")
    });
    if holds {
        state.item = Some(new.clone());
        MockResponse::Output(PutItemOutput::builder().build())
    } else {
        MockResponse::Error(PutItemError::ConditionalCheckFailedException(
            ConditionalCheckFailedException::builder()
                .set_item(state.item.clone())
                .build(),
        ))
    }
}
