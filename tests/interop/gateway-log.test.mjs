// The gateway's live log: what passes is told, over all workers; secrets are not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Application } from "../applications/application.mjs";
import { enter, openAs, startGateway } from "./gateway.mjs";
import { readLog, requestLog } from "./log_reader.mjs";
import { until } from "./server.mjs";

const actions = "application/vnd.starling.actions+json";
const about = (id, type) => (event) => event.type === type && event.conn_id === id;
const webhook = (id, action) => (event) => about(id, "webhook")(event) && event.action === action;

test("what a client does and gets, in order", async () => {
  const application = await Application.start(({ action }) => (action === "message"
    ? { headers: { "Content-Type": actions }, body: '{"actions":[{"send":{"payload":{"got":1}}}]}' } : {}));
  const gateway = await startGateway({ application: application.url });
  const log = await readLog(gateway);
  const { client, id } = await enter(gateway, application, "ada", { headers: { "User-Agent": "Loom/1" } });

  const opened = await log.next(about(id, "opened"));
  assert.deepEqual({ ...opened, time_ms: 0 }, { type: "opened", time_ms: 0, conn_id: id, user: "ada",
    public: true, path: "/ws", user_agent: "Loom/1" });
  assert.ok(Math.abs(opened.time_ms - Date.now()) < 3_600_000);
  assert.equal((await log.next(webhook(id, "open"))).status, 200);

  client.socket.send('{"hello":"world"}');
  assert.equal(await client.next(), '{"got":1}');
  const message = await log.next(webhook(id, "message"));
  assert.equal(message.data, '{"hello":"world"}');
  assert.equal(message.data_bytes, 17);
  assert.equal(message.tries, 1);
  assert.ok(message.duration_ms >= 0);
  const sent = await log.next(about(id, "request"));
  assert.deepEqual({ ...sent, time_ms: 0 }, { type: "request", time_ms: 0, by: "application", action: "send",
    conn_id: id, user: "ada", public: true, data: '{"got":1}', data_bytes: 9, connections: 1 });

  await client.close();
  await log.next(about(id, "closed"));
  assert.equal((await log.next(webhook(id, "close"))).data, "{}");
  await gateway.stop();
  await application.stop();
});

test("control requests, refused ones too, of two workers", async () => {
  const application = await Application.start();
  const gateway = await startGateway({ application: application.url, config: { workers: 2 } });
  const log = await readLog(gateway);
  const entered = [];
  for (let i = 0; i < 6; i += 1) entered.push(await enter(gateway, application, `user${i}`));
  for (const { id } of entered) await log.next(about(id, "opened"));

  const users = entered.map((one, i) => `user${i}`);
  await gateway.post("/tapr/ws/conn/send", { users, payload: { n: 1 } });
  const sent = await log.next(({ type }) => type === "request");
  assert.deepEqual([sent.by, sent.action, sent.users, sent.connections, sent.data],
    ["api", "send", users, 6, '{"n":1}']);

  await gateway.post("/tapr/ws/topic/join", { topic: "news", users: ["user1"] });
  await gateway.post("/tapr/ws/topic/publish", { topic: "news", base64: "AAEC" });
  const published = await log.next(({ action }) => action === "publish");
  assert.deepEqual([published.topic, published.binary, published.data, published.data_bytes,
    published.connections], ["news", true, "AAEC", 3, 1]);

  await gateway.post("/tapr/ws/conn/send", { payload: {} });
  const refused = await log.next(({ type }) => type === "refused");
  assert.deepEqual([refused.path, refused.status], ["/tapr/ws/conn/send", 400]);
  assert.match(refused.message, /conn_id|users|tokens/);

  await gateway.post("/tapr/ws/conn/close", { conns: [entered[0].id], code: 4000, reason: "enough" });
  const closing = await log.next(({ action }) => action === "close");
  assert.deepEqual([closing.conn_ids, closing.code, closing.reason], [[entered[0].id], 4000, "enough"]);
  await log.next(about(entered[0].id, "closed"));
  await gateway.stop();
  await application.stop();
});

test("failed tries, and a webhook that is given up", async () => {
  const application = await Application.start(({ action }) => ({ status: action === "open" ? 200 : 500 }));
  const gateway = await startGateway({ application: application.url, route: { retry_for_s: 0 } });
  const log = await readLog(gateway);
  const { client, id } = await enter(gateway, application, "ada");
  client.socket.send("boom");
  assert.equal((await log.next(webhook(id, "message"))).status, 500);
  assert.equal((await log.next(about(id, "given_up"))).action, "message");
  await application.stop();
  client.socket.send("gone");
  const failed = await log.next(webhook(id, "message"));
  assert.equal(failed.status, 0);
  assert.notEqual(failed.error, "");
  await gateway.stop();
});

test("texts are cut at 256 bytes, at a character", async () => {
  const application = await Application.start();
  const gateway = await startGateway({ application: application.url });
  const log = await readLog(gateway);
  const { client, id } = await enter(gateway, application, "ada");
  const text = `{"x":"${"é".repeat(1000)}"}`;
  client.socket.send(text);
  const message = await log.next(webhook(id, "message"));
  assert.equal(message.data, `{"x":"${"é".repeat(125)}`);
  assert.equal(message.data_bytes, Buffer.byteLength(text));
  await gateway.stop();
  await application.stop();
});

