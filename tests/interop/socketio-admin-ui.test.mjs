// Socket.IO's Admin UI: the same script with npm's instrument() and with starling's. Both give the same
// events of the same shapes to the page's client, and do the same for its commands.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { io } from "socket.io-client";

import { deadline } from "./client.mjs";
import { Redis } from "./redis.mjs";
import { until } from "./server.mjs";
import { both, startStarling } from "./socketio/harness.mjs";

const credentials = { username: "admin", password: "changeit" };
const url = (server) => `http://127.0.0.1:${server.port}`;
const opened = new Set();
after(() => opened.forEach((socket) => socket.close()));

function open(server, nsp, options = {}) {
  const socket = io(`${url(server)}${nsp}`, { forceNew: true, reconnection: false, ...options });
  opened.add(socket);
  return socket;
}

// The client of a page. `got`: what came, as [event, ...arguments].
function openPage(server, auth = credentials, nsp = "/admin-ui") {
  const page = open(server, nsp, { auth });
  page.got = [];
  page.onAny((...event) => page.got.push(structuredClone(event)));
  page.wait = (name, matches = () => true) => until(
    () => page.got.find(([event, ...args]) => event === name && matches(...args)), name);
  return page;
}

const connected = (socket) => deadline(new Promise((resolve, reject) => {
  socket.once("connect", () => resolve(socket));
  socket.once("connect_error", reject);
}), "a connection");

const refusal = (socket) => deadline(new Promise((resolve, reject) => {
  socket.once("connect", () => reject(new Error("connected")));
  socket.once("connect_error", (error) => { socket.close(); resolve(error); });
}), "a refusal");

// "{a: number, b: [string]}". What clients choose is "*".
const free = new Set(["headers", "query", "data"]);
function shapeOf(value, name) {
  if (free.has(name)) return "*";
  if (Array.isArray(value)) return `[${[...new Set(value.map((item) => shapeOf(item)))].sort()}]`;
  if (value === null || typeof value !== "object") {
    const isDate = typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/.test(value);
    return isDate ? "date" : typeof value;
  }
  const members = Object.keys(value).sort().map((key) => `${key}: ${shapeOf(value[key], key)}`);
  return `{${members.join(", ")}}`;
}

const socketShape = "{clientId: string, data: *, handshake: {address: string, headers: *, " +
  "issued: number, query: *, secure: boolean, time: string, url: string, xdomain: boolean}, " +
  "id: string, nsp: string, rooms: [string], transport: string}";

const shapes = {
  session: ["string"],
  config: ["{supportedFeatures: [string]}"],
  all_sockets: [`[${socketShape}]`],
  socket_connected: [`${socketShape}, date`],
  socket_updated: ["{data: *, id: string, nsp: string}", "{id: string, nsp: string, transport: string}"],
  socket_disconnected: ["string, string, string, date"],
  room_joined: ["string, string, string, date"],
  room_left: ["string, string, string, date"],
  event_received: ["string, string, [string], date"],
  event_sent: ["string, string, [number,string], date"],
};
const statsShape = { serverId: "string", hostname: "string", pid: "number", uptime: "number",
  clientsCount: "number", pollingClientsCount: "number" };
const writing = ["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"];

// What a client does while a page looks, and what the page makes it do.
async function play(server) {
  const page = await connected(openPage(server));
  await page.wait("all_sockets");
  const client = await connected(open(server, "/"));
  const { id: own } = client;
  await page.wait("socket_connected", (socket) => socket.id === client.id);
  await page.wait("socket_updated", ({ id, transport }) =>
    id === client.id && transport === "websocket");
  await client.emitWithAck("set-data", "name", "eve");
  await page.wait("socket_updated", ({ id, data }) => id === client.id && data?.name === "eve");
  await client.emitWithAck("join", "red");
  await page.wait("room_joined", (nsp, room, id) => room === "red" && id === client.id);
  await page.wait("event_received", (nsp, id, args) => id === client.id && args[0] === "join");
  await client.emitWithAck("leave", "red");
  await page.wait("room_left", (nsp, room, id) => room === "red" && id === client.id);
  client.emit("message", "hello");
  await page.wait("event_sent", (nsp, id, args) => id === client.id && args[1] === "hello");

  page.emit("join", "/", "blue", client.id);
  await page.wait("room_joined", (nsp, room) => room === "blue");
  const note = new Promise((resolve) => { client.once("note", (...args) => resolve(args)); });
  page.emit("emit", "/", "blue", "note", "to", 2);
  assert.deepEqual(await deadline(note, "note"), ["to", 2]);
  await page.wait("event_sent", (nsp, id, args) => args[0] === "note");
  page.emit("leave", "/", "blue", client.id);
  await page.wait("room_left", (nsp, room) => room === "blue");
  const gone = new Promise((resolve) => { client.once("disconnect", resolve); });
  page.emit("_disconnect", "/", false, client.id);
  assert.equal(await deadline(gone, "disconnect"), "io server disconnect");
  await page.wait("socket_disconnected", (nsp, id) => id === own);
  await page.wait("room_left", (nsp, room) => room === own);
  await page.wait("server_stats", (stats) =>
    stats.aggregatedEvents.some(({ type }) => type === "packetsIn"));
  return page;
}

