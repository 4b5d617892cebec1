// Rooms, broadcasts and the server's view of its sockets, with clients of all generations in the
// same rooms.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { client1, client2, client4, clients, connect, dial, start } from "./socketio/harness.mjs";

const bytes = (...values) => Buffer.from(values);
const sorted = (list) => [...list].sort();
let rooms = 0;

for (const workers of [1, 2]) {
  describe(`rooms, ${workers} worker(s)`, () => {
    let server;
    before(async () => {
      server = await start("--allow-eio3", "--workers", workers);
    });
    after(() => server?.stop());
    const websocket = { transports: ["websocket"] };
    const join = (t, options = websocket) => connect(t, client4, server.port, options);

    // Three clients of all generations in one room, over polling and WebSocket.
    async function trio(t) {
      rooms += 1;
      const room = `room ${rooms}`;
      const peers = await Promise.all([
        connect(t, client4, server.port, { transports: ["polling"] }),
        connect(t, client2, server.port, websocket),
        connect(t, client1, server.port, { transports: ["polling"] }),
      ]);
      for (const peer of peers) await peer.ask("join", room);
      return { room, peers };
    }

    // The "note" events that each of `peers` received, once all that the first peer sent has
    // arrived: its packets take the same way between workers, in order.
    async function notes(peers) {
      for (const peer of peers) {
        const sender = peer.socket.nsp === peers[0].socket.nsp ? peers[0] : peer;
        await sender.ask("broadcast", peer.id, "log", "mark");
        await peer.next("log");
      }
      return peers.map((peer) =>
        peer
          .pending("note")
          .splice(0)
          .map(([note]) => note),
      );
    }

    test("join and leave say where the socket is", async (t) => {
      const peer = await join(t);
      assert.deepEqual(await peer.ask("join", ["b", "a"]), [sorted([peer.id, "a", "b"])]);
      assert.deepEqual(await peer.ask("join", "a"), [sorted([peer.id, "a", "b"])]);
      assert.deepEqual(await peer.ask("leave", "a"), [sorted([peer.id, "b"])]);
      assert.deepEqual(await peer.ask("leave", "unknown"), [sorted([peer.id, "b"])]);
    });

    const targets = [
      ["everyone in a room", (a, room) => a.ask("broadcast", room, "note", 1), [[1], [1], [1], []]],
      [
        "all of a room but the sender",
        (a, room) => a.ask("to-others", room, "note", 1),
        [[], [1], [1], []],
      ],
      [
        "a room but another",
        (a, room) => a.ask("broadcast-except", room, `${room} x`, "note", 1),
        [[1], [], [1], []],
      ],
      [
        "the union of two rooms, once",
        (a, room) => a.ask("broadcast", [room, `${room} x`], "note", 1),
        [[1], [1], [1], []],
      ],
      [
        "one socket by its id",
        (a, room, [, , c]) => a.ask("broadcast", c.id, "note", 1),
        [[], [], [1], []],
      ],
      [
        "a room that does not exist",
        (a) => a.ask("broadcast", "nobody", "note", 1),
        [[], [], [], []],
      ],
    ];
    for (const [what, send, expected] of targets) {
      test(`a broadcast reaches ${what}`, async (t) => {
        const { room, peers } = await trio(t);
        const outside = await join(t);
        await peers[1].ask("join", `${room} x`);
        await send(peers[0], room, peers);
        const got = await notes([...peers, outside]);
        assert.deepEqual(got, expected);
      });
    }

    test("a broadcast without a room reaches the namespace", async (t) => {
      const nsp = "/room-1";
      const inside = await Promise.all([
        join(t, { ...websocket, nsp }),
        connect(t, client2, server.port, { nsp, transports: ["polling"] }),
      ]);
      const outside = await join(t);
      await inside[0].ask("broadcast", null, "note", "all");
      await inside[0].ask("to-others", null, "note", "others");
      assert.deepEqual(await notes([...inside, outside]), [["all"], ["all", "others"], []]);
    });

    test("binary and text reach every generation", async (t) => {
      const { room, peers } = await trio(t);
      await peers[0].ask(
        "broadcast",
        room,
        "note",
        { part: bytes(1, 2, 3), list: [bytes(4)] },
        "text",
      );
      for (const peer of peers) {
        const [{ part, list }, text] = await peer.next("note");
        assert.deepEqual(
          [Buffer.from(part), Buffer.from(list[0]), text],
          [bytes(1, 2, 3), bytes(4), "text"],
        );
      }
    });

    test("broadcasts of one sender keep their order", async (t) => {
      const { room, peers } = await trio(t);
      const count = 200;
      for (let i = 0; i < count; i += 1) peers[0].emit("broadcast", room, "note", i);
      for (const peer of peers) {
        const got = await peer.take("note", count);
        assert.deepEqual(
          got.map(([i]) => i),
          Array.from({ length: count }, (_, i) => i),
        );
      }
    });

    test("acks of a broadcast: everyone answers", async (t) => {
      const { room, peers } = await trio(t);
      peers.forEach((peer, i) => {
        peer.answer = (question) => [{ question, i }, "ignored"];
      });
      const answers = (list) => list.map(({ question, i }) => `${question}${i}`).sort();
      const [error, all] = await peers[0].ask("ask-all", room, 20_000, "?");
      assert.equal(error, null);
      assert.deepEqual(answers(all), ["?0", "?1", "?2"]);
      const [none, others] = await peers[0].ask("ask-others", room, 20_000, "!");
      assert.equal(none, null);
      assert.deepEqual(answers(others), ["!1", "!2"]);
    });

    test("acks of a broadcast: binary", async (t) => {
      const { room, peers } = await trio(t);
      for (const peer of peers) peer.answer = (part) => [Buffer.from(part)];
      const [error, all] = await peers[0].ask("ask-all", room, 20_000, bytes(9, 8));
      assert.equal(error, null);
      assert.deepEqual(
        all.map((part) => Buffer.from(part)),
        [bytes(9, 8), bytes(9, 8), bytes(9, 8)],
      );
    });

    test("acks of a broadcast: who is late is missing", async (t) => {
      const { room, peers } = await trio(t);
      peers[1].answer = () => null;
      peers[0].answer = peers[2].answer = () => ["here"];
      // Long enough for the answers on a busy machine.
      assert.deepEqual(await peers[0].ask("ask-all", room, 1000, "?"), [
        "operation has timed out",
        ["here", "here"],
      ]);
    });

    test("acks of a broadcast: nobody is there", async (t) => {
      const peer = await join(t);
      assert.deepEqual(await peer.ask("ask-all", "nobody", 20_000, "?"), [null, []]);
    });

    test("the server looks at its sockets and moves them", async (t) => {
      const { room, peers } = await trio(t);
      await peers[1].ask("set-data", "name", { first: "Emma" });
      const [list] = await peers[0].ask("fetch-sockets", room);
      assert.deepEqual(
        list.map(({ id }) => id),
        sorted(peers.map((peer) => peer.id)),
      );
      assert.deepEqual(
        list.find(({ id }) => id === peers[1].id),
        { id: peers[1].id, rooms: sorted([peers[1].id, room]), data: { name: { first: "Emma" } } },
      );

      const other = `${room} other`;
      await peers[0].ask("sockets-join", room, [other, `${room} third`]);
      await peers[0].ask("sockets-leave", peers[2].id, room);
      await notes(peers);
      assert.deepEqual(await peers[1].ask("rooms"), [
        sorted([peers[1].id, room, other, `${room} third`]),
      ]);
      assert.deepEqual(await peers[2].ask("rooms"), [
        sorted([peers[2].id, other, `${room} third`]),
      ]);
      await peers[0].ask("broadcast", other, "note", "moved");
      assert.deepEqual(await notes(peers), [["moved"], ["moved"], ["moved"]]);
    });

    test("the server disconnects a room", async (t) => {
      for (const close of [false, true]) {
        const { room, peers } = await trio(t);
        const outside = await join(t);
        outside.emit("sockets-disconnect", room, close);
        for (const peer of peers) assert.equal(await peer.disconnected(), "io server disconnect");
        await outside.settled();
        assert.deepEqual(outside.reasons, []);
        assert.deepEqual(await outside.ask("fetch-sockets", room), [[]]);
      }
    });

    test("local broadcasts reach at least the sender's worker", async (t) => {
      const peer = await join(t);
      await peer.ask("join", "near");
      await peer.ask("broadcast-local", "near", "note", "here");
      assert.deepEqual(await peer.next("note"), ["here"]);
    });

    test("catch-all listeners see what comes and what goes", async (t) => {
      const peer = await join(t);
      peer.emit("echo-event", 1);
      peer.emit("forbidden");
      peer.emit("unknown");
      peer.emit("volatile-burst", 0);
      assert.deepEqual(await peer.ask("broadcast", peer.id, "note"), []);
      await peer.next("note");
      assert.deepEqual(await peer.ask("catch-all"), [
        ["echo-event", "forbidden", "unknown", "volatile-burst", "broadcast", "catch-all"],
        ["echo-event", "refused", "volatile-end", "note"],
      ]);
    });

    test("hundreds of clients, over connections that are kept and shared", async (t) => {
      const count = 100;
      const room = `many ${workers}`;
      const peers = await Promise.all(
        Array.from({ length: count }, (_, i) =>
          connect(t, clients[i % 4 === 1 ? 0 : i % 4], server.port, {
            transports: i % 2 ? ["websocket"] : ["polling"],
          }),
        ),
      );
      await Promise.all(peers.map((peer) => peer.ask("join", room)));
      await peers[0].ask("broadcast", room, "note", "to all");
      await Promise.all(
        peers.map(async (peer) => assert.deepEqual(await peer.next("note"), ["to all"])),
      );
      const [list] = await peers[1].ask("fetch-sockets", room);
      assert.equal(list.length, count);
    });
  });
}

