// examples/gateway-chat in Chromium: the application in three languages, each behind the gateway.

import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { startGateway } from "../interop/gateway.mjs";
import { Program, built, freePort, repository } from "../interop/server.mjs";
import { desktop, launch, openPage, overflows, phone, shows } from "./browser.mjs";

const folder = path.join(repository, "examples/gateway-chat");
// [language, program, what runs it]
const applications = [
  ["Node.js", path.join(folder, "node/chat.mjs"), [process.execPath]],
  ["Python", path.join(folder, "python/chat.py"), ["python3", "-B"]],
  ["C++", built("examples/gateway_chat"), []],
];
const answers = (port) => fetch(`http://127.0.0.1:${port}/`).then(({ ok }) => ok, () => false);
const list = (page) => page.locator("#list li").allTextContents();

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

for (const [language, program, prefix] of applications) {
  describe(`the chat in ${language}`, () => {
    let port;
    let application;
    let gateway;
    const start = () => new Program(program, [String(port)], { port, prefix }).ready(answers);
    before(async () => {
      port = await freePort();
      application = await start();
      gateway = await startGateway({ application: `http://127.0.0.1:${port}/websocket/message`,
        env: { STARLING_ORIGINS: `http://127.0.0.1:${port}` } });
    });
    after(() => Promise.all([application?.stop(), gateway?.stop()]));

    async function enter(name, options = desktop) {
      const page = await openPage(browser,
        `http://127.0.0.1:${port}/?gateway=${encodeURIComponent(gateway.url("/ws"))}`, options);
      await shows(page, "#state", "connected");
      await page.fill("#name", name);
      await page.click("#enter button");
      await shows(page, "#state", name);
      return page;
    }
    async function say(page, to, text) {
      await page.selectOption("#to", to);
      await page.fill("#text", text);
      await page.click("#say button");
    }
    async function leave(...pages) {
      for (const page of pages) {
        assert.deepEqual(page.faults, []);
        await page.context().close();
      }
    }

    test("to everybody, to one alone; who leaves is gone", async () => {
      const [ada, ben, ming] = [await enter("Ada"), await enter("Ben"), await enter("小明", phone)];
      for (const page of [ada, ben, ming]) await shows(page, "#state", "here: Ada, Ben, 小明");
      await say(ada, "", "hello <b>all</b>");
      for (const page of [ada, ben, ming]) await shows(page, "#list li.public", "Ada: hello <b>all</b>");
      await say(ming, "Ada", "悄悄话");
      for (const page of [ada, ming]) await shows(page, "#list li.private", "小明 to Ada alone: 悄悄话");
      await say(ben, "", "last");
      for (const page of [ada, ben, ming]) await shows(page, "#list li.public", "Ben: last");
      assert.deepEqual(await list(ada), ["Ada: hello <b>all</b>", "小明 to Ada alone: 悄悄话", "Ben: last"]);
      assert.deepEqual(await list(ben), ["Ada: hello <b>all</b>", "Ben: last"]);
      assert.equal(await ada.locator("#list b").count(), 0);
      assert.equal(await overflows(ming), false);
      await leave(ben);
      for (const page of [ada, ming]) await shows(page, "#state", "here: Ada, 小明");
      await leave(ada, ming);
    });

    test("an application that is started again: the pages enter again by themselves, and nothing is lost", async () => {
      const [ada, ben] = [await enter("Ada"), await enter("Ben")];
      await shows(ada, "#state", "here: Ada, Ben");
      await application.stop();
      await say(ada, "", "while you were away");
      application = await start();
      await shows(ada, "#list li.public", "Ada: while you were away");
      await say(ben, "", "back");
      await shows(ada, "#list li.public", "Ben: back");
      assert.deepEqual(await list(ben), ["Ada: while you were away", "Ben: back"]);
      await leave(ada, ben);
    });

    test("a whisper to somebody who is not here, and a body that is no webhook", async () => {
      const [ada, ben] = [await enter("Ada"), await enter("Ben")];
      await shows(ada, "#state", "here: Ada, Ben");
      await ada.selectOption("#to", "Ben");
      await ada.evaluate(() => document.getElementById("to").append(new Option("Eve")));
      await say(ada, "Eve", "psst");
      await shows(ada, "#list li.fault", "Eve is not here");
      const { status } = await fetch(`http://127.0.0.1:${port}/websocket/message`, { method: "POST", body: "{" })
        .catch(() => ({ status: 400 }));
      assert.ok(status >= 400, `status ${status}`);
      assert.ok(application.alive);
      await leave(ada, ben);
    });
  });
}
