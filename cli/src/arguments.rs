//! The command line.

use clap::{Args, Parser, Subcommand};

use crate::commands::document::Document;
use crate::commands::requisition::Requisition;
use crate::commands::results::Results;
use crate::commands::service_request::ServiceRequest;
use crate::commands::test_data::TestData;
use crate::commands::{completions, man};

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
    /// Print the stack's outputs, such as the URL of the webhook
    Outputs(crate::commands::outputs::Outputs),
    /// Show a lab requisition of WHOOP, or confirm it
    #[command(subcommand)]
    Requisition(Requisition),
    /// Show a service request, one lab test of a requisition, or set its status
    #[command(subcommand)]
    ServiceRequest(ServiceRequest),
    /// Submit the results of a service request to WHOOP
    #[command(subcommand)]
    Results(Results),
    /// Show or download a document of WHOOP
    #[command(subcommand)]
    Document(Document),
    /// Have WHOOP create test data
    #[command(subcommand)]
    TestData(TestData),
    /// Print a script that completes commands in your shell
    Completions(completions::Completions),
    /// Write the manual pages
    Man(man::Man),
}
