// The webhooks of `starling gateway`, byte for byte: their fields, the client's JSON, headers, order, signatures.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { Application, distinct } from "../applications/application.mjs";
import { open, refusal } from "./client.mjs";
import { enter, openAs, request, startGateway } from "./gateway.mjs";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const latin1 = (text) => Buffer.from(text).toString("latin1");

describe("webhooks", () => {
  let application;
  let gateway;
  before(async () => {
    application = await Application.start();
    gateway = await startGateway({ application: application.url });
  });
  after(async () => {
    await gateway?.stop();
    await application?.stop();
  });

  test("open, message and close: the whole body of each, its fields in order", async () => {
    const { client, id } = await enter(gateway, application, "ada", { token: "t0k3n" });
    assert.match(id, uuid);
    client.socket.send('{"event":"x","data":{"n":1}}');
    await application.next("message");
    await client.close();
    await application.next("close");
    const rest = `"user_name":"ada","conn_id":"${id}","token":"t0k3n","access_public":false}`;
    assert.deepEqual(application.of(id).map(({ text }) => text), [
      `{"data":{},"action":"open",${rest}`,
      `{"data":{"event":"x","data":{"n":1}},"action":"message",${rest}`,
      `{"data":{},"action":"close",${rest}`,
    ]);
    for (const { method, path, headers } of application.of(id)) {
      assert.deepEqual([method, path, headers["content-type"]],
        ["POST", "/websocket/message", "application/json"]);
      assert.match(headers["webhook-timestamp"], /^\d{10}$/);
      assert.equal(headers["webhook-signature"], undefined);
    }
  });

  test("a client without a token is public, and has a token of its own", async () => {
    const [one, two] = [await enter(gateway, application), await enter(gateway, application)];
    for (const { client, opened } of [one, two]) {
      assert.equal(opened.user_name, "");
      assert.equal(opened.access_public, true);
      assert.match(opened.token, uuid);
      client.socket.send("{}");
      const message = await application.next("message");
      assert.deepEqual([message.conn_id, message.token], [opened.conn_id, opened.token]);
      await client.close();
      await application.next("close");
    }
    assert.notEqual(one.opened.token, two.opened.token);
  });

  test("the client's cookies go along on all three, as they are", async () => {
    const cookie = 'theme=dark; auth_token=abc; other="x y"';
    const { client, id } = await enter(gateway, application, "eve", { headers: { Cookie: cookie } });
    client.socket.send("{}");
    await application.next("message");
    client.end();
    await application.next("close");
    assert.deepEqual(application.of(id).map(({ headers, token }) => [headers.cookie, token]),
      [[cookie, "abc"], [cookie, "abc"], [cookie, "abc"]]);
  });

  test("user names are UTF-8, and are escaped as JSON asks", async () => {
    for (const name of ["小明", 'q"\\uote']) {
      const opening = application.next("open");
      const client = await openAs(gateway, latin1(name));
      const opened = await opening;
      assert.equal(opened.user_name, name);
      assert.ok(opened.text.includes(`"user_name":${JSON.stringify(name)}`), opened.text);
      await client.close();
      await application.next("close");
    }
  });

  // What a client sends, and the bytes of `data`; null: the same bytes.
  const integer = "9223372036854775808";
  const messages = [
    ["an order of keys", '{"z":1,"a":2,"m":3}', null],
    ["a key that stands twice", '{"a":1,"a":2}', null],
    ["2^63 and larger", `{"n":${integer},"m":-${integer},"l":${"9".repeat(400)}}`, null],
    ["floats as they were written", '[1.0,1e400,-0.0,0.10,1E+2,3.141592653589793238462643]', null],
    ["white space", ' {\t"a" :\n1 } ', null],
    ["escapes, a lone surrogate among them", '{"a":"\\u00e9\\/\\ud800"}', null],
    ["Chinese", '{"event":"消息","data":"你好"}', null],
    ["an array", "[1,2]", null],
    ["a string", '"text"', null],
    ["a number", "42", null],
    ["true", "true", null],
    ["null", "null", null],
    ["an empty object", "{}", null],
    ["128 levels", `${"[".repeat(128)}${"]".repeat(128)}`, null],
    ["a ping inside of something else", '{"data":{"event":"ping"}}', null],
    ["an event that is no string", '{"event":["ping"]}', null],
    ["of two events the last one counts", '{"event":"ping","event":"x"}', null],
    ["129 levels are text", `${"[".repeat(129)}${"]".repeat(129)}`,
      `"${"[".repeat(129)}${"]".repeat(129)}"`],
    ["text that is no JSON", 'say "hi"\n', '"say \\"hi\\"\\n"'],
    ["an empty text", "", '""'],
    ["a byte order mark in front", "\ufeff{}", '"\ufeff{}"'],
    ["almost JSON", "{a:1}", '"{a:1}"'],
    ["binary", Buffer.from([0, 1, 254, 255]), '{"base64":"AAH+/w=="}'],
    ["empty binary", Buffer.alloc(0), '{"base64":""}'],
    ["a ping in a binary frame", Buffer.from('{"event":"ping"}'), '{"base64":"eyJldmVudCI6InBpbmcifQ=="}'],
  ];
  for (const [what, message, data] of messages) {
    test(`data, byte for byte: ${what}`, async () => {
      const { client } = await enter(gateway, application, "ada");
      client.socket.send(message);
      const { text } = await application.next("message");
      const begin = '{"data":';
      const end = text.lastIndexOf(',"action":"message","user_name":"ada",');
      assert.equal(text.slice(0, begin.length), begin);
      assert.equal(text.slice(begin.length, end), data ?? message.toString());
      await client.close();
      await application.next("close");
    });
  }

  test("a message in fragments is one webhook", async () => {
    const { client } = await enter(gateway, application, "ada");
    client.socket.send('{"a":', { fin: false });
    client.socket.send("1}", { fin: true });
    assert.deepEqual((await application.next("message")).data, { a: 1 });
    await client.close();
    await application.next("close");
  });

  test("a message over the limit closes with 1009, and is no webhook", async () => {
    const { client, id } = await enter(gateway, application, "ada");
    client.socket.send(Buffer.alloc(1_000_001, "x").toString());
    assert.equal((await client.closed).code, 1009);
    await application.next("close");
    assert.deepEqual(application.of(id).map(({ action }) => action), ["open", "close"]);
  });

  test("without an upgrade 426; other paths 404; a subprotocol is taken: the first", async () => {
    const plain = await request(gateway.port, { path: "/ws" });
    assert.equal(plain.status, 426);
    assert.equal((await refusal(gateway.url("/wss"))).status, 404);
    const opening = application.next("open");
    const client = await open(gateway.url("/ws"), ["one", "two"]);
    await opening;
    assert.equal(client.socket.protocol, "one");
    await client.close();
    await application.next("close");
  });

  // [what, the header lines of X-Bfl-User, status]
  const users = [
    ["twice", ["ada", "eve"], 400],
    ["over 255 bytes", ["x".repeat(256)], 400],
    ["not UTF-8", ["\xff\xfe"], 400],
  ];
  for (const [what, names, status] of users) {
    test(`X-Bfl-User ${what}: ${status}`, async () => {
      assert.equal((await refusal(gateway.url("/ws"), [], { headers: { "X-Bfl-User": names } })).status, status);
    });
  }
});

