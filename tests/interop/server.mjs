// Starts the built programs for a test, and ends them with the test.
//
//   const server = await serve({ websocket: [{ path: "/echo", kind: "echo" }] });
//   ... server.port, server.url("/echo") ...
//   await server.stop();
//
// Every program listens on a free port, and a test waits until the program answers; there are no
// fixed sleeps. Programs that a test leaves running are killed by their process id.

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
// The caller's variables must not configure the tested programs: STARLING_*, and those of Olares. Only
// STARLING_IO reaches them, so that all tests can run on io_uring: see io.test.mjs.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(STARLING_(?!IO$)|WS_(PORT|URL)$)/.test(name)));
delete environment.STATE_DIRECTORY;
environment.STARLING_ADMIN__ENABLED = "false"; // Its default address is one for all programs.
const stderr_bytes_max = 256 * 1024;

const running = new Set();
const folders = new Set();
environment.XDG_STATE_HOME = temporaryFolder(); // A folder of its own, so that no data of an
                                                // earlier run is found.
// A failed test may leave a program running, whose open connections would keep this process alive.
after(() => {
  for (const child of running) child.kill("SIGKILL");
});
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

// Registers another program of a test, to be killed if the test does not end it.
export function onExit(child) {
  running.add(child);
  child.on("close", () => running.delete(child));
}

export const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// Waits until `condition` returns a true value, and returns that value.
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

// A port outside of the range from which the kernel takes ports for outgoing connections and for
// port 0: within that range another process may take the port before the program listens on it.
// Files of tests run side by side, so each process has a part of the range, and takes no port twice before it has
// taken all: a node of another test that has lost its Redis would find this test's Redis at its port, and join.
const port_parts = 40;
let ports_taken = randomInt(1000);

// `behind`: so many ports after it are given to nobody else.
export async function freePort({ behind = 0 } = {}) {
  const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
  const [first, last] = range.trim().split(/\s+/).map(Number);
  const [from, to] = first > 13_000 ? [12_000, first] : last < 64_000 ? [last + 1, 65_536]
    : [12_000, 65_536];
  const width = Math.floor((to - from) / port_parts);
  for (;;) {
    const port = from + (process.pid % port_parts) * width + ports_taken % width;
    ports_taken += 1 + behind;
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

  // `env`: variables besides those of the caller. `name`: relative to the build, or absolute. `input`:
  // all of standard input.
  constructor(name, args, { port = 0, prefix = [], env = {}, input } = {}) {
    const [command, ...rest] = [...prefix, path.resolve(build, name), ...args];
    this.name = name;
    this.port = port;
    this.#child = spawn(command, rest,
      { cwd: repository, env: { ...environment, ...env },
        stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
    running.add(this.#child);
    if (input !== undefined) {
      this.#child.stdin.on("error", () => {});  // The program may end before it has read all of it.
      this.#child.stdin.end(input);
    }
    for (const stream of ["stdout", "stderr"]) {
      this.#child[stream].setEncoding("utf8");
      this.#child[stream].on("data", (text) => {
        this[stream] = (this[stream] + text).slice(-stderr_bytes_max);
      });
    }
    // Resolves to {code, signal} once the program has ended and all of its output was read.
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

  // Ends the program without draining. Tests of a graceful stop send their own signals.
  async stop() {
    if (!this.alive) return this.exited;
    this.#child.kill("SIGTERM");
    this.#child.kill("SIGCONT");  // A test that failed may have left it frozen.
    // The second SIGTERM means: do not drain. It is repeated, since two pending signals merge into
    // one.
    const again = setInterval(() => this.#child.kill("SIGTERM"), 50);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), wait_ms_max);
    const result = await this.exited;
    clearInterval(again);
    clearTimeout(timer);
    return result;
  }
}

export function connects(port) {
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

export function healthy(port) {
  return new Promise((resolve) => {
    const request = http.get({ port, host: "127.0.0.1", path: "/healthz", agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
    request.on("error", () => resolve(false));
  });
}

// Writes a configuration, given as an object: YAML is a superset of JSON.
export function writeConfig(config, folder = temporaryFolder()) {
  const file = path.join(folder, "starling.yaml");
  writeFileSync(file, typeof config === "string" ? config : `${JSON.stringify(config, null, 2)}\n`);
  return file;
}

// Long timeouts: a busy machine must not make a client look too slow. Unit tests check these
// timeouts with a clock of their own.
export const patience = { stalled_timeout_s: 3600, http: { head_timeout_s: 3600, request_timeout_s: 3600 } };

// Runs `starling serve --config` with `config`, and adds `listen` if it is absent. The program is
// ready when /healthz answers, or with `tls` when it accepts TCP connections. `port`: that of `config.listen`.
// `admin`: with the admin listener, whose port is then `program.adminPort`. `program.config` is the file.
export async function serve(config = {}, { tls = false, prefix, port: wanted, admin, args = [] } = {}) {
  const port = wanted ?? await freePort();
  const listen = [{ address: `127.0.0.1:${port}`, ...(tls ? { tls: true } : {}) }];
  const adminPort = admin ? await freePort() : 0;
  const extra = admin ? { admin: { listen: `127.0.0.1:${adminPort}`, ...admin } } : {};
  const file = writeConfig({ listen, workers: 1, ...patience, ...extra, ...config });
  const env = admin ? { STARLING_ADMIN__ENABLED: "true" } : {};
  const program = new Program("starling", ["serve", "--config", file, ...args], { port, prefix, env });
  program.adminPort = adminPort;
  program.config = file;
  return program.ready(tls ? connects : healthy);
}

// Runs `starling serve --demo`: the pages, /echo, /chat, /socketio and /community.
export async function serveDemo(args = []) {
  const port = await freePort();
  const program = new Program("starling",
    ["serve", "--demo", "--listen", `127.0.0.1:${port}`, ...args], { port });
  return program.ready(healthy);
}

// The path of a built program.
export const built = (name) => path.resolve(build, name);

// Starts one of examples/*. Its first argument is the port.
export async function example(name) {
  const port = await freePort();
  return new Program(`examples/${name}`, [String(port)], { port }).ready(connects);
}

// Starts tests/interop/websocket_server.cpp.
export async function websocketServer() {
  const port = await freePort();
  return new Program("websocket_test_server", [String(port)], { port })
    .ready(connects);
}

// Runs `starling` to its end. Returns {code, signal, stdout, stderr}. `options`: those of Program.
export async function run(args, options) {
  const program = new Program("starling", args, options);
  const timer = setTimeout(() => program.signal("SIGKILL"), wait_ms_max);
  const result = await program.exited;
  clearTimeout(timer);
  return { ...result, stdout: program.stdout, stderr: program.stderr };
}
