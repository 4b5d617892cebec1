// Connection state recovery in the mode native, where events go by a stream and questions do not: Redis that is
// away, frozen, or full; what a server says about it. Clients that change their node: cluster-recovery.test.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";

import { io } from "socket.io-client";

import { cluster, freeze } from "./cluster_nodes.mjs";
import { guest, nodes, numbers, sessionKey, streamName, warm } from "./recovery.mjs";
import { Redis } from "./redis.mjs";
import { serve, until } from "./server.mjs";

const native = { mode: "native" };

async function together(t, redis) {
  const all = await cluster(t, redis, "native", { rooms: "recovery", kinds: ["starling", "starling", "starling"] });
  await Promise.all(all.peers.map((peer) => peer.do("join", "red")));
  return all;
}

test("1,000 sentences while Redis is away: each comes once and in order, then joins and questions", async (t) => {
  const redis = await Redis.start(t);
  const { nodes: all, peers } = await together(t, redis);
  await redis.kill();
  await until(() => all.every(({ program }) => /cluster: Redis is away/.test(program.output)), "lines about Redis");
  const said = numbers("sentence", 1000);
  for (const text of said) peers[0].socket.emit("say", "red", text, () => {});
  await peers[0].do("say", "red", "last");
  await redis.restart();
  const back = performance.now();
  await until(() => peers.every(({ heard }) => heard.includes("last")), "what was said meanwhile");
  t.diagnostic(`healed ${Math.round(performance.now() - back)} ms after Redis was back`);
  for (const peer of peers) assert.deepEqual(peer.heard, [...said, "last"]);
  await until(async () => (await peers[0].do("who", "red")).length === 3, "the nodes");
  await peers[1].do("move", "red", "blue");
  assert.equal((await peers[1].do("who", "blue")).length, 3);
});

test("Redis freezes for two seconds: each sentence comes once and in order", async (t) => {
  const redis = await Redis.start(t);
  const { peers } = await together(t, redis);
  await peers[0].do("say", "red", "before");
  await until(() => peers.every(({ heard }) => heard.length === 1), "the first sentence");
  redis.signal("SIGSTOP");
  t.after(() => redis.signal("SIGCONT"));
  const said = numbers("sentence", 200);
  const end = performance.now() + 2000;
  for (const text of said) await peers[0].do("say", "red", text);
  // The time that Redis stands still is what is tested here.
  await until(() => performance.now() > end, "the end of the freeze");
  redis.signal("SIGCONT");
  await until(() => peers.every(({ heard }) => heard.length > 200), "what was said meanwhile");
  for (const peer of peers) assert.deepEqual(peer.heard, ["before", ...said]);
});

test("a Redis that takes no writes: said in the log and counted; later all is well again", async (t) => {
  const redis = await Redis.start(t);
  const [first, second] = await nodes(t, redis, ["starling", "starling"], native);
  const speaker = await guest(t, first, null);
  const [here, there] = [await guest(t, first), await guest(t, second)];
  await warm([speaker], [here, there]);
  await redis.cli("CONFIG", "SET", "maxmemory", "1");
  await speaker.do("say", "all", "refused");
  await until(() => here.texts("refused").length === 1, "the sentence on the own node");
  assert.match(first.program.output, /a message was not sent: the server is out of memory/);
  await redis.cli("CONFIG", "SET", "maxmemory", "0");
  await speaker.do("say", "all", "taken");
  await until(() => here.texts("taken").length + there.texts("taken").length === 2, "the next sentence");
  assert.deepEqual(there.texts("refused"), []);
  there.cut();
  await there.back(first);
  assert.equal(there.socket.recovered, true);
});

test("Redis gets the script of an entry once, and again when it has forgotten the script", async (t) => {
  const redis = await Redis.start(t);
  const { peers } = await together(t, redis);
  // How often Redis was asked to run the script by its text, and by its hash.
  const calls = async () => {
    const stats = await redis.cli("INFO", "commandstats");
    return ["eval", "evalsha"].map((name) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0));
  };
  const say = async (texts) => {
    for (const text of texts) await peers[0].do("say", "red", text);
    await until(() => peers.every(({ heard }) => heard.includes(texts.at(-1))), "the last sentence");
  };
  await say(["first"]);
  const [before] = await calls();
  const said = numbers("by its hash", 100);
  await say(said);
  const [by_text, by_hash] = await calls();
  assert.equal(by_text, before);
  assert.ok(by_hash >= 100, `${by_hash} by the hash`);
  await redis.cli("SCRIPT", "FLUSH");
  const again = numbers("forgotten", 100);
  await say(again);
  // Nodes may use EVALSHA, or not: an access list that was written for an older version does not allow it.
  await redis.cli("ACL", "SETUSER", "default", "-evalsha");
  const denied = numbers("denied", 100);
  await say(denied);
  for (const peer of peers) assert.deepEqual(peer.heard, ["first", ...said, ...again, ...denied]);
});

