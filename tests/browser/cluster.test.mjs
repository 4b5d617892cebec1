// The page of `starling cluster-demo` in Chromium: a chat over three nodes, which are killed, frozen and
// restarted by its buttons.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { alive, ClusterDemo } from "../interop/cluster_demo.mjs";
import { desktop, launch, openPage, overflows, phone } from "./browser.mjs";

const names = ["Ada", "Ben", "Cleo"];
// Less often than each frame: on a busy machine the frames of several pages cost all of it.
const waits = (page, condition, argument) => page.waitForFunction(condition, argument, { polling: 100 });
const column = (page, number) => page.locator(`.column[data-node="${number}"]`);
const press = (page, number, button) =>
  column(page, number).locator(`.buttons [data-button=${button}]`).click();

// Waits until the client of a column is at another node than its own.
const clientMoves = (page, number) => waits(page, (number) => {
  const { at } = document.querySelector(`[data-node="${number}"] .client-state`).dataset;
  return at !== "" && at !== String(number);
}, number);

// Waits until the client of a column is at its own node. A busy machine may have made it leave: the button
// leads it back.
const clientIsHome = (page, number) => waits(page, (number) => {
  const at = document.querySelector(`[data-node="${number}"] .client-state`)?.dataset.at;
  const home = document.querySelector(`[data-node="${number}"] .home`);
  if (at && at !== String(number) && !home.hidden) home.click();
  return at === String(number);
}, number);

const nodeShows = (page, number, text) => waits(page, ([number, text]) =>
  document.querySelector(`[data-node="${number}"] .node-state`).textContent === text, [number, text]);

// Says something in each of these columns in turn. Every column must then show each text once. If a client
// has moved meanwhile, because the machine was too busy for its pings, it may have missed something, and
// everything is said again.
async function say(page, numbers, text) {
  const moves = () => page.evaluate(() =>
    [...document.querySelectorAll(".counts")].map(({ textContent }) => textContent.match(/\d+/g)[3]).join());
  for (let attempt = 1; ; ++attempt) {
    const before = await moves();
    const texts = numbers.map((_, i) => `${text}, ${attempt}.${i}`);
    for (const [i, number] of numbers.entries()) {
      await column(page, number).locator("form input").fill(texts[i]);
      await column(page, number).locator("form button").click();
    }
    const shown = await waits(page, ([before, start, count]) => {
      const moves = [...document.querySelectorAll(".counts")].map(({ textContent }) => textContent.match(/\d+/g)[3]);
      if (moves.join() !== before) return "moved";
      const columns = [...document.querySelectorAll(".column")].map((one) =>
        [...one.querySelectorAll(".message .text")].map(({ textContent }) => textContent)
          .filter((shown) => shown.startsWith(start)));
      return columns.every(({ length }) => length >= count) && columns;
    }, [before, `${text}, ${attempt}.`, texts.length]);
    const columns = await shown.jsonValue();
    if (columns === "moved") continue;
    for (const one of columns) assert.deepEqual(one.sort(), [...texts].sort());
    return;
  }
}

// Waits until each column lists exactly the three clients.
const allPresent = (page) => waits(page, (expected) =>
  [...document.querySelectorAll(".present")].every(({ textContent }) =>
    textContent.split(", ").sort().join(", ") === expected), names.join(", "));

// A node that ends takes its connections with it, and the client tries it again: Chromium logs both.
const faultsOf = (page) => page.faults.filter((fault) =>
  !/WebSocket connection to 'ws:\/\/localhost:\d+\/socket\.io\/.*failed/.test(fault));

describe("page of the cluster demo", () => {
  let browser;
  let demo;
  before(async () => { [browser, demo] = await Promise.all([launch(), ClusterDemo.start()]); });
  after(async () => {
    await browser?.close();
    await demo?.stop();
  });

  async function open(options = desktop) {
    const page = await openPage(browser, demo.page, options);
    for (const number of [1, 2, 3]) await clientIsHome(page, number);
    return page;
  }

  async function close(page) {
    assert.deepEqual(faultsOf(page), []);
    await page.context().close();
  }

  describe("while all nodes run", () => {
    test("all clients talk, and all hear them", async () => {
      const page = await open();
      await page.check("#talk");
      await waits(page, () => [...document.querySelectorAll(".counts")].every(({ textContent }) => {
        const [said, heard] = textContent.match(/\d+/g).map(Number);
        return said > 0 && heard >= 3;
      }));
      await waits(page, () => [...document.querySelectorAll(".rate")].every(({ textContent }) =>
        Number(textContent) > 0));
      await close(page);
    });

    for (const [device, options] of [["desktop", desktop], ["phone", phone]])
      test(`fits a ${device} in both schemes and languages`, async () => {
        const page = await open(options);
        await column(page, 1).locator("form input").fill("x".repeat(200));
        await column(page, 1).locator("form button").click();
        await waits(page, () => document.querySelector(".column .message"));
        for (const colorScheme of ["light", "dark"]) {
          await page.emulateMedia({ colorScheme });
          for (const [language, state] of [["zh", "就绪"], ["en", "Ready"]]) {
            await page.click(`[data-language=${language}]`);
            await nodeShows(page, 1, state);
            assert.equal(await overflows(page), false, `${colorScheme} ${language}`);
          }
        }
        const unnamed = await page.evaluate(() =>
          [...document.querySelectorAll("main input, main button")].filter((field) =>
            !field.labels?.length && !field.textContent.trim() && !field.ariaLabel).length);
        assert.equal(unnamed, 0);
        await close(page);
      });

    test("without the key there is a form for it, and a wrong one is refused", async () => {
      const page = await openPage(browser, demo.page.replace(/#.*/, ""), desktop);
      await page.fill("#key", "0".repeat(32));
      await page.click("#keyForm button");
      await waits(page, () => document.getElementById("fault").textContent.includes("not the key"));
      await page.fill("#key", demo.page);  // The whole address.
      await page.click("#keyForm button");
      await clientIsHome(page, 1);
      await page.reload();
      await clientIsHome(page, 1);
      page.faults = page.faults.filter((fault) => !/401/.test(fault));
      await close(page);
    });
  });

  test("what is said in one column is seen in all, while nodes are killed, restarted and frozen", async () => {
    const page = await open();
    await allPresent(page);
    await say(page, [1, 2, 3], "all run");

    const { pid } = await demo.node(2);
    await press(page, 2, "kill");
    await nodeShows(page, 2, "Killed");
    await clientMoves(page, 2);
    assert.ok(!alive(pid));
    // From here on nothing is lost: not what its client says, nor what others say.
    await say(page, [1, 2, 3, 1, 2, 3, 1, 2, 3], "node 2 is killed");
    await allPresent(page);

    await press(page, 2, "restart");
    await nodeShows(page, 2, "Ready");
    assert.notEqual((await demo.node(2)).pid, pid);
    await clientIsHome(page, 2);
    await say(page, [2, 1, 3], "node 2 is back");

    await press(page, 3, "freeze");
    await nodeShows(page, 3, "Frozen");
    await clientMoves(page, 3);  // Its pings are not answered.
    await say(page, [3, 2, 1], "node 3 is frozen");
    await press(page, 3, "thaw");
    await nodeShows(page, 3, "Ready");
    await allPresent(page);
    await close(page);
  });
});
