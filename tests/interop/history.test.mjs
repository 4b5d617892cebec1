// History and presence of channels with real clients: npm `ws` that speaks starling.v1, the
// EventSource of undici, and plain HTTP. Connections are cut in the middle of publications that
// several workers receive; what is lost and what comes twice is counted.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { EventSource } from "undici";

import { deadline, open, refusal } from "./client.mjs";
import { serve, until } from "./server.mjs";
import { V1, compare, cuttingProxy, publishMany } from "./v1.mjs";

const key = "a-key-for-publishers";
const secret = "0123456789abcdef0123456789abcdef";
const now_s = () => Math.floor(Date.now() / 1000);

function token(user, lifetime_s = 3600) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.` +
    encode({ email: user, exp: now_s() + lifetime_s });
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

const history = { messages: 10_000, seconds: 600 };
const config = {
  workers: 3,
  events: {
    enabled: true,
    api_key: key,
    presence_members_max: 3,
    channels: [
      { pattern: "plain", interval_s: 0 },
      { pattern: "news{id:number}", history },
      { pattern: "short", history: { messages: 3, seconds: 600 } },
      { pattern: "room{name}", history, presence: "users", publishers: "anyone" },
      { pattern: "sockets", presence: "connections" },
      { pattern: "inbox{email}", access: "owner", history, publishers: "user" },
    ],
  },
  auth: { keys: [{ secret }], leeway_s: 0 },
};

describe("history and presence", () => {
  let server;
  before(async () => { server = await serve(config); });
  after(() => server?.stop());

  const connect = (user, port = server.port) => V1.connect(`ws://127.0.0.1:${port}/ws/channels`,
    user ? { headers: { Authorization: `Bearer ${token(user)}` } } : {});
  const api = async (target, headers = { "X-Api-Key": key }) => {
    const response = await fetch(server.url(`/api/${target}`, "http"), { headers });
    return [response.status, await response.json()];
  };
  const publish = async (channel, event) => {
    const response = await fetch(server.url("/api/publish", "http"), { method: "POST",
      headers: { "X-Api-Key": key }, body: JSON.stringify({ channel, event }) });
    return response.json();
  };

  test("a client gets what it missed, then what is live", async () => {
    const first = await connect();
    const begun = await first.ask({ type: "subscribe", channel: "news1" });
    assert.equal(begun.type, "subscribed");
    const one = await publish("news1", "one");
    assert.deepEqual(await first.event("message"),
      { type: "message", channel: "news1", offset: one.offset, data: "one" });
    first.end();
    await publish("news1", "two");
    await publish("news1", "three");
    const second = await connect();
    const back = await second.ask({ type: "subscribe", channel: "news1", since: one.offset });
    assert.equal(back.recovered, true);
    assert.deepEqual(back.messages.map(({ data }) => data), ["two", "three"]);
    assert.equal(back.messages[1].offset, back.offset);
    await publish("news1", "four");
    assert.equal((await second.event("message")).data, "four");
    assert.deepEqual(second.events, []);
    second.end();
  });

  test("an offset whose events are gone, or that this server did not give, is not recovered",
    async () => {
      const client = await connect();
      const { offset } = await client.ask({ type: "subscribe", channel: "short" });
      for (const event of ["a", "b", "c", "d"]) await publish("short", event);
      for (const since of [offset, "5-elsewhere", "", "nonsense", "9".repeat(200)]) {
        await client.ask({ type: "unsubscribe", channel: "short" });
        const back = await client.ask({ type: "subscribe", channel: "short", since });
        assert.equal(back.recovered, false, since);
        assert.deepEqual(back.messages, []);
      }
      const page = await client.ask({ type: "history", channel: "short", since: offset });
      assert.equal(page.recovered, false);
      assert.deepEqual(page.messages.map(({ data }) => data), ["b", "c", "d"]);
      client.end();
    });

  test("starling.v1: connections cut while several workers publish", async () => {
    const proxy = await cuttingProxy(server.port);
    const publishers = ["p", "q", "r"];
    const count = 50;
    let stop = false;
    // Clients that reconnect for as long as events come.
    const clients = Array.from({ length: 4 }, () => ({ got: [], recoveries: 0, since: undefined }));
    const live = async (state) => {
      while (!stop) {
        let client;
        try {
          client = await connect(undefined, proxy.port);
        } catch {
          continue;  // Cut while it connected.
        }
        client.socket.on("error", () => {});
        const closed = client.closed;
        const answer = await Promise.race([closed, client.ask({ type: "subscribe",
          channel: "news2", ...(state.since === undefined ? {} : { since: state.since }) })]);
        if (answer.type !== "subscribed") continue;
        if (state.since !== undefined) {
          assert.equal(answer.recovered, true);
          ++state.recoveries;
          for (const { data } of answer.messages) state.got.push(data);
        }
        state.since = answer.offset;
        const take = () => {
          for (const event of client.events.splice(0)) {
            state.got.push(event.data);
            state.since = event.offset;
          }
        };
        take();
        client.socket.on("message", take);
        state.client = client;
        await closed;
        take();
      }
    };
    const lives = clients.map((state) => live(state));
    await until(() => clients.every(({ since }) => since !== undefined), "all to subscribe");
    const published = Promise.all(publishers.map((name) =>
      publishMany(server, key, "news2", name, count)));
    let done = false;
    published.then(() => { done = true; });
    for (let cuts = 0; cuts < 8 && !done; ++cuts) {
      proxy.cut();
      await until(() => done || clients.every(({ client }) => client?.socket.readyState === 1),
        "all to come back");
    }
    await published;
    await until(() => clients.every(({ got }) => got.length >= publishers.length * count),
      "all events");
    stop = true;
    proxy.close();
    await Promise.all(lives);
    for (const { got, recoveries } of clients) {
      assert.deepEqual(compare(got, publishers, count), { lost: [], doubled: [] });
      assert.ok(recoveries > 0);
      // The events of one publisher keep their order.
      for (const name of publishers) {
        assert.deepEqual(got.filter((event) => event.startsWith(name)),
          Array.from({ length: count }, (_, i) => `${name} ${i}`));
      }
    }
  });

  test("EventSource: the stream is cut while several workers publish", async () => {
    const proxy = await cuttingProxy(server.port);
    const got = [];
    let gaps = 0;
    const source = new EventSource(`http://127.0.0.1:${proxy.port}/sse/ServerEvent?Ref=news3`);
    source.onmessage = ({ data }) => got.push(data.replace("WS Server Event:", ""));
    source.addEventListener("gap", () => { ++gaps; });
    await until(() => source.readyState === EventSource.OPEN, "the stream to open");
    const publishers = ["p", "q", "r"];
    const count = 60;
    const published = Promise.all(publishers.map((name) =>
      publishMany(server, key, "news3", name, count)));
    await until(() => got.length > 10, "the first events");
    proxy.cut();
    await published;
    await until(() => got.length >= publishers.length * count, "all events");
    assert.deepEqual(compare(got, publishers, count), { lost: [], doubled: [] });
    assert.equal(gaps, 0);
    source.close();
    proxy.close();
  });

  test("an event stream whose events are gone says so", async () => {
    const read = async (headers) => {
      const leave = new AbortController();
      const response = await fetch(server.url("/sse/ServerEvent?Ref=short", "http"),
        { headers, signal: leave.signal });
      const { value } = await response.body.getReader().read();
      leave.abort();
      return Buffer.from(value).toString();
    };
    const { offset } = await publish("short", "last");
    assert.equal(await read({}), `id: ${offset}\n\n`);
    assert.equal(await read({ "Last-Event-ID": offset }), `id: ${offset}\n\n`);
    const gap = `event: gap\nid: ${offset}\ndata: events were lost\n\n`;
    assert.equal(await read({ "Last-Event-ID": "1-elsewhere" }), gap);
    assert.equal(await read({ "Last-Event-ID": "x".repeat(5000) }), gap);
  });

  test("presence per user: who is there, who joins, who leaves", async () => {
    const ann = await connect("ann");
    const room = { type: "subscribe", channel: "roomA", presence: true };
    const begun = await ann.ask({ ...room, info: { name: "Ann" } });
    assert.deepEqual(begun.presence, { users: 1, connections: 1,
      members: [{ client: ann.welcome.client, user: "ann", info: { name: "Ann" } }] });
    const again = await connect("ann");  // The same user a second time: nobody joins.
    assert.equal((await again.ask(room)).presence.users, 1);
    const bob = await connect("bob");
    assert.deepEqual((await bob.ask(room)).presence.members.map(({ user }) => user),
      ["ann", "bob"]);
    for (const client of [ann, again]) {
      assert.deepEqual(await client.event("join"),
        { type: "join", channel: "roomA", client: bob.welcome.client, user: "bob" });
    }
    const listener = await connect();  // Who does not ask for presence is no member.
    await listener.ask({ type: "subscribe", channel: "roomA" });
    const { users, connections } = await listener.ask({ type: "presence", channel: "roomA" });
    assert.deepEqual([users, connections], [2, 3]);
    const [status, list] = await api("presence?channel=roomA");
    assert.deepEqual([status, list.users, list.connections, list.members[0].info],
      [200, 2, 3, { name: "Ann" }]);
    ann.end();
    await until(async () => (await api("presence?channel=roomA"))[1].connections === 2,
      "the end of a connection");
    await again.ask({ type: "unsubscribe", channel: "roomA" });
    assert.equal((await bob.event("leave")).user, "ann");
    assert.deepEqual(bob.events.map(({ type }) => type), []);
    const anonymous = await connect();
    const more = await connect();
    assert.equal((await anonymous.ask(room)).type, "subscribed");
    assert.equal((await listener.ask({ type: "unsubscribe", channel: "roomA" })).type, "ack");
    assert.equal((await listener.ask(room)).type, "subscribed");
    assert.equal((await more.ask(room)).code, 503);  // presence_members_max
    assert.equal((await more.ask({ ...room, presence: false })).type, "subscribed");
    for (const client of [again, bob, listener, anonymous, more]) client.end();
    await until(async () => (await api("presence?channel=roomA"))[1].connections === 0, "all to leave");
  });

  test("presence over server-sent events: an EventSource, curl and a WebSocket", async () => {
    const url = (info) => server.url(`/sse/ServerEvent?Ref=roomS&presence=1&info=${encodeURIComponent(info)}`, "http");
    const source = new EventSource(url('{"name":"Ann"}'));
    const heard = [];
    for (const type of ["presence", "join", "leave"])
      source.addEventListener(type, (event) => heard.push([type, JSON.parse(event.data)]));
    const texts = [];
    source.onmessage = ({ data }) => texts.push(data);
    await until(() => heard.length === 1, "the list");
    const [[, begun]] = heard;
    assert.deepEqual(begun, { type: "presence", channel: "roomS", client: begun.client, users: 1, connections: 1,
      members: [{ client: begun.client, info: { name: "Ann" } }] });

    const bob = await connect("bob");
    const { presence } = await bob.ask({ type: "subscribe", channel: "roomS", presence: true });
    assert.deepEqual(presence.members.map(({ client }) => client), [begun.client, bob.welcome.client]);
    const curl = spawn("curl", ["-sN", "-H", `Authorization: Bearer ${token("cat")}`, url("7")]);
    let output = "";
    curl.stdout.on("data", (data) => { output += data; });
    await until(() => output.includes("event: presence\n"), "the list of curl");
    assert.match(output, /"users":3,"connections":3,"members":\[.*"user":"cat","info":7\}\]\}\n\n$/);
    assert.equal((await bob.event("join")).user, "cat");
    await publish("roomS", "hello");
    await until(() => texts.length === 1 && output.endsWith("data: WS Server Event:hello\n\n"), "the event");
    curl.kill();
    assert.equal((await bob.event("leave")).user, "cat");
    bob.end();
    await until(() => heard.length === 5, "the end of the others");
    assert.deepEqual(heard.map(([type, { user }]) => [type, user]),
      [["presence", undefined], ["join", "bob"], ["join", "cat"], ["leave", "cat"], ["leave", "bob"]]);
    source.close();
    await until(async () => (await api("presence?channel=roomS"))[1].connections === 0, "all to leave");
  });

  test("publishing by clients: refused unless the channel allows it", async () => {
    const [anyone, ann, bob] = [await connect(), await connect("ann"), await connect("bob")];
    await bob.ask({ type: "subscribe", channel: "inboxbob" });
    const say = (channel) => ({ type: "publish", channel, data: "hello" });
    const code = async (client, channel) => (await client.ask(say(channel))).code;
    assert.equal(await code(anyone, "news1"), 403);
    assert.equal(await code(anyone, "nothing"), 404);
    assert.equal(await code(anyone, "inboxbob"), 401);
    assert.equal(await code(ann, "inboxbob"), 403);  // Who may not listen may not publish.
    const ack = await bob.ask(say("inboxbob"));
    assert.equal(ack.type, "ack");
    assert.equal((await bob.event("message")).offset, ack.offset);
    await anyone.ask({ type: "subscribe", channel: "roomB" });
    anyone.send(say("roomB"));
    assert.equal((await anyone.event("message")).data, "hello");
    for (const client of [anyone, ann, bob]) client.end();
  });

  test("private channels: the login, its end, and a new one", async () => {
    const client = await V1.connect(server.url("/ws/channels"),
      { headers: { Authorization: `Bearer ${token("eve", 10)}` } });
    assert.equal(client.welcome.user, "eve");
    const inbox = { type: "subscribe", channel: "inboxeve" };
    assert.equal((await client.ask({ ...inbox, channel: "inboxbob" })).code, 403);
    assert.equal((await client.ask(inbox)).type, "subscribed");
    const without = await connect();
    assert.equal((await without.ask(inbox)).code, 401);
    assert.equal((await without.ask({ type: "login", token: token("eve") })).type, "ack");
    assert.equal((await without.ask(inbox)).type, "subscribed");
    await until(async () => (await without.ask({ type: "login", token: token("bob") })).code === 403,
      "another login to be looked at");
    const ended = await client.event("unsubscribed");
    assert.deepEqual([ended.channel, ended.code], ["inboxeve", 401]);
    assert.equal((await client.ask(inbox)).code, 401);
    await publish("inboxeve", "still");
    assert.equal((await without.event("message")).data, "still");
    for (const one of [client, without]) one.end();
  });

  test("history by HTTP and by WebSocket, in pages", async () => {
    for (let i = 1; i <= 5; ++i) await publish("news4", `event ${i}`);
    const [status, newest] = await api("history?channel=news4&limit=2");
    assert.equal(status, 200);
    assert.deepEqual(newest.events.map(({ event }) => event), ["event 4", "event 5"]);
    assert.equal(newest.events[1].offset, newest.offset);
    const client = await connect();
    const seen = [];
    let since = `0-${newest.offset.split("-")[1]}`;
    for (let more = true; more;) {
      const page = await client.ask({ type: "history", channel: "news4", since, limit: 2 });
      assert.equal(page.recovered, true);
      seen.push(...page.messages.map(({ data }) => data));
      since = page.messages.at(-1).offset;
      ({ more } = page);
    }
    assert.deepEqual(seen, [1, 2, 3, 4, 5].map((i) => `event ${i}`));
    assert.equal((await client.ask({ type: "history", channel: "plain" })).code, 404);
    assert.equal((await client.ask({ type: "presence", channel: "plain" })).code, 404);
    client.end();
    for (const [target, expected] of [["history", 400], ["history?channel=%00", 400],
      ["history?channel=nothing", 404], ["history?channel=plain", 404],
      ["history?channel=news4&limit=0", 400], ["history?channel=news4&limit=1001", 400],
      ["history?channel=news4&limit=x", 400], ["presence", 400], ["presence?channel=plain", 404]]) {
      const [code, body] = await api(target);
      assert.deepEqual([code, body.code], [expected, expected], target);
      assert.equal((await api(target, {}))[0], 401);
    }
  });

  test("channels without a history work as before, many on one connection", async () => {
    const client = await connect();
    assert.deepEqual(await client.ask({ type: "subscribe", channel: "plain" }),
      { type: "subscribed", id: 1, channel: "plain" });
    await client.ask({ type: "subscribe", channel: "sockets", presence: true });
    const plain = await open(server.url("/ws/ServerEvent?Ref=plain"));
    assert.deepEqual(await publish("plain", "x"), { delivered: 2, limited: 0 });
    assert.equal(await plain.next(), "WS Server Event:x");
    assert.deepEqual(await client.event("message"),
      { type: "message", channel: "plain", data: "x" });
    const missed = await client.ask({ type: "subscribe", channel: "news5", since: "1-x" });
    assert.equal(missed.recovered, false);
    plain.end();
    client.end();
  });

  test("hostile clients get errors", async () => {
    assert.equal((await refusal(server.url("/ws/channels"))).status, 400);
    assert.equal((await refusal(server.url("/ws/channels"), ["starling.v1"],
      { origin: "https://evil.example" })).status, 403);
    const client = await connect();
    const wrong = ["", "x", "[]", "{}", '{"type":"subscribe"}', `${"[".repeat(100_000)}`,
      `{"type":"subscribe","channel":"news1","info":${'{"a":'.repeat(200)}1${"}".repeat(200)}}`,
      JSON.stringify({ type: "subscribe", channel: "n".repeat(256) }),
      JSON.stringify({ type: "subscribe", channel: "roomC", presence: true, info: "i".repeat(2000) }),
      JSON.stringify({ type: "publish", channel: "roomC", data: "d".repeat(65_537) })];
    for (const text of wrong) {
      client.send(text);
      const error = await client.event("error");
      assert.ok(error.code === 400 || error.code === 413, `${text.slice(0, 40)}: ${error.code}`);
    }
    for (let i = 0; i < 100; ++i) {
      const answer = await client.ask({ type: "subscribe", channel: `news${i + 100}` });
      assert.equal(answer.type, "subscribed");
    }
    assert.equal((await client.ask({ type: "subscribe", channel: "news99" })).code, 429);
    assert.equal((await client.ask({ type: "subscribe", channel: "news100" })).code, 409);
    client.socket.send(Buffer.from([1]));
    assert.equal((await deadline(client.closed, "the close")).code, 1003);
  });
});
