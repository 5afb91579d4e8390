//! WHOOP's answers to the calls that our functions make.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Whoop;
use super::rate_limit::Told;
use crate::chance::chance;
use crate::plan::Kind;
use crate::world::World;

/// A call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: String,
    /// The path below `/v2/partner/`.
    pub(super) path: String,
    pub(super) token: Option<String>,
    pub(super) body: Value,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) told: Option<Told>,
    /// Whether the headers say `told`.
    pub(super) has_headers: bool,
}

impl Answer {
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            body,
            told: None,
            has_headers: true,
        }
    }
}

impl Whoop {
    /// Answers a call.
    pub(super) fn answer(&self, world: &Arc<World>, call: &Call) -> Answer {
        // other programs of the same partner
        let others = if !world.is_calm() && chance(0.03) {
            fastrand::u32(1..30)
        } else {
            0
        };
        let counted = self
            .state()
            .limiter
            .count(1 + others, world.rate_limits(), world.now());
        let (accepted, told) = counted;
        let mut answer = if accepted {
            self.accepted(world, call)
        } else {
            Answer::new(429, json!({}))
        };
        answer.told = Some(told);
        answer.has_headers = world.is_calm() || chance(0.95);
        answer
    }

    fn accepted(&self, world: &Arc<World>, call: &Call) -> Answer {
        if call.path == "token" {
            return self.token(world, &call.body);
        }
        if !self.accepts(world, call.token.as_deref().unwrap_or_default()) {
            return Answer::new(401, json!({}));
        }
        let segments: Vec<&str> = call.path.split('/').collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("GET", ["requisition", id]) => self.get_requisition(world, id),
            ("PATCH", ["service-request", id, "status"]) => self.set_status(world, id, &call.body),
            _ => Answer::new(404, json!({})),
        }
    }

    fn token(&self, world: &World, request: &Value) -> Answer {
        let mut state = self.state();
        let secret = request["client_secret"].as_str().unwrap_or_default();
        if !state.secrets.iter().any(|accepted| accepted == secret) {
            return Answer::new(401, json!({}));
        }
        let token = format!("token-{}", world.next_number());
        let lifetime = world.plan.token_lifetime;
        let ends = world.now() + Duration::from_secs(lifetime);
        state.tokens.insert(token.clone(), ends);
        let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": lifetime});
        Answer::new(200, answer)
    }

    fn accepts(&self, world: &World, token: &str) -> bool {
        let mut state = self.state();
        let now = world.now();
        let is_good = state.tokens.get(token).is_some_and(|ends| *ends > now);
        let accepts = is_good && now >= state.refuses_tokens_until;
        if !accepts {
            state.refused.insert(token.to_owned());
        }
        accepts
    }

    fn get_requisition(&self, world: &World, id: &str) -> Answer {
        let state = self.state();
        let found = state
            .requisitions
            .iter()
            .find(|requisition| requisition.id == id);
        let Some(requisition) = found else {
            return Answer::new(404, json!({}));
        };
        match (requisition.kind, requisition.seen(world)) {
            (Kind::Invalid, _) => Answer::new(422, json!({"error": "-"})),
            (Kind::Missing, _) | (_, None) => Answer::new(404, json!({})),
            (_, Some(version)) => Answer::new(200, requisition.json(version)),
        }
    }

    fn set_status(&self, world: &World, id: &str, request: &Value) -> Answer {
        let mut state = self.state();
        let (requisition, index) = id.rsplit_once('-').unwrap_or_default();
        let mut requisitions = state.requisitions.iter_mut();
        let found = requisitions.find(|candidate| candidate.id == requisition);
        let (Some(requisition), Ok(index)) = (found, index.parse::<usize>()) else {
            return Answer::new(404, json!({}));
        };
        let mut statuses = requisition.newest().statuses.clone();
        let status = request["task_business_status"].as_str().unwrap_or_default();
        statuses[index] = Some(status.to_owned());
        requisition.add_version(world.now(), statuses);
        let newest = requisition.versions.len() - 1;
        Answer::new(
            200,
            requisition.json(newest)["service_requests"][index].clone(),
        )
    }
}
