// The program as a process: signals, exit codes, configuration errors, descriptors.

import assert from "node:assert/strict";
import { truncateSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { describe, test } from "node:test";

import { deadline, open } from "./client.mjs";
import { example, run, serve, serveDemo, temporaryFolder, until, writeConfig } from "./server.mjs";
import { Wire } from "./wire.mjs";

const echo = { websocket: [{ path: "/echo", kind: "echo" }] };

describe("signals", () => {
  for (const [title, start, route] of [["starling serve", () => serve(echo), "/echo"],
    ["starling serve with workers", () => serve({ ...echo, workers: 2 }), "/echo"],
    ["examples/echo", () => example("echo"), "/"]]) {
    test(`${title}: SIGTERM closes with 1001 and exits with 0`, async () => {
      const server = await start();
      const clients = await Promise.all(
        Array.from({ length: 5 }, () => open(server.url(route))));
      server.signal("SIGTERM");
      for (const client of clients) {
        assert.equal((await client.closed).code, 1001);
      }
      assert.deepEqual(await deadline(server.exited, "the end"), { code: 0, signal: null });
    });
  }

  test("SIGINT ends it as SIGTERM does", async () => {
    const server = await serveDemo();
    server.signal("SIGINT");
    assert.deepEqual(await deadline(server.exited, "the end"), { code: 0, signal: null });
  });

  test("SIGTERM again ends it at once", async () => {
    const root = temporaryFolder();
    writeFileSync(path.join(root, "long.bin"), "");
    truncateSync(path.join(root, "long.bin"), 256 * 1024 * 1024);
    // The timeouts are an hour, so that a stop that waits for the peer fails the test.
    const server = await serve({ ...echo, root, drain_timeout_s: 3600, stalled_timeout_s: 3600 });
    const reader = await Wire.connect(server.port);  // stops reading once the answer has begun
    reader.write("GET /long.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    await deadline(new Promise((resolve) => {
      reader.socket.once("data", () => {
        reader.socket.pause();
        resolve();
      });
    }), "the answer");
    const client = await open(server.url("/echo"));
    server.signal("SIGTERM");
    assert.equal((await client.closed).code, 1001);
    assert.ok(server.alive, "it drains");
    server.signal("SIGTERM");
    const { signal } = await deadline(server.exited, "the end");
    assert.ok([null, "SIGTERM"].includes(signal), `ended by ${signal}`);
    reader.destroy();
  });

  test("while it drains, nothing new is taken", async () => {
    const server = await serve(echo);
    const stubborn = await Wire.upgraded(server.port);
    const kept = await Wire.connect(server.port);
    kept.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await kept.response()).status, 200);
    server.signal("SIGTERM");
    assert.equal(await stubborn.closeCode(), 1001);
    kept.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer = await kept.response().catch(() => ({ status: "closed" }));
    assert.ok([503, "closed"].includes(answer.status), `status ${answer.status}`);
    await assert.rejects(open(server.url("/echo")));
    server.signal("SIGTERM");
    await deadline(server.exited, "the end");
  });

  test("SIGHUP without TLS changes nothing", async () => {
    const server = await serve(echo);
    const client = await open(server.url("/echo"));
    server.signal("SIGHUP");
    client.socket.send("still here");
    assert.equal(await client.next(), "still here");
    await client.close();
    await server.stop();
  });
});

