// A Socket.IO node with version 0.2 of @socket.io/redis-streams-adapter: everything goes by the stream.
// Its clients are in the room "all"; say(text) emits `said` there.
//
//     node old_streams_node.mjs PORT REDIS_PORT
import { createRequire } from "node:module";

import { createClient } from "redis";
import { Server } from "socket.io";

const { createAdapter } = createRequire(import.meta.url)("redis-streams-adapter-02");
const [port, redis] = process.argv.slice(2).map(Number);
const client = createClient({ url: `redis://127.0.0.1:${redis}` });
client.on("error", () => {}); // It connects again.
await client.connect();
const io = new Server({ adapter: createAdapter(client),
  connectionStateRecovery: { maxDisconnectionDuration: 60_000 } });
io.on("connection", (socket) => {
  socket.join("all");
  socket.on("say", (text, ack) => { io.to("all").emit("said", text); ack(true); });
});
io.listen(port);
