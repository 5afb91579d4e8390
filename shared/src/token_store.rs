//! The access token as an item in Amazon DynamoDB (feature `token-store`). It is never replaced by one that expires earlier.
//!
//! [`TokenStore`] takes the AWS SDK's own client, because only you know its configuration. The table's partition key is `id`,
//! a string, and the token is the item `partner-token`. Give the store to `PartnerClientBuilder::token_storage`.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::call_failure::CallFailure;
use crate::clock::Clock;
#[cfg(feature = "client")]
use crate::future::BoxFuture;
use crate::token::{AccessToken, StoreOutcome};

/// The key of the one item.
const ID: &str = "partner-token";

/// All attributes except the key.
const ATTRIBUTES: [&str; 4] = ["access_token", "token_type", "expires_at", "obtained_at"];

/// The SDK's type of an item. Its `Debug` would show the token: never format it.
type Item = HashMap<String, AttributeValue>;

/// Why the table could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// DynamoDB did not answer, or asks for fewer calls.
    #[error("{operation} of table {table} failed: {failure}")]
    Unavailable {
        /// The SDK's name of the operation.
        operation: &'static str,
        /// The table.
        table: String,
        /// Why the call failed.
        failure: CallFailure,
    },
    /// DynamoDB refuses the call. Somebody has to change the configuration.
    #[error("{operation} of table {table} was refused: {failure}")]
    Refused {
        /// The SDK's name of the operation.
        operation: &'static str,
        /// The table.
        table: String,
        /// Why the call failed.
        failure: CallFailure,
    },
    /// Another process replaced a malformed item by another malformed one while this one was being overwritten.
    #[error("the token in table {table} stays malformed")]
    StaysMalformed {
        /// The table.
        table: String,
    },
}

impl StoreError {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}

/// What the table holds.
#[derive(Debug)]
pub enum StoredToken {
    /// No item.
    Nothing,
    /// An item that is not a token, or that expires later than any token can.
    Malformed,
    /// A token, which may have expired.
    Token(AccessToken),
}

/// Keeps the access token in a DynamoDB table.
pub struct TokenStore {
    client: Client,
    table: String,
    clock: Clock,
}

impl TokenStore {
    /// Prepares to use a table. It makes no call yet.
    #[must_use]
    pub fn new(client: Client, table_name: String) -> Self {
        Self {
            client,
            table: table_name,
            clock: Clock::system(),
        }
    }

    /// Takes the time from `clock` instead of the system's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the stored token, which may have expired. An item that is not a token, or that expires later than any token can,
    /// counts as missing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB does not answer in time, or refuses the call.
    pub async fn load(&self) -> Result<Option<AccessToken>, StoreError> {
        match self.look().await? {
            StoredToken::Token(token) => Ok(Some(token)),
            StoredToken::Nothing => Ok(None),
            StoredToken::Malformed => {
                tracing::warn!("the stored token is malformed and counts as missing");
                Ok(None)
            }
        }
    }

