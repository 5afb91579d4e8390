//! What the released functions do when they are killed, frozen and flooded, while their secret is rotated, and under load. Each
//! trial returns figures, most of them with a bound. `docs/reliability.md` explains them.

mod backlog;
mod figure;
mod floods;
mod freezes;
mod kills;
mod load;
mod order;
mod process;
pub mod report;
mod rotation;
mod simulation;
mod size;

use anyhow::Result;
use local_aws::world::World;

pub use figure::{Bound, Figure};
pub use size::Size;

/// A trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Trial {
    /// The webhook is killed at moments all over a request.
    KillsOfTheWebhook,
    /// The webhook is frozen between two deliveries.
    Freezes,
    /// Forged deliveries by the thousand, beside good ones.
    Floods,
    /// The signing secret is rotated under traffic.
    Rotation,
    /// The event processor is killed before and after each call that an order takes, and at moments between.
    KillsOfTheProcessor,
    /// Deliveries through the whole stack, while WHOOP fails now and then.
    Load,
    /// Many orders under WHOOP's rate limit.
    Backlog,
    /// The functions under simulated time, with faults that follow from a seed.
    Simulation,
}

impl Trial {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 8] = [
        Self::KillsOfTheWebhook,
        Self::Freezes,
        Self::Floods,
        Self::Rotation,
        Self::KillsOfTheProcessor,
        Self::Load,
        Self::Backlog,
        Self::Simulation,
    ];

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::KillsOfTheWebhook => "Kills of the webhook",
            Self::KillsOfTheProcessor => "Kills of the event processor",
            Self::Freezes => "Freezes",
            Self::Floods => "Floods",
            Self::Rotation => "Rotation under traffic",
            Self::Load => "Load with a proof",
            Self::Backlog => "A backlog under a rate limit",
            Self::Simulation => "Years in minutes",
        }
    }

    /// Whether it runs on a stack with the event processor. Those that look into the queue need one without.
    #[must_use]
    pub fn needs_the_event_processor(self) -> bool {
        match self {
            Self::KillsOfTheWebhook | Self::Freezes | Self::Floods | Self::Rotation => false,
            Self::KillsOfTheProcessor | Self::Load | Self::Backlog | Self::Simulation => true,
        }
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// If it can't be carried out. A bound that does not hold is no error here.
    pub async fn run(self, world: &World, size: &Size) -> Result<Vec<Figure>> {
        match self {
            Self::KillsOfTheWebhook => kills::webhook::run(world, size.kills).await,
            Self::KillsOfTheProcessor => kills::processor::run(world, size).await,
            Self::Freezes => freezes::run(world, &size.freezes).await,
            Self::Floods => floods::run(world, &size.floods).await,
            Self::Rotation => rotation::run(world, size.rotation).await,
            Self::Load => load::run(world, size.load).await,
            Self::Backlog => backlog::run(world, size.backlog).await,
            Self::Simulation => simulation::run(size.seeds).await,
        }
    }
}
