//! Failed calls of the Partner API, in words, and what the user can do.

use whoop_partner::partner::PartnerError;

use crate::error::ToolError;
use crate::patient_data::ShowPhi;
use crate::printable::printable;

/// What to do about an answer that says nothing about the user's request.
const LASTS: &str = "try again; if it lasts, run: whoop-partner doctor";

/// Describes a failed call; for `map_err`. `thing` is what it was about, such as `requisition`. WHOOP's own words about a refused
/// request are shown only with `--show-phi`, because they may repeat what was sent.
pub(crate) fn failed(thing: &str, show_phi: ShowPhi) -> impl FnOnce(PartnerError) -> ToolError {
    move |error| {
        let (message, remedy) = described(error, thing, show_phi);
        ToolError::Remediable { message, remedy }
    }
}

fn described(error: PartnerError, thing: &str, show_phi: ShowPhi) -> (String, String) {
    match error {
        PartnerError::NotFound => (
            format!("WHOOP has no such {thing}, or another partner owns it"),
            "check the id, and that --stack names the stack for the environment of WHOOP that the id comes from".into(),
        ),
        PartnerError::Unauthorised(_) => (
            format!("WHOOP can't be called: {error}"),
            "to check the credentials and the token, run: whoop-partner doctor".into(),
        ),
        PartnerError::RateLimited { retry_after } => (
            "WHOOP's limit of calls is reached".into(),
            format!("try again in {} s", retry_after.as_secs().max(1)),
        ),
        PartnerError::InvalidRequest { status, body } => {
            let message = format!("WHOOP refused the request with status {status}");
            if show_phi.show_phi {
                let words = printable(body.as_str().trim());
                (format!("{message}: {words}"), "change what WHOOP complains about".into())
            } else {
                let remedy = "to see WHOOP's answer, which may repeat what was sent, give --show-phi";
                (message, remedy.into())
            }
        }
        PartnerError::Temporary(_) => (format!("WHOOP gave no usable answer: {error}"), LASTS.into()),
        PartnerError::OutcomeUnknown(reason) => (
            format!("WHOOP may have done it, or not: the request was sent, but there is no answer: {reason}"),
            "find out whether it is done before you repeat it".into(),
        ),
        PartnerError::TooLarge { .. } => (
            format!("the {thing}: {error}"),
            "fetch it with another tool".into(),
        ),
        error => (
            format!("WHOOP answered in another way than documented: {error}"),
            "look for a newer version of this tool".into(),
        ),
    }
}

/// The words for a failed call without its remedy, to be shown among others.
pub(crate) fn words(error: PartnerError, thing: &str, show_phi: ShowPhi) -> String {
    described(error, thing, show_phi).0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HIDE: ShowPhi = ShowPhi { show_phi: false };

    #[track_caller]
    fn assert_says(error: PartnerError, message: &str, remedy: &str) {
        let error = failed("requisition", HIDE)(error);
        assert!(error.to_string().contains(message), "{error}");
        let said = error.remedy().expect("there is always something to do");
        assert!(said.contains(remedy), "{said}");
    }

    #[test]
    fn each_failure_says_what_to_do() {
        let reason = || String::from("status 500");
        assert_says(
            PartnerError::NotFound,
            "no such requisition",
            "check the id",
        );
        assert_says(
            PartnerError::Unauthorised("credentials refused".into()),
            "credentials refused",
            "whoop-partner doctor",
        );
        let retry_after = Duration::from_secs(42);
        assert_says(
            PartnerError::RateLimited { retry_after },
            "limit",
            "in 42 s",
        );
        assert_says(PartnerError::Temporary(reason()), "status 500", "try again");
        assert_says(
            PartnerError::OutcomeUnknown(reason()),
            "may have done it",
            "before you repeat it",
        );
        assert_says(
            PartnerError::TooLarge { limit: 9 },
            "longer than 9 bytes",
            "another tool",
        );
        assert_says(
            PartnerError::Protocol(reason()),
            "another way than documented",
            "newer version",
        );
    }

    #[test]
    fn whoops_own_words_are_shown_on_demand_only() {
        let refusal = || PartnerError::InvalidRequest {
            status: 422,
            body: Default::default(),
        };
        assert_says(refusal(), "status 422", "--show-phi");
        let error = failed("requisition", ShowPhi { show_phi: true })(refusal());
        assert_eq!(
            error.to_string(),
            "WHOOP refused the request with status 422: "
        );
    }
}
