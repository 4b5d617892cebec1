// The home page: samples that carry this server's address, the health badge, the flock.

import { onLanguage, t } from "/i18n.js";
import { Flock } from "/flock.js";

const origins = {
  ws: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`,
  http: location.origin,
};

for (const sample of document.querySelectorAll("[data-sample]")) {
  sample.textContent = sample.textContent.replace(/\{(ws|http)\}/g, (whole, name) => origins[name]);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  // Browsers give the clipboard to secure pages only (https, or localhost).
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const code = button.closest(".sample").querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = t("home.copied");
    } catch {
      getSelection().selectAllChildren(code);
    }
    setTimeout(() => { button.textContent = t("home.copy"); }, 1500);
  });
}

const health = document.getElementById("health");
const badgeStates = { checking: "idle", good: "open", bad: "closed" };
let healthState = "checking";

function showHealth() {
  health.dataset.state = badgeStates[healthState];
  health.textContent = t(`home.health.${healthState}`);
}

async function checkHealth() {
  try {
    const response = await fetch("/healthz", { cache: "no-store" });
    const { gateway_clients } = await response.json();
    document.getElementById("gatewayCard").hidden = gateway_clients === undefined; // The gateway is off.
    healthState = response.ok ? "good" : "bad";
  } catch {
    healthState = "bad";
  }
  showHealth();
}

onLanguage(showHealth);
checkHealth();
setInterval(() => { if (!document.hidden) checkHealth(); }, 10_000);

const sky = document.getElementById("sky");
const context = sky.getContext("2d");
const still = matchMedia("(prefers-reduced-motion: reduce)");
let flock;
let frame = 0;

function fit() {
  const { width, height } = sky.getBoundingClientRect();
  const scale = devicePixelRatio || 1;
  sky.width = Math.round(width * scale);
  sky.height = Math.round(height * scale);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  if (!flock) {
    flock = new Flock(width, height, width < 600 ? 90 : 170);
    for (let tick = 0; tick < 200; tick += 1) flock.step();
  }
  flock.resize(width, height);
  paint();
}

function paint() {
  context.clearRect(0, 0, flock.width, flock.height);
  flock.draw(context, "rgb(13 12 38 / 72%)");
}

function fly() {
  flock.step();
  paint();
  frame = requestAnimationFrame(fly);
}

function start() {
  cancelAnimationFrame(frame);
  if (!still.matches) frame = requestAnimationFrame(fly);
}

new ResizeObserver(fit).observe(sky);
fit();
still.addEventListener("change", start);
start();
