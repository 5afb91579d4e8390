//! What the functions called is what the package `iam` says that their code needs. This comes after the other trials, so that
//! it sees what all of them have caused.

use std::collections::BTreeMap;
use std::sync::Arc;

use iam::needs::{Caller, NEEDS};
use libtest_mimic::Trial;
use local_aws::world::World;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_all_stacks;
        functions_call_only_what_their_roles_need,
    ]
}

async fn functions_call_only_what_their_roles_need(worlds: [&World; 5]) -> Outcome {
    let [_, whole, ..] = worlds;
    // at least this call must be found, whatever other trials run
    let body = json!({"event_type": "planted", "resource_id": Uuid::new_v4()}).to_string();
    let answer = whole.stack.deliver(body, &whole.signing_secret).await?;
    assert_eq!(answer.status, 204);

    // by the last part of a name or ARN
    let mut ids = BTreeMap::new();
    for world in worlds {
        let cloudformation = world.stack.cloudformation();
        for resource in cloudformation.resources(&world.stack.name).await? {
            ids.insert(tail(&resource.physical_id).to_owned(), resource.logical_id);
        }
    }
    let mut complaints = Vec::new();
    let mut listed = Vec::new();
    // trials also make functions call what they may not: that is refused, and no right that a role has too many
    for call in whole.aws.role_calls()?.iter().filter(|call| call.allowed) {
        // other trials have deleted stacks of their own
        let Some(role) = ids.get(&call.role) else {
            continue;
        };
        let name = tail(&call.resource);
        // the ARN of a secret ends with a hyphen and six characters that are not part of its name
        let without_end = name.rsplit_once('-').map_or(name, |(start, _)| start);
        let resource = ids.get(name).or_else(|| ids.get(without_end));
        let resource = resource.map_or(call.resource.as_str(), String::as_str);
        let found = (role.as_str(), call.action.as_str(), resource);
        let is_needed = NEEDS.iter().any(|&(role, action, resource, caller)| {
            caller == Caller::Code && (role, action, resource) == found
        });
        if is_needed {
            listed.push(call.clone());
        } else {
            complaints.push(format!("{found:?}"));
        }
    }
    println!("{} different calls of roles are needed", listed.len());
    assert!(
        listed.iter().any(|call| call.action == "sqs:SendMessage"),
        "the planted call is not recorded: {listed:?}"
    );
    assert!(
        complaints.is_empty(),
        "calls that were allowed and are not in the list of needs:\n{}",
        complaints.join("\n")
    );
    Ok(())
}

/// What follows the last `:` or `/`.
fn tail(name: &str) -> &str {
    name.rsplit([':', '/']).next().unwrap_or_default()
}
