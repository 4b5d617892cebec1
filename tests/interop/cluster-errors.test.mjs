// What Redis refuses: each kind of error is in words in the log, counted in /metrics, and costs no event that can
// wait. A real Redis says each of them.
import assert from "node:assert/strict";
import { test } from "node:test";

import { cluster as redisCluster, Redis } from "./redis.mjs";
import { serve, until } from "./server.mjs";

const key = "a-key-for-publishers";

async function node(t, cluster) {
  const program = await serve({ demo: true, demo_data: ":memory:", workers: 2, cluster,
    events: { enabled: true, api_key: key,
      channels: [{ pattern: "news", history: { messages: 1000, seconds: 600 } }] } }, { admin: {} });
  t.after(() => program.stop());
  return program;
}

// The status of a publication; it waits while Redis is not ready.
async function publish(program, event) {
  const answer = await fetch(program.url("/api/publish", "http"), { method: "POST",
    headers: { "X-Api-Key": key, Connection: "close" }, body: JSON.stringify({ channel: "news", event }) });
  await answer.arrayBuffer();
  return answer.status;
}

async function figure(program, name) {
  const text = await (await fetch(`http://127.0.0.1:${program.adminPort}/metrics`,
    { headers: { Accept: "text/plain" } })).text();
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return line ? Number(line.slice(name.length + 1)) : 0;
}
const errors = (part, kind) => `starling_redis_errors_total{part="${part}",kind="${kind}"}`;

// Publishes until the log and the metrics say what is wrong. Returns the statuses of the publications.
async function faulty(program, words, name) {
  const before = await figure(program, name);
  const begin = program.output.length;
  const sent = [];
  await until(async () => {
    sent.push(publish(program, `event ${sent.length}`));
    // A line of another fault may have come within the same second; figures are collected once a second.
    return words.test(program.output.slice(begin)) && await figure(program, name) > before;
  }, `${words} and ${name} in ${program.output.slice(begin)}`);
  return sent;
}

test("one Redis: -OOM, -NOPERM, -READONLY, -LOADING", async (t) => {
  const redis = await Redis.start(t, ["--enable-debug-command", "yes"]);
  const program = await node(t, { url: `redis://127.0.0.1:${redis.port}`, mode: "streams" });
  await until(async () => await publish(program, "first") === 200, "Redis");

  // Refused for good: the publisher hears it at once.
  for (const [fault, mend, words, kind] of [
    [["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"],
      /history: Redis refuses: the server is out of memory/, "out_of_memory"],
    [["ACL", "SETUSER", "default", "-evalsha"], ["ACL", "SETUSER", "default", "+evalsha"],
      /history: Redis refuses: an access control list denies the command/, "no_permission"],
  ]) {
    await redis.cli(...fault);
    const sent = await Promise.all(await faulty(program, words, errors("history", kind)));
    assert.ok(sent.includes(503), `${sent}`);
    await redis.cli(...mend);
    assert.equal(await publish(program, "over"), 200);
  }
  await until(async () =>
    await figure(program, 'starling_history_requests_total{kind="append",result="refused"}') >= 2
    && await figure(program, 'starling_history_requests_total{kind="append",result="done"}') >= 3,
  "the publications in the metrics");
  assert.ok(await figure(program, 'starling_history_redis_seconds_count{kind="append"}') >= 5);

  await redis.cli("ACL", "SETUSER", "default", "-xread");
  await faulty(program, /a stream cannot be read: an access control list denies the command/,
    "starling_cluster_unread_total");
  await redis.cli("ACL", "SETUSER", "default", "+xread");

  // Refused for the moment: what was published waits, and is answered.
  await redis.cli("REPLICAOF", "127.0.0.1", "1");
  const waiting = await faulty(program, /history: Redis does not take messages now.*the server is a replica/,
    errors("history", "read_only"));
  await redis.cli("REPLICAOF", "NO", "ONE");
  assert.deepEqual([...new Set(await Promise.all(waiting))], [200]);

  await redis.cli("DEBUG", "POPULATE", "60", "key", "1000");
  await redis.cli("CONFIG", "SET", "key-load-delay", "20000");
  await redis.cli("CONFIG", "SET", "loading-process-events-interval-bytes", "1024");
  const reloaded = redis.cli("DEBUG", "RELOAD");
  const loading = await faulty(program, /does not take messages now.*the server loads its data/,
    errors("history", "loading"));
  await reloaded;
  assert.deepEqual([...new Set(await Promise.all(loading))], [200]);
});

test("three shards: -CLUSTERDOWN", async (t) => {
  const shards = await redisCluster(t);
  const program = await node(t, { url: `redis+cluster://127.0.0.1:${shards[0].port}` });
  await until(async () => await publish(program, "first") === 200, "Redis");
  const slot = Number(await shards[0].cli("CLUSTER", "KEYSLOT", "starling:history:{news}"));
  const owner = shards[[5461, 10923, 16384].findIndex((end) => slot < end)];
  await owner.cli("CLUSTER", "DELSLOTS", slot);
  const waiting = await faulty(program, /does not take messages now.*the cluster does not serve the slot/,
    errors("history", "cluster_down"));
  await owner.cli("CLUSTER", "ADDSLOTS", slot);
  assert.deepEqual([...new Set(await Promise.all(waiting))], [200]);
});