describe("namespaces", () => {
  test("dynamic ones are made once, by who comes first", async (t) => {
    const server = await start();
    t.after(() => server.stop());
    const options = (n) => ({ nsp: `/room-${n}`, transports: ["websocket"] });
    const peers = [];
    for (const n of [5, 6, 5]) peers.push(await connect(t, client4, server.port, options(n)));
    assert.deepEqual(await peers[0].ask("namespaces"), [["/room-5", "/room-6"]]);
    await peers[0].ask("broadcast", null, "note", 5);
    assert.deepEqual(await peers[2].next("note"), [5]);
    await peers[1].settled();
    assert.deepEqual(peers[1].pending("note"), []);
    const bad = dial(t, client4, server.port, { nsp: "/room-x", transports: ["websocket"] });
    assert.equal((await bad.refused()).message, "Invalid namespace");
  });

  test("empty ones are cleaned up where that is asked for", async (t) => {
    for (const [flags, expected] of [
      [["--cleanup"], ["/room-5", "/room-5"]],
      [[], ["/room-5"]],
    ]) {
      const server = await start(...flags);
      t.after(() => server.stop());
      const main = await connect(t, client4, server.port, { transports: ["websocket"] });
      for (let i = 0; i < 2; i += 1) {
        const options = { nsp: "/room-5", transports: ["websocket"] };
        const peer = await connect(t, client4, server.port, options);
        peer.emit("disconnect-me", false);
        await peer.disconnected();
      }
      assert.deepEqual(await main.ask("namespaces"), [expected]);
    }
  });

  test("several over one connection, and one of them ends", async (t) => {
    const server = await start();
    t.after(() => server.stop());
    const main = await connect(t, client4, server.port, { transports: ["websocket"] });
    const { io: manager } = main.socket;
    const room = manager.socket("/room-1");
    t.after(() => room.close());
    await new Promise((resolve) => {
      room.on("connect", resolve);
    });
    assert.deepEqual(await main.ask("connections"), [1]);
    assert.notEqual(room.id, main.id);
    const left = new Promise((resolve) => {
      room.on("disconnect", resolve);
    });
    room.emit("disconnect-me", false);
    assert.equal(await left, "io server disconnect");
    await main.settled();
    assert.deepEqual(main.reasons, []);
  });

  test("the adapter tells of its rooms", async (t) => {
    const server = await start();
    t.after(() => server.stop());
    const [a, b] = [await connect(t, client4, server.port), await connect(t, client4, server.port)];
    await a.ask("join", "log-x");
    await a.ask("join", "log-x");
    await b.ask("join", ["log-x", "log-y"]);
    await a.ask("leave", "log-x");
    const id = [a.id, b.id];
    b.close();
    const list = await (async () => {
      for (;;) {
        const [log] = await a.ask("adapter-log");
        if (log.includes("delete-room log-y")) return log;
      }
    })();
    assert.deepEqual(list, [
      "create-room log-x",
      `join-room log-x ${id[0]}`,
      `join-room log-x ${id[1]}`,
      "create-room log-y",
      `join-room log-y ${id[1]}`,
      `leave-room log-x ${id[0]}`,
      `leave-room log-x ${id[1]}`,
      "delete-room log-x",
      `leave-room log-y ${id[1]}`,
      "delete-room log-y",
    ]);
  });
});
