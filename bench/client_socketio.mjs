// bench/client_socketio.mjs: as client_socketio.cpp, with Node's `socket.io-client`, from
// tests/node_modules. `node client_socketio.mjs PORT [CONNECTIONS 50] [SECONDS 2] [IN_FLIGHT 1] [WARM_UP_SECONDS 0.5]`.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../tests/package.json', import.meta.url));
const { io } = require('socket.io-client');

const [port = 9004, connections = 50, seconds = 2, inFlight = 1, warmUp = 0.5] = process.argv.slice(2).map(Number);
const text = 'x'.repeat(64);
let events = 0;

for (let i = 0; i < connections; i += 1) {
  const socket = io(`http://127.0.0.1:${port}`, { forceNew: true, transports: ['websocket'] });
  const emit = () => socket.emit('echo', text, () => {
    events += 1;
    emit();
  });
  socket.on('connect', () => {
    for (let k = 0; k < inFlight; k += 1) emit();
  });
  socket.on('connect_error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
}

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
setTimeout(() => {
  const measured = events;
  const cpu = cpuSeconds();
  setTimeout(() => {
    const used = cpuSeconds() - cpu;
    const count = events - measured;
    console.log(JSON.stringify({ per_second: Math.round(count / seconds),
      client_us: (used * 1e6) / count, client_busy: used / seconds }));
    process.exit(0);
  }, seconds * 1000);
}, warmUp * 1000);
