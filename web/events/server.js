// The page of /ws/ServerEvent?Ref=<channel>: listen, and see what comes.

import { endpoint, onLanguage, t } from "/i18n.js";
import { Log } from "/echo/log.js";

const $ = (id) => document.getElementById(id);
const log = new Log($("log"));
const query = new URLSearchParams(location.search);
const channel = ["Ref", "ref", "Rel", "rel"].map((name) => query.get(name)).find(Boolean) ?? "";
let socket = null;
let opened = false;
let last = null; // the event that is shown; the other states are words

function show() {
  const states = ["connecting", "connected", "closing", opened ? "disconnected" : "refused"];
  const state = socket ? states[socket.readyState] : "choose";
  $("spanStatus").textContent = last ?? t(`events.${state}`);
}

function listen() {
  socket = new WebSocket(endpoint(`/ws/ServerEvent?Ref=${encodeURIComponent(channel)}`));
  socket.onopen = () => {
    opened = true;
    log.add("event", t("echo.log.open"));
    show();
  };
  socket.onmessage = ({ data }) => {
    last = data;
    log.add("received", data, new TextEncoder().encode(data).length);
    show();
  };
  socket.onclose = ({ code, reason, wasClean }) => {
    last = null;
    log.add(wasClean ? "event" : "error", t("echo.log.close", { code, reason, clean: wasClean }));
    show();
  };
}

$("channel").value = channel;
$("visit").addEventListener("click", async () => {
  try {
    await fetch("/api", { cache: "no-store" });
  } catch (error) {
    log.add("error", error.message);
  }
});
if (channel) listen();
onLanguage(show);