    /// Returns what the table holds, and tells a malformed item from a missing one.
    ///
    /// # Errors
    ///
    /// As for [`Self::load`].
    pub async fn look(&self) -> Result<StoredToken, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(ID.into()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| self.failed("GetItem", &error))?;
        Ok(match answer.item() {
            None => StoredToken::Nothing,
            Some(item) => self
                .token(item)
                .map_or(StoredToken::Malformed, StoredToken::Token),
        })
    }

    /// Stores a token, unless the table holds one that expires later. An item that is not a token is replaced.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB does not answer in time, or refuses the call.
    pub async fn store(&self, token: &AccessToken) -> Result<StoreOutcome, StoreError> {
        self.put(token, Condition::expires_no_later_than(token))
            .await
    }

    /// Stores a token in place of `refused`, which WHOOP has just refused, even if that one expires later. If the table now
    /// holds another token, that one is replaced only if it does not expire later.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB does not answer in time, or refuses the call.
    pub async fn replace_refused(
        &self,
        refused: &AccessToken,
        token: &AccessToken,
    ) -> Result<StoreOutcome, StoreError> {
        let condition = Condition::expires_no_later_than(token).or_is(refused);
        self.put(token, condition).await
    }

    async fn put(
        &self,
        token: &AccessToken,
        condition: Condition,
    ) -> Result<StoreOutcome, StoreError> {
        let stored = match self.put_if(token, condition).await? {
            Ok(()) => return Ok(StoreOutcome::Stored),
            Err(stored) => stored,
        };
        if let Some(newer) = self.token(&stored) {
            return Ok(StoreOutcome::KeptNewer(newer));
        }
        tracing::warn!("the stored token is malformed and gives way");
        match self.put_if(token, Condition::is_still(&stored)).await? {
            Ok(()) => Ok(StoreOutcome::Stored),
            Err(stored) => self
                .token(&stored)
                .map(StoreOutcome::KeptNewer)
                .ok_or_else(|| StoreError::StaysMalformed {
                    table: self.table.clone(),
                }),
        }
    }

    /// Puts the item if the condition holds. Otherwise returns the item that is there.
    async fn put_if(
        &self,
        token: &AccessToken,
        condition: Condition,
    ) -> Result<Result<(), Item>, StoreError> {
        let answer = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(token)))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Ok(())),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Err(failed.item().cloned().unwrap_or_default()))
                }
                _ => Err(self.failed("PutItem", &error)),
            },
        }
    }

    /// Returns the token that an item holds; `None` if it is malformed.
    fn token(&self, item: &Item) -> Option<AccessToken> {
        token(item).filter(|token| token.is_credible(self.clock.now()))
    }

    fn failed<E>(&self, operation: &'static str, error: &SdkError<E, HttpResponse>) -> StoreError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let failure = CallFailure::from(error);
        let table = self.table.clone();
        if failure.is_transient() {
            StoreError::Unavailable {
                operation,
                table,
                failure,
            }
        } else {
            StoreError::Refused {
                operation,
                table,
                failure,
            }
        }
    }
}

#[cfg(feature = "client")]
impl crate::token::TokenStorage for TokenStore {
    fn load(&self) -> BoxFuture<'_, Result<Option<AccessToken>, CallFailure>> {
        Box::pin(async { Ok(self.load().await?) })
    }

    fn store<'a>(
        &'a self,
        token: &'a AccessToken,
        refused: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<StoreOutcome, CallFailure>> {
        Box::pin(async move {
            Ok(match refused {
                Some(refused) => self.replace_refused(refused, token).await?,
                None => self.store(token).await?,
            })
        })
    }
}

impl From<StoreError> for CallFailure {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            Self::no_answer(error.to_string())
        } else {
            Self::lasting(error.to_string())
        }
    }
}

impl fmt::Debug for TokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenStore")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

/// The condition under which an item is put.
struct Condition {
    expression: String,
    /// The values of the expression's placeholders. DynamoDB refuses an empty map.
    values: Option<Item>,
}

impl Condition {
    fn expires_no_later_than(token: &AccessToken) -> Self {
        let expires_at = AttributeValue::N(token.expires_at().to_string());
        Self {
            expression: "attribute_not_exists(id) OR expires_at <= :expires_at".into(),
            values: Some(Item::from([(":expires_at".into(), expires_at)])),
        }
    }

    fn or_is(mut self, token: &AccessToken) -> Self {
        self.expression.push_str(" OR access_token = :refused");
        let refused = AttributeValue::S(token.expose_secret().into());
        self.values
            .get_or_insert_default()
            .insert(":refused".into(), refused);
        self
    }

    /// Holds as long as nobody has changed `item`, whatever its attributes are.
    fn is_still(item: &Item) -> Self {
        let mut values = Item::new();
        let same = ATTRIBUTES.map(|name| match item.get(name) {
            None => format!("attribute_not_exists({name})"),
            Some(value) => {
                values.insert(format!(":{name}"), value.clone());
                format!("{name} = :{name}")
            }
        });
        Self {
            expression: same.join(" AND "),
            values: (!values.is_empty()).then_some(values),
        }
    }
}

