// Addresses of the application of `starling gateway`: a Unix-domain socket, TLS, a host name. Also the limit of all
// queues together.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import https from "node:https";
import path from "node:path";
import { describe, test } from "node:test";

import { Application } from "../applications/application.mjs";
import { certificate } from "./certificates.mjs";
import { open, refusal } from "./client.mjs";
import { openAs, startGateway } from "./gateway.mjs";
import { freePort, temporaryFolder, until } from "./server.mjs";

const labels = (webhooks) => webhooks.map(({ action, data }) => data.n ?? action);

async function visit(gateway) {
  const client = await openAs(gateway, "ada");
  client.socket.send('{"n":1}');
  return client.close();
}

describe("an application", () => {
  test("on a Unix-domain socket", async () => {
    const socket = path.join(temporaryFolder(), "app.sock");
    const application = await Application.start(() => ({}), { port: socket });
    const gateway = await startGateway({ application: `unix:${socket}:/hooks/message` });
    await visit(gateway);
    await application.next("close");
    assert.deepEqual(labels(application.webhooks), ["open", 1, "close"]);
    assert.deepEqual([...new Set(application.webhooks.map((webhook) => webhook.path))], ["/hooks/message"]);
    await gateway.stop();
    await application.stop();
  });

  test("at a name, with a query", async () => {
    const application = await Application.start();
    const gateway = await startGateway({ application: `http://localhost:${application.port}/hook?app=1` });
    await visit(gateway);
    assert.equal((await application.next("close")).path, "/hook?app=1");
    assert.equal(application.webhooks[0].headers.host, `localhost:${application.port}`);
    await gateway.stop();
    await application.stop();
  });

  test("keeps its connections: webhooks behind each other need one", async () => {
    const application = await Application.start();
    const gateway = await startGateway({ application: application.url });
    for (let i = 0; i < 5; i += 1) {
      await visit(gateway);
      await application.next("close");
    }
    assert.equal(application.webhooks.length, 15);
    assert.ok(application.connections <= 3, `${application.connections} connections`);
    await gateway.stop();
    await application.stop();
  });

  for (const [what, trusted] of [["a certificate that ca_path has signed", true],
    ["a certificate that nobody has signed", false]]) {
    test(`behind TLS, with ${what}: ${trusted ? "served" : "gets nothing"}`, async () => {
      const folder = temporaryFolder();
      const { cert, key } = certificate(folder, "localhost");
      const webhooks = [];
      const server = https.createServer({ cert: readFileSync(cert), key: readFileSync(key) },
        async (request, response) => {
          let text = "";
          for await (const chunk of request) text += chunk;
          webhooks.push(JSON.parse(text));
          response.end();
        });
      const port = await freePort();
      await new Promise((resolve) => { server.listen(port, "127.0.0.1", resolve); });
      const gateway = await startGateway({ application: `https://localhost:${port}/`,
        route: { retry_for_s: 0, close_retry_for_s: 0, ...(trusted ? { ca_path: cert } : {}) } });
      await visit(gateway);
      if (trusted) {
        await until(() => webhooks.length === 3, "three webhooks");
        assert.deepEqual(labels(webhooks), ["open", 1, "close"]);
      } else {
        await until(() => gateway.output.includes("gateway: a webhook is given up"), "the line");
        assert.equal(webhooks.length, 0);
      }
      await gateway.stop();
      server.closeAllConnections();
      server.close();
    });
  }
});

test("all queues together: beyond the bound new clients get 503, until there is room again", async () => {
  const port = await freePort();
  const application = await Application.start(() => ({}), { port });
  const gateway = await startGateway({ application: application.url, options: { queues_bytes_max: 1024 * 1024 } });
  await application.stop();
  const clients = [];
  const filler = JSON.stringify({ n: 1, filler: "x".repeat(300_000) });
  for (let i = 0; i < 4; i += 1) {
    const client = await openAs(gateway, `u${i}`);
    clients.push(client);
    client.socket.send(filler);
  }
  const status = () => refusal(gateway.url("/ws")).then((refused) => refused.status, () => 101);
  await until(async () => await status() === 503, "the bound");
  for (const { socket } of clients) socket.send('{"n":2}');
  await application.listen(port);
  const late = await until(() => open(gateway.url("/ws")).catch(() => null), "room");
  await Promise.all([late, ...clients].map((client) => client.close()));
  // The refused ones that came before the bound was reached have no name.
  await application.when((all) => all.filter(({ action, user_name }) => action === "close" && user_name).length === 4,
    "4 closes");
  assert.equal(application.webhooks.filter(({ data }) => data.n === 2).length, 4, "nothing is lost");
  await gateway.stop();
  await application.stop();
});
