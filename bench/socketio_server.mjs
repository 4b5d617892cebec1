// bench/socketio_server.mjs: Node's `socket.io` with its defaults, from tests/node_modules. `node
// --expose-gc socketio_server.mjs PORT` acks `echo` with its argument, and emits `pub` to every
// client. GET /heap answers with the bytes that are in use after a garbage collection.
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

const server = createServer((request, response) => {
  response.end(`${heapBytes()}\n`);
});
server.keepAliveTimeout = 65_000; // Longer than any pause of the load generator.

const io = new Server(server);
io.on('connection', (socket) => {
  socket.on('echo', (text, ack) => ack(text));
  socket.on('pub', (value) => io.emit('pub', value));
});

server.listen({ host: '127.0.0.1', port: Number(process.argv[2] ?? 9004), backlog: 4096 });
