// Topics, channels of server events and the gateway over three programs and a real Redis.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";

import { deadline, open } from "./client.mjs";
import { openAs, startGateway } from "./gateway.mjs";
import { Redis } from "./redis.mjs";
import { until } from "./server.mjs";
import { V1 } from "./v1.mjs";

const [send, close, publish, join, emit] = ["/tapr/ws/conn/send", "/tapr/ws/conn/close",
  "/tapr/ws/topic/publish", "/tapr/ws/topic/join", "/tapr/ws/conn/emit"];
const events_key = "key-for-events";

// Records the webhooks of all nodes.
async function application(t) {
  const got = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    got.push(JSON.parse(body));
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { got, url: `http://127.0.0.1:${server.address().port}/` };
}

// `count` programs, each a node with topics, channels and a gateway.
async function nodes(t, redis, count, { application = "", options = {} } = {}) {
  const started = await Promise.all(Array.from({ length: count }, (_, i) => startGateway({ application, options,
    config: {
      workers: 2,
      cluster: { url: `redis://127.0.0.1:${redis.port}`, name: `n${i}`, required: true },
      websocket: [{ path: "/rooms/:room", kind: "broadcast" }],
      events: { enabled: true, api_key: events_key, channels: [
        { pattern: "Open{n}", interval_s: 0, publishers: "anyone" },
        { pattern: "Slow{n}", interval_s: 3600 }] },
    } })));
  for (const node of started) t.after(() => node.stop());
  await Promise.all(started.map((node) => known(started, node)));
  return started;
}

// Waits until the node hears of all that are alive.
async function known(all, node) {
  const alive = all.filter(({ alive }) => alive).length;
  await until(async () => (await fetch(node.url("/readyz", "http"))).status === 200, "Redis");
  const channel = `Open${node.port}`;
  const clients = await Promise.all(all.filter((other) => other.alive && other !== node)
    .map(({ port }) => subscriber(port, channel)));
  let n = 0;
  await until(async () => {
    await event(node, channel, `known ${++n}`);
    return clients.every(({ events }) => events.length > 0);
  }, `${alive} nodes`);
  for (const client of clients) client.end();
}

async function subscriber(port, channel) {
  const client = await V1.connect(`ws://127.0.0.1:${port}/ws/channels`);
  const answer = await client.ask({ type: "subscribe", channel });
  assert.equal(answer.type, "subscribed");
  return client;
}

async function event(node, channel, text) {
  const answer = await fetch(node.url("/api/publish", "http"), { method: "POST",
    headers: { "X-Api-Key": events_key }, body: JSON.stringify({ channel, event: text }) });
  assert.equal(answer.status, 200);
  return answer.json();
}

// The lines of an EventSource.
async function stream(node, channel) {
  const response = await fetch(node.url(`/sse/ServerEvent?Ref=${channel}`, "http"));
  const reader = response.body.getReader();
  let text = "";
  return {
    async reads(wanted) {
      while (!text.includes(wanted)) {
        const { value, done } = await deadline(reader.read(), wanted);
        assert.ok(!done);
        text += Buffer.from(value);
      }
    },
    end: () => reader.cancel(),
  };
}

// Opens a socket of a topic, and waits until a publication of each node reaches it.
async function member(all, node, room) {
  const client = await open(node.url(`/rooms/${room}`));
  for (const from of all.filter(({ alive }) => alive)) {
    const other = await open(from.url(`/rooms/${room}`));
    let n = 0;
    const asking = setInterval(() => other.socket.send(`ready? ${from.port} ${++n}`), 20);
    while (!(await client.next()).startsWith(`ready? ${from.port}`));
    clearInterval(asking);
    // The last one may be under way.
    other.socket.send(`ready! ${from.port}`);
    while (await client.next() !== `ready! ${from.port}`);
    await other.close();
  }
  return client;
}

const success = (connections, missing = {}) =>
  ({ code: 0, message: "success", data: { connections, ...missing } });

test("topics: every node's publications, in order and once", async (t) => {
  const redis = await Redis.start(t);
  const all = await nodes(t, redis, 3);
  const clients = [];
  for (const node of all) clients.push(await member(all, node, "all"));
  // What member() sent to find out went to the earlier members too.
  const each = 300;
  const speakers = await Promise.all(all.map((node) => open(node.url("/rooms/all"))));
  for (const client of speakers) client.socket.on("error", () => {});
  for (let i = 0; i < each; ++i)
    for (const [k, speaker] of speakers.entries()) speaker.socket.send(`${k} ${i}`);
  for (const client of clients) {
    const next = [0, 0, 0];
    while (next.some((n) => n < each)) {
      const text = await client.next(`messages ${next}`);
      if (text.startsWith("ready")) continue;
      const [k, i] = text.split(" ").map(Number);
      assert.equal(i, next[k]++, text);
    }
  }
  // Binary stays binary, whatever the bytes.
  speakers[0].socket.send(Buffer.from([0, 255]));
  for (const client of clients) assert.deepEqual(await client.next(), Buffer.from([0, 255]));
});

