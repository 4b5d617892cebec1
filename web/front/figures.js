// The figures of the server on the home page: the WebSocket /figures sends them each second.

import { Reconnecting } from "/chat/reconnect.js";
import { endpoint, locale, onLanguage, t } from "/i18n.js";

const $ = (id) => document.getElementById(id);
const points_max = 60;
const shown = ["connections", "websockets", "socketio_sessions", "requests_per_s", "received_per_s",
  "sent_per_s"];
const history = [];
let figures = null;

function uptime(seconds) {
  const units = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = Math.max(0, units.findIndex(([, size]) => seconds >= size));
  let rest = seconds;
  return (seconds < 1 ? units.slice(-1) : units.slice(first, first + 2)).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return `${count} ${t(`home.unit.${unit}`)}`;
  }).join(" ");
}

// Messages in and out per second, the newest at the right.
function draw() {
  const top = Math.max(1, ...history);
  const points = history.map((value, i) =>
    `${points_max - history.length + i},${(19 - (value / top) * 18).toFixed(2)}`);
  $("figuresLine").setAttribute("points", points.join(" "));
}

function show() {
  for (const name of shown) {
    $(name).textContent = figures ? figures[name].toLocaleString(locale(), { maximumFractionDigits: 1 }) : "–";
  }
  $("uptime").textContent = figures ? uptime(figures.uptime_s) : "–";
}

export function startFigures() {
  const connection = new Reconnecting(endpoint("/figures"), {
    onstate: (state) => {
      if (state === "open") return;
      figures = null;
      show();
    },
    onlost: () => {},
    onmessage: (data) => {
      figures = JSON.parse(data);
      history.push(figures.received_per_s + figures.sent_per_s);
      if (history.length > points_max) history.shift();
      show();
      draw();
    },
  });
  onLanguage(show);
  connection.connect();
}
