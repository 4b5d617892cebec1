// The samples of the document that applications for Olares' WebSocket container were written by
// (gateway_samples/samples.md), as printed: with a value for each <placeholder>, and without the comments that
// the document put into its JSON.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { Application } from "../applications/application.mjs";
import { enter, request, startGateway } from "./gateway.mjs";
import { temporaryFolder } from "./server.mjs";

const document = readFileSync(new URL("gateway_samples/samples.md", import.meta.url), "utf8");
const samples = Object.fromEntries([...document.matchAll(/^## (.*)\n\n```\w+\n([^`]*)```$/gm)]
  .map(([, title, text]) => [title, text]));

// JSON from a printed sample: `//` begins a comment, `...` stands for more, a comma may be the last one.
function json(text, values = {}) {
  const filled = text.replace(/<([\w-]+)>/g, (whole, name) => values[name] ?? whole);
  return filled.replace(/\s*\/\/.*$/gm, "").replace(/\{ ?\.\.\. ?\}/g, "{}").replace(/, \.\.\.(?=\])/g, "")
    .replace(/,(?=\s*[}\]])/g, "");
}

// {method, path, body, response} of a sample of the control API. The body's and the response's bytes as printed.
function call(title, values) {
  const [, port, target] = /URL：http:\/\/localhost:(\d+)(\S+)/.exec(samples[title]);
  const [, method] = /请求方式：(\w+)/.exec(samples[title]);
  const [, body = ""] = /\/\/ body\n([^]*?)\n\n/.exec(samples[title]) ?? [];
  const [, response] = /\/\/ 响应示例\n([^]*)/.exec(samples[title]);
  assert.equal(port, "40010");
  return { method, path: target, body: json(body, values), response: JSON.parse(json(response, values)) };
}

// Everything that `sample` has is in `actual`, with the type that it has there.
function assertShape(actual, sample, place = "the answer") {
  if (Array.isArray(sample)) {
    assert.ok(Array.isArray(actual) && actual.length > 0, place);
    return actual.forEach((item, i) => assertShape(item, sample[0], `${place}[${i}]`));
  }
  assert.equal(typeof actual, typeof sample, place);
  if (typeof sample === "object") {
    for (const [name, value] of Object.entries(sample)) assertShape(actual[name], value, `${place}.${name}`);
  }
  return undefined;
}

describe("the samples of the document", () => {
  let application;
  let gateway;
  let one;
  let two;
  before(async () => {
    application = await Application.start();
    gateway = await startGateway({ application: application.url, olares: true });
    one = await enter(gateway, application, "userName-1", { token: "t1" });
    two = await enter(gateway, application, "userName-2", { token: "t2" });
  });
  after(async () => {
    await gateway?.stop();
    await application?.stop();
  });

  const calls = async ({ method, path: target, body }) => {
    const answer = await request(gateway.port,
      { method, path: target, body, headers: body ? { "Content-Type": "application/json" } : {} });
    assert.equal(answer.status, 200);
    return answer.json;
  };
  const names = { "userName-1": "userName-1", "userName-2": "userName-2" };

  test("the document has these samples", () => {
    assert.deepEqual(Object.keys(samples), ["message", "ping", "send", "close", "list", "webhook open",
      "webhook message", "webhook close", "manifest"]);
  });

  test("a ping, line breaks and all, is answered", async () => {
    one.client.socket.send(samples.ping);
    assert.equal(await one.client.next(), '{"event":"pong"}');
  });

  test("a message, and the three webhooks", async () => {
    const message = json(samples.message);
    const { client, id } = await enter(gateway, application, "userName-3");
    client.socket.send(message);
    await application.next("message");
    await client.close();
    await application.next("close");
    const webhooks = application.of(id);
    assert.deepEqual(webhooks.map(({ action }) => action), ["open", "message", "close"]);
    for (const webhook of webhooks) {
      const sample = samples[`webhook ${webhook.action}`];
      const [, target] = /URL：http:\/\/localhost:3010(\S+)/.exec(sample);
      const [, method] = /请求方式：(\w+)/.exec(sample);
      assert.deepEqual([webhook.path, webhook.method], [target, method]);
      const [, body] = /\/\/ body\n([^]*?\n\})/.exec(sample);
      const printed = JSON.parse(json(body, { userName: "userName-3" }));
      const received = JSON.parse(webhook.text);
      assert.deepEqual(Object.keys(received).slice(0, 4), Object.keys(printed));
      assert.equal(received.user_name, "userName-3");
      if (webhook.action !== "message") assert.deepEqual(received.data, printed.data);
      assertShape(received, printed);
    }
    assert.ok(webhooks[1].text.startsWith(`{"data":${message},"action":"message"`), webhooks[1].text);
  });

  test("send, with all that is printed; without users; without conn_id", async () => {
    const whole = call("send", { ...names, connId: one.id });
    assertShape(await calls(whole), whole.response);
    assert.equal(await one.client.next(), "{}");
    const { users, conn_id, ...rest } = JSON.parse(whole.body);
    assertShape(await calls({ ...whole, body: JSON.stringify({ ...rest, conn_id }) }), whole.response);
    assert.equal(await one.client.next(), "{}");
    assertShape(await calls({ ...whole, body: JSON.stringify({ ...rest, users }) }), whole.response);
    for (const { client } of [one, two]) assert.equal(await client.next(), "{}");
  });

  test("list", async () => {
    const list = call("list");
    const answer = await calls(list);
    assertShape(answer, list.response);
    assert.deepEqual(answer.data.map(({ name, conns }) => [name, conns[0].id]),
      [["userName-1", one.id], ["userName-2", two.id]]);
  });

  test("close, with all that is printed; users alone", async () => {
    const whole = call("close", { connId: one.id, userName: "userName-1" });
    assertShape(await calls(whole), whole.response);
    assert.equal((await one.client.closed).code, 1000);
    const { users } = JSON.parse(call("close", { userName: "userName-2" }).body);
    assertShape(await calls({ ...whole, body: JSON.stringify({ users }) }), whole.response);
    assert.equal((await two.client.closed).code, 1000);
    for (const { id } of [one, two]) {
      await application.next(({ action, conn_id }) => action === "close" && conn_id === id);
    }
    assert.deepEqual((await calls(call("list"))).data, []);
  });
});

test("the manifest of the document names the application", async () => {
  const file = path.join(temporaryFolder(), "OlaresManifest.yaml");
  writeFileSync(file, samples.manifest);
  const gateway = await startGateway({ args: ["--manifest", file] });
  assert.match(gateway.stdout, /webhooks to http:\/\/127\.0\.0\.1:8888\/ws\/message$/m);
  await gateway.stop();
});
