// Socket.IO by configuration alone: its kinds, and the keys that real clients notice.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { copyFileSync, mkdirSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import WebSocket from "ws";

import { deadline } from "./client.mjs";
import { run, serve, temporaryFolder, until, writeConfig } from "./server.mjs";
import { client2, client4 } from "./socketio/harness.mjs";

const key = "0123456789abcdef0123456789abcdef";
const api_key = "the key of the publish API";
// The bundles as setup/clients installs them.
const bundles = temporaryFolder();
mkdirSync(path.join(bundles, "4"));
copyFileSync(fileURLToPath(new URL("../node_modules/socket.io-client/dist/socket.io.js", import.meta.url)),
  path.join(bundles, "4/socket.io.js"));
const once = (socket, name) => deadline(new Promise((resolve) => {
  socket.once(name, (...args) => resolve(args));
}), name);

function token(email) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ email })}`;
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

async function get(server, route, headers = {}) {
  const answer = await fetch(server.url(route, "http"), { headers });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

async function publish(server, channel, event) {
  const answer = await fetch(server.url("/api/publish", "http"), {
    method: "POST", body: JSON.stringify({ channel, event }),
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${api_key}` },
  });
  assert.equal(answer.status, 200, await answer.text());
}

describe("Socket.IO in the configuration", () => {
  let server;
  const open = [];
  function connect(nsp, { client = client4, ...options } = {}) {
    const socket = client.io(server.url(nsp, "http"),
      { forceNew: true, reconnection: false, transports: ["websocket"], ...options });
    open.push(socket);
    return socket;
  }
  const asks = (socket, ...args) => deadline(new Promise((resolve) => {
    socket.emit(...args, resolve);
  }), args[0]);

  before(async () => {
    server = await serve({
      workers: 2,
      auth: { keys: [{ secret: key }] },
      events: {
        enabled: true, api_key,
        channels: [
          { pattern: "news", interval_s: 0, publishers: "user", history: { messages: 10 } },
          { pattern: "plain", interval_s: 0, publishers: "anyone" },
          { pattern: "mail{email}", interval_s: 0, access: "owner" },
        ],
      },
      socketio: [
        { auth: "optional", allow_eio3: true, namespaces: ["/", "/more"], rooms_max: 2,
          ping_interval_s: 7, ping_timeout_s: 3, message_bytes_max: 5000,
          client_dir: bundles, cors: { origins: ["https://page.example"], expose: ["X-Shown"] } },
        { path: "/all/", kind: "broadcast", namespaces: ["/room-*"], serve_client: false,
          transports: ["websocket"] },
        { path: "/private", auth: "required", kind: "broadcast", serve_client: false },
        { path: "/kept", connection_state_recovery: { enabled: true } },
      ],
    });
  });
  after(async () => {
    open.forEach((socket) => socket.disconnect());
    await server?.stop();
  });

  test("a client subscribes: what anybody publishes reaches it, until it unsubscribes", async () => {
    const [a, b] = [connect("/", { auth: { token: token("ann@example.com") } }), connect("/")];
    await Promise.all([once(a, "connect"), once(b, "connect")]);
    assert.deepEqual(await asks(a, "subscribe", "news"), {});
    assert.deepEqual(await asks(b, "subscribe", "news"), {});
    const both = [once(a, "publication"), once(b, "publication")];
    await publish(server, "news", "by the API");
    for (const [publication] of await Promise.all(both)) {
      assert.equal(publication.channel, "news");
      assert.equal(publication.data, "by the API");
      assert.match(publication.offset, /^1-/);
    }
    const again = once(b, "publication");
    const { offset } = await asks(a, "publish", "news", "by a client");
    assert.deepEqual(await again, [{ channel: "news", data: "by a client", offset }]);

    assert.deepEqual(await asks(b, "unsubscribe", "news"), {});
    b.on("publication", () => assert.fail("b has left"));
    const last = once(a, "publication");
    await publish(server, "news", "after");
    await last;
    await asks(b, "unsubscribe", "news");  // What came before is here by now.
  });

  test("a WebSocket of starling.v1 and a client of Socket.IO meet in a channel", async () => {
    const socket = connect("/more");
    await once(socket, "connect");
    await asks(socket, "subscribe", "plain");
    const v1 = new WebSocket(server.url("/ws/channels"), ["starling.v1"]);
    const said = once(v1, "message");
    await said;
    const heard = once(socket, "publication");
    v1.send(JSON.stringify({ type: "publish", channel: "plain", data: "from v1" }));
    assert.deepEqual(await heard, [{ channel: "plain", data: "from v1" }]);
    v1.close();
  });

  test("the rules of the channels apply", async () => {
    const ann = connect("/", { auth: { token: token("ann@example.com") } });
    const nobody = connect("/");
    await Promise.all([once(ann, "connect"), once(nobody, "connect")]);
    const code = async (...args) => (await asks(...args)).error?.code;
    assert.equal(await code(ann, "subscribe", "mailann@example.com"), undefined);
    assert.equal(await code(ann, "subscribe", "mailbob@example.com"), 403);
    assert.equal(await code(nobody, "subscribe", "mailann@example.com"), 401);
    assert.equal(await code(nobody, "subscribe", "unknown"), 404);
    assert.equal(await code(nobody, "subscribe", ""), 404);
    assert.equal(await code(nobody, "publish", "news", "x"), 401);
    assert.equal(await code(nobody, "publish", "plain", { no: "text" }), 400);
    assert.equal(await code(ann, "publish", "mailann@example.com", "x"), 403);
    assert.equal(await code(ann, "subscribe", "news"), undefined);
    assert.equal(await code(ann, "subscribe", "plain"), 429);  // rooms_max
    assert.equal(await code(ann, "subscribe", "news"), undefined);  // It has that one already.
  });

  test("clients of Socket.IO 2 are served where allow_eio3 is set", async () => {
    const old = connect("/", { client: client2 });
    await once(old, "connect");
    assert.deepEqual(await asks(old, "subscribe", "plain"), {});
    const [error] = await once(connect("/room-1", { client: client2, path: "/all/" }),
      "connect_error");
    assert.ok(error);
  });

  test("namespaces that are not listed are refused", async () => {
    const [error] = await once(connect("/other"), "connect_error");
    assert.equal(error.message, "Invalid namespace");
    const [at_root] = await once(connect("/", { path: "/all/" }), "connect_error");
    assert.equal(at_root.message, "Invalid namespace");
  });

  test("broadcast: an event reaches all of its namespace, the sender included", async () => {
    const [a, b] = [connect("/room-7", { path: "/all/" }), connect("/room-7", { path: "/all/" })];
    const other = connect("/room-8", { path: "/all/" });
    await Promise.all([a, b, other].map((socket) => once(socket, "connect")));
    other.onAny(() => assert.fail("another namespace"));
    const heard = [a, b].map((socket) => once(socket, "hi"));
    a.emit("hi", 1, { two: [2] }, Buffer.from("three"));
    for (const args of await Promise.all(heard)) {
      assert.deepEqual(args, [1, { two: [2] }, Buffer.from("three")]);
    }
  });

  test("auth: required asks for a token; a wrong one is refused where it is optional", async () => {
    const refused = await once(connect("/", { path: "/private" }), "connect_error");
    assert.equal(refused[0].message, "unauthorized");
    await once(connect("/", { path: "/private", auth: { token: token("ann@example.com") } }),
      "connect");
    const wrong = await once(connect("/", { auth: { token: "x.y.z" } }), "connect_error");
    assert.equal(wrong[0].message, "unauthorized");
  });

  test("the handshake has the times and sizes, and CORS is answered", async () => {
    const route = "/socket.io/?EIO=4&transport=polling";
    const page = await get(server, route, { Origin: "https://page.example" });
    assert.equal(page.status, 200);
    const { pingInterval, pingTimeout, maxPayload } = JSON.parse(page.text.slice(1));
    assert.deepEqual([pingInterval, pingTimeout, maxPayload], [7000, 3000, 5000]);
    assert.equal(page.headers.get("access-control-allow-origin"), "https://page.example");
    assert.equal(page.headers.get("access-control-expose-headers"), "X-Shown");
    assert.equal((await get(server, route, { Origin: "https://foreign.example" })).status, 403);
    assert.equal((await get(server, "/all/?EIO=4&transport=polling")).status, 400);
  });

  test("the bundle is served where serve_client is on", async () => {
    assert.notEqual((await get(server, "/all/socket.io.js")).status, 200);
    assert.equal((await get(server, "/socket.io/socket.io.js")).status, 200);
  });

  test("connection_state_recovery: a client that comes back has its channels", async () => {
    const socket = connect("/", { path: "/kept" });
    await once(socket, "connect");
    const { id } = socket;
    await asks(socket, "subscribe", "plain");
    const first = once(socket, "publication");
    await publish(server, "plain", "one");
    await first;
    const back = once(socket, "connect");
    const sessions = async () => JSON.parse((await get(server, "/healthz")).text).socketio_sessions;
    const before_close = await sessions();
    socket.io.engine.close();
    await until(async () => await sessions() < before_close, "the end of the session");
    const missed = once(socket, "publication");
    await publish(server, "plain", "two");
    socket.connect();
    await back;
    assert.ok(socket.recovered);
    assert.equal(socket.id, id);
    // The further argument is the place from which Socket.IO recovers.
    assert.deepEqual((await missed)[0], { channel: "plain", data: "two" });
    const live = once(socket, "publication");
    await publish(server, "plain", "three");
    assert.deepEqual((await live)[0], { channel: "plain", data: "three" });
  });
});

