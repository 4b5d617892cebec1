// starling::WebSocket against servers of npm's `ws`, with compression, TLS, a proxy and a Unix-domain
// socket; and examples/websocket_client against our own server.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import zlib from "node:zlib";

import { WebSocketServer } from "ws";

import { certificate } from "./certificates.mjs";
import { Program, serve, temporaryFolder } from "./server.mjs";

const quiet = { http_proxy: "", https_proxy: "", all_proxy: "", no_proxy: "" };

async function play(script, env = quiet) {
  const program = new Program("websocket_test_client", [JSON.stringify(script)], { env });
  const { code } = await program.exited;
  assert.equal(code, 0, program.stderr);
  return { lines: program.stdout.split("\n").slice(0, -1), errors: program.stderr };
}

// An echo server of npm's `ws`. The text "bye" ends the connection with 4001.
function echoServer(server, options = {}) {
  const sockets = new WebSocketServer({ server, ...options });
  sockets.on("connection", (socket) => {
    socket.on("message", (data, binary) => {
      if (!binary && String(data) === "bye") socket.close(4001, "see you");
      else socket.send(data, { binary });
    });
  });
  return sockets;
}

const listening = (server, ...where) => new Promise((resolve) => {
  server.listen(...where, () => resolve(server.address()));
});

// Sends three messages, and says good-bye with the third.
const talk = { open: [["send", "hello 你好"], ["binary", "bytes"], ["send", "x".repeat(20_000)], ["send", "bye"]] };
const talked = ["open 1", "text hello 你好 1", "binary bytes 1", `text ${"x".repeat(20_000)} 1`, "close 4001 'see you' true 3"];

describe("starling::WebSocket and npm's ws", () => {
  const servers = [];
  const start = async (options, where = [0, "127.0.0.1"], server = http.createServer()) => {
    echoServer(server, options);
    servers.push(server);
    return (await listening(server, ...where)).port;
  };
  after(() => {
    for (const server of servers) {
      server.closeAllConnections?.();
      server.close();
    }
  });

  test("texts and bytes", async () => {
    const port = await start({});
    const { lines } = await play({ url: `ws://127.0.0.1:${port}/`, ...talk });
    assert.deepEqual(lines, talked);
  });

  for (const [name, options, deflate] of [
    ["without context takeover", { deflate: 1, threshold: 1 }, true],
    ["with context takeover", { deflate: 1, threshold: 1, takeover: 1 }, true],
    ["with context takeover, which the server declines", { deflate: 1, threshold: 1, takeover: 1 },
      { serverNoContextTakeover: true, clientNoContextTakeover: true }],
    ["with small windows of the server", { deflate: 1, threshold: 1, takeover: 1 },
      { serverMaxWindowBits: 9, clientMaxWindowBits: 10 }],
  ]) {
    test(`compressed, ${name}`, async () => {
      const port = await start({
        perMessageDeflate: { threshold: 0, ...(deflate === true ? {} : deflate) } });
      const script = { url: `ws://127.0.0.1:${port}/`, options, open: [["protocol"], ...talk.open] };
      const { lines } = await play(script);
      assert.match(lines[1], /^protocol '' 'permessage-deflate/);
      lines.splice(1, 1);
      assert.deepEqual(lines, talked);
    });
  }

  test("a subprotocol that the server chooses", async () => {
    const port = await start({ handleProtocols: (offered) => [...offered].at(-1) });
    const { lines } = await play({ url: `ws://127.0.0.1:${port}/`, protocols: ["a", "b"],
      open: [["protocol"], ["close"]] });
    assert.deepEqual(lines, ["open 1", "protocol 'b' ''", "close 1005 '' true 3"]);
  });

  test("a server that refuses", async () => {
    const port = await start({ verifyClient: (info, done) => done(false, 401, "log in first") });
    const { lines, errors } = await play({ url: `ws://127.0.0.1:${port}/` });
    assert.deepEqual(lines, ["error 3", "close 1006 '' false 3"]);
    assert.match(errors, /^401 the server answered 401 Unauthorized\nlog in first\n/);
  });

  test("a message over the limit of the client", async () => {
    const port = await start({});
    const { lines } = await play({ url: `ws://127.0.0.1:${port}/`, ...talk, options: { message_bytes_max: 10_000 } });
    assert.deepEqual(lines, [...talked.slice(0, 3), "error 3", "close 1006 '' false 3"]);
  });

  test("a Unix-domain socket", async () => {
    const file = path.join(temporaryFolder(), "s");
    await start({ path: "/chat" }, [file]);
    const { lines } = await play({ url: `ws+unix:${file}:/chat`, ...talk });
    assert.deepEqual(lines, talked);
  });

  test("TLS: trusted, not trusted, not verified", async () => {
    const made = certificate(temporaryFolder(), "localhost");
    const port = await start({}, undefined,
      https.createServer({ cert: readFileSync(made.cert), key: readFileSync(made.key) }));
    const url = `wss://localhost:${port}/`;
    assert.deepEqual((await play({ url, ...talk, options: { ca: made.cert } })).lines, talked);
    assert.deepEqual((await play({ url, ...talk, options: { insecure: 1 } })).lines, talked);
    const refused = await play({ url, ...talk });
    assert.deepEqual(refused.lines, ["error 3", "close 1006 '' false 3"]);
    assert.match(refused.errors, /certificate/);
    const other = await play({ url: `wss://127.0.0.1:${port}/`, ...talk, options: { ca: made.cert } });
    assert.deepEqual(other.lines, ["error 3", "close 1006 '' false 3"]);
  });

  test("a proxy, by option", async () => {
    const port = await start({});
    const asked = [];
    const proxy = http.createServer();
    servers.push(proxy);
    proxy.on("connect", (request, client) => {
      asked.push(`${request.url} ${request.headers["proxy-authorization"]}`);
      const target = net.connect(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 OK\r\n\r\n");
        client.pipe(target).pipe(client);
      });
      for (const socket of [client, target]) socket.on("error", () => {});
    });
    const address = await listening(proxy, 0, "127.0.0.1");
    const { lines } = await play({ url: "ws://chat.test:8000/", ...talk,
      options: { proxy: `http://user:pass@127.0.0.1:${address.port}` } });
    assert.deepEqual(lines, talked);
    assert.deepEqual(asked, [`chat.test:8000 Basic ${Buffer.from("user:pass").toString("base64")}`]);
  });
});

