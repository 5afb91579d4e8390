//! What the answer to a webhook means to WHOOP.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// How long WHOOP waits for an answer.
pub(super) const WHOOP_WAITS: Duration = Duration::from_secs(1);

/// What became of one delivery.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// `None` if there was no answer.
    pub status: Option<u16>,
    pub meaning: String,
    /// The status that a delivery with such a signature should get.
    pub expected_status: u16,
    pub as_expected: bool,
    /// From before connecting until the end of the answer, as WHOOP would wait for it.
    pub elapsed_ms: u64,
    /// Whether WHOOP would have waited so long.
    pub in_time: bool,
    /// API Gateway's id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Answer {
    /// An answer with this status, after this time.
    pub fn new(
        status: u16,
        expected_status: u16,
        elapsed: Duration,
        request_id: Option<String>,
    ) -> Self {
        Self {
            status: Some(status),
            meaning: meaning(status).into(),
            expected_status,
            as_expected: status == expected_status,
            elapsed_ms: millis(elapsed),
            in_time: elapsed < WHOOP_WAITS,
            request_id,
        }
    }

    /// No answer, for this reason.
    pub fn none(reason: &str, expected_status: u16, elapsed: Duration) -> Self {
        Self {
            status: None,
            meaning: format!("no answer: {reason}"),
            expected_status,
            as_expected: false,
            elapsed_ms: millis(elapsed),
            in_time: false,
            request_id: None,
        }
    }

    /// Whether the answer is the expected one, and came in time.
    pub fn is_good(&self) -> bool {
        self.as_expected && self.in_time
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{status}: {}", self.meaning)?,
            None => f.write_str(&self.meaning)?,
        }
        if !self.as_expected {
            write!(f, "; expected {}", self.expected_status)?;
        }
        let (elapsed, limit) = (self.elapsed_ms, WHOOP_WAITS.as_millis());
        if self.in_time {
            write!(f, "; {elapsed} ms, and WHOOP waits {limit} ms")?;
        } else if self.status.is_some() {
            write!(f, "; too late: {elapsed} ms, but WHOOP waits {limit} ms")?;
        }
        if let Some(id) = &self.request_id {
            write!(
                f,
                "\n  request id {id}; see its log: whoop-partner logs '{id}'"
            )?;
        }
        Ok(())
    }
}

/// What several deliveries came to.
#[derive(Serialize)]
pub(super) struct Summary {
    pub sent: usize,
    pub good: usize,
    pub slowest_ms: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sent,
            good,
            slowest_ms,
        } = self;
        write!(
            f,
            "{good} of {sent} as expected and in time; the slowest took {slowest_ms} ms"
        )
    }
}

fn meaning(status: u16) -> &'static str {
    match status {
        204 => "accepted, the message is in the queue",
        400 => "refused: the signature is right, but the body is empty or can't be decoded",
        401 => "refused: the signature is missing, malformed or wrong",
        404 => "API Gateway knows no such path",
        413 => "refused: the body is too large",
        429 => "API Gateway takes no more requests for now",
        500 => "the function failed: its log has the line with the field place",
        503 => "the signing key could not be read in time, or the queue did not take the message",
        300..400 => "a redirect, which is not followed",
        502 | 504.. => "API Gateway could not call the function",
        _ => "not an answer of the webhook",
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn an_answer_is_good_if_it_is_expected_and_comes_within_a_second() {
        for (status, expected, elapsed, good) in [
            (204, 204, 999 * MS, true),
            (204, 204, 1000 * MS, false),
            (401, 401, MS, true),
            (401, 204, MS, false),
            (204, 401, MS, false),
        ] {
            let answer = Answer::new(status, expected, elapsed, None);
            assert_eq!(answer.is_good(), good, "{answer}");
        }
        assert!(!Answer::none("no connection", 204, MS).is_good());
    }

    #[test]
    fn an_answer_reads_well() {
        for (answer, text) in [
            (
                Answer::new(204, 204, 84 * MS, Some("abc=".into())),
                "204: accepted, the message is in the queue; 84 ms, and WHOOP waits 1000 ms\n  \
                 request id abc=; see its log: whoop-partner logs 'abc='",
            ),
            (
                Answer::new(302, 204, 1200 * MS, None),
                "302: a redirect, which is not followed; expected 204; too late: 1200 ms, but WHOOP waits 1000 ms",
            ),
            (
                Answer::none("no answer in time", 401, 10_000 * MS),
                "no answer: no answer in time; expected 401",
            ),
        ] {
            assert_eq!(answer.to_string(), text);
        }
    }
}
