// sio::connect() against servers of Socket.IO 2, over TLS, through an HTTP proxy, and against servers
// that break the protocol.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { describe, test } from "node:test";

import { Server } from "socket.io";
import Server2 from "socket.io-2";
import { WebSocketServer } from "ws";

import { certificate } from "./certificates.mjs";
import { temporaryFolder, until } from "./server.mjs";
import { Cut, patiently, pollsOf } from "./socketio_client/faults.mjs";
import { playHere, playNode } from "./socketio_client/script.mjs";

const ways = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };
const quick = { reconnection_delay: 20, reconnection_delay_max: 40 };

async function listening(server, t) {
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return server.address().port;
}

// Closes a server of Socket.IO at the end of the test.
function closed(io, t) {
  const endPolls = pollsOf(io.engine);
  t.after(() => {
    io.close();
    endPolls();
  });
}

// ---- Socket.IO 2 ------------------------------------------------------------------------------

async function site2(t, options = {}) {
  const server = http.createServer();
  const io = new Server2(server, { serveClient: false, ...options });
  closed(io, t);
  const seen = [];
  for (const nsp of ["/", "/admin"]) io.of(nsp).on("connection", (socket) => {
    seen.push(`${nsp} ${socket.handshake.query.token ?? ""}`);
    socket.on("sum", (a, b, reply) => reply(a + b));
    socket.on("echo", (...args) => args.pop()(...args));
    socket.on("ask", () => socket.emit("question", Buffer.from([5]),
      (...answer) => socket.emit("you said", ...answer)));
    socket.on("kick", () => socket.disconnect());
  });
  io.of("/admin").use((socket, next) => next(socket.handshake.query.token ? undefined : new Error("no token")));
  return { port: await listening(server, t), io, seen };
}

for (const [way, transports] of Object.entries(ways)) {
  const options = { eio: 3, transports, ...quick };

  describe(`a server of Socket.IO 2, by ${way}`, () => {
    test("auth, events, acks, bytes", async (t) => {
      const { port, seen } = await site2(t);
      const lines = await playHere({
        url: `http://127.0.0.1:${port}`,
        options,
        sockets: { "/": {}, "/admin": { auth: { token: "a b" } } },
        then: [
          ["/admin connect", ["ack", "/admin", 5000, "sum", 1, 2]],
          ["/admin answer", ["ack", "/admin", null, "echo", { bytes: "0001ff" }, ["é", { bytes: "02" }]]],
          ["/admin answer", ["emit", "/admin", "ask"]],
          ["/admin question", ["reply", { bytes: "06" }, 7]],
          ["/admin event you said", ["emit", "/admin", "kick"]],
          ["/admin disconnect", ["disconnect", "/"]],
          ["/ disconnect", ["end"]],
        ],
      });
      assert.deepEqual(lines, ["manager open", "/ connect false", "/admin connect false",
        "/admin answer sum 3", '/admin answer echo {"bytes":"0001ff"} ["é",{"bytes":"02"}]',
        '/admin event question {"bytes":"05"}', "/admin question",
        '/admin event you said {"bytes":"06"} 7', "/admin disconnect io server disconnect",
        "manager close forced close", "/ disconnect io client disconnect"]);
      assert.deepEqual(seen, ["/ ", "/admin a b"]);
    });

    test("a namespace that refuses", async (t) => {
      const { port } = await site2(t);
      const lines = await playHere({ url: `http://127.0.0.1:${port}`, options,
        sockets: { "/admin": {} }, then: [["/admin connect_error", ["state", "/admin"], ["end"]]] });
      assert.deepEqual(lines.slice(-2), ["/admin connect_error no token", "/admin state disconnected"]);
    });

    test("a cut connection, and one that falls silent", async (t) => {
      const { port, io } = await site2(t, { pingInterval: 600, pingTimeout: 600 });
      await patiently(async (slow) => {
        const calm = () => Object.values(io.sockets.connected).every(({ conn }) =>
          conn.transport.name === transports.at(-1) && conn.transport.writable);
        const cut = await new Cut().start(port);
        t.after(() => cut.stop());
        let answers = 0;
        const lines = await playHere({ url: `http://127.0.0.1:${cut.port}`, options,
          sockets: { "/": {} },
          then: [
            ["/ connect", ["ack", "/", 5000, "sum", 1, 1]],
            ["/ connect", ["ack", "/", 5000, "sum", 2, 2]],
            ["/ disconnect ping timeout", ["end"]],
          ] }, (line) => {
          if (line === "/ disconnect ping timeout" && !cut.silent) slow();
          if (!line.startsWith("/ answer")) return;
          answers += 1;
          if (answers === 1) until(calm, "a calm connection").then(() => cut.reset());
          else cut.silent = true;
        });
        assert.equal(lines.filter((line) => line === "/ connect false").length, 2);
        assert.ok(lines.some((line) => line.startsWith("/ disconnect transport ")));
        assert.ok(lines.includes("/ disconnect ping timeout"), lines.join("\n"));
      });
    });
  });
}

