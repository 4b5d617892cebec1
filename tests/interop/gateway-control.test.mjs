// The control API of `starling gateway`: who gets a message, who is closed, who is listed, topics, keys that are used
// again.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { Application } from "../applications/application.mjs";
import { enter, openAs, startGateway } from "./gateway.mjs";

const sent = (connections) => ({ code: 0, message: "success", data: { connections } });
const [send, close, publish, join, leave] = ["/tapr/ws/conn/send", "/tapr/ws/conn/close",
  "/tapr/ws/topic/publish", "/tapr/ws/topic/join", "/tapr/ws/topic/leave"];

// ada twice, once without a token; ben; a user without a name, with a token and without. On two workers.
async function population({ options = {}, args = [] } = {}) {
  const application = await Application.start();
  const gateway = await startGateway({ application: application.url, config: { workers: 2 }, options, args });
  const people = {
    ada: await enter(gateway, application, "ada", { token: "ta" }),
    public_ada: await enter(gateway, application, "ada"),
    ben: await enter(gateway, application, "ben", { token: "tb" }),
    nobody: await enter(gateway, application, "", { token: "tn" }),
    public_nobody: await enter(gateway, application, ""),
  };
  return { application, gateway, people,
    async stop() {
      await gateway.stop();
      await application.stop();
    } };
}

// The names of the people whose next message is `text`. Everybody then gets "end", so that no wait is endless.
async function receivers({ gateway, people }, text) {
  const names = Object.keys(people);
  await gateway.post(send, { text: "end", users: ["ada", "ben", ""] });
  const got = await Promise.all(names.map(async (name) => {
    const first = await people[name].client.next();
    if (first === "end") return false;
    assert.equal(first.toString(), text);
    assert.equal(await people[name].client.next(), "end");
    return true;
  }));
  return names.filter((_, i) => got[i]);
}

describe("send", () => {
  let all;
  before(async () => { all = await population(); });
  after(() => all?.stop());

  // [selectors, receivers]. A function is called with the people.
  const cases = [
    ["by connection", (p) => ({ conn_id: p.ben.id }), ["ben"]],
    ["by user", { users: ["ada"] }, ["ada", "public_ada"]],
    ["by several users", { users: ["ada", "ben", "none"] }, ["ada", "public_ada", "ben"]],
    ["a user twice: one message", { users: ["ben", "ben"] }, ["ben"]],
    ["by token", { tokens: ["tb", "tn"] }, ["ben", "nobody"]],
    ["users without a name", { users: [""] }, ["nobody", "public_nobody"]],
    ["users, with a token alone", { users: ["ada", ""], users_access_type: 1 }, ["ada", "nobody"]],
    ["users, without a token alone", { users: ["ada", ""], users_access_type: 2 }, ["public_ada", "public_nobody"]],
    ["users, all", { users: ["ada"], users_access_type: 0 }, ["ada", "public_ada"]],
    ["all that are given must match", { users: ["ada"], tokens: ["ta", "tb"] }, ["ada"]],
    ["and may match nobody", { users: ["ada"], tokens: ["tb"] }, []],
    ["connection and user", (p) => ({ conn_id: p.ada.id, users: ["ben"] }), []],
    ["nobody", { users: ["none"] }, []],
    ["a token of nobody", { tokens: [""] }, []],
    ["null and empty are not given", (p) => ({ conn_id: p.ben.id, users: null, tokens: [] }), ["ben"]],
    ["an empty conn_id is not given", { conn_id: "", users: ["ben"], tokens: null }, ["ben"]],
    ["the access type counts with users alone", (p) => ({ conn_id: p.ben.id, users_access_type: 2 }), ["ben"]],
  ];
  for (const [what, given, names] of cases) {
    test(`selectors: ${what}`, async () => {
      const selectors = typeof given === "function" ? given(all.people) : given;
      const { status, json } = await all.gateway.post(send, { payload: { what }, ...selectors });
      assert.equal(status, 200);
      assert.deepEqual(json, sent(names.length));
      assert.deepEqual(await receivers(all, JSON.stringify({ what })), names);
    });
  }

  // What a body holds, and the message that arrives.
  const payloads = [
    ['"payload":{"z":1,"a":2,"a":3, "n":9223372036854775808,"f":1.0}',
      '{"z":1,"a":2,"a":3, "n":9223372036854775808,"f":1.0}'],
    ['"payload":null', "null"],
    ['"payload":"text"', '"text"'],
    ['"payload":[1,2]', "[1,2]"],
    ['"payload":  {}  ', "{}"],
    ['"payload":{"m":"你好 \\u4f60"}', '{"m":"你好 \\u4f60"}'],
    ['"text":"你\\n好"', "你\n好"],
    ['"text":""', ""],
    ['"base64":"AAH+/w=="', Buffer.from([0, 1, 254, 255])],
    ['"base64":""', Buffer.alloc(0)],
  ];
  for (const [field, message] of payloads) {
    test(`the bytes of ${field}`, async () => {
      const { json } = await all.gateway.post(send, `{${field},"users":["ben"]}`);
      assert.deepEqual(json, sent(1));
      assert.deepEqual(await all.people.ben.client.next(), message);
    });
  }

  test("900 KB to all, by 10,000 names", async () => {
    const users = Array.from({ length: 9_997 }, (_, i) => `user-${i}`).concat("ada", "ben", "");
    const text = "x".repeat(500_000);
    assert.deepEqual((await all.gateway.post(send, { text, users })).json, sent(5));
    assert.equal((await receivers(all, text)).length, 5);
  });

  test("the key as a bearer; without one, or with another, 401", async () => {
    const body = { payload: {}, users: ["none"] };
    const by = async (headers) => {
      const { status, json } = await all.gateway.post(send, body, { "X-Api-Key": [], ...headers });
      return [status, json.code];
    };
    assert.deepEqual(await by({ Authorization: `Bearer ${all.gateway.key}` }), [200, 0]);
    assert.deepEqual(await by({}), [401, 401]);
    assert.deepEqual(await by({ "X-Api-Key": "another" }), [401, 401]);
    assert.deepEqual(await by({ Authorization: "Bearer another" }), [401, 401]);
    assert.deepEqual(await by({ Authorization: `Basic ${all.gateway.key}` }), [401, 401]);
  });
});

