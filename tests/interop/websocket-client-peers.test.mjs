// starling::WebSocket against Debian's python3-websockets, through nginx and haproxy with TLS, and through a
// TCP proxy that cuts, holds and dribbles.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { WebSocketServer } from "ws";

import { certificate } from "./certificates.mjs";
import { tlsProxy } from "./proxies.mjs";
import { Program, freePort, repository, temporaryFolder, until } from "./server.mjs";

const quiet = { http_proxy: "", https_proxy: "", all_proxy: "", no_proxy: "" };

function start(script) {
  return new Program("websocket_test_client", [JSON.stringify(script)], { env: quiet });
}

async function play(script) {
  const program = start(script);
  const { code } = await program.exited;
  assert.equal(code, 0, program.stderr);
  return { lines: program.stdout.split("\n").slice(0, -1), errors: program.stderr };
}

const talk = { open: [["send", "hello 你好"], ["binary", "bytes"], ["send", "x".repeat(20_000)], ["send", "bye"]] };
const talked = ["open 1", "text hello 你好 1", "binary bytes 1", `text ${"x".repeat(20_000)} 1`,
  "close 4001 'see you' true 3"];

async function python(...args) {
  const script = path.join(repository, "tests/interop/websockets_server.py");
  const program = new Program("/usr/bin/python3", [script, ...args]);
  program.port = Number(await until(() => {
    assert.ok(program.alive, program.stderr);
    return program.stdout.trim();
  }, "python3-websockets to listen"));
  return program;
}

