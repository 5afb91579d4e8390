//! One webhook: verify, queue, answer, all before the deadline.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures_util::FutureExt;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::http::StatusCode;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;
use whoop_partner::aws::{self, AwsHttpClients, CallTimeouts, Hedge};
use whoop_partner::clock::Clock;
use whoop_partner::lambda::env::EnvError;
use whoop_partner::lambda::metrics::MetricLog;
use whoop_partner::queue_message::{self, QueueMessage};
use whoop_partner::secrets::SigningKeys;
use whoop_partner::signature::{Keys, MatchedKey, Signature};

use crate::accept::{Accepted, Refusal, accept};
use crate::config::Config;
use crate::queue::Queue;
use crate::request::WebhookRequest;
use crate::request_log::RequestLog;

/// How long the start waits for keys and connection: WHOOP's second is running. What is not there by then goes on in the first
/// request.
const START_PATIENCE: Duration = Duration::from_millis(150);

/// Limits for the AWS calls. They only end what nobody waits for any more: each request has its deadline, and the second try is
/// ours.
const CALL_TIMEOUTS: CallTimeouts = CallTimeouts {
    connect: Duration::from_secs(5),
    attempt: Duration::from_secs(5),
    operation: Duration::from_secs(5),
    max_attempts: 1,
    initial_backoff: Duration::ZERO,
};

/// The function with its long-lived clients.
pub struct Webhook {
    keys: SigningKeys,
    queue: Queue,
    deadline: Duration,
    clock: Clock,
    log: MetricLog,
}

impl Webhook {
    /// Builds the clients over `http_clients`, then fetches the signing key and opens the connection to the queue at the same time,
    /// so that the first webhook finds everything ready. What takes too long goes on beside the first webhook; a failure does not
    /// stop the start.
    ///
    /// # Errors
    ///
    /// When a variable of the AWS SDK or of the log is missing or malformed.
    pub async fn connect(
        config: Config,
        http_clients: AwsHttpClients,
        clock: Clock,
    ) -> Result<Self, EnvError> {
        let aws = aws::sdk_config(CALL_TIMEOUTS, http_clients.usual, clock.clone())?;
        let webhook = Self::new(
            aws_sdk_secretsmanager::Client::new(&aws),
            aws_sdk_sqs::Client::new(&aws),
            http_clients.unpooled,
            config,
            clock.clone(),
            MetricLog::from_env("webhook", clock)?,
        );
        let deadline = Instant::now() + START_PATIENCE;
        let (keys, ()) = tokio::join!(
            webhook.keys.prefetch(deadline),
            webhook.connect_queue(deadline)
        );
        if let Err(error) = keys {
            tracing::warn!(%error, "starting without signing keys");
        }
        tracing::info!("started");
        Ok(webhook)
    }

    /// `second_tries` must open a connection for each call. The clients must not retry by themselves.
    fn new(
        secrets: aws_sdk_secretsmanager::Client,
        queue: aws_sdk_sqs::Client,
        second_tries: SharedHttpClient,
        config: Config,
        clock: Clock,
        log: MetricLog,
    ) -> Self {
        let hedge = Hedge {
            patience: config.deadline.patience(),
            http_client: second_tries,
        };
        let secret_id = config.signing_secret_id;
        Self {
            keys: SigningKeys::new(secrets, secret_id, hedge.clone(), clock.clone()),
            queue: Queue::new(queue, config.queue_url, hedge),
            deadline: config.deadline.duration(),
            clock,
            log,
        }
    }

    /// Opens the connection to the queue. After `deadline` that goes on in the background.
    async fn connect_queue(&self, deadline: Instant) {
        let placeholder =
            QueueMessage::new(b"{}".into(), self.clock.now(), None).expect("it is small");
        let queue = self.queue.clone();
        let connecting = tokio::spawn(async move {
            if let Err(error) = queue.connect(placeholder).await {
                tracing::warn!(%error, "no connection to the queue yet");
            }
        });
        if timeout_at(deadline, connecting).await.is_err() {
            tracing::warn!("starting without a connection to the queue: no answer in time");
        }
    }

