// Two nodes with a Redis that refuses, freezes, moves, fails over, or has a bad network; and what a stranger on its
// channels can do. Both are starling, or one is Node.js. What is counted: lost, doubled, reordered, time to heal.
//
// A Node.js node loses what is published while it has no Redis, but not in the mode streams. So with such a node
// the tests count what is lost, and require that nothing is doubled or reordered and that both go on afterwards.
// The classic adapter of Node.js ends its process if the connection breaks while it publishes: there it listens.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import net from "node:net";
import { test } from "node:test";

import { check, slowProxy, speaker } from "./cluster_load.mjs";
import { cluster, gather } from "./cluster_nodes.mjs";
import { cluster as redisCluster, moveSlot, Redis, watched } from "./redis.mjs";
import { until } from "./server.mjs";
import { client1, client2 } from "./socketio/harness.mjs";

const two = { kinds: ["starling", "starling"] };
const recovery = { ...two, rooms: "recovery" };
const to_node = { kinds: ["starling", "node"] };
const from_node = { kinds: ["node", "starling"] };
const named = (mode, { kinds, rooms }) => `${mode}, ${rooms ? `with ${rooms}` : kinds.join(" to ")}`;

const talks = (peer) => speaker((text) => peer.do("say", "red", text));
const says = (node, words) => until(() => words.test(node.program.output), String(words));

test("streams: Redis refuses: in words, and what can wait is not lost", async (t) => {
  const redis = await Redis.start(t, ["--busy-reply-threshold", "50"]);
  const { nodes: [node], peers: [ann, bob] } = await cluster(t, redis, "streams", two);
  await gather([ann, bob], "red");
  const heard = (text) => until(() => bob.heard.includes(text), text);

  // Refused for good: told, and the next one goes.
  for (const [name, fault, words, mend] of [
    ["oom", ["CONFIG", "SET", "maxmemory", "1"], /the server is out of memory/,
      ["CONFIG", "SET", "maxmemory", "0"]],
    ["noperm", ["ACL", "SETUSER", "default", "-xadd"], /an access control list denies the command/,
      ["ACL", "SETUSER", "default", "+xadd"]],
    ["noreplicas", ["CONFIG", "SET", "min-replicas-to-write", "1"], /the server has too few replicas/,
      ["CONFIG", "SET", "min-replicas-to-write", "0"]],
  ]) {
    await redis.cli(...fault);
    // A line of another fault may have come within the same second.
    await until(async () => {
      await ann.do("say", "red", `${name} refused`);
      return words.test(node.program.output);
    }, `${words} in ${node.program.output}`);
    await redis.cli(...mend);
    await ann.do("say", "red", `${name} over`);
    await heard(`${name} over`);
    assert.ok(!bob.heard.includes(`${name} refused`));
  }

  // Refused for the moment: waits, and comes in order.
  for (const [name, fault, words, mend] of [
    ["readonly", () => redis.cli("REPLICAOF", "127.0.0.1", "1"), /the server is a replica/,
      () => redis.cli("REPLICAOF", "NO", "ONE")],
    ["busy", () => { redis.cli("EVAL", "while true do end", "0").catch(() => {}); },
      /the server runs a script/, () => redis.cli("SCRIPT", "KILL")],
  ]) {
    bob.heard.length = 0;
    await fault();
    let said = 0;
    await until(async () => {
      await ann.do("say", "red", `${name} ${said++}`);
      return words.test(node.program.output);
    }, `${words} in ${node.program.output}`);
    await until(() => mend().then(() => true, () => false), "the end of the fault");
    await ann.do("say", "red", "last");
    await heard("last");
    assert.deepEqual(bob.heard, [...Array.from({ length: said }, (_, i) => `${name} ${i}`), "last"]);
  }
});

for (const [mode, options] of [["classic", two], ["classic", to_node], ["streams", to_node], ["streams", from_node]])
  test(`${named(mode, options)}: Redis is frozen for a while: nothing is lost`, async (t) => {
    const redis = await Redis.start(t);
    const { peers: [ann, bob] } = await cluster(t, redis, mode, options);
    await gather([ann, bob], "red");
    redis.signal("SIGSTOP");
    t.after(() => redis.signal("SIGCONT"));
    for (let i = 0; i < 200; ++i) await ann.do("say", "red", String(i));
    redis.signal("SIGCONT");
    await until(() => bob.heard.includes("199"), "what was said meanwhile");
    check(t, bob.heard, 200);
    await gather([ann, bob], "red");
  });