describe("order", () => {
  test("each connection's webhooks in its order, one at a time; connections do not wait for each other", async () => {
    const held = [];
    const underWay = new Map();
    let together = 0;
    const application = await Application.start(async ({ conn_id, user_name, action }) => {
      underWay.set(conn_id, (underWay.get(conn_id) ?? 0) + 1);
      together = Math.max(together, underWay.get(conn_id));
      if (user_name === "slow" && action === "message") await new Promise((free) => { held.push(free); });
      underWay.set(conn_id, underWay.get(conn_id) - 1);
      return {};
    });
    const gateway = await startGateway({ application: application.url, config: { workers: 2 } });
    const slow = await enter(gateway, application, "slow");
    for (let i = 0; i < 10; i += 1) slow.client.socket.send(`{"n":${i}}`);
    await application.next(({ action, user_name }) => action === "message" && user_name === "slow");

    const others = await Promise.all(Array.from({ length: 8 }, (_, i) => enter(gateway, application, `u${i}`)));
    for (const { client } of others) for (let i = 0; i < 50; i += 1) client.socket.send(`{"n":${i}}`);
    await Promise.all(others.map(({ client }) => client.close()));
    await application.when((all) => all.filter(({ action }) => action === "close").length === 8, "8 closes");
    for (const { id } of others) {
      assert.deepEqual(application.of(id).map(({ action, data }) => data.n ?? action),
        ["open", ...Array(50).keys(), "close"]);
    }
    assert.equal(application.of(slow.id).length, 2, "the slow one still waits for its first message");
    slow.client.end();
    application.script = () => ({});
    held.forEach((free) => free());
    await application.next(({ conn_id, action }) => conn_id === slow.id && action === "close");
    assert.deepEqual(application.of(slow.id).map(({ action, data }) => data.n ?? action),
      ["open", ...Array(10).keys(), "close"]);
    assert.equal(together, 1);
    await gateway.stop();
    await application.stop();
  });

  test("a client whose queue is full is not read, and loses nothing", async () => {
    let free;
    const gate = new Promise((resolve) => { free = resolve; });
    const application = await Application.start(async ({ action }) => {
      if (action === "open") await gate;
      return {};
    });
    const gateway = await startGateway({ application: application.url, route: { queue_messages_max: 10 } });
    const client = await openAs(gateway, "ada");
    await application.next("open");
    const filler = "x".repeat(64 * 1024);
    let taken = 0;
    for (let i = 0; i < 500; i += 1) client.socket.send(JSON.stringify({ i, filler }), () => { taken += 1; });
    const other = await openAs(gateway, "eve");  // An answer behind it shows that the gateway had time to read.
    other.socket.send('{"event":"ping"}');
    assert.equal(await other.next(), '{"event":"pong"}');
    assert.ok(taken < 500, "the kernel's buffers are full");
    free();
    await application.when((all) => all.filter(({ action }) => action === "message").length === 500, "500 messages");
    assert.deepEqual(application.webhooks.filter(({ action }) => action === "message").map(({ data }) => data.i),
      [...Array(500).keys()]);
    await Promise.all([client.close(), other.close()]);
    await gateway.stop();
    await application.stop();
  });
});

