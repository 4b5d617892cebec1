// Invalid input to a Socket.IO server ends the sender's connection, and affects no other client. If
// the reference is more lenient, the row says so.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, before, describe, test } from "node:test";

import { client1, client2, client4, connect, isNode, start } from "./socketio/harness.mjs";
import { packetsOf, request, Session, Socket } from "./socketio/raw.mjs";
import { until } from "./server.mjs";
import { upgradeRequest, Wire } from "./wire.mjs";

const one = { _placeholder: true, num: 0 };
const num = (value) => `451-${JSON.stringify(["echo-event", { ...one, num: value }])}`;
const bytes = Buffer.from([1, 2, 3]);
const deep = `42["nobody",${"[".repeat(100_000)}${"]".repeat(100_000)}]`;
const manyNamespaces = Array.from({ length: 100 }, (_, i) => `40/room-${100 + i},`);

// [name, packets, outcome, the reference's outcome if different]. A Buffer is a binary packet.
const packets = [
  ["a second CONNECT", ["40"], "closed"],
  ["a packet for a namespace that was not joined", ['42/room-1,["echo-event"]'], "closed"],
  ["a DISCONNECT for a namespace that was not joined", ["41/room-1,"], "closed"],
  ["a CONNECT_ERROR of a client", ['44{"message":"x"}'], "closed"],
  ["no payload", ["42"], "closed", "stays"],
  ["an object for the arguments", ["42{}"], "closed"],
  ["no name", ["42[]"], "closed"],
  ["null for a name", ["42[null]"], "closed"],
  ["true for a name", ["42[true]"], "closed"],
  ["an object for a name", ["42[{}]"], "closed"],
  ["a number for a name", ["42[1]"], "stays"],
  ["a name of the prototype", ['42["__proto__",1]', '42["constructor",1]'], "stays"],
  ...[
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
  ].map((name) => [`the reserved name ${name}`, [`42["${name}"]`], "closed"]),
  ["a name of 5,000 bytes", [`42["${"x".repeat(5000)}"]`], "closed", "stays"],
  ["an ack without arguments", ["431"], "stays"],
  ["an ack with an object", ["431{}"], "closed"],
  ["an ack that nobody asked for", ['4399["x"]'], "stays"],
  ["an ack without an id", ['43["x"]'], "stays"],
  ["an ack id over 2^53 - 1", ['429007199254740993["nobody"]'], "closed", "stays"],
  ["an unknown packet type", ["47"], "closed"],
  ["no packet type", ["4"], "closed"],
  ["a letter for a packet type", ["4x"], "closed"],
  ["JSON that does not end", ['42["a"'], "closed"],
  ["JSON that goes on", ['42["a"]]'], "closed"],
  ["JSON of depth 100,000", [deep], "closed", "stays"],
  ["a DISCONNECT with a payload", ["41{}"], "closed"],
  ["CONNECT with an array", ["40/room-1,[]"], "closed"],
  ["CONNECT with a text", ['40/room-1,"x"'], "closed"],
  ["0 attachments", ['450-["nobody"]'], "closed"],
  ["11 attachments", ['4511-["nobody"]'], "closed"],
  ["10^9 attachments", ['451000000000-["nobody"]'], "closed"],
  ["attachments without a number", ['45-["nobody"]'], "closed"],
  ["attachments without a dash", ['451["nobody"]'], "closed"],
  ["attachments with letters", ['45x-["nobody"]'], "closed"],
  ["half an attachment", ['450.5-["nobody"]'], "closed"],
  ["a placeholder of -1", [num(-1), bytes], "closed"],
  ["a placeholder of 0.5", [num(0.5), bytes], "closed", "stays"],
  ["a placeholder out of range", [num(1), bytes], "closed"],
  ["a placeholder of text", [num("0"), bytes], "closed"],
  ["one placeholder twice", [`451-${JSON.stringify(["nobody", one, one])}`, bytes], "stays"],
  ["a placeholder in a packet without binary", [`42${JSON.stringify(["nobody", one])}`], "stays"],
  ["text where an attachment is due", [num(0), '42["nobody"]'], "closed"],
  ["binary where none is due", [bytes], "closed"],
  ["a ping of the client", ["2"], "closed"],
  ["a pong that nobody asked for", ["3"], "stays"],
  ["an unknown packet of Engine.IO", ["7"], "closed"],
  ["a letter for a packet of Engine.IO", ["x"], "closed"],
  ["101 namespaces", manyNamespaces, "stays, refused 44", "stays"],
];

const mark = '42["echo-event","still here"]';

// "stays" once the echo returns, "closed" when the connection ends.
async function overWebSocket(port, list) {
  const socket = await Socket.open(port);
  const seen = [];
  socket.send(...list, mark);
  try {
    await socket.until((packet) => {
      seen.push(String(packet));
      return packet === mark;
    });
  } catch (error) {
    if (!/closed with|connection ended/.test(error.message)) throw error;
    return "closed";
  } finally {
    socket.destroy();
  }
  return seen.some((packet) => packet.startsWith("44")) ? "stays, refused 44" : "stays";
}

