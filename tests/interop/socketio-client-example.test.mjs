// examples/socketio_client against examples/socketio_chat, and against a server of Node that does the
// same.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";

import { Server } from "socket.io";

import { example, freePort, Program, until } from "./server.mjs";

async function play(url) {
  const client = new Program("examples/socketio_client", [url], {});
  const { code } = await client.exited;
  // The server says a number each second; one may come, or none.
  const lines = client.stdout.split("\n").filter((line) => line && !line.startsWith("number: "));
  return { code, lines, stderr: client.stderr };
}

const talk = ["connecting", "connected", 'news: {"hello":"world"}',
  'pub: {"will":"be received by everyone"}', 'to all: {"text":"to all"}', 'echo: "one of many"',
  'to me: {"toId":"ID","text":"to me"}', "disconnected: io client disconnect"];
const withoutId = (lines) => lines.map((line) => line.replace(/"toId":"[^"]+"/, '"toId":"ID"'));

test("with examples/socketio_chat", async () => {
  const server = await example("socketio_chat");
  try {
    const { code, lines, stderr } = await play(`http://127.0.0.1:${server.port}`);
    assert.deepEqual(withoutId(lines).sort(), [...talk].sort());
    assert.equal(code, 0, stderr);
    await until(() => server.stdout.includes("hello") && server.stdout.includes("data"), "the events");
    assert.match(server.stdout, /windiest received a private message by oaoafly saying hello/);
    assert.match(server.stdout, /\{"my":"data"\}/);
  } finally {
    await server.stop();
  }
});

test("with Node's server", async () => {
  const server = http.createServer();
  const io = new Server(server);
  const seen = [];
  io.on("connection", (socket) => {
    socket.emit("news", { hello: "world" });
    io.emit("pub", { will: "be received by everyone" });
    socket.emit("message", "a text");
    socket.emit("anything");
    socket.on("my other event", (data) => seen.push(data));
    socket.on("private message", (...args) => seen.push(args));
    socket.on("sendPrivate", (data) => io.to(data.toId).emit("getMessage", data));
    socket.on("sendMessageToServer", (data) => io.emit("sendMessageToAllClient", data));
    socket.on("echo", (value, reply) => reply(value));
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  try {
    const { code, lines, stderr } = await play(`http://127.0.0.1:${server.address().port}`);
    assert.deepEqual(withoutId(lines).sort(), [...talk, "message: a text", "anything"].sort());
    assert.equal(code, 0, stderr);
    assert.deepEqual(seen, [["oaoafly", "windiest", { msg: "hello" }], { my: "data" }]);
  } finally {
    await io.close();
  }
});

test("without a server", async () => {
  const { code, lines } = await play(`http://127.0.0.1:${await freePort()}`);
  assert.deepEqual(lines, ["connecting", "cannot connect", "attempt 1", "cannot connect", "attempt 2",
    "cannot connect", "gave up"]);
  assert.equal(code, 1);
});
