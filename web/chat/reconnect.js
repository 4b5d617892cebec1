// A WebSocket that comes back: after a connection is lost it waits, each time longer and with
// jitter (a restarted server must not meet all its clients in one moment), and tries again.

const wait_ms_first = 500;
const wait_ms_max = 30_000;

// The pause before attempt `attempt` (0, 1, ...): the upper half of the doubled pause, at random.
export function pauseMs(attempt, random = Math.random) {
  const ceiling = Math.min(wait_ms_max, wait_ms_first * 2 ** attempt);
  return Math.round(ceiling / 2 + random() * (ceiling / 2));
}

// States: connecting, open, closing, waiting, left. Callbacks: onstate(state), onmessage(data),
// onlost(closeEvent) when an open connection ended that nobody here closed.
export class Reconnecting {
  #url;
  #protocols;
  #callbacks;
  #socket = null;
  #timer = 0;
  #attempt = 0;
  #dueAt = 0;
  state = "left";

  constructor(url, callbacks, protocols = []) {
    this.#url = url;
    this.#protocols = protocols;
    this.#callbacks = callbacks;
    addEventListener("online", () => { if (this.state === "waiting") this.connect(); });
  }

  get secondsLeft() { return Math.max(0, Math.ceil((this.#dueAt - performance.now()) / 1000)); }

  // Now, whatever pause was running. Nothing to do while a connection is open or on its way.
  connect() {
    if (this.state !== "waiting" && this.state !== "left") return;
    clearTimeout(this.#timer);
    this.#enter("connecting");
    const socket = new WebSocket(this.#url, this.#protocols);
    this.#socket = socket;
    socket.onopen = () => {
      this.#attempt = 0;
      this.#enter("open");
    };
    socket.onmessage = ({ data }) => this.#callbacks.onmessage(data);
    socket.onclose = (event) => this.#closed(event);
  }

  send(text) {
    if (this.state !== "open" || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    return true;
  }

  leave() {
    clearTimeout(this.#timer);
    if (this.state === "waiting") return this.#enter("left");
    if (this.state !== "open" && this.state !== "connecting") return;
    this.#enter("closing");
    this.#socket.close(1000);
  }

  #closed(event) {
    if (this.state === "closing") return this.#enter("left");
    if (this.state === "open") this.#callbacks.onlost(event);
    const pause = pauseMs(this.#attempt);
    this.#attempt += 1;
    this.#dueAt = performance.now() + pause;
    this.#timer = setTimeout(() => this.connect(), pause);
    this.#enter("waiting");
  }

  #enter(state) {
    this.state = state;
    this.#callbacks.onstate(state);
  }
}
