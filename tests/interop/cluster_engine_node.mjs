// A Socket.IO server on Node.js that shares its sessions of Engine.IO with other nodes, in the protocol of
// @socket.io/cluster-engine 0.1, which is in no registry that the tests use. Written from the facts in
// docs/cluster-engine.md. What another node does with a session here goes through the transports of the
// package engine.io, as if a client of this node had done it.
//
//     node cluster_engine_node.mjs PORT REDIS_URL OPTIONS
//
// OPTIONS, as JSON: `delay`: for so many milliseconds a session that polls may move to another node;
// `prefix`; all else is for engine.io. The events are those of examples/cluster/node.mjs that the tests need,
// and `echo` of bench/relay.py.
import { EventEmitter } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const { Server: EngineServer } = require("engine.io");
const { decodePacket, decodePayload, encodePacket, encodePayload } = require("engine.io-parser");
const { decode, encode } = require("@msgpack/msgpack");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");
const { Server } = require("socket.io");

const [port, url, text = "{}"] = process.argv.slice(2);
const { delay = 300, prefix = "engine.io", ...engineOptions } = JSON.parse(text);
const connect = async () => {
  const client = createClient({ url });
  client.on("error", () => {});
  await client.connect();
  return client;
};
const pub = await connect();
const self = [...crypto.getRandomValues(new Uint8Array(3))].map((one) => one.toString(16).padStart(2, "0")).join("");

const lock = 0, lockAnswer = 1, drain = 2, packetOf = 3, upgrade = 4, upgradeAnswer = 5, close = 6;
const answer_ms_max = 1000;

// Without Redis nobody hears it.
const send = (to, type, data, requestId) => pub.publish(to ? `${prefix}#${to}#` : `${prefix}#`,
  Buffer.from(encode({ ...requestId && { requestId }, senderId: self, ...to && { recipientId: to }, type, data,
    _source: "_eio" }, { ignoreUndefined: true }))).catch(() => {});

// What was asked of other nodes: each gets the message that answers it, or nothing in time.
const asked = new Map();
let lastRequest = 0;
const ask = (to, type, data, done) => {
  const number = ++lastRequest;
  const timer = setTimeout(() => { asked.delete(number); done(undefined); }, answer_ms_max);
  // At once: packets for the client may come with the same bytes of Redis.
  asked.set(number, (message) => { clearTimeout(timer); asked.delete(number); done(message); });
  send(to, type, data, number);
};

// The end of a WebSocket at another node, as the package ws would show it.
class FarSocket extends EventEmitter {
  constructor(peer, sid) { super(); Object.assign(this, { peer, sid, isOpen: false, readyState: 1 }); }
  send(data, done) {
    if (this.isOpen) send(this.peer, drain, { sid: this.sid, packets: [decodePacket(data, "nodebuffer")] });
    setImmediate(() => done?.());
  }
  close() {
    if (this.isOpen) send(this.peer, drain, { sid: this.sid, packets: [{ type: "close" }] });
    this.isOpen = false;
    setImmediate(() => this.emit("close"));
  }
  receive(packet) {
    encodePacket(packet, true, (data) =>
      this.emit("message", Buffer.from(data), typeof data !== "string"));
  }
}

class SharingEngine extends EngineServer {
  young = new Map();     // Sessions that may move: what they have received, and their timers.
  far = new Map();       // WebSockets of sessions here, by session.
  polls = new Map();     // Polls of sessions elsewhere: by session, the owner and the response.
  sockets = new Map();   // WebSockets of sessions elsewhere: by session, the owner and the socket.

  // ---- the owner --------------------------------------------------------------------------------
  take(message) {
    if (message.senderId === self || !message.data) return;
    const { data, senderId: peer } = message;
    if (message.type === lockAnswer || message.type === upgradeAnswer) return asked.get(message.requestId)?.(message);
    if (message.type === drain) return this.drained(peer, data);
    const session = this.clients[data.sid];
    if (!session) return;
    if (message.type === lock) return this.lend(session, peer, message.requestId, data);
    if (message.type === packetOf) return this.received(session, peer, data.packet);
    if (message.type === upgrade) return this.upgraded(session, peer, message.requestId, data.success);
    if (message.type === close) {
      this.settle(session);
      session.onClose(data.reason);
    }
  }
  lend(session, peer, requestId, { sid, transportName, type }) {
    const polls = session.transport.name === "polling";
    const success = polls && (transportName === "polling" ? type === "write" || !session.transport.req
      : !session.upgrading && !session.upgraded);
    send(peer, lockAnswer, { success }, requestId);
    if (!success) return;
    if (transportName !== "polling") {
      const websocket = new FarSocket(peer, sid);
      this.far.set(sid, websocket);
      const request = { websocket, _query: { EIO: "4" }, headers: {}, connection: {} };
      session._maybeUpgrade(this.createTransport("websocket", request));
      websocket.receive({ type: "ping", data: "probe" });
    } else if (type === "read") {
      const request = Object.assign(new EventEmitter(), { method: "GET", headers: {}, _query: { EIO: "4" }, connection: {} });
      request.res = { writeHead() {}, end: (body) =>
        send(peer, drain, { sid, packets: decodePayload(String(body), "nodebuffer") }) };
      session.transport.onRequest(request);
    }
  }
  received(session, peer, packet) {
    const websocket = this.far.get(session.id);
    websocket?.isOpen ? websocket.receive(packet) : session.onPacket(packet);
  }
  upgraded(session, peer, requestId, success) {
    const websocket = this.far.get(session.id);
    if (!websocket || websocket.peer !== peer) return;
    if (!success) return websocket.close();
    const moving = this.young.get(session.id);
    if (moving) {
      clearTimeout(moving.timer);
      this.young.delete(session.id);
      session.close(true);
      return send(peer, upgradeAnswer, { takeOver: true, packets: moving.packets }, requestId);
    }
    websocket.isOpen = true;
    websocket.receive({ type: "upgrade" });
    send(peer, upgradeAnswer, { takeOver: false, packets: [] }, requestId);
  }
  // A session that polls is shown to the application after the delay.
  emit(name, session, ...rest) {
    if (name !== "connection" || session.transport.name !== "polling") return super.emit(name, session, ...rest);
    const packets = [];
    session.onPacket = (packet) => this.young.has(session.id) ? packets.push(packet)
      : Object.getPrototypeOf(session).onPacket.call(session, packet);
    session.transport.removeAllListeners("packet");
    session.transport.on("packet", session.onPacket);
    this.young.set(session.id, { packets, timer: setTimeout(() => this.settle(session), delay) });
    return true;
  }
  settle(session) {
    const kept = this.young.get(session.id);
    if (!kept) return;
    clearTimeout(kept.timer);
    this.young.delete(session.id);
    super.emit("connection", session);
    for (const packet of kept.packets) session.onPacket(packet);
  }

