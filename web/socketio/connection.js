// A Socket.IO connection that says where it stands, and can be opened anew with other transports.

/* global io */

const answer_ms_max = 10_000;

// States: connecting, open, waiting (lost or not reached, tried again by itself), left, refused.
// Callbacks: onstate(state), ontransport(name), onlost(reason), onback(attempts), and
// onevent(name, ...arguments).
export class Connection {
  #socket = null;
  #callbacks;
  state = "left";
  attempt = 0; // of the running series, 0 while connected
  refusal = "";

  constructor(callbacks) { this.#callbacks = callbacks; }

  get id() { return this.#socket?.id; }

  // `name` is a function: it is asked again at each reconnection.
  open(transports, name) {
    this.#drop();
    this.attempt = 0;
    // The manager is not shared: another choice of transports wants another engine.
    const socket = io({ forceNew: true, transports, reconnectionDelay: 500,
      reconnectionDelayMax: 5000, auth: (give) => give({ name: name() }) });
    this.#socket = socket;
    socket.on("connect", () => {
      const attempts = this.attempt;
      this.attempt = 0;
      this.#enter("open");
      if (attempts > 0) this.#callbacks.onback(attempts);
    });
    socket.on("disconnect", (reason) => {
      // Told to go, the client stays away until somebody asks; after a loss it comes back.
      this.#enter(socket.active ? "waiting" : "left");
      this.#callbacks.onlost(reason);
    });
    socket.on("connect_error", ({ message, data }) => {
      if (socket.active) return this.#enter("waiting");
      this.refusal = data?.code ?? message;
      this.#enter("refused");
    });
    socket.onAny((...event) => this.#callbacks.onevent(...event));
    this.#watch(socket.io);
    this.#enter("connecting");
  }

  // Resolves with the server's answer; rejects with "offline" or "timeout".
  async ask(event, ...values) {
    if (this.state !== "open") throw new Error("offline");
    try {
      return await this.#socket.timeout(answer_ms_max).emitWithAck(event, ...values);
    } catch {
      throw new Error("timeout");
    }
  }

  // What is not worth keeping while there is no connection.
  tell(event, ...values) {
    if (this.state === "open") this.#socket.volatile.emit(event, ...values);
  }

  leave() {
    this.#drop();
    this.#enter("left");
  }

  #watch(manager) {
    const show = () => this.#callbacks.ontransport(manager.engine.transport.name);
    manager.on("open", () => {
      show();
      manager.engine.on("upgrade", show);
    });
    manager.on("reconnect_attempt", (attempt) => {
      this.attempt = attempt;
      this.#enter("waiting");
    });
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.offAny();
    socket?.off();
    socket?.io.off();
    socket?.disconnect();
  }

  #enter(state) {
    this.state = state;
    this.#callbacks.onstate(state);
  }
}
