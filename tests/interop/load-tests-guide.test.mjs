// The samples of docs/load-tests.md, run in bash as they stand there but for the port.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { built, repository, run, serveDemo, temporaryFolder } from "./server.mjs";

const guide = readFileSync(path.join(repository, "docs/load-tests.md"), "utf8");
const samples = Object.fromEntries([...guide.matchAll(/^```\w+ (\S+)\n([^]*?)^```$/gm)].map(([, name, text]) => [name, text]));
// The words of a table without its numbers.
const shape = (text) => text.replace(/\d[\d,.]*( [µm]?s\b)?/g, "N").replace(/ +/g, " ").replace(/:N/, "");

describe("docs/load-tests.md", () => {
  const folder = temporaryFolder();
  let server;
  before(async () => {
    symlinkSync(built("starling"), path.join(folder, "starling"));
    server = await serveDemo();
  });
  after(() => server?.stop());

  function shell(name) {
    const text = samples[name].replace("localhost:8080", `localhost:${server.port}`);
    return new Promise((resolve) => {
      execFile("bash", ["-c", text], { timeout: 60_000, env: { ...process.env, PATH: `${folder}:${process.env.PATH}` } },
        (error, out, err) => resolve({ code: error ? error.code : 0, out, err }));
    });
  }

  test("has these samples", () => {
    assert.deepEqual(Object.keys(samples), ["echo", "echo.out", "fanout", "open", "wrong"]);
  });

  for (const name of ["echo", "fanout", "open"]) {
    test(`what ${name} prints`, async () => {
      const { code, out, err } = await shell(name);
      assert.deepEqual([code, err], [0, ""], out);
      assert.match(out, /\nerrors +none\n$/);
      if (samples[`${name}.out`]) assert.equal(shape(out), shape(samples[`${name}.out`]));
    });
  }

  test("a path that the server does not have", async () => {
    const { code, out } = await shell("wrong");
    assert.equal(code, 1);
    const report = JSON.parse(out);
    assert.deepEqual(report.errors, { "handshake status 404": 3 });
    for (const field of Object.keys(report)) assert.ok(guide.includes(`\`${field}\``), field);
  });

  test("names each option that the program has, or says where they are listed", async () => {
    const { stdout } = await run(["bench", "--help"]);
    const words = [...guide.matchAll(/(?<![-\w])--[a-z][\w-]*/g)].map(([word]) => word);
    assert.ok(words.length > 10);
    for (const word of words) assert.ok(`${stdout} --help`.includes(word), word);
  });
});
