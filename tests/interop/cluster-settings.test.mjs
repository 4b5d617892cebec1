// Settings of a cluster that do not fit together: each is said, and nothing is mixed up in silence.
import assert from "node:assert/strict";
import { test } from "node:test";

import { io } from "socket.io-client";

import { cluster as redisCluster, Redis } from "./redis.mjs";
import { serve, until } from "./server.mjs";

const modes = ["native", "classic", "sharded", "streams"];
const ready = async (program) => (await fetch(program.url("/readyz", "http"))).status;

async function start(t, cluster, config = {}) {
  const program = await serve({ workers: 1, cluster, ...config }, { admin: {} });
  t.after(() => program.stop());
  return program;
}

for (const [mode, more] of [...modes.map((mode) => [mode, {}]), ["native", { connection_state_recovery: { enabled: true } }]]) {
  test(`${mode}${more.connection_state_recovery ? ", with recovery" : ""}: two Socket.IO servers of one program are two clusters`, async (t) => {
    const redis = await Redis.start(t);
    const paths = ["/a/", "/b/", "/socket.io/"];
    const programs = await Promise.all([1, 2].map(() => start(t,
      { url: `redis://127.0.0.1:${redis.port}`, mode, required: true },
      { socketio: paths.map((path) => ({ path, kind: "broadcast", ...more })) })));
    for (const program of programs) await until(async () => await ready(program) === 200, "readiness");
    const clients = programs.flatMap((program, node) => paths.map((path) => {
      const socket = io(program.url("", "http"), { path, transports: ["websocket"], forceNew: true });
      t.after(() => socket.disconnect());
      const heard = new Set();
      socket.on("said", (text) => heard.add(text));
      return { socket, heard, path, node };
    }));
    await until(() => clients.every(({ socket }) => socket.connected), "the clients");
    const here = clients.filter(({ node }) => node === 0), there = clients.filter(({ node }) => node === 1);
    // Said again and again, until the nodes know each other.
    await until(() => {
      for (const { socket, path } of here) socket.emit("said", `from ${path}`);
      return there.every(({ heard, path }) => heard.has(`from ${path}`));
    }, "the words of the own path");
    for (const { heard, path } of clients) assert.deepEqual([...heard].filter((text) => text !== `from ${path}`), [], path);
  });
}

test("redis+cluster:// to a server that is alone ends the program with a line", async (t) => {
  const redis = await Redis.start(t);
  for (const mode of modes.filter((one) => one !== "classic"))
    await assert.rejects(start(t, { url: `redis+cluster://127.0.0.1:${redis.port}`, mode }),
      /no node of a Redis Cluster: use redis:\/\//, mode);
});

test("redis:// to a node of a Redis Cluster is not ready once the other nodes are needed", async (t) => {
  const shards = await redisCluster(t);
  const programs = await Promise.all(shards.map(({ port }) => start(t,
    { url: `redis://127.0.0.1:${port}`, mode: "streams", required: true },
    { socketio: [{ kind: "broadcast" }] })));
  const said = () => programs.filter(({ output }) => output.includes("is a node of a Redis Cluster: use redis+cluster://"));
  // One of them has the stream's slot.
  const sockets = programs.map((program) => io(program.url("", "http"), { transports: ["websocket"] }));
  t.after(() => { for (const socket of sockets) socket.disconnect(); });
  await until(() => {
    for (const socket of sockets) socket.emit("said", "hello");
    return said().length === programs.length - 1;
  }, "the warnings");
  for (const program of said()) await until(async () => await ready(program) === 503, "not ready");
});

for (const [what, other] of [["secret", { secret: "another" }], ["groups", { groups: 2 }], ["mode", { mode: "classic" }]]) {
  test(`nodes with another ${what} say so`, async (t) => {
    const redis = await Redis.start(t);
    const usual = { url: `redis://127.0.0.1:${redis.port}`, secret: "the secret" };
    const programs = [await start(t, { ...usual, name: "n1" }), await start(t, { ...usual, name: "n2", ...other })];
    for (const [i, program] of programs.entries()) {
      await until(() => program.output.includes(`node n${2 - i} has other settings`), what);
      const metrics = await (await fetch(`http://127.0.0.1:${program.adminPort}/metrics`)).text();
      assert.match(metrics, /^starling_nodes_other_settings_total [1-9]/m);
    }
  });
}

test("nodes of which one recovers its clients and one does not say so", async (t) => {
  const redis = await Redis.start(t);
  const usual = { url: `redis://127.0.0.1:${redis.port}`, mode: "native" };
  const [recovers, does_not] = await Promise.all([true, false].map((enabled) => start(t, usual,
    { socketio: [{ kind: "broadcast", connection_state_recovery: { enabled } }] })));
  const why = "connection_state_recovery must be the same on all nodes";
  await until(() => does_not.output.includes(`events of another node do not come: it has a stream for them: ${why}`),
    "a line of the node without");
  const socket = io(does_not.url("", "http"), { transports: ["websocket"] });
  t.after(() => socket.disconnect());
  await until(() => {
    socket.emit("said", "hello");
    return recovers.output.includes(`another node does not get the events of this one: ${why}`);
  }, "a line of the other node");
});
