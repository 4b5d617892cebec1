// Channels over Socket.IO while the Redis of a cluster's histories is away: subscriptions wait, a bounded number of
// them; publications wait within the bytes that a node keeps. A real Redis is killed and started again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { deadline } from "./client.mjs";
import { Redis } from "./redis.mjs";
import { serve, until } from "./server.mjs";
import { client4 } from "./socketio/harness.mjs";

const waiting_max = 10_000;  // Of WaitingCalls, in a namespace.

async function start(t) {
  const redis = await Redis.start(t);
  const node = await serve({
    workers: 2,
    cluster: { url: `redis://127.0.0.1:${redis.port}`, required: true },
    events: { enabled: true, event_bytes_max: 200_000, channels: [
      { pattern: "kept{n}", history: { messages: 1000 }, publishers: "anyone", interval_s: 0 },
      { pattern: "plain", publishers: "anyone", interval_s: 0 },
    ] },
    socketio: [{ serve_client: false }],
  });
  t.after(() => node.stop());
  await until(async () => (await fetch(node.url("/readyz", "http"))).status === 200, "readiness");
  const socket = client4.io(node.url("/", "http"), { forceNew: true, reconnection: false, transports: ["websocket"] });
  t.after(() => socket.disconnect());
  await deadline(new Promise((resolve) => { socket.on("connect", resolve); }), "the connection");
  const away = async () => {
    await redis.kill();
    await until(async () => (await fetch(node.url("/readyz", "http"))).status === 503, "the node to see it");
  };
  return { redis, node, socket, away };
}

const ask = (socket, ...args) => new Promise((resolve) => { socket.emit(...args, resolve); });

test("a subscription waits while Redis is away; beyond 10,000 that wait the answer is the error 503", async (t) => {
  const { redis, socket, away } = await start(t);
  assert.deepEqual(await deadline(ask(socket, "subscribe", "kept0"), "kept0"), {});
  await away();
  const answers = [];
  const one = ask(socket, "subscribe", "kept1").then((answer) => answers.push(answer));
  // A channel without a history does not wait, nor does one that is listened to already.
  assert.deepEqual(await deadline(ask(socket, "subscribe", "plain"), "plain"), {});
  assert.deepEqual(await deadline(ask(socket, "subscribe", "kept0"), "kept0"), {});
  assert.deepEqual(answers, []);

  const more = [];
  for (let i = 1; i < waiting_max; i += 1) more.push(ask(socket, "subscribe", "kept1"));
  const { error } = await deadline(ask(socket, "subscribe", "kept2"), "the refusal");
  assert.deepEqual([error.code, error.message], [503, "too many subscriptions wait for their channels"]);
  assert.deepEqual(answers, []);

  await redis.restart();
  await deadline(one, "the answer");
  assert.deepEqual(answers, [{}]);
  assert.ok((await deadline(Promise.all(more), "all answers")).every(({ error: refused }) => refused === undefined));
  // The channel is listened to, and there is room again.
  assert.deepEqual(await deadline(ask(socket, "subscribe", "kept2"), "kept2"), {});
  const heard = new Promise((resolve) => { socket.on("publication", resolve); });
  const { offset } = await deadline(ask(socket, "publish", "kept1", "back"), "the publication");
  assert.deepEqual(await deadline(heard, "the event"), { channel: "kept1", data: "back", offset });
});

test("publications wait while Redis is away, within 16 MiB; the others get the error 503 at once", async (t) => {
  const { redis, socket, away } = await start(t);
  await away();
  const text = "x".repeat(190_000);
  let done = 0;
  const refused = [];
  const all = [];
  for (let i = 0; i < 100; i += 1)
    all.push(ask(socket, "publish", "kept1", text).then((answer) => {
      done += 1;
      if (answer.error) refused.push(answer.error);
      return answer;
    }));
  // What has no history goes past the ones that wait.
  assert.deepEqual(await deadline(ask(socket, "publish", "plain", "now"), "plain"), {});
  await until(() => refused.length > 0, "a refusal");
  assert.deepEqual([refused[0].code, refused[0].message], [503, "the history is away"]);
  assert.ok(done < 100, `${done} of 100 were answered`);
  await redis.restart();
  const answers = await deadline(Promise.all(all), "all answers");
  const kept = answers.filter(({ offset }) => offset !== undefined).length;
  assert.equal(kept + refused.length, 100);
  assert.ok(kept >= 50, `${kept} were kept`);
});
