// A client of npm `ws` whose events are promises: messages queue until a test asks for them.

import { WebSocket } from "ws";

// Generous, for a busy machine: this limit ends a test that would wait for ever, and does not test
// speed.
export const wait_ms_max = 60_000;

export function deadline(promise, what, ms_max = wait_ms_max) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`timed out waiting for ${what}`)), ms_max);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Client {
  #messages = [];
  #waiting = [];
  #closed;

  constructor(url, protocols = [], options = {}) {
    this.socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
    this.socket.on("message", (data, isBinary) => {
      const message = isBinary ? data : data.toString();
      const waiter = this.#waiting.shift();
      if (waiter) waiter(message);
      else this.#messages.push(message);
    });
    this.#closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.socket.on("error", (error) => { this.error = error; });
  }

  // The next message: a string for text, a Buffer for binary.
  next(what = "a message") {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift());
    const message = new Promise((resolve) => { this.#waiting.push(resolve); });
    const ended = this.#closed.then(({ code, reason }) => {
      throw new Error(`closed with ${code} ${reason} while waiting for ${what}`);
    });
    ended.catch(() => {});
    return deadline(Promise.race([message, ended]), what);
  }

  // {code, reason} of the close event.
  get closed() { return deadline(this.#closed, "the close event"); }

  close(code = 1000, reason) {
    this.socket.close(code, reason);
    return this.closed;
  }

  end() { this.socket.terminate(); }
}

// Opens a connection. Rejects if the server refuses it.
export function open(url, protocols, options) {
  const client = new Client(url, protocols, options);
  return deadline(new Promise((resolve, reject) => {
    client.socket.on("open", () => resolve(client));
    client.socket.on("error", reject);
  }), `${url} to open`);
}

// Returns the HTTP status and headers of a refused upgrade.
export function refusal(url, protocols = [], options = {}) {
  const socket = new WebSocket(url, protocols, options);
  return deadline(new Promise((resolve, reject) => {
    socket.on("unexpected-response", (request, response) => {
      response.resume();
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers }));
      response.on("error", reject);
    });
    socket.on("open", () => {
      socket.terminate();
      reject(new Error("the upgrade was accepted"));
    });
    socket.on("error", reject);
  }), "the refusal");
}
