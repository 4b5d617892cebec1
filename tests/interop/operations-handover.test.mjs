// Clients of Socket.IO, EventSources and plain requests while a new process takes over and while a server
// drains; a stop in the middle of a hand-over; the names of sockets that a service manager holds.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import http from "node:http";
import { test } from "node:test";

import { io } from "socket.io-client";
import { EventSource } from "undici";

import { deadline, open } from "./client.mjs";
import { runs, start, takeOver } from "./operations.mjs";
import { connects, freePort, run, until } from "./server.mjs";

const echo = [{ path: "/echo", kind: "echo" }];

// A client that publishes as soon as it has the answer to its last publication.
class Talker {
  acks = 0; connects = 0; refused = []; faults = []; reasons = [];
  constructor(url, options) {
    this.socket = io(url, { forceNew: true, retries: 50, ackTimeout: 2000, reconnectionDelay: 100, reconnectionDelayMax: 500, ...options });
    this.socket.on("connect", () => ++this.connects);
    this.socket.on("connect_error", (error) => this.refused.push(error.message));
    this.socket.on("disconnect", (reason) => this.reasons.push(reason));
  }
  talk() {
    this.waits = true;
    this.socket.emit("publish", "news", "hello", (error, answer) => {
      this.waits = false;
      if (error || answer.error) this.faults.push(error ?? answer.error);
      else ++this.acks;
      if (!this.quiet) this.timer = setTimeout(() => this.talk(), 50);
    });
  }
  end() { clearTimeout(this.timer); this.socket.disconnect(); }
}

const kinds = {
  websocket: { transports: ["websocket"] },
  polling: { transports: ["polling"] },
  upgrade: { transports: ["polling", "websocket"] },
};

class Listener {
  opens = 0; ends = 0; refused = false;
  constructor(url) {
    this.source = new EventSource(url);
    this.source.onopen = () => ++this.opens;
    this.source.onerror = () => { ++this.ends; this.refused ||= this.source.readyState === EventSource.CLOSED; };
  }
  end() { this.source.close(); }
}

// A request: {status, connection, text}.
const ask = (port, path, agent = false) => deadline(new Promise((resolve, reject) => {
  http.get({ host: "127.0.0.1", port, path, agent }, (answer) => {
    let text = "";
    answer.on("data", (bytes) => { text += bytes; });
    answer.on("end", () => resolve({ status: answer.statusCode, connection: answer.headers.connection, text }));
  }).on("error", reject);
}), path);

// No client was told to stay away. What a client that polls sends may cross the answer to its poll, and is refused.
function closedCleanly(talkers) {
  for (const [kind, some] of Object.entries(talkers)) {
    const reasons = [...new Set(some.flatMap((one) => one.reasons))];
    const allowed = kind === "websocket" ? ["transport close"] : ["transport close", "transport error"];
    assert.deepEqual(reasons.filter((one) => !allowed.includes(one)), [], kind);
  }
}

