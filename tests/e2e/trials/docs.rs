//! The commands of the documentation, run word for word. A page is a trial; its sections are run one by one, each in a new shell
//! in which the stack's outputs are variables, as the pages say.
//!
//! The stack has the name that the pages use, so it is on a local AWS of its own. Two trials have one more each: the page that
//! begins with nothing, and the section that takes a stack down.

mod examples;
mod shell;
mod stage;

use std::sync::Arc;

use ::docs::{Block, Page};
use libtest_mimic::{Failed, Trial};
use local_aws::LocalAws;
use local_aws::stack::Stack;
use local_aws::steps::Steps;
use local_aws::world::World;
use whoop_simulator::{Simulator, SimulatorConfig};

use self::shell::Shell;
use self::stage::Stage;
use crate::harness::{Harness, Outcome};

/// What every section may rely on: <../../../docs/configuration.md#outputs>.
const OUTPUTS: &str = r#"eval "$(whoop-partner outputs --export)""#;

/// The page that begins with nothing.
const ONBOARDING: &str = "docs/onboarding.md";

/// The section that takes a stack down.
const TAKE_DOWN: (&str, &str) = ("docs/deploy.md", "take-a-stack-down");

/// The client ID in the pages.
pub const CLIENT_ID: &str = "your-client-id";

/// One trial for each page with commands that are run, and those of the examples of consumers.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let pages = match Page::all() {
        Ok(pages) => pages,
        Err(error) => {
            let failure = format!("the pages can't be read: {error}");
            return vec![Trial::test("docs", || Err(failure.into()))];
        }
    };
    let pages = pages.into_iter().filter(|page| !page.sections().is_empty());
    let trials = pages.map(|page| {
        let name = format!("docs::{}", page.path);
        if page.path == ONBOARDING {
            return harness.beside_without_stack(name, async move || {
                run(&without_secrets().await?, &page, |_| true).await
            });
        }
        harness.on_documented_stack(name, async move |world| {
            run(world, &page, |section| {
                (page.path.as_str(), section) != TAKE_DOWN
            })
            .await
        })
    });
    let mut trials: Vec<Trial> = trials.collect();
    let name = format!("docs::{}::{}", TAKE_DOWN.0, TAKE_DOWN.1);
    trials.push(harness.beside_without_stack(name, async || {
        let world = World::set_up("TRACE", &Steps::silent()).await?;
        let page = Page::read(TAKE_DOWN.0)?;
        run(&world, &page, |section| section == TAKE_DOWN.1).await
    }));
    trials.extend(examples::trials(harness));
    trials
}

/// Runs the sections of a page that are `wanted`.
async fn run(world: &World, page: &Page, wanted: impl Fn(&str) -> bool) -> Outcome {
    for (section, blocks) in page.sections() {
        if wanted(section) {
            run_section(world, page, section, &blocks).await?;
        }
    }
    Ok(())
}

async fn run_section(world: &World, page: &Page, section: &str, blocks: &[&Block]) -> Outcome {
    let mut shell = Shell::start(&world.aws)?;
    shell.run_text(&page.path, OUTPUTS, "").await?;
    let mut stage = Stage::new(world, page, section);
    stage.set(&mut shell).await?;
    for (number, block) in blocks.iter().enumerate() {
        let input = stage.before(number).await?;
        let printed = tokio::select! {
            printed = shell.run(&page.path, block, &input) => printed?,
            never = stage.meanwhile(number) => match never {},
        };
        let seen = stage.after(number, &printed).await;
        seen.map_err(|error| {
            let error = error.message().unwrap_or_default();
            format!(
                "{}:{}: {error}\n--- it printed\n{printed}",
                page.path, block.line
            )
        })?;
    }
    stage.clear().await
}

/// A stack as `make deploy` leaves it: without secrets.
async fn without_secrets() -> Result<World, Failed> {
    let simulator = Simulator::start(SimulatorConfig {
        client_id: CLIENT_ID.into(),
        ..SimulatorConfig::default()
    })
    .await?;
    let aws = Arc::new(LocalAws::start().await?);
    let base_url = simulator.base_url();
    let parameters = [
        ("Local", "true"),
        ("PartnerApiBaseUrl", &base_url),
        ("LogLevel", "TRACE"),
    ];
    let stack = Stack::deploy(&aws, "whoop-partner", &parameters).await?;
    simulator.set_webhook_url(stack.output("WebhookUrl"));
    let SimulatorConfig {
        client_id: _,
        client_secret,
        signing_secret,
        ..
    } = SimulatorConfig::default();
    Ok(World {
        stack,
        simulator,
        aws,
        signing_secret,
        client_id: CLIENT_ID.into(),
        client_secret,
    })
}
