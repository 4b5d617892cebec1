// Closing and protocol faults: the codes of RFC 6455 section 7.4, as bytes on a raw connection.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { open } from "./client.mjs";
import { serve } from "./server.mjs";
import { Wire, closePayload, frame, opcode } from "./wire.mjs";

const text = (payload, options) => frame(opcode.text, payload, options);
const close = (code, reason) => frame(opcode.close, closePayload(code, reason));

const faults = [
  // [name, bytes, expected close code]
  ["an unmasked frame", text("x", { mask: false }), 1002],
  ["RSV1", text("x", { rsv: 4 }), 1002],
  ["RSV2", text("x", { rsv: 2 }), 1002],
  ["RSV3", text("x", { rsv: 1 }), 1002],
  ["opcode 3", frame(3, "x"), 1002],
  ["opcode 11", frame(11, "x"), 1002],
  ["a ping of 126 bytes", frame(opcode.ping, "x".repeat(126)), 1002],
  ["a ping that is fragmented", frame(opcode.ping, "x", { fin: false }), 1002],
  ["a close that is fragmented", frame(opcode.close, closePayload(1000), { fin: false }), 1002],
  ["a continuation of nothing", frame(opcode.continuation, "x"), 1002],
  ["a message inside a message", Buffer.concat([text("a", { fin: false }), text("b")]), 1002],
  ["a length not in its shortest form, 16 bits", text("x", { length: [126, 0, 1] }), 1002],
  ["a length not in its shortest form, 64 bits",
    text("x", { length: [127, 0, 0, 0, 0, 0, 0, 0, 1] }), 1002],
  ["a length with bit 63", text("x", { length: [127, 128, 0, 0, 0, 0, 0, 0, 1] }), 1002],
  ["a close of one byte", frame(opcode.close, "x"), 1002],
  ["a close reason in invalid UTF-8",
    frame(opcode.close, Buffer.concat([closePayload(1000), Buffer.from([0xc3, 0x28])])), 1007],
  ["text in invalid UTF-8", text(Buffer.from([0xc3, 0x28])), 1007],
  ["text that ends inside a character", text(Buffer.from([0xe6, 0xb0])), 1007],
  ["a surrogate in text", text(Buffer.from([0xed, 0xa0, 0x80])), 1007],
  ["an overlong form in text", text(Buffer.from([0xc0, 0xaf])), 1007],
  ["invalid UTF-8 in an unfinished fragment",
    text(Buffer.from([0x61, 0xff]), { fin: false }), 1007],
  ["a character cut wrongly between fragments", Buffer.concat([
    text(Buffer.from([0xe6]), { fin: false }), frame(opcode.continuation, "a")]), 1007],
];

describe("closing", () => {
  let server;
  before(async () => {
    server = await serve({ websocket: [{ path: "/echo", kind: "echo", origins: ["*"] }] });
  });
  after(() => server.stop());

  for (const code of [1000, 1001, 1003, 1007, 1011, 3000, 4999]) {
    test(`${code} is echoed`, async () => {
      const wire = await Wire.upgraded(server.port);
      wire.write(close(code, "再见"));
      assert.equal(await wire.closeCode(), code);
      assert.equal((await wire.rest()).length, 0);
      wire.destroy();
    });
  }

  for (const code of [1000, 3000, 4999]) {
    test(`ws closes with ${code}`, async () => {
      const client = await open(server.url("/echo"));
      assert.equal((await client.close(code, "bye")).code, code);
    });
  }

  test("a close without a code is answered", async () => {
    const wire = await Wire.upgraded(server.port);
    wire.write(frame(opcode.close));
    assert.ok([1000, 1005].includes(await wire.closeCode()));
    assert.equal((await wire.rest()).length, 0);
    wire.destroy();
  });

  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) {
    test(`close code ${code} is refused with 1002`, async () => {
      const wire = await Wire.upgraded(server.port);
      wire.write(close(code));
      assert.equal(await wire.closeCode(), 1002);
      await wire.rest();
      wire.destroy();
    });
  }

  for (const [name, bytes, code] of faults) {
    test(`${name} is refused with ${code}, and nothing is delivered`, async () => {
      const wire = await Wire.upgraded(server.port);
      wire.write(bytes);
      const reply = await wire.frame();
      assert.equal(reply.code, opcode.close);
      assert.equal(reply.masked, false);
      assert.equal(reply.payload.readUInt16BE(0), code);
      assert.equal((await wire.rest()).length, 0);
      wire.destroy();
    });
  }

  test("what follows a close frame is ignored", async () => {
    const wire = await Wire.upgraded(server.port);
    wire.write(Buffer.concat([close(1000), text("late"), frame(3, "bad")]));
    const reply = await wire.frame();
    assert.equal(reply.code, opcode.close);
    assert.equal(reply.payload.readUInt16BE(0), 1000);
    assert.equal((await wire.rest()).length, 0);
    wire.destroy();
  });

  test("messages before a close frame are answered before it", async () => {
    const wire = await Wire.upgraded(server.port);
    wire.write(Buffer.concat([text("one"), text("two"), close(1000)]));
    assert.equal((await wire.frame()).payload.toString(), "one");
    assert.equal((await wire.frame()).payload.toString(), "two");
    assert.equal(await wire.closeCode(), 1000);
    wire.destroy();
  });

  test("a ping is answered with its payload; an unasked pong is ignored", async () => {
    const wire = await Wire.upgraded(server.port);
    wire.write(frame(opcode.pong, "unasked"), frame(opcode.ping, Buffer.from([0, 1, 255])));
    const pong = await wire.frame();
    assert.equal(pong.code, opcode.pong);
    assert.deepEqual([...pong.payload], [0, 1, 255]);
    wire.write(frame(opcode.ping, "x".repeat(125)));
    assert.equal((await wire.frame()).payload.length, 125);
    wire.destroy();
  });

  test("frames that arrive byte by byte are the same frames", async () => {
    const wire = await Wire.upgraded(server.port);
    const slowly = async (bytes) => {
      for (const byte of bytes) await wire.drained(Buffer.from([byte]));
    };
    await slowly(Buffer.concat([text("水", { fin: false }), frame(opcode.ping, "p")]));
    assert.equal((await wire.frame()).payload.toString(), "p");
    await slowly(frame(opcode.continuation, "鸟"));
    assert.equal((await wire.frame()).payload.toString(), "水鸟");
    wire.destroy();
  });

  test("a peer that vanishes costs nobody else anything", async () => {
    const stays = await open(server.url("/echo"));
    const vanishes = await Wire.upgraded(server.port);
    vanishes.write(text("half", { fin: false }));
    vanishes.socket.resetAndDestroy?.();
    vanishes.destroy();
    stays.socket.send("still here");
    assert.equal(await stays.next(), "still here");
    await stays.close();
  });
});