    /// Answers one request, whatever it holds. A panic is answered with 500.
    ///
    /// `trace_header` is Lambda's trace header of the invocation. If the trace is sampled, the message continues it.
    pub async fn handle(
        &self,
        request: WebhookRequest,
        trace_header: Option<&str>,
    ) -> ApiGatewayV2httpResponse {
        let request_id = request.request_id.clone();
        let start = Instant::now();
        let log = RequestLog::new(&self.log, request_id.as_deref());
        let span = tracing::info_span!("webhook", request_id);
        let trace_header = trace_header.filter(|header| is_sampled(header));
        let deadline = start + self.deadline;
        let queued = AssertUnwindSafe(self.verify_and_queue(request, trace_header, deadline))
            .catch_unwind()
            .instrument(span)
            .await;
        let elapsed = start.elapsed();
        let status = match queued {
            Ok(Ok(Queued { event_type, key })) => {
                log.queued(elapsed, event_type.as_deref(), key);
                StatusCode::NO_CONTENT
            }
            Ok(Err(refusal)) => {
                log.refused(elapsed, refusal);
                refusal.status()
            }
            Err(_) => {
                log.panicked(elapsed);
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = status.as_u16().into();
        response
    }

    async fn verify_and_queue(
        &self,
        request: WebhookRequest,
        trace_header: Option<&str>,
        deadline: Instant,
    ) -> Result<Queued, Refusal> {
        let verify = async |signature, body: &[u8]| self.verify(signature, body, deadline).await;
        let Accepted { message, key } = accept(request, verify, || self.clock.now()).await?;
        let event_type = message.attribute(queue_message::EVENT_TYPE);
        let event_type = event_type.map(str::to_owned);
        self.send(message, trace_header, deadline).await?;
        Ok(Queued { event_type, key })
    }

    async fn verify(
        &self,
        signature: Signature,
        body: &[u8],
        deadline: Instant,
    ) -> Result<MatchedKey, Refusal> {
        let matches = |keys: Keys<'_>| signature.verify(body, keys).ok();
        match self.keys.find(deadline, matches).await {
            Ok(Some(key)) => Ok(key),
            Ok(None) => Err(Refusal::SignatureWrong),
            Err(error) => {
                tracing::error!(%error, "no signing key for this webhook");
                Err(Refusal::KeysUnavailable)
            }
        }
    }

    async fn send(
        &self,
        message: QueueMessage,
        trace_header: Option<&str>,
        deadline: Instant,
    ) -> Result<(), Refusal> {
        match timeout_at(deadline, self.queue.send(message, trace_header)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "queue did not take the webhook");
                Err(Refusal::QueueUnavailable)
            }
            Err(_) => {
                tracing::error!("queue did not answer before the deadline");
                Err(Refusal::QueueUnavailable)
            }
        }
    }
}

/// A webhook that is in the queue.
struct Queued {
    event_type: Option<String>,
    key: MatchedKey,
}