describe("close", () => {
  let all;
  before(async () => { all = await population(); });
  after(() => all?.stop());

  // The cases run in this order; each closes some of the clients that are left.
  const cases = [
    ["nobody that matches", { users: ["ada"], tokens: ["tb"] }, [], 1000, ""],
    ["a connection, with code and reason", (p) => ({ conns: [p.ben.id], code: 4001, reason: "再见" }), ["ben"],
      4001, "再见"],
    ["of a user those without a token", { users: ["ada"], users_access_type: 2 }, ["public_ada"], 1000, ""],
    ["by token; empty ones are skipped", { tokens: ["", "ta"], conns: [""] }, ["ada"], 1000, ""],
    ["the users without a name", { users: [""] }, ["nobody", "public_nobody"], 1000, ""],
  ];
  for (const [what, given, names, code, reason] of cases) {
    test(what, async () => {
      const body = typeof given === "function" ? given(all.people) : given;
      assert.deepEqual((await all.gateway.post(close, body)).json, sent(names.length));
      for (const name of names) {
        assert.deepEqual(await all.people[name].client.closed, { code, reason });
        await all.application.next(({ action, conn_id }) => action === "close" && conn_id === all.people[name].id);
      }
    });
  }

  test("what was sent in front of it arrives in front of it", async () => {
    const { client, id } = await enter(all.gateway, all.application, "late");
    for (let i = 0; i < 100; i += 1) await all.gateway.post(send, { payload: i, conn_id: id });
    await all.gateway.post(close, { conns: [id] });
    for (let i = 0; i < 100; i += 1) assert.equal(await client.next(), String(i));
    assert.equal((await client.closed).code, 1000);
  });
});

