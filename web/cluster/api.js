// The demo's own server: the state of the nodes, and the buttons. The key lives in this tab.

const storageKey = "starling.cluster.key";

// It stands behind the # of the address that the terminal shows; the address is shared without it.
export function keyOfAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  try {
    if (given) sessionStorage.setItem(storageKey, given);
    else return sessionStorage.getItem(storageKey) ?? "";
  } catch { /* storage may be forbidden: the address keeps the key */ return given ?? ""; }
  history.replaceState(null, "", location.pathname);
  return given;
}

export function keep(key) {
  try { sessionStorage.setItem(storageKey, key); } catch { /* until the page is left */ }
}

export class Api {
  #key;

  constructor(key) { this.#key = key; }

  // The state; throws "key", "offline" or "impossible".
  async #call(path, method) {
    let response;
    try {
      response = await fetch(`/api/cluster${path}`, { method, cache: "no-store", credentials: "omit",
        headers: { "X-Api-Key": this.#key } });
    } catch {
      throw new Error("offline");
    }
    if (response.status === 401) throw new Error("key");
    if (!response.ok) throw new Error(response.status === 409 ? "impossible" : "offline");
    return response.json();
  }

  state() { return this.#call("", "GET"); }
  press(process, button) { return this.#call(`/${process}/${button}`, "POST"); }
}
