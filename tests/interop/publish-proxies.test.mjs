// Publishing through real proxies that add no field: every client behind them looks like a peer on
// loopback, so only the key decides.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { open } from "./client.mjs";
import { proxies, proxy } from "./proxies.mjs";
import { run, serve, serveDemo, writeConfig } from "./server.mjs";

const event = { channel: "ArticleMessage7", event: "GotNew" };

async function publish(port, headers = {}) {
  const response = await fetch(`http://127.0.0.1:${port}/api/publish`,
    { method: "POST", headers, body: JSON.stringify(event) });
  return [response.status, await response.json()];
}

const keyShown = (program) => program.stdout.match(/key of POST \/api\/publish.*: ([0-9a-f]{32}) /)?.[1];

for (const [what, start] of [["the demo", serveDemo],
  ["a configuration without a key", () => serve({ events: { enabled: true } })]]) {
  describe(`publishing to ${what}`, () => {
    let server;
    before(async () => { server = await start(); });
    after(() => server?.stop());

    for (const name of proxies) {
      test(`through ${name} wants the key that was shown at the start`, async () => {
        const front = await proxy(name, server.port);
        const key = keyShown(server);
        assert.ok(key, server.stdout);
        const listener = await open(server.url("/ws/ServerEvent?Ref=ArticleMessage7"));
        const refused = [401, { code: 401, message: "a valid API key is needed" }];
        for (const headers of [{}, { "X-Api-Key": "" }, { "X-Api-Key": "0".repeat(32) }]) {
          assert.deepEqual(await publish(front.port, headers), refused);
        }
        assert.deepEqual(await publish(front.port, { "X-Api-Key": key }),
          [200, { delivered: 1, limited: 0 }]);
        assert.equal(await listener.next(), "WS Server Event:GotNew");
        listener.end();
        await front.stop();
      });
    }

    test("from this machine, without a proxy, wants it too", async () => {
      assert.equal((await publish(server.port))[0], 401);
      assert.equal((await publish(server.port, { "X-Api-Key": keyShown(server) }))[0], 200);
    });
  });
}

test("a key that is configured is not shown, and each start makes another one", async () => {
  const set = await serve({ events: { enabled: true, api_key: "of-the-operator" } });
  assert.ok(!set.output.includes("of-the-operator"), set.output);
  assert.equal(keyShown(set), undefined, set.stdout);
  assert.equal((await publish(set.port, { "X-Api-Key": "of-the-operator" }))[0], 200);
  const [one, two] = await Promise.all([serveDemo(), serveDemo()]);
  assert.notEqual(keyShown(one), keyShown(two));
  await Promise.all([set, one, two].map((program) => program.stop()));
});

test("a check of the configuration makes and shows no key", async () => {
  const file = writeConfig({ events: { enabled: true } });
  const { code, stdout } = await run(["check-config", file]);
  assert.equal(code, 0);
  assert.equal(stdout, `${file}: the configuration is valid\n`);
});
