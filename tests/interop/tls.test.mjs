// TLS: versions, ALPN, SNI, resumption, reload; with npm `ws`, Node's tls and openssl s_client.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";

import { certificate } from "./certificates.mjs";
import { deadline, open } from "./client.mjs";
import { serve, temporaryFolder, until } from "./server.mjs";
import { Wire } from "./wire.mjs";

const insecure = { rejectUnauthorized: false };

// Runs s_client with a request for /healthz. Returns {code, output}.
function openssl(port, args) {
  const child = spawn("openssl",
    ["s_client", "-connect", `127.0.0.1:${port}`, "-ign_eof", ...args]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => { output += chunk.toString("latin1"); });
  }
  child.stdin.on("error", () => {});  // a refused handshake closes standard input
  child.stdin.end("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const end = new Promise((resolve) => {
    child.on("close", (code) => resolve({ code, output }));
  });
  return deadline(end, "openssl s_client").finally(() => child.kill("SIGKILL"));
}

function connect(port, options = {}) {
  return deadline(new Promise((resolve, reject) => {
    const socket = tls.connect({ port, host: "127.0.0.1", ...insecure, ...options },
      () => resolve(socket));
    socket.on("error", reject);
  }), "the TLS handshake");
}

// A relay to `port` that notes the sizes of the records of application data that the server sends.
async function recordSizes(port) {
  const sizes = [];
  let bytes = Buffer.alloc(0);
  const relay = net.createServer((client) => {
    const server = net.connect(port, "127.0.0.1");
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) socket.on("error", () => {});
    server.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt16BE(3)) {
        if (bytes[0] === 23) sizes.push(bytes.readUInt16BE(3));
        bytes = bytes.subarray(5 + bytes.readUInt16BE(3));
      }
    });
  });
  await new Promise((resolve) => { relay.listen(0, "127.0.0.1", resolve); });
  return { sizes, url: `wss://127.0.0.1:${relay.address().port}/echo`, close: () => relay.close() };
}

