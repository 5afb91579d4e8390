//! What the stack stores: secrets, queued messages, the partner token.

use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
};
use serde_json::json;

use super::{Stack, StackError};

/// The key of the token item.
const PARTNER_TOKEN: &str = "partner-token";

/// The token item as it is stored. `Debug` does not show the token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenItem {
    /// The token itself.
    pub access_token: String,
    /// Its type: `bearer`, in any case.
    pub token_type: String,
    /// When it expires, in Unix seconds.
    pub expires_at: i64,
    /// When it was obtained, in Unix seconds.
    pub obtained_at: i64,
}

impl fmt::Debug for TokenItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenItem")
            .field("token_type", &self.token_type)
            .field("expires_at", &self.expires_at)
            .field("obtained_at", &self.obtained_at)
            .finish_non_exhaustive()
    }
}

impl Stack {
    /// Makes `signing_secret` the current webhook signing secret. Running functions may still have the previous one
    /// cached.
    ///
    /// # Errors
    ///
    /// If Secrets Manager refuses it.
    pub async fn put_signing_secret(&self, signing_secret: &str) -> Result<(), StackError> {
        self.recorder.forbid("signing secret", signing_secret);
        let value = json!({ "signing_secret": signing_secret });
        self.put_secret(self.output("WebhookSigningSecretArn"), &value.to_string())
            .await
    }

    /// Makes these the current client credentials of the Partner API.
    ///
    /// # Errors
    ///
    /// If Secrets Manager refuses them.
    pub async fn put_partner_credentials(
        &self,
        client_id: &str,
        client_secret: &str,
    ) -> Result<(), StackError> {
        self.recorder.forbid("client secret", client_secret);
        let value = json!({ "client_id": client_id, "client_secret": client_secret });
        self.put_secret(
            self.output("PartnerCredentialsSecretArn"),
            &value.to_string(),
        )
        .await
    }

    /// Makes `value`, well-formed or not, the current version of a secret.
    ///
    /// # Errors
    ///
    /// If Secrets Manager refuses it.
    pub async fn put_secret(&self, secret_id: &str, value: &str) -> Result<(), StackError> {
        self.recorder.forbid("secret value", value);
        self.secrets_manager
            .put_secret_value()
            .secret_id(secret_id)
            .secret_string(value)
            .send()
            .await
            .map_err(StackError::aws("PutSecretValue"))?;
        Ok(())
    }

    /// Takes the next message out of a queue. If there is none, waits up to two seconds for one.
    ///
    /// # Errors
    ///
    /// If the queue can't be read.
    pub async fn receive(&self, queue_url: &str) -> Result<Option<Message>, StackError> {
        let answer = self
            .sqs
            .receive_message()
            .queue_url(queue_url)
            .max_number_of_messages(1)
            .wait_time_seconds(2)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .map_err(StackError::aws("ReceiveMessage"))?;
        let Some(message) = answer.messages.unwrap_or_default().pop() else {
            return Ok(None);
        };
        self.sqs
            .delete_message()
            .queue_url(queue_url)
            .set_receipt_handle(message.receipt_handle.clone())
            .send()
            .await
            .map_err(StackError::aws("DeleteMessage"))?;
        Ok(Some(message))
    }

