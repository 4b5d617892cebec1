// bench/ws_echo.mjs: Node's `ws` without compression, from tests/node_modules. `node ws_echo.mjs
// PORT` returns each message. `node ws_echo.mjs PORT broadcast` sends each message from /publish to
// all clients at other paths.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../tests/package.json', import.meta.url));
const { WebSocketServer } = require('ws');

const port = Number(process.argv[2] ?? 9003);
const broadcast = process.argv[3] === 'broadcast';
const server = new WebSocketServer({
  host: '127.0.0.1',
  port,
  backlog: 4096,
  perMessageDeflate: false,
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