test("clients of Socket.IO and EventSources go on at the new process, and after a drain elsewhere", { timeout: 240_000 }, async (t) => {
  const count = 15;
  const config = { drain: { seconds: 2 }, socketio: [{ serve_client: false }],
    events: { enabled: true, channels: [{ pattern: "news", interval_s: 0, publishers: "anyone" }] } };
  const program = await start(t, config);
  const { server, logged } = program, url = server.url("/", "http");
  const talkers = Object.fromEntries(Object.entries(kinds).map(([kind, options]) =>
    [kind, Array.from({ length: count }, () => new Talker(url, options))]));
  const all = Object.values(talkers).flat();
  const listeners = Array.from({ length: count }, () => new Listener(server.url("/sse/ServerEvent?Ref=news", "http")));
  t.after(() => { for (const one of [...all, ...listeners]) one.end(); });
  await until(() => all.every((one) => one.connects === 1) && listeners.every((one) => one.opens === 1), "all clients");
  for (const one of all) one.talk();
  const handshake = await (await fetch(`${url}socket.io/?EIO=4&transport=polling`)).text();
  const { sid } = JSON.parse(handshake.slice(1));
  const poll = ask(server.port, `/socket.io/?EIO=4&transport=polling&sid=${sid}`);

  // Clients come all the time: some of them are in the middle of their upgrade.
  const newcomers = [];
  const coming = setInterval(() => newcomers.push(new Talker(url, kinds[newcomers.length % 2 ? "upgrade" : "websocket"])), 25);
  t.after(() => { clearInterval(coming); for (const one of newcomers) one.end(); });
  const pid = await takeOver(t, program);
  assert.equal((await poll).text, "1");  // The new process does not know the session.
  await until(() => newcomers.length > 40, "newcomers");
  clearInterval(coming);
  await until(() => !runs(server.pid), "the end of the old process");
  await until(() => all.every((one) => one.connects >= 2) && listeners.every((one) => one.opens >= 2)
    && newcomers.every((one) => one.socket.connected), "all clients to come back");
  const acks = all.map((one) => one.acks);
  await until(() => all.every((one, i) => one.acks > acks[i]), "further acks");
  for (const one of all) one.quiet = true;
  await until(() => all.every((one) => !one.waits), "every ack");
  assert.deepEqual(all.flatMap((one) => one.faults), []);
  assert.deepEqual(all.flatMap((one) => one.refused), []);
  assert.deepEqual(newcomers.filter((_, i) => i % 2 === 0).flatMap((one) => one.refused), []);
  assert.equal(listeners.some((one) => one.refused), false);
  closedCleanly(talkers);
  const health = JSON.parse((await ask(server.port, "/healthz")).text);
  assert.equal(health.socketio_sessions, all.length + newcomers.length);

  // The drain of the new process: a waiting poll is answered at once, and nobody is told to stay away.
  for (const one of all) one.reasons = [];
  for (const one of listeners) one.ends = 0;
  const second = JSON.parse((await (await fetch(`${url}socket.io/?EIO=4&transport=polling`)).text()).slice(1)).sid;
  const waiting = ask(server.port, `/socket.io/?EIO=4&transport=polling&sid=${second}`);
  process.kill(pid, "SIGTERM");
  await logged("draining", { count: 2 });
  assert.equal((await waiting).text, "1");
  await until(() => all.every((one) => one.reasons.length > 0) && listeners.every((one) => one.ends > 0), "the closes");
  await until(() => !runs(pid), "the end");
  closedCleanly(talkers);
  assert.ok([...all, ...newcomers].every(({ socket }) => socket.active));
  const next = await start(t, config, { port: server.port });
  await until(() => all.every((one) => one.socket.connected), "all clients at the next server");
  await next.server.stop();
});

// The new process waits for its configuration, until the test writes it.
function holdBack(file) {
  rmSync(file);
  execFileSync("mkfifo", [file]);
}

test("a stop before the new process is ready ends both", async (t) => {
  const { server, file, logged } = await start(t, { websocket: echo });
  const client = await open(server.url("/echo"));
  holdBack(file);
  server.signal("SIGUSR2");
  const { pid } = await logged("a new process starts");
  server.signal("SIGTERM");
  assert.equal((await client.closed).code, 1001);
  assert.deepEqual(await deadline(server.exited, "the end"), { code: 0, signal: null });
  assert.equal(runs(pid), false);
  assert.equal(await connects(server.port), false);
});