fn item(token: &AccessToken) -> Item {
    let text = |value: &str| AttributeValue::S(value.into());
    let number = |value: u64| AttributeValue::N(value.to_string());
    HashMap::from([
        ("id".into(), text(ID)),
        ("access_token".into(), text(token.expose_secret())),
        ("token_type".into(), text(token.token_type())),
        ("expires_at".into(), number(token.expires_at())),
        ("obtained_at".into(), number(token.obtained_at())),
    ])
}

fn token(item: &Item) -> Option<AccessToken> {
    let text = |name| Some(item.get(name)?.as_s().ok()?.as_str());
    let number = |name| item.get(name)?.as_n().ok()?.parse().ok();
    AccessToken::new(
        text("access_token")?.into(),
        text("token_type")?.into(),
        number("obtained_at")?,
        number("expires_at")?,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, SystemTime};

    use super::*;
    use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
    use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
    use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
    use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    const EXPIRES_NO_LATER: &str = "attribute_not_exists(id) OR expires_at <= :expires_at";

    fn access_token(value: &str, expires_at: u64) -> AccessToken {
        AccessToken::new(value.into(), "bearer".into(), 1_800_000_000, expires_at)
            .expect("the token is fit for use")
    }

    fn text(value: &str) -> AttributeValue {
        AttributeValue::S(value.into())
    }

    fn number(value: &str) -> AttributeValue {
        AttributeValue::N(value.into())
    }

    /// The item of a token "stored-token", changed by `change`.
    fn stored(change: impl FnOnce(&mut Item)) -> Item {
        let mut item = item(&access_token("stored-token", 1_800_003_600));
        change(&mut item);
        item
    }

    /// Items that are no tokens, as older versions, people or accidents may leave them.
    fn malformed() -> Vec<Item> {
        let set = |name: &'static str, value| stored(|item| drop(item.insert(name.into(), value)));
        vec![
            stored(|item| item.retain(|name, _| name == "id")),
            stored(|item| drop(item.remove("access_token"))),
            stored(|item| drop(item.remove("token_type"))),
            stored(|item| drop(item.remove("expires_at"))),
            stored(|item| drop(item.remove("obtained_at"))),
            set("access_token", text("")),
            set("access_token", text("two words")),
            set("access_token", AttributeValue::Bool(true)),
            set("token_type", text("mac")),
            set("expires_at", text("1800003600")),
            set("expires_at", number("1800003600.5")),
            set("expires_at", number("-1")),
            set("expires_at", number("9.9E+125")),
            set("obtained_at", AttributeValue::Null(true)),
            // milliseconds, and a clock that was wrong
            set("expires_at", number("1800003600000")),
            set("expires_at", number("1800086701")),
        ]
    }

    fn refused_with(item: &Item) -> MockResponse<PutItemOutput, PutItemError> {
        MockResponse::Error(PutItemError::ConditionalCheckFailedException(
            ConditionalCheckFailedException::builder()
                .set_item(Some(item.clone()))
                .build(),
        ))
    }

    /// A table that refuses a put for each of `refusals` and takes the next one, and what it was asked.
    struct Puts {
        store: TokenStore,
        requests: Arc<Mutex<Vec<PutItemInput>>>,
    }

    impl Puts {
        fn after(refusals: Vec<Item>) -> Self {
            let requests = Arc::new(Mutex::new(Vec::new()));
            let seen = requests.clone();
            let rule = mock!(Client::put_item).then_compute_response(move |request| {
                let mut seen = seen.lock().unwrap();
                seen.push(request.clone());
                match refusals.get(seen.len() - 1) {
                    Some(item) => refused_with(item),
                    None => MockResponse::Output(PutItemOutput::builder().build()),
                }
            });
            Self {
                store: store(&rule),
                requests,
            }
        }

        /// The condition of the put number `index`, after a check of all that is the same in each.
        #[track_caller]
        fn condition(&self, index: usize, token: &AccessToken) -> (String, Option<Item>) {
            let request = self.requests.lock().unwrap()[index].clone();
            assert_eq!(request.table_name(), Some("tokens"));
            assert_eq!(
                request.return_values_on_condition_check_failure(),
                Some(&ReturnValuesOnConditionCheckFailure::AllOld)
            );
            let expected = Item::from([
                ("id".into(), text("partner-token")),
                ("access_token".into(), text(token.expose_secret())),
                ("token_type".into(), text("bearer")),
                ("expires_at".into(), number(&token.expires_at().to_string())),
                ("obtained_at".into(), number("1800000000")),
            ]);
            assert!(request.item() == Some(&expected));
            (
                request.condition_expression().unwrap().to_owned(),
                request.expression_attribute_values().cloned(),
            )
        }

        fn count(&self) -> usize {
            self.requests.lock().unwrap().len()
        }
    }

    fn store(rule: &Rule) -> TokenStore {
        let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [rule]);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        TokenStore::new(client, "tokens".into()).with_clock(Clock::new(move || now))
    }

    async fn loaded(item: Option<Item>) -> Option<AccessToken> {
        let rule = mock!(Client::get_item)
            .match_requests(|request| {
                request.table_name() == Some("tokens")
                    && request.consistent_read() == Some(true)
                    && request.key() == Some(&Item::from([("id".into(), text("partner-token"))]))
            })
            .then_output(move || GetItemOutput::builder().set_item(item.clone()).build());
        store(&rule).load().await.expect("the table answers")
    }

    #[tokio::test]
    async fn loads_the_stored_token() {
        let token = loaded(Some(stored(|_| {}))).await.expect("it is a token");
        assert_eq!(token.expose_secret(), "stored-token");
        assert_eq!(token.token_type(), "bearer");
        assert_eq!(token.obtained_at(), 1_800_000_000);
        assert_eq!(token.expires_at(), 1_800_003_600);
    }

    #[tokio::test]
    async fn an_item_that_is_missing_or_no_token_counts_as_missing() {
        assert!(loaded(None).await.is_none());
        for item in malformed() {
            assert!(loaded(Some(item)).await.is_none());
        }
    }

    #[tokio::test]
    async fn stores_a_token_unless_one_that_expires_later_is_there() {
        let table = Puts::after(vec![]);
        let token = access_token("new-token", 1_800_007_200);
        let outcome = table.store.store(&token).await.unwrap();
        assert!(matches!(outcome, StoreOutcome::Stored));
        let values = Item::from([(":expires_at".into(), number("1800007200"))]);
        let (expression, sent) = table.condition(0, &token);
        assert_eq!(expression, EXPIRES_NO_LATER);
        assert!(sent == Some(values));
    }

    #[tokio::test]
    async fn a_token_that_expires_later_is_kept_and_reported() {
        let table = Puts::after(vec![stored(|_| {})]);
        let token = access_token("new-token", 1_800_003_599);
        match table.store.store(&token).await.unwrap() {
            StoreOutcome::KeptNewer(kept) => {
                assert_eq!(kept.expose_secret(), "stored-token");
                assert_eq!(kept.expires_at(), 1_800_003_600);
            }
            StoreOutcome::Stored => panic!("the newer token was replaced"),
        }
        assert_eq!(table.count(), 1);
    }

    #[tokio::test]
    async fn a_refused_token_gives_way_to_any_new_one() {
        let table = Puts::after(vec![]);
        let refused = access_token("refused-token", 1_800_009_999);
        let token = access_token("new-token", 1_800_003_600);
        let outcome = table.store.replace_refused(&refused, &token).await.unwrap();
        assert!(matches!(outcome, StoreOutcome::Stored));
        let values = Item::from([
            (":expires_at".into(), number("1800003600")),
            (":refused".into(), text("refused-token")),
        ]);
        let (expression, sent) = table.condition(0, &token);
        assert_eq!(
            expression,
            format!("{EXPIRES_NO_LATER} OR access_token = :refused")
        );
        assert!(sent == Some(values));
    }

    #[tokio::test]
    async fn a_malformed_item_never_blocks_a_token() {
        let token = access_token("new-token", 1_800_003_600);
        for item in malformed() {
            let table = Puts::after(vec![item.clone()]);
            let outcome = table.store.store(&token).await.unwrap();
            assert!(matches!(outcome, StoreOutcome::Stored));
            let (expression, values) = table.condition(1, &token);
            let values = values.unwrap_or_default();
            for name in ATTRIBUTES {
                let placeholder = format!(":{name}");
                assert!(values.get(&placeholder) == item.get(name), "{name}");
                let same = format!("{name} = {placeholder}");
                let absent = format!("attribute_not_exists({name})");
                let expected = if item.contains_key(name) {
                    same
                } else {
                    absent
                };
                assert!(expression.split(" AND ").any(|part| part == expected));
            }
        }
    }

    #[tokio::test]
    async fn a_condition_without_placeholders_sends_no_empty_map() {
        let token = access_token("new-token", 1_800_003_600);
        let table = Puts::after(vec![stored(|item| item.retain(|name, _| name == "id"))]);
        table.store.store(&token).await.unwrap();
        assert!(table.condition(1, &token).1.is_none());
    }

    #[tokio::test]
    async fn a_token_stored_by_somebody_else_meanwhile_is_kept() {
        let broken = || stored(|item| drop(item.remove("expires_at")));
        let token = access_token("new-token", 1_800_003_599);
        let table = Puts::after(vec![broken(), stored(|_| {})]);
        let outcome = table.store.store(&token).await.unwrap();
        assert!(
            matches!(outcome, StoreOutcome::KeptNewer(kept) if kept.expires_at() == 1_800_003_600)
        );

        let table = Puts::after(vec![broken(), broken()]);
        let error = table.store.store(&token).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the token in table tokens stays malformed"
        );
        assert!(error.is_transient());
        assert_eq!(table.count(), 2);
    }

    fn http(status: u16, body: &'static str) -> HttpResponse {
        HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
    }

    #[tokio::test]
    async fn an_error_names_operation_table_and_code() {
        let denied = r#"{"__type": "com.amazon.coral.service#AccessDeniedException", "message": "not authorized"}"#;
        let rule = mock!(Client::put_item).then_http_response(|| http(400, denied));
        let token = access_token("new-token", 1_800_003_600);
        let error = store(&rule).store(&token).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "PutItem of table tokens was refused: status 400, AccessDeniedException: not authorized"
        );
        assert!(!error.is_transient());

        let rule = mock!(Client::get_item).then_http_response(|| http(500, ""));
        let error = store(&rule).load().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "GetItem of table tokens failed: status 500, no error code"
        );
        assert!(error.is_transient());
    }

    #[tokio::test]
    async fn no_error_shows_a_token() {
        let garbled =
            r#"{"Item": {"access_token": {"S": "stored-token"}, "expires_at": {"N": {}}}}"#;
        let rule = mock!(Client::get_item).then_http_response(|| http(200, garbled));
        let error = store(&rule).load().await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("stored-token"), "{shown}");
        assert!(shown.contains("the answer can't be understood"), "{shown}");

        let quoting = r#"{"__type": "ValidationException", "message": "bad value: new-token"}"#;
        let rule = mock!(Client::put_item).then_http_response(|| http(400, quoting));
        let token = access_token("new-token", 1_800_003_600);
        let error = store(&rule).store(&token).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("new-token"), "{shown}");
        assert!(shown.contains("ValidationException"), "{shown}");
    }

    #[tokio::test]
    async fn debug_of_store_and_outcome_shows_no_token() {
        let table = Puts::after(vec![stored(|_| {})]);
        let token = access_token("new-token", 1_800_003_599);
        let outcome = table.store.store(&token).await.unwrap();
        let store = format!("{:?}", table.store);
        assert_eq!(store, r#"TokenStore { table: "tokens", .. }"#);
        let shown = format!("{outcome:?}");
        assert!(!shown.contains("stored-token"), "{shown}");
        assert!(!shown.contains("new-token"), "{shown}");
    }
}
