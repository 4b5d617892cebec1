// A cluster of two Node.js nodes and two starling nodes over a Redis of its own, with one client each; in
// the mode native, of four starling nodes.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

import { io } from "socket.io-client";

import { Redis } from "./redis.mjs";
import { freePort, connects, onExit, Program, repository, until } from "./server.mjs";

export const sorted = (list) => [...list].sort();

export class Peer {
  constructor(t, kind, port) {
    Object.assign(this, { kind, port, heard: [], disconnected: false });
    this.socket = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], reconnection: false });
    this.socket.on("said", (text) => this.heard.push(text));
    this.socket.on("question", (ack) => ack(`${kind} ${port}`));
    this.socket.on("disconnect", () => { this.disconnected = true; });
    t.after(() => this.socket.disconnect());
  }
  get id() { return this.socket.id; }
  // Emits, and returns all arguments of the ack.
  all(...words) {
    return new Promise((resolve, reject) => {
      this.socket.timeout(20_000).emit(...words, (error, ...values) => error ? reject(error)
        : resolve(values));
    });
  }
  // Emits, and returns the ack.
  do(...words) { return this.socket.timeout(20_000).emitWithAck(...words); }
}

// A program of the build with `args` behind its port, or a program of Node.js:
// { kind, port, pid, signal, exited }; `exited`: a promise of its end.
export async function launch(t, kind, { program, script, args, env = {} }) {
  const port = await freePort();
  const words = [String(port), ...args];
  if (kind === "starling") {
    const started = new Program(program, words, { port, env });
    t.after(() => started.stop());
    await started.ready(connects);
    return { kind, port, pid: started.pid, signal: (name) => started.signal(name), program: started,
      exited: started.exited };
  }
  const child = spawn(process.execPath, [path.join(repository, script), ...words],
    { cwd: path.join(repository, "tests"), stdio: ["ignore", "inherit", "inherit"] });
  onExit(child);
  const exited = new Promise((resolve) => { child.once("exit", resolve); });
  t.after(() => child.kill("SIGKILL"));
  await until(() => connects(port), "a Node.js node");
  return { kind, port, pid: child.pid, signal: (name) => child.kill(name), exited };
}

// One node: { kind, port, pid, signal, exited }.
export function start(t, kind, url, mode, node, rooms, env = {}) {
  return launch(t, kind, { program: "examples/cluster_node", script: "examples/cluster/node.mjs", env,
    args: kind === "starling" ? [url, mode, ...rooms] : [url, mode, JSON.stringify(node)] });
}

// Stops the node's process. On a busy machine it may still work for a moment after the signal.
export async function freeze(t, node) {
  node.signal("SIGSTOP");
  t.after(() => node.signal("SIGCONT"));
  await until(() => /^State:\s+T/m.test(readFileSync(`/proc/${node.pid}/status`, "utf8")), "a frozen node");
}

// `node`: options of the adapter of Node.js. `rooms`: the last argument of examples/cluster_node, and `env`
// its environment. `kinds`: which nodes there are; in the mode native all are starling. `urls`: of each node, in
// place of `url`.
export async function cluster(t, redis, mode, { node = {}, rooms, url, env, urls = [],
  kinds = ["starling", "node", "starling", "node"] } = {}) {
  url ??= `redis://127.0.0.1:${redis.port}`;
  const nodes = await Promise.all(
    kinds.map((kind, i) => start(t, mode === "native" ? "starling" : kind, urls[i] ?? url, mode, node, rooms ? [rooms] : [], env)));
  const peers = nodes.map(({ kind, port }) => new Peer(t, kind, port));
  await until(() => peers.every((peer) => peer.socket.connected), "the clients");
  // Every node hears every other one.
  for (const peer of peers)
    await until(async () => (await peer.do("servers", "are you there")).length === kinds.length - 1,
      "the nodes");
  return { nodes, peers };
}

// Everybody joins the room, and each hears each.
export async function gather(peers, room) {
  for (const peer of peers) await peer.do("join", room);
  for (const peer of peers) {
    const text = `${peer.port} begins in ${room}`;
    await until(async () => {
      await peer.do("say", room, text);
      return peers.every((one) => one.heard.includes(text));
    }, text);
  }
  // What was said twice has arrived before this.
  for (const peer of peers) {
    const last = `${peer.port} is ready in ${room}`;
    await peer.do("say", room, last);
    await until(() => peers.every((one) => one.heard.includes(last)), last);
  }
  for (const peer of peers) peer.heard.length = 0;
}

