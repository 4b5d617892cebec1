// Writes to the stream of the streams adapter what @socket.io/redis-streams-emitter 0.1 writes: an
// entry with the sender "emitter" for each call. The package itself is not in the npm registry that
// the tests install from. `nsp_in_packet`: its versions differ in whether a packet names its
// namespace.
import { createRequire } from "node:module";

// The encoder of the adapter.
const require = createRequire(import.meta.url);
const { encode } = createRequire(require.resolve("@socket.io/redis-streams-adapter"))("@msgpack/msgpack");

const has_bytes = (value) => ArrayBuffer.isView(value)
  || (value !== null && typeof value === "object" && Object.values(value).some(has_bytes));

export class StreamsEmitter {
  #where = { rooms: [], except: [], flags: {} };

  constructor(client, { nsp = "/", nsp_in_packet = true, where } = {}) {
    Object.assign(this, { client, nsp, nsp_in_packet });
    if (where) this.#where = where;
  }
  #with(where) { return new StreamsEmitter(this.client, { ...this, where: { ...this.#where, ...where } }); }
  #flag(flags) { return this.#with({ flags: { ...this.#where.flags, ...flags } }); }
  of(nsp) { return new StreamsEmitter(this.client, { ...this, nsp }); }
  to(rooms) { return this.#with({ rooms: [...this.#where.rooms, ...rooms] }); }
  except(rooms) { return this.#with({ except: [...this.#where.except, ...rooms] }); }
  compress(compress) { return this.#flag({ compress }); }
  get volatile() { return this.#flag({ volatile: true }); }

  emit(...data) {
    const packet = { type: 2, data, ...(this.nsp_in_packet ? { nsp: this.nsp } : {}) };
    return this.#add(3, { packet, opts: this.#where });
  }
  socketsJoin(rooms) { return this.#add(4, { opts: this.#target(), rooms }); }
  socketsLeave(rooms) { return this.#add(5, { opts: this.#target(), rooms }); }
  disconnectSockets(close) { return this.#add(6, { opts: this.#target(), close }); }
  serverSideEmit(...packet) { return this.#add(9, { packet }); }

  #target() { return { ...this.#where, flags: {} }; }
  #add(type, data) {
    const text = has_bytes(data) ? Buffer.from(encode(data)).toString("base64") : JSON.stringify(data);
    return this.client.xAdd("socket.io", "*", { uid: "emitter", nsp: this.nsp, type: String(type), data: text });
  }
}
