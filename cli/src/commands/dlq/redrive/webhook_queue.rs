//! The webhook's queue, to which copies are sent.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchOutput};
use aws_types::SdkConfig;
use whoop_partner::call_failure::CallFailure;

use super::copy::Copy;
use crate::error::ToolError;

/// How long one try may take: a MiB through a slow line.
const TRY_TIMEOUT: Duration = Duration::from_secs(30);

/// No try begins later than this after the first one, so that the messages of the batch are still hidden when it ends.
const LAST_TRY: Duration = Duration::from_secs(45);

/// How often a batch is tried.
const MAX_ATTEMPTS: u32 = 7;

/// The wait after the first try. It doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The webhook's queue.
pub struct WebhookQueue {
    client: Client,
    pub url: String,
}

/// What became of the copies of one batch, each named by its place in the batch.
#[derive(Default)]
pub struct Sent {
    /// They are in the queue.
    pub sent: Vec<usize>,
    /// They are not, with SQS's code of the failure.
    pub refused: Vec<(usize, String)>,
    /// A try had no clear answer, so they may be in the queue, or be there twice.
    pub unsure: HashSet<usize>,
    /// Why the last try failed as a whole. All copies that are not in `sent` and `refused` were in it.
    pub failure: Option<ToolError>,
}

/// A try that failed as a whole.
#[derive(Debug)]
struct FailedTry {
    failure: CallFailure,
    /// Whether SQS has refused the call, so that it has had no effect. A failure inside of SQS is no refusal.
    is_refusal: bool,
}

impl WebhookQueue {
    pub fn new(config: &SdkConfig, url: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_timeout(TRY_TIMEOUT)
            .build();
        // if the SDK tried again, nobody would know that a batch may be in the queue twice
        let config = Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        Self {
            client: Client::from_conf(config),
            url,
        }
    }

