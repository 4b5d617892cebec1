// `starling connect` on pipes: a WebSocket against npm ws and against our own server.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { certificate } from "./certificates.mjs";
import { Connect, connect, memoryMax, standstill, wsServer } from "./connect.mjs";
import { serve, temporaryFolder, until } from "./server.mjs";

const echo = (socket) => socket.on("message", (data, binary) => socket.send(data, { binary }));
const closing = new Set();
after(() => { for (const one of closing) one.close(); });

async function server(on, options) {
  const one = await wsServer(on, options);
  closing.add(one);
  return one;
}

// Without `time`, and without what differs from run to run.
const plain = (events) => events.map(({ time, ...event }) => {
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  if ("round_trip_ms" in event) event.round_trip_ms = "some";
  if (event.url) event.url = "URL";
  return event;
});

function lengthPrefixed(...messages) {
  return Buffer.concat(messages.flatMap((message) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(message));
    return [length, Buffer.from(message)];
  }));
}

// The most memory that a process has had, in MB.
describe("what is sent and printed", () => {
  const folder = temporaryFolder();
  const file = path.join(folder, "bytes");
  let ours;
  let theirs;
  before(async () => {
    writeFileSync(file, Buffer.from([0, 1, 255]));
    ours = await serve({ websocket: [{ path: "/echo", kind: "echo" }] });
    theirs = await server(echo);
  });
  after(() => ours?.stop());

  // [arguments, input, output]
  for (const [args, input, out] of [
    [[], "a\nb\r\n\nc", "a\nb\n\nc\n"],
    [[], "", ""],
    [["--text", "x", "--binary", file, "--text=y"], "z\n", "x\nbase64:AAH/\ny\nz\n"],
    [["--send-binary"], Buffer.from([255, 10, 65, 10]), "base64:/w==\nbase64:QQ==\n"],
    [["--text", "a\nb"], "", "a\nb\n"],
    [["--length-prefixed"], lengthPrefixed("a\n", "", "b"), lengthPrefixed("a\n", "", "b").toString()],
    [["--length-prefixed", "--send-binary"], lengthPrefixed(Buffer.from([0, 1])), "\0\0\0\x02\0\x01"],
  ]) {
    test(`${args.join(" ")} ${JSON.stringify(input.toString())}`, async () => {
      for (const url of [ours.url("/echo"), theirs.url]) {
        const count = url === theirs.url && out ? ["--exit-after", String(args.includes("--length-prefixed")
          ? [...out.matchAll(/\0\0\0./g)].length : out === "a\nb\n" ? 1 : out.split("\n").length - 1)] : [];
        const got = await connect([url, ...args, ...count], { input });
        assert.deepEqual([got.code, got.out, got.err], [0, out, ""]);
      }
    });
  }

  test("a file as standard input, in order and whole", async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${"x".repeat(i % 50)}\n`).join("");
    const got = await connect([theirs.url, "--exit-after", "20000"], { input: lines });
    assert.equal(got.code, 0, got.err);
    assert.equal(got.out, lines);
  });

  test("--json", async () => {
    const got = new Connect([theirs.url, "--json", "--text", "h\u00e9 \"\n", "--binary", file, "--exit-after", "2"]);
    assert.equal(await got.exited, 0);
    assert.deepEqual(plain(got.events), [
      { event: "open", url: "URL", protocol: "", extensions: "" },
      { event: "message", direction: "out", type: "text", data: "h\u00e9 \"\n" },
      { event: "message", direction: "out", type: "binary", base64: "AAH/", bytes: 3 },
      { event: "message", direction: "in", type: "text", data: "h\u00e9 \"\n" },
      { event: "message", direction: "in", type: "binary", base64: "AAH/", bytes: 3 },
      { event: "close", code: 1000, words: "normal closure", reason: "", clean: true },
    ]);
    assert.equal(got.err, "");
  });

  test("pings are shown if asked for", async () => {
    const pinging = await server((socket) => {
      socket.ping("are you there");
      socket.on("pong", () => socket.close(1000));
    });
    for (const [args, count] of [[["--json", "--show-pings"], 1], [["--json"], 0]]) {
      const got = new Connect([pinging.url, ...args]);
      assert.equal(await got.exited, 0);
      const pings = plain(got.events).filter(({ event }) => event === "ping");
      assert.deepEqual(pings, Array(count).fill({ event: "ping", direction: "in", data: "are you there" }));
    }
    const lines = await connect([pinging.url, "--show-pings"]);
    assert.equal(lines.err, "starling connect: ping are you there\n");
  });

  test("the heartbeat of --ping-interval measures the round trip", async () => {
    const silent = await server();
    const got = new Connect([silent.url, "--json", "--show-pings", "--ping-interval", "10ms"]);
    await got.until('"round_trip_ms"');
    got.end();
    assert.equal(await got.exited, 0);
    const pong = plain(got.events).find(({ event }) => event === "pong");
    assert.deepEqual(pong, { event: "pong", direction: "in", round_trip_ms: "some" });
  });

  test("a text that is not UTF-8 is not sent", async () => {
    const got = await connect([theirs.url], { input: Buffer.from([97, 10, 255, 10]) });
    assert.equal(got.code, 1);
    assert.equal(got.err, "starling connect: a text to send is not UTF-8; --send-binary sends bytes\n");
  });

  test("a length that the input does not keep", async () => {
    const got = await connect([theirs.url, "--length-prefixed"], { input: Buffer.from([0, 0, 0, 5, 97]) });
    assert.equal(got.code, 1);
    assert.equal(got.err, "starling connect: standard input ends within a message\n");
  });
});

describe("the handshake", () => {
  test("subprotocol, fields, origin, compression", async () => {
    const one = await server(echo, { perMessageDeflate: true, handleProtocols: () => "chat.v2" });
    const got = new Connect([one.url, "--protocol", "chat.v1", "--protocol=chat.v2", "--header", "X-Key: a:b",
      "--header", "Authorization:Bearer x", "--origin", "https://example.com", "--compress", "--json",
      "--text", "hello ".repeat(1000), "--exit-after", "1"]);
    assert.equal(await got.exited, 0, got.err);
    const { headers } = one.requests[0];
    assert.deepEqual([headers["sec-websocket-protocol"], headers["x-key"], headers.authorization, headers.origin],
      ["chat.v1, chat.v2", "a:b", "Bearer x", "https://example.com"]);
    assert.match(headers["sec-websocket-extensions"], /^permessage-deflate/);
    assert.equal(got.events[0].protocol, "chat.v2");
    assert.match(got.events[0].extensions, /^permessage-deflate/);
    assert.equal(got.events[2].data, "hello ".repeat(1000));
  });

  test("a refusal shows the status and the body", async () => {
    const one = http.createServer().on("upgrade", (request, socket) => {
      socket.on("error", () => {});  // The client may reset the connection.
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 19\r\n\r\nno \x1b[31mentry\x1b[0m\r\n");
    });
    await new Promise((resolve) => { one.listen(0, "127.0.0.1", resolve); });
    closing.add(one);
    const url = `ws://127.0.0.1:${one.address().port}`;
    const got = await connect([url]);
    assert.deepEqual([got.code, got.out], [3, ""]);
    assert.equal(got.err, "starling connect: the server answered 403 Forbidden: no \\x1b[31mentry\\x1b[0m\n");
    const json = new Connect([url, "--json"]);
    assert.equal(await json.exited, 3);
    assert.deepEqual(plain(json.events), [{ event: "error", message: "the server answered 403 Forbidden", status: 403,
      body: "no \x1b[31mentry\x1b[0m\r\n" }]);
  });

  test("redirects are followed if asked for", async () => {
    const target = await server(echo);
    const one = http.createServer().on("upgrade", (request, socket) => {
      socket.on("error", () => {});  // The client may reset the connection.
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${target.url}/there\r\nContent-Length: 0\r\n\r\n`);
    });
    await new Promise((resolve) => { one.listen(0, "127.0.0.1", resolve); });
    closing.add(one);
    const url = `ws://127.0.0.1:${one.address().port}`;
    assert.equal((await connect([url, "--text", "a", "--exit-after", "1"])).code, 3);
    const followed = await connect([url, "--follow-redirects", "--text", "a", "--exit-after", "1"]);
    assert.deepEqual([followed.code, followed.out], [0, "a\n"]);
    assert.equal(target.requests[0].url, "/there");
  });

  test("--proxy makes a tunnel, and none none", async () => {
    const target = await server(echo);
    const seen = [];
    const proxy = http.createServer().on("connect", (request, socket) => {
      seen.push([request.url, request.headers["proxy-authorization"]]);
      const to = net.connect(target.port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(to).pipe(socket);
      });
      to.on("error", () => socket.destroy());
      socket.on("error", () => to.destroy());
    });
    await new Promise((resolve) => { proxy.listen(0, "127.0.0.1", resolve); });
    closing.add(proxy);
    const at = `http://ada:pw@127.0.0.1:${proxy.address().port}`;
    const args = ["ws://host.invalid/", "--text", "a", "--exit-after", "1"];
    const got = await connect([...args, "--proxy", at]);
    assert.deepEqual([got.code, got.out], [0, "a\n"], got.err);
    assert.deepEqual(seen, [["host.invalid:80", `Basic ${Buffer.from("ada:pw").toString("base64")}`]]);
    assert.equal((await connect([...args, "--proxy", "none"], { env: { http_proxy: at } })).code, 3);
    assert.equal(seen.length, 1);
  });

  test("certificates of both sides", async () => {
    const folder = temporaryFolder();
    const own = certificate(folder, "localhost");
    const client = certificate(folder, "ada");
    const one = await server((socket, request) => {
      const name = request.socket.getPeerCertificate().subject?.CN ?? "nobody";
      socket.send(name);
    }, { server: https.createServer({ cert: readFileSync(own.cert), key: readFileSync(own.key), requestCert: true,
      ca: readFileSync(client.cert), rejectUnauthorized: false }) });
    const url = `wss://localhost:${one.port}`;
    const args = ["--exit-after", "1"];
    const refused = await connect([url, ...args]);
    assert.equal(refused.code, 3);
    assert.match(refused.err, /certificate/);
    assert.deepEqual(await connect([url, ...args, "--insecure"]).then(({ code, out }) => [code, out]), [0, "nobody\n"]);
    assert.deepEqual(await connect([url, ...args, "--ca", own.cert]).then(({ code, out }) => [code, out]), [0, "nobody\n"]);
    const known = await connect([url, ...args, "--ca", own.cert, "--cert", client.cert, "--key", client.key]);
    assert.deepEqual([known.code, known.out], [0, "ada\n"], known.err);
  });
});

