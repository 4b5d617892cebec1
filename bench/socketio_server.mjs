// bench/socketio_server.mjs: Node's `socket.io` with its defaults, from tests/node_modules. `node
// --expose-gc socketio_server.mjs PORT [REDIS_URL MODE]` acks `echo` with its argument, emits `pub` to
// every client, and acks `who` with its argument when it has fetched the sockets of all nodes. MODE:
// classic, sharded, streams or streams-recovery, which is streams with connectionStateRecovery. GET /heap answers with the bytes that are in use after a garbage
// collection, GET /sockets with the number of sockets that the last `who` found.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../tests/package.json', import.meta.url));
const { Server } = require('socket.io');

// The heap of V8 and the memory that V8's objects hold outside it, without the sockets of libuv and
// the kernel.
function heapBytes() {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function adapterOf(url, mode) {
  const { createClient } = require('redis');
  const { createAdapter, createShardedAdapter } = require('@socket.io/redis-adapter');
  const { createAdapter: createStreamsAdapter } = require('@socket.io/redis-streams-adapter');
  const [pub, sub] = [createClient({ url }), createClient({ url })];
  await Promise.all([pub.connect(), sub.connect()]);
  if (mode.startsWith('streams')) return createStreamsAdapter(pub);
  return (mode === 'sharded' ? createShardedAdapter : createAdapter)(pub, sub);
}

let found = 0;
const server = createServer((request, response) => {
  response.end(`${request.url === '/sockets' ? found : heapBytes()}\n`);
});
server.keepAliveTimeout = 65_000; // Longer than any pause of the load generator.

const [port = 9004, redis, mode] = process.argv.slice(2);
const io = new Server(server, redis ? { adapter: await adapterOf(redis, mode),
  connectionStateRecovery: mode === 'streams-recovery' ? {} : undefined } : {});
io.on('connection', (socket) => {
  socket.on('echo', (text, ack) => ack(text));
  socket.on('pub', (value) => io.emit('pub', value));
  socket.on('who', async (text, ack) => {
    found = (await io.fetchSockets()).length;
    ack(text);
  });
});

server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 });
