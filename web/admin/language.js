// The two languages of the admin page: data-i18n="key" is the element's text, data-i18n-placeholder its
// placeholder; t() makes other text.

import { words } from "/admin/words.js";

const storageKey = "starling.language";
const listeners = new Set();
let current = initial();

function initial() {
  try {
    const stored = localStorage.getItem(storageKey);
    if (stored in words) return stored;
  } catch { /* Storage is forbidden: the page forgets. */ }
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function t(key, values = {}) {
  const text = key.split(".").reduce((at, name) => at?.[name], words[current]) ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function onLanguage(listener) {
  listeners.add(listener);
  listener();
}

function apply() {
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-i18n]")) {
    element.textContent = t(element.dataset.i18n);
  }
  for (const element of document.querySelectorAll("[data-i18n-placeholder]")) {
    element.placeholder = t(element.dataset.i18nPlaceholder);
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === current));
  }
  for (const listener of listeners) listener();
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    current = button.dataset.language;
    try { localStorage.setItem(storageKey, current); } catch { /* As above. */ }
    apply();
  });
}
apply();
