//! The queue that deliveries go to, and the connection to it.

use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::operation::send_message::{SendMessageError, SendMessageOutput};
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
};
use aws_sdk_sqs::{Client, Config};
use whoop_partner::aws::{ConnectOnly, Hedge};
use whoop_partner::call_failure::CallFailure;
use whoop_partner::queue_message::{ATTRIBUTE_TYPE, QueueMessage};

/// The queue.
#[derive(Clone)]
pub(crate) struct Queue {
    client: Client,
    url: String,
    hedge: Hedge,
}

impl Queue {
    /// `client` must not retry by itself: slow calls get a second try as `hedge` says.
    pub(crate) fn new(client: Client, url: String, hedge: Hedge) -> Self {
        Self { client, url, hedge }
    }

    /// Opens the connection that the next delivery takes: runs a placeholder message through the SDK without sending it.
    ///
    /// # Errors
    ///
    /// When the queue does not answer; any answer will do.
    pub(crate) async fn connect(&self, placeholder: QueueMessage) -> Result<(), CallFailure> {
        let answer = self
            .message(placeholder)
            .customize()
            .interceptor(ConnectOnly)
            .send()
            .await;
        match answer {
            Err(error) if error.raw_response().is_none() => Err(CallFailure::from(&error)),
            _ => Ok(()),
        }
    }

    /// Sends a delivery, with two tries at most. If both have their effect, the queue holds it twice. A trace header makes X-Ray
    /// continue the trace in the function that receives the message; it does not count towards the message's size.
    ///
    /// # Errors
    ///
    /// When the queue does not take it.
    pub(crate) async fn send(
        &self,
        message: QueueMessage,
        trace_header: Option<&str>,
    ) -> Result<(), CallFailure> {
        let mut message = self.message(message);
        if let Some(header) = trace_header {
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            message = message.message_system_attributes(name, system_attribute(header));
        }
        // boxed, because the compiler gives up on futures as deep as these
        let first = async { taken(Box::pin(message.clone().send()).await) };
        let second = async {
            let http_client = self.hedge.http_client.clone();
            let config = Config::builder().http_client(http_client);
            let call = message.clone().customize().config_override(config).send();
            taken(Box::pin(call).await)
        };
        self.hedge
            .run(first, second, CallFailure::is_transient)
            .await
    }

    fn message(&self, message: QueueMessage) -> SendMessageFluentBuilder {
        let (body, attributes) = message.into_parts();
        let mut message = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body);
        for (name, value) in attributes {
            message = message.message_attributes(name, string_attribute(value));
        }
        message
    }
}

fn taken(answer: Result<SendMessageOutput, SdkError<SendMessageError>>) -> Result<(), CallFailure> {
    match answer {
        Ok(_) => Ok(()),
        Err(error) => Err(CallFailure::from(&error)),
    }
}

fn system_attribute(value: &str) -> MessageSystemAttributeValue {
    MessageSystemAttributeValue::builder()
        .data_type(ATTRIBUTE_TYPE)
        .string_value(value)
        .build()
        .expect("the data type is set")
}

