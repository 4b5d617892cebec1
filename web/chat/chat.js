// The chat page: {"name","msg"} out, name:msg in. It offers the subprotocol starling.chat, in which
// the server also tells who is in the room, and {"name"} out is the name of one who has not spoken.

import { endpoint, onLanguage, recall, remember, t } from "/i18n.js";
import { element, hue, parse, part, redrawTimes } from "/chat/lines.js";
import { changed, nobody } from "/chat/members.js";
import { Reconnecting } from "/chat/reconnect.js";

const $ = (id) => document.getElementById(id);
const nameKey = "starling.chat.name";
const lines_max = 500;
const badges = { connecting: "waiting", open: "open", closing: "waiting", waiting: "waiting",
  left: "closed" };

const box = $("messages");
const list = $("list");
let online = nobody;
let self = "";

const connection = new Reconnecting(endpoint("/chat"), {
  onstate: (state) => {
    if (state !== "open") setOnline(nobody);
    if (state === "open") {
      introduce();
      show({ kind: "note", key: "chat.note.open" });
      if ($("formError").dataset.key === "chat.offline") refuse("", []);
    }
    if (state === "left") show({ kind: "note", key: "chat.note.left" });
    showState();
  },
  onlost: ({ code }) => show({ kind: "note", key: "chat.note.lost", values: { code } }),
  onmessage: (data) => {
    if (typeof data !== "string") return;
    const line = parse(data);
    if (line.kind === "members") return hearOfMembers(line);
    if (line.kind === "message") line.time = Date.now();
    show(line.kind === "fault" ? { kind: "fault", key: "chat.error", values: { text: line.text } }
      : line);
  },
}, ["starling.chat"]);

function hearOfMembers(line) {
  self = line.self ?? self;
  setOnline(line.online ?? changed(online, line.changes));
}

function setOnline(list) {
  online = list;
  const members = online.members ?? [];
  $("count").textContent = String(online.count);
  $("people").replaceChildren(...members.map(({ id, name }) => {
    const item = part("li", "member", "");
    item.style.setProperty("--hue", String(hue(name)));
    item.append(part("span", "who", name || t("chat.unnamed")));
    if (id === self) item.append(part("span", "", t("socketio.you")));
    return item;
  }));
}

// A name that was kept from an earlier visit; the server refuses none that it took before.
function introduce() {
  const name = $("niName").value.trim();
  if (name !== "") connection.send(JSON.stringify({ name }));
}

// A line with a `key` is ours, in the reader's language; others are the server's words.
function show(line) {
  const follow = box.scrollTop + box.clientHeight >= box.scrollHeight - 40;
  const text = line.key ? t(line.key, line.values) : line.text;
  const item = element({ ...line, text }, $("niName").value.trim());
  if (line.key) {
    item.dataset.key = line.key;
    item.dataset.values = JSON.stringify(line.values ?? {});
  }
  list.append(item);
  while (list.childElementCount > lines_max) list.firstElementChild.remove();
  if (line.kind === "message") $("empty").hidden = true;
  if (follow || item.classList.contains("mine")) scrollToEnd();
  else if (line.kind === "message") $("newest").hidden = false;
}

function scrollToEnd() {
  box.scrollTop = box.scrollHeight;
  $("newest").hidden = true;
}

function showState() {
  const { state } = connection;
  $("state").dataset.state = badges[state];
  $("state").textContent = t(`chat.state.${state}`, { seconds: connection.secondsLeft });
  $("reconnect").hidden = state !== "waiting" && state !== "left";
  $("close").disabled = state === "left" || state === "closing";
  $("send").disabled = state === "left";
}

function refuse(key, fields) {
  $("formError").textContent = key ? t(key) : "";
  $("formError").dataset.key = key;
  for (const field of ["niName", "msg"]) {
    if (fields.includes(field)) $(field).setAttribute("aria-invalid", "true");
    else $(field).removeAttribute("aria-invalid");
  }
  if (fields.length > 0) $(fields[0]).focus();
}

function send(event) {
  event?.preventDefault();
  const name = $("niName").value.trim();
  const msg = $("msg").value.trim();
  const missing = [name === "" && "niName", msg === "" && "msg"].filter(Boolean);
  if (missing.length > 0) return refuse("chat.incomplete", missing);
  remember(nameKey, name);
  if (!connection.send(JSON.stringify({ name, msg }))) return refuse("chat.offline", []);
  refuse("", []);
  $("msg").value = "";
  $("msg").focus();
}

$("composer").addEventListener("submit", send);
$("msg").addEventListener("keydown", (event) => {
  // While an input method composes, Enter chooses a word and does not send.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  send(event);
});
for (const field of ["niName", "msg"]) {
  $(field).addEventListener("input", () => { if ($("formError").dataset.key) refuse("", []); });
}
$("close").addEventListener("click", () => connection.leave());
$("reconnect").addEventListener("click", () => connection.connect());
$("newest").addEventListener("click", scrollToEnd);
box.addEventListener("scroll", () => {
  if (box.scrollTop + box.clientHeight >= box.scrollHeight - 40) $("newest").hidden = true;
});
// The window of a phone shrinks when its keyboard comes: stay with the newest message.
new ResizeObserver(() => {
  if ($("newest").hidden) box.scrollTop = box.scrollHeight;
}).observe(box);

onLanguage(() => {
  for (const item of list.querySelectorAll("[data-key]")) {
    item.textContent = t(item.dataset.key, JSON.parse(item.dataset.values));
  }
  redrawTimes(list);
  setOnline(online);
  if ($("formError").dataset.key) $("formError").textContent = t($("formError").dataset.key);
  showState();
});
setInterval(() => { if (connection.state === "waiting") showState(); }, 500);

$("niName").value = recall(nameKey);
connection.connect();
