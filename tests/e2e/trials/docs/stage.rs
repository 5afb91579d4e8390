//! What a section of a page needs to be true, and what must be true after it: a fault that its commands repair, what a reader
//! types in, what WHOOP does meanwhile.

mod consumers;
mod faults;
mod orders;
mod secrets;
mod take_down;

use std::convert::Infallible;
use std::time::Duration;

use docs::Page;
use libtest_mimic::Failed;
use local_aws::stack::{Stack, Subscription};
use local_aws::world::World;
use serde_json::json;
use whoop_simulator::{AppointmentType, Simulator, SimulatorConfig};

use self::orders::id_in;
use super::CLIENT_ID;
use super::shell::Shell;
use crate::harness::{Outcome, soon};

/// The stage of one section.
pub struct Stage<'w> {
    world: &'w World,
    page: &'w Page,
    section: &'w str,
    /// A queue behind the bus, if the section needs one.
    events: Option<Subscription>,
    /// The order that the section is about.
    order: String,
    /// The stack that takes the place of the one that was taken down.
    next_stack: Option<Stack>,
    simulator: Option<Simulator>,
    files: Vec<Box<dyn Send>>,
    shell_folder: std::path::PathBuf,
}

impl<'w> Stage<'w> {
    pub fn new(world: &'w World, page: &'w Page, section: &'w str) -> Self {
        Self {
            world,
            page,
            section,
            events: None,
            order: String::new(),
            next_stack: None,
            simulator: None,
            files: Vec::new(),
            shell_folder: Default::default(),
        }
    }

    fn place(&self) -> (&str, &str) {
        let path = self.page.path.as_str();
        let name = path.strip_prefix("docs/").unwrap_or(path);
        (name, self.section)
    }

    /// Puts in the fault that the section is about, and what else it takes for granted.
    pub async fn set(&mut self, shell: &mut Shell) -> Outcome {
        self.shell_folder = shell.folder().to_owned();
        match self.place() {
            ("consumers.md", "a-rule-a-queue-and-a-dead-letter-queue") => {
                self.deploy_consumer(shell).await?;
            }
            ("deploy.md", "deploy") | ("README.md", "use-it") => {
                self.be_in_use().await?;
                self.use_client_id_of_the_pages().await?;
            }
            ("deploy.md", "take-a-stack-down") => self.leave_something_in_both_queues().await?,
            ("messages.md", "the-dead-letter-queue") | ("runbook.md", "deadletter") => {
                self.events = Some(self.world.stack.subscribe().await?);
                self.set_order_aside().await?;
            }
            ("onboarding.md", "before-you-begin") => self.write_environment_file(shell)?,
            ("outages.md", "the-key") => self.schedule_key_deletion().await?,
            ("outages.md", "why-an-outage-longer-than-whoops-retries-loses-orders") => {
                self.events = Some(self.world.stack.subscribe().await?);
            }
            ("rotation.md", "the-client-credentials") => {
                let world = self.world;
                world
                    .simulator
                    .set_credentials(CLIENT_ID, &world.client_secret);
            }
            ("runbook.md", "buslost") => {
                self.events = Some(self.world.stack.subscribe().await?);
                self.lose_event().await?;
            }
            ("runbook.md", "notconsumed") => self.world.stack.enable_event_processor(false).await?,
            ("runbook.md", "tokenexpiring") => self.world.stack.delete_token_item().await?,
            ("tests/simulator/README.md", _) => {
                let simulator = Simulator::start(SimulatorConfig::default()).await?;
                let export = format!("export WHOOP_SIMULATOR_URL='{}'", simulator.url());
                shell.run_text("the simulator", &export, "").await?;
                self.simulator = Some(simulator);
            }
            ("onboarding.md", _) => {}
            _ => self.be_in_use().await?,
        }
        Ok(())
    }

    /// What a reader gives the block to read, such as a secret.
    pub async fn before(&mut self, block: usize) -> Result<String, Failed> {
        match (self.place(), block) {
            (("deploy.md", "take-a-stack-down"), 3) => self.bring_up_again().await?,
            (("outages.md", "why-an-outage-longer-than-whoops-retries-loses-orders"), 0) => {
                self.place_order_of_the_page().await?;
            }
            (("rotation.md", "the-signing-secret"), 2) => {
                self.world.stack.put_signing_secret("a wrong value").await?;
            }
            (("runbook.md", "deadletter"), 2) => self.set_order_aside().await?,
            _ => {}
        }
        Ok(self.typed_in(block))
    }

