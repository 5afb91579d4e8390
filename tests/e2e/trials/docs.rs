//! The commands of the documentation, run word for word. A page is a trial; its sections are run one by one, each in a new shell
//! in which the stack's outputs are variables, as the pages say.
//!
//! The stack has the name that the pages use, so it is on a local AWS of its own.

mod shell;
mod stage;

use std::sync::Arc;

use ::docs::Page;
use libtest_mimic::Trial;
use local_aws::world::World;

use self::shell::Shell;
use self::stage::Stage;
use crate::harness::{Harness, Outcome};

/// What every section may rely on: <../../../docs/configuration.md#outputs>.
const OUTPUTS: &str = r#"eval "$(whoop-partner outputs --export)""#;

/// One trial for each page with commands that are run.
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
        harness.on_documented_stack(name, async move |world| run(world, &page).await)
    });
    trials.collect()
}

async fn run(world: &World, page: &Page) -> Outcome {
    for (section, blocks) in page.sections() {
        let mut shell = Shell::start(&world.aws)?;
        shell.run_text(&page.path, OUTPUTS, "").await?;
        let mut stage = Stage::new(world, &page.path, section);
        stage.set(&shell).await?;
        for (number, block) in blocks.into_iter().enumerate() {
            let input = stage.before(number, &shell).await?;
            let printed = shell.run(&page.path, block, &input).await?;
            let seen = stage.after(number, &shell, &printed).await;
            seen.map_err(|error| {
                let error = error.message().unwrap_or_default();
                format!("{}:{}: {error}\n--- it printed\n{printed}", page.path, block.line)
            })?;
        }
        stage.clear().await?;
    }
    Ok(())
}
