// History and presence over three nodes with a real Redis. Listeners are cut off and come back to another
// node with their offset, a node is killed, and Redis is killed and started again. What is lost and what
// comes twice is counted.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EventSource } from "undici";

import { cluster as redisCluster, moveSlot, Redis, watched } from "./redis.mjs";
import { pause, serve, until } from "./server.mjs";
import { V1, compare } from "./v1.mjs";

const key = "a-key-for-publishers";
const history = { messages: 10_000, seconds: 600 };

// Nodes that know each other. `url`: of a Redis that is there.
async function threeNodes(t, url) {
  const redis = url ? undefined : await Redis.start(t);
  const nodes = [];
  for (let i = 0; i < 3; ++i) {
    const node = await serve({
      workers: 2,
      cluster: { url: url ?? `redis://127.0.0.1:${redis.port}`, name: `n${i}`, required: true },
      events: { enabled: true, api_key: key, channels: [
        { pattern: "news", history },
        { pattern: "topic{n}", history },
        { pattern: "room{name}", presence: "connections" },
      ] },
    });
    t.after(() => node.stop());
    nodes.push(node);
    await ready(node);
  }
  return { redis, nodes };
}

const ready = (node) => until(async () =>
  (await fetch(node.url("/readyz", "http"))).status === 200, "readiness");

async function threeShards(t) {
  const shards = await redisCluster(t);
  return { shards, url: `redis+cluster://127.0.0.1:${shards[0].port}` };
}

async function withSentinel(t) {
  const { master, replica, watch } = await watched(t);
  return { master, replica, url: `redis+sentinel://127.0.0.1:${watch.port}/m` };
}

async function api(node, target, init = {}) {
  const response = await fetch(node.url(`/api/${target}`, "http"),
    { ...init, headers: { "X-Api-Key": key, Connection: "close" } });
  return [response.status, await response.json()];
}

// Publishes "NAME 0", "NAME 1" ... one after the other. A refused event is sent again. `unsure` gets the
// event whose request was cut off: nobody knows whether it was published.
async function publisher(name, count, nodes, unsure, answered = () => {}, channel = "news") {
  let at = Number(name.slice(1));
  for (let i = 0; i < count; ++i) {
    const event = `${name} ${i}`;
    const body = JSON.stringify({ channel, event });
    for (;;) {
      const node = nodes[at % nodes.length];
      try {
        const [status] = await api(node, "publish", { method: "POST", body });
        if (status === 200) {
          answered(event);
          break;
        }
        assert.equal(status, 503);
      } catch (error) {
        // The connection may end a moment before the process is seen to have ended.
        await Promise.race([node.exited, pause(1000)]);
        if (node.alive) throw error;
        ++at;
        unsure.add(event);
      }
    }
  }
}

// A listener that is cut off again and again, and comes back to the next node.
class Listener {
  got = [];
  losses = 0;
  told = 0;  // How often a node told it, while it was connected, that events may be lost.
  recoveries = 0;
  since = undefined;
  #stop = false;

  constructor(nodes, first) {
    this.nodes = nodes;
    this.at = first;
    this.done = this.#live();
  }
  async #live() {
    while (!this.#stop) {
      const node = this.nodes[this.at++ % this.nodes.length];
      let client;
      try {
        client = await V1.connect(`ws://127.0.0.1:${node.port}/ws/channels`);
      } catch {
        continue;  // The node is dead: the next one.
      }
      client.socket.on("error", () => {});
      this.client = client;
      await this.#listen(client);
      client.end();
    }
  }
  async #listen(client) {
    const answer = await Promise.race([client.closed, client.ask({ type: "subscribe",
      channel: "news", ...(this.since === undefined ? {} : { since: this.since }) })]);
    if (answer.type !== "subscribed") return;  // Cut off, or 503.
    if (this.since !== undefined) {
      if (answer.recovered) ++this.recoveries;
      else ++this.losses;
      for (const { data } of answer.messages) this.got.push(data);
    }
    this.since = answer.offset;
    let ended;
    const end = new Promise((resolve) => { ended = resolve; });
    const take = () => {
      for (const event of client.events.splice(0)) {
        if (event.type === "unsubscribed") {
          assert.equal(event.code, 409);
          ++this.told;
          return ended();
        }
        this.got.push(event.data);
        this.since = event.offset;
      }
      return undefined;
    };
    take();
    client.socket.on("message", take);
    await Promise.race([client.closed, end]);
    take();
  }
  cut() { this.client?.end(); }
  stop() {
    this.#stop = true;
    this.cut();
    return this.done;
  }
}