    /// What happens while the block is run, for as long as it runs.
    pub async fn meanwhile(&self, block: usize) -> Infallible {
        let watches = match (self.place(), block) {
            (("events.md", "see-events"), 0) => true,
            // a line of the local AWS may show up only with the next invocation
            (("messages.md", "follow-one-delivery"), 0) => true,
            (("onboarding.md", "step-by-step"), block) => self.block(block).contains("events tail"),
            _ => false,
        };
        if !watches {
            return std::future::pending().await;
        }
        loop {
            self.world.simulator.add_test_data(AppointmentType::Mobile);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Checks what the block has done.
    pub async fn after(&mut self, block: usize, printed: &str) -> Outcome {
        match (self.place(), block) {
            (("consumers.md", "a-rule-a-queue-and-a-dead-letter-queue"), 2) => {
                self.consumer_saves_an_order().await
            }
            (("deploy.md", "take-a-stack-down"), 4) => self.old_webhooks_are_processed().await,
            (("messages.md", "the-dead-letter-queue") | ("runbook.md", "deadletter"), 1) => {
                self.order_is_published_and_no_letter_left().await
            }
            (("messages.md", "the-dead-letter-queue") | ("runbook.md", "deadletter"), 0) => {
                self.is_printed("not_found", printed)
            }
            (("messages.md", "follow-one-delivery"), 0) => {
                self.is_printed("webhook queued", printed)
            }
            (("runbook.md", "deadletter"), 2) => self.no_letter_is_left().await,
            (("outages.md", "the-key"), 0) | (("runbook.md", "buslost"), 1) => {
                self.key_is_enabled().await
            }
            (("outages.md", "why-an-outage-longer-than-whoops-retries-loses-orders"), 1) => {
                self.order_is_published().await
            }
            (("rotation.md", "the-signing-secret"), 0) => self.both_keys_are_accepted().await,
            (("rotation.md", "the-signing-secret"), 2) => self.new_key_is_accepted().await,
            (("runbook.md", "before-you-begin"), 3) => self.is_printed("Enabled", printed),
            (("runbook.md", "buslost"), 2) => self.order_is_published().await,
            (("runbook.md", "how-alarms-reach-you"), 0) => self.alarm_is_on_and_off_again().await,
            (("runbook.md", "noheartbeat"), 0) => self.is_printed("accepted", printed),
            (("runbook.md", "notconsumed"), 1) => self.webhooks_are_consumed_again().await,
            (("runbook.md", "tokenexpiring"), 1) => self.token_is_valid().await,
            (("tests/simulator/README.md", "your-first-test"), 1) => {
                self.is_printed("service_requests", printed)
            }
            _ => Ok(()),
        }
    }

    /// Restores what others rely on.
    pub async fn clear(self) -> Outcome {
        match self.place() {
            ("deploy.md", "deploy") | ("README.md", "use-it") => self.use_own_client_id().await?,
            ("rotation.md", _) => {
                self.use_own_client_id().await?;
                self.use_own_signing_secret().await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The text of the block of this number in the section.
    fn block(&self, number: usize) -> &str {
        let sections = self.page.sections();
        let section = sections
            .iter()
            .find(|(section, _)| *section == self.section);
        section.map_or("", |(_, blocks)| &blocks[number].text)
    }

    fn is_printed(&self, expected: &str, printed: &str) -> Outcome {
        match printed.contains(expected) {
            true => Ok(()),
            false => Err(format!("it does not print {expected}").into()),
        }
    }

    /// The stack has a token, and somebody gets its events and alarms.
    async fn be_in_use(&self) -> Outcome {
        self.world.stack.subscribe().await?;
        self.world.stack.subscribe_to_alarms().await?;
        self.have_token().await
    }

    /// Has token-refresh request a token.
    async fn have_token(&self) -> Outcome {
        let function = self.world.stack.output("TokenRefreshFunctionName");
        self.world.stack.invoke(function, &json!({})).await?;
        Ok(())
    }

    async fn token_is_valid(&self) -> Outcome {
        match self.world.stack.token_item().await? {
            Some(_) => Ok(()),
            None => Err("no token is stored".into()),
        }
    }

    async fn webhooks_are_consumed_again(&mut self) -> Outcome {
        self.events = Some(self.world.stack.subscribe().await?);
        self.order = self
            .world
            .simulator
            .add_test_data(AppointmentType::InPerson);
        self.order_is_published().await?;
        let queue = self.world.stack.output("WebhookQueueUrl");
        soon("the queue is empty", async || {
            Ok(self.world.stack.queue_depth(queue).await? == 0)
        })
        .await
    }

    fn write_environment_file(&mut self, shell: &Shell) -> Outcome {
        let folder = shell.folder().join(".local-aws");
        let file = local_aws::environment_file::EnvironmentFile::write(self.world, &folder)?;
        self.files.push(Box::new(file));
        Ok(())
    }

    async fn place_order_of_the_page(&mut self) -> Outcome {
        self.order = id_in(self.block(0))?;
        let id = self.order.clone();
        self.know_order(&id).await
    }
}
