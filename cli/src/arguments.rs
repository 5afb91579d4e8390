//! The command line.

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    completions, dlq, doctor, document, events, logs, man, outputs, requisition, results, secret,
    service_request, status, test_data, token, webhook,
};

/// Looks into a deployed stack of the WHOOP partner functions, and does what has to be done by hand.
///
/// It finds the stack's queues, tables, secrets and functions by the outputs of its CloudFormation stack. Credentials come from
/// where the AWS CLI takes them: environment variables, profiles, IAM Identity Center, the metadata of the machine.
#[derive(Debug, Parser)]
#[command(name = "whoop-partner", version, propagate_version = true)]
#[command(after_help = "Exit status: 0 if all is well, 1 if not, 2 for wrong use.")]
pub struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The name of the CloudFormation stack
    #[arg(long, global = true, value_name = "NAME", env = "WHOOP_PARTNER_STACK")]
    #[arg(default_value = "whoop-partner", help_heading = "Global options")]
    pub stack: String,
    /// The profile in AWS's configuration files
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help_heading = "Global options"
    )]
    pub profile: Option<String>,
    /// The AWS region
    #[arg(
        long,
        global = true,
        value_name = "REGION",
        help_heading = "Global options"
    )]
    pub region: Option<String>,
    /// Print JSON instead of tables and sentences
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Doctor(doctor::Doctor),
    Status(status::StatusCommand),
    Webhook(webhook::Webhook),
    Secret(secret::Secret),
    Token(token::Token),
    /// Show a lab requisition of WHOOP, or confirm it
    #[command(subcommand)]
    Requisition(requisition::Requisition),
    /// Show a service request, one lab test of a requisition, or set its status
    #[command(subcommand)]
    ServiceRequest(service_request::ServiceRequest),
    /// Submit the results of a service request to WHOOP
    #[command(subcommand)]
    Results(results::Results),
    /// Show or download a document of WHOOP
    #[command(subcommand)]
    Document(document::Document),
    /// Have WHOOP create test data
    #[command(subcommand)]
    TestData(test_data::TestData),
    #[command(subcommand)]
    Dlq(dlq::Dlq),
    #[command(subcommand)]
    Events(events::Events),
    Logs(logs::Logs),
    Outputs(outputs::Outputs),
    Completions(completions::Completions),
    Man(man::Man),
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::*;

    /// The tool, its commands, and the commands below them, each with its whole name.
    fn commands() -> Vec<(String, Command)> {
        let mut tool = Arguments::command();
        tool.build();
        let mut commands = Vec::new();
        let mut unread = vec![(String::new(), tool)];
        while let Some((parent, command)) = unread.pop() {
            let name = format!("{parent} {}", command.get_name());
            let below = command.get_subcommands();
            let below = below.filter(|command| command.get_name() != "help");
            unread.extend(below.map(|command| (name.clone(), command.clone())));
            commands.push((name, command));
        }
        commands
    }

    #[test]
    fn clap_finds_no_mistake() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_without_a_full_stop() {
        for (name, command) in commands() {
            let about = command.get_about().map(ToString::to_string);
            let about = about.expect(&name);
            assert!(!about.is_empty(), "{name}");
            let is_tool = command.get_name() == "whoop-partner";
            assert!(is_tool || !about.ends_with('.'), "{name}: {about}");
        }
    }

    #[test]
    fn every_argument_says_what_it_means_without_a_full_stop() {
        for (name, command) in commands() {
            for argument in command.get_arguments() {
                let id = argument.get_id();
                let help = argument.get_help().map(ToString::to_string);
                let help = help.unwrap_or_else(|| panic!("{name}: {id}"));
                assert!(!help.ends_with('.'), "{name}: {id}: {help}");
            }
        }
    }

    #[test]
    fn the_help_of_every_command_mentions_all_its_options() {
        for (name, mut command) in commands() {
            let help = command.render_long_help().to_string();
            for option in command.get_opts().filter(|option| !option.is_hide_set()) {
                let long = option.get_long().expect("an option has a long name");
                assert!(help.contains(&format!("--{long}")), "{name}: --{long}");
            }
        }
    }

    #[test]
    fn no_option_takes_a_secret_as_its_value() {
        // others can see it in the list of processes, and it stays in the shell's history
        for (name, command) in commands() {
            for option in command.get_opts() {
                let long = option.get_long().unwrap_or_default();
                let takes_value = option.get_action().takes_values();
                let is_secret = ["secret", "token", "password"]
                    .iter()
                    .any(|word| long.contains(word));
                assert!(!(takes_value && is_secret), "{name}: --{long}");
            }
        }
    }
}