// What was said before is there, or lost.
async function gather_more(peers) {
  for (const [i, peer] of peers.entries()) {
    await peer.do("say", "red", `end ${i}`);
    await until(() => peers.every(({ heard }) => heard.includes(`end ${i}`)), "the last words");
  }
}

// The name of the stream of events in the mode native, on whichever shard it is.
async function streamOf(shards) {
  const keys = await Promise.all(shards.map((shard) => shard.cli("KEYS", "*:events")));
  return keys.find((key) => key !== "");
}

// Ends the load, and waits for its last word.
async function last_word(talk, ann, bob) {
  await talk.end();
  await ann.do("say", "red", String(talk.said));
  await until(() => bob.heard.includes(String(talk.said)), "the last word");
}

// `of`: a word of the command whose reply is cut. Redis may have passed on what was on its way; in the mode native
// that shows, and it is sent again.
for (const [mode, options, what, of] of [
  ...["classic", "sharded", "streams"].flatMap((mode) => [[mode, two, "reply"], [mode, to_node, "reply"]]),
  ["streams", from_node, "reply"], ["native", two, "reply"], ["native", recovery, "reply", "EVALSHA"],
  ["streams", two, "command", "XADD"], ["native", two, "command", "PUBLISH"], ["native", recovery, "command", "EVALSHA"],
])
  test(`${named(mode, options)}: a slow network that cuts a ${what} in its middle`, async (t) => {
    const redis = await Redis.start(t);
    const delay_ms = options === two && what === "reply" ? 200 : 30;
    const proxy = await slowProxy(t, redis.port, { delay_ms });
    // The package redis 4 is deaf after half a reply, so only starling nodes get one.
    const urls = options.kinds.map((kind) => `redis://127.0.0.1:${kind === "node" ? redis.port : proxy.port}`);
    const { peers: [ann, bob] } = await cluster(t, redis, mode, { ...options, urls });
    await gather([ann, bob], "red");
    const ann_says = talks(ann);
    await until(() => bob.heard.length > 20, "words");
    for (let i = 1; i <= 2; ++i) {
      proxy.cut(what, of);
      await until(() => !proxy.cutting, "a cut");
      const cut = performance.now();
      const after = ann_says.said;
      await until(() => bob.heard.some((text) => Number(text) > after), "words after the cut");
      t.diagnostic(`healed ${Math.round(performance.now() - cut)} ms after the cut, at ${delay_ms} ms each way`);
    }
    await last_word(ann_says, ann, bob);
    check(t, bob.heard, ann_says.said + 1, mode === "native" ? 0 : ann_says.said);
    await gather([ann, bob], "red");
  });

// What ann says waits, and comes. What bob says meanwhile comes to her by a stream, or is sent again.
for (const [mode, options] of [["classic", two], ["sharded", two], ["streams", two], ["native", two],
  ["native", recovery], ["streams", to_node]])
  test(`${named(mode, options)}: one node has no Redis for a while, and the other one has it`, async (t) => {
    const redis = await Redis.start(t);
    const proxy = await slowProxy(t, redis.port, { delay_ms: 0 });
    const { nodes: [cut_off, other], peers: [ann, bob] } = await cluster(t, redis, mode,
      { ...options, urls: [`redis://127.0.0.1:${proxy.port}`] });
    await gather([ann, bob], "red");
    const [ann_says, bob_says] = [ann, bob].map((peer, i) =>
      speaker((text) => peer.do("say", "red", text), `${"ab"[i]} `));
    await until(() => [ann, bob].every(({ heard }) => heard.length > 40), "words");
    proxy.sever();
    await says(cut_off, /Redis is away/);
    const [away, before] = [ann_says.said, bob_says.said];
    await until(() => ann_says.said > away + 50 && bob_says.said > before + 50, "words meanwhile");
    proxy.mend();
    const mended = performance.now();
    const [waiting, back] = [ann_says.said, bob_says.said];
    const newer = ({ heard }, name, number) =>
      heard.some((text) => text.startsWith(name) && Number(text.slice(2)) > number);
    await until(() => newer(ann, "b ", back) && newer(bob, "a ", waiting), "words of both");
    t.diagnostic(`healed ${Math.round(performance.now() - mended)} ms after Redis was there again`);
    const connected = bob_says.said;
    for (const one of [ann_says, bob_says]) await one.end();
    await gather_more([ann, bob]);
    const keeps = mode === "streams" || mode === "native";
    check(t, bob.heard, ann_says.said, mode === "native" ? 0 : away, "a ");
    const lost = check(t, ann.heard, bob_says.said, keeps ? 0 : connected, "b ");
    if (!keeps) assert.ok(lost > 0 && lost <= connected, `${lost} lost`);
    if (other.program) assert.doesNotMatch(other.program.output, /Redis is away/);
  });

