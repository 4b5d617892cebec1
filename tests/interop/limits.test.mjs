// The limits of rates (docs/limits.md) through the program, with npm ws, socket.io-client and fetch: 300
// sockets of one address, and 20,000 messages from one of them.
//
// The bursts are what is tested. A token that arrives during a test is allowed for by the time that
// the test has taken, so that a slow machine passes as well.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { test } from "node:test";

import { io } from "socket.io-client";

import { deadline, open, refusal } from "./client.mjs";
import { serve, until } from "./server.mjs";
import { V1 } from "./v1.mjs";

const sockets_count = 300, flood = 20_000;
const other = { localAddress: "127.0.0.2" };  // Another client of the same machine.

async function start(t, config) {
  const server = await serve(config, { admin: {} });
  t.after(() => server.stop());
  return server;
}

async function limited(server, limit) {
  const text = await (await fetch(`http://127.0.0.1:${server.adminPort}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`starling_limited_total{limit="${limit}"} `));
  return Number(line.split(" ")[1]);
}

// The figures of /metrics may be a second old.
const isCounted = (server, limit, count) =>
  until(async () => await limited(server, limit) === count, `${limit}: ${count}`);

// The number of tokens that a bucket of one token per second can have got since `began`.
const arrived = (began) => Math.ceil((performance.now() - began) / 1000);

function between(value, least, most, what) {
  assert.ok(value >= least && value <= most, `${what}: ${value}, not ${least} to ${most}`);
}

// A GET on a connection of its own.
function get(server, path, options = other) {
  return deadline(new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port: server.port, path, agent: false, ...options }, (response) => {
      response.resume();
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers }));
    });
    request.on("error", reject);
  }), path);
}

function isRefused({ status, headers }) {
  assert.equal(status, 429);
  assert.ok(Number(headers["retry-after"]) >= 1, `Retry-After: ${headers["retry-after"]}`);
}

test("300 sockets of one address: the next gets 429, another address gets in", async (t) => {
  const server = await start(t, {
    websocket: [{ path: "/room", kind: "broadcast" }],
    limits: { connections_per_address_max: sockets_count, exempt: ["127.0.0.1"] },
  });
  const clients = await Promise.all(
    Array.from({ length: sockets_count }, () => open(server.url("/room"), [], other)));
  isRefused(await refusal(server.url("/room"), [], other));
  isRefused(await get(server, "/healthz"));
  await isCounted(server, "connections_open", 2);
  const line = server.stderr.split("\n").find((one) => one.includes("an address has too many connections"));
  assert.match(line, /address=127\.0\.0\.2\b.*so_far=1\b/);

  const third = await open(server.url("/room"), [], { localAddress: "127.0.0.3" });
  await clients[0].close();
  const next = await until(() => open(server.url("/room"), [], other).catch(() => null), "a place");
  for (const one of [...clients, third, next]) one.end();
});

test("new connections of an address: a burst, then 429 with Retry-After", async (t) => {
  const server = await start(t, {
    limits: { connections: { per_second: 1, burst: 5 }, exempt: ["127.0.0.1"] },
  });
  const began = performance.now();
  const answers = [];
  for (let i = 0; i < 40; ++i) answers.push(await get(server, "/healthz"));
  const refused = answers.filter(({ status }) => status !== 200);
  between(answers.length - refused.length, 5, 5 + arrived(began), "connections");
  refused.forEach(isRefused);
  await isCounted(server, "connections", refused.length);
  assert.equal((await get(server, "/healthz", {})).status, 200);  // An address that is exempt.
});

// Sends the flood without waiting for answers.
function sendFlood(client) {
  for (let i = 0; i < flood; ++i) client.socket.send(`message ${i}`);
}

test("20,000 messages of one socket to 300: closed with 1008 after the burst", async (t) => {
  const burst = 100;
  const server = await start(t, {
    websocket: [{ path: "/room", kind: "broadcast" }],
    limits: { messages: { per_second: 1, burst } },
  });
  const clients = await Promise.all(Array.from({ length: sockets_count }, () => open(server.url("/room"))));
  const [sender, ...others] = clients;
  const counts = others.map(() => 0), last = others.map(() => "");
  others.forEach((one, i) => one.socket.on("message", (data) => {
    ++counts[i];
    last[i] = data.toString();
  }));
  const began = performance.now();
  sendFlood(sender);
  assert.deepEqual(await sender.closed, { code: 1008, reason: "too many messages" });
  const most = burst + arrived(began);
  // Each of the others gets what was taken, and then the message of another sender.
  others[0].socket.send("still here");
  await until(() => last.every((data) => data === "still here"), "the messages");
  assert.equal(new Set(counts).size, 1);
  between(counts[0] - 1, burst, most, "messages");
  await isCounted(server, "messages", 1);
  clients.forEach((one) => one.end());
});

test("20,000 messages with `drop`: each is delivered or counted, and the socket stays", async (t) => {
  const burst = 100;
  const server = await start(t, {
    websocket: [{ path: "/room", kind: "broadcast" }],
    limits: { messages: { per_second: 1, burst }, excess: "drop" },
  });
  const clients = await Promise.all(Array.from({ length: 10 }, () => open(server.url("/room"))));
  const counts = clients.map(() => 0);
  clients.forEach((one, i) => one.socket.on("message", () => { ++counts[i]; }));
  const began = performance.now();
  sendFlood(clients[0]);
  const pong = once(clients[0].socket, "pong");
  clients[0].socket.ping();  // It is answered after all messages before it.
  await deadline(pong, "the pong");
  const most = burst + arrived(began);
  await until(async () => {
    const delivered = flood - await limited(server, "messages");
    return counts.every((count) => count === delivered);
  }, "the messages");
  between(counts[0], burst, most, "messages");
  clients.forEach((one) => one.end());
});

test("messages over the burst end a Socket.IO session over both transports", async (t) => {
  const server = await start(t, {
    socketio: [{ kind: "broadcast", serve_client: false }],
    limits: { messages: { per_second: 1, burst: 20 } },
  });
  for (const [count, transport, reasons] of [
    [1, "websocket", ["transport close"]],
    // The answer to the POST is an error for the client; the poll may end first.
    [2, "polling", ["transport error", "transport close"]],
  ]) {
    const socket = connect(t, server, [transport]);
    await when(socket, "connect");
    const left = when(socket, "disconnect");
    for (let i = 0; i < 1000; ++i) socket.emit("flood", i);
    const [reason] = await left;
    assert.ok(reasons.includes(reason), `${transport}: ${reason}`);
    await isCounted(server, "messages", count);
  }
});

function connect(t, server, transports) {
  const socket = io(`http://127.0.0.1:${server.port}`, { forceNew: true, reconnection: false, transports });
  t.after(() => socket.disconnect());
  return socket;
}
const when = (socket, event) => deadline(once(socket, event), event);
const ask = (socket, ...args) => deadline(socket.emitWithAck(...args), args[0]);

const channels = {
  events: { enabled: true, api_key: "publish-key", channels: [{ pattern: "c{n}", interval_s: 0, publishers: "anyone" }] },
  socketio: [{ serve_client: false, rooms_max: 1000 }],
};
const too_many = { error: { code: 429, message: "too many subscriptions in a short time" } };

test("joins: subscriptions of Socket.IO over both transports, and of starling.v1", async (t) => {
  const burst = 5;
  const server = await start(t, { ...channels, limits: { joins: { per_second: 1, burst } } });
  let counted = 0;
  for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
    const socket = connect(t, server, transports);
    await when(socket, "connect");
    const began = performance.now();
    const first = await Promise.all(Array.from({ length: 15 }, (_, i) => ask(socket, "subscribe", `c${i}`)));
    // A session keeps its bucket when it moves to a WebSocket, and when it unsubscribes.
    if (transports.length > 1)
      await until(() => socket.io.engine.transport.name === "websocket", "the upgrade");
    assert.deepEqual(await ask(socket, "unsubscribe", "c0"), {});
    const more = await Promise.all(Array.from({ length: 15 }, (_, i) => ask(socket, "subscribe", `c${i + 15}`)));
    const refused = [...first, ...more].filter((answer) => answer.error);
    refused.forEach((answer) => assert.deepEqual(answer, too_many));
    between(30 - refused.length, burst, burst + arrived(began), `${transports} subscriptions`);
    assert.deepEqual(first.slice(0, burst), Array(burst).fill({}));
    counted += refused.length;
    await isCounted(server, "joins", counted);
  }
  const v1 = await V1.connect(server.url("/ws/channels"));
  const began = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => v1.ask({ type: "subscribe", channel: `c${i}` })));
  const refused = answers.filter((answer) => answer.code === 429 || answer.error?.code === 429);
  between(30 - refused.length, burst, burst + arrived(began), "subscriptions of starling.v1");
  await isCounted(server, "joins", counted + refused.length);
  v1.socket.terminate();
});

