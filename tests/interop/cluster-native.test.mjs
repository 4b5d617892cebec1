// Four starling nodes in the mode native are one Socket.IO server, and stay one when Redis or a node is away.
import assert from "node:assert/strict";
import { test } from "node:test";

import { certificate } from "./certificates.mjs";
import { cluster, freeze, sorted, startsOrNot, together } from "./cluster_nodes.mjs";
import { cluster as redisCluster, Redis, watched } from "./redis.mjs";
import { temporaryFolder, until } from "./server.mjs";

const texts = (name, count) => Array.from({ length: count }, (_, i) => `${name} ${i}`);

// The ack of a join means that everything is heard from now on: nobody has to try.
async function all(peers, room) {
  await Promise.all(peers.map((peer) => peer.do("join", room)));
}

for (const [name, start] of [
  ["one Redis", async (t) => [await Redis.start(t), {}]],
  ["a Unix-domain socket", async (t) => {
    const redis = await Redis.start(t, [], { unix: true });
    return [redis, { url: `redis+unix://${redis.path}` }];
  }],
  ["a Redis Cluster", async (t) => {
    const [first] = await redisCluster(t);
    return [first, { url: `redis+cluster://127.0.0.1:${first.port}` }];
  }],
  ["TLS", async (t) => {
    const tls = certificate(temporaryFolder(), "localhost");
    const redis = await Redis.start(t, [], { tls });
    return [redis, { url: `rediss://localhost:${redis.port}`, env: { SSL_CERT_FILE: tls.cert } }];
  }],
  ["TLS and Sentinel", async (t) => {
    const tls = certificate(temporaryFolder(), "localhost");
    const { master, watch } = await watched(t, { tls });
    return [master, { url: `rediss+sentinel://localhost:${watch.port}/m`, env: { SSL_CERT_FILE: tls.cert } }];
  }],
  ["TLS and a Redis Cluster", async (t) => {
    const tls = certificate(temporaryFolder(), "localhost");
    const [first] = await redisCluster(t, { tls });
    return [first, { url: `rediss+cluster://localhost:${first.port}`, env: { SSL_CERT_FILE: tls.cert } }];
  }],
  ["one Redis, in two groups", async (t) => [await Redis.start(t), { rooms: "groups" }]],
  ["one Redis, with recovery", async (t) => [await Redis.start(t), { rooms: "recovery" }]],
  ["a Redis Cluster, with recovery", async (t) => {
    const [first] = await redisCluster(t);
    return [first, { url: `redis+cluster://127.0.0.1:${first.port}`, rooms: "recovery" }];
  }],
]) {
  test(`every operation from every node over ${name}`, async (t) => {
    const [redis, options] = await start(t);
    const { peers } = await cluster(t, redis, "native", options);
    await together(peers);
  });
}

for (const rooms of [undefined, "recovery"]) test(`from the ack of a join on, each sentence of any node comes once and in order${
  rooms ? ", with recovery" : ""}`, async (t) => {
  const { peers } = await cluster(t, await Redis.start(t), "native", { rooms });
  for (let round = 0; round < 20; ++round) {
    const room = `room ${round}`;
    await all(peers, room);
    for (const peer of peers) peer.socket.emit("say", room, `${peer.port} ${round}`, () => {});
    await until(() => peers.every(({ heard }) => heard.length >= 4 * (round + 1)), room);
  }
  for (const peer of peers)
    for (const { port } of peers)
      assert.deepEqual(peer.heard.filter((text) => text.startsWith(`${port} `)), texts(port, 20));
});

for (const rooms of [undefined, "recovery"]) test(`whom a node moves to another room gets what the node says there next${
  rooms ? ", with recovery" : ""}`, async (t) => {
  const { peers } = await cluster(t, await Redis.start(t), "native", { rooms });
  await all(peers, "room 0");
  for (let i = 0; i < 20; ++i) {
    peers[0].socket.emit("move", `room ${i}`, `room ${i + 1}`, () => {});
    await peers[0].do("say", `room ${i + 1}`, `sentence ${i}`);
    assert.equal((await peers[0].do("who", `room ${i + 1}`)).length, 4);
    await until(() => peers.every(({ heard }) => heard.length > i), `sentence ${i}`);
  }
  for (const peer of peers) assert.deepEqual(peer.heard, texts("sentence", 20));
});

test("a client that comes back to its node has missed nothing of the other nodes", async (t) => {
  const { peers } = await cluster(t, await Redis.start(t), "native", { rooms: "recovery" });
  await all(peers, "red");
  await peers[0].do("say", "red", "before");
  await until(() => peers[1].heard.length === 1, "the first sentence");
  peers[1].socket.io.engine.close();
  await until(() => peers[1].disconnected, "the end of the connection");
  await until(async () => (await peers[0].do("who", "red")).length === 3, "the node to notice");
  const said = texts("meanwhile", 10);
  for (const text of said) await peers[0].do("say", "red", text);
  await until(() => peers[2].heard.length === 11, "the others");
  peers[1].socket.connect();
  await until(() => peers[1].heard.length >= 11, "what was missed");
  assert.ok(peers[1].socket.recovered);
  assert.deepEqual(peers[1].heard, ["before", ...said]);
});

