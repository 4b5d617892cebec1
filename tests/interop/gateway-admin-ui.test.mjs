// Socket.IO's Admin UI of a route of the gateway: it shows the clients, and its commands reach them; the
// application gets the events of the clients and none of the page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Application } from "../applications/application.mjs";
import { deadline } from "./client.mjs";
import { startGateway } from "./gateway.mjs";
import { until } from "./server.mjs";
import { client4, connect, dial } from "./socketio/harness.mjs";

const password_hash = "$2b$04$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2";

for (const readonly of [false, true])
  test(`the Admin UI of a gateway's route${readonly ? ", which may only read" : ""}`, async (t) => {
    const seen = [];
    const application = await Application.start((webhook) => { seen.push(webhook); return {}; });
    t.after(() => application.stop());
    const gateway = await startGateway({ application: application.url, route: { kind: "socketio", path: "/socket.io/" },
      config: { workers: 2, admin: { enabled: false, socketio_ui: { enabled: true, password_hash, readonly, mode: "development" } } } });
    t.after(() => gateway.stop());

    const page = await connect(t, client4, gateway.port, { nsp: "/admin", transports: ["websocket"],
      auth: { username: "admin", password: "changeit" } });
    const got = [];
    page.socket.onAny((...event) => got.push(event));
    const told = (name, matches) => until(() => got.find(([event, ...args]) => event === name && matches(...args)), name);

    const { socket } = await connect(t, client4, gateway.port, { nsp: "/shop", transports: ["websocket"] });
    const own = socket.id;
    await told("socket_connected", ({ id, nsp }) => id === own && nsp === "/shop");
    socket.emit("order", "bread");
    await told("event_received", (nsp, id, args) => id === own && args[1] === "bread");
    await told("server_stats", ({ namespaces }) => namespaces.some((nsp) => nsp.name === "/shop" && nsp.socketsCount === 1));

    page.emit("join", "/shop", "vip", own);
    const news = new Promise((resolve) => { socket.once("news", resolve); });
    page.emit("emit", "/shop", "vip", "news", "fresh");
    const gone = new Promise((resolve) => { socket.once("disconnect", resolve); });
    page.emit("_disconnect", "/shop", false, own);
    if (readonly) {
      socket.emit("order", "cake");
      await until(() => seen.some(({ data }) => data?.data?.[0] === "cake"), "the second order");
      assert.equal(socket.connected, true);
    } else {
      await told("room_joined", (nsp, room, id) => room === "vip" && id === own);
      assert.equal(await deadline(news, "news"), "fresh");
      assert.equal(await deadline(gone, "the end"), "io server disconnect");
      await until(() => seen.some(({ action }) => action === "close"), "the webhook of the end");
    }
    assert.deepEqual([...new Set(seen.map(({ namespace }) => namespace))], ["/shop"]);
    assert.deepEqual(seen.filter(({ action }) => action === "message").map(({ data }) => data.event),
      readonly ? ["order", "order"] : ["order"]);

    const guess = dial(t, client4, gateway.port, { nsp: "/admin", auth: { username: "admin", password: "guess" } });
    assert.equal((await guess.refused()).message, "invalid credentials");
  });
