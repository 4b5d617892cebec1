// Bad input to the control API of `starling gateway`, and who may use it.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { refusal } from "./client.mjs";
import { openAs, request, startGateway } from "./gateway.mjs";
import { proxies, proxy } from "./proxies.mjs";
import { freePort, run, temporaryFolder, writeConfig } from "./server.mjs";

const conn = (name) => `/tapr/ws/conn/${name}`;
const topic = (name) => `/tapr/ws/topic/${name}`;
const deep = (levels) => "[".repeat(levels) + "]".repeat(levels);
const names = (count) => JSON.stringify(Array.from({ length: count }, (_, i) => `u${i}`));

describe("bodies", () => {
  let gateway;
  let client;
  before(async () => {
    gateway = await startGateway({ application: "" });
    client = await openAs(gateway, "ada");
  });
  after(() => gateway?.stop());

  // [path, body, what the message begins with]
  const faults = [
    [conn("send"), "", "the body: is not JSON"],
    [conn("send"), "{", "the body: is not JSON"],
    [conn("send"), '{"payload":{},}', "the body: is not JSON"],
    [conn("send"), '{"payload":NaN,"users":["a"]}', "the body: is not JSON"],
    [conn("send"), `{"users":["a"],"payload":${deep(129)}}`, "the body: is not JSON, or is more than 128 deep"],
    [conn("send"), "[]", "the body: an object is wanted"],
    [conn("send"), "null", "the body: an object is wanted"],
    [conn("send"), '{"payload":{}}', "conn_id, users, tokens: one of these is wanted"],
    [conn("send"), '{"payload":{},"users":[],"conn_id":""}', "conn_id, users, tokens: one of these is wanted"],
    [conn("send"), '{"payload":{},"users_access_type":1}', "conn_id, users, tokens: one of these is wanted"],
    [conn("send"), '{"users":["a"]}', "payload: is missing"],
    [conn("send"), '{"users":["a"],"payload":1,"text":"x"}', "payload, text, base64: only one of these is wanted"],
    [conn("send"), '{"users":["a"],"text":1}', "text: a string is wanted"],
    [conn("send"), '{"users":["a"],"base64":"!!"}', "base64: base64 is wanted"],
    [conn("send"), '{"users":"a","payload":1}', "users: an array of strings is wanted"],
    [conn("send"), '{"users":["a",1],"payload":1}', "users: an array of strings is wanted"],
    [conn("send"), '{"users":["a"],"tokens":{},"payload":1}', "tokens: an array of strings is wanted"],
    [conn("send"), '{"conn_id":7,"payload":1}', "conn_id: a string is wanted"],
    [conn("send"), '{"users":["a"],"payload":1,"users_access_type":3}', "users_access_type: 0, 1 or 2 is wanted"],
    [conn("send"), '{"users":["a"],"payload":1,"users_access_type":"1"}', "users_access_type: an integer is wanted"],
    [conn("send"), '{"user":["a"],"payload":1}', "user: is not known"],
    [conn("send"), '{"Users":["a"],"payload":1}', "Users: is not known"],
    [conn("send"), `{"users":${names(10_001)},"payload":1}`, "users: at most 10000 are wanted"],
    [conn("send"), `{"users":["${"x".repeat(256)}"],"payload":1}`, "users: names of at most 255 bytes are wanted"],
    [conn("send"), '{"users":["a\\u0000b"],"payload":1}', "users: a name without NUL is wanted"],
    [conn("send"), '{"users":["\\ud800"],"payload":1}', "users: half of a surrogate pair"],
    [conn("send"), '{"users":["a"],"payload":"\\ud800"}', "payload: half of a surrogate pair"],
    [conn("close"), "{}", "conns, users, tokens: one of these is wanted"],
    [conn("close"), '{"tokens":[""],"conns":[""]}', "conns, users, tokens: one of these is wanted"],
    [conn("close"), '{"users_access_type":2}', "conns, users, tokens: one of these is wanted"],
    [conn("close"), '{"users":["a"],"code":1001}', "code: 1000 or 3000 to 4999 is wanted"],
    [conn("close"), '{"users":["a"],"code":5000}', "code: 1000 or 3000 to 4999 is wanted"],
    [conn("close"), `{"users":["a"],"reason":"${"x".repeat(124)}"}`, "reason: at most 123 bytes are wanted"],
    [conn("close"), '{"conn_id":"a"}', "conn_id: is not known"],
    [topic("publish"), '{"payload":1}', "topic: is missing"],
    [topic("publish"), '{"topic":"a"}', "payload: is missing"],
    [topic("join"), '{"topic":"a"}', "conns, users, tokens: one of these is wanted"],
    [topic("join"), `{"topic":"${"x".repeat(256)}","users":["a"]}`, "topic: 1 to 255 bytes without NUL are wanted"],
    [topic("leave"), '{"users":["a"]}', "topic: is missing"],
  ];
  for (const [to, body, message] of faults) {
    test(`${to} ${body.slice(0, 60)}: 400, ${message}`, async () => {
      const { status, json, headers } = await gateway.post(to, body);
      assert.equal(status, 400);
      assert.equal(json.code, 400);
      assert.ok(json.message.startsWith(message), json.message);
      assert.match(headers["content-type"], /^application\/json/);
    });
  }

  test("a body that is not UTF-8: 400", async () => {
    const body = Buffer.from('{"users":["\xff"],"payload":1}', "latin1");
    const { status, json } = await gateway.post(conn("send"), body);
    assert.deepEqual([status, json.message], [400, "the body: is not UTF-8"]);
  });

  for (const query of ["limit=0", "limit=x", "limit=1000001", "cursor=nonsense", "users=a"]) {
    test(`list?${query}: 400 that names it`, async () => {
      const { status, json } = await gateway.get(`${conn("list")}?${query}`);
      assert.equal(status, 400);
      assert.equal(json.code, 400);
      assert.ok(json.message.startsWith(`${query.split("=")[0]}: `), json.message);
    });
  }

  test("a body over 1 MB: 413; one of as much as is allowed is read", async () => {
    const large = (bytes) => `{"users":["none"],"text":"${"x".repeat(bytes - 28)}"}`;
    assert.equal(Buffer.byteLength(large(1_000_000)), 1_000_000);
    assert.equal((await gateway.post(conn("send"), large(1_000_000))).status, 200);
    const { status } = await gateway.post(conn("send"), large(1_000_001)).catch(() => ({ status: "closed" }));
    assert.ok([413, "closed"].includes(status), `status ${status}`);
  });

  test("another content type: 415", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"]) {
      const { status, json } = await gateway.post(conn("send"), "{}", { "Content-Type": type });
      assert.deepEqual([status, json.code], [415, 415], type);
    }
    const good = await gateway.post(conn("send"), { users: ["none"], payload: 1 },
      { "Content-Type": "Application/JSON; charset=utf-8" });
    assert.equal(good.status, 200);
  });

  for (const [to, method, allow] of [[conn("send"), "GET", "POST"], [conn("close"), "DELETE", "POST"],
    [conn("list"), "POST", "GET"], [topic("publish"), "PUT", "POST"]]) {
    test(`${method} ${to}: 405 with Allow`, async () => {
      const { status, headers } = await request(gateway.port,
        { method, path: to, headers: { "X-Api-Key": gateway.key } });
      assert.equal(status, 405);
      assert.ok(headers.allow.split(/, */).includes(allow), headers.allow);
    });
  }

  for (const to of [conn("nothing"), "/tapr/ws/conn", "/tapr", topic("list"), conn("send/"), "/TAPR/ws/conn/send"]) {
    test(`${to}: 404`, async () => {
      assert.equal((await gateway.post(to, { users: ["a"], payload: 1 })).status, 404);
    });
  }

  test("nobody got anything of all this", async () => {
    await gateway.post(conn("send"), { users: ["ada"], payload: "first" });
    assert.equal(await client.next(), '"first"');
    assert.equal(client.socket.readyState, 1);
  });
});