for (const [name, start] of both) {
  describe(`Admin UI of ${name}`, () => {
    let server;
    before(async () => { server = await start("--admin-ui", "development"); });
    after(() => server?.stop());

    test("the events have the shapes that the page expects", async () => {
      const page = await play(server);
      const seen = {};
      for (const [event, ...args] of page.got) {
        if (event === "server_stats") continue;
        const shape = args.map((value) => shapeOf(value)).join(", ");
        (seen[event] ??= new Set()).add(shape);
      }
      seen.event_sent = new Set([...seen.event_sent].filter((shape) => shape.includes("number")));
      assert.deepEqual(
        Object.fromEntries(Object.entries(seen).map(([event, all]) => [event, [...all].sort()])),
        shapes);

      const [, config] = await page.wait("config");
      assert.deepEqual(config.supportedFeatures, [...writing, "AGGREGATED_EVENTS", "ALL_EVENTS"]);
      const [, stats] = page.got.findLast(([event]) => event === "server_stats");
      const { namespaces, aggregatedEvents, ...numbers } = stats;
      assert.deepEqual(Object.fromEntries(
        Object.entries(numbers).map(([key, value]) => [key, typeof value])), statsShape);
      assert.equal(stats.serverId, "test-server");
      assert.deepEqual(namespaces.map((nsp) => nsp.name).sort(), ["/", "/admin", "/admin-ui"]);
      assert.equal(namespaces.find((nsp) => nsp.name === "/admin-ui").socketsCount, 1);
      const all = page.got.flatMap(([event, one]) =>
        (event === "server_stats" ? one.aggregatedEvents : []));
      for (const type of ["rawConnection", "packetsIn", "packetsOut", "bytesIn", "bytesOut"])
        assert.ok(all.some((one) => one.type === type && one.count > 0 &&
          one.timestamp % 1000 === 0), type);
      page.close();
    });

    test("a session id stands for the password", async () => {
      const page = await connected(openPage(server));
      const [, sessionId] = await page.wait("session");
      page.close();
      const again = await connected(openPage(server, { sessionId }));
      await again.wait("config");
      assert.equal(again.got.some(([event]) => event === "session"), false);
      again.close();
    });

    for (const [what, auth] of [
      ["nothing", {}],
      ["a wrong user name", { username: "eve", password: "changeit" }],
      ["a session id that the server has not made", { sessionId: "0123456789abcdef" }],
      // Ends the process of the reference.
      ...(start === startStarling ? [["a number", { username: "admin", password: 17 }]] : []),
    ])
      test(`${what}: refused`, async () => {
        assert.equal((await refusal(openPage(server, auth))).message, "invalid credentials");
      });

    test("a new page gets the sockets with their rooms", async () => {
      const client = await connected(open(server, "/"));
      await client.emitWithAck("join", ["green", "red"]);
      const page = await connected(openPage(server));
      const [, sockets] = await page.wait("all_sockets");
      const shown = sockets.find(({ id }) => id === client.id);
      assert.deepEqual([...shown.rooms].sort(), [client.id, "green", "red"].sort());
      assert.equal(shown.handshake.address.endsWith("127.0.0.1"), true);
      assert.equal(shown.handshake.query.EIO, "4");
      assert.equal(shown.clientId.length, 12);
      client.close();
      page.close();
    });
  });

  describe(`Admin UI of ${name} in production`, () => {
    let server;
    before(async () => { server = await start("--admin-ui", "production-readonly"); });
    after(() => server?.stop());

    test("shows figures alone, and a page that may only read cannot act", async () => {
      const page = await connected(openPage(server));
      const client = await connected(open(server, "/"));
      const [, config] = await page.wait("config");
      assert.deepEqual(config.supportedFeatures, ["AGGREGATED_EVENTS"]);
      page.emit("_disconnect", "/", true);
      page.emit("join", "/", "red");
      await page.wait("server_stats", (stats) =>
        stats.namespaces.some((nsp) => nsp.name === "/" && nsp.socketsCount === 1));
      assert.deepEqual(await client.emitWithAck("rooms"), [client.id]);
      assert.deepEqual([...new Set(page.got.map(([event]) => event))].sort(),
        ["config", "server_stats", "session"]);
      client.close();
      page.close();
    });
  });
}