describe("ids and signatures", () => {
  const raw = "raw-bytes-of-a-key";
  const base64 = Buffer.from("another key, of 24 bytes").toString("base64");
  for (const [what, key, secret, given] of [
    ["whsec_ and base64, in the configuration", `whsec_${base64}`, Buffer.from(base64, "base64"), "route"],
    ["raw bytes, in the environment", raw, raw, "env"],
  ]) {
    test(`signed by ${what}`, async () => {
      let failures = 2;
      const application = await Application.start(() => {
        failures -= 1;
        return { status: failures >= 0 ? 503 : 200 };
      });
      const gateway = await startGateway({ application: application.url,
        ...(given === "route" ? { route: { signing_key: key } } : { env: { STARLING_GATEWAY_SIGNING_KEY: key } }) });
      const client = await openAs(gateway, "ada");
      client.socket.send('{"text":"签名"}');
      await application.next("message");
      await client.close();
      await application.next("close");
      assert.equal(application.webhooks.length, 5, "open was tried three times");
      assert.equal(new Set(application.webhooks.slice(0, 3).map(({ id }) => id)).size, 1);
      assert.deepEqual(distinct(application.webhooks).map(({ action }) => action), ["open", "message", "close"]);
      for (const { text, headers, id } of application.webhooks) {
        const signed = createHmac("sha256", secret).update(`${id}.${headers["webhook-timestamp"]}.${text}`);
        assert.equal(headers["webhook-signature"], `v1,${signed.digest("base64")}`);
        assert.ok(Math.abs(Number(headers["webhook-timestamp"]) - Date.now() / 1000) < 300);
      }
      await gateway.stop();
      await application.stop();
    });
  }
});

describe("users and tokens of other names", () => {
  test("a header from a proxy that is not trusted is ignored", async () => {
    const application = await Application.start();
    const gateway = await startGateway({ application: application.url,
      route: { trusted_proxies: ["10.0.0.0/8"] } });
    const client = await openAs(gateway, "root", { token: "abc" });
    const { user_name, token } = await application.next("open");
    assert.deepEqual([user_name, token], ["", "abc"]);
    await client.close();
    await gateway.stop();
    await application.stop();
  });

  test("header and cookie as configured; two routes, two applications", async () => {
    const [one, two] = [await Application.start(), await Application.start()];
    const both = await startGateway({ routes: [
      { path: "/ws", application: one.url },
      { path: "/other", application: two.url, user_header: "X-User", token_cookie: "session" },
    ] });
    const client = await openAs(both, "ignored",
      { path: "/other", headers: { "X-User": "ada", Cookie: "session=s; auth_token=a" } });
    const { user_name, token } = await two.next("open");
    assert.deepEqual([user_name, token], ["ada", "s"]);
    await client.close();
    await two.next("close");
    assert.equal(one.webhooks.length, 0);
    await both.stop();
    await Promise.all([one.stop(), two.stop()]);
  });
});