const forwarding = [["X-Forwarded-For", "10.0.0.1"], ["X-Forwarded-Proto", "https"],
  ["X-Envoy-External-Address", "1.2.3.4"], ["X-Envoy-Internal", "true"], ["Forwarded", "for=10.0.0.1"],
  ["Via", "1.1 proxy"], ["X-Real-IP", "10.0.0.1"], ["X-Original-Forwarded-For", "10.0.0.1"], ["X-Bfl-User", "ada"],
  ["Origin", "http://127.0.0.1"], ["Sec-Fetch-Site", "same-origin"]];

describe("who may use the control API", () => {
  const list = async (gateway, headers = {}) => (await request(gateway.port, { path: conn("list"), headers })).status;
  const made = (gateway) => /key of the control API.*: ([0-9a-f]{32}) /.exec(gateway.stdout)?.[1];

  test("without a configured key: one is made and shown; loopback is no proof", async () => {
    const gateway = await startGateway({ application: "", options: { api_keys: [] } });
    const key = made(gateway);
    assert.ok(key, gateway.stdout);
    assert.equal(await list(gateway), 401);
    assert.equal(await list(gateway, { "X-Api-Key": key }), 200);
    const other = await startGateway({ application: "", options: { api_keys: [] } });
    assert.notEqual(made(other), key);
    await Promise.all([gateway.stop(), other.stop()]);
  });

  test("a configured key is not shown, on output or in the log", async () => {
    const gateway = await startGateway({ application: "", config: { log: { level: "debug" }, access_log: true } });
    assert.equal(await list(gateway, { "X-Api-Key": gateway.key }), 200);
    await gateway.stop();
    assert.ok(!gateway.output.includes(gateway.key));
    assert.equal(made(gateway), undefined);
  });

  for (const name of proxies) {
    test(`through ${name}, which adds no header, a key is wanted`, async () => {
      const gateway = await startGateway({ application: "", options: { api_keys: [] } });
      const front = await proxy(name, gateway.port);
      assert.equal(await list(front), 401);
      assert.equal(await list(front, { "X-Api-Key": made(gateway) }), 200);
      await front.stop();
      await gateway.stop();
    });
  }

  test("--olares: a peer on loopback needs no key, unless a header says that it is another's request", async () => {
    const gateway = await startGateway({ application: "", olares: true });
    assert.match(gateway.stdout, /without a key from this machine/);
    assert.equal(await list(gateway), 200);
    for (const [name, value] of forwarding) assert.equal(await list(gateway, { [name]: value }), 401, name);
    await gateway.stop();
  });

  test("--olares: another site's name that resolves to this machine (DNS rebinding) needs a key", async () => {
    const gateway = await startGateway({ application: "", olares: true });
    for (const host of ["localhost", "LOCALHOST:40010", "127.0.0.1", "127.0.0.1:40010", "10.1.2.3:40010", "[::1]:40010"]) {
      assert.equal(await list(gateway, { Host: host }), 200, host);
    }
    for (const host of ["rebound.example.com", "rebound.example.com:40010", "127.0.0.1.example.com", "localhost.example.com",
      "1.2.3", "0x7f000001:40010"]) {
      assert.equal(await list(gateway, { Host: host }), 401, host);
      const body = JSON.stringify({ users: [""], payload: 1 });
      const { status } = await request(gateway.port, { method: "POST", path: conn("send"), body, headers: { Host: host } });
      assert.equal(status, 401, host);
    }
    await gateway.stop();
  });

  test("--olares: the key that was made is shown too, as the live log wants it", async () => {
    const gateway = await startGateway({ application: "", olares: true });
    assert.equal(await list(gateway, { Host: "rebound.example.com", "X-Api-Key": made(gateway) }), 200);
    await gateway.stop();
  });

  test("--olares with a key: loopback needs the key", async () => {
    const gateway = await startGateway({ application: "", olares: true, options: { api_keys: ["set"] } });
    assert.equal(await list(gateway), 401);
    assert.equal(await list(gateway, { Authorization: "Bearer set" }), 200);
    await gateway.stop();
  });
});

