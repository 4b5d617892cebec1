// Plays one situation of situations*.json with npm socket.io-client 4 against a scripted server, and
// writes down what the client reports and what the server gets. The client's timers are the
// script's: they run only in a step "advance".

import { createServer } from "node:http";

import { WebSocketServer } from "ws";

const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
const now = Date.now;

// Replaces the timers that socket.io-client and engine.io-client take from globalThis, and Date.now().
// Calls without a delay stay real: they only leave the current call.
class Clock {
  #calls = new Map();
  #last = 0;
  #ms = 0;

  install() {
    globalThis.setTimeout = (call, ms = 0, ...args) => {
      if (ms <= 0) return real.setTimeout(call, 0, ...args);
      const id = { number: (this.#last += 1), unref() {}, ref() {} };
      this.#calls.set(id, { at: this.#ms + ms, call: () => call(...args) });
      return id;
    };
    globalThis.clearTimeout = (id) => {
      if (!this.#calls.delete(id) && id?.number === undefined) real.clearTimeout(id);
    };
    Date.now = () => 1_000_000 + this.#ms;
  }

  uninstall() {
    Object.assign(globalThis, real);
    Date.now = now;
  }

  advance(ms) {
    const until = this.#ms + ms;
    for (;;) {
      const due = [...this.#calls].filter(([, one]) => one.at <= until);
      if (due.length === 0) break;
      const [id, one] = due.reduce((a, b) => (b[1].at < a[1].at ? b : a));
      this.#calls.delete(id);
      this.#ms = Math.max(this.#ms, one.at);
      one.call();
    }
    this.#ms = until;
  }
}

// The open packets of the table.
const opens = {
  OPEN: { sid: "E1", upgrades: [], pingInterval: 25000, pingTimeout: 20000, maxPayload: 1000000 },
  UPGRADE: { sid: "E1", upgrades: ["websocket"], pingInterval: 25000, pingTimeout: 20000,
    maxPayload: 30 },
};
const packet = (data) => (opens[data] ? `0${JSON.stringify(opens[data])}` : data);

const hex = (bytes) => `bytes ${Buffer.from(bytes).toString("hex")}`;

// JSON with bytes as {"bytes": "0102"}, in both directions.
function toWire(value) {
  if (Buffer.isBuffer(value) || value instanceof ArrayBuffer || ArrayBuffer.isView(value))
    return { bytes: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(toWire);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toWire(item)]));
}

function fromWire(value) {
  if (Array.isArray(value)) return value.map(fromWire);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.bytes === "string") return Buffer.from(value.bytes, "hex");
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fromWire(item)]));
}

const text = (value) => JSON.stringify(toWire(value));

// An error in the form of the C++ client: {message, data?, code?}.
function plain(error) {
  const out = { message: error.message };
  if (error.data !== undefined) out.data = error.data;
  if (typeof error.description === "number" && error.description > 0) out.code = error.description;
  return out;
}

// A server that does what the script says: it accepts WebSockets, answers POSTs, and keeps polls.
class Server {
  seen = [];
  refuses = false;
  answers = true;
  #polls = [];
  #sockets = [];

  async start() {
    this.http = createServer((request, response) => this.#request(request, response));
    this.ws = new WebSocketServer({ noServer: true });
    this.http.on("upgrade", (request, socket, head) => {
      if (this.refuses) {
        this.seen.push("ws refused");
        socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
      }
      this.ws.handleUpgrade(request, socket, head, (accepted) => this.#socket(accepted));
    });
    await new Promise((resolve) => { this.http.listen(0, "127.0.0.1", resolve); });
    return this.http.address().port;
  }

  #request(request, response) {
    response.on("close", () => {
      this.#polls = this.#polls.filter((one) => one !== response);
    });
    if (request.method === "GET") {
      this.seen.push("GET");
      this.#polls.push(response);
      return;
    }
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      this.seen.push(`POST ${Buffer.concat(parts).toString().replaceAll("\x1e", "|")}`);
      this.posted = response;
      if (this.answers) this.answer(200, "ok");
    });
  }

  #socket(socket) {
    this.seen.push("ws");
    this.#sockets.push(socket);
    socket.on("message", (data, binary) => {
      this.seen.push(`ws< ${binary ? hex(data) : data}`);
    });
    socket.on("close", () => {
      if (!socket.endedHere) this.seen.push("ws closed");
    });
    socket.on("error", () => {});
  }

  answer(status, body) {
    this.posted?.writeHead(status).end(body);
    this.posted = undefined;
  }

  poll(status, body) {
    const response = this.#polls.pop();
    if (!response) throw new Error("the script answers a poll, but none is pending");
    response.writeHead(status, { "content-type": "text/plain" });
    response.end(body.replaceAll("|", "\x1e"));
  }

  send(data) { this.#sockets.at(-1).send(data); }

  close() {
    const socket = this.#sockets.at(-1);
    socket.endedHere = true;
    socket.close(1001);
  }

  async stop() {
    for (const socket of this.#sockets) {
      socket.endedHere = true;
      socket.terminate();
    }
    this.http.closeAllConnections?.();
    await new Promise((resolve) => { this.http.close(resolve); });
  }
}

