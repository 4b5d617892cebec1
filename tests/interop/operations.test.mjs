// What operators do to a running server: its log lines, reload, drain, a new process that takes over,
// sockets of a service manager, the access log.

import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { test } from "node:test";

import { deadline, open, refusal } from "./client.mjs";
import { runs, start } from "./operations.mjs";
import { freePort, healthy, Program, run, serve, temporaryFolder, until, writeConfig } from "./server.mjs";

const echo = [{ path: "/echo", kind: "echo" }];
const ops = "ops-key";

const stripped = ({ time, ...rest }) => rest;

test("start, reload and stop are one line each, and JSON is all there is", async (t) => {
  const { server, logged, write, lines } = await start(t, { websocket: echo, events: { enabled: true } });
  const started = await logged("started");
  assert.equal(started.addresses, `http://localhost:${server.port}`);
  assert.deepEqual([started.level, started.workers, started.pid], ["info", 1, server.pid]);
  assert.match((await logged("a key was made for this run")).key, /^\S{20,}$/);
  assert.equal(server.stdout, "");

  write({ workers: 2, log: { format: "json", level: "debug" }, origins: ["https://a.example"],
    limits: { messages: { per_second: 100 } } });
  server.signal("SIGHUP");
  assert.deepEqual(stripped(await logged("reloaded")), { level: "info", msg: "reloaded",
    changed: "limits.messages.per_second log.level", needs_restart: "workers origins" });
  server.signal("SIGHUP");
  assert.equal((await logged("reloaded", { count: 2 })).changed, "");

  server.signal("SIGTERM");
  assert.deepEqual(await deadline(server.exited, "the end"), { code: 0, signal: null });
  assert.equal(lines().at(-1).msg, "stopped");
});

