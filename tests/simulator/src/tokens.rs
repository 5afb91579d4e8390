//! The token endpoint's credentials, and the tokens that it has issued.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

pub(super) struct Tokens {
    client_id: String,
    client_secret: String,
    lifetime: Duration,
    issued: HashMap<String, Instant>,
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

    /// Issues a token if the credentials are right; returns it with its lifetime in seconds.
    pub(super) fn issue(
        &mut self,
        client_id: &str,
        client_secret: &str,
        now: Instant,
    ) -> Option<(String, u64)> {
        if client_id != self.client_id || client_secret != self.client_secret {
            return None;
        }
        let token = format!("whoop-token-{}", Uuid::new_v4().simple());
        self.issued.insert(token.clone(), now + self.lifetime);
        Some((token, self.lifetime.as_secs()))
    }

    /// Whether the value of an `Authorization` header carries a token that is valid at `now`.
    pub(super) fn authorizes(&self, authorization: Option<&str>, now: Instant) -> bool {
        authorization
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, token)| self.issued.get(token))
            .is_some_and(|expires| now < *expires)
    }

    /// Refuses every token issued before `now`.
    pub(super) fn expire(&mut self, now: Instant) {
        for expires in self.issued.values_mut() {
            *expires = now.min(*expires);
        }
    }

    /// Every token issued so far, valid or not.
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(60);

    fn tokens() -> Tokens {
        Tokens::new("client".into(), "secret".into(), LIFETIME)
    }

    #[test]
    fn a_token_is_good_until_its_lifetime_is_over() {
        let mut tokens = tokens();
        let start = Instant::now();
        let (token, lifetime) = tokens.issue("client", "secret", start).unwrap();
        assert_eq!(lifetime, 60);
        let header = format!("Bearer {token}");
        let last = start + LIFETIME - Duration::from_nanos(1);
        assert!(tokens.authorizes(Some(&header), start));
        assert!(tokens.authorizes(Some(&header), last));
        assert!(!tokens.authorizes(Some(&header), start + LIFETIME));
    }

    #[test]
    fn only_a_bearer_token_that_was_issued_is_good() {
        let mut tokens = tokens();
        let now = Instant::now();
        let (token, _) = tokens.issue("client", "secret", now).unwrap();
        let good = |header: &str| tokens.authorizes(Some(header), now);
        assert!(good(&format!("bearer {token}")));
        for header in [
            String::new(),
            "Bearer".into(),
            "Bearer ".into(),
            "Bearer made-up".into(),
            token.clone(),
            format!("Basic {token}"),
            format!("Bearer  {token}"),
            format!("Bearer {token} "),
        ] {
            assert!(!good(&header), "{header:?}");
        }
        assert!(!tokens.authorizes(None, now));
    }

    #[test]
    fn expired_tokens_are_still_told() {
        let mut tokens = tokens();
        let now = Instant::now();
        let (token, _) = tokens.issue("client", "secret", now).unwrap();
        tokens.expire(now);
        assert!(!tokens.authorizes(Some(&format!("Bearer {token}")), now));
        assert_eq!(tokens.all(), [token]);
    }

    #[test]
    fn rotated_credentials_leave_issued_tokens_alone() {
        let mut tokens = tokens();
        let now = Instant::now();
        let (token, _) = tokens.issue("client", "secret", now).unwrap();
        tokens.set_credentials("client", "rotated");
        assert!(tokens.issue("client", "secret", now).is_none());
        assert!(tokens.issue("client", "rotated", now).is_some());
        assert!(tokens.authorizes(Some(&format!("Bearer {token}")), now));
    }
}
