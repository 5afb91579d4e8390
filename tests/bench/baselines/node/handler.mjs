// The webhook function as WHOOP's documentation shows it in Node: HMAC over the raw body, compared in constant time. The
// secret is fetched at the first request and kept.

import { createHmac, timingSafeEqual } from "node:crypto";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const secretsManager = new SecretsManagerClient();
// By default the queue's URL would win over AWS_ENDPOINT_URL_SQS.
const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });

let signingSecret;

export const handler = async (event) => {
  const receivedAt = new Date().toISOString();
  const rawBody = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8");
  signingSecret ??= await fetchSigningSecret();
  if (!isSigned(rawBody, event.headers["whoop-signed"])) {
    return { statusCode: 401 };
  }
  await queue(rawBody.toString("utf8"), receivedAt, event.requestContext.requestId);
  return { statusCode: 204 };
};

async function fetchSigningSecret() {
  const secret = await secretsManager.send(
    new GetSecretValueCommand({ SecretId: process.env.WEBHOOK_SIGNING_SECRET_ID }),
  );
  return JSON.parse(secret.SecretString).signing_secret;
}

function isSigned(rawBody, signature = "") {
  const expected = Buffer.from(createHmac("sha256", signingSecret).update(rawBody).digest("hex"));
  const received = Buffer.from(signature);
  return received.length === expected.length && timingSafeEqual(received, expected);
}

async function queue(body, receivedAt, requestId) {
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: process.env.WEBHOOK_QUEUE_URL,
      MessageBody: body,
      MessageAttributes: {
        received_at: stringAttribute(receivedAt),
        event_type: stringAttribute(JSON.parse(body).event_type ?? "unknown"),
        request_id: stringAttribute(requestId),
      },
    }),
  );
}

function stringAttribute(value) {
  return { DataType: "String", StringValue: value };
}
