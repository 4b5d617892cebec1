// Sessions of Engine.IO that starling shares with Node.js (@socket.io/cluster-engine): requests and
// upgrades that reach a node which does not own the session, in both directions.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-2";
import { WebSocket } from "ws";

import { freeze, launch } from "./cluster_nodes.mjs";
import { Redis } from "./redis.mjs";
import { roundRobin } from "./round_robin.mjs";
import { repository, serve, until } from "./server.mjs";

const require = createRequire(path.join(repository, "tests", "package.json"));
const { decode, encode } = require("@msgpack/msgpack");
const { createClient } = require("redis");

const unknown = '{"code":1,"message":"Session ID unknown"}';
const hooks = { after() {} };  // The hooks of the suites end what they start.

// Ready once it hears the other nodes.
async function starling(t, redis, mode = "classic") {
  const started = await launch(t, "starling", { program: "examples/cluster_node", args: [redis, mode, "engine"] });
  await until(async () => (await poll(started.port, "A".repeat(20))).status !== 503, "Redis");
  return started;
}
const node = (t, redis, options = {}) => launch(t, "node",
  { script: "tests/interop/cluster_engine_node.mjs", args: [redis, JSON.stringify(options)] });

const at = (port, sid = "", more = "") =>
  `http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling${sid && `&sid=${sid}`}${more}`;
