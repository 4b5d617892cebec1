// What @socket.io/redis-adapter and its sisters promise, from every server to the sockets of every
// server: two of starling and two of Node.js, with clients of three generations, and emitters.
// cluster_behaviours.mjs has the tables.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { Emitter } from "@socket.io/redis-emitter";
import { createClient } from "redis";

import { deadline } from "./client.mjs";
import { a, b, c, moves, moves_of_servers, of_servers, room_names, rooms, targets, values } from "./cluster_behaviours.mjs";
import { launch, sorted } from "./cluster_nodes.mjs";
import { Redis } from "./redis.mjs";
import { until } from "./server.mjs";
import { client1, client2, client4 } from "./socketio/harness.mjs";
import { StreamsEmitter } from "./streams_emitter.mjs";

// `timeouts`: with the tests in which somebody keeps silent, which take the five seconds of a
// Node.js server.
const modes = [
  { mode: "classic", timeouts: true },
  { mode: "classic", name: "classic, answers to the asker, a channel for each room",
    options: { publishOnSpecificResponseChannel: true, pattern: false } },
  { mode: "sharded", timeouts: true },
  { mode: "sharded", name: "sharded, static", options: { subscriptionMode: "static" } },
  { mode: "sharded", name: "sharded, dynamic-private", options: { subscriptionMode: "dynamic-private" } },
  { mode: "streams", timeouts: true },
  { mode: "streams", name: "streams, three of them, sharded channels",
    options: { streamCount: 3, useShardedPubSub: true } },
  { mode: "native", timeouts: true },
];

// Waits until get() returns what is expected.
async function settles(get, expected, what) {
  let last;
  await until(async () => {
    last = await get();
    return isDeepStrictEqual(last, expected);
  }, what, 20_000).catch(() => assert.deepEqual(last, expected, what));
}

// Bytes as text, since they arrive as several types.
function shown(value) {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value))
    return `bytes ${[...new Uint8Array(value.buffer ? value : new Uint8Array(value))]}`;
  if (Array.isArray(value)) return value.map(shown);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shown(one)]));
}

class Receiver {
  heard = [];
  fence = 0;
  reasons = [];

  constructor(label, socket) {
    Object.assign(this, { label, socket });
    socket.on("said", (name, ...rest) => this.heard.push([name, shown(rest)]));
    socket.on("fence", (count) => { this.fence = count; });
    socket.on("question", ({ silent = [], bytes }, ack) => {
      if (!silent.includes(label)) ack(bytes ? Buffer.from(label) : label);
    });
    socket.on("disconnect", (reason) => this.reasons.push(reason));
  }
  // Returns all arguments of the ack.
  do(what) {
    return deadline(new Promise((resolve) => { this.socket.emit("do", what, (...all) => resolve(all)); }),
      `the ack of ${JSON.stringify(what)} at ${this.label}`);
  }
}

// One that sends without being a server.
class Outsider {
  constructor(name, emitter) { Object.assign(this, { name, emitter }); }
  async do({ call, args, nsp = "/", rooms: to, except, volatile, compress }) {
    let all = this.emitter.of(nsp);
    if (call === "tell servers") return all.serverSideEmit(...args);
    if (to) all = all.to(to);
    if (except) all = all.except(except);
    if (volatile) all = all.volatile;
    if (compress !== undefined) all = all.compress(compress);
    switch (call) {
      case "emit": return all.emit(...args);
      case "join": return all.socketsJoin(args);
      case "leave": return all.socketsLeave(args);
      default: return all.disconnectSockets(...args);
    }
  }
}

async function outsiders(t, { mode, options = {} }, url) {
  if (mode !== "classic" && (mode !== "streams" || options.streamCount)) return [];
  const client = createClient({ url });
  client.on("error", () => {}); // Redis may end first.
  await client.connect();
  t.after(() => client.disconnect());
  return mode === "classic" ? [new Outsider("redis-emitter", new Emitter(client))]
    : [new Outsider("an emitter of streams", new StreamsEmitter(client)),
      new Outsider("an emitter of streams, packets without nsp", new StreamsEmitter(client, { nsp_in_packet: false }))];
}

class World {
  fences = 0;

