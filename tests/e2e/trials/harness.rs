//! Runs the trials on one local AWS with four stacks side by side. Each stack is deployed when the first trial needs it. The stack of
//! the documentation is on a local AWS of its own, because it has the name that the pages use.
//!
//! One stack has no event processor, so that trials find in the queue what the webhook put there. The others are whole: one
//! for trials of the deployed event processor, one for trials that hand messages to its binary and for those of the alarms, and
//! one for trials of the tool.
//!
//! Many trials run alone, because the webhook's answers are timed. Trials of the token refresh and of the event processor run
//! beside each other, on different stacks.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use local_aws::LocalAws;
use local_aws::steps::Steps;
use local_aws::world::World;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, MutexGuard, OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How long one trial may take.
const TRIAL_LIMIT: Duration = Duration::from_secs(180);

/// How long a quick step, or a back-off after a first failure, may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How many lines of the functions' output a failed trial shows.
const LINES_SHOWN: usize = 60;

/// The result of a trial; `?` turns every error that can be displayed into a failure.
pub type Outcome = Result<(), Failed>;

/// Something that is set up once, or the reason why that failed.
type Shared<T> = OnceCell<Result<T, String>>;

/// The runtime on which trials run, and the worlds that they share.
pub struct Harness {
    runtime: Runtime,
    aws: Shared<Arc<LocalAws>>,
    without_processor: Shared<World>,
    whole: Shared<World>,
    by_hand: Shared<World>,
    operated: Shared<World>,
    second_operated: Shared<World>,
    documented: Shared<World>,
    /// Held while a stack is deployed: two `sam deploy` at once would both make the bucket that they share.
    deployment: Mutex<()>,
    /// Held while a trial joins the queues of the locks below, so that trials join them in their order. Otherwise they would
    /// race when a trial that runs alone lets them go, and a long one could come last.
    order: Mutex<()>,
    /// Written by a trial that runs alone, read by one that others may run beside.
    all: RwLock<()>,
    beside_on_webhook_stack: Mutex<()>,
    beside_on_whole_stack: Mutex<()>,
    beside_by_hand: Mutex<()>,
    beside_operated: Mutex<()>,
    beside_second_operated: Mutex<()>,
    beside_documented: Mutex<()>,
}

/// What may run at the same time as a trial.
#[derive(Clone, Copy)]
enum Company {
    /// Nothing.
    None,
    /// Trials that do not use the stack without the event processor.
    NotOnWebhookStack,
    /// Trials that do not use the whole stack.
    NotOnWholeStack,
    /// Trials that do not use the second whole stack.
    NotOnSecondWholeStack,
    /// Trials that do not use the stack that the tool works on.
    NotOnOperatedStack,
    /// Trials that do not use the second stack that the tool works on.
    NotOnSecondOperatedStack,
    /// Trials that do not use the stack of the documentation.
    NotOnDocumentedStack,
    /// Every trial that does not run alone.
    All,
}

/// Held while a trial runs.
enum Turn<'h> {
    Alone {
        _all: RwLockWriteGuard<'h, ()>,
    },
    Beside {
        _all: RwLockReadGuard<'h, ()>,
        _stack: Option<MutexGuard<'h, ()>>,
    },
}

/// Makes one trial of each named `async fn`, in this order. The trial is named after the module and the function.
///
/// The method of [`Harness`] says where the trials run, and so what the functions take, as in
/// `trials![harness.on_whole_stack; a, b]`.
macro_rules! trials {
    ($harness:ident.$place:ident; $($test:ident),+ $(,)?) => {
        vec![$($harness.$place($crate::harness::name(module_path!(), stringify!($test)), $test)),+]
    };
}
pub(crate) use trials;

/// The name of a trial, `webhook::answers_204`, without the name of the test binary.
pub fn name(module_path: &str, test: &str) -> String {
    let module = module_path
        .split_once("::")
        .map_or("", |(_, module)| module);
    format!("{module}::{test}")
}

