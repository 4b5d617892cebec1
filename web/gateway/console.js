// The console of the gateway at /gateway: who is connected, what passes, forms that send and close.

import { endpoint, onLanguage, t } from "/i18n.js";
import { Api, Refused } from "/gateway/api.js";
import { $, LogView, showClients } from "/gateway/view.js";

const page_clients = 100;
const names_max = 10_000; // In one request.
const refresh_ms = 5_000;
const changed_ms = 300; // Between the last client that came or went, and the list.
const pause_ms_max = 10_000;

const log = new LogView();
let api = null;
let users = [];
let cursors = [""]; // Of the pages up to the one that is shown.
let following = "";
let listing = 0; // The number of the newest request of the list.
let logState = "connecting";
let fault = "";
let changed = 0;
const trial = { path: "", socket: null };

function tell(text) {
  fault = text;
  $("fault").textContent = fault;
}

// What the server says, or that it does not answer.
const words = (error) => (error instanceof Refused ? error.message : t("gateway.offline"));

/* Who is connected ---------------------------------------------------------------------------- */

function choose(what, id) {
  const [kind, value, field] = what === "send" ? ["to", "conn", "whom"] : ["of", "conns", "whose"];
  $(kind).value = value;
  $(field).value = id;
  showTarget();
  $(field).focus();
}

function drawClients() {
  showClients(users, choose);
  $("pages").hidden = cursors.length === 1 && following === "";
  $("previous").disabled = cursors.length === 1;
  $("next").disabled = following === "";
}

async function list() {
  listing += 1;
  const mine = listing;
  const answer = await api.list({ user: $("filter").value, cursor: cursors.at(-1), limit: page_clients });
  if (mine !== listing) return;
  users = answer.data;
  following = answer.cursor ?? "";
  drawClients();
}

async function refresh() {
  try {
    await list();
    tell("");
  } catch (error) {
    tell(words(error));
  }
}

function turn(pages) {
  cursors = pages;
  return refresh();
}

function clientsChanged() {
  changed ||= setTimeout(() => {
    changed = 0;
    refresh();
  }, changed_ms);
}

/* What passes --------------------------------------------------------------------------------- */

const badges = { connecting: "idle", open: "open", waiting: "closed" };

function showLogState(state) {
  logState = state;
  $("logState").dataset.state = badges[state];
  $("logState").textContent = t(`gateway.log.${state}`);
}

function take(event) {
  if (event.type === "started") {
    showLogState("open");
    [trial.path] = event.paths;
    $("trial").disabled = false;
    clientsChanged(); // Some may have come while nobody looked.
  }
  if (event.type === "opened" || event.type === "closed") clientsChanged();
  log.add(event);
}

async function follow() {
  for (let pause_ms = 500; ;) {
    try {
      for await (const event of api.log()) {
        pause_ms = 500;
        take(event);
      }
    } catch (error) {
      if (error instanceof Refused) tell(words(error));
    }
    showLogState("waiting");
    await new Promise((resolve) => { setTimeout(resolve, pause_ms); });
    pause_ms = Math.min(pause_ms * 2, pause_ms_max);
  }
}

/* Send and close ------------------------------------------------------------------------------ */

const names = (text) => text.split(/[,，]/).map((name) => name.trim());

function showTarget() {
  $("whomField").hidden = $("to").value === "everybody";
}

// JSON goes as it was written, so that large numbers stay as they are.
function payload(text) {
  try {
    JSON.parse(text);
  } catch {
    return `"text":${JSON.stringify(text)}`;
  }
  return `"payload":${text}`;
}

async function everybody() {
  const found = [];
  let cursor = "";
  do {
    const answer = await api.list({ user: $("filter").value, cursor, limit: names_max });
    found.push(...answer.data.map(({ name }) => name));
    cursor = answer.cursor ?? "";
  } while (cursor);
  return [...new Set(found)];
}

async function send() {
  const to = $("to").value;
  const whom = $("whom").value;
  const message = payload($("payload").value);
  const post = (path, selector) =>
    api.post(path, `{${JSON.stringify(selector).slice(1, -1)},${message}}`);
  if (to === "conn") return post("conn/send", { conn_id: whom.trim() });
  if (to === "topic") return post("topic/publish", { topic: whom });
  const all = to === "users" ? names(whom) : await everybody();
  let count = 0;
  for (let i = 0; i < all.length; i += names_max) {
    count += await post("conn/send", { users: all.slice(i, i + names_max) });
  }
  return count;
}

function close() {
  return api.post("conn/close", JSON.stringify({ [$("of").value]: names($("whose").value),
    code: Number($("code").value), reason: $("reason").value }));
}

// Runs the form's request, and tells in `output` how many connections it concerned.
function onSubmit(form, output, request) {
  $(form).addEventListener("submit", async (event) => {
    event.preventDefault();
    $(output).textContent = "";
    try {
      $(output).textContent = t("gateway.concerned", { count: await request() });
    } catch (error) {
      $(output).textContent = words(error);
    }
  });
}

/* A client of this page ----------------------------------------------------------------------- */

function showTrial() {
  const open = trial.socket !== null;
  $("trial").textContent = t(open ? "gateway.trial.close" : "gateway.trial.open");
  $("trialSend").disabled = trial.socket?.readyState !== WebSocket.OPEN;
}

function connect() {
  const socket = new WebSocket(endpoint(trial.path));
  trial.socket = socket;
  socket.onopen = showTrial;
  socket.onmessage = ({ data }) => { $("trialGot").textContent = typeof data === "string" ? data : "…"; };
  socket.onclose = ({ code, reason }) => {
    $("trialGot").textContent = `${code} ${reason}`;
    trial.socket = null;
    showTrial();
  };
  showTrial();
}

/* Start --------------------------------------------------------------------------------------- */

$("keyForm").addEventListener("submit", async (event) => {
  event.preventDefault();
  api = new Api($("key").value.trim());
  try {
    await list();
  } catch (error) {
    return tell(error.status === 401 ? t("gateway.key.wrong") : words(error));
  }
  $("key").value = "";
  $("keyForm").hidden = true;
  $("console").hidden = false;
  tell("");
  follow();
  setInterval(() => { if (!document.hidden) refresh(); }, refresh_ms);
});
$("filterForm").addEventListener("submit", (event) => {
  event.preventDefault();
  turn([""]);
});
$("next").addEventListener("click", () => turn([...cursors, following]));
$("previous").addEventListener("click", () => turn(cursors.slice(0, -1)));
$("hold").addEventListener("click", () => {
  log.hold(!log.held);
  $("hold").setAttribute("aria-pressed", String(log.held));
});
$("clear").addEventListener("click", () => log.clear());
$("to").addEventListener("change", showTarget);
onSubmit("sendForm", "sent", send);
onSubmit("closeForm", "closed", close);
$("trial").addEventListener("click", () => (trial.socket ? trial.socket.close(1000) : connect()));
$("trialForm").addEventListener("submit", (event) => {
  event.preventDefault();
  trial.socket?.send($("trialText").value);
});
$("trial").disabled = true;
$("enter").disabled = false; // Before this script runs, the form would leave the page.

onLanguage(() => {
  drawClients();
  showLogState(logState);
  showTrial();
});
