// Events of an application that clients of Socket.IO acknowledge, and what the live log shows of Socket.IO.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Application } from "../applications/application.mjs";
import { enter, startGateway } from "./gateway.mjs";
import { readLog } from "./log_reader.mjs";
import { client1, client2, client4, connect } from "./socketio/harness.mjs";

const type = "application/vnd.starling.actions+json";
const act = (...actions) => ({ headers: { "Content-Type": type }, body: JSON.stringify({ actions }) });
const route = { kind: "socketio", path: "/socket.io/" };
const websocket = { transports: ["websocket"] };
const polling = { transports: ["polling"] };
const bytes = Buffer.from([1, 2, 255]);
const base64 = { base64: bytes.toString("base64") };

// The event "do" is answered by the actions in its arguments.
const answer = ({ action, data }) => (action === "message" && data.event === "do" ? act(...data.data) : {});

async function start(options = {}) {
  const application = await Application.start(answer);
  const gateway = await startGateway({ application: application.url, route, ...options });
  return { application, gateway,
    async stop() {
      await gateway.stop();
      await application.stop();
    } };
}

async function join(t, { application, gateway }, client = client4, options = websocket) {
  const opening = application.next("open");
  const peer = await connect(t, client, gateway.port, options);
  return { peer, id: (await opening).conn_id };
}

describe("an event with ack_id", () => {
  for (const [client, name, options] of [[client4, "WebSocket", websocket], [client4, "polling", polling],
    [client2, "polling", polling], [client1, "WebSocket", websocket]]) {
    test(`client ${client.name} over ${name}: its answer is the webhook ack`, async (t) => {
      const one = await start();
      const { peer, id } = await join(t, one, client, options);
      peer.socket.on("sum", (a, b, done) => done({ sum: a + b }, "zwei"));
      peer.emit("do", { emit: { event: "sum", data: [1, 2], ack_id: 7 } });
      const ack = await one.application.next("ack");
      assert.deepEqual([ack.data, ack.conn_id, ack.ack_id], [[{ sum: 3 }, "zwei"], id, 7]);
      assert.match(ack.text, /^{"data":\[{"sum":3},"zwei"\],"action":"ack",.*,"access_public":true,"ack_id":7}$/);
      await one.stop();
    });
  }

  test("of the control API: each client answers; bytes both ways", async (t) => {
    const one = await start({ config: { workers: 2 } });
    const peers = [];
    for (let i = 0; i < 4; i += 1) peers.push(await join(t, one));
    for (const { peer } of peers) peer.socket.on("echo", (given, done) => done(given));
    const { json } = await one.gateway.post("/tapr/ws/conn/emit",
      { users: [""], event: "echo", data: [base64], ack_id: 0 });
    assert.deepEqual(json.data, { connections: 4 });
    const acks = [];
    for (let i = 0; i < 4; i += 1) acks.push(await one.application.next("ack"));
    assert.deepEqual(acks.map(({ conn_id }) => conn_id).sort(), peers.map(({ id }) => id).sort());
    for (const ack of acks) assert.deepEqual([ack.data, ack.ack_id], [[base64], 0]);
    await one.stop();
  });

  test("what nobody has asked for is no webhook, and 1,000 may be awaited", async (t) => {
    const one = await start();
    const { peer, id } = await join(t, one);
    peer.socket.io.engine.write("35[1]");  // An ack that was not asked for.
    peer.socket.on("hold", () => {});
    const ask = (ack_id) => one.gateway.post("/tapr/ws/conn/emit", { conn_id: id, event: "hold", ack_id });
    for (let n = 0; n < 1000; n += 1) assert.equal((await ask(n)).json.data.connections, 1);
    assert.equal((await ask(1000)).json.data.connections, 0);
    peer.emit("last");
    await one.application.next(({ data }) => data.event === "last");
    assert.deepEqual(one.application.of(id).map(({ action }) => action), ["open", "message"]);
    await one.stop();
  });

  test("a number that is none: 400 with the field's name", async () => {
    const one = await start();
    for (const ack_id of [-1, 1.5, "7", 2 ** 53]) {
      const { status, json } = await one.gateway.post("/tapr/ws/conn/emit", { users: [""], event: "e", ack_id });
      assert.equal(status, 400);
      assert.match(json.message, /^ack_id: /);
    }
    await one.stop();
  });
});

