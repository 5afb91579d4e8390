//! Secrets Manager with canned answers, for the tests of this module.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Region, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use tokio::time::Instant;

/// When the tests' clock starts; the current version is created then.
pub(super) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

/// A clock that goes on with Tokio's, which the tests pause, and can be set ahead of it: as if the process had been frozen.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    began: Instant,
    ahead: Arc<Mutex<Duration>>,
}

impl Clock {
    pub(super) fn now(&self) -> SystemTime {
        start() + self.began.elapsed() + *self.ahead.lock().unwrap()
    }

    pub(super) fn advance(&self, time: Duration) -> SystemTime {
        *self.ahead.lock().unwrap() += time;
        self.now()
    }
}

/// How a version that can't be read fails.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Internal,
    Throttled,
    Denied,
    Undecryptable,
}

/// A secret as the test sets it; `None` means that there is no such version.
#[derive(Debug, Default)]
pub(super) struct Versions {
    pub(super) current: Option<&'static str>,
    pub(super) previous: Option<&'static str>,
    pub(super) created: Option<SystemTime>,
    pub(super) current_fault: Option<Fault>,
    pub(super) previous_fault: Option<Fault>,
    /// How long the answers take.
    pub(super) current_delay: Duration,
    pub(super) previous_delay: Duration,
}

impl Versions {
    pub(super) fn fail(&mut self, fault: Option<Fault>) {
        self.current_fault = fault;
        self.previous_fault = fault;
    }
}

#[derive(Clone)]
pub(super) struct Canned {
    pub(super) versions: Arc<Mutex<Versions>>,
    pub(super) clock: Clock,
    calls: Arc<AtomicUsize>,
}

impl Canned {
    pub(super) fn new(versions: Versions) -> Self {
        Self {
            versions: Arc::new(Mutex::new(versions)),
            clock: Clock {
                began: Instant::now(),
                ahead: Arc::default(),
            },
            calls: Arc::default(),
        }
    }

    pub(super) fn clock(&self) -> crate::clock::Clock {
        let clock = self.clock.clone();
        crate::clock::Clock::new(move || clock.now())
    }

    pub(super) fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    /// A client without retries.
    pub(super) fn client(&self) -> Client {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(
                aws_sdk_secretsmanager::config::Credentials::for_tests(),
            ))
            .sleep_impl(TokioSleep::new())
            .retry_config(aws_sdk_secretsmanager::config::retry::RetryConfig::disabled())
            .http_client(self.http_client());
        Client::from_conf(config.build())
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// How long the answer takes, and what it is.
    fn answer(&self, stage: &str) -> (Duration, u16, Value) {
        let versions = self.versions.lock().unwrap();
        let (delay, fault, value) = match stage {
            "AWSCURRENT" => (
                versions.current_delay,
                versions.current_fault,
                versions.current,
            ),
            "AWSPREVIOUS" => (
                versions.previous_delay,
                versions.previous_fault,
                versions.previous,
            ),
            other => panic!("unknown stage {other}"),
        };
        let refusal = |status, code: &str| (delay, status, json!({"__type": code}));
        match (fault, value) {
            (Some(Fault::Internal), _) => refusal(500, "InternalServiceError"),
            (Some(Fault::Throttled), _) => refusal(400, "ThrottlingException"),
            (Some(Fault::Denied), _) => refusal(400, "AccessDeniedException"),
            (Some(Fault::Undecryptable), _) => refusal(400, "DecryptionFailure"),
            (None, None) => refusal(400, "ResourceNotFoundException"),
            (None, Some(value)) => {
                let since_epoch = |time: SystemTime| {
                    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH);
                    since_epoch.unwrap().as_secs_f64()
                };
                let created = versions.created.map(since_epoch);
                let answer = json!({"SecretString": value, "CreatedDate": created});
                (delay, 200, answer)
            }
        }
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let request: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (delay, status, body) = self.answer(request["VersionStage"].as_str().unwrap());
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(delay).await;
            Ok(HttpResponse::new(
                status.try_into().unwrap(),
                SdkBody::from(body.to_string()),
            ))
        })
    }
}

impl fmt::Debug for Canned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canned")
    }
}