for (const [mode, options] of [["classic", two], ["classic", to_node], ["sharded", two], ["streams", two],
  ["streams", to_node], ["native", recovery]])
  test(`${named(mode, options)}: Sentinel fails over under load`, async (t) => {
    const { master, replica, watch } = await watched(t);
    const url = `redis+sentinel://127.0.0.1:${watch.port}/m`;
    // The package redis 4 knows no Sentinel: an address leads its clients to the server that is there.
    let port = master.port;
    const address = await slowProxy(t, () => port, { delay_ms: 0 });
    const { nodes: [node], peers: [ann, bob] } = await cluster(t, master, mode,
      { ...options, urls: options.kinds.map((kind) => (kind === "node" ? `redis://127.0.0.1:${address.port}` : url)) });
    await gather([ann, bob], "red");
    const ann_says = talks(ann);
    await until(() => bob.heard.length > 20, "words");
    await master.kill();
    port = replica.port;
    const killed = performance.now();
    await says(node, /Redis is away/);
    const away = ann_says.said; // From here on everything waits.
    await until(() => bob.heard.some((text) => Number(text) > away), "the replica to be the master");
    t.diagnostic(`healed ${Math.round(performance.now() - killed)} ms after the death of the master`);
    await last_word(ann_says, ann, bob);
    // What the replica had not got from the master is lost, or was heard before, and does not come again.
    check(t, bob.heard, ann_says.said + 1, mode === "classic" && options === to_node ? ann_says.said : away);
    await gather([ann, bob], "red");
  });

for (const [mode, options] of [["streams", two], ["native", recovery]])
  test(`${named(mode, options)}: the slot of the stream moves under load: nothing is lost`, async (t) => {
    const shards = await redisCluster(t);
    const { peers: [ann, bob] } = await cluster(t, shards[0], mode,
      { ...options, url: `redis+cluster://127.0.0.1:${shards[0].port}` });
    await gather([ann, bob], "red");
    const key = mode === "native" ? await streamOf(shards) : "socket.io";
    const ann_says = talks(ann);
    await until(() => bob.heard.length > 20, "words");
    const { to } = await moveSlot(shards, key);
    const [moved, begin] = [ann_says.said, performance.now()];
    await until(() => bob.heard.some((text) => Number(text) > moved), "words after the move");
    t.diagnostic(`healed ${Math.round(performance.now() - begin)} ms after the move`);
    assert.equal(await shards[to].cli("EXISTS", key), "1");
    await last_word(ann_says, ann, bob);
    check(t, bob.heard, ann_says.said + 1);
  });

// A Node.js node beside them costs them nothing. The package redis 4 does not subscribe again where the slot is now:
// from then on this node publishes only.
for (const options of [two, { kinds: [...two.kinds, "node"] }])
  test(`${named("sharded", options)}: a slot moves, and a shard ends and comes back, under load`, async (t) => {
    const shards = await redisCluster(t);
    const { nodes: [node], peers } = await cluster(t, shards[0], "sharded",
      { ...options, url: `redis+cluster://127.0.0.1:${shards[0].port}` });
    const [ann, bob, third] = peers;
    await gather(peers, "red");
    const ann_says = talks(ann);
    await until(() => bob.heard.length > 20, "words");
    const { to } = await moveSlot(shards, "socket.io#/#red#");
    const begin = performance.now();
    await until(async () => (await shards[to].cli("PUBSUB", "SHARDNUMSUB", "socket.io#/#red#"))
      .endsWith("2"), "both nodes of starling at the new owner");
    const moved = ann_says.said;
    await until(() => bob.heard.some((text) => Number(text) > moved), "words after the move");
    t.diagnostic(`healed ${Math.round(performance.now() - begin)} ms after the move`);

    await shards[to].kill();
    await says(node, /Redis is away/);
    const away = ann_says.said;
    await shards[to].restart();
    await until(() => bob.heard.some((text) => Number(text) > away), "words after the restart");
    await last_word(ann_says, ann, bob);
    check(t, bob.heard, ann_says.said + 1, ann_says.said);
    if (!third) return;
    check(t, third.heard, ann_says.said + 1, ann_says.said + 1);
    await until(async () => {
      await third.do("say", "red", "from Node.js");
      return bob.heard.includes("from Node.js");
    }, "the Node.js node");
  });

