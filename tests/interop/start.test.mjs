// The command line of ./start.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { test } from "node:test";

import { repository } from "./server.mjs";

test("./start --cluster checks the number before it builds anything", async () => {
  const start = (...args) => new Promise((resolve) => {
    execFile(path.join(repository, "start"), args,
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
  for (const number of ["0", "10", "three", "", "--port"]) {
    const { code, stdout, stderr } = await start("--cluster", number);
    assert.deepEqual([code, stdout, stderr], [2, "", "start: --cluster needs a number from 1 to 9\n"]);
  }
  for (const args of [["--cluster"], ["--cluster="], ["--cluster=12"], ["--port", "9000", "--cluster", "x"]])
    assert.equal((await start(...args)).code, 2, args);
  const help = await start("--help");
  assert.equal(help.code, 0);
  assert.match(help.stdout, /\.\/start --cluster N/);
});