describe("command line", () => {
  test("--version", async () => {
    const { code, stdout } = await run(["--version"]);
    assert.equal(code, 0);
    assert.match(stdout, /^starling \d+\.\d+\.\d+( \(commit [0-9a-f]+\))?\nOpenSSL 3/);
    for (const library of ["libcurl", "zlib", "SQLite", "c-ares", "simdjson", "spdlog", "yaml-cpp", "Boost"])
      assert.match(stdout, new RegExp(`, ${library} \\d+\\.\\d+`));
  });

  test("check-config of a right file exits with 0", async () => {
    const file = writeConfig({ listen: [{ address: "127.0.0.1:0" }], ...echo });
    assert.equal((await run(["check-config", file])).code, 0);
  });

  // [file, line named in the message, key named in the message]
  const faulty = [
    ["an unknown key", "workers: 1\nlissen: []\n", 2, "lissen"],
    ["an unknown key inside", "websocket:\n  - path: /a\n    kind: echo\n    ping: 3\n", 4, "ping"],
    ["a wrong type", "workers: many\n", 1, "workers"],
    ["a wrong type inside", "websocket:\n  - path: /a\n    kind: echo\n    fragments_max: []\n", 4,
      "fragments_max"],
    ["a value that is not one of the choices", "websocket:\n  - path: /a\n    kind: echoo\n", 3,
      "kind"],
    ["a negative number", "workers: -1\n", 1, "workers"],
    ["a missing certificate",
      "tls:\n  certificates:\n    - cert: /nowhere/a.crt\n      key: /nowhere/a.key\n", 3,
      "/nowhere/a.crt"],
    ["a bad address", "listen:\n  - address: nonsense\n", 2, "address"],
    ["no YAML", "workers: 1\n\tlisten: [\n", 2, ""],
  ];
  for (const [name, text, line, key] of faulty) {
    for (const command of ["check-config", "serve"]) {
      test(`${command} with ${name}: exit 2 and one line`, async () => {
        const file = writeConfig(text);
        const args = command === "serve" ? ["serve", "--config", file] : [command, file];
        const { code, stderr } = await run(args);
        assert.equal(code, 2, stderr);
        const lines = stderr.trimEnd().split("\n");
        assert.equal(lines.length, 1, stderr);
        assert.ok(lines[0].includes(`${file}:${line}`), stderr);
        assert.ok(lines[0].includes(key), stderr);
      });
    }
  }

  test("a file that is not there: exit 2 and one line that names it", async () => {
    const file = path.join(temporaryFolder(), "none.yaml");
    const { code, stderr } = await run(["serve", "--config", file]);
    assert.equal(code, 2);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    assert.ok(stderr.includes(file), stderr);
  });

  test("a port in use: exit 2 and a line that names it", async () => {
    const holder = net.createServer();
    await new Promise((resolve) => { holder.listen(0, "127.0.0.1", resolve); });
    const address = `127.0.0.1:${holder.address().port}`;
    const { code, stderr } = await run(["serve", "--demo", "--listen", address]);
    holder.close();
    assert.equal(code, 2, stderr);
    assert.ok(stderr.includes(address), stderr);
  });

  test("an unknown option is an error on stderr", async () => {
    const { code, stderr } = await run(["serve", "--nonsense"]);
    assert.notEqual(code, 0);
    assert.ok(stderr.includes("nonsense"), stderr);
  });

  test("JSON logs are one JSON object a line", async () => {
    const server = await serve({ ...echo, log: { level: "info", format: "json" } });
    const client = await open(server.url("/echo"));
    await client.close();
    await server.stop();
    const lines = server.output.trim().split("\n").filter((line) => line.startsWith("{"));
    assert.ok(lines.length > 0, server.output);
    for (const line of lines) assert.equal(typeof JSON.parse(line), "object");
  });
});

describe("descriptors", () => {
  test("when they run out, connections that exist go on, and others get in later", async () => {
    const server = await serve(echo, { prefix: ["prlimit", "--nofile=300:300"] });
    const clients = [];
    const refused = [];
    for (let i = 0; i < 330; i += 1) {
      await open(server.url("/echo")).then((client) => clients.push(client),
        (error) => refused.push(error));
      if (refused.length === 3) break;
    }
    assert.ok(refused.length > 0, "the limit was reached");
    assert.ok(clients.length >= 20, `${clients.length} connections before it`);
    for (const client of clients) {
      client.socket.send("still here");
      assert.equal(await client.next(), "still here");
    }
    await Promise.all(clients.splice(0, 10).map((client) => client.close()));
    const late = await until(() => open(server.url("/echo")).catch(() => null), "room again");
    late.socket.send("in");
    assert.equal(await late.next(), "in");
    await server.stop();
  });
});
