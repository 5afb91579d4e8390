// A client of the Lambda Runtime API: fetches an event, calls the handler, posts its answer, one event at a time. It is leaner
// than the client of Lambda's managed Node runtime (no logging, no streaming, no deadline), which is in Node's favour.

import { Agent, request } from "node:http";
import { handler } from "./handler.mjs";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

async function main() {
  for (;;) {
    const { headers, body } = await call("GET", "next");
    const id = headers["lambda-runtime-aws-request-id"];
    const [outcome, answer] = await invoke(JSON.parse(body));
    await call("POST", `${id}/${outcome}`, JSON.stringify(answer));
  }
}

async function invoke(event) {
  try {
    return ["response", await handler(event)];
  } catch (error) {
    return ["error", { errorType: error.name, errorMessage: error.message }];
  }
}

function call(method, resource, payload = "") {
  const path = `/2018-06-01/runtime/invocation/${resource}`;
  const headers = payload && {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(payload),
  };
  return new Promise((resolve, reject) => {
    const exchange = request({ host, port, method, path, headers, agent }, async (response) => {
      const chunks = await response.toArray();
      resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() });
    });
    exchange.on("error", reject).end(payload);
  });
}

main();
