// Echo with npm `ws`: every length form, fragments, limits, 16 MiB messages.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { open } from "./client.mjs";
import { example, serve } from "./server.mjs";
import { Wire, frame, opcode } from "./wire.mjs";

const mebibyte = 1024 * 1024;
const sizes = [0, 1, 125, 126, 127, 65535, 65536, 1_000_000];

describe("echo", () => {
  let server;
  before(async () => {
    server = await serve({ websocket: [
      { path: "/echo", kind: "echo", origins: ["*"] },
      { path: "/large", kind: "echo", message_bytes_max: 16 * mebibyte, fragments_max: 300_000,
        send_queue_bytes_max: 64 * mebibyte },
      { path: "/small", kind: "echo", message_bytes_max: 100, fragments_max: 3 },
    ] });
  });
  after(() => server.stop());

  for (const size of sizes) {
    test(`text and binary of ${size} bytes come back`, async () => {
      const client = await open(server.url("/echo"));
      const text = "a".repeat(size);
      client.socket.send(text);
      assert.equal(await client.next(), text);
      const binary = randomBytes(size);
      client.socket.send(binary);
      const reply = await client.next();
      assert.ok(Buffer.isBuffer(reply) && reply.equals(binary));
      assert.deepEqual(await client.close(), { code: 1000, reason: "" });
    });
  }

  test("text outside ASCII comes back as it was", async () => {
    const client = await open(server.url("/echo"));
    const text = "你好，starling！ Zß 🐦\u0000\u{10FFFF}";
    client.socket.send(text);
    assert.equal(await client.next(), text);
    await client.close();
  });

  test("messages come back in the order in which they were sent", async () => {
    const client = await open(server.url("/echo"));
    const sent = Array.from({ length: 500 }, (_, i) => `${i} ${"x".repeat(i * 7 % 300)}`);
    for (const text of sent) client.socket.send(text);
    for (const text of sent) assert.equal(await client.next(), text);
    await client.close();
  });

  test("the largest message allowed passes, one byte more is refused with 1009", async () => {
    const client = await open(server.url("/echo"));
    client.socket.send(Buffer.alloc(1_000_000));
    assert.equal((await client.next()).length, 1_000_000);
    client.socket.send(Buffer.alloc(1_000_001));
    assert.equal((await client.closed).code, 1009);
  });

  test("the limit counts the whole message, not each fragment", async () => {
    const client = await open(server.url("/small"));
    client.socket.send("a".repeat(60), { fin: false });
    client.socket.send("b".repeat(60), { fin: true });
    assert.equal((await client.closed).code, 1009);
  });

  test("more fragments than allowed are refused with 1008", async () => {
    const client = await open(server.url("/small"));
    for (const part of ["a", "b"]) client.socket.send(part, { fin: false });
    client.socket.send("c", { fin: true });
    assert.equal(await client.next(), "abc");
    for (const part of ["a", "b", "c"]) client.socket.send(part, { fin: false });
    client.socket.send("d", { fin: true });
    assert.equal((await client.closed).code, 1008);
  });

  test("a fragmented message is one message, with a ping between its fragments", async () => {
    const client = await open(server.url("/echo"));
    const pong = new Promise((resolve) => { client.socket.once("pong", resolve); });
    client.socket.send("one ", { fin: false });
    client.socket.send("", { fin: false });
    client.socket.ping("between");
    client.socket.send("two ", { fin: false });
    client.socket.send("three", { fin: true });
    assert.equal((await pong).toString(), "between");
    assert.equal(await client.next(), "one two three");
    client.socket.send(Buffer.from([1, 2]), { fin: false });
    client.socket.send(Buffer.from([3]), { fin: true });
    assert.deepEqual(await client.next(), Buffer.from([1, 2, 3]));
    await client.close();
  });

  test("16 MiB in one frame come back", async () => {
    const client = await open(server.url("/large"), [], { maxPayload: 32 * mebibyte });
    const binary = randomBytes(16 * mebibyte);
    client.socket.send(binary);
    assert.ok((await client.next()).equals(binary));
    client.socket.send(Buffer.alloc(16 * mebibyte + 1));
    assert.equal((await client.closed).code, 1009);
  });

  test("16 MiB in fragments of 64 bytes come back", async () => {
    const wire = await Wire.upgraded(server.port, "/large");
    const message = randomBytes(16 * mebibyte);
    const count = message.length / 64;
    const batch = 4096; // fragments in one write
    const send = async () => {
      for (let first = 0; first < count; first += batch) {
        const parts = [];
        for (let i = first; i < Math.min(count, first + batch); i += 1) {
          parts.push(frame(i === 0 ? opcode.binary : opcode.continuation,
            message.subarray(i * 64, i * 64 + 64), { fin: i === count - 1 }));
        }
        await wire.drained(Buffer.concat(parts));
      }
    };
    const receive = async () => {
      const parts = [];
      for (;;) {
        const part = await wire.frame();
        assert.equal(part.code, parts.length === 0 ? opcode.binary : opcode.continuation);
        parts.push(Buffer.from(part.payload));
        if (part.fin) return Buffer.concat(parts);
      }
    };
    const [, reply] = await Promise.all([send(), receive()]);
    assert.ok(reply.equals(message));
    wire.destroy();
  });

  test("a frame that promises more than the limit is refused at its header", async () => {
    const wire = await Wire.upgraded(server.port, "/echo");
    wire.write(frame(opcode.binary, "", { length: [127, 0, 0, 0, 1, 0, 0, 0, 0] }));
    assert.equal(await wire.closeCode(), 1009);
    wire.destroy();
  });

  test("two hundred clients at once each get their own", async () => {
    const clients = await Promise.all(
      Array.from({ length: 200 }, () => open(server.url("/echo"))));
    clients.forEach(({ socket }, i) => socket.send(`client ${i}`));
    const replies = await Promise.all(clients.map((client) => client.next()));
    replies.forEach((reply, i) => assert.equal(reply, `client ${i}`));
    await Promise.all(clients.map((client) => client.close()));
  });
});

test("examples/echo echoes on its root path", async () => {
  const server = await example("echo");
  const client = await open(server.url("/"));
  client.socket.send("hello");
  assert.equal(await client.next(), "hello");
  client.socket.send(Buffer.from([0, 255]));
  assert.deepEqual(await client.next(), Buffer.from([0, 255]));
  assert.equal((await client.close(3000, "done")).code, 3000);
  await server.stop();
});
