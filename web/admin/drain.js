// The drain: a form, a question before it begins, and how far it is.

import { onLanguage, t } from "/admin/language.js";

const $ = (id) => document.getElementById(id);
let last = { state: "serving" };

function show() {
  const { state, connections = 0, started_with: all = 0, seconds_left: left = 0 } = last;
  const drains = state !== "serving";
  $("drainForm").hidden = drains;
  $("drainProgress").hidden = !drains;
  $("drainProgress").max = Math.max(all, 1);
  $("drainProgress").value = Math.min(Math.max(all - connections, 0), Math.max(all, 1));
  $("drainState").dataset.state = state;
  $("drainState").textContent = t(`drainStates.${state}`,
    { connections: connections.toLocaleString(), all: all.toLocaleString(), seconds: Math.ceil(left) });
}

// Shows an answer of /admin/api/drain.
export function showDrain(answer) {
  last = answer;
  show();
}

export const drains = () => last.state !== "serving" && last.state !== "ended";

// The server is away. After a drain that is what was asked for.
export function drainLost() {
  if (drains()) showDrain({ ...last, state: "ended", connections: 0 });
}

// `begin(body)` begins the drain; `count()`: the connections at this moment.
export function useDrain(begin, count) {
  let body = {};
  $("drainForm").addEventListener("submit", (event) => {
    event.preventDefault();
    body = Object.fromEntries([...new FormData(event.target)]
      .filter(([, value]) => value !== "").map(([name, value]) => [name, Number(value)]));
    $("drainQuestion").textContent = t("drainQuestion", { count: count().toLocaleString() });
    $("drainAsk").showModal();
  });
  $("drainAsk").addEventListener("close", () => {
    if ($("drainAsk").returnValue === "drain") begin(body);
    $("drainAsk").returnValue = "";
  });
  onLanguage(show);
}