test("a server of Socket.IO 4 tells a client of Socket.IO 2 that it speaks another protocol", async (t) => {
  const { port } = await site2(t);
  const lines = await playHere({ url: `http://127.0.0.1:${port}`,
    options: { transports: ["websocket"], reconnection: false },
    sockets: { "/": {} }, then: [["/ connect_error", ["end"]], ["/ disconnect", ["end"]]] });
  assert.match(lines.at(-1), /^\/ connect_error the server speaks Socket.IO 2/);
});

// ---- TLS and proxies --------------------------------------------------------------------------

function echoing(server, t) {
  const io = new Server(server);
  closed(io, t);
  io.on("connection", (socket) => socket.on("sum", (a, b, reply) => reply(a + b)));
}
const sum = { sockets: { "/": {} }, then: [
  ["/ connect false", ["ack", "/", 5000, "sum", 1, 2]],
  ["/ answer sum 3", ["disconnect", "/"]],
  ["/ disconnect", ["end"]],
  ["/ connect_error", ["end"]],
] };
const summed = ["manager open", "/ connect false", "/ answer sum 3", "manager close forced close",
  "/ disconnect io client disconnect"];

for (const [way, transports] of Object.entries(ways)) {
  test(`TLS by ${way}: trusted, not trusted, for another host`, async (t) => {
    const made = certificate(temporaryFolder(), "localhost");
    const server = https.createServer({ cert: readFileSync(made.cert), key: readFileSync(made.key) });
    echoing(server, t);
    const port = await listening(server, t);
    const trusted = { ...sum, url: `https://localhost:${port}`,
      options: { transports, ca: made.cert, reconnection: false } };
    assert.deepEqual(await playHere(trusted), summed);
    assert.deepEqual(await playNode(trusted), summed);
    const words = [];
    for (const change of [{ options: { transports, reconnection: false } },
      { url: `https://127.0.0.1:${port}` }]) {
      const reasons = [];
      const lines = await playHere({ ...trusted, ...change }, undefined, reasons);
      assert.deepEqual(lines, await playNode({ ...trusted, ...change }));
      assert.match(lines[0], /^\/ connect_error (xhr poll|websocket) error$/);
      words.push(reasons.join(""));
    }
    assert.match(words[0], /certificate/);
    assert.match(words[1], /certificate/);
    assert.notEqual(words[0], words[1]);
  });

  test(`TLS by ${way}: a certificate of the client, and no verification`, async (t) => {
    const folder = temporaryFolder();
    const made = certificate(folder, "localhost");
    const ada = certificate(folder, "ada");
    const server = https.createServer({ cert: readFileSync(made.cert), key: readFileSync(made.key),
      ca: readFileSync(ada.cert), requestCert: true, rejectUnauthorized: true });
    const shown = new Set();
    server.on("secureConnection", (socket) => shown.add(socket.getPeerCertificate().subject.CN));
    echoing(server, t);
    const port = await listening(server, t);
    const options = { transports, reconnection: false };
    const known = { ...sum, url: `https://localhost:${port}`,
      options: { ...options, ca: made.cert, cert: ada.cert, key: ada.key } };
    assert.deepEqual(await playHere(known), summed);
    assert.deepEqual(await playNode(known), summed);
    assert.deepEqual([...shown], ["ada"]);
    const unknown = await playHere({ ...known, options: { ...options, ca: made.cert } });
    assert.match(unknown[0], /^\/ connect_error (xhr poll|websocket) error$/);
    const trusting = { ...known, url: `https://127.0.0.1:${port}`,
      options: { ...options, cert: ada.cert, key: ada.key, reject_unauthorized: false } };
    assert.deepEqual(await playHere(trusting), summed);
    assert.deepEqual(await playNode(trusting), summed);
  });

  test(`an HTTP proxy by ${way}`, async (t) => {
    const server = http.createServer();
    echoing(server, t);
    const port = await listening(server, t);
    const asked = new Set();
    const proxy = http.createServer();
    proxy.on("connect", (request, client) => {
      asked.add(`${request.url} ${request.headers["proxy-authorization"]}`);
      const target = net.connect(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 OK\r\n\r\n");
        client.pipe(target).pipe(client);
      });
      for (const socket of [client, target]) socket.on("error", () => {});
    });
    const at = await listening(proxy, t);
    const lines = await playHere({ ...sum, url: "http://chat.test:8000",
      options: { transports, proxy: `http://user:pass@127.0.0.1:${at}` } });
    assert.deepEqual(lines, summed);
    assert.deepEqual([...asked],
      [`chat.test:8000 Basic ${Buffer.from("user:pass").toString("base64")}`]);
  });
}

