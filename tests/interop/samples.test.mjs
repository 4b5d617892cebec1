// The samples of the home page that run outside a browser, and the command that the demo prints when it
// starts: each is run as it is shown. tests/browser/samples.test.mjs runs the others.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { open } from "./client.mjs";
import { fill, ownServer, samples, values } from "./home_samples.mjs";
import { built, connects, freePort, healthy, onExit, Program, repository, serve, temporaryFolder,
  until } from "./server.mjs";

const key = "sample-key-of-the-test";
// By topic: what the sample prints.
const shown = {
  websocket: /^hello$/m, socketio: /hello/, sse: /WS Server Event:Index Viewd/,
  publish: /"delivered":\d+/,
};

describe("samples of the home page", () => {
  let server;
  let folder;
  before(async () => {
    server = await serve({ demo: true, demo_data: ":memory:", events: { api_key: key } });
    folder = temporaryFolder();
    symlinkSync(path.join(repository, "tests/node_modules"), path.join(folder, "node_modules"));
  });
  after(() => server?.stop());

  const text = (topic, language) => fill(samples[topic][language], values(server, key));

  // Runs a command until its output matches.
  async function run(command, args, isEnough, meanwhile = async () => {}) {
    const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    onExit(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (part) => { output += part; });
    }
    await until(async () => {
      if (isEnough.test(output)) return true;
      if (child.exitCode !== null && child.stdout.readableEnded && child.stderr.readableEnded) {
        throw new Error(`ended with ${child.exitCode}: ${output}`);
      }
      await meanwhile();
      return false;
    }, `${isEnough} in: ${output}`);
    child.kill();
    return output;
  }
  const visit = () => fetch(server.url("/api", "http")).then((answer) => answer.arrayBuffer());
  const meanwhile = { sse: visit };

  for (const topic of Object.keys(samples)) {
    if (samples[topic].node) {
      test(`${topic} with Node.js`, async () => {
        const file = path.join(folder, `${topic}.mjs`);
        writeFileSync(file, text(topic, "node"));
        await run(process.execPath, [file], shown[topic], meanwhile[topic]);
      });
    }
    // The one that has the Debian package.
    test(`${topic} with Python`, async () => {
      await run("/usr/bin/python3", ["-u", "-c", text(topic, "python")], shown[topic], meanwhile[topic]);
    });
    test(`${topic} with curl`, async () => {
      const answers = { ...shown, websocket: /101 Switching Protocols[^]*"uptime_s":/, socketio: /0\{"sid":/ };
      await run("bash", ["-c", text(topic, "curl")], answers[topic], meanwhile[topic]);
    });
  }

  // One program, because the headers take most of the compiler's time.
  test("the C++ samples compile, link and run", async () => {
    const port = await freePort();
    const bodies = Object.keys(samples).map((topic) =>
      `int ${topic}() {\n${text(topic, "cpp").replace("127.0.0.1:9001", `127.0.0.1:${port}`)}\n${
        topic === "publish" ? "" : "return 0;\n"}}`);
    const ownPort = await freePort();
    bodies.push(`int own_server() {\n${ownServer.replace("0.0.0.0:9001", `127.0.0.1:${ownPort}`)}\n}`);
    const file = path.join(folder, "samples.cpp");
    writeFileSync(file, `${["client", "events", "server", "socketio_client"].map((name) =>
      `#include <starling/${name}.h>`).join("\n")}
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <string_view>
${bodies.join("\n")}
int main(int, char** arguments) {
    const std::string_view topic = arguments[1];
    if (topic == "websocket") return websocket();
    if (topic == "socketio") return socketio();
    if (topic == "publish") return publish();
    return topic == "sse" ? sse() : own_server();
}
`);
    const { stdout } = await promisify(execFile)("pkg-config",
      ["--libs", "openssl", "zlib", "libcurl", "libcares", "liburing", "simdjson", "spdlog"]);
    const program = path.join(folder, "samples");
    await promisify(execFile)("g++", ["-std=c++20", "-Wall", "-Werror", "-O0",
      "-I", path.join(repository, "include"), file, "-o", program, built("libstarling.a"),
      ...stdout.trim().split(/\s+/), "-lboost_json", "-lboost_url", "-pthread"]);
    await run(program, ["websocket"], shown.websocket);
    await run(program, ["socketio"], shown.socketio);
    await run(program, ["sse"], shown.sse, visit);
    const own = new Program(program, ["publish"], { port });
    await until(() => own.alive && fetch(`http://127.0.0.1:${port}/api`).then(({ ok }) => ok, () => false), "the server");
    const listener = await open(`ws://127.0.0.1:${port}/ws/ServerEvent?Ref=ApiIndex`);
    let event = await listener.next();
    while (!event.endsWith(":hello")) event = await listener.next();
    assert.equal(event, "WS Server Event:hello");
    await listener.close();
    await own.stop();

    const echo = await new Program(program, ["own"], { port: ownPort }).ready(connects);
    const client = await open(echo.url("/feed"));
    client.socket.send("hello");
    assert.equal(await client.next(), "hello");
    await client.close();
    await echo.stop();
  });
});

describe("the lines that the demo prints at its start", () => {
  test("they name the pages, and the command publishes an event", async () => {
    const port = await freePort();
    const server = await new Program("starling",
      ["serve", "--demo", "--data", ":memory:", "--listen", `127.0.0.1:${port}`], { port }).ready(healthy);
    await until(() => server.stdout.includes("/api/publish\n"), "the command");
    const pages = [...server.stdout.matchAll(/^ {2}(http\S+) {2,}\S/gm)].map(([, url]) => url);
    // The documentation is named where it is built.
    assert.deepEqual(pages.map((url) => new URL(url).pathname).filter((path) => path !== "/docs/"),
      ["/", "/echo", "/chat", "/socketio/", "/community/", "/ws/ServerEvent", "/gateway"]);
    for (const url of pages) {
      const answer = await fetch(url);
      assert.equal(answer.status, 200, url);
      assert.match(await answer.text(), /<!DOCTYPE html>/i, url);
    }
    const listener = await open(`ws://localhost:${port}/ws/ServerEvent?Ref=ApiIndex`);
    const [, command] = server.stdout.match(/^try: (curl .*)$/m);
    const { stdout } = await promisify(execFile)("bash", ["-c", command]);
    assert.equal(JSON.parse(stdout).delivered, 1);
    assert.equal(await listener.next(), "WS Server Event:hello");
    await listener.close();
    await server.stop();
  });

  test("with a key of its own or other channels, the command asks for the figures", async () => {
    for (const events of [{ api_key: key }, { channels: [{ pattern: "News" }] }]) {
      const server = await serve({ demo: true, demo_data: ":memory:", events });
      await until(() => /^try: .*\n/m.test(server.stdout), "the command");
      assert.doesNotMatch(server.stdout, new RegExp(key));
      const { stdout } = await promisify(execFile)("bash", ["-c", server.stdout.match(/^try: (.*)$/m)[1]]);
      assert.equal(typeof JSON.parse(stdout).uptime_s, "number");
      await server.stop();
    }
  });
});
