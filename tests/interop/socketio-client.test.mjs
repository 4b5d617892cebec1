// sio::connect() against Node's servers of Socket.IO 4: each script is played with starling's client
// and with npm socket.io-client 4.8, and both print the same lines and send the same to the server.

import assert from "node:assert/strict";
import http from "node:http";
import { describe, test } from "node:test";

import { Server } from "socket.io";
import * as msgpack from "socket.io-msgpack-parser";

import { until } from "./server.mjs";
import { Cut, patiently, pollsOf } from "./socketio_client/faults.mjs";
import { playHere, playNode } from "./socketio_client/script.mjs";

// What the servers of this file do: they answer, ask, refuse and write down what they get.
function behave(io, seen) {
  const listen = (nsp) => io.of(nsp).on("connection", (socket) => {
    const { token } = socket.handshake.auth;
    seen.push(`${nsp} connected${token ? ` ${token}` : ""}${socket.recovered ? " again" : ""}`);
    socket.onAny((name, ...args) => {
      if (typeof args.at(-1) === "function") args.pop();
      seen.push(`${nsp} ${name} ${JSON.stringify(args)}`);
    });
    socket.on("disconnect", () => seen.push(`${nsp} left`));
    socket.on("sum", (a, b, reply) => reply(a + b));
    socket.on("echo", (...args) => args.pop()(...args));
    socket.on("say", (...args) => socket.emit(...args));
    socket.on("ask", (value) => socket.timeout(10_000).emit("question", value,
      (error, ...answer) => socket.emit("you said", ...answer)));
    socket.on("ask double", (value) => socket.timeout(10_000).emit("double", value,
      (error, answer) => socket.emit("you said", answer)));
    socket.on("kick", () => socket.disconnect());
    socket.on("kick all", () => socket.disconnect(true));
  });
  for (const nsp of ["/", "/chat", "/admin"]) listen(nsp);
  io.of("/admin").use((socket, next) => {
    if (socket.handshake.auth.token) return next();
    return next(Object.assign(new Error("no token"), { data: { code: 7, why: ["a"] } }));
  });
}

class Site {
  seen = [];

  constructor(options, arrange) {
    this.options = options;
    this.arrange = arrange;
  }

  async start(port = 0) {
    this.http = http.createServer();
    this.io = new Server(this.http, { ...this.options });
    this.endPolls = pollsOf(this.io.engine);
    behave(this.io, this.seen);
    this.arrange?.(this.io, this);
    await new Promise((resolve) => { this.http.listen(port, "127.0.0.1", resolve); });
    this.port = this.http.address().port;
    return this;
  }

  async stop() {
    this.http.closeAllConnections();
    await new Promise((resolve) => { this.io.close(resolve); });
    this.endPolls();
  }

  async restart() {
    await this.stop();
    await this.start(this.port);
  }
}

// Plays `script` with both clients, each at a site of its own. `control(line, site, cut)` is called
// for each line; `mask` makes lines equal that may differ. `through`: with a Cut between the two.
// `closed`: nothing listens. `once`: what a server may get again, if an answer was late. Returns the lines of both, and what both servers have got.
async function compare({ server = {}, arrange, control, through, closed, mask, once = [], ...script }) {
  const played = [];
  for (const play of [playNode, playHere]) {
    const site = await new Site(server, arrange).start();
    const cut = through && await new Cut().start(site.port);
    if (closed) await site.stop();
    try {
      const lines = await play({ sockets: { "/": {} }, ...script,
        url: `http://127.0.0.1:${(cut ?? site).port}` },
      (line) => control?.(line, site, cut));
      // What the server has got when the client is gone.
      await until(() => [...site.io._nsps.values()].every((nsp) => nsp.sockets.size === 0)
        || cut?.silent, "the client to leave");
      // Of a silent client the server does not know when it has left.
      const seen = site.seen.filter((line) => !cut?.silent || !line.endsWith(" left")).sort()
        .filter((line, i, all) => line !== all[i - 1] || !once.includes(line));
      played.push({ lines: mask ? lines.map(mask) : lines, seen });
    } finally {
      cut?.stop();
      if (!closed) await site.stop();
    }
  }
  assert.deepEqual(played[1], played[0]);
  return played[1];
}

// Cuts the connection when the upgrade is over, or a poll is under way.
async function cutWhenCalm(site, cut, transport) {
  const calm = ({ conn }) => conn.transport.name === transport && conn.transport.writable;
  await until(() => [...site.io.of("/").sockets.values()].every(calm), "a calm connection");
  cut.reset();
}

