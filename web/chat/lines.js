// What the server's texts become on screen: through textContent alone, a message is never HTML.

import { locale } from "/i18n.js";

const farewell = "下线了!";

// The kinds of text that /chat sends: {"error":"..."} to the one who sent something wrong;
// {"self","online"} and {"changes"} about the members; name下线了! when somebody left; name:msg for
// everything else.
export function parse(text) {
  const told = parseObject(text);
  if (typeof told?.error === "string") return { kind: "fault", text: told.error };
  if (told?.online || told?.changes) return { kind: "members", ...told };
  const colon = text.indexOf(":");
  if (colon !== -1) return { kind: "message", name: text.slice(0, colon), text: text.slice(colon + 1) };
  if (!text.endsWith(farewell)) return { kind: "note", text };
  return { kind: "system", key: "chat.note.gone", values: { name: text.slice(0, -farewell.length) } };
}

function parseObject(text) {
  if (!text.startsWith("{")) return null;
  try { return JSON.parse(text); } catch { return null; }
}

// The same name has the same colour on every screen.
export function hue(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return hash;
}

export function clock(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  return date.toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit" });
}

export function timeOf(time) {
  const element = part("time", "", clock(time));
  element.dateTime = String(time);
  return element;
}

export function redrawTimes(within) {
  for (const element of within.querySelectorAll("time")) element.textContent = clock(Number(element.dateTime));
}

export function element(line, ownName) {
  const item = document.createElement("li");
  item.className = line.kind;
  if (line.kind !== "message") {
    item.textContent = line.text;
    return item;
  }
  item.classList.toggle("mine", line.name === ownName);
  const name = part("span", "name", "");
  name.style.setProperty("--hue", String(hue(line.name)));
  name.append(timeOf(line.time), part("span", "who", line.name));
  item.append(name, part("span", "colon", ":"), part("span", "text", line.text));
  return item;
}

export function part(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