describe("starling::WebSocket and python3-websockets", () => {
  let plain;
  let deflating;
  before(async () => { [plain, deflating] = await Promise.all([python(), python("deflate")]); });
  after(() => Promise.all([plain?.stop(), deflating?.stop()]));

  test("texts and bytes", async () => {
    assert.deepEqual((await play({ url: plain.url(), ...talk })).lines, talked);
  });

  for (const takeover of [undefined, 1]) {
    test(`compressed, ${takeover ? "with" : "without"} context takeover`, async () => {
      const { lines } = await play({ url: deflating.url(), options: { deflate: 1, threshold: 1, takeover },
        open: [["protocol"], ...talk.open] });
      assert.match(lines[1], /^protocol '' 'permessage-deflate/);
      lines.splice(1, 1);
      assert.deepEqual(lines, talked);
    });
  }

  test("a subprotocol", async () => {
    const { lines } = await play({ url: plain.url(), protocols: ["other", "chat"], open: [["protocol"], ["close"]] });
    assert.deepEqual(lines, ["open 1", "protocol 'chat' ''", "close 1005 '' true 3"]);
  });

  test("close codes of both sides", async () => {
    const closed = await play({ url: plain.url("/close") });
    assert.deepEqual(closed.lines, ["open 1", "close 4002 'the server is closing' true 3"]);
    const closes = await play({ url: plain.url(), open: [["close", 3456, "ours"]] });
    assert.deepEqual(closes.lines, ["open 1", "close 3456 'ours' true 3"]);
  });

  test("pings of both sides", async () => {
    const { lines } = await play({ url: plain.url("/ping"), open: [["ping"]],
      message: [["round trip"], ["close", 1000]] });
    assert.deepEqual(lines, ["open 1", "text the pong came 1", "round trip known", "close 1000 '' true 3"]);
  });
});

describe("starling::WebSocket through a proxy with TLS", () => {
  for (const name of ["nginx", "haproxy"]) {
    test(name, async () => {
      const made = certificate(temporaryFolder(), "localhost");
      const server = await python("deflate");
      const front = await tlsProxy(name, server.port, made);
      const url = `wss://localhost:${front.port}/`;
      try {
        for (const options of [{ ca: made.cert }, { ca: made.cert, deflate: 1, threshold: 1 }]) {
          assert.deepEqual((await play({ url, options, ...talk })).lines, talked);
        }
        await server.stop(); // What the proxy answers for a server that is gone.
        const gone = await play({ url, options: { ca: made.cert } });
        assert.deepEqual(gone.lines, ["error 3", "close 1006 '' false 3"]);
        assert.match(gone.errors, /^50[23] the server answered 50[23]/);
      } finally {
        await front.stop();
        await server.stop();
      }
    });
  }
});

// Forwards connections to `to`. `down(data, client, server)` gets what the server sends.
async function tcpProxy(to, down) {
  const server = net.createServer((client) => {
    const upstream = net.connect(to, "127.0.0.1");
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.on("data", (data) => upstream.write(data));
    client.on("end", () => upstream.end());
    upstream.on("data", (data) => down(data, client, upstream));
    upstream.on("end", () => client.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: server.address().port, stop: () => server.close() };
}

describe("starling::WebSocket through a TCP proxy that misbehaves", () => {
  let server;
  before(async () => { server = await python(); });
  after(() => server?.stop());

  const through = async (down, script) => {
    const front = await tcpProxy(server.port, down);
    try {
      return await play({ url: `ws://127.0.0.1:${front.port}/`, ...script });
    } finally {
      front.stop();
    }
  };

  test("one byte at a time", async () => {
    const { lines } = await through((data, client) => {
      client.setNoDelay();
      for (const byte of data) client.write(Buffer.of(byte));
    }, talk);
    assert.deepEqual(lines, talked);
  });

  test("cut while the answer arrives", async () => {
    const { lines, errors } = await through((data, client, upstream) => {
      client.write(data.subarray(0, 20), () => client.resetAndDestroy());
      upstream.destroy();
    }, {});
    assert.deepEqual(lines, ["error 3", "close 1006 '' false 3"]);
    assert.match(errors, /the connection ended within the server's answer|reset/);
  });

  for (const [when, script, lines] of [
    ["within a message", { open: [["send", "x".repeat(1000)]] }, ["open 1", "close 1006 '' false 3"]],
    ["instead of the close frame", { open: [["close", 3000]] }, ["open 1", "close 1006 '' false 3"]],
  ]) {
    test(`cut ${when}`, async () => {
      let answers = 0;
      const seen = await through((data, client, upstream) => {
        answers += 1;
        if (answers === 1) return client.write(data);
        client.write(data.subarray(0, script.open[0][0] === "send" ? 10 : 0), () => client.resetAndDestroy());
        upstream.destroy();
      }, script);
      assert.deepEqual(seen.lines, lines);
    });
  }

  test("half-open: nothing arrives any more", async () => {
    let answers = 0;
    const { lines, errors } = await through((data, client) => {
      answers += 1;
      if (answers === 1) client.write(data);
    }, { open: [["send", "are you there?"]], options: { ping_interval: 20, ping_timeout: 20 } });
    assert.deepEqual(lines, ["open 1", "error 3", "close 1006 '' false 3"]);
    assert.match(errors, /the server did not answer a ping/);
  });
});

test("a server that restarts", async () => {
  const port = await freePort();
  const listen = async () => {
    const server = new WebSocketServer({ port, host: "127.0.0.1" });
    await once(server, "listening");
    return server;
  };
  const first = await listen();
  first.on("connection", (socket) => socket.on("message", () => {
    for (const client of first.clients) client.terminate();
    first.close();
  }));
  const client = start({ url: `ws://127.0.0.1:${port}/`, open: [["send", "hi"]], again: 1000 });
  await once(first, "close");
  await until(() => /error 3/.test(client.stdout), "the client to find no server");
  const second = await listen();
  second.on("connection", (socket) => socket.on("message", () => socket.close(4003, "enough")));
  const { code } = await client.exited;
  second.close();
  assert.equal(code, 0);
  const lines = client.stdout.split("\n").slice(0, -1);
  assert.deepEqual(lines.slice(0, 3), ["open 1", "close 1006 '' false 3", "error 3"]);
  assert.deepEqual(lines.slice(-2), ["open 1", "close 4003 'enough' true 3"]);
});

test("a redirect from wss to ws is not followed", async () => {
  const made = certificate(temporaryFolder(), "localhost");
  const server = https.createServer({ cert: readFileSync(made.cert), key: readFileSync(made.key) });
  server.on("upgrade", (request, socket) => {
    socket.on("error", () => {});
    socket.end("HTTP/1.1 302 Found\r\nLocation: ws://localhost:1/\r\nContent-Length: 0\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { lines, errors } = await play({ url: `wss://localhost:${server.address().port}/`,
    options: { ca: made.cert, redirects_max: 10 } });
  server.close();
  assert.deepEqual(lines, ["error 3", "close 1006 '' false 3"]);
  assert.match(errors, /^302 the server answered 302 with a redirect to ws:\/\/localhost:1\/: .*wss/);
});

test("Authorization, and the 401 without it", async () => {
  const server = http.createServer();
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => {});  // The client resets the connection that it was refused.
    if (request.headers.authorization !== "Bearer secret") {
      return socket.end("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 13\r\n\r\nlog in first\n");
    }
    return sockets.handleUpgrade(request, socket, head, (opened) => opened.close(4004, "welcome"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `ws://127.0.0.1:${server.address().port}/`;
  const refused = await play({ url });
  assert.deepEqual(refused.lines, ["error 3", "close 1006 '' false 3"]);
  assert.match(refused.errors, /^401 the server answered 401 Unauthorized\nlog in first\n/);
  const accepted = await play({ url, options: { headers: { Authorization: "Bearer secret" } } });
  assert.deepEqual(accepted.lines, ["open 1", "close 4004 'welcome' true 3"]);
  server.close();
});