const publishers = ["p0", "p1", "p2"];

async function listeners(nodes, count) {
  const all = Array.from({ length: count }, (_, i) => new Listener(nodes, i));
  await until(() => all.every(({ since }) => since !== undefined), "all to listen");
  return all;
}

// Each listener has each event, except `unsure` ones that nobody has.
async function check(all, count, unsure = new Set()) {
  const whole = () => all.every(({ got }) =>
    compare(got, publishers, count).lost.every((event) => unsure.has(event)));
  await until(whole, "all events");
  // What comes twice would come before this: a listener hears the events of a channel in one order.
  const [status] = await api(all[0].nodes.find(({ alive }) => alive), "publish",
    { method: "POST", body: JSON.stringify({ channel: "news", event: "the end" }) });
  assert.equal(status, 200);
  await until(() => all.every(({ got }) => got.includes("the end")), "the end");
  for (const { got } of all) {
    const { lost, doubled } = compare(got, publishers, count);
    assert.deepEqual(doubled.filter((event) => !unsure.has(event)), []);
    assert.deepEqual(lost, compare(all[0].got, publishers, count).lost);
    assert.deepEqual(got, all[0].got);  // In one order.
  }
}

test("listeners that come back to another node lose nothing", async (t) => {
  const { nodes } = await threeNodes(t);
  const all = await listeners(nodes, 6);
  const count = 60;
  const unsure = new Set();
  let done = false;
  const published = Promise.all(publishers.map((name) => publisher(name, count, nodes, unsure)));
  published.then(() => { done = true; });
  // Each is cut off when it has heard something since it came back.
  for (let i = 0; !done; ++i) {
    const one = all[i % all.length];
    const before = one.got.length;
    await until(() => done || one.got.length > before, "an event");
    one.cut();
  }
  await published;
  assert.equal(unsure.size, 0);
  await check(all, count);
  assert.ok(all.some(({ recoveries }) => recoveries > 0));
  // The same history from each node, by HTTP and by an EventSource.
  const pages = await Promise.all(nodes.map((node) => api(node, "history?channel=news&limit=1000")));
  for (const [status, page] of pages) {
    assert.equal(status, 200);
    assert.equal(page.events.length, 3 * count + 1);  // And the end.
    assert.deepEqual(page, pages[0][1]);
  }
  const since = pages[0][1].events[0].offset;
  const source = new EventSource(nodes[2].url(`/sse/ServerEvent?Ref=news&since=${since}`, "http"));
  const heard = [];
  source.onmessage = ({ data }) => heard.push(data);
  await until(() => heard.length === 3 * count, "the event stream");
  source.close();
  await Promise.all(all.map((one) => one.stop()));
});

test("a node that is killed takes no event with it", async (t) => {
  const { nodes } = await threeNodes(t);
  const all = await listeners(nodes, 6);
  const unsure = new Set();
  const count = 60;
  const published = Promise.all(publishers.map((name) => publisher(name, count, nodes, unsure)));
  await until(() => all[0].got.length > 30, "some events");
  nodes[0].signal("SIGKILL");
  await nodes[0].exited;
  await published;
  // Only the event that was on its way when the node died may have come once, twice, or never.
  assert.ok(unsure.size <= 1);
  await check(all, count, unsure);
  assert.ok(all.every(({ losses }) => losses === 0));
  await Promise.all(all.map((one) => one.stop()));
});

test("events wait while Redis is away, and come once when it is back", async (t) => {
  const { redis, nodes } = await threeNodes(t);
  const all = await listeners(nodes, 3);
  const count = 40;
  const answered = new Set();
  const published = Promise.all(publishers.map((name) =>
    publisher(name, count, nodes, new Set(), (event) => answered.add(event))));
  await until(() => all[0].got.length > 30, "some events");
  await redis.kill();
  // This Redis comes back empty. What it had answered before may be on its way to a node; then the node
  // finds a new history, and tells its listeners that something may be lost.
  const before = new Set(answered);
  for (const node of nodes)
    await until(() => /Redis is away/.test(node.output), "the nodes to see it");
  await redis.restart();
  const back = performance.now();
  await published;
  t.diagnostic(`healed ${Math.round(performance.now() - back)} ms after Redis was back`);
  const missing = ({ got }) => compare(got, publishers, count).lost;
  await until(() => all.every((one) => missing(one).every((event) => before.has(event))),
    `all events: ${all.map((one) => missing(one)).join(" | ")}`);
  await until(() => all.every(({ told }) => told > 0), "word of what may be lost");
  for (const { output } of nodes) assert.match(output, /history: connected to Redis/);
  for (const { got } of all) assert.deepEqual(compare(got, publishers, count).doubled, []);
  await Promise.all(all.map((one) => one.stop()));
});

