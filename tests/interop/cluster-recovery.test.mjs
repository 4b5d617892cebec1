// Clients come back to another node of a cluster, and have missed nothing. In the mode streams the nodes are
// starling and Node.js, in all positions; in the mode native all are starling.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { test } from "node:test";

import { createClient } from "redis";

import { freeze } from "./cluster_nodes.mjs";
import { clients, Guest, guest, nodes, numbers, sessionKey, streamName, warm } from "./recovery.mjs";
import { Redis } from "./redis.mjs";
import { connects, freePort, onExit, repository, until } from "./server.mjs";

const modes = ["streams", "native"];

for (const mode of modes) {
  test(`${mode}: ${clients} clients of a node that is killed come back to others`, async (t) => {
    const redis = await Redis.start(t);
    const [victim, starling, node] = await nodes(t, redis, ["starling", "starling", "node"], { mode });
    const speakers = [await guest(t, starling, null), await guest(t, node, null)];
    const connecting = performance.now();
    const guests = await Promise.all(Array.from({ length: clients }, () => guest(t, victim, null)));
    t.diagnostic(`${clients} connected after ${Math.round(performance.now() - connecting)} ms`);
    await Promise.all(guests.map((one) => one.do("join", "all")));
    await Promise.all(guests.map((one, i) => one.do("keep", i)));
    await warm(speakers, guests);
    const ids = guests.map((one) => one.socket.id);

    // Both speak before the end, while everybody is away, and while clients come back to starling. A
    // Node.js node loses what is sent in the moment in which it restores a session. The pause below is the pace
    // of the load.
    const said = [0, 0];
    let quiet = false;
    let ended = false;
    const speaks = speakers.map(async (speaker, i) => {
      while (!ended) {
        if (!quiet) {
          await speaker.do("say", "all", `speaker${i} ${said[i]}`);
          said[i] += 1;
        }
        await new Promise((resolve) => { setTimeout(resolve, 3); });
      }
    });
    const goOn = async () => {
      const before = [...said];
      quiet = false;
      await until(() => said.every((count, i) => count > before[i] + 20), "sentences");
    };
    await goOn();
    victim.signal("SIGKILL");
    await until(() => guests.every((one) => one.losses === 1), "the end of the node");
    await goOn();
    const to_node = guests.splice(0, Math.ceil(clients / 10));
    const begin = performance.now();
    await Promise.all(guests.map((one) => one.back(starling)));
    t.diagnostic(`${guests.length} back after ${Math.round(performance.now() - begin)} ms`);
    await goOn();
    quiet = mode === "streams";
    const last = said.map((count, i) => `speaker${i} ${count - 1}`);
    await until(() => last.every((text) => guests[0].texts(text).length > 0), "what was said until now");
    await Promise.all(to_node.map((one) => one.back(node)));
    guests.unshift(...to_node);
    await goOn();
    ended = true;
    await Promise.all(speaks);
    for (const i of [0, 1]) {
      const all = numbers(`speaker${i}`, said[i]);
      await until(() => guests.every((one) => one.texts(all.at(-1)).length > 0), "the last sentence");
      for (const [at, one] of guests.entries())
        assert.deepEqual(one.texts(`speaker${i} `), all, `client ${at} heard speaker ${i}`);
    }
    t.diagnostic(`${said[0] + said[1]} events to each client, none lost or doubled`);
    for (const [i, one] of guests.entries()) {
      assert.ok(one.socket.recovered, `client ${i} is recovered`);
      assert.equal(one.socket.id, ids[i]);
      const state = await one.do("state");
      assert.equal(state.recovered, true);
      assert.deepEqual(state.rooms.sort(), [ids[i], "all"].sort());
      assert.deepEqual(state.data, { kept: i });
    }
  });
}

