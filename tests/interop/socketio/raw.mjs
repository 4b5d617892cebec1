// Engine.IO without a client library: requests, payloads and packets as on the wire.

import http from "node:http";

import { deadline } from "../client.mjs";
import { frame, opcode, upgradeRequest, Wire } from "../wire.mjs";

// Returns {status, headers, body}. Rejects if no answer arrives.
export function request(port, method, target, { headers = {}, body } = {}) {
  return deadline(
    new Promise((resolve, reject) => {
      const sent = http.request(
        { host: "127.0.0.1", port, method, path: target, headers, agent: false },
        (response) => {
          const parts = [];
          response.on("data", (part) => parts.push(part));
          response.on("end", () =>
            resolve({
              status: response.statusCode,
              headers: response.headers,
              body: Buffer.concat(parts),
            }),
          );
          response.on("error", reject);
        },
      );
      sent.on("error", reject);
      sent.end(body);
    }),
    `${method} ${target}`,
    30_000,
  );
}

// The body of an error answer.
export const error = (code) =>
  JSON.stringify({
    code,
    message: [
      "Transport unknown",
      "Session ID unknown",
      "Bad handshake method",
      "Bad request",
      "Forbidden",
      "Unsupported protocol version",
    ][code],
  });

// The default contents of the open packet.
export const open = (upgrades, more = {}) => ({
  sid: "",
  upgrades,
  pingInterval: 25000,
  pingTimeout: 20000,
  maxPayload: 1000000,
  ...more,
});

// The packets of a text payload.
export function packetsOf(body, eio) {
  const text = body.toString();
  if (eio === 4) return text.split("\x1e");
  const packets = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(":", at);
    const end = colon + 1 + Number(text.slice(at, colon));
    packets.push(text.slice(colon + 1, end));
    at = end;
  }
  return packets;
}

export const payloadOf = (packets, eio) =>
  eio === 4 ? packets.join("\x1e") : packets.map((packet) => `${packet.length}:${packet}`).join("");

// A polling session. Packets queue until a test asks for them.
export class Session {
  #packets = [];

  constructor(port, eio) {
    this.port = port;
    this.eio = eio;
  }

  // Opens a session. With EIO4 it also joins "/"; EIO3 joins "/" by itself.
  static async open(port, { eio = 4, query = "", join = true, headers = {} } = {}) {
    const session = new Session(port, eio);
    session.first = await request(port, "GET", `/socket.io/?EIO=${eio}&transport=polling${query}`, {
      headers,
    });
    const [open, ...others] = packetsOf(session.first.body, eio);
    session.#packets.push(...others);
    session.opened = JSON.parse(open.slice(1));
    session.sid = session.opened.sid;
    if (!join) return session;
    if (eio === 4) await session.post(["40"]);
    session.joined = await session.next();
    await session.until((packet) => packet.startsWith('42["hello"'));
    return session;
  }

  target(more = "") {
    return `/socket.io/?EIO=${this.eio}&transport=polling&sid=${this.sid}${more}`;
  }

  get(more) {
    return request(this.port, "GET", this.target(more));
  }

  post(packets, headers = { "Content-Type": "text/plain;charset=UTF-8" }) {
    const body =
      typeof packets === "string" || Buffer.isBuffer(packets)
        ? packets
        : payloadOf(packets, this.eio);
    return request(this.port, "POST", this.target(), { headers, body });
  }

  async next() {
    while (this.#packets.length === 0) {
      const { status, body } = await this.get();
      if (status !== 200) throw new Error(`the poll got ${status} ${body}`);
      this.#packets.push(...packetsOf(body, this.eio));
    }
    return this.#packets.shift();
  }

  async until(condition) {
    for (;;) {
      const packet = await this.next();
      if (condition(packet)) return packet;
    }
  }

  // Returns how the server ended the session: the answer to a waiting poll, unless a packet says
  // so, and then the answer to the next request.
  async ended() {
    for (;;) {
      const { status, body } = await this.get();
      if (status !== 200) return `${status} ${body}`;
    }
  }
}

// An Engine.IO WebSocket at the level of messages, text and binary.
export class Socket {
  static async open(port, { eio = 4, sid, query = "", join = true } = {}) {
    const socket = new Socket();
    socket.wire = await Wire.upgraded(
      port,
      `/socket.io/?EIO=${eio}&transport=websocket${sid ? `&sid=${sid}` : ""}${query}`,
    );
    if (sid) return socket;
    socket.first = await socket.next();
    socket.opened = JSON.parse(socket.first.slice(1));
    if (join) {
      if (eio === 4) socket.send("40");
      socket.joined = await socket.next();
      await socket.until((packet) => String(packet).startsWith('42["hello"'));
    }
    return socket;
  }

  send(...packets) {
    for (const packet of packets) {
      this.wire.write(frame(typeof packet === "string" ? opcode.text : opcode.binary, packet));
    }
  }

  // The next message: a text, or a Buffer for binary.
  async next() {
    for (;;) {
      const { code, payload } = await this.wire.frame();
      if (code === opcode.text) return payload.toString();
      if (code === opcode.binary) return Buffer.from(payload);
      if (code === opcode.close) {
        const status = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
        throw new Error(`closed with ${status}`);
      }
    }
  }

  async until(condition) {
    for (;;) {
      const packet = await this.next();
      if (condition(packet)) return packet;
    }
  }

  // Waits for the end of the connection in any form. Returns the packets until then.
  async ended() {
    const packets = [];
    for (;;) {
      try {
        packets.push(await this.next());
      } catch (error) {
        if (!/closed with|connection ended/.test(error.message)) throw error;
        return packets;
      }
    }
  }

  destroy() {
    this.wire.destroy();
  }
}

// The raw answer to a refused upgrade.
export async function refusedUpgrade(port, query) {
  const wire = await Wire.connect(port);
  wire.write(
    upgradeRequest(`/socket.io/?${query}`, ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]),
  );
  const text = (await wire.rest()).toString();
  wire.destroy();
  return text;
}