async function presence(t, url, fault = async () => {}) {
  const { nodes } = await threeNodes(t, url);
  const join = async (node, info) => {
    const client = await V1.connect(`ws://127.0.0.1:${node.port}/ws/channels`);
    client.socket.on("error", () => {});
    const answer = await client.ask({ type: "subscribe", channel: "roomA", presence: true, info });
    return { client, members: answer.presence.members.map(({ info: name }) => name) };
  };
  const a = await join(nodes[0], "a");
  const b = await join(nodes[1], "b");
  assert.deepEqual(a.members, ["a"]);
  assert.deepEqual(b.members.toSorted(), ["a", "b"]);
  assert.equal((await a.client.event("join")).info, "b");
  const [, list] = await api(nodes[2], "presence?channel=roomA");
  assert.ok(Number.isInteger(list.age_ms));
  assert.deepEqual(list.members.map(({ info }) => info).toSorted(), ["a", "b"]);
  await fault(nodes);
  const c = await join(nodes[2], "c");
  assert.deepEqual(c.members.toSorted(), ["a", "b", "c"]);
  assert.equal((await b.client.event("join")).info, "c");
  c.client.end();
  assert.equal((await b.client.event("leave")).info, "c");
  nodes[0].signal("SIGKILL");
  assert.equal((await b.client.event("leave")).info, "a");
  await until(async () => (await api(nodes[2], "presence?channel=roomA"))[1].connections === 1,
    "the dead node's member to be gone");
  b.client.end();
}

test("presence: members of all nodes, and of a node that is killed", (t) => presence(t));

test("presence over server-sent events: the list, who joins and who leaves, on all nodes", async (t) => {
  const { nodes } = await threeNodes(t);
  const join = async (node, info) => {
    const source = new EventSource(node.url(`/sse/ServerEvent?Ref=roomS&presence=1&info="${info}"`, "http"));
    const heard = [];
    for (const type of ["presence", "join", "leave"])
      source.addEventListener(type, (event) => heard.push(JSON.parse(event.data)));
    await until(() => heard.length > 0, "the list");
    const list = heard.shift();
    assert.ok(Number.isInteger(list.age_ms));
    return { source, heard, members: list.members.map(({ info: name }) => name).toSorted() };
  };
  const a = await join(nodes[0], "a");
  const b = await join(nodes[1], "b");
  const c = await join(nodes[2], "c");
  assert.deepEqual([a, b, c].map(({ members }) => members), [["a"], ["a", "b"], ["a", "b", "c"]]);
  c.source.close();
  nodes[1].signal("SIGKILL");
  await until(() => a.heard.length === 4, "two to join and to leave");
  assert.deepEqual(a.heard.slice(0, 2).map(({ type, info }) => type + info), ["joinb", "joinc"]);
  assert.deepEqual(a.heard.slice(2).map(({ type, info }) => type + info).toSorted(), ["leaveb", "leavec"]);
  for (const { source } of [a, b]) source.close();
});

for (const [name, start] of [["a Redis Cluster", threeShards], ["a Redis with Sentinel", withSentinel]])
  test(`presence over ${name} that loses a process`, async (t) => {
    const { url, master, shards } = await start(t);
    await presence(t, url, async (nodes) => {
      if (master) await master.kill();
      else await shards[2].kill();
      for (const node of nodes)
        await until(() => /Redis is away/.test(node.output), "the nodes to see it");
      if (shards) await shards[2].restart();
      const begin = performance.now();
      for (const node of nodes) await ready(node);
      t.diagnostic(`healed ${Math.round(performance.now() - begin)} ms after ${shards ? "the shard was back" : "all had seen it"}`);
    });
  });

