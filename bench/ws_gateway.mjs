// bench/ws_gateway.mjs: a gateway of Node's `ws` and `undici`, from tests/node_modules, as one writes it in an
// afternoon: webhooks in order for each client, actions of the answers, and the control API's send and list.
// `node --expose-gc ws_gateway.mjs PORT APPLICATION_URL KEY`. GET /heap: bytes in use after a collection.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { text as textOf } from 'node:stream/consumers';

const require = createRequire(new URL('../tests/package.json', import.meta.url));
const { WebSocketServer } = require('ws');
const { Pool } = require('undici');

const [port, application, key] = process.argv.slice(2);
const { origin, pathname: path } = new URL(application);
const pool = new Pool(origin, { connections: 256 });
const clients = new Map(); // By connection id.
const users = new Map(); // By name: the set of its clients.

async function post(client, action, data) {
  const body = JSON.stringify({ data, action, user_name: client.user, conn_id: client.id,
    token: client.token, access_public: client.isPublic });
  const headers = { 'content-type': 'application/json', cookie: client.cookie };
  const response = await pool.request({ path, method: 'POST', headers, body });
  const answer = await response.body.text();
  if (response.headers['content-type'] !== 'application/vnd.starling.actions+json') return;
  for (const { send } of JSON.parse(answer).actions) client.socket.send(JSON.stringify(send.payload));
}

// The next webhook of a client leaves when the one before is answered.
function deliver(client, action, data) {
  client.last = client.last.then(() => post(client, action, data)).catch(() => {});
}

function receive(client, text) {
  const message = JSON.parse(text);
  if (message.event === 'ping') client.socket.send('{"event":"pong"}');
  else deliver(client, 'message', message);
}

function connected(socket, { headers }) {
  const user = headers['x-bfl-user'] ?? '';
  const cookie = headers.cookie ?? '';
  const token = /(?:^|; *)auth_token=([^;]*)/.exec(cookie)?.[1];
  const client = { id: randomUUID(), socket, user, cookie, token: token ?? randomUUID(),
    isPublic: token === undefined, agent: headers['user-agent'] ?? '', last: Promise.resolve() };
  clients.set(client.id, client);
  if (!users.has(user)) users.set(user, new Set());
  users.get(user).add(client);
  deliver(client, 'open', {});
  socket.on('message', (data) => receive(client, data.toString()));
  socket.on('error', () => {});
  socket.on('close', () => {
    clients.delete(client.id);
    if (users.get(user).delete(client) && users.get(user).size === 0) users.delete(user);
    deliver(client, 'close', {});
  });
}

function send({ payload, conn_id: id, users: names }) {
  const text = JSON.stringify(payload);
  const found = id ? [clients.get(id)].filter(Boolean) : names.flatMap((name) => [...(users.get(name) ?? [])]);
  for (const client of found) client.socket.send(text);
  return { connections: found.length };
}

const shown = (all) => all.map(({ id, agent }) => ({ id, token: '', userAgent: agent }));
function list() {
  return [...users].sort().map(([name, all]) => {
    const own = shown([...all].filter((client) => !client.isPublic));
    const open = shown([...all].filter((client) => client.isPublic));
    return { name, conns: own, conns_number: own.length, public_conns: open, public_conns_number: open.length };
  });
}

function heapBytes() {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function answer(request, response) {
  if (request.url === '/heap') return response.end(`${heapBytes()}\n`);
  if (request.headers['x-api-key'] !== key) return response.writeHead(401).end();
  const data = request.url === '/tapr/ws/conn/list' ? list() : send(JSON.parse(await textOf(request)));
  const body = JSON.stringify({ code: 0, message: 'success', data });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

const server = createServer(answer);
server.keepAliveTimeout = 65_000; // Longer than any pause of the load generator.
new WebSocketServer({ server, path: '/ws', perMessageDeflate: false, clientTracking: false }).on('connection', connected);
server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 });
