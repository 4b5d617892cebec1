// The page of /ws/ClientEvent: ask, and get an answer.

import { endpoint, onLanguage, t } from "/i18n.js";
import { Log } from "/echo/log.js";

const $ = (id) => document.getElementById(id);
const log = new Log($("log"));
const size = (text) => new TextEncoder().encode(text).length;
let socket;
let last = null; // the answer that is shown; the other states are words

function show() {
  const state = ["connecting", "connected", "closing", "disconnected"][socket.readyState];
  $("spanStatus").textContent = last ?? t(`events.${state}`);
  $("btnSend").disabled = socket.readyState !== WebSocket.OPEN;
  $("connect").disabled = socket.readyState !== WebSocket.CLOSED;
}

function connect() {
  last = null;
  socket = new WebSocket(endpoint("/ws/ClientEvent"));
  socket.onopen = () => {
    log.add("event", t("echo.log.open"));
    show();
  };
  socket.onmessage = ({ data }) => {
    last = data;
    log.add("received", data, size(data));
    show();
  };
  socket.onclose = ({ code, reason, wasClean }) => {
    last = null;
    log.add(wasClean ? "event" : "error", t("echo.log.close", { code, reason, clean: wasClean }));
    show();
  };
  show();
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket.readyState !== WebSocket.OPEN) return;
  const text = $("textInput").value;
  socket.send(text);
  log.add("sent", text, size(text));
});
$("connect").addEventListener("click", connect);
connect();
onLanguage(show);
