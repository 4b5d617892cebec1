// All pages of the demo in Chromium: what they have in common, in narrow and wide windows, both colour
// schemes and both languages.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";

import { repository } from "../interop/server.mjs";
import { desktop, layoutFaults, narrow, openPage, useDemo } from "./browser.mjs";

const paths = ["/", "/echo", "/chat", "/socketio/", "/community/", "/ws/ClientEvent",
  "/ws/ServerEvent?Ref=ApiIndex", "/gateway", "/nothing/here"];
const missing = "/nothing/here";

describe("layout", () => {
  const demo = useDemo();

  const open = (path, options) => openPage(demo.browser, demo.server.url(path, "http"), options);
  const leave = async (page, path) => {
    const faults = page.faults.filter((fault) => path !== missing || !/404/.test(fault));
    assert.deepEqual(faults, [], path);
    await page.context().close();
  };

  async function fits(page, path) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      for (const language of ["zh", "en"]) {
        await page.click(`[data-language=${language}]`);
        assert.deepEqual(await layoutFaults(page), [], `${path} ${colorScheme} ${language}`);
      }
    }
    const unnamed = await page.evaluate(() =>
      [...document.querySelectorAll("input, textarea, select, button")].filter((field) =>
        !field.labels?.length && !field.textContent.trim() && !field.ariaLabel)
        .map((field) => field.id));
    assert.deepEqual(unnamed, [], path);
  }

  // English pages have no word of Chinese. One of the users of the community has a Chinese name.
  async function speaksOneLanguage(page, path) {
    await page.click("[data-language=zh]");
    assert.match(await page.title(), /[\u4e00-\u9fff]/, path);
    await page.click("[data-language=en]");
    const chinese = await page.evaluate(() => document.body.innerText.replaceAll("小明", "")
      .replace("中文", "").match(/[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef].*/g));
    assert.equal(chinese, null, path);
  }

  async function namesItsPlaceInTheMenu(page, path) {
    const current = await page.locator("header nav a[aria-current]").evaluateAll((links) =>
      links.map((link) => new URL(link.href).pathname.toLowerCase()));
    const wanted = path === missing ? [] : [path.startsWith("/ws/") ? "/ws/serverevent" : path];
    assert.deepEqual(current, wanted, path);
    // The bold link is wider, so the links behind it may stand a little to the right.
    return page.evaluate(() => ["a.brand", "header nav", "header nav a", ".languages"].map((one) => {
      const { x, y } = document.querySelector(one).getBoundingClientRect();
      return `${one} ${Math.round(x)},${Math.round(y)}`;
    }).join("; "));
  }

  async function saysWhatItShows(page, path) {
    const said = page.locator("p:has(how-made)").first();
    assert.match(await said.innerText(), /^[A-Z].{20,}[.:]\s/, path);
    const script = await said.locator("how-made a").evaluate(async (link) => {
      const answer = await fetch(link.href);
      return [answer.status, answer.headers.get("content-type")];
    });
    assert.equal(script[0], 200, path);
    assert.match(script[1], /javascript/, path);
    const file = await said.locator("how-made code").textContent();
    assert.ok(existsSync(`${repository}/${file}`), file);
  }

  test("every page fits a narrow phone in both schemes and languages", async () => {
    for (const path of paths) {
      const page = await open(path, narrow);
      await fits(page, path);
      await leave(page, path);
    }
  });

  test("every page fits a desktop, speaks one language, and says what it shows; the menu stands still", async () => {
    const places = new Set();
    for (const path of paths) {
      const page = await open(path, desktop);
      await fits(page, path);
      await speaksOneLanguage(page, path);
      places.add(await namesItsPlaceInTheMenu(page, path));
      if (path !== missing) await saysWhatItShows(page, path);
      await leave(page, path);
    }
    assert.equal(places.size, 1, [...places].join("\n"));
  });

  test("what is missing has a page for people, and a line for programs", async () => {
    const page = await open("/nothing/<b>here</b>", desktop);
    assert.equal(await page.textContent("h1"), "There is no page here");
    assert.match(await page.textContent("#missing"), /\/nothing\/%3Cb%3Ehere%3C\/b%3E/);
    await page.click("main a.button");
    await page.waitForSelector("#figures");
    await leave(page, missing);
    const answer = await fetch(demo.server.url("/nothing", "http"), { headers: { accept: "*/*" } });
    assert.deepEqual([answer.status, await answer.text()], [404, "404 Not Found\n"]);
    assert.match(answer.headers.get("content-type"), /^text\/plain/);
  });
});
