//! AWS in memory, behind the HTTP clients of the AWS SDK.

pub(crate) mod bus;
pub(crate) mod published_table;
pub(crate) mod secrets;
pub(crate) mod sqs;
pub(crate) mod token_table;

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use whoop_partner::aws::AwsHttpClients;

use crate::network::{self, Broken, Fault};
use crate::process::Process;
use crate::weather::Service;
use crate::world::World;

/// Status and body of an answer.
pub(crate) type Answer = (u16, Value);

/// Makes the HTTP clients of a process.
pub(crate) fn http_clients(world: &Arc<World>, process: &Arc<Process>) -> AwsHttpClients {
    let connector = SharedHttpConnector::new(Connector {
        world: world.clone(),
        process: process.clone(),
    });
    let client: SharedHttpClient =
        SharedHttpClient::new(http_client_fn(move |_, _| connector.clone()));
    AwsHttpClients {
        usual: client.clone(),
        unpooled: client,
    }
}

struct Connector {
    world: Arc<World>,
    process: Arc<Process>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (world, process) = (self.world.clone(), self.process.clone());
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
            let service = match target.split('.').next().unwrap_or_default() {
                "DynamoDB_20120810" => Service::DynamoDb,
                "secretsmanager" => Service::SecretsManager,
                "AWSEvents" => Service::EventBridge,
                // also the request without a target that only opens a connection
                _ => Service::Sqs,
            };
            let body = request.body().bytes().unwrap_or_default();
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            let caller = process.clone();
            let perform = move |world: &Arc<World>| match service {
                Service::DynamoDb => dynamodb(world, &process, &operation, &body),
                Service::SecretsManager => world.secrets.get(world, &body),
                Service::EventBridge => bus::put_events(world, &process, &body),
                _ => sqs::perform(world, &process, &operation, &body),
            };
            let fail = move |fault| refusal(service, fault);
            let call = network::call(&world, &caller, service, perform, fail);
            match call.await {
                Ok((status, body)) => Ok(response(status, &body)),
                Err(Broken) => Err(ConnectorError::io("the connection broke".into())),
            }
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

fn response(status: u16, body: &Value) -> HttpResponse {
    let status = status.try_into().expect("we make only HTTP statuses");
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.0");
    response
}

/// How a service says that it can't.
fn refusal(service: Service, fault: Fault) -> Answer {
    match (fault, service) {
        (Fault::Internal, _) => (
            500,
            json!({"__type": "InternalServerError", "message": "-"}),
        ),
        (Fault::Throttled, Service::DynamoDb) => (
            400,
            json!({"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}),
        ),
        (Fault::Throttled, _) => (
            400,
            json!({"__type": "ThrottlingException", "message": "-"}),
        ),
    }
}

fn dynamodb(world: &Arc<World>, process: &Process, operation: &str, request: &Value) -> Answer {
    match request["TableName"].as_str() {
        Some(token_table::NAME) => token_table::perform(world, process, operation, request),
        Some(published_table::NAME) => published_table::perform(world, process, operation, request),
        other => panic!("no such table: {other:?}"),
    }
}
