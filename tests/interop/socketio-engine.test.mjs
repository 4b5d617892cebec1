// Engine.IO on the wire: the reference server and starling send the same bytes for the same
// requests. Each test runs on both, or with STARLING_SOCKETIO=node on the reference only.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gunzipSync, inflateSync } from "node:zlib";

import { both } from "./socketio/harness.mjs";
import {
  error,
  open,
  packetsOf,
  refusedUpgrade,
  request,
  Session,
  Socket,
} from "./socketio/raw.mjs";
import { greeting } from "./socketio/text.mjs";

const polling = "EIO=4&transport=polling";

// The answers to single requests without a session.
const refusals = [
  ["GET", "", 400, error(0)],
  ["GET", "EIO=4&transport=pollin", 400, error(0)],
  ["GET", "EIO=4&transport=webtransport", 400, error(0)],
  ["GET", "EIO=4&transport=constructor", 400, error(0)],
  ["GET", `${polling}&sid=unknown`, 400, error(1)],
  ["GET", `${polling}&sid=__proto__`, 400, error(1)],
  ["POST", `${polling}&sid=unknown`, 400, error(1)],
  ["POST", polling, 400, error(2)],
  ["PUT", polling, 400, error(2)],
  ["DELETE", polling, 400, error(2)],
  ["GET", "EIO=4&transport=websocket", 400, error(3)],
  ["GET", `${polling}&refuse=not+you`, 403, '{"code":4,"message":"not you"}'],
  ["GET", "EIO=3&transport=polling", 400, error(5)],
  ["GET", "EIO=5&transport=polling", 400, error(5)],
  ["GET", "transport=polling", 400, error(5)],
];

const upgradeRefusals = [
  ["EIO=4&transport=nothing", "Transport unknown"],
  ["EIO=4&transport=websocket&sid=unknown", "Session ID unknown"],
  ["EIO=4&transport=websocket&refuse=not+you", "not you"],
  ["EIO=3&transport=websocket", "Unsupported protocol version"],
];

const withoutSid = (text) => text.replace(/"sid":"[\w-]{20}"/, '"sid":""');