async function overPolling(port, list) {
  const session = await Session.open(port);
  const texts = list.map((packet) =>
    typeof packet === "string" ? packet : `b${packet.toString("base64")}`,
  );
  // The answer to a POST whose packet ends the connection is undefined, and may be missing.
  await session.post(texts).catch(() => {});
  await session.post([mark]).catch(() => {});
  const seen = [];
  for (;;) {
    const { status, body } = await session.get();
    if (status !== 200) return "closed";
    seen.push(...packetsOf(body, 4));
    if (seen.includes("1")) return "closed";
    if (seen.includes(mark)) break;
  }
  return seen.some((packet) => packet.startsWith("44")) ? "stays, refused 44" : "stays";
}

describe("packets", () => {
  let server;
  before(async () => {
    server = await start();
  });
  after(() => server?.stop());

  for (const [what, list, expected, reference = expected] of packets) {
    const outcome = isNode ? reference : expected;
    test(`${what}: ${outcome}`, async () => {
      assert.equal(await overWebSocket(server.port, list), outcome, "over WebSocket");
      assert.equal(await overPolling(server.port, list), outcome, "over polling");
    });
  }

  test("the others notice nothing", async (t) => {
    const peer = await connect(t, client4, server.port);
    for (const list of [["40"], ["42{}"], [bytes], ["x"]]) {
      assert.equal(await overWebSocket(server.port, list), "closed");
      assert.equal(await overPolling(server.port, list), "closed");
    }
    await peer.settled();
    assert.deepEqual(peer.reasons, []);
  });

  test("a packet before CONNECT", async () => {
    const socket = await Socket.open(server.port, { join: false });
    socket.send('42["echo-event"]');
    assert.deepEqual(await socket.ended(), []);
    socket.destroy();
  });
});

