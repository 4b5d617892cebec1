// Real proxies in front of a program: those of Debian, with a short configuration that adds no header
// field by itself; Caddy and Apache add X-Forwarded-For always.

import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { connects, freePort, onExit, temporaryFolder, until } from "./server.mjs";

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

// Those that are started with the sample of docs/proxies.md alone.
const more = {
  caddy: (port, directives, folder) => ({
    args: ["run", "--adapter", "caddyfile", "--config", `${folder}/proxy.conf`],
    text: `{
  admin off
  auto_https off
  storage file_system ${folder}
}
:${port} {
  bind 127.0.0.1
${directives}}\n`,
  }),
  apache2: (port, directives, folder) => ({
    args: ["-f", `${folder}/proxy.conf`, "-D", "FOREGROUND"],
    text: `ServerRoot ${folder}
ServerName localhost
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
${["mpm_event", "authz_core", "headers", "proxy", "proxy_http"].map((one) =>
    `LoadModule ${one}_module /usr/lib/apache2/modules/mod_${one}.so`).join("\n")}
User nobody
Group nogroup
${directives}`,
  }),
};

// The same with TLS, and WebSockets.
const tlsConfigurations = {
  nginx: (port, to, folder, { cert, key }) => {
    const { args, text } = configurations.nginx(port, to, folder);
    return { args, text: text.replace(`listen 127.0.0.1:${port};`,
      `listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key};
       proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
       proxy_set_header Connection "upgrade"; proxy_set_header Host $http_host;`) };
  },
  haproxy: (port, to, folder, { cert, key }) => {
    const both = path.join(folder, "both.pem");
    writeFileSync(both, readFileSync(cert, "utf8") + readFileSync(key, "utf8"));
    const { args, text } = configurations.haproxy(port, to, folder);
    return { args, text: text.replace(`bind 127.0.0.1:${port}`, `bind 127.0.0.1:${port} ssl crt ${both}`) };
  },
};

// Starts a proxy with directives for its way to the program: of nginx for a location, of haproxy for
// a backend, of Caddy and Apache for a site. `mode`: "http" or "tcp".
export function forwarder(name, directives, mode) {
  const configure = (port, folder) => {
    if (more[name]) return more[name](port, directives, folder);
    const { args, text } = configurations[name](port, 1, folder);
    const changed = name === "nginx" ? text.replace("proxy_pass http://127.0.0.1:1;", directives)
      : text.replace("mode http", `mode ${mode}`).replace("  server one 127.0.0.1:1\n", directives);
    return { args, text: changed };
  };
  return start(name, configure, connects);
}

// Debian installs programs for root in these folders.
function executable(name) {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin"];
  const found = folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
  if (!found) throw new Error(`${name} is not installed (setup/packages.txt)`);
  return found;
}

// Starts a proxy that forwards everything to the port `to`: {port, stop()}.
export function proxy(name, to) {
  return start(name, (port, folder) => configurations[name](port, to, folder),
    (port) => fetch(`http://127.0.0.1:${port}/healthz`).then(({ ok }) => ok, () => false));
}

// The same, with a certificate of certificates.mjs.
export function tlsProxy(name, to, made) {
  return start(name, (port, folder) => tlsConfigurations[name](port, to, folder, made), connects);
}

// `configure(port, folder)`: {args, text}; `ready(port)`: whether it forwards.
export async function start(name, configure, ready) {
  const port = await freePort();
  const folder = temporaryFolder();
  const { args, text } = configure(port, folder);
  writeFileSync(path.join(folder, "proxy.conf"), text);
  const child = spawn(executable(name), args, { stdio: ["ignore", "ignore", "pipe"], detached: true });
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
    return ready(port);
  }, `${name} to forward`);
  return {
    port,
    stop() {
      // Apache would wait ten seconds for a response that goes on, in a process of its own.
      process.kill(-child.pid, name === "apache2" ? "SIGKILL" : "SIGTERM");
      return exited;
    },
  };
}
