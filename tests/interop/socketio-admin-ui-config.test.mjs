// The keys of Socket.IO's Admin UI in the program's configuration.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { io } from "socket.io-client";

import { deadline } from "./client.mjs";
import { run, serve, writeConfig } from "./server.mjs";

const opened = new Set();
after(() => opened.forEach((socket) => socket.close()));

function open(server, nsp, options) {
  const socket = io(`http://127.0.0.1:${server.port}${nsp}`, { forceNew: true, reconnection: false, ...options });
  opened.add(socket);
  return socket;
}

describe("Admin UI of the program", () => {
  const password_hash = "$2b$04$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2";

  test("its keys turn it on for the demo's Socket.IO", async (t) => {
    const server = await serve({ demo: true, demo_data: ":memory:", admin: { enabled: false,
      socketio_ui: { enabled: true, password_hash, username: "ops", namespace: "/ops", readonly: true,
        server_id: "one" } } });
    t.after(() => server.stop());
    const page = open(server, "/ops", { auth: { username: "ops", password: "changeit" } });
    const config = new Promise((resolve) => { page.once("config", resolve); });
    const stats = new Promise((resolve) => { page.once("server_stats", resolve); });
    assert.deepEqual(await deadline(config, "config"), { supportedFeatures: ["AGGREGATED_EVENTS"] });
    assert.equal((await deadline(stats, "server_stats")).serverId, "one");
    page.close();
  });

  test("the names, limits and logins of clients are not for the page", async (t) => {
    const server = await serve({
      auth: { keys: [{ secret: "0123456789abcdef0123456789abcdef" }] },
      socketio: [{ kind: "broadcast", auth: "required", serve_client: false }],
      socketio_namespaces: [{ name: "/*", connections_max: 1 }],
      admin: { enabled: false, socketio_ui: { enabled: true, password_hash } },
    });
    t.after(() => server.stop());
    for (let i = 0; i < 2; i += 1) {
      const page = open(server, "/admin", { auth: { username: "admin", password: "changeit" } });
      const refused = new Promise((_, reject) => { page.once("connect_error", reject); });
      await deadline(Promise.race([new Promise((resolve) => { page.once("config", resolve); }), refused]), "config");
    }
    for (const [nsp, message] of [["/", "unauthorized"], ["/other", "Invalid namespace"]]) {
      const client = open(server, nsp);
      assert.equal((await deadline(new Promise((resolve) => { client.once("connect_error", resolve); }), nsp)).message,
        message);
    }
  });

  for (const [what, config, words, demo = false] of [
    ["no password", { enabled: true }, /:\d+: key 'admin\.socketio_ui\.enabled': needs admin\.socketio_ui\.password_hash/],
    ["the password itself", { enabled: true, password_hash: "changeit" },
      /admin\.socketio_ui\.password_hash.*must be a hash of bcrypt/, true],
    ["another mode", { enabled: true, password_hash, mode: "test" },
      /admin\.socketio_ui\.mode.*must be production or development/],
    ["no Socket.IO", { enabled: true, password_hash }, /there is no Socket\.IO server/],
  ])
    test(`check-config: ${what}`, async () => {
      const { code, stderr } = await run(
        ["check-config", writeConfig({ demo, admin: { socketio_ui: config } })]);
      assert.equal(code, 2);
      assert.match(stderr, words);
    });

  test("the hash is shown to nobody", async () => {
    const file = writeConfig({ admin: { socketio_ui: { password_hash } } });
    const { stderr } = await run(["check-config", file]);
    assert.match(stderr, /has no effect without admin\.socketio_ui\.enabled/);
    assert.ok(!stderr.includes(password_hash));
  });
});
