// Starts the built programs for a test and ends them with it.
//
//   const server = await serve({ websocket: [{ path: "/echo", kind: "echo" }] });
//   ... server.port, server.url("/echo") ...
//   await server.stop();
//
// Every program listens on a free port and is waited for until it answers; nothing here sleeps for a
// fixed time. What a test leaves running is killed by its pid at the end.

import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { wait_ms_max } from "./client.mjs";

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const build = process.env.STARLING_BUILD
  ? path.resolve(process.env.STARLING_BUILD) : path.join(repository, "build/release");
// STARLING_* configures the programs; what the caller has set of it is not for these.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("STARLING_")));
delete environment.STATE_DIRECTORY;
const stderr_bytes_max = 64 * 1024;

const running = new Set();
const folders = new Set();
environment.XDG_STATE_HOME = temporaryFolder(); // What the demo keeps is no test's of another run.
// A test that failed half-way left its program, whose open connections would keep this process.
after(() => {
  for (const child of running) child.kill("SIGKILL");
});
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

// Another program of a test, to be killed with it where the test does not end it.
export function onExit(child) {
  running.add(child);
  child.on("close", () => running.delete(child));
}

export const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// Waits until `condition` gives something true, and gives it back.
export async function until(condition, what, ms_max = wait_ms_max) {
  const end = performance.now() + ms_max;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`timed out waiting for ${what}`);
    await pause(10);
  }
}

export function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), "starling-test-"));
  folders.add(folder);
  return folder;
}

// Outside of the range from which the kernel takes ports for outgoing connections and for port 0: one
// of those may be somebody else's by the time the program listens on it, or listens on it again.
export async function freePort() {
  const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
  const [first, last] = range.trim().split(/\s+/).map(Number);
  const [from, to] = first > 13_000 ? [12_000, first] : last < 64_000 ? [last + 1, 65_536]
    : [12_000, 65_536];
  for (;;) {
    const port = randomInt(from, to);
    if (await isFree(port)) return port;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.on("error", () => resolve(false));
    probe.listen(port, "0.0.0.0", () => probe.close(() => resolve(true)));
  });
}

export class Program {
  #child;
  stderr = "";
  stdout = "";

  constructor(name, args, { port = 0, prefix = [] } = {}) {
    const [command, ...rest] = [...prefix, path.resolve(build, name), ...args];
    this.name = name;
    this.port = port;
    this.#child = spawn(command, rest,
      { cwd: repository, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    running.add(this.#child);
    for (const stream of ["stdout", "stderr"]) {
      this.#child[stream].setEncoding("utf8");
      this.#child[stream].on("data", (text) => {
        this[stream] = (this[stream] + text).slice(-stderr_bytes_max);
      });
    }
    // {code, signal} once the program is gone and all of its output is read.
    this.exited = new Promise((resolve) => {
      this.#child.on("error", (error) => {
        running.delete(this.#child);
        this.stderr += String(error);
        resolve({ code: null, signal: null, error });
      });
      this.#child.on("close", (code, signal) => {
        running.delete(this.#child);
        resolve({ code, signal });
      });
    });
  }

  get pid() { return this.#child.pid; }
  get alive() { return running.has(this.#child); }
  get output() { return this.stdout + this.stderr; }

  url(route = "/", scheme = "ws") { return `${scheme}://127.0.0.1:${this.port}${route}`; }

  signal(name) { this.#child.kill(name); }

  async ready(answers) {
    await until(async () => {
      if (!this.alive) {
        throw new Error(`${this.name} ended before it was ready:\n${this.output}`);
      }
      return answers(this.port);
    }, `${this.name} to answer\n${this.output}`);
    return this;
  }

  // Ends the program at once. Tests of the graceful end send their own signals.
  async stop() {
    if (!this.alive) return this.exited;
    this.#child.kill("SIGTERM");
    // The second one says: do not drain. Two that are pending at once would be one.
    const again = setInterval(() => this.#child.kill("SIGTERM"), 50);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), wait_ms_max);
    const result = await this.exited;
    clearInterval(again);
    clearTimeout(timer);
    return result;
  }
}

function connects(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    const finish = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => finish(true));
    socket.on("error", () => finish(false));
  });
}

function healthy(port) {
  return new Promise((resolve) => {
    const request = http.get({ port, host: "127.0.0.1", path: "/healthz", agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
    request.on("error", () => resolve(false));
  });
}

// YAML is a superset of JSON: the configuration of a test is an object.
export function writeConfig(config, folder = temporaryFolder()) {
  const file = path.join(folder, "starling.yaml");
  writeFileSync(file, typeof config === "string" ? config : `${JSON.stringify(config, null, 2)}\n`);
  return file;
}

// A test that a busy machine makes slow is no client that is too slow: none of these waits is tested
// here, and the server's own tests are told the time.
const patience = { stalled_timeout_s: 3600, http: { head_timeout_s: 3600, request_timeout_s: 3600 } };

// `starling serve --config` with `config`; `listen` is filled in when it is not given. With `tls`
// the program is ready when it accepts TCP, else when /healthz answers.
export async function serve(config = {}, { tls = false, prefix } = {}) {
  const port = await freePort();
  const listen = [{ address: `127.0.0.1:${port}`, ...(tls ? { tls: true } : {}) }];
  const file = writeConfig({ listen, workers: 1, ...patience, ...config });
  const program = new Program("starling", ["serve", "--config", file], { port, prefix });
  return program.ready(tls ? connects : healthy);
}

// `starling serve --demo`: the pages, /echo, /chat, /socketio and /community.
export async function serveDemo(args = []) {
  const port = await freePort();
  const program = new Program("starling",
    ["serve", "--demo", "--listen", `127.0.0.1:${port}`, ...args], { port });
  return program.ready(healthy);
}

// One of examples/*: its port is the first argument.
export async function example(name) {
  const port = await freePort();
  return new Program(`examples/${name}`, [String(port)], { port }).ready(connects);
}

// Runs `starling` to its end: {code, signal, stdout, stderr}.
export async function run(args) {
  const program = new Program("starling", args);
  const timer = setTimeout(() => program.signal("SIGKILL"), wait_ms_max);
  const result = await program.exited;
  clearTimeout(timer);
  return { ...result, stdout: program.stdout, stderr: program.stderr };
}
