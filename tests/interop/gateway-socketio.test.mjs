// Socket.IO through the gateway: npm's clients 1.4 to 4.x, over polling and WebSocket, and an application that speaks
// HTTP alone.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Application, distinct } from "../applications/application.mjs";
import { deadline } from "./client.mjs";
import { enter, startGateway } from "./gateway.mjs";
import { client1, client2, client4, connect, dial } from "./socketio/harness.mjs";

const type = "application/vnd.starling.actions+json";
const act = (...actions) => ({ headers: { "Content-Type": type }, body: JSON.stringify({ actions }) });
const route = { kind: "socketio", path: "/socket.io/" };
const bytes = Buffer.from([1, 2, 255]);
const base64 = { base64: bytes.toString("base64") };
const websocket = { transports: ["websocket"] };
const polling = { transports: ["polling"] };

// Answers an event by the actions that its argument holds; "echo" by an ack of the same arguments.
function answer({ action, data, ack_id }) {
  if (action !== "message") return {};
  if (data.event === "echo" && ack_id !== undefined) return act({ ack: { ack_id, data: data.data } });
  return data.event === "do" ? act(...data.data) : {};
}

async function start(script = answer, { route: more = {}, ...options } = {}) {
  const application = await Application.start(script);
  const gateway = await startGateway({ application: application.url, route: { ...route, ...more }, ...options });
  return { application, gateway,
    async stop() {
      await gateway.stop();
      await application.stop();
    } };
}

const kinds = [client4, client2, client1].flatMap((client) =>
  [["polling", polling], ["WebSocket", websocket]].map(([name, options]) => ({ client, name, options })));

