// cluster_server.cpp on Node.js: a Socket.IO server in a cluster that does what its clients say.
// See there.
//
//     node cluster_server.mjs PORT REDIS_URL classic|sharded|streams [OPTIONS]
//
// One call more: "all rooms", of the classic adapter.
import { createServer } from "node:http";

import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [port, url, mode, options = "{}"] = process.argv.slice(2);
const [pub, sub] = [createClient({ url }), createClient({ url })];
for (const client of [pub, sub]) {
  client.on("error", () => {}); // It connects again.
  await client.connect();
}
const make = { classic: createAdapter, sharded: createShardedAdapter,
  streams: (client, _, given) => createStreamsAdapter(client, given) }[mode];
const http = createServer();
const io = new Server(http, { adapter: make(pub, sub, JSON.parse(options)), allowEIO3: true });
const name = `node ${port}`;
const news = [];

function target(socket, what) {
  let all = what.from === "socket" ? socket.broadcast : io.of(what.nsp ?? socket.nsp.name);
  if (what.rooms) all = all.to(what.rooms);
  if (what.except) all = all.except(what.except);
  if (what.local) all = all.local;
  if (what.volatile) all = all.volatile;
  if ("compress" in what) all = all.compress(what.compress);
  if (what.timeout) all = all.timeout(what.timeout);
  return all;
}

// What came in time, and whether that is all.
const asked = (ask) => new Promise((resolve) => {
  ask((error, answers) => resolve([!error, answers ?? []]));
});

const calls = {
  emit: (all, [event, ...values]) => { all.emit(event, ...values); },
  ask: (all, [event, ...values]) => asked((done) => all.emit(event, ...values, done)),
  async fetch(all) {
    const sockets = await all.fetchSockets();
    return [true, sockets.map(({ id, rooms, data, handshake }) => ({ id, rooms: [...rooms], data, handshake }))];
  },
  "tell servers": (_, [event, ...values], { nsp }) => { nsp.serverSideEmit(event, ...values); },
  "ask servers": (_, [event, ...values], { nsp }) => asked((done) => nsp.serverSideEmit(event, ...values, done)),
  join: (all, rooms) => { all.socketsJoin(rooms); },
  leave: (all, rooms) => { all.socketsLeave(rooms); },
  disconnect: (all, [close]) => { all.disconnectSockets(close); },
  "I join": (_, rooms, { socket }) => { socket.join(rooms); },
  "I leave": (_, rooms, { socket }) => { for (const room of rooms) socket.leave(room); },
  "my data": (_, [data], { socket }) => { socket.data = data; },
  "my id": (_, __, { socket }) => [socket.id],
  news: () => [news],
  "all rooms": async (_, __, { nsp }) => [[...new Set([...await nsp.adapter.allRooms()].map(String))]],
};

for (const nsp of [io.of("/"), io.of("/other")]) {
  nsp.on("connection", (socket) => {
    socket.on("do", async (what, ack) => {
      const where = { socket, nsp: io.of(what.nsp ?? nsp.name) };
      ack(...await calls[what.call](target(socket, what), what.args ?? [], where) ?? []);
    });
  });
  nsp.on("news", (...values) => news.push([nsp.name, ...values]));
  nsp.on("question", (text, ack) => { if (text !== name) ack(`${name} got ${text}`); });
}
http.listen(Number(port), "127.0.0.1");
