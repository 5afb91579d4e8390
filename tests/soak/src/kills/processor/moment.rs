//! The moments at which a process is killed, counted by its own calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::released_event_processor::{Fate, Message, ReleasedEventProcessor};
use local_aws::world::World;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::CONFIRMING;
use super::recorder::Recorder;
use crate::order::Order;
use crate::process::{Signal, signal};

/// The AWS operations that an order takes, and one for a call without a name, which only opens a connection.
pub(super) const AWS_OPERATIONS: [&str; 6] = [
    "GetItem",
    "GetSecretValue",
    "PutEvents",
    "PutItem",
    "UpdateItem",
    "",
];

/// A call of WHOOP, as the proxy names it.
pub(super) const WHOOP: &str = "";

/// When a process is killed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// When it has sent its call with this number, and before the call has its effect.
    BeforeCall(usize),
    /// When the call has its effect, and before the answer.
    AfterCall(usize),
    /// This long after its start.
    After(Duration),
}

impl Moment {
    /// The call that it is after.
    pub(super) fn call(self) -> Option<usize> {
        match self {
            Self::AfterCall(call) => Some(call),
            Self::BeforeCall(_) | Self::After(_) => None,
        }
    }
}

/// What an order takes in a healthy process, from the start of the process on.
pub(super) struct Course {
    calls: usize,
    time: Duration,
}

impl Course {
    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    /// Two of three kills are about a call; the others are spread evenly over the whole time.
    pub(super) fn moment(&self, turn: usize, turns: usize) -> Moment {
        let call = turn / 3 % self.calls;
        match turn % 3 {
            0 => Moment::BeforeCall(call),
            1 => Moment::AfterCall(call),
            _ => Moment::After(self.time.mul_f64(1.1 * turn as f64 / turns as f64)),
        }
    }
}

/// Lets processes work undisturbed, and says how many calls they make and how long they take.
pub(super) async fn healthy(world: &World, recorder: &Recorder) -> Result<Course> {
    let mut course = Course {
        calls: 0,
        time: Duration::ZERO,
    };
    // the first one gets the token
    for turn in 0..4 {
        let order = Order::new(world);
        order.serve(world, 1);
        let aws = AwsProxy::start(world.aws.endpoint()).await?;
        let whoop = AwsProxy::start(&world.simulator.url()).await?;
        let trap = Trap::new(Moment::AfterCall(usize::MAX));
        trap.set(&aws, recorder, &AWS_OPERATIONS);
        trap.set(&whoop, recorder, &[WHOOP]);
        let base_url = base_url(world, &whoop);
        let changes = [
            CONFIRMING,
            ("PARTNER_API_BASE_URL", Some(base_url.as_str())),
        ];
        let began = Instant::now();
        let mut processor = ReleasedEventProcessor::start_behind(aws, world, &changes).await?;
        let fate = processor.one(&Message::new(order.webhook())).await?;
        ensure!(fate == Fate::Done, "a healthy process did not finish");
        if turn > 0 {
            course.calls = course.calls.max(trap.calls());
            course.time = course.time.max(began.elapsed());
        }
    }
    Ok(course)
}

/// The base URL of WHOOP's Partner API behind a proxy.
pub(super) fn base_url(world: &World, proxy: &AwsProxy) -> String {
    let (url, base_url) = (world.simulator.url(), world.simulator.base_url());
    base_url.replace(&url, &proxy.url())
}

/// Kills a process at one of its calls.
#[derive(Clone)]
pub(super) struct Trap(Arc<Inside>);

struct Inside {
    moment: Moment,
    calls: AtomicUsize,
    /// Zero until it is known.
    pid: AtomicU32,
    is_sprung: AtomicBool,
    sprung: Notify,
}

impl Trap {
    pub(super) fn new(moment: Moment) -> Self {
        Self(Arc::new(Inside {
            moment,
            calls: AtomicUsize::new(0),
            pid: AtomicU32::new(0),
            is_sprung: AtomicBool::new(false),
            sprung: Notify::new(),
        }))
    }

    /// Names the process.
    pub(super) fn arm(&self, pid: u32) {
        self.0.pid.store(pid, Ordering::SeqCst);
    }

    /// How many calls there have been.
    pub(super) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Waits until the process is killed.
    pub(super) async fn sprung(&self) {
        self.0.sprung.notified().await;
    }

    /// Whether the process is killed.
    pub(super) fn is_sprung(&self) -> bool {
        self.0.is_sprung.load(Ordering::SeqCst)
    }

    /// Kills the process.
    pub(super) fn spring(&self) {
        let pid = loop {
            match self.0.pid.load(Ordering::SeqCst) {
                0 => std::thread::yield_now(),
                pid => break pid,
            }
        };
        // with several calls at once it may be dead already
        let _ = signal(pid, Signal::SIGKILL);
        self.0.is_sprung.store(true, Ordering::SeqCst);
        self.0.sprung.notify_one();
    }

    /// Counts the calls of these operations that go through the proxy, and waits for its own.
    pub(super) fn set(&self, proxy: &AwsProxy, recorder: &Recorder, operations: &[&str]) {
        for operation in operations {
            let (trap, recorder) = (self.clone(), recorder.clone());
            let publishes = *operation == "PutEvents";
            let choose = Behaviour::depending(move |_| {
                let call = trap.0.calls.fetch_add(1, Ordering::SeqCst);
                let (trap, recorder) = (trap.clone(), recorder.clone());
                match trap.0.moment {
                    Moment::BeforeCall(this) if this == call => {
                        trap.spring();
                        Behaviour::Hang
                    }
                    moment => Behaviour::watch(move |json| {
                        if publishes {
                            recorder.keep(&json);
                        }
                        if moment.call() == Some(call) {
                            trap.spring();
                        }
                    }),
                }
            });
            proxy.set(operation, choose);
        }
    }
}
