// The samples of docs/command-line.md, run in bash as they stand there but for the port.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { open } from "./client.mjs";
import { built, repository, run, serve, temporaryFolder } from "./server.mjs";

const guide = readFileSync(path.join(repository, "docs/command-line.md"), "utf8");
// {"secret": text, ...}: the word behind a sample's language names the sample.
const samples = Object.fromEntries([...guide.matchAll(/^```\w+ (\S+)\n([^]*?)^```$/gm)].map(([, name, text]) => [name, text]));
const key = /STARLING_KEY=(\S+)/.exec(samples.publish)[1];

describe("docs/command-line.md", () => {
  const folder = temporaryFolder();
  let server;
  before(async () => {
    symlinkSync(built("starling"), path.join(folder, "starling"));
    server = await serve({ demo: true, demo_data: ":memory:", events: { enabled: true, api_key: key } });
  });
  after(() => server?.stop());

  // Runs a sample in `folder`: {code, out, err}. Later samples have the variable that `publish` exports.
  function shell(name) {
    const text = samples[name].replaceAll("//localhost:8080", `//127.0.0.1:${server.port}`)
      .replace("starling publish --json", `starling publish --url ${server.url("", "http")} --json`);
    return new Promise((resolve) => {
      execFile("bash", ["-c", text], { cwd: folder, timeout: 60_000,
        env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, STARLING_KEY: key } },
      (error, out, err) => resolve({ code: error ? error.code : 0, out, err }));
    });
  }

  test("has these samples", () => {
    assert.deepEqual(Object.keys(samples), ["secret", "server.yaml", "es256", "claims", "short", "short.err", "publish",
      "publish.out", "data", "data.out", "refused", "refused.err", "echo", "echo.out", "texts", "texts.out", "json", "json.out",
      "notfound", "notfound.err", "socketio", "socketio.out", "sse", "sse.out", "bash"]);
  });

  test("the tokens", async () => {
    for (const name of ["secret", "es256", "claims"]) {
      const { code, out, err } = await shell(name);
      assert.equal(code, 0, err);
      assert.match(out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
      const claims = JSON.parse(Buffer.from(out.split(".")[1], "base64url"));
      assert.ok(claims.sub.startsWith("ada"), out);
      if (name === "claims") assert.deepEqual([claims.admin, claims.name, claims.aud], [true, "Ada", "events"]);
    }
    writeFileSync(path.join(folder, "server.yaml"), samples["server.yaml"]);
    assert.equal((await run(["check-config", path.join(folder, "server.yaml")])).code, 0);
  });

  const at8080 = (text) => text.replaceAll(`//127.0.0.1:${server.port}`, "//localhost:8080");

  // [sample, exit code]
  for (const [name, code] of [["short", 2], ["publish", 0], ["data", 0], ["refused", 1], ["echo", 0], ["texts", 0],
    ["json", 0], ["notfound", 3], ["socketio", 0], ["sse", 0]]) {
    test(`what ${name} prints`, async () => {
      const got = await shell(name);
      assert.equal(got.code, code, got.err);
      for (const stream of ["out", "err"]) {
        if (samples[`${name}.${stream}`]) assert.equal(at8080(got[stream]), samples[`${name}.${stream}`]);
      }
    });
  }

  test("the text of an event with data", async () => {
    const listener = await open(server.url("/ws/ServerEvent?Ref=ArticleMessage256"));
    const { out } = await shell("data");
    assert.equal(out, '{"delivered":1,"limited":0}\n');
    assert.equal(await listener.next(), 'WS Server Event:{"event":"sale","data":{"price": 12}}');
    await listener.close();
  });

  test("the completions of bash", async () => {
    samples.bash += "complete -p starling\n";
    const { code, out } = await shell("bash");
    assert.equal(code, 0);
    assert.equal(out, "complete -F _starling starling\n");
  });

  test("names each exit code and each option that the program has", async () => {
    for (const command of ["token", "publish", "connect"]) {
      const { stdout } = await run([command, "--help"]);
      for (const [option] of stdout.matchAll(/^ {2}(--[\w-]+)/gm)) {
        assert.ok(guide.includes(option.trim()), option);
      }
    }
  });
});