export class Player {
  client = [];
  server = new Server();
  #clock = new Clock();
  #sockets = new Map();
  #replies = [];
  #told = new Map();

  constructor(io, situation) {
    this.io = io;
    this.situation = situation;
  }

  async start() {
    const port = await this.server.start();
    this.#clock.install();
    this.manager = new this.io.Manager(`http://127.0.0.1:${port}`, {
      forceNew: true,
      randomizationFactor: 0,
      autoConnect: false,
      transports: ["websocket"],
      ...this.situation.options,
    });
    this.#listenToManager();
  }

  // A socket listens to its manager too. Like most applications, this one listens after its sockets.
  #listenToManager() {
    const listen = (name, show) => {
      const told = this.#told.get(name);
      if (told) this.manager.off(name, told);
      const tell = (...args) => this.#say(`manager ${name}`, show(...args));
      this.#told.set(name, tell);
      this.manager.on(name, tell);
    };
    for (const name of ["open", "ping", "reconnect", "reconnect_attempt", "reconnect_failed"])
      listen(name, (...args) => args);
    for (const name of ["error", "reconnect_error"]) listen(name, (error) => [plain(error)]);
    listen("close", (reason) => [reason]);
  }

  async stop() {
    this.manager.removeAllListeners?.();
    this.manager._close();
    this.#clock.uninstall();
    await this.server.stop();
  }

  #say(what, args) { this.client.push([what, ...args.map(text)].join(" ")); }

  #socket(nsp) {
    if (this.#sockets.has(nsp)) return this.#sockets.get(nsp);
    const options = this.situation.socket ?? {};
    const socket = this.manager.socket(nsp, options);
    this.#sockets.set(nsp, socket);
    socket.on("connect", () =>
      this.#say(`${nsp} connect`, [socket.id, socket.recovered === true]));
    socket.on("connect_error", (error) => this.#say(`${nsp} connect_error`, [plain(error)]));
    // Each client has words of its own for what a parser refuses.
    socket.on("disconnect", (reason, details) => this.#say(`${nsp} disconnect`, [
      reason, reason === "parse error" ? "" : details?.description ?? details?.message ?? null]));
    socket.onAny((...args) => {
      const reply = typeof args.at(-1) === "function" ? args.pop() : undefined;
      if (reply) this.#replies.push(reply);
      this.#say(`${nsp} event${reply ? "?" : ""}`, args);
      const then = this.situation.onEvent?.[args[0]];
      for (const step of then ?? []) this.play(step);
    });
    socket.onAnyOutgoing((...args) => this.#say(`${nsp} outgoing`, args));
    return socket;
  }

  // What a step waits for that neither side reports: "writable" or "upgrading".
  is(what) {
    const { upgrading, transport, writeBuffer } = this.manager.engine;
    return what === "upgrading" ? upgrading : transport.writable && writeBuffer.length === 0;
  }

  // One step of the script: [verb, ...arguments]. The C++ test knows the same verbs.
  play([verb, ...args]) {
    const verbs = {
      connect: (nsp) => {
        this.#socket(nsp).connect();
        this.#listenToManager();
      },
      disconnect: (nsp) => this.#socket(nsp).disconnect(),
      emit: (nsp, ...values) => this.#socket(nsp).emit(...values.map(fromWire)),
      volatile: (nsp, ...values) => this.#socket(nsp).volatile.emit(...values.map(fromWire)),
      // As emitWithAck() does it, but without a promise: the outcome is written down at once.
      ack: (nsp, timeout, ...values) => {
        const socket = this.#socket(nsp);
        const answered = (error, ...answer) => (error
          ? this.#say(`${nsp} no answer`, [values[0], error.message])
          : this.#say(`${nsp} answer`, [values[0], ...answer]));
        answered.withError = true;
        (timeout === null ? socket : socket.timeout(timeout))
          .emit(...values.map(fromWire), answered);
      },
      // With the option `retries`, the callback always gets an error or null first.
      tried: (nsp, ...values) => this.#socket(nsp).emit(...values, (error, ...answer) =>
        (error ? this.#say(`${nsp} no answer`, [values[0], error.message])
          : this.#say(`${nsp} answer`, [values[0], ...answer]))),
      reply: (...values) => this.#replies.at(-1)(...values.map(fromWire)),
      state: (nsp) => {
        const socket = this.#socket(nsp);
        this.#say(`${nsp} state`, [{ connected: socket.connected, active: socket.active }]);
      },
      open: () => this.manager.open(),
      close: () => this.manager._close(),
      advance: (ms) => this.#clock.advance(ms),
      refuse: (refuses) => { this.server.refuses = refuses; },
      hold: () => { this.server.answers = false; },
      posted: (status) => this.server.answer(status, "ok"),
      poll: (body, status = 200) => this.server.poll(status, packet(body)),
      send: (data) => this.server.send(
        typeof data === "string" ? packet(data) : Buffer.from(data.bytes, "hex")),
      end: () => this.server.close(),
    };
    verbs[verb](...args);
  }
}