// ---- Servers that break the protocol ------------------------------------------------------------

const open = { sid: "E1", upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 };

// A raw server: `socket(send, socket)` gets each WebSocket, `request(request, response)` each request.
async function raw(t, { socket, request }) {
  const server = http.createServer(request ?? ((_, response) => response.writeHead(404).end()));
  const sockets = new WebSocketServer({ server, maxPayload: 1 << 26 });
  let connections = 0;
  sockets.on("connection", (one) => {
    connections += 1;
    one.on("error", () => {});
    socket?.((text) => one.send(text), one, connections);
  });
  return listening(server, t);
}

const attempts = { reconnection_attempts: 1, ...quick };
const give_up = [["manager reconnect_failed", ["end"]]];
const before = (error) => [`/ connect_error ${error}`, `manager error ${error}`,
  "manager reconnect_attempt 1", `/ connect_error ${error}`, `manager error ${error}`,
  "manager reconnect_failed", `manager reconnect_error ${error}`];

describe("open packets that are refused", () => {
  for (const [what, change] of Object.entries({
    "pingInterval -1": { pingInterval: -1 },
    "pingInterval 1e300": { pingInterval: 1e300 },
    "no pingInterval": { pingInterval: undefined },
    "pingTimeout as text": { pingTimeout: "20000" },
    "a sid of 1 MB": { sid: "x".repeat(1_000_000) },
    "a sid with a line break": { sid: "a\r\nb" },
    "no sid": { sid: undefined },
    "upgrades that are no list": { upgrades: "websocket" },
    "maxPayload -1": { maxPayload: -1 },
  })) {
    const packet = `0${JSON.stringify({ ...open, ...change })}`;
    test(`${what}, over a WebSocket`, async (t) => {
      const port = await raw(t, { socket: (send) => send(packet) });
      const error = packet.length > 900_000 ? "websocket error" : "parse error";
      const lines = await playHere({ url: `http://127.0.0.1:${port}`, sockets: { "/": {} },
        options: { transports: ["websocket"], ...attempts }, then: give_up });
      assert.ok(lines[0] === "/ connect_error parse error" || packet.length > 900_000);
      assert.deepEqual(lines.map((line) => line.replace(error, "parse error")), before("parse error"));
    });
    test(`${what}, by polling`, async (t) => {
      const port = await raw(t, { request: (_, response) => response.end(packet) });
      const lines = await playHere({ url: `http://127.0.0.1:${port}`, sockets: { "/": {} },
        options: { transports: ["polling"], ...attempts }, then: give_up });
      assert.deepEqual(lines, before("parse error"));
    });
  }
});

