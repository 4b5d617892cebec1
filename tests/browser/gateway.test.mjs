// The console of the gateway in Chromium: who is connected, the log, the forms that send and close.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Application } from "../applications/application.mjs";
import { Client } from "../interop/client.mjs";
import { enter, openAs, request, startGateway } from "../interop/gateway.mjs";
import { serveDemo, until } from "../interop/server.mjs";
import { desktop, launch, openPage, overflows, phone, shows } from "./browser.mjs";

const actions = "application/vnd.starling.actions+json";
const script = ({ action }) => (action === "message"
  ? { headers: { "Content-Type": actions }, body: '{"actions":[{"send":{"payload":{"answer":42}}}]}' } : {});

async function openConsole(browser, server, key, options = desktop) {
  const page = await openPage(browser, server.url("/gateway", "http"), options);
  await page.fill("#key", key);
  await page.click("#enter");
  await page.waitForSelector("#logState[data-state=open]");
  return page;
}

const rowOf = (id) => `#clients tr[data-id="${id}"]`;

async function concerned(page, output, count) {
  await page.waitForFunction(([id, text]) => document.getElementById(id).textContent === text,
    [output, `${count} connection(s)`]);
}

async function finish(page) {
  assert.deepEqual(page.faults, []);
  await page.context().close();
}

describe("console", () => {
  let browser;
  let application;
  let gateway;
  before(async () => {
    [browser, application] = await Promise.all([launch(), Application.start(script)]);
    gateway = await startGateway({ application: application.url, config: { workers: 2 },
      args: ["--demo", "--data", ":memory:"] });
  });
  after(async () => {
    await browser?.close();
    await gateway?.stop();
    await application?.stop();
  });

  test("clients come and go in the list, and the log tells what they do", async () => {
    const page = await openConsole(browser, gateway, gateway.key);
    await page.waitForSelector("#nobody:not([hidden])");
    const ada = await enter(gateway, application, "ada",
      { token: "token-secret", headers: { "User-Agent": "<b>Loom</b>/1" } });
    await page.waitForSelector(rowOf(ada.id));
    const cells = await page.locator(`${rowOf(ada.id)} td`).allTextContents();
    assert.deepEqual(cells.slice(0, 3), ["ada", ada.id, "<b>Loom</b>/1"]);
    const guest = await enter(gateway, application);
    await page.waitForSelector(`${rowOf(guest.id)} .public`);

    ada.client.socket.send('{"question":"token-secret"}');
    assert.equal(await ada.client.next(), '{"answer":42}');
    await shows(page, "#log li", '{"question":"***"}');
    await shows(page, "#log li", "message of ada");
    await shows(page, "#log li", `answer: send ada ${ada.id.slice(0, 8)} → 1{"answer":42}`);
    assert.ok(!(await page.content()).includes("token-secret"));
    assert.ok(!(await page.content()).includes(gateway.key));

    await Promise.all([ada.client.close(), guest.client.close()]);
    await page.waitForSelector("#nobody:not([hidden])");
    await shows(page, "#log li", `close of ada ${ada.id.slice(0, 8)}: 200`);
    await finish(page);
  });

  test("messages to a connection, users, everybody, a topic", async () => {
    const page = await openConsole(browser, gateway, gateway.key);
    const [ada, bob, guest] = [await enter(gateway, application, "ada"),
      await enter(gateway, application, "bob"), await enter(gateway, application)];
    await gateway.post("/tapr/ws/topic/join", { topic: "news", users: ["bob"] });
    await page.waitForSelector(rowOf(guest.id));
    const send = async (to, whom, payload, count) => {
      await page.selectOption("#to", to);
      if (to !== "everybody") await page.fill("#whom", whom);
      await page.fill("#payload", payload);
      await page.click("#send");
      await concerned(page, "sent", count);
    };

    await page.click(`${rowOf(ada.id)} button >> nth=0`); // Fills in the id.
    assert.equal(await page.inputValue("#whom"), ada.id);
    await page.fill("#payload", '{"id": 12345678901234567890}');
    await page.click("#send");
    await concerned(page, "sent", 1);
    assert.equal(await ada.client.next(), '{"id": 12345678901234567890}');
    await send("users", "ada, bob", "plain text", 2);
    await send("everybody", "", '"all"', 3);
    await send("topic", "news", "[1]", 1);
    assert.deepEqual([await ada.client.next(), await ada.client.next()], ["plain text", '"all"']);
    assert.deepEqual([await bob.client.next(), await bob.client.next(), await bob.client.next()],
      ["plain text", '"all"', "[1]"]);
    assert.equal(await guest.client.next(), '"all"');
    await shows(page, "#log li", "control API: publish news → 1");

    await Promise.all([ada, bob, guest].map(({ client }) => client.close()));
    await finish(page);
  });

  test("closing with a code and a reason", async () => {
    const page = await openConsole(browser, gateway, gateway.key);
    const ada = await enter(gateway, application, "ada");
    await page.waitForSelector(rowOf(ada.id));
    await page.click(`${rowOf(ada.id)} button >> nth=1`);
    await page.fill("#code", "4001");
    await page.fill("#reason", "enough");
    await page.click("#close");
    assert.deepEqual(await ada.client.closed, { code: 4001, reason: "enough" });
    await concerned(page, "closed", 1);
    await page.waitForSelector(rowOf(ada.id), { state: "detached" });
    assert.deepEqual(page.faults, []);

    await page.fill("#code", "999");
    await page.click("#close");
    await shows(page, "#closed", "code:");
    await page.context().close();
  });

  test("many clients come in pages", async () => {
    const page = await openConsole(browser, gateway, gateway.key);
    const names = Array.from({ length: 130 }, (_, i) => `user${String(i).padStart(3, "0")}`);
    const clients = await Promise.all(names.map((name) => openAs(gateway, name)));
    const shown = () => page.locator("#clients tr td:first-child").allTextContents();
    const named = (name) => page.waitForFunction((wanted) =>
      document.querySelector("#clients td")?.textContent.startsWith(wanted), name);
    await page.waitForFunction(() => document.querySelectorAll("#clients tr").length === 100);
    await page.waitForSelector("#next:enabled");
    await page.click("#next");
    await named("user100");
    await page.waitForFunction(() => document.querySelectorAll("#clients tr").length === 30);
    assert.ok((await shown()).at(-1).startsWith("user129"));
    await page.click("#previous");
    await named("user000");
    await page.fill("#filter", "user077");
    await page.click("#filterForm button");
    await named("user077");
    assert.equal((await shown()).length, 1);
    await Promise.all(clients.map((client) => client.close()));
    await finish(page);
  });

  test("a wrong key is refused, and the right one is kept nowhere", async () => {
    const page = await openPage(browser, gateway.url("/gateway", "http"));
    await page.fill("#key", "wrong");
    await page.click("#enter");
    await shows(page, "#fault", "does not take this key");
    assert.equal(await page.isVisible("#console"), false);
    await page.fill("#key", gateway.key);
    await page.click("#enter");
    await page.waitForSelector("#logState[data-state=open]");
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage },
      document.cookie, location.href, document.getElementById("key").value]));
    assert.ok(!kept.includes(gateway.key), kept);
    await page.context().close();
  });

  for (const [device, options] of [["desktop", desktop], ["phone", phone]]) {
    test(`it fits a ${device} in both schemes and languages`, async () => {
      const page = await openConsole(browser, gateway, gateway.key, options);
      const ada = await enter(gateway, application, "ada");
      await page.waitForSelector(rowOf(ada.id));
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        for (const language of ["zh", "en"]) {
          await page.click(`[data-language=${language}]`);
          assert.equal(await overflows(page), false, `${colorScheme} ${language}`);
        }
      }
      const unnamed = await page.evaluate(() =>
        [...document.querySelectorAll("input, textarea, select, button")].filter((field) =>
          !field.labels?.length && !field.textContent.trim() && !field.ariaLabel)
          .map((field) => field.id));
      assert.deepEqual(unnamed, []);
      await ada.client.close();
      await finish(page);
    });
  }
});

