// Files that are no configuration, through the program: one line that names file, line and key, and exit code 2.
// The keys come from the schema that the program prints; tests/app/wrong_values_test.cpp has every wrong value.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { before, describe, test } from "node:test";

import { run, temporaryFolder } from "./server.mjs";

const folder = temporaryFolder();
let files = 0;

// What check-config says of a file with these bytes, {code, stdout, lines, file}.
async function checked(bytes) {
  const file = path.join(folder, `${files += 1}.yaml`);
  writeFileSync(file, bytes);
  const { code, signal, stdout, stderr } = await run(["check-config", file]);
  assert.equal(signal, null, file);
  return { code, stdout, file, lines: stderr.split("\n").slice(0, -1), ended: stderr === "" || stderr.endsWith("\n") };
}

// One line, printable, that begins with the file and a line's number.
function assertRefused({ code, stdout, file, lines, ended }, rest, what) {
  assert.deepEqual({ code, stdout, count: lines.length, ended }, { code: 2, stdout: "", count: 1, ended: true },
    `${what}: ${lines.join("\n")}`);
  assert.ok(lines[0].startsWith(`${file}:`), lines[0]);
  assert.match(lines[0].slice(file.length), rest, what);
  assert.doesNotMatch(lines[0], /[\0-\x1f\x7f]/, what);
}

// Runs `work` for all items, as many at once as there are processors.
async function forAll(items, work) {
  const left = [...items];
  await Promise.all(Array.from({ length: availableParallelism() }, async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  }));
}

// The keys below `node`: {steps: ["websocket", 0, "path"], schema}. 0 stands for the first element of a list.
function keysOf(node, steps = []) {
  const section = node.anyOf?.find(({ type }) => type === "object") ?? node;
  if (section.type === "object") {
    return Object.entries(section.properties).flatMap(([name, part]) => keysOf(part, [...steps, name]));
  }
  const element = section.type === "array" ? section.items : undefined;
  if (element?.type === "object" || element?.anyOf) return keysOf(element, [...steps, 0]);
  return [{ steps, schema: section }];
}

// A file that sets the key alone: its text, the line of the key, and the key as messages show it.
function fileWith(steps, value) {
  const lines = ["# A comment."];
  let indent = "", dash = "", key = "";
  for (const step of steps) {
    if (step === 0) {
      dash = "- ";
      key += "[0]";
      continue;
    }
    lines.push(`${indent}${dash}${step}:`);
    indent += dash ? "    " : "  ";
    dash = "";
    key += (key && ".") + step;
  }
  return { text: `${lines.join("\n")} ${value}\n`, line: lines.length, key };
}

// A value of another type, and one behind the bounds of the type.
function wrongValues({ type, enum: words, maximum }) {
  if (type === "array") return ["text", "[[a]]"];
  if (type === "boolean") return ["{a: 1}", "yes"];
  if (words) return ["[1]", "nonsense"];
  if (type === "integer" || type === "number") return ["many", String(maximum + 1)];
  return ["[]", '"\\0"'];
}

describe("each key of the schema", () => {
  let keys;
  before(async () => { keys = keysOf(JSON.parse((await run(["config-schema"])).stdout)); });

  test("a wrong value gets one line with file, line and key", async () => {
    assert.ok(keys.length > 200, String(keys.length));
    const cases = keys.map(({ steps, schema }, i) => fileWith(steps, wrongValues(schema)[i % 2]));
    await forAll(cases, async ({ text, line, key }) => {
      const escaped = key.replaceAll(/[[\].]/g, "\\$&");
      assertRefused(await checked(text), new RegExp(`^:${line}: key '${escaped}(\\[0\\])?': must `), text);
    });
  });
});

const utf16 = (text) => Buffer.from(`\ufeff${text}`, "utf16le");

