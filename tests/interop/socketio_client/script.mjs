// Plays one script with npm socket.io-client 4 or with socketio_test_client, and returns the lines
// that the client prints. See tests/interop/socketio_client.cpp for the scripts.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

import * as io from "socket.io-client";
import * as msgpack from "socket.io-msgpack-parser";

import { deadline } from "../client.mjs";
import { built, onExit } from "../server.mjs";

const camel = (name) => name.replaceAll(/_([a-z])/g, (_, letter) => letter.toUpperCase());

function shown(value) {
  if (Buffer.isBuffer(value) || value instanceof ArrayBuffer || ArrayBuffer.isView(value))
    return { bytes: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(shown);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shown(item)]));
}

function fromScript(value) {
  if (Array.isArray(value)) return value.map(fromScript);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.bytes === "string") return Buffer.from(value.bytes, "hex");
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fromScript(item)]));
}

const line = (text, args) =>
  [text, ...args.map((arg) => (arg === undefined ? "null" : JSON.stringify(shown(arg))))].join(" ");

class NodePlayer {
  lines = [];
  #sockets = new Map();
  #told = new Map();
  #reply;

  constructor(script, onLine) {
    this.script = script;
    this.then = [...(script.then ?? [])];
    this.onLine = onLine;
    this.ended = new Promise((resolve) => { this.end = resolve; });
  }

  async run() {
    for (const [nsp, own] of Object.entries(this.script.sockets)) this.#add(nsp, own);
    this.#listenToManager();
    for (const action of this.script.start ?? []) this.#act(action);
    await deadline(this.ended, "the end of the script of Node's client").catch((error) => {
      throw new Error(`${error.message} after\n${this.lines.join("\n")}`);
    });
    this.manager.removeAllListeners();
    for (const socket of this.#sockets.values()) socket.removeAllListeners();
    this.manager.reconnection(false);
    this.manager._close();
    return this.lines;
  }

  #options(own) {
    const out = { forceNew: true, randomizationFactor: 0 };
    for (const [name, value] of Object.entries({ ...this.script.options, ...own })) {
      if (name === "parser") out.parser = msgpack;
      else if (["ca", "cert", "key"].includes(name)) out[name] = readFileSync(value);
      else out[camel(name)] = value;
    }
    return out;
  }

  #add(nsp, own) {
    const options = this.#options(own);
    const socket = this.manager
      ? this.manager.socket(nsp, options) : io.io(this.script.url + nsp, options);
    if (this.manager && options.autoConnect !== false) socket.connect();
    this.manager ??= socket.io;
    this.#sockets.set(nsp, socket);
    socket.on("connect", () => this.#say(`${nsp} connect ${socket.recovered === true}`));
    socket.on("connect_error", (error) => this.#say(
      `${nsp} connect_error ${error.message}${error.data === undefined ? "" : ` ${JSON.stringify(error.data)}`}`));
    socket.on("disconnect", (reason, details) => {
      const text = details instanceof Error ? details.message : details?.description;
      this.#say(`${nsp} disconnect ${reason}${text && reason !== "parse error" ? `: ${text}` : ""}`);
    });
    socket.onAny((name, ...args) => {
      if (typeof args.at(-1) === "function") args.pop();
      this.#say(line(`${nsp} event ${name}`, args));
    });
    socket.on("question", (...args) => {
      this.#reply = args.at(-1);
      this.#say(`${nsp} question`);
    });
    socket.on("double", (n, reply) => reply(2 * n));
  }

  // A socket listens to its manager too. Like most applications, this one listens after its sockets.
  #listenToManager() {
    const listen = (name, show) => {
      const told = this.#told.get(name);
      if (told) this.manager.off(name, told);
      const tell = (...args) => this.#say(`manager ${name}${show(...args)}`);
      this.#told.set(name, tell);
      this.manager.on(name, tell);
    };
    for (const name of ["open", "reconnect", "reconnect_attempt", "reconnect_failed"])
      listen(name, (...args) => line("", args));
    for (const name of ["error", "reconnect_error"]) listen(name, (error) => ` ${error.message}`);
    listen("close", (reason) => ` ${reason}`);
  }

  #say(text) {
    this.lines.push(text);
    this.onLine(text);
    const at = this.then.findIndex(([start]) => text.startsWith(start));
    if (at < 0) return;
    const [, ...actions] = this.then.splice(at, 1)[0];
    for (const action of actions) this.#act(action);
  }

  #act([verb, ...args]) {
    const verbs = {
      open: () => this.manager.open(),
      close: () => this.manager._close(),
      end: () => this.end(),
      reply: () => this.#reply(...args.map(fromScript)),
    };
    if (verbs[verb]) return verbs[verb]();
    const [nsp, ...rest] = args;
    const socket = this.#sockets.get(nsp);
    const more = {
      connect: () => {
        socket.connect();
        this.#listenToManager();
      },
      disconnect: () => socket.disconnect(),
      emit: () => socket.emit(...rest.map(fromScript)),
      volatile: () => socket.volatile.emit(...rest.map(fromScript)),
      state: () => this.#say(
        `${nsp} state ${socket.connected ? "connected" : "disconnected"}${socket.active ? " active" : ""}`),
      // As emitWithAck() does it, but without a promise: the outcome is written down at once.
      ack: () => {
        const [timeout, name, ...values] = rest;
        const answered = (error, ...answer) => this.#say(error
          ? `${nsp} no answer ${name} ${error.message}` : line(`${nsp} answer ${name}`, answer));
        answered.withError = true;
        (timeout === null ? socket : socket.timeout(timeout))
          .emit(name, ...values.map(fromScript), answered);
      },
    };
    return more[verb]();
  }
}

// With Node's client.
export const playNode = (script, onLine = () => {}) => new NodePlayer(script, onLine).run();

// With starling's client. `reasons` gets what it prints beside the lines, on standard error.
const quiet = { http_proxy: "", https_proxy: "", all_proxy: "", no_proxy: "" };
export async function playHere(script, onLine = () => {}, reasons = []) {
  const child = spawn(built("socketio_test_client"), [JSON.stringify(script)],
    { env: { ...process.env, ...quiet }, stdio: ["ignore", "pipe", "pipe"] });
  onExit(child);
  const lines = [];
  let rest = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop();
    // Boost.JSON writes 1.5 as 1.5E0.
    for (const part of parts.map((one) => one.replaceAll(/(\d\.\d+)E0\b/g, "$1"))) {
      lines.push(part);
      onLine(part);
    }
  });
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text) => reasons.push(text));
  const code = await deadline(new Promise((resolve) => { child.on("close", resolve); }),
    `the end of the script`).catch((error) => {
    throw new Error(`${error.message} after\n${lines.join("\n")}\n${reasons.join("")}`);
  });
  assert.equal(code, 0, reasons.join(""));
  return lines;
}
