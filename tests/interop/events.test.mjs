// Server events with real clients: npm `ws`, fetch, over ws and wss.

import assert from "node:assert/strict";
import { createHmac, createSign, generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import https from "node:https";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { certificate } from "./certificates.mjs";
import { deadline, open, refusal } from "./client.mjs";
import { serve, temporaryFolder, until } from "./server.mjs";

const secret = "0123456789abcdef0123456789abcdef";
const key = "a-key-for-publishers";
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const now_s = () => Math.floor(Date.now() / 1000);

function token(claims, { header = { alg: "HS256", typ: "JWT" }, sign } = {}) {
  const text = `${encode(header)}.${encode({ exp: now_s() + 3600, ...claims })}`;
  const signature = sign ? sign(text)
    : createHmac("sha256", secret).update(text).digest("base64url");
  return `${text}.${signature}`;
}

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rs256 = (claims, kid = "rsa") => token(claims, { header: { alg: "RS256", kid },
  sign: (text) => createSign("sha256").update(text).sign(rsa.privateKey, "base64url") });
const es256 = (claims, kid = "ec") => token(claims, { header: { alg: "ES256", kid },
  sign: (text) => createSign("sha256").update(text)
    .sign({ key: ec.privateKey, dsaEncoding: "ieee-p1363" }, "base64url") });

const folder = temporaryFolder();
const config = {
  events: {
    enabled: true,
    api_key: key,
    channels: [
      { pattern: "ApiIndex" },
      { pattern: "ArticleMessage{id:number}" },
      { pattern: "Latest", excess: "latest" },
      { pattern: "SystemMessage{email}", access: "owner" },
    ],
  },
  auth: {
    keys: [
      { secret },
      { id: "rsa", algorithm: "RS256", path: path.join(folder, "rsa.pem") },
      { id: "ec", algorithm: "ES256", path: path.join(folder, "ec.pem") },
    ],
    leeway_s: 0,
  },
};
writeFileSync(path.join(folder, "rsa.pem"), rsa.publicKey.export({ type: "spki", format: "pem" }));
writeFileSync(path.join(folder, "ec.pem"), ec.publicKey.export({ type: "spki", format: "pem" }));

describe("server events", () => {
  let server;
  before(async () => { server = await serve({ ...config, workers: 2 }); });
  after(() => server?.stop());

  const listen = (channel, options) =>
    open(server.url(`/ws/ServerEvent?Ref=${encodeURIComponent(channel)}`), [], options);
  const publish = async (body, headers = { "X-Api-Key": key }) => {
    const response = await fetch(server.url("/api/publish", "http"),
      { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });
    return [response.status, await response.json()];
  };

  test("ClientEvent answers each text, and closes on binary with 1003", async () => {
    for (const route of ["/ws/ClientEvent", "/WS/ClientEvent"]) {
      const client = await open(server.url(route));
      for (const text of ["Message", "", "你好 🐦"]) {
        client.socket.send(text);
        assert.equal(await client.next(), `WS echo from server:${text}`);
      }
      client.socket.send(Buffer.from([1, 2, 3]));
      assert.equal((await client.closed).code, 1003);
    }
  });

  test("refusals come before the upgrade", async () => {
    const mma = "/ws/ServerEvent?Ref=SystemMessagemma%40obisoft.com.cn";
    const user = { email: "mma@obisoft.com.cn" };
    const other = token({ email: "someone@else" });
    const [head, claims, signature] = token(user).split(".");
    const none = token(user, { header: { alg: "none" }, sign: () => "" });
    const confused = token(user, { header: { alg: "HS256", kid: "rsa" }, sign: (text) =>
      createHmac("sha256", rsa.publicKey.export({ type: "spki", format: "pem" })).update(text)
        .digest("base64url") });
    const cookie = (value) => ({ headers: { Cookie: `auth_token=${value}` } });
    const cases = [
      ["/ws/ServerEvent", {}, 400],
      ["/ws/ServerEvent?Ref=", {}, 400],
      [`/ws/ServerEvent?Ref=${"c".repeat(256)}`, {}, 400],
      ["/ws/ServerEvent?Ref=Nothing", {}, 404],
      ["/ws/ServerEvent?Ref=ArticleMessage1x", {}, 404],
      ["/ws/ServerEvent?Ref=ApiIndex", { origin: "https://evil.example" }, 403],
      [mma, {}, 401],
      [mma, cookie(token({ ...user, exp: now_s() - 10 })), 401],
      [mma, cookie(token({ ...user, nbf: now_s() + 100 })), 401],
      [mma, cookie(`${head}.${encode({ ...user, exp: now_s() + 1000 })}.${signature}`), 401],
      [mma, cookie(`${head}.${claims}.`), 401],
      [mma, cookie(none), 401],
      [mma, cookie(confused), 401],
      [mma, cookie(rs256(user, "ec")), 401],
      [mma, cookie(rs256(user, "unknown")), 401],
      [mma, cookie(other), 403],
      [`${mma}&token=${other}`, {}, 403],
    ];
    for (const [target, options, status] of cases) {
      assert.equal((await refusal(server.url(target), [], options)).status, status,
        `${target} ${JSON.stringify(options)}`);
    }
  });

  test("a login by cookie, header or query; by HS256, RS256 or ES256", async () => {
    const user = { email: "mma@obisoft.com.cn" };
    const channel = "SystemMessagemma@obisoft.com.cn";
    const ways = [
      { headers: { Cookie: `auth_token=${token(user)}` } },
      { headers: { Authorization: `Bearer ${rs256(user)}` } },
      { headers: { Cookie: `other=1; auth_token=${es256(user)}` } },
    ];
    const clients = await Promise.all(ways.map((options) => listen(channel, options)));
    clients.push(await open(server.url(
      `/ws/ServerEvent?Ref=${encodeURIComponent(channel)}&token=${token(user)}`)));
    assert.deepEqual(await publish({ channel, event: "GotNew" }),
      [200, { delivered: 4, limited: 0 }]);
    for (const client of clients) {
      assert.equal(await client.next(), "WS Server Event:GotNew");
      client.end();
    }
  });

  test("an expired token closes with 4401, a new one keeps the connection", async () => {
    const user = { email: "a@b" };
    // Long enough that both connect and one renews the login, also on a busy machine.
    const headers = { Cookie: `auth_token=${token({ ...user, exp: now_s() + 10 })}` };
    const enter = () => listen("SystemMessagea@b", { headers });
    const [left, kept] = await Promise.all([enter(), enter()]);
    kept.socket.send(JSON.stringify({ token: token(user) }));
    assert.equal((await left.closed).code, 4401);
    assert.deepEqual(await publish({ channel: "SystemMessagea@b", event: "still" }),
      [200, { delivered: 1, limited: 0 }]);
    assert.equal(await kept.next(), "WS Server Event:still");
    kept.end();
  });

  test("a visit of /api reaches those who listen, and nobody later", async () => {
    const client = await listen("ApiIndex");
    const response = await fetch(server.url("/api", "http"));
    assert.equal(response.status, 200);
    const index = await response.json();
    assert.match(index.viewed, /^Index Viewd \d{1,2}\/\d{1,2}\/\d{4} \d\d:\d\d:\d\d$/);
    assert.equal(await client.next(), `WS Server Event:${index.viewed}`);
    assert.deepEqual(index.channels.map(({ pattern }) => pattern),
      config.events.channels.map(({ pattern }) => pattern));
    client.end();
  });

  test("one push in 250 ms: the rest is lost, or the last of it comes later", async () => {
    const [drop, latest] = await Promise.all([listen("ArticleMessage9"), listen("Latest")]);
    const three = (channel) => ["a", "b", "c"].map((event) => ({ channel, event }));
    const lost = { delivered: 0, limited: 1 };
    const got = { delivered: 1, limited: 0 };
    assert.deepEqual(await publish(three("ArticleMessage9")), [200, [got, lost, lost]]);
    assert.deepEqual(await publish(three("Latest")), [200, [got, got, got]]);
    assert.equal(await latest.next(), "WS Server Event:a");
    assert.equal(await latest.next(), "WS Server Event:c");
    // The other channel's interval ends at about the same time, by another thread's clock.
    await until(async () => {
      const [status, published] = await publish({ channel: "ArticleMessage9", event: "d" });
      assert.equal(status, 200);
      return published.delivered === 1;
    }, "the end of the interval");
    assert.equal(await drop.next(), "WS Server Event:a");
    assert.equal(await drop.next(), "WS Server Event:d");
    drop.end();
    latest.end();
  });

  test("publishing: what is wrong is named", async () => {
    const good = { channel: "ApiIndex", event: "x" };
    assert.deepEqual((await publish(good, {}))[0], 401);
    assert.deepEqual((await publish(good, { "X-Api-Key": "wrong" }))[0], 401);
    assert.deepEqual(await publish({ channel: "ArticleMessage77", event: "x" },
      { Authorization: `Bearer ${key}` }), [200, { delivered: 0, limited: 0 }]);
    const [status, { message }] = await publish([good, { channel: "ApiIndex", event: 7 }]);
    assert.equal(status, 400);
    assert.match(message, /\[1\]\.event/);
    assert.equal((await publish({ channel: "Nothing", event: "x" }))[0], 404);
    assert.equal((await publish({ channel: "ApiIndex", event: "x".repeat(65_537) }))[0], 413);
    assert.equal((await publish("{"))[0], 400);
  });

  test("Server-Sent Events, until the client leaves", async () => {
    const leave = new AbortController();
    const response = await fetch(server.url("/sse/ServerEvent?Ref=ArticleMessage5", "http"),
      { signal: leave.signal });
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    assert.deepEqual(await publish({ channel: "ArticleMessage5", event: "GotNew" }),
      [200, { delivered: 1, limited: 0 }]);
    const reader = response.body.getReader();
    let text = "";
    while (!text.endsWith("\n\n")) {
      const { value, done } = await deadline(reader.read(), "an event");
      assert.equal(done, false, text);
      text += Buffer.from(value).toString();
    }
    assert.equal(text, "data: WS Server Event:GotNew\n\n");
    leave.abort();
    for (const [target, status] of [["", 400], ["?Ref=Nothing", 404], ["?Ref=SystemMessagea@b", 401]]) {
      const refused = await fetch(server.url(`/sse/ServerEvent${target}`, "http"));
      assert.equal(refused.status, status, target);
    }
  });
});

test("server events over wss", async () => {
  const { cert, key: private_key } = certificate(folder, "events.example");
  const server = await serve(
    { ...config, tls: { certificates: [{ cert, key: private_key }] } }, { tls: true });
  const insecure = { rejectUnauthorized: false };
  const client = await open(server.url("/ws/ClientEvent", "wss"), [], insecure);
  client.socket.send("Message");
  assert.equal(await client.next(), "WS echo from server:Message");
  const listener = await open(server.url("/WS/ServerEvent?Ref=ApiIndex", "wss"), [], insecure);
  const visit = https.get(server.url("/api", "https"), { ...insecure, agent: false });
  visit.on("response", (response) => response.resume());
  assert.match(await listener.next(), /^WS Server Event:Index Viewd /);
  client.end();
  listener.end();
  await server.stop();
});
