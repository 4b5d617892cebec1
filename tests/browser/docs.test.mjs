// The documentation's site in Chromium, as the demo serves it: nothing comes from elsewhere, the pages obey
// the demo's policy, the search finds, and the language switch leads to the same page.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { Program, connects, freePort, repository, run, serveDemo, temporaryFolder, until, writeConfig } from "../interop/server.mjs";
import { desktop, launch, narrow, openPage, overflows, phone } from "./browser.mjs";

describe("the documentation at /docs", () => {
  let server;
  let browser;
  before(async () => {
    if (!existsSync(path.join(repository, "build/docs/index.html")))
      execFileSync(path.join(repository, "tools/docs/build.py"), { stdio: "inherit" });
    [server, browser] = await Promise.all([serveDemo(), launch()]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  // Opens a page, runs the body, and checks that the page had no fault and asked only this server.
  async function read(target, options, body) {
    const page = await openPage(browser, "about:blank", options);
    const hosts = new Set();
    page.on("request", (request) => hosts.add(new URL(request.url()).host));
    await page.goto(server.url(target, "http"));
    await body(page);
    assert.deepEqual([...hosts], [`127.0.0.1:${server.port}`]);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }

  test("/docs leads to the first page, which fits on a phone", async () => {
    for (const options of [desktop, phone])
      await read("/docs", options, async (page) => {
        assert.equal(new URL(page.url()).pathname, "/docs/");
        assert.equal(await overflows(page), false);
      });
  });

  for (const target of ["configuration-keys.html", "zh/http-api.html", "zh/coming-from.html", "api/classstarling_1_1Server.html",
    "api/functions.html"])
    test(`${target} fits in 360 pixels, and is dark where the reader's screen is`, async () => {
      await read(`/docs/${target}`, { ...narrow, colorScheme: "dark" }, async (page) => {
        assert.equal(await overflows(page), false);
        const [background, filter] = await page.evaluate(() => [getComputedStyle(document.body).backgroundColor,
          getComputedStyle(document.documentElement).filter]);
        assert.ok(filter.startsWith("invert") || Math.max(...background.match(/\d+/g)) < 64, `${background} ${filter}`);
      });
    });

  for (const [target, word] of [["/docs/index.html", "backpressure"], ["/docs/index.html", "socket.on(“x”"],
    ["/docs/zh/index.html", "网关的客户端"], ["/docs/zh/index.html", "drain.seconds"]])
    test(`the search on ${target} finds ${word}`, async () => {
      await read(target, desktop, async (page) => {
        await page.click(".md-search__input");
        await page.keyboard.insertText(word);
        const found = await page.waitForSelector(".md-search-result__link");
        await Promise.all([page.waitForURL(/\.html\?h=/), found.click()]);
      });
    });

  test("the language switch leads to the same page in the other language", async () => {
    await read("/docs/gateway.html", desktop, async (page) => {
      for (const [language, pathname] of [["zh", "/docs/zh/gateway.html"], ["en", "/docs/gateway.html"]]) {
        await page.hover(".md-select");
        await page.click(`.md-select__link[hreflang=${language}]`);
        await page.waitForURL(`**${pathname}`);
        assert.equal(await page.getAttribute("html", "lang"), language);
      }
    });
  });
});

// The samples of docs/index.md, as they stand but for the port and the folder.
test("get started: the file, the lines for pages, the publication", async () => {
  const guide = readFileSync(path.join(repository, "docs/index.md"), "utf8");
  const samples = Object.fromEntries([...guide.matchAll(/^```\w+ (\S+)\n([^]*?)^```$/gm)].map(([, name, text]) => [name, text]));
  const folder = temporaryFolder();
  writeFileSync(path.join(folder, "index.html"), '<!doctype html><title>get started</title><link rel="icon" href="data:,">');
  const port = await freePort();
  const file = writeConfig(samples["starling.yaml"].replace("127.0.0.1:8080", `127.0.0.1:${port}`)
    .replace("root: www", `root: ${folder}`));
  assert.equal((await run(["check-config", file])).code, 0);
  const server = await new Program("starling", ["serve", "--config", file],
    { port, env: { STARLING_ADMIN__ENABLED: "false" } }).ready(connects);
  const browser = await launch();
  const page = await openPage(browser, `http://127.0.0.1:${port}/`);
  const printed = [];
  page.on("console", (message) => printed.push(message.text()));
  for (const name of ["websocket.js", "events.js", "channel.js"]) await page.addScriptTag({ content: samples[name] });
  await until(() => printed.includes("heard hello"), "the message");
  await page.waitForFunction("source.readyState === 1 && channel.readyState === 1");
  const publish = samples.publish.replace("localhost:8080", `127.0.0.1:${port}`);
  const { stdout } = await promisify(execFile)("bash", ["-c", publish]);
  assert.equal(stdout, '{"delivered":2,"limited":0}');
  await until(() => printed.filter((line) => line === "WS Server Event:GotNew").length === 2, "the events");
  await page.evaluate("socket.close(1000)");
  await until(() => printed.some((line) => line.startsWith("closed 1000")), "the close");
  assert.deepEqual(page.faults, []);
  await browser.close();
  await server.stop();
});
