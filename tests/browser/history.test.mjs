// History of channels in Chromium: its EventSource connects again by itself and misses nothing, and
// its WebSocket speaks starling.v1.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { serve, temporaryFolder, until } from "../interop/server.mjs";
import { compare, cuttingProxy, publishMany } from "../interop/v1.mjs";
import { launch, openPage } from "./browser.mjs";

test("a page whose connections are cut gets every event once", async () => {
  const root = temporaryFolder();
  writeFileSync(path.join(root, "index.html"), "<!doctype html><title>history</title>");
  const key = "a-key-for-publishers";
  const server = await serve({ root, workers: 2, events: { enabled: true, api_key: key,
    channels: [{ pattern: "news", history: { messages: 1000, seconds: 600 } }] } });
  const proxy = await cuttingProxy(server.port);
  const browser = await launch();
  const page = await openPage(browser, `http://127.0.0.1:${proxy.port}/`);
  await page.evaluate(() => {
    globalThis.streamed = [];
    globalThis.gaps = 0;
    globalThis.source = new EventSource("/sse/ServerEvent?Ref=news");
    globalThis.source.onmessage = ({ data }) => globalThis.streamed.push(data.split(":")[1]);
    globalThis.source.addEventListener("gap", () => { ++globalThis.gaps; });
    // The client of docs/protocol-v1.md, without its pauses.
    const offsets = new Map();
    globalThis.received = [];
    globalThis.lost = 0;
    (function connect() {
      const socket = new WebSocket(`ws://${location.host}/ws/channels`, "starling.v1");
      socket.onopen = () => socket.send(JSON.stringify(
        { type: "subscribe", id: 1, channel: "news", since: offsets.get("news") }));
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "subscribed") {
          if (message.recovered === false) ++globalThis.lost;
          for (const { data: event } of message.messages ?? []) globalThis.received.push(event);
          globalThis.ready = true;
        }
        if (message.type === "message") globalThis.received.push(message.data);
        if (message.offset) offsets.set(message.channel, message.offset);
      };
      socket.onclose = () => setTimeout(connect, 10);
    })();
  });
  await page.waitForFunction(() => globalThis.ready && globalThis.source.readyState === 1);
  const publishers = ["p", "q"];
  const count = 50;
  const published = Promise.all(publishers.map((name) =>
    publishMany(server, key, "news", name, count)));
  await page.waitForFunction(() => globalThis.streamed.length > 5 && globalThis.received.length > 5);
  proxy.cut();
  await published;
  for (const name of ["streamed", "received"]) {
    await until(async () => (await page.evaluate((list) => globalThis[list].length, name)) >=
      publishers.length * count, `${name} to have all events`);
    const got = await page.evaluate((list) => globalThis[list], name);
    assert.deepEqual(compare(got, publishers, count), { lost: [], doubled: [] }, name);
  }
  assert.deepEqual(await page.evaluate(() => [globalThis.gaps, globalThis.lost]), [0, 0]);
  await browser.close();
  proxy.close();
  await server.stop();
});
