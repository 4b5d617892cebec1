// The metrics against a real Prometheus: it scrapes, and every expression of the dashboard and of the
// alert rules finds something.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { io } from "socket.io-client";

import { Application } from "../applications/application.mjs";
import { open } from "./client.mjs";
import { folder, Prometheus, promtool, requirePrometheus } from "./prometheus.mjs";
import { Redis } from "./redis.mjs";
import { serve, until } from "./server.mjs";

const metrics = (server, accept = "text/plain") =>
  fetch(`http://127.0.0.1:${server.adminPort}/metrics`, { headers: { Accept: accept } });

// A server of a cluster with a client of each kind: WebSocket, events, Socket.IO, gateway.
async function busyServer(t) {
  const redis = await Redis.start(t);
  const application = await Application.start(() => ({}));
  t.after(() => application.stop());
  const server = await serve({
    workers: 2, demo: true, demo_data: ":memory:", cluster: { url: `redis://127.0.0.1:${redis.port}` },
    events: { channels: [{ pattern: "kept", history: { messages: 10, seconds: 60 } }] },
    websocket: [{ path: "/ws-echo", kind: "echo" }, { path: "/all", kind: "broadcast" }],
    gateway: { enabled: true, routes: [{ path: "/gw", application: application.url }] },
  }, { admin: {} });
  t.after(() => server.stop());
  const echo = await open(server.url("/ws-echo"));
  const all = await open(server.url("/all"));
  const gateway = await open(server.url("/gw"));
  const socket = io(server.url("/", "http"), { transports: ["websocket"], auth: { name: "Ann" } });
  const polling = io(server.url("/", "http"), { transports: ["polling"], upgrade: false, forceNew: true, auth: { name: "Bob" } });
  for (const one of [socket, polling]) await new Promise((resolve, reject) => { one.on("connect", resolve).on("connect_error", reject); });
  t.after(() => {
    for (const one of [echo, all, gateway]) one.end();
    for (const one of [socket, polling]) one.close();
  });
  const talk = async () => {
    echo.socket.send("hello");
    assert.equal(await echo.next(), "hello");
    all.socket.send("to all");
    gateway.socket.send('{"n":1}');
    const passing = await open(server.url("/ws-echo"));
    await passing.close(4001);
  };
  return { server, talk };
}

test("promtool accepts the metrics and the alert rules", async (t) => {
  requirePrometheus();
  const { server, talk } = await busyServer(t);
  await talk();
  const text = await until(async () => {
    const body = await (await metrics(server)).text();
    return /starling_websocket_closes_total\{code="4xxx"\}/.test(body) && body;
  }, "the figures");
  // promtool fails for wrong text, and prints what breaks the conventions of names.
  const { stdout, stderr } = await promtool(["check", "metrics"], text);
  assert.equal(stdout + stderr, "");
  await promtool(["check", "rules", path.join(folder, "alerts.yml")]);
});

test("a hundred scrapes at once share one collection", async (t) => {
  const server = await serve({}, { admin: {} });
  t.after(() => server.stop());
  const texts = await Promise.all(Array.from({ length: 100 }, async () => (await metrics(server)).text()));
  const cpu = new Set(texts.map((text) => /process_cpu_seconds_total (\S+)/.exec(text)[1]));
  const ticks = new Set(texts.map((text) => /starling_loop_ticks_total\{worker="0"\} (\S+)/.exec(text)[1]));
  // They may fall into two seconds.
  assert.ok(cpu.size <= 3 && ticks.size <= 3, `${cpu.size} and ${ticks.size} collections`);
});

test("each expression of the dashboard finds something in a real scrape", async (t) => {
  requirePrometheus();
  const { server, talk } = await busyServer(t);
  await talk();
  const prometheus = await Prometheus.start(t, [`127.0.0.1:${server.adminPort}`]);
  const dashboard = JSON.parse(readFileSync(path.join(folder, "grafana-dashboard.json"), "utf8"));
  const expressions = dashboard.panels.flatMap((panel) => panel.targets.map((target) =>
    target.expr.replaceAll("$job", ".+").replaceAll("$instance", ".+")));
  assert.ok(expressions.length > 25);
  const missing = new Set(expressions);
  await until(async () => {
    await talk();
    for (const expression of missing) {
      const result = await prometheus.query(expression);
      if (result.length > 0 && result.every(({ value }) => value[1] !== "NaN")) missing.delete(expression);
    }
    return missing.size === 0;
  }, "the dashboard's expressions").catch((late) => {
    throw new Error(`${late.message}: nothing for\n${[...missing].join("\n")}`);
  });
  // OpenMetrics is what Prometheus asks for.
  const { activeTargets } = await prometheus.api("targets");
  assert.deepEqual(activeTargets.map(({ health, lastError }) => [health, lastError]), [["up", ""]]);
  const { groups } = await prometheus.api("rules");
  const rules = groups.flatMap((group) => group.rules);
  assert.ok(rules.length >= 10);
  for (const rule of rules) assert.equal(rule.lastError ?? "", "", rule.name);
  const firing = rules.filter((rule) => rule.state === "firing").map((rule) => rule.name);
  assert.deepEqual(firing, []);
});
