// A node's user in Redis has exactly the rights that docs/cluster-redis.md lists: nodes of each mode run with
// it, and Redis denies them nothing.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { Peer, start } from "./cluster_nodes.mjs";
import { cluster as redisCluster, Redis, watched } from "./redis.mjs";
import { repository, serve, until } from "./server.mjs";
import { V1 } from "./v1.mjs";

// The words after "ACL SETUSER node" under each comment of the page.
const rights = new Map();
const page = readFileSync(path.join(repository, "docs/cluster-redis.md"), "utf8");
for (const [, title, words] of page.matchAll(/^# (.*)\nACL SETUSER node (.*)$/gm)) rights.set(title, words.split(" "));
const of = (start_of_title) => {
  if (rights.has(start_of_title)) return rights.get(start_of_title);
  const found = [...rights].filter(([title]) => title.startsWith(start_of_title));
  assert.equal(found.length, 1, start_of_title);
  return found[0][1];
};
const everything = "every node";

async function allow(servers, titles) {
  for (const redis of servers)
    for (const title of [everything, ...titles]) await redis.cli("ACL", "SETUSER", "node", ...of(title));
}

// Nothing was denied, and the nodes have this user.
async function check(servers) {
  for (const redis of servers) {
    assert.equal(await redis.cli("ACL", "LOG"), "");
    assert.match(await redis.cli("CLIENT", "LIST"), /name=starling .*user=node/);
  }
}

// Two nodes of examples/cluster_node, and all that their clients can do.
async function use(t, url, mode, rooms) {
  const env = { LC_ALL: "C" };
  const nodes = [];
  for (let i = 0; i < 2; ++i) nodes.push(await start(t, "starling", url, mode, {}, rooms ? [rooms] : [], env));
  const peers = nodes.map(({ kind, port }) => new Peer(t, kind, port));
  await until(() => peers.every(({ socket }) => socket.connected), "the clients");
  const [ann, bob] = peers;
  for (const peer of peers)
    await until(async () => (await peer.do("servers", "hello")).length === 1, "the nodes");
  for (const peer of peers) await peer.do("join", "red");
  await until(async () => (await ann.do("who", "red")).length === 2, "both in the room");
  await until(async () => {
    await ann.do("say", "red", "hello");
    return bob.heard.includes("hello");
  }, "the text");
  assert.equal((await bob.do("ask", "red")).length, 2);
  await ann.do("move", "red", "blue");
  await until(async () => (await bob.do("who", "blue")).length === 2, "both to be moved");
  await ann.do("keep", 7);
  for (const peer of peers) await peer.do("leave", "blue");
  await bob.do("kick", ann.id);
  await until(() => ann.disconnected, "the end of a client");
  return nodes;
}

for (const [mode, rooms, titles] of [
  ["native", undefined, []],
  ["native", "recovery", ["mode native with"]],
  ["classic", "pattern", ["mode classic"]],
  ["classic", "channels", ["mode classic"]],
  ["classic", "engine", ["mode classic", "node_engine"]],
  ["sharded", "dynamic", ["mode sharded"]],
  ["streams", undefined, ["mode streams"]],
  ["streams", "recovery", ["mode streams", "mode streams with"]],
])
  test(`the rights of a node: ${mode} ${rooms ?? ""}`, async (t) => {
    const redis = await Redis.start(t);
    await allow([redis], titles);
    const nodes = await use(t, `redis://node:secret@127.0.0.1:${redis.port}`, mode, rooms);
    await check([redis]);
    for (const { program } of nodes) await program.stop();
    assert.equal(await redis.cli("ACL", "LOG"), "");
  });

// Channels with a history and with presence, on two nodes.
async function useChannels(t, url) {
  const key = "a-key-for-publishers";
  const nodes = [];
  for (let i = 0; i < 2; ++i) {
    const node = await serve({ cluster: { url, required: true }, events: { enabled: true, api_key: key,
      channels: [{ pattern: "news", history: { messages: 2, seconds: 60 }, presence: "connections" }] } });
    t.after(() => node.stop());
    nodes.push(node);
  }
  for (const node of nodes)
    await until(async () => (await fetch(node.url("/readyz", "http"))).status === 200, "readiness");
  const clients = [];
  for (const node of nodes) {
    const client = await V1.connect(node.url("/ws/channels"));
    t.after(() => client.end());
    assert.equal((await client.ask({ type: "subscribe", channel: "news", presence: true, since: "1-x" })).type,
      "subscribed");
    clients.push(client);
  }
  for (let i = 0; i < 4; ++i) {
    const answer = await fetch(nodes[i % 2].url("/api/publish", "http"), { method: "POST",
      headers: { "X-Api-Key": key }, body: JSON.stringify({ channel: "news", event: `event ${i}` }) });
    assert.equal(answer.status, 200);
  }
  for (const client of clients) await until(() =>
    client.events.some(({ type, data }) => type === "message" && data === "event 3"), "the events")
    .catch((late) => {
      throw new Error(`${late.message}: ${JSON.stringify(clients.map(({ events }) => events))}\n${
        nodes.map(({ output }) => output).join("\n")}`);
    });
  const history = await clients[0].ask({ type: "history", channel: "news" });
  assert.deepEqual(history.messages.map(({ data }) => data), ["event 2", "event 3"]);
  return nodes;
}

test("the rights of a node: a history, in a database of its own", async (t) => {
  const redis = await Redis.start(t);
  await allow([redis], ["channels with a history", "a database"]);
  await useChannels(t, `redis://node:secret@127.0.0.1:${redis.port}/3`);
  await check([redis]);
});

test("the rights of a node: Redis Cluster", async (t) => {
  const shards = await redisCluster(t);
  await allow(shards, ["mode sharded", "channels with a history", "redis+cluster"]);
  const url = `redis+cluster://node:secret@127.0.0.1:${shards[0].port}`;
  await use(t, url, "sharded", "dynamic");
  await useChannels(t, url);
  for (const shard of shards) assert.equal(await shard.cli("ACL", "LOG"), "");
});

test("the rights of a node: Sentinel", async (t) => {
  const { master, replica, watch } = await watched(t);
  await allow([master, replica], ["redis+sentinel"]);
  await use(t, `redis+sentinel://node:secret@127.0.0.1:${watch.port}/m`, "native");
  await check([master]);
});
