// What the console shows. Names and messages are strangers' text: they are set as text, never as HTML.

import { locale, t } from "/i18n.js";

export const $ = (id) => document.getElementById(id);

const lines_max = 500;
const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 };

function element(name, text, properties = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  return Object.assign(made, properties);
}

/* The list ------------------------------------------------------------------------------------ */

function row(user, { id, userAgent }, isPublic, choose) {
  const line = document.createElement("tr");
  line.dataset.id = id;
  const name = element("td", user || t("gateway.unnamed"));
  if (isPublic) name.append(element("span", t("gateway.public"), { className: "public" }));
  const buttons = document.createElement("td");
  for (const [what, key] of [["send", "gateway.send"], ["close", "gateway.close"]]) {
    const button = element("button", t(key), { type: "button", className: "small" });
    button.addEventListener("click", () => choose(what, id));
    buttons.append(button);
  }
  line.append(name, element("td", id), element("td", userAgent), buttons);
  return line;
}

// `users`: the data of the list. `choose` is called with "send" or "close", and an id.
export function showClients(users, choose) {
  const rows = users.flatMap(({ name, conns, public_conns }) =>
    [...conns.map((one) => row(name, one, false, choose)),
      ...public_conns.map((one) => row(name, one, true, choose))]);
  $("clients").replaceChildren(...rows);
  $("nobody").hidden = rows.length > 0;
  $("count").textContent = t("gateway.count", { count: rows.length.toLocaleString(locale()) });
}

/* The log ------------------------------------------------------------------------------------- */

const short = (id) => id?.slice(0, 8) ?? "";

function who(event) {
  return `${event.user || t("gateway.unnamed")} ${short(event.conn_id)}`;
}

function target(event) {
  if (event.topic !== undefined) return event.topic;
  if (event.conn_id) return who(event);
  const parts = [...(event.conn_ids ?? []).map(short), ...(event.users ?? [])];
  const all = (event.conn_ids_number ?? event.conn_ids?.length ?? 0)
    + (event.users_number ?? event.users?.length ?? 0);
  if (all > parts.length) parts.push("…");
  if (event.tokens_number) parts.push(t("gateway.log.tokens", { count: event.tokens_number }));
  return parts.join(", ");
}

// [kind, sign, words, what is beside it]
const tellers = {
  started: () => ["event", "·", t("gateway.log.started"), ""],
  opened: (event) => ["event", "+", `${who(event)} ${event.path}`, event.user_agent],
  closed: (event) => ["event", "−", who(event), ""],
  message: (event) => ["received", "↑", who(event), event.data],
  webhook: (event) => {
    const good = event.status >= 200 && event.status < 300;
    return [good ? "received" : "error", "↑", t("gateway.log.webhook", { action: event.action,
      who: who(event), answer: event.status || event.error, ms: event.duration_ms,
      tries: event.tries }), event.action === "message" ? event.data : ""];
  },
  given_up: (event) => ["error", "!", t("gateway.log.givenUp",
    { action: event.action, who: who(event) }), ""],
  request: (event) => ["sent", "↓", t("gateway.log.request", { by: t(`gateway.log.by.${event.by}`),
    action: event.action, target: target(event), count: event.connections }),
  event.data ?? event.reason ?? ""],
  refused: (event) => ["error", "!", `${event.status} ${event.path}`, event.message],
  lost: (event) => ["error", "!", t("gateway.log.lost", { count: event.count }), ""],
};

function line(event) {
  const [kind, sign, words, beside] = (tellers[event.type]
    ?? (() => ["event", "·", event.type, ""]))(event);
  const item = document.createElement("li");
  item.dataset.kind = kind;
  item.dataset.type = event.type;
  const time = new Date(event.time_ms ?? Date.now());
  const what = element("span", words, { className: "what" });
  if (beside) what.append(element("span", beside, { className: "note" }));
  const size = event.data_bytes === undefined || event.data === "{}" ? ""
    : `${event.data_bytes.toLocaleString(locale())} B`;
  item.append(element("time", time.toLocaleTimeString("en-GB", clock), { dateTime: time.toISOString() }),
    element("span", sign, { className: "way" }), what, element("span", size, { className: "size" }));
  return item;
}

// Shows events once a frame, however many there are.
export class LogView {
  #waiting = [];
  #frame = 0;
  held = false;

  add(event) {
    this.#waiting.push(event);
    if (this.#waiting.length > lines_max) this.#waiting.shift();
    if (!this.held) this.#draw();
  }

  hold(held) {
    this.held = held;
    if (!held) this.#draw();
  }

  clear() {
    this.#waiting = [];
    $("log").replaceChildren();
  }

  #draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.held) return;
      const list = $("log");
      const follow = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
      list.append(...this.#waiting.splice(0).map(line));
      while (list.childElementCount > lines_max) list.firstElementChild.remove();
      if (follow) list.scrollTop = list.scrollHeight;
    });
  }
}
