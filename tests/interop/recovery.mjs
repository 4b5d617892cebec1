// Clients that come back to another node of a cluster, in the modes streams and native.
import { io } from "socket.io-client";

import { start } from "./cluster_nodes.mjs";
import { until } from "./server.mjs";

export const clients = Number(process.env.RECOVERY_CLIENTS ?? 60);
const recovery = { maxDisconnectionDuration: 60_000, skipMiddlewares: true };

// A client that returns to the node that it is told, when it is told.
export class Guest {
  constructor(t, node) {
    this.heard = [];
    this.losses = 0;
    this.socket = io(`http://127.0.0.1:${node.port}`, { transports: ["websocket"], forceNew: true,
      reconnection: false });
    this.socket.on("said", (text, offset) => this.heard.push([text, offset]));
    this.socket.on("disconnect", () => { this.losses += 1; });
    t.after(() => this.socket.disconnect());
  }
  do(...words) { return this.socket.timeout(20_000).emitWithAck(...words); }
  texts(from) {
    return this.heard.map(([text]) => text).filter((text) => String(text).startsWith(from));
  }
  // Cut off, as by a network that fails: the server sees "transport close".
  cut() { this.socket.io.engine.close(); }
  async back(node) {
    this.socket.io.uri = `http://127.0.0.1:${node.port}`;
    this.socket.connect();
    await until(() => this.socket.connected, "a client that comes back");
  }
}

export async function nodes(t, redis, kinds, { node = {}, rooms = "recovery", mode = "streams" } = {}) {
  const url = `redis://127.0.0.1:${redis.port}`;
  return Promise.all(kinds.map((kind) =>
    start(t, mode === "native" ? "starling" : kind, url, mode, { recovery, ...node }, rooms ? [rooms] : [])));
}

export async function guest(t, node, room = "all") {
  const one = new Guest(t, node);
  await until(() => one.socket.connected, "a client");
  if (room) await one.do("join", room);
  return one;
}

// All nodes hear each other, and the client has got an event and so has an offset.
export async function warm(speakers, guests) {
  for (const [i, speaker] of speakers.entries()) {
    const text = `warm ${i}`;
    await until(async () => {
      await speaker.do("say", "all", text);
      return guests.every((one) => one.texts(text).length > 0);
    }, text);
  }
  for (const [i, speaker] of speakers.entries()) {
    const text = `ready ${i}`;
    await speaker.do("say", "all", text);
    await until(() => guests.every((one) => one.texts(text).length > 0), text);
  }
}

export const numbers = (name, count) => Array.from({ length: count }, (_, i) => `${name} ${i}`);

// How the names of the cluster in Redis begin. In the mode native a check of the settings is part of them.
async function key(redis, mode) {
  if (mode === "streams") return null;
  const found = await until(() => redis.cli("KEYS", "starling:socketio:????:events"), "the stream");
  return found.slice(0, -":events".length);
}
export async function streamName(redis, mode) {
  const begin = await key(redis, mode);
  return begin ? `${begin}:events` : "socket.io";
}
export async function sessionKey(redis, mode, pid) {
  const begin = await key(redis, mode);
  return begin ? `${begin}:session:${pid}` : `sio:session:${pid}`;
}
