// Many sessions on several workers: any worker may receive a request, but one worker owns its
// session.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";

import { deadline } from "./client.mjs";
import { until } from "./server.mjs";
import { client1, client2, client4, connect, start } from "./socketio/harness.mjs";
import { packetsOf, Session, Socket } from "./socketio/raw.mjs";

const numbers = (count) => Array.from({ length: count }, (_, i) => i);

// Sends a request over one of the connections of `agent`, which the sessions share.
function over(agent, port, method, target, body) {
  return deadline(
    new Promise((resolve, reject) => {
      const sent = http.request(
        { host: "127.0.0.1", port, method, path: target, agent },
        (response) => {
          response.setEncoding("utf8");
          let text = "";
          response.on("data", (part) => {
            text += part;
          });
          response.on("end", () => resolve({ status: response.statusCode, text }));
        },
      );
      sent.on("error", reject);
      sent.end(body);
    }),
    `${method} ${target}`,
    30_000,
  );
}

describe("several workers", () => {
  let server;
  before(async () => {
    server = await start("--workers", 4, "--allow-eio3");
  });
  after(() => server?.stop());

  test("polls and POSTs of many sessions over the same kept connections", async (t) => {
    const sessions = 20;
    const each = 15;
    // As many connections as sessions: with fewer, waiting polls would block the requests that end
    // them.
    const polls = new http.Agent({ keepAlive: true, maxSockets: sessions });
    const posts = new http.Agent({ keepAlive: true, maxSockets: 5 });
    t.after(() => [polls, posts].forEach((agent) => agent.destroy()));
    await Promise.all(
      numbers(sessions).map(async (n) => {
        const open = await over(polls, server.port, "GET", "/socket.io/?EIO=4&transport=polling");
        const { sid } = JSON.parse(open.text.slice(1));
        const target = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
        assert.equal((await over(posts, server.port, "POST", target, "40")).text, "ok");
        const got = [];
        const send = async () => {
          for (const i of numbers(each)) {
            const { status } = await over(
              posts,
              server.port,
              "POST",
              target,
              `42["echo-event",${n},${i}]`,
            );
            assert.equal(status, 200);
          }
        };
        const receive = async () => {
          while (got.length < each) {
            const { status, text } = await over(polls, server.port, "GET", target);
            assert.equal(status, 200, text);
            got.push(...packetsOf(text, 4).filter((packet) => packet.includes("echo-event")));
          }
        };
        await Promise.all([send(), receive()]);
        assert.deepEqual(
          got,
          numbers(each).map((i) => `42["echo-event",${n},${i}]`),
        );
      }),
    );
  });

  test("each request over a connection of its own, and upgrades", async () => {
    await Promise.all(
      numbers(20).map(async (n) => {
        const session = await Session.open(server.port, { eio: n % 2 ? 3 : 4 });
        await session.post([`42["echo-event",${n}]`]);
        assert.equal(await session.next(), `42["echo-event",${n}]`);
        const socket = await Socket.open(server.port, { eio: session.eio, sid: session.sid });
        socket.send("2probe");
        assert.equal(await socket.next(), "3probe");
        socket.send("5", `42["echo-event","upgraded ${n}"]`);
        assert.equal(await socket.next(), `42["echo-event","upgraded ${n}"]`);
        socket.destroy();
      }),
    );
  });

  test("clients of every kind reach each other, wherever they are", async (t) => {
    const kinds = [client4, client2, client1];
    const peers = await Promise.all(
      numbers(30).map((i) =>
        connect(t, kinds[i % 3], server.port, {
          transports: [["polling"], ["websocket"], ["polling", "websocket"]][
            (i % 2) + (i % 5 ? 0 : 1)
          ],
        }),
      ),
    );
    for (const peer of peers) peer.answer = () => [peer.id];
    await Promise.all(peers.map((peer) => peer.ask("join", "everyone")));
    const ids = peers.map(({ id }) => id).sort();
    await Promise.all(
      peers.slice(0, 5).map(async (peer) => {
        const [error, answers] = await peer.ask("ask-all", "everyone", 20_000);
        assert.equal(error, null);
        assert.deepEqual(answers.sort(), ids);
      }),
    );
    await Promise.all(peers.map((peer) => peer.ask("to-others", "everyone", "note", peer.id)));
    await Promise.all(
      peers.map(async (peer) => {
        const got = await peer.take("note", peers.length - 1);
        assert.deepEqual(
          got.map(([id]) => id).sort(),
          ids.filter((id) => id !== peer.id),
        );
      }),
    );
    const [list] = await peers[0].ask("fetch-sockets", "everyone");
    assert.deepEqual(
      list.map(({ id }) => id),
      ids,
    );
  });

  test("sessions that were opened and abandoned are gone after a while", async (t) => {
    const short = await start(
      "--workers",
      2,
      "--ping-interval",
      100,
      "--ping-timeout",
      1500,
      "--connect-timeout",
      1500,
    );
    t.after(() => short.stop());
    await Promise.all(numbers(100).map((i) => Session.open(short.port, { join: i % 2 === 0 })));
    const peer = await connect(t, client4, short.port, {
      transports: ["websocket"],
      reconnection: true,
    });
    await until(
      async () => (await peer.ask("connections"))[0] === 1,
      "the others to be gone",
      30_000,
    );
    const [list] = await peer.ask("fetch-sockets", null);
    assert.deepEqual(
      list.map(({ id }) => id),
      [peer.id],
    );
  });

  test("messages are compressed where both sides agreed, and are the same", async (t) => {
    const deflating = await start("--per-message-deflate");
    t.after(() => deflating.stop());
    const peer = await connect(t, client4, deflating.port, { transports: ["websocket"] });
    assert.match(peer.engine.transport.ws.extensions, /permessage-deflate/);
    const text = "a text that compresses well ".repeat(2000);
    for (const compress of [true, false]) {
      peer.emit("compress", compress, "note", text);
      assert.deepEqual(await peer.next("note"), [text]);
    }
    assert.deepEqual(await peer.ask("echo", "short", Buffer.alloc(5000, 1)), [
      "short",
      Buffer.alloc(5000, 1),
    ]);
    const plain = await connect(t, client4, server.port, { transports: ["websocket"] });
    assert.equal(plain.engine.transport.ws.extensions, "");
  });
});
