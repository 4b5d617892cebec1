// bench/ws_echo.mjs: Node's `ws` from tests/node_modules. `node ws_echo.mjs PORT` returns each message.
// `node ws_echo.mjs PORT broadcast` sends each message from /publish to all clients at other paths. A
// third argument compresses every message: `single`, `takeover`, or `takeover12`, a window of 12 bits.
// With --expose-gc, GET /heap answers with the bytes that are in use after a garbage collection.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../tests/package.json', import.meta.url));
const { WebSocketServer } = require('ws');

const port = Number(process.argv[2] ?? 9003);
const broadcast = process.argv[3] === 'broadcast';
const http = createServer((request, response) => {
  response.statusCode = request.url === '/heap' && globalThis.gc ? 200 : 404;
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  response.end(`${heapUsed + external}\n`);
});
http.keepAliveTimeout = 65_000; // Longer than any pause of the load generator.
const compression = process.argv[4] ?? 'off';
const alone = compression === 'single';  // A message refers only to itself.
const server = new WebSocketServer({
  server: http,
  perMessageDeflate: compression === 'off' ? false
    : {
      threshold: 0,
      serverNoContextTakeover: alone,
      clientNoContextTakeover: alone,
      ...(compression === 'takeover12' ? { serverMaxWindowBits: 12, clientMaxWindowBits: 12 } : {}),
    },
  clientTracking: false,
});
const subscribers = new Set();

function echo(socket) {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
}

function fanOut(socket, path) {
  if (path !== '/publish') {
    subscribers.add(socket);
    socket.on('close', () => subscribers.delete(socket));
  }
  socket.on('message', (data, binary) => {
    for (const subscriber of subscribers) subscriber.send(data, { binary });
  });
}

server.on('connection', (socket, request) => {
  socket.on('error', () => {});
  if (broadcast) fanOut(socket, request.url);
  else echo(socket);
});

http.listen({ host: '127.0.0.1', port, backlog: 4096 });
