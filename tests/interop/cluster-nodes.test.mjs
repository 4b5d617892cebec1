// Two starling nodes and two Node.js nodes are one Socket.IO server, whichever adapter they use.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Emitter } from "@socket.io/redis-emitter";
import { createClient } from "redis";

import { cluster, gather } from "./cluster_nodes.mjs";
import { cluster as redisCluster, Redis } from "./redis.mjs";
import { freePort, Program, until } from "./server.mjs";

const sorted = (list) => [...list].sort();
const modes = [
  ["classic", {}],
  ["classic", { node: { publishOnSpecificResponseChannel: true }, rooms: "channels" }],
  ["sharded", {}],
  ["sharded", { node: { subscriptionMode: "static" }, rooms: "static" }],
  ["sharded", { node: { subscriptionMode: "dynamic-private" }, rooms: "dynamic-private" }],
  ["streams", {}],
];

// Does every operation from every node.
async function together(peers) {
  await gather(peers, "red");

  // Each sentence reaches everybody once, in the order of its speaker.
  for (let i = 0; i < 20; ++i)
    for (const peer of peers) await peer.do("say", "red", `${peer.port} ${i}`);
  await until(() => peers.every((peer) => peer.heard.length >= 80), "80 sentences");
  for (const peer of peers)
    for (const { port } of peers)
      assert.deepEqual(peer.heard.filter((text) => text.startsWith(`${port} `)),
        Array.from({ length: 20 }, (_, i) => `${port} ${i}`), `${peer.kind} heard`);

  for (const peer of peers) {
    for (const one of peers) one.heard.length = 0;
    await peer.do("say", "red", { bytes: Buffer.from([0, 1, 255]), in: [Buffer.alloc(0), "é"] });
    await until(() => peers.every((one) => one.heard.length > 0), "bytes");
    for (const { heard: [{ bytes, in: [empty, text] }] } of peers)
      assert.deepEqual([[...bytes], empty.length, text], [[0, 1, 255], 0, "é"]);
  }

  const all = sorted(peers.map(({ id }) => id));
  const answers = sorted(peers.map(({ kind, port }) => `${kind} ${port}`));
  for (const peer of peers) {
    assert.deepEqual(sorted(await peer.do("who", "red")), all, `${peer.kind} asks who is there`);
    assert.deepEqual(sorted(await peer.do("ask", "red")), answers, `${peer.kind} asks all`);
    assert.deepEqual(sorted(await peer.do("servers", "hello")),
      sorted(peers.filter((one) => one !== peer).map(({ kind, port }) => `${kind} ${port} got hello`)),
      `${peer.kind} asks the servers`);
    assert.deepEqual(await peer.do("who", "nowhere"), []);
  }

  // Rooms move, by a starling node and back by a Node.js node.
  for (const [peer, from, to] of [[peers[0], "red", "blue"], [peers[1], "blue", "red"]]) {
    await peer.do("move", from, to);
    for (const one of peers)
      await until(async () => (await one.do("who", to)).length === 4
        && (await one.do("who", from)).length === 0, `${from} to ${to}`);
  }

  // Whoever leaves hears no more.
  for (const peer of peers.slice(0, 2)) await peer.do("leave", "red");
  for (const peer of peers)
    await until(async () => (await peer.do("who", "red")).length === 2, "two have left");
  for (const peer of peers) peer.heard.length = 0;
  await peers[0].do("say", "red", "a");
  await until(() => peers[2].heard.length > 0 && peers[3].heard.length > 0, "a");
  assert.deepEqual(peers.map(({ heard }) => heard), [[], [], ["a"], ["a"]]);

  // A Node.js node disconnects a client of starling, and the other way round.
  await peers[2].do("join", "out");
  await until(async () => (await peers[1].do("who", "out")).length === 1, "a room");
  await peers[1].do("kick", "out");
  await until(() => peers[2].disconnected, "the client of starling");
  await peers[3].do("join", "out");
  await until(async () => (await peers[0].do("who", "out")).length === 1, "a room");
  await peers[0].do("kick", "out");
  await until(() => peers[3].disconnected, "the client of Node.js");
  assert.deepEqual(peers.map((peer) => peer.disconnected), [false, false, true, true]);
}

for (const [mode, options] of modes) {
  test(`${mode} ${JSON.stringify(options)}: every operation from every node`, async (t) => {
    const { peers } = await cluster(t, await Redis.start(t), mode, options);
    await together(peers);
  });
}

test("sharded: every operation from every node over a Redis Cluster", async (t) => {
  const [first] = await redisCluster(t);
  const { peers } = await cluster(t, first, "sharded", { url: `redis+cluster://127.0.0.1:${first.port}` });
  await together(peers);
});

