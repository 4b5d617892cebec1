// Starts the Socket.IO test server, starling's or the reference, and clients of three generations.
//
//   STARLING_SOCKETIO=node   the reference, npm `socket.io` (server.mjs describes its events)
//   otherwise                `socketio_test_server` of the build, with the same flags and events
//
// A Peer hides the different APIs of the clients. `events`: the events that a Peer listens for;
// they queue until a test asks for them.

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

// Starts either server with `flags`; `port` is the port that it listens on.
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
  reasons = [];  // of each disconnect
  refusals = [];  // from CONNECT_ERROR packets and transport failures
  questions = [];  // the arguments of each "question"
  answer = (...args) => args;  // the ack's arguments for "question"; null: no ack

  constructor(client, socket) {
    this.client = client;
    this.socket = socket;
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
    // Older clients emit "error" for a CONNECT_ERROR.
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

  // Waits until `condition` returns a true value; checks it after each event.
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
  // The id without "/nsp#", the prefix of older clients' ids.
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

  // The arguments of the next event named `name`.
  next(name) {
    return this.when(() => this.#queues.get(name).shift() ?? this.#alive(`"${name}"`), `"${name}"`);
  }

  // Fails if the client is disconnected for good, since no event can follow.
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

  // The events named `name` that arrived, and that no test has taken.
  pending(name) {
    return this.#queues.get(name);
  }

  // Emits with an ack; returns the ack's arguments.
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

  // After this returns, the server has handled all earlier packets, and its packets up to then have
  // arrived: one connection keeps the order.
  async settled() {
    await this.ask("echo");
  }

  close() {
    this.socket.close();
  }

  // A peer in another namespace over the same connection.
  beside(nsp) {
    return new Peer(this.client, this.socket.io.socket(nsp)).connected();
  }
}

// Connects a client for the test `t`, which closes it. `options`: the client's, and `nsp`.
export function dial(t, client, port, { nsp = "/", ...options } = {}) {
  const url = `http://127.0.0.1:${port}${nsp}`;
  const peer = new Peer(
    client,
    client.io(url, { forceNew: true, reconnection: false, ...options }),
  );
  t.after(() => peer.close());
  return peer;
}

export async function connect(t, client, port, options) {
  return dial(t, client, port, options).connected();
}

// A proxy to the port that `target` returns at that moment. Can cut or freeze connections.
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
      from.on("error", () => {});  // "close" follows
      // While the network is silent, the end of one side does not reach the other side either.
      from.on("end", () => {
        if (!this.frozen) to.end();
      });
      from.on("close", () => {
        this.#sockets.delete(from);
        if (!this.frozen) to.destroy();
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
