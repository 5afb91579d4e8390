//! What becomes of each call: latency, loss, faults, and outages of a whole service.

use std::fmt;
use std::time::Duration;

use crate::chance::{between, chance};

/// What our functions call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Sqs,
    DynamoDb,
    SecretsManager,
    EventBridge,
    Whoop,
}

impl Service {
    pub(crate) const ALL: [Self; 5] = [
        Self::Sqs,
        Self::DynamoDb,
        Self::SecretsManager,
        Self::EventBridge,
        Self::Whoop,
    ];
}

/// How a service fails during an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symptom {
    /// It answers with status 500 or 503.
    Fails,
    /// It asks for fewer calls.
    Throttles,
    /// It never answers, and nothing happens.
    Hangs,
    /// It never answers, but does what it is asked.
    HangsAfterwards,
    /// Connections break.
    Breaks,
    /// It takes seconds.
    Slow,
}

impl Symptom {
    pub(crate) fn draw() -> Self {
        match fastrand::u8(..6) {
            0 => Self::Fails,
            1 => Self::Throttles,
            2 => Self::Hangs,
            3 => Self::HangsAfterwards,
            4 => Self::Breaks,
            _ => Self::Slow,
        }
    }
}

/// A service that fails for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    pub(crate) service: Service,
    pub(crate) symptom: Symptom,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    /// The part of the calls that it affects.
    pub(crate) share: f64,
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fate {
    /// How long the request takes to the service.
    pub(crate) there: Duration,
    /// How long the answer takes back.
    pub(crate) back: Duration,
    /// Whether the service does what it is asked.
    pub(crate) takes_effect: bool,
    pub(crate) end: End,
}

/// What the caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The service's answer.
    Answer,
    /// A fault of the service.
    Fault,
    /// "Too many calls."
    Throttled,
    /// A broken connection.
    Broken,
    /// Nothing, for ever.
    Silence,
}

impl Fate {
    /// Nothing goes wrong.
    pub(crate) fn good() -> Self {
        Self {
            there: between(Duration::from_millis(2), Duration::from_millis(40)),
            back: between(Duration::from_millis(1), Duration::from_millis(20)),
            takes_effect: true,
            end: End::Answer,
        }
    }

    /// Something goes wrong with one of so many calls.
    pub(crate) fn mixed(fault_rate: f64) -> Self {
        let good = Self::good();
        if !chance(fault_rate) {
            return good;
        }
        match fastrand::u8(..8) {
            0 => Self::of(Symptom::Fails),
            1 => Self::of(Symptom::Throttles),
            2 => Self::of(Symptom::Hangs),
            3 => Self::of(Symptom::HangsAfterwards),
            4 => Self::of(Symptom::Breaks),
            // the effect, and then a fault or a broken connection
            5 => Self {
                end: End::Fault,
                ..good
            },
            6 => Self {
                end: End::Broken,
                ..good
            },
            _ => Self::of(Symptom::Slow),
        }
    }

    /// As in an outage.
    pub(crate) fn of(symptom: Symptom) -> Self {
        let good = Self::good();
        let without_effect = |end| Self {
            takes_effect: false,
            end,
            ..good
        };
        match symptom {
            Symptom::Fails => without_effect(End::Fault),
            Symptom::Throttles => without_effect(End::Throttled),
            Symptom::Hangs => without_effect(End::Silence),
            Symptom::Breaks => without_effect(End::Broken),
            Symptom::HangsAfterwards => Self {
                end: End::Silence,
                ..good
            },
            // shorter than the time limit of any attempt that may have an effect after it
            Symptom::Slow => Self {
                there: between(Duration::from_millis(50), Duration::from_millis(1300)),
                back: between(Duration::from_millis(50), Duration::from_millis(4000)),
                ..good
            },
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqs => "SQS",
            Self::DynamoDb => "DynamoDB",
            Self::SecretsManager => "Secrets Manager",
            Self::EventBridge => "EventBridge",
            Self::Whoop => "WHOOP",
        })
    }
}
