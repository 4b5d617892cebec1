// `starling gateway --olares` with applications in the shapes that were written for Olares' WebSocket container, and
// with their client.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";

import { WebSocketServer } from "ws";

import { Application, distinct } from "../applications/application.mjs";
import * as hostile from "../applications/hostile.mjs";
import * as olares from "../applications/olares.mjs";
import { deadline, open } from "./client.mjs";
import { enter, openAs, request, startGateway } from "./gateway.mjs";
import { readLog } from "./log_reader.mjs";
import { freePort, until } from "./server.mjs";

const pong = '{"event":"pong"}';
const pair = async (script, options = {}) => {
  const application = await Application.start(script);
  const gateway = await startGateway({ application: application.url, olares: true, ...options });
  return { application, gateway,
    async stop() {
      await gateway.stop();
      await application.stop();
    } };
};
const labels = (webhooks) => webhooks.map(({ action, data }) => data?.n ?? action);

describe("applications of Olares", () => {
  test("201 with an empty body is done", async () => {
    const { application, gateway, stop } = await pair(olares.nest);
    const { client, id } = await enter(gateway, application, "ada");
    for (let n = 0; n < 3; n += 1) client.socket.send(`{"n":${n}}`);
    await client.close();
    await application.next("close");
    assert.deepEqual(labels(application.of(id)), ["open", 0, 1, 2, "close"]);
    await stop();
  });

  test("longer than the timeout in open and login: once each, and the next message goes", async () => {
    const script = olares.slowLogin(3_000);
    const { application, gateway, stop } = await pair(script, { route: { webhook_timeout_s: 0.2 } });
    const { client, id } = await enter(gateway, application, "ada");
    client.socket.send('{"event":"login","data":{"password":"p"}}');
    client.socket.send('{"n":1}');
    await application.next(({ data }) => data.n === 1);
    await client.close();
    await application.next("close");
    assert.equal(script.logins, 1);
    assert.deepEqual(labels(application.of(id)), ["open", "message", 1, "close"]);
    await stop();
  });

  test("500 for `data: null`: once, and the next message goes", async () => {
    const { application, gateway, stop } = await pair(olares.readsEvent);
    const { client, id } = await enter(gateway, application, "ada");
    client.socket.send("null");
    client.socket.send('{"event":"x","n":1}');
    await client.close();
    await application.next("close");
    assert.deepEqual(application.of(id).map(({ data }) => data), [{}, null, { event: "x", n: 1 }, {}]);
    await stop();
  });

  test("list, names, send: everybody gets it, a user without a name too", async () => {
    let gateway;
    const script = olares.broadcaster(() => gateway.url("", "http"));
    const application = await Application.start(script);
    gateway = await startGateway({ application: application.url, olares: true, config: { workers: 2 } });
    const people = [];
    for (const [name, token] of [["ada", "a"], ["ada"], ["ben", "b"], ["", "n"], [""]]) {
      people.push(await enter(gateway, application, name, { token }));
    }
    people[3].client.socket.send('{"event":"all","data":"你好"}');
    for (const { client } of people) assert.equal(await client.next(), '{"event":"all","data":"你好"}');
    await gateway.stop();
    await application.stop();
  });

  test("a single answer by conn_id", async () => {
    let gateway;
    const application = await Application.start(olares.responder(() => gateway.url("", "http")));
    gateway = await startGateway({ application: application.url, olares: true });
    const client = await openAs(gateway, "ada");
    client.socket.send('{"event":"ask","data":{}}');
    assert.equal(await client.next(), '{"event":"answer","data":{"event":"ask","data":{}}}');
    await client.close();
    await gateway.stop();
    await application.stop();
  });

  test("the client that pings without data stays connected, and gets nothing but what was sent", async () => {
    const { application, gateway, stop } = await pair(olares.nest, { route: { ping_timeout_s: 1.5 } });
    const client = new olares.PingingClient(gateway.url("/ws"), { interval_ms: 200 });
    const { conn_id } = await application.next("open");
    await deadline(client.when(({ pongs }) => pongs >= 12), "12 pongs");  // Longer than the timeout.
    const { json } = await gateway.post("/tapr/ws/conn/send", { conn_id, payload: { event: "x" } });
    assert.equal(json.code, 0);
    await deadline(client.when(({ seen }) => seen.length === 1), "the message");
    assert.deepEqual([client.seen, client.reconnects], [['{"event":"x"}'], 0]);
    client.end();
    await application.next("close");
    assert.deepEqual(labels(application.of(conn_id)), ["open", "close"]);
    await stop();
  });
});

test("the client that pings does open another connection after a pong in other bytes", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    socket.on("message", () => socket.send('{"event": "pong"}'));
  });
  await once(server, "listening");
  const client = new olares.PingingClient(`ws://127.0.0.1:${server.address().port}`, { interval_ms: 10 });
  await until(() => client.reconnects >= 2, "two more connections");
  assert.equal(client.pongs, 0);
  client.end();
  server.close();
});

