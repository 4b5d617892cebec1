// A column of the page: a node with its buttons, and the client that begins there.

import { t } from "/i18n.js";
import * as view from "/socketio/view.js";
import { Client } from "/cluster/client.js";

const lines_max = 200;
const badges = { running: "open", starting: "waiting", restarting: "waiting", waiting: "waiting",
  frozen: "waiting", idle: "idle" };
const clientBadges = { open: "open", connecting: "waiting", waiting: "waiting" };
// As the table of src/app/cluster_demo/supervision.cpp.
const possible = {
  kill: ["starting", "running", "frozen", "waiting"], freeze: ["starting", "running"],
  thaw: ["frozen"], restart: ["starting", "running", "frozen", "killed", "waiting", "failed"],
};

// Freezing and thawing share a place.
export function buttons(within, press) {
  for (const name of Object.keys(possible)) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = name === "kill" ? "small danger" : "small";
    button.dataset.button = name;
    button.dataset.i18n = `cluster.${name}`;
    button.textContent = t(button.dataset.i18n);
    button.addEventListener("click", () => press(name));
    within.append(button);
  }
}

export function showProcess(badge, within, { state, ready }) {
  const shown = state === "running" && !ready ? "unready" : state;
  badge.dataset.state = shown === "unready" ? "waiting" : badges[state] ?? "closed";
  badge.textContent = t(`cluster.state.${shown}`);
  for (const button of within.querySelectorAll("[data-button]")) {
    const { button: name } = button.dataset;
    button.disabled = !possible[name].includes(state);
    button.hidden = name === (state === "frozen" ? "freeze" : "thaw");
  }
}

export class Column {
  #part;
  #node = {};
  #before = null; // {time, messages} of the state before.
  #rate = 0;

  // `press(process, button)`; `nodes()`: see client.js; `heard(line)`: of any client.
  constructor({ node, name, press, nodes, heard, total }) {
    this.element = document.getElementById("column").content.firstElementChild.cloneNode(true);
    this.#part = (selector) => this.element.querySelector(selector);
    this.total = total;
    this.element.dataset.node = node.name;
    for (const one of this.element.querySelectorAll("[data-i18n]")) one.textContent = t(one.dataset.i18n);
    buttons(this.#part(".buttons"), (button) => press(node.name, button));
    this.client = new Client({ name, home: Number(node.name), nodes, callbacks: {
      onstate: () => this.draw(),
      onmessage: (line) => {
        heard(this, line);
        this.#show(view.message(line, { mine: this.client.ids.has(line.from) }));
      },
      onnote: (key, values) => this.#show(view.note(key, values)),
    } });
    this.#part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const input = this.#part("form input");
      const text = input.value.trim();
      if (text === "") return;
      input.value = "";
      this.client.say(text);
    });
    this.#part(".home").addEventListener("click", () => this.client.goHome());
    this.update(node);
  }

  update(node) {
    const time = performance.now();
    const messages = node.received + node.sent;
    if (this.#before && messages >= this.#before.messages && node.ready) {
      // Only when the node was asked again in between.
      if (messages > this.#before.messages || time - this.#before.time > 1500) {
        this.#rate = (messages - this.#before.messages) * 1000 / (time - this.#before.time);
        this.#before = { time, messages };
      }
    } else {
      this.#rate = 0;
      this.#before = { time, messages };
    }
    this.#node = node;
    this.draw();
  }

  draw() {
    const node = this.#node;
    if (!node.state) return;
    const { client } = this;
    const set = (selector, text) => {
      const element = this.#part(selector);
      if (element.textContent !== text) element.textContent = text;
    };
    set("h2", t("cluster.node", { node: node.name }));
    showProcess(this.#part(".node-state"), this.#part(".buttons"), node);
    set(".process", node.pid
      ? t("cluster.pid", { pid: node.pid, port: node.port, starts: node.starts })
      : t("cluster.ended", { how: node.ended }));
    set(".clients", node.ready ? String(node.clients) : "–");
    set(".rate", node.ready ? this.#rate.toFixed(this.#rate < 10 ? 1 : 0) : "–");
    set(".sees", node.ready ? String(node.nodes) : "–");
    set("pre", node.log.join("\n"));
    this.#part(".open").setAttribute("aria-disabled", String(!node.ready));
    this.#part(".open").href = `${location.protocol}//${location.hostname}:${node.port}/socketio/`;
    this.#drawClient(set, client, node);
  }

  #drawClient(set, client, node) {
    set("h3", client.name);
    const state = this.#part(".client-state");
    state.dataset.state = clientBadges[client.state];
    state.dataset.at = client.state === "open" ? String(client.node) : "";
    set(".client-state", t(`cluster.client.${client.state}`, { node: client.node }));
    set(".present", client.present.join(", ") || "–");
    this.#part(".home").hidden = client.node === client.home || !node.ready;
    const label = t("cluster.message", { name: client.name });
    this.#part("form input").placeholder = label;
    this.#part("form input").setAttribute("aria-label", label);
    const { said, heard, moves, recovered } = client.counts;
    set(".counts", t("cluster.counts", { said, heard, total: this.total(), moves, recovered }));
  }

  #show(item) {
    const box = this.#part(".messages");
    const list = this.#part(".messages ol");
    const follow = box.scrollTop + box.clientHeight >= box.scrollHeight - 40;
    list.append(item);
    while (list.childElementCount > lines_max) list.firstElementChild.remove();
    if (follow) box.scrollTop = box.scrollHeight;
  }
}
