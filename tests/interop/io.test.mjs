// What the programs use to talk to the kernel: epoll or io_uring. The step `io_uring` of ./test runs this file
// first. If the kernel or a sandbox refuses io_uring, the test of it is skipped, and the step runs nothing more.

import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { Program, connects, freePort, healthy, patience, until, writeConfig } from "./server.mjs";

const refusal = /io_uring is not used, but epoll (.*)/;

// How many io_urings a process has open.
function rings(pid) {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(path.join(folder, fd)) === "anon_inode:[io_uring]";
    } catch {
      return false;  // Closed since.
    }
  }).length;
}

// `starling` with two workers, after its log line `started`. `env`: variables besides those of every test.
async function start(env) {
  const port = await freePort();
  const config = { listen: [{ address: `127.0.0.1:${port}` }], workers: 2, ...patience };
  const program = new Program("starling", ["serve", "--config", writeConfig(config)], { port, env });
  await program.ready(healthy);
  return until(() => / io=\S+/.test(program.output) && program, "the line `started`");
}

// Skips the test and returns true if this system refuses io_uring.
function skips(t, program) {
  const refused = refusal.exec(program.output);
  if (refused) t.skip(`not run on io_uring: ${refused[1]}`);
  return Boolean(refused);
}

test("with epoll no worker has an io_uring", async () => {
  const program = await start({ STARLING_IO: "epoll" });
  assert.match(program.output, / io=epoll /);
  assert.equal(rings(program.pid), 0);
  await program.stop();
});

test("with io_uring each worker has one", async (t) => {
  const program = await start({ STARLING_IO: "io_uring" });
  if (!skips(t, program)) {
    assert.match(program.output, / io=io_uring /);
    assert.equal(rings(program.pid), 2);
  }
  await program.stop();
});

// Without this, tests that were asked to run on io_uring would run on epoll and pass.
test("the tested programs use what STARLING_IO of the test run names", async (t) => {
  const wanted = process.env.STARLING_IO === "io_uring";
  const program = await start({});
  if (!wanted || !skips(t, program)) {
    assert.equal(rings(program.pid), wanted ? 2 : 0);
    const port = await freePort();
    const library = await new Program("websocket_test_server", [String(port)], { port }).ready(connects);
    assert.equal(rings(library.pid), wanted ? 1 : 0);
    await library.stop();
  }
  await program.stop();
});