describe("requests", () => {
  let server;
  before(async () => {
    server = await start("--max-http-buffer-size", 100_000, "--allow-eio3");
  });
  after(() => server?.stop());
  const gone = '400 {"code":1,"message":"Session ID unknown"}';

  async function goesOn(session) {
    await session.post([mark]);
    await session.until((packet) => packet === mark);
  }

  test("two GETs at once: 400, the session ends", async () => {
    const session = await Session.open(server.port);
    const both = await Promise.allSettled([session.get(), session.get()]);
    assert.ok(both.some(({ value }) => value?.status === 400));
    assert.equal(await session.ended(), gone);
  });

  test("two POSTs at once: 400, the session ends", async () => {
    const session = await Session.open(server.port);
    const half = await Wire.connect(server.port);
    half.write(
      `POST ${session.target()} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n` +
        "Content-Length: 100\r\n\r\n42[",
    );
    // The order of arrival is unknown: send until one of the requests is the second poll.
    let status = 200;
    while (status === 200) status = (await session.post(["3"]).catch(() => ({ status: 0 }))).status;
    assert.equal(status, 400);
    assert.equal(await session.ended(), gone);
    half.destroy();
  });

  test("a POST over the limit: 413", async () => {
    const session = await Session.open(server.port);
    assert.equal((await session.post(`42["nobody","${"x".repeat(100_000)}"]`)).status, 413);
    const exact = `42["nobody","${"x".repeat(100_000 - 15)}"]`;
    const other = await Session.open(server.port);
    assert.equal((await other.post(exact)).status, 200);
    await goesOn(other);
  });

  test("a message over the limit closes the WebSocket with 1009", async () => {
    const socket = await Socket.open(server.port);
    socket.send("4".repeat(100_001));
    assert.equal(await socket.wire.closeCode(), 1009);
    socket.destroy();
  });

  for (const client of [client4, client2, client1]) {
    for (const transport of ["polling", "websocket"]) {
      test(`client ${client.name}, ${transport}: a message over the limit ends it`, async (t) => {
        const peer = await connect(t, client, server.port, { transports: [transport] });
        await peer.ask("echo", "x".repeat(90_000));
        peer.emit("echo-event", "x".repeat(100_001));
        assert.match(await peer.disconnected(), /^transport (close|error)$/);
        assert.deepEqual(peer.pending("echo-event"), []);
      });
    }
  }

  test("a foreign origin is refused before anything is opened", async () => {
    const own = `http://127.0.0.1:${server.port}`;
    const cases = [
      [own, 200, 101],
      ["http://evil.example", 403, 403],
      ["null", 403, 403],
    ];
    for (const [origin, polling, upgrade] of cases) {
      const headers = { Origin: origin };
      const got = await request(server.port, "GET", "/socket.io/?EIO=4&transport=polling", {
        headers,
      });
      assert.equal(got.status, isNode ? 200 : polling, origin);
      const wire = await Wire.connect(server.port);
      wire.write(
        upgradeRequest(
          "/socket.io/?EIO=4&transport=websocket",
          [`Origin: ${origin}`, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
          `127.0.0.1:${server.port}`,
        ),
      );
      assert.equal((await wire.response()).status, isNode ? 101 : upgrade, origin);
      wire.destroy();
    }
  });

  test("a payload of 1,025 packets", async () => {
    const session = await Session.open(server.port);
    const { status } = await session.post(new Array(1025).fill("3"));
    assert.equal(status, isNode ? 200 : 400);
    if (!isNode) assert.equal(await session.ended(), gone);
    const other = await Session.open(server.port);
    assert.equal((await other.post(new Array(1024).fill("3"))).status, 200);
    await goesOn(other);
  });

  test("bytes in EIO4: 400, the session ends", async () => {
    const session = await Session.open(server.port);
    const { status } = await session.post(bytes, { "Content-Type": "application/octet-stream" });
    assert.equal(status, 400);
    assert.equal(await session.ended(), gone);
  });

  test("DELETE on a session is refused, the session goes on", async () => {
    const session = await Session.open(server.port);
    const { status, body } = await request(server.port, "DELETE", session.target());
    if (isNode) assert.equal(status, 500);
    else assert.deepEqual([status, JSON.parse(body).code], [400, 2]);
    await goesOn(session);
  });

  test("another transport or revision on a session is refused, the session goes on", async () => {
    const session = await Session.open(server.port);
    for (const query of ["EIO=4&transport=websocket", "EIO=3&transport=polling"]) {
      const { status, body } = await request(
        server.port,
        "GET",
        `/socket.io/?${query}&sid=${session.sid}`,
      );
      assert.deepEqual([status, JSON.parse(body).code], [400, 3], query);
    }
    await goesOn(session);
  });

  // Invalid payloads of EIO3.
  const payloads = ["x:4", "5:4", "99999999999999999999:4", "-1:4", "4"];
  for (const payload of payloads) {
    test(`the payload ${payload} ends the session`, async () => {
      const session = await Session.open(server.port, { eio: 3 });
      await session.post(payload).catch(() => {});
      assert.equal(await session.ended(), gone);
    });
  }

  test("an aborted poll ends the session with a transport error", async (t) => {
    const peer = await connect(t, client4, server.port);
    const session = await Session.open(server.port);
    const id = JSON.parse(session.joined.slice(2)).sid;
    const abortPoll = async () => {
      const poll = http.get({
        host: "127.0.0.1",
        port: server.port,
        path: session.target(),
        agent: false,
      });
      poll.on("error", () => {});  // the abort's error
      await once(poll, "finish");
      await peer.settled();
      poll.destroy();
    };
    // A request that was aborted before the server saw it does not count; then the next one does.
    const entry = await until(async () => {
      await abortPoll();
      const [list] = await peer.ask("reasons");
      return list.find((one) => one.id === id);
    }, "the end of the session");
    assert.equal(entry.reason, "transport error");
  });
});

describe("time", () => {
  test("no CONNECT: closed after the time for it", async (t) => {
    const server = await start("--connect-timeout", 100, "--allow-eio3");
    t.after(() => server.stop());
    const socket = await Socket.open(server.port, { join: false });
    assert.deepEqual(await socket.ended(), []);
    const session = await Session.open(server.port, { join: false });
    assert.match(await session.ended(), /^400 /);
    // Older clients join on connecting, and a session that joined is kept.
    for (const eio of [3, 4]) {
      const other = await Session.open(server.port, { eio });
      await other.post([mark]);
      await other.until((packet) => packet === mark);
    }
  });

  test("an abandoned session is freed at the ping timeout, whatever its transport", async (t) => {
    const server = await start("--ping-interval", 100, "--ping-timeout", 1500, "--allow-eio3");
    t.after(() => server.stop());
    const ids = [];
    for (const eio of [3, 4]) {
      const session = await Session.open(server.port, { eio });
      const socket = await Socket.open(server.port, { eio });
      ids.push(
        ...[session, socket].map(({ joined, opened }) =>
          eio === 4 ? JSON.parse(joined.slice(2)).sid : opened.sid,
        ),
      );
      t.after(() => socket.destroy());
    }
    const peer = await connect(t, client4, server.port, { transports: ["websocket"] });
    await until(
      async () => (await peer.ask("connections"))[0] === 1,
      "the others to be gone",
      30_000,
    );
    const [list] = await peer.ask("reasons");
    assert.deepEqual(
      ids.map((id) => list.find((entry) => entry.id === id)?.reason),
      new Array(4).fill("ping timeout"),
    );
  });

  test("an upgrade that does not come is given up, the session goes on", async (t) => {
    const server = await start("--upgrade-timeout", 100);
    t.after(() => server.stop());
    const session = await Session.open(server.port);
    const socket = await Socket.open(server.port, { sid: session.sid });
    socket.send("2probe");
    assert.deepEqual(await socket.ended(), ["3probe"]);
    await session.post([mark]);
    await session.until((packet) => packet === mark);
  });
});
