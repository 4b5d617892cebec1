// The samples of docs/gateway.md, run as they stand there but for their ports; tools/lint finds a difference in
// docs/gateway.zh.md.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { Application } from "../applications/application.mjs";
import { open } from "./client.mjs";
import { enter, openAs, startGateway } from "./gateway.mjs";
import { Program, freePort, repository, run, temporaryFolder, until } from "./server.mjs";

const execute = promisify(execFile);
// {"app.mjs": text, ...} of a guide: the word behind a sample's language names the sample.
function samplesOf(name) {
  const guide = readFileSync(path.join(repository, "docs", name), "utf8");
  return Object.fromEntries([...guide.matchAll(/^```\w+ (\S+)\n([^]*?)^```$/gm)].map(([, what, text]) => [what, text]));
}
const samples = samplesOf("gateway.md");

test("the samples are those that the tests below run", () => {
  assert.deepEqual(Object.keys(samples), ["app.mjs", "app.py", "client.mjs", "answer", "send", "sent", "webhook",
    "actions", "accept", "topic", "list", "listed", "close", "verify.mjs", "verify.py", "starling.yaml"]);
});

function write(name, replaced) {
  const file = path.join(temporaryFolder(), name);
  writeFileSync(file, replaced);
  return file;
}

for (const [name, command] of [["app.mjs", [process.execPath]], ["app.py", ["python3", "-B"]]]) {
  describe(`five minutes with ${name}`, () => {
    let port;
    let application;
    let gateway;
    before(async () => {
      port = await freePort();
      const file = write(name, samples[name].replace("3010", String(port)));
      application = await new Program(file, [], { port, prefix: command }).ready(() =>
        fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: '{"action":"open","conn_id":"","data":{}}' })
          .then(({ ok }) => ok, () => false));
      gateway = await startGateway({ application: `http://127.0.0.1:${port}/websocket/message` });
    });
    after(() => Promise.all([application?.stop(), gateway?.stop()]));
    const shell = async (sample) => (await execute("bash", ["-c",
      samples[sample].replaceAll("localhost:40010", `127.0.0.1:${gateway.port}`)],
    { env: { ...process.env, KEY: gateway.key } })).stdout;

    test("the client gets the answer that is printed", async () => {
      const text = samples["client.mjs"].replace("localhost:40010", `127.0.0.1:${gateway.port}`)
        .replace('"ws"', JSON.stringify(import.meta.resolve?.("ws") ?? "ws"));
      const client = new Program(write("client.mjs", text), [], { prefix: [process.execPath] });
      await until(() => client.stdout.includes("\n"), "the answer");
      assert.deepEqual(JSON.parse(client.stdout), JSON.parse(samples.answer));
      if (name === "app.mjs") assert.equal(client.stdout, samples.answer);
      await until(() => application.stdout.includes("message"), "the application's line");
      client.signal("SIGKILL");
      await client.exited;
      await until(async () => (await gateway.list()).length === 0, "its end");
    });

    test("the requests of the control API get what is printed", async () => {
      const client = await open(gateway.url("/ws"));
      assert.equal(await shell("send"), samples.sent.trimEnd());
      assert.equal(await client.next(), '{"event":"news","data":"hi"}');
      assert.equal(await shell("topic"), samples.sent.trimEnd().repeat(2));
      assert.equal(await client.next(), '{"event":"news"}');
      const id = /[0-9a-f]{8}-[0-9a-f-]{27}/;
      assert.equal((await shell("list")).replace(id, "2f1c..."), samples.listed.trimEnd());
      assert.equal(await shell("close"), samples.sent.trimEnd());
      assert.deepEqual(await client.closed, { code: 4001, reason: "bye" });
    });
  });
}

test("the webhook and the actions that are printed", async () => {
  const application = await Application.start(({ action }) => (action === "message"
    ? { headers: { "Content-Type": "application/vnd.starling.actions+json" }, body: samples.actions } : {}));
  const gateway = await startGateway({ application: application.url });
  const ben = await enter(gateway, application, "ben");
  const { client, id } = await enter(gateway, application, "ada", { token: "t0k3n" });
  client.socket.send(JSON.stringify(JSON.parse(samples.webhook).data));
  const { text } = await application.next("message");
  assert.equal(text.replace(id, "2f1c..."), samples.webhook.trimEnd());
  assert.equal(await client.next(), '{"event":"welcome"}');
  assert.equal(await client.next(), '{"event":"joined"}');
  assert.equal(await ben.client.next(), '{"event":"psst"}');
  assert.deepEqual(await client.closed, { code: 4000, reason: "done" });
  await gateway.stop();
  await application.stop();
});

test("the acceptance that is printed", async () => {
  const application = await Application.start(({ action }) => (action === "open"
    ? { headers: { "Content-Type": "application/vnd.starling.actions+json" }, body: samples.accept } : {}));
  const gateway = await startGateway({ application: application.url, route: { admission: "ask" } });
  const client = await openAs(gateway, "");
  client.socket.send("{}");
  const { user_name, session } = await application.next("message");
  assert.deepEqual([user_name, session], ["ada", { role: "admin" }]);
  await gateway.stop();
  await application.stop();
});

test("the configuration that is printed is valid", async () => {
  const { code, stderr } = await run(["check-config", write("starling.yaml", samples["starling.yaml"])]);
  assert.equal(code, 0, stderr);
});

describe("the signature", () => {
  const key = `whsec_${Buffer.from("0123456789abcdef01234567").toString("base64")}`;
  const inPython = async (headers, body, with_key) => {
    const file = write("verify.py", `${samples["verify.py"]}
import json, sys
headers, body, key = json.loads(sys.argv[1])
print(is_genuine(headers, body.encode(), key))
`);
    const { stdout } = await execute("python3", ["-B", file, JSON.stringify([headers, body, with_key])]);
    return stdout.trim() === "True";
  };

  test("a webhook of the gateway is genuine to both functions, and no other", async () => {
    const { isGenuine } = await import(write("verify.mjs", samples["verify.mjs"]));
    const application = await Application.start();
    const gateway = await startGateway({ application: application.url, route: { signing_key: key } });
    const { client, opened } = await enter(gateway, application, "ada");
    const { headers, text } = opened;
    const old = { ...headers, "webhook-timestamp": String(Math.floor(Date.now() / 1000) - 301) };
    old["webhook-signature"] = `v1,${createHmac("sha256", Buffer.from(key.slice(6), "base64"))
      .update(`${old["webhook-id"]}.${old["webhook-timestamp"]}.${text}`).digest("base64")}`;
    const unsigned = { ...headers };
    delete unsigned["webhook-signature"];
    const other_key = `whsec_${Buffer.alloc(24).toString("base64")}`;
    for (const [what, given, body, with_key, genuine] of [
      ["as it came", headers, text, key, true],
      ["another body", headers, `${text} `, key, false],
      ["another id", { ...headers, "webhook-id": "x" }, text, key, false],
      ["another key", headers, text, other_key, false],
      ["an old one", old, text, key, false],
      ["without a signature", unsigned, text, key, false],
      ["without headers", {}, text, key, false],
    ]) {
      assert.equal(isGenuine(given, body, with_key), genuine, `Node.js: ${what}`);
      assert.equal(await inPython(given, body, with_key), genuine, `Python: ${what}`);
    }
    await client.close();
    await gateway.stop();
    await application.stop();
  });
});