    /// Sends copies, ten and 1 MiB at most. If SQS is busy, or does not answer, it tries again.
    pub async fn send(&self, copies: &[&Copy]) -> Sent {
        let started = Instant::now();
        let mut outcome = Sent::default();
        let mut waiting: Vec<usize> = (0..copies.len()).collect();
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let answer = self.try_once(copies, &waiting).await;
            let again = outcome.take_in(answer, &mut waiting);
            let is_last = attempt == MAX_ATTEMPTS || started.elapsed() + wait > LAST_TRY;
            if waiting.is_empty() || !again || is_last {
                break;
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        if outcome.failure.is_none() {
            let busy = waiting.into_iter().map(|place| (place, "busy".into()));
            outcome.refused.extend(busy);
        }
        outcome
    }

    async fn try_once(
        &self,
        copies: &[&Copy],
        waiting: &[usize],
    ) -> Result<SendMessageBatchOutput, FailedTry> {
        let entries = waiting.iter().map(|place| copies[*place].entry(*place));
        self.client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .map_err(|error| FailedTry::from(&error))
    }
}

impl Sent {
    /// Takes in the answer to a try, and leaves in `waiting` what is not in the queue and may be tried again. Returns whether
    /// another try makes sense.
    fn take_in(
        &mut self,
        answer: Result<SendMessageBatchOutput, FailedTry>,
        waiting: &mut Vec<usize>,
    ) -> bool {
        let answer = match answer {
            Ok(answer) => answer,
            Err(FailedTry {
                failure,
                is_refusal,
            }) => {
                let again = failure.is_transient();
                if again && !is_refusal {
                    self.unsure.extend(waiting.iter().copied());
                }
                self.failure = Some(ToolError::Aws {
                    operation: "SendMessageBatch",
                    failure,
                });
                return again;
            }
        };
        self.failure = None;
        let tried: HashSet<usize> = waiting.drain(..).collect();
        let mut answered = HashSet::new();
        let place = |id: &str| id.parse().ok().filter(|place| tried.contains(place));
        for place in answer
            .successful()
            .iter()
            .filter_map(|entry| place(entry.id()))
        {
            if answered.insert(place) {
                self.sent.push(place);
            }
        }
        for entry in answer.failed() {
            let Some(place) = place(entry.id()).filter(|place| answered.insert(*place)) else {
                continue;
            };
            if entry.sender_fault() {
                self.refused.push((place, entry.code().into()));
            } else {
                waiting.push(place);
            }
        }
        // SQS answers for each entry; if it does not, nobody knows
        let unanswered: Vec<usize> = tried.difference(&answered).copied().collect();
        self.unsure.extend(&unanswered);
        waiting.extend(unanswered);
        true
    }
}

impl From<&SdkError<SendMessageBatchError, HttpResponse>> for FailedTry {
    fn from(error: &SdkError<SendMessageBatchError, HttpResponse>) -> Self {
        let is_refusal = match error {
            SdkError::ServiceError(refusal) => {
                let status = refusal.raw().status();
                status.is_client_error() || status.as_u16() == 503
            }
            SdkError::ConstructionFailure(_) => true,
            _ => false,
        };
        Self {
            failure: CallFailure::from(error),
            is_refusal,
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::config::http::HttpResponse;
    use aws_sdk_sqs::error::ErrorMetadata;
    use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchResultEntry};
    use aws_smithy_types::body::SdkBody;

    use super::*;

    type Answer = Result<SendMessageBatchOutput, FailedTry>;

    /// An answer that takes some entries, and refuses others, some of them by the sender's fault.
    fn answer(taken: &[usize], refused: &[(usize, bool)]) -> Answer {
        let taken = taken.iter().map(|place| {
            let entry = SendMessageBatchResultEntry::builder().id(place.to_string());
            let entry = entry.message_id("m").md5_of_message_body("d");
            entry.build().unwrap()
        });
        let refused = refused.iter().map(|(place, sender_fault)| {
            let entry = BatchResultErrorEntry::builder().id(place.to_string());
            let entry = entry.code("Code").sender_fault(*sender_fault);
            entry.build().unwrap()
        });
        let answer = SendMessageBatchOutput::builder()
            .set_successful(Some(taken.collect()))
            .set_failed(Some(refused.collect()))
            .build();
        Ok(answer.unwrap())
    }

    fn refusal(status: u16, code: &str) -> Answer {
        let meta = ErrorMetadata::builder().code(code).build();
        let raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        let error = SdkError::service_error(SendMessageBatchError::generic(meta), raw);
        Err(FailedTry::from(&error))
    }

    fn no_answer() -> Answer {
        Err(FailedTry::from(&SdkError::timeout_error("slow")))
    }

    #[track_caller]
    fn take_in(answer: Answer, again: bool, waiting: &[usize], unsure: &[usize]) -> Sent {
        let mut sent = Sent::default();
        let mut places = vec![0, 1, 2];
        assert_eq!(sent.take_in(answer, &mut places), again);
        places.sort_unstable();
        assert_eq!(places, waiting);
        assert_eq!(sent.unsure, unsure.iter().copied().collect());
        sent
    }

    #[test]
    fn an_entry_that_sqs_takes_or_refuses_is_not_sent_again() {
        let sent = take_in(answer(&[2, 0], &[(1, true)]), true, &[], &[]);
        assert_eq!(sent.sent, [2, 0]);
        assert_eq!(sent.refused, [(1, "Code".into())]);
    }

    #[test]
    fn an_entry_that_fails_inside_of_sqs_is_sent_again() {
        let sent = take_in(answer(&[0], &[(1, false), (2, false)]), true, &[1, 2], &[]);
        assert_eq!(sent.sent, [0]);
    }

    #[test]
    fn an_entry_without_an_answer_may_be_in_the_queue() {
        take_in(answer(&[0, 0, 7], &[(1, true)]), true, &[2], &[2]);
    }

    #[test]
    fn a_batch_without_an_answer_may_be_in_the_queue() {
        take_in(no_answer(), true, &[0, 1, 2], &[0, 1, 2]);
        take_in(
            refusal(500, "InternalFailure"),
            true,
            &[0, 1, 2],
            &[0, 1, 2],
        );
    }

    #[test]
    fn a_batch_that_sqs_refuses_is_not_in_the_queue() {
        for throttled in [
            refusal(400, "RequestThrottled"),
            refusal(503, "ServiceUnavailable"),
        ] {
            take_in(throttled, true, &[0, 1, 2], &[]);
        }
        let denied = take_in(refusal(403, "AccessDenied"), false, &[0, 1, 2], &[]);
        let failure = denied.failure.unwrap().to_string();
        assert_eq!(failure, "SendMessageBatch failed: status 403, AccessDenied");
    }
}
