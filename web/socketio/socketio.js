// The Socket.IO chat page. What it expects of the server, in the namespace "/":
//
//   auth      {name}              refused with CONNECT_ERROR {message, data: {code: "name"}}
//   server →  welcome             {id, name}             to the one who came
//             online              {version, count, members: [{id, name}]}
//                                 to the one who came: the members that all know of
//             changes             {version, count, set: [{id, name}], left: [id]}
//                                 to everyone, a moment after somebody came, went or changed the name;
//                                 those with a version that the page has already are old
//             message             {from, name, text, time}              to everyone, the sender too
//             private             {from, name, to, toName, text, time}  to the two
//             typing              {from, name, typing}                  to the others, or to the one
//   client →  message             (text, ack)
//             private             (toId, text, ack)
//             rename              (name, ack)
//             typing              (isTyping, toId)       toId "" for everyone
//   ack       {}, of rename {name}; or {error: "empty" | "long" | "name" | "gone"}
//
// `time` is in milliseconds since 1970, an `id` is a socket id.

import { changed, nobody } from "/chat/members.js";
import { onLanguage, recall, remember, t } from "/i18n.js";
import { Connection } from "/socketio/connection.js";
import { Typing, Typists } from "/socketio/typing.js";
import * as view from "/socketio/view.js";

const $ = (id) => document.getElementById(id);
const nameKey = "starling.socketio.name";
const transportsKey = "starling.socketio.transports";
const lines_max = 500;
const badges = { connecting: "waiting", open: "open", waiting: "waiting", left: "closed",
  refused: "closed" };
const box = $("messages");
let online = nobody;
// {id, name}: the addressee of private messages, who stays it until somebody chooses another one: a
// private text must never go to everyone because its addressee has left. Null: everyone.
let chosen = null;

const connection = new Connection({
  onstate: (state) => {
    // A server that was started anew counts from the beginning.
    if (state !== "open") setOnline(nobody);
    if (state === "open" && $("formError").dataset.key === "chat.offline") refuse("");
    if (state === "refused") refuse(`socketio.refused.${connection.refusal}`);
    showState();
  },
  ontransport: (name) => { $("transport").textContent = name; },
  onlost: (reason) => show(view.note("socketio.note.lost", { reason })),
  onback: (attempts) => show(view.note("socketio.note.back", { attempts })),
  onevent: (name, value) => received[name]?.(value),
});

const received = {
  welcome: ({ name }) => setName(name),
  online: setOnline,
  changes: (changes) => {
    const list = changed(online, changes);
    if (list !== online) setOnline(list);
  },
  message: (line) => show(view.message(line, { mine: line.from === connection.id })),
  private: (line) => {
    const mine = line.from === connection.id;
    show(view.message(line, { mine, peer: mine ? line.toName : line.name }));
  },
  typing: ({ from, name, typing }) => typists.set(from, name, typing === true),
};

const typists = new Typists((names) => {
  const listed = names.slice(0, 3).join(", ");
  $("typing").textContent = names.length === 0 ? "" : t("socketio.typing", { names: listed });
});
const typing = new Typing((isTyping) => connection.tell("typing", isTyping, chosen?.id ?? ""));

function show(item) {
  const follow = box.scrollTop + box.clientHeight >= box.scrollHeight - 40;
  $("list").append(item);
  while ($("list").childElementCount > lines_max) $("list").firstElementChild.remove();
  const said = item.classList.contains("message");
  if (said) $("empty").hidden = true;
  if (follow || item.classList.contains("mine")) scrollToEnd();
  else if (said) $("newest").hidden = false;
}

function scrollToEnd() {
  box.scrollTop = box.scrollHeight;
  $("newest").hidden = true;
}

function showState() {
  const { attempt, state } = connection;
  const key = state === "waiting" && attempt > 0 ? "attempt" : state;
  $("state").dataset.state = badges[state];
  $("state").textContent = t(`socketio.state.${key}`, { attempt });
  $("transport").hidden = state !== "open";
  $("reconnect").hidden = state !== "left" && state !== "refused";
  $("leave").disabled = !$("reconnect").hidden;
  $("send").disabled = state === "left" || state === "refused";
}

