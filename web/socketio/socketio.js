// The Socket.IO chat page. What it expects of the server, in the namespace "/":
//
//   auth      {name}              refused with CONNECT_ERROR {message, data: {code: "name"}}
//   server →  welcome             {id, name}             to the one who came
//             online              {version, count, members: [{id, name}]}
//                                 to everyone, when somebody comes, goes or changes the name; of two,
//                                 the one with the higher version is newer
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
let online = { version: -1, members: null };
let chosen = "";

const connection = new Connection({
  onstate: (state) => {
    // A server that was started anew counts from the beginning.
    if (state !== "open") setOnline({ version: -1, count: 0, members: null });
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
  online: (list) => { if (list.version > online.version) setOnline(list); },
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
const typing = new Typing((isTyping) => connection.tell("typing", isTyping, chosen));

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
    for (const [id, name] of now) if (!before.has(id)) show(view.note("socketio.note.came", { name }));
    for (const [id, name] of before) if (!now.has(id)) show(view.note("socketio.note.went", { name }));
  }
  online = list;
  typists.keep(new Set((list.members ?? []).map(({ id }) => id)));
  showPeople();
}

function showPeople() {
  const members = online.members ?? [];
  if (!members.some(({ id }) => id === chosen)) chosen = "";
  $("count").textContent = String(online.count);
  $("people").replaceChildren(...view.people(members, { self: connection.id, chosen, choose }));
  $("to").replaceChildren(...view.recipients(members, connection.id));
  $("to").value = chosen;
}

function choose(id) {
  typing.ended();
  chosen = id;
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
  for (const id of ["name", "text"]) {
    if (id === field) $(id).setAttribute("aria-invalid", "true");
    else $(id).removeAttribute("aria-invalid");
  }
  if (field) $(field).focus();
}

// Whether the server took it; what it says against it is shown.
async function ask(field, event, ...values) {
  try {
    const { error, name } = await connection.ask(event, ...values);
    if (error) refuse(`socketio.refused.${error}`, field);
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
  typing.ended();
  $("text").value = "";
  $("text").focus();
  const to = chosen;
  const taken = to ? await ask("text", "private", to, text) : await ask("text", "message", text);
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