// Whatever of the nodes lies on a shard waits for it: their channels, or the stream. A master of a Redis Cluster takes no
// writes for the first 2 s.
for (const options of [two, recovery])
  test(`${named("native", options)}: each shard of a Redis Cluster ends and comes back under load`, async (t) => {
    const shards = await redisCluster(t);
    const { peers: [ann, bob] } = await cluster(t, shards[0], "native",
      { ...options, url: `redis+cluster://127.0.0.1:${shards[0].port}` });
    await gather([ann, bob], "red");
    const ann_says = talks(ann);
    await until(() => bob.heard.length > 20, "words");
    let lost_from = 0;
    for (const [i, shard] of shards.entries()) {
      const before = ann_says.said;
      await shard.kill();
      await until(() => ann_says.said > before + 20, "words meanwhile");
      await shard.restart();
      const [back, begin] = [ann_says.said, performance.now()];
      await until(() => bob.heard.some((text) => Number(text) > back), "words after the restart");
      t.diagnostic(`healed ${Math.round(performance.now() - begin)} ms after shard ${i + 1} was back`);
      lost_from = back;
    }
    await last_word(ann_says, ann, bob);
    // The stream was in the memory of its shard, which has come back without it.
    check(t, bob.heard, ann_says.said + 1, options === recovery ? lost_from : 0);
    await gather([ann, bob], "red");
  });

const resident = (pid) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

test("classic: a stranger with many rooms, a huge message and rubbish", async (t) => {
  const redis = await Redis.start(t);
  const { nodes: [node], peers: [ann, bob] } = await cluster(t, redis, "classic", two);
  await gather([ann, bob], "red");
  const stranger = net.connect(redis.port, "127.0.0.1");
  t.after(() => stranger.destroy());
  const command = (...words) => Buffer.concat([Buffer.from(`*${words.length}\r\n`),
    ...words.flatMap((word) => [Buffer.from(`$${Buffer.byteLength(word)}\r\n`), Buffer.from(word),
      Buffer.from("\r\n")])]);
  let answers = 0;
  stranger.on("data", (bytes) => { for (const byte of bytes) answers += byte === 10 ? 1 : 0; });
  const send = async (count, make) => {
    const before = answers;
    stranger.write(Buffer.concat(Array.from({ length: count }, (_, i) => make(i))));
    await until(() => answers === before + count, "Redis to answer");
  };
  const before = resident(node.program.pid);
  const rooms = Number(process.env.ROOMS ?? 100_000);
  for (let at = 0; at < rooms; at += 5000)
    await send(5000, (i) => command("PUBLISH", `socket.io#/#room ${at + i}#`, "\x93"));
  await send(100, (i) => command("PUBLISH", "socket.io-request#/#",
    `{"uid":"x","requestId":"${i}","type":5,"opts":{"rooms":[],"except":[]}}`));
  await send(1, () => command("PUBLISH", "socket.io#/#red#", Buffer.alloc((64 << 20) + 1)));
  await send(100, () => command("PUBLISH", "socket.io-response#/#", "\x82\xa9requestId"));
  // Redis or the node may have closed the connection that carried so much.
  await until(async () => {
    await ann.do("say", "red", "still here");
    return bob.heard.includes("still here");
  }, "the nodes");
  const grown = resident(node.program.pid) - before;
  t.diagnostic(`${rooms} rooms: the memory of a node grew by ${grown.toFixed(1)} MiB`);
  assert.ok(grown < 150, `${grown} MiB`);
});

test("clients 2.5 and 1.4 of a starling node get what a Node.js node emits", async (t) => {
  const redis = await Redis.start(t);
  const { nodes, peers } = await cluster(t, redis, "classic", { kinds: ["starling", "node"] });
  for (const { name, io } of [client2, client1])
    for (const transport of ["websocket", "polling"]) {
      const socket = io(`http://127.0.0.1:${nodes[0].port}`,
        { transports: [transport], forceNew: true, "force new connection": true });
      t.after(() => socket.disconnect());
      const heard = [];
      socket.on("said", (text) => heard.push(text));
      await until(() => socket.connected, `${name} over ${transport}`);
      const room = `${name} ${transport}`;
      await new Promise((resolve) => { socket.emit("join", room, resolve); });
      const text = { text: "é", bytes: Buffer.from([1, 2]) };
      await until(async () => {
        await peers[1].do("say", room, text);
        return heard.length > 0;
      }, `${room} to hear`);
      assert.equal(heard[0].text, "é");
      assert.deepEqual([...new Uint8Array(heard[0].bytes)], [1, 2]);
      await new Promise((resolve) => { socket.emit("say", room, "back", resolve); });
      await until(() => heard.includes("back"), "its own words");
    }
});
