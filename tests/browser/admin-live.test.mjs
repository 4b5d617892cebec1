// Our admin page and the page of npm @socket.io/admin-ui while 2,000 clients talk: their structure is the one
// in outlines/, in both languages, at 1280 and 360 px, in the light and in the dark; the pages stay usable.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { io } from "socket.io-client";

import { Program, serve, until } from "../interop/server.mjs";
import { startStarling } from "../interop/socketio/harness.mjs";
import { connectPage, fillLogin, openTab, resizePage, servePage } from "./admin_ui_page.mjs";
import { desktop, launch, layoutFaults, narrow, openPage, shows } from "./browser.mjs";
import { assertOutline, faintTexts, outline } from "./outline.mjs";

const clients_count = 2000;
const key = "ops-key", httpCredentials = { username: "ops", password: key };

// `starling bench` with these arguments, until the test ends it.
function talk(port, path, ...args) {
  return new Program("starling", ["bench", `ws://127.0.0.1:${port}${path}`, "--seconds", "600", ...args]);
}

describe("2,000 clients talk, our page", () => {
  let browser, server, benches = [];
  const api = async (path) => (await fetch(`http://127.0.0.1:${server.adminPort}/admin/api/${path}`,
    { headers: { "x-api-key": key } })).json();
  before(async () => {
    [browser, server] = await Promise.all([launch(), serve({ workers: 2,
      websocket: [{ path: "/echo", kind: "echo" }], socketio: [{ path: "/socket.io/", kind: "broadcast" }] },
    { admin: { payloads: true, key } })]);
    benches = [
      talk(server.port, "/echo", "--connections", String(clients_count / 2), "--rate", "500"),
      talk(server.port, "/socket.io/", "--scenario", "socketio-fanout", "--connections",
        String(clients_count / 2), "--rate", "1")];
    await until(async () => (await api("stats")).now.connections >= clients_count, "2,000 clients");
  });
  after(async () => {
    await Promise.all(benches.map((bench) => bench.stop()));
    await browser?.close();
    await server?.stop();
  });

  for (const [size, options] of [["desktop", desktop], ["phone", narrow]])
    test(`the structure of the page, ${size}`, async () => {
      const page = await openPage(browser, `http://127.0.0.1:${server.adminPort}/`, { ...options, httpCredentials });
      await page.waitForSelector("#found tr:nth-child(100)");
      await page.waitForSelector("#workerRows tr:nth-child(2)");
      await page.selectOption("#search [name=kind]", "websocket");
      await page.click("#found tr button:has-text('Follow')");
      await page.waitForSelector("#messages li");
      await shows(page, "[data-series=connections] b", "200");
      for (const [language, words] of [["en", "Connections"], ["zh", "连接"]]) {
        await page.click(`[data-language=${language}]`);
        await shows(page, "#connections h2", words);
        for (const colorScheme of ["light", "dark"]) {
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          assertOutline(`admin-${language}`, await outline(page));
          assert.deepEqual(await faintTexts(page), [], `${language}, ${colorScheme}`);
          assert.deepEqual(await layoutFaults(page), [], `${language}, ${colorScheme}`);
        }
      }
      const columns = await page.evaluate(() => getComputedStyle(document.getElementById("graphs"))
        .gridTemplateColumns.split(" ").length);
      assert.equal(columns, size === "desktop" ? 4 : 2);
      assert.deepEqual(page.faults, []);
      await page.context().close();
    });

  test("rows have an end, and the server answers beside them", async () => {
    const page = await openPage(browser, `http://127.0.0.1:${server.adminPort}/`, { ...desktop, httpCredentials });
    await page.waitForSelector("#found tr:nth-child(100)");
    // A row that is there stays the same element when the list comes again.
    const first = await page.$("#found tr");
    await page.evaluate(() => { window.seen = document.querySelector("[data-series=connections] canvas").ariaLabel; });
    for (let pages = 1; pages < 4; ++pages) {
      await page.click("#more");
      await page.waitForSelector(`#found tr:nth-child(${pages * 100 + 1})`);
    }
    assert.equal(await page.locator("#found tr").count(), 400);
    assert.equal(await first.evaluate((row) => row.isConnected), true);
    const { errors } = await api("errors");
    assert.deepEqual(errors, []);
    await page.context().close();
  });
});

describe("2,000 clients talk, the page of npm", () => {
  let browser, bench, files, server;
  before(async () => {
    [browser, files] = await Promise.all([launch(), servePage()]);
    server = await startStarling("--workers", "2", "--admin-ui", "development", "--cors", files.origin);
    bench = talk(server.port, "/socket.io/", "--scenario", "socketio-ack", "--connections", String(clients_count),
      "--rate", "500");
    const one = io(`http://127.0.0.1:${server.port}`, { transports: ["websocket"] });
    await until(async () => await one.emitWithAck("connections") === clients_count + 1, "2,000 clients");
    one.close();
  });
  after(async () => {
    await bench?.stop();
    await browser?.close();
    await server?.stop();
    files?.close();
  });

  test("the structure of its tabs, and events fill the list", async () => {
    const page = await openPage(browser, `${files.origin}/`, desktop);
    await fillLogin(page, `http://127.0.0.1:${server.port}`, "changeit");
    await connectPage(page);
    const check = async (name) => {
      for (const [size, { viewport }] of [["narrow", narrow], ["desktop", desktop]]) {
        await resizePage(page, viewport);
        assertOutline(`admin-ui-${name || "dashboard"}-${size}`, await outline(page, ".v-main"));
      }
    };
    // First, since each event makes the page draw this list again, up to 1,000 lines.
    await openTab(page, "events");
    await shows(page, "td", "Event received");
    await check("events");
    await page.locator("tbody tr button").first().click();
    await shows(page, "td[colspan]", "Event arguments");

    await openTab(page, "servers");
    await shows(page, "td", String(clients_count + 1));
    await check("servers");
    await openTab(page, "sockets");
    await shows(page, ".v-data-footer", `1-20 of ${clients_count}`);
    await check("sockets");
    await openTab(page, "rooms");
    await shows(page, "td", "No data available");  // Own rooms of sockets are hidden.
    await check("rooms");
    await openTab(page, "clients");
    await shows(page, ".v-data-footer", `1-20 of ${clients_count + 1}`);
    await check("clients");
    await openTab(page, "");
    await shows(page, "td", "WebSocket");
    await shows(page, "td", "/admin-ui");
    await check("");
    // In the dark, with the session that the page keeps.
    await page.evaluate(() => localStorage.setItem("dark_theme", "true"));
    await page.reload();
    await page.waitForSelector(".theme--dark.v-application");
    await shows(page, "td", "WebSocket");
    await shows(page, "td", "/admin-ui");
    await check("");
    await page.context().close();
  });
});