// A replica that becomes the master without the newest entries gets them again. Here they are taken out of the stream,
// all connections break, and the entries are appended as they were.
test("entries that are in the stream again after a failover come once, also to clients that come back", async (t) => {
  const redis = await Redis.start(t);
  const all = await nodes(t, redis, ["starling", "starling", "starling"], native);
  const [speaker, other] = await Promise.all(all.slice(0, 2).map((node) => guest(t, node, null)));
  const stay = await Promise.all(all.map((node) => guest(t, node)));
  const [knows, misses, moves] = await Promise.all([1, 2, 3].map(() => guest(t, all[1])));
  await warm([speaker, other], [...stay, knows, misses, moves]);
  misses.cut();
  await until(async () => (await speaker.do("who", "all")).length === 5, "the end of a connection");
  const said = numbers("sentence", 20);
  // None of them has its answer when the next one goes.
  redis.signal("SIGSTOP");
  t.after(() => redis.signal("SIGCONT"));
  for (const text of said) await speaker.do("say", "all", text);
  redis.signal("SIGCONT");
  await until(() => [...stay, knows, moves].every((one) => one.texts("sentence").length === 20), "the sentences");
  knows.cut();

  const stream = await streamName(redis, "native");
  await redis.cli("EVAL", `
    local rows = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 10)
    for i = #rows, 1, -1 do
      redis.call('XDEL', KEYS[1], rows[i][1])
      redis.call('XADD', 'lost', '*', unpack(rows[i][2]))
    end`, "1", stream);
  await redis.cli("CLIENT", "KILL", "TYPE", "normal");
  await until(() => all.every(({ program }) => /the stream \S+ has lost its newest entries/.test(program.output)),
    "lines about the stream");
  // The third node has the sentences, and cannot know that the second one has them.
  await until(async () => {
    await other.do("say", "all", "meanwhile");
    return moves.texts("meanwhile").length > 0;
  }, "a sentence of another node");
  moves.cut();
  await moves.back(all[2]);
  assert.equal(moves.socket.recovered, false);

  assert.equal(await redis.cli("EVAL", `
    local rows = redis.call('XRANGE', 'lost', '-', '+')
    for _, row in ipairs(rows) do redis.call('XADD', KEYS[1], '*', unpack(row[2])) end
    return #rows`, "1", stream), "10");
  await speaker.do("say", "all", "after");
  await until(() => stay.every((one) => one.texts("after").length > 0), "the next sentence");
  for (const one of [knows, misses]) await one.back(all[2]);
  await until(() => [knows, misses].every((one) => one.texts("after").length > 0), "what was missed");
  // Now each node has appended what it had to append again.
  for (const one of stay) one.cut();
  for (const [i, one] of stay.entries()) await one.back(all[2 - i]);
  for (const one of [...stay, knows, misses]) assert.equal(one.socket.recovered, true);
  for (const one of [...stay, knows, misses, moves]) assert.deepEqual(one.texts("sentence"), said);
});

// Otherwise a stranger could make entries vanish.
test("an entry with the number of another one is heard, while the stream has lost nothing", async (t) => {
  const redis = await Redis.start(t);
  const { peers } = await together(t, redis);
  await peers[0].do("say", "red", "first");
  await until(() => peers.every(({ heard }) => heard.length === 1), "the first sentence");
  const [stream] = (await redis.cli("KEYS", "starling:socketio:*:events")).split("\n");
  await redis.cli("EVAL", `
    local fields = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][2]
    for i = 1, #fields, 2 do
      if fields[i] == 'n' then fields[i + 1] = (tonumber(string.match(fields[i + 1], '%d+')) + 1) .. ' 1' end
      if fields[i] == 'data' then fields[i + 1] = 'rubbish' end
    end
    redis.call('XADD', KEYS[1], '*', unpack(fields))`, "1", stream);
  await peers[0].do("say", "red", "second");
  await until(() => peers.every(({ heard }) => heard.includes("second")), "the second sentence");
  for (const { heard } of peers) assert.deepEqual(heard, ["first", "second"]);
});

