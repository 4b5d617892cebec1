// Clients that poll, and that upgrade, behind a load balancer that gives each request to the next node,
// whoever owns the session: nothing is lost, doubled or reordered.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { io as io4 } from "socket.io-client";
import io1 from "socket.io-client-1";
import io2 from "socket.io-client-2";
import { io as io3 } from "socket.io-client-3";

import { Redis } from "./redis.mjs";
import { roundRobin } from "./round_robin.mjs";
import { connects, freePort, Program, until } from "./server.mjs";

const generations = { "socket.io-client 4": io4, "socket.io-client 3": io3, "socket.io-client 2": io2,
  "socket.io-client 1": io1 };

class Peer {
  constructor(t, io, url, transports) {
    Object.assign(this, { heard: [], faults: [] });
    this.socket = io(url, { transports, forceNew: true, reconnectionDelay: 100 });
    this.socket.on("said", (text) => this.heard.push(text));
    this.socket.on("connect_error", ({ message }) => this.faults.push(message));
    this.socket.on("disconnect", (reason) => this.faults.push(reason));
    t.after(() => this.socket.disconnect());
  }
  // Socket.IO 2 has no emitWithAck().
  do(...words) { return new Promise((resolve) => this.socket.emit(...words, resolve)); }
  get transport() { return this.socket.io.engine.transport.name; }
}

async function nodesOf(redis, mode, count) {
  return Promise.all(Array.from({ length: count }, async () => {
    const port = await freePort();
    return new Program("examples/cluster_node",
      [String(port), `redis://127.0.0.1:${redis.port}`, mode], { port }).ready(connects);
  }));
}

// A session that was opened at a node; what another node answers about it.
async function openAt(port) {
  const text = await (await fetch(`http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`)).text();
  return JSON.parse(text.slice(1)).sid;
}
const address = (port, sid) => `http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling&sid=${sid}`;
async function poll(port, sid) {
  const answer = await fetch(address(port, sid));
  return { status: answer.status, text: await answer.text() };
}
const unknown = { status: 400, text: '{"code":1,"message":"Session ID unknown"}' };

// Both nodes know each other: a request is relayed.
async function meet(ports) {
  for (const from of ports)
    for (const to of ports.filter((port) => port !== from))
      await until(async () => {
        const sid = await openAt(to);
        const { status } = await fetch(address(from, sid), { method: "POST", body: "40" });
        return status === 200;
      }, "the nodes");
}

