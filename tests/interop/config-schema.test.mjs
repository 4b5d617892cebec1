// packaging/starling.schema.json, from which the site's reference of the configuration is made, is what the
// program prints.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { repository, run } from "./server.mjs";

test("packaging/starling.schema.json is up to date", async () => {
  const printed = JSON.parse((await run(["config-schema"])).stdout);
  const stored = JSON.parse(readFileSync(path.join(repository, "packaging/starling.schema.json"), "utf8"));
  assert.ok(Object.keys(printed.properties).length > 20);
  assert.deepEqual(stored, printed,
    "run: build/release/starling config-schema | tools/docs/config_page.py >packaging/starling.schema.json");
});
