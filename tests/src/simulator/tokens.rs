//! The token endpoint's memory: credentials, and the tokens issued.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

pub(super) struct Tokens {
    client_id: String,
    client_secret: String,
    lifetime: Duration,
    issued: HashMap<String, Instant>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

impl Tokens {
    pub(super) fn new(client_id: String, client_secret: String, lifetime: Duration) -> Self {
        Self {
            client_id,
            client_secret,
            lifetime,
            issued: HashMap::new(),
        }
    }

    /// Issues a token for the right credentials; returns it with its lifetime in seconds.
    pub(super) fn issue(&mut self, client_id: &str, client_secret: &str) -> Option<(String, u64)> {
        if client_id != self.client_id || client_secret != self.client_secret {
            return None;
        }
        let token = format!("whoop-token-{}", Uuid::new_v4().simple());
        self.issued
            .insert(token.clone(), Instant::now() + self.lifetime);
        Some((token, self.lifetime.as_secs()))
    }

    /// Whether the value of an `Authorization` header carries a token that is good now.
    pub(super) fn authorizes(&self, authorization: Option<&str>) -> bool {
        authorization
            .and_then(|value| value.strip_prefix("Bearer "))
            .and_then(|token| self.issued.get(token))
            .is_some_and(|expires| Instant::now() < *expires)
    }

    /// Refuses every token issued so far.
    pub(super) fn expire(&mut self) {
        let now = Instant::now();
        for expires in self.issued.values_mut() {
            *expires = now.min(*expires);
        }
    }

    /// Every token issued so far, good or not.
    pub(super) fn all(&self) -> Vec<String> {
        self.issued.keys().cloned().collect()
    }

    pub(super) fn set_credentials(&mut self, client_id: &str, client_secret: &str) {
        self.client_id = client_id.into();
        self.client_secret = client_secret.into();
    }

    pub(super) fn set_lifetime(&mut self, lifetime: Duration) {
        self.lifetime = lifetime;
    }
}
