// The Socket.IO chat page in Chromium: two people, one on a desktop and one on a phone.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Program, serveDemo } from "../interop/server.mjs";
import { desktop, launch, openPage, overflows, phone, shows } from "./browser.mjs";

const connected = (page) => page.waitForSelector("#state[data-state=open]");
const said = (page) => page.locator("#list li.message .text").allTextContents();
const names = (page) => page.locator("#people .who").allTextContents();

// Waits until exactly these members are online, in any order.
function online(page, ...wanted) {
  return page.waitForFunction((expected) => {
    const listed = [...document.querySelectorAll("#people .who")].map((who) => who.textContent);
    return JSON.stringify(listed.sort()) === expected;
  }, JSON.stringify(wanted.sort()));
}

const transportIs = (page, name) => page.waitForFunction((expected) => {
  const shown = document.getElementById("transport");
  return !shown.hidden && shown.textContent === expected;
}, name);

async function rename(page, name) {
  await page.fill("#name", name);
  await page.locator("#name").blur();
}

async function say(page, text) {
  await page.fill("#text", text);
  await page.click("#send");
}

describe("Socket.IO chat page", () => {
  let server;
  let browser;
  before(async () => { [server, browser] = await Promise.all([serveDemo(), launch()]); });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  const enter = async (name, options = desktop, from = server) => {
    const page = await openPage(browser, from.url("/socketio/", "http"), options);
    await connected(page);
    await rename(page, name);
    await page.waitForFunction((own) => [...document.querySelectorAll("#people button:disabled .who")]
      .some((who) => who.textContent === own), name);
    // A WebSocket ends with its page. Over polling the server notices the end at the ping timeout.
    await transportIs(page, "websocket");
    return page;
  };
  const leave = async (...pages) => {
    const faults = [];
    for (const page of pages) {
      // A client that leaves while it upgrades aborts the WebSocket, and may poll once more with
      // the ended session's id: the browser logs both.
      const given = /WebSocket is closed before the connection is established|^400: .*[?&]sid=/;
      faults.push(...page.faults.filter((fault) => !(page.left && given.test(fault))));
      await page.context().close(); // Also after a failure, since the next test uses the same
                                    // names.
    }
    assert.deepEqual(faults, []);
  };

  test("everyone hears what is said, and sees who is online", async () => {
    const ada = await enter("Ada");
    const ming = await enter("小明", { ...phone, locale: "zh-CN" });
    await online(ada, "Ada", "小明");
    await online(ming, "Ada", "小明");
    assert.equal(await ada.textContent("#count"), "2");
    await say(ada, "hello");
    await shows(ming, "#list .text", "hello");
    await say(ming, "你好 \"quoted\" \\ 🐦");
    await shows(ada, "#list .text", '你好 "quoted" \\ 🐦');
    for (const page of [ada, ming]) {
      assert.deepEqual(await said(page), ["hello", '你好 "quoted" \\ 🐦']);
      assert.equal(await page.locator("#list li.mine").count(), 1);
      assert.equal(await page.inputValue("#text"), "");
      assert.equal(await overflows(page), false);
    }
    assert.deepEqual(await ada.locator("#list .name .who").allTextContents(), ["Ada", "小明"]);
    await leave(ming);
    await shows(ada, "#list li.note", "小明 has left.");
    await online(ada, "Ada");
    await leave(ada);
  });

  test("a private message reaches the one it is for, and nobody else", async () => {
    const [ada, ben, eve] = [await enter("Ada"), await enter("Ben", phone), await enter("Eve")];
    await online(ada, "Ada", "Ben", "Eve");
    await ada.click("#people button:has-text('Ben')");
    assert.equal(await ada.locator("#to option:checked").textContent(), "Ben");
    await say(ada, "only for you");
    await shows(ben, "#list li.private .text", "only for you");
    await shows(ben, "#list li.private .who", "Ada, private");
    await shows(ada, "#list li.private.mine .who", "to Ben, private");
    await ada.selectOption("#to", "");
    await say(ada, "for all");
    await shows(eve, "#list .text", "for all"); // sent later, so the private message is not on its
                                                // way
    assert.deepEqual(await said(eve), ["for all"]);
    assert.deepEqual(await said(ben), ["only for you", "for all"]);
    assert.deepEqual(await said(ada), ["only for you", "for all"]);
    await leave(ada, ben, eve);
  });

  test("a private message whose addressee has left is refused, and not said to everyone", async () => {
    const [ada, ben, eve] = [await enter("Ada"), await enter("Ben"), await enter("Eve")];
    await online(ada, "Ada", "Ben", "Eve");
    await ada.selectOption("#to", { label: "Ben" });
    await ada.fill("#text", "only for you");
    await ben.reload();
    await connected(ben);
    await shows(ada, "#to option:checked", "Ben (has left)");
    await ada.click("#send");
    await shows(ada, "#formError", "has left: nothing was sent");
    assert.equal(await ada.getAttribute("#to", "aria-invalid"), "true");
    assert.equal(await ada.inputValue("#text"), "only for you");
    // A newcomer of the same name is not addressed either: only Ada may choose the newcomer.
    await online(ada, "Ada", "Ben", "Eve");
    await ada.click("#send");
    await shows(ada, "#formError", "has left: nothing was sent");
    await ada.selectOption("#to", { label: "Ben" });
    assert.equal(await ada.textContent("#formError"), "");
    await ada.click("#send");
    await shows(ben, "#list li.private .text", "only for you");
    await ada.selectOption("#to", "");
    await say(ada, "for all");
    await shows(eve, "#list .text", "for all");
    assert.deepEqual(await said(eve), ["for all"]);
    assert.deepEqual(await said(ben), ["only for you", "for all"]);
    await leave(ada, ben, eve);
  });

  test("the addressee is kept while the connection is lost", async () => {
    const own = await serveDemo();
    const [ada, ben] = [await enter("Ada", desktop, own), await enter("Ben", desktop, own)];
    await online(ada, "Ada", "Ben");
    await ada.selectOption("#to", { label: "Ben" });
    await own.stop();
    await shows(ada, "#state", "Reconnecting");
    assert.equal(await ada.locator("#to option:checked").textContent(), "Ben");
    const again = await new Program("starling",
      ["serve", "--demo", "--listen", `127.0.0.1:${own.port}`], { port: own.port })
      .ready((port) => fetch(`http://127.0.0.1:${port}/healthz`).then(({ ok }) => ok, () => false));
    await connected(ada);
    // The new server gave Ben another id, so Ada's page takes him for another person.
    await shows(ada, "#to option:checked", "Ben (has left)");
    await say(ada, "only for you");
    await shows(ada, "#formError", "has left: nothing was sent");
    for (const one of [ada, ben]) await one.context().close(); // faults: refused connections
    await again.stop();
  });

  test("typing is shown to others while it lasts", async () => {
    const [ada, ben] = [await enter("Ada"), await enter("Ben")];
    await ada.type("#text", "something long");
    await shows(ben, "#typing", "Ada");
    assert.equal(await ada.textContent("#typing"), "");
    await ada.click("#send");
    await shows(ben, "#list .text", "something long");
    await ben.waitForFunction(() => document.getElementById("typing").textContent === "");
    await leave(ada, ben);
  });

  test("a new name is told to all; one that the server refuses is not taken", async () => {
    const [ada, ben] = [await enter("Ada"), await enter("Ben")];
    await rename(ada, "Ada Lovelace");
    await online(ben, "Ada Lovelace", "Ben");
    await rename(ada, "  ");
    await shows(ada, "#formError", "refuses this name");
    assert.equal(await ada.getAttribute("#name", "aria-invalid"), "true");
    assert.deepEqual((await names(ben)).sort(), ["Ada Lovelace", "Ben"]);
    // The option is asked for at the handshake, and refused there.
    ada.left = true;
    await ada.click("#leave");
    await ada.click("#reconnect");
    await shows(ada, "#state", "Refused");
    await shows(ada, "#formError", "refuses this name");
    await ada.fill("#name", "Ada");
    await ada.click("#reconnect");
    await online(ben, "Ada", "Ben");
    await transportIs(ada, "websocket");
    await leave(ada, ben);
  });

  test("words and names are text, never HTML", async () => {
    const [eve, ada] = [await enter("<b>Eve</b>"), await enter("Ada")];
    const html = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    await say(eve, html);
    await shows(ada, "#list .text", html);
    // Chosen by name: a member that left by closing the page may still be listed for a while.
    await ada.locator("#people button:not(:disabled)", { hasText: "<b>Eve</b>" }).first().click();
    await say(ada, html);
    await shows(eve, "#list li.private .text", html);
    for (const page of [eve, ada]) {
      assert.equal(await page.locator("main :is(img, script, b)").count(), 0);
    }
    assert.equal(await ada.locator("#to option:checked").textContent(), "<b>Eve</b>");
    await leave(eve, ada);
  });

  test("the transport is shown, and is the one that was chosen", async () => {
    const page = await enter("Ada");
    const other = await enter("Ben");
    await transportIs(page, "websocket");  // after the upgrade
    const urls = [];
    page.on("request", (request) => urls.push(request.url()));
    page.on("websocket", (socket) => urls.push(socket.url()));
    const kinds = () => [...new Set(urls.filter((url) => url.includes("/socket.io/?"))
      .map((url) => new URL(url).searchParams.get("transport")))];
    // The old connection may still send its end by its own transport when the new one is chosen.
    for (const [value, shown] of [["polling", "polling"], ["websocket", "websocket"],
      ["polling,websocket", "websocket"]]) {
      urls.length = 0;
      await page.check(`[name=transports][value="${value}"]`, { force: true });
      await transportIs(page, shown);
      await connected(page);
      await say(page, `by ${value}`);
      await shows(other, "#list .text", `by ${value}`);
      await say(other, `answer by ${value}`);
      await shows(page, "#list .text", `answer by ${value}`);
      assert.ok(kinds().includes(value.split(",")[0]), `${value}: ${urls}`);
      if (value === "polling") assert.deepEqual(kinds(), ["polling"]);
      await online(other, "Ada", "Ben");
    }
    await page.check("[name=transports][value=polling]", { force: true });
    await transportIs(page, "polling");
    await page.reload();
    await transportIs(page, "polling");  // the choice was remembered
    await leave(page, other);
  });

  test("where the client is missing the page says so", async () => {
    const page = await openPage(browser, "about:blank");
    await page.route("**/socket.io/socket.io.js", (route) => route.fulfill({ body: "" }));
    await page.goto(server.url("/socketio/", "http"));
    await shows(page, "#formError", "setup/clients/install");
    await page.click("#reconnect");
    await leave(page);
  });

  test("a change of the language keeps the times of messages", async () => {
    const page = await enter("Ada");
    await say(page, "hello");
    await shows(page, "#list .text", "hello");
    const shown = await page.textContent("#list time");
    for (const language of ["zh", "en"]) {
      await page.click(`[data-language=${language}]`);
      assert.match(await page.textContent("#list time"), /\d/);
    }
    assert.equal(await page.textContent("#list time"), shown);
    await leave(page);
  });

  test("after the server was away the page comes back by itself", async () => {
    const own = await serveDemo();
    const page = await enter("Ada", desktop, own);
    const other = await enter("Ben", desktop, own);
    await transportIs(page, "websocket");
    await own.stop();
    await shows(page, "#state", "Reconnecting");
    await shows(page, "#list li.note", "The connection was lost");
    await shows(page, "#state", "attempt");
    await say(page, "kept");
    await shows(page, "#formError", "Not connected");
    assert.equal(await page.inputValue("#text"), "kept");
    assert.equal(await page.textContent("#count"), "0");
    const again = await new Program("starling",
      ["serve", "--demo", "--listen", `127.0.0.1:${own.port}`], { port: own.port })
      .ready((port) => fetch(`http://127.0.0.1:${port}/healthz`).then(({ ok }) => ok, () => false));
    await connected(page);
    await shows(page, "#list li.note", "Connected again");
    await online(page, "Ada", "Ben");
    await page.click("#send");
    await shows(other, "#list .text", "kept");
    for (const one of [page, other]) await one.context().close(); // faults: refused connections
    await again.stop();
  });
});
