//! The partner token: the stored one, the function that renews it, and whether WHOOP takes it.

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use tokio::time::Instant;
use whoop_partner::PartnerError;
use whoop_partner::token::AccessToken;

use super::check::{Check, bounded, judged};
use super::invocation::{Invocation, invoke};
use crate::error::ToolError;
use crate::finding::{Finding, is_denial};
use crate::moment::{elapsed, rough};
use crate::session::Session;

/// A token that expires within this time is stale: token-refresh should have renewed it.
const STALE_BELOW: Duration = Duration::from_secs(600);

/// How long the call of the Partner API may take.
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// No order has this id.
const NOBODYS: &str = "00000000-0000-4000-8000-000000000000";

/// Where the errors of token-refresh are explained.
const FAILED_RENEWALS: &str = "docs/token-table.md#failed-renewals";

/// What the token table holds.
pub(crate) enum Stored {
    Nothing,
    /// An item that is no token.
    Malformed,
    Token(AccessToken),
}

impl Stored {
    /// Reads the token table.
    ///
    /// # Errors
    ///
    /// If DynamoDB does not answer, or refuses.
    pub async fn read(session: &Session) -> Result<Self, ToolError> {
        let store = session.token_store().await?;
        let token = store.load().await;
        let token = token.map_err(|error| ToolError::Failed(error.to_string()))?;
        if let Some(token) = token {
            return Ok(Self::Token(token));
        }
        // for the library, a malformed item is a missing one
        let answer = Client::new(session.config())
            .get_item()
            .table_name(session.stack().await?.output("TokenTableName")?)
            .key("id", AttributeValue::S("partner-token".into()))
            .projection_expression("id")
            .send()
            .await
            .map_err(ToolError::aws("GetItem"))?;
        Ok(match answer.item() {
            Some(_) => Self::Malformed,
            None => Self::Nothing,
        })
    }
}

/// Looks at the stored token, invokes token-refresh, and calls WHOOP with the token.
pub(super) async fn checks(session: &Session) -> Vec<Check> {
    let stored = bounded(Stored::read(session)).await;
    let refresh = bounded(async {
        let function = session.stack().await?.output("TokenRefreshFunctionName")?;
        invoke(session, function).await
    });
    let refresh = refresh.await;
    let renewed =
        matches!(&refresh, Ok(Invocation::Done(result)) if result["outcome"] == "refreshed");
    let works = matches!(&refresh, Ok(Invocation::Done(_)));
    let token = match &stored {
        Ok(stored) => judge_stored(stored, renewed, SystemTime::now()),
        Err(error) => Finding::not_looked(error),
    };
    let refresh = match &refresh {
        Ok(invocation) => judge_refresh(invocation),
        Err(error) => Finding::not_looked(error),
    };
    let partner_api = match &stored {
        Err(error) => Finding::not_looked(error),
        Ok(Stored::Token(token))
            if works || !token.expires_within(STALE_BELOW, SystemTime::now()) =>
        {
            judged(partner_api(session)).await
        }
        Ok(_) if works => judged(partner_api(session)).await,
        Ok(_) => Finding::skipped("there is no token to call it with"),
    };
    vec![
        Check::new("token", token),
        Check::new("token_refresh", refresh),
        Check::new("partner_api", partner_api),
    ]
}

/// Judges what was stored before token-refresh ran. `renewed` says that it has stored a new token.
pub(crate) fn judge_stored(stored: &Stored, renewed: bool, now: SystemTime) -> Finding {
    let found = match (stored, renewed) {
        (Stored::Token(token), _) if !token.expires_within(STALE_BELOW, now) => {
            return Finding::good(lifetime(token, now));
        }
        // a new stack, or one that has just got its credentials
        (Stored::Nothing, true) => {
            return Finding::good("there was none; token-refresh has obtained one just now");
        }
        (Stored::Token(token), _) => lifetime(token, now),
        (Stored::Malformed, _) => "it is malformed".into(),
        (Stored::Nothing, false) => "there is none".into(),
    };
    if renewed {
        let found = format!("{found}; token-refresh has renewed it just now");
        let remedy = "find out why the schedule does not invoke token-refresh: docs/runbook.md#tokenexpiring";
        return Finding::bad(found, remedy);
    }
    Finding::bad(found, "docs/runbook.md#tokenexpiring")
}

/// How long a token is still valid, or since when it is not.
fn lifetime(token: &AccessToken, now: SystemTime) -> String {
    let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(token.expires_at());
    let obtained_at = SystemTime::UNIX_EPOCH + Duration::from_secs(token.obtained_at());
    let age = rough(elapsed(obtained_at, now));
    match expires_at.duration_since(now) {
        Ok(left) if !left.is_zero() => {
            format!("valid for {}, obtained {age} ago", rough(left))
        }
        _ => format!(
            "expired {} ago, obtained {age} ago",
            rough(elapsed(expires_at, now))
        ),
    }
}

