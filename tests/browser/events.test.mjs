// Server events in Chromium, over ws and wss: sample pages with only the host changed, the pages
// for trying the endpoints, and pages of another origin.

import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { certificate } from "../interop/certificates.mjs";
import { serve, serveDemo, temporaryFolder } from "../interop/server.mjs";
import { desktop, launch, openPage, overflows, phone, shows } from "./browser.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const address = "wss://www.obisoft.com.cn/";

// The samples as files of the server's own site.
function samples(host) {
  const root = temporaryFolder();
  copyFileSync(path.join(here, "../node_modules/jquery/dist/jquery.js"), path.join(root, "jquery.js"));
  for (const name of ["client.html", "server.html"]) {
    const html = readFileSync(path.join(here, "events_samples", name), "utf8");
    assert.equal(html.split(address).length, 2, "the address stands once in the sample");
    writeFileSync(path.join(root, name), html.replace(address, host));
  }
  return root;
}

async function trySamples(browser, server, scheme, options = desktop) {
  const client = await openPage(browser, server.url("/client.html", scheme), options);
  await shows(client, "#spanStatus", "connected");
  await client.click("#btnSend");
  await shows(client, "#spanStatus", "WS echo from server:Message");
  const listener = await openPage(browser, server.url("/server.html", scheme), options);
  await shows(listener, "#spanStatus", "connected");
  await client.evaluate(() => fetch("/api"));
  await listener.waitForFunction(() => /^WS Server Event:Index Viewd \d+\/\d+\/\d{4} [\d:]{8}$/
    .test(document.getElementById("spanStatus").textContent));
  for (const page of [client, listener]) {
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
}

describe("the samples of the document", () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(() => browser?.close());

  // The folder is filled once the server's address is known.
  for (const [scheme, socket] of [["http", "ws"], ["https", "wss"]]) {
    test(`over ${socket}`, async () => {
      const tls = socket === "wss";
      const root = temporaryFolder();
      const { cert, key } = certificate(root, "localhost");
      const server = await serve({ root, events: { enabled: true },
        ...(tls ? { tls: { certificates: [{ cert, key }] } } : {}) }, { tls });
      const filled = samples(`${socket}://127.0.0.1:${server.port}/`);
      for (const name of ["jquery.js", "client.html", "server.html"]) {
        copyFileSync(path.join(filled, name), path.join(root, name));
      }
      await trySamples(browser, server, scheme, { ...desktop, ignoreHTTPSErrors: tls });
      await server.stop();
    });
  }
});

describe("the pages to try events", () => {
  let server;
  let browser;
  before(async () => { [server, browser] = await Promise.all([serveDemo(), launch()]); });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  const url = (target) => server.url(target, "http");
  const pages = ["/ws/ClientEvent", "/ws/ServerEvent?ref=ApiIndex"];

  for (const [device, options] of [["desktop", desktop], ["phone", phone]]) {
    for (const target of pages) {
      test(`${target} fits a ${device} in both languages`, async () => {
        const page = await openPage(browser, url(target), options);
        for (const language of ["zh", "en"]) {
          await page.click(`[data-language=${language}]`);
          assert.equal(await overflows(page), false, language);
        }
        assert.deepEqual(page.faults, []);
        await page.context().close();
      });
    }
  }

  test("ClientEvent: an answer to each text", async () => {
    const page = await openPage(browser, url(pages[0]));
    await shows(page, "#spanStatus", "connected");
    await page.fill("#textInput", "<b>你好</b>");
    await page.click("#btnSend");
    await shows(page, "#spanStatus", "WS echo from server:<b>你好</b>");
    assert.equal(await page.locator("#spanStatus b").count(), 0);
    assert.deepEqual(page.faults, []);
  });

  test("ServerEvent: a visit of /api is seen by another page", async () => {
    const [one, two] = [await openPage(browser, url(pages[1])), await openPage(browser, url(pages[1]))];
    for (const page of [one, two]) await shows(page, "#spanStatus", "connected");
    await one.click("#visit");
    for (const page of [one, two]) await shows(page, "#spanStatus", "WS Server Event:Index Viewd ");
    await two.fill("#channel", "ArticleMessage256");
    await two.click("#listen");
    await two.waitForURL("**/ws/ServerEvent?Ref=ArticleMessage256");
    await shows(two, "#spanStatus", "connected");
    for (const page of [one, two]) assert.deepEqual(page.faults, []);
  });

  test("ServerEvent: a channel that is not there is told", async () => {
    const page = await openPage(browser, url("/ws/ServerEvent?ref=Nothing"));
    await shows(page, "#spanStatus", "refused");
  });
});

describe("pages of another origin", () => {
  let listed;
  let other;
  let events;
  let browser;
  before(async () => {
    const root = temporaryFolder();
    writeFileSync(path.join(root, "index.html"),
      "<!DOCTYPE html><title>page</title><link rel=icon href=data:,>");
    [listed, other, browser] = await Promise.all([serve({ root }), serve({ root }), launch()]);
    events = await serve({ events: { enabled: true, api_key: "key",
      origins: [`http://127.0.0.1:${listed.port}`] } });
  });
  after(async () => {
    await browser?.close();
    await Promise.all([listed, other, events].map((server) => server?.stop()));
  });

  // The first event that the page receives, or "refused".
  const listen = (page, scheme, options) => page.evaluate(([url, given]) => new Promise((resolve) => {
    const source = url.startsWith("ws") ? new WebSocket(url) : new EventSource(url, given);
    source.onmessage = ({ data }) => resolve(data);
    source.onerror = () => resolve("refused");
    source.onopen = () => window.reportOpen();
  }), [events.url(`/${scheme === "ws" ? "ws" : "sse"}/ServerEvent?Ref=ArticleMessage1`, scheme), options]);

  const publish = () => fetch(events.url("/api/publish", "http"), { method: "POST",
    headers: { "X-Api-Key": "key" }, body: '{"channel":"ArticleMessage1","event":"GotNew"}' });

  for (const [scheme, options] of [["ws"], ["http", {}], ["http", { withCredentials: true }]]) {
    const what = `${scheme} ${options ? JSON.stringify(options) : ""}`;
    test(`may listen where they are listed, and nowhere else: ${what}`, async () => {
      const page = await openPage(browser, listed.url("/", "http"));
      await page.exposeFunction("reportOpen", publish);
      assert.equal(await listen(page, scheme, options), "WS Server Event:GotNew");
      assert.deepEqual(page.faults, []);
      await page.context().close();
      const foreign = await openPage(browser, other.url("/", "http"));
      await foreign.exposeFunction("reportOpen", publish);
      assert.equal(await listen(foreign, scheme, options), "refused");
      await foreign.context().close();
    });
  }

  test("a listed page reads why it is refused, and may send a token with fetch", async () => {
    const page = await openPage(browser, listed.url("/", "http"));
    const url = events.url("/sse/ServerEvent?Ref=SystemMessagea@b", "http");
    const status = await page.evaluate((target) =>
      fetch(target, { headers: { Authorization: "Bearer forged" } }).then((answer) => answer.status), url);
    assert.equal(status, 401);
    await page.context().close();
  });
});