  static async start(t, { mode, options = {} }) {
    const world = new World();
    const url = `redis://127.0.0.1:${(await Redis.start(t)).port}`;
    const kinds = mode === "native" ? Array(4).fill("starling") : ["starling", "node", "starling", "node"];
    world.servers = await Promise.all(kinds.map((kind) => launch(t, kind, { program: "cluster_test_server",
      script: "tests/interop/cluster_server.mjs", args: [url, mode, JSON.stringify(options)] })));
    world.receivers = new Map();
    await Promise.all(world.servers.map((server, i) => world.#enter(t, server, i)));
    world.senders = world.servers.map(({ kind, port }, server) => {
      const self = world.receivers.get(`${server}a`);
      return { name: `${kind} ${port}`, kind, server, self, do: (what) => self.do(what) };
    });
    world.emitters = await outsiders(t, { mode, options }, url);
    await world.#ready();
    return world;
  }

  connect(t, { io }, server, { nsp = "", transport = "websocket", auth, forceNew = true }) {
    const socket = io(`http://127.0.0.1:${server.port}${nsp}`, { transports: [transport], auth, forceNew,
      "force new connection": forceNew, reconnection: false });
    t.after(() => socket.disconnect());
    return socket;
  }

  // The sockets of one server, and their rooms.
  async #enter(t, server, i) {
    const main = this.connect(t, client4, server, { auth: { token: `${i}` } });
    const older = this.connect(t, i < 2 ? client1 : client2, server, { transport: i < 2 ? "websocket" : "polling" });
    for (const [label, socket] of [[`${i}a`, main], [`${i}b`, main.io.socket("/other")], [`${i}c`, older]]) {
      const receiver = new Receiver(label, socket);
      this.receivers.set(label, receiver);
      await until(() => socket.connected, label);
      [receiver.id] = await receiver.do({ call: "my id" });
      const all = label.endsWith("b") ? room_names : room_names.filter((room) => rooms[room].includes(label));
      await receiver.do({ call: "I join", args: [...all, "left"] });
      await receiver.do({ call: "I leave", args: ["left"] });
      await receiver.do({ call: "my data", args: [{ label, list: [1.5, "é", null] }] });
    }
  }

  // Each room of each server's sockets is known to each sender.
  async #ready() {
    for (const sender of [...this.senders, ...this.emitters])
      for (const room of room_names) {
        const name = `${sender.name} to ${room}`;
        await until(async () => {
          await sender.do({ call: "emit", rooms: [room], args: ["said", name] });
          await sender.do({ call: "emit", rooms: [room], nsp: "/other", args: ["said", name] });
          return [...rooms[room], ...b].every((label) => this.receivers.get(label).heard.some(([text]) => text === name));
        }, name);
      }
    for (const sender of this.senders) {
      await until(async () => (await sender.do({ call: "ask servers", args: ["question", "-"] }))[1].length === 3, "the servers");
      await until(async () => (await sender.do({ call: "ask servers", nsp: "/other", args: ["question", "-"] }))[1].length === 3,
        "the servers");
    }
    for (const sender of [...this.senders, ...this.emitters]) await this.settled(sender);
    this.forget();
  }

  id = (label) => this.receivers.get(label).id;
  labels(ids) {
    return sorted(ids.map((id) => [...this.receivers.values()].find((one) => one.id === id)?.label ?? id));
  }
  forget() { for (const one of this.receivers.values()) one.heard = []; }

  // What the sender has emitted before has arrived.
  async settled(sender) {
    const count = ++this.fences;
    for (const nsp of ["/", "/other"]) await sender.do({ call: "emit", nsp, args: ["fence", count] });
    await until(() => {
      const gone = [...this.receivers.values()].filter(({ reasons }) => reasons.length > 0);
      assert.deepEqual(gone.map(({ label, reasons }) => [label, reasons]), []);
      return [...this.receivers.values()].every(({ fence }) => fence >= count);
    }, `what ${sender.name} has emitted`);
  }

  // Name, what, expected labels.
  targets_of(sender) {
    const all = sender.server === undefined ? targets : [...targets, ...of_servers];
    return all.map(([name, what, meant]) => [name, what(this.id), sorted(meant(sender.server))]);
  }
}

