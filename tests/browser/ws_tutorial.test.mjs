// The page of a tutorial on `ws`, unchanged except for the address, against examples/chat. The page
// concatenates its JSON, uses jQuery 3.1.1 and connects to the root path.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { example } from "../interop/server.mjs";
import { launch, openPage, shows } from "./browser.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const address = "ws://172.18.30.237:3000";
const html = readFileSync(path.join(here, "ws_tutorial/05-webSocket.html"), "utf8");
const files = {
  "/05-webSocket.css": ["text/css", path.join(here, "ws_tutorial/05-webSocket.css")],
  "/jquery-3.1.1.js": ["text/javascript", path.join(here, "../node_modules/jquery/dist/jquery.js")],
};

describe("the tutorial's chat page", () => {
  let chat;
  let site;
  let browser;

  before(async () => {
    [chat, browser] = await Promise.all([example("chat"), launch()]);
    site = http.createServer((request, response) => {
      if (request.url === "/") {
        response.setHeader("Content-Type", "text/html; charset=utf-8");
        return response.end(html.replace(address, `ws://127.0.0.1:${chat.port}`));
      }
      const [type, file] = files[request.url] ?? [];
      if (!file) return response.writeHead(request.url === "/favicon.ico" ? 204 : 404).end();
      response.setHeader("Content-Type", type);
      return response.end(readFileSync(file));
    });
    await new Promise((resolve) => { site.listen(0, "127.0.0.1", resolve); });
  });
  after(async () => {
    await browser?.close();
    site?.closeAllConnections?.();
    site?.close();
    await chat?.stop();
  });

  const enter = async () => {
    const page = await openPage(browser, `http://127.0.0.1:${site.address().port}/`);
    await page.waitForFunction(() => ws.readyState === WebSocket.OPEN); // the page's own variable
    return page;
  };
  const say = async (page, name, msg) => {
    await page.fill("#niName", name);
    await page.fill("#msg", msg);
    await page.click("text=发送");
  };

  test("two contexts chat; 退出聊天室 is announced to the other", async () => {
    assert.equal(html.split(address).length, 2, "the address stands once in the page");
    const [ada, ming] = [await enter(), await enter()];
    await say(ada, "Ada", "hello");
    for (const page of [ada, ming]) await shows(page, "ul li", "Ada:hello");
    await say(ming, "小明", "你好");
    for (const page of [ada, ming]) await shows(page, "ul li", "小明:你好");
    await ming.click("text=退出聊天室");
    await shows(ada, "ul li", "小明下线了!");
    assert.deepEqual(await ada.locator("ul li").allTextContents(),
      ["Ada:hello", "小明:你好", "小明下线了!"]);
    for (const page of [ada, ming]) assert.deepEqual(page.faults, []);
  });

  test("an empty field is refused by the page's alert", async () => {
    const page = await enter();
    const alert = new Promise((resolve) => {
      page.once("dialog", async (dialog) => {
        resolve(dialog.message());
        await dialog.accept();
      });
    });
    await say(page, "Ada", "");
    assert.equal(await alert, "请补全信息!");
    assert.equal(await page.locator("ul li").count(), 0);
  });
});
