// Who the client is behind real proxies: the samples of docs/proxies.md, and curl's PROXY header.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";

import { certificate } from "./certificates.mjs";
import { open } from "./client.mjs";
import { forwarder } from "./proxies.mjs";
import { connects, freePort, patience, Program, repository, temporaryFolder, until, writeConfig } from "./server.mjs";

const guide = readFileSync(path.join(repository, "docs/proxies.md"), "utf8");
const samples = Object.fromEntries([...guide.matchAll(/^```\w+ (\S+)\n([^]*?)^```$/gm)].map(([, name, text]) => [name, text]));
const at = (text, port) => text.replaceAll("127.0.0.1:8080", `127.0.0.1:${port}`);

const key = "a-key-for-publishers";
const programs = [];
after(() => Promise.all(programs.map((program) => program.stop())));

// Starts the program with a sample, and more keys.
async function serve(sample, more = {}) {
  const port = await freePort();
  const file = writeConfig(yaml(at(samples[sample], port), more));
  const program = new Program("starling", ["serve", "--config", file], { port });
  programs.push(program);
  await program.ready(connects);
  return program;
}

function yaml(text, more) {
  const keys = { workers: 2, ...patience, websocket: [{ path: "/echo", kind: "echo" }], ...more };
  return text + Object.entries(keys).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`).join("");
}

// The peer in the program's next line about a request for `target`.
async function peerOf(program, target) {
  let found;
  await until(() => {
    found = program.output.split("\n").find((line) => line.includes(`target="${target}" `));
    return found;
  }, `a line about ${target}`);
  return /peer=(\S+)/.exec(found)[1];
}

let count = 0;
const target = () => `/healthz?n=${++count}`;

test("docs/proxies.md has these samples", () => {
  assert.deepEqual(Object.keys(samples), ["starling.yaml", "nginx.conf", "haproxy-http.cfg", "Caddyfile", "apache.conf", "traefik.toml", "proxy.yaml", "haproxy-tcp.cfg"]);
});

// Traefik is no package of Debian.
for (const [name, sample] of [["nginx", "nginx.conf"], ["haproxy", "haproxy-http.cfg"], ["caddy", "Caddyfile"], ["apache2", "apache.conf"]]) {
  test(`the address that ${name} adds is the client's`, async () => {
    const program = await serve("starling.yaml", { events: { enabled: true, api_key: key,
      channels: [{ pattern: "news", interval_s: 0 }] } });
    const front = await forwarder(name, at(samples[sample], program.port), "http");
    try {
      // Two hops of the client's own; the proxy appends the address from which the client came.
      const from = { localAddress: "127.0.0.7" };
      const asked = target();
      assert.equal(await get(front.port, asked, { "X-Forwarded-For": "203.0.113.9, 198.51.100.1" }, from), 200);
      assert.equal(await peerOf(program, asked), "127.0.0.7");
      // Without a proxy the field means nothing, but for a peer that is trusted.
      const direct = target();
      assert.equal(await get(program.port, direct, { "X-Forwarded-For": "203.0.113.9" }, from), 200);
      assert.equal(await peerOf(program, direct), "127.0.0.7");
      const client = await open(`ws://127.0.0.1:${front.port}/echo`);
      client.socket.send("through");
      assert.equal(await client.next(), "through");
      await client.close();
      await hears(front.port, program.port, "through");
    } finally {
      await front.stop();
    }
  });
}

for (const version of ["send-proxy", "send-proxy-v2"]) {
  for (const tls of [false, true]) {
    test(`haproxy with ${version}${tls ? ", TLS behind it" : ""}`, async () => {
      const made = tls && certificate(temporaryFolder(), "localhost");
      const program = await serve("proxy.yaml",
        tls ? { tls: { certificates: [{ cert: made.cert, key: made.key }] } } : {});
      const backend = at(samples["haproxy-tcp.cfg"], program.port).replace("send-proxy-v2", version);
      const front = await forwarder("haproxy", backend, "tcp");
      try {
        const asked = target();
        const options = { localAddress: "127.0.0.8", ...(tls ? { tls: true } : {}) };
        assert.equal(await get(front.port, asked, { "X-Forwarded-For": "203.0.113.9" }, options), 200);
        assert.equal(await peerOf(program, asked), "127.0.0.8");
        // The PROXY header is missing.
        assert.equal(await ended(program.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "");
      } finally {
        await front.stop();
      }
    });
  }
}

test("curl --haproxy-protocol", async () => {
  const program = await serve("proxy.yaml");
  const asked = target();
  const { stdout } = await promisify(execFile)("curl",
    ["-s", "--haproxy-protocol", "--interface", "127.0.0.9", `http://127.0.0.1:${program.port}${asked}`]).catch((error) => error);
  // The header names 127.0.0.9, but a connection from that address may not have one.
  assert.equal(stdout, "");
  await until(() => / warn  connections are closed for their PROXY header peer=127\.0\.0\.9 reason="the peer may not/.test(program.output),
    "the warning");
  const { stdout: served } = await promisify(execFile)("curl",
    ["-s", "--haproxy-protocol", `http://127.0.0.1:${program.port}${asked}`]);
  assert.match(served, /"status":"ok"/);
  assert.equal(await peerOf(program, asked), "127.0.0.1");
});

// A listener behind the proxy gets an event while its response goes on: no proxy keeps it back.
async function hears(front, direct, data) {
  let text = "";
  const listener = http.get({ host: "127.0.0.1", port: front, path: "/sse/ServerEvent?Ref=news", agent: false }, (response) => {
    response.setEncoding("utf8").on("data", (more) => { text += more; }).on("error", () => {});
  }).on("error", () => {});
  try {
    await until(async () => {
      const { status } = await fetch(`http://127.0.0.1:${direct}/api/publish`, { method: "POST",
        headers: { "X-Api-Key": key }, body: JSON.stringify({ channel: "news", event: data }) });
      assert.equal(status, 200);
      return text.includes(data);
    }, "the event");
  } finally {
    listener.destroy();
  }
}

// The status of a GET.
function get(port, asked, headers, { localAddress, tls = false }) {
  return promisify(execFile)("curl", ["-sk", "-o", path.join(temporaryFolder(), "body"), "-w", "%{http_code}",
    "--interface", localAddress, ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    `${tls ? "https" : "http"}://127.0.0.1:${port}${asked}`]).then(({ stdout }) => Number(stdout));
}

// What a peer gets that sends `bytes`.
function ended(port, bytes) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    let got = "";
    socket.on("data", (more) => { got += more; });
    socket.on("error", () => {});
    socket.on("close", () => resolve(got));
    socket.end(bytes);
  });
}