test("kind gateway: the application behind the gateway, with the options of socketio", async () => {
  const hooks = [];
  const application = http.createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => { body += chunk; });
    request.on("end", () => {
      const hook = JSON.parse(body);
      hooks.push(hook);
      response.setHeader("Content-Type", "application/vnd.starling.actions+json");
      response.end(JSON.stringify(hook.action === "message"
        ? { actions: [{ ack: { ack_id: hook.ack_id, data: ["done"] } }] } : { actions: [] }));
    });
  });
  await new Promise((resolve) => { application.listen(0, "127.0.0.1", resolve); });
  const server = await serve({
    gateway: { enabled: true, routes: [{ kind: "socketio", path: "/socket.io/",
      application: `http://127.0.0.1:${application.address().port}/hook` }] },
    socketio: [{ kind: "gateway", namespaces: ["/shop-*"], ping_interval_s: 9 }],
  });
  const options = { forceNew: true, reconnection: false, transports: ["websocket"] };
  const socket = client4.io(server.url("/shop-1", "http"), options);
  const refused = client4.io(server.url("/", "http"), options);
  const refusal = once(refused, "connect_error");
  try {
    await once(socket, "connect");
    assert.equal(await deadline(new Promise((resolve) => {
      socket.emit("buy", 1, resolve);
    }), "the application's ack"), "done");
    assert.deepEqual(hooks.map(({ action, namespace }) => [action, namespace]),
      [["open", "/shop-1"], ["message", "/shop-1"]]);
    assert.equal((await refusal)[0].message, "Invalid namespace");
    const handshake = await get(server, "/socket.io/?EIO=4&transport=polling");
    assert.equal(JSON.parse(handshake.text.slice(1)).pingInterval, 9000);
  } finally {
    socket.disconnect();
    refused.disconnect();
    await server.stop();
    application.close();
  }
});

test("a configuration that cannot work ends with one line", async () => {
  const file = writeConfig("socketio:\n  - kind: gateway\n");
  const { code, stderr } = await run(["check-config", file]);
  assert.equal(code, 2);
  assert.match(stderr, /^.*starling\.yaml:2: key 'socketio\[0\]': needs a gateway with a route .*\n$/);
});
