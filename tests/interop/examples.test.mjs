// The chat room of examples/chat and of the demo's /chat, examples/broadcast, and subscribers that
// do not read.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { io } from "socket.io-client";

import { deadline, open, wait_ms_max } from "./client.mjs";
import { example, serve, serveDemo, until } from "./server.mjs";
import { Wire, opcode } from "./wire.mjs";

const say = (client, name, msg) => client.socket.send(JSON.stringify({ name, msg }));

const rooms = [
  ["examples/chat", () => example("chat"), "/"],
  ["the demo's /chat", () => serveDemo(), "/chat"],
];
for (const [title, start, path] of rooms) {
  describe(`chat: ${title}`, () => {
    // A server for each test: the farewell to a member of the last test could arrive in the next
    // test.
    let server;
    beforeEach(async () => { server = await start(); });
    afterEach(() => server.stop());
    const join = (count) =>
      Promise.all(Array.from({ length: count }, () => open(server.url(path))));

    test("name:msg goes to everyone, the sender too", async () => {
      const clients = await join(3);
      say(clients[0], "Ada", "你好 <b>all</b>");
      for (const client of clients) assert.equal(await client.next(), "Ada:你好 <b>all</b>");
      say(clients[1], "小明", 'quotes " and \\ and\nlines');
      for (const client of clients) {
        assert.equal(await client.next(), '小明:quotes " and \\ and\nlines');
      }
      await Promise.all(clients.map((client) => client.close()));
    });

    test("who leaves is announced to the others, by the last name used", async () => {
      const [ada, ben, eve] = await join(3);
      say(ada, "Adam", "first");
      say(ada, "Ada", "second");
      for (const client of [ben, eve]) {
        assert.equal(await client.next(), "Adam:first");
        assert.equal(await client.next(), "Ada:second");
      }
      await ada.close();
      for (const client of [ben, eve]) assert.equal(await client.next(), "Ada下线了!");
      say(ben, "Ben", "bye");
      assert.equal(await eve.next(), "Ben:bye");
      ben.end(); // no close frame: a lost connection is a farewell as well
      assert.equal(await eve.next(), "Ben下线了!");
      await eve.close();
    });

    test("who never spoke leaves without a word", async () => {
      const [silent, other] = await join(2);
      await silent.close();
      say(other, "Ben", "still here");
      assert.equal(await other.next(), "Ben:still here");
      await other.close();
    });

    const malformed = ["", "no json", "{", "[]", "null", "42", '"text"', "{}", '{"name":"Ada"}',
      '{"msg":"hi"}', '{"name":1,"msg":"hi"}', '{"name":"Ada","msg":null}',
      '{"name":"","msg":"hi"}', '{"name":"Ada","msg":""}', "[".repeat(50_000)];
    test("malformed JSON gets an error, alone", async () => {
      const [bad, other] = await join(2);
      for (const text of malformed) {
        bad.socket.send(text);
        const reply = JSON.parse(await bad.next(`an error for ${text.slice(0, 30)}`));
        assert.equal(typeof reply.error, "string");
        assert.notEqual(reply.error, "");
      }
      say(bad, "Bad", "goes on");
      assert.equal(await bad.next(), "Bad:goes on");
      assert.equal(await other.next(), "Bad:goes on");
      await Promise.all([bad.close(), other.close()]);
    });
  });
}

describe("socketio_and_websocket", () => {
  test("what either kind of client says reaches both", async () => {
    const server = await example("socketio_and_websocket");
    const plain = await open(server.url("/feed"));
    const socket = io(server.url("", "http"), { transports: ["websocket"] });
    const said = [];
    socket.on("said", (text) => said.push(text));
    await deadline(new Promise((resolve) => { socket.on("connect", resolve); }), "connect");
    for (const [say, text] of [[(it) => socket.emit("say", it), "from Socket.IO 你好"],
      [(it) => plain.socket.send(it), "from WebSocket"]]) {
      say(text);
      assert.equal(await plain.next(), text);
      await until(() => said.at(-1) === text, text, wait_ms_max);
    }
    assert.equal(said.length, 2);
    socket.close();
    await plain.close();
    await server.stop();
  });
});

describe("broadcast", () => {
  test("examples/broadcast: every message goes to every client, in order", async () => {
    const server = await example("broadcast");
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => open(server.url("/"))));
    // The time is sent once a second, between the other messages.
    const clock = /^\d\d:\d\d:\d\d$/;
    const sent = async (client) => {
      for (;;) {
        const message = await client.next();
        if (typeof message !== "string" || !clock.test(message)) return message;
      }
    };
    for (let i = 0; i < 100; i += 1) clients[i % 2].socket.send(`${i % 2} says ${i}`);
    for (const client of clients) {
      const next = [0, 1];  // the next number of each sender
      for (let i = 0; i < 100; i += 1) {
        const [sender, number] = (await sent(client)).split(" says ").map(Number);
        assert.equal(number, next[sender], "one sender's messages keep their order");
        next[sender] += 2;
      }
    }
    clients[4].socket.send(Buffer.from([1, 2, 3]));
    for (const client of clients) assert.deepEqual(await sent(client), Buffer.from([1, 2, 3]));
    for (const client of clients) assert.match(await client.next("the time"), clock);
    await server.stop();
  });

  test("over several workers everyone is reached", async () => {
    const server = await serve({ workers: 3,
      websocket: [{ path: "/all", kind: "broadcast" }] });
    const clients = await Promise.all(
      Array.from({ length: 24 }, () => open(server.url("/all"))));
    for (const [i, { socket }] of clients.entries()) socket.send(`from ${i}`);
    for (const client of clients) {
      const seen = new Set();
      for (let i = 0; i < clients.length; i += 1) seen.add(await client.next());
      assert.equal(seen.size, clients.length);
    }
    await server.stop();
  });

  // A subscriber stops reading while 32 MB are published, far more than the kernel buffers.
  async function flood(policy) {
    const server = await serve({ websocket: [{ path: "/all", kind: "broadcast", on_slow: policy,
      message_bytes_max: 64 * 1024, send_queue_bytes_max: 256 * 1024 }] });
    const slow = await Wire.upgraded(server.port, "/all");
    slow.socket.pause();
    const [publisher, reader] = await Promise.all([0, 1].map(() => open(server.url("/all"))));
    const payload = "x".repeat(16 * 1024);
    for (let i = 0; i < 2000; i += 1) {
      publisher.socket.send(`${i} ${payload}`);
      const start = `${i} `;
      assert.ok((await publisher.next()).startsWith(start));
      assert.ok((await reader.next()).startsWith(start));
    }
    return { server, slow, publisher, reader };
  }

  test("on_slow close: who stops reading is closed, the others get everything", async () => {
    const { server, slow, reader } = await flood("close");
    slow.socket.resume();
    await slow.rest(); // ends, by a close frame or a reset
    reader.socket.send("after");
    assert.equal(await reader.next(), "after");
    await server.stop();
  });

  test("on_slow drop: who stops reading misses messages and stays", async () => {
    const { server, slow, publisher } = await flood("drop");
    slow.socket.resume();
    let count = 0;
    // "last" may be dropped too while the queue is full, so it is sent until it arrives.
    const repeat = setInterval(() => publisher.socket.send("last"), 50);
    try {
      for (;;) {
        const { code, payload } = await slow.frame();
        assert.equal(code, opcode.text);
        if (payload.subarray(0, 4).toString() === "last") break;
        count += 1;
      }
    } finally {
      clearInterval(repeat);
    }
    assert.ok(count > 0 && count < 2000, `${count} of 2000 messages arrived`);
    await server.stop();
  });
});