// The history of the channel is the same on all nodes, and has each event once, in the order of each publisher.
async function checkHistory(nodes, channel, count) {
  const pages = await Promise.all(nodes.map((node) => api(node, `history?channel=${channel}&limit=1000`)));
  for (const [status, page] of pages) {
    assert.equal(status, 200);
    assert.deepEqual(page, pages[0][1]);
  }
  const { lost, doubled } = compare(pages[0][1].events.map(({ event }) => event), publishers, count);
  assert.deepEqual([lost, doubled], [[], []], channel);
}

// Redis is there, and a replica: whoever asks gets an answer within the time that docs/history.md says.
test("Redis refuses for the moment: questions end, and nothing is changed later", async (t) => {
  const { redis, nodes: [node] } = await threeNodes(t);
  const publish = () => api(node, "publish", { method: "POST",
    body: JSON.stringify({ channel: "news", event: "said" }) });
  assert.equal((await publish())[0], 200);
  const state = "starling:history:{news}:state";
  const senders = async () => (await redis.cli("HKEYS", state)).split("\n").filter((name) => /^s:/.test(name));
  // Processes that have ended long ago, and one that published a moment ago.
  await redis.cli("HSET", state, "s:old", "7:1000", "s:older", "9", "s:new", `3:${Date.now()}`);
  await redis.cli("REPLICAOF", "127.0.0.1", "1");
  const client = await V1.connect(node.url("/ws/channels"));
  const [[status], subscribed] = await Promise.all([api(node, "history?channel=news"),
    client.ask({ type: "subscribe", channel: "news" })]);
  assert.equal(status, 503);
  assert.deepEqual([subscribed.type, subscribed.code], ["error", 503]);
  // Live events go on, so the node stays in its balancer.
  assert.equal((await fetch(node.url("/readyz", "http"))).status, 200);
  await redis.cli("REPLICAOF", "NO", "ONE");
  await until(async () => (await api(node, "history?channel=news"))[0] === 200, "the history");
  assert.equal((await senders()).length, 4);
  const other = await serve({ workers: 1, cluster: { url: `redis://127.0.0.1:${redis.port}` },
    events: { enabled: true, api_key: key, channels: [{ pattern: "news", history }] } });
  t.after(() => other.stop());
  assert.equal((await api(other, "publish", { method: "POST",
    body: JSON.stringify({ channel: "news", event: "said" }) }))[0], 200);
  const left = await senders();
  assert.equal(left.length, 3);
  assert.ok(left.includes("s:new"));
});

test("histories lie on all shards of a Redis Cluster, and one moves under load", async (t) => {
  const { url, shards } = await threeShards(t);
  const { nodes } = await threeNodes(t, url);
  const channels = Array.from({ length: 12 }, (_, i) => `topic${i}`);
  await Promise.all(channels.flatMap((channel) => publishers.map((name) =>
    publisher(name, 5, nodes, new Set(), undefined, channel))));
  for (const channel of channels) await checkHistory(nodes, channel, 5);
  for (const shard of shards) assert.notEqual(await shard.cli("DBSIZE"), "0");

  let answered = 0;
  const published = Promise.all(publishers.map((name) =>
    publisher(name, 60, nodes, new Set(), () => { ++answered; })));
  await until(() => answered > 30, "events");
  await moveSlot(shards, "starling:history:{news}");
  const moved = answered;
  await published;
  t.diagnostic(`${moved} of ${answered} events before the slot had moved`);
  await checkHistory(nodes, "news", 60);
});

test("the history goes on when Sentinel makes the replica the master", async (t) => {
  const { url, master, replica } = await withSentinel(t);
  const { nodes } = await threeNodes(t, url);
  const count = 40;
  let answered = 0;
  // Redis passes events on to the replica after its answer. Those of the first half are there before the
  // master dies; the second half is published to whoever is the master.
  await Promise.all(publishers.map((name) => publisher(name, count / 2, nodes, new Set())));
  const length = async (redis) => Number(await redis.cli("XLEN", "starling:history:{news}"));
  await until(async () => await length(replica) === 3 * count / 2, "the replica to have it");
  await master.kill();
  const killed = performance.now();
  const second = publishers.map((name) => publisher(name, count, nodes, new Set(),
    () => {
      if (++answered === 1) t.diagnostic(`healed ${Math.round(performance.now() - killed)} ms after the death of the master`);
    }, "topic1"));
  await Promise.all(second);
  assert.equal(answered, 3 * count);
  await checkHistory(nodes, "news", count / 2);
  await checkHistory(nodes, "topic1", count);
  assert.equal(await length(replica), 3 * count / 2);
});
