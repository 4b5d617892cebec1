// The address of this page as a QR code, if another device can open it.

import { svg } from "/front/qr.js";

const $ = (id) => document.getElementById(id);
const isLoopback = (host) => /^(localhost|127\..*|0\.0\.0\.0|\[::1?\]|.*\.localhost)$/.test(host);

// Whoever sees this page under an address of the network knows an address that works. On the machine
// itself the server tells its addresses.
async function addresses() {
  if (!isLoopback(location.hostname)) return [location.origin];
  const answer = await fetch("/figures", { cache: "no-store" });
  return (await answer.json()).urls ?? [];
}

function show(url) {
  const address = `${url}/`;
  $("phoneCode").replaceChildren(svg(address));
  $("phoneLink").href = address;
  $("phoneLink").textContent = address;
}

export async function startPhone() {
  const urls = await addresses().catch(() => []);
  if (urls.length === 0) return;
  const choice = $("phoneChoice");
  choice.replaceChildren(...urls.map((url) => new Option(url, url)));
  choice.hidden = urls.length === 1;
  choice.addEventListener("change", () => show(choice.value));
  show(urls[0]);
  $("phone").hidden = false;
}
