// The words of the pages: both languages have the same, and the pages use no other.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { webModule } from "./home_samples.mjs";
import { repository } from "./server.mjs";

const { en } = await webModule("words/en.js");
const { zh } = await webModule("words/zh.js");
const web = path.join(repository, "web");
const values = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test("English and Chinese have the same words, with the same values", () => {
  assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort());
  for (const [key, text] of Object.entries(en)) assert.deepEqual(values(zh[key]), values(text), key);
});

test("the pages name only words that there are, and each word is named somewhere", () => {
  // The admin page has words of its own.
  const files = readdirSync(web, { recursive: true }).filter((file) =>
    /\.(html|js)$/.test(file) && !file.startsWith("admin/") && !file.startsWith("words"));
  const all = files.map((file) => readFileSync(path.join(web, file), "utf8")).join("\n");
  const named = new Set([...all.matchAll(/data-i18n="([^"$]+)"|[\w-]+=([a-z]\w*\.[\w.]+)|key: "(\w+\.[\w.]+)"|\bt\("([^"]+)"/g)]
    .map((found) => found.slice(1).find(Boolean)));
  assert.ok(named.size > 150, `${named.size} words`);
  named.delete("key");  // The example in i18n.js.
  assert.deepEqual([...named].filter((key) => !(key in en)), []);
  // Keys that scripts put together begin with text that ends in a dot.
  const beginnings = [...all.matchAll(/[`"]((?:\w+\.)+)(?:\$\{|")/g)].map(([, beginning]) => beginning);
  assert.deepEqual(Object.keys(en).filter((key) => !named.has(key) && !all.includes(`"${key}"`)
    && !beginnings.some((beginning) => key.startsWith(beginning))), []);
});
