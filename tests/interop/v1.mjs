// A client of the WebSocket subprotocol starling.v1 on npm `ws`, and a proxy that cuts connections.

import net from "node:net";

import { WebSocket } from "ws";

import { deadline } from "./client.mjs";

export class V1 {
  #answers = new Map();
  #ids = 0;
  #waiting = [];
  events = [];  // Everything that is no answer, in order.

  static async connect(url, options) {
    const v1 = new V1(new WebSocket(url, ["starling.v1"], { perMessageDeflate: false, ...options }));
    const failed = new Promise((_, reject) => {
      v1.socket.on("error", reject);
      v1.socket.on("close", () => reject(new Error("closed before the welcome")));
    });
    failed.catch(() => {});
    v1.welcome = await Promise.race([v1.event("welcome"), failed]);
    return v1;
  }

  constructor(socket) {
    this.socket = socket;
    // The first message may come together with the answer to the handshake.
    socket.on("message", (data) => this.#arrived(JSON.parse(data.toString())));
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  #arrived(message) {
    const answer = this.#answers.get(message.id);
    if (answer) {
      this.#answers.delete(message.id);
      answer(message);
      return;
    }
    this.events.push(message);
    for (const waiter of this.#waiting) waiter();
  }

  // Sends a request and returns its answer.
  ask(request) {
    const id = ++this.#ids;
    const answer = new Promise((resolve) => { this.#answers.set(id, resolve); });
    this.send({ id, ...request });
    return deadline(answer, `the answer to ${JSON.stringify(request)}`);
  }

  send(request) {
    this.socket.send(typeof request === "string" ? request : JSON.stringify(request));
  }

  // Takes the first event of that type, also one that came before.
  event(type) {
    const found = new Promise((resolve) => {
      const look = () => {
        const at = this.events.findIndex((event) => event.type === type);
        if (at < 0) return;
        this.#waiting = this.#waiting.filter((waiter) => waiter !== look);
        resolve(this.events.splice(at, 1)[0]);
      };
      this.#waiting.push(look);
      look();
    });
    return deadline(found, `an event '${type}'`);
  }

  end() { this.socket.terminate(); }
}

// A TCP proxy whose cut() resets all connections.
export async function cuttingProxy(port) {
  const pairs = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    const pair = [near, far];
    pairs.add(pair);
    for (const socket of pair) {
      socket.on("error", () => {});
      socket.on("close", () => {
        pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  return {
    port: server.address().port,
    cut() {
      for (const [near, far] of pairs) {
        near.resetAndDestroy();
        far.resetAndDestroy();
      }
    },
    close() {
      this.cut();
      server.close();
    },
  };
}

// Publishes `count` events "NAME 0", "NAME 1" ... one after the other, on a new connection each, so
// that they come to all workers.
export async function publishMany(server, key, channel, name, count) {
  for (let i = 0; i < count; ++i) {
    const response = await fetch(server.url("/api/publish", "http"), { method: "POST",
      headers: { "X-Api-Key": key, Connection: "close" },
      body: JSON.stringify({ channel, event: `${name} ${i}` }) });
    if (response.status !== 200) throw new Error(`publish: ${response.status}`);
    await response.arrayBuffer();
  }
}

// The events that are missing from `got`, and those that came more than once.
export function compare(got, publishers, count) {
  const times = new Map();
  for (const event of got) times.set(event, (times.get(event) ?? 0) + 1);
  const lost = [];
  for (const name of publishers) {
    for (let i = 0; i < count; ++i) if (!times.has(`${name} ${i}`)) lost.push(`${name} ${i}`);
  }
  return { lost, doubled: [...times].filter(([, n]) => n > 1).map(([event]) => event) };
}
