// A cluster of two Node.js nodes and two starling nodes over a Redis of its own, with one client each.
import { spawn } from "node:child_process";
import path from "node:path";

import { io } from "socket.io-client";

import { freePort, connects, onExit, Program, repository, until } from "./server.mjs";

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
  // Emits, and returns the ack.
  do(...words) { return this.socket.timeout(20_000).emitWithAck(...words); }
}

async function start(t, kind, url, mode, node, rooms) {
  const port = await freePort();
  if (kind === "starling") {
    const program = new Program("examples/cluster_node", [String(port), url, mode, ...rooms],
      { port });
    t.after(() => program.stop());
    await program.ready(connects);
    return { kind, port, signal: (name) => program.signal(name), program };
  }
  const child = spawn(process.execPath, [path.join(repository, "examples/cluster/node.mjs"),
    String(port), url, mode, JSON.stringify(node)],
  { cwd: path.join(repository, "tests"), stdio: ["ignore", "inherit", "inherit"] });
  onExit(child);
  t.after(() => child.kill("SIGKILL"));
  await until(() => connects(port), "a Node.js node");
  return { kind, port, signal: (name) => child.kill(name) };
}

// `node`: options of the adapter of Node.js. `rooms`: the last argument of examples/cluster_node.
export async function cluster(t, redis, mode, { node = {}, rooms, url } = {}) {
  url ??= `redis://127.0.0.1:${redis.port}`;
  const nodes = await Promise.all(
    ["starling", "node", "starling", "node"].map((kind) => start(t, kind, url, mode, node, rooms ? [rooms] : [])));
  const peers = nodes.map(({ kind, port }) => new Peer(t, kind, port));
  await until(() => peers.every((peer) => peer.socket.connected), "the clients");
  // Every node hears every other one.
  for (const peer of peers)
    await until(async () => (await peer.do("servers", "are you there")).length === 3, "the nodes");
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