test("Redis ends with 1,000 sentences under way, and comes back: each comes once and in order", async (t) => {
  const redis = await Redis.start(t);
  const { peers } = await cluster(t, redis, "native");
  await all(peers, "red");
  const said = texts("sentence", 1000);
  for (const text of said.slice(0, 300)) peers[0].socket.emit("say", "red", text, () => {});
  await until(() => peers[1].heard.length > 0, "the first sentences");
  const killed = redis.kill();
  for (const text of said.slice(300)) peers[0].socket.emit("say", "red", text, () => {});
  await killed;
  assert.deepEqual(await peers[0].do("who", "red"), [peers[0].id]);
  await peers[0].do("say", "red", "last");
  await redis.restart();
  const back = performance.now();
  await until(() => peers.every(({ heard }) => heard.includes("last")), "what was said meanwhile");
  t.diagnostic(`healed ${Math.round(performance.now() - back)} ms after Redis was back`);
  for (const peer of peers) assert.deepEqual(peer.heard, [...said, "last"]);
  assert.equal((await peers[0].do("who", "red")).length, 4);
});

test("Redis freezes, and its replica takes over: each sentence comes once and in order", async (t) => {
  const { master, watch } = await watched(t);
  const { peers } = await cluster(t, master, "native", { url: `redis+sentinel://127.0.0.1:${watch.port}/m` });
  await all(peers, "red");
  const said = texts("sentence", 600);
  for (const text of said.slice(0, 200)) await peers[0].do("say", "red", text);
  master.signal("SIGSTOP");
  t.after(() => master.signal("SIGCONT"));
  for (const text of said.slice(200, 400)) await peers[0].do("say", "red", text);
  master.signal("SIGCONT");
  await until(() => peers.every(({ heard }) => heard.length >= 400), "what was said while Redis was frozen");
  await master.kill();
  for (const text of said.slice(400)) await peers[0].do("say", "red", text);
  const killed = performance.now();
  await until(() => peers.every(({ heard }) => heard.length >= 600), "the replica to take over");
  t.diagnostic(`healed ${Math.round(performance.now() - killed)} ms after the death of the master`);
  for (const peer of peers) assert.deepEqual(peer.heard, said);
});

for (const rooms of [undefined, "recovery"]) test(`a node that is frozen delays no question, and hears later what was said${
  rooms ? ", with recovery" : ""}`, async (t) => {
  const { nodes, peers } = await cluster(t, await Redis.start(t), "native", { rooms });
  await all(peers, "red");
  await freeze(t, nodes[3]);
  const known = sorted(peers.slice(0, 3).map(({ id }) => id));
  const begin = performance.now();
  assert.deepEqual(sorted(await peers[0].do("who", "red")), known);
  t.diagnostic(`answered after ${Math.round(performance.now() - begin)} ms`);
  assert.deepEqual(sorted(await peers[2].do("ask", "red")),
    sorted(peers.slice(0, 3).map(({ kind, port }) => `${kind} ${port}`)));
  assert.equal((await peers[0].do("servers", "hello")).length, 2);
  const said = texts("meanwhile", 100);
  for (const text of said) await peers[1].do("say", "red", text);
  nodes[3].signal("SIGCONT");
  await until(() => peers.every(({ heard }) => heard.length >= 100), "what was said meanwhile");
  for (const peer of peers) assert.deepEqual(peer.heard, said);
  await until(async () => (await peers[0].do("who", "red")).length === 4, "all again");
});

for (const rooms of [undefined, "groups", "recovery"]) test(`a node that is killed, and one that ends, cost the others nothing${
  rooms ? `, with ${rooms}` : ""}`, async (t) => {
  const { nodes, peers } = await cluster(t, await Redis.start(t), "native", { rooms });
  await all(peers, "red");
  nodes[2].signal("SIGTERM");
  nodes[3].signal("SIGKILL");
  await until(() => peers[2].disconnected && peers[3].disconnected, "the end of two nodes");
  await Promise.all([nodes[2].exited, nodes[3].exited]);  // A node that ends answers until it has ended.
  for (const peer of peers.slice(0, 2)) {
    assert.deepEqual(sorted(await peer.do("who", "red")), sorted([peers[0].id, peers[1].id]));
    assert.equal((await peer.do("ask", "red")).length, 2);
    const others = await peer.do("servers", "hello");
    assert.equal(others.length, 1, JSON.stringify(others));
  }
});

test("a wrong password: one line and exit 2; no Redis: the server starts and waits",
  (t) => startsOrNot(t, "native"));