test("channels: listeners of every kind on the other nodes, and the interval", async (t) => {
  const redis = await Redis.start(t);
  const all = await nodes(t, redis, 3);
  const v1 = await subscriber(all[1].port, "Open1");
  const plain = await open(all[1].url("/ws/ServerEvent?Ref=Open1"));
  const sse = await stream(all[2], "Open1");
  const here = await subscriber(all[0].port, "Open1");
  // From its answer on, all nodes know of what this node listens to.
  (await subscriber(all[2].port, "Open1")).end();
  assert.deepEqual(await event(all[0], "Open1", "by HTTP"), { delivered: 1, limited: 0 });
  assert.equal((await v1.event("message")).data, "by HTTP");
  assert.equal((await here.event("message")).data, "by HTTP");
  assert.equal(await plain.next(), "WS Server Event:by HTTP");
  await sse.reads("by HTTP");
  assert.equal((await v1.ask({ type: "publish", channel: "Open1", data: "by a client" })).type, "ack");
  assert.equal((await here.event("message")).data, "by a client");
  await sse.reads("by a client");
  sse.end();

  const slow = await subscriber(all[0].port, "Slow1");
  await slow.ask({ type: "subscribe", channel: "Open2" });
  await event(all[1], "Slow1", "first");
  assert.equal((await slow.event("message")).data, "first");
  for (const node of all) await event(node, "Slow1", "too soon");
  for (const node of all) await event(node, "Open2", "mark");
  for (let i = 0; i < 3; ++i) assert.equal((await slow.event("message")).data, "mark");
});

test("the gateway: the control API of one node reaches the clients of all", async (t) => {
  const redis = await Redis.start(t);
  const app = await application(t);
  const all = await nodes(t, redis, 3, { application: app.url });
  const ada = await Promise.all(all.map((node) => openAs(node, "ada")));
  const ben = await openAs(all[1], "ben");
  await until(() => app.got.filter(({ action }) => action === "open").length === 4, "the webhooks");

  assert.deepEqual((await all[0].post(send, { users: ["ada"], payload: { a: 1 } })).json, success(3));
  for (const client of ada) assert.equal(await client.next(), '{"a":1}');
  const id = app.got.find(({ user_name }) => user_name === "ben").conn_id;
  for (const node of all) {
    assert.deepEqual((await node.post(send, { conn_id: id, text: "ben" })).json, success(1));
    assert.equal(await ben.next(), "ben");
  }
  assert.deepEqual((await all[2].post(emit, { users: ["ben"], event: "said", data: [1] })).json, success(1));
  assert.equal(await ben.next(), '{"event":"said","data":[1]}');

  // The answer to a join comes when the other nodes know.
  for (let i = 0; i < 20; ++i) {
    assert.deepEqual((await all[0].post(join, { topic: `t${i}`, users: ["ben"] })).json, success(1));
    assert.deepEqual((await all[2].post(publish, { topic: `t${i}`, text: `t${i}` })).json, success(1));
    assert.equal(await ben.next(), `t${i}`);
  }
  assert.deepEqual((await all[2].post(publish, { topic: "t1", text: "x", except: [id] })).json, success(0));

  const listed = await all[2].get("/tapr/ws/conn/list");
  assert.deepEqual(listed.json.data.map(({ name, public_conns_number: n }) => [name, n]), [["ada", 3], ["ben", 1]]);
  assert.ok(!listed.text.includes("missing_nodes"));
  const first = (await all[0].get("/tapr/ws/conn/list?limit=3")).json;
  assert.equal(first.data[0].public_conns_number, 3);
  const rest = (await all[1].get(`/tapr/ws/conn/list?limit=3&cursor=${encodeURIComponent(first.cursor)}`)).json;
  assert.deepEqual(rest.data.map(({ name }) => name), ["ben"]);

  assert.deepEqual((await all[2].post(close, { users: ["ben"], code: 4001, reason: "go" })).json, success(1));
  assert.deepEqual(await ben.closed, { code: 4001, reason: "go" });
  await until(() => app.got.some(({ action, conn_id }) => action === "close" && conn_id === id), "close");
});

test("Redis is killed and comes back; a node is killed", async (t) => {
  const redis = await Redis.start(t);
  const all = await nodes(t, redis, 3);
  const topic = await member(all, all[1], "all");
  const v1 = await subscriber(all[1].port, "Open1");
  const speaker = await open(all[0].url("/rooms/all"));
  const ada = await Promise.all(all.map((node) => openAs(node, "ada")));
  await until(async () => (await all[0].post(send, { users: ["ada"], text: "hi" })).json.data.connections === 3,
    "three clients");

  await redis.kill();
  await until(async () => (await fetch(all[0].url("/readyz", "http"))).status === 503, "no Redis");
  for (let i = 0; i < 50; ++i) {
    speaker.socket.send(`away ${i}`);
    await event(all[0], "Open1", `away ${i}`);
  }
  // The node answers for itself, and says that others are missing. A subscription is answered too.
  const alone = (await all[0].post(send, { users: ["ada"], text: "alone" })).json;
  assert.deepEqual(alone, success(1, { missing_nodes: 2 }));
  assert.equal((await all[0].get("/tapr/ws/conn/list")).json.missing_nodes, 2);
  (await subscriber(all[0].port, "Open7")).end();

  await redis.restart();
  // What waited comes once, and in order.
  for (let i = 0; i < 50; ++i) {
    for (;;) {
      const text = await topic.next();
      if (text.startsWith("ready")) continue;
      assert.equal(text, `away ${i}`);
      break;
    }
    assert.equal((await v1.event("message")).data, `away ${i}`);
  }
  await until(async () => {
    const { json } = await all[2].post(send, { users: ["ada"], text: "back" });
    return json.data.connections === 3 && !json.data.missing_nodes;
  }, "the cluster to be whole");

  all[2].signal("SIGKILL");
  await all[2].exited;
  // First the question may wait for the dead node, which is known within a second.
  const began = performance.now();
  const { json } = await all[0].post(send, { users: ["ada"], text: "two" });
  assert.deepEqual(json, success(2, { missing_nodes: 1 }));
  t.diagnostic(`answered ${Math.round(performance.now() - began)} ms after a node was killed`);
  assert.equal((await all[1].get("/tapr/ws/conn/list")).json.missing_nodes, 1);
  speaker.socket.send("after");
  while (await topic.next() !== "after");
  for (const client of ada) client.end();
});