describe("how it ends", () => {
  // [what, server's part, arguments, exit code, end of standard error]
  for (const [what, on, args, code, err] of [
    ["a close of the server", (socket) => socket.close(1000, "done"), [], 0, ""],
    ["going away", (socket) => socket.close(1001), [], 0, ""],
    ["no code", (socket) => socket.close(), [], 0, ""],
    ["a code of the application", (socket) => socket.close(4401, "log in"), [], 1,
      "starling connect: closed: 4401, of the application: log in\n"],
    ["no close frame", (socket) => socket.terminate(), [], 1, "starling connect: closed: 1006, connection lost\n"],
    ["a message that is too large", (socket) => socket.send("x".repeat(2000)), ["--max-message", "1k"], 1, null],
    ["--timeout", () => {}, ["--timeout", "50ms"], 4, "starling connect: the time of --timeout is over\n"],
    ["--exit-after in a stream of messages", (socket) => { for (let i = 0; i < 9; ++i) socket.send(`${i}`); },
      ["--exit-after", "3"], 0, ""],
  ]) {
    test(what, async () => {
      const one = await server(on);
      const program = new Connect([one.url, ...args]);
      assert.equal(await program.exited, code, program.err);
      if (err !== null) assert.equal(program.err, err);
      if (what.startsWith("--exit-after")) assert.equal(program.text, "0\n1\n2\n");
    });
  }

  test("no server, no name, a wrong command line", async () => {
    const port = await new Promise((resolve) => {
      const probe = net.createServer().listen(0, "127.0.0.1", () => {
        const number = probe.address().port;
        probe.close(() => resolve(number));
      });
    });
    for (const [args, code, err] of [
      [[`ws://127.0.0.1:${port}`], 3, /^starling connect: cannot connect to .*refused\n$/],
      [["ws://host.invalid/"], 3, /^starling connect: .*host\.invalid.*\n$/],
      [["ftp://localhost"], 2, /^starling connect: the scheme is not .*\n$/],
      [["ws://localhost", "--wait", "soon"], 2, /^starling connect: --wait: must be a time, as 1\.5s, 250ms, 2m or 1h\n$/],
      [["ws://localhost", "--exit-after", "0"], 2, /^starling connect: --exit-after: must be a positive integer\n$/],
      [["ws://localhost", "--header", "nothing"], 2, /^starling connect: --header: must be NAME:VALUE/],
      [["ws://localhost", "--header", "Upgrade: x"], 2, /^starling connect: .*\n$/],
      [["ws://localhost", "--protocol", "a b"], 2, /^starling connect: .*\n$/],
      [["ws://localhost", "--cert", "/etc/passwd"], 2, /^starling connect: --cert and --key belong together\n$/],
      [["ws://localhost", "--ca", "/nowhere"], 2, /^starling connect: --ca: cannot read '\/nowhere': No such file/],
      [["ws://localhost", "--binary", "/nowhere"], 2, /^starling connect: --binary: cannot read '\/nowhere': No such file/],
      [["ws://localhost", "--namespace", "/x"], 2, /^starling connect: --namespace: is only for --socketio\n$/],
      [["http://localhost", "--sse", "--text", "x"], 2, /^starling connect: --text: is only for a WebSocket or --socketio\n$/],
      [["http://localhost", "--sse", "--socketio"], 2, /^starling connect: --socketio and --sse exclude each other\n$/],
      [["http://localhost", "--socketio", "--auth", "[1]"], 2, /^starling connect: --auth: must be a JSON object\n$/],
      [["ws://localhost", "--json", "--length-prefixed"], 2, /^starling connect: --json and --length-prefixed exclude/],
      [["ws://localhost", "--color", "red"], 2, /^starling: --color: must be auto, always or never/],
      [[], 2, /^starling: connect needs a URL/],
    ]) {
      const got = await connect(args);
      assert.equal(got.code, code, args.join(" ") + got.err);
      assert.match(got.err, err);
      assert.equal(got.out, "");
    }
  });

  test("Ctrl-C closes in order, a second one at once", async () => {
    const codes = [];
    const one = await server((socket) => socket.on("close", (code) => codes.push(code)));
    const polite = new Connect([one.url, "--json"]);
    await polite.until('"open"');
    polite.signal("SIGINT");
    assert.equal(await polite.exited, 130);
    assert.equal(polite.events.at(-1).code, 1000);
    await until(() => codes.length === 1, "the close of the server's side");
    assert.deepEqual(codes, [1000]);

    // This server never answers the close frame.
    const raw = net.createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (head) => {
        const key = /Sec-WebSocket-Key: (.*)\r\n/i.exec(head.toString())[1];
        const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
        socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
        socket.once("data", () => raw.emit("frame"));
      });
    });
    await new Promise((resolve) => { raw.listen(0, "127.0.0.1", resolve); });
    closing.add(raw);
    const stuck = new Connect([`ws://127.0.0.1:${raw.address().port}`, "--json"]);
    await stuck.until('"open"');
    const closed = new Promise((resolve) => { raw.once("frame", resolve); });
    stuck.signal("SIGINT");
    await closed;
    const from = performance.now();
    stuck.signal("SIGINT");
    assert.equal(await stuck.exited, 130);
    assert.ok(performance.now() - from < 4000, "the close timeout was not waited for");
  });

  test("SIGTERM", async () => {
    const one = await server();
    const program = new Connect([one.url, "--json"]);
    await program.until('"open"');
    program.signal("SIGTERM");
    assert.equal(await program.exited, 143);
  });

  test("--wait and --exit-after after the end of standard input", async () => {
    // Answers when the client's end is near: long after the end of standard input.
    const late = await server((socket) => socket.on("message", (data) => {
      setTimeout(() => socket.send(`late ${data}`), 300);
    }));
    assert.equal((await connect([late.url, "--wait", "10ms"], { input: "a\n" })).out, "");
    assert.equal((await connect([late.url, "--wait", "20s", "--exit-after", "1"], { input: "a\n" })).out, "late a\n");
    assert.equal((await connect([late.url, "--exit-after", "1"], { input: "a\n" })).out, "late a\n");
    assert.equal((await connect([late.url], { input: "a\n" })).out, "late a\n");
  });

  test("a reader of standard output that goes away", async () => {
    const one = await server((socket) => {
      const timer = setInterval(() => socket.send("x".repeat(1000)), 1);
      socket.on("close", () => clearInterval(timer));
    });
    const program = new Connect([one.url]);
    await program.until("x\n");
    program.child.stdout.destroy();
    assert.equal(await program.exited, 1);
    assert.equal(program.err, "");
  });
});