test("publications: of a channel by clients and by the API, and requests with a key", async (t) => {
  const server = await start(t, {
    ...channels, limits: { channel_publishes: { per_second: 1, burst: 5 }, key_publishes: { per_second: 1, burst: 20 } },
  });
  const publish = (channel) => fetch(`http://127.0.0.1:${server.port}/api/publish`, {
    method: "POST", headers: { "X-Api-Key": "publish-key" }, body: JSON.stringify({ channel, event: "x" }),
  });
  const socket = connect(t, server, ["websocket"]);
  await when(socket, "connect");
  let began = performance.now();
  const answers = await Promise.all(Array.from({ length: 15 }, () => ask(socket, "publish", "c1", "x")));
  const refused = answers.filter((answer) => answer.error);
  refused.forEach((answer) => assert.equal(answer.error.code, 429));
  between(15 - refused.length, 5, 5 + arrived(began), "publications");
  await isCounted(server, "channel_publishes", refused.length);

  began = performance.now();
  const requests = [];
  for (let i = 0; i < 40; ++i) requests.push(await publish(`c${100 + i}`));  // No channel twice.
  const over = requests.filter(({ status }) => status !== 200);
  for (const { status, headers } of over) isRefused({ status, headers: { "retry-after": headers.get("retry-after") } });
  between(40 - over.length, 20, 20 + arrived(began), "requests");
  await isCounted(server, "key_publishes", over.length);
});
