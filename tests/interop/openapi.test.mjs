// docs/openapi.yaml against the running server: every route of the sources is in the file, every status of the
// file comes from a real request, and each answer is as the file says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { open } from "./client.mjs";
import { request } from "./gateway.mjs";
import { allows, check, description, documented } from "./openapi.mjs";
import { repository, serve } from "./server.mjs";

// Statuses that no request of this test can bring about, and what shows them.
const elsewhere = {
  "POST /api/publish 503": "history-cluster.test.mjs takes Redis away",
  "GET /api/history 503": "history-cluster.test.mjs takes Redis away",
  "POST /admin/api/publish 503": "the server stops, and then soon ends",
};
for (const call of ["conn/send", "conn/emit", "conn/close", "topic/join", "topic/leave", "topic/publish"])
  Object.assign(elsewhere, {
    [`POST /tapr/ws/${call} 409`]: "the first request is under way for microseconds; a unit test has its time",
    [`POST /tapr/ws/${call} 503`]: "64 MiB wait for a worker",
  });

const push = { "X-Api-Key": "push" }, control = { "X-Api-Key": "control" }, operator = { "X-Api-Key": "operator" };
const json = { "Content-Type": "application/json" };
const long = "x".repeat(300);

const seen = new Set();

describe("docs/openapi.yaml", () => {
  let server;
  let olares;
  const clients = [];
  before(async () => {
    [server, olares] = await Promise.all([serve({
      workers: 2,
      websocket: [{ path: "/echo", kind: "echo" }, { path: "/all", kind: "broadcast" }],
      events: { enabled: true, api_key: "push", event_bytes_max: 200, presence_members_max: 1, channels: [
        { pattern: "news", history: { messages: 10 }, presence: "connections" }, { pattern: "plain" },
        { pattern: "mine{user}", access: "owner" }] },
      auth: { keys: [{ algorithm: "HS256", secret: "x".repeat(32) }] },
      limits: { channel_publishes: { per_second: 1, burst: 5 } },
      gateway: { enabled: true, api_keys: ["control"], control_body_bytes_max: 1024,
        routes: [{ path: "/gw", application: "" }] },
    }, { admin: { key: "operator" } }),
    serve({ gateway: { enabled: true, olares: "strict", api_keys: ["control"], routes: [{ path: "/gw", application: "" }] } })]);
    clients.push(await open(server.url("/gw")), await open(server.url("/echo")), await open(server.url("/all")));
    const member = await open(server.url("/ws/channels"), ["starling.v1"]);
    clients.push(member);
    member.socket.send(JSON.stringify({ type: "subscribe", id: 1, channel: "news", presence: true, info: { name: "Ann" } }));
    while (JSON.parse(await member.next()).type !== "subscribed");
  });
  after(async () => {
    for (const client of clients) client.end();
    await Promise.all([server?.stop(), olares?.stop()]);
  });

  // Sends a request and checks the answer. `target`: the path of the file; `at`: the one that is asked.
  async function ask(method, target, status, { at = target, headers = {}, body, to = server.port } = {}) {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const answer = await request(to, { method, path: at, headers, body: text });
    assert.equal(answer.status, status, `${method} ${at}: ${answer.text}`);
    seen.add(check(method === "HEAD" ? "GET" : method, target, answer));
    return answer;
  }

  // The status line and the fields of an answer without an end.
  function begin(target, port, headers) {
    return new Promise((resolve, reject) => {
      const sent = http.get({ host: "127.0.0.1", port, path: target, headers, agent: false }, (response) => {
        resolve({ status: response.statusCode, headers: response.headers, text: "", end: () => sent.destroy() });
        response.on("error", () => {});
      });
      sent.on("error", reject);
    });
  }

  test("every route of the sources is in the file", () => {
    const routes = ["events/api.cpp", "gateway/control.cpp", "admin/api.cpp", "admin/admin.cpp"].flatMap((file) =>
      [...readFileSync(path.join(repository, "src/server", file), "utf8")
        .matchAll(/"((?:\/tapr\/ws|\/admin\/api)\/[\w/:]+|\/metrics)"|options_\.api(?: \+ "(\/\w+)")?,/g)]
        .map(([, whole, part]) => whole ?? `/api${part ?? ""}`));
    const health = [...readFileSync(path.join(repository, "src/app/site.cpp"), "utf8")
      .matchAll(/server\.get\("(\/(?:healthz|readyz))"/g)].map(([, one]) => one);
    const known = new Set([...routes, ...health, "/sse/ServerEvent"].map((one) => one.replace(/:(\w+)/g, "{$1}")));
    assert.ok(known.size > 25);
    assert.deepEqual([...known].sort(), Object.keys(description.paths).sort());
  });

  test("push and history", async () => {
    const publish = (status, body, headers = push) => ask("POST", "/api/publish", status, { headers, body });
    await ask("GET", "/api", 200);
    await publish(200, { channel: "news", event: "a" });
    await publish(200, [{ channel: "news", event: "b" }, { channel: "plain", event: "c" }], { Authorization: "Bearer push" });
    await publish(400, { channel: "news" });
    await publish(401, { channel: "news", event: "a" }, {});
    await publish(404, { channel: "none", event: "a" });
    await publish(413, { channel: "news", event: long });
    let answer;
    do answer = await request(server.port, { method: "POST", path: "/api/publish", headers: push,
      body: '{"channel":"plain","event":"again"}' }); while (answer.status === 200);
    seen.add(check("POST", "/api/publish", answer));
    for (const [target, name] of [["/api/history", "history"], ["/api/presence", "presence"]]) {
      const get = (status, query, headers = push) => ask("GET", target, status, { at: target + query, headers });
      const { text } = await get(200, "?channel=news&limit=5");
      assert.match(text, name === "history" ? /"event":"b"/ : /"name":"Ann"/);
      await get(400, "?channel=news&limit=0");
      await get(401, "?channel=news", {});
      await get(404, "?channel=plain");
    }
    const listen = (status, query, headers) => ask("GET", "/sse/ServerEvent", status, { at: `/sse/ServerEvent${query}`, headers });
    await listen(400, "");
    await listen(401, "?Ref=mine1");
    await listen(403, "?Ref=news", { Origin: "https://elsewhere.example" });
    await listen(404, "?Ref=none");
    await listen(413, `?Ref=news&presence=1&info=${"1".repeat(1025)}`);
    await listen(503, "?Ref=news&presence=1");  // presence_members_max
    const stream = await begin("/sse/ServerEvent?Ref=news", server.port);
    seen.add(check("GET", "/sse/ServerEvent", stream));
    stream.end();
  });

  test("the gateway", async () => {
    const bodies = {
      "conn/send": { users: ["ada"], payload: {} }, "conn/emit": { users: ["ada"], event: "news", data: [1] },
      "topic/join": { topic: "news", users: [""] }, "topic/publish": { topic: "news", payload: {} },
      "topic/leave": { topic: "news", users: [""] }, "conn/close": { users: ["ada"], code: 4001, reason: "bye" },
    };
    for (const [call, body] of Object.entries(bodies)) {
      const target = `/tapr/ws/${call}`;
      const post = (status, options) => ask("POST", target, status, { headers: { ...control, ...json }, ...options });
      await post(200, { body });
      await post(400, { body: {} });
      await post(401, { body, headers: json });
      await post(413, { body: { ...body, topic: long.repeat(10) } });
      await post(415, { body, headers: control });
      const wrong = await request(server.port, { method: "PUT", path: target, headers: { ...control, ...json } });
      seen.add(check("POST", target, wrong));
      assert.equal(wrong.status, 405);
    }
    await ask("GET", "/tapr/ws/conn/list", 200, { headers: { Authorization: "Bearer control" } });
    const page = await ask("GET", "/tapr/ws/conn/list", 200, { at: "/tapr/ws/conn/list?limit=1", headers: control });
    assert.equal(page.json.data[0].public_conns.length, 1);
    await ask("GET", "/tapr/ws/conn/list", 400, { at: "/tapr/ws/conn/list?limit=x", headers: control });
    await ask("GET", "/tapr/ws/conn/list", 401);
    await ask("POST", "/tapr/ws/conn/debug", 200, { to: olares.port, headers: { ...control, ...json }, body: {} });
    await ask("POST", "/tapr/ws/conn/debug", 401,
      { to: olares.port, headers: { ...json, Origin: "https://elsewhere.example" }, body: {} });
    await ask("GET", "/tapr/ws/log", 401);
    const readers = [];
    for (let i = 0; i < 16; ++i) readers.push(await begin("/tapr/ws/log", server.port, control));
    seen.add(check("GET", "/tapr/ws/log", readers[0]));
    await ask("GET", "/tapr/ws/log", 503, { headers: control });
    for (const reader of readers) reader.end();
  });

  test("the admin listener", async () => {
    const to = server.adminPort;
    const list = await ask("GET", "/admin/api/connections", 200, { to, headers: operator });
    const { id } = list.json.connections.find(({ path: where }) => where === "/echo");
    const gets = Object.keys(description.paths).filter((target) => /^\/(admin|metrics)/.test(target) && description.paths[target].get);
    for (const target of gets) {
      const get = (status, options) => ask("GET", target, status, { at: target.replace("{id}", id), to, headers: operator, ...options });
      await get(200);
      await get(401, { headers: {} });
      await get(403, { headers: { ...operator, Host: "elsewhere.example" } });
    }
    await ask("GET", "/metrics", 200, { to, headers: { ...operator, Accept: "application/openmetrics-text; version=1.0.0" } });
    const listed = (target, at, status) => ask("GET", target, status, { at, to, headers: operator });
    await listed("/admin/api/connections", "/admin/api/connections?limit=0", 400);
    await listed("/admin/api/connections", "/admin/api/connections?limit=1", 200);
    await listed("/admin/api/rooms", "/admin/api/rooms?limit=0", 400);
    await listed("/admin/api/connections/{id}", "/admin/api/connections/x", 400);
    await listed("/admin/api/connections/{id}", "/admin/api/connections/0-9999-1", 404);
    const posts = { publish: { topic: "t", text: "hi" }, send: { id, text: "hi" }, disconnect: { id, code: 4000, reason: "bye" } };
    for (const [call, body] of Object.entries(posts)) {
      const target = `/admin/api/${call}`;
      const post = (status, options) => ask("POST", target, status, { to, headers: { ...operator, ...json }, ...options });
      await post(200, { body });
      await post(400, { body: {} });
      await post(400, { body: "{" });
      await post(401, { body, headers: json });
      await post(403, { body, headers: { ...operator, ...json, Origin: "https://elsewhere.example" } });
      if (call !== "publish") await post(404, { body: { ...body, id: "0-9999-1" } });
      await post(415, { body, headers: operator });
    }
  });

  test("health", async () => {
    await ask("GET", "/healthz", 200);
    await ask("GET", "/readyz", 200);
  });

  test("a drain", async () => {
    const post = (status, body, headers = { ...operator, ...json }) =>
      ask("POST", "/admin/api/drain", status, { to: server.adminPort, headers, body });
    await post(400, { announce_s: -1 });
    // A misspelt number must not stop the server at once.
    assert.deepEqual((await post(400, { announce_s: 10, secnds: 60 })).json, { error: "'secnds' is not known" });
    assert.deepEqual((await post(400, { seconds: "60" })).json, { error: "seconds: an integer is wanted" });
    assert.deepEqual((await post(400, [])).json, { error: "a JSON object is wanted" });
    await ask("GET", "/readyz", 200);
    await post(401, {}, json);
    await post(403, {}, { ...operator, ...json, Origin: "https://elsewhere.example" });
    await post(415, {}, operator);
    assert.equal((await post(200, { announce_s: 3600, seconds: 60 })).json.state, "announced");
    await post(409, {});
    await ask("GET", "/readyz", 503);
  });

  test("without channels there is nothing to publish to", async () => {
    const bare = await serve({}, { admin: { key: "operator" } });
    await ask("POST", "/admin/api/publish", 404, { to: bare.adminPort, headers: { ...operator, ...json },
      body: { channel: "news", text: "hi" } });
    await bare.stop();
  });

  // Comes last: this address has to wait afterwards.
  test("five wrong keys", async () => {
    const to = server.adminPort;
    for (let i = 0; i < 5; ++i) await request(to, { path: "/metrics", headers: { "X-Api-Key": "wrong" } });
    for (const [target, methods] of Object.entries(description.paths))
      if (/^\/(admin|metrics)/.test(target))
        for (const method of Object.keys(methods))
          await ask(method.toUpperCase(), target, 429,
            { at: target.replace("{id}", "0-1-1"), to, headers: { ...operator, ...json }, body: method === "post" ? {} : undefined });
  });

  test("every status of the file was seen, or is shown elsewhere", () => {
    const missing = [...documented.keys()].filter((key) => !seen.has(key) && !(key in elsewhere));
    assert.deepEqual(missing, []);
    assert.deepEqual(Object.keys(elsewhere).filter((key) => seen.has(key) || !documented.has(key)), []);
  });

  test("the schemas of the requests tell right from wrong", () => {
    for (const [method, target, body, right] of [
      ["POST", "/api/publish", { channel: "a", event: "b" }, true],
      ["POST", "/api/publish", [{ channel: "a", event: "b" }], true],
      ["POST", "/api/publish", { channel: "a" }, false],
      ["POST", "/api/publish", [], false],
      ["POST", "/tapr/ws/conn/send", { users: ["a"], text: "b" }, true],
      ["POST", "/tapr/ws/conn/send", { user: "a", text: "b" }, false],
      ["POST", "/tapr/ws/conn/close", { users: ["a"], code: 4000 }, true],
      ["POST", "/tapr/ws/conn/close", { users: ["a"], code: 1001 }, false],
      ["POST", "/admin/api/publish", { topic: "a", text: "b" }, true],
      ["POST", "/admin/api/publish", { topic: "a", channel: "b", text: "c" }, false],
    ]) assert.equal(allows(method, target, body), right, JSON.stringify(body));
    // The file's own examples.
    for (const [target, methods] of Object.entries(description.paths))
      for (const [method, { requestBody }] of Object.entries(methods)) {
        const { example } = requestBody?.content["application/json"] ?? {};
        if (example) assert.ok(allows(method, target, example), target);
      }
  });
});
