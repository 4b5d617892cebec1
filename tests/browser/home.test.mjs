// The home page in Chromium: figures, samples, the code for a phone.

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { describe, test } from "node:test";

import jsqr from "jsqr";

import { open } from "../interop/client.mjs";
import { freePort, healthy, Program } from "../interop/server.mjs";
import { desktop, layoutFaults, narrow, openPage, phone, useDemo } from "./browser.mjs";

// Draws the QR code of the page, and reads it.
async function readCode(page) {
  const { side, pixels } = await page.evaluate(async () => {
    const side = 300;
    const text = new XMLSerializer().serializeToString(document.querySelector("#phoneCode svg"));
    const image = new Image(side, side);
    image.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    await image.decode();
    const canvas = new OffscreenCanvas(side, side).getContext("2d");
    canvas.drawImage(image, 0, 0, side, side);
    return { side, pixels: [...canvas.getImageData(0, 0, side, side).data] };
  });
  return jsqr(Uint8ClampedArray.from(pixels), side, side)?.data;
}

describe("home page", () => {
  const demo = useDemo();
  const leave = async (page) => {
    assert.deepEqual(page.faults, []);
    await page.context().close();
  };

  test("health, and links to the pages", async () => {
    const page = await openPage(demo.browser, demo.server.url("/", "http"), desktop);
    await page.waitForSelector("#health[data-state=open]");
    await page.waitForSelector('a.card[href="/docs/"]');
    await page.click('a.card[href="/echo"]');
    await page.waitForSelector("#readyState [aria-current][data-state='1']");
    await page.click('nav a[href="/chat"]');
    await page.waitForSelector("#state[data-state=open]");
    await page.click("header nav a[href^='/ws/']");
    await page.waitForSelector("#spanStatus");
    await leave(page);
  });

  test("the figures are those of the server, and live", async () => {
    const page = await openPage(demo.browser, demo.server.url("/", "http"), desktop);
    const number = (id) => page.waitForFunction((id) => Number(document.getElementById(id).textContent) > 0, id);
    await number("websockets");
    const client = await open(demo.server.url("/echo"));
    const talk = setInterval(() => client.socket.send("hello"), 20);
    try {
      await page.waitForFunction(() => Number(document.getElementById("received_per_s").textContent) >= 10);
      await number("sent_per_s");
    } finally {
      clearInterval(talk);
    }
    const before = Number(await page.textContent("#websockets"));
    await client.close();
    await page.waitForFunction((before) =>
      Number(document.getElementById("websockets").textContent) < before, before);
    assert.match(await page.textContent("#uptime"), /\d+ s/);
    assert.match(await page.getAttribute("#figuresLine", "points"), /^\d+,[\d.]+ \d+,/);
    const figures = await (await fetch(demo.server.url("/figures", "http"))).json();
    assert.deepEqual(Object.keys(figures), ["uptime_s", "workers", "connections", "websockets",
      "socketio_sessions", "requests_per_s", "received_per_s", "sent_per_s", "urls"]);
    assert.deepEqual(figures.urls, []); // Nothing but this machine can open 127.0.0.1.
    await leave(page);
  });

  test("each sample is shown with the server's address, and is copied", async () => {
    const page = await openPage(demo.browser, demo.server.url("/", "http"),
      { ...desktop, permissions: ["clipboard-read", "clipboard-write"] });
    await page.waitForSelector("[name=topic]", { state: "attached" });
    const topics = await page.locator("[name=topic]").evaluateAll((all) => all.map(({ value }) => value));
    assert.deepEqual(topics, ["websocket", "socketio", "sse", "publish"]);
    const seen = new Set();
    for (const topic of topics) {
      await page.check(`[name=topic][value=${topic}]`, { force: true });
      const languages = await page.locator("[name=code]:enabled").evaluateAll((all) => all.map(({ value }) => value));
      for (const language of languages) {
        await page.check(`[name=code][value=${language}]`, { force: true });
        const text = await page.textContent("#sample");
        seen.add(text);
        assert.doesNotMatch(text, /\{(ws|http|key)\}/);
        const own = topic === "publish" && language === "cpp"; // A server of one's own.
        assert.equal(text.includes(`127.0.0.1:${demo.server.port}`), !own, text);
        await page.click(".sample:has(#sample) [data-copy]");
        await page.waitForFunction(async (text) => await navigator.clipboard.readText() === text, text);
      }
      assert.equal(await page.isVisible("#keyHint"), topic === "publish");
    }
    assert.equal(seen.size, 19);
    const button = page.locator(".sample:not(:has(#sample)) [data-copy]");
    await button.click();
    for (const word of ["Copied", "Copy"]) await button.and(page.getByText(word, { exact: true })).waitFor();
    await leave(page);
  });

  test("samples of every topic fit a narrow phone", async () => {
    const page = await openPage(demo.browser, demo.server.url("/", "http"), narrow);
    for (const topic of ["socketio", "sse", "publish"]) {
      await page.check(`[name=topic][value=${topic}]`, { force: true });
      assert.deepEqual(await layoutFaults(page), [], topic);
    }
    await leave(page);
  });

  test("a code for the phone, if another machine can open the page", async () => {
    const page = await openPage(demo.browser, demo.server.url("/", "http"), desktop);
    await page.waitForSelector("#health[data-state=open]");
    assert.equal(await page.isVisible("#phone"), false);
    // As if this machine had two networks.
    await page.route("**/figures", (route) =>
      route.fulfill({ json: { urls: ["http://192.0.2.7:8080", "http://198.51.100.9:8080"] } }));
    await page.reload();
    await page.waitForSelector("#phone");
    assert.equal(await readCode(page), "http://192.0.2.7:8080/");
    await page.selectOption("#phoneChoice", "http://198.51.100.9:8080");
    assert.equal(await readCode(page), "http://198.51.100.9:8080/");
    assert.equal(await page.textContent("#phoneLink"), "http://198.51.100.9:8080/");
    await page.setViewportSize(phone.viewport);
    assert.deepEqual(await layoutFaults(page), []);
    await leave(page);
  });

  test("a server on all addresses tells them to its own machine, and to no other", async () => {
    const port = await freePort();
    const wide = await new Program("starling", ["serve", "--demo", "--listen", `0.0.0.0:${port}`], { port })
      .ready(healthy);
    const own = Object.values(networkInterfaces()).flat()
      .filter(({ family, internal }) => family === "IPv4" && !internal).map(({ address }) => address).slice(0, 8);
    const { urls } = await (await fetch(wide.url("/figures", "http"))).json();
    assert.deepEqual(new Set(urls), new Set(own.map((address) => `http://${address}:${port}`)));
    for (const url of urls) {
      // The peer is that address itself: as far as the server knows, another machine.
      const figures = await (await fetch(`${url}/figures`)).json();
      assert.equal(figures.urls, undefined);
      const page = await openPage(demo.browser, `${url}/`, desktop);
      await page.waitForSelector("#phone");
      assert.equal(await readCode(page), `${url}/`);
      await leave(page);
    }
    await wide.stop();
  });
});