// A PNG of colours without alpha.
function picture(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(8 + body.length);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(zlib.crc32(body), 4 + body.length);
    return out;
  };
  const head = Buffer.from([0, 0, 0, width, 0, 0, 0, height, 8, 2, 0, 0, 0]);
  const row = (y) => [0, ...Array.from({ length: 3 * width }, (_, x) => (x * 7 + y * 31) & 255)];
  const pixels = Buffer.from(Array.from({ length: height }, (_, y) => row(y)).flat());
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), chunk("IHDR", head),
    chunk("IDAT", zlib.deflateSync(pixels, { level: 0 })), chunk("IEND", Buffer.alloc(0))]);
}

describe("examples/websocket_client", () => {
  let server;
  before(async () => {
    server = await serve({ websocket: [{ path: "/echo", kind: "echo", origins: ["*"] }] });
  });
  after(() => server.stop());

  // The picture is what a page sends from its canvas: a PNG, with the bytes 0 to 255 among others.
  test("a text, and a picture as a binary message", async () => {
    const file = path.join(temporaryFolder(), "picture.png");
    writeFileSync(file, picture(64, 48));
    const program = new Program("examples/websocket_client", [server.url("/echo"), "hello", `@${file}`], { env: quiet });
    const { code } = await program.exited;
    assert.equal(program.stdout,
      `open\ntext: hello\nbinary: ${readFileSync(file).length} bytes, as sent\nclosed: 1000 ""\n`);
    assert.equal(code, 0);
  });

  test("an address where nothing listens", async () => {
    const program = new Program("examples/websocket_client", ["ws://127.0.0.1:1/"], { env: quiet });
    const { code } = await program.exited;
    assert.match(program.stderr, /^error: .*refused/);
    assert.equal(code, 1);
  });
});
