//! The rules of the bus. Without a rule that has a target, nobody gets an order.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{Rule, RuleState};
use futures_util::future::try_join_all;

use crate::commands::events::TAIL;
use crate::error::ToolError;
use crate::finding::Finding;
use crate::session::Session;

/// Where the docs say how a rule is made.
const MAKE_A_RULE: &str = "docs/events.md#make-a-rule";

/// Checks that at least one rule is enabled and has a target.
pub(super) async fn rules(session: &Session) -> Result<Finding, ToolError> {
    let stack = session.stack().await?;
    if !stack.has_event_processor() {
        return Ok(Finding::skipped("the stack has no event processor"));
    }
    let bus = stack.output("EventBusName")?;
    let client = Client::new(session.config());
    let rules = rules_of(&client, bus).await?;
    let enabled = rules.iter().filter(|rule| is_enabled(rule));
    let targets = try_join_all(enabled.map(|rule| has_target(&client, bus, rule))).await?;
    let in_use = targets.iter().filter(|has_target| **has_target).count();
    Ok(judge(bus, &rules, targets.len(), in_use))
}

/// The rules that people made. EventBridge itself makes one for the archive, and `events tail` makes one for its time.
async fn rules_of(client: &Client, bus: &str) -> Result<Vec<Rule>, ToolError> {
    let mut rules = Vec::new();
    let mut next = None;
    loop {
        let page = client.list_rules().event_bus_name(bus);
        let page = page.set_next_token(next).send().await;
        let page = page.map_err(ToolError::aws("ListRules"))?;
        rules.extend(page.rules.unwrap_or_default());
        next = page.next_token;
        if next.is_none() {
            rules.retain(|rule| {
                let name = rule.name().unwrap_or_default();
                rule.managed_by().is_none_or(str::is_empty) && !name.starts_with(TAIL)
            });
            return Ok(rules);
        }
    }
}

async fn has_target(client: &Client, bus: &str, rule: &Rule) -> Result<bool, ToolError> {
    let targets = client
        .list_targets_by_rule()
        .event_bus_name(bus)
        .rule(rule.name().unwrap_or_default())
        .send()
        .await
        .map_err(ToolError::aws("ListTargetsByRule"))?;
    Ok(!targets.targets().is_empty())
}

fn is_enabled(rule: &Rule) -> bool {
    rule.state() != Some(&RuleState::Disabled)
}

/// Judges the rules of people, of which so many are enabled, and so many of these have a target.
fn judge(bus: &str, rules: &[Rule], enabled: usize, in_use: usize) -> Finding {
    let first = rules.first().and_then(Rule::name).unwrap_or_default();
    match (rules.len(), enabled, in_use) {
        (0, ..) => Finding::bad("there is none, so nobody gets an order", MAKE_A_RULE),
        (_, 0, _) => Finding::bad(
            "none is enabled, so nobody gets an order",
            format!("aws events enable-rule --event-bus-name {bus} --name {first}"),
        ),
        (_, _, 0) => Finding::bad(
            format!("{enabled} enabled, but without a target, so nobody gets an order"),
            format!(
                "aws events put-targets --event-bus-name {bus} --rule {first} --targets …: {MAKE_A_RULE}"
            ),
        ),
        (all, enabled, in_use) => Finding::good(format!(
            "{all}, of which {enabled} enabled, {in_use} with a target"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn a_rule_counts_if_it_is_enabled_and_has_a_target() {
        let rule = Rule::builder().name("orders").build();
        let rules = [rule.clone(), rule];
        assert_eq!(judge("bus", &[], 0, 0).mark, Mark::Bad);
        let disabled = judge("bus", &rules, 0, 0).remedy.unwrap();
        assert_eq!(
            disabled,
            "aws events enable-rule --event-bus-name bus --name orders"
        );
        let idle = judge("bus", &rules, 2, 0);
        assert_eq!(idle.mark, Mark::Bad);
        assert!(idle.remedy.unwrap().contains("--rule orders"));
        assert_eq!(judge("bus", &rules, 2, 1).mark, Mark::Good);
    }
}
