//! Trials that use the recording. The first of them makes it.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use local_aws::world::World;
use tokio::sync::OnceCell;

use super::recording::Recording;
use crate::harness::{Harness, Outcome};

/// Makes trials, and the one recording for them on their stack.
pub struct Recorded {
    harness: Arc<Harness>,
    /// The recording, or the reason why there is none.
    shared: Arc<OnceCell<Result<Recording, String>>>,
}

impl Recorded {
    pub fn on(harness: &Arc<Harness>) -> Self {
        Self {
            harness: Arc::clone(harness),
            shared: Arc::default(),
        }
    }

    /// A trial that needs the recording and the stack.
    pub fn on_stack<F>(&self, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce(&World, &Recording) -> Outcome + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let test = async move |world: &World| {
            let recording = shared.get_or_init(async || {
                let recording = Recording::make(world).await;
                recording.map_err(|error| error.message().unwrap_or_default().to_owned())
            });
            match recording.await {
                Ok(recording) => test(world, recording).await,
                Err(error) => Err(Failed::from(format!("nothing was recorded: {error}"))),
            }
        };
        self.harness.on_second_whole_stack(name, test)
    }

    /// A trial that needs nothing but the recording.
    pub fn simulated<F>(&self, name: String, test: F) -> Trial
    where
        F: FnOnce(&Recording) -> Outcome + Send + 'static,
    {
        self.on_stack(name, async move |_, recording| test(recording))
    }
}
