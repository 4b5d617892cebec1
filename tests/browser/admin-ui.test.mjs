// The page of npm @socket.io/admin-ui, as the package ships it, against starling: it logs in, shows
// sockets, makes one join a room and disconnects it, while 200 clients talk.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { io } from "socket.io-client";

import { deadline } from "../interop/client.mjs";
import { until } from "../interop/server.mjs";
import { startStarling } from "../interop/socketio/harness.mjs";
import { connectPage, fillLogin, openTab, servePage } from "./admin_ui_page.mjs";
import { desktop, launch, openPage, shows } from "./browser.mjs";

const clients_count = 200;
async function connectClient(url) {
  const socket = io(url, { forceNew: true, transports: ["websocket"], reconnection: false });
  await deadline(new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  }), "a client");
  return socket;
}

describe("the Admin UI's own page", () => {
  let browser, files, server, clients = [], talking;
  before(async () => {
    files = await servePage();
    server = await startStarling("--workers", "2", "--admin-ui", "development", "--cors", files.origin);
    server.url = `http://127.0.0.1:${server.port}`;
    clients = await Promise.all(
      Array.from({ length: clients_count }, () => connectClient(server.url)));
    let next = 0;
    talking = setInterval(() => {
      clients[next++ % clients.length].emit("echo-event", "hello", next);
    }, 5);
    browser = await launch();
  });
  after(async () => {
    clearInterval(talking);
    clients.forEach((client) => client.close());
    await server?.stop();
    files?.close();
  });

  test("logs in, shows sockets, joins a room, disconnects", async () => {
    const page = await openPage(browser, `${files.origin}/`, desktop);
    await fillLogin(page, server.url, "guess");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("Invalid credentials").waitFor();
    await page.getByLabel("Password").fill("changeit");
    await connectPage(page);
    await shows(page, "code", server.url);

    await openTab(page, "events");
    await shows(page, "td", "Event received");
    await shows(page, "td", "Event sent");
    await page.locator("tbody tr", { hasText: "echo-event" }).locator("button").first().click();
    await shows(page, "td[colspan] code", "hello");

    // The counts of the whole server, of both workers, and of connections in the last minutes.
    await openTab(page, "servers");
    await shows(page, "td", "test-server");
    await shows(page, "td", String(clients_count + 1));

    await openTab(page, "sockets");
    await shows(page, "td", "127.0.0.1");
    const chosen = await until(async () => {
      const shown = new Set(await page.locator("tbody tr td:first-child").allTextContents());
      return clients.find(({ id }) => [...shown].some((text) => text.trim() === id));
    }, "a socket of a client in the table");
    const { id } = chosen;
    await page.locator("tbody tr", { hasText: id }).locator("td").first().click();
    await shows(page, ".v-breadcrumbs", "Socket details");
    await shows(page, ".v-card", "websocket");

    await page.locator(".select-room input").first().fill("vip");
    await page.keyboard.press("Enter");
    await page.locator("form:has(.select-room) button").last().click();
    await until(async () => (await chosen.emitWithAck("rooms")).includes("vip"), "the room");
    await shows(page, "tbody td", "vip");

    const gone = new Promise((resolve) => { chosen.once("disconnect", resolve); });
    await page.evaluate((socket) => {
      window.location.hash = `#/n/${encodeURIComponent("/")}/sockets/${socket}`;
    }, id);
    await page.locator("tr", { hasText: "Status" }).last().locator("button").last().click();
    assert.equal(await deadline(gone, "the disconnection"), "io server disconnect");

    // A session id stands for the password.
    await page.reload();
    await shows(page, "code", server.url);
    await shows(page, "*", "connected");
    assert.equal(await page.getByLabel("Password").isVisible(), false);
    // The page that was left may have begun a WebSocket.
    const left = /WebSocket is closed before the connection is established/;
    assert.deepEqual(page.faults.filter((fault) => !left.test(fault)), []);
  });
});