const ways = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };
const quick = { reconnection_delay: 20, reconnection_delay_max: 40 };

for (const [way, transports] of Object.entries(ways)) {
  const options = { transports };

  describe(`a Socket.IO client by ${way}`, () => {
    test("auth, events, acks, bytes, two namespaces on one connection", async () => {
      const { lines, seen } = await compare({
        options,
        sockets: { "/": {}, "/admin": { auth: { token: "t", n: 1 } } },
        start: [["emit", "/", "early", 1]],
        then: [
          ["/admin connect",
            ["ack", "/admin", null, "sum", 1, 2]],
          ["/admin answer sum 3",
            ["ack", "/admin", 5000, "echo", { bytes: "0001ff" }, { a: [{ bytes: "02" }, "é"] }]],
          ["/admin answer echo", ["emit", "/admin", "say", "back", { bytes: "03" }, null, 1.5]],
          ["/admin event back", ["emit", "/admin", "ask", 6]],
          ["/admin question", ["reply", 42, { bytes: "04" }]],
          ["/admin event you said", ["emit", "/admin", "ask double", 21]],
          ["/admin event double"],
          ["/admin event you said", ["ack", "/admin", 30, "never"]],
          ["/admin no answer", ["disconnect", "/admin"]],
          ["/admin disconnect", ["ack", "/", null, "sum", 2, 3]],
          ["/ answer", ["state", "/"], ["state", "/admin"], ["disconnect", "/"]],
          ["/ disconnect", ["end"]],
        ],
      });
      assert.ok(lines.includes('/admin answer echo {"bytes":"0001ff"} {"a":[{"bytes":"02"},"é"]}'));
      assert.ok(lines.includes("/admin no answer never operation has timed out"));
      assert.equal(lines.filter((line) => line === "manager open").length, 1);
      assert.ok(seen.includes("/ early [1]"));
      assert.ok(seen.includes("/admin connected t"));
    });

    test("MessagePack", async () => {
      const { lines } = await compare({
        options: { ...options, parser: "msgpack" },
        server: { parser: msgpack },
        then: [
          ["/ connect", ["ack", "/", 5000, "echo", { bytes: "0001ff" }, [1, -1, 1.5, null, true]]],
          ["/ answer", ["emit", "/", "ask", { bytes: "05" }]],
          ["/ question", ["reply", { bytes: "06" }]],
          ["/ event you said", ["disconnect", "/"]],
          ["/ disconnect", ["end"]],
        ],
      });
      assert.ok(lines.includes('/ event you said {"bytes":"06"}'));
    });

    test("a namespace that refuses, with data; and one that does not exist", async () => {
      const { lines } = await compare({
        options,
        sockets: { "/admin": {}, "/nowhere": {}, "/": {} },
        then: [
          ["/admin connect_error", ["state", "/admin"]],
          ["/nowhere connect_error", ["ack", "/", null, "sum", 1, 2]],
          ["/ answer", ["disconnect", "/"]],
          ["/ disconnect", ["end"]],
        ],
      });
      assert.ok(lines.includes('/admin connect_error no token {"code":7,"why":["a"]}'));
      assert.ok(lines.includes("/nowhere connect_error Invalid namespace"));
    });

    test("the server disconnects, the client connects again", async () => {
      await compare({
        options,
        then: [
          ["/ connect", ["emit", "/", "kick"]],
          ["/ disconnect", ["state", "/"], ["connect", "/"]],
          ["/ connect", ["emit", "/", "kick all"]],
          ["/ disconnect", ["connect", "/"]],
          ["/ connect", ["disconnect", "/"]],
          ["/ disconnect io client", ["end"]],
        ],
      });
    });

    test("the server restarts: what was sent meanwhile arrives", async () => {
      const { lines, seen } = await compare({
        options: { ...options, ...quick },
        then: [
          ["/ connect", ["ack", "/", 5000, "sum", 1, 1]],
          ["/ answer", ["emit", "/", "restart"], ["ack", "/", null, "never"]],
          ["/ disconnect", ["emit", "/", "buffered", 1],
            ["emit", "/", "buffered", 2]],
          ["/ connect", ["ack", "/", 5000, "sum", 2, 2]],
          ["/ answer sum 4", ["disconnect", "/"]],
          ["/ disconnect io client", ["end"]],
        ],
        arrange: (io, site) => io.on("connection", (socket) => {
          socket.on("never", () => site.restart());
        }),
      });
      assert.ok(lines.includes("/ no answer never socket has been disconnected"));
      assert.ok(seen.includes("/ buffered [1]") && seen.includes("/ buffered [2]"));
    });

    test("a cut connection", async () => {
      const { lines } = await compare({
        options: { ...options, ...quick },
        through: true,
        then: [
          ["/ connect", ["ack", "/", 5000, "sum", 1, 1]],
          ["/ answer"],
          ["/ connect", ["ack", "/", 5000, "sum", 2, 2]],
          ["/ answer sum 4", ["disconnect", "/"]],
          ["/ disconnect io client", ["end"]],
        ],
        control: (line, site, cut) => {
          if (line === "/ answer sum 2") cutWhenCalm(site, cut, transports.at(-1));
        },
      });
      assert.ok(lines.some((line) => line.startsWith("/ disconnect transport ")));
    });

    test("a connection that falls silent: ping timeout", async () => {
      const { lines } = await patiently((slow) => compare({
        server: { pingInterval: 600, pingTimeout: 600 },
        options: { ...options, ...quick, reconnection: false },
        through: true,
        then: [
          ["/ connect", ["ack", "/", 5000, "sum", 1, 1]],
          ["/ disconnect ping timeout", ["state", "/"], ["end"]],
        ],
        control: (line, site, cut) => {
          if (line === "/ answer sum 2") cut.silent = true;
          else if (line.startsWith("/ disconnect") && !cut.silent) slow();
        },
      }));
      assert.ok(lines.includes("/ disconnect ping timeout"), lines.join("\n"));
    });

    test("connection state recovery: nothing is lost, nothing comes twice", async () => {
      let told = 0;
      const { lines, seen } = await compare({
        server: { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } },
        options: { ...options, ...quick },
        through: true,
        then: [
          ["/ connect false", ["emit", "/", "start"]],
          ["/ connect true", ["emit", "/", "goes on"]],
          ["/ event tick 9", ["disconnect", "/"]],
          ["/ disconnect io client", ["end"]],
        ],
        arrange: (io) => {
          told = 0;
          io.on("connection", (socket) => {
            const tick = () => io.emit("tick", told++);
            socket.on("start", () => { for (let i = 0; i < 3; i += 1) tick(); });
            socket.on("disconnect", () => { for (let i = 0; i < 4; i += 1) tick(); });
            socket.on("goes on", () => { while (told < 10) tick(); });
          });
        },
        control: (line, site, cut) => {
          if (line.startsWith("/ event tick 2")) cutWhenCalm(site, cut, transports.at(-1));
        },
        mask: (line) => line.replace(/ "[^"]*"$/, " OFFSET"),
      });
      const ticks = lines.filter((line) => line.startsWith("/ event tick"))
        .map((line) => Number(line.split(" ")[3]));
      assert.deepEqual(ticks, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      assert.ok(seen.includes("/ connected again"));
    });

    test("retries with ack_timeout", async () => {
      let asked = 0;
      const { lines, seen } = await compare({
        options: { ...options, ...quick, retries: 2, ack_timeout: 500 },
        then: [
          ["/ connect", ["ack", "/", null, "second time"], ["ack", "/", null, "sum", 1, 2],
            ["ack", "/", null, "never"]],
          ["/ no answer never", ["disconnect", "/"]],
          ["/ disconnect", ["end"]],
        ],
        arrange: (io) => {
          asked = 0;
          io.on("connection", (socket) => socket.on("second time",
            (reply) => { if ((asked += 1) > 1) reply("well"); }));
        },
        once: ["/ second time []", "/ sum [1,2]"],
      });
      assert.ok(asked >= 2, `${asked}`);
      assert.ok(lines.includes('/ answer second time "well"') && lines.includes("/ answer sum 3"));
      assert.equal(seen.filter((line) => line === "/ never []").length, 3);
    });

    test("nobody listens: reconnection_attempts is obeyed", async () => {
      const { lines } = await compare({
        options: { ...options, ...quick, reconnection_attempts: 3 },
        sockets: { "/": {}, "/chat": {} },
        start: [["emit", "/", "in vain"]],
        closed: true,
        then: [["manager reconnect_failed", ["end"]]],
      });
      assert.equal(lines.filter((line) => line.startsWith("manager reconnect_attempt")).length, 3);
    });
  });
}
