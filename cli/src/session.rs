//! The AWS account and the stack that a command works on.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use tokio::sync::OnceCell;
use whoop_partner::partner::PartnerClient;
use whoop_partner::secrets::{AwsHttpClients, PartnerCredentialsCache};
use whoop_partner::token_store::TokenStore;

use crate::arguments::Global;
use crate::error::ToolError;
use crate::stack::Stack;

/// How long connecting to an AWS service may take, including the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one call of an AWS service may take, including all attempts.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The AWS account, with the name of the stack.
pub(crate) struct Session {
    config: SdkConfig,
    stack_name: String,
    stack: OnceCell<Stack>,
}

impl Session {
    /// Finds region and credentials where the AWS CLI finds them. It makes no call of the stack's services yet.
    pub async fn begin(global: &Global) -> Result<Self, ToolError> {
        let http = AwsHttpClients::from_env()
            .map_err(|error| ToolError::Failed(error.to_string()))?
            .usual;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .timeout_config(timeouts);
        if let Some(profile) = &global.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &global.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = loader.load().await;
        if config.region().is_none() {
            return Err(ToolError::Remediable {
                message: "no AWS region is set".into(),
                remedy: "give --region, or set the variable AWS_REGION".into(),
            });
        }
        Ok(Self {
            config,
            stack_name: global.stack.clone(),
            stack: OnceCell::new(),
        })
    }

    /// The stack, which CloudFormation describes at the first call.
    ///
    /// # Errors
    ///
    /// If there is no such stack, or CloudFormation does not answer.
    pub async fn stack(&self) -> Result<&Stack, ToolError> {
        self.stack
            .get_or_try_init(|| Stack::describe(&self.config, &self.stack_name))
            .await
    }

    /// The name of the stack, which need not exist.
    pub fn stack_name(&self) -> &str {
        &self.stack_name
    }

    /// The configuration of the AWS services' clients.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// A client of WHOOP's Partner API. It uses the token of the stack's table, and renews it there as the functions do.
    ///
    /// # Errors
    ///
    /// If the stack can't be described, or its parameter `PartnerApiBaseUrl` is malformed.
    pub async fn partner_client(&self) -> Result<PartnerClient, ToolError> {
        let stack = self.stack().await?;
        let base_url = stack.partner_api_base_url()?;
        let credentials = PartnerCredentialsCache::new(
            aws_sdk_secretsmanager::Client::new(&self.config),
            stack.output("PartnerCredentialsSecretArn")?.into(),
        );
        PartnerClient::builder(base_url, credentials)
            .token_storage(self.token_store().await?)
            .build()
            .map_err(|error| ToolError::Failed(error.to_string()))
    }

    /// The stack's token table.
    ///
    /// # Errors
    ///
    /// If the stack can't be described.
    pub async fn token_store(&self) -> Result<TokenStore, ToolError> {
        let table = self.stack().await?.output("TokenTableName")?.to_owned();
        let dynamodb = aws_sdk_dynamodb::Client::new(&self.config);
        Ok(TokenStore::new(dynamodb, table))
    }
}