for (const mode of ["classic", "sharded", "streams"]) {
  test(`${mode}: Redis ends and comes back: what was said meanwhile comes once and in order`, async (t) => {
    const redis = await Redis.start(t);
    const { peers } = await cluster(t, redis, mode);
    await gather(peers, "red");
    // Both starling nodes have counted the nodes since all are there.
    const counts = async () => Number(/pubsub\|(?:shard)?numsub:calls=(\d+)/.exec(
      await redis.cli("INFO", "commandstats"))?.[1] ?? 0);
    const before = await counts();
    await until(async () => await counts() >= before + 4, "the nodes to be counted");
    await redis.kill();
    const texts = Array.from({ length: 1000 }, (_, i) => `meanwhile ${i}`);
    for (const text of texts) peers[0].socket.emit("say", "red", text, () => {});
    await peers[0].do("say", "red", "last");
    await redis.restart();
    const back = performance.now();
    await until(() => peers.every(({ heard }) => heard.includes("last")), "what was said meanwhile");
    t.diagnostic(`healed ${Math.round(performance.now() - back)} ms after Redis was back`);
    for (const peer of peers)
      assert.deepEqual(peer.heard, [...texts, "last"], `a client of ${peer.kind}`);
    assert.equal((await peers[0].do("who", "red")).length, 4);
  });
}

describe("classic", () => {
  test("the emitter, and rooms that are numbers", async (t) => {
    const redis = await Redis.start(t);
    const { peers } = await cluster(t, redis, "classic");
    await gather(peers, "red");
    const client = createClient({ url: `redis://127.0.0.1:${redis.port}` });
    client.on("error", () => {}); // Redis may end first.
    await client.connect();
    t.after(() => client.disconnect());
    const emitter = new Emitter(client);
    emitter.to("red").emit("said", "from outside");
    emitter.emit("said", Buffer.from([1, 2]));
    await until(() => peers.every(({ heard }) => heard.length === 2), "the emitter");
    for (const { heard } of peers) {
      assert.equal(heard[0], "from outside");
      assert.deepEqual([...heard[1]], [1, 2]);
      heard.length = 0;
    }
    emitter.in("red").socketsJoin("green");
    await until(async () => (await peers[0].do("who", "green")).length === 4, "green");
    emitter.in("green").socketsLeave("red");
    await until(async () => (await peers[1].do("who", "red")).length === 0, "not red");

    // On a Node.js node the room is a number.
    await peers[0].do("join", "42");
    await peers[1].do("join", 42);
    await peers[2].do("say", "42", "from starling");
    await until(() => peers[0].heard.length > 0 && peers[1].heard.length > 0, "42");
    await peers[3].do("say", 42, "from Node.js");
    await until(() => peers[0].heard.length > 1 && peers[1].heard.length > 1, "42");
    assert.deepEqual(peers.map(({ heard }) => heard.length), [2, 2, 0, 0]);

    emitter.in("green").disconnectSockets();
    await until(() => peers.every((peer) => peer.disconnected), "the end");
  });

  test("a node that is frozen costs a question its time, not its answer", async (t) => {
    const redis = await Redis.start(t);
    const { nodes, peers } = await cluster(t, redis, "classic");
    await gather(peers, "red");
    nodes[3].signal("SIGSTOP");
    t.after(() => nodes[3].signal("SIGCONT"));
    const known = sorted(peers.slice(0, 3).map(({ id }) => id));
    assert.deepEqual(sorted(await peers[0].do("who", "red")), known);
    assert.deepEqual(sorted(await peers[2].do("ask", "red")),
      sorted(peers.slice(0, 3).map(({ kind, port }) => `${kind} ${port}`)));
    assert.equal((await peers[0].do("servers", "hello")).length, 2);
    nodes[3].signal("SIGCONT");
    await until(async () => (await peers[0].do("who", "red")).length === 4, "all again");
  });

  test("a node that is killed costs the others nothing", async (t) => {
    const { nodes, peers } = await cluster(t, await Redis.start(t), "classic");
    await gather(peers, "red");
    nodes[2].signal("SIGKILL");
    nodes[3].signal("SIGKILL");
    await until(() => peers[2].disconnected && peers[3].disconnected, "the end of two nodes");
    const left = sorted([peers[0].id, peers[1].id]);
    for (const peer of peers.slice(0, 2)) {
      await until(async () => (await peer.do("servers", "hello")).length === 1, "Redis to know it");
      assert.deepEqual(sorted(await peer.do("who", "red")), left);
      assert.equal((await peer.do("ask", "red")).length, 2);
    }
  });

  test("a wrong password: one line and exit 2; no Redis: the server starts and waits", async (t) => {
    const redis = await Redis.start(t, ["--requirepass", "right"], { args: ["-a", "right"] });
    const port = await freePort();
    const refused = new Program("examples/cluster_node",
      [String(port), `redis://:wrong@127.0.0.1:${redis.port}`, "classic"]);
    assert.equal((await refused.exited).code, 2);
    assert.match(refused.output, /^[^\n]*cluster: Redis refuses this node: [^\n]*wrong user or password[^\n]*\n$/);
    const away = new Program("examples/cluster_node",
      [String(port), `redis://127.0.0.1:${await freePort()}`, "classic"], { port });
    t.after(() => away.stop());
    await until(() => /cluster: Redis is away: /.test(away.output), "a line about Redis");
    assert.ok(away.alive);
  });
});
