// permessage-deflate (RFC 7692) against npm `ws`, which uses zlib streams of its own.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { open } from "./client.mjs";
import { serve } from "./server.mjs";
import { Wire, frame, opcode } from "./wire.mjs";

const websocket = [
  { path: "/takeover", kind: "echo",
    compression: { enabled: true, context_takeover: true, threshold_bytes: 0, window_bits: 15 } },
  { path: "/none", kind: "echo",
    compression: { enabled: true, context_takeover: false, threshold_bytes: 0 } },
  { path: "/small-window", kind: "echo",
    compression: { enabled: true, context_takeover: true, threshold_bytes: 0, window_bits: 9 } },
  { path: "/off", kind: "echo" },
];
const offers = [
  ["plain offer", true],
  ["client without takeover", { clientNoContextTakeover: true }],
  ["server without takeover", { serverNoContextTakeover: true }],
  ["neither with takeover", { clientNoContextTakeover: true, serverNoContextTakeover: true }],
  ["windows of 10 bits", { clientMaxWindowBits: 10, serverMaxWindowBits: 10 }],
];

// RFC 7692 section 7.2.1: the last four bytes of a sync flush are removed.
function deflated(payload) {
  return deflateRawSync(payload, { finishFlush: 2 }).subarray(0, -4);
}

describe("permessage-deflate", () => {
  let server;
  before(async () => { server = await serve({ websocket }); });
  after(() => server.stop());

  for (const path of ["/takeover", "/none", "/small-window"]) {
    for (const [name, offer] of offers) {
      test(`${path}, ${name}`, async () => {
        const perMessageDeflate = offer === true ? { threshold: 0 } : { threshold: 0, ...offer };
        const client = await open(server.url(path), [], { perMessageDeflate });
        assert.match(client.socket.extensions, /permessage-deflate/);
        for (const size of [0, 1, 125, 126, 65536, 500_000]) {
          const text = "starling ".repeat(Math.ceil(size / 9)).slice(0, size);
          client.socket.send(text);
          assert.equal(await client.next(), text);
          const noise = randomBytes(size);
          client.socket.send(noise);
          assert.ok((await client.next()).equals(noise));
        }
        for (let i = 0; i < 50; i += 1) {
          client.socket.send(`{"sequence":${i},"of":"the same shape"}`);
          assert.equal(await client.next(), `{"sequence":${i},"of":"the same shape"}`);
        }
        await client.close();
      });
    }
  }

  test("fragments and compression together", async () => {
    const client = await open(server.url("/takeover"), [], { perMessageDeflate: { threshold: 0 } });
    const parts = ["first ".repeat(100), "", "second ".repeat(5000), "third"];
    for (let round = 0; round < 3; round += 1) {
      parts.forEach((part, i) =>
        client.socket.send(part, { fin: i === parts.length - 1, compress: true }));
      assert.equal(await client.next(), parts.join(""));
      client.socket.send("not compressed", { compress: false });
      assert.equal(await client.next(), "not compressed");
    }
    await client.close();
  });

  test("answers are smaller on the wire, and smaller still with takeover", async () => {
    const wire = await Wire.upgraded(server.port, "/takeover",
      ["Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover"]);
    const text = JSON.stringify({ sensor: "roof", values: randomBytes(200).toString("hex") });
    const lengths = [];
    for (let i = 0; i < 2; i += 1) {
      wire.write(frame(opcode.text, deflated(text), { rsv: 4 }));
      const reply = await wire.frame();
      assert.equal(reply.rsv, 4);
      lengths.push(reply.payload.length);
    }
    assert.ok(lengths[0] < text.length, `first: ${lengths[0]} of ${text.length} bytes`);
    assert.ok(lengths[1] < lengths[0] / 4, `second: ${lengths[1]} after ${lengths[0]} bytes`);
    wire.destroy();
  });

  test("without an offer nothing is compressed", async () => {
    const client = await open(server.url("/takeover"), [], { perMessageDeflate: false });
    assert.equal(client.socket.extensions, "");
    client.socket.send("plain ".repeat(1000));
    assert.equal(await client.next(), "plain ".repeat(1000));
    await client.close();
  });

  test("where it is off, an offer is declined and RSV1 is refused with 1002", async () => {
    const client = await open(server.url("/off"), [], { perMessageDeflate: true });
    assert.equal(client.socket.extensions, "");
    await client.close();
    const wire = await Wire.upgraded(server.port, "/off");
    wire.write(frame(opcode.text, deflated("x"), { rsv: 4 }));
    assert.equal(await wire.closeCode(), 1002);
    wire.destroy();
  });

  const faulty = ["permessage-deflate; server_max_window_bits=7",
    "permessage-deflate; server_max_window_bits=16",
    "permessage-deflate; client_max_window_bits; client_max_window_bits",
    "permessage-deflate; unknown_parameter"];
  for (const offer of faulty) {
    test(`declined: ${offer}`, async () => {
      const wire = await Wire.upgraded(server.port, "/takeover",
        [`Sec-WebSocket-Extensions: ${offer}`]);
      wire.write(frame(opcode.text, "plain"));
      const reply = await wire.frame();
      assert.equal(reply.rsv, 0);
      assert.equal(reply.payload.toString(), "plain");
      wire.destroy();
    });
  }

  const extension = ["Sec-WebSocket-Extensions: permessage-deflate"];
  const bad = [
    ["a bomb", 1009, () => frame(opcode.binary, deflated(Buffer.alloc(50_000_000)), { rsv: 4 })],
    ["no deflate stream", 1007, () => frame(opcode.text, "\xff\xff\xff\xff", { rsv: 4 })],
    ["invalid UTF-8 inside", 1007,
      () => frame(opcode.text, deflated(Buffer.from([0xc3, 0x28])), { rsv: 4 })],
    ["RSV1 on a continuation", 1002, () => Buffer.concat([
      frame(opcode.text, deflated("a"), { fin: false, rsv: 4 }),
      frame(opcode.continuation, "b", { rsv: 4 })])],
    ["RSV1 on a ping", 1002, () => frame(opcode.ping, "x", { rsv: 4 })],
  ];
  for (const [name, code, bytes] of bad) {
    test(`${name} is refused with ${code}`, async () => {
      const wire = await Wire.upgraded(server.port, "/takeover", extension);
      wire.write(bytes());
      assert.equal(await wire.closeCode(), code);
      wire.destroy();
    });
  }
});
