// The samples of the home page that run in a browser, in a page of another origin, which the flag
// that the home page names lets in.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { fill, samples, values } from "../interop/home_samples.mjs";
import { serveDemo, temporaryFolder, until } from "../interop/server.mjs";
import { desktop, launch } from "./browser.mjs";

const expected = { websocket: /^hello$/m, socketio: /^Ada hello$/m, sse: /^WS Server Event:Index Viewd/m };

describe("samples for browsers", () => {
  let browser;
  let site;
  let script = "";
  before(async () => {
    browser = await launch();
    site = createServer((request, response) => {
      response.setHeader("Content-Type", "text/html");
      response.end(`<!doctype html><link rel="icon" href="data:,"><script>${script}</script>`);
    }).listen(0, "127.0.0.1");
    await once(site, "listening");
  });
  after(async () => {
    await browser?.close();
    site?.close();
  });

  // What the page of `url` writes to the console until `isEnough`.
  async function run(url, isEnough, meanwhile = async () => {}) {
    const context = await browser.newContext(desktop);
    const page = await context.newPage();
    let lines = "";
    page.on("console", (message) => { lines += `${message.text()}\n`; });
    await page.goto(url);
    await until(async () => {
      if (!isEnough.test(lines)) await meanwhile();
      return isEnough.test(lines);
    }, `${isEnough} in: ${lines}`);
    await context.close();
    return lines;
  }

  test("they run in a page of another site that --origin names", async () => {
    const origin = `http://127.0.0.1:${site.address().port}`;
    const server = await serveDemo(["--origin", origin]);
    for (const [topic, shown] of Object.entries(expected)) {
      script = fill(samples[topic].browser, values(server));
      await run(`${origin}/`, shown, async () => { await fetch(server.url("/api", "http")); });
    }
    await server.stop();
  });

  test("they run in a page from a file with --origin null, and not without it", async () => {
    const file = path.join(temporaryFolder(), "page.html");
    for (const [flags, shown] of [[["--origin", "null"], /^hello$/m], [[], /WebSocket connection to .* failed/]]) {
      const server = await serveDemo(flags);
      writeFileSync(file, `<!doctype html><script>${fill(samples.websocket.browser, values(server))}</script>`);
      await run(`file://${file}`, shown);
      await server.stop();
    }
  });
});
