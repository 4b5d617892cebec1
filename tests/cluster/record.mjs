// Records what Node.js Socket.IO servers and emitters send to Redis: tests/cluster/record.mjs > tests/cluster/recorded.txt
//
// Starts a redis-server of its own on a free port, and for each adapter two Socket.IO servers, A and
// B, with one client each. A does each operation of `operations` once. Redis' MONITOR tells the
// commands, which are printed as MONITOR quotes them, without the time and the address:
//
//     # classic: emit to a room
//     "publish" "socket.io#/#room#" "\x93\xa6..."
//
// The random numbers have a fixed seed, so that two recordings differ only in times and in what
// depends on the order of events.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const require = createRequire(import.meta.url);
const crypto = require("node:crypto");
let seed = 1;
const seeded = (size) =>
  Buffer.from(Array.from({ length: size }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 16;
  }));
crypto.randomBytes = (size, done) => {
  const bytes = seeded(size);
  return done ? process.nextTick(done, null, bytes) : bytes;
};

const { Server } = require("socket.io");
const { io: connect } = require("socket.io-client");
const { createClient } = require("redis");
const { createAdapter, createShardedAdapter } = require("@socket.io/redis-adapter");
const streams = require("@socket.io/redis-streams-adapter").createAdapter;
const streams02 = require("redis-streams-adapter-02").createAdapter;
const { Emitter } = require("@socket.io/redis-emitter");

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

const folder = mkdtempSync(path.join(os.tmpdir(), "record-"));
const port = await freePort();
const redis = spawn("redis-server", ["--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", ""], {
  stdio: "ignore",
});
process.on("exit", () => redis.kill());
// The adapters' last commands, which meet a connection that is closed.
process.on("unhandledRejection", (error) => {
  if (!/client|connection|socket/i.test(String(error))) throw error;
});
const url = `redis://127.0.0.1:${port}`;

async function client() {
  const one = createClient({ url });
  one.on("error", () => {});
  await one.connect();
  return one;
}

// ---- MONITOR ------------------------------------------------------------------------------------
const commands = [];
let heard = () => {};
async function monitor() {
  let socket;
  for (;;) {
    socket = net.connect(port, "127.0.0.1");
    const [connected] = await Promise.race([
      once(socket, "connect").then(() => [true]),
      once(socket, "error").then(() => [false]),
    ]).catch(() => [false]);
    if (connected) break;
  }
  socket.setEncoding("latin1");
  let rest = "";
  socket.on("data", (text) => {
    const lines = (rest + text).split("\r\n");
    rest = lines.pop();
    for (const line of lines) {
      const found = /^\+\d+\.\d+ \[[^\]]*\] (.*)$/.exec(line);
      if (found) commands.push(found[1]);
    }
    heard();
  });
  socket.write("MONITOR\r\n");
  return socket;
}

const kept = /^"(s?publish|xadd|set|getdel|xrange|p?s?subscribe|pubsub)" /i;
// Waits until `last` accepts the commands since the previous call; prints and forgets them.
async function recorded(title, last) {
  while (!last(commands.filter((line) => kept.test(line)))) await new Promise((done) => (heard = done));
  heard = () => {};
  console.log(`\n# ${title}`);
  for (const line of commands.splice(0)) if (kept.test(line)) console.log(line);
}
// Waits until the connections of the last nodes are gone, and forgets what these sent at their end.
let admin;
async function drained() {
  await Promise.allSettled(all.splice(0).map((one) => one.disconnect()));
  // The connections of `admin` and of MONITOR stay.
  while ((await admin.sendCommand(["CLIENT", "LIST"])).trim().split("\n").length > 2);
  const mark = `"ECHO" "${crypto.randomUUID()}"`;
  await admin.sendCommand(["ECHO", mark.slice(8, -1)]);
  while (!commands.includes(mark)) await new Promise((done) => (heard = done));
  heard = () => {};
  commands.length = 0;
}
const count = (n) => (lines) => lines.filter((line) => /^"(s?publish|xadd|set)"/i.test(line)).length >= n;

// ---- The nodes ----------------------------------------------------------------------------------
async function node(adapter, options = {}) {
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  const io = new Server(http, { adapter: await adapter(), ...options });
  io.on("connection", (socket) => {
    socket.join(["all", "42"]);
    socket.join(42);
    socket.data = { name: "ünï", n: 1.5 };
  });
  io.on("question", (...args) => {
    const ack = args.pop();
    if (typeof ack === "function") ack({ answer: args });
  });
  return { io, http, port: http.address().port };
}

async function join(server, options = {}) {
  const socket = connect(`http://127.0.0.1:${server.port}`, { transports: ["websocket"], forceNew: true, ...options });
  socket.on("ask", (...args) => args.pop()("answer", args.length));
  socket.on("askbytes", (...args) => args.pop()(Buffer.from([1, 2, 255])));
  await once(socket, "connect");
  return socket;
}

