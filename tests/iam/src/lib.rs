//! Least privilege: which requests the policies of `template.yaml` allow, decided by an evaluator of IAM policies.
//!
//! A role, a service or a stranger makes every action of every service concerned on every resource of the stack, and on its
//! look-alikes: of another name, region or account. What is allowed must be exactly what [`needs`] and [`admissions`] list. [`mutants`] then
//! changes the policies one by one, and each change must be noticed.
//!
//! The evaluator is MiniStack's, which the local AWS uses too. It takes part in one process, `decide.py`. The list of
//! actions is that of cfn-lint, with every operation of AWS's SDK added.
//!
//! What this does not show:
//!
//! - It assumes that the policy of a resource elsewhere admits the role. A policy of the stack alone has to deny such a request.
//! - Encryption contexts are tried against the key's policy only. The roles' statements leave them open: the service chooses
//!   the context, and the role reaches the service only through its own resources.
//! - A request carries only the condition keys that a policy here asks for. Tags, times, addresses, organizations, boundaries and
//!   session policies do not occur here, and the evaluator models only some of them.
//! - Grants: DynamoDB makes one when a table is created, with the rights of whoever deploys.
//! - The evaluator matches `log-group:NAME:*` against a log stream for every action on logs. AWS takes the group itself for some.
//! - `RedriveAllowPolicy` of a queue, and the throttling of the API, are not IAM. The package `template` proves them.

pub mod admissions;
pub mod code;
pub mod contexts;
pub mod evaluator;
pub mod mutants;
pub mod needs;
pub mod policies;
pub mod requests;
pub mod stack;
