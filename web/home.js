// The home page: the figures of the server, the health badge, the code for a phone, samples that carry
// this server's address, the flock.

import { startChooser, startCopying } from "/front/chooser.js";
import { startFigures } from "/front/figures.js";
import { startPhone } from "/front/phone.js";
import { startSky } from "/front/sky.js";
import { onLanguage, t } from "/i18n.js";

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
startFigures();
startChooser();
startCopying();
startPhone();
startSky(document.getElementById("sky"));
