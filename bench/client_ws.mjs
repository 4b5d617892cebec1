// bench/client_ws.mjs: npm's ws as one of the clients of bench/clients.py. The arguments are in
// client_run.h; `idle` needs node --expose-gc.

import { createRequire } from "node:module";

const { WebSocket } = createRequire(new URL("../tests/", import.meta.url))("ws");

const [mode, port, ...numbers] = process.argv.slice(2);
const [connections, inFlight = 1, seconds = 2] = numbers.map(Number);
const [atOnce, warmupMs] = [50, 500];
const payload = "x".repeat(64);
let done = 0;
let begun = 0;
let usage;

function begin() {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  usage = { done, cpu: process.cpuUsage(), ns: process.hrtime.bigint(), heap: heapUsed + external };
}

function print(count) {
  const cpu = process.cpuUsage(usage.cpu);
  const us = cpu.user + cpu.system;
  const elapsedUs = Number(process.hrtime.bigint() - usage.ns) / 1000;
  const result = { client_us: us / (done - usage.done), client_busy: us / elapsedUs,
    per_second: ((done - usage.done) * 1e6) / elapsedUs };
  if (count) {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    result.heap_bytes = (heapUsed + external - usage.heap) / count;
  }
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}

const kept = [];

function next() {
  if (begun === connections) return;
  begun += 1;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
  if (mode !== "storm") kept.push(socket);
  socket.on("open", () => {
    if (mode === "storm") return socket.close(1000);
    for (let i = 0; i < (mode === "idle" ? 1 : inFlight); i += 1) socket.send(payload);
  });
  socket.on("message", (data) => {
    done += 1;
    if (mode === "echo") return socket.send(data, { binary: false });
    if (done === connections) print(connections - atOnce);
    else if (done === atOnce) start();
    else if (done > atOnce) next();
  });
  socket.on("close", () => {
    if (mode !== "storm") return;
    done += 1;
    if (done === connections) print();
    else next();
  });
  socket.on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
}

function start() {
  begin();
  for (let i = 0; i < atOnce; i += 1) next();
}

start();
if (mode === "echo") {
  setTimeout(begin, warmupMs);
  setTimeout(print, warmupMs + seconds * 1000);
}