for (const [from, to, mode] of [["starling", "node", "streams"], ["node", "starling", "streams"],
  ["starling", "starling", "streams"], ["starling", "starling", "native"]]) {
  test(`${mode}: from ${from} to ${to}: the session, bytes, a room that is left, one client alone`, async (t) => {
    const redis = await Redis.start(t);
    const [first, second] = await nodes(t, redis, [from, to], { mode });
    const speakers = [await guest(t, first, null), await guest(t, second, null)];
    const one = await guest(t, first);
    await one.do("join", "other");
    await one.do("leave", "other");
    await one.do("keep", { a: [1, "é"] });
    await warm(speakers, [one]);
    const { id } = one.socket;
    const stream = await streamName(redis, mode);
    const session = await sessionKey(redis, mode, one.socket._pid);
    one.heard.length = 0;
    one.cut();
    await until(async () => await redis.cli("EXISTS", session) === "1"
      && (await speakers[0].do("who", "all")).length === 0, "the end on the first node");
    for (const speaker of speakers) {
      // What two nodes say at one time has no order of its own.
      const entries = Number(await redis.cli("XLEN", stream)) + 4;
      await speaker.do("say", "all", "text");
      await speaker.do("say", "all", { bytes: Buffer.from([0, 255]) });
      await speaker.do("say", "other", "not for it");
      await speaker.do("say", id, "alone");
      await until(async () => Number(await redis.cli("XLEN", stream)) === entries, "entries");
    }
    await one.back(second);
    await until(() => one.heard.length >= 6, "what was missed");
    await speakers[1].do("say", "all", "last");
    await until(() => one.texts("last").length > 0, "the last one");
    assert.equal(one.socket.recovered, true);
    assert.equal(one.socket.id, id);
    const shown = one.heard.map(([text]) => (text.bytes ? [...text.bytes].join() : text));
    assert.deepEqual(shown, ["text", "0,255", "alone", "text", "0,255", "alone", "last"]);
    for (const [, offset] of one.heard) assert.match(offset, /^[0-9]+-[0-9]+$/);
    const state = await one.do("state");
    assert.deepEqual([state.recovered, state.rooms.sort(), state.data],
      [true, [id, "all"].sort(), { kept: { a: [1, "é"] } }]);
    assert.deepEqual(await speakers[0].do("who", "all"), [id]);
  });
}

for (const mode of modes) {
  test(`${mode}: to the same node, which has not noticed that the client was gone`, async (t) => {
    const redis = await Redis.start(t);
    const [only] = await nodes(t, redis, ["starling"], { mode });
    const speaker = await guest(t, only, null);
    const one = await guest(t, only);
    await warm([speaker], [one]);
    const { id } = one.socket;
    const twin = new Guest(t, only);
    twin.socket.disconnect();
    twin.socket._pid = one.socket._pid;
    twin.socket._lastOffset = one.socket._lastOffset;
    await twin.back(only);
    assert.equal(twin.socket.recovered, true);
    assert.equal(twin.socket.id, id);
    await until(() => one.losses === 1, "the end of the first connection");
    assert.deepEqual(await speaker.do("who", "all"), [twin.socket.id]);
    await speaker.do("say", "all", "once");
    await until(() => twin.texts("once").length > 0, "a word");
    // Its session is still there, for the next time.
    twin.cut();
    await twin.back(only);
    assert.equal(twin.socket.recovered, true);
  });
}

for (const [mode, kind] of [["streams", "starling"], ["streams", "node"], ["native", "starling"]]) {
  test(`${mode}: a node that was frozen does not overwrite the session that ${kind} has written`, async (t) => {
    const redis = await Redis.start(t);
    const [frozen, taker, last] = await nodes(t, redis, ["starling", kind, "starling"], { mode });
    const speaker = await guest(t, last, null);
    const one = await guest(t, frozen);
    await one.do("join", "old");
    await warm([speaker], [one]);
    const { id } = one.socket;
    const key = await sessionKey(redis, mode, one.socket._pid);
    await freeze(t, frozen);
    one.cut();
    await one.back(taker);
    assert.equal(one.socket.recovered, true);
    await one.do("leave", "old");
    await one.do("join", "new");
    await one.do("keep", "new");
    one.cut();
    const session = async () => Buffer.from(await redis.cli("GET", key), "base64").toString("latin1");
    await until(async () => /new/.test(await session()), "the session");
    await speaker.do("say", "new", "missed");
    // The frozen node finds the end of the connection, and would save what it knows.
    frozen.signal("SIGCONT");
    const again = await guest(t, frozen, null);
    await until(async () => (await again.do("who", "old")).length === 0, "the end of the connection");
    await one.back(last);
    assert.equal(one.socket.recovered, true);
    assert.equal(one.socket.id, id);
    const state = await one.do("state");
    assert.deepEqual([state.rooms.sort(), state.data], [[id, "all", "new"].sort(), { kept: "new" }]);
    await until(() => one.texts("missed").length === 1, "what was missed");
  });
}