test("a client of a frozen node goes on at another one, and its old connection ends when the node thaws", async (t) => {
  const redis = await Redis.start(t);
  const [frozen, other] = await nodes(t, redis, ["starling", "starling"], native);
  const speaker = await guest(t, other, null);
  const one = await guest(t, frozen);
  await warm([speaker], [one]);
  const { id } = one.socket;
  await freeze(t, frozen);
  for (const text of numbers("frozen", 50)) await speaker.do("say", "all", text);
  one.cut();
  await one.back(other);
  assert.equal(one.socket.recovered, true);
  await until(() => one.texts("frozen 49").length > 0, "what was missed");
  assert.deepEqual(await speaker.do("who", "all"), [id]);
  frozen.signal("SIGCONT");
  const again = await guest(t, frozen, null);
  await until(async () => (await again.do("servers", "hello")).length === 1, "the node to be back");
  await until(async () => (await again.do("who", "all")).length === 1, "the end of the old connection");
  await speaker.do("say", "all", "after");
  await until(() => one.texts("after").length > 0, "the last one");
  assert.deepEqual(one.texts("frozen"), numbers("frozen", 50));
  assert.equal(one.texts("after").length, 1);
});

test("sessions and events are under the prefix, and nodes with another secret have others", async (t) => {
  const redis = await Redis.start(t);
  const clusters = await Promise.all(["one", "two"].map(async (secret) => {
    const program = await serve({ workers: 1, cluster: { url: `redis://127.0.0.1:${redis.port}`, mode: "native",
      prefix: "mine", secret }, socketio: [{ kind: "broadcast", connection_state_recovery: { enabled: true } }] },
    { admin: {} });
    t.after(() => program.stop());
    const [here, there] = [0, 1].map(() => io(program.url("", "http"), { transports: ["websocket"], forceNew: true }));
    const heard = new Set();
    there.on("said", (text) => heard.add(text));
    t.after(() => { for (const socket of [here, there]) socket.disconnect(); });
    await until(() => here.connected && there.connected, "the clients");
    return { program, here, there, heard, secret };
  }));
  for (const { here, secret, heard } of clusters)
    await until(() => {
      here.emit("said", `the secret is ${secret}`);
      return heard.size > 0;
    }, "a sentence");
  for (const { heard, secret } of clusters) assert.deepEqual([...heard], [`the secret is ${secret}`]);
  const keys = (await redis.cli("KEYS", "*")).split("\n").filter((key) => !key.startsWith("mine:socketio:")
    && !key.startsWith("{mine:socketio:"));
  assert.deepEqual(keys, []);
  // What became of clients that asked for their session is in the metrics.
  const { program, there } = clusters[0];
  const { id } = there;
  const again = new Promise((resolve) => { there.once("connect", resolve); });
  there.io.engine.close();
  await again;
  assert.ok(there.recovered);
  assert.equal(there.id, id);
  // The figures are collected once a second.
  let metrics;
  await until(async () => {
    metrics = await (await fetch(`http://127.0.0.1:${program.adminPort}/metrics`)).text();
    return /^starling_cluster_recoveries_total\{result="recovered"\} 1$/m.test(metrics);
  }, "the figures");
  assert.match(metrics, /^starling_cluster_recoveries_total\{result="too_old"\} 0$/m);
  assert.match(metrics, /^starling_cluster_sessions_unsaved_total 0$/m);
});

test("a session that says another namespace, or none, is not restored", async (t) => {
  const redis = await Redis.start(t);
  const [first, second] = await nodes(t, redis, ["starling", "starling"], native);
  const speaker = await guest(t, first, null);
  const one = await guest(t, first);
  await warm([speaker], [one]);
  const { id, _pid: pid } = one.socket;
  one.cut();
  const key = await sessionKey(redis, "native", pid);
  await until(async () => await redis.cli("EXISTS", key) === "1"
    && (await speaker.do("who", "all")).length === 0, "the session");
  // As a Node.js server writes it: {sid, pid, rooms: ["all"]} and no namespace.
  const text = (value) => Buffer.concat([Buffer.from([0xa0 + value.length]), Buffer.from(value)]);
  const session = Buffer.concat([Buffer.from([0x83]), text("sid"), text(id), text("pid"), text(pid),
    text("rooms"), Buffer.from([0x91]), text("all")]);
  await redis.cli("SET", key, session.toString("base64"));
  await one.back(second);
  assert.equal(one.socket.recovered, false);
  assert.notEqual(one.socket.id, id);
  assert.match(await streamName(redis, "native"), /^starling:socketio:[0-9a-f]{4}:events$/);
});
