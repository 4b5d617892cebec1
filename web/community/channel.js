// A channel of server events: a notice says that something is new, what it is comes by HTTP.

import { Reconnecting } from "/chat/reconnect.js";
import { endpoint } from "/i18n.js";

// Notices that come within this time after one may be lost by the server's limit: look once more.
const again_ms = 300;

// `fetchNew` runs at once, when the channel opens (something may have happened before), at each notice
// and once more behind it; never twice at a time. `onstate(state, code)`: the states of Reconnecting;
// `code` is the close code where an open connection was lost.
export class Channel {
  #fetchNew;
  #connection;
  #running = null;
  #due = false;
  #timer = 0;
  #left = false;

  constructor(name, fetchNew, onstate) {
    this.#fetchNew = fetchNew;
    let code = 0;
    this.#connection = new Reconnecting(
      endpoint(`/ws/ServerEvent?Ref=${encodeURIComponent(name)}`), {
        onstate: (state) => {
          if (this.#left) return;
          onstate(state, code);
          code = 0;
          if (state === "open") this.look();
        },
        onlost: (event) => { code = event.code; },
        onmessage: () => {
          this.look();
          clearTimeout(this.#timer);
          this.#timer = setTimeout(() => this.look(), again_ms);
        },
      });
    this.#connection.connect();
    this.look(); // What is there already needs no channel.
  }

  get state() { return this.#connection.state; }

  // Fetches what is new; a call while one is on its way makes that one go round again.
  look() {
    if (this.#left) return;
    this.#due = true;
    this.#running ??= this.#run();
  }

  leave() {
    this.#left = true;
    clearTimeout(this.#timer);
    this.#connection.leave();
  }

  async #run() {
    try {
      while (this.#due && !this.#left) {
        this.#due = false;
        await this.#fetchNew();
      }
    } finally {
      this.#running = null;
    }
  }
}
