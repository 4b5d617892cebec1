// The client of Redis (src/redis/client) with real servers, through the program redis_test_client.
import assert from "node:assert/strict";
import { test } from "node:test";

import { certificate } from "./certificates.mjs";
import { Client, cluster, Redis, watched } from "./redis.mjs";
import { temporaryFolder, until } from "./server.mjs";

const url = (redis, rest = "") => `redis://127.0.0.1:${redis.port}${rest}`;

// All that one connection can do, whatever the protocol.
async function speaks(client) {
  client.write("subscribe channel news", "subscribe pattern new*");
  await client.line("ready");
  client.write("command SET k v", "command GET k", "command GET none", "command LPUSH k 1",
    "command NOSUCHCOMMAND");
  assert.equal(await client.line("answer 1"), "answer 1 OK");
  assert.equal(await client.line("answer 2"), "answer 2 v");
  assert.equal(await client.line("answer 3"), "answer 3 null");
  assert.match(await client.line("answer 4"), /^answer 4 ! WRONGTYPE/);
  assert.match(await client.line("answer 5"), /^answer 5 ! ERR unknown command/);
  // With RESP3 a message comes before the answer to its own PUBLISH, with RESP2 it may come later.
  const printed = (line) => until(() => client.lines.includes(line), line);
  await until(async () => {
    client.write("publish news hello world");
    return (await client.line("answer")).endsWith(" 2");
  }, "both subscriptions");
  await printed("message channel - news hello world");
  await printed("message pattern new* news hello world");
  client.write("subscribe shard s1");
  await until(async () => {
    client.write("spublish s1 to the shard");
    return (await client.line("answer")).endsWith(" 1");
  }, "the shard's subscription");
  await printed("message shard - s1 to the shard");
  client.write("unsubscribe channel news", "unsubscribe pattern new*");
  await until(async () => {
    client.write("publish news late");
    return (await client.line("answer")).endsWith(" 0");
  }, "no subscriptions");
  assert.equal(client.all("message pattern new* news late").length, 0);
}

for (const protocol of [2, 3]) {
  test(`RESP${protocol}: commands, channels, patterns, shards`, async (t) => {
    const redis = await Redis.start(t);
    const client = new Client(t, url(redis, `/?protocol=${protocol}&name=node-${protocol}`));
    await speaks(client);
    const list = await redis.cli("CLIENT", "LIST");
    assert.equal(list.split("\n").filter((line) => line.includes(`name=node-${protocol}`)).length,
      protocol === 2 ? 2 : 1);
  });
}

test("a Unix-domain socket, a database, users of an access list", async (t) => {
  const redis = await Redis.start(t, [], { unix: true });
  await redis.cli("ACL", "SETUSER", "ann", "on", ">se@cret", "+@all", "~*", "&news*", "&new*", "&s*");
  const client = new Client(t, `redis+unix://ann:se%40cret@${redis.path}?db=3`);
  await speaks(client);
  assert.equal(await redis.cli("-n", "3", "GET", "k"), "v");
  assert.equal(await redis.cli("GET", "k"), "");
  client.write("subscribe channel private");
  assert.match(await client.line("refused"), /^refused channel private NOPERM/);
  client.write("publish private x");
  assert.match(await client.line("answer"), / ! NOPERM/);
});

for (const protocol of [2, 3]) {
  test(`RESP${protocol}: passwords: the right one, a wrong one, none`, async (t) => {
    const redis = await Redis.start(t, ["--requirepass", "right"], { args: ["-a", "right"] });
    const at = `127.0.0.1:${redis.port}/1?protocol=${protocol}`;
    await new Client(t, `redis://:right@${at}`).line("ready");
    assert.match(await new Client(t, `redis://:wrong@${at}`).line("down"),
      /^down final .*wrong user or password/);
    assert.match(await new Client(t, `redis://${at}`).line("down"),
      /^down final .*requires a password/);
    assert.match(await new Client(t, `redis://nobody:right@${at}`).line("down"),
      /^down final .*wrong user or password/);
  });
}