describe("a file that is no configuration", () => {
  const nested = (open, times) => open.repeat(times);
  const wrong = [
    ["UTF-16, the key counts its lines", utf16("# one\nworkers: many\n"), /^:2: key 'workers': must be an integer/],
    ["UTF-16 in the other order", utf16("workers: many\n").swap16(), /^:1: key 'workers': must be an integer/],
    ["bytes that are not UTF-8 in a key", Buffer.from([0x77, 0xff, 0x3a, 0x20, 0x31, 0x0a]), /^:1: /],
    ["NUL", Buffer.from("workers: 2\0\n"), /^:\d: not valid: /],
    ["NUL alone", Buffer.alloc(64), /^:1: not valid: /],
    ["a tab as indentation", "log:\n\tlevel: info\n", /^:2: not valid: /],
    ["an anchor", "workers: &a 2\n", /^:1: not valid: anchors are not supported/],
    ["an alias", "log: {level: info}\nworkers: *a\n", /^:2: not valid: /],
    ["a bomb of aliases", "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", /^:1: not valid: anchors are not supported/],
    ["a merge key", "<<: {workers: 2}\n", /^:1: key '<<': is not known/],
    ["a tag", "workers: !!python/object:os.system 1\n", /^:1: not valid: tags are not supported/],
    ["a key twice", "workers: 1\nroot: /\n\"workers\": 2\n", /^:3: key 'workers': appears twice \(first in line 1\)/],
    ["two documents", "workers: 1\n---\nworkers: 2\n", /^:\d: not valid: only one document/],
    ["YAML of the future", "%YAML 9.0\n---\nworkers: 1\n", /^:1: not valid: /],
    ["a key over two lines", "\"wor\\nkers\": 1\n", /^:1: key 'wor\?kers': is not known/],
    ["an escape sequence of a terminal", "\"\\e[31m\": 1\n", /^:1: key '\?\[31m': is not known/],
    ["a list as key", "? [workers]\n: 1\n", /^:1: not valid: a key must be text/],
    ["100,000 lists in one another", `root: ${nested("[", 100_000)}`, /^:1: not valid: /],
    ["100,000 mappings in one another", nested("{a: ", 100_000), /^:1: not valid: /],
    ["100,000 elements in one another", nested("- ", 100_000), /^:1: not valid: nested too deeply/],
    ["1,000 sections in one another", Array.from({ length: 1000 }, (_, i) => `${" ".repeat(i)}log:`).join("\n"),
      /^:\d+: not valid: nested too deeply/],
    ["a quote without an end", `root: "${"x".repeat(100_000)}`, /^:1: not valid: /],
    ["a key of 200,000 bytes", `${"k".repeat(200_000)}: 1\n`, /^:1: not valid: /],
    ["50,000 unknown keys", Array.from({ length: 50_000 }, (_, i) => `k${i}: 1`).join("\n"), /^:1: key 'k0': is not known/],
    ["a number of 10,000 digits", `workers: ${"9".repeat(10_000)}\n`, /^:1: key 'workers': must be an integer/],
    ["text", "hello\n", /^:1: must be keys and values/],
    ["a list", "- workers: 1\n", /^:1: must be keys and values/],
  ];
  for (const [what, bytes, rest] of wrong) {
    test(what, async () => assertRefused(await checked(bytes), rest, what));
  }

  test("2 MB, a folder, a device without end: one line, exit code 2", async () => {
    const large = path.join(folder, "large.yaml"), directory = path.join(folder, "folder.yaml");
    writeFileSync(large, `# ${"x".repeat(2_000_000)}`);
    mkdirSync(directory);
    for (const file of [large, directory, "/dev/zero", path.join(folder, "none.yaml")]) {
      const { code, stderr } = await run(["check-config", file]);
      assert.equal(code, 2, file);
      assert.match(stderr, /^starling: cannot read configuration '[^']+': [^\n]+\n$/);
      assert.ok(stderr.includes(file));
    }
  });
});

describe("a file that is odd and right", () => {
  const right = [["UTF-16", utf16("workers: 1\n")], ["a byte order mark", "\ufeffworkers: 1\n"],
    ["CR LF", "workers: 1\r\nlog:\r\n  level: info\r\n"], ["nothing", ""], ["a comment", "# nothing"]];
  for (const [what, bytes] of right) {
    test(what, async () => {
      const { code, file, stdout, lines } = await checked(bytes);
      assert.deepEqual({ code, lines, stdout }, { code: 0, lines: [], stdout: `${file}: the configuration is valid\n` });
    });
  }
});
