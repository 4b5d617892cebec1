// Runs `starling connect` for a test: on pipes, or on a pseudo-terminal whose screen the test reads.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { WebSocketServer } from "ws";

import { deadline } from "./client.mjs";
import { built, onExit, temporaryFolder, until } from "./server.mjs";

const environment = { ...process.env, XDG_STATE_HOME: temporaryFolder(), TERM: "xterm", TZ: "UTC", LC_ALL: "C.UTF-8" };
for (const name of ["NO_COLOR", "http_proxy", "https_proxy", "all_proxy", "no_proxy"]) delete environment[name];

// On pipes. `stdin`: "pipe" or "ignore".
export class Connect {
  err = "";
  #child;
  #pieces = [];

  constructor(args, { env = {}, stdin = "pipe", paused = false } = {}) {
    this.#child = this.launch(args, { env: { ...environment, ...env }, stdin });
    onExit(this.#child);
    this.#child.stdin?.on("error", () => {});  // The program may end before it has read all of it.
    if (!paused) this.read();
    this.#child.stderr.setEncoding("utf8");
    this.#child.stderr.on("data", (text) => { this.err += text; });
    this.exited = deadline(new Promise((resolve) => {
      this.#child.on("close", (code, signal) => resolve(code ?? signal));
    }), `starling connect ${args.join(" ")} to end`);
    this.exited.catch(() => {});
  }

  launch(args, { env, stdin }) {
    return spawn(built("starling"), ["connect", ...args], { env, stdio: [stdin, "pipe", "pipe"] });
  }

  // Standard output is read from here on.
  read() { this.#child.stdout.on("data", (bytes) => { this.#pieces.push(bytes); }); }
  get out() {
    if (this.#pieces.length !== 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0];
  }
  get pid() { return this.#child.pid; }
  get child() { return this.#child; }
  get text() { return this.out.toString(); }
  get lines() { return this.text.split("\n").slice(0, -1); }
  get events() { return this.lines.map((line) => JSON.parse(line)); }
  write(text) { this.#child.stdin.write(text); return this; }
  end(text) { this.#child.stdin.end(text); return this; }
  signal(name) { this.#child.kill(name); }
  until(text) { return until(() => this.text.includes(text), `${JSON.stringify(text)} in ${this.text}${this.err}`); }
}

// The most memory that a process has had, in MB.
export const memoryMax = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

// The value of look(), when it is the same for many looks in a row: nothing moves any more.
export async function standstill(look, what) {
  let same = 0;
  let before;
  await until(() => {
    const now = look();
    same = now === before ? same + 1 : 0;
    before = now;
    return same > 20;
  }, what);
  return before;
}

// Runs to the end: {code, out, err}.
export async function connect(args, { input, ...options } = {}) {
  const program = new Connect(args, { ...options, stdin: input === undefined ? "ignore" : "pipe" });
  if (input !== undefined) program.end(input);
  const code = await program.exited;
  return { code, out: program.text, err: program.err, bytes: program.out };
}

// What a terminal shows: the sequences that the program and libedit use.
export class Screen {
  rows = [[]];
  row = 0;
  column = 0;
  // Sequences that this class does not know. A test asserts that there are none.
  unknown = [];
  #rest = "";

  constructor(columns = 80) { this.columns = columns; }

  feed(text) {
    let rest = this.#rest + text;
    this.#rest = "";
    while (rest) {
      const sequence = /^\x1b\[([?\d;]*)([@-~])/.exec(rest);
      if (rest[0] === "\x1b" && !sequence) {
        const other = /^\x1b([()].|[^[()])/.exec(rest);
        if (!other) {
          this.#rest = rest;
          return;
        }
        rest = rest.slice(other[0].length);
        continue;
      }
      if (sequence) this.#sequence(sequence[1], sequence[2]);
      const one = sequence ? sequence[0] : String.fromCodePoint(rest.codePointAt(0));
      if (!sequence) this.#character(one);
      rest = rest.slice(one.length);
    }
  }

  #line(row) {
    while (this.rows.length <= row) this.rows.push([]);
    return this.rows[row];
  }

  #character(one) {
    if (one === "\r") this.column = 0;
    else if (one === "\n") this.#line(++this.row);
    else if (one === "\b") this.column = Math.max(0, this.column - 1);
    else if (one === "\x07") return;
    else {
      if (this.column >= this.columns) {
        this.column = 0;
        this.row += 1;
      }
      const line = this.#line(this.row);
      while (line.length < this.column) line.push(" ");
      line[this.column++] = one;
    }
  }

  #sequence(parameters, kind) {
    const n = Number(parameters.split(";")[0]) || 1;
    if (kind === "A") this.row = Math.max(0, this.row - n);
    else if (kind === "B") this.#line(this.row += n);
    else if (kind === "C") this.column += n;
    else if (kind === "D") this.column = Math.max(0, this.column - n);
    else if (kind === "G") this.column = n - 1;
    else if (kind === "K") this.#line(this.row).length = Math.min(this.#line(this.row).length, this.column);
    else if (kind === "J") {
      this.#line(this.row).length = Math.min(this.#line(this.row).length, this.column);
      this.rows.length = this.row + 1;
    } else if (kind === "P") this.#line(this.row).splice(this.column, n);
    else if (kind === "@") this.#line(this.row).splice(this.column, 0, ...Array(n).fill(" "));
    else if (kind !== "m" && kind !== "h" && kind !== "l") this.unknown.push(parameters + kind);
  }

  // Without blanks at the ends of lines, and without empty lines at the end.
  get text() { return this.rows.map((row) => row.join("").trimEnd()).join("\n").trimEnd(); }
}

export class Terminal extends Connect {
  screen = new Screen();
  #fed = 0;

  launch(args, { env }) {
    const helper = path.join(path.dirname(fileURLToPath(import.meta.url)), "terminal.py");
    return spawn("python3", [helper, built("starling"), "connect", ...args],
      { env, stdio: ["pipe", "pipe", "pipe", "pipe"] });
  }

  // The screen, times replaced.
  get shown() {
    this.screen.feed(this.text.slice(this.#fed));
    this.#fed = this.text.length;
    return this.screen.text.replace(/^\d\d:\d\d:\d\d\.\d{3}/gm, "TIME");
  }
  resize(columns, rows = 24) {
    this.child.stdio[3].write(`${columns} ${rows}\n`);
    this.screen.columns = columns;
  }
  until(text) {
    const found = () => (text instanceof RegExp ? text.test(this.shown) : this.shown.includes(text));
    return until(found, `${text} in\n`).catch((error) => { throw new Error(`${error.message}${this.shown}`); });
  }
}

// A server of npm ws: {url, port, sockets, requests, wss, close()}. `on`: called with each socket.
export async function wsServer(on = () => {}, options = {}) {
  const server = options.server ?? http.createServer();
  const wss = new WebSocketServer({ ...options, server });
  const one = { wss, server, sockets: [], requests: [] };
  wss.on("connection", (socket, request) => {
    one.sockets.push(socket);
    one.requests.push(request);
    socket.on("error", () => {});
    on(socket, request);
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  one.port = server.address().port;
  one.url = `ws://127.0.0.1:${one.port}`;
  one.close = () => {
    for (const socket of wss.clients) socket.terminate();
    server.close();
    server.closeAllConnections?.();
  };
  return one;
}
