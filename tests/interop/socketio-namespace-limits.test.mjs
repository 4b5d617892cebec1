// Limits of single namespaces (`socketio_namespaces`), with npm's socket.io-client.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-2";

import { Application } from "../applications/application.mjs";
import { deadline } from "./client.mjs";
import { startGateway } from "./gateway.mjs";
import { serve, until } from "./server.mjs";

const sockets = [];
function connect(server, nsp, { io = io4, transports = ["websocket"], path = "/socket.io/" } = {}) {
  const socket = io(`http://127.0.0.1:${server.port}${nsp}`, { forceNew: true, reconnection: false, transports, path });
  sockets.push(socket);
  return socket;
}
const when = (socket, event) => deadline(once(socket, event), event);
async function joined(server, nsp, options) {
  const socket = connect(server, nsp, options);
  await when(socket, "connect");
  return socket;
}

describe("limits of namespaces", () => {
  let server;
  before(async () => {
    server = await serve({
      workers: 2,
      events: { enabled: true, channels: [{ pattern: "c{n}", interval_s: 0 }] },
      socketio: [
        { kind: "broadcast", namespaces: ["/", "/few", "/slow", "/small", "/room-*"], allow_eio3: true, serve_client: false },
        { path: "/channels/", namespaces: ["/", "/two"], rooms_max: 5, serve_client: false },
      ],
      socketio_namespaces: [
        { name: "/few", connections_max: 2 },
        { name: "/room-*", connections_max: 2 },
        { name: "/slow", messages: { per_second: 1, burst: 5 } },
        { name: "/small", message_bytes_max: 100 },
        { name: "/two", path: "/channels", rooms_max: 2 },
      ],
    }, { admin: {} });
  });
  after(async () => {
    sockets.forEach((socket) => socket.disconnect());
    await server?.stop();
  });

  async function figure(name, labels) {
    const text = await (await fetch(`http://127.0.0.1:${server.adminPort}/metrics`)).text();
    return Number(text.split("\n").find((line) => line.startsWith(`${name}{${labels}}`))?.split(" ")[1]);
  }

  for (const transport of ["websocket", "polling"]) {
    test(`connections_max over ${transport}: connect_error with the code 429, until one leaves`, async () => {
      const options = { transports: [transport] };
      const [first] = await Promise.all([joined(server, "/few", options), joined(server, "/few", options)]);
      const [error] = await when(connect(server, "/few", options), "connect_error");
      assert.deepEqual([error.message, error.data], ["too many connections", { code: 429 }]);
      // The client's other namespaces are open to it.
      await joined(server, "/", options);
      first.disconnect();
      await until(() => new Promise((resolve) => {
        const next = connect(server, "/few", options);
        next.on("connect", () => resolve(true));
        next.on("connect_error", () => resolve(false));
      }), "a place");
      sockets.forEach((socket) => socket.disconnect());
      await until(async () => await figure("starling_socketio_namespace_clients", 'namespace="/few"') === 0, "no clients");
    });
  }

  test("the namespaces of a pattern share connections_max; clients 2.x get the data of the error", async () => {
    await Promise.all([joined(server, "/room-1"), joined(server, "/room-2")]);
    const [error] = await when(connect(server, "/room-3"), "connect_error");
    assert.equal(error.data.code, 429);
    const [old] = await when(connect(server, "/room-1", { io: io2 }), "error");
    assert.deepEqual(old, { code: 429 });
  });

  test("messages: the client is disconnected; what it says in other namespaces does not count", async () => {
    const slow = connect(server, "/slow");
    const other = slow.io.socket("/");
    await Promise.all([when(slow, "connect"), when(other, "connect")]);
    const last = new Promise((resolve) => { other.on("n", (n) => { if (n === 19) resolve(); }); });
    for (let i = 0; i < 20; i += 1) other.emit("n", i);
    await deadline(last, "20 events in /");
    const left = when(slow, "disconnect");
    const gone = when(other, "disconnect");
    let heard = 0;
    slow.on("n", () => { heard += 1; });
    for (let i = 0; i < 20; i += 1) slow.emit("n", i);
    assert.deepEqual((await left)[0], "io server disconnect");
    assert.ok(heard >= 5 && heard < 20, `${heard} were passed on`);
    await gone;
    await until(async () => await figure("starling_socketio_namespace_refused_total",
      'namespace="/slow",limit="messages"') === 1, "the count");
  });

  test("message_bytes_max: counts the attachments, too", async () => {
    for (const [what, payload, fits] of [["a short text", "x".repeat(50), true], ["a long text", "x".repeat(101), false],
      ["short bytes", Buffer.alloc(10), true], ["long bytes", Buffer.alloc(101), false]]) {
      const socket = await joined(server, "/small");
      const end = Promise.race([when(socket, "m").then(() => true), when(socket, "disconnect").then(() => false)]);
      socket.emit("m", payload);
      assert.equal(await end, fits, what);
    }
    await until(async () => await figure("starling_socketio_namespace_refused_total",
      'namespace="/small",limit="message_bytes_max"') === 2, "the count");
  });

  test("rooms_max: the error 429, for this namespace alone", async () => {
    const options = { path: "/channels/" };
    const subscribe = (socket, channel) => deadline(new Promise((resolve) => {
      socket.emit("subscribe", channel, (answer) => resolve(answer.error?.code ?? 200));
    }), channel);
    for (const [nsp, want] of [["/two", [200, 200, 429, 429]], ["/", [200, 200, 200, 200]]]) {
      const socket = await joined(server, nsp, options);
      const codes = [];
      for (const n of [1, 2, 3, 4]) codes.push(await subscribe(socket, `c${n}`));
      assert.deepEqual(codes, want, nsp);
    }
  });
});

test("behind the gateway: a client beyond connections_max is refused before the application hears of it", async () => {
  const application = await Application.start();
  const gateway = await startGateway({ application: application.url, route: { kind: "socketio", path: "/socket.io/" },
    config: { socketio: [{ kind: "gateway", namespaces: ["/"] }],
      socketio_namespaces: [{ name: "/", connections_max: 1, message_bytes_max: 50, rooms_max: 2 }] } });
  try {
    const first = await joined(gateway, "/");
    const join = async (topic) => (await gateway.post("/tapr/ws/topic/join", { topic, users: [""] })).json.data.connections;
    assert.deepEqual([await join("a"), await join("b"), await join("c"), await join("a")], [1, 1, 0, 1]);
    const [error] = await when(connect(gateway, "/"), "connect_error");
    assert.equal(error.data.code, 429);
    const left = when(first, "disconnect");
    first.emit("long", "x".repeat(60));
    await left;
    await application.next("close");
    assert.deepEqual(application.webhooks.map(({ action }) => action), ["open", "close"]);
  } finally {
    sockets.forEach((socket) => socket.disconnect());
    await gateway.stop();
    await application.stop();
  }
});