describe("the live log of Socket.IO", () => {
  const shown = (event, ...names) => Object.fromEntries(names.map((name) => [name, event[name]]));

  test("events, emit, ack, join, publish and leave, in order", async (t) => {
    const one = await start();
    const log = await readLog(one.gateway);
    const { peer, id } = await join(t, one);
    const opened = await log.next((event) => event.type === "opened");
    assert.deepEqual(shown(opened, "conn_id", "path"), { conn_id: id, path: "/socket.io/" });

    peer.emit("do", { join: ["news"] }, { emit: { event: "note", data: [1, base64] } },
      { publish: { topic: "news", event: "all", data: [2] } }, { leave: ["news"] });
    const webhook = await log.next((event) => event.type === "webhook" && event.action === "message");
    assert.ok(webhook.data.startsWith('{"event":"do","data":[{"join":["news"]}'), webhook.data);
    const wanted = [
      { action: "join", topic: "news", by: "application", conn_id: id },
      { action: "emit", event: "note", data: JSON.stringify([1, base64]), conn_id: id, connections: 1 },
      { action: "publish", topic: "news", event: "all", data: "[2]", connections: 1 },
      { action: "leave", topic: "news", by: "application", conn_id: id },
    ];
    for (const action of wanted) {
      const event = await log.next(({ type: kind }) => kind === "request");
      assert.deepEqual(shown(event, ...Object.keys(action)), action);
    }
    await one.gateway.post("/tapr/ws/conn/emit", { conn_id: id, event: "note", data: ["x"] });
    const emitted = await log.next(({ action }) => action === "emit");
    assert.deepEqual(shown(emitted, "by", "conn_ids", "event", "data", "connections"),
      { by: "api", conn_ids: [id], event: "note", data: '["x"]', connections: 1 });
    await one.stop();
  });

  test("an ack of the application", async (t) => {
    const application = await Application.start(({ action, ack_id }) =>
      (action === "message" ? act({ ack: { ack_id, data: ["yes"] } }) : {}));
    const gateway = await startGateway({ application: application.url, route });
    const log = await readLog(gateway);
    const { peer, id } = await join(t, { application, gateway });
    assert.deepEqual(await peer.ask("question"), ["yes"]);
    const ack = await log.next(({ action }) => action === "ack");
    assert.deepEqual(shown(ack, "conn_id", "ack_id", "data"), { conn_id: id, ack_id: 0, data: '["yes"]' });
    await gateway.stop();
    await application.stop();
  });

  test("events where no application is, and the namespace", async (t) => {
    const gateway = await startGateway({ application: "", route });
    const log = await readLog(gateway);
    const peer = await connect(t, client4, gateway.port, { ...websocket, nsp: "/math" });
    peer.emit("sum", 1, 2);
    const message = await log.next((event) => event.type === "message");
    assert.deepEqual(shown(message, "namespace", "data", "data_bytes"),
      { namespace: "/math", data: '{"event":"sum","data":[1,2]}', data_bytes: 28 });
    await gateway.stop();
  });

  test("emit and publish to clients of WebSocket", async () => {
    const application = await Application.start(({ action, data }) =>
      (action === "message" ? act(...data.actions) : {}));
    const gateway = await startGateway({ application: application.url });
    const log = await readLog(gateway);
    const { client, id } = await enter(gateway, application, "ada");
    client.socket.send(JSON.stringify({ actions: [{ emit: { event: "e", data: [1] } },
      { publish: { topic: "t", payload: { n: 1 } } }] }));
    assert.equal(await client.next(), '{"event":"e","data":[1]}');
    assert.deepEqual(shown(await log.next(({ action }) => action === "emit"), "conn_id", "event", "data"),
      { conn_id: id, event: "e", data: "[1]" });
    assert.deepEqual(shown(await log.next(({ action }) => action === "publish"), "topic", "data", "connections"),
      { topic: "t", data: '{"n":1}', connections: 0 });
    await client.close();
    await gateway.stop();
    await application.stop();
  });
});