describe("delivery at most once", () => {
  const impatient = { route: { webhook_timeout_s: 0.3 } };
  // [what, script, an application may get a webhook again]
  for (const [what, script, again] of [
    ["answers too late", hostile.slow(5_000), false],
    ["closes in the middle", hostile.closing, false],
    ["speaks garbage", hostile.garbage, false],
    ["answers 500", hostile.failing(500), false],
    ["answers 501", hostile.failing(501), false],
    ["answers 404", hostile.failing(404), false],
    ["answers 502", hostile.failing(502), true],
    ["answers 503", hostile.failing(503), true],
    ["answers 504", hostile.failing(504), true],
    ["answers 429", hostile.failing(429), true],
  ]) {
    test(`an application that ${what}: ${again ? "tried again" : "not tried again"}`, async () => {
      const { application, gateway, stop } = await pair(hostile.mended(script, 2), again ? {} : impatient);
      const client = await openAs(gateway, "ada");
      client.socket.send('{"n":1}');
      await client.close();
      await application.next("close");
      assert.deepEqual(labels(distinct(application.webhooks)), ["open", 1, "close"]);
      assert.equal(application.webhooks.length, again ? 5 : 3);
      await stop();
    });
  }

  test("a close that is cut off has one more try, even where the application restarts meanwhile", async () => {
    let restarted;
    let cut_off = false;
    const { application, gateway, stop } = await pair((webhook, exchange) => {
      if (webhook.action !== "close" || cut_off) return {};
      cut_off = true;
      restarted = application.stop().then(() => application.listen());
      return hostile.closing(webhook, exchange);
    });
    const client = await openAs(gateway, "ada");
    await client.close();
    await application.when((all) => all.filter(({ action }) => action === "close").length === 2, "close again");
    await restarted;
    const [first, second] = application.webhooks.filter(({ action }) => action === "close");
    assert.equal(first.id, second.id);
    await stop();
  });

  test("a close that is answered too late is not repeated", async () => {
    const { application, gateway, stop } = await pair(({ action }) =>
      (action === "close" ? hostile.slow(5_000)() : {}), { route: { webhook_timeout_s: 0.3 }, options: { api_keys: ["key"] } });
    const log = await readLog(gateway, "key");
    const client = await openAs(gateway, "ada");
    await client.close();
    await log.next(({ type, action }) => type === "given_up" && action === "close");
    assert.equal(application.webhooks.filter(({ action }) => action === "close").length, 1);
    await stop();
  });

  test("an application that is down gets all of it when it is back", async () => {
    const port = await freePort();
    const application = await Application.start(olares.nest, { port });
    const gateway = await startGateway({ application: application.url, olares: true });
    await application.stop();
    const client = await openAs(gateway, "ada");
    client.socket.send('{"n":1}');
    await client.close();
    await application.listen(port);
    await application.next("close");
    assert.deepEqual(labels(application.webhooks), ["open", 1, "close"]);
    await gateway.stop();
    await application.stop();
  });

  test("redirects are followed, with the body and the cookie", async () => {
    const script = ({ path }) => (path.endsWith("/there") ? olares.nest()
      : { status: 307, headers: { Location: `${path}/there` } });
    const { application, gateway, stop } = await pair(script);
    const client = await openAs(gateway, "ada", { token: "t" });
    const there = await application.next(({ path }) => path.endsWith("/there"));
    assert.deepEqual([there.action, there.method, there.headers.cookie], ["open", "POST", "auth_token=t"]);
    await client.close();
    await stop();
  });

  test("redirects without an end are given up, and the next webhook goes", async () => {
    const { application, gateway, stop } = await pair(hostile.redirecting);
    const client = await openAs(gateway, "ada");
    await client.close();
    await application.next("close");
    assert.ok(application.webhooks.filter(({ action }) => action === "open").length <= 6, "5 redirects at most");
    await stop();
  });
});

