// examples/chat_client and examples/bridge: clients that connect again, against examples/chat and npm's
// `ws`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, test } from "node:test";

import { WebSocketServer } from "ws";

import { deadline, open } from "./client.mjs";
import { Program, built, example, freePort, onExit, until } from "./server.mjs";

const env = { http_proxy: "", https_proxy: "", all_proxy: "", no_proxy: "" };

// A server of npm's `ws` on `port`; `connected()` resolves to the next connection.
function source(port) {
  const server = new WebSocketServer({ port, host: "127.0.0.1" });
  return {
    connected: () => deadline(new Promise((resolve) => {
      server.once("connection", (socket) => {
        const heard = [];
        socket.on("message", (data) => heard.push(data.toString()));
        resolve({ socket, heard });
      });
    }), "a connection"),
    stop: () => new Promise((resolve) => {
      for (const socket of server.clients) socket.terminate();
      server.close(resolve);
    }),
  };
}

describe("examples/chat_client", () => {
  test("says what it reads, shows what others say, ends with its input", async () => {
    const server = await example("chat");
    const other = await open(server.url());
    const child = spawn(built("examples/chat_client"), [server.url(), "Ada"], { env: { ...process.env, ...env } });
    onExit(child);
    const exited = deadline(new Promise((resolve) => { child.on("close", resolve); }), "the end of the client");
    let shown = "";
    child.stdout.setEncoding("utf8").on("data", (text) => { shown += text; });
    child.stdin.write('你好 "all"\n\n');
    assert.equal(await other.next(), 'Ada:你好 "all"');
    other.socket.send(JSON.stringify({ name: "Bob", msg: "hi" }));
    await until(() => shown.includes("Bob:hi\n"), "the other's message");
    child.stdin.end("bye\n");
    assert.equal(await other.next(), "Bob:hi");
    assert.equal(await other.next(), "Ada:bye");
    assert.equal(await other.next(), "Ada下线了!");
    assert.equal(await exited, 0);
    assert.ok(shown.startsWith('* connected\nAda:你好 "all"\nBob:hi\n'), shown);
    assert.ok(!shown.includes("lost"), shown);
    await other.close();
    await server.stop();
  });
});

describe("examples/bridge", () => {
  test("mirrors a server, also after it has restarted", async () => {
    const from = await freePort(), port = await freePort();
    let first = source(from);
    let connected = first.connected();
    const bridge = new Program("examples/bridge", [`ws://127.0.0.1:${from}/`, String(port)], { env, port });
    const one = await connected;
    one.socket.send("price 1");
    const clients = [];
    // The bridge listens before it connects.
    for (let i = 0; i < 2; ++i) clients.push(await open(bridge.url("/mirror")));
    one.socket.send("price 2");
    for (const client of clients) {
      // A client that joined before "price 1" came gets both as events, a later one gets the newest first.
      let next = await client.next();
      if (next === "price 1") next = await client.next();
      assert.equal(next, "price 2");
    }
    clients[0].socket.send("order");
    await until(() => one.heard.includes("order"), "the order");

    await first.stop();
    await until(() => bridge.stderr.includes("the source is lost"), "the loss");
    first = source(from);
    connected = first.connected();
    const two = await connected;
    assert.equal(two.heard.length, 0);
    two.socket.send("price 3");
    for (const client of clients) assert.equal(await client.next(), "price 3");
    const late = await open(bridge.url("/mirror"));
    assert.equal(await late.next(), "price 3");

    two.socket.close(1000);
    assert.equal((await bridge.exited).code, 0);
    await first.stop();
  });
});