test("a new process that gets ready while the old one drains to its end is ended", async (t) => {
  const config = { websocket: echo, drain: { announce_s: 3600 } };
  const { server, file, logged, write } = await start(t, config);
  const client = await open(server.url("/echo"));
  holdBack(file);
  server.signal("SIGUSR2");
  const { pid } = await logged("a new process starts");
  server.signal("SIGTERM");
  await logged("draining");
  write({});  // It has a drain of its own, which is cut short.
  assert.equal((await logged("no hand-over: both processes end")).pid, pid);
  await until(() => !runs(pid), "the end of the new process");
  client.socket.send("still here");  // The old one goes on with its drain, and has its listening socket.
  assert.equal(await client.next(), "still here");
  await (await open(server.url("/echo"))).close();
  server.signal("SIGTERM");
  assert.deepEqual(await deadline(server.exited, "the end"), { code: 0, signal: null });
});

test("a stop of the old process after the hand-over leaves the new one at work", async (t) => {
  const program = await start(t, { websocket: echo, drain: { seconds: 3600 } });
  const { server, logged } = program;
  const clients = [await open(server.url("/echo")), await open(server.url("/echo"))];
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  assert.equal((await ask(server.port, "/readyz", agent)).status, 200);
  const pid = await takeOver(t, program);
  await logged("draining");
  // A connection that a proxy keeps: the answer is its last one, and tells nobody that the service ends.
  const { status, connection } = await ask(server.port, "/readyz", agent);
  assert.deepEqual([status, connection], [200, "close"]);
  server.signal("SIGTERM");
  for (const client of clients) assert.equal((await client.closed).code, 1012);
  await until(() => !runs(server.pid), "the end of the old process");
  const client = await open(server.url("/echo"));
  client.socket.send("hello");
  assert.equal(await client.next(), "hello");
  process.kill(pid, "SIGTERM");
  await logged("draining", { count: 2 });
  process.kill(pid, "SIGTERM");  // Without the rest of the drain.
  assert.equal((await client.closed).code, 1012);
  assert.deepEqual(await deadline(server.exited, "the end"), { code: 0, signal: null });  // Of both: the pipes are closed.
  await until(() => !runs(pid), "the end of the new process");
  await logged("stopped", { count: 2 });
});

test("names of a service manager's sockets choose the listener, also after a hand-over", async (t) => {
  const [port, admin, redirect] = [await freePort(), await freePort(), await freePort()];
  const script = "import os,socket,sys\n" +
    "for i,port in enumerate(sys.argv[1:4]):\n" +
    " s=socket.socket();s.bind(('127.0.0.1',int(port)));s.listen();os.dup2(s.fileno(),20+i,False)\n" +
    "for i in range(3): os.dup2(20+i,3+i);os.set_inheritable(3+i,True)\n" +
    "os.environ.update(LISTEN_FDS='3',LISTEN_PID=str(os.getpid()),LISTEN_FDNAMES='admin:starling.socket:redirect',STARLING_ADMIN__ENABLED='true')\n" +
    "os.execv(sys.argv[4],sys.argv[4:])";
  const program = await start(t, { websocket: echo, admin: { listen: `127.0.0.1:${await freePort()}`, key: "k" } },
    { port, prefix: ["python3", "-c", script, String(admin), String(port), String(redirect)] });
  const { server, logged } = program;
  const works = async () => {
    const client = await open(server.url("/echo"));
    client.socket.send("hello");
    assert.equal(await client.next(), "hello");
    await client.close();
    assert.equal((await ask(admin, "/admin/api/stats")).status, 401);
    assert.equal((await ask(redirect, "/x")).status, 308);
  };
  assert.equal((await logged("started")).admin, `http://localhost:${admin}`);
  await works();
  server.signal("SIGHUP");
  const { changed, needs_restart } = await logged("reloaded");
  assert.deepEqual([changed, needs_restart], ["", ""]);
  const pid = await takeOver(t, program);
  await until(() => !runs(server.pid), "the end of the old process");
  await works();
  const drained = await run(["admin", "drain", "--seconds", "0", "--url", `http://127.0.0.1:${admin}`], { env: { STARLING_KEY: "k" } });
  assert.equal(drained.code, 0, drained.stderr);
  assert.match(drained.stdout, /the server has ended\n$/);
  await until(() => !runs(pid), "the end");
});