test("TLS: the certificate counts", async (t) => {
  const tls = certificate(temporaryFolder(), "localhost");
  const redis = await Redis.start(t, [], { tls });
  await speaks(new Client(t, `rediss://localhost:${redis.port}`, `ca_path=${tls.cert}`));
  assert.match(await new Client(t, `rediss://localhost:${redis.port}`).line("down"),
    /certificate|issuer|trust/i);
});

test("a server that is away: publishes wait, subscriptions are there again, order holds", async (t) => {
  const redis = await Redis.start(t);
  const client = new Client(t, url(redis));
  client.write("subscribe channel news", "subscribe pattern n?ws", "subscribe shard s");
  await client.line("ready");
  await redis.kill();
  await client.line("down again");
  for (let i = 0; i < 1000; ++i) client.write(`publish news ${i}`);
  await until(async () => (await client.ask("stats", "stats")).endsWith(" 1000"), "1000 waiting");
  await redis.restart();
  await client.line("ready");
  await client.line("message channel - news 999");
  assert.deepEqual(client.all("message channel - news").map((line) => Number(line.split(" ")[4])),
    [...Array(1000).keys()]);
  await until(() => client.all("message pattern n?ws news").length === 1000, "the pattern's messages");
  await until(() => client.all("answer").length === 1000, "the answers");
  // Each has both subscriptions as receivers: they were restored before the first publish.
  assert.deepEqual([...new Set(client.all("answer").map((line) => line.split(" ")[2]))], ["2"]);
  assert.match(await client.ask("stats", "stats"), /^stats 0 0 \d+ 0$/);
});

test("a full queue drops the oldest, and counts them", async (t) => {
  const redis = await Redis.start(t);
  const client = new Client(t, url(redis), "queue_bytes_max=20000");
  client.write("subscribe channel news");
  await client.line("ready");
  await redis.kill();
  await client.line("down again");
  for (let i = 0; i < 1000; ++i) client.write(`publish news ${i}`);
  const dropped = Number((await client.ask("stats", "stats")).split(" ")[1]);
  assert.ok(dropped > 500 && dropped < 1000, `${dropped} dropped`);
  assert.equal(client.all("answer").filter((line) => line.includes("! dropped")).length, dropped);
  await redis.restart();
  await client.line("message channel - news 999");
  assert.deepEqual(client.all("message channel").map((line) => Number(line.split(" ")[4])),
    [...Array(1000).keys()].slice(dropped));
});

test("a frozen server: what was under way fails, what comes later waits", async (t) => {
  const redis = await Redis.start(t);
  const client = new Client(t, url(redis), "reply_timeout_ms=1000");
  client.write("subscribe channel news");
  await client.line("ready");
  redis.signal("SIGSTOP");
  client.write("command INCR counter");
  assert.match(await client.line("answer 1"), /^answer 1 ! .*no answer within 1000 ms/);
  client.write("publish news later");
  redis.signal("SIGCONT");
  await client.line("message channel - news later");
  // The server has executed the command once it was awake, and the client did not send it again.
  assert.equal(await redis.cli("GET", "counter"), "1");
});

test("an idle connection to a frozen server is given up", async (t) => {
  const redis = await Redis.start(t);
  const client = new Client(t, url(redis), "reply_timeout_ms=500", "ping_interval_ms=500");
  await client.line("ready");
  redis.signal("SIGSTOP");
  assert.match(await client.line("down"), /no answer within 500 ms/);
  redis.signal("SIGCONT");
  await client.line("ready");
});

test("a server that loads its data is waited for", async (t) => {
  const redis = await Redis.start(t, ["--enable-debug-command", "yes"]);
  await redis.cli("DEBUG", "POPULATE", "20000", "key", "100");
  await redis.cli("SAVE");
  await redis.kill();
  // 20,000 keys of 200 µs each: some seconds, in which the server answers -LOADING.
  redis.words.push("--key-load-delay", "100", "--loading-process-events-interval-bytes", "1024");
  await redis.restart();
  const client = new Client(t, url(redis));
  client.write("publish news x");
  await client.line("ready");
  assert.equal(await client.line("answer"), "answer 1 0");
  assert.equal(client.all("down").length, 0);
});