// Each operation, and how many messages it causes.
const operations = [
  ["emit to all", 1, ({ io }) => io.emit("hello", 1, -1, 1.5, "é", null, true, [1], { a: { b: 2 } }, 4294967296)],
  ["emit to a room", 1, ({ io }) => io.to("all").emit("hello", "room")],
  ["emit to a numeric room", 1, ({ io }) => io.to(42).emit("hello", "number")],
  ["emit to rooms except rooms", 1, ({ io }) => io.to(["all", "b"]).except(["x", "y"]).emit("hello", "except")],
  ["emit with flags", 1, ({ io }) => io.volatile.compress(false).emit("hello", "flags")],
  ["emit bytes", 1, ({ io }) => io.to("all").emit("bytes", Buffer.from([0, 1, 254]), { deep: Buffer.from("x") })],
  ["emit a date and undefined", 1, ({ io }) => io.emit("odd", new Date(86400000), undefined, { u: undefined })],
  ["emit with ack", 3, ({ io }) => io.to("all").timeout(2000).emitWithAck("ask", 7)],
  ["emit with ack of bytes", 3, ({ io }) => io.to("all").timeout(2000).emitWithAck("askbytes", Buffer.from([9]))],
  ["sockets join", 1, ({ io }) => io.in("all").except("x").socketsJoin(["r1", "r2"])],
  ["sockets leave", 1, ({ io }) => io.in("all").socketsLeave("r1")],
  ["fetch sockets", 2, ({ io }) => io.in("all").except("x").fetchSockets()],
  ["server side emit", 1, ({ io }) => io.serverSideEmit("event", 1, { a: "b" })],
  ["server side emit with ack", 2, ({ io }) => io.serverSideEmitWithAck("question", "text", 1)],
  ["server side emit of bytes", 1, ({ io }) => io.serverSideEmit("event", Buffer.from([1, 2]))],
  ["disconnect sockets", 1, ({ io }) => io.in("nobody").disconnectSockets(true)],
];

async function record(name, adapter, subscribes, { heartbeats = 0, extra = [], options = {} } = {}) {
  const a = await node(adapter, options);
  const b = await node(adapter, options);
  const clients = [await join(a), await join(b)];
  const ready = (lines) =>
    lines.filter((line) => /^"p?s?subscribe"/i.test(line)).length >= subscribes && count(heartbeats)(lines);
  await recorded(`${name}: start`, ready);
  for (const [title, messages, run] of operations.concat(extra)) {
    await run(a, b, clients);
    await recorded(`${name}: ${title}`, count(messages));
  }
  for (const socket of clients) socket.disconnect();
  for (const { io, http } of [a, b]) {
    await io.close();
    http.close();
  }
  await drained();
}
const all = [];
async function pair() {
  const pub = await client();
  const sub = await client();
  all.push(pub, sub);
  return [pub, sub];
}
const classic = (options) => async () => createAdapter(...(await pair()), options);
const sharded = (options) => async () => createShardedAdapter(...(await pair()), options);
const stream = (make, options) => async () => make((await pair())[0], options);

const classicExtra = [
  ["all rooms", 2, ({ io }) => io.of("/").adapter.allRooms()],
  ["sockets", 3, ({ io }) => {
    const adapter = io.of("/").adapter; // No method of 8.3 sends it; older nodes did.
    adapter.pubClient.publish(adapter.requestChannel, JSON.stringify({
      uid: adapter.uid, requestId: "abc123", type: 0, rooms: ["all"] }));
  }],
];

const recover = { connectionStateRecovery: {} };
async function recovery() {
  const a = await node(stream(streams), recover);
  const b = await node(stream(streams), recover);
  const socket = await join(a);
  const got = once(socket, "hello");
  a.io.emit("hello", 1);
  await got;
  await recorded("streams recovery: emit", count(1));
  socket.io.engine.close();
  await recorded("streams recovery: session saved", (lines) => lines.some((line) => /^"set"/i.test(line)));
  a.io.emit("hello", 2);
  await recorded("streams recovery: emit while away", count(1));
  socket.io.uri = `http://127.0.0.1:${b.port}`;
  socket.connect();
  await once(socket, "connect");
  await recorded("streams recovery: session restored", (lines) => lines.filter((line) => /^"xrange"/i.test(line)).length > 1);
  socket.disconnect();
  for (const { io, http } of [a, b]) {
    await io.close();
    http.close();
  }
  await drained();
}

async function emitter() {
  const [pub] = await pair();
  const emit = new Emitter(pub);
  const run = async (title, call) => {
    call();
    await recorded(`emitter: ${title}`, count(1));
  };
  await run("emit to all", () => emit.emit("hello", 1));
  await run("emit to a room of a namespace", () => emit.of("/admin").to("all").except("x").volatile.emit("hello", Buffer.from([1])));
  await run("sockets join", () => emit.in("all").socketsJoin(["r1"]));
  await run("sockets leave", () => emit.in("all").except("x").socketsLeave("r1"));
  await run("disconnect sockets", () => emit.in("all").disconnectSockets());
  await run("server side emit", () => emit.serverSideEmit("event", 1));
  await drained();
}

const watch = await monitor();
try {
  admin = await client();
  await record("classic", classic(), 4, { extra: classicExtra });
  await record("classic specific", classic({ publishOnSpecificResponseChannel: true, key: "k" }), 4);
  await record("sharded dynamic", sharded(), 6);
  await record("sharded static", sharded({ subscriptionMode: "static", channelPrefix: "p" }), 4);
  await record("sharded private", sharded({ subscriptionMode: "dynamic-private" }), 8);
  await record("streams", stream(streams), 2);
  await record("streams sharded", stream(streams, { useShardedPubSub: true, streamCount: 3 }), 2);
  await record("streams 0.2", stream(streams02), 0, { heartbeats: 6 });
  await recovery();
  await emitter();
} finally {
  watch.destroy();
  redis.kill();
  await once(redis, "exit");
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
