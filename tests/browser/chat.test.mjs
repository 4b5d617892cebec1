// The chat page in Chromium: two people, one on a desktop and one on a phone.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { open } from "../interop/client.mjs";
import { Program, serveDemo } from "../interop/server.mjs";
import { desktop, launch, openPage, phone, shows } from "./browser.mjs";

const connected = (page) => page.waitForSelector("#state[data-state=open]");
const lines = (page, kind) =>
  page.locator(`#list li.${kind}`).evaluateAll((items) => items.map((item) => {
    const copy = item.cloneNode(true);
    copy.querySelector("time")?.remove();
    return copy.textContent;
  }));
const online = (page, names) => page.waitForFunction((names) =>
  [...document.querySelectorAll("#people .who")].map((item) => item.textContent).sort().join()
    === [...names].sort().join(), names);

async function say(page, name, msg) {
  await page.fill("#niName", name);
  await page.fill("#msg", msg);
  await page.click("#send");
}

describe("chat page", () => {
  let server;
  let browser;
  before(async () => { [server, browser] = await Promise.all([serveDemo(), launch()]); });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  const enter = async (options) => {
    const page = await openPage(browser, server.url("/chat", "http"), options);
    await connected(page);
    return page;
  };
  const leave = async (...pages) => {
    for (const page of pages) {
      assert.deepEqual(page.faults, []);
      await page.context().close();
    }
  };

  test("two contexts chat; who leaves is announced, and can come back", async () => {
    const ada = await enter(desktop);
    const ming = await enter({ ...phone, locale: "zh-CN" });
    await say(ada, "Ada", "hello");
    await shows(ming, "#list li.message", "Ada:hello");
    await say(ming, "小明", "你好 \"quoted\" \\ {braces}");
    await shows(ada, "#list li.message", '小明:你好 "quoted" \\ {braces}');
    assert.deepEqual(await lines(ada, "message"),
      ["Ada:hello", '小明:你好 "quoted" \\ {braces}']);
    assert.equal(await ada.locator("#list li.mine").count(), 1);
    assert.equal(await ada.inputValue("#msg"), "");

    await ming.click("#close");
    await ming.waitForSelector("#state[data-state=closed]");
    await shows(ada, "#list li.system", "小明 has left.");
    await ada.click("[data-language=zh]");
    await shows(ada, "#list li.system", "小明下线了!");
    await ada.click("[data-language=en]");
    await say(ada, "Ada", "while you were away");
    await shows(ada, "#list li.message", "Ada:while you were away");  // the server has received it
    await ming.click("#reconnect");
    await connected(ming);
    await say(ming, "小明", "back");
    await shows(ada, "#list li.message", "小明:back");
    assert.equal((await lines(ming, "message")).includes("Ada:while you were away"), false);
    await leave(ada, ming);
  });

  test("who is in the room is shown, with and without a name, and when each message came", async () => {
    const seed = await open(server.url("/chat"));  // Offers no subprotocol: a page as the tutorial has it.
    const ada = await enter(desktop);
    await online(ada, ["(no name yet)", "(no name yet)"]);
    assert.equal(await ada.textContent("#count"), "2");
    await say(ada, "Ada", "hello");
    await online(ada, ["(no name yet)", "Ada"]);
    assert.equal(await ada.textContent("#people li:has-text('Ada')"), "Ada(you)");
    const ming = await enter({ ...phone, locale: "zh-CN" });
    await online(ada, ["(no name yet)", "(no name yet)", "Ada"]);
    await ming.evaluate(() => localStorage.setItem("starling.chat.name", "小明"));
    await ming.reload();  // A name that is known is told before its owner speaks.
    await online(ada, ["(no name yet)", "Ada", "小明"]);
    await online(ming, ["（尚无昵称）", "Ada", "小明"]);
    const times = await ada.locator("#list li.message time").evaluateAll((all) =>
      all.map(({ dateTime, textContent }) => [Number(dateTime), textContent]));
    assert.equal(times.length, 1);
    assert.ok(Math.abs(Date.now() - times[0][0]) < 60_000);
    assert.match(times[0][1], /^\d\d:\d\d$/);
    await seed.close();
    await online(ada, ["Ada", "小明"]);
    await ming.click("#close");
    await online(ada, ["Ada"]);
    assert.equal(await ming.textContent("#count"), "0");
    // The pages of an earlier test may have left meanwhile. There is no word about members.
    let line = await seed.next();
    while (line.endsWith("下线了!")) line = await seed.next();
    assert.equal(line, "Ada:hello");
    await leave(ada, ming);
  });

  test("a message is text, never HTML", async () => {
    const page = await enter(desktop);
    const html = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    await say(page, "<b>Eve</b>", html);
    await shows(page, "#list li.message", `<b>Eve</b>:${html}`);
    assert.equal(await page.locator("#list img, #list script, #list b").count(), 0);
    await leave(page);
  });

  test("an empty name or message is refused in the page", async () => {
    const page = await enter({ ...desktop, locale: "zh-CN" });
    const refused = async (name, msg, field) => {
      await say(page, name, msg);
      await page.waitForFunction(() =>
        document.querySelector("#formError[role=alert]").textContent === "请补全信息!");
      assert.equal(await page.getAttribute(`#${field}`, "aria-invalid"), "true");
      assert.equal(await page.evaluate(() => document.activeElement.id), field);
    };
    await refused("", "hello", "niName");
    await refused("Ada", "", "msg");
    await refused("  ", "  ", "niName");
    assert.deepEqual(await lines(page, "message"), []);
    await say(page, "Ada", "complete");
    await shows(page, "#list li.message", "Ada:complete");
    assert.equal(await page.textContent("#formError"), "");
    await leave(page);
  });

  test("Enter sends, Shift+Enter does not; the name is remembered", async () => {
    const page = await enter(desktop);
    await page.fill("#niName", "Ada");
    await page.fill("#msg", "one");
    await page.press("#msg", "Shift+Enter");
    await page.type("#msg", "two");
    await page.press("#msg", "Enter");
    await shows(page, "#list li.message", "Ada:one\ntwo");
    await page.reload();
    await connected(page);
    assert.equal(await page.inputValue("#niName"), "Ada");
    await leave(page);
  });

  test("the server's error is shown to the one who caused it", async () => {
    const page = await enter(desktop);
    const other = await open(server.url("/chat"));
    // The page sends only valid JSON, so the test breaks the JSON on its way to the socket.
    await page.evaluate(() => {
      const send = WebSocket.prototype.send;
      WebSocket.prototype.send = function broken() {
        WebSocket.prototype.send = send;
        send.call(this, "no json");
      };
    });
    await say(page, "Ada", "lost");
    await shows(page, "#list li.fault", "Server: ");
    await say(page, "Ada", "fine");
    // The page of an earlier test may still be disconnecting.
    let line = await other.next();
    while (line.endsWith("下线了!")) line = await other.next();
    assert.equal(line, "Ada:fine");
    await other.close();
    await leave(page);
  });

  test("after the server was away the page comes back by itself", async () => {
    const own = await serveDemo();
    const page = await openPage(browser, own.url("/chat", "http"), desktop);
    await connected(page);
    await own.stop();
    await shows(page, "#state", "Reconnecting");
    await say(page, "Ada", "kept");
    await shows(page, "#formError", "Not connected");
    assert.equal(await page.inputValue("#msg"), "kept");
    const again = await new Program("starling",
      ["serve", "--demo", "--listen", `127.0.0.1:${own.port}`], { port: own.port })
      .ready((port) => fetch(`http://127.0.0.1:${port}/healthz`).then(({ ok }) => ok, () => false));
    await connected(page);
    await page.click("#send");
    await shows(page, "#list li.message", "Ada:kept");
    await page.context().close();  // refused connections are console errors here, as expected
    await again.stop();
  });
});