impl Harness {
    /// Starts the runtime and nothing else yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            runtime: Runtime::new().expect("the machine has threads to spare"),
            aws: OnceCell::new(),
            without_processor: OnceCell::new(),
            whole: OnceCell::new(),
            by_hand: OnceCell::new(),
            operated: OnceCell::new(),
            second_operated: OnceCell::new(),
            documented: OnceCell::new(),
            deployment: Mutex::default(),
            order: Mutex::default(),
            all: RwLock::default(),
            beside_on_webhook_stack: Mutex::default(),
            beside_on_whole_stack: Mutex::default(),
            beside_by_hand: Mutex::default(),
            beside_operated: Mutex::default(),
            beside_second_operated: Mutex::default(),
            beside_documented: Mutex::default(),
        })
    }

    /// A trial on the stack without the event processor.
    pub fn on_webhook_stack<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce(&World) -> Outcome + Send + 'static,
    {
        self.webhook_stack_trial(name, Company::None, test)
    }

    /// A trial on the stack without the event processor that trials on the whole stack may run beside.
    pub fn beside_on_webhook_stack<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce(&World) -> Outcome + Send + 'static,
    {
        self.webhook_stack_trial(name, Company::NotOnWebhookStack, test)
    }

    fn webhook_stack_trial<F>(self: &Arc<Self>, name: String, company: Company, test: F) -> Trial
    where
        F: AsyncFnOnce(&World) -> Outcome + Send + 'static,
    {
        self.trial(name, company, async move |harness| {
            let world = harness.without_processor().await?;
            harness.watched(test(world)).await
        })
    }

    /// A trial on the whole stack that trials on the other one may run beside.
    pub fn on_whole_stack<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce(&World) -> Outcome + Send + 'static,
    {
        self.trial(name, Company::NotOnWholeStack, async move |harness| {
            let world = harness.whole().await?;
            harness.watched(test(world)).await
        })
    }

    /// A trial that hands messages to the event processor's binary, on a second whole stack.
    pub fn by_hand<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce(&World) -> Outcome + Send + 'static,
    {
        self.on_second_whole_stack(name, test)
    }

    /// Another trial on that stack. It has less to do than the first one.
    pub fn on_second_whole_stack<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce(&World) -> Outcome + Send + 'static,
    {
        self.trial(name, Company::NotOnSecondWholeStack, async move |harness| {
            let world = harness.world(&harness.by_hand, "by-hand", &[]).await?;
            harness.watched(test(world)).await
        })
    }

    /// A trial of the tool `whoop-partner`, on a whole stack on a local AWS of its own: metrics that other trials put there
    /// would set off the alarms of all stacks. The tool may break the stack; the trial repairs it.
    pub fn on_operated_stack<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce(&World) -> Outcome + Send + 'static,
    {
        self.trial(name, Company::NotOnOperatedStack, async move |harness| {
            let world = operated(&harness.operated).await?;
            watched_on(&world.aws, test(world)).await
        })
    }

    /// The same on a second stack, so that there is less to wait for.
    pub fn on_second_operated_stack<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce(&World) -> Outcome + Send + 'static,
    {
        self.trial(
            name,
            Company::NotOnSecondOperatedStack,
            async move |harness| {
                let world = operated(&harness.second_operated).await?;
                watched_on(&world.aws, test(world)).await
            },
        )
    }

    /// A trial of the documentation, on a whole stack with the name that it uses, on a local AWS of its own.
    pub fn on_documented_stack<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce(&World) -> Outcome + Send + 'static,
    {
        self.trial(name, Company::NotOnDocumentedStack, async move |harness| {
            let world = set_up(&harness.documented, async || {
                let world = World::set_up("TRACE", &Steps::silent()).await;
                world.map_err(|error| error.to_string())
            });
            let world = world.await?;
            watched_on(&world.aws, test(world)).await
        })
    }

    /// A trial on all stacks; the one without the event processor comes first.
    pub fn on_all_stacks<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce([&World; 5]) -> Outcome + Send + 'static,
    {
        self.trial(name, Company::None, async move |harness| {
            let worlds = [
                harness.without_processor().await?,
                harness.whole().await?,
                harness.world(&harness.by_hand, "by-hand", &[]).await?,
                operated(&harness.operated).await?,
                operated(&harness.second_operated).await?,
            ];
            harness.watched(test(worlds)).await
        })
    }

    /// A trial that deploys stacks of its own.
    pub fn on_local_aws<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce(Arc<LocalAws>) -> Outcome + Send + 'static,
    {
        self.trial(name, Company::None, async move |harness| {
            let aws = Arc::clone(harness.aws().await?);
            harness.watched(test(aws)).await
        })
    }

    /// A trial that needs no stack, or sets up everything itself.
    pub fn without_stack<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce() -> Outcome + Send + 'static,
    {
        self.trial(name, Company::None, async move |_| {
            within_limit(test()).await
        })
    }

    /// The same, for a trial that others may run beside.
    pub fn beside_without_stack<F>(self: &Arc<Self>, name: String, test: F) -> Trial
    where
        F: AsyncFnOnce() -> Outcome + Send + 'static,
    {
        self.trial(name, Company::All, async move |_| {
            within_limit(test()).await
        })
    }

    fn trial<F>(self: &Arc<Self>, name: String, company: Company, run: F) -> Trial
    where
        F: AsyncFnOnce(&Self) -> Outcome + Send + 'static,
    {
        let harness = Arc::clone(self);
        Trial::test(name, move || {
            harness.runtime.block_on(async {
                let _turn = harness.turn(company).await;
                run(&harness).await
            })
        })
    }

    /// Waits until a trial may run.
    async fn turn(&self, company: Company) -> Turn<'_> {
        let order = self.order.lock().await;
        let stack = match company {
            Company::None => {
                return Turn::Alone {
                    _all: in_queue(self.all.write(), order).await,
                };
            }
            Company::NotOnWebhookStack => Some(&self.beside_on_webhook_stack),
            Company::NotOnWholeStack => Some(&self.beside_on_whole_stack),
            Company::NotOnSecondWholeStack => Some(&self.beside_by_hand),
            Company::NotOnOperatedStack => Some(&self.beside_operated),
            Company::NotOnSecondOperatedStack => Some(&self.beside_second_operated),
            Company::NotOnDocumentedStack => Some(&self.beside_documented),
            Company::All => None,
        };
        // in this order: a trial that comes later and runs alone then waits for those that wait for their stack
        let all = self.all.read().await;
        let stack = match stack {
            Some(stack) => Some(in_queue(stack.lock(), order).await),
            None => None,
        };
        Turn::Beside {
            _stack: stack,
            _all: all,
        }
    }

    async fn without_processor(&self) -> Result<&World, Failed> {
        let parameters = [("DeployEventProcessor", "false")];
        self.world(&self.without_processor, "webhook-only", &parameters)
            .await
    }

    async fn whole(&self) -> Result<&World, Failed> {
        self.world(&self.whole, "whole", &[]).await
    }

    async fn world<'h>(
        &'h self,
        world: &'h Shared<World>,
        stack_name: &str,
        parameters: &[(&str, &str)],
    ) -> Result<&'h World, Failed> {
        let aws = self.aws().await?;
        // TRACE, so that the search for leaks sees everything that the functions could ever log
        let parameters = [&[("LogLevel", "TRACE")], parameters].concat();
        let world = set_up(world, async || {
            let _deployment = self.deployment.lock().await;
            let silent = Steps::silent();
            let world = World::set_up_on(aws.clone(), stack_name, &parameters, &silent);
            let world = world.await.map_err(|error| error.to_string())?;
            // trials count what a function does
            let stopped = world.stack.stop_schedules().await;
            stopped.map_err(|error| error.to_string())?;
            Ok(world)
        });
        world.await
    }

    async fn aws(&self) -> Result<&Arc<LocalAws>, Failed> {
        let aws = set_up(&self.aws, async || {
            let aws = LocalAws::start().await;
            aws.map(Arc::new).map_err(|error| error.to_string())
        });
        aws.await
    }

    /// Runs a trial within its time limit. If it fails, shows what the functions printed meanwhile.
    async fn watched(&self, test: impl Future<Output = Outcome>) -> Outcome {
        let Some(Ok(aws)) = self.aws.get() else {
            return Err("no local AWS runs".into());
        };
        watched_on(aws, test).await
    }
}

