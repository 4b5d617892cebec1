// `starling gateway` before applications that answer slowly, never, wrongly or by half, that restart and that are
// replaced: each connection's webhooks stay in order, `open` is the first and `close` the last, and comes once.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";

import { Application, distinct } from "../applications/application.mjs";
import * as hostile from "../applications/hostile.mjs";
import { deadline } from "./client.mjs";
import { openAs, startGateway } from "./gateway.mjs";
import { Program, freePort, until } from "./server.mjs";

const messages = 3;
const expected = ["open", ...Array(messages).keys(), "close"];
const label = ({ action, data }) => (action === "message" ? data.n : action);

// The webhooks of a connection in the order in which the application saw them. Asserts that the tries of each webhook
// follow each other.
function seenOf(application, conn_id) {
  const all = application.of(conn_id);
  const webhooks = distinct(all);
  assert.deepEqual(all.map(({ id }) => id),
    webhooks.flatMap(({ id }) => all.filter((other) => other.id === id).map(() => id)), "no try comes late");
  return webhooks.map(label);
}

async function visit(gateway, name) {
  const client = await openAs(gateway, name);
  for (let n = 0; n < messages; n += 1) client.socket.send(JSON.stringify({ n }));
  return client.close();
}

const closes = (application, count) => application.when(
  (all) => distinct(all).filter(({ action }) => action === "close").length === count, `${count} closes`);
const idsOf = (application) => [...new Set(application.webhooks.map(({ conn_id }) => conn_id))];

// [what, script, a webhook is tried again]
const faults = [
  ["answers too late", hostile.slow(5_000), true],
  ["never answers", hostile.never, true],
  ["answers 500", hostile.failing(500), true],
  ["answers 503 with Retry-After: 0", hostile.failing(503, { "Retry-After": "0" }), true],
  ["answers 429", hostile.failing(429), true],
  ["closes in the middle", hostile.closing, true],
  ["answers half a head", hostile.halfHead, true],
  ["speaks garbage", hostile.garbage, true],
  ["answers 404", hostile.failing(404), false],
  ["redirects", hostile.redirecting, false],
  ["answers 100 MB", hostile.huge, false],
  ["never ends its body", hostile.endless, false],
  ["answers half a body", hostile.halfBody, false],
  ["answers with 1,000 header fields", hostile.manyHeaders, false],
];
// A short timeout only for the cases that wait for it: a good application may be slow on a busy machine.
const timesOf = (again, what) => {
  if (again) return { webhook_timeout_s: 0.3 };
  return what === "never ends its body" ? { webhook_timeout_s: 1 } : {};
};

describe("an application that", { concurrency: 4 }, () => {  // They wait more than they work.
  for (const [what, script, again] of faults) {
    test(`${what}, and then is a good one: each webhook arrives, in order`, async () => {
      const application = await Application.start(hostile.mended(script, 4));
      const gateway = await startGateway({ application: application.url, config: { workers: 2 },
        route: timesOf(again, what) });
      await Promise.all(["ada", "ben", "eve"].map((name) => visit(gateway, name)));
      await closes(application, 3);
      const ids = idsOf(application);
      assert.equal(ids.length, 3);
      for (const id of ids) assert.deepEqual(seenOf(application, id), expected);
      const tries = application.webhooks.length - distinct(application.webhooks).length;
      if (again) assert.ok(tries >= 1, "a hostile answer is followed by another try");
      else assert.equal(tries, 0, "no webhook comes twice");
      assert.ok(gateway.alive);
      await gateway.stop();
      await application.stop();
    });

    test(`${what}, for ever: it is given up, and the next one is due; close is the last`, async () => {
      const application = await Application.start(script);
      const gateway = await startGateway({ application: application.url,
        route: { ...timesOf(again, what), retry_for_s: 0.4, close_retry_for_s: 0.4 } });
      await visit(gateway, "ada");
      await application.when((all) => all.some(({ action }) => action === "close"), "close");
      const [id] = idsOf(application);
      assert.deepEqual(seenOf(application, id), expected);
      if (again) {
        const open = application.of(id).filter(({ action }) => action === "open");
        assert.ok(open.length >= 2, "open was tried again");
      }
      // Another client of this application is as well off as the first one.
      await visit(gateway, "ben");
      await closes(application, 2);
      assert.deepEqual(seenOf(application, idsOf(application)[1]), expected);
      await gateway.stop();
      await application.stop();
    });
  }

  test("hangs up behind each answer: a request that was on its way is sent again, nothing is lost", async () => {
    const application = await Application.start(hostile.hangingUp);
    const gateway = await startGateway({ application: application.url });
    const clients = await Promise.all(Array.from({ length: 5 }, (_, i) => openAs(gateway, `u${i}`)));
    for (const { socket } of clients) for (let n = 0; n < 20; n += 1) socket.send(JSON.stringify({ n }));
    await Promise.all(clients.map((client) => client.close()));
    await closes(application, 5);
    for (const id of idsOf(application)) {
      assert.deepEqual(seenOf(application, id), ["open", ...Array(20).keys(), "close"]);
    }
    await gateway.stop();
    await application.stop();
  });

  test("answers nothing holds up no other application, and gets no more requests than it may", async () => {
    const [bad, good] = [await Application.start(hostile.never), await Application.start()];
    const gateway = await startGateway({ routes: [{ path: "/ws", application: good.url },
      { path: "/bad", application: bad.url, webhooks_in_flight_max: 2 }] });
    const stuck = await Promise.all(Array.from({ length: 10 }, (_, i) => openAs(gateway, `s${i}`, { path: "/bad" })));
    await visit(gateway, "ada");
    await good.next("close");
    await bad.when((all) => all.length === 2, "two under way");
    assert.equal(bad.webhooks.length, 2, "no more than are allowed");
    for (const client of stuck) client.end();
    await gateway.stop();
    await Promise.all([good.stop(), bad.stop()]);
  });
});

