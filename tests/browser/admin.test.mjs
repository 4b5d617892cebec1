// The admin page in Chromium: a client appears, is followed, and is disconnected.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { open } from "../interop/client.mjs";
import { serve } from "../interop/server.mjs";
import { desktop, launch, openPage, overflows, phone, shows } from "./browser.mjs";

const key = "ops-key", httpCredentials = { username: "ops", password: key };

describe("admin page", () => {
  let browser, server;
  before(async () => {
    [browser, server] = await Promise.all([launch(), serve(
      { workers: 2, websocket: [{ path: "/echo", kind: "echo" }, { path: "/all", kind: "broadcast" }] },
      { admin: { payloads: true, key } })]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  const load = async (options = desktop, { adminPort } = server) => {
    const page = await openPage(browser, `http://127.0.0.1:${adminPort}/`,
      { ...options, httpCredentials });
    await page.waitForSelector("#state[data-state=open]");
    await page.waitForSelector("#workerRows tr");
    return page;
  };
  const finish = async (page) => {
    assert.deepEqual(page.faults, []);
    await page.context().close();
  };

  test("a client appears, is followed, gets a text and is disconnected", async () => {
    const page = await load();
    const client = await open(server.url("/echo"));
    await page.selectOption("#search [name=kind]", "websocket");
    await page.waitForSelector("#found tr:has-text('/echo')");
    await page.click("#found tr button:has-text('Follow')");
    await page.waitForSelector("#followed:not([hidden])");
    // The page follows once the server has answered; until then a message may pass unseen.
    const repeated = setInterval(() => client.socket.send("hello <b>page</b>"), 100);
    await shows(page, "#messages li", "hello <b>page</b>").finally(() => clearInterval(repeated));
    await page.fill("#send [name=text]", "from the page");
    await page.click("#send button");
    for (;;) if (await client.next() === "from the page") break;
    await page.click("#found tr button:has-text('Disconnect')");
    assert.equal((await client.closed).code, 1000);
    await shows(page, "#messages li", "closed: 1000");
    await page.waitForSelector("#nobody:not([hidden])");
    await finish(page);
  });

  test("graphs, workers and the configuration are there, in both languages", async () => {
    const page = await load();
    await page.waitForFunction(() => [...document.querySelectorAll("#graphs b")].length === 20 &&
      document.querySelector("[data-series=resident_bytes] b").textContent !== "");
    assert.equal(await page.locator("#graphs canvas").count(), 20);
    await shows(page, "#configText", '"payloads": true');
    await page.click("[data-language=zh]");
    await shows(page, "h2", "连接");
    await shows(page, "[data-series=connections] span", "连接");
    await page.click("[data-span=coarse]");
    await finish(page);
  });

  test("fits a phone in the dark", async () => {
    const page = await load({ ...phone, colorScheme: "dark" });
    const client = await open(server.url("/echo"));
    await page.waitForSelector("#found tr:has-text('/echo')");
    assert.equal(await overflows(page), false);
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(ground, "rgb(18, 22, 28)");
    client.end();
    await finish(page);
  });

  test("drains after a question, and shows how far it is", async (t) => {
    const draining = await serve({ websocket: [{ path: "/echo", kind: "echo" }], drain: { announce_s: 0, seconds: 600 } },
      { admin: { key } });
    t.after(() => draining.stop());
    const clients = await Promise.all(Array.from({ length: 300 }, () => open(draining.url("/echo"))));
    const page = await load(phone, draining);
    await page.waitForSelector("#drainState[data-state=serving]");
    await shows(page, "[data-series=connections] b", "300");
    await page.click("#drainForm button");
    await shows(page, "#drainAsk[open] p", "Close all 300 connections");
    await page.click("#drainAsk button:has-text('Cancel')");
    assert.equal(draining.alive, true);
    assert.equal(await page.getAttribute("#drainState", "data-state"), "serving");

    await page.fill("#drainForm [name=seconds]", "4");
    await page.click("#drainForm button");
    await page.click("#drainAsk button:has-text('Drain and stop')");
    await page.waitForSelector("#drainState[data-state=closing]");
    assert.equal(await page.isVisible("#drainForm"), false);
    await page.waitForFunction(() => {
      const { value, max } = document.getElementById("drainProgress");
      return max === 300 && value > 0 && value < 300;
    });
    await page.waitForSelector("#drainState[data-state=ended]");
    await shows(page, "#drainState", "the server has stopped");
    for (const client of clients) assert.equal((await client.closed).code, 1012);
    assert.equal((await draining.exited).code, 0);
    await page.context().close();
  });
});
