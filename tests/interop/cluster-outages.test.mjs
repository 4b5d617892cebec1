// Redis is away for ten seconds while 1,000 publications wait, and then freezes for longer than its
// clients wait for an answer. In each mode of Socket.IO, and for topics. What is counted: lost,
// doubled, reordered, time to heal.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { open } from "./client.mjs";
import { check, speaker } from "./cluster_load.mjs";
import { cluster } from "./cluster_nodes.mjs";
import { Redis } from "./redis.mjs";
import { pause, serve, until } from "./server.mjs";

const outage_ms = Number(process.env.OUTAGE_MS ?? 10_000);
const words_before_late = 200;
const each = 500; // Publications of each of two speakers.

// Two nodes: say(text) at each, what is heard at each, and what each writes.
async function socketio(t, redis, mode) {
  const { nodes, peers } = await cluster(t, redis, mode, { kinds: ["starling", "starling"] });
  await Promise.all(peers.map((peer) => peer.do("join", "red")));
  return peers.map((peer, i) => ({ say: (text) => peer.do("say", "red", text), heard: peer.heard,
    output: () => nodes[i].program.output }));
}

async function topics(t, redis) {
  return Promise.all([0, 1].map(async (i) => {
    const node = await serve({ websocket: [{ path: "/rooms/:room", kind: "broadcast" }],
      cluster: { url: `redis://127.0.0.1:${redis.port}`, name: `n${i}` } });
    t.after(() => node.stop());
    const [mouth, ear] = await Promise.all([open(node.url("/rooms/red")), open(node.url("/rooms/red"))]);
    const heard = [];
    ear.socket.on("message", (text) => heard.push(String(text)));
    t.after(() => { mouth.end(); ear.end(); });
    return { say: (text) => mouth.socket.send(text), heard, output: () => node.output };
  }));
}

// Each hears each, and nothing more is on its way.
async function warm(sides) {
  for (const [i, { say }] of sides.entries()) {
    await until(async () => {
      await say(`warm ${i}`);
      return sides.every(({ heard }) => heard.includes(`warm ${i}`));
    }, "the nodes");
    await say(`ready ${i}`);
    await until(() => sides.every(({ heard }) => heard.includes(`ready ${i}`)), "the last of these");
  }
  for (const { heard } of sides) heard.length = 0;
}

async function away(t, redis, sides) {
  await redis.kill();
  for (let i = 0; i < each; ++i) {
    for (const [k, { say }] of sides.entries()) await say(`p${k} ${i}`);
    await pause(outage_ms / each);
  }
  for (const { output } of sides) assert.match(output(), /Redis is away/);
  await redis.restart();
  const back = performance.now();
  await until(() => sides.every(({ heard }) => [0, 1].every((k) => heard.includes(`p${k} ${each - 1}`))),
    "what was said meanwhile");
  t.diagnostic(`healed ${Math.round(performance.now() - back)} ms after Redis was back`);
  await warm_end(sides);
  for (const { heard } of sides) for (const k of [0, 1]) check(t, heard, each, 0, `p${k} `);
}

// Redis reads what lies in its sockets when it is thawed, also of connections that were given up
// meanwhile.
// `late`: so many words a speaker may say, at 200 a second, before an answer is late for 0.5 s. They go
// into the connection that is given up.
async function frozen(t, redis, sides, late) {
  for (const { heard } of sides) heard.length = 0;
  const given_up = () => sides.map(({ output }) => output().match(/Redis is away: [^\n]*no answer/g)?.length ?? 0);
  const before = given_up();
  const speakers = sides.map(({ say }, k) => speaker(say, `p${k} `));
  await until(() => sides.every(({ heard }) => heard.length > 40), "words");
  const first = speakers.map(({ said }) => (late ? said + late : 0));
  redis.signal("SIGSTOP");
  await until(() => given_up().every((count, k) => count > before[k]), "both nodes to give Redis up", 30_000);
  const given = speakers.map(({ said }) => said);
  redis.signal("SIGCONT");
  const thawed = performance.now();
  await until(() => sides.every(({ heard }) => given.every((said, k) =>
    heard.some((text) => text.startsWith(`p${k} `) && Number(text.slice(3)) > said))), "words again");
  t.diagnostic(`healed ${Math.round(performance.now() - thawed)} ms after Redis was thawed`);
  await Promise.all(speakers.map((one) => one.end()));
  await warm_end(sides);
  for (const { heard } of sides)
    for (const [k, { said }] of speakers.entries()) check(t, heard, said, first[k], `p${k} `);
}

// Has all sides hear a last word of each: what was said before it is there, or lost.
async function warm_end(sides) {
  for (const [k, { say }] of sides.entries()) {
    await say(`end ${k}`);
    await until(() => sides.every(({ heard }) => heard.includes(`end ${k}`)), "the last words");
  }
}

describe("Redis is away for ten seconds, and then frozen", { concurrency: 5 }, () => {
  for (const [name, start, late] of [
    ...["classic", "sharded", "streams"].map((mode) => [mode, (t, redis) => socketio(t, redis, mode), words_before_late]),
    ["native", (t, redis) => socketio(t, redis, "native"), 0],
    ["topics", topics, 0],
  ])
    test(name, async (t) => {
      const redis = await Redis.start(t);
      const sides = await start(t, redis);
      await warm(sides);
      await t.test("away: each publication comes once and in order", (inner) => away(inner, redis, sides));
      await t.test("frozen: nothing is doubled or out of order, and no more lost than was said before it was known", (inner) => frozen(inner, redis, sides, late));
    });
});
