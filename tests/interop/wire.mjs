// A raw connection: sends bytes that no correct client would send, and returns the answer's bytes.

import { createHash, randomBytes } from "node:crypto";
import net from "node:net";

import { deadline } from "./client.mjs";

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

// One frame (RFC 6455 section 5.2). `mask: false` makes an invalid frame, and so does a `length`
// that differs from the payload's or is not in the shortest form.
export function frame(code, payload = "", { fin = true, rsv = 0, mask = true, length } = {}) {
  const body = Buffer.from(payload);
  const size = body.length;
  const header = [(fin ? 0x80 : 0) | (rsv << 4) | code];
  const bit = mask ? 0x80 : 0;
  const lengthBytes = length ?? (size < 126 ? [size] : size < 65536
    ? [126, size >> 8, size & 255]
    : [127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (size >>> shift) & 255)]);
  header.push(lengthBytes[0] | bit, ...lengthBytes.slice(1));
  if (!mask) return Buffer.concat([Buffer.from(header), body]);
  const key = randomBytes(4);
  const masked = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i += 1) masked[i] = body[i] ^ key[i & 3];
  return Buffer.concat([Buffer.from(header), key, masked]);
}

export function closePayload(code, reason = "") {
  return Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
}

// The first frame in `bytes`, {code, fin, rsv, payload, size}; null if it is incomplete. Servers do
// not mask.
export function parseFrame(bytes, offset = 0) {
  if (bytes.length - offset < 2) return null;
  let length = bytes[offset + 1] & 0x7f;
  let header = 2;
  if (length === 126) header = 4;
  if (length === 127) header = 10;
  if (bytes.length - offset < header) return null;
  if (length === 126) length = bytes.readUInt16BE(offset + 2);
  if (length === 127) length = Number(bytes.readBigUInt64BE(offset + 2));
  if (bytes.length - offset < header + length) return null;
  return {
    code: bytes[offset] & 15, fin: (bytes[offset] & 0x80) !== 0, rsv: (bytes[offset] >> 4) & 7,
    masked: (bytes[offset + 1] & 0x80) !== 0,
    payload: bytes.subarray(offset + header, offset + header + length), size: header + length,
  };
}

export class Wire {
  #chunks = [];
  #buffered = 0;
  #wake = () => {};
  ended = false; // the server closed its side, or reset the connection

  constructor(socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.#chunks.push(chunk);
      this.#buffered += chunk.length;
      this.#wake();
    });
    const end = () => {
      this.ended = true;
      this.#wake();
    };
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", end);  // servers may end a connection with a reset
  }

  static connect(port) {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    return deadline(new Promise((resolve, reject) => {
      socket.on("connect", () => resolve(new Wire(socket)));
      socket.on("error", reject);
    }), "a connection");
  }

  // A connection that has done the opening handshake on `route`.
  static async upgraded(port, route = "/echo", headers = []) {
    const wire = await Wire.connect(port);
    const key = randomBytes(16).toString("base64");
    wire.write(upgradeRequest(route, [`Sec-WebSocket-Key: ${key}`, ...headers]));
    const response = await wire.response();
    if (response.status !== 101) throw new Error(`upgrade refused with ${response.status}`);
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    if (response.headers["sec-websocket-accept"] !== accept) throw new Error("wrong accept value");
    return wire;
  }

  write(...parts) {
    for (const part of parts) {
      this.socket.write(typeof part === "string" ? Buffer.from(part, "latin1") : part);
    }
  }

  // Writes, and waits until the kernel has taken everything.
  drained(bytes) { return new Promise((resolve) => { this.socket.write(bytes, resolve); }); }

  #all() {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = all.length > 0 ? [all] : [];
    return all;
  }

  #take(count) {
    const all = this.#all();
    this.#chunks = all.length > count ? [all.subarray(count)] : [];
    this.#buffered -= count;
    return all.subarray(0, count);
  }

  // Returns the first non-null result of `parse` on the received bytes, once `enough` bytes are
  // there.
  async #when(parse, what, enough = () => 0) {
    const loop = async () => {
      for (;;) {
        if (this.#buffered >= enough()) {
          const found = parse(this.#all());
          if (found !== null) return found;
        }
        if (this.ended) throw new Error(`the connection ended while waiting for ${what}`);
        await new Promise((resolve) => { this.#wake = resolve; });
      }
    };
    return deadline(loop(), what);
  }

  async frame() {
    const found = await this.#when((bytes) => parseFrame(bytes), "a frame");
    this.#take(found.size);
    return found;
  }

  // The code of the next close frame; 1005 if it has none. Skips other frames.
  async closeCode() {
    for (;;) {
      const { code, payload } = await this.frame();
      if (code === opcode.close) return payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    }
  }

  // The next HTTP response, with a body of a given length or in chunks. `head`: the request was a
  // HEAD.
  async response({ head = false } = {}) {
    const { end, text } = await this.#when((bytes) => {
      const end = bytes.indexOf("\r\n\r\n");
      return end === -1 ? null : { end, text: bytes.subarray(0, end).toString("latin1") };
    }, "a response");
    this.#take(end + 4);
    const [line, ...fields] = text.split("\r\n");
    const headers = {};
    for (const field of fields) {
      const colon = field.indexOf(":");
      headers[field.slice(0, colon).toLowerCase()] = field.slice(colon + 1).trim();
    }
    const status = Number(line.split(" ")[1]);
    const bodiless = head || status < 200 || status === 204 || status === 304;
    if (!bodiless && headers["transfer-encoding"] === "chunked") {
      return { line, status, headers, body: await this.#chunked() };
    }
    const length = bodiless ? 0 : Number(headers["content-length"] ?? 0);
    await this.#when((bytes) => (bytes.length >= length ? bytes : null), "a body", () => length);
    return { line, status, headers, body: Buffer.from(length > 0 ? this.#take(length) : []) };
  }

  // A chunked body without extensions and trailers (RFC 9112 section 7.1), as this server sends it.
  async #chunked() {
    const parts = [];
    for (;;) {
      const end = await this.#when((bytes) => {
        const found = bytes.indexOf("\r\n");
        return found === -1 ? null : found;
      }, "a chunk size");
      const size = parseInt(this.#take(end + 2).toString("latin1"), 16);
      const enough = () => size + 2;
      await this.#when((bytes) => (bytes.length >= enough() ? bytes : null), "a chunk", enough);
      parts.push(Buffer.from(this.#take(size + 2).subarray(0, size)));
      if (size === 0) return Buffer.concat(parts);
    }
  }

  // Waits for the end of the connection. Returns the bytes received until then.
  async rest() {
    const loop = async () => {
      while (!this.ended) await new Promise((resolve) => { this.#wake = resolve; });
      return this.#all();
    };
    return deadline(loop(), "the end of the connection");
  }

  destroy() { this.socket.destroy(); }
}

export function upgradeRequest(route, headers = [], host = "localhost") {
  return [`GET ${route} HTTP/1.1`, `Host: ${host}`, "Upgrade: websocket", "Connection: Upgrade",
    "Sec-WebSocket-Version: 13", ...headers, "", ""].join("\r\n");
}