test("Sentinel: the client follows a failover", async (t) => {
  const { master, replica, watch } = await watched(t);
  const client = new Client(t, `redis+sentinel://127.0.0.1:1,127.0.0.1:${watch.port}/m`);
  client.write("subscribe channel news");
  await client.line("ready");
  client.write("command SET k before");
  assert.equal(await client.line("answer"), "answer 1 OK");
  await master.kill();
  await client.line("down");
  client.write("publish news waits");
  await client.line("ready");
  await client.line("message channel - news waits");
  assert.match(await replica.cli("ROLE"), /^master/);
  client.write("command SET k after");
  await client.line("answer 3 OK");
  assert.equal(await replica.cli("GET", "k"), "after");
  const unknown = new Client(t, `redis+sentinel://127.0.0.1:${watch.port}/other`);
  assert.match(await unknown.line("down"), /does not know the master 'other'/);
});

// Moves the empty slot from one node to another.
async function move(nodes, slot, from, to) {
  await to.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", from.id);
  await from.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id);
  for (const node of [to, from, ...nodes.filter((n) => n !== to && n !== from)])
    await node.cli("CLUSTER", "SETSLOT", slot, "NODE", to.id);
}

test("a cluster: commands and shards at their owners, a slot that moves", async (t) => {
  const nodes = await cluster(t);
  const seeds = nodes.slice(0, 2).map((node) => `127.0.0.1:${node.port}`).join(",");
  const client = new Client(t, `redis+cluster://127.0.0.1:1,${seeds}`);
  const channels = [...Array(30).keys()].map((i) => `room-${i}`);
  client.write("subscribe channel news", ...channels.map((name) => `subscribe shard ${name}`));
  await client.line("ready");
  client.write("publish news everywhere");
  await client.line("message channel - news everywhere");
  for (const name of channels) client.write(`spublish ${name} first`);
  await until(() => client.all("message shard").length === channels.length, "all shards' messages");
  const counts = await Promise.all(nodes.map((node) => node.cli("PUBSUB", "SHARDCHANNELS")));
  assert.ok(counts.every((text) => text !== ""), "each node has some of the channels");
  client.write("key alpha SET alpha 1", "key beta SET beta 2", "key gamma SET gamma 3");
  await until(() => client.all("answer").filter((line) => line.endsWith(" OK")).length === 3,
    "the keys");

  const slot = Number(await nodes[0].cli("CLUSTER", "KEYSLOT", "room-7"));
  const from = nodes.find((node, i) => [5461, 10923, 16384][i] > slot);
  const to = nodes.find((node) => node !== from);
  await move(nodes, slot, from, to);
  // The subscription has followed when the new owner counts it.
  await until(async () => (await to.cli("PUBSUB", "SHARDNUMSUB", "room-7")).endsWith("1"),
    "the subscription at the new owner");
  client.write("spublish room-7 second");
  await client.line("message shard - room-7 second");
  assert.equal(client.all("message shard - room-7 second").length, 1);
  assert.equal(client.all("answer").filter((line) => line.includes("!")).length, 0);
});

test("a cluster: MOVED is followed by a client without subscriptions", async (t) => {
  const nodes = await cluster(t);
  const client = new Client(t, `redis+cluster://127.0.0.1:${nodes[2].port}`);
  await client.line("ready");
  const slot = Number(await nodes[0].cli("CLUSTER", "KEYSLOT", "k"));
  const from = nodes.find((node, i) => [5461, 10923, 16384][i] > slot);
  await move(nodes, slot, from, nodes.find((node) => node !== from));
  client.write("key k SET k v", "key k GET k");
  assert.equal(await client.line("answer 1"), "answer 1 OK");
  assert.equal(await client.line("answer 2"), "answer 2 v");
});
