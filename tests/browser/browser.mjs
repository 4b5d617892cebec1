// Debian's Chromium for the browser tests. Collects every fault of a page.

import { existsSync } from "node:fs";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

import { wait_ms_max } from "../interop/client.mjs";
import { serveDemo } from "../interop/server.mjs";

const launch_ms_max = 180_000;  // for a slow disk and a cold cache
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const desktop = { viewport: { width: 1280, height: 800 } };
export const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true,
  hasTouch: true };

// A failed test may leave a browser running, which would keep this process alive.
const launched = [];
after(async () => {
  for (const browser of await Promise.allSettled(launched)) await browser.value?.close();
});

export async function launch() {
  if (!existsSync(executablePath)) throw new Error(`no Chromium at ${executablePath}; CHROMIUM=PATH names one`);
  const browser = chromium.launch({ executablePath, headless: true, timeout: launch_ms_max, args: [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"] });
  launched.push(browser);
  return browser;
}

// For the tests of a describe(): {server, browser}, the demo and a browser.
export function useDemo() {
  const used = {};
  before(async () => { [used.server, used.browser] = await Promise.all([serveDemo(), launch()]); });
  after(async () => {
    await used.browser?.close();
    await used.server?.stop();
  });
  return used;
}

// A page in a context of its own. `page.faults` lists console errors and warnings, exceptions,
// failed and refused requests, and violations of the content security policy.
// Less motion: the flock of the home page would take the processor from the tests.
export async function openPage(browser, url, { locale = "en-GB", ...options } = desktop) {
  const context = await browser.newContext({ locale, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(wait_ms_max);
  const page = await context.newPage();
  page.faults = [];
  page.on("console", (message) => {
    // "Failed to load resource" names no address; the events below do, for the same request.
    if (!["error", "warning"].includes(message.type()) || message.text().startsWith("Failed to load resource")) return;
    page.faults.push(message.text());
  });
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("requestfailed", (request) => {
    // A page that is left while it loads aborts its requests; that is no fault.
    const { errorText } = request.failure();
    if (errorText !== "net::ERR_ABORTED") page.faults.push(`${errorText}: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) page.faults.push(`${response.status()}: ${response.url()}`);
  });
  await page.exposeFunction("reportViolation", (text) => page.faults.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      window.reportViolation(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(url);
  return page;
}

// Waits until the text of `selector` matches.
export function shows(page, selector, text) {
  return page.waitForFunction(([selector, text]) =>
    [...document.querySelectorAll(selector)].some((element) => element.textContent.includes(text)),
  [selector, text]);
}

// On a phone, window.innerWidth grows with the page.
export function overflows(page) {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
}

export const narrow = { ...phone, viewport: { width: 360, height: 740 } };

// What is wrong with the layout: a page wider than its window, controls that overlap or that something
// covers, cards that touch.
export function layoutFaults(page) {
  return page.evaluate(() => {
    const faults = [];
    window.scrollTo(0, 0);
    const name = (element) => `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ""} "${
      (element.textContent || element.value || "").trim().slice(0, 20)}"`;
    // The part that the scrolling boxes around it show.
    const box = (element) => {
      let { left, top, right, bottom } = element.getBoundingClientRect();
      for (let at = element.parentElement; at; at = at.parentElement) {
        if (getComputedStyle(at).overflow === "visible") continue;
        const clip = at.getBoundingClientRect();
        [left, top] = [Math.max(left, clip.left), Math.max(top, clip.top)];
        [right, bottom] = [Math.min(right, clip.right), Math.min(bottom, clip.bottom)];
      }
      return { left, top, right, bottom };
    };
    const seen = (selector) => [...document.querySelectorAll(selector)]
      .filter((element) => element.checkVisibility({ visibilityProperty: true })
        && !element.matches(".skip, .visually-hidden, .switch input"))
      .map((element) => ({ element, ...box(element) }))
      .filter(({ left, top, right, bottom }) => right - left > 1 && bottom - top > 1);
    if (document.documentElement.scrollWidth > document.documentElement.clientWidth) {
      faults.push(`the page has ${document.documentElement.scrollWidth} px in a window of ${document.documentElement.clientWidth}`);
    }
    // Distances of two boxes; below 0 they overlap in that direction.
    const pairs = (boxes, see) => boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
      if (a.element.contains(b.element) || b.element.contains(a.element)) return;
      see(Math.max(a.left, b.left) - Math.min(a.right, b.right),
        Math.max(a.top, b.top) - Math.min(a.bottom, b.bottom), a.element, b.element);
    }));
    pairs(seen("a, button, input, select, textarea, summary, .badge, .switch label, h1"), (x, y, a, b) => {
      if (x < -1 && y < -1) faults.push(`${name(a)} and ${name(b)} overlap`);
    });
    pairs(seen(".card"), (x, y, a, b) => {
      if (x < 7 && y < 7) faults.push(`${name(a)} and ${name(b)} touch`);
    });
    for (const { element, left, top, right, bottom } of seen("header nav a, .languages button, .brand")) {
      const found = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      if (!element.contains(found)) faults.push(`${name(element)} is covered by ${found ? name(found) : "nothing"}`);
    }
    return faults;
  });
}