// Does every operation from every node.
export async function together(peers) {
  await gather(peers, "red");

  // Each sentence reaches everybody once, in the order of its speaker.
  for (let i = 0; i < 20; ++i)
    for (const peer of peers) await peer.do("say", "red", `${peer.port} ${i}`);
  await until(() => peers.every((peer) => peer.heard.length >= 80), "80 sentences");
  for (const peer of peers)
    for (const { port } of peers)
      assert.deepEqual(peer.heard.filter((text) => text.startsWith(`${port} `)),
        Array.from({ length: 20 }, (_, i) => `${port} ${i}`), `${peer.kind} heard`);

  for (const peer of peers) {
    for (const one of peers) one.heard.length = 0;
    await peer.do("say", "red", { bytes: Buffer.from([0, 1, 255]), in: [Buffer.alloc(0), "é"] });
    await until(() => peers.every((one) => one.heard.length > 0), "bytes");
    for (const { heard: [{ bytes, in: [empty, text] }] } of peers)
      assert.deepEqual([[...bytes], empty.length, text], [[0, 1, 255], 0, "é"]);
  }

  const all = sorted(peers.map(({ id }) => id));
  const answers = sorted(peers.map(({ kind, port }) => `${kind} ${port}`));
  for (const peer of peers) {
    assert.deepEqual(sorted(await peer.do("who", "red")), all, `${peer.kind} asks who is there`);
    assert.deepEqual(sorted(await peer.do("ask", "red")), answers, `${peer.kind} asks all`);
    assert.deepEqual(sorted(await peer.do("servers", "hello")),
      sorted(peers.filter((one) => one !== peer).map(({ kind, port }) => `${kind} ${port} got hello`)),
      `${peer.kind} asks the servers`);
    assert.deepEqual(await peer.do("who", "nowhere"), []);
  }

  // Rooms move, by a node of one kind and back by one of the other.
  for (const [peer, from, to] of [[peers[0], "red", "blue"], [peers[1], "blue", "red"]]) {
    await peer.do("move", from, to);
    for (const one of peers)
      await until(async () => (await one.do("who", to)).length === 4
        && (await one.do("who", from)).length === 0, `${from} to ${to}`);
  }

  // Whoever leaves hears no more.
  for (const peer of peers.slice(0, 2)) await peer.do("leave", "red");
  for (const peer of peers)
    await until(async () => (await peer.do("who", "red")).length === 2, "two have left");
  for (const peer of peers) peer.heard.length = 0;
  await peers[0].do("say", "red", "a");
  await until(() => peers[2].heard.length > 0 && peers[3].heard.length > 0, "a");
  assert.deepEqual(peers.map(({ heard }) => heard), [[], [], ["a"], ["a"]]);

  // A node disconnects a client of another one.
  await peers[2].do("join", "out");
  await until(async () => (await peers[1].do("who", "out")).length === 1, "a room");
  await peers[1].do("kick", "out");
  await until(() => peers[2].disconnected, "the first client");
  await peers[3].do("join", "out");
  await until(async () => (await peers[0].do("who", "out")).length === 1, "a room");
  await peers[0].do("kick", "out");
  await until(() => peers[3].disconnected, "the second client");
  assert.deepEqual(peers.map((peer) => peer.disconnected), [false, false, true, true]);
}

// Redis refuses the node, or is away.
export async function startsOrNot(t, mode) {
  const redis = await Redis.start(t, ["--requirepass", "right"], { args: ["-a", "right"] });
  const port = await freePort();
  const refused = new Program("examples/cluster_node",
    [String(port), `redis://:wrong@127.0.0.1:${redis.port}`, mode]);
  assert.equal((await refused.exited).code, 2);
  assert.match(refused.output, /^[^\n]*cluster: Redis refuses this node: [^\n]*wrong user or password[^\n]*\n$/);
  const away = new Program("examples/cluster_node",
    [String(port), `redis://127.0.0.1:${await freePort()}`, mode], { port });
  t.after(() => away.stop());
  await until(() => /cluster: Redis is away: /.test(away.output), "a line about Redis");
  assert.ok(away.alive);
}
