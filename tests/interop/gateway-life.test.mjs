// The life of `starling gateway` and of its clients: pings, silence, the stop, and how it is started.

import assert from "node:assert/strict";
import { symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { Application } from "../applications/application.mjs";
import { deadline, open, refusal } from "./client.mjs";
import { enter, openAs, request, startGateway } from "./gateway.mjs";
import { Program, built, freePort, healthy, run, temporaryFolder, until, writeConfig } from "./server.mjs";
import { Wire, frame, opcode } from "./wire.mjs";

const pong = '{"event":"pong"}';

describe("ping", () => {
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

  for (const ping of ['{"event":"ping","data":{}}', '{"event":"ping"}', '{ "data" : null, "event" : "ping" }',
    '{"event":"p\\u0069ng"}', '{"\\u0065vent":"ping"}', '{"event":"x","event":"ping"}',
    '{\n  "event": "ping",\n  "data": {}\n}']) {
    test(`${JSON.stringify(ping)} is answered in these bytes, and is no webhook`, async () => {
      const { client, id } = await enter(gateway, application, "ada");
      client.socket.send(ping);
      assert.equal(await client.next(), pong);
      client.socket.send("{}");
      await application.next("message");
      assert.deepEqual(application.of(id).map(({ action }) => action), ["open", "message"]);
      await client.close();
      await application.next("close");
    });
  }

  test("a protocol ping is answered by a protocol pong, and is no webhook", async () => {
    const { client, id } = await enter(gateway, application, "ada");
    const ponged = new Promise((resolve) => { client.socket.once("pong", resolve); });
    client.socket.ping("payload");
    assert.equal((await deadline(ponged, "a pong")).toString(), "payload");
    await client.close();
    await application.next("close");
    assert.deepEqual(application.of(id).map(({ action }) => action), ["open", "close"]);
  });
});

describe("silence", () => {
  // Sends `message` every 100 ms until the connection closes; resolves to the code and how long it took.
  async function talk(gateway, message, beats, options) {
    const client = await openAs(gateway, "ada", options);
    const begin = performance.now();
    let count = 0;
    const timer = setInterval(() => {
      if (count < beats) message(client.socket);
      count += 1;
    }, 100);
    const { code } = await client.closed;
    clearInterval(timer);
    return { code, ms: performance.now() - begin, count };
  }

  test("4408 once the time is over; the client's messages renew it, protocol pings do not", async () => {
    const application = await Application.start();
    const gateway = await startGateway({ application: application.url, route: { ping_timeout_s: 2 } });
    const [silent, ping, message, protocol] = await Promise.all([
      talk(gateway, () => {}, 0),
      talk(gateway, (socket) => socket.send('{"event":"ping"}'), 20),
      talk(gateway, (socket) => socket.send("{}"), 20),
      talk(gateway, (socket) => socket.ping(), 1000),
    ]);
    for (const { code } of [silent, ping, message, protocol]) assert.equal(code, 4408);
    for (const { ms } of [silent, protocol]) assert.ok(ms >= 1_900, `after ${ms} ms`);
    for (const { ms } of [ping, message]) assert.ok(ms >= 3_500, `after ${ms} ms`);
    await application.when((all) => all.filter(({ action }) => action === "close").length === 4, "4 closes");
    await gateway.stop();
    await application.stop();
  });

  test("keepalive: any counts protocol pings and pongs", async () => {
    const gateway = await startGateway({ application: "", route: { ping_timeout_s: 2, keepalive: "any" } });
    const answering = await openAs(gateway, "bob");  // Says nothing, but answers the pings.
    const { code, ms } = await talk(gateway, (socket) => socket.ping(), 20, { autoPong: false });
    assert.equal(code, 4408);
    assert.ok(ms >= 3_500, `after ${ms} ms`);
    answering.socket.send('{"event":"ping"}');
    assert.equal(await answering.next(), pong);
    await answering.close();
    await gateway.stop();
  });

  test("the flag --ping-timeout-s; 0 is never", async () => {
    const gateway = await startGateway({ application: "", args: ["--ping-timeout-s", "1"] });
    assert.equal((await talk(gateway, () => {}, 0)).code, 4408);
    await gateway.stop();
    const never = await startGateway({ application: "", args: ["--ping-timeout-s", "0"] });
    const client = await openAs(never, "ada");
    client.socket.send('{"event":"ping"}');
    assert.equal(await client.next(), pong);
    await client.close();
    await never.stop();
  });
});

describe("the stop", () => {
  test("SIGTERM: clients get 1001, what is queued and the closes are delivered, exit 0", async () => {
    let free;
    const gate = new Promise((resolve) => { free = resolve; });
    const application = await Application.start(async ({ action }) => {
      if (action === "open") await gate;
      return {};
    });
    const gateway = await startGateway({ application: application.url, config: { workers: 2 } });
    const clients = await Promise.all(Array.from({ length: 10 }, (_, i) => openAs(gateway, `u${i}`)));
    for (const { socket } of clients) for (let n = 0; n < 5; n += 1) socket.send(`{"n":${n}}`);
    for (const client of clients) {  // The pong shows that the gateway has read what is in front of it.
      client.socket.send('{"event":"ping"}');
      await client.next();
    }
    gateway.signal("SIGTERM");
    for (const client of clients) assert.equal((await client.closed).code, 1001);
    await assert.rejects(open(gateway.url("/ws")));
    assert.ok(gateway.alive, "it has webhooks to deliver");
    free();
    assert.deepEqual(await deadline(gateway.exited, "the end"), { code: 0, signal: null });
    for (const conn_id of new Set(application.webhooks.map((webhook) => webhook.conn_id))) {
      assert.deepEqual(application.of(conn_id).map(({ action, data }) => data.n ?? action),
        ["open", 0, 1, 2, 3, 4, "close"]);
    }
    assert.equal(application.webhooks.length, 70);
    await application.stop();
  });

  test("an application that never answers costs drain_timeout_s; the rest is logged; exit 0", async () => {
    const application = await Application.start(() => {});
    const gateway = await startGateway({ application: application.url, config: { drain_timeout_s: 1 } });
    const client = await openAs(gateway, "ada");
    await application.next("open");
    gateway.signal("SIGTERM");
    assert.equal((await client.closed).code, 1001);
    assert.deepEqual(await deadline(gateway.exited, "the end"), { code: 0, signal: null });
    assert.match(gateway.output, /webhook/);
    await application.stop();
  });

  test("while it drains, the control API answers and new clients get 503", async () => {
    const application = await Application.start(() => {});
    const gateway = await startGateway({ application: application.url, config: { drain_timeout_s: 3600 } });
    const client = await openAs(gateway, "ada");
    await application.next("open");
    gateway.signal("SIGTERM");
    assert.equal((await client.closed).code, 1001);
    const { status, json } = await gateway.get("/tapr/ws/conn/list");
    assert.deepEqual([status, json.code], [200, 0]);
    const sent = await gateway.post("/tapr/ws/conn/send", { users: ["ada"], payload: 1 });
    assert.deepEqual([sent.status, sent.json.data], [200, { connections: 0 }]);
    assert.equal((await refusal(gateway.url("/ws"))).status, 503);
    assert.equal((await request(gateway.port, { path: "/readyz" })).status, 503);
    gateway.signal("SIGTERM");
    await deadline(gateway.exited, "the end");
    await application.stop();
  });
});

// Which of them names the application: the first of flag, environment, manifest, the document's default.
describe("the application's address", () => {
  const manifest = (port, url) => {
    const file = path.join(temporaryFolder(), "OlaresManifest.yaml");
    writeFileSync(file, `name: app\noptions:\n  websocket:\n    url: ${url}\n    port: ${port}\n`);
    return file;
  };
  const start = async (args, env = {}) => {
    const port = await freePort();
    const gateway = new Program("starling", ["gateway", "--listen", `127.0.0.1:${port}`, ...args], { port, env });
    return gateway.ready(healthy);
  };
  const opens = async (gateway, application, target) => {
    const client = await open(gateway.url("/ws"));
    assert.equal((await application.next("open")).path, target);
    await client.close();
    await gateway.stop();
  };

  for (const [what, starts, target] of [
    ["WS_PORT and WS_URL", ({ port }) => start([], { WS_PORT: String(port), WS_URL: "/from/env" }), "/from/env"],
    ["--manifest", ({ port }) => start(["--manifest", manifest(port, "/ws/message")]), "/ws/message"],
    ["the environment before the manifest", ({ port }) =>
      start(["--manifest", manifest(1, "/ws/message")], { WS_PORT: String(port), WS_URL: "/env" }), "/env"],
    ["a flag before both", ({ port }) => start(["--manifest", manifest(1, "/m"),
      "--application", `http://127.0.0.1:${port}/flag?x=1`], { WS_PORT: "1", WS_URL: "/env" }), "/flag?x=1"],
  ]) {
    test(what, async () => {
      const application = await Application.start();
      await opens(await starts(application), application, target);
      await application.stop();
    });
  }

  for (const [what, env] of [["WS_PORT alone", { WS_PORT: "3010" }], ["WS_URL alone", { WS_URL: "/a" }],
    ["an empty one", { WS_PORT: "", WS_URL: "/a" }]]) {
    test(`${what}: no webhooks, which one line says; clients and the control API work`, async () => {
      const gateway = await start([], env);
      assert.equal(gateway.stderr.split("\n").filter((line) => line.includes("no webhooks")).length, 1, gateway.stderr);
      const client = await open(gateway.url("/ws"));
      client.socket.send('{"event":"ping"}');
      assert.equal(await client.next(), pong);
      const key = /made for this run: (\w+)/.exec(gateway.stdout)?.[1];
      const { json } = await request(gateway.port,
        { path: "/tapr/ws/conn/list", headers: key ? { "X-Api-Key": key } : {} });
      assert.equal(json.data[0].public_conns_number, 1);
      await client.close();
      await gateway.stop();
    });
  }

  test("WS_PORT and WS_URL imply --olares", async () => {
    const application = await Application.start();
    const gateway = await start([], { WS_PORT: String(application.port), WS_URL: "/" });
    assert.equal((await request(gateway.port, { path: "/tapr/ws/conn/list" })).status, 200);
    await gateway.stop();
    await application.stop();
  });
});

test("the name ws-gateway without arguments is `gateway --olares` on port 40010 over IPv4", async () => {
  // The port is the container's. Where another program has it on this machine, the line that says so names it.
  const link = path.join(temporaryFolder(), "ws-gateway");
  symlinkSync(built("starling"), link);
  const gateway = new Program(link, [], { port: 40010, env: { WS_PORT: "1", WS_URL: "/" } });
  await until(() => gateway.stdout.includes("listening") || !gateway.alive, "the first line");
  if (gateway.alive) {
    assert.match(gateway.stdout, /:40010/);
    assert.match(gateway.stdout, /without a key from this machine/);
    await gateway.stop();
  } else {
    assert.equal((await gateway.exited).code, 2);
    assert.match(gateway.stderr, /0\.0\.0\.0:40010/);
  }
});

test("`gateway` is `serve` with the block `gateway`; without enabled: true its routes are a fault", async () => {
  const port = await freePort();
  const config = (enabled) => writeConfig({ listen: [{ address: `127.0.0.1:${port}` }],
    gateway: { enabled, routes: [{ application: "" }] } });
  const server = new Program("starling", ["serve", "--config", config(true)], { port });
  await server.ready(healthy);
  const client = await open(server.url("/ws"));
  client.socket.send('{"event":"ping"}');
  assert.equal(await client.next(), pong);
  await client.close();
  await server.stop();
  for (const command of [["serve", "--config"], ["check-config"]]) {
    const { code, stderr } = await run([...command, config(false)]);
    assert.equal(code, 2);
    assert.match(stderr, /gateway\.routes.*needs gateway\.enabled: true/);
  }
  assert.equal((await run(["check-config", config(true)])).code, 0);
});

test("raw frames: a fragmented ping, and a ping in front of a close", async () => {
  const application = await Application.start();
  const gateway = await startGateway({ application: application.url });
  const wire = await Wire.upgraded(gateway.port, "/ws");
  wire.write(frame(opcode.text, '{"event":', { fin: false }), frame(opcode.continuation, '"ping"}'),
    frame(opcode.text, '{"event":"ping","data":{}}'), frame(opcode.close));
  for (let i = 0; i < 2; i += 1) assert.equal((await wire.frame()).payload.toString(), pong);
  await application.next("close");
  assert.deepEqual(application.webhooks.map(({ action }) => action), ["open", "close"]);
  await gateway.stop();
  await application.stop();
});