test("control.listen: an address for the control API alone, and no other serves it", async () => {
  const port = await freePort();
  const gateway = await startGateway({ application: "", olares: true,
    options: { control: { listen: `127.0.0.1:${port}` } } });
  const client = await openAs(gateway, "ada");
  assert.equal((await request(gateway.port, { path: conn("list") })).status, 404);
  assert.equal((await request(port, { path: conn("list") })).json.data[0].name, "ada");
  assert.equal((await refusal(`ws://127.0.0.1:${port}/ws`)).status, 404);
  await client.close();
  await gateway.stop();
});

describe("origins of pages", () => {
  const from = (origin) => ({ headers: { Origin: origin } });
  test("its own and those listed may open a WebSocket; with --olares every page", async () => {
    const gateway = await startGateway({ application: "", route: { origins: ["https://listed.example"] } });
    const own = `http://127.0.0.1:${gateway.port}`;
    for (const origin of [own, "https://listed.example"]) (await openAs(gateway, "a", from(origin))).end();
    assert.equal((await refusal(gateway.url("/ws"), [], from("https://other.example"))).status, 403);
    await gateway.stop();
    const olares = await startGateway({ application: "", olares: true });
    (await openAs(olares, "a", from("https://other.example"))).end();
    await olares.stop();
  });
});

describe("bad configuration: exit 2 and one line that says where", () => {
  const manifest = (text) => {
    const file = path.join(temporaryFolder(), "OlaresManifest.yaml");
    writeFileSync(file, text);
    return file;
  };
  // [what, arguments, what the line holds]
  const cases = [
    ["an application that is no URL", ["--application", "ftp://localhost/"], "--application"],
    ["a port out of range", ["--application", "http://localhost:65536/"], "--application"],
    ["a manifest without options.websocket", ["--manifest", manifest("options:\n  mobile: true\n")],
      "OlaresManifest.yaml:1: key 'options.websocket'"],
    ["a manifest with a port out of range",
      ["--manifest", manifest("options:\n  websocket:\n    port: 70000\n    url: /ws\n")],
      "OlaresManifest.yaml:3: key 'options.websocket.port'"],
    ["a manifest that is not there", ["--manifest", "/nowhere/OlaresManifest.yaml"], "--manifest"],
    ["a certificate store that is not there", ["--config", writeConfig({ gateway: { routes: [
      { application: "https://localhost/", ca_path: "/nowhere/ca.pem" }] } })], "ca_path"],
    ["a key that is not known", ["--config", writeConfig({ gateway: { route: [] } })], "route"],
  ];
  for (const [what, args, place] of cases) {
    test(what, async () => {
      const { code, stderr } = await run(["gateway", "--listen", "127.0.0.1:0", ...args]);
      assert.equal(code, 2, stderr);
      assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
      assert.ok(stderr.includes(place), stderr);
    });
  }
});