/// Whether X-Ray records the trace (`Sampled=1` in the trace header).
fn is_sampled(trace_header: &str) -> bool {
    trace_header.split(';').any(|field| field == "Sampled=1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
    use aws_sdk_sqs::operation::send_message::{SendMessageInput, SendMessageOutput};
    use aws_sdk_sqs::types::MessageSystemAttributeNameForSends;
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
    use aws_smithy_runtime_api::client::http::http_client_fn;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::http::StatusCode as HttpStatus;
    use aws_smithy_types::body::SdkBody;
    use serde_json::json;
    use whoop_partner::signature::sign;

    const KEY: &str = "whsec_test";
    const BODY: &str = r#"{"event_type":"lab_requisition.created","resource_id":"r"}"#;

    fn config() -> Config {
        Config {
            queue_url: "https://queue".into(),
            signing_secret_id: "signing-secret".into(),
            deadline: crate::config::Deadline::DEFAULT,
        }
    }

    fn secrets_rule() -> Rule {
        mock!(aws_sdk_secretsmanager::Client::get_secret_value).then_output(|| {
            GetSecretValueOutput::builder()
                .secret_string(json!({"signing_secret": KEY}).to_string())
                .build()
        })
    }

    fn secrets(rule: &Rule) -> aws_sdk_secretsmanager::Client {
        mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [rule])
    }

    fn webhook(queue: aws_sdk_sqs::Client) -> Webhook {
        webhook_with(secrets(&secrets_rule()), queue, no_second_try())
    }

    fn webhook_with(
        secrets: aws_sdk_secretsmanager::Client,
        queue: aws_sdk_sqs::Client,
        second_tries: SharedHttpClient,
    ) -> Webhook {
        let clock = Clock::system();
        let log = MetricLog::new("stack", "webhook", clock.clone(), |_| {});
        Webhook::new(secrets, queue, second_tries, config(), clock, log)
    }

    fn no_second_try() -> SharedHttpClient {
        http_client_fn(|_, _| panic!("there is no second try"))
    }

    /// A webhook whose queue takes everything, and what it took.
    fn queueing_webhook() -> (Webhook, Arc<Mutex<Vec<SendMessageInput>>>) {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let taken = sent.clone();
        let rule = mock!(aws_sdk_sqs::Client::send_message).then_compute_output(move |message| {
            taken.lock().unwrap().push(message.clone());
            SendMessageOutput::builder().build()
        });
        (
            webhook(mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&rule])),
            sent,
        )
    }

    fn request(body: &str, signature: &str) -> WebhookRequest {
        let payload = json!({"headers": {"whoop-signed": signature}, "body": body});
        serde_json::from_str(&payload.to_string()).unwrap()
    }

    fn signed(body: &str) -> WebhookRequest {
        request(body, &sign(body.as_bytes(), KEY.as_bytes()))
    }

    async fn status(webhook: &Webhook, request: WebhookRequest) -> i64 {
        let response = webhook.handle(request, None).await;
        assert!(response.body.is_none());
        response.status_code
    }

    #[tokio::test]
    async fn a_signed_webhook_is_queued_byte_for_byte_and_answered_204() {
        let (webhook, sent) = queueing_webhook();
        assert_eq!(status(&webhook, signed(BODY)).await, 204);
        let sent = sent.lock().unwrap();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].message_body(), Some(BODY));
        assert_eq!(sent[0].queue_url(), Some("https://queue"));
        let attributes = sent[0].message_attributes().unwrap();
        assert_eq!(
            attributes["event_type"].string_value(),
            Some("lab_requisition.created")
        );
    }

    #[tokio::test]
    async fn a_sampled_trace_continues_in_the_message_and_no_other() {
        let (webhook, sent) = queueing_webhook();
        let sampled = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let unsampled = sampled.replace("Sampled=1", "Sampled=0");
        for (header, continued) in [
            (Some(sampled), Some(sampled)),
            (Some(unsampled.as_str()), None),
            (None, None),
        ] {
            webhook.handle(signed(BODY), header).await;
            let message = sent.lock().unwrap().pop().unwrap();
            let attributes = message.message_system_attributes();
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            let found = attributes.and_then(|all| all.get(&name)?.string_value());
            assert_eq!(found, continued, "{header:?}");
        }
    }

    #[tokio::test]
    async fn a_repeated_delivery_is_queued_again() {
        let (webhook, sent) = queueing_webhook();
        for _ in 0..2 {
            assert_eq!(status(&webhook, signed(BODY)).await, 204);
        }
        assert_eq!(sent.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_is_not_signed_right_is_refused_and_not_queued() {
        let (webhook, sent) = queueing_webhook();
        let right = sign(BODY.as_bytes(), KEY.as_bytes());
        for (body, signature) in [
            (BODY, sign(BODY.as_bytes(), b"another key")),
            (&BODY[1..], right.clone()),
            (BODY, right.to_uppercase()),
            (BODY, String::new()),
            ("", right),
        ] {
            assert_eq!(status(&webhook, request(body, &signature)).await, 401);
        }
        assert_eq!(status(&webhook, WebhookRequest::default()).await, 401);
        assert_eq!(sent.lock().unwrap().len(), 0);
    }

    #[tokio::test]
    async fn an_empty_body_is_400_if_signed_and_401_if_not() {
        let (webhook, sent) = queueing_webhook();
        assert_eq!(status(&webhook, signed("")).await, 400);
        assert_eq!(status(&webhook, request("", &"0".repeat(64))).await, 401);
        assert_eq!(sent.lock().unwrap().len(), 0);
    }

    #[tokio::test]
    async fn base64_that_does_not_decode_is_400() {
        let (webhook, _) = queueing_webhook();
        let payload = json!({
            "headers": {"whoop-signed": "0".repeat(64)},
            "body": "%",
            "isBase64Encoded": true,
        });
        let request = serde_json::from_str(&payload.to_string()).unwrap();
        assert_eq!(status(&webhook, request).await, 400);
    }

    #[tokio::test]
    async fn a_body_too_large_for_the_queue_is_413_if_signed_and_401_if_not() {
        let (webhook, sent) = queueing_webhook();
        let body = "x".repeat(1024 * 1024);
        assert_eq!(status(&webhook, signed(&body)).await, 413);
        assert_eq!(status(&webhook, request(&body, &"0".repeat(64))).await, 401);
        assert_eq!(sent.lock().unwrap().len(), 0);
    }

    #[tokio::test]
    async fn forged_signatures_cause_no_more_calls_than_two_looks_for_other_keys() {
        let rule = secrets_rule();
        let queue = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, &[] as &[&Rule]);
        let webhook = webhook_with(secrets(&rule), queue, no_second_try());
        for _ in 0..50 {
            assert_eq!(status(&webhook, request(BODY, &"0".repeat(64))).await, 401);
        }
        // the first load of both versions, and two looks at both
        assert_eq!(rule.num_calls(), 6);
    }

    /// SQS as it behaves on a bad day, and how often it was called.
    #[derive(Debug, Clone)]
    struct BadDay(Answer, Arc<AtomicUsize>);

    #[derive(Debug, Clone, Copy)]
    enum Answer {
        Never,
        After(Duration),
        Status(u16, &'static str),
        Panic,
    }

    impl HttpConnector for BadDay {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            self.1.fetch_add(1, Ordering::Relaxed);
            let answer = |status, body: &'static str| {
                let status = HttpStatus::try_from(status).unwrap();
                Ok(HttpResponse::new(status, SdkBody::from(body)))
            };
            match self.0 {
                Answer::Never => HttpConnectorFuture::new(std::future::pending()),
                Answer::After(time) => HttpConnectorFuture::new(async move {
                    tokio::time::sleep(time).await;
                    answer(200, "{}")
                }),
                Answer::Status(status, body) => HttpConnectorFuture::ready(answer(status, body)),
                Answer::Panic => panic!("a panic that quotes {BODY}"),
            }
        }
    }

    impl BadDay {
        fn new(answer: Answer) -> Self {
            Self(answer, Arc::default())
        }

        fn http_client(&self) -> SharedHttpClient {
            let connector = SharedHttpConnector::new(self.clone());
            http_client_fn(move |_, _| connector.clone())
        }

        /// A webhook that has only such a queue.
        fn webhook(&self) -> Webhook {
            let queue = aws_sdk_sqs::Client::from_conf(
                aws_sdk_sqs::Config::builder()
                    .with_test_defaults_v2()
                    .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
                    .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled())
                    .http_client(self.http_client())
                    .build(),
            );
            webhook_with(secrets(&secrets_rule()), queue, self.http_client())
        }

        fn calls(&self) -> usize {
            self.1.load(Ordering::Relaxed)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_answers_before_the_deadline_leads_to_204_and_one_that_does_not_to_503() {
        for (ms, expected, copies) in [
            (0, 204, 1),
            (319, 204, 1),
            (450, 204, 2),
            (799, 204, 2),
            (900, 503, 2),
        ] {
            let day = BadDay::new(Answer::After(Duration::from_millis(ms)));
            let start = Instant::now();
            assert_eq!(
                status(&day.webhook(), signed(BODY)).await,
                expected,
                "{ms} ms"
            );
            assert_eq!(start.elapsed().as_millis(), u128::from(ms.min(800)));
            assert_eq!(day.calls(), copies, "{ms} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_in_trouble_is_503_within_the_deadline_after_two_tries_at_most() {
        for (answer, tries) in [
            (Answer::Never, 2),
            (Answer::Status(500, ""), 2),
            (
                Answer::Status(400, r#"{"__type":"com.amazonaws.sqs#RequestThrottled"}"#),
                2,
            ),
            (
                Answer::Status(
                    403,
                    r#"{"__type":"com.amazon.coral.service#AccessDeniedException"}"#,
                ),
                1,
            ),
            (Answer::Status(200, "not json"), 2),
        ] {
            let day = BadDay::new(answer);
            let start = Instant::now();
            assert_eq!(
                status(&day.webhook(), signed(BODY)).await,
                503,
                "{answer:?}"
            );
            assert!(start.elapsed() <= Duration::from_millis(800), "{answer:?}");
            assert_eq!(day.calls(), tries, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn without_keys_a_well_formed_signature_is_503_and_a_malformed_one_401() {
        let rule = mock!(aws_sdk_secretsmanager::Client::get_secret_value)
            .then_output(|| GetSecretValueOutput::builder().secret_string("{}").build());
        let queue = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, &[] as &[&Rule]);
        let webhook = webhook_with(secrets(&rule), queue, no_second_try());
        assert_eq!(status(&webhook, signed(BODY)).await, 503);
        assert_eq!(status(&webhook, request(BODY, "short")).await, 401);
    }

    #[tokio::test]
    async fn a_panic_is_answered_with_500_and_the_next_request_as_ever() {
        let broken = BadDay::new(Answer::Panic).webhook();
        assert_eq!(status(&broken, signed(BODY)).await, 500);
        assert_eq!(status(&broken, request(BODY, "short")).await, 401);
    }
}