for (const [name, start] of both) {
  describe(`Engine.IO 4 of ${name}`, () => {
    let server;
    before(async () => {
      server = await start();
    });
    after(() => server?.stop());
    const session = (options) => Session.open(server.port, options);

    for (const [method, query, status, body] of refusals) {
      test(`${method} ${query || "without a query"}: ${status} ${body}`, async () => {
        const got = await request(server.port, method, `/socket.io/?${query}`);
        assert.deepEqual(
          [got.status, got.body.toString(), got.headers["content-type"]],
          [status, body, "application/json"],
        );
      });
    }

    for (const [query, message] of upgradeRefusals) {
      test(`an upgrade with ${query}: ${message}`, async () => {
        const fields = ["connection: close", `content-length: ${message.length}`];
        const expected = ["HTTP/1.1 400 Bad Request", ...fields, "content-type: text/html", message];
        const got = await refusedUpgrade(server.port, query);
        // The reference checks the revision only after it has answered 101, which no client
        // understands.
        const late =
          got.startsWith("HTTP/1.1 101") && name === "the reference" && query.includes("EIO=3");
        const answer = late ? got.slice(got.indexOf("HTTP/1.1 400")) : got;
        const [head, body] = answer.split("\r\n\r\n");
        const [status, ...lines] = head.split("\r\n");
        // Field names are compared without case and order, and starling adds Date.
        const sorted = lines.map((line) => line.toLowerCase()).sort();
        const rest = sorted.filter((line) => !line.startsWith("date: "));
        assert.deepEqual([status, ...rest, body], expected);
      });
    }

    test("the open packet over polling, its headers", async () => {
      const { first } = await session({ join: false });
      assert.equal(first.status, 200);
      assert.equal(withoutSid(first.body.toString()), `0${JSON.stringify(open(["websocket"]))}`);
      const {
        "content-type": type,
        "cache-control": cache,
        "set-cookie": cookie,
        "content-length": length,
        "access-control-allow-origin": cors,
      } = first.headers;
      assert.deepEqual(
        [type, cache, Number(length), cookie, cors],
        ["text/plain; charset=UTF-8", "no-store", first.body.length, undefined, undefined],
      );
    });

    test("the open packet over WebSocket", async () => {
      const socket = await Socket.open(server.port, { join: false });
      assert.equal(withoutSid(socket.first), `0${JSON.stringify(open([]))}`);
      socket.destroy();
    });

    test("the reply to a POST", async () => {
      const one = await session();
      const { status, headers, body } = await one.post(['42["echo-event"]']);
      assert.deepEqual(
        [
          status,
          headers["content-type"],
          headers["content-length"],
          headers["cache-control"],
          body.toString(),
        ],
        [200, "text/html", "2", "no-store", "ok"],
      );
      assert.equal(await one.next(), '42["echo-event"]');
    });

    test("CONNECT and its reply", async () => {
      const one = await session();
      assert.match(one.joined, /^40\{"sid":"[\w-]{20}"\}$/);
      assert.notEqual(JSON.parse(one.joined.slice(2)).sid, one.sid);
      await one.post(['40/room-1,{"a":1}']);
      assert.match(await one.next(), /^40\/room-1,\{"sid":"[\w-]{20}"\}$/);
      assert.equal(await one.next(), '42/room-1,["hello",false]');
      await one.post(["40/none,"]);
      assert.equal(await one.next(), '44/none,{"message":"Invalid namespace"}');
      await one.post(["40/admin,"]);
      assert.equal(
        await one.next(),
        '44/admin,{"message":"not authorized","data":{"code":"E_AUTH"}}',
      );
      await one.post(["40/room-13,"]);
      assert.equal(await one.next(), '44/room-13,{"message":"unlucky"}');
      await one.post(["41/room-1,", '421["rooms"]']);
      assert.match(await one.next(), /^431\[\["[\w-]{20}"\]\]$/);
    });

    test("packets as text", async () => {
      const one = await session();
      // [request, answer]
      const cases = [
        ['42["echo-event",1,"a",null,{"b":[true]}]', '42["echo-event",1,"a",null,{"b":[true]}]'],
        ['420["echo","x"]', '430["x"]'],
        ['4212["echo"]', "4312[]"],
        ['429007199254740991["echo",1]', "439007199254740991[1]"],
        ['42["echo-event", "space" ,1.0,1e3]', '42["echo-event","space",1,1000]'],
        ['42["echo-event","\\u00fc\\ud83d\\udc26\\/"]', '42["echo-event","ü🐦/"]'],
        [`421["describe","ü"]`, "431[[252]]"],
        ['42/,["echo-event",1]', '42["echo-event",1]'],
        ['42["forbidden"]', '42["refused","forbidden event"]'],
      ];
      for (const [sent, expected] of cases) {
        assert.equal((await one.post([sent])).status, 200);
        assert.equal(await one.next(), expected);
      }
    });

    test("text that is not ASCII, and several packets in one payload", async () => {
      const one = await session();
      await one.post(['42["greeting"]', '421["echo",2]', '422["echo",3]']);
      assert.equal(await one.next(), `42${JSON.stringify(["greeting", greeting])}`);
      assert.deepEqual([await one.next(), await one.next()], ["431[2]", "432[3]"]);
    });

    test("binary: base64 over polling, frames over WebSocket", async () => {
      const event =
        '452-["echo-event",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]';
      const one = await session();
      await one.post([event, "bAQI=", "b/w=="]);
      assert.deepEqual(
        [await one.next(), await one.next(), await one.next()],
        [event, "bAQI=", "b/w=="],
      );
      await one.post(['451-7["echo",{"_placeholder":true,"num":0}]', "bAQI="]);
      assert.deepEqual(
        [await one.next(), await one.next()],
        ['461-7[{"_placeholder":true,"num":0}]', "bAQI="],
      );
      const socket = await Socket.open(server.port);
      socket.send(event, Buffer.from([1, 2]), Buffer.from([255]));
      assert.deepEqual(
        [await socket.next(), await socket.next(), await socket.next()],
        [event, Buffer.from([1, 2]), Buffer.from([255])],
      );
      socket.destroy();
    });

    test("a poll waits for what comes, a POST answers it", async () => {
      const one = await session();
      const poll = one.get();
      await one.post(['42["echo-event",1]']);
      assert.equal((await poll).body.toString(), '42["echo-event",1]');
    });

    test("JSONP", async () => {
      const jsonp = (body) => /^___eio\[7\]\((".*")\);$/.exec(body.toString());
      const first = await request(server.port, "GET", `/socket.io/?${polling}&j=7`);
      // With `nosniff` browsers do not run a script of type text/plain.
      const types = { starling: "text/javascript; charset=UTF-8" };
      assert.equal(first.headers["content-type"], types[name] ?? "text/plain; charset=UTF-8");
      const { sid } = JSON.parse(JSON.parse(jsonp(first.body)[1]).slice(1));
      const target = `/socket.io/?${polling}&j=7&sid=${sid}`;
      const form = { "Content-Type": "application/x-www-form-urlencoded" };
      const post = (text) =>
        request(server.port, "POST", target, {
          headers: form,
          body: `d=${encodeURIComponent(text)}`,
        });
      const posted = await post("40");
      assert.deepEqual(
        [posted.status, posted.body.toString(), posted.headers["content-type"]],
        [200, "ok", "text/html"],
      );
      const event = `42${JSON.stringify(["echo-event", "a\nb \\n c ü"])}`;
      await post(event.replaceAll("\\n", "\\\\n"));  // as the client's form escapes it
      await post('42["greeting"]');
      const packets = [];
      while (packets.length < 4) {
        const { body } = await request(server.port, "GET", target);
        assert.ok(!/[\u2028\u2029]/.test(body.toString()), "line separators are escaped");
        packets.push(...packetsOf(JSON.parse(jsonp(body)[1]), 4));
      }
      assert.equal(packets[1], '42["hello",false]');
      assert.equal(packets[2], event);
      assert.equal(packets[3], `42${JSON.stringify(["greeting", greeting])}`);
    });

    test("large replies are compressed as the client accepts, small ones are not", async () => {
      const one = await session();
      const ask = async (size, encoding) => {
        await one.post([`421["big",${size}]`]);
        return request(server.port, "GET", one.target(), {
          headers: { "Accept-Encoding": encoding },
        });
      };
      const plain = (size) => `431["${"x".repeat(size)}"]`;
      for (const [size, accepts, encoding, expand] of [
        [2000, "gzip", "gzip", gunzipSync],
        // Every browser accepts gzip; starling has no other coding.
        ...(name === "starling" ? [] : [[2000, "deflate", "deflate", inflateSync]]),
        [2000, "gzip, deflate", "gzip", gunzipSync],
        [2000, "identity", undefined, (body) => body],
        [100, "gzip", undefined, (body) => body],
      ]) {
        const { headers, body } = await ask(size, accepts);
        assert.equal(headers["content-encoding"], encoding);
        assert.equal(expand(body).toString(), plain(size));
      }
    });

    test("upgrade: a probe, noop for the pending poll, what waits goes over", async () => {
      const one = await session();
      const poll = one.get();
      const socket = await Socket.open(server.port, { sid: one.sid });
      socket.send("2probe");
      assert.equal(await socket.next(), "3probe");
      assert.equal((await poll).body.toString(), "6");
      await one.post(['42["echo-event","over polling"]']);
      socket.send("5");
      assert.equal(await socket.next(), '42["echo-event","over polling"]');
      socket.send('42["echo-event","over WebSocket"]');
      assert.equal(await socket.next(), '42["echo-event","over WebSocket"]');
      const late = await one.get();
      assert.deepEqual([late.status, late.body.toString()], [400, error(3)]);
      socket.destroy();
    });

    test("upgrade: what is not a probe closes that WebSocket, the session stays", async () => {
      for (const wrong of ["2", '42["echo-event"]', "3probe", "x"]) {
        const one = await session();
        const socket = await Socket.open(server.port, { sid: one.sid });
        socket.send(wrong);
        assert.deepEqual(await socket.ended(), [], wrong);
        socket.destroy();
        await one.post(['42["echo-event",1]']);
        assert.equal(await one.next(), '42["echo-event",1]');
      }
    });

    test("upgrade: a second attempt is closed, the first one goes on", async () => {
      const one = await session();
      const socket = await Socket.open(server.port, { sid: one.sid });
      socket.send("2probe");
      assert.equal(await socket.next(), "3probe");
      const second = await Socket.open(server.port, { sid: one.sid });
      assert.deepEqual(await second.ended(), []);
      socket.send("5", '42["echo-event",1]');
      assert.equal(await socket.next(), '42["echo-event",1]');
      const third = await Socket.open(server.port, { sid: one.sid });
      assert.deepEqual(await third.ended(), []);
      socket.destroy();
    });

    test("close packets", async () => {
      const one = await session();
      const poll = one.get();
      await one.post(["1"]);
      assert.deepEqual(packetsOf((await poll).body, 4), ["6"]);
      assert.equal((await one.get()).body.toString(), error(1));
      const two = await session();
      await two.post(['42["disconnect-me",true]']);
      const packets = [await two.next(), await two.next()];
      packets.push(await two.until((packet) => packet !== "6"));
      assert.deepEqual(packets, ['42["bye"]', "41", "1"]);
      assert.equal((await two.get()).body.toString(), error(1));
    });

    test("the client's bundle is there, and not modified", async () => {
      for (const file of [
        "socket.io.js",
        "socket.io.min.js",
        "socket.io.esm.min.js",
        "socket.io.msgpack.min.js",
        "socket.io.js.map",
      ]) {
        const got = await request(server.port, "GET", `/socket.io/${file}`);
        const { etag, "cache-control": cache, "content-type": type } = got.headers;
        assert.deepEqual(
          [got.status, etag, cache, type],
          [
            200,
            '"4.8.3"',
            "public, max-age=0",
            `application/${file.endsWith(".map") ? "json" : "javascript"}; charset=utf-8`,
          ],
        );
        assert.ok(got.body.length > 10_000);
        for (const tag of ['"4.8.3"', 'W/"4.8.3"']) {
          const again = await request(server.port, "GET", `/socket.io/${file}`, {
            headers: { "If-None-Match": tag },
          });
          assert.deepEqual([again.status, again.body.length], [304, 0]);
        }
      }
    });
  });

  describe(`options of ${name}`, () => {
    const session = (server, options) => Session.open(server.port, options);

    test("cookie, CORS and headers of the application", async (t) => {
      const server = await start("--cookie", "io", "--cors", "http://a.example", "--headers");
      t.after(() => server.stop());
      const headers = { Origin: "http://a.example" };
      const one = await session(server, { headers, join: false });
      assert.deepEqual(one.first.headers["set-cookie"], [
        `io=${one.sid}; Path=/; HttpOnly; SameSite=Lax`,
      ]);
      assert.deepEqual(
        ["x-initial", "x-each"].map((field) => one.first.headers[field]),
        ["yes", "yes"],
      );
      assert.deepEqual(
        ["access-control-allow-origin", "access-control-allow-credentials", "vary"].map(
          (field) => one.first.headers[field],
        ),
        ["http://a.example", "true", "Origin"],
      );
      const second = await request(server.port, "POST", one.target(), { headers, body: "40" });
      assert.deepEqual(
        ["x-initial", "x-each", "set-cookie", "access-control-allow-origin"].map(
          (field) => second.headers[field],
        ),
        [undefined, "yes", undefined, "http://a.example"],
      );
      const preflight = await request(server.port, "OPTIONS", `/socket.io/?${polling}`, {
        headers: {
          ...headers,
          "Access-Control-Request-Method": "POST",
          "Access-Control-Request-Headers": "x-y",
        },
      });
      // starling allows the methods and fields in its options, the reference those that were asked
      // for.
      const allowed = {
        starling: ["GET, HEAD, POST", "Content-Type"],
      };
      assert.deepEqual(
        [
          preflight.status,
          preflight.headers["access-control-allow-origin"],
          preflight.headers["access-control-allow-methods"],
          preflight.headers["access-control-allow-headers"],
        ],
        [
          204,
          "http://a.example",
          ...(allowed[name] ?? ["GET,HEAD,PUT,PATCH,POST,DELETE", "x-y"]),
        ],
      );
    });

    test("transports and upgrades that are not allowed", async (t) => {
      const server = await start("--transports", "websocket");
      t.after(() => server.stop());
      const got = await request(server.port, "GET", `/socket.io/?${polling}`);
      assert.deepEqual([got.status, got.body.toString()], [400, error(0)]);
      const other = await start("--no-upgrades");
      t.after(() => other.stop());
      assert.deepEqual((await session(other, { join: false })).opened.upgrades, []);
    });

    test("limits are told in the open packet; the server pings", async (t) => {
      const server = await start(
        "--ping-interval",
        200,
        "--ping-timeout",
        20000,
        "--max-http-buffer-size",
        5000,
      );
      t.after(() => server.stop());
      const one = await session(server);
      assert.deepEqual(
        { ...one.opened, sid: "" },
        open(["websocket"], { pingInterval: 200, pingTimeout: 20000, maxPayload: 5000 }),
      );
      for (let i = 0; i < 2; i += 1) {
        assert.equal(await one.next(), "2");
        await one.post(["3"]);
      }
    });
  });
}
