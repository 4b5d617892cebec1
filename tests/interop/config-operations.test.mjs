// What an operator sees of the configuration in the running program: warnings, certificates that are read again, the
// redirecting listener, addresses of socket files, static files, Socket.IO's cookie and first packet.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { test } from "node:test";

import { certificate } from "./certificates.mjs";
import { start } from "./operations.mjs";
import { freePort, repository, run, serve, temporaryFolder, until, writeConfig } from "./server.mjs";
import { Wire } from "./wire.mjs";

const echo = [{ path: "/echo", kind: "echo" }];

// The whole answer to a GET on a connection of its own.
function get(port, { host = "127.0.0.1", route = "/", socketPath = undefined } = {}) {
  return new Promise((resolve, reject) => {
    const where = socketPath ? { socketPath } : { host: "127.0.0.1", port };
    http.get({ ...where, path: route, headers: { Host: host }, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => { body += text; });
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    }).on("error", reject);
  });
}

test("check-config labels warnings, and has none for the example", async () => {
  const example = path.join(repository, "packaging/starling.yaml");
  assert.equal((await run(["check-config", example])).stderr, "");
  const file = writeConfig("workers: 1\ndemo_data: a\nadmin: {key: short}\n");
  const { code, stderr } = await run(["check-config", file]);
  assert.equal(code, 0);
  assert.deepEqual(stderr.split("\n"), [
    `warning: ${file}:2: key 'demo_data': has no effect without demo: true`,
    `warning: ${file}:3: key 'admin.key': is easy to guess: it has 5 bytes, and should have 16 random ones at least`, ""]);
});

test("what a start would refuse, check-config refuses", async () => {
  const cases = [
    ["user: nobodyhere", "1: key 'user': there is no user 'nobodyhere'"],
    ['listen: [":80"]\nredirect: {listen: [":80"]}', "2: key 'redirect.listen[0]': is the same address as listen[0]"],
    ["socketio: [{kind: broadcast}]\nwebsocket: [{path: /socket.io/, kind: echo}]",
      "1: key 'socketio[0]': is the same path as websocket[0].path"],
    ["access_log: true\naccess_log_format: json\naccess_log_path: none/log",
      "3: key 'access_log_path': cannot open log file '"],
  ];
  for (const [text, line] of cases) {
    const file = writeConfig(text);
    const { code, stderr } = await run(["check-config", file]);
    assert.equal(code, 2);
    assert.ok(stderr.startsWith(`${file}:${line}`), stderr);
  }
});

test("a socket file is relative to the configuration, wherever the program starts", async (t) => {
  const port = await freePort();
  const server = await serve({ listen: ["unix:run.sock", `127.0.0.1:${port}`] }, { port });
  t.after(() => server.stop());
  const socketPath = path.join(path.dirname(server.config), "run.sock");
  assert.equal((await get(0, { route: "/healthz", socketPath })).status, 200);
});

test("SIGHUP says how many certificates were read, and how many cannot be used", async (t) => {
  const folder = temporaryFolder();
  const one = certificate(folder, "one.example"), two = certificate(folder, "two.example");
  const port = await freePort();
  const { server, logged } = await start(t, {
    listen: [{ address: `127.0.0.1:${port}`, tls: false }, { address: `127.0.0.1:${await freePort()}`, tls: true }],
    tls: { certificates: [one, two].map(({ cert, key }) => ({ cert, key })) } }, { port });
  server.signal("SIGHUP");
  const again = "certificate files were read again";
  assert.deepEqual((({ certificates, failed }) => [certificates, failed])(await logged(again)), [2, 0]);
  writeFileSync(two.cert, "no certificate");
  server.signal("SIGHUP");
  assert.deepEqual((({ certificates, failed }) => [certificates, failed])(await logged(again, { count: 2 })), [2, 1]);
  copyFileSync(one.cert, two.cert);
  copyFileSync(one.key, two.key);
  server.signal("SIGHUP");
  assert.equal((await logged(again, { count: 3 })).failed, 0);
});

