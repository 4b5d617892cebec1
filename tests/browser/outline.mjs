// The structure of a page as text, which a test compares with the committed one: headings, buttons, fields,
// tables with their columns. What clients cause (names, numbers, how many rows) is not part of it.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

// The lines of what `root` shows, in the order of the document.
export function outline(page, root = "body") {
  return page.evaluate((selector) => {
    const lines = [];
    const text = (element) => element.textContent.replace(/\s+/g, " ").trim();
    const visible = (element) => element.checkVisibility({ visibilityProperty: true });
    const field = (element) => {
      const label = element.labels?.[0]?.querySelector("span, label") ?? element.labels?.[0];
      return label ? text(label) : element.getAttribute("aria-label") ?? element.name;
    };
    const pressed = (element) => (element.getAttribute("aria-pressed") === "true" ? ", pressed" : "");
    const kinds = {
      BUTTON: (e) => `button "${text(e) || e.getAttribute("aria-label") || "icon"}"${pressed(e)}`,
      A: (e) => `link "${text(e)}"`,
      INPUT: (e) => `${e.type} "${field(e)}"`,
      SELECT: (e) => `select "${field(e)}": ${[...e.options].map(text).join(" | ")}`,
      PROGRESS: () => "progress",
      PRE: () => "preformatted text",
      DT: (e) => `term "${text(e)}"`,
    };
    const walk = (element, indent) => {
      if (!visible(element)) return;
      const { tagName } = element, say = (line) => lines.push((" ".repeat(indent) + line).trimEnd());
      if (/^H[1-6]$/.test(tagName)) say(`heading ${tagName[1]} "${text(element.querySelector("span") ?? element.firstChild)}"`);
      else if (tagName === "TABLE") {
        say(`table: ${[...element.tHead?.rows[0].cells ?? []].map((cell) => text(cell) || "-").join(" | ")}`);
        const first = element.tBodies[0]?.rows[0];
        const buttons = [...first?.querySelectorAll("button") ?? []].filter(visible);
        say(`  rows: ${element.tBodies[0]?.rows.length > 0 ? "some" : "none"}${
          buttons.map((one) => `, ${kinds.BUTTON(one)}`).join("")}`);
        return;
      } else if (element.getAttribute("role") === "img") say("graph");
      else if (element.getAttribute("role") === "status") say("status");
      else if (tagName === "FIGCAPTION") say(`caption "${text(element.firstChild)}"`);
      else if (kinds[tagName]) return say(kinds[tagName](element));
      const deeper = ["SECTION", "NAV", "HEADER", "MAIN", "FORM", "DIALOG", "FIGURE", "ASIDE"].includes(tagName);
      if (deeper) say(`${tagName.toLowerCase()}${element.id ? ` ${element.id}` : ""}`);
      for (const child of element.children) walk(child, indent + (deeper ? 2 : 0));
    };
    walk(document.querySelector(selector), 0);
    return `${lines.join("\n")}\n`;
  }, root);
}

// Compares with tests/browser/outlines/NAME.txt; with UPDATE_OUTLINES=1 it writes that file.
export function assertOutline(name, seen) {
  const file = new URL(`outlines/${name}.txt`, import.meta.url);
  if (process.env.UPDATE_OUTLINES) writeFileSync(file, seen);
  assert.equal(seen, readFileSync(file, "utf8"), name);
}

// Texts whose contrast with their ground is below 4.5 (WCAG 2.2, 1.4.3).
export function faintTexts(page) {
  return page.evaluate(() => {
    const rgba = (color) => color.match(/[\d.]+/g).map(Number);
    const part = (value) => (value <= 10 ? value / 3294 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    const ground = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = rgba(getComputedStyle(at).backgroundColor);
        if (color.length === 3 || color[3] === 1) return color;
      }
      return [255, 255, 255];
    };
    return [...document.querySelectorAll("h1, h2, h3, p, a, button, th, td, dt, dd, span, b, small, li, pre")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && element.textContent.trim() !== "")
      .map((element) => {
        const [a, b] = [light(rgba(getComputedStyle(element).color)), light(ground(element))];
        return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element];
      })
      .filter(([contrast]) => contrast < 4.5)
      .map(([contrast, element]) => `${element.tagName} "${element.textContent.trim().slice(0, 20)}": ${contrast.toFixed(2)}`);
  });
}