describe("Socket.IO through the gateway", () => {
  let application;
  let gateway;
  let stop;
  before(async () => { ({ application, gateway, stop } = await start()); });
  after(() => stop?.());

  // A connected client, and its connection id.
  async function join(t, client = client4, options = websocket) {
    const opening = application.next("open");
    const [peer, opened] = await Promise.all([connect(t, client, gateway.port, options), opening]);
    return { peer, id: opened.conn_id, opened };
  }
  async function leave({ peer, id }) {
    peer.close();
    await application.next((webhook) => webhook.action === "close" && webhook.conn_id === id, "close");
  }

  for (const { client, name, options } of kinds) {
    test(`client ${client.name} over ${name}: open, events, acks both ways, binary, close`, async (t) => {
      const one = await join(t, client, options);
      const { peer, id } = one;
      peer.emit("news", 1, "zwei", { drei: [null, true, 1.5] });
      const told = await application.next("message");
      assert.deepEqual(Object.keys(told).filter((key) => !["text", "method", "path", "headers"].includes(key)),
        ["data", "action", "user_name", "conn_id", "token", "access_public"]);
      assert.deepEqual(told.data, { event: "news", data: [1, "zwei", { drei: [null, true, 1.5] }] });
      assert.equal(told.conn_id, id);

      assert.deepEqual(await peer.ask("echo", "a", 2, {}), ["a", 2, {}]);
      const asked = await application.next("message");
      assert.ok(Number.isInteger(asked.ack_id));
      assert.match(asked.text, /"access_public":true,"ack_id":\d+}$/);

      peer.emit("do", { emit: { event: "note", data: ["für dich", { n: 1 }] } });
      assert.deepEqual(await peer.next("note"), ["für dich", { n: 1 }]);
      await application.next("message");

      const [back] = await peer.ask("echo", { inside: [bytes] });
      assert.deepEqual(Buffer.from(back.inside[0]), bytes);
      const binary = await application.next("message");
      assert.deepEqual(binary.data, { event: "echo", data: [{ inside: [base64] }] });

      await leave(one);
      const actions = application.of(id).map(({ action }) => action);
      assert.deepEqual([actions[0], actions.at(-1)], ["open", "close"]);
      assert.equal(actions.filter((action) => action === "close").length, 1);
    });
  }

  test("an upgrade from polling to WebSocket keeps the client", async (t) => {
    const one = await join(t, client4, { transports: ["polling", "websocket"] });
    await one.peer.upgraded();
    assert.deepEqual(await one.peer.ask("echo", 1), [1]);
    assert.equal((await application.next("message")).conn_id, one.id);
    await leave(one);
  });

  test("arguments arrive as the client sent them: order, repeated names, large integers", async (t) => {
    const one = await join(t);
    const args = '{"b":1,"a":2,"b":12345678901234567890123}, 1.50 ,"\\u00e9"';
    one.peer.engine.write(`2["raw",${args}]`);
    const told = await application.next("message");
    assert.ok(told.text.startsWith(`{"data":{"event":"raw","data":[${args}]},"action":"message"`), told.text);
    await leave(one);
  });

  test("what the request says: user, token, headers; and the auth as the data of open", async (t) => {
    const opening = application.next("open");
    const peer = await connect(t, client4, gateway.port, { ...websocket, auth: { key: "k", n: [1] },
      extraHeaders: { "X-Bfl-User": "ada", Cookie: "a=b; auth_token=secret" } });
    const opened = await opening;
    assert.deepEqual(opened.data, { key: "k", n: [1] });
    assert.deepEqual([opened.user_name, opened.token, opened.access_public], ["ada", "secret", false]);
    assert.equal(opened.headers.cookie, "a=b; auth_token=secret");
    const [{ name, conns }] = await gateway.list("?user=ada");
    assert.equal(name, "ada");
    assert.equal(conns[0].id, opened.conn_id);
    await leave({ peer, id: opened.conn_id });
  });

  test("a user whose name is too long is refused at the handshake", async (t) => {
    const peer = dial(t, client4, gateway.port, { ...polling, extraHeaders: { "X-Bfl-User": "x".repeat(256) } });
    await peer.refused();
    assert.equal(peer.socket.connected, false);
  });

  test("send: JSON, text and bytes are the event message with one argument", async (t) => {
    const one = await join(t);
    const send = (payload) => gateway.post("/tapr/ws/conn/send", { conn_id: one.id, ...payload });
    assert.equal((await send({ payload: { a: [1] } })).json.data.connections, 1);
    await send({ text: '{"a":1}' });
    await send(base64);
    const got = await one.peer.take("message", 3);
    assert.deepEqual(got.slice(0, 2), [[{ a: [1] }], ['{"a":1}']]);
    assert.deepEqual(Buffer.from(got[2][0]), bytes);
    await leave(one);
  });

  test("emit by the control API, with bytes; its faults name the field", async (t) => {
    const one = await join(t, client4, polling);
    const emit = (body) => gateway.post("/tapr/ws/conn/emit", { conn_id: one.id, event: "note", ...body });
    const answered = await emit({ data: ["x", { deep: [base64] }, base64] });
    assert.deepEqual([answered.status, answered.json.data], [200, { connections: 1 }]);
    const [text, object, last] = await one.peer.next("note");
    assert.equal(text, "x");
    assert.deepEqual(Buffer.from(object.deep[0]), bytes);
    assert.deepEqual(Buffer.from(last), bytes);
    for (const [body, problem] of [[{ data: {} }, "data: an array is wanted"], [{ event: 1 }, "event: a string is wanted"],
      [{ event: "disconnect" }, "event: is a name of Socket.IO's own"], [{ payload: 1 }, "payload: is not known"]]) {
      const refused = await emit(body);
      assert.deepEqual([refused.status, refused.json.message], [400, problem]);
    }
    await leave(one);
  });

  test("topics: publish with an event reaches clients of all generations", async (t) => {
    const ones = [];
    for (const [client, options] of [[client4, websocket], [client2, polling], [client1, websocket]])
      ones.push(await join(t, client, options));
    for (const { id } of ones) {
      const joined = await gateway.post("/tapr/ws/topic/join", { topic: "all", conns: [id] });
      assert.equal(joined.json.data.connections, 1);
    }
    const publish = (body) => gateway.post("/tapr/ws/topic/publish", { topic: "all", ...body });
    assert.equal((await publish({ event: "note", data: [1, base64] })).json.data.connections, 3);
    for (const { peer } of ones) {
      const [n, got] = await peer.next("note");
      assert.deepEqual([n, Buffer.from(got)], [1, bytes]);
    }
    assert.equal((await publish({ payload: "plain", except: [ones[0].id] })).json.data.connections, 2);
    for (const { peer } of ones.slice(1)) assert.deepEqual(await peer.next("message"), ["plain"]);
    assert.equal(ones[0].peer.pending("message").length, 0);
    await gateway.post("/tapr/ws/topic/leave", { topic: "all", conns: [ones[1].id] });
    assert.equal((await publish({ payload: 1 })).json.data.connections, 2);
    for (const one of ones) await leave(one);
    assert.equal((await publish({ payload: 1 })).json.data.connections, 0);
  });

  test("a client in two namespaces is two connections", async (t) => {
    const root = await join(t);
    const opening = application.next("open");
    const [admin, opened] = await Promise.all([root.peer.beside("/admin"), opening]);
    assert.notEqual(opened.conn_id, root.id);
    assert.match(opened.text, /"access_public":true,"namespace":"\/admin"}$/);
    admin.emit("news");
    const told = await application.next("message");
    assert.deepEqual([told.namespace, told.conn_id, told.data], ["/admin", opened.conn_id, { event: "news", data: [] }]);
    assert.deepEqual(await admin.ask("echo", bytes).then(([got]) => Buffer.from(got)), bytes);
    await application.next("message");
    await gateway.post("/tapr/ws/conn/close", { conns: [opened.conn_id] });
    await admin.disconnected();
    assert.equal((await application.next("close")).conn_id, opened.conn_id);
    assert.deepEqual(await root.peer.ask("echo", "still"), ["still"]);
    await application.next("message");
    await leave(root);
  });

  test("close by an action and by the control API: one close webhook each, and the connection ends", async (t) => {
    for (const [client, options] of [[client4, websocket], [client4, polling], [client1, polling]]) {
      const one = await join(t, client, options);
      one.peer.emit("do", { emit: { event: "note", data: ["last"] } }, { close: {} });
      assert.deepEqual(await one.peer.next("note"), ["last"]);
      await one.peer.disconnected();
      assert.equal((await application.next("close")).conn_id, one.id);
      await application.next("message");
    }
    const one = await join(t);
    const closed = await gateway.post("/tapr/ws/conn/close", { conns: [one.id], code: 4000, reason: "x" });
    assert.equal(closed.json.data.connections, 1);
    await one.peer.disconnected();
    await application.next("close");
    for (const { conn_id } of application.webhooks.filter(({ action }) => action === "close"))
      assert.equal(application.of(conn_id).filter(({ action }) => action === "close").length, 1);
    assert.deepEqual(await gateway.list(), []);
  });

  test("a malformed action is counted, and those before it stand", async (t) => {
    const one = await join(t);
    one.peer.emit("do", { emit: { event: "note", data: [1] } }, { ack: { ack_id: -1 } }, { emit: { event: "log" } });
    assert.deepEqual(await one.peer.next("note"), [1]);
    await application.next("message");
    assert.deepEqual(await one.peer.ask("echo"), []);
    await application.next("message");
    assert.equal(one.peer.pending("log").length, 0);
    await leave(one);
  });
});

