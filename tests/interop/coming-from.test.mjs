// The samples of docs/coming-from.md and docs/server.md: those in C++ are parts of guide_server.cpp, which runs here;
// the others run as they stand, but for their ports. The samples of docs/index.md run in browser/docs.test.mjs.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { Application } from "../applications/application.mjs";
import { open } from "./client.mjs";
import { request } from "./gateway.mjs";
import { Program, connects, freePort, repository, serve, temporaryFolder, until, writeConfig } from "./server.mjs";

const execute = promisify(execFile);
const text = (name) => readFileSync(path.join(repository, name), "utf8");
const samplesOf = (name) => Object.fromEntries([...text(`docs/${name}`)
  .matchAll(/^```\w+ (\S+)\n([^]*?)^```$/gm)].map(([, what, sample]) => [what, sample]));
const samples = samplesOf("coming-from.md");

// Runs a client of the guide against a port; returns what it prints.
async function client(name, from, port) {
  const file = path.join(temporaryFolder(), name);
  writeFileSync(file, samples[name].replaceAll(`localhost:${from}`, `127.0.0.1:${port}`)
    .replace(/from "(ws|socket\.io-client)"/g, (_, one) => `from ${JSON.stringify(import.meta.resolve(one))}`));
  return new Program(file, [], { prefix: [process.execPath] });
}

const shell = async (sample, from, port) => (await execute("bash", ["-c",
  sample.replaceAll(`localhost:${from}`, `127.0.0.1:${port}`)])).stdout;

// The configuration of a sample, on another port.
const start = async (sample, from) => {
  const port = await freePort();
  const file = writeConfig(sample.replace(`127.0.0.1:${from}`, `127.0.0.1:${port}`));
  const program = new Program("starling", ["serve", "--config", file], { port,
    env: { STARLING_ADMIN__ENABLED: "false" } });
  return program.ready(connects);
};

test("every C++ sample is a part of the server below", () => {
  const dense = (one) => one.replace(/\s/g, "");
  const server = dense(text("tests/interop/guide_server.cpp"));
  const found = ["coming-from.md", "server.md"].flatMap((name) => [...text(`docs/${name}`).matchAll(/^```cpp\n([^]*?)^```$/gm)]);
  assert.equal(found.length, 9);
  for (const [, sample] of found) assert.ok(server.includes(dense(sample)), sample);
});

describe("the server of the C++ samples", () => {
  let server;
  before(async () => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, "map.geojson"), "{}");
    const port = await freePort();
    server = await new Program("guide_test_server", [String(port), folder], { port }).ready(connects);
  });
  after(() => server?.stop());
  const get = (target, options) => request(server.port, { path: target, ...options });

  test("ws: the client of the guide, and who leaves", async () => {
    const other = await open(server.url("/"));
    const one = await client("ws-client.mjs", 3000, server.port);
    await one.exited;
    assert.equal(one.stdout, "Ada:hello\n");
    assert.equal(await other.next(), "Ada:hello");
    assert.equal(await other.next(), "Ada下线了!");
    other.end();
  });

  test("Socket.IO: the client of the guide", async () => {
    const one = await client("socketio-client.mjs", 3000, server.port);
    await one.exited;
    assert.equal(one.stdout, "hello world\nwoot tobi\ntrue psst\n");
  });

  test("SignalR: the client of the guide", async () => {
    const one = await client("signalr-client.mjs", 3000, server.port);
    await one.exited;
    assert.equal(one.stdout, "42\nada hello\n");
  });

  test("cookies, files, timers, reload, figures and log", async () => {
    const login = await get("/login", { method: "POST" });
    assert.deepEqual(login.headers["set-cookie"], ["session=0123456789; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"]);
    assert.match((await get("/logout", { method: "POST" })).headers["set-cookie"][0], /Max-Age=0/);
    const map = await get("/static/map.geojson");
    assert.deepEqual([map.headers["content-type"], map.headers["cache-control"]],
      ["application/geo+json", "public, max-age=3600"]);
    await until(async () => (await get("/left")).text === "0", "the timer's end");
    assert.equal((await get("/motto")).text, "edition 1\n");
    server.signal("SIGHUP");
    await until(async () => (await get("/motto")).text === "edition 2\n", "the reload");
    assert.ok((await get("/figures")).json.received >= 1);
    assert.equal((await get("/left")).text, "0");
    const line = server.stderr.split("\n").map((one) => one && JSON.parse(one)).find((one) => one.message === "my server starts" || one.msg === "my server starts");
    assert.deepEqual([line.version, line.workers], ["1.4", 2]);
  });
});

test("a page with WebSocket", async () => {
  const server = await start(samples["page.yaml"], 8080);
  const [echo, client, events] = await Promise.all(["/echo", "/ws/ClientEvent", "/ws/ServerEvent?Ref=ArticleMessage256"]
    .map((target) => open(server.url(target))));
  echo.socket.send("hi");
  assert.equal(await echo.next(), "hi");
  client.socket.send("hi");
  assert.equal(await client.next(), "WS echo from server:hi");
  for (const one of [echo, client, events]) one.end();
  await server.stop();
});

test("Centrifugo", async () => {
  const server = await start(samples["centrifugo.yaml"], 8000);
  const one = await client("centrifugo-client.mjs", 8000, server.port);
  await until(() => one.stdout === "subscribed\n", "the subscription");
  const printed = await shell(samples["centrifugo-publish"], 8000, server.port);
  assert.match(printed, /^\{"delivered":1,"limited":0,"offset":"1-\w+"\}\{"channel":"news:1",.*"event":"hello".*\{"channel":"news:1","users":/);
  await one.exited;
  assert.equal(one.stdout, "subscribed\nhello\n");
  await server.stop();
});

test("Pushpin", async () => {
  const port = await freePort();
  const file = path.join(temporaryFolder(), "app.mjs");
  writeFileSync(file, samples["pushpin-app.mjs"].replace("3010", String(port)));
  const application = await new Program(file, [], { port, prefix: [process.execPath] }).ready(connects);
  const gateway = await start(samples["pushpin.yaml"].replace("127.0.0.1:3010", `127.0.0.1:${port}`), 7999);
  const one = await open(gateway.url("/ws"));
  one.socket.send('{"n":1}');
  assert.equal(await one.next(), '{"you":{"n":1}}');
  assert.match(await shell(samples["pushpin-publish"], 7999, gateway.port), /"connections":1/);
  assert.equal(await one.next(), '{"hello": "there"}');
  one.end();
  await gateway.stop();
  application.signal("SIGKILL");
  await application.exited;
});

test("Olares", async () => {
  const application = await Application.start(() => ({}));
  const port = await freePort();
  const { port: hook } = new URL(application.url);
  const [variables, command] = samples.olares.trim().replace("3010", hook).replace("/hook", new URL(application.url).pathname)
    .replace("127.0.0.1:40010", `127.0.0.1:${port}`).split(" starling ");
  const env = Object.fromEntries(variables.split(" ").map((one) => one.split("=")));
  const gateway = await new Program("starling", command.split(" "), { port, env: { ...env, STARLING_ADMIN__ENABLED: "false" } }).ready(connects);
  const one = await open(gateway.url("/ws"));
  one.socket.send('{"event":"ping","data":{}}');
  assert.equal(await one.next(), '{"event":"pong"}');
  const list = await request(port, { path: "/tapr/ws/conn/list" });
  assert.equal(list.json.data.length, 1);
  one.end();
  await gateway.stop();
  await application.stop();
});
