// The echo page: one WebSocket, all that its object knows, and every message of it.

import { endpoint, onLanguage, t } from "/i18n.js";
import { DrawingBoard, drawPicture } from "/echo/canvas.js";
import { Log, bytes } from "/echo/log.js";

const $ = (id) => document.getElementById(id);
const shown_characters_max = 2000;
const reason_bytes_max = 123; // RFC 6455 section 5.5.1: 125 bytes of payload, two of them the code

const address = endpoint("/echo");
const board = new DrawingBoard($("source"), $("penColor"), $("penWidth"));
const log = new Log($("log"));
let socket = null;
let sentAt = []; // when each message still on its way was sent; an echo keeps the order
let lastBinary = null; // what #serverData shows, kept to say it again in the other language

const now = () => performance.now();
const brief = (text) =>
  text.length > shown_characters_max ? `${text.slice(0, shown_characters_max)}…` : text;
const binaryType = () => document.querySelector("[name=binaryType]:checked").value;

function offered() {
  return $("subprotocol").value.split(",").map((name) => name.trim()).filter(Boolean);
}

function connect() {
  $("connectError").textContent = "";
  try {
    socket = new WebSocket(address, offered());
  } catch (error) {
    $("connectError").textContent = t("echo.bad.subprotocol", { error: error.message });
    return;
  }
  sentAt = [];
  socket.binaryType = binaryType();
  $("serverStatus").textContent = "WebSocket Status:: Connecting";
  log.add("event", t("echo.log.connecting", { url: address }));
  socket.onopen = () => {
    $("serverStatus").textContent = "WebSocket Status:: Socket Open";
    log.add("event", t("echo.log.open"));
    render();
  };
  socket.onmessage = received;
  socket.onerror = () => {
    $("serverStatus").textContent = "WebSocket Status:: Error was reported";
    log.add("error", t("echo.log.error"));
    render();
  };
  socket.onclose = closed;
  render();
}

function closed({ code, reason, wasClean }) {
  $("serverStatus").textContent = "WebSocket Status:: Socket Closed";
  $("closeEventCode").textContent = code;
  $("closeEventReason").textContent = JSON.stringify(reason);
  $("closeEventClean").textContent = wasClean;
  log.add(wasClean ? "event" : "error", t("echo.log.close", { code, reason, clean: wasClean }));
  render();
}

function received({ data }) {
  const started = sentAt.shift();
  if (started !== undefined) $("roundTrip").textContent = `${(now() - started).toFixed(1)} ms`;
  if (typeof data === "string") {
    $("serverResponse").textContent = `Server Reply:: ${brief(data)}`;
    log.add("received", brief(data), new TextEncoder().encode(data).length);
  } else {
    receivedBinary(data);
  }
  render();
}

async function receivedBinary(data) {
  const isBlob = data instanceof Blob;
  const blob = isBlob ? data : new Blob([data], { type: "image/png" });
  const type = isBlob ? "Blob" : "ArrayBuffer";
  log.add("received", `${type} · ${t("echo.log.picture")}`, blob.size);
  const drawn = await drawPicture($("destination"), blob);
  lastBinary = { type, size: blob.size, drawn };
  showBinary();
  if (!drawn) log.add("error", t("echo.bad.image", { bytes: bytes(blob.size) }));
}

function showBinary() {
  $("serverData").textContent = lastBinary === null ? t("echo.nothing")
    : lastBinary.drawn ? `${lastBinary.type} · ${bytes(lastBinary.size)}`
      : t("echo.bad.image", { bytes: bytes(lastBinary.size) });
}

function sendText(event) {
  event.preventDefault();
  if (socket?.readyState !== WebSocket.OPEN) return;
  const text = $("textmessage").value;
  sentAt.push(now());
  socket.send(text);
  log.add("sent", brief(text), new TextEncoder().encode(text).length);
  render();
}

async function sendBinary() {
  const blob = await board.toBlob();
  if (socket?.readyState !== WebSocket.OPEN) return; // it may have closed while the PNG was made
  sentAt.push(now());
  socket.send(blob);
  log.add("sent", `Blob · ${t("echo.log.picture")}`, blob.size);
  render();
}

// What WebSocket.close() of a browser accepts; telling why is better than its exception.
function closeFault(code, reason) {
  const size = new TextEncoder().encode(reason).length;
  if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
    return { field: "closeCode", text: t("echo.bad.code") };
  }
  if (size > reason_bytes_max) {
    return { field: "closeReason", text: t("echo.bad.reason", { bytes: size }) };
  }
  return null;
}

function closeWith(event) {
  event.preventDefault();
  const code = Number($("closeCode").value);
  const reason = $("closeReason").value;
  const fault = closeFault(code, reason);
  $("closeError").textContent = fault?.text ?? "";
  for (const field of ["closeCode", "closeReason"]) {
    $(field).toggleAttribute("aria-invalid", false);
    if (fault?.field === field) $(field).setAttribute("aria-invalid", "true");
  }
  if (fault) return $(fault.field).focus();
  close(code, reason);
}

function close(code, reason) {
  if (!socket || socket.readyState > WebSocket.OPEN) return;
  log.add("event", t("echo.log.closing", { code: `${code} ${reason}`.trim() }));
  socket.close(code, reason);
  render();
}

function render() {
  const state = socket ? socket.readyState : WebSocket.CLOSED;
  for (const item of $("readyState").children) {
    item.toggleAttribute("aria-current", false);
    if (Number(item.dataset.state) === state) item.setAttribute("aria-current", "true");
  }
  const open = state === WebSocket.OPEN;
  const active = state <= WebSocket.OPEN;
  $("connect").disabled = state !== WebSocket.CLOSED;
  $("subprotocol").disabled = state !== WebSocket.CLOSED;
  $("disconnect").disabled = !active;
  $("closeWith").disabled = !active;
  $("sendText").disabled = !open;
  $("sendBinary").disabled = !open;
  $("protocol").textContent = JSON.stringify(socket?.protocol ?? "");
  $("extensions").textContent = JSON.stringify(socket?.extensions ?? "");
  $("bufferedAmount").textContent = socket?.bufferedAmount ?? 0;
}

$("address").textContent = address;
$("connect").addEventListener("click", connect);
$("disconnect").addEventListener("click", () => close(1000, ""));
$("closeForm").addEventListener("submit", closeWith);
$("textForm").addEventListener("submit", sendText);
$("sendBinary").addEventListener("click", sendBinary);
$("clearCanvas").addEventListener("click", () => board.clear());
$("resetCanvas").addEventListener("click", () => board.reset());
$("clearLog").addEventListener("click", () => log.clear());
for (const choice of document.querySelectorAll("[name=binaryType]")) {
  choice.addEventListener("change", () => { if (socket) socket.binaryType = binaryType(); });
}
$("textmessage").value = t("echo.text.default");
onLanguage(showBinary);

// bufferedAmount has no event, nor has the step from OPEN to CLOSING when the server closes.
setInterval(() => { if (socket && socket.readyState !== WebSocket.CLOSED) render(); }, 100);
connect();
