// Limits that need the whole program: a wall clock that jumps, handshakes that stall, the memory of connections
// that compress.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { certificate } from "./certificates.mjs";
import { open } from "./client.mjs";
import { repository, serve, temporaryFolder, until } from "./server.mjs";
import { Wire } from "./wire.mjs";

const day_s = 86_400;

// The wall clock of a program that runs behind `prefix` is set by `shift(seconds)`.
function shiftedClock() {
  const folder = temporaryFolder(), library = path.join(folder, "clock_shift.so"), file = path.join(folder, "shift");
  execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, path.join(repository, "tests/interop/clock_shift.c"), "-ldl"]);
  const shift = (seconds) => writeFileSync(file, String(seconds));
  shift(0);
  return { shift, prefix: ["env", `LD_PRELOAD=${library}`, `CLOCK_SHIFT_FILE=${file}`] };
}

test("the wall clock goes a day forward, then two back: no timer moves", async () => {
  const clock = shiftedClock();
  const server = await serve({ websocket: [{ path: "/quick", kind: "echo", ping_interval_s: 0.1, ping_timeout_s: 3600 },
    { path: "/calm", kind: "echo", ping_interval_s: 3600, ping_timeout_s: 3600 }] }, { prefix: clock.prefix });
  try {
    const [quick, calm] = await Promise.all([open(server.url("/quick")), open(server.url("/calm"))]);
    const pings = { quick: 0, calm: 0 };
    quick.socket.on("ping", () => { pings.quick += 1; });
    calm.socket.on("ping", () => { pings.calm += 1; });
    const kept = await Wire.connect(server.port); // A connection that is idle between its requests.
    const date = async () => {
      kept.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
      const { status, headers } = await kept.response();
      assert.equal(status, 200);
      return Date.parse(headers.date);
    };
    for (const shift of [0, day_s, -day_s, 0]) {
      clock.shift(shift);
      await until(async () => Math.abs(await date() - Date.now() - shift * 1000) < 3600_000, `the clock at ${shift} s`);
      const before = pings.quick;
      await until(() => pings.quick > before + 2, "pings in the old rhythm");
      for (const client of [quick, calm]) {
        client.socket.send(`at ${shift}`);
        assert.equal(await client.next(), `at ${shift}`);
      }
    }
    assert.equal(pings.calm, 0);
    kept.destroy();
    await Promise.all([quick.close(), calm.close()]);
  } finally {
    await server.stop();
  }
});

test("a TLS handshake that stalls ends at the time for a request's head; others do not wait", async () => {
  const folder = temporaryFolder(), { cert, key } = certificate(folder, "localhost");
  const server = await serve({ websocket: [{ path: "/echo", kind: "echo" }], tls: { certificates: [{ cert, key }] },
    http: { head_timeout_s: 1 } }, { tls: true });
  try {
    // Nothing; a record's header; a ClientHello of 200 bytes of which 6 come.
    const stalled = await Promise.all([[], [0x16, 3, 1], [0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]].map(async (bytes) => {
      const wire = await Wire.connect(server.port);
      wire.write(Buffer.from(bytes));
      return wire;
    }));
    const client = await open(server.url("/echo", "wss"), [], { rejectUnauthorized: false });
    for (const wire of stalled) await wire.rest();
    client.socket.send("still here");
    assert.equal(await client.next(), "still here");
    await client.close();
  } finally {
    await server.stop();
  }
});

test("500 connections that negotiated compression without takeover hold no window each", async () => {
  const compression = { enabled: true, threshold_bytes: 0 };
  const server = await serve({ websocket: [{ path: "/echo", kind: "echo", compression }] });
  const resident_kib = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]);
  const text = "compress me ".repeat(100);
  const clients = [];
  const add = async (count) => {
    for (let i = 0; i < count; i += 1) {
      const client = await open(server.url("/echo"), [], { perMessageDeflate: { threshold: 0 } });
      assert.match(client.socket.extensions, /permessage-deflate/);
      client.socket.send(text);
      assert.equal(await client.next(), text);
      clients.push(client);
    }
  };
  try {
    await add(50); // Fills what all of them share.
    const before = resident_kib();
    await add(500);
    const each = (resident_kib() - before) / 500;
    assert.ok(each < 16, `${each} KiB each; a window and its tables are 256`);
  } finally {
    for (const client of clients) client.end();
    await server.stop();
  }
});