for (const mode of modes) {
  test(`${mode}: a connection that another node has not noticed to be gone`, async (t) => {
    const redis = await Redis.start(t);
    const [first, second] = await nodes(t, redis, ["starling", "starling"], { mode });
    const speaker = await guest(t, second, null);
    const one = await guest(t, first);
    await warm([speaker], [one]);
    const { id } = one.socket;
    const twin = new Guest(t, second);
    twin.socket.disconnect();
    twin.socket._pid = one.socket._pid;
    twin.socket._lastOffset = one.socket._lastOffset;
    await twin.back(second);
    assert.equal(twin.socket.recovered, true);
    assert.equal(twin.socket.id, id);
    await until(() => one.losses === 1, "the end of the first connection");
    assert.deepEqual(await speaker.do("who", "all"), [id]);
    assert.match(first.program.output, /a client is at another node now: its connection here is ended/);
    // The session is that of the second connection, and can come back to the first node.
    await twin.do("join", "new");
    twin.cut();
    await twin.back(first);
    assert.equal(twin.socket.recovered, true);
    assert.deepEqual((await twin.do("state")).rooms.sort(), [id, "all", "new"].sort());
    // Nobody restores the session of a client that has left for good, also not a node that still has it.
    const key = await sessionKey(redis, mode, twin.socket._pid);
    twin.socket.disconnect();
    await until(async () => await redis.cli("EXISTS", key) === "0", "the end of the session");
  });
}

for (const mode of modes) {
  test(`${mode}: who starts anew, and is told`, async (t) => {
    const redis = await Redis.start(t);
    const [first, second] = await nodes(t, redis, ["starling", "starling"], { mode });
    const speaker = await guest(t, first, null);
    const one = await guest(t, first);
    await warm([speaker], [one]);
    const anew = async (what) => {
      const { id } = one.socket;
      await one.back(second);
      assert.equal(one.socket.recovered, false, what);
      assert.notEqual(one.socket.id, id, what);
      assert.deepEqual((await one.do("state")).rooms, [one.socket.id], what);
      await one.do("join", "all");
      await warm([speaker], [one]);
    };
    one.socket.disconnect();
    await anew("it has left by itself");
    await speaker.do("kick", "all");
    await until(() => one.losses === 2, "the kick");
    await anew("it was kicked out");
    for (const [what, offset] of [["no offset", "x"], ["of the future", "99999999999999-0"],
      ["too great", "99999999999999999999999-0"]]) {
      one.cut();
      one.socket._lastOffset = offset;
      await anew(what);
    }
    one.cut();
    one.socket._pid = "../../another/secret*";
    await anew("no pid");
    one.cut();
    one.socket._pid = "AAAAAAAAAAAAAAAAAAAA";
    await anew("a pid that nobody has");
    for (const value of ["", "no base64 !", "gqFh", Buffer.alloc(2 << 20, "A").toString()]) {
      one.cut();
      const pid = one.socket._pid;
      await until(async () => (await speaker.do("who", "all")).length === 0, "the end");
      const key = await sessionKey(redis, mode, pid);
      await until(async () => await redis.cli("EXISTS", key) === "1", "the session");
      const client = createClient({ url: `redis://127.0.0.1:${redis.port}` });
      await client.connect();
      await client.set(key, value);
      await client.disconnect();
      await anew(`a session ${value.slice(0, 10)}`);
    }
  });
}

for (const mode of modes) {
  test(`${mode}: an offset that the stream no longer holds, and one before what the node has read`, async (t) => {
    const redis = await Redis.start(t);
    const [first] = await nodes(t, redis, ["starling"], { mode });
    const speaker = await guest(t, first, null);
    const [lucky, late] = [await guest(t, first), await guest(t, first)];
    await warm([speaker], [lucky, late]);
    late.cut();
    await until(async () => (await speaker.do("who", "all")).length === 1, "the end");
    for (const text of numbers("a", 450)) speaker.socket.emit("say", "all", text, () => {});
    await until(() => lucky.texts("a 449").length > 0, "all of them");
    lucky.cut();
    for (const text of numbers("b", 450)) speaker.socket.emit("say", "all", text, () => {});
    await speaker.do("say", "all", "c");
    const stream = await streamName(redis, mode);
    await until(async () => Number(await redis.cli("XLEN", stream)) > 900, "the stream");
    // This node begins now: what was missed is in Redis alone.
    const [second] = await nodes(t, redis, ["starling"], { mode });
    const other = await guest(t, second, null);
    await until(async () => {
      await speaker.do("say", "nowhere", "x");
      return (await other.do("servers", "hello")).length === 1;
    }, "the second node");
    await redis.cli("XTRIM", stream, "MAXLEN", "=", "600");
    await lucky.back(second);
    assert.equal(lucky.socket.recovered, true);
    await until(() => lucky.texts("c").length > 0, "the last one");
    assert.deepEqual(lucky.texts("b "), numbers("b", 450));
    await late.back(second);
    assert.equal(late.socket.recovered, false);
    assert.match(second.program.output, /starts anew: the stream no longer holds what it missed/);
  });
}

