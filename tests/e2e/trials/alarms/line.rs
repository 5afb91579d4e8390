//! The lines with which functions tell their decisions.

use std::collections::BTreeSet;

use serde_json::Value;
use whoop_partner::lambda::metrics::Metric;

/// A decision of a function, which its line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    Accepted,
    AcceptedByPreviousKey,
    Forged,
    Scanned,
    KeysUnavailable,
    QueueUnavailable,
    HeartbeatAccepted,
    Published,
    AlreadyPublished,
    Returned,
    /// The message is a minute younger than six hours.
    ReturnedYounger,
    /// The message is a minute older than six hours.
    ReturnedOlder,
    SetAside,
    HeartbeatArrived,
    HeartbeatDropped,
    TokenRefreshed,
    /// The stored token is valid for twenty more minutes.
    RefreshFailedEarly,
    /// The stored token is valid for ten more minutes.
    RefreshFailed,
    RefreshFailedWithoutToken,
}

impl Line {
    /// The output that names the function, what the line says, and its metrics. What WHOOP says about its rate limit may come
    /// on top.
    pub fn expected(self) -> (&'static str, &'static str, &'static [Metric]) {
        use Metric::*;
        const WEBHOOK: &str = "WebhookFunctionName";
        const PROCESSOR: &str = "EventProcessorFunctionName";
        const REFRESH: &str = "TokenRefreshFunctionName";
        match self {
            Self::Accepted => (WEBHOOK, "webhook queued", &[Accepted, Latency]),
            Self::AcceptedByPreviousKey => {
                let metrics = &[Accepted, Latency, AcceptedByPreviousKey];
                (WEBHOOK, "webhook queued", metrics)
            }
            Self::HeartbeatAccepted => (WEBHOOK, "webhook queued", &[HeartbeatAccepted]),
            Self::Forged => {
                let metrics = &[RefusedSignature, Latency, Accepted];
                (WEBHOOK, "webhook refused", metrics)
            }
            Self::Scanned => (WEBHOOK, "webhook refused", &[RefusedOther, Latency]),
            Self::KeysUnavailable | Self::QueueUnavailable => {
                let metrics = &[KeysUnavailable, Latency, QueueUnavailable];
                (WEBHOOK, "webhook refused", metrics)
            }
            Self::Published => {
                let metrics = &[Published, AlreadyPublished, OrderSeconds];
                (PROCESSOR, "message processed", metrics)
            }
            Self::AlreadyPublished => {
                let metrics = &[Published, AlreadyPublished];
                (PROCESSOR, "message processed", metrics)
            }
            Self::Returned | Self::ReturnedYounger | Self::ReturnedOlder => {
                let metrics = &[Returned, ReturnedAgeSeconds, Published, AlreadyPublished];
                (PROCESSOR, "message goes back", metrics)
            }
            Self::SetAside => (PROCESSOR, "message set aside", &[SetAside]),
            Self::HeartbeatArrived => (PROCESSOR, "heartbeat arrived", &[HeartbeatSeconds]),
            Self::HeartbeatDropped => (PROCESSOR, "heartbeat dropped", &[]),
            Self::TokenRefreshed => (REFRESH, "refresh done", &[TokenSecondsLeft]),
            Self::RefreshFailedEarly | Self::RefreshFailed | Self::RefreshFailedWithoutToken => {
                (REFRESH, "refresh failed", &[TokenSecondsLeft])
            }
        }
    }
}

/// Whether a line of our own says this.
pub fn says(line: &str, message: &str) -> bool {
    line.contains(message)
        && serde_json::from_str::<Value>(line).is_ok_and(|line| line["message"] == message)
}

/// The names of the metrics in a line.
pub fn metric_names(line: &str) -> BTreeSet<String> {
    let line: Value = serde_json::from_str(line).unwrap_or_default();
    let directives = line["_aws"]["CloudWatchMetrics"].as_array();
    let metrics = directives
        .into_iter()
        .flatten()
        .filter_map(|directive| directive["Metrics"].as_array());
    let names = metrics
        .flatten()
        .filter_map(|metric| metric["Name"].as_str());
    names.map(str::to_owned).collect()
}