fn judge_refresh(invocation: &Invocation) -> Finding {
    let (error_type, message) = match invocation.ran() {
        Ok(Ok(result)) if result["outcome"] == "refreshed" => {
            return Finding::good("it has obtained a new token from WHOOP");
        }
        Ok(Ok(result)) if result["outcome"] == "still_fresh" => {
            return Finding::good(
                "it runs; the token is fresh, so it made no use of the client credentials",
            );
        }
        Ok(Ok(_)) => return Finding::bad("it gives an odd answer", "make deploy"),
        Ok(Err(error)) => error,
        Err(did_not_run) => return did_not_run,
    };
    let found = format!("{error_type}: {message}");
    let denied = is_denial(message);
    let remedy = match error_type {
        _ if denied => "put the permission back into its role: docs/runbook.md#before-you-begin",
        "InvalidCredentials" => {
            "ask WHOOP for the client credentials and store them: docs/rotation.md#the-client-credentials"
        }
        "RateLimited" | "PartnerUnavailable" => {
            "wait; if it lasts, ask WHOOP: docs/outages.md#whoop"
        }
        "InvalidResponse" => "ask WHOOP",
        "SecretUnavailable" | "StoreUnavailable" | "Panicked" => FAILED_RENEWALS,
        _ => "docs/runbook.md#crash",
    };
    Finding::bad(found, remedy)
}

/// Fetches an order that does not exist. WHOOP looks at the token first.
async fn partner_api(session: &Session) -> Result<Finding, ToolError> {
    let client = session.partner_client().await?;
    let id = NOBODYS.parse().expect("it is an id");
    let client = client.with_deadline(Instant::now() + CALL_LIMIT);
    Ok(match client.get_requisition(&id).await {
        Ok(_) | Err(PartnerError::NotFound) => Finding::good("WHOOP accepts the token"),
        Err(error) => judge_error(&error),
    })
}

fn judge_error(error: &PartnerError) -> Finding {
    let found = error.to_string();
    match error {
        PartnerError::InvalidRequest { .. } => Finding::good("WHOOP accepts the token"),
        // the tool itself may not read the secret or the table
        PartnerError::Unauthorised(_) if is_denial(&found) => {
            Finding::not_looked(&ToolError::Failed(found))
        }
        PartnerError::Unauthorised(_) => Finding::bad(found, FAILED_RENEWALS),
        PartnerError::Protocol(_) | PartnerError::TooLarge { .. } => {
            Finding::bad(found, "ask WHOOP what it has changed")
        }
        // what this machine can't reach, the functions may reach
        _ => Finding::unknown(
            format!("from this machine: {found}"),
            "run the command again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Mark;

    const NOW: u64 = 1_795_000_000;

    /// A token with so many seconds left.
    fn token(left: i64) -> Stored {
        let expires_at = NOW.checked_add_signed(left).unwrap();
        let token = AccessToken::new("t".into(), "bearer".into(), NOW - 1800, expires_at);
        Stored::Token(token.unwrap())
    }

    fn judged(stored: &Stored, renewed: bool) -> Finding {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        judge_stored(stored, renewed, now)
    }

    #[test]
    fn a_token_is_stale_below_ten_minutes() {
        for (left, mark) in [
            (3600, Mark::Good),
            (601, Mark::Good),
            (599, Mark::Bad),
            (0, Mark::Bad),
            (-60, Mark::Bad),
        ] {
            assert_eq!(judged(&token(left), false).mark, mark, "{left}");
        }
        let fresh = judged(&token(3600), false).found;
        assert_eq!(fresh, "valid for 1 h, obtained 30 min ago");
        let old = judged(&token(-60), true).found;
        assert!(old.starts_with("expired 1 min ago"), "{old}");
        assert!(old.ends_with("renewed it just now"), "{old}");
    }

    #[test]
    fn the_first_token_is_good_news() {
        assert_eq!(judged(&Stored::Nothing, true).mark, Mark::Good);
        assert_eq!(judged(&Stored::Nothing, false).mark, Mark::Bad);
        assert_eq!(judged(&Stored::Malformed, true).mark, Mark::Bad);
    }

    #[test]
    fn each_failure_of_token_refresh_has_a_remedy() {
        for (error_type, remedy) in [
            ("InvalidCredentials", "client credentials"),
            ("RateLimited", "wait"),
            ("PartnerUnavailable", "wait"),
            ("InvalidResponse", "ask WHOOP"),
            ("SecretUnavailable", FAILED_RENEWALS),
            ("StoreUnavailable", FAILED_RENEWALS),
            ("Panicked", FAILED_RENEWALS),
            ("Runtime.ExitError", "docs/runbook.md#crash"),
        ] {
            let finding = judge_refresh(&Invocation::Failed {
                error_type: error_type.into(),
                message: "why".into(),
            });
            assert_eq!(finding.mark, Mark::Bad);
            assert!(finding.remedy.unwrap().contains(remedy), "{error_type}");
        }
        let odd = judge_refresh(&Invocation::Done(json!({"outcome": "moon"})));
        assert_eq!(odd.mark, Mark::Bad);
    }

    #[test]
    fn a_denial_of_the_tool_itself_says_nothing_about_whoop() {
        let error = |reason: &str| judge_error(&PartnerError::Unauthorised(reason.into())).mark;
        assert_eq!(
            error("secret x can't be read: AccessDeniedException"),
            Mark::Unknown
        );
        assert_eq!(
            error("client credentials refused with status 401"),
            Mark::Bad
        );
        let later = PartnerError::Temporary("no connection".into());
        assert_eq!(judge_error(&later).mark, Mark::Unknown);
    }
}
