// Starts the Socket.IO test server, starling's or the reference, and clients of three generations
// on it.
//
//   STARLING_SOCKETIO=node   the reference, npm `socket.io` (server.mjs describes its events)
//   otherwise                `socketio_test_server` of the build, with the same flags and events
//
// The clients differ in what they call things; a Peer hides it. What a Peer listens for are
// `events`: they queue until a test asks for them.

import net from "node:net";
import { fileURLToPath } from "node:url";

import { io as io4 } from "socket.io-client";
import io1 from "socket.io-client-1";
import io2 from "socket.io-client-2";
import msgpack from "socket.io-msgpack-parser";

import { deadline } from "../client.mjs";
import { Program } from "../server.mjs";

export const isNode = process.env.STARLING_SOCKETIO === "node";
const wait_ms_max = 30_000;

// Starts one of both with `flags`; `port` is the port it listens on.
async function launch(name, prefix, flags) {
  const port = flags.includes("--port") ? [] : ["--port", "0"];
  const program = new Program(name, [...port, ...flags.map(String)], { prefix });
  await program.ready(() => {
    const line = /^listening (\d+)$/m.exec(program.stdout);
    if (line) program.port = Number(line[1]);
    return line !== null;
  });
  return program;
}

const reference = fileURLToPath(new URL("server.mjs", import.meta.url));
export const startNode = (...flags) => launch(reference, [process.execPath], flags);
export const startStarling = (...flags) => launch("socketio_test_server", [], flags);
export const both = [
  ["the reference", startNode],
  ...(isNode ? [] : [["starling", startStarling]]),
];
export const start = isNode ? startNode : startStarling;

// `eio`: the revision of Engine.IO that the client speaks.
export const clients = [
  { name: "4.8.3", eio: 4, io: io4 },
  {
    name: "4.8.3 with msgpack",
    eio: 4,
    io: (url, options) => io4(url, { ...options, parser: msgpack }),
    msgpack: true,
  },
  { name: "2.5.0", eio: 3, io: io2 },
  { name: "1.4.4", eio: 3, io: io1 },
];
export const [client4, clientMsgpack, client2, client1] = clients;

export const transports = [
  { name: "polling", list: ["polling"] },
  { name: "websocket", list: ["websocket"] },
  { name: "upgrade", list: ["polling", "websocket"] },
];

const events = [
  "hello",
  "echo-event",
  "message",
  "greeting",
  "volatile",
  "volatile-end",
  "tick",
  "bye",
  "refused",
  "note",
  "log",
];

export class Peer {
  #queues = new Map(events.map((name) => [name, []]));
  #waiting = new Set();
  reasons = []; // of each disconnect
  refusals = []; // what the server's CONNECT_ERROR or the transport's failure said
  questions = []; // the arguments of each "question"
  answer = (...args) => args; // what "question" is answered with; null: no answer

  constructor(client, url, options) {
    this.client = client;
    this.socket = client.io(url, { forceNew: true, reconnection: false, ...options });
    for (const name of events) {
      this.socket.on(name, (...args) => {
        this.#queues.get(name).push(args);
        this.#wake();
      });
    }
    this.socket.on("question", (...args) => {
      const done = args.pop();
      this.questions.push(args);
      const answer = this.answer(...args);
      if (answer !== null) done(...answer);
      this.#wake();
    });
    this.socket.on("connect", () => this.#wake());
    this.socket.on("disconnect", (reason) => {
      this.reasons.push(reason);
      this.#wake();
    });
    // A CONNECT_ERROR is "error" to the older clients.
    for (const name of client.eio === 4 ? ["connect_error"] : ["connect_error", "error"]) {
      this.socket.on(name, (error) => {
        this.refusals.push(error);
        this.#wake();
      });
    }
  }

  #wake() {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  // Waits until `condition` gives something true; it is looked at after each event.
  async when(condition, what) {
    const loop = async () => {
      for (;;) {
        const value = condition();
        if (value) return value;
        await new Promise((resolve) => {
          this.#waiting.add(resolve);
        });
      }
    };
    return deadline(loop(), `${what} (client ${this.client.name})`, wait_ms_max);
  }

  get engine() {
    return this.socket.io.engine;
  }
  // Without "/nsp#", which the older clients' ids may have.
  get id() {
    return this.socket.id;
  }

  async connected() {
    await this.when(() => {
      if (this.refusals.length > 0) throw new Error(`refused: ${this.refusals[0]}`);
      return this.socket.connected;
    }, "connect");
    return this;
  }

  refused() {
    return this.when(() => this.refusals[0], "a refusal");
  }
  disconnected() {
    return this.when(() => this.reasons[0], "disconnect");
  }

  async upgraded() {
    const { engine } = this;
    engine.on("upgrade", () => this.#wake());
    await this.when(() => engine.transport.name === "websocket", "the upgrade");
  }

  // The arguments of the next event of this name.
  next(name) {
    return this.when(() => this.#queues.get(name).shift() ?? this.#alive(`"${name}"`), `"${name}"`);
  }

  // Nothing more comes to a client that is gone for good.
  #alive(what) {
    if (this.reasons.length > 0 && !this.socket.connected && !this.socket.io.reconnection()) {
      throw new Error(`${this.reasons} while waiting for ${what} (client ${this.client.name})`);
    }
    return undefined;
  }

  async take(name, count) {
    const taken = [];
    while (taken.length < count) taken.push(await this.next(name));
    return taken;
  }

  // Those that came and that nobody took.
  pending(name) {
    return this.#queues.get(name);
  }

  // The arguments of the ack.
  ask(name, ...args) {
    let answer;
    this.socket.emit(name, ...args, (...got) => {
      answer = got;
      this.#wake();
    });
    return this.when(() => answer ?? this.#alive(`the ack of "${name}"`), `the ack of "${name}"`);
  }

  emit(...args) {
    this.socket.emit(...args);
  }

  // Once this returns, the server has handled what was sent before, and what it sent because of
  // that is here: one connection keeps its order.
  async settled() {
    await this.ask("echo");
  }

  close() {
    this.socket.close();
  }
}

// A client of the test `t`, which closes it. `options`: of the client, and `nsp`.
export function dial(t, client, port, { nsp = "/", ...options } = {}) {
  const peer = new Peer(client, `http://127.0.0.1:${port}${nsp}`, options);
  t.after(() => peer.close());
  return peer;
}

export async function connect(t, client, port, options) {
  return dial(t, client, port, options).connected();
}

// Forwards connections to the port that `target` gives at that time, and cuts or freezes them.
export class Proxy {
  #sockets = new Set();
  #server;
  frozen = false; // while set, nothing is forwarded, and nothing is closed
  refusing = false; // while set, new connections are closed at once

  static async to(t, target) {
    const proxy = new Proxy();
    proxy.#server = net.createServer((near) => proxy.#accept(near, target));
    await new Promise((resolve) => {
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    proxy.port = proxy.#server.address().port;
    t.after(() => proxy.close());
    return proxy;
  }

  #accept(near, target) {
    if (this.refusing) {
      near.destroy();
      return;
    }
    const far = net.connect(target(), "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      this.#sockets.add(from);
      from.on("data", (bytes) => {
        if (!this.frozen) to.write(bytes);
      });
      from.on("error", () => to.destroy());
      from.on("end", () => to.end());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }

  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  close() {
    this.cut();
    this.#server.close();
  }
}
