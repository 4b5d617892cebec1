// Real Redis servers for a test, on free ports and in folders of their own, and the program
// redis_test_client. Servers are ended by their process id.
//
// STARLING_REDIS_SERVER: the program of all servers, as build/valkey/valkey-server, in place of redis-server.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { freePort, onExit, repository, temporaryFolder, until } from "./server.mjs";

const run = promisify(execFile);
const server = process.env.STARLING_REDIS_SERVER ?? "redis-server";
// The program valkey-server: the one that setup/valkey has unpacked, or one in PATH; undefined without one.
export const valkey = [path.join(repository, "build/valkey"), ...(process.env.PATH ?? "").split(":")]
  .map((folder) => path.join(folder, "valkey-server")).find((file) => existsSync(file));
const build = path.resolve(repository, process.env.STARLING_BUILD ?? "build/release");

export class Redis {
  // `options`: words of redis-server. `unix`: on a Unix-domain socket, with no port. `tls`: {cert, key}.
  // `program`: in place of STARLING_REDIS_SERVER.
  static async start(t, options = [], { unix = false, tls, port, args = [], program = server } = {}) {
    const redis = new Redis();
    redis.program = program;
    redis.folder = temporaryFolder();
    redis.port = unix ? 0 : port ?? await freePort();
    redis.path = unix ? path.join(redis.folder, "redis.sock") : undefined;
    redis.cli_args = unix ? ["-s", redis.path] : ["-h", "127.0.0.1", "-p", String(redis.port)];
    const where = unix ? ["--port", "0", "--unixsocket", redis.path]
      : tls ? ["--port", "0", "--tls-port", String(redis.port), "--tls-cert-file", tls.cert,
        "--tls-key-file", tls.key, "--tls-ca-cert-file", tls.cert, "--tls-auth-clients", "no"]
        : ["--port", String(redis.port)];
    if (tls) redis.cli_args.push("--tls", "--cacert", tls.cert, "--sni", "localhost");
    redis.cli_args.push(...args);
    redis.words = ["--bind", "127.0.0.1", "--save", "", "--daemonize", "no", "--dir", redis.folder,
      ...where, ...options];
    t.after(() => redis.kill());
    await redis.restart();
    return redis;
  }
  // Starts the server again at the same place.
  async restart() {
    this.child = spawn(this.program, this.words, { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout.resume();
    this.child.stderr.resume();
    onExit(this.child);
    await until(() => this.cli("PING").then((text) => /PONG|NOAUTH|LOADING|NOPERM/.test(text),
      () => false), this.program);
  }
  async cli(...words) {
    const { stdout } = await run("redis-cli", [...this.cli_args, ...words.map(String)]);
    return stdout.trim();
  }
  signal(name) { this.child.kill(name); }
  async kill() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await closed;
  }
}

// A Sentinel that watches `master`, which has the name "m". With `tls` it knows hosts by name, as the certificate
// does.
async function sentinel(t, master, tls) {
  const folder = temporaryFolder();
  const port = await freePort();
  const file = path.join(folder, "sentinel.conf");
  writeFileSync(file, (tls ? `port 0\ntls-port ${port}\ntls-cert-file ${tls.cert}\ntls-key-file ${tls.key}\n`
    + `tls-ca-cert-file ${tls.cert}\ntls-auth-clients no\ntls-replication yes\n`
    + "sentinel resolve-hostnames yes\nsentinel announce-hostnames yes\n" : `port ${port}\n`)
    + `bind 127.0.0.1\ndir ${folder}\n`
    + `sentinel monitor m ${tls ? "localhost" : "127.0.0.1"} ${master.port} 1\n`
    + "sentinel down-after-milliseconds m 500\nsentinel failover-timeout m 5000\n");
  const child = spawn(master.program, [file, "--sentinel"], { stdio: "ignore" });
  onExit(child);
  t.after(() => child.kill("SIGKILL"));
  const cli = async (...words) => (await run("redis-cli", ["-h", "127.0.0.1", "-p", String(port),
    ...(tls ? ["--tls", "--cacert", tls.cert, "--sni", "localhost"] : []), ...words])).stdout.trim();
  await until(() => cli("PING").then((text) => text === "PONG", () => false), "Sentinel");
  return { port, cli };
}

// A master and its replica, and a Sentinel that watches them.
export async function watched(t, { tls, program } = {}) {
  const replication = tls ? ["--tls-replication", "yes", "--replica-announce-ip", "localhost"] : [];
  const master = await Redis.start(t, replication, { tls, program });
  const replica = await Redis.start(t,
    [...replication, "--replicaof", `${tls ? "localhost" : "127.0.0.1"} ${master.port}`], { tls, program });
  await until(async () => (await replica.cli("INFO", "replication")).includes("master_link_status:up"),
    "the replica");
  const watch = await sentinel(t, master, tls);
  await until(async () => (await watch.cli("SENTINEL", "REPLICAS", "m")).includes(`${replica.port}`),
    "the Sentinel to know the replica");
  return { master, replica, watch };
}

// Three masters that share the slots.
export async function cluster(t, { tls, program } = {}) {
  const nodes = [];
  const secure = tls ? ["--tls-cluster", "yes", "--cluster-announce-hostname", "localhost",
    "--cluster-preferred-endpoint-type", "hostname"] : [];
  for (let i = 0; i < 3; ++i) {
    const bus = await freePort();
    nodes.push(await Redis.start(t, ["--cluster-enabled", "yes", "--cluster-port", String(bus),
      "--cluster-node-timeout", "2000", ...secure], { tls, program }));
    nodes[i].bus = bus;
  }
  for (const node of nodes.slice(1))
    await nodes[0].cli("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus);
  const bounds = [0, 5461, 10923, 16384];
  for (const [i, node] of nodes.entries()) {
    await node.cli("CLUSTER", "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1);
    node.id = await node.cli("CLUSTER", "MYID");
  }
  for (const node of nodes)
    await until(async () => {
      const info = await node.cli("CLUSTER", "INFO");
      return info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:3")
        && (await node.cli("CLUSTER", "SLOTS")).split(node.id).length === 2;
    }, "the cluster");
  return nodes;
}

// Moves the slot of `key`, with its keys, to the next of the three masters, key by key.
export async function moveSlot(nodes, key) {
  const slot = Number(await nodes[0].cli("CLUSTER", "KEYSLOT", key));
  const from = nodes.findIndex((_, i) => [5461, 10923, 16384][i] > slot);
  const to = (from + 1) % 3;
  await nodes[to].cli("CLUSTER", "SETSLOT", slot, "IMPORTING", nodes[from].id);
  await nodes[from].cli("CLUSTER", "SETSLOT", slot, "MIGRATING", nodes[to].id);
  for (;;) {
    const keys = (await nodes[from].cli("CLUSTER", "GETKEYSINSLOT", slot, 1)).split("\n").filter(Boolean);
    if (keys.length === 0) break;
    await nodes[from].cli("MIGRATE", "127.0.0.1", nodes[to].port, keys[0], 0, 5000);
  }
  const wrong = [to, from, 3 - from - to];
  // What the old owner had said of the slot before may reach another node afterwards: then it is said again.
  await until(async () => {
    for (const i of wrong.splice(0)) await nodes[i].cli("CLUSTER", "SETSLOT", slot, "NODE", nodes[to].id);
    for (const [i, node] of nodes.entries()) if (await ownerOf(node, slot) !== nodes[to].id) wrong.push(i);
    return wrong.length === 0;
  }, "the nodes to agree about the slot");
  return { slot, from, to };
}

// The id of the node that owns the slot, as this node knows it.
async function ownerOf(node, slot) {
  for (const line of (await node.cli("CLUSTER", "NODES")).split("\n")) {
    const [id, , , , , , , , ...ranges] = line.trim().split(" ");
    for (const range of ranges) {
      const [first, last = first] = range.split("-").map(Number);
      if (first <= slot && slot <= last) return id;
    }
  }
  return null;
}

// redis_test_client: write() a command, wait for lines.
export class Client {
  constructor(t, url, ...options) {
    this.lines = [];
    this.at = 0;
    this.child = spawn(path.join(build, "redis_test_client"), [url, ...options],
      { stdio: ["pipe", "pipe", "pipe"] });
    onExit(this.child);
    this.child.stdin.on("error", () => {});
    t.after(() => this.child.kill("SIGKILL"));
    let rest = "";
    this.stderr = "";
    this.child.stderr.on("data", (text) => { this.stderr += text; });
    this.child.stdout.on("data", (text) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop();
      this.lines.push(...parts);
    });
  }
  write(...lines) { this.child.stdin.write(lines.join("\n") + "\n"); }
  // The next line that begins with `start`; the lines before it are passed over.
  async line(start) {
    return until(() => {
      if (this.child.exitCode) throw new Error(`the client has ended: ${this.stderr}`);
      const found = this.lines.findIndex((line, i) => i >= this.at && line.startsWith(start));
      if (found < 0) return null;
      this.at = found + 1;
      return this.lines[found];
    }, `a line "${start}" of the client, after:\n${this.lines.slice(-20).join("\n")}`);
  }
  async ask(line, answer) {
    this.write(line);
    return this.line(answer);
  }
  all(start) { return this.lines.filter((line) => line.startsWith(start)); }
}
