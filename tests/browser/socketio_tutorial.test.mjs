// The page of a Socket.IO tutorial, unchanged except for the address, in Chromium against
// examples/socketio_chat: with client 1.4.4, for which it was written, and with 4.x.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Program, example, until } from "../interop/server.mjs";
import { launch, openPage } from "./browser.mjs";

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), "socketio_tutorial");
const address = "http://localhost:3001";
const html = readFileSync(path.join(folder, "index.html"), "utf8");
const samples = readFileSync(path.join(folder, "samples.js"), "utf8");
const wait_ms_max = 30_000;

const clients = [
  { name: "client 1.4.4", bundle: "/socket.io/1.4.4/socket.io.js", version: 1 },
  { name: "client 4.x", bundle: "/socket.io/socket.io.js", version: 4 },
];

for (const client of clients) {
  describe(`the Socket.IO tutorial's page, ${client.name}`, () => {
    let chat;
    let site;
    let browser;

    // As in the tutorial, another server serves the page; js/socket.js is a copy of the client.
    function answer(request, response) {
      if (request.url === "/js/socket.js") {
        return response.writeHead(302, { Location: chat.url(client.bundle, "http") }).end();
      }
      if (request.url !== "/") {
        return response.writeHead(request.url === "/favicon.ico" ? 204 : 404).end();
      }
      response.setHeader("Content-Type", "text/html; charset=utf-8");
      // Added to the page's own script: a script of its own might run after the connection.
      const end = html.lastIndexOf("</script>");
      const page = `${html.slice(0, end)}\n${samples}\n${html.slice(end)}`;
      return response.end(page.replace(address, () => chat.url("", "http")));
    }

    before(async () => {
      [chat, browser] = await Promise.all([example("socketio_chat"), launch()]);
      site = http.createServer(answer);
      await new Promise((resolve) => { site.listen(0, "127.0.0.1", resolve); });
    });
    after(async () => {
      await browser?.close();
      site?.closeAllConnections?.();
      site?.close();
      await chat?.stop();
    });

    // `page.lines`: the console output of the page.
    const enter = async () => {
      const page = await openPage(browser, "about:blank");
      page.lines = [];
      page.on("console", (message) => page.lines.push(message.text()));
      await page.goto(`http://127.0.0.1:${site.address().port}/`);
      await said(page, "Client has connected to the server!");
      await page.waitForFunction(() => socket.io.engine.transport.name === "websocket");
      return page;
    };
    const said = (page, line, count = 1) => until(
      () => page.lines.filter((text) => (line.test ? line.test(text) : text === line)).length >= count,
      `${line} in ${JSON.stringify(page.lines)}`, wait_ms_max);
    const logged = (pattern) => until(() => pattern.test(chat.stdout), `${pattern} of the server`,
      wait_ms_max);
    const leave = async (...pages) => {
      for (const page of pages) {
        assert.deepEqual(page.faults, []);
        await page.context().close();
      }
    };

    test("news on connect, and my other event back", async () => {
      const page = await enter();
      await said(page, 'news {"hello":"world"}');
      await logged(/data of the page/);
      await leave(page);
    });

    test("getServerMessage: a number from 0 to 99, again and again", async () => {
      const page = await enter();
      await said(page, /^\d{1,2}$/, 3);
      await leave(page);
    });

    test("pub: everyone hears of each connection, and what a client publishes", async () => {
      const first = await enter();
      const welcome = 'pub {"will":"be received by everyone"}';
      await said(first, welcome);
      const second = await enter();
      await said(first, welcome, 2);
      await said(second, welcome);
      await second.evaluate(() => socket.emit("pub", { data: "hello,all" }));
      for (const page of [first, second]) await said(page, 'pub {"data":"hello,all"}');
      await leave(first, second);
    });

    test("private message: several arguments", async () => {
      const page = await enter();
      await page.evaluate(() => {
        socket.emit("private message", "oaoafly", "windiest", { msg: "hello" });
      });
      await logged(/windiest\s+received a private message by\s+oaoafly\s+saying\s+hello/);
      await leave(page);
    });

    test("private chat by socket.id reaches that socket alone", async () => {
      const [from, to, other] = [await enter(), await enter(), await enter()];
      const toId = await to.evaluate(() => socket.id);
      await from.evaluate((id) => socket.emit("sendPrivate", { toId: id, text: "你好" }), toId);
      const line = `getMessage ${JSON.stringify({ toId, text: "你好" })}`;
      await said(to, line);
      // A later message to everyone shows that no earlier message is still on its way.
      await from.evaluate(() => socket.emit("sendMessageToServer", "after it"));
      for (const page of [from, to, other]) await said(page, 'sendMessageToAllClient "after it"');
      for (const page of [from, other]) {
        assert.equal(page.lines.some((text) => text.startsWith("getMessage")), false);
      }
      assert.equal(to.lines.filter((text) => text === line).length, 1);
      await leave(from, to, other);
    });

    test("sendMessageToServer goes to all clients", async () => {
      const [ada, ming] = [await enter(), await enter()];
      await ming.evaluate(() => socket.emit("sendMessageToServer", { name: "小明", text: "你好 🐦" }));
      const line = 'sendMessageToAllClient {"name":"小明","text":"你好 🐦"}';
      for (const page of [ada, ming]) await said(page, line);
      await leave(ada, ming);
    });

    test("echo: an answer to the one who asked", async () => {
      const page = await enter();
      const value = { text: "回声", list: [1, 2.5, null, true] };
      const answered = await page.evaluate((sent) => new Promise((resolve) => {
        socket.emit("echo", sent, resolve);
      }), value);
      assert.deepEqual(answered, value);
      await leave(page);
    });

    test("a namespace that is not there", async () => {
      const page = await enter();
      const message = await page.evaluate((version) => new Promise((resolve) => {
        const nowhere = io(`${socket.io.uri}/nowhere`);
        // Servers before 4.x send a string; Node's 4.x sends an object, also to old clients.
        nowhere.on(version === 1 ? "error" : "connect_error",
          (error) => resolve(error.message ?? error));
      }), client.version);
      assert.equal(message, "Invalid namespace");
      assert.equal(await page.evaluate(() => socket.connected), true);
      await leave(page);
    });

    test("disconnecting and connecting at will", async () => {
      const page = await enter();
      await page.evaluate(() => socket.disconnect());
      await said(page, "The client has disconnected!");
      await said(page, "event disconnect io client disconnect");
      await page.evaluate(() => socket.connect());
      await said(page, "Client has connected to the server!", 2);
      if (client.version === 1) await said(page, "event connecting ");
      await said(page, 'news {"hello":"world"}', 2);
      await leave(page);
    });

    test("the server goes and comes back", async () => {
      const page = await enter();
      await chat.stop();
      await said(page, "The client has disconnected!");
      await said(page, client.version === 1 ? "event reconnecting 1" : "event reconnect_attempt 1");
      const { port } = chat;
      chat = await new Program("examples/socketio_chat", [String(port)], { port })
        .ready(() => fetch(chat.url(client.bundle, "http")).then(({ ok }) => ok, () => false));
      await said(page, /^event reconnect \d+$/);
      await said(page, "Client has connected to the server!", 2);
      await page.evaluate(() => socket.emit("sendMessageToServer", "here again"));
      await said(page, 'sendMessageToAllClient "here again"');
      await page.context().close();  // its faults: refused connections
    });

    test("a server that does not come back", async () => {
      const own = await example("socketio_chat");
      const page = await enter();
      await page.evaluate((url) => {
        window.second = io(url, { reconnectionAttempts: 2, reconnectionDelay: 50, forceNew: true });
        watch(second, ["connect"]);
        watch(manager(second), own);
      }, own.url("", "http"));
      await said(page, "event connect ", 2);  // of its own and of the other connection
      // Client 1.4 that loses both transports within its upgrade notices it by the ping timeout alone.
      await page.waitForFunction(() => second.io.engine.transport.name === "websocket");
      await own.stop();
      await said(page, "event reconnect_failed ");
      await page.context().close();
    });
  });
}