for (const mode of modes) {
  test(`${mode}: volatile events are not replayed, of starling or of Node.js`, async (t) => {
    const redis = await Redis.start(t);
    const [first, second] = await nodes(t, redis, ["starling", "starling"], { mode });
    const speaker = await guest(t, first, null);
    const one = await guest(t, first);
    await warm([speaker], [one]);
    one.cut();
    await until(async () => (await speaker.do("who", "all")).length === 0, "the end");
    const stream = await streamName(redis, mode);
    const entry = (text, flags) => redis.cli("XADD", stream, "*", "uid", "emitter", "nsp", "/",
      "type", "3", "data", JSON.stringify({ packet: { type: 2, data: ["said", text] },
        opts: { rooms: ["all"], except: [], flags } }));
    await entry("of the moment", { volatile: true });
    await entry("for later", {});
    await one.back(second);
    await until(() => one.texts("for later").length > 0, "what was missed");
    assert.deepEqual(one.texts("of the"), []);
  });
}

for (const mode of modes) {
  test(`${mode}: Redis is killed and starts again: nobody is lost, old offsets are noticed`, async (t) => {
    const port = await freePort();
    const redis = await Redis.start(t, [], { port });
    const [first, second] = await nodes(t, redis, ["starling", "starling"], { mode });
    const speaker = await guest(t, first, null);
    const [stays, moves, away, there] =
      await Promise.all([first, first, first, second].map((node) => guest(t, node)));
    await warm([speaker], [stays, moves, away, there]);
    away.cut();
    await until(async () => (await speaker.do("who", "all")).length === 3, "the end");
    await redis.kill();
    // What is said before a node has noticed may be lost in the mode streams.
    await until(() => [first, second].every(({ program }) => /Redis is away/.test(program.output)),
      "lines about Redis");
    const begin = performance.now();
    await away.back(second);
    assert.equal(away.socket.recovered, false);
    t.diagnostic(`anew after ${Math.round(performance.now() - begin)} ms while Redis is away`);
    for (const text of numbers("meanwhile", 100)) speaker.socket.emit("say", "all", text, () => {});
    await redis.restart();
    const back = performance.now();
    // The second node as well: a client waits there for 2 s until the node has read as much as the client.
    await until(() => [stays, moves, there].every((one) => one.texts("meanwhile 99").length > 0),
      "what was said meanwhile");
    t.diagnostic(`healed ${Math.round(performance.now() - back)} ms after Redis was back`);
    for (const one of [stays, moves, there])
      assert.deepEqual(one.texts("meanwhile"), numbers("meanwhile", 100));
    // The sessions are in the new Redis, too.
    const session = await sessionKey(redis, mode, moves.socket._pid);
    await until(async () => await redis.cli("EXISTS", session) === "1", "the session");
    first.signal("SIGKILL");
    await until(() => moves.losses === 1, "the end of the node");
    await there.do("say", "all", "after");
    await moves.back(second);
    assert.equal(moves.socket.recovered, true, second.program.output);
    await until(() => moves.texts("after").length > 0, "the last one");
    assert.deepEqual(moves.texts("meanwhile"), numbers("meanwhile", 100));
  });
}

test("nodes with version 0.2 of the package are heard and hear", async (t) => {
  const redis = await Redis.start(t);
  const [first] = await nodes(t, redis, ["starling"]);
  const port = await freePort();
  const child = spawn(process.execPath, [path.join(repository, "tests/interop/old_streams_node.mjs"),
    String(port), String(redis.port)], { stdio: ["ignore", "inherit", "inherit"] });
  onExit(child);
  t.after(() => child.kill("SIGKILL"));
  await until(() => connects(port), "the old node");
  const speaker = await guest(t, first, null);
  const here = await guest(t, first);
  const there = new Guest(t, { port });
  await until(() => there.socket.connected, "a client of the old node");
  await until(async () => {
    await speaker.do("say", "all", "from starling");
    await there.do("say", "from the old node");
    return [here, there].every((one) =>
      one.texts("from starling").length > 0 && one.texts("from the").length > 0);
  }, "both to hear both");
  for (const text of numbers("old", 50)) there.socket.emit("say", text, () => {});
  for (const text of numbers("new", 50)) speaker.socket.emit("say", "all", text, () => {});
  await until(() => [here, there].every((one) =>
    one.texts("old 49").length > 0 && one.texts("new 49").length > 0), "all of them");
  for (const one of [here, there])
    for (const name of ["old", "new"])
      assert.deepEqual(one.texts(`${name} `), numbers(name, 50));
  // Its heartbeats and its goodbye mean nothing here.
  for (const type of [1, 2, 13])
    await redis.cli("XADD", "socket.io", "*", "uid", "old", "nsp", "/", "type", type);
  await speaker.do("say", "all", "last");
  await until(() => here.texts("last").length > 0, "the last one");
  assert.doesNotMatch(first.program.output, /refused/);
});
