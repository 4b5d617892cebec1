// The shapes of applications that were written for Olares' WebSocket container: scripts for Application, and a client.

import { setTimeout as pause } from "node:timers/promises";

import { WebSocket } from "ws";

// As NestJS answers a POST whose handler returns nothing: 201 and an empty body.
export const nest = () => ({ status: 201 });

// Takes `ms` for `open` and for the event "login", longer than the gateway waits. `logins` counts.
export function slowLogin(ms) {
  const script = async ({ action, data }) => {
    if (action !== "open" && data?.event !== "login") return nest();
    if (action === "message") script.logins += 1;
    await pause(ms, undefined, { ref: false });
    return nest();
  };
  script.logins = 0;
  return script;
}

// Reads a member of `data` without a look at `data`: 500 for `data: null`.
export const readsEvent = ({ action, data }) => {
  if (action !== "message") return nest();
  try {
    return { status: data.event ? 201 : 200 };
  } catch (error) {
    return { status: 500, body: String(error) };
  }
};

// Sends each message's text to everybody: asks for the list, takes its names, sends to these users. `base`: of the
// control API. Sends no key, and the selectors of a Go program that leaves them unset.
export const broadcaster = (base) => async ({ action, data }) => {
  if (action !== "message") return nest();
  const { data: users } = await (await fetch(`${base()}/tapr/ws/conn/list`)).json();
  await fetch(`${base()}/tapr/ws/conn/send`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ payload: data, users: users.map(({ name }) => name), tokens: null, conn_id: "" }),
  });
  return nest();
};

// Answers the sender through the control API: the document's single answer.
export const responder = (base) => async ({ action, data, conn_id }) => {
  if (action === "message") {
    await fetch(`${base()}/tapr/ws/conn/send`, { method: "POST",
      body: JSON.stringify({ conn_id, payload: { event: "answer", data } }) });
  }
  return nest();
};

// A client that sends {"event":"ping"} each `interval_ms`, and opens a new connection after one answer that is not
// {"event":"pong"} in these bytes, or comes later than the next ping. `seen` holds everything else that came.
export class PingingClient {
  reconnects = 0;
  pongs = 0;
  seen = [];
  #waiting = [];
  #open = true;

  constructor(url, { interval_ms = 30_000, options = {} } = {}) {
    Object.assign(this, { url, interval_ms, options });
    this.#connect();
  }

  #connect() {
    this.socket = new WebSocket(this.url, this.options);
    this.awaits = false;
    this.socket.on("open", () => { this.timer = setInterval(() => this.#ping(), this.interval_ms); });
    this.socket.on("message", (bytes) => this.#take(bytes.toString()));
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      clearInterval(this.timer);
      if (!this.#open) return;
      this.reconnects += 1;
      this.#connect();
    });
  }

  #ping() {
    if (this.awaits) return this.socket.terminate();
    this.awaits = true;
    return this.socket.send('{"event":"ping"}');
  }

  #take(text) {
    if (this.awaits && text.includes("pong")) {
      this.awaits = false;
      if (text !== '{"event":"pong"}') return this.socket.terminate();
      this.pongs += 1;
    } else {
      JSON.parse(text);  // This client throws at everything else.
      this.seen.push(text);
    }
    for (const wake of this.#waiting.splice(0)) wake();
    return undefined;
  }

  // Waits until `condition` of this client is true.
  async when(condition) {
    while (!condition(this)) await new Promise((resolve) => { this.#waiting.push(resolve); });
  }

  end() {
    this.#open = false;
    this.socket.terminate();
  }
}