test("no secret is shown", async () => {
  const application = await Application.start();
  const gateway = await startGateway({ application: application.url,
    route: { signing_key: "signature-secret-of-the-test", forward_headers: ["Authorization"] } });
  const log = await readLog(gateway);
  const { client, id } = await enter(gateway, application, "ada", { token: "token-secret",
    headers: { Authorization: "Bearer bearer-secret" } });
  client.socket.send('{"token":"token-secret","padding":"x"}');
  assert.equal((await log.next(webhook(id, "message"))).data, '{"token":"***","padding":"x"}');
  await gateway.post("/tapr/ws/conn/send", { tokens: ["token-secret"], payload: 1 });
  assert.equal((await log.next(({ action }) => action === "send")).tokens_number, 1);
  await gateway.post("/tapr/ws/conn/send", { tokens: ["token-secret"] }, { "X-Api-Key": "wrong-secret" });
  assert.equal((await log.next(({ type }) => type === "refused")).status, 401);
  client.close();
  await log.next(webhook(id, "close"));
  const signature = application.webhooks[0].headers["webhook-signature"];
  for (const secret of ["token-secret", "bearer-secret", "wrong-secret", gateway.key, "signature",
    signature.slice("v1,".length)]) {
    assert.ok(!log.text.includes(secret), `${secret} in ${log.text}`);
  }
  await gateway.stop();
  await application.stop();
});

test("messages of clients without an application", async () => {
  const gateway = await startGateway({ application: "" });
  const log = await readLog(gateway);
  const client = await openAs(gateway, "ada");
  client.socket.send("hello");
  const message = await log.next(({ type }) => type === "message");
  assert.deepEqual([message.user, message.data, message.data_bytes], ["ada", "hello", 5]);
  await gateway.stop();
});

test("a key is needed, also where the rest of the API needs none", async () => {
  for (const olares of [false, true]) {
    const gateway = await startGateway({ application: "", olares });
    for (const headers of [{}, { "X-Api-Key": "wrong" }]) {
      const refused = await requestLog(gateway.port, headers);
      assert.equal(refused.status, 401);
      await refused.ended;
      assert.match(refused.text, /an API key is needed/);
    }
    await gateway.stop();
  }
});

// A page of any site can have a browser on this machine send requests.
test("with --olares a browser needs a key, and a program does not", async () => {
  const gateway = await startGateway({ application: "", olares: true });
  const list = "/tapr/ws/conn/list";
  assert.equal((await gateway.get(list)).status, 200);
  assert.equal((await gateway.get(list, { "Sec-Fetch-Mode": "cors" })).status, 200);
  assert.equal((await gateway.get(list, { "Sec-Fetch-Site": "same-origin" })).status, 401);
  assert.equal((await gateway.get(list, { Origin: `http://127.0.0.1:${gateway.port}` })).status, 401);
  await gateway.stop();
});

test("16 readers, and a place is free once one has left", async () => {
  const gateway = await startGateway({ application: "" });
  const logs = [];
  for (let i = 0; i < 16; i += 1) logs.push(await readLog(gateway));
  const refused = await requestLog(gateway.port, { "X-Api-Key": gateway.key });
  assert.equal(refused.status, 503);
  await refused.ended;
  assert.match(refused.text, /too many readers/);
  await logs[0].close();
  const again = await until(async () => {
    const log = await requestLog(gateway.port, { "X-Api-Key": gateway.key });
    return log.status === 200 && log;
  }, "a free place");
  await again.next(({ type }) => type === "started");
  await gateway.stop();
});

test("a reader that does not keep up is told how many events it lost", async () => {
  // On a busy machine the reader that does not read must not be cut off for that.
  const gateway = await startGateway({ application: "", config: { stalled_timeout_s: 3600 } });
  const slow = await readLog(gateway);
  slow.response.pause();
  // More than all buffers of the way to the reader hold.
  const total = 40_000;
  const client = await openAs(gateway, "ada");
  const text = "x".repeat(300);
  for (let i = 0; i < total; i += 1) client.socket.send(text);
  client.socket.send('{"event":"ping"}');
  assert.equal(await client.next(), '{"event":"pong"}');  // The gateway has read all of them.
  slow.response.resume();
  const { count } = await slow.next(({ type }) => type === "lost");
  client.socket.send("later");
  await slow.next(({ data }) => data === "later");
  const seen = slow.text.split('"type":"message"').length - 1;
  const lost = [...slow.text.matchAll(/"type":"lost","count":(\d+)/g)]
    .reduce((sum, [, number]) => sum + Number(number), 0);
  assert.ok(count > 0);
  assert.equal(seen + lost, total + 1);
  await gateway.stop();
});

test("the log ends when the server stops", async () => {
  const gateway = await startGateway({ application: "" });
  const log = await readLog(gateway);
  gateway.signal("SIGTERM");
  await log.ended;
  assert.equal(log.response.complete, true);
  assert.equal((await gateway.exited).code, 0);
});