describe("list", () => {
  let all;
  before(async () => { all = await population(); });
  after(() => all?.stop());
  const agent = "测试/1";
  const entry = ({ id }, userAgent = "") => ({ id, token: "", userAgent,
    userAgentTag: userAgent && createHash("md5").update(userAgent).digest("hex") });

  test("by user, sorted by name, those without a token apart, no tokens", async () => {
    const { ada, public_ada, ben, nobody, public_nobody } = all.people;
    const { status, headers, json } = await all.gateway.get("/tapr/ws/conn/list");
    assert.equal(status, 200);
    assert.match(headers["content-type"], /^application\/json/);
    const user = (name, conn, pub) => ({ name, conns: [entry(conn)], conns_number: 1,
      public_conns: pub ? [entry(pub)] : [], public_conns_number: pub ? 1 : 0 });
    assert.deepEqual(json, { code: 0, message: "success",
      data: [user("", nobody, public_nobody), user("ada", ada, public_ada), user("ben", ben)] });
    assert.deepEqual(Object.keys(json.data[0]),
      ["name", "conns", "conns_number", "public_conns", "public_conns_number"]);
  });

  test("the user agent and its md5", async () => {
    const headers = { "User-Agent": Buffer.from(agent).toString("latin1") };
    const cat = await enter(all.gateway, all.application, "cat", { token: "c", headers });
    assert.deepEqual((await all.gateway.list("?user=cat"))[0].conns, [entry(cat, agent)]);
    await cat.client.close();
    await all.application.next(({ action, user_name }) => action === "close" && user_name === "cat");
    assert.deepEqual(await all.gateway.list("?user=cat"), []);
  });

  test("of some users alone", async () => {
    assert.deepEqual((await all.gateway.list("?user=ben&user=&user=none")).map(({ name }) => name), ["", "ben"]);
  });

  test("in pages, each connection once", async () => {
    const whole = new Set();
    let cursor = "";
    let pages = 0;
    do {
      const { json } = await all.gateway.get(`/tapr/ws/conn/list?limit=2${cursor && `&cursor=${cursor}`}`);
      const ids = json.data.flatMap(({ conns, public_conns }) => [...conns, ...public_conns]).map(({ id }) => id);
      assert.ok(ids.length <= 2);
      ids.forEach((id) => whole.add(id));
      ({ cursor } = json);
      pages += 1;
    } while (cursor !== undefined);
    assert.ok(pages >= 3, `${pages} pages`);
    assert.deepEqual(whole, new Set(Object.values(all.people).map(({ id }) => id)));
  });
});

test("--show-tokens shows them, made ones too", async () => {
  const all = await population({ args: ["--show-tokens"] });
  const [, ada] = await all.gateway.list();
  assert.deepEqual([ada.conns[0].token, ada.public_conns[0].token], ["ta", all.people.public_ada.opened.token]);
  await all.stop();
});

test("two keys, so that one can be replaced by the other", async () => {
  const gateway = await startGateway({ application: "", env: { STARLING_GATEWAY_API_KEY: "old,new" } });
  for (const [key, status] of [["old", 200], ["new", 200], ["key-of-the-tests", 401], ["old,new", 401]]) {
    assert.equal((await gateway.get("/tapr/ws/conn/list", { "X-Api-Key": key })).status, status, key);
  }
  await gateway.stop();
});

describe("topics", () => {
  test("join, publish with except, leave; a closed connection has left", async () => {
    const { gateway, people, application, stop } = await population();
    const { ada, public_ada, ben } = people;
    const topic = "news 新闻";
    assert.deepEqual((await gateway.post(join, { topic, users: ["ada", "ben"] })).json, sent(3));
    assert.deepEqual((await gateway.post(join, { topic, conns: [ada.id] })).json, sent(1), "twice is once");
    assert.deepEqual((await gateway.post(publish, `{"topic":"${topic}","payload":{"b":1,"a":1e2}}`)).json, sent(3));
    for (const { client } of [ada, public_ada, ben]) assert.equal(await client.next(), '{"b":1,"a":1e2}');
    assert.deepEqual((await gateway.post(publish, { topic, text: "less", except: [ada.id] })).json, sent(2));
    for (const { client } of [public_ada, ben]) assert.equal(await client.next(), "less");
    await gateway.post(leave, { topic, tokens: ["tb"] });
    await public_ada.client.close();
    await application.next(({ action, conn_id }) => action === "close" && conn_id === public_ada.id);
    assert.deepEqual((await gateway.post(publish, { topic, base64: "AQI=" })).json, sent(1));
    assert.deepEqual(await ada.client.next(), Buffer.from([1, 2]));
    assert.deepEqual((await gateway.post(publish, { topic: "other", payload: {} })).json, sent(0));
    await stop();
  });
});

describe("Idempotency-Key", () => {
  test("the same key gets the first answer again and does nothing; another one does", async () => {
    const gateway = await startGateway({ application: "", config: { workers: 2 } });
    const client = await openAs(gateway, "ada");
    const by = (key, text) => gateway.post(send, { text, users: ["ada"] }, { "Idempotency-Key": key });
    const first = await by("k1", "one");
    for (let i = 0; i < 10; i += 1) {  // On either worker.
      const again = await by("k1", "two");
      assert.deepEqual([again.status, again.text], [first.status, first.text]);
    }
    await by("k2", "three");
    assert.equal(await client.next(), "one");
    assert.equal(await client.next(), "three");
    await client.close();
    const gone = await by("k3", "four");
    assert.deepEqual(gone.json, sent(0));
    const back = await openAs(gateway, "ada");
    assert.deepEqual((await by("k3", "four")).json, sent(0), "an answer of 0 counts too");
    await by("k4", "five");
    assert.equal(await back.next(), "five");
    await back.close();
    await gateway.stop();
  });
});
