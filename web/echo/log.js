// The message log of the echo page: newest at the bottom, the oldest lines are forgotten.

import { locale } from "/i18n.js";

const lines_max = 300;
const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 };
const arrows = { sent: "↑", received: "↓", event: "·", error: "!" };

export function bytes(count) {
  return `${count.toLocaleString(locale())} B`;
}

export class Log {
  #list;

  constructor(list) { this.#list = list; }

  // `kind` is sent, received, event or error; `size_bytes` is left out for events.
  add(kind, text, size_bytes) {
    const now = new Date();
    const line = document.createElement("li");
    line.dataset.kind = kind;
    const time = document.createElement("time");
    time.dateTime = now.toISOString();
    time.textContent = now.toLocaleTimeString("en-GB", clock);
    line.append(time, span("way", arrows[kind]), span("what", text));
    line.append(span("size", size_bytes === undefined ? "" : bytes(size_bytes)));
    const follow = this.#list.scrollTop + this.#list.clientHeight >= this.#list.scrollHeight - 8;
    this.#list.append(line);
    while (this.#list.childElementCount > lines_max) this.#list.firstElementChild.remove();
    if (follow) this.#list.scrollTop = this.#list.scrollHeight;
  }

  clear() { this.#list.replaceChildren(); }
}

function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}
