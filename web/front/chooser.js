// The samples of the home page: one is shown, by topic and language.

import { fill, languages, ownServer, samples, topics } from "/front/samples.js";
import { onLanguage, t } from "/i18n.js";

const $ = (id) => document.getElementById(id);
const values = {
  ws: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`,
  http: location.origin,
  key: "KEY",
};

function choice(group, name, text) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.type = "radio";
  input.name = group;
  input.value = name;
  const span = document.createElement("span");
  span.textContent = text;
  label.append(input, span);
  return label;
}

const chosen = (group) => document.querySelector(`[name=${group}]:checked`)?.value;

function show() {
  const topic = chosen("topic");
  for (const name of languages) {
    document.querySelector(`[name=code][value=${name}]`).disabled = !(name in samples[topic]);
  }
  if (!(chosen("code") in samples[topic])) {
    document.querySelector(`[name=code][value=${Object.keys(samples[topic])[0]}]`).checked = true;
  }
  $("sample").textContent = fill(samples[topic][chosen("code")], values);
  $("keyHint").hidden = topic !== "publish";
}

export function startChooser() {
  const names = { websocket: "WebSocket", socketio: "Socket.IO", sse: "SSE", browser: "JavaScript",
    node: "Node.js", python: "Python", curl: "curl", cpp: "C++" };
  for (const [group, choices] of [["topic", topics], ["code", languages]]) {
    $(`${group}s`).append(...choices.map((name) => choice(group, name, names[name] ?? "")));
    document.querySelector(`[name=${group}]`).checked = true;
  }
  const publish = document.querySelector("[name=topic][value=publish] + span");
  onLanguage(() => { publish.textContent = t("home.topic.publish"); });
  $("ownServer").textContent = ownServer;
  for (const id of ["topics", "codes"]) $(id).addEventListener("change", show);
  show();
}

// Buttons with data-copy copy the code beside them.
export function startCopying() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    // Browsers give the clipboard to secure pages only (https, or localhost).
    button.hidden = !navigator.clipboard;
    let timer;
    button.addEventListener("click", async () => {
      const code = button.closest(".sample").querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = t("home.copied");
      } catch {
        getSelection().selectAllChildren(code);
      }
      clearTimeout(timer);
      timer = setTimeout(() => { button.textContent = t("home.copy"); }, 1500);
    });
  }
}