describe("admission: ask of Socket.IO", () => {
  for (const client of [client4, client2, client1]) {
    test(`client ${client.name}: refused with the application's status, or let in with user and topics`, async (t) => {
      const { application, gateway, stop } = await start(({ action, data, user_name }) => {
        if (action !== "open") return {};
        if (user_name === "eve") return { status: 418 };
        return { headers: { "Content-Type": type }, body: JSON.stringify({
          accept: { user_name: "bob", data: { role: 1 }, topics: ["room"] },
          actions: [{ emit: { event: "note", data: [data] } }] }) };
      }, { route: { admission: "ask" } });
      const transports = client === client2 ? polling : websocket;
      const as = (name) => ({ ...transports, auth: { p: 1 }, extraHeaders: { "X-Bfl-User": name } });
      const refused = dial(t, client, gateway.port, as("eve"));
      const error = await refused.refused();
      if (client.eio === 4) {
        assert.equal(error.message, "the application does not let this client in");
        assert.deepEqual(error.data, { status: 418 });
      } else {
        assert.deepEqual(error, { status: 418 });
      }
      const peer = await connect(t, client, gateway.port, as("ada"));
      assert.deepEqual(await peer.next("note"), [client.eio === 4 ? { p: 1 } : {}]);
      peer.emit("x");
      const told = await application.next("message");
      assert.equal(told.user_name, "bob");
      assert.deepEqual(told.session, { role: 1 });
      const sent = await gateway.post("/tapr/ws/topic/publish", { topic: "room", payload: 1 });
      assert.equal(sent.json.data.connections, 1);
      peer.close();
      await application.next("close");
      const closes = application.webhooks.filter(({ action }) => action === "close");
      assert.deepEqual(closes.map(({ user_name }) => user_name), ["bob"]);  // A refused client gets none.
      await stop();
    });
  }

  test("no application: 503", async (t) => {
    const { application, gateway, stop } = await start(answer, { route: { admission: "ask" } });
    await application.stop();
    const peer = dial(t, client4, gateway.port, websocket);
    assert.deepEqual((await peer.refused()).data, { status: 503 });
    await application.listen();
    await stop();
  });

  test("a client that has gone before the decision gets its close where it was let in", async (t) => {
    let decide;
    const decision = new Promise((resolve) => { decide = resolve; });
    const { application, gateway, stop } = await start(({ action }) => (action === "open" ? decision : {}),
      { route: { admission: "ask" } });
    const peer = dial(t, client4, gateway.port, websocket);
    const opened = await application.next("open");
    peer.close();
    decide({});
    assert.equal((await application.next("close")).conn_id, opened.conn_id);
    assert.deepEqual(await gateway.list(), []);
    await stop();
  });
});

