//! WHOOP in memory: requisitions and their versions, tokens, credentials, the rate limit, signatures.

pub(crate) mod deliveries;
mod partner_api;
mod rate_limit;
pub(crate) mod transport;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::chance::chance;
use crate::plan::Kind;
use crate::world::World;
use rate_limit::RateLimiter;

/// WHOOP.
#[derive(Default)]
pub(crate) struct Whoop {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    requisitions: Vec<Requisition>,
    limiter: RateLimiter,
    /// When each token ends.
    tokens: BTreeMap<String, Duration>,
    /// Tokens that some call was refused with.
    refused: BTreeSet<String>,
    /// Until then, even new tokens are refused.
    refuses_tokens_until: Duration,
    /// The client secrets that are accepted.
    secrets: Vec<String>,
    /// The keys that webhooks may be signed with.
    signing_keys: Vec<String>,
}

/// An order, in all its versions.
struct Requisition {
    id: String,
    kind: Kind,
    versions: Vec<Version>,
}

struct Version {
    at: Duration,
    /// The task business statuses of its service requests.
    statuses: Vec<Option<String>>,
}

impl Whoop {
    /// Creates a requisition. Returns its number and its id.
    pub(crate) fn create(&self, world: &World, kind: Kind) -> (usize, String) {
        let mut state = self.state();
        let number = state.requisitions.len();
        let id = format!("r{number}-{:06x}", fastrand::u32(..0x100_0000));
        let statuses = vec![None; fastrand::usize(1..4)];
        state.requisitions.push(Requisition {
            id: id.clone(),
            kind,
            versions: Vec::new(),
        });
        state.requisitions[number].add_version(world.now(), statuses);
        drop(state);
        crate::note!(world, "WHOOP", "creates requisition {number} ({kind:?})");
        let path = format!("/v2/partner/requisition/{id}");
        let key = BASE64.encode(Sha256::digest(path));
        world.published_table.tell(key, number);
        (number, id)
    }

    /// Changes a requisition.
    pub(crate) fn update(&self, world: &World, number: usize) {
        let mut state = self.state();
        let requisition = &mut state.requisitions[number];
        let statuses = requisition.newest().statuses.clone();
        requisition.add_version(world.now(), statuses);
        let version = requisition.versions.len();
        drop(state);
        crate::note!(
            world,
            "WHOOP",
            "changes requisition {number}: version {version}"
        );
    }

    /// Returns number and kind of the requisition with this id.
    pub(crate) fn requisition(&self, id: &str) -> Option<(usize, Kind)> {
        let state = self.state();
        let number = state
            .requisitions
            .iter()
            .position(|requisition| requisition.id == id)?;
        Some((number, state.requisitions[number].kind))
    }

    /// Returns the version of a requisition that has this date, in nanoseconds.
    pub(crate) fn version_of(&self, number: usize, date: i128) -> Option<usize> {
        let state = self.state();
        let versions = &state.requisitions[number].versions;
        let millis = |version: &Version| World::unix_time(version.at).as_millis() as i128;
        let index = versions
            .iter()
            .position(|version| millis(version) * 1_000_000 == date)?;
        Some(index + 1)
    }

    /// Whether all service requests of a requisition have a status.
    pub(crate) fn is_confirmed(&self, number: usize) -> bool {
        let state = self.state();
        state.requisitions[number]
            .newest()
            .statuses
            .iter()
            .all(Option::is_some)
    }

    /// Whether a call was ever refused with this token.
    pub(crate) fn has_refused(&self, token: &str) -> bool {
        self.state().refused.contains(token)
    }

    /// Ends all tokens, and for a while also those that are still to come.
    pub(crate) fn revoke_tokens(&self, world: &World, and_for: Duration) {
        crate::note!(
            world,
            "WHOOP",
            "ends all tokens, and those of the next {} s",
            and_for.as_secs()
        );
        let mut state = self.state();
        state.tokens.clear();
        state.refuses_tokens_until = world.now() + and_for;
    }

    /// Accepts these client secrets from now on.
    pub(crate) fn accept_secrets(&self, secrets: &[&str]) {
        self.state().secrets = secrets.iter().map(ToString::to_string).collect();
    }

    /// Signs webhooks with any of these keys from now on.
    pub(crate) fn sign_with(&self, keys: &[&str]) {
        self.state().signing_keys = keys.iter().map(ToString::to_string).collect();
    }

    /// Draws one of the keys for a webhook.
    fn signing_key(&self) -> String {
        let state = self.state();
        state.signing_keys[fastrand::usize(..state.signing_keys.len())].clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requisition {
    fn newest(&self) -> &Version {
        self.versions.last().expect("it is created with a version")
    }

    /// Each version has a time of its own.
    fn add_version(&mut self, now: Duration, statuses: Vec<Option<String>>) {
        let previous = self.versions.last().map(|version| version.at);
        let at = previous.map_or(now, |at| now.max(at + Duration::from_millis(1)));
        self.versions.push(Version { at, statuses });
    }

    /// Returns the number of the version that a reader sees who is so far behind.
    fn seen(&self, world: &World) -> Option<usize> {
        let lag = if !world.is_calm() && chance(0.5) {
            crate::chance::between(Duration::ZERO, world.plan.max_lag)
        } else {
            Duration::ZERO
        };
        let at = world.now().checked_sub(lag)?;
        self.versions.iter().rposition(|version| version.at <= at)
    }

    /// Returns a version as JSON. Its number is a field that our code does not know.
    fn json(&self, version: usize) -> Value {
        let Version { at, statuses } = &self.versions[version];
        let requests = statuses.iter().enumerate().map(|(index, status)| {
            let mut request = json!({
                "id": format!("{}-{index}", self.id),
                "status": "active",
                "intent": "order",
                "code": "ferritin",
            });
            if let Some(status) = status {
                request["task_business_status"] = json!(status);
            }
            request
        });
        json!({
            "id": self.id,
            "created_at": timestamp(self.versions[0].at),
            "updated_at": timestamp(*at),
            "patient": {"id": "p"},
            "service_requests": requests.collect::<Vec<_>>(),
            "version": version + 1,
        })
    }
}

fn timestamp(at: Duration) -> String {
    let millis = World::unix_time(at).as_millis() as i64;
    let time = Timestamp::from_millisecond(millis).expect("a run is far from the end of time");
    format!("{time:.3}")
}