test("the demo has a gateway of its own, and the home page leads to its console", async () => {
  const [browser, server] = await Promise.all([launch(), serveDemo()]);
  const [, key] = await until(() => /key of the control API .*: (\S+) /.exec(server.output), "the key");
  const page = await openPage(browser, server.url("/", "http"));
  await page.click("#gatewayCard");
  await page.fill("#key", key);
  await page.click("#enter");
  await page.click("#trial");
  await shows(page, "#trialGot", '"event":"welcome"');
  await page.click("#trialSend");
  await shows(page, "#trialGot", '{"event":"said"');
  await shows(page, "#log li", "answer: publish demo → 1");
  const other = new Client(server.url("/gateway/ws"));
  assert.equal(JSON.parse(await other.next()).event, "welcome");
  other.socket.send("[1]");
  assert.equal(await other.next(), '{"event":"echo","data":[1]}');
  await page.click("#trialSend");
  assert.equal(JSON.parse(await other.next()).text, "hello");
  await finish(page);
  // A stop waits for no client's last webhook.
  server.signal("SIGTERM");
  assert.equal((await other.closed).code, 1001);
  assert.equal((await server.exited).code, 0);
  await browser.close();
});

test("without the demo there is no console", async () => {
  const gateway = await startGateway({ application: "" });
  assert.equal((await request(gateway.port, { path: "/gateway" })).status, 404);
  await gateway.stop();
});
