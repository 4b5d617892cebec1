// ws::Socket::pause() and resume() with npm `ws` as the client: what it sends waits in its own memory, and
// arrives once the server reads again.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { deadline, open } from "./client.mjs";
import { until, websocketServer } from "./server.mjs";

const messages = 64;
const message_bytes = 512 * 1024; // 32 MiB in all: more than both kernels hold.

// Bytes that deflate cannot make much smaller, of a size that tells the message's place.
function payload(index) {
  const bytes = Buffer.alloc(message_bytes + index);
  let x = index + 1;
  for (let i = 0; i < bytes.length; i += 4) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes.writeUInt32LE(x, Math.min(i, bytes.length - 4));
  }
  return bytes;
}

for (const compressed of [false, true]) {
  describe(`pause${compressed ? ", compressed" : ""}`, () => {
    let server;
    beforeEach(async () => { server = await websocketServer(); });
    afterEach(() => server.stop());

    const get = async (path) => (await fetch(server.url(path, "http"))).text();
    async function paused() {
      const client = await open(server.url("/pause"), [], { perMessageDeflate: compressed });
      assert.equal(client.socket.extensions.includes("permessage-deflate"), compressed);
      client.socket.send("pause");
      assert.equal(await client.next(), "paused");
      return client;
    }
    // Waits until the bytes that `ws` holds for the socket stay the same: the socket takes no more.
    async function stuck(client) {
      let before = -1;
      let same = 0;
      await until(() => {
        const now = client.socket.bufferedAmount;
        same = now > 0 && now === before ? same + 1 : 0;
        before = now;
        return same === 20;
      }, "the client's queue to stand still");
      return before;
    }

    test("a paused server holds the client back, and gets everything in order", async () => {
      const client = await paused();
      for (let i = 0; i < messages; ++i) client.socket.send(payload(i));
      assert.ok(await stuck(client) > message_bytes);
      assert.equal(await get("/received"), "1");
      assert.equal(await get("/resume"), "resumed");
      for (let i = 0; i < messages; ++i) {
        assert.equal(await client.next(), `got ${message_bytes + i}`);
      }
      assert.equal(client.socket.bufferedAmount, 0);
      assert.equal((await client.close()).code, 1000);
    });

    test("other clients are served meanwhile", async () => {
      const client = await paused();
      client.socket.send("later");
      const other = await open(server.url("/pause"));
      other.socket.send("now");
      assert.equal(await other.next(), "got 3");
      assert.equal(await get("/received"), "2");
      await get("/resume");
      assert.equal(await client.next(), "got 5");
      await Promise.all([client.close(), other.close()]);
    });

    test("a ping waits for resume(), and a pause longer than the server's own timeouts is no death",
      async () => {
        const client = await paused();
        let pongs = 0;
        client.socket.on("pong", () => { pongs += 1; });
        client.socket.ping("asked");
        // The server pings an idle client every 100 ms: this one has had several by then.
        const idle = await open(server.url("/pause"));
        await deadline(new Promise((resolve) => {
          let pings = 0;
          idle.socket.on("ping", () => { if (++pings === 5) resolve(); });
        }), "five pings of an idle client");
        assert.equal(pongs, 0);
        const pong = new Promise((resolve) => { client.socket.on("pong", resolve); });
        await get("/resume");
        assert.equal(String(await deadline(pong, "the pong")), "asked");
        await Promise.all([client.close(), idle.close()]);
      });

    test("the client's close is answered after resume()", async () => {
      const client = await paused();
      client.socket.send("before the close");
      client.socket.close(4001, "enough");
      const other = await open(server.url("/pause"));
      other.socket.send("x");
      assert.equal(await other.next(), "got 1");
      assert.equal(client.socket.readyState, client.socket.CLOSING);
      await get("/resume");
      assert.equal((await client.closed).code, 4001);
      assert.equal(await get("/received"), "3");
      await other.close();
    });

    test("the server's close ends the pause", async () => {
      const client = await paused();
      for (let i = 0; i < messages; ++i) client.socket.send(payload(i));
      await stuck(client);
      await get("/close");
      const { code, reason } = await client.closed;
      assert.deepEqual({ code, reason }, { code: 4000, reason: "enough" });
      assert.equal(await get("/received"), "1");
    });
  });
}
