// Backpressure of `starling connect --socketio` against Node's server: standard output that nobody reads,
// and a server that reads nothing.

import assert from "node:assert/strict";
import http from "node:http";
import { after, describe, test } from "node:test";

import { Server } from "socket.io";

import { Connect, memoryMax, standstill } from "./connect.mjs";
import { until } from "./server.mjs";

const closing = new Set();
after(() => { for (const one of closing) one.close(); });

async function listen(transport) {
  const server = http.createServer();
  const io = new Server(server, { transports: [transport], allowUpgrades: false, pingInterval: 200, pingTimeout: 120_000 });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  closing.add(io);
  return { io, url: `http://127.0.0.1:${server.address().port}` };
}

const filler = "y".repeat(65_536);
const total = 800;  // 52 MB.

describe("backpressure of starling connect --socketio", () => {
  for (const transport of ["polling", "websocket"]) {
    test(`a slow reader makes the server wait, over ${transport}`, { timeout: 120_000 }, async () => {
      const { io, url } = await listen(transport);
      let sent = 0;
      let conn = null;
      let why = null;
      io.on("connection", (socket) => {
        conn = socket.conn;
        socket.on("disconnect", (reason) => { why = reason; });
        let due = false;
        // A few events at a time, when the transport has taken those before.
        const more = () => {
          due = false;
          for (let i = 0; i < 8 && sent < total; ++i) socket.emit("n", sent++, filler);
        };
        socket.conn.on("drain", () => {
          if (!due) setImmediate(more);
          due = true;
        });
        more();
      });
      const program = new Connect([url, "--socketio", "--transport", transport, "--exit-after", String(total)], { paused: true });
      await until(() => sent > 0, "the connection");
      const before = await standstill(() => sent, "the server to be stopped");
      assert.ok(before < total, `the server could send ${before} events`);
      // The client keeps the session, although it reads no pings.
      let beats = 0;
      conn.on("heartbeat", () => { beats += 1; });
      await until(() => beats >= 3, "heartbeats");
      assert.ok(sent < total, "the server could go on");
      assert.ok(memoryMax(program.pid) < 60, `${memoryMax(program.pid)} MB`);
      program.read();
      assert.equal(await program.exited, 0, program.err);
      await until(() => why, "the server to see the end");
      assert.equal(why, "client namespace disconnect");
      assert.equal(program.lines.length, total);
      program.lines.forEach((line, i) => assert.ok(line === `n ${i} "${filler}"`, `line ${i}: ${line.slice(0, 40)}`));
    });
  }

  test("a server that does not read makes standard input wait", { timeout: 120_000 }, async () => {
    const { io, url } = await listen("websocket");
    let socket = null;
    const taken = [];
    io.on("connection", (one) => {
      socket = one;
      one.conn.transport.socket.pause();
      one.on("take", (number) => { taken.push(number); });
      one.on("bye", () => one.disconnect());
    });
    const program = new Connect([url, "--socketio", "--transport", "websocket"]);
    let written = 0;
    // Until the pipe is full for as long as nothing moves.
    const fill = () => {
      while (written < total) if (!program.child.stdin.write(`emit take ${written++} "${filler}"\n`)) return;
      program.end("emit bye\n");
    };
    program.child.stdin.on("drain", fill);
    await until(() => socket, "the connection");
    fill();
    const before = await standstill(() => written, "standard input to wait");
    assert.ok(before < total, "the program takes everything");
    assert.deepEqual(taken, []);
    socket.conn.transport.socket.resume();
    assert.equal(await program.exited, 0, program.err);
    assert.deepEqual(taken, Array.from({ length: total }, (_, i) => i));
  });
});
