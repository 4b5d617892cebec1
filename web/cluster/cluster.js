// The page of `starling cluster-demo`. Its own server tells the state of the nodes and presses the
// buttons; each column has a Socket.IO client, which speaks the chat of web/socketio/socketio.js to a node.

import { onLanguage, t } from "/i18n.js";
import { redraw } from "/socketio/view.js";
import { Api, keep, keyOfAddress } from "/cluster/api.js";
import { buttons, Column, showProcess } from "/cluster/column.js";

const $ = (id) => document.getElementById(id);
const poll_ms = 500;
const talk_ms = 1000;
const names = ["Ada", "Ben", "Cleo", "Dana", "Eli", "Fay", "Gus", "Hana", "Ivo"];

let api;
let state;
let columns = [];
let fault = "";
let talked = 0;

function tell(key) {
  fault = key;
  $("fault").textContent = key ? t(key) : "";
}

function showKeyForm(key) {
  $("keyForm").hidden = false;
  $("demo").hidden = true;
  tell(key);
  $("key").focus();
}

const total = () => columns.reduce((sum, { client }) => sum + client.counts.said, 0);

// A client counts what the clients of this page say; other people may be in the chat as well.
function heard(column, { from }) {
  if (columns.some(({ client }) => client.ids.has(from))) column.client.counts.heard += 1;
  for (const one of columns) one.draw();
}

const nodes = () => state.nodes.map(({ name, port, ready }) => ({ number: Number(name), ready,
  url: `${location.protocol}//${location.hostname}:${port}` }));

function begin() {
  $("keyForm").hidden = true;
  $("demo").hidden = false;
  if (columns.length > 0) return;
  columns = state.nodes.map((node, i) =>
    new Column({ node, name: names[i], press, nodes, heard, total }));
  $("columns").replaceChildren(...columns.map(({ element }) => element));
  if (state.redis) buttons($("redisButtons"), (button) => press("redis", button));
  // The bundle is fetched when the server is set up; without it there is nothing to connect with.
  if (!window.io) return tell("socketio.refused.bundle");
  for (const { client } of columns) client.open();
}

function show(now) {
  state = now;
  begin();
  $("mode").textContent = state.mode;
  if (state.redis) showProcess($("redisState"), $("redisButtons"), state.redis);
  else $("redisState").textContent = state.redis_url;
  state.nodes.forEach((node, i) => columns[i].update(node));
}

async function refresh(call) {
  try {
    show(await call());
    if (["cluster.offline", "cluster.impossible"].includes(fault)) tell("");
  } catch ({ message }) {
    if (message === "key") showKeyForm("cluster.key.wrong");
    else tell(`cluster.${message}`);
    return message !== "key";
  }
  return true;
}

const press = (process, button) => refresh(() => api.press(process, button));

async function poll() {
  if (!await refresh(() => api.state())) return; // Until somebody enters a key.
  setTimeout(poll, poll_ms);
}

function enter(key) {
  if (!key) return showKeyForm("");
  api = new Api(key);
  poll();
}

$("keyForm").addEventListener("submit", (event) => {
  event.preventDefault();
  // The whole address may be pasted.
  const key = $("key").value.trim().replace(/^.*key=/, "");
  keep(key);
  tell("");
  enter(key);
});

setInterval(() => {
  if (!$("talk").checked) return;
  talked += 1;
  for (const { client } of columns) client.say(t("cluster.says", { number: talked }));
}, talk_ms);

onLanguage(() => {
  tell(fault);
  redraw($("columns"));
  for (const column of columns) column.draw();
  if (state?.redis) showProcess($("redisState"), $("redisButtons"), state.redis);
});

enter(keyOfAddress());