describe("backpressure", () => {
  test("a server that does not read makes standard input wait", { timeout: 120_000 }, async () => {
    const one = await server((socket) => socket.pause());
    const program = new Connect([one.url, "--send-binary", "--length-prefixed", "--wait", "20s"]);
    const part = lengthPrefixed(...Array(16).fill(Buffer.alloc(65_536, 1)));
    const total = 200;
    // Until the pipe is full for as long as nothing moves.
    let written = 0;
    const full = () => new Promise((resolve) => {
      const step = () => {
        while (written < total) {
          written += 1;
          if (!program.child.stdin.write(part)) return resolve();
        }
        resolve();
      };
      step();
    });
    await until(() => one.sockets.length === 1, "the connection");
    await full();
    const before = program.child.stdin.writableLength;
    assert.ok(before > 0, "the pipe takes everything");
    let received = 0;
    one.sockets[0].on("message", (data) => { received += data.length; });
    one.sockets[0].resume();
    while (written < total) {
      await new Promise((resolve) => { program.child.stdin.once("drain", resolve); });
      await full();
    }
    await until(() => received === total * 16 * 65_536, "all messages");
    assert.ok(memoryMax(program.pid) < 100, `${memoryMax(program.pid)} MB`);
    program.end();
    one.sockets[0].close(1000);
    assert.equal(await program.exited, 0, program.err);
  });

  test("a slow reader of standard output makes the server wait", { timeout: 120_000 }, async () => {
    const one = await server();
    const program = new Connect([one.url], { paused: true });
    await until(() => one.sockets.length === 1, "the connection");
    const [socket] = one.sockets;
    const message = "y".repeat(65_535);
    const total = 1600;  // 100 MB.
    for (let i = 0; i < total; ++i) socket.send(message);
    const before = await standstill(() => socket.bufferedAmount, "the server to be stopped");
    assert.ok(before > 50_000_000, `${before} bytes wait at the server`);
    assert.ok(memoryMax(program.pid) < 60, `${memoryMax(program.pid)} MB`);
    let size = 0;
    program.child.stdout.on("data", (bytes) => { size += bytes.length; });
    socket.close(1000);
    assert.equal(await program.exited, 0, program.err);
    assert.equal(size, total * 65_536);
  });

  test("a slow reader of standard error makes the server wait", { timeout: 120_000 }, async () => {
    const one = await server();
    const program = new Connect([one.url, "--show-pings"]);
    program.child.stderr.pause();
    await until(() => one.sockets.length === 1, "the connection");
    const [socket] = one.sockets;
    const payload = "y".repeat(125);
    const total = 200_000;  // 25 MB.
    for (let i = 0; i < total; ++i) socket.ping(payload);
    const before = await standstill(() => socket.bufferedAmount, "the server to be stopped");
    assert.ok(before > 10_000_000, `${before} bytes wait at the server`);
    assert.ok(memoryMax(program.pid) < 60, `${memoryMax(program.pid)} MB`);
    socket.close(1000);
    program.child.stderr.resume();
    assert.equal(await program.exited, 0);
    assert.ok(program.err.startsWith(`starling connect: ping ${payload}\n`.repeat(10_000)), program.err.slice(0, 200));
  });

  test("the password of a URL is not shown", async () => {
    const one = await server((socket) => socket.close(1000));
    const got = await connect([one.url.replace("//", "//user:secret@"), "--json"]);
    assert.equal(got.code, 0);
    assert.equal(JSON.parse(got.out.split("\n")[0]).url, `${one.url.replace("//", "//user:***@")}/`);
    assert.ok(!`${got.out}${got.err}`.includes("secret"));
  });
});