describe("Retry-After", () => {
  test("is obeyed, up to 5 s", async () => {
    let first = 0;
    let pause_ms = 0;
    const application = await Application.start(() => {
      if (first) pause_ms = performance.now() - first;
      else first = performance.now();
      return pause_ms ? {} : { status: 503, headers: { "Retry-After": "1" } };
    });
    const gateway = await startGateway({ application: application.url });
    const client = await openAs(gateway, "ada");
    await application.when((all) => all.length === 2, "another try");
    assert.ok(pause_ms >= 990, `${pause_ms} ms`);
    await client.close();
    await gateway.stop();
    await application.stop();
  });
});

describe("restarts", () => {
  test("an application that is down: clients connect, and all is delivered when it is back", async () => {
    const port = await freePort();
    const application = await Application.start(() => ({}), { port });
    const gateway = await startGateway({ application: application.url, config: { workers: 2 } });
    await application.stop();
    const clients = await Promise.all(Array.from({ length: 200 }, (_, i) => openAs(gateway, `u${i}`)));
    clients.forEach(({ socket }, i) => {
      for (let n = 0; n < messages; n += 1) socket.send(JSON.stringify({ n, i }));
    });
    await Promise.all(clients.map((client) => client.close()));
    assert.equal(application.webhooks.length, 0);
    await application.listen(port);
    await closes(application, 200);
    const ids = idsOf(application);
    assert.equal(ids.length, 200);
    for (const id of ids) assert.deepEqual(seenOf(application, id), expected);
    await gateway.stop();
    await application.stop();
  });

  test("an application that restarts again and again: nothing is lost", async () => {
    const port = await freePort();
    const application = await Application.start(() => ({}), { port });
    const gateway = await startGateway({ application: application.url });
    const count = 60;
    const client = await openAs(gateway, "ada");
    for (let n = 0; n < count; n += 1) {
      client.socket.send(JSON.stringify({ n }));
      if (n % 20 === 10) {
        await application.next(({ data }) => data.n === n);
        await application.stop();
        await application.listen(port);
      }
    }
    await client.close();
    await application.when((all) => all.some(({ action }) => action === "close"), "close");
    assert.deepEqual(seenOf(application, idsOf(application)[0]), ["open", ...Array(count).keys(), "close"]);
    await gateway.stop();
    await application.stop();
  });

  test("another process on the same port gets what is due, in order; the connection stays", async () => {
    const port = await freePort();
    const recorder = fileURLToPath(new URL("../applications/recorder.mjs", import.meta.url));
    const start = async () => {
      const process_ = new Program(recorder, [String(port)], { port, prefix: [process.execPath] });
      await process_.ready(() => process_.stdout.includes("listening"));
      return process_;
    };
    const bodies = ({ stdout }) =>
      stdout.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    const first = await start();
    const gateway = await startGateway({ application: `http://127.0.0.1:${port}/` });
    const client = await openAs(gateway, "ada");
    client.socket.send('{"n":0}');
    await until(() => bodies(first).length === 2, "two webhooks");
    first.signal("SIGKILL");
    await first.exited;
    client.socket.send('{"n":1}');
    const second = await start();
    client.socket.send('{"n":2}');
    await client.close();
    await until(() => bodies(second).some(({ action }) => action === "close"), "close");
    assert.deepEqual(bodies(first).map(label), ["open", 0]);
    // If the first process was killed before its last answer arrived, that webhook comes again.
    const again = label(bodies(second)[0]) === 0 ? [0] : [];
    assert.deepEqual(bodies(second).map(label), [...again, 1, 2, "close"]);
    assert.deepEqual(new Set([...bodies(first), ...bodies(second)].map(({ conn_id }) => conn_id)).size, 1);
    await gateway.stop();
    await second.stop();
  });
});

test("close comes once for each open, whatever ended the connection", async () => {
  const application = await Application.start();
  const gateway = await startGateway({ application: application.url, route: { ping_timeout_s: 0.5 } });
  const endings = {
    "by the client": (client) => client.close(),
    "with a code": (client) => client.close(4321, "bye"),
    "without a close frame": (client) => client.end(),
    "by the protocol's fault": (client) => client.socket._socket.write(Buffer.from([0xff, 0xff])),
    "by the API": async () => gateway.post("/tapr/ws/conn/close", { users: ["by the API"] }),
    "by silence": () => {},
  };
  for (const [name, end] of Object.entries(endings)) await end(await openAs(gateway, name));
  const count = Object.keys(endings).length;
  await application.when((all) => all.filter(({ action }) => action === "close").length === count, "all closes");
  await deadline(gateway.post("/tapr/ws/conn/send", { users: Object.keys(endings), payload: 1 }).then(({ json }) =>
    assert.equal(json.data.connections, 0)), "an answer");
  for (const id of idsOf(application)) assert.deepEqual(seenOf(application, id), ["open", "close"]);
  await gateway.stop();
  await application.stop();
});