test("the start names the redirecting listener, and the end the process", async (t) => {
  const redirect = await freePort();
  const { server, logged, lines } = await start(t, { websocket: echo, redirect: { listen: [`127.0.0.1:${redirect}`] },
    drain: { seconds: 1 } });
  assert.equal((await logged("started")).redirect, `http://localhost:${redirect}`);
  server.signal("SIGTERM");
  await server.exited;
  for (const msg of ["draining", "stopped"]) {
    assert.equal(lines().find((line) => line.msg === msg).pid, server.pid, msg);
  }
  const port = await freePort();
  const text = await serve({ websocket: echo, redirect: { listen: [`127.0.0.1:${port}`] } });
  t.after(() => text.stop());
  await until(() => text.stdout.includes(`redirecting to https: from http://localhost:${port}\n`), text.stdout);
});

test("the redirecting listener redirects each host that is served", async (t) => {
  const cases = [
    [{}, "www.example", 308],
    [{ unknown_host: "misdirected" }, "www.example", 421],
    [{ unknown_host: "misdirected" }, "shop.example", 308],
    [{ unknown_host: "not_found" }, "www.example", 404],
    [{ hosts: ["www.example"] }, "www.example", 308],
    [{ hosts: ["www.example"] }, "other.example", 421],
  ];
  for (const [keys, host, status] of cases) {
    const port = await freePort();
    const server = await serve({ sites: [{ hosts: ["shop.example"] }, { hosts: ["127.0.0.1"] }],
      redirect: { listen: [`127.0.0.1:${port}`] }, ...keys });
    t.after(() => server.stop());
    const answer = await get(port, { host });
    assert.equal(answer.status, status, JSON.stringify(keys));
    if (status !== 308) assert.match(answer.body, /no site has this host: 'hosts' and 'sites' name those there are/);
    await server.stop();
  }
});

test("the redirecting listener takes PROXY headers from its proxies alone", async (t) => {
  const port = await freePort();
  const server = await serve({ redirect: { listen: [`127.0.0.1:${port}`], proxy_protocol: { from: ["127.0.0.1"] } } });
  t.after(() => server.stop());
  const ask = async (...bytes) => {
    const wire = await Wire.connect(port);
    wire.write(...bytes);
    return (await wire.rest()).toString("latin1");
  };
  const request = "GET /a HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
  assert.match(await ask("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", request), /^HTTP\/1\.1 308 .*\r\nlocation: https:\/\/a\.example\/a\r\n/is);
  assert.equal(await ask(request), "");
});

test("static files have the types, the index and the Cache-Control of the configuration", async (t) => {
  const folder = temporaryFolder();
  const write = (name, text) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  };
  write("root/home.html", "the start");
  write("root/data.starling", "x".repeat(100));
  write("files/a.txt", "y".repeat(2000));
  const server = await serve({
    root: path.join(folder, "root"),
    static: { index: "home.html", cache_control: "public, max-age=60", types: [".starling: text/x-starling"], gzip_bytes_min: 10 },
    files: [{ path: "/files", root: path.join(folder, "files"), cache_control: "", compression: false }],
  });
  t.after(() => server.stop());
  const head = async (route) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${route}`);
    return { body: await response.text(), ...Object.fromEntries(response.headers) };
  };
  const index = await head("/");
  assert.deepEqual([index.body, index["cache-control"]], ["the start", "public, max-age=60"]);
  const data = await head("/data.starling");
  assert.match(data["content-type"], /^text\/x-starling/);
  const file = await head("/files/a.txt");
  assert.deepEqual([file["cache-control"], file["content-encoding"]], [undefined, undefined]);
});

test("Socket.IO sends the cookie and the first packet of the configuration", async (t) => {
  const server = await serve({ socketio: [{ kind: "broadcast", cookie: "io", initial_packet: "hello",
    cookie_options: { path: "/socket.io/", same_site: "strict", max_age_s: 9, http_only: false } }] });
  t.after(() => server.stop());
  const { headers, body } = await get(server.port, { route: "/socket.io/?EIO=4&transport=polling" });
  assert.match(headers["set-cookie"][0], /^io=[^;]+; Path=\/socket\.io\/; Max-Age=9; SameSite=Strict$/i);
  assert.match(body, /\x1e4hello$/);
});