async fn watched_on(aws: &LocalAws, test: impl Future<Output = Outcome>) -> Outcome {
    let failure = ShowOutputOnFailure::watch(aws);
    let outcome = within_limit(test).await;
    failure.end(&outcome);
    outcome
}

/// Sets up a stack that the tool works on.
async fn operated(world: &Shared<World>) -> Result<&World, Failed> {
    let world = set_up(world, async || {
        let aws = LocalAws::start().await;
        let aws = Arc::new(aws.map_err(|error| error.to_string())?);
        let parameters = [("LogLevel", "TRACE")];
        let world = World::set_up_on(aws, "operated", &parameters, &Steps::silent()).await;
        let world = world.map_err(|error| error.to_string())?;
        let stopped = world.stack.stop_schedules().await;
        stopped.map_err(|error| error.to_string())?;
        Ok(world)
    });
    world.await
}

/// Joins the queue of a lock, lets the next trial join one, and then waits for the lock.
async fn in_queue<T>(lock: impl Future<Output = T>, order: MutexGuard<'_, ()>) -> T {
    let mut lock = pin!(lock);
    match poll_fn(|context| Poll::Ready(lock.as_mut().poll(context))).await {
        Poll::Ready(guard) => guard,
        Poll::Pending => {
            drop(order);
            lock.await
        }
    }
}

