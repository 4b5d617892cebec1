// A Socket.IO client that goes on at another node when its node is gone.

/* global io */

const answer_ms_max = 8_000;

// Callbacks: onstate(), onmessage(line), onnote(key, values).
export class Client {
  #socket = null;
  #callbacks;
  #nodes;   // () => [{number, url, ready}]
  #members = new Map();
  #left = ""; // Why the connection was lost, until there is another one.
  state = "connecting"; // or open, waiting
  counts = { said: 0, heard: 0, moves: 0, recovered: 0 };
  ids = new Set(); // A client has a new id at each node, unless its session is recovered.

  constructor({ name, home, nodes, callbacks }) {
    Object.assign(this, { name, home, node: home });
    this.#nodes = nodes;
    this.#callbacks = callbacks;
  }

  get present() { return [...this.#members.values()]; }

  open() {
    const socket = io(this.#url(), { forceNew: true, transports: ["websocket"], timeout: 5000,
      reconnectionDelay: 100, reconnectionDelayMax: 1000, auth: (give) => give({ name: this.name }) });
    this.#socket = socket;
    socket.on("connect", () => this.#connected());
    socket.on("disconnect", (reason) => {
      this.#left = reason;
      this.#callbacks.onnote("cluster.note.lost", { node: this.node, reason });
      this.#members.clear();
      this.#enter("waiting");
    });
    // The manager connects to its URI at each attempt.
    socket.io.on("reconnect_attempt", () => {
      this.node = this.#another();
      socket.io.uri = this.#url();
      this.#enter("waiting");
    });
    socket.on("online", ({ members }) => {
      this.#members.clear();
      this.#set({ set: members, left: [] });
    });
    socket.on("changes", (changes) => this.#set(changes));
    socket.on("message", (line) => this.#callbacks.onmessage(line));
  }

  // Whether the server has taken it. What is said without a connection waits for the next one.
  async say(text) {
    try {
      const { error } = await this.#socket.timeout(answer_ms_max).emitWithAck("message", text);
      if (error) throw new Error(error);
      this.counts.said += 1;
      return true;
    } catch {
      this.#callbacks.onnote("cluster.note.unsure", { text });
      return false;
    } finally {
      this.#callbacks.onstate();
    }
  }

  goHome() {
    this.node = this.home;
    this.#socket.disconnect();
    this.#socket.io.uri = this.#url();
    this.#socket.connect();
    this.#enter("connecting");
  }

  #connected() {
    this.ids.add(this.#socket.id);
    if (this.#left) {
      this.counts.moves += 1;
      if (this.#socket.recovered) this.counts.recovered += 1;
      this.#callbacks.onnote(
        this.#socket.recovered ? "cluster.note.recovered" : "cluster.note.moved", { node: this.node });
    }
    this.#left = "";
    this.#enter("open");
  }

  #set({ set, left }) {
    for (const { id, name } of set) this.#members.set(id, name);
    for (const id of left) this.#members.delete(id);
    this.#callbacks.onstate();
  }

  // The next node in a circle that is said to be ready; without one, the next node.
  #another() {
    const nodes = this.#nodes();
    const circle = nodes.map((_, i) => nodes[(this.node + i) % nodes.length]); // Numbers begin with 1.
    return (circle.find(({ ready }) => ready) ?? circle[0]).number;
  }

  #url() { return this.#nodes()[this.node - 1].url; }

  #enter(state) {
    this.state = state;
    this.#callbacks.onstate();
  }
}