async function emits(world, sender) {
  const cases = world.targets_of(sender);
  await Promise.all(cases.map(([name, what], i) =>
    sender.do({ ...what, call: "emit", args: ["said", name, ...values[i % 2]] })));
  await world.settled(sender);
  const got = Object.fromEntries(cases.map(([name]) => [name, []]));
  for (const { label, heard } of world.receivers.values())
    for (const [name, rest] of heard) {
      got[name].push(label);
      assert.deepEqual(rest, shown(values[cases.findIndex(([one]) => one === name) % 2]), `${name} to ${label}`);
    }
  for (const labels of Object.values(got)) labels.sort();
  assert.deepEqual(got, Object.fromEntries(cases.map(([name, , labels]) => [name, labels])));
  world.forget();

  // A volatile event may be lost, but goes to nobody else.
  const hears = (label) => world.receivers.get(label).heard.length > 0;
  await until(async () => {
    await sender.do({ call: "emit", volatile: true, rooms: ["pair"], args: ["said", "volatile"] });
    return rooms.pair.every(hears);
  }, "a volatile event");
  await world.settled(sender);
  assert.deepEqual([...world.receivers.keys()].filter(hears).sort(), rooms.pair);
  world.forget();
}

async function asks(world, sender) {
  // A Node.js server that asks its own clients alone waits for the answers of all servers.
  const cases = world.targets_of(sender).filter(([, what]) => sender.kind === "starling" || !what.local);
  const got = await Promise.all(cases.map(([, what], i) =>
    sender.do({ timeout: 30_000, ...what, call: "ask", args: ["question", { bytes: i % 2 === 1 }] })));
  assert.deepEqual(
    cases.map(([name], i) => [name, got[i][0], sorted(got[i][1].map((one) => Buffer.isBuffer(one) ? `${one}` : one))]),
    cases.map(([name, , labels]) => [name, true, labels]));
}

async function fetches(world, sender) {
  const cases = world.targets_of(sender);
  const got = await Promise.all(cases.map(([, what]) => sender.do({ ...what, call: "fetch" })));
  assert.deepEqual(cases.map(([name], i) => [name, got[i][0], world.labels(got[i][1].map(({ id }) => id))]),
    cases.map(([name, , labels]) => [name, true, labels]));
}

// All senders see the same of each socket.
async function details(world) {
  const seen = await Promise.all(world.senders.map(async (sender) => {
    const [, sockets] = await sender.do({ call: "fetch" });
    return Object.fromEntries(sockets.map(({ id, rooms: in_rooms, data, handshake }) => {
      const { headers, query, auth, url, address, xdomain, secure, issued } = handshake;
      return [id, { rooms: in_rooms.map(String).sort(), data,
        handshake: { headers, query, auth: auth ?? {}, url, address, xdomain, secure, issued } }];
    }));
  }));
  for (const one of seen) assert.deepEqual(one, seen[0]);
  for (const label of [...a, ...c]) {
    const { rooms: in_rooms, data, handshake } = seen[0][world.id(label)];
    assert.deepEqual(in_rooms,
      sorted([world.id(label), ...room_names.filter((room) => rooms[room].includes(label)).map(String)]));
    assert.deepEqual(data, { label, list: [1.5, "é", null] });
    if (label.endsWith("a")) assert.deepEqual(handshake.auth, { token: label[0] });
  }
}

async function moved(world, sender) {
  const rows = sender.server === undefined ? moves : [...moves, ...moves_of_servers];
  for (const [i, [call, what, args, members]] of rows.entries()) {
    await sender.do({ ...what(world.id), call, args });
    const asker = world.senders[i % 4];
    await settles(async () => world.labels((await asker.do({ call: "fetch", rooms: ["moved"] }))[1].map(({ id }) => id)),
      sorted(members(sender.server)), `row ${i} of ${sender.name}`);
  }
}

async function disconnects(t, world, sender) {
  // Each has one socket in "/" and one in "/other", on one connection.
  const visitors = await Promise.all(world.servers.map(async (server) => {
    const socket = world.connect(t, client4, server, {});
    const pair = [new Receiver("", socket), new Receiver("", socket.io.socket("/other"))];
    for (const one of pair) {
      await until(() => one.socket.connected, "a visitor");
      await one.do({ call: "I join", args: ["out"] });
    }
    [pair.id] = await pair[0].do({ call: "my id" });
    return pair;
  }));
  const here = () => visitors.map((pair) => pair.map(({ socket }) => socket.connected));
  await visitors[3][0].do({ call: "I join", args: ["stays"] });
  // Each server knows that.
  const ids = async (asker) => (await asker.do({ call: "fetch", rooms: ["out"], except: ["stays"] }))[1].length;
  for (const one of world.senders) await settles(() => ids(one), 3, "visitors");
  await sender.do({ call: "disconnect", rooms: ["out"], except: ["stays"], args: [false] });
  await settles(here, [[false, true], [false, true], [false, true], [true, true]], "some disconnected");
  for (const [one] of visitors.slice(0, 3)) assert.deepEqual(one.reasons, ["io server disconnect"]);
  await sender.do({ call: "disconnect", nsp: "/other", rooms: ["out"], args: [false] });
  await settles(here, [[false, false], [false, false], [false, false], [true, false]], "one namespace disconnected");
  await sender.do({ call: "disconnect", rooms: [visitors[3].id], args: [true] });
  await settles(() => visitors[3][0].socket.connected || visitors[3][0].socket.io.engine.readyState, "closed",
    "the connection ended");
  // Their rooms are gone with them.
  for (const one of world.senders)
    for (const nsp of ["/", "/other"])
      await settles(async () => (await one.do({ call: "fetch", nsp, rooms: ["out", "stays"] }))[1], [], "nobody");
}

