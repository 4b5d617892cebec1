// `admission: ask`: the application decides about each client before the client's upgrade is answered.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Application } from "../applications/application.mjs";
import * as hostile from "../applications/hostile.mjs";
import { refusal } from "./client.mjs";
import { openAs, startGateway } from "./gateway.mjs";
import { freePort } from "./server.mjs";
import { Wire, upgradeRequest } from "./wire.mjs";

const type = "application/vnd.starling.actions+json";
const accept = (body) => ({ status: 200, headers: { "Content-Type": type }, body: JSON.stringify(body) });

async function start(script, { route = {}, ...options } = {}) {
  const application = await Application.start(script);
  const gateway = await startGateway({ application: application.url, route: { admission: "ask", ...route },
    ...options });
  return { application, gateway,
    async stop() {
      await gateway.stop();
      await application.stop();
    } };
}

describe("admission: ask", () => {
  test("2xx lets the client in; the webhooks are those of every client", async () => {
    const { application, gateway, stop } = await start(() => ({ status: 201 }));
    const client = await openAs(gateway, "ada", { token: "t" });
    client.socket.send('{"n":1}');
    await client.close();
    await application.next("close");
    assert.deepEqual(application.webhooks.map(({ action, user_name, token }) => [action, user_name, token]),
      [["open", "ada", "t"], ["message", "ada", "t"], ["close", "ada", "t"]]);
    await stop();
  });

  test("the upgrade waits for the answer", async () => {
    let decide;
    const decision = new Promise((resolve) => { decide = resolve; });
    const { application, gateway, stop } = await start(({ action }) => (action === "open" ? decision : {}));
    const opening = openAs(gateway, "ada");
    let opened = false;
    opening.then(() => { opened = true; });
    await application.next("open");
    assert.deepEqual(await gateway.list(), []);
    assert.equal(opened, false);
    decide({});
    const client = await opening;
    assert.equal((await gateway.list())[0].name, "ada");
    await client.close();
    await stop();
  });

  test("accept names the user, joins topics and gives a session; actions follow, in order", async () => {
    const { application, gateway, stop } = await start(({ action }) => (action === "open" ? accept({
      accept: { user_name: "小明", data: { role: "admin", n: 1 }, topics: ["news"] },
      actions: [{ send: { payload: "welcome" } }, { publish: { topic: "news", payload: "joined" } }],
    }) : {}));
    const client = await openAs(gateway, "ada");
    assert.equal(await client.next(), '"welcome"');
    assert.equal(await client.next(), '"joined"');
    client.socket.send("{}");
    const message = await application.next("message");
    assert.ok(message.text.endsWith(',"access_public":true,"session":{"role":"admin","n":1}}'), message.text);
    assert.equal(message.user_name, "小明");
    assert.equal((await gateway.list())[0].name, "小明");
    const { json } = await gateway.post("/tapr/ws/conn/send", { users: ["小明"], payload: 2 });
    assert.equal(json.data.connections, 1);
    assert.equal(await client.next(), "2");
    await client.close();
    const { session } = await application.next("close");
    assert.deepEqual(session, { role: "admin", n: 1 });
    await stop();
  });

  test("accept among the actions is the same", async () => {
    const { application, gateway, stop } = await start(({ action }) =>
      (action === "open" ? accept({ actions: [{ accept: { user_name: "eve" } }] }) : {}));
    const client = await openAs(gateway, "ada");
    client.socket.send("{}");
    assert.equal((await application.next("message")).user_name, "eve");
    await client.close();
    await stop();
  });

  // [what, script, the client's status, how often the application is asked]
  for (const [what, script, status] of [
    ["401", () => ({ status: 401 }), 401],
    ["403", () => ({ status: 403 }), 403],
    ["429", () => ({ status: 429 }), 429],
    ["500", () => ({ status: 500 }), 500],
    ["503", () => ({ status: 503 }), 503],
    ["a redirect", hostile.redirecting, 502],
    ["no answer in time", hostile.never, 503],
    ["a closed connection", hostile.closing, 503],
    ["garbage", hostile.garbage, 503],
  ]) {
    test(`${what}: the client gets ${status}; asked once, and no close`, async () => {
      const { application, gateway, stop } = await start(
        (webhook, exchange) => (webhook.user_name === "good" ? {} : script(webhook, exchange)),
        what === "no answer in time" ? { route: { webhook_timeout_s: 0.5 } } : {});
      const refused = await refusal(gateway.url("/ws"), [], { headers: { "X-Bfl-User": "bad" } });
      assert.equal(refused.status, status);
      // A webhook of a client that came later shows that nothing else was due.
      const good = await openAs(gateway, "good");
      await good.close();
      await application.next(({ action, user_name }) => action === "close" && user_name === "good");
      assert.deepEqual(application.webhooks.filter(({ user_name }) => user_name === "bad").map(({ action }) => action),
        ["open"]);
      await stop();
    });
  }

  test("an application that is down: 503 at once", async () => {
    const gateway = await startGateway({ application: `http://127.0.0.1:${await freePort()}/`,
      route: { admission: "ask" } });
    assert.equal((await refusal(gateway.url("/ws"))).status, 503);
    await gateway.stop();
  });

  test("a client that has gone while it was asked about, and is let in: close", async () => {
    let decide;
    const decision = new Promise((resolve) => { decide = resolve; });
    const { application, gateway, stop } = await start(({ action }) => (action === "open" ? decision : {}));
    const wire = await Wire.connect(gateway.port);
    wire.write(upgradeRequest("/ws", ["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]));
    const { conn_id } = await application.next("open");
    wire.destroy();
    decide({});
    assert.equal((await application.next("close")).conn_id, conn_id);
    assert.equal(application.of(conn_id).length, 2);
    await stop();
  });

  test("the flag --admission", async () => {
    const application = await Application.start(() => ({ status: 418 }));
    const gateway = await startGateway({ application: application.url, args: ["--admission", "ask"] });
    assert.equal((await refusal(gateway.url("/ws"))).status, 418);
    await gateway.stop();
    await application.stop();
  });
});

test("forward_headers with the user's field: only what a trusted proxy has set", async () => {
  for (const [trusted_proxies, user, forwarded] of [[["127.0.0.1"], "ada", "ada"], [["10.0.0.1"], "", undefined]]) {
    const { application, gateway, stop } = await start(() => ({}),
      { route: { admission: "notify", forward_headers: ["X-Bfl-User", "X-Trace"], trusted_proxies } });
    const client = await openAs(gateway, "ada", { headers: { "X-Trace": "7" } });
    const { user_name, headers } = await application.next("open");
    assert.deepEqual([user_name, headers["x-bfl-user"], headers["x-trace"]], [user, forwarded, "7"]);
    await client.close();
    await stop();
  }
});

test("forward_headers: the client's fields that webhooks carry", async () => {
  const { application, gateway, stop } = await start(() => ({}),
    { route: { admission: "notify", forward_headers: ["Accept-Language", "X-Trace"] } });
  const client = await openAs(gateway, "ada", { headers: { "accept-language": "zh", "X-Other": "o" } });
  await client.close();
  await application.next("close");
  for (const { headers } of application.webhooks) {
    assert.deepEqual([headers["accept-language"], headers["x-trace"], headers["x-other"]],
      ["zh", undefined, undefined]);
  }
  await stop();
});
