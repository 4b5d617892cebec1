// Two starling nodes and two Node.js nodes are one Socket.IO server, whichever adapter they use.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Emitter } from "@socket.io/redis-emitter";
import { createClient } from "redis";

import { cluster, freeze, gather, sorted, startsOrNot, together } from "./cluster_nodes.mjs";
import { cluster as redisCluster, Redis } from "./redis.mjs";
import { until } from "./server.mjs";

const modes = [
  ["classic", {}],
  ["classic", { node: { publishOnSpecificResponseChannel: true }, rooms: "channels" }],
  ["sharded", {}],
  ["sharded", { node: { subscriptionMode: "static" }, rooms: "static" }],
  ["sharded", { node: { subscriptionMode: "dynamic-private" }, rooms: "dynamic-private" }],
  ["streams", {}],
];

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
  for (const frozen of [3, 2]) test(`${mode}: a frozen node of ${frozen === 3 ? "Node.js" : "starling"} costs a question its time, and the answer says so`, async (t) => {
    const redis = await Redis.start(t);
    const { nodes, peers } = await cluster(t, redis, mode);
    await gather(peers, "red");
    assert.equal((await peers[0].all("who", "red"))[1], true);
    await freeze(t, nodes[frozen]);
    const others = peers.filter((_, i) => i !== frozen);
    const known = sorted(others.map(({ id }) => id));
    for (let i = 0; i < 3; ++i) {
      const begin = performance.now();
      const [ids, complete] = await peers[0].all("who", "red");
      t.diagnostic(`answer ${i + 1} after ${Math.round(performance.now() - begin)} ms`);
      assert.deepEqual([sorted(ids), complete], [known, false]);
    }
    const [answers, all] = await peers[frozen === 3 ? 2 : 0].all("ask", "red");
    assert.deepEqual([sorted(answers), all],
      [sorted(others.map(({ kind, port }) => `${kind} ${port}`)), false]);
    const [servers, every] = await peers[0].all("servers", "hello");
    assert.deepEqual([servers.length, every], [2, false]);
    nodes[frozen].signal("SIGCONT");
    const thawed = performance.now();
    await until(async () => {
      const [ids, complete] = await peers[0].all("who", "red");
      return ids.length === 4 && complete;
    }, "all again");
    t.diagnostic(`healed ${Math.round(performance.now() - thawed)} ms after the node was thawed`);
    await until(async () => (await peers[1].do("who", "red")).length === 4, "all again, for a Node.js node");
  });

  test(`${mode}: a node that is killed costs the others nothing`, async (t) => {
    const { nodes, peers } = await cluster(t, await Redis.start(t), mode);
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
    // Again and again: the node of the member may hear the first ones before it knows of the member.
    for (const [peer, room, text] of [[peers[2], "42", "from starling"], [peers[3], 42, "from Node.js"]])
      await until(async () => {
        await peer.do("say", room, text);
        return peers.slice(0, 2).every(({ heard }) => heard.includes(text));
      }, text);
    assert.deepEqual(peers.slice(2).map(({ heard }) => heard), [[], []]);

    emitter.in("green").disconnectSockets();
    await until(() => peers.every((peer) => peer.disconnected), "the end");
  });

  test("a wrong password: one line and exit 2; no Redis: the server starts and waits",
    (t) => startsOrNot(t, "classic"));
});
