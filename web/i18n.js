// The two languages of the pages. Text that never changes is marked in the HTML:
//   data-i18n="key"                        the element's text
//   data-i18n-attributes="placeholder=key aria-label=key"
// Text that scripts make comes from t(); what they keep on screen is redrawn in onLanguage().

import { words } from "/words.js";

const storageKey = "starling.language";
const listeners = new Set();
let current = initialLanguage();

function initialLanguage() {
  const stored = recall(storageKey);
  if (stored in words) return stored;
  return (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
}

// Storage may be forbidden (private windows, blocked cookies); the pages then only forget.
export function recall(key) {
  try { return localStorage.getItem(key) ?? ""; } catch { return ""; }
}

export function remember(key, value) {
  try { localStorage.setItem(key, value); } catch { /* forgotten at the next visit */ }
}

export function language() { return current; }

export function locale() { return current === "zh" ? "zh-CN" : "en-GB"; }

// The words of `key`, with {name} replaced by values.name. An unknown key shows itself.
export function t(key, values = {}) {
  const text = words[current][key] ?? words.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function onLanguage(listener) {
  listeners.add(listener);
  listener();
}

export function setLanguage(name) {
  if (!(name in words)) return;
  current = name;
  remember(storageKey, name);
  apply();
}

function apply() {
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-i18n]")) {
    element.textContent = t(element.dataset.i18n);
  }
  for (const element of document.querySelectorAll("[data-i18n-attributes]")) {
    for (const pair of element.dataset.i18nAttributes.split(/\s+/)) {
      const [attribute, key] = pair.split("=");
      element.setAttribute(attribute, t(key));
    }
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === current));
  }
  for (const listener of listeners) listener();
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => setLanguage(button.dataset.language));
}
apply();

// The WebSocket address of a path on the server that sent this page.
export function endpoint(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}
