//! The routine of a healthy stack in simulated hours, and what a trial adds to it. Times are seconds since a midnight.
//!
//! The functions' lines are recorded ones. What AWS measures itself is made up as AWS does it: Lambda and the gateway count
//! zeros too, and a queue that nobody uses has no values.

use std::ops::Range;

use ::alarms::Metrics;

use super::access_log::AccessLog;
use super::line::Line;
use super::recording::Recording;

pub const MINUTE: u64 = 60;
pub const HOUR: u64 = 60 * MINUTE;

/// The midnight, in Unix seconds.
pub const MIDNIGHT: u64 = 20_000 * 24 * HOUR;

/// When WHOOP's customers order.
pub const DAYTIME: Range<u64> = 7 * HOUR..20 * HOUR;

pub const VISIBLE: &str = "ApproximateNumberOfMessagesVisible";
pub const HIDDEN: &str = "ApproximateNumberOfMessagesNotVisible";
pub const AGE: &str = "ApproximateAgeOfOldestMessage";

/// What a healthy stack does again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routine {
    Heartbeats,
    Orders,
    Refreshes,
}

/// The metrics of some simulated hours.
pub struct Simulation<'r> {
    recording: &'r Recording,
    access_log: AccessLog,
    /// When alarms are watched. Before that, the metrics get a past.
    pub watched: Range<u64>,
    pub metrics: Metrics,
}

impl<'r> Simulation<'r> {
    /// A healthy stack during `span`, except that a routine is lacking at some times.
    pub fn healthy(
        recording: &'r Recording,
        stack: &::alarms::Stack,
        span: Range<u64>,
        lacking: &[(Routine, Range<u64>)],
    ) -> Self {
        let mut simulation = Self::without_anything(recording, stack, span.clone());
        let happens = |routine, at: u64| {
            let lacks = |(lacking, times): &(Routine, Range<u64>)| {
                *lacking == routine && times.contains(&at)
            };
            !lacking.iter().any(lacks)
        };
        // the same jitter in every run
        let mut random = fastrand::Rng::with_seed(1);
        for tick in span.clone().step_by(300) {
            let at = tick + 20 + random.u64(0..=40);
            if happens(Routine::Heartbeats, at) {
                simulation.heartbeat(at);
            }
            if happens(Routine::Refreshes, tick) {
                simulation.refresh(tick + random.u64(0..5), Line::TokenRefreshed);
            }
        }
        for at in span.clone().step_by(420) {
            let at = at + random.u64(0..200);
            if DAYTIME.contains(&(at % (24 * HOUR))) && happens(Routine::Orders, at) {
                simulation.order(at);
            }
        }
        for at in span.clone().step_by(1740) {
            simulation.webhook(at + random.u64(0..900), Line::Scanned, 401);
            simulation.gateway(at + random.u64(0..900), 404, 3.0);
        }
        for at in span.step_by(60) {
            for metric in [VISIBLE, HIDDEN, AGE] {
                simulation.queue(at, "WebhookQueue", metric, 0.0);
            }
        }
        simulation
    }

    /// A stack for which nothing is measured.
    pub fn without_anything(
        recording: &'r Recording,
        stack: &::alarms::Stack,
        span: Range<u64>,
    ) -> Self {
        Self {
            recording,
            access_log: AccessLog::of(stack, &recording.template),
            watched: span.start + HOUR..span.end,
            metrics: Metrics::new(),
        }
    }

    /// A heartbeat arrives.
    pub fn heartbeat(&mut self, at: u64) {
        self.invoked(at, "HeartbeatFunction", false);
        self.webhook(at, Line::HeartbeatAccepted, 204);
        self.processor(at + 1, Line::HeartbeatArrived);
    }

    /// WHOOP sends an order, which is published.
    pub fn order(&mut self, at: u64) {
        self.webhook(at, Line::Accepted, 204);
        self.processor(at + 2, Line::Published);
    }

    /// The webhook function answers a request.
    pub fn webhook(&mut self, at: u64, line: Line, status: u16) {
        self.line(at, line);
        self.invoked(at, "WebhookFunction", false);
        self.gateway(at, status, 40.0);
    }

    /// The event processor has a message.
    pub fn processor(&mut self, at: u64, line: Line) {
        self.line(at, line);
        self.invoked(at, "EventProcessorFunction", false);
    }

    /// token-refresh runs.
    pub fn refresh(&mut self, at: u64, line: Line) {
        self.line(at, line);
        self.invoked(at, "TokenRefreshFunction", line != Line::TokenRefreshed);
    }

    /// A function writes a recorded line.
    pub fn line(&mut self, at: u64, line: Line) {
        self.written(at, self.recording.line(line));
    }

    /// A function writes this line.
    pub fn written(&mut self, at: u64, line: &str) {
        let ingested = self.metrics.ingest_emf_at(line, MIDNIGHT + at);
        ingested.expect("CloudWatch takes the line");
    }

    /// The gateway answers a request after so many milliseconds.
    pub fn gateway(&mut self, at: u64, status: u16, latency: f64) {
        let time = MIDNIGHT + at;
        self.access_log.answered(&mut self.metrics, time, status);
        let api = [("ApiId", "Api")];
        let error = if status >= 500 { 1.0 } else { 0.0 };
        for (metric, value) in [("5xx", error), ("Latency", latency)] {
            self.metrics
                .put("AWS/ApiGateway", metric, &api, time, value);
        }
    }

    /// Lambda runs a function.
    pub fn invoked(&mut self, at: u64, function: &str, fails: bool) {
        self.lambda(at, function, "Errors", if fails { 1.0 } else { 0.0 });
        self.lambda(at, function, "Throttles", 0.0);
    }

    /// Lambda counts something.
    pub fn lambda(&mut self, at: u64, function: &str, metric: &str, value: f64) {
        let function = [("FunctionName", function)];
        let time = MIDNIGHT + at;
        self.metrics
            .put("AWS/Lambda", metric, &function, time, value);
    }

    /// SQS measures a queue.
    pub fn queue(&mut self, at: u64, queue: &str, metric: &str, value: f64) {
        let name = format!("{queue}.QueueName");
        let queue = [("QueueName", name.as_str())];
        self.metrics
            .put("AWS/SQS", metric, &queue, MIDNIGHT + at, value);
    }

    /// SQS measures the same each minute.
    pub fn queue_during(&mut self, times: Range<u64>, queue: &str, metric: &str, value: f64) {
        for at in times.step_by(60) {
            self.queue(at, queue, metric, value);
        }
    }
}