async function servedFingerprint(port, servername) {
  const socket = await connect(port, { servername });
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

describe("TLS", () => {
  const folder = temporaryFolder();
  const first = certificate(folder, "one.example");
  const second = certificate(folder, "two.example");
  let server;
  before(async () => {
    server = await serve({
      tls: { certificates: [first, second].map(({ cert, key }) => ({ cert, key })) },
      websocket: [{ path: "/echo", kind: "echo", origins: ["*"] }],
    }, { tls: true });
  });
  after(() => server.stop());

  test("ws over wss: text, binary of a megabyte, close", async () => {
    const client = await open(server.url("/echo", "wss"), [], insecure);
    client.socket.send("你好");
    assert.equal(await client.next(), "你好");
    const binary = randomBytes(1_000_000);
    client.socket.send(binary);
    assert.ok((await client.next()).equals(binary));
    assert.equal((await client.close(3001, "bye")).code, 3001);
  });

  test("fifty clients over wss at once", async () => {
    const clients = await Promise.all(Array.from({ length: 50 }, () =>
      open(server.url("/echo", "wss"), [], insecure)));
    clients.forEach(({ socket }, i) => socket.send(`client ${i}`));
    for (const [i, client] of clients.entries()) assert.equal(await client.next(), `client ${i}`);
    await Promise.all(clients.map((client) => client.close()));
  });

  for (const version of ["1.2", "1.3"]) {
    test(`TLS ${version} with ALPN http/1.1`, async () => {
      const { output } = await openssl(server.port,
        [`-tls${version.replace(".", "_")}`, "-alpn", "h2,http/1.1"]);
      assert.match(output, new RegExp(`New, TLSv${version}, Cipher is (?!\\(NONE\\))`));
      assert.match(output, /ALPN protocol: http\/1\.1/);
      assert.match(output, /HTTP\/1\.1 200/);
    });

    test(`TLS ${version}: a session is resumed`, async () => {
      const limits = { minVersion: `TLSv${version}`, maxVersion: `TLSv${version}` };
      const socket = await connect(server.port, limits);
      assert.equal(socket.isSessionReused(), false);
      const session = new Promise((resolve) => { socket.once("session", resolve); });
      socket.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
      const ticket = socket.getSession() && version === "1.2" ? socket.getSession()
        : await deadline(session, "a session ticket");
      socket.destroy();
      const again = await connect(server.port, { ...limits, session: ticket });
      assert.equal(again.isSessionReused(), true);
      again.destroy();
    });
  }

  // TLS 1.3 adds 17 bytes to a record, TLS 1.2 with AES-GCM 24.
  for (const version of ["1.2", "1.3"]) {
    const limits = { minVersion: `TLSv${version}`, maxVersion: `TLSv${version}` };

    test(`TLS ${version}: records are one segment at first, and then full`, async () => {
      const relay = await recordSizes(server.port);
      const client = await open(relay.url, [], { ...insecure, ...limits });
      relay.sizes.length = 0;
      client.socket.send(randomBytes(300_000));
      assert.equal((await client.next()).length, 300_000);
      const first = relay.sizes.slice(0, 28);
      assert.ok(Math.max(...first) <= 1370 + 24, `${first}`);
      assert.ok(Math.max(...relay.sizes) > 16_384, `${relay.sizes}`);
      assert.ok(relay.sizes.length < 60, `${relay.sizes}`);
      await client.close();
      relay.close();
    });

    test(`TLS ${version}: the answers to frames that arrive together share a record`, async () => {
      const relay = await recordSizes(server.port);
      const client = await open(relay.url, [], { ...insecure, ...limits });
      relay.sizes.length = 0;
      // The socket of `ws` writes what is sent while it is corked with one call, so in one record.
      const { _socket: socket } = client.socket;
      socket.cork();
      for (let i = 0; i < 20; ++i) client.socket.send(`message ${i}`);
      socket.uncork();
      for (let i = 0; i < 20; ++i) assert.equal(await client.next(), `message ${i}`);
      assert.ok(relay.sizes.length <= 2, `${relay.sizes}`);
      await client.close();
      relay.close();
    });

    test(`TLS ${version}: openssl s_client resumes its session`, async () => {
      const file = path.join(folder, `session-${version}`);
      const flag = `-tls${version.replace(".", "_")}`;
      assert.match((await openssl(server.port, [flag, "-sess_out", file])).output, /^New, TLS/m);
      const { output } = await openssl(server.port, [flag, "-sess_in", file]);
      assert.match(output, /^Reused, TLS/m);
      assert.match(output, /HTTP\/1\.1 200/);
    });
  }

  // RFC 8446 section 4.6.3: a line of a single K makes s_client ask for new keys of both sides.
  test("openssl s_client updates the keys and goes on", async () => {
    const child = spawn("openssl",
      ["s_client", "-connect", `127.0.0.1:${server.port}`, "-tls1_3", "-msg"]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => { output += chunk.toString("latin1"); });
    }
    child.stdin.on("error", () => {});
    await until(() => output.includes("NewSessionTicket"), "the handshake");
    for (const times of [1, 2]) {
      child.stdin.write("K\n");
      await until(() => output.split(">>> TLS 1.3, Handshake [length 0005], KeyUpdate").length > times,
        "the client's update");
      child.stdin.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
      await until(() => output.split("HTTP/1.1 200").length > times, "the answer");
      assert.equal(output.split("<<< TLS 1.3, Handshake [length 0005], KeyUpdate").length, times + 1);
    }
    child.kill("SIGKILL");
  });

  for (const version of ["tls1", "tls1_1"]) {
    test(`${version} is refused`, async () => {
      const { code, output } = await openssl(server.port,
        [`-${version}`, "-cipher", "DEFAULT@SECLEVEL=0"]);
      assert.notEqual(code, 0);
      assert.doesNotMatch(output, /HTTP\/1\.1 200/);
      assert.match(output, /Cipher is \(NONE\)/);
    });
  }

  test("renegotiation is refused", async () => {
    // A line of a single R makes s_client renegotiate, unless -ign_eof is given (TLS 1.2 only).
    const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${server.port}`, "-tls1_2"]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => { output += chunk.toString("latin1"); });
    }
    child.stdin.on("error", () => {});
    await until(() => output.includes("Verify return code"), "the handshake");
    child.stdin.write("R\n");
    await until(() => /renegotiation|handshake failure|closed|eof/i.test(
      output.split("RENEGOTIATING")[1] ?? ""), "the refusal");
    child.kill("SIGKILL");
  });

  for (const [name, expected] of [["one.example", first], ["two.example", second],
    ["unknown.example", first]]) {
    test(`SNI ${name} is shown the right certificate`, async () => {
      assert.equal(await servedFingerprint(server.port, name), expected.fingerprint);
    });
  }

  test("a byte that is no TLS ends the connection and nothing else", async () => {
    const wire = await Wire.connect(server.port);
    wire.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await wire.rest();
    wire.destroy();
    assert.equal(await servedFingerprint(server.port, "one.example"), first.fingerprint);
  });
});

describe("TLS reload", () => {
  test("SIGHUP takes new files; unreadable ones leave the old certificate", async () => {
    const folder = temporaryFolder();
    const live = certificate(folder, "live.example");
    const next = certificate(folder, "live.example", "next");
    const server = await serve({ tls: { certificates: [{ cert: live.cert, key: live.key }] },
      websocket: [{ path: "/echo", kind: "echo" }] }, { tls: true });
    assert.equal(await servedFingerprint(server.port), live.fingerprint);
    const client = await open(server.url("/echo", "wss"), [], insecure);

    copyFileSync(next.cert, live.cert);
    copyFileSync(next.key, live.key);
    server.signal("SIGHUP");
    await until(async () => (await servedFingerprint(server.port)) === next.fingerprint,
      "the new certificate");
    client.socket.send("old connections go on");
    assert.equal(await client.next(), "old connections go on");

    const before = server.output.length;
    writeFileSync(live.cert, "no certificate");
    server.signal("SIGHUP");
    await until(() => server.output.slice(before).includes(live.cert), "the error in the log");
    assert.equal(await servedFingerprint(server.port), next.fingerprint);
    client.socket.send("still");
    assert.equal(await client.next(), "still");
    await client.close();
    await server.stop();
  });
});
