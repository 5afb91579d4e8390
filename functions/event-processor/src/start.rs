//! The start. Lambda gives it a whole CPU, and the first message only a part of one, so the start does what the first message
//! would have to wait for.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::timeout;

use crate::relay::Relay;

/// How long the start waits. What is not there by then is left to the first message, which needs the token anyway.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads the token, which opens the connection to DynamoDB, and opens the connection to EventBridge, both at the same time.
///
/// Neither has an effect. A failure does not stop the start. The connection to WHOOP is not opened: that takes a request of its own,
/// whose answer takes longer to arrive than the connection that the first message would open.
pub(crate) async fn prepare(relay: &Relay) {
    tokio::join!(
        attempt("no access token yet", relay.partner.0.prefetch_token()),
        attempt("no connection to the bus yet", relay.bus.connect()),
    );
}

async fn attempt<E: Display>(missing: &str, preparation: impl Future<Output = Result<(), E>>) {
    match timeout(PATIENCE, preparation).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "{missing}"),
        Err(_) => tracing::warn!("{missing}: no answer in time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;
    use std::sync::{Arc, Mutex};

    use aws_sdk_dynamodb::config::BehaviorVersion;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use serde_json::json;
    use tokio::time::Instant;
    use whoop_partner::clock::Clock;
    use whoop_partner::credentials::PartnerCredentials;
    use whoop_partner::future::BoxFuture;
    use whoop_partner::http::{HttpClient, Transport, Unanswered};
    use whoop_partner::partner::PartnerClient;
    use whoop_partner::token_store::TokenStore;

    use crate::bus::Bus;
    use crate::pace::PacedClient;
    use crate::published_states::PublishedStates;

    /// How AWS behaves.
    #[derive(Debug, Clone, Copy)]
    enum Behaviour {
        Answers,
        Refuses,
        Breaks,
        FallsSilent,
    }

    /// AWS, and the requests that it gets: method, operation, whether they are signed.
    #[derive(Clone)]
    struct Aws {
        behaviour: Behaviour,
        requests: Arc<Mutex<Vec<(String, String, bool)>>>,
    }

    impl fmt::Debug for Aws {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Aws")
        }
    }

    impl HttpConnector for Aws {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let headers = request.headers();
            let target = headers.get("x-amz-target").unwrap_or_default();
            self.requests.lock().unwrap().push((
                request.method().to_owned(),
                target.to_owned(),
                headers.contains_key("authorization"),
            ));
            let answer = |status: u16, body: serde_json::Value| {
                let body = SdkBody::from(body.to_string());
                Ok(HttpResponse::new(status.try_into().unwrap(), body))
            };
            match self.behaviour {
                Behaviour::Answers if target.is_empty() => {
                    HttpConnectorFuture::ready(answer(404, json!({})))
                }
                Behaviour::Answers => HttpConnectorFuture::ready(answer(200, item())),
                Behaviour::Refuses => {
                    let refusal = json!({"__type": "AccessDeniedException"});
                    HttpConnectorFuture::ready(answer(400, refusal))
                }
                Behaviour::Breaks => {
                    HttpConnectorFuture::ready(Err(ConnectorError::io("broken".into())))
                }
                Behaviour::FallsSilent => HttpConnectorFuture::new(std::future::pending()),
            }
        }
    }

    fn item() -> serde_json::Value {
        json!({"Item": {
            "id": {"S": "partner-token"},
            "access_token": {"S": "token"},
            "token_type": {"S": "bearer"},
            "obtained_at": {"N": "1795000000"},
            "expires_at": {"N": "1795003600"},
        }})
    }

    /// A WHOOP that nobody calls.
    struct Unused;

    impl Transport for Unused {
        fn send(
            &self,
            _: reqwest::Request,
        ) -> BoxFuture<'_, Result<reqwest::Response, Unanswered>> {
            panic!("the start calls WHOOP")
        }
    }

    fn relay(aws: SharedHttpClient) -> Relay {
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .with_test_defaults_v2()
            .http_client(aws.clone());
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb.build());
        let events = aws_sdk_eventbridge::Config::builder()
            .with_test_defaults_v2()
            .http_client(aws);
        let events = aws_sdk_eventbridge::Client::from_conf(events.build());
        let credentials = PartnerCredentials {
            client_id: "id".into(),
            client_secret: "secret".into(),
        };
        let partner = PartnerClient::builder(Default::default(), credentials)
            .http_client(HttpClient::new(Unused))
            .token_storage(TokenStore::new(dynamodb.clone(), "token".into()))
            .build()
            .unwrap();
        Relay {
            partner: PacedClient(partner),
            bus: Bus::new(events, "bus".into()),
            published: PublishedStates::new(dynamodb, "published".into()),
            auto_confirm_orders: true,
            clock: Clock::system(),
        }
    }

    /// The requests of a start, without their repetitions, and how long it takes.
    async fn start(behaviour: Behaviour) -> (Vec<(String, String, bool)>, Duration) {
        let aws = Aws {
            behaviour,
            requests: Arc::default(),
        };
        let connector = SharedHttpConnector::new(aws.clone());
        let begun = Instant::now();
        prepare(&relay(http_client_fn(move |_, _| connector.clone()))).await;
        let mut requests = aws.requests.lock().unwrap().clone();
        requests.sort();
        requests.dedup();
        (requests, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn the_start_reads_the_token_and_opens_a_connection_and_does_nothing_else() {
        for behaviour in [
            Behaviour::Answers,
            Behaviour::Refuses,
            Behaviour::Breaks,
            Behaviour::FallsSilent,
        ] {
            let (requests, _) = start(behaviour).await;
            let expected = [
                ("GET", "", false),
                ("POST", "DynamoDB_20120810.GetItem", true),
            ];
            let expected = expected.map(|(method, operation, is_signed)| {
                (method.to_owned(), operation.to_owned(), is_signed)
            });
            assert_eq!(requests, expected, "{behaviour:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_start_waits_for_a_silent_aws_for_a_second_and_for_no_other() {
        let (_, elapsed) = start(Behaviour::Answers).await;
        assert_eq!(elapsed, Duration::ZERO);
        let (_, elapsed) = start(Behaviour::FallsSilent).await;
        // the clock of the runtime counts whole milliseconds
        assert!([1000, 1001].contains(&elapsed.as_millis()), "{elapsed:?}");
        for behaviour in [Behaviour::Refuses, Behaviour::Breaks] {
            let (_, elapsed) = start(behaviour).await;
            assert!(elapsed <= PATIENCE, "{behaviour:?}: {elapsed:?}");
        }
    }
}
