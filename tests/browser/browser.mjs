// Debian's Chromium for the browser tests. Collects every fault of a page.

import { existsSync } from "node:fs";
import { after } from "node:test";
import { chromium } from "playwright-core";

import { wait_ms_max } from "../interop/client.mjs";

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
  if (!existsSync(executablePath)) throw new Error(`no Chromium at ${executablePath}`);
  const browser = chromium.launch({ executablePath, headless: true, timeout: launch_ms_max, args: [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"] });
  launched.push(browser);
  return browser;
}

// A page in a context of its own. `page.faults` lists console errors and warnings, exceptions,
// failed and refused requests, and violations of the content security policy.
export async function openPage(browser, url, { locale = "en-GB", ...options } = desktop) {
  const context = await browser.newContext({ locale, ...options });
  context.setDefaultTimeout(wait_ms_max);
  const page = await context.newPage();
  page.faults = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) page.faults.push(message.text());
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

export function overflows(page) {
  return page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
}
