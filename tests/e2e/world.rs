//! What the trials share: the local AWS, and the stack deployed on it with its secrets put in.

use std::error::Error;

use e2e::local_aws::LocalAws;
use e2e::stack::Stack;
use uuid::Uuid;

/// Everything a trial can use. Dropping it ends all of it.
pub struct World {
    /// The deployed stack.
    pub stack: Stack,
    /// The key that webhooks are signed with.
    pub signing_secret: String,
    /// The local AWS that the stack is deployed on.
    pub aws: LocalAws,
}

impl World {
    /// Starts the local AWS, deploys what `make build` has built, and puts the secrets in.
    ///
    /// The functions log at TRACE, so that the search for leaks sees all they could ever say.
    pub async fn set_up() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let aws = LocalAws::start().await?;
        let parameters = [("Local", "true"), ("LogLevel", "TRACE")];
        let stack = Stack::deploy(&aws, "whoop-partner-e2e", &parameters).await?;
        let signing_secret = format!("whsec_{}", Uuid::new_v4().simple());
        stack.put_signing_secret(&signing_secret).await?;
        Ok(Self {
            stack,
            signing_secret,
            aws,
        })
    }
}