test("a fault of the start is JSON as well", async () => {
  const file = writeConfig("workers: 1\nwokers: 2\n");
  const { code, stdout, stderr } = await run(["serve", "--config", file, "--log-format", "json"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.equal(JSON.parse(stderr).msg, `${file}:2: key 'wokers': is not known (did you mean 'workers'?)`);
});

test("a reload with a broken file changes nothing, and one line says where", async (t) => {
  const { server, file, logged, write, lines } = await start(t, { websocket: echo });
  const client = await open(server.url("/echo"));
  for (const [text, line] of [["workers: 1\nwokers: 2\n", "2: key 'wokers': is not known (did you mean 'workers'?)"],
    ["workers: 1\nwebsocket:\n  - {path: '/:a', kind: echo}\n  - {path: '/:b', kind: echo}\n", "4: key 'websocket[1].path': "],
    ["workers: 1\n\tlisten: [\n", "2: not valid: "]]) {
    const before = lines().length;
    write(text);
    server.signal("SIGHUP");
    const { level, reason } = await until(() => lines()[before], "the line");
    assert.equal(level, "error");
    assert.ok(reason.startsWith(`${file}:${line}`), reason);
  }
  client.socket.send("still here");
  assert.equal(await client.next(), "still here");
  write({ websocket: [{ ...echo[0], origins: ["https://a.example"] }] });
  const page = { headers: { Origin: "https://a.example" } };
  assert.equal((await refusal(server.url("/echo"), [], page)).status, 403);
  server.signal("SIGHUP");
  assert.equal((await logged("reloaded")).changed, "websocket[0].origins");
  await (await open(server.url("/echo"), [], page)).close();
  await client.close();
});

test("a reload takes over channels and keys", async (t) => {
  const events = (api_key, pattern) => ({ events: { enabled: true, api_key, channels: [{ pattern }] } });
  const { server, logged, write } = await start(t, events("first", "old"));
  const publish = async (key, channel) => (await fetch(server.url("/api/publish", "http"), { method: "POST",
    headers: { "X-Api-Key": key, "Content-Type": "application/json" }, body: JSON.stringify({ channel, event: "x" }) })).status;
  assert.equal(await publish("first", "old"), 200);
  write(events("second", "new"));
  server.signal("SIGHUP");
  assert.equal((await logged("reloaded")).changed, "events.api_key events.channels[0].pattern");
  assert.deepEqual([await publish("first", "new"), await publish("second", "new")], [401, 200]);
});

test("a reload takes over proxies, times and limits of requests, limits of the redirecting listener, and the drain", async (t) => {
  const log = path.join(temporaryFolder(), "access.log"), redirect = await freePort();
  const config = { access_log: true, access_log_format: "common", access_log_path: log,
    redirect: { listen: [`127.0.0.1:${redirect}`] } };
  const { server, logged, write } = await start(t, config);
  const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => kept.destroy());
  const get = (port, route, { address, agent = false } = {}) => deadline(new Promise((resolve) => {
    http.get({ host: "127.0.0.1", port, path: route, agent, headers: address ? { "X-Forwarded-For": address } : {} },
      (answer) => answer.resume().on("end", () => resolve(answer.statusCode))).on("error", () => resolve(0));
  }), route);
  // Whom the access log names for a request of `route`.
  const client = (route) => until(() => {
    const line = readFileSync(log, "utf8").split("\n").find((one) => one.includes(` ${route} `));
    return line?.split(" ")[0];
  }, `${route} in the log`);
  const both = [[server.port, "main"], [redirect, "redirect"]];
  for (const [port, name] of both) await get(port, `/${name}1`, { address: "192.0.2.1", agent: kept });
  assert.deepEqual(await Promise.all(both.map(([, name]) => client(`/${name}1`))), ["127.0.0.1", "127.0.0.1"]);

  write({ trusted_proxies: ["127.0.0.1"], http: { target_bytes_max: 100, cors: { origins: ["*"] } }, drain: { announce_s: 3600 } });
  server.signal("SIGHUP");
  const { changed, needs_restart } = await logged("reloaded");
  assert.equal(needs_restart, "http.cors.origins");
  assert.ok(["drain.announce_s", "http.target_bytes_max", "trusted_proxies"].every((key) => changed.split(" ").includes(key)), changed);
  for (const [port, name] of both) {
    await get(port, `/${name}2`, { address: "192.0.2.2", agent: kept });  // On a connection that was open before.
    await get(port, `/${name}3`, { address: "192.0.2.3" });
    assert.deepEqual([await client(`/${name}2`), await client(`/${name}3`)], ["192.0.2.2", "192.0.2.3"]);
    assert.equal(await get(port, `/${"x".repeat(200)}`), 414);
  }
  assert.deepEqual(await Promise.all(both.map(([, name]) => client(`/${name}1`))), ["127.0.0.1", "127.0.0.1"]);

  // A limit of open connections, by the address that the proxy names. The listeners count apart.
  write({ trusted_proxies: ["127.0.0.1"], limits: { connections_per_address_max: 1 }, drain: { announce_s: 3600 } });
  server.signal("SIGHUP");
  await logged("reloaded", { count: 2 });
  for (const [port, , served] of [[server.port, "main", 404], [redirect, "redirect", 308]]) {
    const statuses = [await get(port, "/", { address: "192.0.2.4", agent: kept })];
    statuses.push(await get(port, "/", { address: "192.0.2.4" }), await get(port, "/", { address: "192.0.2.5" }));
    assert.deepEqual(statuses, [served, 429, served]);
  }
  // Without the limit again, everybody is served.
  write({ trusted_proxies: ["127.0.0.1"], drain: { announce_s: 3600 } });
  server.signal("SIGHUP");
  await logged("reloaded", { count: 3 });
  assert.equal(await get(redirect, "/", { address: "192.0.2.4" }), 308);

  // The drain that the first of these files has brought.
  server.signal("SIGTERM");
  assert.equal((await logged("draining")).announce_s, 3600);
  assert.equal(await get(server.port, "/readyz"), 503);
});

test("starling drain announces, closes evenly with 1012, and shows how it goes", async (t) => {
  const server = await serve({ websocket: echo }, { admin: { key: ops } });
  t.after(() => server.stop());
  const clients = await Promise.all(Array.from({ length: 20 }, () => open(server.url("/echo"))));
  const drained = new Program("starling", ["drain", "--url", `http://127.0.0.1:${server.adminPort}`,
    "--announce-s", "1", "--seconds", "1"], { env: { STARLING_KEY: ops } });
  const ready = () => fetch(server.url("/readyz", "http")).then((answer) => answer.status, () => 0);
  await until(async () => (await ready()) === 503, "readiness to fail");
  clients[0].socket.send("still here");
  assert.equal(await clients[0].next(), "still here");
  for (const client of clients) {
    assert.deepEqual(await client.closed, { code: 1012, reason: "the server restarts" });
  }
  assert.deepEqual(await deadline(server.exited, "the end"), { code: 0, signal: null });
  assert.equal((await deadline(drained.exited, "starling drain")).code, 0, drained.stderr);
  assert.match(drained.stdout, /^announced: 2\d connections, \d.*\n[^]*the server has ended\n$/);
});

// The admin's listener ends last: what asks then gets 503, from it or from a proxy in front.
test("starling drain takes the 503 of a listener that ends for the end", async (t) => {
  for (const [status, code, words] of [[503, 0, /the server has ended\n$/], [502, 0, /the server has ended\n$/],
    [401, 1, /^starling drain: 401: .*--key/]]) {
    const admin = http.createServer((request, answer) => {
      answer.statusCode = request.method === "POST" ? 200 : status;
      answer.end(JSON.stringify({ state: "closing", connections: 1, seconds_left: 1 }));
    }).listen(0, "127.0.0.1");
    t.after(() => admin.close());
    await once(admin, "listening");
    const drained = await run(["drain", "--url", `http://127.0.0.1:${admin.address().port}`]);
    assert.equal(drained.code, code);
    assert.match(drained.stdout, /^closing: 1 connections, 1 s left\n/);
    assert.match(code === 0 ? drained.stdout : drained.stderr, words);
  }
});

// A client that keeps sending, and that comes back at once when it is closed. What was not answered
// is sent again, as Socket.IO's `retries` does it.
class Steady {
  answered = 0; sent = 0; opened = 0; refused = 0; codes = new Set();
  constructor(url) { this.url = url; }
  async connect() {
    try {
      this.client = await open(this.url);
    } catch {
      ++this.refused;
      return;
    }
    ++this.opened;
    this.client.socket.removeAllListeners("message");
    this.client.socket.on("message", (data) => {
      if (Number(data) === this.sent) this.answered = this.sent;
    });
    this.client.socket.on("close", (code) => {
      if (this.over) return;
      this.codes.add(code);
      this.connect();
    });
    if (this.sent > this.answered) this.client.socket.send(String(this.sent));
  }
  send() {
    if (this.answered < this.sent || this.client.socket.readyState !== 1) return;
    this.client.socket.send(String(++this.sent));
  }
  end() { this.over = true; this.client.end(); }
}

test("a new process takes 5,000 clients over: none is refused, and no answer is lost", { timeout: 240_000 }, async (t) => {
  const count = 5000;
  const { server, logged, lines } = await start(t, { websocket: echo, drain: { seconds: 3 } });
  const clients = Array.from({ length: count }, () => new Steady(server.url("/echo")));
  for (let i = 0; i < count; i += 250) {
    await Promise.all(clients.slice(i, i + 250).map((client) => client.connect()));
  }
  assert.equal(clients.filter(({ opened }) => opened === 1).length, count);
  const sending = setInterval(() => { for (const client of clients) client.send(); }, 500);
  server.signal("SIGUSR2");
  const { pid } = await logged("a new process takes over");
  try {
    await takenOver(server, pid, lines, clients, sending);
  } finally {
    clearInterval(sending);
    for (const client of clients) client.end();
    process.kill(pid, "SIGKILL"); // It holds the pipes that `server.exited` waits for.
  }
});

async function takenOver(server, pid, lines, clients, sending) {
  await until(() => lines().find((line) => line.msg === "started" && line.pid === pid), "the new process");
  await until(() => !runs(server.pid), "the end of the old process", 120_000);
  await until(() => clients.every(({ opened, refused }) => opened + refused >= 2), "all clients to come back", 120_000);
  clearInterval(sending);
  for (const client of clients) client.send();
  await until(() => clients.every(({ sent, answered }) => sent === answered), "every answer", 120_000);
  assert.equal(clients.filter(({ refused }) => refused > 0).length, 0);
  assert.deepEqual([...new Set(clients.flatMap(({ codes }) => [...codes]))], [1012]);
  const health = await (await fetch(server.url("/healthz", "http"))).json();
  assert.equal(health.websockets, clients.length);
}

test("a new process that cannot start leaves the old one at work", async (t) => {
  const { server, logged, write, lines } = await start(t, { websocket: echo });
  write({ wokers: 1 });
  server.signal("SIGUSR2");
  assert.equal((await logged("no hand-over: this process goes on")).reason, "the new process has ended: exit code 2");
  assert.equal(lines().some(({ msg }) => msg === "a new process takes over"), false);
  const client = await open(server.url("/echo"));
  client.socket.send("still here");
  assert.equal(await client.next(), "still here");
  await client.close();
});

test("sockets of a service manager are used", async (t) => {
  const port = await freePort();
  const file = writeConfig({ listen: [`127.0.0.1:${port}`], workers: 2, websocket: echo });
  // Listens, and becomes the server, as systemd does it.
  const script = "import os,socket,sys\n" +
    "s=socket.socket();s.bind(('127.0.0.1',int(sys.argv[1])));s.listen()\n" +
    "os.dup2(s.fileno(),3);os.set_inheritable(3,True)\n" +
    "os.environ.update(LISTEN_FDS='1',LISTEN_PID=str(os.getpid()))\n" +
    "os.execv(sys.argv[2],sys.argv[2:])";
  const server = new Program("starling", ["serve", "--config", file],
    { port, prefix: ["python3", "-c", script, String(port)] });
  await server.ready(healthy);
  t.after(() => server.stop());
  const client = await open(server.url("/echo"));
  client.socket.send("hello");
  assert.equal(await client.next(), "hello");
  await client.close();
  assert.equal((await run(["serve", "--config", file])).code, 2, "the address is taken");
});

test("the access log has a file and a format, and SIGUSR1 opens it again", async (t) => {
  const folder = temporaryFolder(), log = path.join(folder, "access.log");
  const { server } = await start(t, { websocket: echo, access_log: true, access_log_format: "combined",
    access_log_path: log, trusted_proxies: ["127.0.0.1"] });
  const get = () => new Promise((resolve) => {
    http.get({ port: server.port, path: "/healthz?token=hidden", agent: false,
      headers: { "X-Forwarded-For": "192.0.2.7", Referer: "https://a.example/?key=hidden", "User-Agent": "a \"b\"" } },
    (answer) => answer.resume().on("end", resolve));
  });
  const line = /^192\.0\.2\.7 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/healthz\?token=\*\*\* HTTP\/1\.1" 200 \d+ "https:\/\/a\.example\/\?key=\*\*\*" "a \\"b\\""$/m;
  await get();
  await until(() => line.test(readFileSync(log, "utf8")), "the line");
  renameSync(log, `${log}.1`);
  server.signal("SIGUSR1");
  const read = () => { try { return readFileSync(log, "utf8"); } catch { return ""; } };
  await until(async () => { await get(); return line.test(read()); }, "a line in the new file");
});

test("rights are given up once the addresses are bound", { skip: process.getuid() !== 0 && "needs root" }, async (t) => {
  const folder = temporaryFolder(), secret = path.join(folder, "key");
  writeFileSync(secret, "k".repeat(32), { mode: 0o600 });
  const redirect = await freePort(), acme = path.join(folder, "acme"), hidden = path.join(folder, "hidden");
  chmodSync(folder, 0o755);
  mkdirSync(acme, { mode: 0o755 });
  mkdirSync(hidden, { mode: 0o700 });
  writeFileSync(path.join(acme, "token"), "challenge", { mode: 0o644 });
  const program = await start(t, { websocket: echo, user: "nobody", auth: { keys: [{ path: secret }] },
    files: [{ path: "/hidden", root: hidden }], redirect: { listen: [`127.0.0.1:${redirect}`], acme_root: acme } });
  const { server, logged } = program;
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  const [, ids] = /^Uid:\t(.*)$/m.exec(status);
  assert.equal(new Set(ids.split("\t")).size, 1);
  assert.notEqual(ids.split("\t")[0], "0");
  assert.equal((await logged("a reload will not be able to use a file")).level, "warn");
  assert.equal((await logged("files of a folder cannot be served: its user cannot read it")).folder, hidden);
  // The redirecting listener was bound before, and serves the challenges as that user.
  const at = async (route) => {
    const answer = await fetch(`http://127.0.0.1:${redirect}${route}`, { redirect: "manual" });
    return [answer.status, await answer.text()];
  };
  assert.equal((await at("/page"))[0], 308);
  assert.deepEqual(await at("/.well-known/acme-challenge/token"), [200, "challenge"]);
  const wrong = writeConfig({ listen: [`127.0.0.1:${await freePort()}`], user: "no-such-user" });
  const { code, stderr } = await run(["serve", "--config", wrong]);
  assert.equal(code, 2);
  assert.match(stderr, /key 'user': there is no user 'no-such-user'/);
});

test("starling serve alone says what to do", async (t) => {
  const port = await freePort();
  const server = new Program("starling", ["serve", "--listen", `127.0.0.1:${port}`], { port });
  await server.ready(healthy);
  t.after(() => server.stop());
  await until(() => /nothing is served but \/healthz and \/readyz: name a configuration with --config FILE/.test(server.stderr),
    "the advice");
});
