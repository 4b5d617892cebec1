// `starling serve` with a file that a test rewrites, and with its log as objects.

import { readFileSync } from "node:fs";

import { freePort, healthy, patience, Program, temporaryFolder, until, writeConfig } from "./server.mjs";

// {server, file, write, lines, logged}: `write` rewrites the file, as text or with other keys; `logged` waits for
// the line with that message, and with these fields.
export async function start(t, config, { args = [], prefix, port = undefined } = {}) {
  port ??= await freePort();
  const folder = temporaryFolder();
  const whole = (more) => ({ listen: [`127.0.0.1:${port}`], workers: 1, ...patience, log: { format: "json" }, ...config, ...more });
  const file = writeConfig(whole({}), folder);
  const server = new Program("starling", ["serve", "--config", file, ...args], { port, prefix });
  await server.ready(healthy);
  t.after(() => {
    // It holds the pipes that server.stop() waits for.
    if (server.successor && runs(server.successor)) process.kill(server.successor, "SIGKILL");
    return server.stop();
  });
  const lines = () => server.stderr.split("\n").slice(0, -1)  // The last one may be incomplete.
    .map((line) => JSON.parse(line));
  const logged = (msg, { count = 1, ...fields } = {}) => until(() => {
    const found = lines().filter((line) => line.msg === msg && Object.entries(fields).every(([name, value]) => line[name] === value));
    return found.length >= count && found.at(-1);
  }, `${msg}: ${server.stderr}`);
  await logged("started");
  return { server, file, lines, logged, write: (more) => writeConfig(typeof more === "string" ? more : whole(more), folder) };
}

// False also for a zombie: in a container, the first process may never wait for the orphans that it gets.
export function runs(pid) {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

// Sends SIGUSR2. Returns the id of the new process, which accepts connections; it ends with the test.
export async function takeOver(t, { server, logged }) {
  server.signal("SIGUSR2");
  const { pid } = await logged("a new process takes over");
  server.successor = pid;
  await logged("started", { pid });
  return pid;
}