async function server_events(world) {
  const all = [...world.senders, ...world.emitters];
  for (const sender of all)
    for (const nsp of ["/", "/other"])
      await sender.do({ call: "tell servers", nsp, args: ["news", sender.name, { in: [nsp, "é", 1.5] }] });
  // Twice, since what comes twice may come later than the rest.
  for (let i = 0; i < 2; ++i) {
    for (const { name, self } of world.senders)
      await settles(async () => (await self.do({ call: "news" }))[0].map(JSON.stringify).sort(),
        all.filter((one) => one.name !== name).flatMap((one) => ["/", "/other"].map((nsp) =>
          JSON.stringify([nsp, one.name, { in: [nsp, "é", 1.5] }]))).sort(), `the news of ${name}`);
    for (const nsp of ["/", "/other"])
      await Promise.all(world.senders.map(async (sender) => {
        const [complete, answers] = await sender.do({ call: "ask servers", nsp, args: ["question", "hello"] });
        assert.deepEqual([complete, sorted(answers)], [true, sorted(world.senders.filter((one) => one !== sender)
          .map(({ name }) => `${name} got hello`))], `${sender.name} in ${nsp}`);
      }));
  }
}

async function all_rooms(world) {
  const ids = [...a, ...c].map(world.id);
  for (const sender of world.senders.filter(({ kind }) => kind === "node"))
    assert.deepEqual(sorted((await sender.do({ call: "all rooms" }))[0]), sorted([...ids, ...room_names.map(String)]));
}

// Who keeps silent costs the time that the question has, and the answers of the others come.
async function silence(world) {
  const silent = ["0a", "1c", "2a", "3c"];
  const answering = [...a, ...c].filter((label) => !silent.includes(label)).sort();
  const begin = performance.now();
  await Promise.all(world.senders.flatMap((sender) => [
    async () => {
      const [complete, answers] = await sender.do({ call: "ask", timeout: 4000, args: ["question", { silent }] });
      assert.deepEqual([complete, sorted(answers)], [false, answering], `${sender.name} asks clients`);
    },
    async () => {
      const { name } = world.senders[(sender.server + 1) % 4];
      const [complete, answers] = await sender.do({ call: "ask servers", args: ["question", name] });
      assert.deepEqual([complete, sorted(answers)], [false, sorted(world.senders
        .filter((one) => one !== sender && one.name !== name).map((one) => `${one.name} got ${name}`))],
      `${sender.name} asks servers`);
    },
  ].map((run) => run())));
  return performance.now() - begin;
}

for (const one of modes)
  test(one.name ?? one.mode, async (t) => {
    const world = await World.start(t, one);
    for (const sender of [...world.senders, ...world.emitters]) {
      await t.test(`${sender.name} emits`, () => emits(world, sender));
      await t.test(`${sender.name} lets sockets join and leave`, () => moved(world, sender));
      await t.test(`${sender.name} disconnects sockets`, (inner) => disconnects(inner, world, sender));
      if (sender.server === undefined) continue;
      await t.test(`${sender.name} asks clients`, () => asks(world, sender));
      await t.test(`${sender.name} fetches sockets`, () => fetches(world, sender));
    }
    await t.test("sockets look the same from everywhere", () => details(world));
    await t.test("server-side events", () => server_events(world));
    if (one.mode === "classic") await t.test("all rooms", () => all_rooms(world));
    if (one.timeouts)
      await t.test("who keeps silent", async (inner) => {
        inner.diagnostic(`answered after ${Math.round(await silence(world))} ms`);
      });
  });
