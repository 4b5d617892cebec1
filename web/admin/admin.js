// The admin page: what /admin/api/ says, and what /admin/live tells each second. It is written with
// these two alone, so a script can do what the page does (docs/admin.md).

import { drainLost, drains, showDrain, useDrain } from "/admin/drain.js";
import { add, short, start } from "/admin/graphs.js";
import { onLanguage, t } from "/admin/language.js";

const $ = (id) => document.getElementById(id);
const messagesMax = 200, refreshSeconds = 3, foundPage = 100, foundMax = 1000;

let live, uptime = 0, connections = 0, state = "connecting", next = "", found = foundPage, searches = 0, followed = "", payloads = false;

async function api(path, body) {
  const answer = await fetch(`/admin/api/${path}`, body === undefined ? {} : { method: "POST",
    headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

let noticeTimer;
function notice(text) {
  $("notice").textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { $("notice").textContent = ""; }, 4000);
}

// Shows the fault of a call that a click began.
const shown = (call) => async (event) => {
  event?.preventDefault();
  try { await call(event); } catch (fault) { notice(fault.message); }
};

function duration(seconds) {
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s` : `${seconds} s`;
}

function tellState() {
  $("state").dataset.state = state;
  $("state").textContent = t(state, { time: duration(uptime) });
}

function cell(row, text, className) {
  const td = row.insertCell();
  td.textContent = text;
  if (className) { td.className = className; td.title = text; }
  return td;
}

function button(words, call, className = "") {
  const one = document.createElement("button");
  one.type = "button";
  one.dataset.i18n = words;
  one.textContent = t(words);
  one.className = className;
  one.addEventListener("click", shown(call));
  return one;
}

// ---- connections --------------------------------------------------------------------------------

function query(form, more = {}) {
  const all = { ...Object.fromEntries(new FormData(form)), ...more };
  return new URLSearchParams(Object.entries(all).filter(([, value]) => value !== "")).toString();
}

// The row of a connection. A row that is there already stays, so that no click misses its button.
function connectionRow(one, known) {
  const row = known ?? document.createElement("tr");
  if (!known) {
    row.dataset.id = one.id;
    for (const className of ["", "", "", "long", "long", "long", ""]) cell(row, "", className);
    const actions = row.insertCell();
    if (["websocket", "socketio", "gateway"].includes(one.kind)) {
      actions.append(button("follow", () => follow(one.id)));
    }
    actions.append(button("disconnect", async () => {
      await api("disconnect", { id: one.id });
      notice(t("done"));
      await searchAgain();
    }, "danger"));
  }
  const texts = [one.id, one.kind, one.address, one.user, one.path, one.rooms.join(", "), short(one.queued_bytes)];
  for (const [i, text] of texts.entries()) {
    const td = row.cells[i];
    if (td.textContent !== text) td.textContent = text;
    if (td.className) td.title = text;
  }
  return row;
}

// Makes `rows` the rows of `body`, and moves only those that are elsewhere.
function place(body, rows) {
  const wanted = new Set(rows);
  for (const row of [...body.rows]) if (!wanted.has(row)) row.remove();
  for (const [i, row] of rows.entries()) if (body.rows[i] !== row) body.insertBefore(row, body.rows[i] ?? null);
}

// Shows the first `found` rows, or adds those behind `cursor`.
async function search(cursor = "") {
  const limit = String(cursor ? foundPage : found), mine = ++searches;
  const page = await api(`connections?${query($("search"), { cursor, limit })}`);
  if (mine !== searches) return; // A newer search shows the rows of this one too.
  const body = $("found"), known = new Map([...body.rows].map((row) => [row.dataset.id, row]));
  const rows = page.connections.map((one) => connectionRow(one, known.get(one.id)));
  if (cursor) body.append(...rows);
  else place(body, rows);
  next = page.next ?? "";
  $("more").hidden = next === "";
  $("nobody").hidden = body.rows.length > 0;
  if (!page.complete) notice(t("incomplete"));
}

// The same rows again, also those that "more" has added. The API lists at most `foundMax`; a longer
// list stays as it is until the next search.
async function searchAgain() {
  if (found <= foundMax) await search();
}

async function searchMore() {
  found += foundPage;
  await search(next);
}

async function searchAnew() {
  found = foundPage;
  await search();
}

// ---- one connection -----------------------------------------------------------------------------

function say(request) {
  if (live?.readyState === WebSocket.OPEN) live.send(JSON.stringify(request));
}

function follow(id) {
  if (followed) say({ unfollow: followed });
  followed = id;
  $("followedId").textContent = id;
  $("messages").replaceChildren();
  $("followed").hidden = false;
  $("hidden").hidden = payloads;
  say({ follow: id });
}

function unfollow() {
  say({ unfollow: followed });
  followed = "";
  $("followed").hidden = true;
}

function line(text) {
  const item = document.createElement("li");
  item.textContent = text;
  $("messages").prepend(item);
  while ($("messages").children.length > messagesMax) $("messages").lastChild.remove();
}

const told = {
  message({ id, direction, bytes, binary, text }) {
    if (id !== followed) return;
    const size = t("bytes", { count: bytes }) + (binary ? `, ${t("binary")}` : "");
    line(`${t(direction)}  ${size}${text === undefined ? "" : `  ${text}`}`);
  },
  closed({ id, code = "", reason = "" }) {
    if (id === followed) line(t("closed", { code, reason }));
  },
  error(text) { notice(text); },
  followed() {},
};

// ---- rooms, workers, queues, errors, configuration --------------------------------------------------

async function rooms() {
  const page = await api(`rooms?${query($("roomSearch"))}`);
  $("noRooms").hidden = page.rooms.length > 0;
  $("roomsFound").replaceChildren(...page.rooms.map((one) => {
    const row = document.createElement("tr");
    cell(row, one.kind);
    cell(row, one.namespace && one.namespace !== "/" ? `${one.namespace} ${one.name}` : one.name, "long");
    cell(row, String(one.members));
    return row;
  }));
}

async function workers() {
  const { workers: all } = await api("workers");
  $("workerRows").replaceChildren(...all.map((one) => {
    const row = document.createElement("tr");
    cell(row, String(one.worker));
    cell(row, short(one.connections));
    cell(row, `${(one.lag_us / 1000).toFixed(2)} ms`);
    cell(row, short(one.send_queue_bytes));
    const stuck = one.unresponsive_us > 1e6;
    cell(row, stuck ? t("stuck", { time: duration(Math.round(one.unresponsive_us / 1e6)) }) : t("fine"));
    return row;
  }));
  const queues = await api("queues");
  $("queues").replaceChildren(...Object.entries(queues).flatMap(([name, value]) => {
    const term = document.createElement("dt"), number = document.createElement("dd");
    term.dataset.i18n = `queueNames.${name}`;
    term.textContent = t(`queueNames.${name}`);
    number.textContent = short(value);
    return [term, number];
  }));
}

async function errors() {
  const { errors: lines } = await api("errors");
  $("noErrors").hidden = lines.length > 0;
  $("errorLines").replaceChildren(...lines.map((one) => {
    const item = document.createElement("li"), level = document.createElement("b");
    item.dataset.level = one.level;
    level.textContent = one.level;
    const fields = Object.entries(one.fields).map(([name, value]) => `${name}=${value}`).join(" ");
    item.append(level, ` ${new Date(one.unix_ms).toLocaleString()}  ${one.message}  ${fields}`);
    return item;
  }));
}

async function drain(body) {
  showDrain(await api("drain", body));
}

async function refresh() {
  try {
    await Promise.all([searchAgain(), workers(), errors(), drain()]);
  } catch { /* The state of the connection tells that the server is away. */ }
}

// ---- the WebSocket ------------------------------------------------------------------------------

async function begin() {
  const [stats, history, config] =
    await Promise.all([api("stats"), api("history"), api("config")]);
  payloads = stats.payloads;
  $("version").textContent = stats.version;
  $("configText").textContent = JSON.stringify(config, null, 2);
  start(history);
  await Promise.all([refresh(), rooms()]);
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  live = new WebSocket(`${scheme}://${location.host}/admin/live`);
  live.onopen = async () => {
    state = "open";
    tellState();
    try { await begin(); } catch (fault) { notice(fault.message); }
    if (followed) say({ follow: followed });
  };
  live.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.sample) {
      uptime = message.second;
      tellState();
      add(message.second, message.sample);
      connections = message.sample[0];
      if (message.second % refreshSeconds === 0 && !document.hidden) refresh();
      else if (drains()) drain().catch(() => {});
      return;
    }
    for (const [kind, value] of Object.entries(message)) told[kind]?.(value);
  };
  live.onclose = () => {
    state = "lost";
    tellState();
    drainLost();
    setTimeout(connect, 2000);
  };
}

$("search").addEventListener("submit", shown(searchAnew));
$("more").addEventListener("click", shown(searchMore));
$("roomSearch").addEventListener("submit", shown(rooms));
$("unfollow").addEventListener("click", unfollow);
$("send").addEventListener("submit", shown(async ({ target }) => {
  await api("send", { id: followed, text: new FormData(target).get("text") });
  target.reset();
}));
$("publish").addEventListener("submit", shown(async ({ target }) => {
  const { kind, name, text } = Object.fromEntries(new FormData(target));
  const { subscribers } = await api("publish", { [kind]: name, text });
  notice(t("published", { count: subscribers }));
}));
useDrain((body) => shown(() => drain(body))(), () => connections);
onLanguage(tellState);
connect();
