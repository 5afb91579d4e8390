//! A partner of the simulated WHOOP: its client, its token table and its clock.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_smithy_async::test_util::ManualTimeSource;
use aws_smithy_async::time::TimeSource;
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use serde_json::json;
use tokio::time::Instant;
use whoop_partner::clock::Clock;
use whoop_partner::credentials::PartnerCredentials;
use whoop_partner::partner::{LabRequisition, LabRequisitionId, PartnerClient, ServiceRequestId};
use whoop_partner::secrets::PartnerCredentialsCache;
use whoop_simulator::{AppointmentType, Call, RateLimit, Simulator, SimulatorConfig};

use crate::token_table::TokenTable;

pub const TOKEN: &str = "/v2/partner/token";
pub const REQUISITION: &str = "/v2/partner/requisition";
pub const SERVICE_REQUEST: &str = "/v2/partner/service-request";
pub const DOCUMENT: &str = "/v2/partner/document";
pub const ADD_TEST_DATA: &str = "/v2/partner/development/add-test-data";

/// When the partner's clock starts.
pub const START: u64 = 1_800_000_000;

pub struct Lab {
    pub whoop: Simulator,
    pub table: TokenTable,
    /// The client's clock. It stands still until a test advances it; waits are real.
    pub clock: ManualTimeSource,
    pub client: PartnerClient,
}

impl Lab {
    pub async fn new() -> Self {
        let whoop = Simulator::start(SimulatorConfig::default())
            .await
            .expect("a port is free");
        let (table, clock) = (TokenTable::new(), clock());
        let client = client(&whoop, &table, clock.clone());
        Self {
            whoop,
            table,
            clock,
            client,
        }
    }

    /// The client's clock, as the library takes it.
    pub fn clock(&self) -> Clock {
        let clock = self.clock.clone();
        Clock::new(move || clock.now())
    }

    /// The client of another process that shares the table.
    pub fn another_client(&self) -> PartnerClient {
        client(&self.whoop, &self.table, self.clock.clone())
    }

    /// An order at WHOOP, made without a call of the client.
    pub fn order(&self) -> LabRequisitionId {
        let id = self.whoop.add_test_data(AppointmentType::Mobile);
        id.parse().expect("it is an identifier")
    }

    /// A fetched order and its first service request.
    pub async fn fetched_order(&self) -> (LabRequisition, ServiceRequestId) {
        let id = self.order();
        let order = self.client.get_requisition(&id).await.expect("the order");
        let service_request = order.service_requests[0].id.clone();
        (order, service_request)
    }

    /// The statuses that calls below `path` were answered with.
    pub fn statuses(&self, path: &str) -> Vec<Option<u16>> {
        let calls = self.whoop.calls_to(path);
        calls.iter().map(|call| call.status).collect()
    }

    pub fn last_call(&self) -> Call {
        self.whoop.calls().pop().expect("a call")
    }

    #[track_caller]
    pub fn assert_calls(&self, path: &str, expected: usize) {
        let calls = self.whoop.calls_to(path).len();
        assert_eq!(calls, expected, "calls of {path}");
    }
}

pub fn in_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

pub fn many_calls() -> Vec<RateLimit> {
    vec![RateLimit::new(100_000, 60)]
}

pub fn credentials() -> PartnerCredentials {
    let config = SimulatorConfig::default();
    PartnerCredentials {
        client_id: config.client_id,
        client_secret: config.client_secret.into(),
    }
}

pub fn builder(whoop: &Simulator) -> whoop_partner::partner::PartnerClientBuilder {
    let base_url = whoop.base_url().parse().expect("it is on loopback");
    PartnerClient::builder(base_url, credentials())
}

fn clock() -> ManualTimeSource {
    ManualTimeSource::new(SystemTime::UNIX_EPOCH + Duration::from_secs(START))
}

fn client(whoop: &Simulator, table: &TokenTable, clock: ManualTimeSource) -> PartnerClient {
    let clock = Clock::new(move || clock.now());
    builder(whoop)
        .token_storage(table.store().with_clock(clock.clone()))
        .clock(clock)
        .build()
        .expect("the roots are compiled in")
}

/// A secret that returns these credentials, one pair for each read.
pub fn secret(versions: &[(&str, &str)]) -> PartnerCredentialsCache {
    let mut rule = mock!(Client::get_secret_value).sequence();
    for (client_id, client_secret) in versions {
        let json = json!({"client_id": client_id, "client_secret": client_secret}).to_string();
        rule = rule.output(move || {
            GetSecretValueOutput::builder()
                .secret_string(json.clone())
                .build()
        });
    }
    let rule = rule.build();
    let client = mock_client!(aws_sdk_secretsmanager, RuleMode::Sequential, [&rule]);
    PartnerCredentialsCache::new(client, "credentials".into())
}