async function open(port) { return JSON.parse((await (await fetch(at(port))).text()).slice(1)).sid; }
async function poll(port, sid, more = "") {
  const answer = await fetch(at(port, sid, more));
  return { status: answer.status, text: await answer.text() };
}
async function post(port, sid, body, more = "") {
  const headers = more ? { "Content-Type": "application/x-www-form-urlencoded" } : {};
  const answer = await fetch(at(port, sid, more), { method: "POST", body, headers });
  return { status: answer.status, text: await answer.text() };
}
// Of another node. Redis may not be there for `port` yet.
const hears = (port, sid) => until(async () => (await post(port, sid, "3")).status !== 503, "Redis");
// A session that is in the namespace "/".
async function join(port, by = port) {
  const sid = await open(port);
  assert.deepEqual(await post(by, sid, "40"), { status: 200, text: "ok" });
  let text = "";
  await until(async () => (text = (await poll(by, sid)).text) !== "2", "the CONNECT");
  assert.match(text, /^40\{"sid":"/);
  return sid;
}
// All messages of the protocol from now on.
async function listen(t, url) {
  const client = createClient({ url });
  client.on("error", () => {});
  await client.connect();
  t.after(() => messages.stop());
  const messages = [];
  // Who listens is a receiver for Redis.
  messages.stop = async () => client.isOpen && client.disconnect();
  await client.pSubscribe("engine.io#*", (bytes) => {
    try { messages.push(decode(bytes)); } catch { /* Those of a stranger. */ }
  }, true);
  return messages;
}
// The lock that was asked for last is granted.
function granted(messages, sid) {
  const { requestId } = messages.findLast(({ type, data }) => type === 0 && data?.sid === sid) ?? {};
  return messages.some((one) => one.type === 1 && one.requestId === requestId && one.data.success);
}
async function upgrade(t, port, sid) {
  const socket = new WebSocket(at(port, sid).replace("http", "ws").replace("=polling", "=websocket"));
  const heard = [];
  socket.on("message", (data, isBinary) => heard.push(isBinary ? [...data] : String(data)));
  socket.on("error", () => {});
  const closed = once(socket, "close");
  t.after(() => socket.terminate());
  await once(socket, "open");
  socket.send("2probe");
  const said = async (text) => until(() => heard.includes(text), `${text} of ${heard}`);
  return { socket, heard, said, closed };
}

for (const [owner, other] of [["node", "starling"], ["starling", "node"], ["starling", "starling"]])
  describe(`a session of ${owner} at ${other}`, () => {
    const start = { node, starling };
    let redis, home, away;
    before(async () => {
      redis = await Redis.start(hooks);
      const url = `redis://127.0.0.1:${redis.port}`;
      home = await start[owner](hooks, url);
      away = await start[other](hooks, url);
    });
    after(async () => {
      for (const each of [home, away]) each?.signal("SIGKILL");
      await redis?.kill();
    });

    test("polls and POSTs at either node, in any order", async () => {
      const sid = await join(home.port, away.port);
      assert.equal(sid.length, 20);
      for (let i = 1; i <= 6; ++i) {
        const [one, two] = i % 2 ? [home, away] : [away, home];
        const events = `42${i}["join","r${i}"]\x1e42${i}0["say","r${i}","\u00e9 ${i}"]`;
        assert.deepEqual(await post(one.port, sid, events), { status: 200, text: "ok" });
        let got = "";
        await until(async () => {
          got += `\x1e${(await poll(two.port, sid)).text}`;
          return got.includes(`43${i}0[`);
        }, "the acks");
        const packets = got.split("\x1e").filter((text) => text && text !== "2").sort();
        assert.deepEqual(packets, [`42["said","\u00e9 ${i}"]`, `43${i}0[true]`, `43${i}[true]`].sort());
      }
    });

    test("a poll waits for what comes later", async () => {
      const sid = await join(home.port, away.port);
      const pending = poll(away.port, sid);
      assert.equal((await post(home.port, sid, '420["join","late"]')).status, 200);
      assert.deepEqual(await pending, { status: 200, text: "430[true]" });
    });

    test("bytes", async () => {
      const sid = await join(home.port, away.port);
      await post(away.port, sid, '420["join","bytes"]');
      assert.equal((await poll(away.port, sid)).text, "430[true]");
      await post(away.port, sid, '451-1["say","bytes",{"_placeholder":true,"num":0}]\x1ebAQID/w==');
      let got = "";
      await until(async () => {
        got += `${(await poll(away.port, sid)).text}\x1e`;
        return got.includes("431[true]");
      }, "the ack");
      assert.match(got, /451-\["said",\{"_placeholder":true,"num":0\}\]\x1ebAQID\/w==/);
    });

    // The Node.js node of these tests has no JSONP for sessions of others.
    if (other === "starling") test("JSONP", async () => {
      const sid = await open(home.port);
      const body = `d=${encodeURIComponent("40")}`;
      assert.equal((await post(away.port, sid, body, "&j=3")).text, "ok");
      let text = "";
      await until(async () => (text = (await poll(away.port, sid, "&j=3")).text) !== '___eio[3]("2");', "it");
      assert.match(text, /^___eio\[3\]\("40\{\\"sid\\":\\".+\\"\}"\);$/);
    });

    test("a second poll is refused, and the first one goes on", async (t) => {
      const messages = await listen(t, `redis://127.0.0.1:${redis.port}`);
      const sid = await join(home.port, away.port);
      messages.length = 0;
      const first = poll(away.port, sid);
      await until(() => granted(messages, sid), "the lock");
      assert.equal((await poll(away.port, sid)).status, 400);
      await post(home.port, sid, '420["join","x"]');
      assert.deepEqual(await first, { status: 200, text: "430[true]" });
    });

    test("an upgrade, and messages in both directions", async (t) => {
      const sid = await join(home.port, away.port);
      const { socket, heard, said } = await upgrade(t, away.port, sid);
      await said("3probe");
      socket.send("5");
      socket.send('420["join","room"]');
      await said("430[true]");
      for (let i = 1; i <= 50; ++i) socket.send(`42${i}["say","room","${i}"]`);
      await said("4350[true]");
      const texts = heard.filter((text) => String(text).startsWith('42["said"'));
      assert.deepEqual(texts, Array.from({ length: 50 }, (_, i) => `42["said","${i + 1}"]`));
      socket.send('451-51["say","room",{"_placeholder":true,"num":0}]');
      socket.send(Buffer.from([0, 1, 255]));
      await said("4351[true]");
      assert.ok(heard.some((one) => Array.isArray(one) && one.join() === "0,1,255"), "the bytes");
      // A poll is too late now.
      assert.equal((await poll(home.port, sid)).status, 400);
    });

    test("an upgrade that the client breaks off: it may try again", async (t) => {
      const sid = await join(home.port, away.port);
      if (owner === "node" || other === "starling") {
        const first = await upgrade(t, away.port, sid);
        await first.said("3probe");
        first.socket.close();
        await first.closed;
      }
      const second = await until(async () => {
        const one = await upgrade(t, away.port, sid);
        const answered = await Promise.race([one.said("3probe").then(() => true, () => false), one.closed.then(() => false)]);
        return answered && one;
      }, "the second upgrade");
      second.socket.send("5");
      second.socket.send('420["join","again"]');
      await second.said("430[true]");
    });

    test("the server ends a session that polls, and one on a WebSocket", async (t) => {
      const polling = await join(home.port, away.port);
      await post(away.port, polling, '420["join","end"]');
      assert.match((await poll(away.port, polling)).text, /430\[true\]/);
      const pending = poll(away.port, polling);
      const sid = await join(home.port, away.port);
      const { socket, said, closed } = await upgrade(t, away.port, sid);
      await said("3probe");
      socket.send("5");
      socket.send('420["join","end"]');
      await said("430[true]");
      socket.send('42["kick","end"]');
      await said("41");
      assert.match((await pending).text, /^41/);
      // The Node.js program ends the connections as well.
      if (owner !== "node") return;
      assert.equal((await closed)[0], 1000);
      await until(async () => (await poll(away.port, polling)).status === 400, "the end of the session");
    });

    test("the client leaves: a poll that is broken off, a WebSocket that is closed", async (t) => {
      const room = "leaves";
      const watcher = io4(`http://127.0.0.1:${home.port}`, { transports: ["websocket"], forceNew: true });
      t.after(() => watcher.disconnect());
      await once(watcher, "connect");
      const members = async () => (await watcher.emitWithAck("who", room)).length;
      const polling = await join(home.port, away.port);
      await post(away.port, polling, `420["join","${room}"]`);
      await poll(away.port, polling);
      const abort = new AbortController();
      fetch(at(away.port, polling), { signal: abort.signal }).catch(() => {});
      const sid = await join(home.port, away.port);
      const { socket, said } = await upgrade(t, away.port, sid);
      await said("3probe");
      socket.send("5");
      socket.send(`420["join","${room}"]`);
      await said("430[true]");
      await until(async () => await members() === 2, "both");
      socket.close();
      await until(async () => await members() === 1, "the WebSocket to leave");
      abort.abort();
      await until(async () => await members() === 0, "the poll to leave");
    });

    test("a POST that closes the session; a POST that is no payload", async () => {
      const sid = await join(home.port, away.port);
      assert.equal((await post(away.port, sid, "1")).status, 200);
      await until(async () => (await post(home.port, sid, "3")).status === 400, "the end");
      if (other !== "starling") return;
      const faulty = await join(home.port, away.port);
      assert.equal((await post(away.port, faulty, "x")).status, 400);
      await until(async () => (await post(home.port, faulty, "3")).status === 400, "the end");
    });

    test("a session that is nobody's", async () => {
      for (const sid of ["AAAAAAAAAAAAAAAAAAAA", "zzzzzzzzzzzzzzzzzzzz"]) {
        const answers = await Promise.all([poll(away.port, sid), post(away.port, sid, "40")]);
        for (const { status, text } of answers) {
          assert.equal(status, 400);
          if (other === "starling") assert.equal(text, unknown);
        }
      }
    });
  });

describe("a session of Node.js whose connection has not begun", () => {
  let redis, home, away;
  before(async () => {
    redis = await Redis.start(hooks);
    const url = `redis://127.0.0.1:${redis.port}`;
    home = await node(hooks, url, { delay: 3_600_000 });
    // A busy machine may need more than the second that an owner has by default.
    away = await launch(hooks, "starling", { program: "examples/cluster_node", args: [url, "classic", "patient-engine"] });
    await hears(away.port, await open(home.port));
  });
  after(async () => {
    for (const each of [home, away]) each?.signal("SIGKILL");
    await redis?.kill();
  });

  test("moves to starling with its WebSocket, and what the client has sent before", async (t) => {
    const sid = await open(home.port);
    // Without a connection nothing is answered yet: what the client sends waits at the owner.
    assert.equal((await post(away.port, sid, "40")).text, "ok");
    assert.equal((await post(home.port, sid, '420["join","moved"]')).text, "ok");
    const { socket, heard, said } = await upgrade(t, away.port, sid);
    await said("3probe");
    socket.send("5");
    socket.send('421["say","moved","first"]');
    socket.send('422["servers","x"]');
    await said("431[true]");
    assert.match(heard.find((text) => String(text).startsWith("40")), /^40\{"sid":"/);
    assert.deepEqual(heard.filter((text) => /^4[23]/.test(text)).slice(0, 3).sort(),
      ["430[true]", '42["said","first"]', "431[true]"].sort());
    // The server that answers is starling: it asks the Node.js node, not itself.
    await until(() => heard.some((text) => String(text).startsWith("432")), "the answer of the servers");
    assert.match(heard.find((text) => String(text).startsWith("432")), /node \d+ got x/);
    // The Node.js node does not know it any more, and starling ends it.
    assert.equal((await poll(home.port, sid)).status, 400);
    socket.send('42["kick","moved"]');
    await said("41");
  });
});

describe("what goes wrong", () => {
  let redis, url;
  before(async () => {
    redis = await Redis.start(hooks);
    url = `redis://127.0.0.1:${redis.port}`;
  });
  after(() => redis?.kill());

  test("alone, an unknown session is known to be nobody's at once", async (t) => {
    const alone = await starling(t, url);
    assert.deepEqual(await poll(alone.port, "A".repeat(20)), { status: 400, text: unknown });
  });

  // Two nodes ask the same stopped owner: each waits as long as its configuration says.
  test("the owner is stopped: a request waits for engine_response_timeout_s, and gets 400", async (t) => {
    const home = await node(t, url);
    const cluster = { url, mode: "classic", node_engine: true };
    const route = { socketio: [{ path: "/socket.io/", kind: "broadcast" }] };
    const impatient = await serve({ ...route, cluster: { ...cluster, engine_response_timeout_s: 0.1 } });
    const patient = await serve({ ...route, cluster: { ...cluster, engine_response_timeout_s: 60 } });
    for (const program of [impatient, patient]) t.after(() => program.stop());
    const sid = await join(home.port);
    for (const { port } of [impatient, patient]) await hears(port, sid);
    await freeze(t, home);
    const waits = post(patient.port, sid, '420["join","x"]');
    // Longer than the wait of before, when it was a second for all.
    for (let i = 0; i < 15; ++i)
      assert.deepEqual(await post(impatient.port, sid, "3"), { status: 400, text: unknown });
    home.signal("SIGCONT");
    assert.deepEqual(await waits, { status: 200, text: "ok" });
    let got = "";
    await until(async () => (got += (await poll(home.port, sid)).text).includes("430[true]"), "the ack");
  });

  test("the owner dies: its client is told with the next packet", async (t) => {
    const [home, away] = [await node(t, url), await starling(t, url)];
    const polling = await join(home.port, away.port);
    const sid = await join(home.port, away.port);
    const { socket, said, closed } = await upgrade(t, away.port, sid);
    await said("3probe");
    socket.send("5");
    socket.send('420["join","x"]');
    await said("430[true]");
    home.signal("SIGKILL");
    await until(() => redis.cli("PUBSUB", "NUMSUB", "engine.io#").then((text) => /\b1$/.test(text)), "its end");
    socket.send("3");
    assert.equal((await closed)[0], 1001);
    assert.deepEqual(await post(away.port, polling, "3"), { status: 400, text: unknown });
  });

  test("the node that was asked dies: the owner ends the session with its next packet", async (t) => {
    const [home, away] = [await starling(t, url), await node(t, url)];
    const watcher = io4(`http://127.0.0.1:${home.port}`, { transports: ["websocket"], forceNew: true });
    t.after(() => watcher.disconnect());
    await once(watcher, "connect");
    const sid = await join(home.port, away.port);
    const { socket, said } = await upgrade(t, away.port, sid);
    await said("3probe");
    socket.send("5");
    socket.send('420["join","dies"]');
    await said("430[true]");
    const polling = await join(home.port, away.port);
    await post(away.port, polling, '420["join","dies"]');
    assert.match((await poll(away.port, polling)).text, /430/);
    const messages = await listen(t, url);
    fetch(at(away.port, polling)).catch(() => {});
    await until(() => granted(messages, polling), "the lock");
    await messages.stop();
    const members = async () => (await watcher.emitWithAck("who", "dies")).length;
    await until(async () => await members() === 2, "both");
    away.signal("SIGKILL");
    await until(() => redis.cli("PUBSUB", "NUMSUB", "engine.io#").then((text) => /\b1$/.test(text)), "its end");
    await until(async () => {
      await watcher.emitWithAck("say", "dies", "anybody?");
      return await members() === 0;
    }, "the end of the sessions");
  });

  test("Redis is away: the clients are told; they go on when it is back", async (t) => {
    const [home, away] = [await node(t, url), await starling(t, url)];
    const sid = await join(home.port, away.port);
    const { socket, said, closed } = await upgrade(t, away.port, sid);
    await said("3probe");
    socket.send("5");
    socket.send('420["join","away"]');
    await said("430[true]");
    const polling = await join(home.port, away.port);
    const pending = poll(away.port, polling);
    await redis.kill();
    assert.equal((await closed)[0], 1001);
    assert.equal((await pending).status, 503);
    assert.equal((await poll(away.port, polling)).status, 503);
    await redis.restart();
    await until(async () => (await post(away.port, await open(home.port), "40")).status === 200, "Redis");
  });

  test("strangers: malformed messages, forged ones, floods", async (t) => {
    const [home, away] = [await node(t, url), await starling(t, url)];
    const client = createClient({ url });
    await client.connect();
    t.after(() => client.disconnect());
    const messages = await listen(t, url);
    const sid = await join(home.port, away.port);
    const of = (message) => client.publish(message.recipientId ? `engine.io#${message.recipientId}#` : "engine.io#",
      Buffer.from(encode({ _source: "_eio", ...message })));
    const question = await until(() => messages.find(({ data }) => data?.sid === sid), "the question");
    const self = question.senderId;
    messages.length = 0;
    const pending = poll(away.port, sid);
    await until(() => granted(messages, sid), "the lock");
    for (const bytes of ["", "x", "{}", "\xc1", "\x81\xa7_source\xa4_eio"])
      await client.publish("engine.io#", Buffer.from(bytes, "latin1"));
    // In its own name, in the name of a node that does not own the session, of an unknown type.
    const packets = [{ type: "message", data: "forged" }];
    await of({ senderId: self, recipientId: self, type: 2, data: { sid, packets } });
    await of({ senderId: "ffffff", recipientId: self, type: 2, data: { sid, packets } });
    await of({ senderId: "ffffff", recipientId: self, type: 99, data: { sid } });
    await of({ senderId: "ffffff", recipientId: self, requestId: 1, type: 1, data: { success: true } });
    await of({ senderId: "ffffff", recipientId: self, type: 2,
      data: { sid, packets: Array.from({ length: 20_000 }, () => ({ type: "noop" })) } });
    for (let i = 0; i < 2000; ++i)
      await of({ senderId: "ffffff", requestId: i + 1, type: 0,
        data: { sid: "AAAA" + String(i).padStart(16, "A"), transportName: "polling", type: "read" } });
    assert.equal((await post(home.port, sid, '420["join","x"]')).status, 200);
    assert.deepEqual(await pending, { status: 200, text: "430[true]" });
  });
});

for (const mode of ["classic", "sharded", "streams"])
  describe(`two nodes of starling${mode === "classic" ? " and two of Node.js" : ""} behind a balancer, ${mode}`, () => {
    let redis, nodes;
    before(async () => {
      redis = await Redis.start(hooks);
      const url = `redis://127.0.0.1:${redis.port}`;
      nodes = [await starling(hooks, url, mode), await starling(hooks, url, mode)];
      if (mode === "classic") nodes.push(await node(hooks, url, { delay: 0 }), await node(hooks, url, { delay: 0 }));
    });
    after(async () => {
      for (const each of nodes ?? []) each.signal("SIGKILL");
      await redis?.kill();
    });

    for (const transports of [["polling"], ["polling", "websocket"]])
      test(`${transports.join(" and ")}: nothing is lost, doubled or reordered`, async (t) => {
        const proxy = await roundRobin(t, () => nodes.map(({ port }) => port));
        const all = Array.from({ length: 8 }, () => {
          const socket = io4(proxy.url, { transports, forceNew: true, reconnection: false });
          t.after(() => socket.disconnect());
          const one = { socket, heard: [], faults: [] };
          socket.on("said", (text) => one.heard.push(text));
          for (const fault of ["disconnect", "connect_error"]) socket.on(fault, (why) => one.faults.push(String(why)));
          return one;
        });
        await until(() => all.every(({ socket }) => socket.connected), "the clients");
        const room = `room ${transports.length}`;
        for (const { socket } of all) await socket.emitWithAck("join", room);
        for (const [i, { socket }] of all.entries())
          await until(async () => {
            await socket.emitWithAck("say", room, `begin ${i}`);
            return all.every(({ heard }) => heard.includes(`begin ${i}`));
          }, "the room");
        for (const [i, { socket }] of all.entries()) await socket.emitWithAck("say", room, `last ${i}`);
        await until(() => all.every(({ heard }) => all.every((_, i) => heard.includes(`last ${i}`))), "the begin");
        for (const one of all) one.heard.length = 0;
        const texts = (i) => Array.from({ length: 20 }, (_, n) => `${i} says ${n}${n === 7 ? "x".repeat(50_000) : ""}`);
        await Promise.all(all.flatMap(({ socket }, i) => texts(i).map((text) => socket.emitWithAck("say", room, text))));
        await until(() => all.every(({ heard }) => heard.length >= 8 * 20), "the texts");
        for (const { heard, faults } of all) {
          assert.equal(heard.length, 8 * 20);
          for (let i = 0; i < 8; ++i)
            assert.deepEqual(heard.filter((text) => text.startsWith(`${i} `)), texts(i));
          assert.deepEqual(faults, []);
        }
        assert.equal(proxy.seen.failed, 0);
        await until(() => all.every(({ socket }) => socket.io.engine.transport.name === transports.at(-1)), "the upgrades");
      });

    if (mode === "classic")
      test("a client of revision 3 is relayed between the nodes of starling", async (t) => {
        const proxy = await roundRobin(t, () => nodes.slice(0, 2).map(({ port }) => port));
        const socket = io2(proxy.url, { transports: ["polling"], forceNew: true });
        t.after(() => socket.disconnect());
        await until(() => socket.connected, "the client");
        const joined = await new Promise((resolve) => { socket.emit("join", "old", resolve); });
        assert.equal(joined, true);
      });
  });