for (const mode of ["native", "classic", "sharded", "streams"])
  describe(`three nodes in the mode ${mode}, without sticky sessions`, () => {
    let redis;
    let nodes;
    before(async () => {
      redis = await Redis.start({ after() {} });  // The hook below ends it.
      nodes = await nodesOf(redis, mode, 3);
      await meet(nodes.map(({ port }) => port));
    });
    after(async () => {
      await Promise.all((nodes ?? []).map((node) => node.stop()));
      await redis?.kill();
    });
    const ports = () => nodes.map(({ port }) => port);

    for (const [name, io] of Object.entries(generations))
      for (const transports of [["polling"], ["polling", "websocket"]])
        (mode === "native" || io === io4) && test(`${name}, ${transports.join(" and ")}`, async (t) => {
          const room = `${name} ${transports.length}`;
          const proxy = await roundRobin(t, ports);
          const all = Array.from({ length: 6 }, () => new Peer(t, io, proxy.url, transports));
          await until(() => all.every(({ socket }) => socket.connected), "the clients");
          for (const one of all) await one.do("join", room);
          // In the modes of Node.js a join is known to other nodes a moment later.
          for (const [i, one] of all.entries())
            await until(async () => {
              await one.do("say", room, `begin ${i}`);
              return all.every(({ heard }) => heard.includes(`begin ${i}`));
            }, "the room");
          for (const [i, one] of all.entries()) await one.do("say", room, `last ${i}`);
          await until(() => all.every(({ heard }) =>
            all.every((_, i) => heard.includes(`last ${i}`))), "the last begin");
          for (const one of all) one.heard.length = 0;
          // Without waiting in between; one text is long, one has bytes.
          const texts = (i) => Array.from({ length: 25 }, (_, n) => `${i} says ${n}`);
          await Promise.all(all.flatMap((one, i) => texts(i).map((text, n) => one.do("say", room,
            n === 7 ? text + "x".repeat(100_000) : n === 9 ? { text, bytes: Buffer.from([0, 255, n]) } : text))));
          await until(() => all.every(({ heard }) => heard.length >= 6 * 25), "the texts");
          for (const { heard, faults } of all) {
            const plain = heard.map((text) => {
              if (typeof text === "string") return text.replace(/x+$/, "");
              assert.deepEqual([...new Uint8Array(text.bytes)], [0, 255, 9]);
              return text.text;
            });
            assert.equal(plain.length, 6 * 25);
            for (let i = 0; i < 6; ++i)
              assert.deepEqual(plain.filter((text) => text.startsWith(`${i} `)), texts(i));
            assert.deepEqual(faults, []);
          }
          assert.equal(proxy.seen.failed, 0);
          // Each WebSocket is that of its session, whichever node it has reached.
          await until(() => all.every(({ transport }) => transport === transports.at(-1)), "the upgrades");
          assert.equal(proxy.seen.upgrades, transports.length === 1 ? 0 : all.length);
        });

    // Requests are relayed between the nodes of starling, in every mode by the same code and the same connection
    // (server/engineio/relay_part.h): what a dead or frozen owner costs does not depend on the mode.
    if (mode !== "native") return;

    for (const [name, io] of Object.entries(generations))
      test(`${name}: a node of a WebSocket is killed, its owner or the other one`, async (t) => {
        const proxy = await roundRobin(t, ports);
        const all = Array.from({ length: 6 }, () => new Peer(t, io, proxy.url, ["polling", "websocket"]));
        await until(() => all.every(({ transport }) => transport === "websocket"), "the upgrades");
        const room = `killed ${name}`;
        // Each node owns the sessions of some, and has the WebSockets of others.
        const last = nodes.pop();
        last.signal("SIGKILL");
        await last.exited;
        // Within a second all others have noticed. A busy machine may make a client begin anew once more.
        const done = (one, ...words) => new Promise((resolve) => {
          one.socket.emit(...words, () => resolve(true));
          setTimeout(() => resolve(false), 1000);
        });
        await until(async () => {
          const joined = await Promise.all(all.map((one) => done(one, "join", room)));
          return joined.every(Boolean) && await done(all[0], "say", room, "all are here")
            && all.every(({ heard }) => heard.includes("all are here"));
        }, "the text");
        assert.ok(all.some(({ faults }) => faults.length > 0), "clients of the node");
        for (const { faults } of all)
          assert.ok(faults.every((fault) => /^(transport close|transport error|websocket error|xhr po(ll|st) error)$/.test(fault)), String(faults));
        nodes.push(...await nodesOf(redis, mode, 1));
        await meet(ports());
      });

    test("the owner is killed: its clients are told, and go on", async (t) => {
      const [owner, other] = nodes;
      const proxy = await roundRobin(t, ports);
      const all = Array.from({ length: 6 }, () => new Peer(t, io4, proxy.url, ["polling"]));
      await until(() => all.every(({ socket }) => socket.connected), "the clients");
      const sid = await openAt(owner.port);
      await fetch(address(other.port, sid), { method: "POST", body: "40" });
      assert.match((await poll(other.port, sid)).text, /^40/);
      const pending = poll(other.port, sid);
      owner.signal("SIGKILL");
      await owner.exited;
      nodes = nodes.slice(1);
      assert.deepEqual(await pending, unknown);
      assert.deepEqual(await poll(other.port, sid), unknown);
      // Those of the dead node have yet to notice, and lose what they say until then.
      for (const { socket } of all)
        await until(() => socket.timeout(500).emitWithAck("join", "after").then(() => true, () => false), "a client");
      await all[0].do("say", "after", "all are here");
      await until(() => all.every(({ heard }) => heard.includes("all are here")), "the text");
    });

    test("the owner is frozen: the request is answered", async (t) => {
      const [owner, other] = nodes;
      const sid = await openAt(owner.port);
      await fetch(address(other.port, sid), { method: "POST", body: "40" });
      assert.match((await poll(other.port, sid)).text, /^40/);
      const pending = poll(other.port, sid);
      owner.signal("SIGSTOP");
      t.after(() => owner.signal("SIGCONT"));
      assert.deepEqual(await pending, unknown);
      assert.deepEqual(await poll(other.port, sid), unknown);
      owner.signal("SIGCONT");
      await meet(ports());
    });
  });