describe("queues of Socket.IO", () => {
  for (const [name, client, options] of [["WebSocket", client4, websocket], ["polling", client4, polling],
    ["polling of 1.4", client1, polling]]) {
    test(`over ${name}, a full queue stops the client, and nothing is lost or reordered`, async (t) => {
      let release;
      const released = new Promise((resolve) => { release = resolve; });
      const { application, gateway, stop } = await start(async ({ action }) => {
        if (action === "message") await released;
        return {};
      }, { route: { queue_messages_max: 10 } });
      const peer = await connect(t, client, gateway.port, options);
      const count = 500;
      for (let i = 0; i < count; i += 1) peer.emit("n", i, "x".repeat(500));
      await application.next("message");
      release();
      const told = await application.when((webhooks) => {
        const messages = distinct(webhooks).filter(({ action }) => action === "message");
        return messages.length === count && messages;
      }, "all messages");
      assert.deepEqual(told.map(({ data }) => data.data[0]), [...Array(count).keys()]);
      peer.close();
      await application.next("close");
      await stop();
    });
  }

  // The second event comes in a POST of its own: the first one's is answered once the queue is shorter.
  test("a paused client of polling sends no more than the POST under way", async (t) => {
    let release;
    const released = new Promise((resolve) => { release = resolve; });
    const { application, gateway, stop } = await start(async ({ action }) => {
      if (action === "message") await released;
      return {};
    }, { route: { queue_messages_max: 1 } });
    const peer = await connect(t, client4, gateway.port, polling);
    peer.emit("first");
    await application.next("message");
    peer.emit("second");
    // The gateway answers others meanwhile.
    assert.equal((await gateway.list()).length, 1);
    assert.equal(peer.engine.transport.writable, false);
    assert.equal(application.webhooks.length, 2);
    release();
    assert.equal((await application.next("message")).data.event, "second");
    assert.equal(peer.socket.connected, true);
    await stop();
  });

  test("events wait for an application that restarts", async (t) => {
    const { application, gateway, stop } = await start();
    const peer = await connect(t, client4, gateway.port, websocket);
    await application.next("open");
    await application.stop();
    for (let i = 0; i < 5; i += 1) peer.emit("n", i);
    peer.close();
    await application.listen();
    await application.next("close");
    const told = distinct(application.webhooks).map(({ action, data }) => data?.data?.[0] ?? action);
    assert.deepEqual(told, ["open", 0, 1, 2, 3, 4, "close"]);
    await stop();
  });
});

describe("the stop of a gateway with clients of Socket.IO", () => {
  for (const workers of [1, 2]) {
    test(`${workers} worker(s): every open gets its close, and what was queued arrives`, async (t) => {
      const { application, gateway } = await start(answer, { config: { workers } });
      const peers = [];
      for (const { client, options } of kinds) peers.push(await connect(t, client, gateway.port, options));
      for (const peer of peers) assert.deepEqual(await peer.ask("echo", 1), [1]);
      const sent = await gateway.post("/tapr/ws/conn/emit", { users: [""], event: "note" });
      assert.equal(sent.json.data.connections, peers.length);
      for (const peer of peers) assert.deepEqual(await peer.next("note"), []);
      gateway.signal("SIGTERM");
      assert.deepEqual(await deadline(gateway.exited, "the end"), { code: 0, signal: null });
      const of = (action) => distinct(application.webhooks).filter((webhook) => webhook.action === action)
        .map(({ conn_id }) => conn_id).sort();
      assert.equal(of("open").length, peers.length);
      assert.deepEqual(of("close"), of("open"));
      await application.stop();
    });
  }
});

test("clients of WebSocket and of Socket.IO beside each other: emit is a text for the former", async (t) => {
  const application = await Application.start();
  const gateway = await startGateway({ application: application.url, routes: [{ path: "/ws" }, route] });
  const { client } = await enter(gateway, application, "ada");
  const peer = await connect(t, client4, gateway.port, websocket);
  await application.next("open");
  const sent = await gateway.post("/tapr/ws/conn/emit", { users: ["", "ada"], event: "note", data: [1, base64] });
  assert.equal(sent.json.data.connections, 2);
  assert.equal(await client.next(), `{"event":"note","data":[1,${JSON.stringify(base64)}]}`);
  assert.deepEqual((await peer.next("note")).length, 2);
  await client.close();
  await gateway.stop();
  await application.stop();
});
