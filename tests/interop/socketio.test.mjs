// Socket.IO with the npm clients 4.8.3, 2.5.0 and 1.4.4, over each transport.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";

import { deadline } from "./client.mjs";
import { until } from "./server.mjs";
import {
  client1,
  client4,
  clientMsgpack,
  clients,
  connect,
  dial,
  isNode,
  start,
  transports,
} from "./socketio/harness.mjs";
import { greeting } from "./socketio/text.mjs";

const bytes = (...values) => Buffer.from(values);
const numbers = (count) => Array.from({ length: count }, (_, i) => i + 1);
// Near the limit of 1 MB. Over polling, msgpack bytes are sent as base64.
const large = (client) => (client.msgpack ? 700_000 : 900_000);

// Values that must come back unchanged, by event and by ack.
const values = [
  ["nothing", []],
  ["JSON", [1, -2.5, "text", true, false, null, [], {}, [[1], { a: { b: [null] } }]]],
  ["large and small numbers", [2 ** 53 - 1, -(2 ** 31), 0.1, -1e-300, 0]],
  ["escapes in text", ['"\\/\b\f\n\r\t\u0001', "<script>&amp;'"]],
  ["binary", [bytes(0, 1, 254, 255)]],
  ["empty binary", [bytes(), "after"]],
  ["nested binary", [{ a: [bytes(1), { b: bytes(2, 3) }], c: "text" }, [bytes(4)], "end"]],
  ["ten attachments", [numbers(10).map((i) => bytes(i, i))]],
];

// False if the client decodes non-ASCII text in its own way: over polling 1.4.4 encodes text as
// UTF-8 twice, which Node's server does not undo either.
const reads_text = (client, transport) =>
  !isNode || client !== client1 || transport.name === "websocket";

function sameValue(got, sent, what) {
  // Old clients deliver binary data as ArrayBuffer or Buffer.
  const plain = (value) => {
    if (value instanceof ArrayBuffer) return Buffer.from(value).toString("hex");
    if (ArrayBuffer.isView(value)) return Buffer.from(value).toString("hex");
    if (Array.isArray(value)) return value.map(plain);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
  };
  assert.deepEqual(plain(got), plain(sent), what);
}

