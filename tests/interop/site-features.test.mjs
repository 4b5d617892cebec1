// What each site serves: Socket.IO servers, channels and gateway routes of one site, of all, or hidden; its own origins
// and CORS. The sites are addresses of the loopback network, so that npm's socket.io-client needs no names.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";

import { io } from "socket.io-client";

import { Application } from "../applications/application.mjs";
import { open, refusal } from "./client.mjs";
import { request } from "./gateway.mjs";
import { freePort, run, serve, until, writeConfig } from "./server.mjs";

const [plain, shop, blog] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
const sockets = [];

// A client of npm; `nsp`: its namespace.
function connect(host, port, nsp = "/", options = {}) {
  const socket = io(`http://${host}:${port}${nsp}`, { forceNew: true, reconnection: false, transports: ["websocket"],
    ...options });
  sockets.push(socket);
  return socket;
}

describe("what each site serves", () => {
  let server, port, application;
  const url = (host, path) => `http://${host}:${port}${path}`;
  const status = async (host, path, headers = {}) => (await fetch(url(host, path), { headers })).status;

  before(async () => {
    application = await Application.start();
    port = await freePort();
    server = await serve({
      listen: [plain, shop, blog].map((host) => `${host}:${port}`),
      events: { enabled: true, channels: [{ pattern: "news" }] },
      sites: [
        { hosts: [shop], events: false, gateway: false, hide: ["/all", "/readyz"],
          origins: ["https://shop.example"], cors: { origins: ["https://api.example"], credentials: true } },
        { hosts: [blog], socketio: false, origins: ["https://blog.example"] },
      ],
      socketio: [
        { kind: "broadcast", serve_client: false },
        { kind: "broadcast", serve_client: false, namespaces: ["/cart"], site: shop },
      ],
      websocket: [{ path: "/all", kind: "echo" }, { path: "/all/more", kind: "echo" },
        { path: "/allowed", kind: "echo" }, { path: "/own", kind: "echo", site: blog }],
      gateway: { enabled: true, routes: [{ path: "/gw", application: application.url, site: blog }] },
      http: { cors: { origins: ["https://page.example"] } },
    }, { port });
  });
  after(async () => {
    sockets.forEach((socket) => socket.disconnect());
    await server?.stop();
    await application?.stop();
  });

  test("a Socket.IO server of one site has the path there alone, with its own namespaces and clients", async () => {
    const [a, b, cart] = [connect(plain, port), connect(plain, port), connect(shop, port, "/cart")];
    await Promise.all([a, b, cart].map((socket) => once(socket, "connect")));
    cart.on("note", () => assert.fail("the note is for the clients of the other server"));
    const heard = once(b, "note");
    a.emit("note", "of all sites");
    assert.deepEqual(await heard, ["of all sites"]);
    const own = once(cart, "bought");
    cart.emit("bought", 1);
    assert.deepEqual(await own, [1]);
    for (const [host, nsp] of [[shop, "/"], [plain, "/cart"]]) {
      const [error] = await once(connect(host, port, nsp), "connect_error");
      assert.equal(error.message, "Invalid namespace", host + nsp);
    }
    // A session of one server is unknown to the other.
    const handshake = await (await fetch(url(plain, "/socket.io/?EIO=4&transport=polling"))).text();
    const { sid } = JSON.parse(handshake.slice(1));
    const stolen = await fetch(url(shop, `/socket.io/?EIO=4&transport=polling&sid=${sid}`));
    assert.deepEqual([stolen.status, (await stolen.json()).code], [400, 1]);
  });

  test("a site without a feature answers 404", async () => {
    const cases = [
      [shop, "/socket.io/?EIO=4&transport=polling", 200], [plain, "/socket.io/?EIO=4&transport=polling", 200],
      [blog, "/socket.io/?EIO=4&transport=polling", 404],
      [shop, "/api", 404], [shop, "/api/history?channel=news", 404], [blog, "/api/history?channel=news", 401],
      [plain, "/api/history?channel=news", 401], [shop, "/sse/ServerEvent?channel=news", 404],
      [shop, "/tapr/ws/conn/list", 404], [blog, "/tapr/ws/conn/list", 401], [plain, "/tapr/ws/conn/list", 401],
      [blog, "/gw", 426], [shop, "/gw", 404], [plain, "/gw", 404],
      [shop, "/all", 404], [shop, "/all/more", 404], [shop, "/allowed", 426], [blog, "/all", 426],
      [blog, "/own", 426], [plain, "/own", 404], [shop, "/readyz", 404], [shop, "/healthz", 200],
    ];
    for (const [host, path, want] of cases) assert.equal(await status(host, path), want, host + path);
    for (const path of ["/ws/channels", "/all", "/gw"])
      assert.equal((await refusal(`ws://${shop}:${port}${path}`)).status, 404, path);
    const client = await open(`ws://${blog}:${port}/gw`);
    assert.equal((await application.next("open")).action, "open");
    await client.close();
  });

  test("a site has its own origins and its own CORS", async () => {
    const from = (origin) => ({ headers: { Origin: origin } });
    const opens = async (host, path, origin) => {
      const offered = path === "/ws/channels" ? ["starling.v1"] : [];
      const client = await open(`ws://${host}:${port}${path}`, offered, from(origin)).catch(() => undefined);
      await client?.close();
      return client !== undefined;
    };
    for (const [host, path, origin, want] of [
      [shop, "/allowed", "https://shop.example", true], [blog, "/allowed", "https://shop.example", false],
      [plain, "/allowed", "https://shop.example", false], [blog, "/allowed", "https://blog.example", true],
      [blog, "/own", "https://blog.example", true], [blog, "/gw", "https://blog.example", true],
      [blog, "/ws/channels", "https://blog.example", true], [plain, "/ws/channels", "https://blog.example", false],
      [shop, "/socket.io/?EIO=4&transport=websocket", "https://shop.example", true],
      [plain, "/socket.io/?EIO=4&transport=websocket", "https://shop.example", false],
    ]) assert.equal(await opens(host, path, origin), want, `${host}${path} from ${origin}`);

    // [Access-Control-Allow-Origin, Access-Control-Allow-Credentials]
    const cors = async (host, path, origin) => {
      const { headers } = await request(port, { path, headers: { Host: `${host}:${port}`, Origin: origin } });
      return [headers["access-control-allow-origin"], headers["access-control-allow-credentials"]];
    };
    const polling = "/socket.io/?EIO=4&transport=polling";
    assert.deepEqual(await cors(plain, "/healthz", "https://page.example"), ["https://page.example", undefined]);
    assert.deepEqual(await cors(shop, "/healthz", "https://api.example"), ["https://api.example", "true"]);
    assert.deepEqual(await cors(shop, "/healthz", "https://page.example"), [undefined, undefined]);
    assert.deepEqual(await cors(blog, "/healthz", "https://page.example"), ["https://page.example", undefined]);
    assert.deepEqual(await cors(shop, polling, "https://shop.example"), ["https://shop.example", "true"]);
    assert.deepEqual(await cors(plain, polling, "https://shop.example"), [undefined, undefined]);
    assert.deepEqual(await cors(blog, "/sse/ServerEvent?channel=none", "https://blog.example"),
      ["https://blog.example", "true"]);
  });

  test("SIGHUP says that what sites serve needs a restart", async () => {
    const config = JSON.parse((await import("node:fs")).readFileSync(server.config, "utf8"));
    config.sites[1].socketio = true;
    config.sites[0].origins = [];
    config.log = { level: "info" };
    (await import("node:fs")).writeFileSync(server.config, JSON.stringify(config));
    server.signal("SIGHUP");
    await until(() => /reloaded .*needs_restart=.*sites\[0\]\.origins.*sites\[1\]\.socketio/.test(server.stderr), "the line");
    assert.equal(await status(blog, polling_of_blog), 404);
  });
});

const polling_of_blog = "/socket.io/?EIO=4&transport=polling";

test("check-config: one line for what cannot be meant", async () => {
  for (const [config, want] of [
    [{ sites: [{ hosts: ["a"] }], socketio: [{ kind: "broadcast", site: "b" }] },
      /key 'socketio\[0\]\.site': must be a host of an element of sites\n$/],
    [{ sites: [{ hosts: ["a", "b"] }], socketio: [{ kind: "broadcast", site: "a" }, { kind: "broadcast", site: "b" }] },
      /starling\.yaml:\d+: key 'socketio\[1\]': is the same path as socketio\[0\]\.path\n$/],
  ]) assert.match((await run(["check-config", writeConfig(config)])).stderr, want);
});
