// What Socket.IO's Admin UI costs the server for each message: acks of 200 clients, without it, with it, and
// with a page that looks (the client of npm @socket.io/admin-ui), in turn. Prints the ratios.
//
//   cmake --build build/release --target starling socketio_test_server
//   node bench/admin_ui.mjs [rounds]

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { io } = createRequire(path.join(root, "tests/package.json"))("socket.io-client");
const built = (name) => path.join(root, "build/release", name);
const rounds = Number(process.argv[2] ?? 3);

const kinds = {
  "without": { flags: [] },
  "on, no page": { flags: ["--admin-ui", "development"] },
  "production, a page": { flags: ["--admin-ui", "production-readonly"], page: true },
  "development, a page": { flags: ["--admin-ui", "development"], page: true },
};

// Microseconds of the server's CPU for each message.
async function measure({ flags, page }) {
  const server = spawn(built("socketio_test_server"), ["--port", "0", ...flags], { stdio: ["ignore", "pipe", "ignore"] });
  let words = "";
  const port = await new Promise((resolve) => {
    server.stdout.on("data", (text) => {
      words += text;
      const line = /^listening (\d+)$/m.exec(words);
      if (line) resolve(line[1]);
    });
  });
  const admin = page && io(`http://127.0.0.1:${port}/admin-ui`,
    { auth: { username: "admin", password: "changeit" }, transports: ["websocket"] });
  if (admin) await new Promise((resolve) => { admin.once("config", resolve); });
  const bench = spawn(built("starling"), ["bench", `ws://127.0.0.1:${port}/socket.io/`, "--scenario", "socketio-ack",
    "--connections", "200", "--rate", "5000", "--seconds", "5", "--server-pid", String(server.pid), "--json"],
  { stdio: ["ignore", "pipe", "inherit"] });
  let json = "";
  for await (const text of bench.stdout) json += text;
  admin?.close();
  server.kill("SIGKILL");
  const result = JSON.parse(json);
  return result.server_cpu.us;
}

const times = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]));
for (let i = 0; i < rounds; ++i) for (const name of Object.keys(kinds)) times[name].push(await measure(kinds[name]));
const median = (all) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];
for (const [name, all] of Object.entries(times))
  console.log(`${name.padEnd(22)} ${(median(all) / median(times.without)).toFixed(2)}`);