describe("what reaches the application", () => {
  // [what, message, `data` with --olares, with --olares=strict]
  const cases = [
    ["an object", '{"b":1,"a":2}', '{"b":1,"a":2}', '{"b":1,"a":2}'],
    ["null", "null", "null", "null"],
    ["an array", "[1]", "[1]", "{}"],
    ["a number", "7", "7", "{}"],
    ["text", "hello", '"hello"', "{}"],
    ["binary", Buffer.from([1, 2]), '{"base64":"AQI="}', "{}"],
  ];
  for (const mode of [true, "strict"]) {
    test(`--olares${mode === true ? "" : "=strict"}: text and binary, and Cookie always`, async () => {
      const { application, gateway, stop } = await pair(olares.nest, { olares: mode });
      const { client, opened } = await enter(gateway, application, "ada");
      assert.equal(opened.headers.cookie, "");
      for (const [what, message, plain, strict] of cases) {
        client.socket.send(message);
        const { text } = await application.next("message");
        assert.ok(text.startsWith(`{"data":${mode === true ? plain : strict},"action":"message"`), `${what}: ${text}`);
      }
      await client.close();
      await stop();
    });
  }

  test("a ping in a binary frame is a ping", async () => {
    const { application, gateway, stop } = await pair(olares.nest);
    const { client, id } = await enter(gateway, application, "ada");
    client.socket.send(Buffer.from('{"event":"ping"}'));
    assert.equal(await client.next(), pong);
    await client.close();
    await application.next("close");
    assert.deepEqual(labels(application.of(id)), ["open", "close"]);
    await stop();
  });

  test("a message of 4 MB, and a control body of 4 MB", async () => {
    const { application, gateway, stop } = await pair(olares.nest);
    const { client } = await enter(gateway, application, "ada");
    const text = "x".repeat(4_000_000);
    client.socket.send(JSON.stringify({ text }));
    assert.equal((await application.next("message")).data.text.length, text.length);
    const { json } = await gateway.post("/tapr/ws/conn/send", { users: ["ada"], payload: text });
    assert.equal(json.code, 0);
    assert.equal((await client.next()).length, text.length + 2);
    await client.close();
    await stop();
  });
});

describe("the control API is lenient", () => {
  let all;
  let client;
  let id;
  before(async () => {
    all = await pair(olares.nest);
    ({ client, id } = await enter(all.gateway, all.application, "ada"));
  });
  after(() => all?.stop());
  const post = (target, body, headers = {}) => request(all.gateway.port,
    { method: "POST", path: target, body, headers });

  // [what, body, the message that arrives]
  for (const [what, body, message] of [
    ["unknown fields", '{"payload":1,"users":["ada"],"msg_type":"x"}', "1"],
    ["keys in any case", '{"PayLoad":2,"USERS":["ada"]}', "2"],
    ["null for a field", '{"payload":3,"conn_id":null,"users":["ada"],"tokens":null,"users_access_type":null}', "3"],
    ["no payload", '{"users":["ada"]}', "null"],
    ["payload null", '{"users":["ada"],"payload":null}', "null"],
    ["any integer as access type", '{"payload":4,"users":["ada"],"users_access_type":99}', "4"],
    ["keys and numbers as they were", '{"payload":{"z":1,"a":9223372036854775808},"users":["ada"]}',
      '{"z":1,"a":9223372036854775808}'],
  ]) {
    test(what, async () => {
      for (const headers of [{}, { "Content-Type": "text/plain" }]) {
        const { status, json } = await post("/tapr/ws/conn/send", body, headers);
        assert.deepEqual([status, json.code, json.message], [200, 0, "success"]);
        assert.equal(await client.next(), message);
      }
    });
  }

  for (const [target, body] of [["send", "no json"], ["send", "[]"], ["send", "{}"],
    ["send", '{"payload":1,"users":[]}'], ["close", "{}"], ["close", '{"tokens":[""]}']]) {
    test(`${target} ${body}: HTTP 200, code 400, and nobody is closed`, async () => {
      const { status, json } = await post(`/tapr/ws/conn/${target}`, body);
      assert.deepEqual([status, json.code, typeof json.message], [200, 400, "string"]);
      client.socket.send('{"event":"ping"}');
      assert.equal(await client.next(), pong);
    });
  }

  test("paths without case, with a slash behind; HEAD; debug", async () => {
    const list = "/tapr/ws/conn/list";
    for (const target of [list, `${list}/`, "/TAPR/WS/Conn/List"]) {
      const { status, json } = await request(all.gateway.port, { path: target });
      assert.deepEqual([status, json.data.length], [200, 1], target);
    }
    const head = await request(all.gateway.port, { method: "HEAD", path: list });
    assert.deepEqual([head.status, head.text], [200, ""]);
    assert.equal((await post("/tapr/ws/conn/debug", "")).json.code, 0);
  });

  test("the list is [] where nobody is connected", async () => {
    const gateway = await startGateway({ application: "", olares: true });
    assert.equal((await request(gateway.port, { path: "/tapr/ws/conn/list" })).text,
      '{"code":0,"message":"success","data":[]}');
    await gateway.stop();
  });

  test("a close that follows a send does not overtake it", async () => {
    const other = await open(all.gateway.url("/ws"));
    const { conn_id } = await all.application.next(({ action, conn_id: it }) => action === "open" && it !== id);
    for (let i = 0; i < 50; i += 1) await post("/tapr/ws/conn/send", JSON.stringify({ conn_id, payload: i }));
    await post("/tapr/ws/conn/close", JSON.stringify({ conns: [conn_id] }));
    for (let i = 0; i < 50; i += 1) assert.equal(await other.next(), String(i));
    assert.equal((await other.closed).code, 1000);
  });
});
