// Events that connections survive, and events that end them: restarts of the server, cut and silent
// networks; and the recovery of missed packets. A proxy between client and server acts as the
// network.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { deadline } from "./client.mjs";
import { until } from "./server.mjs";
import {
  client1,
  client2,
  client4,
  clientMsgpack,
  connect,
  Proxy,
  start,
  transports,
} from "./socketio/harness.mjs";
import { request, Session } from "./socketio/raw.mjs";

const quick = { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 50 };
const websocket = { transports: ["websocket"] };
const heartbeat = (interval_ms, timeout_ms) => [
  "--ping-interval",
  interval_ms,
  "--ping-timeout",
  timeout_ms,
];

async function server(t, ...flags) {
  const program = await start(...flags);
  t.after(() => program.stop());
  return program;
}

// The reasons that the server recorded for `id`.
async function seen(witness, id) {
  // On a busy machine the witness's own connection may break; then it is asked again.
  const list = await witness.socket
    .timeout(5000)
    .emitWithAck("reasons")
    .catch(() => []);
  return list.filter((one) => one.id === id).map(({ reason }) => reason);
}

const reasonOf = (witness, id) =>
  until(async () => (await seen(witness, id))[0], `the end of ${id} on the server`, 30_000);

describe("restarts", () => {
  for (const client of [client4, client2, client1]) {
    for (const transport of transports) {
      test(`${client.name}, ${transport.name}: comes back after a restart`, async (t) => {
        const first = await start("--allow-eio3");
        const proxy = await Proxy.to(t, () => port);
        let { port } = first;
        const peer = await connect(t, client, proxy.port, { ...quick, transports: transport.list });
        const { id } = peer;
        await peer.next("hello");
        await first.stop();
        assert.match(await peer.disconnected(), /^transport (close|error)$/);
        ({ port } = await server(t, "--allow-eio3"));
        assert.deepEqual(await peer.next("hello"), [false]);
        assert.notEqual(peer.id, id);
        assert.deepEqual(await peer.ask("echo", "again"), ["again"]);
      });
    }
  }

  test("on the same port", async (t) => {
    const first = await start();
    const peer = await connect(t, client4, first.port, quick);
    await peer.next("hello");
    await first.stop();
    await peer.disconnected();
    await server(t, "--port", first.port);
    await peer.next("hello");
  });

  test("a server that shuts down ends its clients", async (t) => {
    const program = await server(t);
    const peers = [];
    for (const transport of transports) {
      peers.push(await connect(t, client4, program.port, { transports: transport.list }));
    }
    program.signal("SIGTERM");
    for (const peer of peers) assert.match(await peer.disconnected(), /^transport (close|error)$/);
    assert.equal((await program.exited).code, 0);
  });
});

// These tests wait for heartbeats, so each has its own server and they run at once.
describe("reasons", { concurrency: 4 }, () => {
  for (const name of ["polling", "websocket"]) {
    for (const client of [client4, client2, client1]) {
      test(`${client.name}, ${name}: the network is cut`, async (t) => {
        const program = await server(t, "--allow-eio3", ...heartbeat(300, 1000));
        const proxy = await Proxy.to(t, () => program.port);
        const witness = await connect(t, client4, program.port, { ...websocket, ...quick });
        const peer = await connect(t, client, proxy.port, { transports: [name] });
        const { id } = peer;
        await peer.settled();
        proxy.refusing = true;
        proxy.cut();
        assert.match(await peer.disconnected(), /^transport (close|error)$/);
        // Between two polls there is no connection to cut: then the heartbeat detects the loss.
        const expected =
          name === "polling"
            ? /^(transport (close|error)|ping timeout)$/
            : /^transport (close|error)$/;
        assert.match(await reasonOf(witness, id), expected);
      });
    }
  }

  for (const client of [client4, client2, client1]) {
    test(`${client.name}: a silent network ends with a ping timeout on both sides`, async (t) => {
      const program = await server(t, "--allow-eio3", ...heartbeat(200, 800));
      const proxy = await Proxy.to(t, () => program.port);
      const witness = await connect(t, client4, program.port, { ...websocket, ...quick });
      const peer = await connect(t, client, proxy.port, websocket);
      const { id } = peer;
      proxy.frozen = true;
      assert.equal(await peer.disconnected(), "ping timeout");
      // The client closes its side at the same time, but the network is silent.
      assert.equal(await reasonOf(witness, id), "ping timeout");
    });

    test(`${client.name}: the heartbeat keeps a connection that says nothing`, async (t) => {
      const program = await server(t, "--allow-eio3", ...heartbeat(100, 5000));
      const peers = await Promise.all(
        [["polling"], ["websocket"]].map((list) =>
          connect(t, client, program.port, { transports: list }),
        ),
      );
      for (const peer of peers) {
        // The sides send "ping" and "pong" in turn.
        let beats = 0;
        await deadline(
          new Promise((resolve) => {
            peer.engine.on("packet", ({ type }) => {
              if (type === "ping" || type === "pong") beats += 1;
              if (beats === 3) resolve();
            });
          }),
          "three heartbeats",
          30_000,
        );
        await peer.settled();
        assert.deepEqual(peer.reasons, []);
      }
    });
  }
});

