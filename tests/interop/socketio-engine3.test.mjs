// Engine.IO 3 on the wire, which clients 1.x and 2.x speak: the reference and starling.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { both } from "./socketio/harness.mjs";
import { error, open, packetsOf, payloadOf, request, Session, Socket } from "./socketio/raw.mjs";

for (const [name, start] of both) {
  describe(`Engine.IO 3 of ${name}`, () => {
    let server;
    before(async () => {
      server = await start("--allow-eio3");
    });
    after(() => server?.stop());
    const session = (options) => Session.open(server.port, { eio: 3, ...options });

    test("the open packet, then the server connects by itself", async () => {
      const one = await session();
      const { sid } = one.opened;
      assert.deepEqual(one.opened, { ...open(["websocket"]), sid });
      assert.equal(one.joined, "40");
      await one.post(["40/room-1,"]);
      assert.deepEqual(
        [await one.next(), await one.next()],
        ["40/room-1,", '42/room-1,["hello",false]'],
      );
      await one.post(['42/room-1,1["rooms"]', '422["rooms"]']);
      assert.deepEqual(
        [await one.next(), await one.next()],
        [`43/room-1,1[["/room-1#${sid}"]]`, `432[["${sid}"]]`],
      );
      await one.post(["40/none"]);
      assert.equal(await one.next(), '44/none,{"message":"Invalid namespace"}');
      await one.post(["40/admin?token=secret,"]);
      assert.equal(await one.next(), "40/admin,");
    });

    test("a ping of the client is answered", async () => {
      const one = await session();
      await one.post(["2"]);
      assert.equal(await one.next(), "3");
      const socket = await Socket.open(server.port, { eio: 3 });
      socket.send("2");
      assert.equal(await socket.next(), "3");
      socket.destroy();
    });

    test("lengths count UTF-16 code units", async () => {
      const one = await session();
      const packet = '42["echo-event","ü🐦"]';
      await one.post([packet]);
      const { body } = await one.get();
      if (name === "the reference") assert.equal(body.toString(), payloadOf([packet], 3));
      // Escaped text means the same to every client, and 1.x needs the escapes.
      assert.deepEqual(
        packetsOf(body, 3).map((text) => JSON.parse(text.slice(2))),
        [["echo-event", "ü🐦"]],
      );
    });

    test("binary: payloads of bytes, base64 where asked for, a byte 4 in frames", async () => {
      const event = '451-["echo-event",{"_placeholder":true,"num":0}]';
      const one = await session();
      const digits = [...String(event.length)].map(Number);
      const bytes = Buffer.concat([
        Buffer.from([0, ...digits, 255]),
        Buffer.from(event),
        Buffer.from([1, 3, 255, 4, 1, 2]),
      ]);
      await one.post(bytes, { "Content-Type": "application/octet-stream" });
      const got = await one.get();
      assert.equal(got.headers["content-type"], "application/octet-stream");
      assert.deepEqual(got.body, bytes);
      const two = await session({ query: "&b64=1" });
      await two.post([event, "b4AQI="]);
      const text = await request(server.port, "GET", two.target("&b64=1"));
      assert.equal(text.headers["content-type"], "text/plain; charset=UTF-8");
      assert.deepEqual(packetsOf(text.body, 3), [event, "b4AQI="]);
      const socket = await Socket.open(server.port, { eio: 3 });
      socket.send(event, Buffer.from([4, 1, 2]));
      assert.deepEqual([await socket.next(), await socket.next()], [event, Buffer.from([4, 1, 2])]);
      socket.destroy();
    });

    test("another revision on a session is refused, the session goes on", async () => {
      const one = await session();
      const got = await request(
        server.port,
        "GET",
        `/socket.io/?EIO=4&transport=polling&sid=${one.sid}`,
      );
      assert.deepEqual([got.status, got.body.toString()], [400, error(3)]);
      await one.post(['42["echo-event",1]']);
      assert.equal(await one.next(), '42["echo-event",1]');
    });
  });
}
