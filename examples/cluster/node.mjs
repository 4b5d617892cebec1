// examples/cluster_node.cpp on Node.js: the two join the same cluster. It needs the packages socket.io,
// redis, @socket.io/redis-adapter and @socket.io/redis-streams-adapter.
//
//     node node.mjs PORT REDIS_URL classic|sharded|streams [OPTIONS]
//
// OPTIONS: those of the adapter, as JSON; `recovery` in it is connectionStateRecovery of the server. REDIS_URL is redis://HOST:PORT, or redis+cluster://HOST:PORT
// for a Redis Cluster.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

// The packages are those of the folder in which the program was started.
const require = createRequire(path.join(process.cwd(), "package.json"));
const { Server } = require("socket.io");
const { createClient, createCluster } = require("redis");
const { createAdapter, createShardedAdapter } = require("@socket.io/redis-adapter");
const { createAdapter: createStreamsAdapter } = require("@socket.io/redis-streams-adapter");

const [port, url, mode, text = "{}"] = process.argv.slice(2);
const { recovery, ...options } = JSON.parse(text);
const connect = async () => {
  const client = url.startsWith("redis+cluster:")
    ? createCluster({ rootNodes: [{ url: url.replace("redis+cluster:", "redis:") }] })
    : createClient({ url });
  client.on("error", () => {}); // It connects again.
  await client.connect();
  return client;
};
const pub = await connect();
const sub = await connect();
const adapters = {
  classic: () => createAdapter(pub, sub, { requestsTimeout: 1000, ...options }),
  sharded: () => createShardedAdapter(pub, sub, options),
  streams: () => createStreamsAdapter(pub, options),
};
if (!adapters[mode]) {
  console.error("usage: node.mjs PORT REDIS_URL classic|sharded|streams");
  process.exit(2);
}
const http = createServer();
const io = new Server(http, { adapter: adapters[mode](), connectionStateRecovery: recovery });
// What the other servers did not answer in time is left out.
const known = (error) => error.responses ?? [];

io.on("connection", (socket) => {
  socket.on("join", (room, ack) => { socket.join(room); ack(true); });
  socket.on("leave", (room, ack) => { socket.leave(room); ack(true); });
  socket.on("say", (room, text, ack) => { io.to(room).emit("said", text); ack(true); });
  socket.on("ask", (room, ack) => {
    io.to(room).timeout(2000).emit("question", (error, answers) => ack(answers));
  });
  socket.on("who", async (room, ack) => {
    try {
      ack((await io.in(room).fetchSockets()).map((one) => one.id));
    } catch {
      ack([]);
    }
  });
  socket.on("move", (room, to, ack) => {
    io.in(room).socketsJoin(to);
    io.in(room).socketsLeave(room);
    ack(true);
  });
  socket.on("kick", (room, ack) => { io.in(room).disconnectSockets(); ack(true); });
  socket.on("keep", (value, ack) => { socket.data = { kept: value }; ack(true); });
  socket.on("state", (ack) => {
    ack({ recovered: socket.recovered, rooms: [...socket.rooms], data: socket.data });
  });
  socket.on("servers", async (text, ack) => {
    try {
      ack(await io.serverSideEmitWithAck("hello", text));
    } catch (error) {
      ack(known(error));
    }
  });
});
io.on("hello", (text, ack) => ack(`node ${port} got ${text}`));
http.listen(Number(port), "127.0.0.1", () => console.log(`listening on ${port}`));
