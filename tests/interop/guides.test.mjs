// What stands in the guides is still true of the program: each configuration is valid, and each command has its flags.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";

import { certificate } from "./certificates.mjs";
import { repository, run, temporaryFolder } from "./server.mjs";

// The Chinese guides have the same code; lint compares them.
const guides = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md",
  ...readdirSync(path.join(repository, "docs")).filter((name) => /^[^.]+\.md$/.test(name)).map((name) => `docs/${name}`)];
const texts = new Map(guides.map((name) => [name, readFileSync(path.join(repository, name), "utf8")]));
const lineOf = (text, index) => text.slice(0, index).split("\n").length;

describe("the configurations of the guides", () => {
  const folder = temporaryFolder();

  // Makes the files that a configuration names, in `folder`; returns it with their names.
  function withFiles(text) {
    const own = text.replaceAll(/(?<=\s|")\/(?:etc|srv|var|run\/credentials)\/[\w./-]+/g, (name) => path.join(folder, name));
    for (const [, key, name] of own.matchAll(/\b(root|acme_root|cert|key|key_file|path|ca_path):\s*"?([\w./-]+)/g)) {
      const file = path.resolve(folder, name);
      if (!file.startsWith(folder) || existsSync(file)) continue;
      mkdirSync(key.endsWith("root") ? file : path.dirname(file), { recursive: true });
      if (key === "cert") certificate(path.dirname(file), "localhost", path.basename(file, path.extname(file)));
      else if (!key.endsWith("root")) writeFileSync(file, "a text of forty characters, which is enough\n");
    }
    // The user of the package is not on every machine.
    return own.replaceAll(/\b(user|group|owner): starling\b/g, "$1: root")
      .replaceAll("$2b$10$...", "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy");
  }

  for (const [name, text] of texts)
    for (const { index, 1: indent, 2: body } of text.matchAll(/^( *)```yaml.*\n([^]*?)^ *```/gm)) {
      if (/^scrape_configs:/m.test(body)) continue;  // Prometheus reads it.
      test(`${name}:${lineOf(text, index)}`, async () => {
        const file = path.join(folder, "starling.yaml");
        writeFileSync(file, withFiles(body.replaceAll(new RegExp(`^${indent}`, "gm"), "")));
        const { code, stdout, stderr } = await run(["check-config", file]);
        assert.deepEqual([code, stdout, stderr], [0, `${file}: the configuration is valid\n`, ""]);
      });
    }
});

test("the commands of the guides have the flags that they name", async () => {
  const help = (await run(["--help"])).stdout;
  const commands = [...help.matchAll(/^ {2}([a-z-]+) {3,}/gm)].map(([, name]) => name);
  assert.ok(commands.length > 10, help);
  const flags = new Map(await Promise.all(commands.map(async (name) =>
    [name, new Set((await run([name, "--help"])).stdout.match(/--[a-z0-9-]+/g))])));
  let seen = 0;
  for (const [name, text] of texts)
    // In a line of code or in backticks; a line that ends in a backslash goes on.
    for (const { index, 1: command, 2: rest } of text.matchAll(/(?:^[ $]*(?:\.\/)?|`|\| |&& )starling +([a-z][a-z-]*)(?= |`|$)((?:\\\n|[^`\n|&#])*)/gm)) {
      const place = `${name}:${lineOf(text, index)}: starling ${command}`;
      if (!flags.has(command)) {
        // A sentence may begin with the name.
        assert.ok(!rest.includes(" --") && text[index] !== "`", `${place}: no such command`);
        continue;
      }
      for (const flag of rest.match(/(?<= )--[a-z0-9-]+/g) ?? []) {
        seen += 1;
        assert.ok(flags.get(command).has(flag), `${place} has no ${flag}`);
      }
    }
  assert.ok(seen > 50, `${seen} flags`);
});
