// Real proxies in front of a program: Debian's nginx and haproxy, with a short configuration that
// adds no header field.

import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";

import { freePort, onExit, temporaryFolder, until } from "./server.mjs";

const configurations = {
  nginx: (port, to, folder) => ({
    args: ["-p", folder, "-e", `${folder}/error.log`, "-c", `${folder}/proxy.conf`],
    text: `daemon off; master_process off; pid ${folder}/pid; worker_processes 1;
      events { worker_connections 64; }
      http {
        access_log off;
        client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
        server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${to}; } }
      }\n`,
  }),
  haproxy: (port, to, folder) => ({
    args: ["-db", "-f", `${folder}/proxy.conf`],
    text: `global
  maxconn 64
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:${port}
  default_backend program
backend program
  server one 127.0.0.1:${to}\n`,
  }),
};
export const proxies = Object.keys(configurations);

// Debian installs programs for root in these folders.
function executable(name) {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin"];
  const found = folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
  if (!found) throw new Error(`${name} is not installed (setup/packages.txt)`);
  return found;
}

// Starts a proxy that forwards everything to the port `to`: {port, stop()}.
export async function proxy(name, to) {
  const port = await freePort();
  const folder = temporaryFolder();
  const { args, text } = configurations[name](port, to, folder);
  writeFileSync(path.join(folder, "proxy.conf"), text);
  const child = spawn(executable(name), args, { stdio: ["ignore", "ignore", "pipe"] });
  onExit(child);
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (more) => { output += more; });
  let ended = false;
  const exited = new Promise((resolve) => {
    child.on("close", () => {
      ended = true;
      resolve();
    });
  });
  await until(async () => {
    if (ended) throw new Error(`${name} ended before it was ready:\n${output}`);
    return fetch(`http://127.0.0.1:${port}/healthz`).then(({ ok }) => ok, () => false);
  }, `${name} to forward`);
  return { port, stop() { child.kill("SIGTERM"); return exited; } };
}