describe("packets that are refused: parse error, closed, reconnected", () => {
  const start = [`0${JSON.stringify(open)}`];
  const joined = [...start, '40{"sid":"S1"}'];
  for (const [what, packets] of Object.entries({
    "an event before CONNECT": [...start, '42["a"]'],
    "a placeholder out of range": [...joined, '451-["a",{"_placeholder":true,"num":7}]', Buffer.from([1])],
    "text instead of an attachment": [...joined, '451-["a",{"_placeholder":true,"num":0}]', '42["b"]'],
    "bytes where none are due": [...joined, Buffer.from([1])],
    "10^9 attachments": [...joined, '451000000000-["a"]'],
    "an unknown type": [...joined, '49["a"]'],
    "no JSON": [...joined, '42["a"'],
    "JSON of depth 100,000": [...joined, `42${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    "a reserved event": [...joined, '42["connect"]'],
  })) {
    test(what, async (t) => {
      const port = await raw(t, { socket: (send, one, count) => {
        for (const packet of count === 1 ? packets : joined) send(packet);
      } });
      const lines = await playHere({ url: `http://127.0.0.1:${port}`, sockets: { "/": {} },
        options: { transports: ["websocket"], ...quick },
        then: [["manager reconnect 1"], ["/ connect false", ["state", "/"]],
          ["/ connect false", ["state", "/"], ["end"]],
          ...(packets.includes(joined[1]) ? [] : [["/ state connected active", ["end"]]])] });
      assert.ok(lines.includes("manager close parse error"), lines.join("\n"));
      assert.equal(lines.at(-1), "/ state connected active");
      assert.ok(lines.includes("manager reconnect 1"));
    });
  }

  test("an ack that nobody asked for is ignored", async (t) => {
    const port = await raw(t, { socket: (send, one) => {
      for (const packet of [...joined, "437[1]", '431000["x"]', '42["a"]']) send(packet);
      one.on("message", (data) => { if (String(data).startsWith("420")) send("430[5]"); });
    } });
    const lines = await playHere({ url: `http://127.0.0.1:${port}`, sockets: { "/": {} },
      options: { transports: ["websocket"] },
      then: [["/ event a", ["ack", "/", null, "b"]], ["/ answer b 5", ["end"]]] });
    assert.deepEqual(lines, ["manager open", "/ connect false", "/ event a", "/ answer b 5"]);
  });
});

describe("answers to polls that are refused", () => {
  const page = `<html>${"x".repeat(10_000)}</html>`;
  for (const [what, answer, code, why, timeout = 20_000] of [
    ["500 with a page", (response) => response.writeHead(500, { "content-type": "text/html" }).end(page), 500],
    ["200 with a page", (response) => response.writeHead(200, { "content-type": "text/html" }).end(page), 0],
    ["a redirect", (response) => response.writeHead(302, { location: "/elsewhere" }).end(), 302],
    ["too large", (response) => response.end("4".repeat(200_000)), 0, /bod|large|limit/],
    ["a body without an end that is too large", (response) => {
      const write = () => { if (!response.destroyed) response.write("4".repeat(10_000), write); };
      write();
    }, 0, /bod|large|limit/],
    ["a body without an end that says nothing", (response) => response.write("0{"), 0, undefined, 300],
    ["no answer at all", () => {}, 0, undefined, 300],
    ["too many header bytes", (response) => response.writeHead(200, { "x-a": "a".repeat(15_000),
      "x-b": "b".repeat(15_000) }).end(), 0],
    ["a connection that ends", (response) => response.destroy(), 0],
  ]) {
    test(what, async (t) => {
      const port = await raw(t, { request: (_, response) => answer(response) });
      const reasons = [];
      const lines = await playHere({ url: `http://127.0.0.1:${port}`, sockets: { "/": {} },
        options: { transports: ["polling"], message_bytes_max: 10_000, timeout, ...attempts },
        then: give_up }, undefined, reasons);
      assert.match(lines[0], timeout === 300 ? /^\/ connect_error timeout$/
        : /^\/ connect_error (xhr poll error|server error)$/);
      assert.deepEqual(lines, before(lines[0].replace("/ connect_error ", "")));
      if (code) assert.match(reasons.join(""), new RegExp(`^code ${code}$`, "m"));
      if (why) assert.match(reasons.join(""), why);
    });
  }
});