describe("Admin UI of starling", () => {
  test("after five wrong passwords the address waits, a session does not", async (t) => {
    const server = await startStarling("--admin-ui", "development");
    t.after(() => server.stop());
    const page = await connected(openPage(server));
    const [, sessionId] = await page.wait("session");
    page.close();
    for (let i = 0; i < 5; ++i) {
      const error = await refusal(openPage(server, { username: "admin", password: `guess ${i}` }));
      assert.equal(error.message, "invalid credentials");
    }
    const error = await refusal(openPage(server));
    assert.match(error.message, /^too many wrong passwords/);
    assert.ok(error.data.retry_after_s > 0 && error.data.retry_after_s <= 60);
    (await connected(openPage(server, { sessionId }))).close();
  });

  test("the page of one worker sees and moves the sockets of four", async (t) => {
    const server = await startStarling("--admin-ui", "development", "--workers", "4");
    t.after(() => server.stop());
    const clients = await Promise.all(Array.from({ length: 40 }, () =>
      connected(open(server, "/", { transports: ["websocket"] }))));
    const page = await connected(openPage(server));
    const [, sockets] = await page.wait("all_sockets");
    const known = new Map(sockets.map((socket) => [socket.id, socket]));
    for (const { id } of clients) assert.ok(known.has(id));
    page.emit("join", "/", "blue");
    await until(() => page.got.filter(([event, , room]) =>
      event === "room_joined" && room === "blue").length === clients.length, "blue rooms");
    await page.wait("server_stats", (stats) => stats.clientsCount === clients.length + 1 &&
      stats.namespaces.some((nsp) => nsp.name === "/" && nsp.socketsCount === clients.length));
    for (const client of clients) client.close();
    await until(() => page.got.filter(([event]) => event === "socket_disconnected").length ===
      clients.length, "disconnections");
    page.close();
  });

  test("a long list comes in one message, and the header fields after it", async (t) => {
    const server = await startStarling("--admin-ui", "development", "--workers", "2");
    t.after(() => server.stop());
    const clients = await Promise.all(Array.from({ length: 250 }, () =>
      connected(open(server, "/", { transports: ["websocket"], extraHeaders: { "x-test": "1" } }))));
    const page = await connected(openPage(server));
    const [, sockets] = await page.wait("all_sockets");
    assert.equal(sockets.length, 251);
    const known = new Map(sockets.map((socket) => [socket.id, socket.handshake.headers]));
    assert.equal([...known.values()].filter((headers) => headers.host).length, 100);
    for (const { id } of clients) assert.ok(known.has(id));
    await until(() => {
      for (const [event, socket] of page.got)
        if (event === "socket_updated" && socket.handshake) known.set(socket.id, socket.handshake.headers);
      return clients.every(({ id }) => known.get(id)["x-test"] === "1");
    }, "all header fields");
    assert.equal(page.got.some(([event, socket]) => event === "socket_connected" &&
      clients.some(({ id }) => id === socket.id)), false);
    for (const client of clients) client.close();
    page.close();
  });

  test("more sockets than one message holds come after it, one by one", async (t) => {
    const server = await startStarling("--admin-ui", "development", "--workers", "2");
    t.after(() => server.stop());
    // With data of 10 kB each, 768 KiB hold fewer than 80.
    const clients = await Promise.all(Array.from({ length: 120 }, () =>
      connected(open(server, "/", { transports: ["websocket"] }))));
    await Promise.all(clients.map((client) => client.emitWithAck("set-data", "text", "x".repeat(10_000))));
    const page = await connected(openPage(server));
    const [, sockets] = await page.wait("all_sockets");
    assert.ok(sockets.length >= 60 && sockets.length < 80, `${sockets.length} sockets`);
    const ids = () => new Set([...sockets, ...page.got.filter(([event]) =>
      event === "socket_connected").map(([, socket]) => socket)].map((socket) => socket.id));
    await until(() => clients.every(({ id }) => ids().has(id)), "all sockets");
    for (const client of clients) client.close();
    page.close();
  });

  test("a page from which events were left out gets a new list", async (t) => {
    const server = await startStarling("--admin-ui", "development-slow");  // One event a second.
    t.after(() => server.stop());
    const page = await connected(openPage(server));
    await page.wait("all_sockets");
    const clients = await Promise.all(Array.from({ length: 20 }, () => connected(open(server, "/"))));
    await page.wait("all_sockets", (sockets) =>
      clients.every(({ id }) => sockets.some((socket) => socket.id === id)));
    const told = page.got.filter(([event]) => event === "socket_connected").length;
    assert.ok(told < clients.length, `${told} connections were told`);
    clients.forEach((client) => client.close());
    page.close();
  });

  test("a change back to data of before is told to a page that has seen other data", async (t) => {
    const server = await startStarling("--admin-ui", "development");
    t.after(() => server.stop());
    const client = await connected(open(server, "/"));
    const first = await connected(openPage(server));
    await first.wait("all_sockets");
    await client.emitWithAck("set-data", "name", "eve");
    await first.wait("socket_updated", ({ data }) => data?.name === "eve");
    // The answer to another socket of its connection tells that the server knows of the end.
    const beside = await connected(first.io.socket("/"));
    first.disconnect();
    await beside.emitWithAck("rooms");
    await client.emitWithAck("set-data", "name", "bob");
    const second = await connected(openPage(server));
    const [, sockets] = await second.wait("all_sockets");
    assert.equal(sockets.find(({ id }) => id === client.id).data.name, "bob");
    await client.emitWithAck("set-data", "name", "eve");
    await second.wait("socket_updated", ({ data }) => data?.name === "eve");
    for (const socket of [client, beside, second]) socket.close();
  });

  test("a page that answers no ping is spared events, and gets all changes", async (t) => {
    const server = await startStarling("--admin-ui", "development");
    t.after(() => server.stop());
    const page = await connected(openPage(server));
    await page.wait("all_sockets");
    const client = await connected(open(server, "/", { transports: ["websocket"] }));
    await page.wait("socket_connected", (socket) => socket.id === client.id);
    const { engine } = page.io, held = [];
    await until(() => engine.transport.name === "websocket", "the upgrade of the page");
    const write = engine.transport.send;
    engine.transport.send = function send(packets) {
      held.push(...packets.filter(({ type }) => type === "pong"));
      write.call(this, packets.filter(({ type }) => type !== "pong"));
    };
    const echoes = () => page.got.filter(([event, , , args]) =>
      event === "event_received" && args[0] === "echo").length;
    for (let i = 0; i < 100; ++i) await client.emitWithAck("echo", i);
    await client.emitWithAck("join", "red");
    await page.wait("room_joined", (nsp, room) => room === "red");
    assert.ok(echoes() <= 16, `${echoes()} of 100 events came before an answer`);

    engine.transport.send = write;
    write.call(engine.transport, held);
    await until(async () => {
      await client.emitWithAck("echo", "after");
      return page.got.some(([event, , , args]) => event === "event_received" && args[1] === "after");
    }, "events after the answer");
    client.close();
    page.close();
  });

  for (const [what, auth] of [
    ["user name", { username: "x".repeat(256), password: "changeit" }],
    ["password", { username: "admin", password: "x".repeat(256) }],
  ])
    test(`a ${what} of more than 255 bytes is refused, and is no guess`, async (t) => {
      const server = await startStarling("--admin-ui", "development");
      t.after(() => server.stop());
      for (let i = 0; i < 6; ++i)
        assert.equal((await refusal(openPage(server, auth))).message, "invalid credentials");
      (await connected(openPage(server))).close();
    });

  test("a command with a name that no namespace can have does nothing", async (t) => {
    const server = await startStarling("--admin-ui", "development");
    t.after(() => server.stop());
    const page = await connected(openPage(server));
    const client = await connected(open(server, "/"));
    for (const nsp of ["/a,b", `/${"x".repeat(300)}`])
      for (const command of [["emit", nsp, "", "news"], ["join", nsp, "red"], ["leave", nsp, "red"],
        ["_disconnect", nsp, true]])
        page.emit(...command);
    page.emit("emit", "/", "", "disconnect");
    page.emit("join", "/", "red", client.id);
    await page.wait("room_joined", (nsp, room, id) => room === "red" && id === client.id);
    assert.ok(page.connected);
    client.close();
    page.close();
  });

  test("credentials and large events are not shown", async (t) => {
    const server = await startStarling("--admin-ui", "development");
    t.after(() => server.stop());
    const page = await connected(openPage(server));
    await page.wait("all_sockets");
    const extraHeaders = { authorization: "Bearer secret", cookie: "session=secret", "x-test": "1" };
    const client = await connected(open(server, "/", { extraHeaders }));
    const [, shown] = await page.wait("socket_connected", (socket) => socket.id === client.id);
    const { authorization, cookie, "x-test": other } = shown.handshake.headers;
    assert.deepEqual([authorization, cookie, other], ["(hidden)", "(hidden)", "1"]);
    client.emit("echo", "x".repeat(100_000));
    const [, , , args] = await page.wait("event_received", (nsp, id, [name]) => name === "echo");
    assert.match(args[1], /^\(100\d{3} bytes, not shown\)$/);
    client.close();
    page.close();
  });
});