/// Returns what is shared, and sets it up at the first call. If that fails, only the first trial is told why.
async fn set_up<T>(
    shared: &Shared<T>,
    set_up: impl AsyncFnOnce() -> Result<T, String>,
) -> Result<&T, Failed> {
    let mut first = false;
    let outcome = shared.get_or_init(async || {
        first = true;
        set_up().await
    });
    match outcome.await {
        Ok(shared) => Ok(shared),
        Err(error) if first => Err(error.into()),
        Err(_) => Err("the stack was not deployed: see the first failure".into()),
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        // dropping the worlds may need the runtime on which they were started
        let _runtime = self.runtime.enter();
        self.without_processor.take();
        self.whole.take();
        self.by_hand.take();
        self.operated.take();
        self.second_operated.take();
        self.documented.take();
        self.aws.take();
    }
}

async fn within_limit(test: impl Future<Output = Outcome>) -> Outcome {
    tokio::time::timeout(TRIAL_LIMIT, test)
        .await
        .unwrap_or_else(|_| {
            Err(format!("the trial took more than {} s", TRIAL_LIMIT.as_secs()).into())
        })
}

/// Shows what the functions printed during a trial that fails, by an error or a panic.
struct ShowOutputOnFailure<'w> {
    aws: &'w LocalAws,
    lines_before: usize,
    failed: bool,
}

impl<'w> ShowOutputOnFailure<'w> {
    fn watch(aws: &'w LocalAws) -> Self {
        Self {
            aws,
            lines_before: aws.function_output().map_or(0, |lines| lines.len()),
            // `end` changes this; a panic never reaches it
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
        let lines = self.aws.function_output().unwrap_or_default();
        let meanwhile = &lines[self.lines_before.min(lines.len())..];
        let hidden = meanwhile.len().saturating_sub(LINES_SHOWN);
        eprintln!("\n  meanwhile the functions printed ({hidden} earlier lines left out)");
        for line in &meanwhile[hidden..] {
            eprintln!("  {}: {}", line.function, line.line);
        }
    }
}

/// Waits until something is true.
pub async fn until(
    what: &str,
    limit: Duration,
    is_so: impl AsyncFn() -> Result<bool, Failed>,
) -> Outcome {
    let started = Instant::now();
    while !is_so().await? {
        if started.elapsed() > limit {
            return Err(
                format!("after {} s this is still not true: {what}", limit.as_secs()).into(),
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The same, with the limit for quick steps.
pub async fn soon(what: &str, is_so: impl AsyncFn() -> Result<bool, Failed>) -> Outcome {
    until(what, PATIENCE, is_so).await
}
