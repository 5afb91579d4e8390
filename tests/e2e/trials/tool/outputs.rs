//! `whoop-partner outputs`.

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::world::World;
use serde_json::json;

use super::Tool;
use crate::harness::{Harness, Outcome, trials};

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_operated_stack;
        outputs_are_printed_as_a_table_as_json_and_for_a_shell,
        a_stack_that_is_not_there_is_named,
    ]
}

async fn outputs_are_printed_as_a_table_as_json_and_for_a_shell(world: &World) -> Outcome {
    let tool = Tool::on(world);
    let outputs = world.stack.outputs();
    assert_eq!(tool.json(&["outputs"]).await?, json!(outputs));
    let table = tool.run(&["outputs"]).await?.stdout;
    let exports = tool.run(&["outputs", "--export"]).await?.stdout;
    for (name, value) in outputs {
        let row = table.lines().find(|line| line.contains(name.as_str()));
        assert!(row.is_some_and(|row| row.contains(value)), "{name}");
        let export = format!("export {name}='{value}'\n");
        assert!(exports.contains(&export), "{exports}");
    }
    Ok(())
}

async fn a_stack_that_is_not_there_is_named(world: &World) -> Outcome {
    let said = Tool::on(world)
        .run(&["outputs", "--stack", "nowhere"])
        .await?;
    assert_eq!(said.status, 1, "{said:?}");
    assert!(
        said.stderr.contains("there is no stack nowhere"),
        "{said:?}"
    );
    assert!(said.stderr.contains("give --stack"), "{said:?}");
    Ok(())
}