    /// Takes up to ten messages out of a queue. If there is none, waits this long for one, in whole seconds.
    ///
    /// # Errors
    ///
    /// If the queue can't be read.
    pub async fn receive_batch(
        &self,
        queue_url: &str,
        wait: Duration,
    ) -> Result<Vec<Message>, StackError> {
        let answer = self
            .sqs
            .receive_message()
            .queue_url(queue_url)
            .max_number_of_messages(10)
            .wait_time_seconds(wait.as_secs().try_into().unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(StackError::aws("ReceiveMessage"))?;
        let messages = answer.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(messages);
        }
        let entries = messages.iter().enumerate().map(|(index, message)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .set_receipt_handle(message.receipt_handle.clone())
                .build()
                .expect("both fields are set")
        });
        self.sqs
            .delete_message_batch()
            .queue_url(queue_url)
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .map_err(StackError::aws("DeleteMessageBatch"))?;
        Ok(messages)
    }

    /// How many messages a queue holds, including those in flight.
    ///
    /// # Errors
    ///
    /// If the queue's attributes can't be read.
    pub async fn queue_depth(&self, queue_url: &str) -> Result<usize, StackError> {
        let counted = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let answer = self
            .sqs
            .get_queue_attributes()
            .queue_url(queue_url)
            .set_attribute_names(Some(counted.to_vec()))
            .send()
            .await
            .map_err(StackError::aws("GetQueueAttributes"))?;
        let attributes = answer.attributes().into_iter().flatten();
        Ok(attributes
            .filter(|(name, _)| counted.contains(name))
            .filter_map(|(_, count)| count.parse::<usize>().ok())
            .sum())
    }

    /// Makes a queue, or empties the one that an earlier call made, and returns its URL.
    pub(super) async fn empty_queue(&self, name: &str) -> Result<String, StackError> {
        let queue = self.sqs.create_queue().queue_name(name).send().await;
        let queue = queue.map_err(StackError::aws("CreateQueue"))?;
        let queue_url = queue.queue_url().unwrap_or_default().to_owned();
        self.purge(&queue_url).await?;
        Ok(queue_url)
    }

    pub(super) async fn queue_arn(&self, queue_url: &str) -> Result<String, StackError> {
        let answer = self
            .sqs
            .get_queue_attributes()
            .queue_url(queue_url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await
            .map_err(StackError::aws("GetQueueAttributes"))?;
        let attributes = answer.attributes.unwrap_or_default();
        let arn = attributes.get(&QueueAttributeName::QueueArn).cloned();
        arn.ok_or_else(|| StackError::Unexpected("a queue without an ARN".into()))
    }

    /// Empties a queue.
    ///
    /// # Errors
    ///
    /// If the queue can't be emptied.
    pub async fn purge(&self, queue_url: &str) -> Result<(), StackError> {
        self.sqs
            .purge_queue()
            .queue_url(queue_url)
            .send()
            .await
            .map_err(StackError::aws("PurgeQueue"))?;
        Ok(())
    }

    /// The token item, if there is one.
    ///
    /// # Errors
    ///
    /// If the table can't be read, or the item lacks an attribute or has one of the wrong type.
    pub async fn token_item(&self) -> Result<Option<TokenItem>, StackError> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(self.output("TokenTableName"))
            .key("id", AttributeValue::S(PARTNER_TOKEN.into()))
            .consistent_read(true)
            .send()
            .await
            .map_err(StackError::aws("GetItem"))?;
        let Some(item) = answer.item() else {
            return Ok(None);
        };
        let wrong = |name| StackError::Unexpected(format!("token item without a fit {name}"));
        let text = |name| {
            let value = item.get(name).and_then(|value| value.as_s().ok());
            value.cloned().ok_or_else(|| wrong(name))
        };
        let number = |name| {
            let value = item.get(name).and_then(|value| value.as_n().ok());
            value
                .and_then(|value| value.parse().ok())
                .ok_or_else(|| wrong(name))
        };
        let item = TokenItem {
            access_token: text("access_token")?,
            token_type: text("token_type")?,
            expires_at: number("expires_at")?,
            obtained_at: number("obtained_at")?,
        };
        self.recorder.forbid("access token", &item.access_token);
        Ok(Some(item))
    }

    /// Stores a token item and replaces the one that is stored.
    ///
    /// # Errors
    ///
    /// If the table can't be written.
    pub async fn put_token_item(&self, item: &TokenItem) -> Result<(), StackError> {
        self.recorder.forbid("access token", &item.access_token);
        self.dynamodb
            .put_item()
            .table_name(self.output("TokenTableName"))
            .item("id", AttributeValue::S(PARTNER_TOKEN.into()))
            .item("access_token", AttributeValue::S(item.access_token.clone()))
            .item("token_type", AttributeValue::S(item.token_type.clone()))
            .item("expires_at", AttributeValue::N(item.expires_at.to_string()))
            .item(
                "obtained_at",
                AttributeValue::N(item.obtained_at.to_string()),
            )
            .send()
            .await
            .map_err(StackError::aws("PutItem"))?;
        Ok(())
    }

    /// Removes the token item, if there is one.
    ///
    /// # Errors
    ///
    /// If the table can't be written.
    pub async fn delete_token_item(&self) -> Result<(), StackError> {
        self.dynamodb
            .delete_item()
            .table_name(self.output("TokenTableName"))
            .key("id", AttributeValue::S(PARTNER_TOKEN.into()))
            .send()
            .await
            .map_err(StackError::aws("DeleteItem"))?;
        Ok(())
    }
}