fn string_attribute(value: String) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(ATTRIBUTE_TYPE)
        .string_value(value)
        .build()
        .expect("the data type is set")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use std::time::SystemTime;

    use aws_sdk_sqs::config::retry::RetryConfig;
    use aws_smithy_async::rt::sleep::TokioSleep;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
    use tokio::net::{TcpListener, TcpStream};

    use crate::config::Deadline;
    use whoop_partner::aws::AwsHttpClients;

    /// What the queue does with a connection after its first answer.
    #[derive(Debug, Clone, Copy)]
    enum Then {
        Answer,
        FallSilent,
        Close,
    }

    /// A real server that refuses what is not `SendMessage`, as AWS does, and the heads of the requests by connection.
    struct Server {
        url: String,
        connections: Arc<Mutex<Vec<Vec<String>>>>,
    }

    impl Server {
        /// Its first connection behaves as `then` says, all others well.
        async fn start(then: Then) -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let connections = Arc::new(Mutex::new(Vec::new()));
            let seen = connections.clone();
            tokio::spawn(async move {
                let mut then = then;
                while let Ok((stream, _)) = listener.accept().await {
                    let number = seen.lock().unwrap().len();
                    seen.lock().unwrap().push(Vec::new());
                    tokio::spawn(serve(stream, number, then, seen.clone()));
                    then = Then::Answer;
                }
            });
            Self { url, connections }
        }

        fn queue(&self) -> Queue {
            let http_clients = AwsHttpClients::from_env().unwrap();
            let config = Config::builder()
                .with_test_defaults_v2()
                .endpoint_url(&self.url)
                .http_client(http_clients.usual)
                .sleep_impl(TokioSleep::new())
                .retry_config(RetryConfig::disabled());
            let hedge = Hedge {
                patience: Deadline::DEFAULT.patience(),
                http_client: http_clients.unpooled,
            };
            let client = Client::from_conf(config.build());
            Queue::new(client, "https://queue".into(), hedge)
        }

        fn connections(&self) -> usize {
            self.connections.lock().unwrap().len()
        }
    }

    async fn serve(
        stream: TcpStream,
        number: usize,
        then: Then,
        seen: Arc<Mutex<Vec<Vec<String>>>>,
    ) {
        let mut stream = BufStream::new(stream);
        let mut answered = 0;
        while let Some(head) = request(&mut stream).await {
            seen.lock().unwrap()[number].push(head.clone());
            if answered > 0 && matches!(then, Then::FallSilent) {
                std::future::pending::<()>().await;
            }
            let answer: &[u8] = if head.contains("amazonsqs.sendmessage") {
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
            } else {
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
            };
            stream.write_all(answer).await.unwrap();
            stream.flush().await.unwrap();
            answered += 1;
            if matches!(then, Then::Close) {
                return;
            }
        }
    }

    /// Reads a request; returns its head in lower case.
    async fn request(stream: &mut BufStream<TcpStream>) -> Option<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        let head = head.to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        stream.read_exact(&mut vec![0; length]).await.ok()?;
        Some(head)
    }

    fn delivery() -> QueueMessage {
        QueueMessage::new(b"{}".into(), SystemTime::UNIX_EPOCH, None).unwrap()
    }

    #[tokio::test]
    async fn the_connection_is_opened_by_a_bare_get_and_taken_by_the_first_delivery() {
        let server = Server::start(Then::Answer).await;
        let queue = server.queue();
        queue.connect(delivery()).await.unwrap();
        queue.send(delivery(), None).await.unwrap();
        let connections = server.connections.lock().unwrap();
        assert_eq!(connections.len(), 1);
        let [get, post] = connections[0].as_slice() else {
            panic!("{connections:?}");
        };
        assert!(get.starts_with("get / http/1.1\r\n"), "{get}");
        for absent in ["authorization", "x-amz-", "content-length"] {
            assert!(!get.contains(absent), "{get}");
            assert!(post.contains(absent), "{post}");
        }
    }

    #[tokio::test]
    async fn a_kept_connection_that_is_dead_is_replaced_by_the_second_try() {
        for then in [Then::FallSilent, Then::Close] {
            let server = Server::start(then).await;
            let queue = server.queue();
            queue.connect(delivery()).await.unwrap();
            queue.send(delivery(), None).await.unwrap();
            assert_eq!(server.connections(), 2, "{then:?}");
        }
    }

    #[tokio::test]
    async fn a_queue_that_is_not_there_is_an_error() {
        let nobody = Server {
            url: "http://127.0.0.1:0".into(),
            connections: Arc::default(),
        };
        let queue = nobody.queue();
        assert!(queue.connect(delivery()).await.is_err());
    }
}
