// What the server's events become on screen: through textContent alone, a word of somebody else is
// never HTML. Elements with data-key are ours, and redrawn in the reader's language.

import { hue, part, redrawTimes, timeOf } from "/chat/lines.js";
import { t } from "/i18n.js";

export function ours(element, key, values = {}) {
  element.dataset.key = key;
  element.dataset.values = JSON.stringify(values);
  element.textContent = t(key, values);
  return element;
}

export function redraw(within) {
  for (const element of within.querySelectorAll("[data-key]")) {
    element.textContent = t(element.dataset.key, JSON.parse(element.dataset.values));
  }
  redrawTimes(within);
}

export function note(key, values) { return ours(part("li", "note", ""), key, values); }

// `mine`: it comes from here. `peer`: the other one of a private message, by name.
export function message({ name, text, time }, { mine, peer }) {
  const item = part("li", "message", "");
  item.classList.toggle("mine", mine);
  const head = part("span", "name", "");
  head.style.setProperty("--hue", String(hue(name)));
  if (peer === undefined) head.append(part("span", "who", name));
  else {
    item.classList.add("private");
    head.append(ours(part("span", "who", ""), mine ? "socketio.privateTo" : "socketio.privateFrom",
      { name: peer }));
  }
  head.prepend(timeOf(time));
  item.append(head, part("span", "text", text));
  return item;
}

// Everybody who is online; who is `self` cannot be chosen.
export function people(members, { self, chosen, choose }) {
  return members.map(({ id, name }) => {
    const button = part("button", "", "");
    button.type = "button";
    button.style.setProperty("--hue", String(hue(name)));
    button.append(part("span", "who", name));
    if (id === self) {
      button.disabled = true;
      button.append(ours(part("span", "", ""), "socketio.you"));
    } else {
      button.setAttribute("aria-pressed", String(id === chosen));
      button.addEventListener("click", () => choose(id === chosen ? "" : id));
    }
    const item = document.createElement("li");
    item.append(button);
    return item;
  });
}

// `chosen`: {id, name}, or null; an addressee who is not among the members stays in the list.
export function recipients(members, { self, chosen, gone }) {
  const everyone = ours(document.createElement("option"), "socketio.everyone");
  everyone.value = "";
  const others = members.filter(({ id }) => id !== self).map(({ id, name }) => {
    const option = part("option", "", name);
    option.value = id;
    return option;
  });
  if (chosen && !members.some(({ id }) => id === chosen.id)) {
    const { id, name } = chosen;
    const option = gone ? ours(part("option", "", ""), "socketio.gone", { name }) : part("option", "", name);
    option.value = id;
    others.push(option);
  }
  return [everyone, ...others];
}