// What the page of one node knows of the sockets of the other one: all_sockets replaces it.
function known(page) {
  const ids = new Set();
  for (const [event, ...args] of page.got) {
    if (event === "all_sockets") {
      ids.clear();
      args[0].forEach(({ id }) => ids.add(id));
    }
    if (event === "socket_connected") ids.add(args[0].id);
    if (event === "socket_disconnected") ids.delete(args[1]);
  }
  return ids;
}

async function twoNodes(t, mode, ...flags) {
  const redis = await Redis.start(t);
  const nodes = await Promise.all(["one", "two"].map((name) => startStarling("--admin-ui", mode,
    "--server-id", name, "--cluster", `redis://127.0.0.1:${redis.port}`, ...flags)));
  t.after(() => Promise.all(nodes.map((node) => node.stop())));
  const page = await connected(openPage(nodes[0]));
  // Both nodes hear each other from here on.
  await page.wait("server_stats", ({ serverId }) => serverId === "two");
  page.close();
  return nodes;
}

for (const flags of [[], ["--recovery"], ["--workers", "2"]])
  test(`a page sees and moves the sockets of another node ${flags.join(" ")}`, async (t) => {
    const [one, two] = await twoNodes(t, "development", ...flags);
    const clients = await Promise.all(Array.from({ length: 20 }, () =>
      connected(open(two, "/", { transports: ["websocket"] }))));
    const near = await connected(open(one, "/"));
    const page = await connected(openPage(one));
    await until(() => [near, ...clients].every(({ id }) => known(page).has(id)), "all sockets");

    // The commands reach the other node, and what they do there comes back.
    const [far] = clients;
    page.emit("join", "/", "blue", far.id);
    await page.wait("room_joined", (nsp, room, id) => room === "blue" && id === far.id);
    const note = new Promise((resolve) => { far.once("note", (...args) => resolve(args)); });
    page.emit("emit", "/", "blue", "note", "to", 2);
    // With recovery an offset comes last.
    assert.deepEqual((await deadline(note, "note")).slice(0, 2), ["to", 2]);
    await page.wait("event_sent", (nsp, id, args) => id === far.id && args[0] === "note");
    page.emit("leave", "/", "blue", far.id);
    await page.wait("room_left", (nsp, room, id) => room === "blue" && id === far.id);
    const { id } = far, gone = new Promise((resolve) => { far.once("disconnect", resolve); });
    page.emit("_disconnect", "/", false, id);
    assert.equal(await deadline(gone, "disconnect"), "io server disconnect");
    await page.wait("socket_disconnected", (nsp, socket) => socket === id);
    assert.ok(!known(page).has(id));

    // A page that has just come hears of the other node's next event.
    const again = await connected(openPage(one));
    await until(() => known(again).has(clients[1].id), "the list of the other node");
    await clients[1].emitWithAck("join", "green");
    await again.wait("room_joined", (nsp, room, socket) =>
      room === "green" && socket === clients[1].id);
    for (const socket of [...clients, near, page, again]) socket.close();
  });

test("what another node has left out comes with a new list", async (t) => {
  const [one, two] = await twoNodes(t, "development-slow");  // One event a second.
  const page = await connected(openPage(one));
  await page.wait("all_sockets");
  await page.wait("server_stats", ({ serverId }) => serverId === "two");
  const clients = await Promise.all(Array.from({ length: 20 }, () => connected(open(two, "/"))));
  await until(() => clients.every(({ id }) => known(page).has(id)), "a new list");
  for (const socket of [...clients, page]) socket.close();
});
