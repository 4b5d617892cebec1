// The echo page in Chromium, and the language of the pages.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { serveDemo } from "../interop/server.mjs";
import { desktop, launch, openPage, phone, shows } from "./browser.mjs";

const stateIs = (page, number) =>
  page.waitForSelector(`#readyState [aria-current][data-state="${number}"]`);
const text = (page, selector) => page.textContent(selector);

// Returns whether the canvases show the same pixels, and whether the second one is blank. Compares
// PNG data: reading pixels makes Chromium warn, and a failure should not print a picture.
const canvases = (page) => page.evaluate(() => {
  const [source, destination] = ["source", "destination"].map((id) => document.getElementById(id));
  const blank = document.createElement("canvas");
  [blank.width, blank.height] = [destination.width, destination.height];
  return { equal: source.toDataURL() === destination.toDataURL(),
    blank: destination.toDataURL() === blank.toDataURL() };
});

describe("pages", () => {
  let server;
  let browser;
  before(async () => { [server, browser] = await Promise.all([serveDemo(), launch()]); });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  const url = (path) => server.url(path, "http");

  // Runs a test with a page, which must not have had a fault at the end.
  function onPage(name, path, options, body) {
    test(name, async () => {
      const page = await openPage(browser, url(path), options);
      await body(page);
      assert.deepEqual(page.faults, []);
      await page.context().close();
    });
  }

  onPage("language: by the browser first, then as chosen, and remembered", "/",
    { ...desktop, locale: "zh-CN" }, async (page) => {
      assert.equal(await page.getAttribute("html", "lang"), "zh-CN");
      assert.equal(await text(page, "nav a[aria-current]"), "首页");
      await page.click("[data-language=en]");
      assert.equal(await page.getAttribute("html", "lang"), "en");
      assert.equal(await page.title(), "starling · real-time server");
      await page.goto(url("/echo"));
      assert.equal(await text(page, "h1"), "WebSocket echo");
      await page.click("[data-language=zh]");
      assert.equal(await text(page, "h1"), "WebSocket 回声");
      assert.equal(await page.getAttribute("#textmessage", "placeholder"), "说点什么");
      await page.reload();
      assert.equal(await text(page, "h1"), "WebSocket 回声");
      await stateIs(page, 1);
    });

  onPage("echo: every state, text, the close event", "/echo", desktop, async (page) => {
    await stateIs(page, 1);
    assert.equal(await text(page, "#serverStatus"), "WebSocket Status:: Socket Open");
    await page.fill("#textmessage", "你好 <b>starling</b> 🐦");
    await page.click("#sendText");
    await shows(page, "#serverResponse", "Server Reply:: 你好 <b>starling</b> 🐦");
    assert.equal(await page.locator("#serverResponse b").count(), 0);
    await shows(page, "#roundTrip", "ms");
    // bufferedAmount falls at any time around the answer; the page shows it ten times a second.
    await page.waitForFunction(() => document.getElementById("bufferedAmount").textContent === "0");
    await page.fill("#textmessage", "");
    await page.press("#textmessage", "Enter"); // an empty message is a message
    await page.waitForFunction(() =>
      document.getElementById("serverResponse").textContent === "Server Reply:: ");
    assert.equal(await page.locator("#log li[data-kind=sent]").count(), 2);

    await page.click("#disconnect");
    await stateIs(page, 3);
    assert.equal(await text(page, "#serverStatus"), "WebSocket Status:: Socket Closed");
    assert.equal(await text(page, "#closeEventCode"), "1000");
    assert.equal(await text(page, "#closeEventClean"), "true");
    assert.equal(await page.isDisabled("#sendText"), true);
    await page.click("#connect");
    await stateIs(page, 1);
  });

  onPage("echo: CONNECTING and CLOSING are shown as they pass", "/echo", desktop, async (page) => {
    await stateIs(page, 1);
    const states = await page.evaluate(async () => {
      const current = () => document.querySelector("#readyState [aria-current]").dataset.state;
      document.getElementById("disconnect").click();
      const closing = current();
      const connect = document.getElementById("connect");
      while (connect.disabled) await new Promise(requestAnimationFrame);
      connect.click();
      return [closing, current()];
    });
    assert.deepEqual(states, ["2", "0"]);
    await stateIs(page, 1);
  });

  for (const binaryType of ["blob", "arraybuffer"]) {
    onPage(`echo: the picture comes back as ${binaryType}, pixel for pixel`, "/echo", desktop,
      async (page) => {
        await stateIs(page, 1);
        assert.equal((await canvases(page)).blank, true);
        await page.check(`[name=binaryType][value=${binaryType}]`, { force: true });
        const type = binaryType === "blob" ? "Blob" : "ArrayBuffer";
        await page.click("#sendBinary");
        await shows(page, "#serverData", type);
        assert.deepEqual(await canvases(page), { equal: true, blank: false });

        const box = await page.locator("#source").boundingBox();
        await page.mouse.move(box.x + 20, box.y + 20);
        await page.mouse.down();
        await page.mouse.move(box.x + 200, box.y + 90, { steps: 8 });
        await page.mouse.up();
        assert.equal((await canvases(page)).equal, false, "something was drawn");
        const received = await page.locator("#log li[data-kind=received]").count();
        await page.click("#sendBinary");
        await page.waitForFunction((count) =>
          document.querySelectorAll("#log li[data-kind=received]").length > count, received);
        await page.waitForFunction(() => {
          const url = (id) => document.getElementById(id).toDataURL();
          return url("source") === url("destination");
        });
      });
  }

  onPage("echo: a finger draws on a phone", "/echo", phone, async (page) => {
    await stateIs(page, 1);
    await page.evaluate(() => { window.before = document.getElementById("source").toDataURL(); });
    await page.locator("#source").tap({ position: { x: 60, y: 60 } });
    await page.waitForFunction(() =>
      document.getElementById("source").toDataURL() !== window.before);
  });

  onPage("echo: closing with a chosen code and reason", "/echo", desktop, async (page) => {
    await stateIs(page, 1);
    await page.fill("#closeCode", "1006");
    await page.click("#closeWith");
    await shows(page, "#closeError", "3000");
    assert.equal(await page.getAttribute("#closeCode", "aria-invalid"), "true");
    await page.fill("#closeCode", "4321");
    await page.fill("#closeReason", "水".repeat(42)); // 126 bytes
    await page.click("#closeWith");
    await shows(page, "#closeError", "126");
    await stateIs(page, 1);
    await page.fill("#closeReason", "再见");
    await page.click("#closeWith");
    await stateIs(page, 3);
    assert.equal(await text(page, "#closeEventCode"), "4321");
    // The code comes back (RFC 6455 section 5.5.1). The server may drop the reason.
    assert.match(await text(page, "#closeEventReason"), /^"(再见)?"$/);
    assert.equal(await text(page, "#closeEventClean"), "true");
    assert.equal(await text(page, "#closeError"), "");
  });

  onPage("echo: subprotocols that the browser refuses are explained", "/echo", desktop,
    async (page) => {
      await stateIs(page, 1);
      await page.click("#disconnect");
      await stateIs(page, 3);
      await page.fill("#subprotocol", "not valid");
      await page.click("#connect");
      await page.waitForFunction(() => document.getElementById("connectError").textContent !== "");
      await page.fill("#subprotocol", "");
      await page.click("#connect");
      await stateIs(page, 1);
    });
});
