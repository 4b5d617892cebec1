// 10,000 clients connect and speak while the application is down: all are let in, and the application gets all of it,
// in order, once it is back. The memory of the gateway stays within its bound (queues_bytes_max).

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Application, distinct } from "../applications/application.mjs";
import { open } from "./client.mjs";
import { startGateway } from "./gateway.mjs";
import { freePort } from "./server.mjs";

const clients_count = 10_000;
const messages = 2;
const queues_bytes_max = 256 * 1024 * 1024;
const descriptors = () => {
  const text = execFileSync("sh", ["-c", "ulimit -n"]).toString().trim();
  return text === "unlimited" ? Infinity : Number(text);
};
const resident_bytes = (pid) =>
  1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);

test(`${clients_count} clients while the application is down`, async (t) => {
  // The clients live in this process, and the gateway keeps 256 descriptors for itself.
  const needed = clients_count + 600;
  if (descriptors() < needed) return t.skip(`${descriptors()} descriptors are allowed, ${needed} are needed`);

  let closes = 0;
  let all_closed;
  const ended = new Promise((resolve) => { all_closed = resolve; });
  const count = ({ action }) => {
    if (action === "close") closes += 1;
    if (closes === clients_count) all_closed();
    return {};
  };
  const port = await freePort();
  const application = await Application.start(count, { port });
  await application.stop();
  const gateway = await startGateway({ application: application.url, config: { workers: 2 },
    options: { queues_bytes_max } });
  const before_bytes = resident_bytes(gateway.pid);

  const clients = [];
  while (clients.length < clients_count) {
    const batch = Array.from({ length: 250 }, (_, i) => open(gateway.url("/ws"), [],
      { headers: { "X-Bfl-User": `u${clients.length + i}` }, localAddress: `127.0.0.${1 + (i % 4)}` }));
    clients.push(...await Promise.all(batch));
  }
  for (const { socket } of clients) for (let n = 0; n < messages; n += 1) socket.send(JSON.stringify({ n }));
  // One half leaves while the application is down, the other half afterwards.
  await Promise.all(clients.filter((_, i) => i % 2 === 0).map((client) => client.close()));
  assert.equal(application.webhooks.length, 0);
  const grown_bytes = resident_bytes(gateway.pid) - before_bytes;
  t.diagnostic(`the gateway has grown by ${Math.round(grown_bytes / clients_count)} bytes for each client`);
  assert.ok(grown_bytes < queues_bytes_max, `${grown_bytes} bytes`);

  await application.listen(port);
  await Promise.all(clients.filter((_, i) => i % 2 === 1).map((client) => client.close()));
  await ended;
  const by_connection = new Map();
  for (const webhook of distinct(application.webhooks)) {
    const { conn_id, action, data } = webhook;
    if (!by_connection.has(conn_id)) by_connection.set(conn_id, []);
    by_connection.get(conn_id).push(action === "message" ? data.n : action);
  }
  assert.equal(by_connection.size, clients_count);
  const expected = ["open", ...Array(messages).keys(), "close"].join();
  for (const [id, got] of by_connection) assert.equal(got.join(), expected, id);
  await gateway.stop();
  await application.stop();
});
