//! Secrets Manager with canned answers, for the tests of this module.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueOutput,
};
use aws_sdk_secretsmanager::primitives::DateTime;
use aws_sdk_secretsmanager::types::error::{InternalServiceError, ResourceNotFoundException};
use aws_smithy_async::test_util::ManualTimeSource;
use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};

/// When the tests' clock starts; the current version is created then.
pub(super) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

/// A secret as the test sets it; `None` means that there is no such version.
#[derive(Default)]
pub(super) struct Versions {
    pub(super) current: Option<&'static str>,
    pub(super) previous: Option<&'static str>,
    pub(super) created: Option<SystemTime>,
    /// The stages that can't be read.
    pub(super) failing: &'static [&'static str],
}

pub(super) struct Canned {
    pub(super) versions: Arc<Mutex<Versions>>,
    pub(super) clock: ManualTimeSource,
    rule: Rule,
}

impl Canned {
    pub(super) fn new(versions: Versions) -> Self {
        let versions = Arc::new(Mutex::new(versions));
        let served = versions.clone();
        let rule = mock!(Client::get_secret_value).then_compute_response(move |request| {
            let versions = served.lock().unwrap();
            if versions
                .failing
                .iter()
                .any(|stage| request.version_stage() == Some(stage))
            {
                return MockResponse::Error(GetSecretValueError::InternalServiceError(
                    InternalServiceError::builder().build(),
                ));
            }
            let value = match request.version_stage() {
                Some("AWSCURRENT") => versions.current,
                Some("AWSPREVIOUS") => versions.previous,
                other => panic!("unknown stage {other:?}"),
            };
            match value {
                Some(value) => MockResponse::Output(
                    GetSecretValueOutput::builder()
                        .secret_string(value)
                        .set_created_date(versions.created.map(DateTime::from))
                        .build(),
                ),
                None => MockResponse::Error(GetSecretValueError::ResourceNotFoundException(
                    ResourceNotFoundException::builder().build(),
                )),
            }
        });
        Self {
            versions,
            clock: ManualTimeSource::new(start()),
            rule,
        }
    }

    pub(super) fn client(&self) -> Client {
        mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&self.rule])
    }

    pub(super) fn calls(&self) -> usize {
        self.rule.num_calls()
    }
}
