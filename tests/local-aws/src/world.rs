//! Everything that the deployed functions need: WHOOP, an AWS account, and the stack in it with its secrets.

use std::io;
use std::sync::Arc;

use uuid::Uuid;
use whoop_simulator::{Simulator, SimulatorConfig};

use crate::ministack::{LocalAws, LocalAwsError};
use crate::stack::{Stack, StackError};
use crate::steps::Steps;

/// Name of the stack in the demo.
const STACK_NAME: &str = "whoop-partner";

/// Everything that runs. Dropping it ends all of it.
pub struct World {
    /// The deployed stack.
    pub stack: Stack,
    /// WHOOP, as the deployed functions see it.
    pub simulator: Simulator,
    /// The local AWS that the stack is deployed on. Other stacks may share it.
    pub aws: Arc<LocalAws>,
    /// The key that webhooks are signed with.
    pub signing_secret: String,
    /// The client ID that WHOOP accepts.
    pub client_id: String,
    /// The client secret that WHOOP accepts.
    pub client_secret: String,
}

/// Why the world could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The local AWS did not start.
    #[error(transparent)]
    LocalAws(#[from] LocalAwsError),
    /// The WHOOP simulator did not start.
    #[error("the WHOOP simulator could not be started: {0}")]
    Simulator(#[from] io::Error),
    /// The stack was not deployed, or its secrets were not stored.
    #[error(transparent)]
    Stack(#[from] StackError),
}

impl World {
    /// Starts the local AWS and WHOOP, deploys what `make build` has built, and stores new secrets.
    ///
    /// `log_level` is the functions' log level, such as `INFO` or `TRACE`.
    ///
    /// # Errors
    ///
    /// If one of the two does not start, or the stack can't be deployed.
    pub async fn set_up(log_level: &str, steps: &Steps) -> Result<Self, WorldError> {
        let aws = steps
            .run(
                "Starting the local AWS",
                "the local AWS runs",
                LocalAws::start(),
            )
            .await?;
        let parameters = [("LogLevel", log_level)];
        Self::set_up_on(Arc::new(aws), STACK_NAME, &parameters, steps).await
    }

    /// Does the same on a local AWS that runs already, as the stack `stack_name`, with these parameters of the
    /// template.
    ///
    /// # Errors
    ///
    /// If WHOOP does not start, or the stack can't be deployed.
    pub async fn set_up_on(
        aws: Arc<LocalAws>,
        stack_name: &str,
        parameters: &[(&str, &str)],
        steps: &Steps,
    ) -> Result<Self, WorldError> {
        let signing_secret = random("signing-secret");
        let client_id = random("client-id");
        let client_secret = random("client-secret");
        let simulator = Simulator::start(SimulatorConfig {
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            signing_secret: signing_secret.clone(),
            ..SimulatorConfig::default()
        })
        .await?;
        steps.done("the WHOOP simulator runs");

        let partner_api = simulator.base_url();
        let own = [("Local", "true"), ("PartnerApiBaseUrl", &partner_api)];
        let parameters = [&own, parameters].concat();
        let stack = steps
            .run(
                "Deploying the stack with sam deploy",
                "the stack is deployed",
                Stack::deploy(&aws, stack_name, &parameters),
            )
            .await?;
        stack.put_signing_secret(&signing_secret).await?;
        stack
            .put_partner_credentials(&client_id, &client_secret)
            .await?;
        simulator.set_webhook_url(stack.output("WebhookUrl"));
        steps.done("signing secret and client credentials are in Secrets Manager");
        Ok(Self {
            stack,
            simulator,
            aws,
            signing_secret,
            client_id,
            client_secret,
        })
    }
}

/// A unique value that says what it is.
fn random(kind: &str) -> String {
    format!("{kind}-{}", Uuid::new_v4().simple())
}
