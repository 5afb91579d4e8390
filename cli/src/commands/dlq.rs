//! `dlq`: the webhook's dead-letter queue.

mod letter;
mod list;
pub(super) mod queue;
mod redrive;
mod show;
pub(super) mod walk;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::error::ToolError;
use crate::report::Output;
use crate::session::Session;
use queue::Queue;

/// Look into the webhook's dead-letter queue, and send its messages back to be processed
#[derive(Debug, Subcommand)]
pub(crate) enum Dlq {
    List(list::List),
    Show(show::Show),
    Redrive(redrive::Redrive),
}

/// Which queue a command works on.
#[derive(Debug, Args)]
struct Source {
    /// Another queue to take the messages from, such as one that a deleted stack has left
    #[arg(long, value_name = "QUEUE_URL", value_parser = queue_url)]
    from: Option<String>,
}

impl Dlq {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        match self {
            Self::List(list) => list.run(session, output).await,
            Self::Show(show) => show.run(session, output).await,
            Self::Redrive(redrive) => redrive.run(session, output).await,
        }
    }
}

impl Source {
    async fn queue(self, session: &Session) -> Result<Queue, ToolError> {
        let url = match self.from {
            Some(url) => url,
            None => session
                .stack()
                .await?
                .output("WebhookDeadLetterQueueUrl")?
                .to_owned(),
        };
        Ok(Queue::new(session.config(), url))
    }
}

fn queue_url(text: &str) -> Result<String, String> {
    match reqwest::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.path().len() > 1 => {
            Ok(text.into())
        }
        _ => Err("write the URL of a queue, https://…".into()),
    }
}