  // ---- the node that was asked ------------------------------------------------------------------
  verify(request, upgrades, done) {
    super.verify(request, upgrades, async (code, context) => {
      const { sid, transport: transportName } = request._query;
      if (code !== EngineServer.errors.UNKNOWN_SID || sid?.length !== 20) return done(code, context);
      const body = request.method === "POST" ? await this.bodyOf(request) : "";
      const type = request.method === "POST" ? "write" : "read";
      ask("", lock, { sid, transportName, type }, (granted) => {
        if (!granted?.data.success) return done(code, context);
        request.owner = granted.senderId;
        if (upgrades) return done();
        type === "write" ? this.post(request, sid, body) : this.poll(request, sid);
      });
    });
  }
  async bodyOf(request) {
    const parts = [];
    for await (const part of request) parts.push(part);
    return Buffer.concat(parts).toString();
  }
  post({ owner, res }, sid, body) {
    for (const packet of decodePayload(body, "nodebuffer")) send(owner, packetOf, { sid, packet });
    res.writeHead(200, { "Content-Type": "text/html", "Content-Length": 2 }).end("ok");
  }
  poll({ owner, res }, sid) {
    this.polls.set(sid, { owner, res });
    res.on("close", () => {
      if (!res.writableEnded) send(owner, close, { sid, reason: "transport error" });
    });
  }
  drained(owner, { sid, packets }) {
    const websocket = this.sockets.get(sid);
    if (websocket?.owner === owner)
      for (const packet of packets) encodePacket(packet, true, (data) => websocket.socket.send(data));
    const poll = this.polls.get(sid);
    if (poll?.owner !== owner) return;
    this.polls.delete(sid);
    encodePayload(packets, (body) =>
      poll.res.writeHead(200, { "Content-Type": "text/plain; charset=UTF-8", "Content-Length": Buffer.byteLength(body) })
        .end(body));
  }
  onWebSocket(request, socket, websocket) {
    const { sid } = request._query;
    if (!sid || this.clients[sid]) return super.onWebSocket(request, socket, websocket);
    const { owner } = request;
    websocket.on("error", () => {});
    websocket.on("message", (bytes, isBinary) => {
      const packet = decodePacket(isBinary ? bytes : String(bytes), "nodebuffer");
      if (this.sockets.has(sid)) return send(owner, packetOf, { sid, packet });
      if (packet.type === "ping") return websocket.send("3probe");
      if (packet.type !== "upgrade") return websocket.close();
      this.sockets.set(sid, { owner, socket: websocket });
      ask(owner, upgrade, { sid, success: true }, (answered) => answered ?? websocket.close());
    });
    websocket.on("close", () => {
      if (this.sockets.delete(sid)) send(owner, close, { sid, reason: "transport close" });
    });
  }
}

const http = createServer();
const io = new Server({ adapter: createAdapter(pub, await connect(), { requestsTimeout: 1000 }) });
const engine = new SharingEngine(engineOptions);
io.bind(engine);
engine.attach(http, { path: "/socket.io/" });
await (await connect()).subscribe([`${prefix}#`, `${prefix}#${self}#`], (bytes) => {
  let message;
  try { message = decode(bytes); } catch { return; }
  if (message?._source === "_eio") engine.take(message);
}, true);

io.on("connection", (socket) => {
  socket.on("join", (room, ack) => { socket.join(room); ack(true); });
  socket.on("say", (room, what, ack) => { io.to(room).emit("said", what); ack(true); });
  socket.on("who", async (room, ack) => ack((await io.in(room).fetchSockets()).map((one) => one.id)));
  socket.on("echo", (text, ack) => ack(text));
  socket.on("kick", (room, ack) => { io.in(room).disconnectSockets(true); ack?.(true); });
  socket.on("servers", async (what, ack) => {
    try { ack(await io.serverSideEmitWithAck("hello", what)); } catch (error) { ack(error.responses ?? []); }
  });
});
io.on("hello", (what, ack) => ack(`node ${port} got ${what}`));
http.listen(Number(port), "127.0.0.1", () => console.log(`listening on ${port}`));
