// Nodes that are killed, and nodes that are frozen, while clients of the other ones speak: what these lose, get twice or
// out of order, and how long they hear nothing. Connection state recovery: cluster-recovery.test.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";

import { check, speaker } from "./cluster_load.mjs";
import { cluster, freeze, gather } from "./cluster_nodes.mjs";
import { Redis } from "./redis.mjs";
import { until } from "./server.mjs";

const mixed = { kinds: ["starling", "node", "starling", "node"] };
const alone = { kinds: ["starling", "starling", "starling"] };
const modes = [["classic", mixed], ["sharded", mixed], ["streams", mixed], ["native", alone],
  ["native", { ...alone, rooms: "recovery" }]];
const names = ["a ", "b "];

// The clients of the first two nodes speak. The others are to die.
async function speaking(t, mode, options) {
  const redis = await Redis.start(t);
  const { nodes, peers } = await cluster(t, redis, mode, options);
  await gather(peers, "red");
  const speakers = names.map((name, i) => speaker((text) => peers[i].do("say", "red", text), name));
  t.after(() => Promise.allSettled(speakers.map((one) => one.end())));
  await until(() => peers.every(({ heard }) => heard.length > 40), "words");
  return { nodes, peers, speakers };
}

const newer = ({ heard }, name, number) =>
  heard.some((text) => text.startsWith(name) && Number(text.slice(name.length)) > number);

// Until these have heard what each speaker says from now on.
async function hear(peers, speakers) {
  const said = speakers.map((one) => one.said);
  await until(() => peers.every((peer) => names.every((name, i) => newer(peer, name, said[i]))), "words of both");
}

// What is said last has come to all of these.
async function last_words(peers, speakers) {
  for (const one of speakers) await one.end();
  for (const [i, name] of names.entries()) {
    await peers[i].do("say", "red", `end ${name}`);
    await until(() => peers.every(({ heard }) => heard.includes(`end ${name}`)), "the last words");
  }
}

for (const [mode, options] of modes) {
  const title = options.rooms ? `${mode}, with ${options.rooms}` : mode;
  test(`${title}: nodes are killed, and the others lose nothing`, async (t) => {
    const { nodes, peers, speakers } = await speaking(t, mode, options);
    const [rest, dead] = [peers.slice(0, 2), nodes.slice(2)];
    for (const node of dead) node.signal("SIGKILL");
    const killed = performance.now();
    await until(() => peers.slice(2).every(({ disconnected }) => disconnected), "the end of the nodes");
    await hear(rest, speakers);
    t.diagnostic(`both heard each other ${Math.round(performance.now() - killed)} ms after the kill`);
    // The others know by now that the nodes are dead.
    await until(async () => (await peers[0].do("servers", "hello")).length === 1, "the nodes that are left");
    await hear(rest, speakers);
    await last_words(rest, speakers);
    for (const [i, name] of names.entries())
      for (const peer of rest) assert.equal(check(t, peer.heard, speakers[i].said, 0, name), 0);
  });

  test(`${title}: nodes are frozen, and get what comes after the thaw once and in order`, async (t) => {
    const { nodes, peers, speakers } = await speaking(t, mode, options);
    const rest = peers.slice(0, 2);
    for (const node of nodes.slice(2)) await freeze(t, node);
    await hear(rest, speakers);
    // Until the others take the nodes for dead.
    await until(async () => !(await peers[0].all("who", "red"))[1], "an answer without them");
    for (const node of nodes.slice(2)) node.signal("SIGCONT");
    const thawed = performance.now();
    await hear(peers, speakers);
    t.diagnostic(`all heard all ${Math.round(performance.now() - thawed)} ms after the thaw`);
    await until(async () => {
      const [ids, complete] = await peers[0].all("who", "red");
      return complete && ids.length === peers.length;
    }, "all nodes");
    const back = speakers.map(({ said }) => said);
    await last_words(peers, speakers);
    for (const [i, name] of names.entries()) {
      for (const peer of rest) assert.equal(check(t, peer.heard, speakers[i].said, 0, name), 0);
      for (const peer of peers.slice(2)) {
        const lost = check(t, peer.heard, speakers[i].said, back[i], name);
        t.diagnostic(`a frozen node's client: ${lost} lost`);
        if (mode !== "native" || options.rooms) assert.equal(lost, 0);
      }
    }
  });
}
