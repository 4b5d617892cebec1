// The community in Chromium: two people in two browser contexts, on a desktop and on a phone.

import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { Program, serveDemo, temporaryFolder } from "../interop/server.mjs";
import { desktop, launch, openPage, overflows, phone, shows } from "./browser.mjs";

const live = (page, id = "articleState") => page.waitForSelector(`#${id}[data-state=open]`);
const texts = (page) => page.locator("#comments .text").allTextContents();

async function login(page, name) {
  await page.click(`#logins button:has-text("${name}")`);
  await live(page, "systemState");
}

async function say(page, text) {
  await page.fill("#text", text);
  await page.click("#post");
}

// Waits for the answer too: the page may show the comment earlier, by another page's push.
async function comment(page, text) {
  await say(page, text);
  await page.waitForFunction(() => document.getElementById("text").value === "");
}

describe("community pages", () => {
  const data = path.join(temporaryFolder(), "demo.sqlite");
  let server;
  let browser;
  before(async () => {
    [server, browser] = await Promise.all([serveDemo(["--data", data]), launch()]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  const enter = async (options, address = "/community/") => {
    const page = await openPage(browser, server.url(address, "http"), options);
    // A reload loses this mark, so a test can tell that the page was not reloaded.
    await page.evaluate(() => { window.sameLoad = true; });
    await live(page);
    await page.waitForSelector("#comments[data-loaded=true]", { state: "attached" });
    return page;
  };
  const leave = async (...pages) => {
    for (const page of pages) {
      assert.deepEqual(page.faults, []);
      assert.equal(await page.evaluate(() => window.sameLoad), true);
      await page.context().close();
    }
  };

  test("one comments, the other sees it without a reload; a script is text", async () => {
    const emma = await enter(desktop);
    const guest = await enter({ ...phone, locale: "zh-CN" });
    await login(emma, "Emma");
    await comment(emma, "hello");
    await shows(guest, "#comments .text", "hello");
    const html = "<script>window.attacked = 1</script><img src=x onerror='window.attacked = 2'>";
    await comment(emma, html);
    await shows(guest, "#comments .text", html);
    await shows(emma, "#comments .text", html);
    assert.deepEqual(await texts(guest), ["hello", html]);
    assert.deepEqual(await texts(emma), ["hello", html]);
    assert.equal(await guest.locator("#comments script, #comments img").count(), 0);
    assert.equal(await guest.evaluate(() => window.attacked), undefined);
    assert.equal(await guest.isVisible("#composer"), false);
    await leave(emma, guest);
  });

  test("comments in quick succession all arrive, whatever the limit drops", async () => {
    const emma = await enter(desktop, "/community/#257");
    const guest = await enter(desktop, "/community/#257");
    const other = await enter(desktop, "/community/#258");
    await login(emma, "Emma");
    const all = ["one", "two", "three", "four", "five"];
    await emma.evaluate(async (list) => {
      const api = await import("/community/api.js");
      for (const text of list) await api.comment(257, text);
    }, all);
    await shows(guest, "#comments .text", "five");
    await shows(emma, "#comments .text", "five");
    assert.deepEqual(await texts(guest), all);
    assert.deepEqual(await texts(emma), all);
    assert.deepEqual(await texts(other), []);
    await leave(emma, guest, other);
  });

  test("a friend request appears, and its acceptance too", async () => {
    const emma = await enter(desktop);
    const ming = await enter({ ...phone, locale: "zh-CN" });
    await login(emma, "Emma");
    await login(ming, "小明");
    await emma.click("#people .others button[data-action=ask]");
    await shows(ming, "#people .incoming", "Emma 想加你为好友");
    await shows(emma, "#people .outgoing", "You asked 小明");
    await ming.click("#people .incoming button[data-action=accept]");
    await shows(emma, "#people .friends", "小明 is your friend");
    await shows(ming, "#people .friends", "Emma 是你的好友");
    await emma.click("#people .friends button[data-action=part]");
    await ming.waitForSelector("#people .others");
    await leave(emma, ming);
  });

  test("a login lasts over a reload until one logs out", async () => {
    const page = await enter(desktop);
    assert.equal(await page.isVisible("#composer"), false);
    await login(page, "小明");
    await page.reload();
    await live(page, "systemState");
    assert.equal(await page.textContent("#userName"), "小明");
    assert.equal(await page.evaluate(() => document.cookie), "");
    await page.click("#logout");
    await page.waitForSelector("#logins button");
    assert.equal(await page.isVisible("#composer"), false);
    await page.evaluate(() => { window.sameLoad = true; });
    await leave(page);
  });

  test("articles are chosen by the address; both languages; nothing overflows", async () => {
    for (const options of [desktop, { ...phone, locale: "zh-CN" }]) {
      const page = await enter(options, "/community/#258");
      const chinese = options.locale === "zh-CN";
      await shows(page, "#articleTitle", chinese ? "四分之一秒" : "A quarter of a second");
      await page.click("#articles a[href='#256']");
      await shows(page, "#articleTitle", chinese ? "通知不是内容" : "A notice is not the news");
      await shows(page, "#articles a[aria-current]", chinese ? "通知" : "notice");
      await page.click(`[data-language=${chinese ? "en" : "zh"}]`);
      await shows(page, "#articleTitle", chinese ? "A notice" : "通知不是内容");
      assert.equal(await overflows(page), false);
      await leave(page);
    }
  });

  test("an empty comment is refused in the page", async () => {
    const page = await enter(desktop);
    await login(page, "Emma");
    const before = (await texts(page)).length;
    await say(page, "  \n ");
    await shows(page, "#formError", "Write something first.");
    await comment(page, "not empty");
    await shows(page, "#comments .text", "not empty");
    assert.equal(await page.textContent("#formError"), "");
    assert.equal((await texts(page)).length, before + 1);
    await leave(page);
  });

  test("what is typed while a comment is on its way stays", async () => {
    const page = await enter(desktop);
    await login(page, "Emma");
    let answer;
    const typed = new Promise((resolve) => { answer = resolve; });
    await page.route("**/comments", async (route) => {
      await typed;
      await route.continue();
    });
    await say(page, "on its way");
    await page.fill("#text", "the next one");
    answer();
    await shows(page, "#comments .text", "on its way");
    await page.waitForSelector("#post:enabled");
    assert.equal(await page.inputValue("#text"), "the next one");
    await leave(page);
  });

  test("a restart keeps the comments, and the page comes back by itself", async () => {
    const file = path.join(temporaryFolder(), "demo.sqlite");
    const own = await serveDemo(["--data", file]);
    const page = await openPage(browser, own.url("/community/", "http"), desktop);
    await live(page);
    await login(page, "Emma");
    await comment(page, "kept");
    await shows(page, "#comments .text", "kept");
    await own.stop();
    await shows(page, "#articleState", "Reconnecting");
    await say(page, "written while it was away");
    await shows(page, "#formError", "Not sent");
    assert.equal(await page.inputValue("#text"), "written while it was away");
    const again = await new Program("starling", ["serve", "--demo", "--listen",
      `127.0.0.1:${own.port}`, "--data", file], { port: own.port })
      .ready((port) => fetch(`http://127.0.0.1:${port}/healthz`).then(({ ok }) => ok, () => false));
    await live(page);
    await live(page, "systemState");
    await page.click("#post");
    await shows(page, "#comments .text", "written while it was away");
    assert.deepEqual(await texts(page), ["kept", "written while it was away"]);
    const fresh = await openPage(browser, again.url("/community/", "http"), desktop);
    await shows(fresh, "#comments .text", "written while it was away");
    assert.deepEqual(await texts(fresh), ["kept", "written while it was away"]);
    await fresh.context().close();
    await page.context().close();  // refused connections are console errors here, as expected
    await again.stop();
  });
});