for (const client of clients) {
  for (const transport of transports) {
    describe(`client ${client.name}, ${transport.name}`, () => {
      let server;
      before(async () => {
        server = await start("--allow-eio3", ...(client.msgpack ? ["--parser", "msgpack"] : []));
      });
      after(() => server?.stop());

      async function join(t, options) {
        const peer = await connect(t, client, server.port, {
          transports: transport.list,
          ...options,
        });
        if (transport.name === "upgrade") await peer.upgraded();
        return peer;
      }

      test("connects; the server greets", async (t) => {
        const peer = await join(t);
        assert.deepEqual(await peer.next("hello"), [false]);
        const expected = transport.name === "polling" ? "polling" : "websocket";
        assert.deepEqual(await peer.ask("transport"), [expected, client.eio]);
        assert.deepEqual(await peer.ask("rooms"), [[peer.id]]);
      });

      test("values are the same in events and acks, both ways", async (t) => {
        const peer = await join(t);
        for (const [what, sent] of values) {
          peer.emit("echo-event", ...sent);
          sameValue(await peer.next("echo-event"), sent, `event: ${what}`);
          sameValue(await peer.ask("echo", ...sent), sent, `ack: ${what}`);
          sameValue(await peer.ask("ask-me", 20_000, ...sent), [null, sent], `question: ${what}`);
        }
      });

      test("large values", async (t) => {
        const peer = await join(t);
        const text = "x".repeat(large(client));
        assert.ok((await peer.ask("echo", text))[0] === text);
        sameValue(
          await peer.ask("echo", Buffer.alloc(large(client) * 0.7, 7)),
          [Buffer.alloc(large(client) * 0.7, 7)],
          "binary",
        );
      });

      test("binary is bytes on the server", async (t) => {
        const peer = await join(t);
        const sent = [bytes(1, 2), { a: [bytes(255)], b: "text" }];
        assert.deepEqual(await peer.ask("binary-sum", ...sent), [3 - 1, 258]);
        sameValue(
          await peer.ask("binary-make", 3, 2),
          [{ parts: [bytes(0, 0), bytes(1, 1), bytes(2, 2)], count: 3 }],
          "made by the server",
        );
      });

      if (reads_text(client, transport)) {
        test("text is not ASCII, both ways", async (t) => {
          const peer = await join(t);
          const codes = [...greeting].map((character) => character.codePointAt(0));
          assert.deepEqual(await peer.ask("describe", greeting), [codes]);
          assert.deepEqual(await peer.ask("greeting"), [greeting]);
          assert.deepEqual(await peer.next("greeting"), [greeting]);
          assert.deepEqual(await peer.ask("echo", { [greeting]: [greeting] }), [
            { [greeting]: [greeting] },
          ]);
          // Older payloads with text and binary count text in bytes.
          sameValue(
            await peer.ask("echo", greeting, bytes(200)),
            [greeting, bytes(200)],
            "with binary",
          );
        });
      }

      test("an ack that does not come in time is an error on the server", async (t) => {
        const peer = await join(t);
        peer.answer = () => null;
        assert.deepEqual(await peer.ask("ask-me", 30, "?"), ["operation has timed out", []]);
        assert.deepEqual(peer.questions, [["?"]]);
      });

      test("an event that nobody handles is nothing", async (t) => {
        const peer = await join(t);
        peer.emit("nobody", 1);
        for (const name of ["__proto__", "constructor", "toString", ""]) peer.emit(name, 1);
        await peer.settled();
        assert.deepEqual(peer.reasons, []);
      });

      test("events keep their order both ways, also while the transport changes", async (t) => {
        const peer = await connect(t, client, server.port, { transports: transport.list });
        const count = 300;
        for (const i of numbers(count))
          peer.emit("echo-event", i, i % 7 === 0 ? bytes(i & 255) : "text");
        peer.emit("emit-many", count);
        const back = await peer.take("echo-event", count);
        assert.deepEqual(
          back.map(([i]) => i),
          numbers(count),
        );
        assert.deepEqual(
          await peer.take("tick", count),
          numbers(count).map((i) => [i]),
        );
      });

      test("namespaces share a connection and nothing else", async (t) => {
        const peer = await join(t);
        const room = await peer.beside("/room-7");
        peer.emit("echo-event", "main");
        room.emit("echo-event", "room");
        assert.deepEqual(await room.next("echo-event"), ["room"]);
        assert.deepEqual(await peer.next("echo-event"), ["main"]);
        await room.ask("broadcast", null, "note", "for the room");
        assert.deepEqual(await room.next("note"), ["for the room"]);
        await peer.settled();
        assert.deepEqual(peer.pending("note"), []);
        // The connections of earlier tests end after a while.
        await until(async () => (await room.ask("connections"))[0] === 1, "one connection", 30_000);
        room.emit("disconnect-me", false);
        assert.equal(await room.disconnected(), "io server disconnect");
        await peer.settled();
        assert.deepEqual(peer.reasons, []);
      });

      test("a namespace that does not exist is refused, its connection stays", async (t) => {
        const peer = dial(t, client, server.port, { transports: transport.list, nsp: "/none" });
        const error = await peer.refused();
        assert.equal(error.message, "Invalid namespace");  // an object in the older protocol too
      });

      test("a middleware refuses", async (t) => {
        const peer = dial(t, client, server.port, { transports: transport.list, nsp: "/admin" });
        const error = await peer.refused();
        if (client.eio === 4) {
          assert.equal(error.message, "not authorized");
          assert.deepEqual(error.data, { code: "E_AUTH" });
        } else {
          assert.deepEqual(error, { code: "E_AUTH" }); // the older protocol has one value for
                                                       // message and data
        }
        const unlucky = dial(t, client, server.port, {
          transports: transport.list,
          nsp: "/room-13",
        });
        const second = await unlucky.refused();
        assert.equal(client.eio === 4 ? second.message : second, "unlucky");
      });

      // 1.4.4 sends no data in its CONNECT.
      if (client !== client1) {
        test("a middleware lets the right token pass", async (t) => {
          const credentials =
            client.eio === 4 ? { auth: { token: "secret" } } : { query: { token: "secret" } };
          const peer = await join(t, { nsp: "/admin", ...credentials });
          const [[{ id, data }]] = await peer.ask("fetch-sockets", null);
          assert.deepEqual({ id, data }, { id: peer.id, data: { user: "admin" } });
          const [{ auth }] = await peer.ask("handshake");
          assert.deepEqual(auth, { token: "secret" });
        });
      }

      test("the handshake has the client's query and headers", async (t) => {
        const a = reads_text(client, transport) ? "1 &ü" : "1 &";
        const peer = await join(t, { query: { a, b: "" }, extraHeaders: { "X-Test": "there" } });
        const [{ query, xdomain, secure, url, header }] = await peer.ask("handshake");
        assert.equal(query.a, a);
        assert.equal(query.b, "");
        assert.equal(query.EIO, String(client.eio));
        assert.equal(query.transport, transport.list[0]);
        assert.match(url, /^\/socket\.io\/\?.*EIO=/);
        assert.deepEqual([secure, xdomain], [false, false]);
        assert.equal(header, "there");
      });

      test("a middleware per packet refuses an event", async (t) => {
        const peer = await join(t);
        peer.emit("forbidden", 1);
        assert.deepEqual(await peer.next("refused"), ["forbidden event"]);
        await peer.settled();
        assert.deepEqual(peer.reasons, []);
      });

      test("volatile events may be lost, others are not", async (t) => {
        const peer = await join(t);
        await peer.settled();
        peer.emit("volatile-burst", 100);
        assert.deepEqual(await peer.next("volatile-end"), [100]);
        const seen = peer.pending("volatile").map(([i]) => i);
        // Between two polls no packet can be written.
        const least = transport.name === "polling" ? 0 : 1;
        assert.ok(seen.length >= least && seen.length <= 100, `${seen.length} volatile events`);
        assert.deepEqual(
          seen,
          [...seen].sort((a, b) => a - b),
        );
      });

      test("send, compress", async (t) => {
        const peer = await join(t);
        peer.socket.send("a", { b: 1 });
        assert.deepEqual(await peer.next("message"), ["a", { b: 1 }]);
        for (const flag of [true, false]) {
          peer.emit("compress", flag, "note", "x".repeat(5000));
          assert.deepEqual(await peer.next("note"), ["x".repeat(5000)]);
        }
      });

      // The reasons on both sides. 1.4.4 and 2.5.0 close the whole connection with their last
      // namespace.
      const endings = [
        [
          "the client leaves",
          (peer) => peer.close(),
          "io client disconnect",
          ["client namespace disconnect", "transport close"],
        ],
        [
          "the server ends the namespace",
          (peer) => peer.emit("disconnect-me", false),
          "io server disconnect",
          ["server namespace disconnect"],
        ],
        [
          "the server ends the connection",
          (peer) => peer.emit("disconnect-me", true),
          "io server disconnect",
          ["server namespace disconnect"],
        ],
      ];
      for (const [what, end, reason, seen] of endings) {
        test(`disconnect: ${what}`, async (t) => {
          const witness = await connect(t, client, server.port, { transports: ["websocket"] });
          const peer = await join(t);
          await peer.ask("join", "left");
          const { id } = peer;
          end(peer);
          assert.equal(await peer.disconnected(), reason);
          if (reason !== "io client disconnect") assert.deepEqual(await peer.next("bye"), []);
          const entry = await gone(witness, id);
          assert.ok(seen.includes(entry.reason), entry.reason);
          assert.deepEqual(entry.rooms, [id, "left"].sort());
        });
      }
    });
  }
}

// The server's record of the socket that left.
async function gone(witness, id) {
  for (;;) {
    const [list] = await witness.ask("reasons");
    const entry = list.find((one) => one.id === id);
    if (entry) return entry;
  }
}

test("the parsers cannot be mixed: a parse error ends the connection", async (t) => {
  const server = await start("--parser", "msgpack");
  t.after(() => server.stop());
  const peer = dial(t, client4, server.port, { transports: ["websocket"] });
  await deadline(once(peer.socket.io, "close"), "the end of the connection");
  const good = await connect(t, clientMsgpack, server.port, { transports: ["websocket"] });
  await good.settled();
});