// The difference to the list before tells who came and who went.
function setOnline(list) {
  if (list.members && online.members) {
    const before = new Map(online.members.map(({ id, name }) => [id, name]));
    const now = new Map(list.members.map(({ id, name }) => [id, name]));
    for (const [id, name] of now) {
      if (!before.has(id) && id !== connection.id) show(view.note("socketio.note.came", { name }));
    }
    for (const [id, name] of before) if (!now.has(id)) show(view.note("socketio.note.went", { name }));
  }
  online = list;
  typists.keep(new Set((list.members ?? []).map(({ id }) => id)));
  showPeople();
}

function showPeople() {
  const members = online.members ?? [];
  chosen = members.find(({ id }) => id === chosen?.id) ?? chosen;
  const id = chosen?.id ?? "";
  $("count").textContent = String(online.count);
  $("people").replaceChildren(...view.people(members, { self: connection.id, chosen: id, choose }));
  $("to").replaceChildren(...view.recipients(members, { self: connection.id, chosen, gone: isGone() }));
  $("to").value = id;
}

// Without a connection nobody can tell whether the addressee is still there.
function isGone() {
  return chosen && online.members && !online.members.some(({ id }) => id === chosen.id);
}

function choose(id) {
  typing.ended();
  if (id !== chosen?.id) chosen = online.members?.find((member) => member.id === id) ?? null;
  if (["socketio.refused.gone", "chat.offline"].includes($("formError").dataset.key)) refuse("");
  showPeople();
  $("text").focus();
}

function setName(name) {
  $("name").value = name;
  remember(nameKey, name);
}

function refuse(key, field) {
  $("formError").textContent = key ? t(key) : "";
  $("formError").dataset.key = key;
  for (const id of ["name", "to", "text"]) {
    if (id === field) $(id).setAttribute("aria-invalid", "true");
    else $(id).removeAttribute("aria-invalid");
  }
  if (field) $(field).focus();
}

// Whether the server took it; what it says against it is shown.
async function ask(field, event, ...values) {
  try {
    const { error, name } = await connection.ask(event, ...values);
    if (error) refuse(`socketio.refused.${error}`, error === "gone" ? "to" : field);
    else refuse("");
    if (name) setName(name);
    return !error;
  } catch (fault) {
    refuse(fault.message === "offline" ? "chat.offline" : "socketio.refused.timeout");
    return false;
  }
}

async function send(event) {
  event?.preventDefault();
  const text = $("text").value.trim();
  if (text === "") return refuse("socketio.refused.empty", "text");
  if (isGone()) return refuse("socketio.refused.gone", "to");
  typing.ended();
  $("text").value = "";
  $("text").focus();
  const taken = chosen ? await ask("text", "private", chosen.id, text)
    : await ask("text", "message", text);
  if (!taken && $("text").value === "") $("text").value = text;
}

function join() {
  // The bundle is fetched when the server is set up; without it there is nothing to connect with.
  if (!window.io) return refuse("socketio.refused.bundle");
  const transports = document.querySelector("[name=transports]:checked").value;
  remember(transportsKey, transports);
  refuse("");
  connection.open(transports.split(","), () => $("name").value.trim());
}

$("composer").addEventListener("submit", send);
$("text").addEventListener("keydown", (event) => {
  // While an input method composes, Enter chooses a word and does not send.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
});
$("text").addEventListener("input", () => {
  if ($("text").value === "") typing.ended();
  else typing.touched();
});
$("name").addEventListener("change", () => {
  if (connection.state === "open") ask("name", "rename", $("name").value.trim());
});
$("to").addEventListener("change", () => choose($("to").value));
$("leave").addEventListener("click", () => {
  connection.leave();
  show(view.note("chat.note.left"));
});
$("reconnect").addEventListener("click", join);
$("newest").addEventListener("click", scrollToEnd);
box.addEventListener("scroll", () => {
  if (box.scrollTop + box.clientHeight >= box.scrollHeight - 40) $("newest").hidden = true;
});
for (const radio of document.querySelectorAll("[name=transports]")) {
  radio.addEventListener("change", join);
  radio.checked = radio.value === (recall(transportsKey) || "polling,websocket");
}
// The window of a phone shrinks when its keyboard comes: stay with the newest message.
new ResizeObserver(() => { if ($("newest").hidden) box.scrollTop = box.scrollHeight; }).observe(box);

$("name").value = recall(nameKey)
  || t("socketio.guest", { number: 1 + Math.floor(Math.random() * 999) });
onLanguage(() => {
  view.redraw($("list"));
  if ($("formError").dataset.key) $("formError").textContent = t($("formError").dataset.key);
  typists.draw();
  showPeople();
  showState();
});
join();