describe("recovery", { concurrency: 4 }, () => {
  const each = 25;

  // Sends `each` ticks, numbered from `first`; calls `between` after some of them.
  async function ticks(sender, first, after, between) {
    for (let i = 0; i < each; i += 1) {
      sender.emit("broadcast", i % 2 ? "room" : null, "tick", first + i);
      if (i === after) await between();
    }
    await sender.settled();
  }

  for (const client of [client4, clientMsgpack]) {
    for (const transport of transports) {
      const polling = transport.name === "polling";
      const rounds = polling ? 3 : 8;
      test(`${client.name}, ${transport.name}: nothing is lost, nothing comes twice`, async (t) => {
        // A poll that is answered into a cut connection is detected by the heartbeat.
        const program = await server(
          t,
          "--recovery",
          ...(client.msgpack ? ["--parser", "msgpack"] : []),
          ...(polling ? heartbeat(200, 1500) : []),
        );
        const proxy = await Proxy.to(t, () => program.port);
        const sender = await connect(t, client, program.port, { ...websocket, ...quick });
        const peer = await connect(t, client, proxy.port, { ...quick, transports: transport.list });
        const { id } = peer;
        await peer.next("hello");
        await peer.ask("join", "room");
        await peer.ask("set-data", "kept", true);
        for (let round = 0; round < rounds; round += 1) {
          if (transport.name === "upgrade") await peer.upgraded();
          await peer.settled();
          // Cuts at another moment in each round.
          await ticks(sender, round * each, round * 3, async () => {
            proxy.refusing = polling;
            proxy.cut();
            if (polling)
              await until(async () => (await seen(sender, id)).length > round, "the cut");
          });
          proxy.refusing = false;
          assert.equal((await peer.next("hello"))[0], true, `recovered in round ${round}`);
          assert.equal(peer.socket.recovered, true);
          assert.equal(peer.id, id);
        }
        const got = await peer.take("tick", rounds * each);
        assert.deepEqual(
          got.map(([i]) => i),
          Array.from({ length: rounds * each }, (_, i) => i),
        );
        await peer.settled();
        assert.deepEqual(peer.pending("tick"), []);
        assert.deepEqual(await peer.ask("rooms"), [[id, "room"].sort()]);
        const [list] = await peer.ask("fetch-sockets", "room");
        assert.deepEqual(
          list.map(({ data }) => data),
          [{ kept: true }],
        );
      });
    }
  }

  test("binary that was missed comes, too; what was not for it does not", async (t) => {
    const program = await server(t, "--recovery");
    const proxy = await Proxy.to(t, () => program.port);
    const sender = await connect(t, client4, program.port, websocket);
    const peer = await connect(t, client4, proxy.port, { ...quick, ...websocket });
    const { id } = peer;
    await peer.next("hello");
    proxy.refusing = true;
    proxy.cut();
    await peer.disconnected();
    await reasonOf(sender, id);
    await sender.ask("broadcast", null, "note", { part: Buffer.from([1, 2]) });
    await sender.ask("broadcast", "other", "note", "not for it");
    await sender.ask("broadcast-except", null, id, "note", "nor this");
    await sender.ask("broadcast", id, "note", "for its id");
    await sender.ask("ask-all", sender.id, 10_000, "acks are not kept");
    proxy.refusing = false;
    assert.equal((await peer.next("hello"))[0], true);
    assert.deepEqual((await peer.next("note"))[0], { part: Buffer.from([1, 2]) });
    assert.equal((await peer.next("note"))[0], "for its id");
    await peer.settled();
    assert.deepEqual(peer.pending("note"), []);
  });

  const unrecoverable = [
    ["the client left", (peer) => peer.socket.disconnect()],
    ["the server ended it", (peer) => peer.emit("disconnect-me", false)],
  ];
  for (const [what, end] of unrecoverable) {
    test(`no recovery where ${what}`, async (t) => {
      const program = await server(t, "--recovery");
      const peer = await connect(t, client4, program.port, websocket);
      const { id } = peer;
      await peer.next("hello");
      end(peer);
      await peer.disconnected();
      peer.socket.connect();
      await peer.connected();
      assert.equal((await peer.next("hello"))[0], false);
      assert.notEqual(peer.id, id);
    });
  }

  test("CONNECT on the wire: pid, offsets, wrong ones", async (t) => {
    const program = await server(t, "--recovery");
    const first = await Session.open(program.port, { join: false });
    await first.post(["40"]);
    const { sid, pid } = JSON.parse((await first.next()).slice(2));
    assert.match(sid, /^[\w-]{20}$/);
    assert.match(pid, /^[\w-]{20}$/);
    const [, recovered, offset] = JSON.parse((await first.next()).slice(2));
    assert.equal(recovered, false);
    assert.equal(typeof offset, "string");
    // Neither a volatile event nor an event with an ack has an offset.
    await first.post(['42["volatile-burst",1]', '42["ask-me",10000,"?"]']);
    const sent = [];
    await first.until((packet) => sent.push(packet) && packet === '420["question","?"]');
    for (const packet of sent) {
      const [name, ...args] = JSON.parse(packet.replace(/^\d+/, ""));
      assert.equal(args.length, name === "volatile-end" ? 2 : 1, packet);
    }
    await first.post(["1"]);
    await first.ended();

    const join = async (auth) => {
      const session = await Session.open(program.port, { join: false });
      await session.post([`40${JSON.stringify(auth)}`]);
      const reply = JSON.parse((await session.next()).slice(2));
      return { reply, session };
    };
    for (const auth of [
      { pid: "unknown", offset },
      { pid, offset: "unknown" },
      { pid },
      { offset },
      { pid: 1, offset },
      { pid: [pid], offset },
      { pid: "__proto__", offset },
    ]) {
      const { reply } = await join(auth);
      assert.notEqual(reply.sid, sid, JSON.stringify(auth));
      assert.notEqual(reply.pid, pid);
    }
  });

  test("a recovered session keeps its ids on the wire", async (t) => {
    const program = await server(t, "--recovery");
    const first = await Session.open(program.port, { join: false });
    await first.post(["40"]);
    const { sid, pid } = JSON.parse((await first.next()).slice(2));
    const [, , offset] = JSON.parse((await first.next()).slice(2));
    await first.post(["1"]);
    const witness = await connect(t, client4, program.port, websocket);
    await reasonOf(witness, sid);
    await witness.ask("broadcast", null, "note", "missed");
    const second = await Session.open(program.port, { join: false });
    await second.post([`40${JSON.stringify({ pid, offset })}`]);
    // The reference sends missed packets before the reply to CONNECT; clients accept both orders.
    const packets = [await second.next(), await second.next(), await second.next()];
    const reply = packets.findIndex((packet) => packet.startsWith("40"));
    assert.deepEqual(JSON.parse(packets.splice(reply, 1)[0].slice(2)), { sid, pid });
    const [note, hello] = packets.map((packet) => JSON.parse(packet.slice(2)));
    assert.deepEqual([...note.slice(0, 2), typeof note[2]], ["note", "missed", "string"]);
    assert.deepEqual(hello.slice(0, 2), ["hello", true]);
    assert.equal((await request(program.port, "GET", first.target())).status, 400);
  });
});
