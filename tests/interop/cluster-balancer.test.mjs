// Clients that poll, and reach the nodes of a cluster through a load balancer.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";

import { io } from "socket.io-client";

import { balancer } from "./balancers.mjs";
import { Redis } from "./redis.mjs";
import { connects, freePort, Program, until } from "./server.mjs";

// Each has an address of its own, as clients of the Internet have, and keeps cookies if it may.
class Peer {
  constructor(t, port, i, { cookies, transports = ["polling"] }) {
    Object.assign(this, { heard: [], faults: [] });
    // Without keep-alive: the client repeats a request that a kept connection has lost, and does not end it.
    const agent = new http.Agent({ localAddress: `127.0.0.${10 + i}` });
    this.socket = io(`http://127.0.0.1:${port}`,
      { transports, forceNew: true, withCredentials: cookies, agent, reconnectionDelay: 100 });
    this.socket.on("said", (text) => this.heard.push(text));
    this.socket.on("connect_error", ({ message }) => this.faults.push(message));
    this.socket.on("disconnect", (reason) => this.faults.push(reason));
    t.after(() => {
      this.socket.disconnect();
      agent.destroy();
    });
  }
  do(...words) { return this.socket.timeout(20_000).emitWithAck(...words); }
  // The port of its node: the one that is not among the others, which answer.
  async node(ports) {
    const others = await this.do("servers", "who is there");
    return others.length === ports.length - 1 && ports.find((port) => !others.join().includes(`starling ${port} `));
  }
}

describe("three nodes behind a load balancer", () => {
  let redis;
  let nodes;
  before(async () => {
    redis = await Redis.start({ after() {} });  // The hook below ends it.
    nodes = await Promise.all([1, 2, 3].map(async () => {
      const port = await freePort();
      return new Program("examples/cluster_node",
        [String(port), `redis://127.0.0.1:${redis.port}`, "classic"], { port }).ready(connects);
    }));
  });
  after(async () => {
    await Promise.all((nodes ?? []).map((node) => node.stop()));
    await redis?.kill();
  });

  const ports = () => nodes.map(({ port }) => port);
  // Six clients in a room; [clients, their nodes].
  const enter = async (t, kind, options) => {
    const proxy = await balancer(kind, ports());
    t.after(() => proxy.stop());
    const all = [0, 1, 2, 3, 4, 5].map((i) => new Peer(t, proxy.port, i, options));
    await until(() => all.every(({ socket }) => socket.connected), "the clients");
    const places = await Promise.all(all.map((one) => until(() => one.node(ports()), "its node")));
    for (const one of all) await one.do("join", kind);
    return [all, places];
  };

  for (const [kind, cookies] of [["haproxy, by a cookie", true], ["nginx, by a cookie", true],
    ["nginx, by the address", false]])
    test(`${kind}: clients that poll reach their node, and all hear all`, async (t) => {
      const [all, places] = await enter(t, kind, { cookies });
      if (cookies) assert.deepEqual(new Set(places), new Set(ports()));  // One after the other.
      const texts = [];
      for (let round = 0; round < 5; ++round)
        for (const [i, one] of all.entries()) {
          texts.push(`${round} of ${i}`);
          await one.do("say", kind, texts.at(-1));
        }
      await until(() => all.every(({ heard }) => heard.length >= texts.length), "the texts");
      for (const { heard, faults } of all) {
        assert.deepEqual([...heard].sort(), [...texts].sort());
        assert.deepEqual(faults, []);
      }
    });

  test("without stickiness clients keep their sessions, by WebSocket alone and by polling", async (t) => {
    const kind = "haproxy, no stickiness";
    const [all, places] = await enter(t, kind, { transports: ["websocket"] });
    assert.deepEqual(new Set(places), new Set(ports()));
    for (const one of all) await one.do("say", kind, "by WebSocket");
    await until(() => all.every(({ heard }) => heard.length === all.length), "the texts");
    assert.deepEqual(all.flatMap(({ faults }) => faults), []);
    const polls = new Peer(t, all[0].socket.io.opts.port, 7, {});
    await until(() => polls.socket.connected, "the client that polls");
    await polls.do("join", kind);
    const texts = Array.from({ length: 10 }, (_, i) => `poll ${i}`);
    for (const text of texts) await polls.do("say", kind, text);
    for (const { heard } of [...all, polls])
      await until(() => heard.filter((text) => text.startsWith("poll ")).length >= texts.length, "the texts");
    for (const { heard } of [...all, polls])
      assert.deepEqual(heard.filter((text) => text.startsWith("poll ")), texts);
    assert.deepEqual(polls.faults, []);
  });

  for (const kind of ["haproxy, by a cookie", "nginx, by a cookie"])
    test(`${kind}: the clients of a node that dies go on at the others`, async (t) => {
      const [all, places] = await enter(t, kind, { cookies: true });
      const dead = nodes.findIndex(({ port }) => port === places[0]);
      nodes[dead].signal("SIGKILL");
      await nodes[dead].exited;
      nodes.splice(dead, 1);
      const moved = all.filter((_, i) => places[i] === places[0]);
      await until(() => moved.every(({ socket, faults }) => faults.length > 0 && socket.connected),
        "the clients at other nodes");
      for (const one of moved) await one.do("join", kind);
      await all[0].do("say", kind, "after");
      await until(() => all.every(({ heard }) => heard.includes("after")), "the text");
      for (const one of all.filter((each) => !moved.includes(each))) assert.deepEqual(one.faults, []);
    });
});
