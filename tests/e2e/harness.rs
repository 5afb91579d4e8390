//! Runs the trials: one local AWS with the stack deployed on it, set up when the first trial asks for it.

use std::sync::Arc;
use std::time::Duration;

use e2e::steps::Steps;
use e2e::world::World;
use libtest_mimic::{Failed, Trial};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// How long one trial may take.
const TRIAL_LIMIT: Duration = Duration::from_secs(180);

/// How many lines of the functions' output a failed trial shows.
const LINES_SHOWN: usize = 60;

/// What a trial returns; `?` turns every error that can be displayed into a failure.
pub type Outcome = Result<(), Failed>;

/// The runtime that trials run on, and the world they share.
pub struct Harness {
    runtime: Runtime,
    world: OnceCell<Result<World, String>>,
}

/// Makes one trial of each named `async fn(&World) -> Outcome`, in this order; the name of the function is the trial's.
macro_rules! trials {
    ($harness:expr; $($test:ident),+ $(,)?) => {
        vec![$($crate::harness::Harness::trial(
            $harness,
            $crate::harness::name(module_path!(), stringify!($test)),
            $test,
        )),+]
    };
}
pub(crate) use trials;

/// Makes one trial of each named `async fn() -> Outcome`, which needs no stack.
macro_rules! trials_without_stack {
    ($harness:expr; $($test:ident),+ $(,)?) => {
        vec![$($crate::harness::Harness::trial_without_stack(
            $harness,
            $crate::harness::name(module_path!(), stringify!($test)),
            $test,
        )),+]
    };
}
pub(crate) use trials_without_stack;

/// The name of a trial, `webhook::answers_204`, without the name of the test binary.
pub fn name(module_path: &str, test: &str) -> String {
    let module = module_path
        .split_once("::")
        .map_or("", |(_, module)| module);
    format!("{module}::{test}")
}

impl Harness {
    /// Starts nothing yet but the runtime.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            runtime: Runtime::new().expect("the machine has threads to spare"),
            world: OnceCell::new(),
        })
    }

    /// Makes a trial that needs the deployed stack.
    pub fn trial<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce(&World) -> Outcome + Send + 'static,
    {
        let harness = Arc::clone(self);
        Trial::test(name, move || {
            harness.runtime.block_on(async {
                let world = harness.world().await?;
                let failure = ShowOutputOnFailure::watch(world);
                let outcome = within_limit(test(world)).await;
                failure.end(&outcome);
                outcome
            })
        })
    }

    /// Makes a trial that needs no stack.
    pub fn trial_without_stack<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce() -> Outcome + Send + 'static,
    {
        let harness = Arc::clone(self);
        Trial::test(name, move || harness.runtime.block_on(within_limit(test())))
    }

    /// The world, set up at the first call. Only the first trial without one says why.
    async fn world(&self) -> Result<&World, Failed> {
        let mut first = false;
        let set_up = self.world.get_or_init(async || {
            first = true;
            // at TRACE, so that the search for leaks sees all that the functions could ever say
            let world = World::set_up("TRACE", &Steps::silent()).await;
            world.map_err(|error| error.to_string())
        });
        match set_up.await {
            Ok(world) => Ok(world),
            Err(error) if first => Err(error.into()),
            Err(_) => Err("the stack was not deployed, as an earlier failure says".into()),
        }
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        // whatever ends in the world may need the runtime it was started on
        let _runtime = self.runtime.enter();
        self.world.take();
    }
}

async fn within_limit(test: impl Future<Output = Outcome>) -> Outcome {
    tokio::time::timeout(TRIAL_LIMIT, test)
        .await
        .unwrap_or_else(|_| Err(format!("not done after {} s", TRIAL_LIMIT.as_secs()).into()))
}

/// Prints what the functions printed during a trial if it fails, by an error or a panic.
struct ShowOutputOnFailure<'w> {
    world: &'w World,
    lines_before: usize,
    failed: bool,
}

impl<'w> ShowOutputOnFailure<'w> {
    fn watch(world: &'w World) -> Self {
        Self {
            world,
            lines_before: world.aws.function_output().map_or(0, |lines| lines.len()),
            // until `end` says otherwise: a panic never gets there
            failed: true,
        }
    }

    fn end(mut self, outcome: &Outcome) {
        self.failed = outcome.is_err();
    }
}

impl Drop for ShowOutputOnFailure<'_> {
    fn drop(&mut self) {
        if !self.failed {
            return;
        }
        let lines = self.world.aws.function_output().unwrap_or_default();
        let meanwhile = &lines[self.lines_before.min(lines.len())..];
        let hidden = meanwhile.len().saturating_sub(LINES_SHOWN);
        eprintln!("\n  meanwhile the functions printed ({hidden} earlier lines left out)");
        for line in &meanwhile[hidden..] {
            eprintln!("  {}: {}", line.function, line.line);
        }
    }
}
