// `starling connect --socketio` against Node's server and against our own.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, describe, test } from "node:test";

import { Server } from "socket.io";

import { Connect, Terminal, connect } from "./connect.mjs";
import { serveDemo, temporaryFolder, until } from "./server.mjs";

const closing = new Set();
after(() => { for (const one of closing) one.close(); });

// {io, url, port}
async function listen(options = {}, port = 0) {
  const server = http.createServer();
  const io = new Server(server, options);
  await new Promise((resolve) => { server.listen(port, "127.0.0.1", resolve); });
  closing.add(io);
  const at = server.address().port;
  return { io, port: at, url: `http://127.0.0.1:${at}` };
}

const plain = (events) => events.map(({ time, id, ...event }) => event);

describe("starling connect --socketio", () => {
  test("events with arguments in, emits and acks out", async () => {
    const { io, url } = await listen();
    const heard = [];
    io.on("connection", (socket) => {
      socket.emit("hello", 1, "two", { three: [3] }, Buffer.from([0, 1]));
      socket.on("say", (...args) => { heard.push(args); });
      socket.on("sum", (a, b, reply) => reply(a + b, "done"));
    });
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, "bytes"), Buffer.from([7, 8]));
    const program = new Connect([url, "--socketio", "--text", 'emit say "a b" {"c":null}', "--exit-after", "2"]);
    program.write(`emit say @${folder}/bytes\nack sum 1 2\n`);
    assert.equal(await program.exited, 0, program.err);
    assert.deepEqual(program.lines, ['hello 1 "two" {"three":[3]} {"base64":"AAE="}', 'ack sum 3 "done"']);
    assert.deepEqual(heard, [["a b", { c: null }], [Buffer.from([7, 8])]]);
  });

  test("--json, with an event that asks for an ack", async () => {
    const { io, url } = await listen();
    let answer;
    io.of("/admin").on("connection", (socket) => {
      socket.emit("question", "why", (...args) => {
        answer = [socket.handshake.auth, ...args];
        socket.disconnect();
      });
    });
    const program = new Connect([`${url}/ignored`, "--socketio", "--namespace", "admin", "--auth", '{"token":"x"}', "--json"]);
    await program.until('"question"');
    program.write('answer 7 1\nanswer 1 "because" 2\n');
    assert.equal(await program.exited, 0, program.err);
    assert.deepEqual(answer, [{ token: "x" }, "because", 2]);
    assert.deepEqual(plain(program.events), [
      { event: "connect", namespace: "/admin", recovered: false },
      { event: "event", direction: "in", name: "question", args: ["why"], answer: 1 },
      { event: "notice", message: "no event 7 waits for an answer" },
      { event: "ack", direction: "out", answer: 1, args: ["because", 2] },
      { event: "disconnect", reason: "io server disconnect" },
    ]);
  });

  test("a namespace of the URL that refuses", async () => {
    const { io, url } = await listen();
    io.of("/admin").use((socket, next) => next(Object.assign(new Error("not you"), { data: { code: 7 } })));
    const got = await connect([`${url}/admin`, "--socketio"]);
    assert.deepEqual([got.code, got.err], [3, 'starling connect: cannot connect: not you {"code":7}\n']);
  });

  test("over polling, the server gets what was sent last, and the end", async () => {
    const { io, url } = await listen({ transports: ["polling"] });
    const told = [];
    io.on("connection", (socket) => {
      socket.on("last", () => told.push("last"));
      socket.on("disconnect", (reason) => told.push(reason));
      socket.emit("go");
    });
    const got = await connect([url, "--socketio", "--transport", "polling", "--text", "emit last", "--exit-after", "1"]);
    assert.equal(got.code, 0, got.err);
    await until(() => told.length === 2, "the end");
    assert.deepEqual(told, ["last", "client namespace disconnect"]);
  });

  test("no server", async () => {
    const got = await connect(["http://127.0.0.1:1", "--socketio"]);
    assert.equal(got.code, 3);
    assert.match(got.err, /^starling connect: cannot connect to 127\.0\.0\.1:1: connection refused\n$/);
  });

  for (const transport of ["polling", "websocket"]) {
    test(`--transport ${transport}, --path, --header`, async () => {
      const { io, url } = await listen({ path: "/rt/", transports: [transport], allowUpgrades: false });
      io.on("connection", (socket) => socket.emit("via", socket.conn.transport.name, socket.handshake.headers["x-key"]));
      const got = await connect([url, "--socketio", "--transport", transport, "--path", "/rt", "--header", "X-Key: 1",
        "--exit-after", "1"]);
      assert.deepEqual([got.code, got.out], [0, `via "${transport}" "1"\n`], got.err);
    });
  }

  test("a connection that is lost comes back", async () => {
    const { io, url } = await listen();
    let count = 0;
    io.on("connection", (socket) => {
      socket.emit("number", ++count);
      if (count === 1) socket.conn.close();
    });
    const program = new Connect([url, "--socketio", "--json", "--exit-after", "2"]);
    assert.equal(await program.exited, 0, program.err);
    assert.deepEqual(plain(program.events).map(({ event, reason, args, attempt }) => [event, reason ?? args ?? attempt]).slice(0, 7),
      [["connect", undefined], ["event", [1]], ["disconnect", "transport close"], ["reconnect_attempt", 1], ["reconnect", 1],
        ["connect", undefined], ["event", [2]]]);
    const once = await connect([url, "--socketio", "--no-reconnect", "--timeout", "30s"], { input: undefined })
      .catch((error) => error);
    assert.equal(once.code, 0);
  });

  test("--no-reconnect", async () => {
    const { io, url } = await listen();
    io.on("connection", (socket) => socket.conn.close());
    const got = await connect([url, "--socketio", "--no-reconnect"]);
    assert.equal(got.code, 1);
  });

  test("a wrong line of a pipe ends with exit code 1", async () => {
    const { url } = await listen();
    const got = await connect([url, "--socketio"], { input: "emit a 1\nemit a b\n" });
    assert.equal(got.code, 1);
    assert.equal(got.err, "starling connect: emit: argument 1: must be JSON, or @FILE for bytes; a text stands in quotes\n");
  });

  test("on a terminal", async () => {
    const { io, url } = await listen();
    io.on("connection", (socket) => {
      socket.on("join", (room, reply) => {
        socket.join(room);
        io.to(room).emit("joined", room);
        reply("ok");
      });
    });
    const program = new Terminal([url, "--socketio"]);
    await program.until(/^>$/m);
    for (const [line, wanted] of [
      ['ack join "red"', '> join "red"\nTIME < joined "red"\nTIME < ack join "ok"\n>'],
      ["say hi", "* no command say; help lists them\n>"],
      ["help", "answer N JSON...: answer event number N, which asks for an ack\n"],
      ["disconnect", "* disconnected: io client disconnect\n>"],
    ]) {
      program.write(`${line}\r`);
      await program.until(wanted);
    }
    program.write("connect\r");
    await until(() => program.shown.match(/entered namespace \//g).length === 2, "the second connection");
    program.write("/close\r");
    assert.equal(await program.exited, 0);
  });

  test("our own server", async () => {
    const server = await serveDemo();
    const program = new Connect([server.url("/", "http"), "--socketio", "--json", "--transport", "websocket",
      "--auth", '{"name":"ada"}']);
    await program.until('"connect"');
    program.end();
    assert.equal(await program.exited, 0, program.err);
    assert.deepEqual(plain(program.events).at(-1), { event: "disconnect", reason: "io client disconnect" });
    await server.stop();
  });
});
